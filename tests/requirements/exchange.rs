//! Section 5: the checks of both roles in their order, row by row, with every later fault present at the same time.

use super::reason;
use crate::common::wire::{Chain, Parts, body, ephemeral, read_body};
use crate::common::{ALICE, BOB, CAROL, DAY, HalfOpen, Kgs, NOW, Seeded, World, exported};
use ibake::dh::{KeyPair, Share};
use ibake::error::{DecodeReason, Error, IdentityError, KeyError, ParametersError, PeerError, UsageError};
use ibake::ibake::envelope::{ENVELOPE_LIMIT, Envelope, Reason};
use ibake::ibake::guard::{CookieJar, Guard};
use ibake::ibake::initiator::{AwaitM2, Unconfirmed};
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, Exchange, MESSAGE_LIMIT, Responder, start};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Recipient;
use ibake::ibe::params::PublicParameters;
use ibake::ibe::{Granularity, Name, Purpose};
use ibake::suite::Suite;

const SUITE: Suite = Suite::P256Aes256Gcm;
const SID_R: usize = 21;
const REFS: usize = 37;

fn only(suite: Suite) -> Config {
    Config { suites: vec![suite], ..Config::default() }
}

/// Bytes of the reference of a district of `d` bytes.
fn ref_len(p: &PublicParameters) -> usize {
    19 + p.district().as_str().len()
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes[at..at + new.len()].copy_from_slice(new);
}

