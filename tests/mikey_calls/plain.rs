//! Calls that nobody disturbs, and messages that come twice, late, or not as they should.

use ibake::error::{Error, KeyError, ParametersError, PeerError, UsageError};
use ibake::mikey::call::{
    Answering, CallError, CallOffer, CallRefusal, Demand, End, Lack, Outcome, Reply, SessionOffer, Settings, policy_of,
    profile_of,
};
use ibake::mikey::numbers::{DataType, ErrorNo, PrfFunc};
use ibake::mikey::{self, Freshness, Message, SrtpPolicy, sdp};
use ibake::srtp::{Profile, Role, Stream};
use ibake::suite::Suite;

use crate::common::{ALICE, BOB, DAY, NOW};
use crate::scene::{SUITE, Scene, as_dialled, assert_same, demand, name, offer};

#[test]
fn every_group_and_profile_between_two_districts() {
    for suite in Suite::PREFERENCE {
        for d in [Demand::Bound, Demand::Rfc6267] {
            let mut s = Scene::with("plain", d);
            let call = s.call(&offer(suite));
            match (d, &call.alice, &call.bob) {
                (Demand::Bound, Outcome::Bound(_), Outcome::Bound(_)) => assert!(call.alice.lacks().is_empty()),
                (Demand::Rfc6267, Outcome::Rfc6267(_), Outcome::Rfc6267(_)) => {
                    assert_eq!(call.bob.lacks(), [Lack::Binding]);
                }
                other => panic!("{other:?}"),
            }
            let kinds = call.messages.each_ref().map(|m| Message::parse(m).unwrap().header().data_type);
            let expected = [DataType::I_MESSAGE_1, DataType::R_MESSAGE_1, DataType::I_MESSAGE_2, DataType::R_MESSAGE_2];
            assert_eq!(kinds, expected);
            let (i, r) = call.sessions();
            assert_same(&i, &r);
            assert_eq!((i.suite(), i.role(), r.role()), (suite, Role::Initiator, Role::Responder));
            assert_eq!((i.peer().name().as_str(), r.peer().name().as_str()), (BOB, ALICE));
            assert_eq!(i.sessions()[0].sender, Role::Initiator);
            assert_eq!(i.sessions()[1].sender, Role::Responder);
        }
    }
}

/// A usual INVITE with a usual description, to which the attribute is added.
const INVITE: &str = "INVITE sip:bob@b.example SIP/2.0\r
Via: SIP/2.0/UDP pc33.a.example:5060;branch=z9hG4bK776asdhds\r
Max-Forwards: 70\r
From: \"Alice\" <sip:alice@a.example>;tag=1928301774\r
To: <sip:bob@b.example>\r
Call-ID: a84b4c76e66710@pc33.a.example\r
CSeq: 314159 INVITE\r
Contact: <sip:alice@pc33.a.example:5060>\r
Allow: INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS\r
Supported: replaces, timer\r
Content-Type: application/sdp\r
Content-Length: 0900\r
\r
v=0\r
o=alice 2890844526 2890844526 IN IP4 192.0.2.101\r
s=-\r
c=IN IP4 192.0.2.101\r
t=0 0\r
m=audio 49172 RTP/SAVP 96 8 0 101\r
a=rtpmap:96 opus/48000/2\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:101 telephone-event/8000\r
a=sendrecv\r
";

