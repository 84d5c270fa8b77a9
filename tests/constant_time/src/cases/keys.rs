//! Symmetric cryptography: derivation, AEAD, key files, cookies, SRTP.

use ibake::aead;
use ibake::error::Error;
use ibake::ibake::guard::CookieJar;
use ibake::kdf::Prk;
use ibake::keyfile::{self, Cost, FileKey, Passphrase, Protection};
use ibake::secret::Secret;
use ibake::srtp::{MasterKeys, MasterPair, Profile, Role, Stream};
use ibake::suite::Aead;
use subtle::{Choice, ConstantTimeEq};

use super::Case;
use crate::probe::Probe;

pub const CASES: &[Case] = &[
    ("secret-select", select),
    ("kdf", kdf),
    ("aead-aes256gcm", |p| both_ways(p, Aead::Aes256Gcm)),
    ("aead-chacha20poly1305", |p| both_ways(p, Aead::ChaCha20Poly1305)),
    ("aead-refused-aes256gcm", |p| refused(p, Aead::Aes256Gcm)),
    ("aead-refused-chacha20poly1305", |p| refused(p, Aead::ChaCha20Poly1305)),
    ("keyfile-by-key-file", by_key_file),
    ("keyfile-by-passphrase", by_passphrase),
    ("cookie", cookie),
    ("srtp-master-keys", srtp_master),
    ("srtp-session-keys", srtp_session),
    ("srtp-inline", srtp_inline),
];

fn select(p: &Probe) {
    let (a, b) = (Secret::new([1u8; 32]), Secret::new(p.secret_array([2u8; 32])));
    p.tainted(Secret::select(&a, &b, Choice::from(1)).expose());
    p.tainted_in_part(Secret::select(&a, &Secret::new([9; 32]), a.ct_eq(&b)).expose());
}

fn kdf(p: &Probe) {
    let prk = Prk::extract(b"salt", &[&p.secret_array([3; 32])]);
    p.tainted(prk.secret().expose());
    p.tainted(prk.expand::<100>(&[b"info"]).expose());
    p.tainted(&ibake::kdf::hash(&[b"label", &p.secret_array([4; 100])]));
}

fn both_ways(p: &Probe, aead: Aead) {
    let (key, text) = (p.secret_array([5; 32]), p.secret_array([6; 100]));
    let sealed = aead::seal(aead, &key, b"ad", &text);
    p.tainted(&sealed);
    p.public(&sealed);
    p.tainted(aead::open(aead, &key, b"ad", &sealed).expect("just sealed").expose());
}

/// A wrong tag; nothing of the plaintext comes out, so the key is the result that must still bear its mark.
fn refused(p: &Probe, aead: Aead) {
    let key = p.secret_array([5; 32]);
    let mut sealed = aead::seal(aead, &key, b"ad", &[6; 100]);
    sealed[110] ^= 1;
    p.public(&sealed);
    assert!(matches!(aead::open(aead, &key, b"ad", &sealed), Err(Error::Decrypt)));
    p.tainted(&key);
}

fn by_key_file(p: &Probe) {
    let protection = Protection::KeyFile(FileKey::generate(&mut p.rng()).expect("the generator works"));
    keyfile_case(p, &protection);
}

/// The cheapest cost, which has one pass of two slices that are addressed by data, like any other.
fn by_passphrase(p: &Probe) {
    let mut text = String::from("correct horse battery staple").into_bytes();
    p.secret(&mut text);
    // SAFETY: these are the bytes of a string; asking would branch on them.
    let text = unsafe { String::from_utf8_unchecked(text) };
    let passphrase = Passphrase::new(text).expect("it is not empty");
    keyfile_case(p, &Protection::Passphrase(passphrase, Cost::WORTHLESS_FOR_TESTS));
}

fn keyfile_case(p: &Probe, protection: &Protection) {
    let secret = p.secret_array([8; 48]);
    // Salts are public.
    let mut rng = crate::probe::Plain(std::cell::Cell::new(5));
    let sealed = keyfile::seal(2, protection, &secret, &mut rng).expect("short enough");
    p.tainted_in_part(&sealed);
    p.public(&sealed);
    p.tainted(keyfile::open(&sealed, 2, protection).expect("just sealed").expose());
}

fn cookie(p: &Probe) {
    let jar = CookieJar::new(&mut p.rng()).expect("the generator works");
    let cookie = jar.issue(b"192.0.2.1", b"M1", 100);
    p.tainted(&cookie[8..]);
    p.public(&cookie);
    assert!(jar.check(&cookie, b"192.0.2.1", b"M1", 101).is_ok());
    assert!(jar.check(&cookie, b"192.0.2.2", b"M1", 101).is_err());
}

fn srtp_master(p: &Probe) {
    let prk = Prk::from_secret(Secret::new(p.secret_array([9; 32])));
    let exporter = |label: &[u8], context: &[u8], out: &mut [u8]| match prk.expand_into(&[label, context], out) {
        true => Ok(()),
        false => Err(Error::Decrypt),
    };
    for profile in Profile::ALL {
        let pair = MasterPair::export(&exporter, profile, b"m=0", Role::Initiator).expect("short enough");
        p.tainted(pair.send.key_and_salt());
        p.tainted(pair.receive.key_and_salt());
    }
}

fn master(p: &Probe, profile: Profile) -> MasterKeys {
    let mut bytes = vec![0x3d; profile.key_len() + profile.salt_len()];
    p.secret(&mut bytes);
    MasterKeys::from_key_and_salt(profile, &bytes).expect("of the right length")
}

fn srtp_session(p: &Probe) {
    for profile in Profile::ALL {
        for stream in [Stream::Rtp, Stream::Rtcp] {
            let keys = master(p, profile).session_keys(stream, 0);
            p.tainted(keys.cipher_key());
            p.tainted(keys.salt());
            if profile.auth_key_len() > 0 {
                p.tainted(keys.auth_key());
            }
        }
    }
}

fn srtp_inline(p: &Probe) {
    p.tainted(master(p, Profile::AesCm128HmacSha1_80).sdes_inline().expose().as_bytes());
}
