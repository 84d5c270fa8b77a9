//! Boxes, files, key references and hints, laid out again from SPEC.md 4.3 to 4.5 and opened by hand; their checks in order.

use super::reason;
use crate::common::wire::{exp, ext, label, lp, sha};
use crate::common::{ALICE, BOB, CAROL, DAY, NOW, World};
use ibake::aead;
use ibake::error::{DecodeReason, Error, IdentityError, KeyError, PeerError, UsageError};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::file::{Header, Sealer};
use ibake::ibe::kem::Encapsulation;
use ibake::ibe::keyref::KeyRef;
use ibake::ibe::sealed::{BOX_LIMIT, SealedBox, seal};
use ibake::ibe::{Granularity, Identity, Name, Period, Purpose};
use ibake::suite::Aead;

const HINT: usize = 16;

/// The reference to a key as 4.5 writes it.
pub(super) fn reference(key: &PrivateKey) -> Vec<u8> {
    let id = key.identity();
    let district = id.district().as_str().as_bytes();
    let mut out = [&(district.len() as u16).to_be_bytes(), district].concat();
    out.extend(id.serial().to_be_bytes());
    out.extend(id.period().start().to_be_bytes());
    out.push(id.period().granularity().id());
    out
}

pub(super) fn decapsulate(bytes: &[u8], key: &PrivateKey) -> [u8; 32] {
    *Encapsulation::decode(bytes.try_into().unwrap()).unwrap().decapsulate(key).unwrap().expose()
}

#[test]
fn a_box_is_laid_out_as_written() {
    let mut w = World::new("box layout");
    for id in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
        let sealed = seal(&w.b.recipient(BOB, NOW), id, b"ad", b"content", &mut w.rng).unwrap();
        let header = [&[1, 0, 1, id.id()][..], &reference(&w.bob)].concat();
        let (bound, rest) = sealed.split_at(header.len() + 128);
        assert_eq!(bound[..header.len()], header);
        assert_eq!(rest[..4], (7u32 + 16).to_be_bytes());
        let k = decapsulate(&bound[header.len()..], &w.bob);
        let key = exp(&k, &[&label("box")[..], &[id.id()]].concat());
        let opened = aead::open(id, &key, &[lp(bound), lp(b"ad")].concat(), &rest[4..]).unwrap();
        assert_eq!(opened.expose(), b"content");
    }
}

#[test]
fn checks_of_a_box_come_in_their_order() {
    let mut w = World::new("box order");
    let mut bad = seal(&w.b.recipient(BOB, NOW), Aead::Aes256Gcm, b"", b"content", &mut w.rng).unwrap();
    let n = 4 + reference(&w.bob).len();
    let names = ["sip:a@b.example", "sip:b@b.example", "sip:c@b.example", "sip:d@b.example", BOB];
    let many = names.map(|n| w.b.issue(n, NOW));
    assert_eq!(SealedBox::decode(&bad).unwrap().open(&many, b"").unwrap_err(), PeerError::Busy.into());
    let four = SealedBox::decode(&bad).unwrap().open(&many[1..], b"").map(|p| p.expose().to_vec());
    assert_eq!(four, Ok(b"content".to_vec()), "four are tried");
    assert_eq!(
        SealedBox::decode(&bad).unwrap().open(&[w.a.issue(ALICE, NOW)], b"").unwrap_err(),
        KeyError::Missing.into()
    );
    bad.push(0);
    assert_eq!(reason(SealedBox::decode(&bad)), DecodeReason::Trailing { extra: 1 });
    bad[n + 128..n + 132].copy_from_slice(&(BOX_LIMIT as u32 + 17).to_be_bytes());
    assert_eq!(reason(SealedBox::decode(&bad)), DecodeReason::TooLong { limit: BOX_LIMIT + 16, got: BOX_LIMIT + 17 });
    bad[n] = 0;
    assert_eq!(reason(SealedBox::decode(&bad)), DecodeReason::NotCanonical, "U");
    bad[n - 1] = 5;
    assert_eq!(reason(SealedBox::decode(&bad)), DecodeReason::Unknown { got: 5 }, "granularity");
    bad[3] = 3;
    assert_eq!(reason(SealedBox::decode(&bad)), DecodeReason::Unknown { got: 3 }, "AEAD");
    bad[2] = 2;
    assert_eq!(reason(SealedBox::decode(&bad)), DecodeReason::Unknown { got: 2 }, "IBE suite");
    bad[0] = 2;
    assert_eq!(reason(SealedBox::decode(&bad)), DecodeReason::Version { got: 2 });
    let long = seal(&w.b.recipient(BOB, NOW), Aead::Aes256Gcm, b"", &vec![0; BOX_LIMIT + 1], &mut w.rng).unwrap_err();
    assert_eq!(long, UsageError::TooMany { limit: BOX_LIMIT, got: BOX_LIMIT + 1 }.into());
}