#[test]
fn rows_of_the_responders_table_come_in_their_order() {
    let mut w = World::new("rows of M1");
    let (config, keys) = (only(SUITE), [w.b.issue(BOB, NOW)]);
    let peer = w.b.recipient(BOB, NOW);
    let (_, m1) = start(&config, SUITE, &w.alice, &w.a.parameters, &peer, NOW, &mut w.rng).unwrap();
    let all = w.parameters.clone();
    let (a, b) = (ref_len(&w.a.parameters), ref_len(&w.b.parameters));
    let (ref_i, ref_r) = (REFS, REFS + a);
    let lists = ref_r + b;
    let kem = lists + 3 + 1;
    assert_eq!(Parts::of(&m1).header.len(), kem);
    let mut guard = Guard::new(1, 10, &mut w.rng).unwrap();
    let mut rng = Seeded::new("rows");
    let mut accept =
        |m1: &[u8], keys: &[PrivateKey], known: &Vec<PublicParameters>, config: &Config, guard: &mut Guard| {
            let r = Responder { config, keys, parameters: known, peers: &() };
            r.accept(guard, m1, NOW, &mut rng).map(|_| ()).unwrap_err()
        };
    let mut bad = m1.clone();

    // 15: the seal. 14: the keys are of R's parameters. 13: U.
    bad[kem + 128] ^= 1;
    assert_eq!(accept(&bad, &keys, &all, &config, &mut guard), Error::Decrypt, "row 15");
    let impostor = Kgs::new("https://kgs.b.example", 1, Granularity::Week, &mut Seeded::new("impostor"));
    let foreign = [impostor.issue(BOB, NOW)];
    assert_eq!(accept(&bad, &foreign, &all, &config, &mut guard), KeyError::OtherParameters.into(), "row 14");
    put(&mut bad, kem, &[0]);
    assert_eq!(
        reason(Err::<(), _>(accept(&bad, &foreign, &all, &config, &mut guard))),
        DecodeReason::NotCanonical,
        "row 13"
    );
    // 12: the replay cache: it has one place, so this M1 fills it and is then known; another one finds it full.
    let r = Responder { config: &config, keys: &keys, parameters: &all, peers: &() };
    assert!(r.accept(&mut guard, &m1, NOW, &mut w.rng).is_ok());
    assert_eq!(accept(&bad, &foreign, &all, &config, &mut guard), PeerError::Replay.into(), "row 12");
    let mut other = bad.clone();
    put(&mut other, 5, &[!bad[5]]);
    assert_eq!(accept(&other, &foreign, &all, &config, &mut guard), PeerError::Busy.into(), "row 12");
    // 11: own keys, none or more than four.
    assert_eq!(accept(&bad, &[], &all, &config, &mut guard), KeyError::Missing.into(), "row 11");
    let five =
        ["sip:a@b.example", "sip:b@b.example", "sip:c@b.example", "sip:d@b.example", BOB].map(|n| w.b.issue(n, NOW));
    assert_eq!(accept(&bad, &five, &all, &config, &mut guard), PeerError::Busy.into(), "row 11");
    // 10: R's period, last one first; 9: I's.
    let start_r = w.bob.identity().period().start();
    let set = |bad: &mut [u8], at: usize, start: u64| put(bad, at, &start.to_be_bytes());
    for (side, at, start, length, granularity) in [
        ("row 10", ref_r + b - 9, start_r, 7 * DAY, 2),
        ("row 9", ref_i + a - 9, w.alice.identity().period().start(), DAY, 3),
    ] {
        set(&mut bad, at, start - length);
        assert_eq!(accept(&bad, &[], &all, &config, &mut guard), PeerError::Expired.into(), "{side}");
        set(&mut bad, at, start + 70 * 7 * DAY);
        assert_eq!(accept(&bad, &[], &all, &config, &mut guard), ParametersError::PeriodOutside.into(), "{side}");
        put(&mut bad, at + 8, &[granularity]);
        // A day that is also a Monday, so that the reference itself is on its grid.
        set(&mut bad, at, start_r);
        assert_eq!(accept(&bad, &[], &all, &config, &mut guard), IdentityError::OffGrid.into(), "{side}");
    }
    // 9, first of all the validity: what the clock says, for I before R.
    let r = Responder { config: &config, keys: &[], parameters: &all, peers: &() };
    let late = r.accept(&mut guard, &bad, NOW + 401 * DAY, &mut w.rng).unwrap_err();
    assert_eq!(late, ParametersError::NotValidAt.into(), "row 9");
    // 8: parameters known, I's or R's.
    for known in [vec![w.a.parameters.clone()], vec![w.b.parameters.clone()], vec![]] {
        assert_eq!(accept(&bad, &[], &known, &config, &mut guard), ParametersError::Unknown.into(), "row 8");
    }
    let none = vec![];
    let others = only(Suite::P384Aes256Gcm);
    assert_eq!(accept(&bad, &[], &none, &others, &mut guard), PeerError::NoCommonSuite.into(), "row 7");
    bad.truncate(kem + 127);
    assert!(
        matches!(reason(Err::<(), _>(accept(&bad, &[], &none, &others, &mut guard))), DecodeReason::Truncated { .. }),
        "row 6"
    );
    // 5: the hint's flag, then the list.
    put(&mut bad, kem - 1, &[2]);
    let mut typed = |bad: &[u8]| reason(Err::<(), _>(accept(bad, &[], &none, &others, &mut guard)));
    assert_eq!(typed(&bad), DecodeReason::NotCanonical, "row 5");
    put(&mut bad, lists, &[0]);
    assert_eq!(typed(&bad), DecodeReason::TooLong { limit: 16, got: 0 }, "row 5");
    put(&mut bad, SID_R, &[1]);
    assert_eq!(typed(&bad), DecodeReason::NotCanonical, "row 4");
    put(&mut bad, ref_r, &[1, 0]);
    assert_eq!(typed(&bad), DecodeReason::TooLong { limit: 255, got: 256 }, "row 3, R");
    put(&mut bad, ref_i, &[0, 0]);
    assert_eq!(typed(&bad), DecodeReason::Text, "row 3, I");
    put(&mut bad, 4, &[2]);
    let type_ = accept(&bad, &[], &none, &others, &mut guard);
    assert_eq!(type_, PeerError::UnexpectedMessage { expected: 1, got: 2 }.into(), "row 2");
    let mut typed = |bad: &[u8]| reason(Err::<(), _>(accept(bad, &[], &none, &others, &mut guard)));
    put(&mut bad, 2, &[0, 6]);
    assert_eq!(typed(&bad), DecodeReason::Unknown { got: 6 }, "row 2");
    put(&mut bad, 0, &[0, 2]);
    assert_eq!(typed(&bad), DecodeReason::Version { got: 2 }, "row 2");
    bad.resize(MESSAGE_LIMIT + 1, 0);
    assert_eq!(typed(&bad), DecodeReason::TooLong { limit: MESSAGE_LIMIT, got: MESSAGE_LIMIT + 1 }, "row 1");
}

