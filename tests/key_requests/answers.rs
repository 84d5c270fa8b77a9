//! What the client does with answers, and who learns what from them.

use crate::common::{ALICE, BOB, CAROL, DAY, Kgs, NOW, Seeded};
use crate::support::{ALICE_PSK, Test, WORK, day, keys, name, opened_by_credential, repacked, retagged_answer};
use ibake::error::{Error, KeyError, ParametersError, UsageError};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Granularity, Identity, Period, Purpose};
use ibake::mikey::numbers::{IdRole, IdType, KeyType, PayloadType};
use ibake::mikey::request::{Ask, Failed, KEYS, Transit};
use ibake::mikey::{Chain, Id, KeyData, KeyValidity, Payload, Within};
use ibake::secret::SecretVec;

#[test]
fn whoever_knows_the_credential_reads_no_sealed_key() {
    let mut t = Test::new("operator");
    for (transit, readable) in [(Transit::CredentialOnly, true), (Transit::Sealed, false)] {
        let (pending, request) = t.simple(transit);
        let answer = t.issued(&request);
        let stored = keys(pending.receive(&answer, NOW)).remove(0).to_bytes();
        let point = &stored.expose()[stored.expose().len() - 48..];
        let seen = opened_by_credential(&request, &answer);
        assert_eq!(seen.expose().windows(48).any(|w| w == point), readable, "{transit:?}");
    }
}

#[test]
fn a_client_takes_what_it_asked_for_and_nothing_else() {
    let mut t = Test::new("taking");
    let (pending, request) = t.simple(Transit::CredentialOnly);
    let answer = t.issued(&request);
    let take = |edit: &dyn Fn(&mut Vec<Payload<'_>>)| {
        let bad = repacked(&request, &answer, |inner| edit(inner));
        pending.receive(&bad, NOW).map(drop).unwrap_err()
    };
    assert!(pending.receive(&repacked(&request, &answer, |_| {}), NOW).is_ok(), "the tool works");
    assert_eq!(take(&|inner| inner.truncate(1)), Failed::Unwanted, "no key");
    assert_eq!(take(&|inner| inner.push(inner[1])), Failed::Unwanted, "the key twice");
    let other = Payload::Id(Id { kind: IdType::URI, data: CAROL.as_bytes() });
    assert_eq!(take(&|inner| inner[0] = other), Failed::Unwanted, "behind another name");
    let wrong_type = Payload::Id(Id { kind: IdType::NAI, data: ALICE.as_bytes() });
    assert_eq!(take(&|inner| inner[0] = wrong_type), Failed::Unwanted, "behind a name of another type");
    let with = |edit: &dyn Fn(&mut KeyData<'_>)| {
        take(&|inner| {
            if let Payload::KeyData(key) = &mut inner[1] {
                edit(key);
            }
        })
    };
    assert_eq!(with(&|key| key.kind = KeyType::TEK), Failed::Unwanted, "no private key");
    assert_eq!(with(&|key| key.validity = KeyValidity::Null), Failed::Unwanted, "without a validity");
    let short = KeyValidity::Interval { from: &[0; 4], to: &[9; 4] };
    assert_eq!(with(&|key| key.validity = short), Failed::Unwanted, "another validity");
    // Tagged by somebody with the credential who echoes other names.
    let echo = retagged_answer(&request, &answer, |p| {
        for p in p {
            if let Payload::Idr(i) = p
                && i.role == IdRole::INITIATOR
            {
                i.id.data = CAROL.as_bytes();
            }
        }
    });
    assert_eq!(pending.receive(&echo, NOW).err(), Some(Failed::Unwanted));
    // What RFC 6267 leaves optional may be missing.
    let without = retagged_answer(&request, &answer, |p| p.retain(|p| !matches!(p, Payload::Idr(_))));
    assert_eq!(keys(pending.receive(&without, NOW)).len(), 1);
    // The answer to another request, and a request sent back.
    let (second, _) = t.simple(Transit::CredentialOnly);
    assert_eq!(second.receive(&answer, NOW).err(), Some(Failed::Foreign));
    assert_eq!(pending.receive(&request, NOW).err(), Some(Failed::Foreign));
}

#[test]
fn keys_of_a_service_that_lies_are_not_taken() {
    type Lie = fn(&Kgs, &Identity) -> PrivateKey;
    let lies: [(Lie, Failed); 4] = [
        // Somebody else's genuine key.
        (|kgs, _| kgs.issue(CAROL, NOW), Failed::Unwanted),
        // One's own of another day, or for signing.
        (|kgs, id| kgs.issue(id.name().as_str(), NOW + DAY), Failed::Unwanted),
        (
            |kgs, id| {
                let signing = kgs.parameters.identity(id.name().clone(), Purpose::Sign, NOW).unwrap();
                kgs.issuer.extract(&signing).unwrap()
            },
            Failed::Unwanted,
        ),
        // Of another master key under the same district and serial.
        (
            |_, id| {
                let other = Kgs::new("https://kgs.a.example", 7, Granularity::Day, &mut Seeded::new("other"));
                other.issue(id.name().as_str(), NOW)
            },
            Failed::Key(Error::Key(KeyError::OtherParameters)),
        ),
    ];
    for transit in [Transit::Sealed, Transit::CredentialOnly] {
        for (lie, expected) in lies {
            let mut t = Test::lying("lies", Some(lie));
            let (pending, request) = t.simple(transit);
            let answer = t.issued(&request);
            assert_eq!(pending.receive(&answer, NOW).err(), Some(expected));
        }
    }
    // A point that is not the key: the pairing check.
    let mut t = Test::new("not genuine");
    let (pending, request) = t.simple(Transit::CredentialOnly);
    let answer = t.issued(&request);
    let plain = opened_by_credential(&request, &answer);
    let chain = Chain::parse(PayloadType::ID, plain.expose(), Within::Kemac).unwrap();
    let Some(Payload::KeyData(key)) = chain.iter().nth(1) else { panic!() };
    let mut swapped = key.key.to_vec();
    let sign = swapped.len() - 48;
    swapped[sign] ^= 0x20;
    let swapped = swapped.leak();
    let bad = repacked(&request, &answer, |inner| {
        if let Payload::KeyData(key) = &mut inner[1] {
            key.key = swapped;
        }
    });
    assert_eq!(pending.receive(&bad, NOW).err(), Some(Failed::Key(Error::Key(KeyError::NotGenuine))));
}