/// What is sent is as long as SPEC.md 13.8 says, and requests of SIP as README.md says.
#[test]
fn sizes_on_the_wire() {
    let rows = [
        (Suite::P256Aes256Gcm, "P-256"),
        (Suite::P384Aes256Gcm, "P-384"),
        (Suite::P521Aes256Gcm, "P-521"),
        (Suite::X25519ChaCha20Poly1305, "X25519"),
        (Suite::P256MlKem768Aes256Gcm, "P-256 with ML-KEM-768"),
    ];
    let spec = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/SPEC.md")).unwrap();
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut missing = Vec::new();
    for (suite, group) in rows {
        let call = Scene::new("sizes").call(&offer(suite)).messages;
        assert!(call.iter().all(|m| m.len() < usize::from(u16::MAX)));
        let [i1, r1, i2, r2] = call.map(|m| ibake::mikey::sdp::line(&m).unwrap().len() + 2);
        let row = format!("| {group} | {i1}, {r1}, {i2}, {r2} | {} | {} |", INVITE.len() + i1, INVITE.len() + i2);
        println!("{row}");
        if !readme.contains(&row) {
            missing.push(row);
        }
        let sizes = [Demand::Bound, Demand::Rfc6267].map(|d| {
            let lengths = Scene::with("sizes", d).call(&offer(suite)).messages.map(|m| m.len());
            lengths.map(|n| n.to_string()).join(", ")
        });
        let row = format!("| {group} | {} | {} |", sizes[0], sizes[1]);
        println!("{row}");
        if !spec.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "SPEC.md or README.md has no such rows: {missing:#?}");
}

#[test]
fn keys_differ_by_session_and_call_and_come_in_the_forms_of_srtp() {
    let mut s = Scene::new("forms");
    let (i, r) = s.call(&offer(SUITE)).sessions();
    let (other, _) = s.call(&offer(SUITE)).sessions();
    let keys: Vec<_> = i.media().map(|(_, k)| k.key_and_salt().to_vec()).collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
    assert_ne!(other.keys().tgk().expose(), i.keys().tgk().expose());
    let (cs, ours) = i.media().next().unwrap();
    assert_eq!((cs.cs_id, cs.ssrc, cs.profile), (1, 0x1111, Profile::AeadAes256Gcm));
    assert_eq!(ours.sdes_inline().expose(), r.keys().srtp(1).unwrap().sdes_inline().expose());
    assert_eq!((ours.key().len(), ours.salt().len()), (32, 12));
    assert!(!ours.session_keys(Stream::Rtcp, 0).cipher_key().is_empty());
    assert!(r.sessions()[1].ssrc != 0 && i.keys().srtp(3).is_none());
    // Nothing secret is printed.
    let shown = format!("{i:?} {:?}", i.keys());
    assert!(!shown.contains("tgk") && shown.contains("Keys"));
}

#[test]
fn both_sides_derive_as_the_rfc_says() {
    // The TGK gives the TEKs by RFC 3830 section 4.1.3, with the RAND of I_MESSAGE_1.
    let mut s = Scene::new("derive");
    let call = s.call(&offer(SUITE));
    let rand = Message::parse(&call.messages[0]).unwrap().rand().unwrap().to_vec();
    let (i, _) = call.sessions();
    for (cs, keys) in i.media() {
        let derive = |what, n| {
            let at = (i.csb_id(), cs.cs_id);
            mikey::derive::from_tgk(PrfFunc::HMAC_SHA_256, i.keys().tgk(), what, at, &rand, n).unwrap()
        };
        assert_eq!(derive(mikey::derive::TgkKey::Tek, 32).expose(), keys.key());
        assert_eq!(derive(mikey::derive::TgkKey::Salting, 12).expose(), keys.salt());
    }
}

