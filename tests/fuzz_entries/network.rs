//! Both roles on a network that belongs to the attacker: the input is a script of what is delivered where, altered, replayed,
//! reordered, spliced, or held back while the clock moves.

use super::roles::parties;
use super::{rng, world};
use crate::common::{NOW, Seeded, exported};
use ibake::ibake::guard::Guard;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, Exchange, Responder, Role, Session, start};
use ibake::suite::Suite;

/// Steps that cost pairings in one run.
const DEAR: usize = 12;
const STARTS: usize = 2;

struct Network {
    rng: Seeded,
    guard: Guard,
    now: u64,
    /// Messages on the wire, and whether one of the ends made them.
    wire: Vec<(Vec<u8>, bool)>,
    initiators: Vec<Exchange>,
    responders: Vec<Exchange>,
    sessions: Vec<Session>,
    dear: usize,
}

/// One byte each: operation in the top three bits, then its arguments.
pub fn exchange(data: &[u8]) {
    let mut rng = rng();
    let guard = Guard::new(10, 10, &mut rng).unwrap();
    let mut n = Network {
        rng,
        guard,
        now: NOW,
        wire: vec![],
        initiators: vec![],
        responders: vec![],
        sessions: vec![],
        dear: 0,
    };
    let mut bytes = data.iter().copied();
    while n.dear < DEAR && n.step(&mut bytes).is_some() {}
    n.check();
}

impl Network {
    fn step(&mut self, bytes: &mut impl Iterator<Item = u8>) -> Option<()> {
        let op = bytes.next()?;
        let arg = usize::from(op & 0x1f);
        match op >> 5 {
            0 => self.begin(Suite::PREFERENCE[arg % 5]),
            1 => self.answer(arg),
            2 => self.deliver(usize::from(bytes.next()?), arg, false),
            3 => self.deliver(usize::from(bytes.next()?), arg, true),
            4 => {
                let (at, xor) = ((usize::from(bytes.next()?) << 8) | usize::from(bytes.next()?), bytes.next()?);
                self.forge(arg, |m| {
                    let at = at % m.len();
                    m[at] ^= xor;
                });
            }
            5 => {
                let (other, at) = (usize::from(bytes.next()?), usize::from(bytes.next()?) * 8);
                let other = self.wire.get(other % self.wire.len().max(1))?.0.clone();
                self.forge(arg, |m| {
                    m.truncate(at.min(m.len()));
                    m.extend(other.get(at..).unwrap_or(&[]));
                });
            }
            6 => self.now = if arg & 16 == 0 { self.now + 7 * arg as u64 } else { self.now - 7 * (arg as u64 - 16) },
            _ => self.store(),
        }
        Some(())
    }

    fn begin(&mut self, suite: Suite) {
        if self.initiators.len() == STARTS {
            return;
        }
        self.dear += 1;
        let (alice, _, to_bob) = parties();
        let config = Config { suites: vec![suite], send_hint: self.initiators.is_empty(), ..Config::default() };
        let begun = start(&config, suite, alice, &world().a.parameters, to_bob, self.now, &mut self.rng);
        let (i, m1) = begun.unwrap();
        self.initiators.push(Exchange::AwaitM2(i));
        self.wire.push((m1, true));
    }

    fn answer(&mut self, which: usize) {
        let Some((m1, honest)) = self.wire.get(which % self.wire.len().max(1)).cloned() else { return };
        self.dear += 1;
        let (config, w) = (Config::default(), world());
        let bob = Responder { config: &config, keys: parties().1, parameters: &w.parameters, peers: &() };
        if let Ok((r, m2)) = bob.accept(&mut self.guard, &m1, self.now, &mut self.rng) {
            assert!(honest && m1[4] == 1, "an answer to what nobody sent");
            self.responders.push(Exchange::AwaitM3(r));
            self.wire.push((m2, true));
        }
    }

    fn deliver(&mut self, which: usize, to: usize, to_responder: bool) {
        let Some((m, honest)) = self.wire.get(which % self.wire.len().max(1)).cloned() else { return };
        let table = if to_responder { &mut self.responders } else { &mut self.initiators };
        let n = table.len().max(1);
        let Some(end) = table.get_mut(to % n) else { return };
        self.dear += 1;
        let (config, w) = (Config::default(), world());
        let (alice, bob, _) = parties();
        let keys = if to_responder { bob } else { std::slice::from_ref(alice) };
        let own = Responder { config: &config, keys, parameters: &w.parameters, peers: &() };
        match end.step(&own, &mut self.guard, &m, b"data", self.now, &mut self.rng) {
            Ok(step) => {
                assert!(honest, "a step on what nobody sent");
                self.wire.extend(step.send.map(|m| (m, true)));
                self.sessions.extend(end.take_session());
            }
            Err(_) => assert!(matches!(end, Exchange::Closed), "a failed step ends the exchange"),
        }
    }

    fn forge(&mut self, which: usize, alter: impl FnOnce(&mut Vec<u8>)) {
        if self.wire.len() > 40 {
            return;
        }
        let Some((mut m, _)) = self.wire.get(which % self.wire.len().max(1)).cloned() else { return };
        if m.is_empty() {
            return;
        }
        alter(&mut m);
        let honest = self.wire.iter().any(|(w, h)| *h && *w == m);
        self.wire.push((m, honest));
    }

    /// Every half-open state goes through its serial form.
    fn store(&mut self) {
        for end in self.initiators.iter_mut().chain(&mut self.responders) {
            *end = match std::mem::replace(end, Exchange::Closed) {
                Exchange::AwaitM2(s) => Exchange::AwaitM2(AwaitM2::from_bytes(s.to_bytes().expose()).unwrap()),
                Exchange::AwaitM3(s) => Exchange::AwaitM3(AwaitM3::from_bytes(s.to_bytes().expose()).unwrap()),
                other => other,
            };
        }
    }

    /// Who believes to have finished with somebody has, with the same keys and string, and nobody else has them.
    fn check(&self) {
        for s in &self.sessions {
            let same: Vec<_> = self.sessions.iter().filter(|o| o.id() == s.id()).collect();
            assert!(same.len() <= 2, "one exchange, two ends");
            assert!(s.role() == Role::Responder || same.len() == 2, "confirmed, but by nobody");
            for o in &same {
                assert_eq!(exported(o), exported(s));
                assert_eq!(o.authentication_string().value(), s.authentication_string().value());
                assert_eq!((o.initiator(), o.responder(), o.suite()), (s.initiator(), s.responder(), s.suite()));
            }
            let other = self.sessions.iter().filter(|o| o.id() != s.id());
            assert!(other.into_iter().all(|o| exported(o) != exported(s)));
        }
    }
}

pub fn exchange_seeds() -> Vec<Vec<u8>> {
    let honest = |suite: u8| vec![suite, 0x20, 0x40, 1, 0x60, 2, 0x40, 3];
    let mut out: Vec<_> = (0..5).map(honest).collect();
    // Stored in between; two at once, crossed; altered and spliced; late.
    out.push(vec![3, 0xe0, 0x20, 0xe0, 0x40, 1, 0x60, 2, 0x40, 3]);
    out.push(vec![3, 3, 0x20, 0x21, 0x40, 3, 0x41, 2, 0x60, 2, 0x61, 3]);
    out.push(vec![3, 0x20, 0x81, 0, 60, 1, 0x40, 2, 0xa0, 1, 20, 0x21]);
    out.push(vec![3, 0x20, 0xc9, 0x40, 1]);
    out
}
