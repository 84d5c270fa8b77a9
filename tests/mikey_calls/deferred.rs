//! Deferred delivery: a mailbox answers for bob, keeps what alice leaves, and bob opens it later. Attacks are in
//! [`crate::deferred_attacks`].

use ibake::error::{DecodeReason, Error, KeyError, PeerError};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::sealed::SealedBox;
use ibake::kdf::{Prk, hash, label};
use ibake::mikey::call::{
    CallError, CallRefusal, Delivered, Demand, Deposit, DepositLog, ESK_LIMIT, End, LOG_LIMIT, Sent,
};
use ibake::mikey::numbers::{DataType, PayloadType};
use ibake::mikey::{self, Freshness, Message, Payload, Refused};
use ibake::srtp::Profile;
use ibake::suite::{Aead, Suite};
use rand_core::{TryCryptoRng, TryRng};

use crate::common::{ALICE, BOB, DAY, NOW, hex};
use crate::forged::payloads;
use crate::left::{
    Fields, Half, KEPT, Left, MAILBOX, answered_by, bob_opens, content, deposit, esk_of, goes_on, leave, leave_with,
    mailbox, open, scene, sent, with_esks,
};
use crate::scene::{SUITE, Scene, demand, offer, session};

const PROFILE: Profile = Profile::AeadAes256Gcm;

#[test]
fn left_with_a_mailbox_and_opened_when_the_period_is_over() {
    for d in [Demand::Bound, Demand::Rfc6267] {
        for own_district in [true, false] {
            let mut s = scene("deferred", d);
            // The mailbox is of bob's district, or of alice's.
            let keys = if own_district { mailbox(&s) } else { vec![s.a.issue("sip:box@a.example", NOW)] };
            let Left { alice, mailbox, .. } = leave(&mut s, &keys);
            let ours = match (d, alice.sent()) {
                (Demand::Bound, Some(Sent::Signed(c))) | (Demand::Rfc6267, Some(Sent::Unsigned(c))) => c,
                other => panic!("{other:?}"),
            };
            assert!(mailbox.sent().is_none() && alice.deposit().is_none());
            let body = ours.key().seal(Aead::Aes256Gcm, b"text/plain", b"call me back", &mut s.rng).unwrap();

            // Kept and forwarded as bytes; opened three weeks later, when bob's week is long over.
            let kept = deposit(&mailbox).encode();
            let later = NOW + 21 * DAY;
            assert!(!s.bob[0].identity().period().is_current(later));
            let read = Deposit::decode(&kept).unwrap();
            assert_eq!((read.encode(), &read), (kept, mailbox.deposit().unwrap()));
            assert_eq!((read.sender().as_str(), read.recipient().as_str()), (ALICE, BOB));
            assert_eq!((read.csb_id(), read.bound()), (alice.csb_id(), d == Demand::Bound));
            assert!(read.to().unwrap().fits(s.bob[0].identity()) && read.timestamp().unix() == Some(NOW));
            let mut log = DepositLog::new(10, KEPT);
            let settings = demand(if d == Demand::Bound { Demand::Bound } else { Demand::BoundIfPossible });
            let delivered = open(&s, &settings, &s.bob, &read, &mut log, later).unwrap();
            let theirs = match (d, &delivered) {
                (Demand::Bound, Delivered::BySender(c)) | (Demand::Rfc6267, Delivered::ByMailboxOnly(c)) => c,
                other => panic!("{other:?}"),
            };
            assert_eq!((theirs.sender().as_str(), theirs.recipient().as_str()), (ALICE, BOB));
            assert_eq!((theirs.sent_at(), theirs.csb_id()), (NOW, alice.csb_id()));
            for cs_id in [1, 2] {
                let (a, b) = (ours.media(cs_id, PROFILE).unwrap(), theirs.media(cs_id, PROFILE).unwrap());
                assert_eq!(a.key_and_salt(), b.key_and_salt());
                assert_ne!(a.key_and_salt(), theirs.media(3, PROFILE).unwrap().key_and_salt());
                assert_ne!(a.key_and_salt(), theirs.key().media(cs_id, PROFILE).unwrap().key_and_salt());
                // What the mailbox has is something else.
                assert_ne!(a.key_and_salt(), mailbox.keys().srtp(cs_id).unwrap().key_and_salt());
            }
            assert_eq!(theirs.key().open(b"text/plain", &body).unwrap().expose(), b"call me back");
        }
    }
}

