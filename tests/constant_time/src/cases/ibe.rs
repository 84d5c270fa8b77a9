//! Setup, extraction, private keys, the KEM, boxes, files and signatures.

use ibake::error::Error;
use ibake::ibe::extract::MasterKey;
use ibake::ibe::file::{Header, Sealer};
use ibake::ibe::introduction::{Introduction, Whose};
use ibake::ibe::kem::{ENCAPSULATION_BYTES, Encapsulation, Recipient};
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::ibe::sign::{sign, sign_deterministic};
use ibake::suite::Aead;

use super::Case;
use super::world::{alice, bob, description};
use crate::probe::Probe;

pub const CASES: &[Case] = &[
    ("setup", setup),
    ("master-key-decode", master_key_decode),
    ("extract", extract),
    ("private-key-decode-and-verify", key_decode),
    ("private-key-encode", key_encode),
    ("kem-encapsulate", encapsulate),
    ("kem-encapsulate-cached", encapsulate_cached),
    ("kem-encapsulate-hedged", encapsulate_hedged),
    ("kem-decapsulate", |p| decapsulate(p, false)),
    ("kem-decapsulate-reject", |p| decapsulate(p, true)),
    ("box-aes256gcm", |p| sealed_box(p, Aead::Aes256Gcm)),
    ("box-chacha20poly1305", |p| sealed_box(p, Aead::ChaCha20Poly1305)),
    ("box-refused", box_refused),
    ("file-aes256gcm", |p| file(p, Aead::Aes256Gcm)),
    ("file-chacha20poly1305", |p| file(p, Aead::ChaCha20Poly1305)),
    ("sign", signing),
];

/// Draws a master key, publishes its parameters, binds both together, vouches for somebody else's.
fn setup(p: &Probe) {
    let master = MasterKey::generate(&mut p.rng()).expect("the generator works");
    p.tainted(master.to_bytes().expose());
    let parameters = master.public_parameters(description("https://kgs.a.example")).expect("valid");
    let issuer = master.issuer(parameters).expect("these belong together");
    p.tainted(issuer.master().to_bytes().expose());
    let said = issuer.introduce(&bob().parameters, &[Whose::All], 0, 1).expect("can be said");
    assert!(Introduction::from_bytes(said.to_bytes(), issuer.parameters()).is_ok());
}

fn master_key_decode(p: &Probe) {
    let master = MasterKey::from_bytes(&p.secret_array(alice().master)).expect("a master key");
    p.tainted(master.to_bytes().expose());
}

/// Multiplication by the master key, and the check of the result by twice the key.
fn extract(p: &Probe) {
    let side = alice();
    let master = MasterKey::from_bytes(&p.secret_array(side.master)).expect("a master key");
    let issuer = master.issuer(side.parameters.clone()).expect("these belong together");
    let key = issuer.extract(&side.identity).expect("an identity of the district");
    let bytes = key.to_bytes();
    p.tainted(&bytes.expose()[bytes.expose().len() - 48..]);
}

/// Decodes the point and checks it by a pairing, up to the verdict.
fn key_decode(p: &Probe) {
    let side = alice();
    let key = side.key(p);
    assert!(key.verify(&side.parameters).is_ok());
    let bytes = key.to_bytes();
    p.tainted(&bytes.expose()[bytes.expose().len() - 48..]);
}

fn key_encode(p: &Probe) {
    let bytes = alice().key(p).to_bytes();
    let (public, secret) = bytes.expose().split_at(bytes.expose().len() - 48);
    p.tainted(secret);
    assert!(crate::valgrind::marks(public).iter().all(|shadow| *shadow == 0));
}

fn kem_result(p: &Probe, (encapsulation, key): (Encapsulation, ibake::secret::Secret<32>)) {
    p.tainted(&encapsulation.to_bytes());
    p.tainted(key.expose());
}

fn encapsulate(p: &Probe) {
    kem_result(p, bob().recipient().encapsulate(&mut p.rng()).expect("the generator works"));
}

fn encapsulate_cached(p: &Probe) {
    let side = bob();
    let recipient = Recipient::cached(&side.parameters, &side.identity).expect("a recipient");
    kem_result(p, recipient.encapsulate(&mut p.rng()).expect("the generator works"));
}

fn encapsulate_hedged(p: &Probe) {
    let key = alice().key(p);
    let hedged = bob().recipient().encapsulate_hedged(&key, &[1; 16], &[2; 32], &mut p.rng());
    kem_result(p, hedged.expect("the generator works"));
}

fn decapsulate(p: &Probe, damaged: bool) {
    let side = bob();
    let mut rng = crate::probe::Plain(std::cell::Cell::new(3));
    let (encapsulation, _) = side.recipient().encapsulate(&mut rng).expect("the generator works");
    let mut bytes = encapsulation.to_bytes();
    bytes[ENCAPSULATION_BYTES - 1] ^= u8::from(damaged);
    let encapsulation = Encapsulation::decode(&bytes).expect("U is still a point");
    p.tainted(encapsulation.decapsulate(&side.key(p)).expect("a decryption key").expose());
}

fn sealed_box(p: &Probe, aead: Aead) {
    let side = bob();
    let text = p.secret_array([7; 60]);
    let sealed = seal(&side.recipient(), aead, b"ad", &text, &mut p.rng()).expect("short enough");
    p.tainted_in_part(&sealed);
    p.public(&sealed);
    let opened = SealedBox::decode(&sealed).and_then(|b| b.open(&[side.key(p)], b"ad"));
    p.tainted(opened.expect("just sealed").expose());
}

/// Nothing comes out of a box that was damaged; the key must still bear its mark.
fn box_refused(p: &Probe) {
    let side = bob();
    let mut rng = crate::probe::Plain(std::cell::Cell::new(4));
    let mut sealed = seal(&side.recipient(), Aead::Aes256Gcm, b"ad", b"text", &mut rng).expect("short enough");
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    let key = side.key(p);
    let keys = [key];
    let opened = SealedBox::decode(&sealed).and_then(|b| b.open(&keys, b"ad"));
    assert!(matches!(opened, Err(Error::Decrypt)));
    let bytes = keys[0].to_bytes();
    p.tainted(&bytes.expose()[bytes.expose().len() - 48..]);
}

fn file(p: &Probe, aead: Aead) {
    let (a, b) = (alice(), bob());
    let (mut sealer, header) =
        Sealer::new(&[a.recipient(), b.recipient()], aead, b"ad", &mut p.rng()).expect("two recipients");
    p.tainted_in_part(&header);
    p.public(&header);
    let chunk = sealer.chunk(&p.secret_array([7; 60]), true).expect("the last one");
    p.tainted(&chunk);
    p.public(&chunk);
    let mut opener = Header::decode(&header).and_then(|h| h.open(&[b.key(p)], b"ad")).expect("it names bob");
    p.tainted(opener.chunk(&chunk, true).expect("just sealed").expose());
}

/// Key, fresh bytes and message are marked; what comes out has been let go, and the key still bears its mark.
fn signing(p: &Probe) {
    let side = alice();
    let key = side.signing_key(p);
    let message = p.secret_array([7; 60]);
    let hedged = sign(&key, b"test", &message, &mut p.rng()).expect("the generator works");
    let plain = sign_deterministic(&key, b"test", &message).expect("a signing key");
    for signature in [hedged, plain] {
        p.public(signature.as_bytes());
        assert!(signature.verify(&side.parameters, key.identity(), b"test", &[7; 60]).is_ok());
    }
    let bytes = key.to_bytes();
    p.tainted(&bytes.expose()[bytes.expose().len() - 48..]);
}
