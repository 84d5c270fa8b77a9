//! Every step of the exchange, for each suite: both private keys and everything that is drawn bear the mark; a message loses
//! it when it is sent.

use ibake::ibake::guard::Guard;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, Responder, Session, start};
use ibake::suite::Suite;

use super::Case;
use super::world::{NOW, alice, bob};
use crate::probe::{Plain, Probe};

pub const CASES: &[Case] = &[
    ("p256-mlkem768-aes256gcm", |p| exchange(p, Suite::P256MlKem768Aes256Gcm)),
    ("p521-aes256gcm", |p| exchange(p, Suite::P521Aes256Gcm)),
    ("p384-aes256gcm", |p| exchange(p, Suite::P384Aes256Gcm)),
    ("x25519-chacha20poly1305", |p| exchange(p, Suite::X25519ChaCha20Poly1305)),
    ("p256-aes256gcm", |p| exchange(p, Suite::P256Aes256Gcm)),
];

/// The steps; each is a case of its own, named after the step and the suite.
pub const STEPS: &[&str] =
    &["start", "state-i", "accept", "state-r", "receive-m2", "receive-m3", "receive-m4", "export", "string"];

fn exchange(p: &Probe, suite: Suite) {
    let mut steps = STEPS.iter();
    let mut step = || p.step(format!("exchange-{}-{}", steps.next().unwrap_or(&""), suite.name()));
    let (a, b) = (alice(), bob());
    let config = Config { suites: vec![suite], ..Config::default() };
    // The keys of the guard's tables protect against floods and are no secrets of the exchange.
    let mut guard = Guard::new(10, 10, &mut Plain(std::cell::Cell::new(1))).expect("the generator works");
    let parameters = vec![a.parameters.clone(), b.parameters.clone()];
    let (to_alice, to_bob) = (vec![a.recipient()], b.recipient());

    step();
    let own = a.key(p);
    let (state, m1) = start(&config, suite, &own, &a.parameters, &to_bob, NOW, &mut p.rng()).expect("M1");
    p.tainted_in_part(&m1);
    p.public(&m1);
    step();
    let saved = state.to_bytes();
    p.tainted_in_part(saved.expose());
    let state = AwaitM2::from_bytes(saved.expose()).expect("what was saved");
    step();
    let keys = [b.key(p)];
    let responder = Responder { config: &config, keys: &keys, parameters: &parameters, peers: &to_alice };
    let (waiting, m2) = responder.accept(&mut guard, &m1, NOW, &mut p.rng()).expect("M2");
    p.tainted_in_part(&m2);
    p.public(&m2);
    step();
    let saved = waiting.to_bytes();
    p.tainted_in_part(saved.expose());
    let waiting = AwaitM3::from_bytes(saved.expose()).expect("what was saved");
    step();
    let (state, m3) = state.receive(&m2, &own, &to_bob, &p.secret_array([1; 20]), NOW, &mut p.rng()).expect("M3");
    p.tainted_in_part(&m3);
    p.public(&m3);
    step();
    let (session_r, data, m4) = waiting.receive(&m3, &keys, &p.secret_array([2; 30]), &mut guard, NOW).expect("M4");
    p.tainted(data.expose());
    p.tainted_in_part(&m4);
    p.public(&m4);
    step();
    let (session_i, data) = state.receive(&m4, NOW).expect("the end");
    p.tainted(data.expose());
    step();
    let (i, r) = (exported(p, &session_i), exported(p, &session_r));
    step();
    let value = session_i.authentication_string().value();
    p.tainted(&value.to_be_bytes());
    let (words, digits) = (session_i.authentication_string().words(), session_i.authentication_string().digits());
    assert!(words.iter().all(|w| !w.is_empty()) && digits.len() == 12);
    p.public(&i);
    p.public(&r);
    assert_eq!(i, r);
}

fn exported(p: &Probe, session: &Session) -> [u8; 32] {
    let mut out = [0; 32];
    session.export(b"test", b"context", &mut out).expect("short enough");
    p.tainted(&out);
    out
}