#[test]
fn many_sessions_with_an_mki_and_profiles_chosen_by_both() {
    let mut s = Scene::new("many");
    s.settings_r.profiles = vec![Profile::AesCm128HmacSha1_32, Profile::Aes256CmHmacSha1_80];
    let session = |ssrc, profiles: &[Profile]| SessionOffer { ssrc, profiles: profiles.to_vec() };
    let sessions = vec![
        session(Some(1), &Profile::ALL),
        session(None, &[Profile::AeadAes128Gcm, Profile::Aes256CmHmacSha1_80]),
        session(Some(7), &[Profile::Aes256CmHmacSha1_80, Profile::AesCm128HmacSha1_32]),
        session(None, &[Profile::AesCm128HmacSha1_32]),
    ];
    let offer = CallOffer { mki: vec![0, 1], ..CallOffer::new(SUITE, sessions) };
    let (i, r) = s.call(&offer).sessions();
    assert_same(&i, &r);
    let got: Vec<_> = i.sessions().iter().map(|c| c.profile).collect();
    use Profile::{Aes256CmHmacSha1_80 as Cm256, AesCm128HmacSha1_32 as Short};
    assert_eq!(got, [Short, Cm256, Cm256, Short]);
    assert_eq!(i.keys().mki(), [0, 1]);
    // No policy in common.
    s.settings_r.profiles = vec![Profile::F8_128HmacSha1_80];
    let (_, i1) = s.dial();
    let refused = s.bob_answers(&i1).unwrap_err();
    assert_eq!(refused, CallRefusal::NoPolicy { cs_id: 1 }.into());
    assert_eq!(refused.number(), ErrorNo::INVALID_SP);
    let t = Message::parse(&i1).unwrap().timestamp().unwrap();
    let error = mikey::call::error_message(1, PrfFunc::HMAC_SHA_256, t, refused.number()).unwrap();
    assert_eq!(Message::parse(&error).unwrap().header().data_type, DataType::ERROR);
}

#[test]
fn policies_and_profiles_are_the_same_thing_written_twice() {
    for profile in Profile::ALL {
        assert_eq!(profile_of(&policy_of(profile)), Some(profile));
    }
    let default = SrtpPolicy::default();
    assert_eq!(profile_of(&default), Some(Profile::AesCm128HmacSha1_80), "SRTP's own default");
    let full = policy_of(Profile::AesCm128HmacSha1_80);
    for bad in [
        SrtpPolicy { encr_alg: Some(0), ..full },
        SrtpPolicy { srtp_encryption: Some(false), ..full },
        SrtpPolicy { srtcp_encryption: Some(false), ..full },
        SrtpPolicy { srtp_authentication: Some(false), ..full },
        SrtpPolicy { auth_alg: Some(0), ..full },
        SrtpPolicy { auth_key_len: Some(10), auth_tag_len: None, ..full },
        SrtpPolicy { auth_tag_len: Some(5), ..full },
        SrtpPolicy { key_derivation_rate: Some(1), ..full },
        SrtpPolicy { prf: Some(1), ..full },
        SrtpPolicy { salt_len: Some(12), ..full },
        SrtpPolicy { prefix_len: Some(1), ..full },
        SrtpPolicy { aead_tag_len: Some(8), ..policy_of(Profile::AeadAes128Gcm) },
    ] {
        assert_eq!(profile_of(&bad), None, "{bad:?}");
    }
}

#[test]
fn the_mandatory_algorithms_of_rfc_3830_are_there_for_who_accepts_them() {
    let mut s = Scene::new("mandatory");
    let old = CallOffer { prf: PrfFunc::MIKEY_1, ..offer(SUITE) };
    s.settings_i.rfc3830_algorithms = true;
    let (_, i1) = s.dial_with(&old);
    assert!(matches!(s.bob_answers(&i1), Err(CallError::Message(_))));
    s.settings_r.rfc3830_algorithms = true;
    let call = s.call(&old);
    assert_eq!(Message::parse(&call.messages[3]).unwrap().tag().unwrap().bytes.len(), 20);
    let (i, r) = call.sessions();
    assert_same(&i, &r);
}

#[test]
fn what_each_end_demands_is_what_it_gets() {
    use Demand::{Bound, BoundIfPossible, Rfc6267};
    for (di, dr, result) in [
        (Bound, BoundIfPossible, Some(true)),
        (BoundIfPossible, Bound, Some(true)),
        (BoundIfPossible, BoundIfPossible, Some(true)),
        (BoundIfPossible, Rfc6267, Some(false)),
        (Rfc6267, BoundIfPossible, Some(false)),
        (Bound, Rfc6267, None),
        (Rfc6267, Bound, None),
    ] {
        let mut s = Scene { settings_i: demand(di), settings_r: demand(dr), ..Scene::new("demand") };
        if let Some(bound) = result {
            let call = s.call(&offer(SUITE));
            assert_eq!(matches!(call.alice, Outcome::Bound(_)), bound);
            let (i, r) = call.sessions();
            assert_same(&i, &r);
            continue;
        }
        let (dialled, i1) = s.dial();
        let refused = match s.bob_answers(&i1) {
            Ok((_, r1)) => s.alice_hears(dialled, &r1).unwrap_err().0,
            Err(e) => e,
        };
        assert_eq!(refused, CallRefusal::NotBound.into());
    }
}

