//! Diffie-Hellman of every group, ML-KEM.

use ibake::dh::{KeyPair, SEED_BYTES, Share, pq};
use ibake::secret::Secret;
use ibake::suite::Group;

use super::Case;
use crate::probe::Probe;

pub const CASES: &[Case] = &[
    ("dh-p256", |p| group(p, Group::P256)),
    ("dh-p384", |p| group(p, Group::P384)),
    ("dh-p521", |p| group(p, Group::P521)),
    ("dh-x25519", |p| group(p, Group::X25519)),
    ("mlkem-keys", mlkem_keys),
    ("mlkem-encapsulate", mlkem_encapsulate),
    ("mlkem-decapsulate", |p| mlkem_decapsulate(p, false)),
    ("mlkem-decapsulate-reject", |p| mlkem_decapsulate(p, true)),
];

/// From seed to share, serial form and back, agreement.
fn group(p: &Probe, group: Group) {
    let seed = Secret::new(p.secret_array([0x5c; SEED_BYTES]));
    let pair = KeyPair::from_seed(group, &seed);
    let saved = pair.secret_bytes();
    // The top bits of a P-521 scalar are seven zeros, which the arithmetic leaves unmarked.
    p.tainted(&saved.expose()[1..]);
    let again = KeyPair::from_secret_bytes(group, saved.expose()).expect("what was saved");
    let peer = KeyPair::from_seed(group, &Secret::new([0x33; SEED_BYTES]));
    let share = Share::decode(group, peer.share().as_bytes()).expect("a share");
    p.tainted(&again.agree(&share).expect("the same group").expose()[1..]);
    p.tainted(&pair.agree(&share).expect("the same group").expose()[1..]);
}

fn seed(p: &Probe) -> Secret<64> {
    Secret::new(p.secret_array([0x61; 64]))
}

fn mlkem_keys(p: &Probe) {
    let pair = pq::KeyPair::from_seed(&seed(p));
    p.tainted(pair.seed().expose());
    p.public(&pair.encapsulation_key());
}

fn mlkem_encapsulate(p: &Probe) {
    let key = pq::KeyPair::from_seed(&Secret::new([0x61; 64])).encapsulation_key();
    let key = pq::EncapsulationKey::decode(&key).expect("a key");
    let (ciphertext, shared) = key.encapsulate(&Secret::new(p.secret_array([0x62; 32])));
    p.tainted(&ciphertext);
    p.tainted(shared.expose());
}

fn mlkem_decapsulate(p: &Probe, damaged: bool) {
    let plain = pq::KeyPair::from_seed(&Secret::new([0x61; 64]));
    let key = pq::EncapsulationKey::decode(&plain.encapsulation_key()).expect("a key");
    let (mut ciphertext, _) = key.encapsulate(&Secret::new([0x62; 32]));
    ciphertext[5] ^= u8::from(damaged);
    let ciphertext = pq::ciphertext(&ciphertext).expect("of the right length");
    p.tainted(pq::KeyPair::from_seed(&seed(p)).decapsulate(ciphertext).expose());
}
