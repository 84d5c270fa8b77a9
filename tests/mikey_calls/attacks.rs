//! Attacks on calls, each by its name. Those that a profile does not answer succeed here, so that its result type is no mere
//! claim.

use ibake::dh::{KeyPair, Share};
use ibake::encoding::lp;
use ibake::error::{Error, KeyError, PeerError};
use ibake::kdf::{Prk, hash, label};
use ibake::mikey::call::{
    Answering, As, BOUND_EXTENSION, BOUND_SENTINEL, CallError, CallRefusal, Demand, End, Outcome, ReplayCache, Reply,
};
use ibake::mikey::numbers::{IdRole, IdType, MacAlg, ProtType};
use ibake::mikey::{self, CsIdMap, EccPoint, GenericId, GenericIds, Header, Id, IdR, Message, Payload, Policy};
use ibake::secret::Secret;
use ibake::srtp::Profile;
use ibake::suite::Group;

use crate::common::{ALICE, BOB, CAROL, NOW};
use crate::forged::{inside, last_message, open, payloads, points, sealed_again, sealed_bytes, tgk};
use crate::scene::{DESK, MALLORY, SUITE, Scene, as_dialled, demand, offer, session};

pub(crate) fn own_share(seed: u8) -> KeyPair {
    KeyPair::from_seed(Group::P256, &Secret::new([seed; 96]))
}

/// The script: with alice's private key, open the answer, put another share in, seal it again. Gives the message and the
/// secret of the share.
pub(crate) fn replace_share(s: &mut Scene, r1: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (plain, _) = open(r1, &s.alice[0]);
    let chain = inside(&plain);
    let mine = own_share(77);
    let last = chain.len() - 1;
    let mut within = chain.clone();
    within[last] =
        Payload::EccPoint(EccPoint { point: mine.share().as_bytes(), ..points(&chain)[points(&chain).len() - 1] });
    let message = Message::parse(r1).unwrap();
    let to = s.a.recipient(ALICE, NOW);
    let forged = sealed_again(message.header(), &payloads(&message), &within, &to, &mut s.rng);
    (forged, mine.secret_bytes().expose().to_vec())
}

/// What the attacker computes: K_SESSION with X, which stands in R_MESSAGE_1 that alice's key opens (or in what he saw of it).
pub(crate) fn agreed(secret: &[u8], x: &[u8]) -> Vec<u8> {
    let mine = KeyPair::from_secret_bytes(Group::P256, secret).unwrap();
    mine.agree_point(&Share::decode(Group::P256, x).unwrap()).unwrap().expose().to_vec()
}

pub(crate) fn x_of(r1: &[u8], s: &Scene) -> Vec<u8> {
    let (plain, _) = open(r1, &s.alice[0]);
    points(&inside(&plain))[0].point.to_vec()
}

/// K_BOUND of SPEC.md 13.10, from what the attacker has; he puts zeros where he has nothing.
fn k_bound(messages: [&[u8]; 3], secrets: [&[u8]; 4]) -> Vec<u8> {
    let salt = hash(&[&lp(messages[0]), messages[0], &lp(messages[1]), messages[1], &lp(messages[2]), messages[2]]);
    let ikm: Vec<u8> = secrets.iter().flat_map(|s| [&lp(s)[..], s].concat()).collect();
    Prk::extract(&salt, &[&ikm]).expand::<32>(&[label("mikey bound").as_ref()]).expose().to_vec()
}