/// The rows that M2, M3 and M4 share, from the last to the first; `take` gives the error of a message at a time.
fn common_rows(good: &[u8], kind: u8, kem: bool, mut take: impl FnMut(&[u8], u64) -> Error) {
    let mut bad = good.to_vec();
    let header = Parts::of(good).header.len();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    assert_eq!(take(&bad, NOW), Error::Decrypt, "the seal");
    if kem {
        bad[header] = 0;
        assert_eq!(reason(Err::<(), _>(take(&bad, NOW))), DecodeReason::NotCanonical, "U");
    }
    for at in [5, REFS + 2 + 20 + 8 + 7] {
        let mut other = bad.clone();
        other[at] ^= if at == 5 { 1 } else { 0 };
        if at != 5 {
            // Another district of the same length.
            other[REFS + 2 + 8] ^= 2;
        }
        assert_eq!(take(&other, NOW), PeerError::OtherSession.into(), "another exchange");
    }
    bad[5] ^= 1;
    let mut suite = bad.clone();
    put(&mut suite, 2, &[0, 2]);
    assert_eq!(take(&suite, NOW), PeerError::OtherSession.into(), "another suite");
    bad.truncate(if kem { header + 127 } else { header - 1 });
    assert!(matches!(reason(Err::<(), _>(take(&bad, NOW))), DecodeReason::Truncated { .. }));
    put(&mut bad, REFS, &[0, 0]);
    assert_eq!(reason(Err::<(), _>(take(&bad, NOW))), DecodeReason::Text);
    put(&mut bad, 4, &[kind - 1]);
    assert_eq!(take(&bad, NOW), PeerError::UnexpectedMessage { expected: kind, got: kind - 1 }.into());
    put(&mut bad, 2, &[0, 9]);
    assert_eq!(reason(Err::<(), _>(take(&bad, NOW))), DecodeReason::Unknown { got: 9 });
    put(&mut bad, 0, &[1, 1]);
    assert_eq!(reason(Err::<(), _>(take(&bad, NOW))), DecodeReason::Version { got: 257 });
    bad.resize(MESSAGE_LIMIT + 1, 0);
    assert!(matches!(reason(Err::<(), _>(take(&bad, NOW))), DecodeReason::TooLong { .. }));
    assert_eq!(take(&bad, NOW + 61), PeerError::Deadline.into());
    assert_eq!(take(&bad, NOW - 61), UsageError::ClockWentBack.into());
    assert!(
        matches!(reason(Err::<(), _>(take(&bad, NOW + 60))), DecodeReason::TooLong { .. }),
        "the last second counts"
    );
    assert!(
        matches!(reason(Err::<(), _>(take(&bad, NOW - 60))), DecodeReason::TooLong { .. }),
        "a little back does no harm"
    );
}

