//! What the service does with requests.

use std::rc::Rc;

use crate::common::{ALICE, CAROL, DAY, NOW, Seeded, World};
use crate::support::{ALICE_PSK, B_TID, Kms, Test, WORK, day, keys, name, opened_by_credential, retagged};
use ibake::error::{DecodeReason, Error};
use ibake::ibe::Purpose;
use ibake::ibe::extract::PrivateKey;
use ibake::mikey::numbers::{DataType, EncrAlg, ErrorNo, IdRole, IdType, KeyType, MacAlg, PayloadType, TsRole};
use ibake::mikey::request::{
    Algorithms, Answer, Ask, DEADLINE, Failed, Handled, KEYS, Refusal, Replay, SKEW, Service, Transit,
};
use ibake::mikey::{
    Chain, Error as MikeyError, Freshness, Header, Id, IdR, Kemac, KeyValidity, Message, Payload, Refused, Timestamp,
    TimestampR, Verification, Within, explain,
};

#[test]
fn one_key_comes_in_either_form_and_with_either_algorithms() {
    let mut t = Test::new("one key");
    for transit in [Transit::Sealed, Transit::CredentialOnly] {
        for algorithms in [Algorithms::Strong, Algorithms::Mandatory] {
            let (names, periods) = ([name(ALICE)], [day(NOW)]);
            let mut rng = t.rng.clone();
            let ask = Ask { transit, algorithms, ..t.ask(&names, &periods, &[Purpose::Decrypt]) };
            let (pending, request) = ask.request(NOW, &mut rng).unwrap();
            t.rng = rng;
            let Handled::Issued { answer, identities, transit: used } = t.handle(&request) else { panic!() };
            assert_eq!((identities.as_slice(), used), (pending.wanted(), transit));
            let keys = keys(pending.receive(&answer, NOW + 1));
            assert_eq!(keys.len(), 1);
            assert_eq!(keys[0].identity().name().as_str(), ALICE);
            keys[0].verify(&t.parameters).unwrap();
            for bytes in [&request, &answer] {
                assert!(explain(bytes).fault.is_none());
            }
            println!("{transit:?}, {algorithms:?}: {} and {} bytes", request.len(), answer.len());
        }
    }
}

#[test]
fn many_names_dates_and_purposes_come_in_one_answer() {
    let mut t = Test::new("many keys");
    let (names, periods) = ([name(ALICE), name(WORK)], [day(NOW), day(NOW + DAY), day(NOW + 2 * DAY), day(NOW - DAY)]);
    let mut rng = t.rng.clone();
    let ask = t.ask(&names, &periods, &[Purpose::Decrypt, Purpose::Sign]);
    let (pending, request) = ask.request(NOW, &mut rng).unwrap();
    let answer = t.issued(&request);
    let keys = keys(pending.receive(&answer, NOW));
    assert_eq!(keys.len(), KEYS);
    let mut expected = Vec::new();
    for n in &names {
        for p in &periods {
            for purpose in [Purpose::Decrypt, Purpose::Sign] {
                expected.push((n.clone(), *p, purpose));
            }
        }
    }
    let got: Vec<_> =
        keys.iter().map(PrivateKey::identity).map(|i| (i.name().clone(), i.period(), i.purpose())).collect();
    assert_eq!(got, expected);
    // A signing key signs, a decryption key does not.
    assert!(ibake::ibe::sign::sign_deterministic(&keys[1], b"test", b"m").is_ok());
    assert!(ibake::ibe::sign::sign_deterministic(&keys[0], b"test", b"m").is_err());
}

#[test]
fn a_credential_may_have_a_name_of_its_own() {
    let mut t = Test::new("b-tid");
    let (names, periods) = ([name(WORK)], [day(NOW)]);
    let mut rng = t.rng.clone();
    let psk_name = Some(Id { kind: IdType::BYTES, data: B_TID });
    let ask = Ask { psk_name, ..t.ask(&names, &periods, &[Purpose::Decrypt]) };
    let (pending, request) = ask.request(NOW, &mut rng).unwrap();
    let answer = t.issued(&request);
    assert_eq!(keys(pending.receive(&answer, NOW))[0].identity().name().as_str(), WORK);
    assert_eq!(*t.looked_up.borrow(), [B_TID.to_vec()]);
    // Without it the first name is meant, which is none of a credential here.
    let (_, request) = t.ask(&names, &periods, &[Purpose::Decrypt]).request(NOW, &mut rng).unwrap();
    assert_eq!(t.refused(&request, ErrorNo::AUTH_FAILURE).0, Refusal::Unauthentic);
}