/// Whether the attacker ends with alice's TGK in a call answered by these keys as this.
fn kci(d: Demand, branch: bool) -> bool {
    let mut s = Scene::with("kci", d);
    let desk = vec![s.b.issue(DESK, NOW), s.b.issue(BOB, NOW)];
    let (dialled, i1) = s.dial();
    let (_, r1) = match branch {
        true => s.answer(&desk, &i1, &Answering { identity: As::Branch(&desk[0]), ssrcs: &[] }).unwrap(),
        false => s.bob_answers(&i1).unwrap(),
    };
    let x = x_of(&r1, &s);
    let (forged, secret) = replace_share(&mut s, &r1);
    let ready = match s.alice_hears(dialled, &forged).unwrap() {
        Reply::AsDialled(ready) => ready,
        Reply::Other(answered) => {
            assert!(branch && answered.opened_first());
            answered.accept()
        }
    };
    let (waiting, i2) = s.alice_goes_on(ready);
    let rand = Message::parse(&i1).unwrap().rand().unwrap().to_vec();
    let k_session = agreed(&secret, &x);
    // In `bound` he has K_R1, which he made, and neither K_I1 nor K_I2, which are sealed to the other end; in a fork somebody
    // with the common key may tell him K_I1.
    let k_r1 = open(&forged, &s.alice[0]).1;
    let k_i1 = if branch { open(&i1, &desk[1]).1 } else { [0; 32] };
    let guess = match d {
        Demand::Rfc6267 => k_session,
        _ => k_bound([&i1, &forged, &i2], [&k_session, &k_i1, &k_r1, &[0; 32]]),
    };
    let r2 = last_message(&i2, &guess, &rand);
    match s.alice_ends(waiting, &r2) {
        Ok(outcome) => {
            assert!(matches!(outcome, Outcome::Rfc6267(_)), "its type says what it lacks");
            session(outcome).keys().tgk().expose() == tgk(&guess, &rand)
        }
        Err((e, _)) => {
            assert_eq!(e, mikey::Error::Unauthentic.into());
            false
        }
    }
}

#[test]
fn kci_initiator_key_stolen() {
    assert!(kci(Demand::Rfc6267, false), "the RFC to the letter");
    assert!(!kci(Demand::Bound, false));
    assert!(kci(Demand::Rfc6267, true), "a branch of a fork");
    assert!(!kci(Demand::Bound, true));
}

#[test]
fn kci_control_the_formula_of_the_attacker_is_the_right_one() {
    // With all four secrets the attacker's own formula gives the keys; so it is K_I2 alone that he lacked.
    let mut s = Scene::new("kci control");
    let call = s.call(&offer(SUITE));
    let [i1, r1, i2, _] = &call.messages.clone();
    let k = [open(i1, &s.bob[0]).1, open(r1, &s.alice[0]).1, open(i2, &s.bob[0]).1];
    let rand = Message::parse(i1).unwrap().rand().unwrap().to_vec();
    let (i, _) = call.sessions();
    // K_SESSION is not to be had from outside; here everything else is right and the result differs, and with the K_SESSION of a
    // call of our own making it is the same.
    let wrong = k_bound([i1, r1, i2], [&[0; 65], &k[0], &k[1], &k[2]]);
    assert_ne!(tgk(&wrong, &rand), i.keys().tgk().expose());
    let mut s = Scene::new("kci control");
    let (dialled, i1) = s.dial();
    let (_, r1) = s.bob_answers(&i1).unwrap();
    let x = x_of(&r1, &s);
    let (forged, secret) = replace_share(&mut s, &r1);
    let ready = as_dialled(s.alice_hears(dialled, &forged).unwrap());
    let (waiting, i2) = s.alice_goes_on(ready);
    let k = [open(&i1, &s.bob[0]).1, open(&forged, &s.alice[0]).1, open(&i2, &s.bob[0]).1];
    let all = k_bound([&i1, &forged, &i2], [&agreed(&secret, &x), &k[0], &k[1], &k[2]]);
    let r2 = last_message(&i2, &all, &rand_of(&i1));
    let Ok(Outcome::Bound(ours)) = s.alice_ends(waiting, &r2) else { panic!("whoever has both keys is bob") };
    // The worked values of SPEC.md 13.10.5.
    let salt = hash(&[&lp(&i1), &i1, &lp(&forged), &forged, &lp(&i2), &i2]);
    let rows = [
        ("CSB ID", ours.csb_id().to_be_bytes().to_vec()),
        ("RAND", rand_of(&i1)),
        ("H(messages)", salt.to_vec()),
        ("K_SESSION", agreed(&secret, &x)),
        ("K_I1", k[0].to_vec()),
        ("K_R1", k[1].to_vec()),
        ("K_I2", k[2].to_vec()),
        ("K_BOUND", all),
        ("TGK", ours.keys().tgk().expose().to_vec()),
        ("TEK, salt 1", ours.keys().srtp(1).unwrap().key_and_salt().to_vec()),
    ];
    let spec = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/SPEC.md")).unwrap();
    let rows = rows.map(|(name, value)| format!("{name:<12} {}", crate::common::hex(&value)));
    let missing: Vec<_> = rows.iter().filter(|row| !spec.contains(*row)).collect();
    assert!(missing.is_empty(), "SPEC.md has no such values:\n{}", rows.join("\n"));
}

