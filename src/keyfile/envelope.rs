//! The envelope; its layout is in the module's documentation. The only file that names Argon2.

use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::TryCryptoRng;

use super::{Error, FileKey, Passphrase};
use crate::aead;
use crate::encoding::{Reader, Writer};
use crate::kdf::{Prk, label};
use crate::secret::{Secret, SecretVec};
use crate::suite::{Aead, labels};

/// What an envelope begins with.
const MAGIC: &[u8; 8] = b"IBAKEKEY";
const VERSION: u8 = 1;
const BY_PASSPHRASE: u8 = 1;
const BY_KEY_FILE: u8 = 2;

/// The most bytes that an envelope holds.
pub const MAX_PLAINTEXT: usize = 512 * 1024;

/// How dear a guess of the passphrase is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// 64 MiB, 3 passes, 4 lanes: the second recommended option of RFC 9106 section 4.
    pub const RECOMMENDED: Self = Self { kib: 64 * 1024, passes: 3, lanes: 4 };
    /// For tests that are about something else. A passphrase at this price is worth nothing.
    pub const WORTHLESS_FOR_TESTS: Self = Self { kib: 8, passes: 1, lanes: 1 };

    /// At least 19 MiB and 2 passes, the lowest that OWASP's password storage guide recommends; at most what [`open`]
    /// accepts.
    ///
    /// # Errors
    /// [`Error::Cost`].
    pub const fn new(kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        if kib < 19 * 1024 || passes < 2 { Err(Error::Cost) } else { Self::accepted(kib, passes, lanes) }
    }

    /// The limits for what a file may demand.
    const fn accepted(kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        let fits = kib <= 1024 * 1024 && 1 <= passes && passes <= 16 && 1 <= lanes && lanes <= 16;
        // Argon2 itself needs 8 KiB a lane.
        if fits && kib >= 8 * lanes { Ok(Self { kib, passes, lanes }) } else { Err(Error::Cost) }
    }
}

/// By what an envelope is protected.
#[derive(Debug)]
pub enum Protection {
    /// A passphrase. The cost applies to sealing; opening takes the file's own.
    Passphrase(Passphrase, Cost),
    /// The 32 bytes of a key file.
    KeyFile(FileKey),
}

/// Seals a secret of the caller's `kind`.
///
/// # Errors
/// [`Error::PlaintextTooLong`], [`Error::Memory`], [`Error::Random`].
pub fn seal<R: TryCryptoRng + ?Sized>(
    kind: u8,
    protection: &Protection,
    plaintext: &[u8],
    rng: &mut R,
) -> Result<Vec<u8>, Error> {
    if plaintext.len() > MAX_PLAINTEXT {
        return Err(Error::PlaintextTooLong { limit: MAX_PLAINTEXT });
    }
    let mut header = Writer::new();
    header.bytes(MAGIC).u8(VERSION).u8(kind);
    let ikm = match protection {
        Protection::Passphrase(passphrase, cost) => {
            let salt = random::<16, R>(rng)?;
            header.u8(BY_PASSPHRASE).u32(cost.kib).u32(cost.passes).u32(cost.lanes).bytes(&salt);
            stretch(passphrase, *cost, &salt)?
        }
        Protection::KeyFile(key) => {
            header.u8(BY_KEY_FILE);
            key.secret().duplicate()
        }
    };
    let salt = random::<32, R>(rng)?;
    // At most 512 KiB and a tag.
    header.bytes(&salt).u32((plaintext.len() + aead::TAG_BYTES) as u32);
    let mut out = header.finish();
    let sealed = aead::seal(Aead::Aes256Gcm, wrapping_key(&salt, &ikm).expose(), &out, plaintext);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens what [`seal`] made for the same `kind`.
///
/// # Errors
/// Everything that the header shows (not an envelope, truncated, other kind, other protection, too costly) before the
/// passphrase is used; then [`Error::WrongSecret`] without a reason, or [`Error::Memory`].
pub fn open(bytes: &[u8], expected: u8, protection: &Protection) -> Result<SecretVec, Error> {
    let mut r = Reader::new(bytes);
    if !bytes.starts_with(MAGIC) {
        // An envelope cut inside its first bytes is truncated, anything else is something else.
        return Err(if !bytes.is_empty() && MAGIC.starts_with(bytes) {
            Error::Truncated
        } else {
            Error::NotAnEnvelope
        });
    }
    let short = |_| Error::Truncated;
    r.bytes("magic", MAGIC.len()).map_err(short)?;
    if r.u8("version").map_err(short)? != VERSION {
        return Err(Error::Unsupported);
    }
    let got = r.u8("kind").map_err(short)?;
    if got != expected {
        return Err(Error::Kind { expected, got });
    }
    let stretching = match (r.u8("protection").map_err(short)?, protection) {
        (BY_PASSPHRASE, Protection::Passphrase(passphrase, _)) => {
            let mut number = || r.u32("Argon2 cost").map_err(short);
            let cost = Cost::accepted(number()?, number()?, number()?)?;
            Ok((passphrase, cost, r.array::<16>("Argon2 salt").map_err(short)?))
        }
        (BY_KEY_FILE, Protection::KeyFile(key)) => Err(key),
        (BY_PASSPHRASE, _) => return Err(Error::NeedsPassphrase),
        (BY_KEY_FILE, _) => return Err(Error::NeedsKeyFile),
        _ => return Err(Error::Unsupported),
    };
    let salt = r.array::<32>("HKDF salt").map_err(short)?;
    let length = r.u32("length").map_err(short)? as usize;
    let (header, sealed) = bytes.split_at(r.position());
    match sealed.len() {
        n if n < length => return Err(Error::Truncated),
        n if n > length => return Err(Error::Trailing),
        _ => {}
    }
    // All that the header can tell has been checked: only now the expensive part.
    let ikm = match stretching {
        Ok((passphrase, cost, salt)) => stretch(passphrase, cost, salt)?,
        Err(key) => key.secret().duplicate(),
    };
    let key = wrapping_key(salt, &ikm);
    aead::open(Aead::Aes256Gcm, key.expose(), header, sealed).map_err(|_| Error::WrongSecret)
}

fn wrapping_key(salt: &[u8; 32], ikm: &Secret<32>) -> Secret<32> {
    Prk::extract(salt, &[ikm.expose()]).expand(&[label(labels::KEYFILE).as_ref()])
}

fn stretch(passphrase: &Passphrase, cost: Cost, salt: &[u8; 16]) -> Result<Secret<32>, Error> {
    let params = Params::new(cost.kib, cost.passes, cost.lanes, Some(32)).map_err(|_| Error::Cost)?;
    let mut out = Secret::zero();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.bytes(), salt, out.as_mut())
        .map_err(|e| if matches!(e, argon2::Error::OutOfMemory) { Error::Memory } else { Error::Cost })?;
    Ok(out)
}

/// Public random bytes.
fn random<const N: usize, R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<[u8; N], Error> {
    let mut out = [0; N];
    rng.try_fill_bytes(&mut out).map_err(|_| Error::Random)?;
    Ok(out)
}