#[test]
fn checks_of_a_key_reference_name_what_is_wrong() {
    let mut w = World::new("references");
    let good = seal(&w.b.recipient(BOB, NOW), Aead::Aes256Gcm, b"", b"", &mut w.rng).unwrap();
    let whole = reference(&w.bob);
    let (district, rest) = whole[2..].split_at(whole.len() - 19);
    let with = |district: &[u8], rest: &[u8]| {
        let n = (district.len() as u16).to_be_bytes();
        let bytes = [&good[..4], &n, district, rest, &good[4 + whole.len()..]].concat();
        SealedBox::decode(&bytes).map(|_| ())
    };
    assert_eq!(with(district, rest), Ok(()));
    assert_eq!(with(&[b'd'; 255], rest), Ok(()), "a reader compares bytes");
    assert_eq!(reason(with(&[b'd'; 256], rest)), DecodeReason::TooLong { limit: 255, got: 256 });
    for text in [&b""[..], b"https://k\xff", "https://k\u{e9}".as_bytes()] {
        assert_eq!(reason(with(text, rest)), DecodeReason::Text);
    }
    let changed = |at: usize, bytes: &[u8]| {
        let mut rest = rest.to_vec();
        rest[at..at + bytes.len()].copy_from_slice(bytes);
        with(district, &rest)
    };
    assert_eq!(reason(changed(0, &[0; 8])), DecodeReason::NotCanonical, "serial zero");
    assert_eq!(reason(changed(16, &[0])), DecodeReason::Unknown { got: 0 });
    assert_eq!(changed(15, &[rest[15] ^ 1]), Err(IdentityError::OffGrid.into()));
    assert_eq!(changed(8, &[0xff; 8]), Err(IdentityError::TimeRange.into()));
}

#[test]
fn a_key_reference_is_district_serial_and_period_together() {
    let w = World::new("fits");
    let (home, away) = (w.a.parameters.district(), w.b.parameters.district());
    let day = |t| Period::containing(Granularity::Day, t).unwrap();
    let hour = Period::new(Granularity::Hour, day(NOW).start()).unwrap();
    let id = |district, serial, purpose, name: &str, period| {
        Identity::new(district, serial, purpose, Name::parse(name).unwrap(), period).unwrap()
    };
    let to = KeyRef::of(&id(home, 7, Purpose::Decrypt, ALICE, day(NOW)));
    for (other, fits) in [
        (id(home, 7, Purpose::Decrypt, ALICE, day(NOW)), true),
        (id(home, 7, Purpose::Sign, CAROL, day(NOW)), true),
        (id(away, 7, Purpose::Decrypt, ALICE, day(NOW)), false),
        (id(home, 8, Purpose::Decrypt, ALICE, day(NOW)), false),
        (id(home, 7, Purpose::Decrypt, ALICE, day(NOW + DAY)), false),
        (id(home, 7, Purpose::Decrypt, ALICE, hour), false),
        (id(away, 8, Purpose::Decrypt, ALICE, day(NOW)), false),
        (id(home, 8, Purpose::Decrypt, ALICE, day(NOW + DAY)), false),
        (id(away, 7, Purpose::Decrypt, ALICE, day(NOW + DAY)), false),
    ] {
        assert_eq!(to.fits(&other), fits, "{other:?}");
    }
}