/// Formulas of SPEC.md 13.15 with values, on the codec and HMAC alone.
#[test]
fn media_keys_are_those_of_the_formula() {
    let mut s = scene("worked esk", Demand::Bound);
    let keys = mailbox(&s);
    let Left { alice, mailbox, .. } = leave(&mut s, &keys);
    let fields = Fields::of(&deposit(&mailbox));
    let ours = sent(&alice);
    let sk = ibake::secret::SecretVec::new(ours.key().secret().expose().to_vec());
    let derived = |csb_id, rand: &[u8]| {
        let derive = |what, n| {
            let prf = mikey::numbers::PrfFunc::HMAC_SHA_256;
            mikey::derive::from_tgk(prf, &sk, what, (csb_id, 1), rand, n).unwrap().expose().to_vec()
        };
        [derive(mikey::derive::TgkKey::Tek, 32), derive(mikey::derive::TgkKey::Salting, 12)].concat()
    };
    let (of_call, of_content) = (derived(fields.csb_id, &fields.rand), derived(u32::MAX, &[]));
    assert_eq!(ours.media(1, PROFILE).unwrap().key_and_salt(), of_call);
    assert_eq!(ours.key().media(1, PROFILE).unwrap().key_and_salt(), of_content);
    let rows = [
        ("CSB ID", fields.csb_id.to_be_bytes().to_vec()),
        ("RAND", fields.rand.clone()),
        ("T", fields.t.to_be_bytes().to_vec()),
        ("place", fields.place()),
        ("SK", sk.expose().to_vec()),
        ("of the call", of_call),
        ("of content", of_content),
    ];
    let rows = rows.map(|(name, value)| format!("{name:<12} {}", hex(&value)));
    let spec = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/SPEC.md")).unwrap();
    let missing: Vec<_> = rows.iter().filter(|row| !spec.contains(*row)).collect();
    assert!(missing.is_empty(), "SPEC.md has no such values:\n{}", rows.join("\n"));
}

#[test]
fn sizes_of_what_is_left() {
    let rows = [
        (Suite::P256Aes256Gcm, "P-256"),
        (Suite::P384Aes256Gcm, "P-384"),
        (Suite::P521Aes256Gcm, "P-521"),
        (Suite::X25519ChaCha20Poly1305, "X25519"),
    ];
    let spec = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/SPEC.md")).unwrap();
    let rows = rows.map(|(suite, group)| {
        let sizes = [Demand::Bound, Demand::Rfc6267].map(|d| {
            let mut s = scene("sizes", d);
            s.settings_r.suites = vec![suite];
            let keys = mailbox(&s);
            let left = leave_with(&mut s, &keys, suite, None);
            let esk = esk_of(&Message::parse(&left.i2).unwrap()).len();
            assert!(esk < ESK_LIMIT / 4);
            format!("{}, {esk}, {}", left.i2.len(), deposit(&left.mailbox).encode().len())
        });
        format!("| {group} | {} | {} |", sizes[0], sizes[1])
    });
    let missing: Vec<_> = rows.iter().filter(|row| !spec.contains(*row)).collect();
    assert!(missing.is_empty(), "SPEC.md has no such rows:\n{}", rows.join("\n"));
}

#[test]
fn the_mailbox_cannot_open() {
    let mut s = scene("mailbox", Demand::Bound);
    let keys = mailbox(&s);
    let Left { mailbox, .. } = leave(&mut s, &keys);
    let kept = deposit(&mailbox);
    let mut log = DepositLog::new(10, KEPT);
    let refused = open(&s, &s.settings_r, &keys, &kept, &mut log, NOW).map(drop).unwrap_err();
    assert_eq!(refused, KeyError::Missing.into());
    // It is in the same district and week, so its own key fits the box once it puts its name on it: the opaque error.
    let mut fields = Fields::of(&kept);
    fields.recipient = MAILBOX.into();
    let refused = open(&s, &s.settings_r, &keys, &fields.deposit().unwrap(), &mut log, NOW).map(drop).unwrap_err();
    assert_eq!(refused, Error::Decrypt.into());
    let fields = Fields::of(&kept);
    let sealed = SealedBox::decode(&fields.encr_data).unwrap();
    assert_eq!(sealed.open(&keys, &fields.place()).unwrap_err(), Error::Decrypt);
    assert!(sealed.open(&s.bob, &fields.place()).is_ok(), "control: bob's key opens it");
    // Alice cannot either: what she keeps is the key, not a way into the box.
    assert_eq!(sealed.open(&s.alice, &fields.place()).unwrap_err(), KeyError::Missing.into());
}