#[test]
fn rows_of_the_other_tables_come_in_their_order() {
    let mut w = World::new("other rows");
    let HalfOpen { peer, keys, mut guard, i, r, m2, .. } = w.half_open(SUITE);
    let (i_bytes, r_bytes) = (i.to_bytes(), r.to_bytes());
    let initiator = || AwaitM2::from_bytes(i_bytes.expose()).unwrap();
    let (_, m3) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut Seeded::new("fixed")).unwrap();
    let mut rng = Seeded::new("rows");
    common_rows(&m2, 2, true, |m, now| {
        initiator().receive(m, &w.alice, &peer, b"", now, &mut rng).map(|_| ()).unwrap_err()
    });

    let responder = || AwaitM3::from_bytes(r_bytes.expose()).unwrap();
    let (_, _, m4) = r.receive(&m3, &keys, b"", &mut guard, NOW).unwrap();
    common_rows(&m3, 3, true, |m, now| responder().receive(m, &keys, b"", &mut guard, now).map(|_| ()).unwrap_err());
    // 5.5.3 row 4 stands between the header and U.
    let mut bad = m3.clone();
    bad[Parts::of(&m3).header.len()] = 0;
    assert_eq!(responder().receive(&bad, &[], b"", &mut guard, NOW).map(|_| ()), Err(KeyError::Missing.into()));
    bad[SID_R] ^= 1;
    assert_eq!(responder().receive(&bad, &[], b"", &mut guard, NOW).map(|_| ()), Err(PeerError::OtherSession.into()));

    let unconfirmed = || initiator().receive(&m2, &w.alice, &peer, b"", NOW, &mut Seeded::new("fixed")).unwrap().0;
    common_rows(&m4, 4, false, |m, now| unconfirmed().receive(m, now).map(|_| ()).unwrap_err());
    assert!(unconfirmed().receive(&m4, NOW + 60).is_ok());
}

#[test]
fn what_the_initiator_checks_before_it_sends() {
    let w = World::new("before M1");
    let peer = w.b.recipient(BOB, NOW);
    let begin = |config: &Config, suite, own: &PrivateKey, p: &PublicParameters, to: &Recipient, now| {
        start(config, suite, own, p, to, now, &mut Seeded::new("begin")).map(|_| ()).unwrap_err()
    };
    let many = Config { suites: vec![SUITE; 17], ..Config::default() };
    let too_many = UsageError::TooMany { limit: 16, got: 17 };
    assert_eq!(begin(&many, SUITE, &w.alice, &w.a.parameters, &peer, NOW), too_many.into());
    let other = only(Suite::P384Aes256Gcm);
    assert_eq!(begin(&other, SUITE, &w.alice, &w.a.parameters, &peer, NOW), PeerError::NoCommonSuite.into());
    let config = only(SUITE);
    let sign = w.a.parameters.identity(Name::parse(ALICE).unwrap(), Purpose::Sign, NOW).unwrap();
    let signing = w.a.issuer.extract(&sign).unwrap();
    assert_eq!(begin(&config, SUITE, &signing, &w.a.parameters, &peer, NOW), KeyError::Purpose.into());
    assert_eq!(begin(&config, SUITE, &w.alice, &w.b.parameters, &peer, NOW), KeyError::OtherParameters.into());
    assert_eq!(begin(&config, SUITE, &w.alice, &w.a.parameters, &peer, NOW + 2 * DAY), KeyError::Expired.into());
    // A key of tomorrow's day exists today; a peer of next week does, too.
    let next_week = w.b.recipient(BOB, NOW + 7 * DAY);
    assert_eq!(begin(&config, SUITE, &w.alice, &w.a.parameters, &next_week, NOW), PeerError::Expired.into());
    let own = w.a.recipient(ALICE, NOW);
    assert_eq!(begin(&config, SUITE, &w.alice, &w.a.parameters, &own, NOW), PeerError::SameIdentity.into());
}

#[test]
fn identifiers_that_are_not_registered_do_not_count() {
    // From under the seal of M2: the modified bob lists one that nobody knows beside the right one.
    let mut w = World::new("unregistered");
    let list = |ids: &[u16]| {
        let ids: Vec<u8> = ids.iter().flat_map(|i| i.to_be_bytes()).collect();
        [&[4, 2, (ids.len() / 2) as u8][..], &ids].concat()
    };
    let known = vec![SUITE];
    assert_eq!(Envelope::decode(&list(&[0xff01, 1, 6])), Ok(Envelope::Reply(Reason::Suite, known)));
    assert_eq!(reason(Envelope::decode(&list(&[1, 6, 1]))), DecodeReason::Inconsistent);
    let seventeen: Vec<u16> = (0..17).collect();
    assert_eq!(reason(Envelope::decode(&list(&seventeen))), DecodeReason::TooLong { limit: 16, got: 17 });
    // In the header of M1 they are kept and do not count: the rule is passed, and the seal notices that I did not send it.
    let (config, keys) = (only(SUITE), [w.b.issue(BOB, NOW)]);
    let (_, m1) = start(&config, SUITE, &w.alice, &w.a.parameters, &w.b.recipient(BOB, NOW), NOW, &mut w.rng).unwrap();
    let mut parts = Parts::of(&m1);
    let at = parts.header.len() - 4;
    parts.header.splice(at..at + 3, [2, 0xff, 1, 0, 1]);
    let mut guard = w.guard();
    let r = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
    assert_eq!(r.accept(&mut guard, &parts.bytes(), NOW, &mut w.rng).unwrap_err(), Error::Decrypt);
    parts.header.splice(at..at + 5, [1, 0xff, 1]);
    assert_eq!(r.accept(&mut guard, &parts.bytes(), NOW, &mut w.rng).unwrap_err(), PeerError::NoCommonSuite.into());
}