#[test]
fn whatever_is_under_a_seal_is_refused_or_means_the_same() {
    // Somebody seals to bob in alice's name, with one bit of the sub-payloads changed. Only the fields that RFC 6267 ignores may
    // differ: TGK len and the reserved bits. Then chains cut short or too long.
    let mut s = Scene::new("under a seal");
    let (_, i1) = s.dial();
    let (plain, _) = open(&i1, &s.bob[0]);
    let message = Message::parse(&i1).unwrap();
    let to = s.b.recipient(BOB, NOW);
    let mut taken = Vec::new();
    let bob = [s.b.issue(BOB, NOW)];
    for n in 0..plain.expose().len() {
        let mut bad = plain.expose().to_vec();
        bad[n] ^= 1 << (n % 8);
        let forged = sealed_bytes(message.header(), &payloads(&message), &bad, &to, &mut s.rng);
        match s.answer(&bob, &forged, &Answering::DIALLED) {
            Ok(_) => taken.push(n),
            Err(e) => assert!(e == Error::Decrypt.into() || e == PeerError::NoCommonSuite.into(), "{n}: {e:?}"),
        }
    }
    // IDRi 24 bytes, then ECCPT: two bytes, the point, one of padding, Auth alg, and TGK len.
    let tgk_len = 24 + 2 + 65 + 1 + 1;
    assert!(taken.iter().all(|n| (tgk_len..tgk_len + 3).contains(n)) && taken.len() >= 2, "{taken:?}");
    let whole = plain.expose();
    for bad in [&whole[..whole.len() - 1], &[], &[whole, &[0]].concat(), &whole[..24]] {
        let forged = sealed_bytes(message.header(), &payloads(&message), bad, &to, &mut s.rng);
        assert_eq!(s.answer(&bob, &forged, &Answering::DIALLED).unwrap_err(), Error::Decrypt.into());
    }
    // Too many, too few, in another order.
    let chain = inside(&plain);
    let mut orders = vec![vec![0, 1], vec![0, 2], vec![1, 2], vec![2, 1, 0], vec![1, 0, 2], vec![0, 1, 1, 2]];
    orders.extend([vec![0, 1, 2, 2], vec![0, 1, 2, 1], vec![0, 0, 1, 2], vec![0, 2, 1]]);
    for order in orders {
        let within: Vec<_> = order.iter().map(|n: &usize| chain[*n]).collect();
        let forged = sealed_again(message.header(), &payloads(&message), &within, &to, &mut s.rng);
        assert_eq!(s.answer(&bob, &forged, &Answering::DIALLED).unwrap_err(), Error::Decrypt.into(), "{order:?}");
    }
    let forged = sealed_bytes(message.header(), &payloads(&message), whole, &to, &mut s.rng);
    assert!(s.answer(&bob, &forged, &Answering::DIALLED).is_ok());
}

pub(crate) fn rand_of(i1: &[u8]) -> Vec<u8> {
    Message::parse(i1).unwrap().rand().unwrap().to_vec()
}

#[test]
fn kci_in_a_retargeted_call_shows_in_its_type() {
    // Mallory has alice's key, takes her call away, and answers as herself: a retarget, which alice must accept. Then mallory
    // is the other end and nobody else is; the type says that nothing shows that bob knows of it.
    let mut s = Scene::new("kci retarget");
    s.settings_r.suites = vec![SUITE];
    let mallory = vec![s.b.issue(MALLORY, NOW)];
    let (dialled, i1) = s.dial();
    let (half, r1) = s.answer(&mallory, &i1, &Answering { identity: As::Retargeted(&mallory[0]), ssrcs: &[] }).unwrap();
    let Reply::Other(answered) = s.alice_hears(dialled, &r1).unwrap() else { panic!("as dialled") };
    assert!(!answered.opened_first());
    assert_eq!((answered.dialled.name().as_str(), answered.by.name().as_str()), (BOB, MALLORY));
    let (waiting, i2) = s.alice_goes_on(answered.accept());
    let (theirs, r2) = s.hears_i2(&mallory, half, &i2).unwrap();
    assert!(matches!(theirs, Outcome::BoundUnopened(_)));
    assert!(matches!(s.alice_ends(waiting, &r2).unwrap(), Outcome::BoundUnopened(_)));
    // In carol's name she gets no further: K_I2 is sealed to carol.
    let (dialled, i1) = s.dial();
    let carol = vec![s.a.issue(CAROL, NOW)];
    let (_, r1) = s.answer(&carol, &i1, &Answering { identity: As::Retargeted(&carol[0]), ssrcs: &[] }).unwrap();
    let (plain, _) = open(&r1, &s.alice[0]);
    assert_eq!(points(&inside(&plain)).len(), 1, "ECCPTr alone");
    let (forged, secret) = replace_share(&mut s, &r1);
    let Reply::Other(answered) = s.alice_hears(dialled, &forged).unwrap() else { panic!("as dialled") };
    let (waiting, i2) = s.alice_goes_on(answered.accept());
    // X is not known to her before I_MESSAGE_2 either, which is sealed to carol.
    let guess = k_bound([&i1, &forged, &i2], [&secret, &[], &open(&forged, &s.alice[0]).1, &[0; 32]]);
    let r2 = last_message(&i2, &guess, &rand_of(&i1));
    assert_eq!(s.alice_ends(waiting, &r2).unwrap_err().0, mikey::Error::Unauthentic.into());
}