#[test]
fn who_it_is_for_opens_it_once() {
    let mut s = scene("once", Demand::Bound);
    let keys = mailbox(&s);
    let kept = deposit(&leave(&mut s, &keys).mailbox);
    let mut log = DepositLog::new(1, KEPT);
    let again = |log: &mut DepositLog, now| open(&s, &s.settings_r, &s.bob, &kept, log, now).map(drop);
    again(&mut log, NOW).unwrap();
    assert_eq!(again(&mut log, NOW + 10 * DAY).unwrap_err(), PeerError::Replay.into());
    // Also when the program was ended in between.
    let stored = log.encode();
    let mut read = DepositLog::decode(&stored).unwrap();
    assert_eq!((read.encode(), &read), (stored.clone(), &log));
    assert_eq!(again(&mut read, NOW).unwrap_err(), PeerError::Replay.into());
    // Its age is measured from T on, and a full log takes nothing before that is over.
    let old = again(&mut log, NOW + KEPT + 1).unwrap_err();
    assert_eq!(old, CallRefusal::Timestamp(Freshness::Old { by: 1 }).into());
    let next = deposit(&leave(&mut s, &keys).mailbox);
    let busy = open(&s, &s.settings_r, &s.bob, &next, &mut log, NOW + KEPT).map(drop).unwrap_err();
    assert_eq!(busy, PeerError::Busy.into());
    let mut roomy = DepositLog::new(usize::MAX, KEPT);
    assert!(open(&s, &s.settings_r, &s.bob, &next, &mut roomy, NOW + KEPT).is_ok());
    assert_eq!(roomy.encode()[9..13], (LOG_LIMIT as u32).to_be_bytes());
    // A log of something else.
    for (at, reason) in
        [(0, DecodeReason::Version { got: 0xfe }), (13, DecodeReason::TooLong { limit: 1, got: 0xff00_0001 })]
    {
        let mut bad = stored.clone();
        bad[at] ^= 0xff;
        assert_eq!(DepositLog::decode(&bad).unwrap_err().reason, reason);
    }
    assert!(DepositLog::decode(&stored[..stored.len() - 1]).is_err());
    assert!(DepositLog::decode(&[&stored[..], &[0]].concat()).is_err());
    let mut twice = [&stored[..], &stored[17..]].concat();
    twice[9..17].copy_from_slice(&[0, 0, 0, 2, 0, 0, 0, 2]);
    assert_eq!(DepositLog::decode(&twice).unwrap_err().reason, DecodeReason::NotCanonical);
}

#[test]
fn a_deposit_of_the_future_waits() {
    let mut s = scene("future", Demand::Bound);
    let keys = mailbox(&s);
    let kept = deposit(&leave(&mut s, &keys).mailbox);
    let refused = open(&s, &s.settings_r, &s.bob, &kept, &mut DepositLog::new(1, KEPT), NOW - 301).map(drop);
    assert_eq!(refused.unwrap_err(), CallRefusal::Timestamp(Freshness::New { by: 1 }).into());
    assert!(open(&s, &s.settings_r, &s.bob, &kept, &mut DepositLog::new(1, KEPT), NOW - 300).is_ok());
    // Parameters that were not in force then, and a sender nobody speaks for.
    let none = |_: &ibake::ibe::name::Name, _| None;
    let end = End { settings: &s.settings_r, keys: &s.bob, directory: &none };
    let refused = kept.open(&end, &mut DepositLog::new(1, KEPT), NOW).map(drop).unwrap_err();
    assert_eq!(refused, ibake::error::ParametersError::Unknown.into());
    // The key is that of the box: one of the week after does not do.
    let next = vec![s.b.issue(BOB, NOW + 7 * DAY)];
    let refused = open(&s, &s.settings_r, &next, &kept, &mut DepositLog::new(1, KEPT), NOW).map(drop);
    assert_eq!(refused.unwrap_err(), KeyError::Missing.into());
}

