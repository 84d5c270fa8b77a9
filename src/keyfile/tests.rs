//! Known answers from another implementation, damage of every kind, and what the file system can do to us.

use std::fs;

use rand_core::TryRng;
use tempfile::TempDir;

use super::file::place;
use super::*;
use crate::kdf;

const MASTER: u8 = 1;
const PRIVATE: u8 = 2;

struct Counting(u8);

impl TryRng for Counting {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unimplemented!()
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unimplemented!()
    }
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        dst.fill_with(|| {
            self.0 = self.0.wrapping_add(1);
            self.0.wrapping_sub(1)
        });
        Ok(())
    }
}

impl TryCryptoRng for Counting {}

struct Broken;

impl TryRng for Broken {
    type Error = std::fmt::Error;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Err(std::fmt::Error)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Err(std::fmt::Error)
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        Err(std::fmt::Error)
    }
}

impl TryCryptoRng for Broken {}

fn passphrase(text: &str, cost: Cost) -> Protection {
    Protection::Passphrase(Passphrase::new(text.into()).unwrap(), cost)
}

fn cheap(text: &str) -> Protection {
    passphrase(text, Cost::WORTHLESS_FOR_TESTS)
}

fn key(byte: u8) -> Protection {
    Protection::KeyFile(FileKey(Secret::new([byte; 32])))
}

fn sealed(protection: &Protection) -> Vec<u8> {
    seal(MASTER, protection, b"secret", &mut getrandom::SysRng).unwrap()
}

/// Computed with pyca/cryptography 48 from the layout in the module's documentation: salts 00 01 02 .., kind 7,
/// "secret".
#[test]
fn known_answers_of_another_implementation() {
    for (protection, length, digest) in [
        (
            passphrase("correct horse", Cost::RECOMMENDED),
            97,
            "3ed7f0fc126615b3985cb2e0d7395f86aafce298fe03f514dca3659d79798e66",
        ),
        (key(0x42), 69, "e02669192e275e9b00fb761e43a68acbc5584da2ef7768078d0042c35804b0e9"),
    ] {
        let bytes = seal(7, &protection, b"secret", &mut Counting(0)).unwrap();
        assert_eq!(bytes.len(), length);
        assert_eq!(kdf::hash(&[&bytes]).to_vec(), base16ct::lower::decode_vec(digest).unwrap());
        assert_eq!(open(&bytes, 7, &protection).unwrap().expose(), b"secret");
    }
}

#[test]
fn wrong_secrets_and_kinds_are_refused() {
    let (by_text, by_key) = (sealed(&cheap("right")), sealed(&key(1)));
    assert_eq!(open(&by_text, MASTER, &cheap("right")).unwrap().expose(), b"secret");
    assert_eq!(open(&by_text, MASTER, &cheap("wrong")).unwrap_err(), Error::WrongSecret);
    assert_eq!(open(&by_key, MASTER, &key(2)).unwrap_err(), Error::WrongSecret);
    assert_eq!(open(&by_text, MASTER, &key(1)).unwrap_err(), Error::NeedsPassphrase);
    assert_eq!(open(&by_key, MASTER, &cheap("right")).unwrap_err(), Error::NeedsKeyFile);
    let other = Error::Kind { expected: PRIVATE, got: MASTER };
    assert_eq!(open(&by_key, PRIVATE, &key(1)).unwrap_err(), other);
    // A kind changed in the file is bound by the seal.
    let mut changed = by_key;
    changed[9] = PRIVATE;
    assert_eq!(open(&changed, PRIVATE, &key(1)).unwrap_err(), Error::WrongSecret);
    assert_eq!(Passphrase::new(String::new()).unwrap_err(), Error::EmptyPassphrase);
}

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    for protection in [cheap("p"), key(1)] {
        let good = sealed(&protection);
        assert_eq!(open(&[], MASTER, &protection).unwrap_err(), Error::NotAnEnvelope);
        for n in 1..good.len() {
            assert_eq!(open(&good[..n], MASTER, &protection).unwrap_err(), Error::Truncated, "{n}");
        }
        assert_eq!(open(&[&good[..], &[0]].concat(), MASTER, &protection).unwrap_err(), Error::Trailing);
        for i in 0..good.len() {
            // Higher bits of the cost would demand real memory; that is the next test.
            let bits = if matches!(protection, Protection::KeyFile(_)) { 0..8 } else { 0..1 };
            for bit in bits {
                let mut bad = good.clone();
                bad[i] ^= 1 << bit;
                assert!(open(&bad, MASTER, &protection).is_err(), "byte {i} bit {bit}");
            }
        }
    }
}