/// A file to one person, and what is needed to make others of it by hand.
struct File {
    bytes: Vec<u8>,
    /// Key reference and hint.
    name: Vec<u8>,
    kem: Vec<u8>,
    k: [u8; 32],
    fk: Vec<u8>,
}

pub(super) fn list(names: &[Vec<u8>]) -> [u8; 32] {
    let count = (names.len() as u16).to_be_bytes();
    sha(&[&label("file"), &[1, 0, 1, 1], &count, &names.concat()])
}

pub(super) fn wrap_key(k: &[u8; 32], i: u16) -> [u8; 32] {
    exp(k, &[&label("file wrap")[..], &i.to_be_bytes()].concat())
}

pub(super) fn payload_key(fk: &[u8], header: &[u8], ad: &[u8]) -> [u8; 32] {
    exp(&ext(&label("file"), fk), &sha(&[&lp(header), &lp(ad)]))
}

fn file(w: &mut World, content: &[u8]) -> File {
    let (mut sealer, mut bytes) = Sealer::new(&[w.b.recipient(BOB, NOW)], Aead::Aes256Gcm, b"ad", &mut w.rng).unwrap();
    bytes.extend(sealer.chunk(content, true).unwrap());
    let at = 14 + reference(&w.bob).len() + HINT;
    let (name, kem) = (bytes[14..at].to_vec(), bytes[at..at + 128].to_vec());
    let k = decapsulate(&kem, &w.bob);
    let wrapped = &bytes[at + 128..at + 176];
    let fk = aead::open(Aead::Aes256Gcm, &wrap_key(&k, 0), &list(std::slice::from_ref(&name)), wrapped)
        .unwrap()
        .expose()
        .to_vec();
    File { name, kem, k, fk, bytes }
}

#[test]
fn a_file_is_laid_out_as_written() {
    let mut w = World::new("file layout");
    let f = file(&mut w, b"content");
    assert_eq!(f.bytes[..14], [&b"IBAKEFIL"[..], &[1, 0, 1, 1, 0, 1]].concat());
    let n = reference(&w.bob).len();
    assert_eq!(f.name[..n], reference(&w.bob));
    let (salt, hint) = f.name[n..].split_at(8);
    assert_eq!(hint, &sha(&[&label("hint"), salt, &lp(w.bob.identity().der())])[..8]);
    let (header, chunk) = f.bytes.split_at(14 + n + HINT + 128 + 48);
    let key = payload_key(&f.fk, header, b"ad");
    let nonce = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let opened = aead::open_with_nonce(Aead::Aes256Gcm, &key, &nonce, &[], chunk).unwrap();
    assert_eq!(opened.expose(), b"content");
}