#[test]
fn without_a_signing_key_the_types_say_so() {
    // No key, one of yesterday, and one of another name.
    let others: [fn(&Scene) -> Vec<PrivateKey>; 3] = [
        |_| vec![],
        |s| vec![crate::left::signing(&s.a, ALICE, NOW - DAY)],
        |s| vec![crate::left::signing(&s.a, "sip:alicia@a.example", NOW)],
    ];
    for more in others {
        let mut s = Scene::with("unsigned", Demand::Bound);
        let more = more(&s);
        s.alice.extend(more);
        let keys = mailbox(&s);
        let Left { alice, mailbox, .. } = leave(&mut s, &keys);
        assert!(matches!(alice.sent(), Some(Sent::Unsigned(_))));
        let kept = deposit(&mailbox);
        assert!(kept.bound());
        assert_eq!(bob_opens(&s, &kept).map(drop).unwrap_err(), CallRefusal::Unsigned.into());
        s.settings_r = demand(Demand::BoundIfPossible);
        let delivered = bob_opens(&s, &kept).unwrap();
        assert!(matches!(&delivered, Delivered::ByMailboxOnly(_)));
        assert_eq!(content(&delivered).key().secret().expose(), sent(&alice).key().secret().expose());
    }
    // A signing key under forged parameters of one's own district is a fault, not the lack of a key.
    let mut s = Scene::with("unsigned", Demand::Bound);
    let mut rng = crate::common::Seeded::new("impostor");
    let impostor = crate::common::Kgs::new("https://kgs.a.example", 7, ibake::ibe::Granularity::Day, &mut rng);
    s.alice.push(crate::left::signing(&impostor, ALICE, NOW));
    let keys = mailbox(&s);
    let Half { answered, .. } = answered_by(&mut s, BOB, &keys, SUITE);
    let trust = s.trust();
    let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    let refused = answered.accept().proceed(&end, NOW, &mut s.rng).map(drop).unwrap_err();
    assert_eq!(refused, KeyError::OtherParameters.into());
}