#[test]
fn demands_over_the_limits_are_refused_at_once() {
    let good = sealed(&cheap("p"));
    let demand = |m: u32, t: u32, p: u32| {
        let mut bytes = good.clone();
        for (at, v) in [(11, m), (15, t), (19, p)] {
            bytes[at..at + 4].copy_from_slice(&v.to_be_bytes());
        }
        open(&bytes, MASTER, &cheap("p")).unwrap_err()
    };
    // `Cost` and not `Memory` or `WrongSecret`: refused from the header, before Argon2 is asked.
    for (m, t, p) in [
        (u32::MAX, 1, 1),
        (1024 * 1024 + 1, 1, 1),
        (8, 17, 1),
        (8, 0, 1),
        (8, u32::MAX, 1),
        (1024, 1, 17),
        (1024, 1, 0),
        (7, 1, 1),
        (127, 1, 16),
        (u32::MAX, u32::MAX, u32::MAX),
    ] {
        assert_eq!(demand(m, t, p), Error::Cost, "{m} {t} {p}");
    }
    assert_eq!(demand(8, 2, 1), Error::WrongSecret);
    assert!(Cost::new(19 * 1024, 2, 1).is_ok() && Cost::new(1024 * 1024, 16, 16).is_ok());
    for (m, t, p) in [(8, 1, 1), (64 * 1024, 1, 1), (19 * 1024 - 1, 2, 1), (1024 * 1024 + 1, 3, 4)] {
        assert_eq!(Cost::new(m, t, p), Err(Error::Cost));
    }
}

#[test]
fn sealing_fails_cleanly() {
    assert_eq!(seal(MASTER, &key(1), b"x", &mut Broken).unwrap_err(), Error::Random);
    assert_eq!(FileKey::generate(&mut Broken).unwrap_err(), Error::Random);
    let long = vec![0; MAX_PLAINTEXT + 1];
    let e = seal(MASTER, &key(1), &long, &mut Counting(0)).unwrap_err();
    assert_eq!(e, Error::PlaintextTooLong { limit: MAX_PLAINTEXT });
    let all = seal(MASTER, &key(1), &long[1..], &mut Counting(0)).unwrap();
    assert_eq!(open(&all, MASTER, &key(1)).unwrap().expose().len(), MAX_PLAINTEXT);
    // Fresh salts: the same secret never looks the same.
    assert_ne!(sealed(&key(1)), sealed(&key(1)));
}

#[test]
fn debug_shows_no_secret() {
    let text = format!("{:?} {:?}", cheap("hunter2"), key(0xab));
    assert!(!text.contains("hunter2") && !text.contains("171"), "{text}");
}

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_are_written_replaced_and_read() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("key");
    write_new(&path, b"one").unwrap();
    assert_eq!(read_secret_file(&path).unwrap().expose(), b"one");
    assert_eq!(write_new(&path, b"two").unwrap_err(), Error::Exists { path: path.clone() });
    assert_eq!(read_secret_file(&path).unwrap().expose(), b"one");
    write_secret_file(&path, b"two, longer").unwrap();
    assert_eq!(read_secret_file(&path).unwrap().expose(), b"two, longer");
    assert_eq!(names(&dir), ["key"]);
    let missing = read_secret_file(&dir.path().join("none")).unwrap_err();
    assert!(matches!(missing, Error::Io { kind: io::ErrorKind::NotFound, .. }));
    let missing = write_secret_file(&dir.path().join("no/such/dir"), b"").unwrap_err();
    assert!(matches!(missing, Error::Io { kind: io::ErrorKind::NotFound, .. }));
    let e = read_secret_file(dir.path()).unwrap_err();
    assert_eq!(e, Error::NotAFile { path: dir.path().into() });
    let e = write_secret_file(dir.path(), b"").unwrap_err();
    assert_eq!(e, Error::NotAFile { path: dir.path().into() });
}