#[test]
fn answer_by_a_third_user() {
    for d in [Demand::Bound, Demand::Rfc6267] {
        let mut s = Scene::with("third", d);
        let mallory = vec![s.b.issue(MALLORY, NOW)];
        let (dialled, i1) = s.dial();
        // She cannot open it, and as bob she has no key.
        assert_eq!(s.answer(&mallory, &i1, &Answering::DIALLED).unwrap_err(), KeyError::Missing.into());
        // She answers as herself and writes bob's name over hers, outside and under the seal.
        let retarget = Answering { identity: As::Retargeted(&mallory[0]), ssrcs: &[] };
        let (half, r1) = s.answer(&mallory, &i1, &retarget).unwrap();
        let bob = Id { kind: IdType::URI, data: BOB.as_bytes() };
        let as_bob = |p: &Payload<'_>| match p {
            Payload::Idr(idr) => idr.role == IdRole::RESPONDER,
            _ => false,
        };
        let message = Message::parse(&r1).unwrap();
        let (plain, _) = open(&r1, &s.alice[0]);
        let bob = Payload::Idr(IdR { role: IdRole::RESPONDER, id: bob });
        let (mut outside, mut within) = (payloads(&message), inside(&plain));
        outside.iter_mut().chain(&mut within).filter(|p| as_bob(p)).for_each(|p| *p = bob);
        let to = s.a.recipient(ALICE, NOW);
        let forged = sealed_again(message.header(), &outside, &within, &to, &mut s.rng);
        let (e, state) = s.alice_hears(dialled, &forged).unwrap_err();
        assert_eq!(e, CallRefusal::NotOpened.into());
        // Only one of the two names.
        for (outside, within) in [(&outside, &inside(&plain)), (&payloads(&message), &within)] {
            let forged = sealed_again(message.header(), outside, within, &to, &mut s.rng);
            let (dialled, _) = s.dial();
            assert!(s.alice_hears(dialled, &forged).is_err());
        }
        // As herself she is somebody else, and alice says no.
        let Reply::Other(answered) = s.alice_hears(state.unwrap(), &r1).unwrap() else { panic!("as dialled") };
        assert_eq!(answered.by.name().as_str(), MALLORY);
        let goodbye = answered.refuse().unwrap();
        let (e, _) = s.hears_i2(&mallory, half, &goodbye).map(drop).unwrap_err();
        assert!(matches!(e, CallError::Refused(CallRefusal::Unexpected { .. })));
    }
}

#[test]
fn replayed_i_message_1() {
    let mut s = Scene::new("replay");
    let (_, i1) = s.dial();
    s.bob_answers(&i1).unwrap();
    assert_eq!(s.bob_answers(&i1).unwrap_err(), PeerError::Replay.into());
    // Another message of the same bundle and RAND is dropped, too.
    let mut other = i1.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(s.bob_answers(&other).unwrap_err(), PeerError::Replay.into());
    // When the cache has forgotten it, it is too old.
    let trust = s.trust();
    let end = End { settings: &s.settings_r, keys: &s.bob, directory: &trust };
    let mut later = |now| end.answer(&mut s.replay, &i1, &Answering::DIALLED, now, &mut s.rng).map(drop).unwrap_err();
    assert_eq!(later(NOW + 300), PeerError::Replay.into());
    assert!(matches!(later(NOW + 301), CallError::Refused(CallRefusal::Timestamp(_))));
    // A full cache takes no more, and makes room with time.
    s.replay = ReplayCache::new(1);
    s.bob_answers(&i1).unwrap();
    let (_, second) = s.dial();
    assert_eq!(s.bob_answers(&second).unwrap_err(), PeerError::Busy.into());
}