#[test]
fn an_esk_must_be_there_and_stands_in_i_message_2_alone() {
    for d in [Demand::Bound, Demand::Rfc6267] {
        let mut s = scene("must", d);
        let keys = mailbox(&s);
        let Half { answered, half, i1, r1 } = answered_by(&mut s, BOB, &keys, SUITE);
        let (waiting, i2) = goes_on(&mut s, answered, None);
        let esk = esk_of(&Message::parse(&i2).unwrap()).to_vec();
        let order: Vec<_> = payloads(&Message::parse(&i2).unwrap()).iter().map(Payload::kind).collect();
        assert_eq!(order[order.len() - 2..], [PayloadType::IBAKE, PayloadType::ESK]);
        // Taken out on the way.
        let (e, half) = s.hears_i2(&keys, half, &with_esks(&i2, &[])).map(drop).unwrap_err();
        assert_eq!(e, CallRefusal::NoEsk.into());
        // Two, none that is a box, one too long, one sealed for another week.
        let long = vec![1; ESK_LIMIT + 1];
        let mut state = half.unwrap();
        let other_week =
            ibake::ibe::sealed::seal(&s.b.recipient(BOB, NOW + 7 * DAY), Aead::Aes256Gcm, b"", b"", &mut s.rng);
        let other_week = other_week.unwrap();
        let cases: [(&[&[u8]], CallError); 4] = [
            (&[&esk, &esk], Refused::Repeated(PayloadType::ESK).into()),
            (
                &[&[]],
                ibake::error::DecodeError::new("box version", DecodeReason::Truncated { expected: 1, got: 0 }).into(),
            ),
            (&[&long], Refused::Length { what: "ESK", got: ESK_LIMIT + 1 }.into()),
            (&[&other_week], ibake::error::DecodeError::new("period of an ESK", DecodeReason::Inconsistent).into()),
        ];
        for (esks, expected) in cases {
            let (e, next) = s.hears_i2(&keys, state, &with_esks(&i2, esks)).map(drop).unwrap_err();
            assert_eq!(e, expected);
            state = next.unwrap();
        }
        // Anywhere else.
        let bad = with_esks(&i1, &[&esk]);
        let misplaced = |got| CallError::from(CallRefusal::EskMisplaced { got });
        assert_eq!(s.bob_answers(&bad).unwrap_err(), misplaced(DataType::I_MESSAGE_1));
        let (dialled, _) = s.dial();
        let (e, _) = s.alice_hears(dialled, &with_esks(&r1, &[&esk])).unwrap_err();
        assert_eq!(e, misplaced(DataType::R_MESSAGE_1));
        // The right one still does it, and comes again as it was.
        assert_eq!(waiting.repeat(&r1), Some(&i2[..]));
        let (theirs, r2) = s.hears_i2(&keys, state, &i2).unwrap();
        let ours = session(s.alice_ends(waiting, &r2).unwrap());
        let mut theirs = session(theirs);
        assert_eq!((ours.repeat(&r1), theirs.repeat(&i2)), (Some(&i2[..]), Some(&r2[..])));
        let kept = deposit(&theirs);
        assert_eq!(Fields::of(&kept).encr_data, esk);
        // Nor in an update.
        let trust = s.trust();
        let end = End { settings: &s.settings_r, keys: &keys, directory: &trust };
        let update = theirs.update(&end, &Default::default(), NOW, &mut s.rng).unwrap();
        let mut ours = ours;
        let message = Message::parse(&update).unwrap();
        let mut all = payloads(&message);
        all.insert(all.len() - 1, Payload::Esk(&esk));
        let bad = mikey::encode(message.header(), &all).unwrap();
        let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
        assert_eq!(ours.receive(&end, &bad, NOW, &mut s.rng).unwrap_err(), misplaced(DataType::I_MESSAGE_1));
        // A plain call has none.
        let plain = s.call(&offer(SUITE));
        let (alice, bob) = plain.sessions();
        assert!(alice.sent().is_none() && bob.deposit().is_none());
    }
}

/// A generator that always gives the same.
struct Stuck;

impl TryRng for Stuck {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0x2a2a_2a2a)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0x2a2a_2a2a_2a2a_2a2a)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.fill(0x2a);
        Ok(())
    }
}

impl TryCryptoRng for Stuck {}

#[test]
fn with_a_stuck_generator_the_mailbox_still_has_no_coin_of_the_box() {
    // One coin for both boxes of a message would tell the mailbox, who opens IBAKE, the key of the ESK.
    let mut s = scene("stuck", Demand::Bound);
    let keys = mailbox(&s);
    let Half { answered, half, r1, .. } = answered_by(&mut s, BOB, &keys, SUITE);
    let trust = s.trust();
    let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    let (_, i2) = answered.accept().proceed(&end, NOW, &mut Stuck).unwrap();
    let (theirs, _) = s.hears_i2(&keys, half, &i2).unwrap();
    let fields = Fields::of(&deposit(&session(theirs)));
    let stored = s.alice[0].to_bytes();
    let d = &stored.expose()[stored.expose().len() - 48..];
    let parts = |parts: &[&[u8]]| {
        let lps: Vec<u8> = parts.iter().flat_map(|p| [&ibake::encoding::lp(p)[..], p].concat()).collect();
        hash(&[label("mikey draw").as_ref(), &lps])
    };
    let (csb, t) = (fields.csb_id.to_be_bytes(), fields.t.to_be_bytes());
    let whole = hash(&[label("mikey draw").as_ref(), &csb, &ibake::encoding::lp(&fields.rand), &fields.rand]);
    let drawn = |what: &str, at: &[u8; 32]| {
        *Prk::extract(&[0x2a; 32], &[d]).expand::<32>(&[label(what).as_ref(), &whole[..16], at]).expose()
    };
    let place = parts(&[&r1, &t, b"esk", s.bob[0].identity().der()]);
    let delivered = bob_opens(&s, &fields.deposit().unwrap()).unwrap();
    assert_eq!(content(&delivered).key().secret().expose(), &drawn("sk", &place));
    // U of each box is [k]P2, k from its coin and the identity.
    let u = |sigma: [u8; 32], kgs: &crate::common::Kgs, der: &[u8]| {
        let (p_pub, prefix) = (kgs.parameters.p_pub_bytes(), ibake::encoding::lp(der));
        let pkctx = hash(&[label("id").as_ref(), &[0, 1], p_pub, &prefix, der]);
        let wide = Prk::extract(label("H3").as_ref(), &[&sigma]).expand::<48>(&[&pkctx]);
        let mut little = [0; 64];
        little.iter_mut().zip(wide.expose().iter().rev()).for_each(|(l, b)| *l = *b);
        let k = bls12_381::Scalar::from_bytes_wide(&little);
        bls12_381::G2Affine::from(bls12_381::G2Affine::generator() * k).to_compressed()
    };
    let at = 4 + 2 + "https://kgs.b.example".len() + 17;
    let [of_ibake, of_esk] = [parts(&[&r1, &t]), place].map(|p| drawn("sigma", &p));
    assert_ne!(of_ibake, of_esk);
    assert_eq!(fields.encr_data[at..at + 96], u(of_esk, &s.b, s.bob[0].identity().der()));
    let message = Message::parse(&i2).unwrap();
    let Payload::Ibake(ibake) = message.single(PayloadType::IBAKE).unwrap() else { panic!("IBAKE") };
    assert_eq!(ibake[at..at + 96], u(of_ibake, &s.b, keys[0].identity().der()));
}