#[test]
fn a_failing_write_leaves_the_old_file_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("key");
    write_new(&path, b"old").unwrap();
    let full = || io::Error::from(io::ErrorKind::StorageFull);
    for (target, replace, before) in [("key", true, vec!["key"]), ("fresh", false, vec!["key"])] {
        let e = place(&dir.path().join(target), replace, |file| {
            io::Write::write_all(file, b"half of the n")?;
            Err(full())
        });
        assert!(matches!(e, Err(Error::Io { kind: io::ErrorKind::StorageFull, .. })));
        assert_eq!(names(&dir), before);
    }
    assert_eq!(read_secret_file(&path).unwrap().expose(), b"old");
}

#[test]
fn a_file_that_appears_meanwhile_is_not_overwritten() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("key");
    let e = place(&path, false, |_| fs::write(&path, b"theirs")).unwrap_err();
    assert_eq!(e, Error::Exists { path: path.clone() });
    assert_eq!((fs::read(&path).unwrap(), names(&dir)), (b"theirs".to_vec(), vec!["key".into()]));
}

#[test]
fn sizes_are_limited_and_key_files_exact() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("key");
    write_new(&path, &vec![0; MAX_FILE as usize + 1]).unwrap();
    assert_eq!(read_secret_file(&path).unwrap_err(), Error::FileTooLarge { path: path.clone(), limit: MAX_FILE });
    for n in [0, 31, 33] {
        write_secret_file(&path, &vec![0; n]).unwrap();
        assert_eq!(FileKey::read(&path).unwrap_err(), Error::KeyFileLength { path: path.clone(), got: n });
    }
    fs::remove_file(&path).unwrap();
    let key = FileKey::generate(&mut getrandom::SysRng).unwrap();
    key.write_new(&path).unwrap();
    assert_eq!(FileKey::read(&path).unwrap().secret().expose(), key.secret().expose());
    assert!(key.write_new(&path).is_err());
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn files_open_to_others_are_refused() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("key");
        write_new(&path, b"x").unwrap();
        assert_eq!(mode(&path), 0o600);
        for bad in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o660, 0o777] {
            chmod(&path, bad);
            let e = read_secret_file(&path).unwrap_err();
            assert_eq!(e, Error::Permissions { path: path.clone(), mode: bad });
        }
        assert!(read_secret_file(&path).unwrap_err().to_string().contains("mode 0777"));
        // Replacing repairs the mode.
        write_secret_file(&path, b"y").unwrap();
        assert_eq!(mode(&path), 0o600);
        for good in [0o600, 0o400, 0o700] {
            chmod(&path, good);
            assert!(read_secret_file(&path).is_ok());
        }
    }

    #[test]
    fn links_are_read_through_and_never_replaced() {
        let dir = TempDir::new().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        symlink(&target, &link).unwrap();
        // Dangling: nothing to read, and no creating through it.
        assert!(matches!(read_secret_file(&link), Err(Error::Io { kind: io::ErrorKind::NotFound, .. })));
        assert_eq!(write_new(&link, b"x").unwrap_err(), Error::Exists { path: link.clone() });
        write_new(&target, b"x").unwrap();
        assert_eq!(read_secret_file(&link).unwrap().expose(), b"x");
        assert_eq!(write_secret_file(&link, b"y").unwrap_err(), Error::Symlink { path: link.clone() });
        // The mode that counts is the target's.
        chmod(&target, 0o644);
        assert!(matches!(read_secret_file(&link), Err(Error::Permissions { .. })));
        assert_eq!(fs::read(&target).unwrap(), b"x");
    }

    #[test]
    fn devices_are_not_read() {
        let e = read_secret_file(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(e, Error::NotAFile { path: "/dev/zero".into() });
    }
}
