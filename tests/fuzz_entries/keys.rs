//! Keys at rest: private keys, master keys, and the envelope around them.

use super::{exchanges, rng, unhex, world};
use ibake::ibe::extract::{MasterKey, PrivateKey};
use ibake::keyfile::{Cost, FileKey, Passphrase, Protection, open, seal};
use std::sync::OnceLock;

/// A stored private key, and, where the length fits, a master secret.
pub fn private_key(data: &[u8]) {
    let header = PrivateKey::inspect(data);
    for parameters in &world().parameters {
        if let Ok(key) = PrivateKey::from_bytes(data, parameters) {
            assert_eq!(key.to_bytes().expose(), data);
            let header = header.as_ref().unwrap();
            assert_eq!((key.identity(), key.fingerprint()), (&header.identity, &header.fingerprint));
            assert_eq!(key.verify(parameters), Ok(()));
        }
    }
    if let Ok(master) = data.try_into().map(MasterKey::from_bytes).unwrap_or(Err(ibake::error::Error::Random)) {
        assert_eq!(master.to_bytes().expose(), data);
    }
}

pub fn private_key_seeds() -> Vec<Vec<u8>> {
    let w = world();
    let file = exchanges();
    let mut out = vec![unhex(&file["private_key_I"]), unhex(&file["private_key_R"])];
    out.extend([&w.alice, &w.bob].map(|k| k.to_bytes().expose().to_vec()));
    out.push(vec![7; 32]);
    out
}

/// The largest memory, in KiB, and the most passes that a run spends on Argon2.
const CHEAP: (u32, u32) = (256, 2);

struct Envelopes {
    by_passphrase: Protection,
    by_file: Protection,
    sealed: Vec<Vec<u8>>,
}

fn envelopes() -> &'static Envelopes {
    static ENVELOPES: OnceLock<Envelopes> = OnceLock::new();
    ENVELOPES.get_or_init(|| {
        let mut rng = rng();
        let by_passphrase = Protection::Passphrase(Passphrase::new("fuzz".into()).unwrap(), Cost::WORTHLESS_FOR_TESTS);
        let by_file = Protection::KeyFile(FileKey::generate(&mut rng).unwrap());
        let mut sealed = Vec::new();
        for (kind, content) in [(1, &[7; 32][..]), (2, b"a private key"), (2, b"")] {
            for protection in [&by_passphrase, &by_file] {
                sealed.push(seal(kind, protection, content, &mut rng).unwrap());
            }
        }
        Envelopes { by_passphrase, by_file, sealed }
    })
}

/// Whether the cost that an envelope names is within the format and yet too dear for a run.
fn dear(data: &[u8]) -> bool {
    let number = |at: usize| data.get(at..at + 4).map_or(0, |b| u32::from_be_bytes(b.try_into().unwrap()));
    data.get(10) == Some(&1) && (number(11) > CHEAP.0 || number(15) > CHEAP.1)
}

/// A protected file, opened with the right passphrase and the right key file: only what was sealed opens.
pub fn key_file(data: &[u8]) {
    let e = envelopes();
    for kind in [1, 2] {
        for protection in [&e.by_passphrase, &e.by_file] {
            if dear(data) && matches!(protection, Protection::Passphrase(..)) {
                continue;
            }
            if open(data, kind, protection).is_ok() {
                assert!(e.sealed.iter().any(|s| s == data), "opened what was never sealed");
            }
        }
    }
}

pub fn key_file_seeds() -> Vec<Vec<u8>> {
    envelopes().sealed.clone()
}
