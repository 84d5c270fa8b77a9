//! Attacks on what is left for somebody, by who is on the way, by the mailbox, and by who has keys of others.

use ibake::error::{Error, KeyError};
use ibake::mikey;
use ibake::mikey::call::{CallError, CallRefusal, Delivered, Demand, DepositLog};
use ibake::mikey::numbers::{IdType, SType, SkType};
use ibake::mikey::{Id, KeyValidity, Payload, SecretKey, Sign};

use crate::common::{ALICE, BOB, CAROL, DAY, NOW};
use crate::left::{
    Fields, Half, KEPT, Left, MAILBOX, answered_by, bob_opens, chain, content, deposit, esk_of, goes_on, id_payload,
    leave, mailbox, open, scene, sent, sign_payload, signature, signing, sk_payload, with_esks,
};
use crate::scene::{DESK, MALLORY, SUITE, Scene, demand, session};

const SK: [u8; 32] = [0x5a; 32];

/// A call that was left, as its mailbox has it.
fn kept(s: &mut Scene) -> Fields {
    let keys = mailbox(s);
    Fields::of(&deposit(&leave(s, &keys).mailbox))
}

fn opened(s: &Scene, fields: &Fields) -> Result<Delivered, CallError> {
    bob_opens(s, &fields.deposit()?)
}

#[test]
fn resealed_by_the_mailbox() {
    // The mailbox knows everything but SK, so it seals a key of its own in alice's name.
    let mut s = scene("resealed", Demand::Bound);
    let fields = kept(&mut s);
    let to = s.b.recipient(BOB, NOW);
    let unsigned = fields.sealed(&to, &chain(&[id_payload(ALICE), sk_payload(&SK)]), &mut s.rng);
    assert_eq!(opened(&s, &unsigned).map(drop).unwrap_err(), CallRefusal::Unsigned.into());
    // With its own signature, and with the one place in the box where alice's could be.
    let own = signing(&s.b, MAILBOX, NOW);
    let said = fields.signed(&s.b, s.bob[0].identity(), &SK);
    let by_mailbox = signature(&own, &said, &mut s.rng).unwrap();
    let signed = [id_payload(ALICE), sk_payload(&SK), sign_payload(&by_mailbox)];
    let signed = fields.sealed(&to, &chain(&signed), &mut s.rng);
    assert_eq!(opened(&s, &signed).map(drop).unwrap_err(), Error::Decrypt.into());
    // Who takes less sees in the type whose word it is; a false signature is no missing one.
    s.settings_r = demand(Demand::BoundIfPossible);
    let delivered = opened(&s, &unsigned).unwrap();
    assert!(matches!(&delivered, Delivered::ByMailboxOnly(_)));
    assert_eq!(content(&delivered).key().secret().expose(), &SK);
    assert_eq!(opened(&s, &signed).map(drop).unwrap_err(), Error::Decrypt.into());
    // Calling the profile another does not help it.
    for (bound, settings) in [(0, Demand::Bound), (0, Demand::BoundIfPossible), (1, Demand::Bound)] {
        s.settings_r = demand(settings);
        let relabelled = Fields { bound, ..unsigned.clone() };
        let got = opened(&s, &relabelled);
        assert!(!matches!(got, Ok(Delivered::BySender(_))));
        assert_eq!(got.is_ok(), settings != Demand::Bound);
    }
}

