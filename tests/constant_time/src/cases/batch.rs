//! Batches. Two districts and an item twice, so that jobs, groups and sums of equal points are there.

use ibake::batch::{self, Encapsulated, OpenItem, Options, SealItem, To, all};
use ibake::curve::{G1, G2};
use ibake::error::{Error, KeyError};
use ibake::ibe::extract::{Issuer, MasterKey, PrivateKey};
use ibake::ibe::file::Header;
use ibake::ibe::kem::{ENCAPSULATION_BYTES, Encapsulation, Recipient};
use ibake::ibe::sealed::seal;
use ibake::secret::Secret;
use ibake::suite::Aead;

use super::Case;
use super::world::{Side, alice, bob};
use crate::probe::{Plain, Probe};

pub const CASES: &[Case] = &[
    ("batch-extract", extract),
    ("batch-verify-keys", verify_keys),
    ("batch-verify-keys-false", verify_keys_false),
    ("batch-verify-keys-search", verify_keys_search),
    ("batch-verify-decoded", verify_decoded),
    ("batch-encapsulate", encapsulate),
    ("batch-encapsulate-cached", encapsulate_cached),
    ("batch-decapsulate", decapsulate),
    ("batch-seal", |p| sealing(p, Aead::Aes256Gcm)),
    ("batch-open", |p| opening(p, Aead::ChaCha20Poly1305)),
    ("batch-sealer", sealer),
    ("batch-pairings", pairings),
];

fn plain() -> Plain {
    Plain(std::cell::Cell::new(21))
}

fn issuer(p: &Probe, side: &Side) -> Issuer {
    let master = MasterKey::from_bytes(&p.secret_array(side.master)).expect("a master key");
    master.issuer(side.parameters.clone()).expect("these belong together")
}

fn key(p: &Probe, key: &PrivateKey) {
    let bytes = key.to_bytes();
    p.tainted(&bytes.expose()[bytes.expose().len() - 48..]);
}

fn extract(p: &Probe) {
    let (a, b) = (issuer(p, alice()), issuer(p, bob()));
    let (of_a, of_b) = (&alice().identity, &bob().identity);
    let items = [(&a, of_a), (&b, of_b), (&a, of_a)];
    let keys = batch::extract(&items, &Options::default(), &mut p.rng()).and_then(all).expect("identities of theirs");
    keys.iter().for_each(|k| key(p, k));
}

fn verify_keys(p: &Probe) {
    let sides = [alice(), bob(), alice()];
    let bytes = sides.map(|side| side.key_bytes(p));
    let items: Vec<_> = bytes.iter().zip(sides).map(|(b, side)| (&b[..], &side.parameters)).collect();
    let keys = batch::verify_keys(&items, &Options::default(), &mut p.rng()).and_then(all).expect("genuine keys");
    keys.iter().for_each(|k| key(p, k));
}

/// Keys of alice, of which one is another point.
fn one_false(p: &Probe, n: usize, at: usize) {
    let side = alice();
    let mut bytes: Vec<_> = (0..n).map(|_| side.key_bytes(p)).collect();
    let point = bytes[at].len() - 48;
    bytes[at][point..].copy_from_slice(&G1::hash(b"some point", b"TEST").to_compressed());
    p.secret(&mut bytes[at][point..]);
    let items: Vec<_> = bytes.iter().map(|b| (&b[..], &side.parameters)).collect();
    let found = batch::verify_keys(&items, &Options::default(), &mut p.rng()).expect("a verdict on each");
    for (i, found) in found.iter().enumerate() {
        match found {
            Ok(genuine) if i != at => key(p, genuine),
            Err(Error::Key(KeyError::NotGenuine)) if i == at => {}
            other => panic!("key {i}: {other:?}"),
        }
    }
}

/// So few are looked at one by one.
fn verify_keys_false(p: &Probe) {
    one_false(p, 3, 1);
}

/// So many that products of halves are computed first.
fn verify_keys_search(p: &Probe) {
    one_false(p, 32, 20);
}

fn verify_decoded(p: &Probe) {
    let (a, b) = (alice().key(p), bob().key(p));
    let items = [(&a, &alice().parameters), (&b, &bob().parameters)];
    assert!(batch::verify_decoded(&items, &Options::default(), &mut p.rng()).and_then(all).is_ok());
    // What comes out is a verdict alone, so the keys must still bear their mark.
    key(p, &a);
    key(p, &b);
}