#[test]
fn what_is_no_deposit_is_refused_by_name() {
    let mut s = scene("decode", Demand::Bound);
    let keys = mailbox(&s);
    let fields = Fields::of(&deposit(&leave(&mut s, &keys).mailbox));
    let good = fields.bytes();
    assert!(fields.deposit().is_ok());
    let decode = |what, reason| CallError::from(ibake::error::DecodeError::new(what, reason));
    let change = |at: usize, to: u8| {
        let mut bad = good.clone();
        bad[at] = to;
        Deposit::decode(&bad).unwrap_err()
    };
    assert_eq!(change(0, b'J'), decode("deposit", DecodeReason::Unknown { got: 0 }));
    assert_eq!(change(8, 2), decode("deposit", DecodeReason::Version { got: 2 }));
    assert_eq!(change(9, 2), decode("profile", DecodeReason::Unknown { got: 2 }));
    assert_eq!(change(22, 1), decode("RAND", DecodeReason::TooLong { limit: 64, got: 272 }));
    for n in 0..good.len() {
        assert!(Deposit::decode(&good[..n]).is_err(), "cut at {n}");
    }
    let trailing = Deposit::decode(&[&good[..], &[0]].concat()).unwrap_err();
    assert_eq!(trailing, decode("deposit", DecodeReason::Trailing { extra: 1 }));
    let of = |change: &dyn Fn(&mut Fields)| {
        let mut f = fields.clone();
        change(&mut f);
        f.deposit().unwrap_err()
    };
    assert_eq!(of(&|f| f.rand = vec![1; 15]), Refused::Length { what: "RAND", got: 15 }.into());
    assert_eq!(of(&|f| f.recipient = ALICE.into()), PeerError::SameIdentity.into());
    assert!(matches!(of(&|f| f.sender = "sip:Alice@A.example".into()), CallError::Protocol(Error::Identity(_))));
    assert!(matches!(of(&|f| f.sender = "a".repeat(1025)), CallError::Protocol(Error::Decode(_))));
    assert!(matches!(of(&|f| f.encr_data = vec![1; 2049]), CallError::Protocol(Error::Decode(_))));
    assert_eq!(of(&|f| f.t ^= 1 << 56), decode("period of an ESK", DecodeReason::Inconsistent));
    // A point that is none, before anybody has used a key.
    let u = 4 + 2 + "https://kgs.b.example".len() + 17;
    let refused = of(&|f| f.encr_data[u] ^= 0x80);
    assert!(matches!(refused, CallError::Protocol(Error::Decode(e)) if e.what == "U"), "{refused:?}");
}