#[test]
fn signature_absent_by_another_or_of_another_call() {
    let mut s = scene("signature", Demand::Bound);
    let (fields, other) = (kept(&mut s), kept(&mut s));
    let bob = s.bob[0].identity().clone();
    let to = s.b.recipient(BOB, NOW);
    let alice = signing(&s.a, ALICE, NOW);
    let said = fields.signed(&s.b, &bob, &SK);
    let next_week = s.b.identity(BOB, NOW + 7 * DAY);
    let to_carol = Fields { recipient: CAROL.into(), ..fields.clone() };
    let good = signature(&alice, &said, &mut s.rng).unwrap();
    let mut flipped = good;
    flipped[95] ^= 1;
    let cases = [
        ("mallory's", signature(&signing(&s.b, MALLORY, NOW), &said, &mut s.rng).unwrap()),
        ("alice's of the day after", signature(&signing(&s.a, ALICE, NOW + DAY), &said, &mut s.rng).unwrap()),
        ("of another call", signature(&alice, &other.signed(&s.b, &bob, &SK), &mut s.rng).unwrap()),
        ("for carol", signature(&alice, &to_carol.signed(&s.b, &bob, &SK), &mut s.rng).unwrap()),
        ("for bob's next week", signature(&alice, &fields.signed(&s.b, &next_week, &SK), &mut s.rng).unwrap()),
        ("for another KGS", signature(&alice, &fields.signed(&s.a, &bob, &SK), &mut s.rng).unwrap()),
        ("of another key", signature(&alice, &fields.signed(&s.b, &bob, &[1; 32]), &mut s.rng).unwrap()),
        ("in another context", *ibake::ibe::sign::sign(&alice, b"mikey", &said, &mut s.rng).unwrap().as_bytes()),
        ("no points", [0; 96]),
        ("changed", flipped),
    ];
    for (what, signature) in cases {
        let plain = chain(&[id_payload(ALICE), sk_payload(&SK), sign_payload(&signature)]);
        let forged = fields.sealed(&to, &plain, &mut s.rng);
        for d in [Demand::Bound, Demand::BoundIfPossible] {
            s.settings_r = demand(d);
            assert_eq!(opened(&s, &forged).map(drop).unwrap_err(), Error::Decrypt.into(), "{what}");
        }
    }
    // Control: the formula is the right one.
    s.settings_r = demand(Demand::Bound);
    let plain = chain(&[id_payload(ALICE), sk_payload(&SK), sign_payload(&good)]);
    let right = fields.sealed(&to, &plain, &mut s.rng);
    let delivered = opened(&s, &right).unwrap();
    assert!(matches!(&delivered, Delivered::BySender(_)));
    assert_eq!(content(&delivered).key().secret().expose(), &SK);
    // In `rfc6267` there is none.
    s.settings_r = demand(Demand::BoundIfPossible);
    let relabelled = Fields { bound: 0, ..fields.clone() }.sealed(&to, &plain, &mut s.rng);
    assert_eq!(opened(&s, &relabelled).map(drop).unwrap_err(), Error::Decrypt.into());
}