/// A header whose stanzas are given; all of them name bob.
fn header(stanzas: &[(Vec<u8>, Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let count = (stanzas.len() as u16).to_be_bytes();
    let mut out = [&b"IBAKEFIL"[..], &[1, 0, 1, 1], &count].concat();
    stanzas.iter().for_each(|(name, kem, wrapped)| out.extend([&name[..], kem, wrapped].concat()));
    out
}

#[test]
fn at_most_four_stanzas_are_tried() {
    let mut w = World::new("stanzas");
    let f = file(&mut w, b"");
    for (damaged, opens) in [(0, true), (3, true), (4, false)] {
        let names = vec![f.name.clone(); damaged + 1];
        let wrapped = |i: usize| {
            let mut out = aead::seal(Aead::Aes256Gcm, &wrap_key(&f.k, i as u16), &list(&names), &f.fk);
            out[0] ^= u8::from(i < damaged);
            out
        };
        let stanzas: Vec<_> = (0..=damaged).map(|i| (f.name.clone(), f.kem.clone(), wrapped(i))).collect();
        let head = header(&stanzas);
        let opened = Header::decode(&head).unwrap().open(&[w.b.issue(BOB, NOW)], b"ad").map(|_| ());
        assert_eq!(opened, if opens { Ok(()) } else { Err(Error::Decrypt) }, "{damaged} damaged ones before it");
    }
}

#[test]
fn checks_of_a_file_come_in_their_order() {
    let mut w = World::new("file order");
    let f = file(&mut w, b"x");
    let (bob, carol) = ([w.b.issue(BOB, NOW)], [w.b.issue(CAROL, NOW)]);
    let open = |bytes: &[u8], keys: &[PrivateKey]| Header::decode(bytes)?.open(keys, b"ad").map(|_| ());
    assert_eq!(open(&f.bytes, &bob), Ok(()));
    let n = 14 + f.name.len();
    let mut bad = f.bytes;
    bad[n + 128] ^= 1;
    assert_eq!(open(&bad, &bob), Err(Error::Decrypt));
    bad[n] = 0;
    assert_eq!(reason(open(&bad, &bob)), DecodeReason::NotCanonical, "U, typed");
    assert_eq!(open(&bad, &carol), Err(KeyError::Missing.into()), "no stanza fits, so U is not looked at");
    bad[13] = 2;
    assert!(matches!(reason(open(&bad, &bob)), DecodeReason::Truncated { .. } | DecodeReason::TooLong { .. }));
    (bad[12], bad[13]) = (4, 1);
    assert_eq!(reason(open(&bad, &bob)), DecodeReason::TooLong { limit: 1024, got: 1025 });
    bad[11] = 0;
    assert_eq!(reason(open(&bad, &bob)), DecodeReason::Unknown { got: 0 }, "AEAD");
    bad[9] = 1;
    assert_eq!(reason(open(&bad, &bob)), DecodeReason::Unknown { got: 257 }, "IBE suite");
    bad[8] = 2;
    assert_eq!(reason(open(&bad, &bob)), DecodeReason::Version { got: 2 });
    bad[0] = b'i';
    assert_eq!(reason(open(&bad, &bob)), DecodeReason::Inconsistent);
}

#[test]
fn opening_a_box_or_file_does_not_ask_for_the_time() {
    // Neither takes one; a box of last year's period opens with last year's key.
    let mut w = World::new("old");
    let then = NOW - 300 * crate::common::DAY;
    let sealed = seal(&w.b.recipient(BOB, then), Aead::Aes256Gcm, b"", b"old", &mut w.rng).unwrap();
    let opened = SealedBox::decode(&sealed).unwrap().open(&[w.b.issue(BOB, then)], b"").unwrap();
    assert_eq!(opened.expose(), b"old");
}

#[test]
fn a_wrong_encapsulation_gives_the_rejection_key() {
    let mut w = World::new("rejection");
    let (e, right) = w.b.recipient(BOB, NOW).encapsulate(&mut w.rng).unwrap();
    let mut other_v = e.to_bytes();
    other_v[127] ^= 1;
    assert_eq!(*e.decapsulate(&w.bob).unwrap().expose(), *right.expose());
    let carol = w.a.issue(CAROL, NOW);
    // To somebody else, and to the right one with another V.
    for (bytes, key, kgs) in [(e.to_bytes(), &carol, &w.a), (other_v, &w.bob, &w.b)] {
        let pkctx = sha(&[&label("id"), &[0, 1], kgs.parameters.p_pub_bytes(), &lp(key.identity().der())]);
        let stored = key.to_bytes();
        let d = &stored.expose()[stored.expose().len() - 48..];
        let z = exp(&ext(&label("z"), d), &pkctx);
        let expected = exp(&ext(&label("rej"), &z), &[&pkctx[..], &bytes].concat());
        assert_eq!(decapsulate(&bytes, key), expected);
    }
}
