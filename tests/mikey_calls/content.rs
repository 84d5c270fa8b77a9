//! Content that was encoded before: one key for many recipients; and bodies of messages.

use ibake::aead;
use ibake::error::{DecodeReason, Error, KeyError, UsageError};
use ibake::ibe::extract::PrivateKey;
use ibake::kdf::{Prk, hash, label};
use ibake::mikey::call::{
    Answering, As, BODY_LIMIT, ContentKey, Delivered, Demand, Deposit, DepositLog, End, Outcome, Ready, Reply, Sent,
};
use ibake::secret::Secret;
use ibake::srtp::{MasterKeys, Profile, Stream};
use ibake::suite::Aead;
use subtle::ConstantTimeEq;

use crate::common::{BOB, CAROL, NOW, Seeded};
use crate::left::{KEPT, Left, content, deposit, dial_to, leave_with, mailbox, open, scene, signing};
use crate::scene::{DESK, SUITE, Scene, demand, session};

const DAVE: &str = "sip:dave@b.example";
const FRANK: &str = "sip:frank@a.example";

/// An SRTP packet under AEAD_AES_256_GCM (RFC 7714 section 8): the header is 12 bytes, the rollover counter is 0.
struct Packets {
    key: [u8; 32],
    salt: [u8; 12],
}

impl Packets {
    fn new(keys: &MasterKeys) -> Self {
        let keys = keys.session_keys(Stream::Rtp, 0);
        Self { key: keys.cipher_key().try_into().unwrap(), salt: keys.salt().try_into().unwrap() }
    }

    fn header(number: u16) -> [u8; 12] {
        let mut header = [0x80, 0, 0, 0, 0, 0, 0, 0, 0xca, 0xfe, 0xba, 0xbe];
        header[2..4].copy_from_slice(&number.to_be_bytes());
        header
    }

    fn nonce(&self, header: &[u8]) -> [u8; 12] {
        let mut nonce = self.salt;
        let number = [&[0, 0], &header[8..12], &[0; 4], &header[2..4]].concat();
        nonce.iter_mut().zip(number).for_each(|(n, b)| *n ^= b);
        nonce
    }

    fn protect(&self, number: u16, payload: &[u8]) -> Vec<u8> {
        let header = Self::header(number);
        let sealed = aead::seal_with_nonce(Aead::Aes256Gcm, &self.key, &self.nonce(&header), &header, payload);
        [&header[..], &sealed].concat()
    }

    fn unprotect(&self, packet: &[u8]) -> Result<Vec<u8>, Error> {
        let (header, sealed) = packet.split_at(12);
        let opened = aead::open_with_nonce(Aead::Aes256Gcm, &self.key, &self.nonce(header), header, sealed)?;
        Ok(opened.expose().to_vec())
    }
}

/// Alice delivers the content to who answers live.
fn deliver(s: &mut Scene, who: &str, keys: &[PrivateKey], answering: &Answering<'_>, key: &ContentKey) -> Deposit {
    let (dialled, i1) = dial_to(s, who, SUITE);
    let (half, r1) = s.answer(keys, &i1, answering).unwrap();
    let ready: Ready = match s.alice_hears(dialled, &r1).unwrap() {
        Reply::AsDialled(ready) => ready,
        Reply::Other(answered) => {
            assert!(answered.opened_first());
            answered.accept()
        }
    };
    let trust = s.trust();
    let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    let (waiting, i2) = ready.proceed_with(&end, key, NOW, &mut s.rng).unwrap();
    let (theirs, r2) = s.hears_i2(keys, half, &i2).unwrap();
    let ours = s.alice_ends(waiting, &r2).unwrap();
    let signed = s.alice.len() > 1;
    let (ours, theirs) = match (ours, theirs) {
        (Outcome::Bound(a), Outcome::Bound(b)) => (a, b),
        other => panic!("{other:?}"),
    };
    let sent = ours.sent().unwrap();
    assert_eq!(matches!(sent, Sent::Signed(_)), signed);
    assert_eq!(sent.content().key().secret().expose(), key.secret().expose());
    deposit(&theirs)
}

