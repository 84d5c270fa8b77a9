//! Files of any size to one or several identities, in chunks that can be neither reordered, cut off nor spliced.
//!
//! ```text
//! magic "IBAKEFIL" || u8 version || u16 ibe_suite || u8 aead || u16 count || count stanzas || chunks stanza_i    = key
//! reference || hint || U || V || AEAD(Exp(K_i, "file wrap" || u16 i, 32), 0, list, fk)    i from 0 list        =
//! H("file" || u8 version || u16 ibe_suite || u8 aead || u16 count || (key reference || hint)_0 || ..) fk          = 32
//! fresh bytes, the content key; a fresh sigma for every recipient payload key = Exp(Ext("file", fk), H(lp(everything
//! before the chunks) || lp(ad)), 32) chunk_j     = AEAD(payload key, 00 00 00 || u64 j || u8 last, "", 65,536 bytes of
//! plaintext, the last one 0 to 65,536)
//! ```
//!
//! The payload key depends on every byte of the header, so no recipient can be added, removed or swapped. The last
//! chunk is marked in its nonce; only an empty file has an empty last chunk.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::extract::PrivateKey;
use super::identity::Identity;
use super::kem::{ENCAPSULATION_BYTES, Encapsulation, Recipient};
use super::keyref::{Hint, KeyRef};
use crate::aead;
use crate::encoding::{Reader, Writer, lp};
use crate::error::{DecodeError, DecodeReason, Error, KeyError, UsageError};
use crate::kdf::{Prk, hash, label};
use crate::secret::{Secret, SecretVec};
use crate::suite::{Aead, IBE_SUITE, labels};

/// What a sealed file begins with.
pub const MAGIC: &[u8; 8] = b"IBAKEFIL";
/// Plaintext bytes of a chunk.
pub const CHUNK: usize = 65_536;
/// Bytes that a chunk grows by.
pub const TAG: usize = 16;
/// Most recipients of one file.
pub const RECIPIENT_LIMIT: usize = 1024;
/// Longest header: enough for [`RECIPIENT_LIMIT`] recipients.
pub const HEADER_LIMIT: usize = 1 << 20;
const VERSION: u8 = 1;
const WRAPPED: usize = 32 + TAG;
/// Version, IBE suite, AEAD and count.
const PREFIX: usize = 6;

/// Numbers and marks the chunks, in either direction.
struct Chunks {
    aead: Aead,
    key: Secret<32>,
    next: u64,
    finished: bool,
}

impl Chunks {
    /// # Errors
    /// [`UsageError::WrongState`] after the last chunk.
    fn nonce(&mut self, last: bool) -> Result<[u8; 12], Error> {
        if self.finished {
            return Err(UsageError::WrongState.into());
        }
        let mut nonce = [0; 12];
        nonce.iter_mut().skip(3).zip(self.next.to_be_bytes()).for_each(|(n, b)| *n = b);
        nonce[11] = u8::from(last);
        self.finished = last;
        // 2^64 chunks of 64 KiB are out of reach; an overflow would repeat a nonce, so it ends the file.
        self.next = self.next.checked_add(1).ok_or(UsageError::WrongState)?;
        Ok(nonce)
    }
}

/// Seals a file chunk by chunk.
pub struct Sealer(Chunks);

impl Sealer {
    /// Writes the header for all recipients.
    ///
    /// # Errors
    /// No recipient, too many, the same one twice, or a generator that fails.
    pub fn new<R: TryCryptoRng + ?Sized>(
        recipients: &[Recipient],
        aead: Aead,
        ad: &[u8],
        rng: &mut R,
    ) -> Result<(Self, Vec<u8>), Error> {
        let identities: Vec<_> = recipients.iter().map(Recipient::identity).collect();
        Self::assemble(&identities, aead, ad, rng, |rng| {
            // Never grown: that would leave copies of the keys.
            let mut out = Vec::with_capacity(recipients.len());
            for recipient in recipients {
                out.push(recipient.encapsulate(rng)?);
            }
            Ok(out)
        })
    }