/// The initiator's messages with another header or other payloads, sealed again by whoever can: the attacker cannot, so what was
/// sealed stays.
fn changed(
    bytes: &[u8],
    header: Option<Header<'_>>,
    change: impl Fn(Payload<'static>) -> Option<Payload<'static>>,
) -> Vec<u8> {
    let leaked: &'static [u8] = Box::leak(bytes.to_vec().into_boxed_slice());
    let message = Message::parse(leaked).unwrap();
    let all: Vec<Payload<'_>> = payloads(&message).into_iter().filter_map(change).collect();
    mikey::encode(&header.unwrap_or(*message.header()), &all).unwrap()
}

#[test]
fn rand_changed_in_i_message_2() {
    let mut s = Scene::new("rand");
    let (dialled, i1) = s.dial();
    let (half, r1) = s.bob_answers(&i1).unwrap();
    let ready = as_dialled(s.alice_hears(dialled, &r1).unwrap());
    let (_, i2) = s.alice_goes_on(ready);
    let other = changed(&i2, None, |p| Some(if matches!(p, Payload::Rand(_)) { Payload::Rand(&[9; 16]) } else { p }));
    let (e, state) = s.bob_hears(half, &other).map(drop).unwrap_err();
    assert_eq!(e, CallRefusal::OtherCall("RAND").into());
    let without = changed(&i2, None, |p| (!matches!(p, Payload::Rand(_))).then_some(p));
    assert!(matches!(s.bob_hears(state.unwrap(), &without).map(drop).unwrap_err().0, CallError::Message(_)));
}

#[test]
fn times_of_a_call() {
    let mut s = Scene::new("times");
    let (dialled, i1) = s.dial();
    let (half, r1) = s.bob_answers(&i1).unwrap();
    let first = Message::parse(&i1).unwrap().timestamp().unwrap();
    let at = |m: &[u8], t: mikey::Timestamp| {
        changed(m, None, |p| Some(if matches!(p, Payload::T(_)) { Payload::T(t) } else { p }))
    };
    let other = mikey::Timestamp { value: first.value + 1, ..first };
    let (e, state) = s.alice_hears(dialled, &at(&r1, other)).unwrap_err();
    assert_eq!(e, CallRefusal::OtherCall("T").into());
    let ready = as_dialled(s.alice_hears(state.unwrap(), &r1).unwrap());
    let (waiting, i2) = s.alice_goes_on(ready);
    let (e, half) = s.bob_hears(half, &at(&i2, first)).map(drop).unwrap_err();
    assert_eq!(e, CallRefusal::NotLater.into());
    let old = mikey::Timestamp::ntp_utc(NOW - 301, 0);
    let (e, half) = s.bob_hears(half.unwrap(), &at(&i2, old)).map(drop).unwrap_err();
    assert!(matches!(e, CallError::Refused(CallRefusal::Timestamp(_))));
    let (_, r2) = s.bob_hears(half.unwrap(), &i2).unwrap();
    let third = mikey::Timestamp { value: first.value + 2, ..first };
    let (e, state) = s.alice_ends(waiting, &at(&r2, third)).map(drop).unwrap_err();
    assert_eq!(e, CallRefusal::OtherCall("T").into());
    assert!(s.alice_ends(state.unwrap(), &r2).is_ok());
    // A counter and local time are no time here.
    for kind in [mikey::numbers::TsType::COUNTER, mikey::numbers::TsType::NTP] {
        let value = if kind == mikey::numbers::TsType::COUNTER { 7 } else { first.value };
        let refused = s.bob_answers(&at(&i1, mikey::Timestamp { kind, value })).unwrap_err();
        assert!(matches!(refused, CallError::Refused(CallRefusal::Timestamp(_))));
    }
}

#[test]
fn removed_extension() {
    let is_bound = |p: &Payload<'_>| matches!(p, Payload::Extension(e) if e.kind == BOUND_EXTENSION);
    // Bob would take less, so an attacker takes the offer out of I_MESSAGE_1: the seal covers it.
    let mut s =
        Scene { settings_r: demand(Demand::BoundIfPossible), ..Scene::with("removed", Demand::BoundIfPossible) };
    let (dialled, i1) = s.dial();
    let cut = changed(&i1, None, |p| (!is_bound(&p)).then_some(p));
    assert!(cut.len() < i1.len());
    assert_eq!(s.bob_answers(&cut).unwrap_err(), Error::Decrypt.into());
    // Somebody who knows nothing of AAD and seals it again anew for bob leaves the mark under the seal.
    let (plain, _) = open(&i1, &s.bob[0]);
    let message = Message::parse(&cut).unwrap();
    let to = s.b.recipient(BOB, NOW);
    assert_eq!(points(&inside(&plain))[0].auth_alg, BOUND_SENTINEL);
    let again = sealed_again(message.header(), &payloads(&message), &inside(&plain), &to, &mut s.rng);
    assert_eq!(s.bob_answers(&again).unwrap_err(), Error::Decrypt.into());
    // The acceptance taken out of R_MESSAGE_1; with alice's key, too, as long as the mark in ECCPTr stays.
    let (_, r1) = s.bob_answers(&i1).unwrap();
    let cut = changed(&r1, None, |p| (!is_bound(&p)).then_some(p));
    let (e, state) = s.alice_hears(dialled, &cut).unwrap_err();
    assert_eq!(e, Error::Decrypt.into());
    let (plain, _) = open(&r1, &s.alice[0]);
    let message = Message::parse(&cut).unwrap();
    let to = s.a.recipient(ALICE, NOW);
    let again = sealed_again(message.header(), &payloads(&message), &inside(&plain), &to, &mut s.rng);
    let (e, state) = s.alice_hears(state.unwrap(), &again).unwrap_err();
    assert_eq!(e, Error::Decrypt.into());
    // Whoever has alice's key can pretend that bob knows no better. Only a demand of `bound` refuses that; the type tells it.
    let mut within = inside(&plain);
    let last = within.len() - 1;
    within[last] = Payload::EccPoint(EccPoint { auth_alg: MacAlg::HMAC_SHA_256_256, ..points(&within)[1] });
    let again = sealed_again(message.header(), &payloads(&message), &within, &to, &mut s.rng);
    s.settings_i = demand(Demand::Bound);
    let (e, state) = s.alice_hears(state.unwrap(), &again).unwrap_err();
    assert_eq!(e, CallRefusal::NotBound.into());
    s.settings_i = demand(Demand::BoundIfPossible);
    let ready = as_dialled(s.alice_hears(state.unwrap(), &again).unwrap());
    assert!(format!("{ready:?}").contains("bound: false"));
}

#[test]
fn removed_extension_before_a_retarget_is_found_in_i_message_2() {
    // Carol cannot open I_MESSAGE_1 and sees no offer; she finds the mark in the ECCPTi of I_MESSAGE_2.
    let mut s = Scene::with("removed before", Demand::BoundIfPossible);
    let carol = vec![s.a.issue(CAROL, NOW)];
    let (dialled, i1) = s.dial();
    let cut = changed(&i1, None, |p| (!matches!(p, Payload::Extension(e) if e.kind == BOUND_EXTENSION)).then_some(p));
    let (half, r1) = s.answer(&carol, &cut, &Answering { identity: As::Retargeted(&carol[0]), ssrcs: &[] }).unwrap();
    let Reply::Other(answered) = s.alice_hears(dialled, &r1).unwrap() else { panic!("as dialled") };
    let (_, i2) = s.alice_goes_on(answered.accept());
    assert_eq!(s.hears_i2(&carol, half, &i2).unwrap_err().0, Error::Decrypt.into());
}

#[test]
fn downgraded_policy() {
    let weak: &'static [u8] =
        Box::leak(mikey::call::policy_of(Profile::AesCm128HmacSha1_32).encode().into_boxed_slice());
    let weaker = |p: Payload<'static>| match p {
        Payload::Sp(policy) => Some(Payload::Sp(Policy::new(policy.number, ProtType::SRTP, weak).unwrap())),
        other => Some(other),
    };
    for d in [Demand::Bound, Demand::Rfc6267] {
        let mut s = Scene::with("policy", d);
        s.settings_r.profiles = Profile::ALL.to_vec();
        let (dialled, i1) = s.dial();
        assert_eq!(s.bob_answers(&changed(&i1, None, weaker)).unwrap_err(), Error::Decrypt.into());
        // A retarget does not see through the seal, and alice sees in its answer what arrived there.
        let carol = vec![s.a.issue(CAROL, NOW)];
        let retarget = Answering { identity: As::Retargeted(&carol[0]), ssrcs: &[] };
        let (_, r1) = s.answer(&carol, &changed(&i1, None, weaker), &retarget).unwrap();
        let (e, state) = s.alice_hears(dialled, &r1).unwrap_err();
        assert_eq!(e, CallRefusal::Sessions("a policy is not as it was offered").into());
        let (_, r1) = s.bob_answers(&i1).unwrap();
        let (e, _) = s.alice_hears(state.unwrap(), &changed(&r1, None, weaker)).unwrap_err();
        assert_eq!(e, CallRefusal::Sessions("a policy is not as it was offered").into());
    }
}