#[test]
fn whatever_is_under_the_seal_of_an_esk_is_refused_or_right() {
    let mut s = scene("inside", Demand::Bound);
    let fields = kept(&mut s);
    let to = s.b.recipient(BOB, NOW);
    let said = fields.signed(&s.b, s.bob[0].identity(), &SK);
    let good = signature(&signing(&s.a, ALICE, NOW), &said, &mut s.rng).unwrap();
    let (id, sk, sign) = (id_payload(ALICE), sk_payload(&SK), sign_payload(&good));
    let key = |key, kind, validity| Payload::Sk(SecretKey { kind, key, validity });
    let null = KeyValidity::Null;
    let interval = KeyValidity::Interval { from: &[1], to: &[2] };
    let chains: [&[Payload<'_>]; 16] = [
        &[],
        &[id],
        &[id, sign],
        &[id, id, sk, sign],
        &[id, sk, sk, sign],
        &[id, sk, id, sign],
        &[id_payload(MALLORY), sk, sign],
        &[id_payload(BOB), sk, sign],
        &[Payload::Id(Id { kind: IdType::NAI, data: ALICE.as_bytes() }), sk, sign],
        &[Payload::Id(Id { kind: IdType::URI, data: b"sip:Alice@a.example" }), sk, sign],
        &[id, key(&SK[..31], SkType::SK, null), sign],
        &[id, key(&[0x5a; 33], SkType::SK, null), sign],
        &[id, key(&SK, SkType(2), null), sign],
        &[id, key(&SK, SkType::SK, interval), sign],
        &[id, sk, Payload::Sign(Sign { kind: SType::ECCSI, signature: &good })],
        &[id, sk, sign_payload(&good[..95])],
    ];
    for (n, c) in chains.iter().enumerate() {
        let forged = fields.sealed(&to, &chain(c), &mut s.rng);
        assert_eq!(opened(&s, &forged).map(drop).unwrap_err(), Error::Decrypt.into(), "chain {n}");
    }
    // SK first, which is no chain that begins with an ID; cut short; something behind.
    let whole = chain(&[id, sk, sign]);
    let turned = chain(&[sk, id]);
    let plains: [&[u8]; 4] = [&turned, &whole[..whole.len() - 1], &[&whole[..], &[0]].concat(), b""];
    for plain in plains {
        let forged = fields.sealed(&to, plain, &mut s.rng);
        assert_eq!(opened(&s, &forged).map(drop).unwrap_err(), Error::Decrypt.into());
    }
    // Every byte of the right one; an MKI with the key is somebody else's way to write it and changes nothing.
    for n in 0..whole.len() {
        let mut bad = whole.clone();
        bad[n] ^= 1 << (n % 8);
        let forged = fields.sealed(&to, &bad, &mut s.rng);
        assert_eq!(opened(&s, &forged).map(drop).unwrap_err(), Error::Decrypt.into(), "byte {n}");
    }
    for c in [[id, sk, sign], [id, key(&SK, SkType::SK, KeyValidity::Spi(&[1, 2])), sign]] {
        let right = fields.sealed(&to, &chain(&c), &mut s.rng);
        assert!(matches!(opened(&s, &right), Ok(Delivered::BySender(_))));
    }
}

#[test]
fn every_byte_of_a_deposit_is_covered() {
    for d in [Demand::Bound, Demand::Rfc6267] {
        let mut s = scene("covered", d);
        let keys = mailbox(&s);
        let good = deposit(&leave(&mut s, &keys).mailbox).encode();
        s.settings_r = demand(Demand::BoundIfPossible);
        let mut taken = Vec::new();
        for n in 0..good.len() {
            for bit in [if n == 9 { 1 } else { 1 << (n % 8) }, 0xff] {
                let mut bad = good.clone();
                bad[n] ^= bit;
                let read = mikey::call::Deposit::decode(&bad);
                if read.is_ok_and(|kept| bob_opens(&s, &kept).is_ok()) {
                    taken.push((n, bad[n]));
                }
            }
        }
        // Without a signature the profile is the mailbox's word, like everything else about it.
        let expected = if d == Demand::Bound { vec![] } else { vec![(9, 1)] };
        assert_eq!(taken, expected);
    }
    // What the profile's byte can do there: nothing for who demands a signature.
    let mut s = scene("covered", Demand::Rfc6267);
    let relabelled = Fields { bound: 1, ..kept(&mut s) };
    s.settings_r = demand(Demand::BoundIfPossible);
    assert!(matches!(opened(&s, &relabelled), Ok(Delivered::ByMailboxOnly(_))));
    s.settings_r = demand(Demand::Bound);
    assert_eq!(opened(&s, &relabelled).map(drop).unwrap_err(), CallRefusal::Unsigned.into());
}

#[test]
fn replayed_under_another_time_bundle_rand_sender_or_recipient() {
    for d in [Demand::Bound, Demand::Rfc6267] {
        let mut s = scene("moved", d);
        let (fields, other) = (kept(&mut s), kept(&mut s));
        s.settings_r = demand(Demand::BoundIfPossible);
        let (f, o) = (fields.clone(), other.clone());
        let moved = [
            ("T", Fields { t: f.t + 1, ..f.clone() }),
            ("CSB ID", Fields { csb_id: o.csb_id, ..f.clone() }),
            ("RAND", Fields { rand: o.rand.clone(), ..f.clone() }),
            ("sender", Fields { sender: CAROL.into(), ..f.clone() }),
            ("all of another call", Fields { encr_data: f.encr_data.clone(), ..o.clone() }),
        ];
        for (what, m) in moved {
            assert_eq!(opened(&s, &m).map(drop).unwrap_err(), Error::Decrypt.into(), "{what}");
        }
        // To somebody else, whose key it does not name or who has a key that fits its reference.
        for who in [CAROL, DESK] {
            let m = Fields { recipient: who.into(), ..f.clone() };
            let keys = [s.a.issue(who, NOW), s.b.issue(who, NOW)];
            let refused = open(&s, &s.settings_r, &keys, &m.deposit().unwrap(), &mut DepositLog::new(1, KEPT), NOW);
            assert_eq!(refused.map(drop).unwrap_err(), Error::Decrypt.into());
            assert_eq!(opened(&s, &m).map(drop).unwrap_err(), KeyError::Missing.into());
        }
        assert!(opened(&s, &fields).is_ok() && opened(&s, &other).is_ok());
    }
}

#[test]
fn swapped_on_the_way() {
    // Two calls to bob end at his mailbox; on the way their ESKs change places. The seal of IBAKE covers their length alone.
    for d in [Demand::Bound, Demand::Rfc6267] {
        let mut s = scene("swapped", d);
        let keys = mailbox(&s);
        let [first, second] = [0, 1].map(|_| {
            let Half { answered, half, .. } = answered_by(&mut s, BOB, &keys, SUITE);
            let (waiting, i2) = goes_on(&mut s, answered, None);
            (half, waiting, i2)
        });
        let (half, waiting, i2) = first;
        let foreign = esk_of(&mikey::Message::parse(&second.2).unwrap()).to_vec();
        let swapped = with_esks(&i2, &[&foreign]);
        assert_eq!(swapped.len(), i2.len());
        let (theirs, r2) = s.hears_i2(&keys, half, &swapped).unwrap();
        let kept = deposit(&session(theirs));
        match s.alice_ends(waiting, &r2) {
            // K_BOUND is over whole messages, so V is wrong and alice knows that it did not arrive.
            Err((e, state)) => {
                assert_eq!((d, e), (Demand::Bound, mikey::Error::Unauthentic.into()));
                // The right message finds the mailbox with a finished call: it repeats what it said, and alice stays without keys.
                assert!(state.is_some());
            }
            // The RFC leaves ESK out of V: only bob finds out.
            Ok(_) => assert_eq!(d, Demand::Rfc6267),
        }
        s.settings_r = demand(Demand::BoundIfPossible);
        assert_eq!(bob_opens(&s, &kept).map(drop).unwrap_err(), Error::Decrypt.into());
        // Put back where it belongs it opens, so the box itself was sound.
        let right = Fields { encr_data: esk_of(&mikey::Message::parse(&i2).unwrap()).to_vec(), ..Fields::of(&kept) };
        assert!(opened(&s, &right).is_ok());
    }
}

#[test]
fn swapped_by_the_mailbox() {
    // Two deposits of alice for bob, their boxes exchanged; and one of carol in alice's place.
    let mut s = scene("swapped boxes", Demand::Bound);
    let (a, b) = (kept(&mut s), kept(&mut s));
    for (one, other) in [(&a, &b), (&b, &a)] {
        let swapped = Fields { encr_data: other.encr_data.clone(), ..one.clone() };
        assert_eq!(opened(&s, &swapped).map(drop).unwrap_err(), Error::Decrypt.into());
    }
    let keys = mailbox(&s);
    let alice = std::mem::replace(&mut s.alice, vec![s.a.issue(CAROL, NOW), signing(&s.a, CAROL, NOW)]);
    let Left { alice: carol, mailbox, .. } = leave(&mut s, &keys);
    let carols = Fields::of(&deposit(&mailbox));
    assert_eq!(sent(&carol).sender().as_str(), CAROL);
    assert!(matches!(opened(&s, &carols), Ok(Delivered::BySender(_))));
    for claimed in
        [Fields { sender: ALICE.into(), ..carols.clone() }, Fields { encr_data: carols.encr_data, ..a.clone() }]
    {
        assert_eq!(opened(&s, &claimed).map(drop).unwrap_err(), Error::Decrypt.into());
    }
    // Without its box a deposit is none.
    assert!(Fields { encr_data: vec![], ..a }.deposit().is_err());
    drop(alice);
}

#[test]
fn the_senders_kgs_can_forge_and_the_recipients_can_read() {
    // What no protocol of this kind prevents, shown: so the documentation is no mere claim.
    let mut s = scene("escrow", Demand::Bound);
    let keys = mailbox(&s);
    let Left { alice, mailbox, .. } = leave(&mut s, &keys);
    let kept = Fields::of(&deposit(&mailbox));
    let issued_again = vec![s.b.issue(BOB, NOW)];
    let read = open(&s, &s.settings_r, &issued_again, &kept.deposit().unwrap(), &mut DepositLog::new(1, KEPT), NOW);
    assert_eq!(content(&read.unwrap()).key().secret().expose(), sent(&alice).key().secret().expose());
    let forger = signing(&s.a, ALICE, NOW);
    let said = kept.signed(&s.b, s.bob[0].identity(), &SK);
    let forged = signature(&forger, &said, &mut s.rng).unwrap();
    let plain = chain(&[id_payload(ALICE), sk_payload(&SK), sign_payload(&forged)]);
    let forged = kept.sealed(&s.b.recipient(BOB, NOW), &plain, &mut s.rng);
    assert!(matches!(opened(&s, &forged), Ok(Delivered::BySender(_))));
}