#[test]
fn every_flipped_bit_of_a_request_is_refused() {
    let mut t = Test::new("flipped request");
    let (_, request) = t.simple(Transit::Sealed);
    for at in 0..request.len() {
        for bit in 0..8 {
            let mut bad = request.clone();
            bad[at] ^= 1 << bit;
            let found = t.handle(&bad);
            assert!(!matches!(found, Handled::Issued { .. }), "byte {at}, bit {bit}: {found:?}");
        }
    }
    // None of them was remembered in place of the good one.
    t.issued(&request);
}

#[test]
fn every_flipped_bit_of_an_answer_is_refused_and_does_no_harm() {
    let mut t = Test::new("flipped answer");
    let (pending, request) = t.simple(Transit::Sealed);
    let answer = t.issued(&request);
    for at in 0..answer.len() {
        for bit in 0..8 {
            let mut bad = answer.clone();
            bad[at] ^= 1 << bit;
            assert!(pending.receive(&bad, NOW).is_err(), "byte {at}, bit {bit}");
        }
        assert!(pending.receive(&answer[..at], NOW).is_err());
    }
    assert_eq!(keys(pending.receive(&answer, NOW)).len(), 1);
}

#[test]
fn replays_are_dropped_for_as_long_as_they_are_fresh() {
    let mut t = Test::new("replay");
    let (_, request) = t.simple(Transit::Sealed);
    t.issued(&request);
    for now in [NOW, NOW + 1, NOW + SKEW] {
        let found = t.service.handle(&request, now, &mut t.rng);
        assert!(matches!(found, Handled::Dropped(Refusal::Replay)), "{found:?}");
    }
    let found = t.service.handle(&request, NOW + SKEW + 1, &mut t.rng);
    assert!(matches!(found, Handled::Refused { why: Refusal::Time(Freshness::Old { by: 1 }), .. }), "{found:?}");
    // The same bundle, time and RAND with another key to seal to: the key stream would be used twice.
    let (_, other) = t.simple(Transit::Sealed);
    let second = retagged(&request, &ALICE_PSK, |_, payloads| {
        let ours = payloads.iter().position(|p| matches!(p, Payload::Extension(_))).unwrap();
        let all = Message::parse(&other).unwrap();
        payloads[ours] = *all.payloads().find(|p| matches!(p, Payload::Extension(_))).unwrap();
    });
    assert!(second != request && matches!(t.handle(&second), Handled::Dropped(Refusal::Replay)));
    // From the future, as far as may be: seen again when the clock has caught up and passed.
    let mut t = Test::new("replay from the future");
    let (_, request) = t.simple(Transit::Sealed);
    assert!(matches!(t.service.handle(&request, NOW - SKEW, &mut t.rng), Handled::Issued { .. }));
    let found = t.service.handle(&request, NOW + SKEW, &mut t.rng);
    assert!(matches!(found, Handled::Dropped(Refusal::Replay)), "{found:?}");
}

#[test]
fn a_full_cache_refuses_until_there_is_room() {
    let mut t = Test::new("full");
    let World { a, .. } = World::new("full");
    t.service =
        Service::new(Kms { kgs: a, lie: None, looked_up: Rc::default() }, Replay::new(1), &mut Seeded::new("service"))
            .unwrap();
    let (first, second) = (t.simple(Transit::Sealed).1, t.simple(Transit::Sealed).1);
    t.issued(&first);
    assert!(matches!(t.handle(&second), Handled::Dropped(Refusal::Busy)));
    let (names, periods) = ([name(ALICE)], [day(NOW)]);
    let mut rng = t.rng.clone();
    let late = NOW + 2 * SKEW + 1;
    let (_, third) = t.ask(&names, &periods, &[Purpose::Decrypt]).request(late, &mut rng).unwrap();
    assert!(matches!(t.service.handle(&third, late, &mut rng), Handled::Issued { .. }));
}