#[test]
fn a_sealed_key_cannot_be_had_in_the_clear_or_moved() {
    let mut t = Test::new("downgrade");
    let (pending, request) = t.simple(Transit::Sealed);
    let answer = t.issued(&request);
    // Somebody with the credential puts a genuine key there that is not sealed.
    let stored = t.service_key(ALICE);
    let clear = repacked(&request, &answer, |inner| {
        if let Payload::KeyData(key) = &mut inner[1] {
            key.key = stored.clone().leak();
        }
    });
    assert_eq!(pending.receive(&clear, NOW).err(), Some(Failed::Key(Error::Decrypt)));
    // Sealed for one identity, put behind another one of the same request.
    let names = [name(ALICE), name(WORK)];
    let periods = [day(NOW)];
    let mut rng = t.rng.clone();
    let (pending, request) = t.ask(&names, &periods, &[Purpose::Decrypt]).request(NOW, &mut rng).unwrap();
    let answer = t.issued(&request);
    let moved = repacked(&request, &answer, |inner| inner.swap(1, 3));
    assert_eq!(pending.receive(&moved, NOW).err(), Some(Failed::Key(Error::Decrypt)));
    assert_eq!(keys(pending.receive(&answer, NOW)).len(), 2);
}

#[test]
fn asking_for_what_cannot_be_asked_is_an_error() {
    let t = Test::new("asking");
    let mut rng = Seeded::new("asking");
    let (names, periods) = ([name(ALICE)], [day(NOW)]);
    let mut ask = |ask: Ask<'_>| ask.request(NOW, &mut rng).map(drop);
    let good = t.ask(&names, &periods, &[Purpose::Decrypt]);
    assert_eq!(ask(good), Ok(()));
    for empty in [Ask { names: &[], ..good }, Ask { periods: &[], ..good }, Ask { purposes: &[], ..good }] {
        assert_eq!(ask(empty), Err(UsageError::Empty.into()));
    }
    let nine: Vec<_> = (0..9).map(|i| name(&format!("sip:a{i}@a.example"))).collect();
    assert_eq!(ask(Ask { names: &nine, ..good }), Err(UsageError::TooMany { limit: 8, got: 9 }.into()));
    let days: Vec<_> = (0..9).map(|i| day(NOW + i * DAY)).collect();
    assert_eq!(ask(Ask { periods: &days, ..good }), Err(UsageError::TooMany { limit: 8, got: 9 }.into()));
    let many = Ask { names: &nine[..5], periods: &days[..4], ..good };
    assert_eq!(ask(many), Err(UsageError::TooMany { limit: KEYS, got: 20 }.into()));
    let twice = [name(ALICE), name(ALICE)];
    assert_eq!(ask(Ask { names: &twice, ..good }), Err(UsageError::Duplicate.into()));
    let plain = Ask { transit: Transit::CredentialOnly, purposes: &[Purpose::Sign], ..good };
    assert_eq!(ask(plain), Err(UsageError::WrongState.into()));
    let short = SecretVec::new(vec![1; 15]);
    assert_eq!(ask(Ask { psk: &short, ..good }), Err(UsageError::TooShort { least: 16, got: 15 }.into()));
    let far = [day(NOW + 900 * DAY)];
    assert_eq!(ask(Ask { periods: &far, ..good }), Err(ParametersError::PeriodOutside.into()));
    let week = [Period::containing(Granularity::Week, NOW).unwrap()];
    assert!(ask(Ask { periods: &week, ..good }).is_err());
    assert_ne!(BOB, ALICE);
}

#[test]
fn nothing_secret_is_printed() {
    let mut t = Test::new("printing requests");
    let (pending, request) = t.simple(Transit::Sealed);
    let answer = t.issued(&request);
    let text = format!("{pending:?} {:?} {:?}", t.service, pending.receive(&answer, NOW));
    let stored = keys(pending.receive(&answer, NOW)).remove(0).to_bytes();
    let point = crate::common::hex(&stored.expose()[stored.expose().len() - 48..]);
    for secret in [crate::common::hex(&ALICE_PSK[..6]), format!("{:?}", &ALICE_PSK[..4]), point[..16].to_owned()] {
        assert!(!text.contains(secret.trim_matches(['[', ']'])), "{text}");
    }
}