#[test]
fn one_content_key_for_three_who_answer_and_two_mailboxes() {
    let mut s = scene("five", Demand::Bound);
    // Encoded before anybody is called.
    let key = ContentKey::random(&mut s.rng).unwrap();
    let encoder = Packets::new(&key.media(1, Profile::AeadAes256Gcm).unwrap());
    let stream: Vec<_> = (0..20u16).map(|n| encoder.protect(n, format!("frame {n}").as_bytes())).collect();

    let (dave, carol) = (vec![s.b.issue(DAVE, NOW)], vec![s.a.issue(CAROL, NOW)]);
    let desk = vec![s.b.issue(DESK, NOW), s.b.issue(BOB, NOW)];
    let branch = Answering { identity: As::Branch(&desk[0]), ssrcs: &[] };
    let mut deposits = vec![
        (deliver(&mut s, DAVE, &dave, &Answering::DIALLED, &key), vec![s.b.issue(DAVE, NOW)]),
        (deliver(&mut s, CAROL, &carol, &Answering::DIALLED, &key), vec![s.a.issue(CAROL, NOW)]),
        // A branch of a fork opens the first message with the common key, and has the content under its own name.
        (deliver(&mut s, BOB, &desk, &branch, &key), vec![s.b.issue(DESK, NOW)]),
    ];
    assert_eq!(deposits[2].0.recipient().as_str(), DESK);
    let keys = mailbox(&s);
    deposits.push((deposit(&leave_with(&mut s, &keys, SUITE, Some(&key)).mailbox), vec![s.b.issue(BOB, NOW)]));
    let keys = vec![s.a.issue("sip:box@a.example", NOW)];
    let left = crate::left::answered_by(&mut s, FRANK, &keys, SUITE);
    let (waiting, i2) = crate::left::goes_on(&mut s, left.answered, Some(&key));
    let (theirs, r2) = s.hears_i2(&keys, left.half, &i2).unwrap();
    assert!(s.alice_ends(waiting, &r2).is_ok());
    deposits.push((deposit(&session(theirs)), vec![s.a.issue(FRANK, NOW)]));

    assert_eq!(deposits.len(), 5);
    let mut of_calls = Vec::new();
    for (kept, keys) in &deposits {
        let got = open(&s, &s.settings_r, keys, kept, &mut DepositLog::new(1, KEPT), NOW).unwrap();
        assert!(matches!(&got, Delivered::BySender(_)));
        let player = Packets::new(&content(&got).key().media(1, Profile::AeadAes256Gcm).unwrap());
        for (n, packet) in stream.iter().enumerate() {
            assert_eq!(player.unprotect(packet).unwrap(), format!("frame {n}").as_bytes());
        }
        of_calls.push(content(&got).media(1, Profile::AeadAes256Gcm).unwrap().key_and_salt().to_vec());
    }
    // What belongs to one call is of that call alone, whatever the key.
    of_calls.sort();
    of_calls.dedup();
    assert_eq!(of_calls.len(), 5);
    // Nobody opens what is for another one.
    for (i, (kept, _)) in deposits.iter().enumerate() {
        for (_, keys) in deposits.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, d)| d) {
            let refused = open(&s, &s.settings_r, keys, kept, &mut DepositLog::new(1, KEPT), NOW).map(drop);
            assert_eq!(refused.unwrap_err(), KeyError::Missing.into());
        }
    }
    // The holder of another key has nothing of this stream.
    let other = ContentKey::random(&mut s.rng).unwrap();
    let wrong = [other.media(1, Profile::AeadAes256Gcm).unwrap(), key.media(2, Profile::AeadAes256Gcm).unwrap()];
    for keys in wrong {
        assert_eq!(Packets::new(&keys).unprotect(&stream[0]).unwrap_err(), Error::Decrypt);
    }
}

#[test]
fn unsigned_content_for_who_answers_shows_in_its_type() {
    let mut s = Scene::new("unsigned content");
    let key = ContentKey::new(Secret::new([7; 32]));
    let dave = vec![s.b.issue(DAVE, NOW)];
    let kept = deliver(&mut s, DAVE, &dave, &Answering::DIALLED, &key);
    let mut log = DepositLog::new(1, KEPT);
    assert!(open(&s, &s.settings_r, &dave, &kept, &mut log, NOW).is_err());
    let got = open(&s, &demand(Demand::BoundIfPossible), &dave, &kept, &mut log, NOW).unwrap();
    assert!(matches!(got, Delivered::ByMailboxOnly(_)));
}