    /// The header around what `encapsulate` gives for each recipient, in their order. It draws one `sigma` after the
    /// other.
    pub(crate) fn assemble<R: TryCryptoRng + ?Sized>(
        recipients: &[&Identity],
        aead: Aead,
        ad: &[u8],
        rng: &mut R,
        encapsulate: impl FnOnce(&mut R) -> Result<Vec<(Encapsulation, Secret<32>)>, Error>,
    ) -> Result<(Self, Vec<u8>), Error> {
        check_list(recipients)?;
        let content_key = Secret::<32>::random(rng)?;
        let mut prefix = Writer::new();
        prefix.u8(VERSION).u16(IBE_SUITE).u8(aead.id()).u16(recipients.len() as u16);
        let prefix = prefix.finish();
        let names = recipients.iter().map(|r| stanza_name(r, rng)).collect::<Result<Vec<_>, _>>()?;
        let list = list_hash(&prefix, &names.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let mut header = [MAGIC.as_slice(), &prefix].concat();
        let encapsulated = encapsulate(rng)?;
        for (i, ((encapsulation, k), name)) in (0u16..).zip(encapsulated.iter().zip(&names)) {
            header.extend_from_slice(name);
            header.extend_from_slice(&encapsulation.to_bytes());
            header.extend_from_slice(&aead::seal(
                aead,
                wrap_key(k.duplicate(), i).expose(),
                &list,
                content_key.expose(),
            ));
        }
        let key = payload_key(&content_key, &header, ad);
        Ok((Self(Chunks { aead, key, next: 0, finished: false }), header))
    }

    /// Seals the next chunk: exactly [`CHUNK`] bytes, or 1 to that many in the last one (0 if it is also the first).
    ///
    /// # Errors
    /// [`UsageError::WrongState`] for a chunk of another length or one after the last.
    pub fn chunk(&mut self, plaintext: &[u8], last: bool) -> Result<Vec<u8>, Error> {
        // Only an empty file has an empty last chunk.
        let empty_end = last && plaintext.is_empty() && self.0.next > 0;
        if plaintext.len() > CHUNK || (!last && plaintext.len() != CHUNK) || empty_end {
            return Err(UsageError::WrongState.into());
        }
        let nonce = self.0.nonce(last)?;
        Ok(aead::seal_with_nonce(self.0.aead, self.0.key.expose(), &nonce, &[], plaintext))
    }
}

impl core::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sealer").field("chunks", &self.0.next).finish_non_exhaustive()
    }
}

/// The header of a sealed file, read before any private key is used.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    bytes: &'a [u8],
    aead: Aead,
    list: [u8; 32],
    stanzas: Vec<Stanza<'a>>,
}

#[derive(Clone, Debug)]
struct Stanza<'a> {
    to: KeyRef,
    hint: Hint,
    encapsulation: &'a [u8; ENCAPSULATION_BYTES],
    wrapped: &'a [u8; WRAPPED],
}

impl<'a> Header<'a> {
    /// Reads the header at the beginning of `bytes`; what follows it are the chunks.
    ///
    /// # Errors
    /// [`DecodeError`] names the field; [`DecodeReason::Truncated`] may mean that more of the file must be read first
    /// (up to [`HEADER_LIMIT`]).
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        if r.array::<8>("magic")? != MAGIC {
            return Err(DecodeError::new("sealed file", DecodeReason::Inconsistent).into());
        }
        let prefix = r.rest().get(..PREFIX).unwrap_or(r.rest());
        let version = r.u8("file version")?;
        if version != VERSION {
            return Err(DecodeError::new("sealed file", DecodeReason::Version { got: version.into() }).into());
        }
        let suite = r.u16("IBE suite")?;
        if suite != IBE_SUITE {
            return Err(DecodeError::new("IBE suite", DecodeReason::Unknown { got: suite.into() }).into());
        }
        let aead = Aead::from_id(r.u8("AEAD")?)?;
        let count = usize::from(r.u16("recipients")?);
        if count == 0 || count > RECIPIENT_LIMIT {
            return Err(
                DecodeError::new("recipients", DecodeReason::TooLong { limit: RECIPIENT_LIMIT, got: count }).into()
            );
        }
        let (mut stanzas, mut names) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let rest = r.rest();
            let from = r.position();
            let to = KeyRef::read(&mut r)?;
            let hint = Hint::read(&mut r)?;
            names.push(rest.get(..r.position() - from).unwrap_or(rest));
            let encapsulation = r.array("encapsulation")?;
            stanzas.push(Stanza { to, hint, encapsulation, wrapped: r.array("wrapped key")? });
        }
        let list = list_hash(prefix, &names);
        Ok(Self { bytes: bytes.get(..r.position()).unwrap_or(bytes), aead, list, stanzas })
    }

    /// Length of the header in bytes: where the chunks begin.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never true; a header has at least one recipient.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Its AEAD.
    pub const fn aead(&self) -> Aead {
        self.aead
    }

    /// The key references of the recipients.
    pub fn recipients(&self) -> impl Iterator<Item = &KeyRef> {
        self.stanzas.iter().map(|s| &s.to)
    }

    /// Opens the file with whichever of `keys` it was sealed to.
    ///
    /// # Errors
    /// [`KeyError::Missing`] if it names none of the keys, a [`DecodeError`] for a malformed `U`, [`Error::Decrypt`]
    /// for everything found out with a private key.
    ///
    /// # Timing
    /// Constant in the keys; varies with which stanza names one of them, which the hints tell anybody who guesses.
    pub fn open(&self, keys: &[PrivateKey], ad: &[u8]) -> Result<Opener, Error> {
        let (mut tried, mut out) = (0, Err(KeyError::Missing.into()));
        for (i, stanza) in (0u16..).zip(&self.stanzas) {
            let named = |k: &&PrivateKey| stanza.to.fits(k.identity()) && stanza.hint.is_at(k.identity());
            let Some(key) = keys.iter().find(named) else { continue };
            if tried == super::keyref::TRIAL_LIMIT {
                break;
            }
            tried += 1;
            let k = Encapsulation::decode(stanza.encapsulation)?.decapsulate(key)?;
            out = match aead::open(self.aead, wrap_key(k, i).expose(), &self.list, stanza.wrapped) {
                Ok(content_key) => return self.opener(&content_key, ad),
                Err(_) => Err(Error::Decrypt),
            };
        }
        out
    }

    fn opener(&self, content_key: &SecretVec, ad: &[u8]) -> Result<Opener, Error> {
        let mut fk = Secret::<32>::zero();
        if content_key.expose().len() != fk.expose().len() {
            return Err(Error::Decrypt);
        }
        fk.as_mut().copy_from_slice(content_key.expose());
        let key = payload_key(&fk, self.bytes, ad);
        Ok(Opener(Chunks { aead: self.aead, key, next: 0, finished: false }))
    }
}

