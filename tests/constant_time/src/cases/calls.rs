//! Every step of a call by MIKEY-IBAKE: all private keys and everything that is drawn bear the mark, but for CSB ID, RAND and
//! timestamp; a message loses it when it is sent.

use ibake::ibe::name::Name;
use ibake::ibe::params::PublicParameters;
use ibake::mikey::call::{
    Answering, As, CallOffer, ContentKey, Delivered, DepositLog, End, Outcome, ReplayCache, Reply, Session,
    SessionOffer, Settings,
};
use ibake::secret::Secret;
use ibake::srtp::Profile;
use ibake::suite::Suite;

use super::Case;
use super::world::{NOW, Side, alice, bob, mailbox};
use crate::probe::Probe;

pub const CASES: &[Case] = &[
    ("dialled-p256-mlkem768-aes256gcm", |p| call(p, Suite::P256MlKem768Aes256Gcm, bob())),
    ("dialled-x25519-chacha20poly1305", |p| call(p, Suite::X25519ChaCha20Poly1305, bob())),
    ("retargeted-p256-aes256gcm", |p| call(p, Suite::P256Aes256Gcm, mailbox())),
];

/// The steps; each is a case of its own, named after the step and the call.
pub const STEPS: &[&str] = &["i1", "r1", "i2", "r2", "end", "esk"];

fn call(p: &Probe, suite: Suite, answers: &'static Side) {
    let dialled = answers.name() == bob().name();
    let kind = if dialled { "dialled" } else { "retargeted" };
    let mut steps = STEPS.iter();
    let mut step = || p.step(format!("call-{}-{kind}-{}", steps.next().unwrap_or(&""), suite.name()));
    let settings = Settings { suites: vec![suite], ..Settings::default() };
    let trust = |name: &Name, _: u64| -> Option<PublicParameters> {
        [alice(), bob(), mailbox()].into_iter().find(|s| s.name() == name).map(|s| s.parameters.clone())
    };
    let sessions = [Some(1), None].map(|ssrc| SessionOffer { ssrc, profiles: vec![Profile::AeadAes256Gcm] });
    let offer = CallOffer::new(suite, sessions.to_vec());

    step();
    let ours = [alice().key(p), alice().signing_key(p)];
    let end = End { settings: &settings, keys: &ours, directory: &trust };
    let (state, i1) = end.call(ours[0].identity(), bob().name(), &offer, NOW, &mut p.rng()).expect("I_MESSAGE_1");
    sent(p, &i1);
    step();
    let theirs = [answers.key(p)];
    let other = End { settings: &settings, keys: &theirs, directory: &trust };
    let identity = if dialled { As::Dialled } else { As::Retargeted(&theirs[0]) };
    let how = Answering { identity, ssrcs: &[2] };
    let (half, r1) = other.answer(&mut ReplayCache::new(2), &i1, &how, NOW, &mut p.rng()).expect("R_MESSAGE_1");
    sent(p, &r1);
    step();
    let ready = match state.receive(&end, &r1, NOW, &mut p.rng()).expect("the answer") {
        Reply::AsDialled(ready) => ready,
        Reply::Other(answered) => answered.accept(),
    };
    // The one who opened the first message gets a key that was there before, the one who did not leaves a fresh one.
    let (waiting, i2) = match dialled {
        true => ready.proceed_with(&end, &ContentKey::new(Secret::new(p.secret_array([9; 32]))), NOW, &mut p.rng()),
        false => ready.proceed(&end, NOW, &mut p.rng()),
    }
    .expect("I_MESSAGE_2");
    sent(p, &i2);
    step();
    let (outcome, r2) = half.receive(&other, &i2, NOW, &mut p.rng()).expect("R_MESSAGE_2");
    let responder = keys(p, outcome);
    sent(p, &r2);
    step();
    let initiator = keys(p, waiting.receive(&end, &r2, NOW).expect("the end"));
    p.tainted(initiator.sent().expect("an ESK").content().key().secret().expose());
    step();
    let last = [bob().key(p)];
    let end = End { settings: &settings, keys: &last, directory: &trust };
    let deposit = responder.deposit().expect("an ESK");
    let delivered = deposit.open(&end, &mut DepositLog::new(2, 10), NOW).expect("it is for bob");
    let Delivered::BySender(content) = delivered else { panic!("it was signed") };
    p.tainted(content.key().secret().expose());
    p.tainted(content.media(1, Profile::AeadAes256Gcm).expect("lengths").key_and_salt());
}

/// A message: sealed, so it bears the mark, until it is sent.
fn sent(p: &Probe, message: &[u8]) {
    p.tainted_in_part(message);
    p.public(message);
}

/// The keys of a finished call, which are secret.
fn keys(p: &Probe, outcome: Outcome) -> Session {
    let (Outcome::Bound(session) | Outcome::BoundUnopened(session)) = outcome else { panic!("bound is demanded") };
    p.tainted(session.keys().tgk().expose());
    for (_, keys) in session.media() {
        p.tainted(keys.key_and_salt());
    }
    session
}