#[test]
fn times_outside_the_skew_are_refused() {
    let mut t = Test::new("times");
    let (pending, request) = t.simple(Transit::Sealed);
    for (now, why) in [(NOW + SKEW + 7, Freshness::Old { by: 7 }), (NOW - SKEW - 7, Freshness::New { by: 7 })] {
        let Handled::Refused { answer, why: found } = t.service.handle(&request, now, &mut t.rng) else { panic!() };
        assert_eq!(found, Refusal::Time(why));
        // Nobody has been authenticated, so it is a hint.
        assert!(matches!(pending.receive(&answer, NOW), Ok(Answer::Hint(ErrorNo::INVALID_TS))));
    }
    let unix = retagged(&request, &ALICE_PSK, |_, p| {
        p[0] = Payload::T(Timestamp { value: NOW << 32, ..Timestamp::ntp_utc(NOW, 0) });
    });
    let found = t.refused(&unix, ErrorNo::INVALID_TS).0;
    assert_eq!(found, Refusal::Time(Freshness::UnixTime { unix: NOW }));
    let counter = retagged(&request, &ALICE_PSK, |_, p| {
        p[0] = Payload::T(Timestamp { kind: ibake::mikey::numbers::TsType::COUNTER, value: 7 });
    });
    assert_eq!(t.refused(&counter, ErrorNo::INVALID_TS).0, Refusal::Time(Freshness::Counter));
    // The client waits so long and no longer.
    let answer = t.issued(&request);
    assert_eq!(pending.receive(&answer, NOW + DEADLINE + 1).err(), Some(Failed::Late));
    assert_eq!(keys(pending.receive(&answer, NOW + DEADLINE)).len(), 1);
}

#[test]
fn a_request_for_another_kms_is_refused() {
    let mut t = Test::new("other kms");
    let (_, request) = t.simple(Transit::Sealed);
    let to = |data: &'static [u8]| {
        retagged(&request, &ALICE_PSK, move |_, payloads| {
            for p in payloads {
                if let Payload::Idr(i) = p
                    && i.role == IdRole::KMS
                {
                    i.id.data = data;
                }
            }
        })
    };
    for other in [&b"https://kgs.b.example"[..], b"", b"https://kgs.a.example/"] {
        assert_eq!(t.refused(&to(other), ErrorNo::INVALID_ID).0, Refusal::OtherKms);
    }
    let none = retagged(&request, &ALICE_PSK, |_, payloads| {
        payloads.retain(|p| !matches!(p, Payload::Idr(i) if i.role == IdRole::KMS));
    });
    assert_eq!(t.refused(&none, ErrorNo::INVALID_ID).0, Refusal::OtherKms);
}

#[test]
fn strangers_and_wrong_keys_get_the_same_answer() {
    let mut t = Test::new("strangers");
    let (pending, request) = t.simple(Transit::Sealed);
    // One request, once as alice with a wrong key, once as somebody who is not known.
    let wrong = retagged(&request, &[7; 32], |_, _| {});
    let stranger = retagged(&request, &[7; 32], |_, payloads| {
        for p in payloads {
            if let Payload::Idr(i) = p
                && i.role == IdRole::INITIATOR
            {
                i.id.data = b"sip:mallory@a.example";
            }
        }
    });
    let (why, of_wrong) = t.refused(&wrong, ErrorNo::AUTH_FAILURE);
    assert_eq!(why, Refusal::Unauthentic);
    let (why, of_stranger) = t.refused(&stranger, ErrorNo::AUTH_FAILURE);
    assert_eq!(why, Refusal::Unauthentic);
    assert_eq!(of_wrong, of_stranger);
    // Both were looked up once, and neither was remembered.
    assert_eq!(t.looked_up.borrow().len(), 2);
    assert!(matches!(pending.receive(&of_wrong, NOW), Ok(Answer::Hint(ErrorNo::AUTH_FAILURE))));
    t.issued(&request);
}

#[test]
fn identities_that_policy_denies_are_refused_with_a_tag() {
    let mut t = Test::new("policy");
    let mut rng = t.rng.clone();
    let today = [day(NOW)];
    for (names, periods) in [
        // Somebody else's name, also among one's own; a date too far ahead.
        (vec![name(CAROL)], &today[..]),
        (vec![name(ALICE), name(CAROL)], &today[..]),
        (vec![name(ALICE)], &[day(NOW), day(NOW + 5 * DAY)]),
    ] {
        let psk_name = Some(Id { kind: IdType::URI, data: ALICE.as_bytes() });
        let ask = Ask { psk_name, ..t.ask(&names, periods, &[Purpose::Decrypt]) };
        let (pending, request) = ask.request(NOW, &mut rng).unwrap();
        let (why, answer) = t.refused(&request, ErrorNo::INVALID_ID);
        assert_eq!(why, Refusal::Denied);
        assert!(matches!(pending.receive(&answer, NOW), Ok(Answer::Refused(ErrorNo::INVALID_ID))));
        // Whoever takes the tag away, or makes one up, does not refuse in the name of the service.
        let message = Message::parse(&answer).unwrap();
        let bare: Vec<_> = message.payloads().copied().filter(|p| !matches!(p, Payload::V(_))).collect();
        let bare = ibake::mikey::encode(message.header(), &bare).unwrap();
        assert!(matches!(pending.receive(&bare, NOW), Ok(Answer::Hint(ErrorNo::INVALID_ID))));
        let mut forged = answer.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(pending.receive(&forged, NOW).err(), Some(Failed::Mikey(MikeyError::Unauthentic)));
    }
}

