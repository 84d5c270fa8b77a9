//! Encapsulations, sealed boxes, sealed files.

use super::{copy, key_ref_bytes, rng, world};
use crate::common::{ALICE, BOB, CAROL, NOW};
use ibake::error::Error;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::file::{CHUNK, Header, Sealer, TAG};
use ibake::ibe::kem::{ENCAPSULATION_BYTES, Encapsulation};
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::suite::Aead;
use std::sync::OnceLock;

const AD: &[u8] = b"fuzz";

fn keys() -> &'static [PrivateKey] {
    static KEYS: OnceLock<Vec<PrivateKey>> = OnceLock::new();
    KEYS.get_or_init(|| vec![copy(&world().alice), copy(&world().bob), world().a.issue(CAROL, NOW)])
}

/// 128 bytes.
pub fn encapsulation(data: &[u8]) {
    let Some(bytes) = data.first_chunk::<ENCAPSULATION_BYTES>() else { return };
    let Ok(e) = Encapsulation::decode(bytes) else { return };
    assert_eq!(&e.to_bytes(), bytes);
    let [a, b, ..] = keys() else { unreachable!() };
    let (of_a, of_b) = (e.decapsulate(a).unwrap(), e.decapsulate(b).unwrap());
    assert_ne!(of_a.expose(), of_b.expose(), "two people never share a key, wrong encapsulations included");
    assert_eq!(e.decapsulate(a).unwrap().expose(), of_a.expose());
}

pub fn encapsulation_seeds() -> Vec<Vec<u8>> {
    let mut rng = rng();
    let to = [world().b.recipient(BOB, NOW), world().a.recipient(ALICE, NOW)];
    to.iter().map(|r| r.encapsulate(&mut rng).unwrap().0.to_bytes().to_vec()).collect()
}

/// A box to one of three people: only the seeds open.
pub fn sealed_box(data: &[u8]) {
    let Ok(read) = SealedBox::decode(data) else { return };
    let to = key_ref_bytes(read.to());
    assert_eq!(&data[..4], [1, 0, 1, read.aead().id()]);
    assert_eq!(&data[4..4 + to.len()], to);
    assert!(read.plaintext_len() < data.len());
    if read.open(keys(), AD).is_ok() {
        assert!(box_seeds().iter().any(|s| s == data), "opened what was never sealed");
    }
}

pub fn box_seeds() -> Vec<Vec<u8>> {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let make = || {
        let mut rng = rng();
        let mut out = Vec::new();
        for (aead, content) in [(Aead::Aes256Gcm, &b"a message"[..]), (Aead::ChaCha20Poly1305, b"")] {
            for to in [world().b.recipient(BOB, NOW), world().a.recipient(CAROL, NOW)] {
                out.push(seal(&to, aead, AD, content, &mut rng).unwrap());
            }
        }
        out
    };
    SEEDS.get_or_init(make).clone()
}

fn open_file(header: &Header<'_>, mut rest: &[u8]) -> Result<(), Error> {
    let mut opener = header.open(keys(), AD)?;
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK + TAG));
        opener.chunk(chunk, after.is_empty())?;
        rest = after;
        if rest.is_empty() {
            assert!(opener.is_finished());
            return Ok(());
        }
    }
}

/// A file to several people, header and chunks: only the seeds open.
pub fn sealed_file(data: &[u8]) {
    let Ok(header) = Header::decode(data) else { return };
    assert!(header.len() <= data.len() && !header.is_empty());
    let mut at = 14;
    for to in header.recipients() {
        let to = key_ref_bytes(to);
        assert_eq!(&data[at..at + to.len()], to);
        at += to.len() + 16 + ENCAPSULATION_BYTES + 32 + TAG;
    }
    assert_eq!(at, header.len());
    if open_file(&header, &data[header.len()..]).is_ok() {
        assert!(file_seeds().iter().any(|s| s == data), "opened what was never sealed");
    }
}

pub fn file_seeds() -> Vec<Vec<u8>> {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let make = || {
        let mut rng = rng();
        let (bob, alice) = (world().b.recipient(BOB, NOW), world().a.recipient(ALICE, NOW));
        let stranger = world().a.recipient("sip:eve@a.example", NOW);
        let lists = [vec![bob], vec![stranger, alice]];
        let contents = [&b""[..], b"a short file"];
        let mut out = Vec::new();
        for (to, content) in lists.iter().flat_map(|l| contents.iter().map(move |c| (l, c))) {
            let (mut sealer, mut file) = Sealer::new(to, Aead::Aes256Gcm, AD, &mut rng).unwrap();
            file.extend(sealer.chunk(content, true).unwrap());
            out.push(file);
        }
        out
    };
    SEEDS.get_or_init(make).clone()
}