#[test]
fn the_fixed_order_of_suites_is_that_of_the_text() {
    let ids = Suite::PREFERENCE.map(Suite::id);
    assert_eq!(ids, [5, 3, 2, 4, 1]);
    let text = "`0x0005, 0x0003, 0x0002, 0x0004, 0x0001` MUST be used";
    assert!(super::SPEC.contains(text));
    let lists = [[Suite::P256Aes256Gcm, Suite::P521Aes256Gcm], [Suite::P521Aes256Gcm, Suite::P256Aes256Gcm]];
    for (a, b) in [(0, 1), (1, 0), (0, 0)] {
        assert_eq!(
            Suite::first_common(&lists[a], &lists[b]),
            Some(Suite::P521Aes256Gcm),
            "not the order of either list"
        );
    }
}

#[test]
fn an_exchange_over_the_end_of_a_period_finishes() {
    let mut w = World::new("midnight");
    let end = w.alice.identity().period().end() + 299;
    let (config, keys, peer) = (only(SUITE), [w.b.issue(BOB, NOW)], w.b.recipient(BOB, NOW));
    let mut guard = w.guard();
    let (i, m1) = start(&config, SUITE, &w.alice, &w.a.parameters, &peer, end, &mut w.rng).unwrap();
    let r = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
    assert_eq!(r.accept(&mut guard, &m1, end + 1, &mut w.rng).unwrap_err(), PeerError::Expired.into());
    let (r, m2) = r.accept(&mut guard, &m1, end, &mut w.rng).unwrap();
    let (i, m3) = i.receive(&m2, &w.alice, &peer, b"", end + 30, &mut w.rng).unwrap();
    let (r, _, m4) = r.receive(&m3, &keys, b"", &mut guard, end + 40).unwrap();
    assert_eq!(exported(&i.receive(&m4, end + 60).unwrap().0), exported(&r));
}

#[test]
fn the_first_bad_message_ends_an_exchange() {
    let mut w = World::new("first bad");
    let HalfOpen { config, peer: _, keys, mut guard, i, r, mut m2, .. } = w.half_open(SUITE);
    let alice = [w.a.issue(ALICE, NOW)];
    let own = Responder { config: &config, keys: &alice, parameters: &w.parameters, peers: &() };
    let mut i = Exchange::AwaitM2(i);
    m2[4] = 9;
    assert!(i.step(&own, &mut guard, &m2, b"", NOW, &mut w.rng).is_err());
    m2[4] = 2;
    let again = i.step(&own, &mut guard, &m2, b"", NOW, &mut w.rng).unwrap_err();
    assert_eq!(again, UsageError::WrongState.into(), "also with the right message");
    let mut r = Exchange::AwaitM3(r);
    let own = Responder { keys: &keys, ..own };
    assert!(r.step(&own, &mut guard, &[], b"", NOW, &mut w.rng).is_err());
    assert!(matches!((i, r), (Exchange::Closed, Exchange::Closed)));
}

/// Half-open states have no authentication string: where one had, its own method would be taken and not this one.
trait NoString {
    fn authentication_string(&self) -> &'static str {
        "none"
    }
}

impl NoString for Unconfirmed {}
impl NoString for AwaitM3 {}

