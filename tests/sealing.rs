//! Sealed boxes and files: who can open, and what an altered byte does.
#![allow(clippy::unwrap_used)]

mod common;

use common::{ALICE, BOB, CAROL, DAY, NOW, World};
use ibake::error::{DecodeReason, Error, KeyError, UsageError};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::file::{CHUNK, Header, Sealer, TAG};
use ibake::ibe::kem::Recipient;
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::suite::Aead;
use proptest::prelude::*;

fn open(bytes: &[u8], keys: &[PrivateKey], ad: &[u8]) -> Result<Vec<u8>, Error> {
    SealedBox::decode(bytes)?.open(keys, ad).map(|v| v.expose().to_vec())
}

#[test]
fn a_box_opens_for_its_identity_only() {
    let mut w = World::new("box");
    for aead in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
        for to in [w.b.recipient(BOB, NOW), Recipient::cached(&w.b.parameters, w.bob.identity()).unwrap()] {
            let sealed = seal(&to, aead, b"memo", b"hello bob", &mut w.rng).unwrap();
            let boxed = SealedBox::decode(&sealed).unwrap();
            assert_eq!((boxed.to().district(), boxed.to().serial()), ("https://kgs.b.example", 1));
            assert_eq!((boxed.aead(), boxed.plaintext_len()), (aead, 9));
            let bob = [w.b.issue(BOB, NOW)];
            assert_eq!(open(&sealed, &bob, b"memo").as_deref(), Ok(&b"hello bob"[..]));
            assert_eq!(open(&sealed, &bob, b"other"), Err(Error::Decrypt));
            assert_eq!(open(&sealed, &[w.b.issue(CAROL, NOW)], b"memo"), Err(Error::Decrypt));
            let missing = Err(KeyError::Missing.into());
            assert_eq!(open(&sealed, &[w.b.issue(BOB, NOW + 7 * DAY)], b"memo"), missing);
            assert_eq!(open(&sealed, &[w.a.issue(BOB, NOW)], b"memo"), missing);
            assert_eq!(open(&sealed, &[], b"memo"), missing);
        }
    }
}

#[test]
fn a_box_without_content_opens() {
    let mut w = World::new("empty");
    let sealed = seal(&w.b.recipient(BOB, NOW), Aead::Aes256Gcm, b"", b"", &mut w.rng).unwrap();
    assert_eq!(open(&sealed, &[w.b.issue(BOB, NOW)], b""), Ok(vec![]));
}

#[test]
fn an_altered_byte_or_length_of_a_box_is_refused() {
    let mut w = World::new("altered box");
    let bob = [w.b.issue(BOB, NOW)];
    let sealed = seal(&w.b.recipient(BOB, NOW), Aead::Aes256Gcm, b"ad", b"content", &mut w.rng).unwrap();
    for at in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(open(&bad, &bob, b"ad").is_err(), "byte {at}");
        assert!(open(&sealed[..at], &bob, b"ad").is_err(), "cut at {at}");
    }
    assert!(open(&[&sealed[..], &[0]].concat(), &bob, b"ad").is_err());
}

#[test]
fn a_key_is_checked_when_it_is_loaded() {
    let w = World::new("loading");
    let stored = w.alice.to_bytes();
    let again = PrivateKey::from_bytes(stored.expose(), &w.a.parameters).unwrap();
    assert_eq!(again.identity(), w.alice.identity());
    let header = PrivateKey::inspect(stored.expose()).unwrap();
    assert_eq!((&header.identity, &header.fingerprint), (w.alice.identity(), w.a.parameters.fingerprint()));
    let other = PrivateKey::from_bytes(stored.expose(), &w.b.parameters).unwrap_err();
    assert_eq!(other, KeyError::OtherParameters.into());
    // Carol's point under alice's name.
    let carol = w.a.issue(CAROL, NOW).to_bytes();
    let mut mixed = stored.expose().to_vec();
    let at = mixed.len() - 48;
    mixed[at..].copy_from_slice(&carol.expose()[carol.expose().len() - 48..]);
    let refused = PrivateKey::from_bytes(&mixed, &w.a.parameters).unwrap_err();
    assert_eq!(refused, KeyError::NotGenuine.into());
    for at in 0..stored.expose().len() {
        let mut bad = stored.expose().to_vec();
        bad[at] ^= 1 << (at % 8);
        assert!(PrivateKey::from_bytes(&bad, &w.a.parameters).is_err(), "byte {at}");
        assert!(PrivateKey::from_bytes(&stored.expose()[..at], &w.a.parameters).is_err(), "cut at {at}");
    }
}

