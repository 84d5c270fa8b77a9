//! What only the other end itself can forge, because its V is right.

use ibake::error::Error;
use ibake::mikey::call::{Answering, As, CallError, CallRefusal, Demand, End, Reply};
use ibake::mikey::numbers::MacAlg;
use ibake::mikey::{self, EccPoint, Header, Message, Payload};

use crate::attacks::{agreed, own_share, rand_of, replace_share, x_of};
use crate::common::{ALICE, CAROL, NOW};
use crate::forged::{inside, last_message, open, payloads, points, tagged};
use crate::scene::{SUITE, Scene, as_dialled, session};

#[test]
fn other_share_echoed_by_who_has_the_keys() {
    // The other end itself, with a modified program: its V is right, and what it echoes is not what alice sent.
    let v = Payload::V(mikey::Verification { alg: MacAlg::HMAC_SHA_256_256, data: &[0; 32] });
    let other = own_share(9);
    let wrong = |p: &EccPoint<'static>| Payload::EccPoint(EccPoint { point: other.share().as_bytes(), ..*p });
    let leak = |m: &[u8]| -> &'static [u8] { Box::leak(m.to_vec().into_boxed_slice()) };
    let to = Scene::new("echo").a.recipient(ALICE, NOW);

    // R_MESSAGE_2 of a retargeted call.
    let mut s = Scene::with("echo", Demand::Rfc6267);
    s.settings_r.suites = vec![SUITE];
    let carol = vec![s.a.issue(CAROL, NOW)];
    let (dialled, i1) = s.dial();
    let (_, r1) = s.answer(&carol, &i1, &Answering { identity: As::Retargeted(&carol[0]), ssrcs: &[] }).unwrap();
    let (r1, secret) = replace_share(&mut s, &r1);
    let Reply::Other(answered) = s.alice_hears(dialled, &r1).unwrap() else { panic!("as dialled") };
    let (mut waiting, i2) = s.alice_goes_on(answered.accept());
    let i2 = leak(&i2);
    let plain: &'static _ = Box::leak(Box::new(open(i2, &carol[0]).0));
    let chain = inside(plain);
    let x = points(&chain)[0];
    let k_session = agreed(&secret, x.point);
    let message = Message::parse(i2).unwrap();
    let header = Header { data_type: mikey::numbers::DataType::R_MESSAGE_2, v: false, ..*message.header() };
    let mut all = payloads(&message);
    all.retain(|p| !matches!(p, Payload::Rand(_) | Payload::Esk(_)));
    all.push(v);
    let keys = (&k_session[..], &rand_of(&i1)[..]);
    let bad = tagged(&header, &all, &[chain[0], wrong(&x)], &to, keys, &mut s.rng);
    let (e, state) = s.alice_ends(waiting, &bad).map(drop).unwrap_err();
    assert_eq!(e, Error::Decrypt.into());
    waiting = state.unwrap();
    all.retain(|p| !matches!(p, Payload::Ibake(_)));
    let (e, state) = s.alice_ends(waiting, &last_message(i2, keys.0, keys.1)).map(drop).unwrap_err();
    assert!(matches!(e, CallError::Message(mikey::Error::Refused(_))), "none at all: {e:?}");
    let good = tagged(
        &header,
        &[&all[..all.len() - 1], &[Payload::Ibake(&[]), v]].concat(),
        &[chain[0], Payload::EccPoint(x)],
        &to,
        keys,
        &mut s.rng,
    );
    assert!(s.alice_ends(state.unwrap(), &good).is_ok());

    // R_MESSAGE_1 of an update.
    let mut s = Scene::with("echo", Demand::Rfc6267);
    let (dialled, i1) = s.dial();
    let (_, r1) = s.bob_answers(&i1).unwrap();
    let x = x_of(&r1, &s);
    let (r1, secret) = replace_share(&mut s, &r1);
    let ready = as_dialled(s.alice_hears(dialled, &r1).unwrap());
    let (waiting, i2) = s.alice_goes_on(ready);
    let k_session = agreed(&secret, &x);
    let keys = (&k_session[..], &rand_of(&i1)[..]);
    let mut alice = session(s.alice_ends(waiting, &last_message(&i2, keys.0, keys.1)).unwrap());
    let trust = s.trust();
    let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    let update = leak(&alice.update(&end, &Default::default(), NOW, &mut s.rng).unwrap());
    let plain: &'static _ = Box::leak(Box::new(open(update, &s.bob[0]).0));
    let chain = inside(plain);
    let x = points(&chain)[0];
    let message = Message::parse(update).unwrap();
    let header = Header { data_type: mikey::numbers::DataType::R_MESSAGE_1, v: false, ..*message.header() };
    let all = payloads(&message);
    let y = Payload::EccPoint(EccPoint { point: own_share(3).share().as_bytes().to_vec().leak(), ..x });
    let bad = tagged(&header, &all, &[chain[0], wrong(&x), chain[2], y], &to, keys, &mut s.rng);
    assert_eq!(alice.receive(&end, &bad, NOW, &mut s.rng).unwrap_err(), Error::Decrypt.into());
    let good = tagged(&header, &all, &[chain[0], Payload::EccPoint(x), chain[2], y], &to, keys, &mut s.rng);
    assert!(alice.receive(&end, &good, NOW, &mut s.rng).is_ok());

    // An update of the other end's own, with the T of the last one, and with a later one.
    let k_session = agreed(own_share(3).secret_bytes().expose(), x.point);
    let t = message.timestamp().unwrap();
    let mut names: Vec<_> = all.iter().copied().filter(|p| matches!(p, Payload::Idr(_))).collect();
    names.reverse();
    let rest = all.iter().copied().filter(|p| !matches!(p, Payload::T(_) | Payload::Idr(_)));
    let rest: Vec<_> = rest.collect();
    for (more, accepted) in [(0, false), (1, true)] {
        let t = mikey::Timestamp { value: t.value + more, ..t };
        let all = [&[Payload::T(t)][..], &names, &rest].concat();
        let keys = (&k_session[..], &rand_of(&i1)[..]);
        let header = Header { v: true, ..*message.header() };
        let update = tagged(&header, &all, &[chain[2], y, chain[0]], &to, keys, &mut s.rng);
        let got = alice.receive(&end, &update, NOW, &mut s.rng).map(drop);
        assert_eq!(got, if accepted { Ok(()) } else { Err(CallRefusal::NotLater.into()) });
    }
}