#[test]
fn other_requests_are_refused_for_what_they_are() {
    let mut t = Test::new("other requests");
    let (_, request) = t.simple(Transit::Sealed);
    let edit = |edit: fn(&mut Header<'_>, &mut Vec<Payload<'_>>)| retagged(&request, &ALICE_PSK, |h, p| edit(h, p));
    let pke = edit(|h, _| h.data_type = DataType::REQUEST_KEY_PKE);
    assert_eq!(t.refused(&pke, ErrorNo::UNSUPPORTED_MESSAGE_TYPE).0, Refusal::PublicKey);
    let other = edit(|h, _| h.data_type = DataType::REQUEST_INIT_PSK);
    assert!(matches!(t.handle(&other), Handled::Dropped(Refusal::NotForUs)));
    assert!(matches!(t.handle(b"no message"), Handled::Dropped(Refusal::Parse(_))));
    let no_time = edit(|_, p| {
        p.remove(0);
    });
    assert!(matches!(t.handle(&no_time), Handled::Dropped(Refusal::Malformed(Refused::Missing(PayloadType::T)))));
    let twice = edit(|_, p| p.insert(0, p[1]));
    assert_eq!(t.refused(&twice, ErrorNo::UNSPECIFIED).0, Refusal::Malformed(Refused::Repeated(PayloadType::RAND)));
    let short = edit(|_, p| p[1] = Payload::Rand(&[1; 15]));
    assert_eq!(
        t.refused(&short, ErrorNo::UNSPECIFIED).0,
        Refusal::Malformed(Refused::Length { what: "RAND", got: 15 })
    );
    let sha1 =
        edit(|_, p| *p.last_mut().unwrap() = Payload::V(Verification { alg: MacAlg::HMAC_SHA_1_160, data: &[0; 20] }));
    assert_eq!(t.refused(&sha1, ErrorNo::INVALID_MAC).0, Refusal::Algorithm);
    let own_keys = edit(|_, p| {
        let at = p.len() - 1;
        let kemac = Kemac { encr_alg: EncrAlg::AES_CM_256, encr_data: &[1; 16], mac_alg: MacAlg::NULL, mac: &[] };
        p.insert(at, Payload::Kemac(kemac));
    });
    assert_eq!(t.refused(&own_keys, ErrorNo::UNSPECIFIED).0, Refusal::Malformed(Refused::Field("KEMAC")));
    let nobody = edit(|_, p| p.retain(|p| !matches!(p, Payload::Idr(i) if i.role == IdRole::INITIATOR)));
    assert_eq!(t.refused(&nobody, ErrorNo::UNSPECIFIED).0, Refusal::Malformed(Refused::Missing(PayloadType::IDR)));
    // From here on the requester is known. Each of them would be a replay of the others, so each has its own RAND.
    let known = |n: u8, edit: &dyn Fn(&mut Vec<Payload<'_>>)| {
        let rand = [n; 16];
        retagged(&request, &ALICE_PSK, |_, p| {
            edit(p);
            p.iter_mut().for_each(|p| {
                if matches!(p, Payload::Rand(_)) {
                    *p = Payload::Rand(Box::leak(Box::new(rand)));
                }
            });
        })
    };
    let me = |data| Payload::Idr(IdR { role: IdRole::INITIATOR, id: Id { kind: IdType::URI, data } });
    let misspelt = known(1, &|p| p.insert(3, me(b"SIP:alice@a.example")));
    assert_eq!(t.refused(&misspelt, ErrorNo::INVALID_ID).0, Refusal::Name);
    let mistyped = known(2, &|p| p.insert(3, me(WORK.as_bytes())));
    assert_eq!(t.refused(&mistyped, ErrorNo::INVALID_ID).0, Refusal::Name);
    let doubled = known(3, &|p| p.insert(3, me(ALICE.as_bytes())));
    assert_eq!(t.refused(&doubled, ErrorNo::INVALID_ID).0, Refusal::TooMany);
    let many = known(4, &|p| (0..8).for_each(|_| p.insert(3, me(ALICE.as_bytes()))));
    assert_eq!(t.refused(&many, ErrorNo::UNSPECIFIED).0, Refusal::TooMany);
    let date = |unix| Payload::Tr(TimestampR { role: TsRole::START, timestamp: Timestamp::ntp_utc(unix, 0) });
    let outside = known(5, &|p| p.insert(3, date(NOW + 900 * DAY)));
    assert_eq!(t.refused(&outside, ErrorNo::UNSPECIFIED).0, Refusal::Period);
    let ext = |data| {
        Payload::Extension(ibake::mikey::Extension { kind: ibake::mikey::numbers::ExtensionType::VENDOR_ID, data })
    };
    let wrong = Refusal::Malformed(Refused::Field("request extension"));
    let marked: &[u8] = b"\x00\x00\x00\x17IBAKE-V01 mikey request";
    for (n, rest) in (10..).zip([&[][..], &[2, 1], &[1, 0], &[1, 4], &[1, 1], &[1, 1, 0]]) {
        let data = [marked, rest].concat();
        let bad = known(n, &|p| {
            let at = p.iter().position(|p| matches!(p, Payload::Extension(_))).unwrap();
            p[at] = ext(Box::leak(data.clone().into_boxed_slice()));
        });
        assert_eq!(t.refused(&bad, ErrorNo::UNSPECIFIED).0, wrong, "{rest:?}");
    }
    let small: Vec<u8> = [marked, &[1, 1], &[0; 32]].concat();
    let small = known(20, &|p| {
        let at = p.iter().position(|p| matches!(p, Payload::Extension(_))).unwrap();
        p[at] = ext(Box::leak(small.clone().into_boxed_slice()));
    });
    let why = t.refused(&small, ErrorNo::UNSPECIFIED).0;
    assert!(matches!(why, Refusal::Issuer(Error::Decode(e)) if e.reason == DecodeReason::NotInSubgroup), "{why:?}");
    // Payloads that nobody expects are passed over, and so are extensions of others.
    let more = known(21, &|p| {
        p.insert(2, ext(b"somebody"));
        p.insert(2, Payload::Tr(TimestampR { role: TsRole::END, timestamp: Timestamp::ntp_utc(NOW, 0) }));
    });
    t.issued(&more);
}