#[test]
fn a_message_that_comes_again_gets_the_stored_bytes() {
    let mut s = Scene::new("again");
    let (dialled, i1) = s.dial();
    let (half, r1) = s.bob_answers(&i1).unwrap();
    assert_eq!(half.repeat(&i1), Some(&r1[..]));
    assert_eq!(half.repeat(&r1), None);
    let ready = as_dialled(s.alice_hears(dialled, &r1).unwrap());
    let (waiting, i2) = s.alice_goes_on(ready);
    assert_eq!(waiting.repeat(&r1), Some(&i2[..]));
    let (bob, r2) = s.bob_hears(half, &i2).unwrap();
    let bob = crate::scene::session(bob);
    assert_eq!((bob.repeat(&i2), bob.repeat(&i1)), (Some(&r2[..]), Some(&r1[..])));
    let alice = crate::scene::session(s.alice_ends(waiting, &r2).unwrap());
    assert_eq!((alice.repeat(&r1), alice.repeat(&r2)), (Some(&i2[..]), None));
    assert_same(&alice, &bob);
}

#[test]
fn a_bad_message_leaves_the_state_and_the_right_one_still_works() {
    let mut s = Scene::new("unchanged");
    let (dialled, i1) = s.dial();
    let (half, r1) = s.bob_answers(&i1).unwrap();
    let damaged = |m: &[u8]| {
        let mut m = m.to_vec();
        *m.last_mut().unwrap() ^= 1;
        m
    };
    let (e, state) = s.alice_hears(dialled, &damaged(&r1)).unwrap_err();
    assert_eq!(e, Error::Decrypt.into());
    let ready = as_dialled(s.alice_hears(state.unwrap(), &r1).unwrap());
    let (waiting, i2) = s.alice_goes_on(ready);
    let (e, state) = s.bob_hears(half, &damaged(&i2)).unwrap_err();
    assert_eq!(e, Error::Decrypt.into());
    let (e, state) = s.bob_hears(state.unwrap(), &i1).unwrap_err();
    let unexpected = CallRefusal::Unexpected { expected: DataType::I_MESSAGE_2, got: DataType::I_MESSAGE_1 };
    assert_eq!(e, unexpected.into());
    let (bob, r2) = s.bob_hears(state.unwrap(), &i2).unwrap();
    let (e, state) = s.alice_ends(waiting, &damaged(&r2)).unwrap_err();
    assert_eq!(e, mikey::Error::Unauthentic.into());
    let alice = s.alice_ends(state.unwrap(), &r2).unwrap();
    assert_same(&crate::scene::session(alice), &crate::scene::session(bob));
}

#[test]
fn too_many_bad_messages_and_the_deadline_end_a_state() {
    let mut s = Scene::new("tries");
    let (dialled, i1) = s.dial();
    let (_, r1) = s.bob_answers(&i1).unwrap();
    let mut damaged = r1.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut state = Some(dialled);
    for n in 1..=mikey::call::TRIES {
        let (e, next) = s.alice_hears(state.take().unwrap(), &damaged).unwrap_err();
        assert_eq!((e, next.is_some()), (Error::Decrypt.into(), n < mikey::call::TRIES));
        state = next;
    }
    let (dialled, _) = s.dial();
    let trust = s.trust();
    let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    let late = dialled.receive(&end, &r1, NOW + 61, &mut s.rng).unwrap_err();
    assert_eq!((late.error, late.state.is_none()), (PeerError::Deadline.into(), true));
}