/// Seals a whole file to the recipients.
fn seal_file(w: &mut World, to: &[Recipient], ad: &[u8], content: &[u8]) -> Vec<u8> {
    let (mut sealer, mut out) = Sealer::new(to, Aead::Aes256Gcm, ad, &mut w.rng).unwrap();
    let mut rest = content;
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
        out.extend(sealer.chunk(chunk, after.is_empty()).unwrap());
        rest = after;
        if rest.is_empty() {
            assert_eq!(sealer.chunk(b"", true).unwrap_err(), UsageError::WrongState.into());
            return out;
        }
    }
}

fn open_file(bytes: &[u8], keys: &[PrivateKey], ad: &[u8]) -> Result<Vec<u8>, Error> {
    let header = Header::decode(bytes)?;
    let mut opener = header.open(keys, ad)?;
    let mut rest = &bytes[header.len()..];
    let mut out = Vec::new();
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK + TAG));
        out.extend_from_slice(opener.chunk(chunk, after.is_empty())?.expose());
        rest = after;
        if rest.is_empty() {
            assert!(opener.is_finished());
            return Ok(out);
        }
    }
}

#[test]
fn a_file_opens_for_each_of_its_recipients() {
    let mut w = World::new("file");
    let to = [w.b.recipient(BOB, NOW), w.a.recipient(CAROL, NOW), w.a.recipient(ALICE, NOW)];
    for n in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5] {
        let content: Vec<u8> = (0..n).map(|i| (i % 251) as u8).collect();
        let sealed = seal_file(&mut w, &to, b"ad", &content);
        for key in [w.b.issue(BOB, NOW), w.a.issue(CAROL, NOW), w.a.issue(ALICE, NOW)] {
            assert_eq!(open_file(&sealed, &[key], b"ad").as_ref(), Ok(&content));
        }
        let stranger = [w.a.issue("sip:eve@a.example", NOW)];
        assert_eq!(open_file(&sealed, &stranger, b"ad"), Err(KeyError::Missing.into()));
        assert_eq!(open_file(&sealed, &[w.b.issue(BOB, NOW)], b"other"), Err(Error::Decrypt));
    }
}

#[test]
fn chunks_cannot_be_reordered_cut_off_repeated_or_spliced() {
    let mut w = World::new("splice");
    let to = [w.b.recipient(BOB, NOW)];
    let bob = [w.b.issue(BOB, NOW)];
    let content = vec![7; 3 * CHUNK + 100];
    let (a, b) = (seal_file(&mut w, &to, b"", &content), seal_file(&mut w, &to, b"", &content));
    let head = Header::decode(&a).unwrap().len();
    let step = CHUNK + TAG;
    let chunk = |f: &[u8], i: usize| f[head + i * step..(head + (i + 1) * step).min(f.len())].to_vec();
    let file = |head_of: &[u8], chunks: &[Vec<u8>]| [&head_of[..head], &chunks.concat()].concat();
    let all: Vec<_> = (0..4).map(|i| chunk(&a, i)).collect();
    assert_eq!(open_file(&file(&a, &all), &bob, b""), Ok(content));
    let foreign = chunk(&b, 1);
    let bad = [
        vec![all[1].clone(), all[0].clone(), all[2].clone(), all[3].clone()],
        all[..3].to_vec(),
        all[..1].to_vec(),
        vec![all[0].clone(), all[1].clone(), all[1].clone(), all[2].clone(), all[3].clone()],
        vec![all[0].clone(), all[2].clone(), all[3].clone()],
        vec![all[0].clone(), foreign, all[2].clone(), all[3].clone()],
        vec![all[3].clone()],
        vec![],
        vec![all[0].clone(), all[1].clone(), all[2].clone(), all[3].clone(), all[3].clone()],
    ];
    for (i, chunks) in bad.iter().enumerate() {
        assert_eq!(open_file(&file(&a, chunks), &bob, b""), Err(Error::Decrypt), "case {i}");
    }
    // The chunks of one file under the header of another to the same person.
    assert_eq!(open_file(&file(&b, &all), &bob, b""), Err(Error::Decrypt));
}