fn kem_results(p: &Probe, found: &[(Encapsulation, Secret<32>)]) {
    for (encapsulation, key) in found {
        p.tainted(&encapsulation.to_bytes());
        p.tainted(key.expose());
    }
}

fn encapsulate(p: &Probe) {
    let recipient = alice().recipient();
    let items = [To::Identity(&bob().parameters, &bob().identity), To::from(&recipient)];
    let found = batch::encapsulate(&items, &Options::default(), &mut p.rng()).and_then(all);
    kem_results(p, &found.expect("the generator works"));
}

/// A recipient with a table of its own, and one that occurs so often that the batch makes a table.
fn encapsulate_cached(p: &Probe) {
    let cached = Recipient::cached(&alice().parameters, &alice().identity).expect("a recipient");
    let often = To::Identity(&bob().parameters, &bob().identity);
    let items = [To::from(&cached), often, often, often];
    let found = batch::encapsulate(&items, &Options::default(), &mut p.rng()).and_then(all);
    kem_results(p, &found.expect("the generator works"));
}

fn decapsulate(p: &Probe) {
    let (a, b) = (alice().key(p), bob().key(p));
    let to_bob = bob().recipient();
    let made = || to_bob.encapsulate(&mut plain()).expect("the generator works").0;
    let mut damaged = made().to_bytes();
    damaged[ENCAPSULATION_BYTES - 1] ^= 1;
    let (good, decoded) = (made().to_bytes(), made());
    // Accepted from bytes and decoded, damaged, and meant for somebody else.
    let items: [(&PrivateKey, Encapsulated<'_>); 4] =
        [(&b, (&good).into()), (&b, (&decoded).into()), (&b, (&damaged).into()), (&a, (&good).into())];
    let keys = batch::decapsulate(&items, &Options::default()).and_then(all).expect("decryption keys");
    keys.iter().for_each(|k| p.tainted(k.expose()));
}

fn sealing(p: &Probe, aead: Aead) {
    let text = p.secret_array([7; 60]);
    let recipient = alice().recipient();
    let to = [To::Identity(&bob().parameters, &bob().identity), To::from(&recipient)];
    let items = to.map(|to| SealItem { to, ad: b"ad", plaintext: &text });
    let boxes = batch::seal(&items, aead, &Options::default(), &mut p.rng()).and_then(all).expect("short enough");
    boxes.iter().for_each(|b| p.tainted_in_part(b));
}

/// One that opens with the second of two keys, one that does not open, one for another key.
fn opening(p: &Probe, aead: Aead) {
    let keys = [alice().key(p), bob().key(p)];
    let make = |side: &Side| seal(&side.recipient(), aead, b"ad", &[7; 60], &mut plain()).expect("short enough");
    let mut damaged = make(bob());
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let (to_alice, to_bob) = (make(alice()), make(bob()));
    let items = [&to_bob, &damaged, &to_alice].map(|sealed| OpenItem { sealed, keys: &keys, ad: b"ad" });
    let opened = batch::open(&items, &Options::default()).expect("three results");
    let [first, refused, last] = &opened[..] else { panic!("three results") };
    assert!(matches!(refused, Err(Error::Decrypt)));
    for text in [first, last] {
        p.tainted(text.as_ref().expect("just sealed").expose());
    }
}

fn sealer(p: &Probe) {
    let to = [alice(), bob()].map(|side| To::Identity(&side.parameters, &side.identity));
    let (mut sealer, header) =
        batch::sealer(&to, Aead::Aes256Gcm, b"ad", &Options::default(), &mut p.rng()).expect("two recipients");
    p.tainted_in_part(&header);
    p.public(&header);
    let chunk = sealer.chunk(&p.secret_array([7; 60]), true).expect("the last one");
    p.tainted(&chunk);
    p.public(&chunk);
    let mut opener = Header::decode(&header).and_then(|h| h.open(&[bob().key(p)], b"ad")).expect("it names bob");
    p.tainted(opener.chunk(&chunk, true).expect("just sealed").expose());
}

fn pairings(p: &Probe) {
    let point = G1::hash(b"some point", b"TEST").to_compressed();
    let d = G1::decode_secret(&p.secret_array(point)).expect("a point");
    let q = G2::generator();
    let found = batch::pairings(&[(&d, &q), (&d.double(), &q)], &Options::default()).expect("two pairings");
    found.iter().for_each(|gt| p.tainted(gt.expose()));
}