#[test]
fn a_retarget_gets_content_for_the_one_called_and_cannot_read_it() {
    let mut s = scene("retargeted content", Demand::Bound);
    let key = ContentKey::random(&mut s.rng).unwrap();
    let carol = vec![s.a.issue(CAROL, NOW), signing(&s.a, CAROL, NOW)];
    let Left { mailbox, .. } = leave_with(&mut s, &carol, SUITE, Some(&key));
    let kept = deposit(&mailbox);
    assert_eq!(kept.recipient().as_str(), BOB);
    let refused = open(&s, &s.settings_r, &carol, &kept, &mut DepositLog::new(1, KEPT), NOW).map(drop);
    assert_eq!(refused.unwrap_err(), KeyError::Missing.into());
}

#[test]
fn bodies_of_messages() {
    let mut rng = Seeded::new("bodies");
    let key = ContentKey::random(&mut rng).unwrap();
    for aead in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
        let sealed = key.seal(aead, b"text/plain", b"hello", &mut rng).unwrap();
        assert_eq!((sealed.len(), &sealed[..2]), (5 + 50, &[1, aead.id()][..]));
        assert_eq!(key.open(b"text/plain", &sealed).unwrap().expose(), b"hello");
        // By the formula.
        let prk = Prk::extract(label("mikey message").as_ref(), &[key.secret().expose()]);
        let body_key = prk.expand::<32>(&[&sealed[..34]]);
        assert_eq!(aead::open(aead, body_key.expose(), b"text/plain", &sealed[34..]).unwrap().expose(), b"hello");
        for n in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[n] ^= 1;
            assert!(key.open(b"text/plain", &bad).is_err(), "byte {n}");
            assert!(key.open(b"text/plain", &sealed[..n]).is_err(), "cut at {n}");
        }
        assert_eq!(key.open(b"text/html", &sealed).unwrap_err(), Error::Decrypt);
        assert_eq!(ContentKey::new(Secret::new([1; 32])).open(b"text/plain", &sealed).unwrap_err(), Error::Decrypt);
    }
    let refused = key.open(b"", &[2; 60]).unwrap_err();
    assert!(matches!(refused, Error::Decode(e) if e.reason == DecodeReason::Version { got: 2 }));
    assert!(matches!(key.open(b"", &[1, 9]).unwrap_err(), Error::Decode(_)));
    let long = vec![0; BODY_LIMIT + 1];
    let too_many = UsageError::TooMany { limit: BODY_LIMIT, got: BODY_LIMIT + 1 };
    assert_eq!(key.seal(Aead::Aes256Gcm, b"", &long, &mut rng).unwrap_err(), too_many.into());
    let mut over = vec![1; 34 + BODY_LIMIT + 17];
    over[1] = 1;
    assert!(matches!(key.open(b"", &over).unwrap_err(), Error::Decode(_)));
    assert!(key.seal(Aead::Aes256Gcm, b"", &long[..BODY_LIMIT], &mut rng).is_ok());
    // Keys are compared without showing where they differ, and a copy is the same key.
    assert!(bool::from(key.duplicate().ct_eq(&key)));
    assert!(!bool::from(key.ct_eq(&ContentKey::random(&mut rng).unwrap())));
}

#[test]
fn a_generator_that_repeats_itself_does_not_repeat_a_nonce() {
    // The same coins for two bodies, and for one body under two `ad`: three keys. For one body twice: the same bytes.
    let key = ContentKey::new(Secret::new([3; 32]));
    let seal = |ad: &[u8], body: &[u8]| key.seal(Aead::Aes256Gcm, ad, body, &mut Seeded::new("again")).unwrap();
    let all = [seal(b"", b"hello"), seal(b"", b"hullo"), seal(b"x", b"hello"), seal(b"h", b"ello")];
    for (i, a) in all.iter().enumerate() {
        assert!(all.iter().skip(i + 1).all(|b| a[2..34] != b[2..34]));
    }
    assert_eq!(all[0], seal(b"", b"hello"));
    // The salt by the formula of SPEC.md 13.15.
    let mut rng = Seeded::new("again");
    let fresh = Secret::<32>::random(&mut rng).unwrap();
    let said = hash(&[&[0; 4], b"hello"]);
    let salt = Prk::extract(fresh.expose(), &[&[3; 32]]).expand::<32>(&[label("mikey salt").as_ref(), &[1], &said]);
    assert_eq!(all[0][2..34], *salt.expose());
}