#[test]
fn old_and_future_messages_and_expired_keys_are_refused_before_a_private_key_is_used() {
    let mut s = Scene::new("late");
    let (_, i1) = s.dial();
    let trust = s.trust();
    let at = |s: &mut Scene, keys: &[_], now| {
        let end = End { settings: &s.settings_r, keys, directory: &trust };
        end.answer(&mut s.replay, &i1, &Answering::DIALLED, now, &mut s.rng).map(drop)
    };
    let bob = vec![s.b.issue(BOB, NOW)];
    assert!(matches!(
        at(&mut s, &bob, NOW + 302),
        Err(CallError::Refused(CallRefusal::Timestamp(Freshness::Old { .. })))
    ));
    assert!(matches!(
        at(&mut s, &bob, NOW - 302),
        Err(CallError::Refused(CallRefusal::Timestamp(Freshness::New { .. })))
    ));
    let old = vec![s.b.issue(BOB, NOW - 7 * DAY)];
    assert_eq!(at(&mut s, &old, NOW), Err(KeyError::Missing.into()));
    assert_eq!(at(&mut s, &bob, NOW + 299), Ok(()));
    // An own key of yesterday does not call.
    let yesterday = vec![s.a.issue(ALICE, NOW - DAY)];
    let end = End { settings: &s.settings_i, keys: &yesterday, directory: &trust };
    let refused = end.call(yesterday[0].identity(), &name(BOB), &offer(SUITE), NOW, &mut s.rng).unwrap_err();
    assert_eq!(refused, KeyError::Expired.into());
}

#[test]
fn what_cannot_be_called_is_refused() {
    let mut s = Scene::new("cannot");
    let trust = s.trust();
    let nobody = |_: &ibake::ibe::Name, _: u64| None;
    let own = s.alice[0].identity().clone();
    let mut call = |settings: &Settings, directory: &dyn mikey::call::Directory, who: &str, offer: &CallOffer| {
        let end = End { settings, keys: &s.alice, directory };
        end.call(&own, &name(who), offer, NOW, &mut s.rng).map(drop)
    };
    let settings = Settings::default();
    assert_eq!(call(&settings, &trust, ALICE, &offer(SUITE)), Err(PeerError::SameIdentity.into()));
    assert_eq!(call(&settings, &nobody, BOB, &offer(SUITE)), Err(ParametersError::Unknown.into()));
    let few = Settings { suites: vec![Suite::P384Aes256Gcm], ..Settings::default() };
    assert_eq!(call(&few, &trust, BOB, &offer(SUITE)), Err(PeerError::NoCommonSuite.into()));
    for sessions in [
        vec![],
        vec![SessionOffer { ssrc: Some(0), profiles: vec![Profile::AeadAes128Gcm] }],
        vec![SessionOffer { ssrc: None, profiles: vec![] }],
        vec![SessionOffer { ssrc: None, profiles: vec![Profile::AeadAes128Gcm; 2] }],
        vec![SessionOffer { ssrc: None, profiles: vec![Profile::AeadAes128Gcm] }; 33],
    ] {
        let refused = call(&settings, &trust, BOB, &CallOffer::new(SUITE, sessions));
        assert!(matches!(refused, Err(CallError::Refused(CallRefusal::Sessions(_)))), "{refused:?}");
    }
    let long = CallOffer { mki: vec![0; 129], ..offer(SUITE) };
    assert!(matches!(call(&settings, &trust, BOB, &long), Err(CallError::Refused(CallRefusal::Sessions(_)))));
    // The group is the called side's choice, too.
    let (_, i1) = s.dial();
    s.settings_r.suites = vec![Suite::P384Aes256Gcm];
    assert_eq!(s.bob_answers(&i1).unwrap_err(), PeerError::NoCommonSuite.into());
}