#[test]
fn truncated_cs_id_map() {
    let mut s = Scene::with("map", Demand::Rfc6267);
    let (dialled, i1) = s.dial();
    let carol = vec![s.a.issue(CAROL, NOW)];
    let maps = |bytes: &[u8], edit: &dyn Fn(&mut Vec<GenericId<'_>>)| {
        let message = Message::parse(bytes).unwrap();
        let CsIdMap::GenericId(map) = message.header().map else { panic!("map") };
        let mut all: Vec<_> = map.iter().collect();
        edit(&mut all);
        let info = GenericIds::encode(&all).unwrap();
        let count = all.len() as u8;
        let map = CsIdMap::GenericId(GenericIds::new(&info, count).unwrap());
        let header = Header { map, crypto_sessions: count, ..*message.header() };
        mikey::encode(&header, &payloads(&message)).unwrap()
    };
    let one_less = |all: &mut Vec<GenericId<'_>>| all.truncate(1);
    let cut = maps(&i1, &one_less);
    assert_eq!(s.bob_answers(&cut).unwrap_err(), Error::Decrypt.into());
    // Where nobody can open it, the answer shows it.
    let (_, r1) = s.answer(&carol, &cut, &Answering { identity: As::Retargeted(&carol[0]), ssrcs: &[] }).unwrap();
    let (e, mut state) = s.alice_hears(dialled, &r1).unwrap_err();
    assert_eq!(e, CallRefusal::Sessions("one is missing").into());
    let (half, r1) = s.bob_answers(&i1).unwrap();
    let other_ssrc = |all: &mut Vec<GenericId<'_>>| all[0].session_data = &[0, 0, 0, 1];
    let other_policy = |all: &mut Vec<GenericId<'_>>| all[0].policies = &[9];
    let both = |all: &mut Vec<GenericId<'_>>| all[0].policies = &[1, 2];
    let mki = |all: &mut Vec<GenericId<'_>>| all[1].spi = &[1];
    let turned = |all: &mut Vec<GenericId<'_>>| all.reverse();
    let more = |all: &mut Vec<GenericId<'_>>| all.push(all[1]);
    type Edit<'e> = &'e dyn Fn(&mut Vec<GenericId<'_>>);
    let edits: [Edit<'_>; 7] = [&one_less, &other_ssrc, &other_policy, &both, &mki, &turned, &more];
    for edit in edits {
        let (e, next) = s.alice_hears(state.unwrap(), &maps(&r1, edit)).unwrap_err();
        assert!(matches!(e, CallError::Refused(CallRefusal::Sessions(_))), "{e:?}");
        state = next;
    }
    let ready = as_dialled(s.alice_hears(state.unwrap(), &r1).unwrap());
    let (waiting, i2) = s.alice_goes_on(ready);
    let (e, next) = s.bob_hears(half, &maps(&i2, &one_less)).map(drop).unwrap_err();
    assert_eq!(e, CallRefusal::OtherCall("CS ID map").into());
    let (_, r2) = s.bob_hears(next.unwrap(), &i2).unwrap();
    let (e, _) = s.alice_ends(waiting, &maps(&r2, &one_less)).map(drop).unwrap_err();
    assert_eq!(e, CallRefusal::OtherCall("CS ID map").into());
}

#[test]
fn wrong_v() {
    for d in [Demand::Bound, Demand::Rfc6267] {
        let mut s = Scene::with("wrong v", d);
        let (dialled, i1) = s.dial();
        let (half, r1) = s.bob_answers(&i1).unwrap();
        let ready = as_dialled(s.alice_hears(dialled, &r1).unwrap());
        let (waiting, i2) = s.alice_goes_on(ready);
        let forged = last_message(&i2, &[1; 65], &rand_of(&i1));
        let (e, state) = s.alice_ends(waiting, &forged).map(drop).unwrap_err();
        assert_eq!(e, mikey::Error::Unauthentic.into());
        // V of another call, and a NULL V.
        let (_, r2) = s.bob_hears(half, &i2).unwrap();
        let null = changed(&r2, None, |p| match p {
            Payload::V(_) => Some(Payload::V(mikey::Verification { alg: MacAlg::NULL, data: &[] })),
            other => Some(other),
        });
        let (e, state) = s.alice_ends(state.unwrap(), &null).map(drop).unwrap_err();
        assert_eq!(e, mikey::Refused::NullMac.into());
        let other = s.call(&offer(SUITE)).messages[3].clone();
        let (e, state) = s.alice_ends(state.unwrap(), &other).map(drop).unwrap_err();
        assert!(matches!(e, CallError::Refused(CallRefusal::OtherCall(_))));
        assert!(s.alice_ends(state.unwrap(), &r2).is_ok());
    }
}

#[test]
fn reflected_messages() {
    let mut s = Scene::new("mirror");
    let (dialled, i1) = s.dial();
    let (_, r1) = s.bob_answers(&i1).unwrap();
    // Alice's own message as bob's answer, as it is and relabelled.
    let (e, state) = s.alice_hears(dialled, &i1).unwrap_err();
    assert!(matches!(e, CallError::Refused(CallRefusal::Unexpected { .. })));
    let mut relabelled = i1.clone();
    relabelled[1] = 23;
    assert!(s.alice_hears(state.unwrap(), &relabelled).is_err());
    // Alice called by alice, and a call whose two names are one.
    let trust = s.trust();
    let end = End { settings: &s.settings_r, keys: &s.alice, directory: &trust };
    let own = end.answer(&mut s.replay, &i1, &Answering::DIALLED, NOW, &mut s.rng).unwrap_err();
    assert_eq!(own, KeyError::Missing.into());
    let retarget = Answering { identity: As::Retargeted(&s.alice[0]), ssrcs: &[] };
    let own = end.answer(&mut s.replay, &i1, &retarget, NOW, &mut s.rng).unwrap_err();
    assert_eq!(own, PeerError::SameIdentity.into());
    // Bob with a modified program answers with alice's share, and with its negative.
    let (plain, _) = open(&r1, &s.alice[0]);
    let message = Message::parse(&r1).unwrap();
    let x = points(&inside(&plain))[0].point.to_vec();
    let mut negative = x.clone();
    let p = crate::plain::p256_minus(&x[33..]);
    negative[33..].copy_from_slice(&p);
    for point in [&x, &negative] {
        let mut s = Scene::new("mirror");
        let (dialled, _) = s.dial();
        let mut within = inside(&plain);
        let last = within.len() - 1;
        within[last] = Payload::EccPoint(EccPoint { point, ..points(&within)[1] });
        let to = s.a.recipient(ALICE, NOW);
        let forged = sealed_again(message.header(), &payloads(&message), &within, &to, &mut s.rng);
        assert_eq!(s.alice_hears(dialled, &forged).unwrap_err().0, Error::Decrypt.into());
    }
}

#[test]
fn other_share_echoed() {
    // Every part of ECCPTi must come back, not the point alone.
    let mut s = Scene::new("echo");
    let (dialled, i1) = s.dial();
    let (_, r1) = s.bob_answers(&i1).unwrap();
    let (plain, _) = open(&r1, &s.alice[0]);
    let message = Message::parse(&r1).unwrap();
    let echo = points(&inside(&plain))[0];
    let other = own_share(5);
    let mut state = Some(dialled);
    for bad in [
        EccPoint { auth_alg: MacAlg::HMAC_SHA_256_256, ..echo },
        EccPoint { tgk_len: 16, ..echo },
        EccPoint { reserved: 1, ..echo },
        EccPoint { validity: mikey::KeyValidity::Spi(&[1]), ..echo },
        EccPoint { point: other.share().as_bytes(), ..echo },
    ] {
        let mut within = inside(&plain);
        within[1] = Payload::EccPoint(bad);
        let to = s.a.recipient(ALICE, NOW);
        let forged = sealed_again(message.header(), &payloads(&message), &within, &to, &mut s.rng);
        let (e, next) = s.alice_hears(state.take().unwrap(), &forged).unwrap_err();
        assert_eq!(e, Error::Decrypt.into());
        state = next;
    }
    assert!(s.alice_hears(state.unwrap(), &r1).is_ok());
}