#[test]
fn there_is_no_authentication_string_before_m4() {
    let mut w = World::new("no string");
    let HalfOpen { peer, i, r, m2, .. } = w.half_open(SUITE);
    let (i, _) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).unwrap();
    let none: [&'static str; 2] = [i.authentication_string(), r.authentication_string()];
    assert_eq!(none, ["none"; 2]);
}

#[test]
fn replies_tell_the_reasons_of_the_table() {
    let reasons = [
        (Error::Peer(PeerError::NoCommonSuite), 2),
        (PeerError::Busy.into(), 3),
        (PeerError::Expired.into(), 4),
        (ParametersError::Unknown.into(), 4),
        (KeyError::Missing.into(), 4),
        (IdentityError::OffGrid.into(), 4),
        (Error::Decrypt, 1),
        (PeerError::Replay.into(), 1),
        (PeerError::OtherSession.into(), 1),
        (PeerError::BadCookie.into(), 1),
        (Error::Random, 1),
        (UsageError::WrongState.into(), 1),
    ];
    for (error, reason) in reasons {
        assert_eq!(Reason::of(&error) as u8, reason, "{error}");
    }
    for (byte, reason) in
        [(0, Reason::Failed), (1, Reason::Failed), (5, Reason::Failed), (255, Reason::Failed), (3, Reason::Busy)]
    {
        assert_eq!(Envelope::decode(&[4, byte, 0]), Ok(Envelope::Reply(reason, vec![])));
    }
    assert_eq!(reason(Envelope::decode(&[5])), DecodeReason::Unknown { got: 5 });
    assert_eq!(ENVELOPE_LIMIT, 24_601);
}

#[test]
fn a_cookie_is_computed_as_written() {
    use crate::common::wire::{exp, label, lp, sha};
    let mut rng = Seeded::new("cookie");
    let jar = CookieJar::new(&mut rng).unwrap();
    let secret: [u8; 32] = rng.drawn[0][..].try_into().unwrap();
    let time = NOW.to_be_bytes();
    let tag = exp(&secret, &[&label("cookie")[..], &time, &lp(b"192.0.2.1:5"), &sha(&[b"M1"])].concat());
    assert_eq!(jar.issue(b"192.0.2.1:5", b"M1", NOW)[..], [&time[..], &tag[..16]].concat());
}

/// A generator that fails.
struct Broken;

impl rand_core::TryRng for Broken {
    type Error = core::fmt::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Err(core::fmt::Error)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Err(core::fmt::Error)
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        Err(core::fmt::Error)
    }
}

impl rand_core::TryCryptoRng for Broken {}

#[test]
fn a_failing_generator_is_its_own_error() {
    let mut w = World::new("broken generator");
    let HalfOpen { config, peer, keys, i, m1, m2, .. } = w.half_open(SUITE);
    let mut guard = w.guard();
    assert_eq!(start(&config, SUITE, &w.alice, &w.a.parameters, &peer, NOW, &mut Broken).unwrap_err(), Error::Random);
    let r = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
    assert_eq!(r.accept(&mut guard, &m1, NOW, &mut Broken).unwrap_err(), Error::Random);
    assert_eq!(i.receive(&m2, &w.alice, &peer, b"", NOW, &mut Broken).unwrap_err(), Error::Random);
    assert_eq!(peer.encapsulate(&mut Broken).unwrap_err(), Error::Random);
}