/// A client that knows RFC 6267 and nothing of ours: no date, no extension.
#[test]
fn a_plain_request_of_the_rfc_gets_the_key_of_now_under_its_credential() {
    let mut t = Test::new("plain");
    let (_, request) = t.simple(Transit::CredentialOnly);
    let plain = retagged(&request, &ALICE_PSK, |_, p| p.retain(|p| !matches!(p, Payload::Tr(_))));
    let answer = t.issued(&plain);
    let message = Message::parse(&answer).unwrap();
    let head = message.header();
    assert_eq!((head.data_type, head.v), (DataType::REQUEST_KEY_RESP, false));
    let order: Vec<_> = message.payloads().map(Payload::kind).collect();
    use PayloadType as P;
    assert_eq!(order, [P::T, P::IDR, P::IDR, P::KEMAC, P::V]);
    let kemac = message.kemac().unwrap().unwrap();
    assert_eq!(kemac.mac_alg, MacAlg::NULL);
    let plain = opened_by_credential(&plain, &answer);
    let chain = Chain::parse(PayloadType::ID, plain.expose(), Within::Kemac).unwrap();
    let parts: Vec<_> = chain.iter().collect();
    let [Payload::Id(id), Payload::KeyData(key)] = parts[..] else { panic!("{parts:?}") };
    assert_eq!((id.data, key.kind), (ALICE.as_bytes(), KeyType::K_PR));
    let ntp = |unix: u64| ((unix + 2_208_988_800) as u32).to_be_bytes();
    let today = day(NOW);
    let (from, to) = (ntp(today.start()), ntp(today.end() - 1));
    assert_eq!(key.validity, KeyValidity::Interval { from: &from, to: &to });
    let loaded = PrivateKey::from_bytes(key.key, &t.parameters).unwrap();
    assert_eq!(loaded.identity().period(), today);
}