#[test]
fn checks_of_a_deposit_come_in_their_order() {
    // Every later fault is there, too, until the one before it is gone.
    let mut s = scene("order", Demand::Rfc6267);
    let keys = mailbox(&s);
    let mut fields = Fields::of(&deposit(&leave(&mut s, &keys).mailbox));
    let other = deposit(&leave(&mut s, &keys).mailbox);
    let mut damaged = fields.clone();
    *damaged.encr_data.last_mut().unwrap() ^= 1;
    let (right, wrong) = (fields.deposit().unwrap(), damaged.deposit().unwrap());
    let (strict, lax) = (demand(Demand::Bound), demand(Demand::BoundIfPossible));
    let trust = s.trust();
    let unknown = |_: &ibake::ibe::name::Name, _: u64| -> Option<ibake::ibe::PublicParameters> { None };
    let over = expired(&mut s);
    let expired = |_: &ibake::ibe::name::Name, _: u64| Some(over.clone());
    let end = |settings, keys, directory| End { settings, keys, directory };
    let full_of = |taken: &Deposit| {
        let mut log = DepositLog::new(1, KEPT);
        taken.open(&end(&lax, &s.bob, &trust), &mut log, NOW).map(drop).unwrap();
        log
    };
    let (same, filled, mut empty) = (full_of(&right), full_of(&other), DepositLog::new(1, KEPT));
    let stranger = end(&strict, &[], &unknown);
    let open = |end: End<'_>, log: &DepositLog, now| wrong.open(&end, &mut log.clone(), now).map(drop).unwrap_err();
    assert_eq!(open(stranger, &same, NOW - 301), CallRefusal::Timestamp(Freshness::New { by: 1 }).into());
    assert_eq!(open(stranger, &same, NOW + KEPT + 2), CallRefusal::Timestamp(Freshness::Old { by: 2 }).into());
    assert_eq!(open(stranger, &same, NOW), PeerError::Replay.into());
    assert_eq!(open(stranger, &filled, NOW), PeerError::Busy.into());
    assert_eq!(open(stranger, &empty, NOW), CallRefusal::Unsigned.into());
    assert_eq!(open(end(&lax, &[], &unknown), &empty, NOW), KeyError::Missing.into());
    assert_eq!(open(end(&lax, &s.bob, &unknown), &empty, NOW), ibake::error::ParametersError::Unknown.into());
    assert_eq!(open(end(&lax, &s.bob, &expired), &empty, NOW), ibake::error::ParametersError::NotValidAt.into());
    assert_eq!(open(end(&lax, &s.bob, &trust), &empty, NOW), Error::Decrypt.into());
    assert!(right.open(&end(&lax, &s.bob, &trust), &mut empty, NOW).is_ok());
    // Reading it: names before the RAND's length, that before the box, the box before its period.
    let first = |f: &Fields| f.deposit().unwrap_err();
    fields.t ^= 1 << 56;
    let period = first(&fields);
    fields.encr_data[0] ^= 1;
    let version = first(&fields);
    fields.recipient = ALICE.into();
    let same = first(&fields);
    fields.rand.truncate(3);
    let rand = first(&fields);
    fields.sender = "nobody".into();
    let name = first(&fields);
    let what = |e: CallError| match e {
        CallError::Protocol(Error::Decode(e)) => e.what,
        other => panic!("{other:?}"),
    };
    assert_eq!((what(period), what(version)), ("period of an ESK", "box"));
    assert_eq!((same, rand), (PeerError::SameIdentity.into(), Refused::Length { what: "RAND", got: 3 }.into()));
    assert!(matches!(name, CallError::Protocol(Error::Identity(_))));
}

/// Parameters of alice's district that were over before NOW.
fn expired(s: &mut Scene) -> ibake::ibe::PublicParameters {
    use ibake::ibe::params::Description;
    let master = ibake::ibe::extract::MasterKey::generate(&mut s.rng).unwrap();
    let description = Description {
        district: ibake::ibe::district::District::parse("https://kgs.a.example").unwrap(),
        serial: 6,
        not_before: NOW - 40 * DAY,
        not_after: NOW - 10 * DAY,
        granularity: ibake::ibe::Granularity::Day,
        pkg_uri: None,
    };
    master.public_parameters(description).unwrap()
}