#[test]
fn stored_states_are_laid_out_and_checked_as_written() {
    let mut w = World::new("stored states");
    for suite in [SUITE, Suite::P256MlKem768Aes256Gcm] {
        let HalfOpen { i, r, .. } = w.half_open(suite);
        let (hybrid, id) = (suite.is_hybrid(), suite.id().to_be_bytes());
        let ids = |g: &[u8; 2]| -> Vec<u8> {
            let both = [(g[0], w.alice.identity().der()), (g[1], w.bob.identity().der())];
            both.iter().flat_map(|(g, d)| [&[*g][..], &(d.len() as u16).to_be_bytes(), d].concat()).collect()
        };
        let ids = ids(&[2, 3]);
        let i_bytes = i.to_bytes();
        let bytes = i_bytes.expose();
        let secret = 20 + 64 + ids.len();
        assert_eq!(bytes[..20], [&[1, 2][..], &id, i.session_id()].concat());
        assert_eq!(bytes[84..secret], ids);
        assert_eq!(bytes[secret..secret + 2], [0, 32]);
        assert_eq!(bytes[secret + 34], u8::from(hybrid));
        let end = secret + 35 + if hybrid { 64 } else { 0 };
        assert_eq!(bytes[end..], [&[1][..], &id, &NOW.to_be_bytes()].concat());
        let read = |at: usize, new: &[u8]| {
            let mut bad = bytes.to_vec();
            put(&mut bad, at, new);
            AwaitM2::from_bytes(&bad)
        };
        assert_eq!(reason(read(0, &[2])), DecodeReason::Version { got: 2 });
        assert_eq!(reason(read(1, &[3])), DecodeReason::Inconsistent, "kind");
        assert_eq!(reason(read(2, &[0, 9])), DecodeReason::Unknown { got: 9 }, "suite");
        assert_eq!(reason(read(84, &[9])), DecodeReason::Unknown { got: 9 }, "granularity");
        assert_eq!(
            read(84, &[1]).map(|s| s.own().period().granularity()).ok(),
            Some(Granularity::Hour),
            "midnight is an hour, too"
        );
        assert_eq!(reason(read(87, &[0x31])), DecodeReason::Der);
        assert_eq!(reason(read(secret + 2, &[0; 32])), DecodeReason::NotCanonical, "x is zero");
        assert_eq!(reason(read(secret + 34, &[!bytes[secret + 34] & 1])), DecodeReason::Inconsistent, "flag");
        assert_eq!(reason(read(end + 1, &[0xff, 1])), DecodeReason::Unknown { got: 0xff01 }, "own list");
        assert_eq!(reason(AwaitM2::from_bytes(&[bytes, &[0]].concat())), DecodeReason::Trailing { extra: 1 });

        let r_bytes = r.to_bytes();
        let bytes = r_bytes.expose();
        let secret = 36 + 64 + ids.len();
        assert_eq!(bytes[..4], [&[1, 3][..], &id].concat());
        assert_eq!((&bytes[20..36], &bytes[100..secret]), (&r.session_id()[..], &ids[..]));
        let x = secret + 34;
        assert_eq!(bytes[x..x + 3], [0, 65, 4]);
        let flag = x + 67;
        assert_eq!((bytes[flag], bytes.len()), (u8::from(hybrid), flag + 1 + if hybrid { 32 } else { 0 } + 32 + 8));
        assert_eq!(bytes[bytes.len() - 8..], NOW.to_be_bytes());
        let mut bad = bytes.to_vec();
        bad[x + 3] ^= 1;
        assert_eq!(reason(AwaitM3::from_bytes(&bad)), DecodeReason::NotOnCurve, "X");
    }
}

#[test]
fn application_data_is_limited_and_left_out_if_empty() {
    let mut w = World::new("empty data");
    let HalfOpen { peer, keys, mut guard, i, r, m2, .. } = w.half_open(SUITE);
    let (i_bytes, r_bytes) = (i.to_bytes(), r.to_bytes());
    let (_, m3) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut Seeded::new("fixed")).unwrap();
    let with = |data: &[u8]| {
        let i = AwaitM2::from_bytes(i_bytes.expose()).unwrap();
        i.receive(&m2, &w.alice, &peer, data, NOW, &mut Seeded::new("fixed")).map(|(_, m3)| m3.len())
    };
    assert_eq!(with(b"x"), Ok(m3.len() + 4), "type, length and one byte");
    assert_eq!(with(&vec![0; 16_384]), Ok(m3.len() + 3 + 16_384));
    assert_eq!(with(&vec![0; 16_385]), Err(UsageError::TooMany { limit: 16_384, got: 16_385 }.into()));
    let mut answer = |data: &[u8]| {
        let r = AwaitM3::from_bytes(r_bytes.expose()).unwrap();
        r.receive(&m3, &keys, data, &mut guard, NOW).map(|(_, got, m4)| (got.expose().to_vec(), m4.len()))
    };
    let (got, empty) = answer(b"").unwrap();
    assert_eq!((got, answer(b"x")), (vec![], Ok((vec![], empty + 4))));
    assert_eq!(answer(&vec![0; 16_384]), Ok((vec![], empty + 3 + 16_384)));
    assert_eq!(answer(&vec![0; 16_385]), Err(UsageError::TooMany { limit: 16_384, got: 16_385 }.into()));
}

