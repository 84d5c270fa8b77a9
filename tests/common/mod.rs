//! Two districts and their users, and a generator with a seed.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each test file uses its part

pub mod wire;

use ibake::ibake::guard::Guard;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, Responder, Session, start};
use ibake::ibe::district::District;
use ibake::ibe::extract::{Issuer, MasterKey, PrivateKey};
use ibake::ibe::identity::{Identity, Purpose};
use ibake::ibe::kem::Recipient;
use ibake::ibe::name::Name;
use ibake::ibe::params::{Description, PublicParameters};
use ibake::ibe::period::Granularity;
use ibake::suite::Suite;
use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

/// 2026-11-21 12:00:00 UTC.
pub const NOW: u64 = 1_795_262_400;
pub const DAY: u64 = 86_400;

/// SHA-256 in counter mode under a seed: the same bytes in every run.
#[derive(Clone)]
pub struct Seeded {
    seed: [u8; 32],
    counter: u64,
    pub drawn: Vec<Vec<u8>>,
}

impl Seeded {
    pub fn new(seed: &str) -> Self {
        Self { seed: Sha256::digest(seed).into(), counter: 0, drawn: Vec::new() }
    }
}

impl TryRng for Seeded {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut b = [0; 4];
        self.try_fill_bytes(&mut b)?;
        Ok(u32::from_be_bytes(b))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut b = [0; 8];
        self.try_fill_bytes(&mut b)?;
        Ok(u64::from_be_bytes(b))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(32) {
            let block = Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize();
            self.counter += 1;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        self.drawn.push(out.to_vec());
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}

/// One district: its issuer and parameters.
pub struct Kgs {
    pub issuer: Issuer,
    pub parameters: PublicParameters,
}

impl Kgs {
    pub fn new(district: &str, serial: u64, granularity: Granularity, rng: &mut Seeded) -> Self {
        let description = Description {
            district: District::parse(district).unwrap(),
            serial,
            not_before: NOW - 400 * DAY,
            not_after: NOW + 400 * DAY,
            granularity,
            pkg_uri: None,
        };
        let master = MasterKey::generate(rng).unwrap();
        let parameters = master.public_parameters(description).unwrap();
        Self { issuer: master.issuer(parameters.clone()).unwrap(), parameters }
    }

    pub fn identity(&self, name: &str, at: u64) -> Identity {
        self.parameters.identity(Name::parse(name).unwrap(), Purpose::Decrypt, at).unwrap()
    }

    pub fn issue(&self, name: &str, at: u64) -> PrivateKey {
        self.issuer.extract(&self.identity(name, at)).unwrap()
    }

    pub fn recipient(&self, name: &str, at: u64) -> Recipient {
        Recipient::new(&self.parameters, &self.identity(name, at)).unwrap()
    }
}

/// District A (days) with alice and carol, district B (weeks) with bob and dave.
pub struct World {
    pub rng: Seeded,
    pub a: Kgs,
    pub b: Kgs,
    pub alice: PrivateKey,
    pub bob: PrivateKey,
    pub parameters: Vec<PublicParameters>,
}

pub const ALICE: &str = "sip:alice@a.example";
pub const BOB: &str = "tel:+15551234567";
pub const CAROL: &str = "sips:carol@a.example";

impl World {
    pub fn new(seed: &str) -> Self {
        let mut rng = Seeded::new(seed);
        let a = Kgs::new("https://kgs.a.example", 7, Granularity::Day, &mut rng);
        let b = Kgs::new("https://kgs.b.example", 1, Granularity::Week, &mut rng);
        let (alice, bob) = (a.issue(ALICE, NOW), b.issue(BOB, NOW));
        let parameters = vec![a.parameters.clone(), b.parameters.clone()];
        Self { rng, a, b, alice, bob, parameters }
    }

    pub fn guard(&mut self) -> Guard {
        Guard::new(1000, 1000, &mut self.rng).unwrap()
    }

    /// Alice calls bob; both states after M2, and what they need to go on.
    pub fn half_open(&mut self, suite: Suite) -> HalfOpen {
        let config = Config { suites: vec![suite], ..Config::default() };
        let (peer, keys, mut guard) = (self.b.recipient(BOB, NOW), [self.b.issue(BOB, NOW)], self.guard());
        let (i, m1) = start(&config, suite, &self.alice, &self.a.parameters, &peer, NOW, &mut self.rng).unwrap();
        let responder = Responder { config: &config, keys: &keys, parameters: &self.parameters, peers: &() };
        let (r, m2) = responder.accept(&mut guard, &m1, NOW, &mut self.rng).unwrap();
        HalfOpen { config, peer, keys, guard, i, r, m1, m2 }
    }

    /// A whole exchange between alice and bob; also gives the recorded messages.
    pub fn call(&mut self, suite: Suite) -> (Session, Session, [Vec<u8>; 4]) {
        let HalfOpen { peer, keys, mut guard, i, r, m1, m2, .. } = self.half_open(suite);
        let (i, m3) = i.receive(&m2, &self.alice, &peer, b"", NOW, &mut self.rng).unwrap();
        let (r, _, m4) = r.receive(&m3, &keys, b"", &mut guard, NOW).unwrap();
        let (i, _) = i.receive(&m4, NOW).unwrap();
        (i, r, [m1, m2, m3, m4])
    }
}

/// An exchange after M2.
pub struct HalfOpen {
    pub config: Config,
    pub peer: Recipient,
    pub keys: [PrivateKey; 1],
    pub guard: Guard,
    pub i: AwaitM2,
    pub r: AwaitM3,
    pub m1: Vec<u8>,
    pub m2: Vec<u8>,
}

/// A key exported from a session.
pub fn exported(session: &Session) -> [u8; 32] {
    let mut out = [0; 32];
    session.export(b"test", b"context", &mut out).unwrap();
    out
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// One exchange per suite, every random byte from [`Seeded`]: the first group of `vectors/ibake/exchange.json`.
pub fn exchanges() -> serde_json::Value {
    let mut w = World::new("exchange vectors");
    let cases: Vec<_> = Suite::PREFERENCE
        .into_iter()
        .map(|suite| {
            w.rng.drawn.clear();
            let (i, _, messages) = w.call(suite);
            let [m1, m2, m3, m4] = messages.each_ref().map(|m| hex(m));
            serde_json::json!({
                "suite": suite.name(),
                "randomness": w.rng.drawn.iter().map(|d| hex(d)).collect::<Vec<_>>(),
                "M1": m1, "M2": m2, "M3": m3, "M4": m4,
                "export(test, context, 32)": hex(&exported(&i)),
                "authentication_string": i.authentication_string().value(),
                "words": i.authentication_string().words(),
            })
        })
        .collect();
    serde_json::json!({
        "now": NOW,
        "parameters": w.parameters.iter().map(|p| hex(&p.to_der())).collect::<Vec<_>>(),
        "private_key_I": hex(w.alice.to_bytes().expose()),
        "private_key_R": hex(w.bob.to_bytes().expose()),
        "cases": cases,
    })
}