/// Opens a file chunk by chunk. The plaintext may be used only after the last chunk has opened.
pub struct Opener(Chunks);

impl Opener {
    /// Opens the next chunk; `last` says that the file ends with it.
    ///
    /// # Errors
    /// [`Error::Decrypt`] for a chunk that is altered, moved, foreign or wrongly marked; [`UsageError::WrongState`]
    /// after the last one.
    pub fn chunk(&mut self, ciphertext: &[u8], last: bool) -> Result<SecretVec, Error> {
        let plain = ciphertext.len().checked_sub(TAG).ok_or(Error::Decrypt)?;
        let first = self.0.next == 0;
        if plain > CHUNK || (!last && plain != CHUNK) || (last && plain == 0 && !first) {
            return Err(Error::Decrypt);
        }
        let nonce = self.0.nonce(last)?;
        aead::open_with_nonce(self.0.aead, self.0.key.expose(), &nonce, &[], ciphertext)
    }

    /// Whether the last chunk has been opened.
    pub const fn is_finished(&self) -> bool {
        self.0.finished
    }
}

impl core::fmt::Debug for Opener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Opener").field("chunks", &self.0.next).finish_non_exhaustive()
    }
}

fn check_list(recipients: &[&Identity]) -> Result<(), Error> {
    match recipients.len() {
        0 => return Err(UsageError::Empty.into()),
        1..=RECIPIENT_LIMIT => {}
        got => return Err(UsageError::TooMany { limit: RECIPIENT_LIMIT, got }.into()),
    }
    let mut ders: Vec<&[u8]> = recipients.iter().map(|r| r.der()).collect();
    ders.sort_unstable();
    if ders.windows(2).any(|w| w.first() == w.last()) {
        return Err(UsageError::Duplicate.into());
    }
    Ok(())
}

fn stanza_name<R: TryCryptoRng + ?Sized>(recipient: &Identity, rng: &mut R) -> Result<Vec<u8>, Error> {
    let mut w = Writer::new();
    KeyRef::of(recipient).write(&mut w);
    Hint::new(*Secret::random(rng)?.expose(), recipient).write(&mut w);
    Ok(w.finish())
}

fn list_hash(prefix: &[u8], names: &[&[u8]]) -> [u8; 32] {
    let label = label(labels::FILE);
    let mut parts = alloc::vec![label.as_ref(), prefix];
    parts.extend_from_slice(names);
    hash(&parts)
}

fn wrap_key(k: Secret<32>, index: u16) -> Secret<32> {
    Prk::from_secret(k).expand(&[label(labels::FILE_WRAP).as_ref(), &index.to_be_bytes()])
}

fn payload_key(content_key: &Secret<32>, header: &[u8], ad: &[u8]) -> Secret<32> {
    let bound = hash(&[&lp(header), header, &lp(ad), ad]);
    Prk::extract(label(labels::FILE).as_ref(), &[content_key.expose()]).expand(&[&bound])
}