#[test]
fn m2_is_taken_with_the_key_and_the_peer_of_m1() {
    let mut w = World::new("whose M2");
    let HalfOpen { peer, i, m2, .. } = w.half_open(SUITE);
    let i_bytes = i.to_bytes();
    let (carol, other) = (w.a.issue(CAROL, NOW), w.b.recipient("sip:dave@b.example", NOW));
    let missing = Err(KeyError::Missing.into());
    for (own, to, expected) in
        [(&w.alice, &peer, Ok(())), (&carol, &peer, missing), (&w.alice, &other, missing), (&carol, &other, missing)]
    {
        let i = AwaitM2::from_bytes(i_bytes.expose()).unwrap();
        assert_eq!(i.receive(&m2, own, to, b"", NOW, &mut w.rng).map(|_| ()), expected);
    }
}

#[test]
fn m3_must_bring_back_both_identities_and_y() {
    // Alice with a modified program: all of M3 is right but one field under the seal.
    let mut w = World::new("fields of M3");
    let HalfOpen { peer, keys, mut guard, i, r, m1, m2, .. } = w.half_open(SUITE);
    let (x, _) = ephemeral(i.to_bytes().expose(), SUITE);
    let (p1, p2) = (Parts::of(&m1), Parts::of(&m2));
    let mut chain = Chain::new(SUITE, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
    chain.mix(&p1.decapsulate(&keys[0]));
    chain.open(1, &p1).unwrap();
    chain.mix(&p2.decapsulate(&w.alice));
    let y = read_body(&chain.open(2, &p2).unwrap(), 4).0[3].clone();
    let own = KeyPair::from_secret_bytes(SUITE.group(), &x).unwrap();
    let own_share = own.share().as_bytes().to_vec();
    let dh = own.agree(&Share::decode(SUITE.group(), &y).unwrap()).unwrap();
    let (kem, k3) = peer.encapsulate(&mut w.rng).unwrap();
    chain.mix_last(k3.expose(), dh.expose(), &[]);
    let (header, carol) = (p1.next_header(3, r.session_id()), w.a.identity(CAROL, NOW));
    let (r, alice, bob, carol) = (r.to_bytes(), w.alice.identity().der(), w.bob.identity().der(), carol.der());
    let refused = Err(Error::Decrypt);
    for (fields, expected) in [
        ([alice, bob, &y], Ok(())),
        ([carol, bob, &y], refused),
        ([alice, carol, &y], refused),
        ([alice, bob, &own_share], refused),
    ] {
        let m3 = chain.clone().seal(3, &header, &kem.to_bytes(), &body(&fields, &[(5, &[1; 32])]));
        let r = AwaitM3::from_bytes(r.expose()).unwrap();
        assert_eq!(r.receive(&m3, &keys, b"", &mut guard, NOW).map(|_| ()), expected);
    }
}

#[test]
fn peers_of_the_same_name_elsewhere_are_others() {
    // Carol of both districts, and of both purposes: four identities, none equal.
    let w = World::new("carols");
    let name = || Name::parse(CAROL).unwrap();
    let all =
        [&w.a, &w.b].map(|k| [Purpose::Decrypt, Purpose::Sign].map(|p| k.parameters.identity(name(), p, NOW).unwrap()));
    let all = all.concat();
    for (i, a) in all.iter().enumerate() {
        assert!(all.iter().enumerate().all(|(j, b)| (i == j) == (a == b) && (i == j) == (a.der() == b.der())));
    }
}