#[test]
fn every_byte_of_a_files_header_and_content_is_bound() {
    let mut w = World::new("bound");
    let to = [w.b.recipient(BOB, NOW), w.a.recipient(CAROL, NOW)];
    let bob = [w.b.issue(BOB, NOW)];
    let sealed = seal_file(&mut w, &to, b"", b"content");
    for at in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(open_file(&bad, &bob, b"").is_err(), "byte {at}");
        assert!(open_file(&sealed[..at], &bob, b"").is_err(), "cut at {at}");
    }
}

#[test]
fn lists_of_recipients_are_checked() {
    let mut w = World::new("lists");
    let mut begin = |to: &[Recipient]| Sealer::new(to, Aead::Aes256Gcm, b"", &mut w.rng).map(|_| ()).unwrap_err();
    assert_eq!(begin(&[]), UsageError::Empty.into());
    let twice = [w.b.recipient(BOB, NOW), w.a.recipient(CAROL, NOW), w.b.recipient(BOB, NOW)];
    assert_eq!(begin(&twice), UsageError::Duplicate.into());
    let none = [&b"IBAKEFIL"[..], &[1, 0, 1, 1, 0, 0]].concat();
    assert!(matches!(Header::decode(&none), Err(Error::Decode(e)) if matches!(e.reason, DecodeReason::TooLong { .. })));
}

#[test]
fn ten_thousand_identities_have_ten_thousand_keys() {
    let w = World::new("many");
    let mut keys: Vec<Vec<u8>> = (0..10_000)
        .map(|i| {
            let name = match i % 4 {
                0 => format!("sip:user{i}@a.example"),
                1 => format!("sips:user{}@a.example", i - 1),
                2 => format!("tel:+1555{i:07}"),
                _ => format!("user{}@a.example", i - 3),
            };
            let key = w.a.issue(&name, NOW + DAY * (i as u64 % 7));
            if i % 1000 == 0 {
                key.verify(&w.a.parameters).unwrap();
            }
            let bytes = key.to_bytes();
            bytes.expose()[bytes.expose().len() - 48..].to_vec()
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = SealedBox::decode(&bytes);
        let _ = Header::decode(&bytes);
        let _ = Header::decode(&[b"IBAKEFIL", &bytes[..]].concat());
        let _ = PrivateKey::inspect(&bytes);
        let _ = ibake::ibake::envelope::Envelope::decode(&bytes);
        let _ = ibake::ibake::inspect::describe(&bytes);
        let _ = ibake::ibake::initiator::AwaitM2::from_bytes(&bytes);
        let _ = ibake::ibake::responder::AwaitM3::from_bytes(&bytes);
    }
}

#[test]
fn a_sealer_does_not_write_what_no_opener_takes() {
    let mut w = World::new("sealer");
    let (mut sealer, _) = Sealer::new(&[w.b.recipient(BOB, NOW)], Aead::Aes256Gcm, b"", &mut w.rng).unwrap();
    sealer.chunk(&vec![0; CHUNK], false).unwrap();
    assert_eq!(sealer.chunk(b"", true).unwrap_err(), UsageError::WrongState.into(), "an empty end after a full chunk");
    assert_eq!(sealer.chunk(b"short", false).unwrap_err(), UsageError::WrongState.into());
    assert!(sealer.chunk(b"end", true).is_ok());
}

#[test]
fn a_signing_key_beside_it_does_not_keep_a_decryption_key_from_opening() {
    let mut w = World::new("purpose");
    let name = ibake::ibe::Name::parse(BOB).unwrap();
    let signing = w.b.parameters.identity(name, ibake::ibe::Purpose::Sign, NOW).unwrap();
    let keys = [w.b.issuer.extract(&signing).unwrap(), w.b.issue(BOB, NOW)];
    let sealed = seal(&w.b.recipient(BOB, NOW), Aead::Aes256Gcm, b"", b"x", &mut w.rng).unwrap();
    assert_eq!(open(&sealed, &keys, b""), Ok(b"x".to_vec()));
    assert_eq!(open(&sealed, &keys[..1], b""), Err(KeyError::Missing.into()));
    assert!(Recipient::new(&w.b.parameters, &signing).is_err());
}