#[test]
fn the_list_of_protocols_is_under_the_seal() {
    let mut s = Scene::new("protocols");
    let (_, i1) = s.dial_with(&CallOffer { protocols: Some("mikey;other".into()), ..offer(SUITE) });
    let text = format!("v=0\r\n{}\r\na=key-mgmt:other AQID\r\n", sdp::line(&i1).unwrap());
    let description = sdp::Description::parse(&text).unwrap();
    assert!(s.bob_answers(&i1).is_ok());
    assert!(sdp::verify_offer(&Message::parse(&i1).unwrap(), &description).is_ok());
    let cut = sdp::line(&i1).unwrap();
    let description = sdp::Description::parse(&cut).unwrap();
    assert!(sdp::verify_offer(&Message::parse(&i1).unwrap(), &description).is_err());
}

/// States up to the message with this index, and that message; the last one is given to `take` with every byte changed.
fn flipped(d: Demand, index: usize) {
    let mut at = 0;
    let mut length = usize::MAX;
    while at < length {
        // A state ends after sixteen bad messages, so each dozen bytes has a call of its own; the seed makes it the same one.
        let mut s = Scene::with("flips", d);
        let places = at..at + 12;
        at += 12;
        let flips = |m: &[u8]| -> Vec<Vec<u8>> {
            let flip = |n: usize| {
                let mut flipped = m.to_vec();
                flipped[n] ^= 1 << (n % 8);
                flipped
            };
            places.clone().filter(|n| *n < m.len()).map(flip).collect()
        };
        let (mut dialled, i1) = s.dial();
        if index == 0 {
            length = i1.len();
            for bad in flips(&i1) {
                assert!(s.bob_answers(&bad).is_err(), "{d:?}");
            }
        }
        let (mut half, r1) = s.bob_answers(&i1).unwrap();
        if index == 1 {
            length = r1.len();
            for bad in flips(&r1) {
                dialled = s.alice_hears(dialled, &bad).unwrap_err().1.unwrap();
            }
        }
        let ready = as_dialled(s.alice_hears(dialled, &r1).unwrap());
        if index < 2 {
            continue;
        }
        let (mut waiting, i2) = s.alice_goes_on(ready);
        if index == 2 {
            length = i2.len();
            for bad in flips(&i2) {
                half = s.bob_hears(half, &bad).map(drop).unwrap_err().1.unwrap();
            }
        }
        let (_, r2) = s.bob_hears(half, &i2).unwrap();
        if index == 3 {
            length = r2.len();
            for bad in flips(&r2) {
                waiting = s.alice_ends(waiting, &bad).map(drop).unwrap_err().1.unwrap();
            }
        }
        assert!(s.alice_ends(waiting, &r2).is_ok());
    }
    assert!(length > 100 && length < 2000);
}

#[test]
fn every_byte_of_every_message_is_covered() {
    for d in [Demand::Bound, Demand::Rfc6267] {
        (0..4).for_each(|index| flipped(d, index));
    }
}

#[test]
fn reply_names_who_answered() {
    let mut s = Scene::new("reply");
    let (dialled, i1) = s.dial();
    let (half, r1) = s.bob_answers(&i1).unwrap();
    assert_eq!(half.claimed_initiator(), s.alice[0].identity());
    assert_eq!(dialled.dialled(), s.bob[0].identity());
    assert_eq!(dialled.csb_id(), half.csb_id());
    assert!(matches!(s.alice_hears(dialled, &r1).unwrap(), Reply::AsDialled(_)));
    // An update while one is under way.
    let (mut i, _) = s.call(&offer(SUITE)).sessions();
    let trust = s.trust();
    let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    let update = mikey::call::UpdateOffer::default();
    i.update(&end, &update, NOW, &mut s.rng).unwrap();
    assert_eq!(i.update(&end, &update, NOW, &mut s.rng).unwrap_err(), UsageError::WrongState.into());
}

/// `p - y` for P-256.
pub(crate) fn p256_minus(y: &[u8]) -> Vec<u8> {
    let p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let p: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&p[2 * i..2 * i + 2], 16).unwrap()).collect();
    let (mut out, mut borrow) = (vec![0; 32], 0i16);
    for i in (0..32).rev() {
        let d = i16::from(p[i]) - i16::from(y[i]) - borrow;
        borrow = i16::from(d < 0);
        out[i] = (d & 0xff) as u8;
    }
    out
}
