//! ESK: a content key sealed to who is to have it in the end (RFC 6267 sections 4.2.2.5 and 6.1.2).
//!
//! ```text
//! place     = "mikey esk" || u32 CSB ID || lp(RAND) || u64 T || lp(name of I) || lp(name of the final recipient)
//! Encr data = sealed box to the final recipient, ad = place, of ID (of I) || SK || [SIGN]
//! SIGN      = S type 15, signature by I's signing identity, context "mikey esk", of place || pkctx(final recipient) || SK
//! ```
//! The final recipient is the one called where the first message was not opened, who answered elsewhere. The box does not hang
//! on the message that carries it: who opens it has only what a mailbox kept. `pkctx` keeps a signature from being moved into a
//! box for another period or another KGS.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::End;
use super::content::{Content, ContentKey, Sent};
use super::error::CallError;
use super::share::Drawing;
use super::wire::id_of;
use crate::encoding::{Writer, lp};
use crate::error::{Error, KeyError, ParametersError};
use crate::ibe::extract::{PrivateKey, hedge};
use crate::ibe::identity::Purpose;
use crate::ibe::kem::Recipient;
use crate::ibe::name::Name;
use crate::ibe::sealed::seal_under;
use crate::ibe::sign::{SIGNATURE_BYTES, sign};
use crate::kdf::label;
use crate::mikey::numbers::{PayloadType, SType, SkType};
use crate::mikey::payloads::{Chain, KeyValidity, Payload, SecretKey, Sign, Timestamp, Within, encode_chain};
use crate::secret::{Secret, SecretVec};
use crate::suite::{Aead, labels};

/// Most bytes of the Encr data of an ESK.
pub const ESK_LIMIT: usize = 2048;
/// Context of the signature.
pub(super) const CONTEXT: &[u8] = b"mikey esk";

/// Where an ESK belongs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) csb_id: u32,
    pub(super) rand: &'a [u8],
    pub(super) t: Timestamp,
    pub(super) sender: &'a Name,
    pub(super) recipient: &'a Name,
}

impl Place<'_> {
    /// The associated data of the box.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (i, r) = (self.sender.as_str().as_bytes(), self.recipient.as_str().as_bytes());
        let mut w = Writer::new();
        w.bytes(label(labels::MIKEY_ESK).as_ref()).u32(self.csb_id).bytes(&lp(self.rand)).bytes(self.rand);
        w.u64(self.t.value).bytes(&lp(i)).bytes(i).bytes(&lp(r)).bytes(r);
        w.finish()
    }

    /// What is signed.
    pub(super) fn signed(&self, pkctx: &[u8; 32], sk: &[u8]) -> SecretVec {
        let place = self.bytes();
        let mut w = Writer::with_capacity(place.len() + pkctx.len() + sk.len());
        w.bytes(&place).bytes(pkctx).bytes(sk);
        SecretVec::new(w.finish())
    }
}

impl End<'_> {
    /// Our signing key for the period that contains this time.
    fn signing_key(&self, name: &Name, at: u64) -> Result<Option<&PrivateKey>, CallError> {
        let parameters = self.directory.parameters(name, at).ok_or(ParametersError::Unknown)?;
        let identity = parameters.identity(name.clone(), Purpose::Sign, at)?;
        match self.keys.iter().find(|k| k.identity() == &identity) {
            Some(key) if key.fingerprint() != parameters.fingerprint() => Err(KeyError::OtherParameters.into()),
            found => Ok(found),
        }
    }
}

/// An ESK to be made.
pub(super) struct Making<'a> {
    pub(super) place: Place<'a>,
    /// The final recipient.
    pub(super) to: &'a Recipient,
    /// The initiator's decryption key, which hedges.
    pub(super) own: &'a PrivateKey,
    /// Whether it is to be signed if there is a key for that: in `bound`.
    pub(super) sign: bool,
    pub(super) aead: Aead,
    /// The message that is answered.
    pub(super) r1: &'a [u8],
}

impl Making<'_> {
    /// The Encr data, and what was sent; `given` is the key of content that was encoded before.
    ///
    /// # Errors
    /// A signing key of other parameters; failure of the generator.
    pub(super) fn make<R: TryCryptoRng + ?Sized>(
        &self,
        end: &End<'_>,
        given: Option<&ContentKey>,
        rng: &mut R,
    ) -> Result<(Vec<u8>, Sent), CallError> {
        let Place { csb_id, rand, t, sender, recipient } = self.place;
        let signer = if self.sign { end.signing_key(sender, t.unix().unwrap_or(0))? } else { None };
        // Not the place of the IBAKE payload's seal: with one coin for both, who answered could open this box, too.
        let parts: [&[u8]; 4] = [self.r1, &t.value.to_be_bytes(), b"esk", self.to.identity().der()];
        let at = Drawing::new(csb_id, rand, &parts);
        let key = match given {
            Some(key) => key.duplicate(),
            None => ContentKey::new(hedge(self.own, labels::SK, &at.session, &at.hash, rng)?),
        };
        let sk = key.secret().expose();
        let signature = signer
            .map(|signer| sign(signer, CONTEXT, self.place.signed(self.to.pkctx(), sk).expose(), rng))
            .transpose()?;
        let mut chain = Vec::with_capacity(3);
        chain.push(Payload::Id(id_of(sender)));
        chain.push(Payload::Sk(SecretKey { kind: SkType::SK, key: sk, validity: KeyValidity::Null }));
        let sign_payload = |s| Payload::Sign(Sign { kind: SType::CHA_CHEON, signature: s });
        chain.extend(signature.as_ref().map(|s| sign_payload(s.as_bytes())));
        let plain = encode_chain(&chain, Within::Esk)?;
        let encapsulated = self.to.encapsulate_hedged(self.own, &at.session, &at.hash, rng)?;
        let bytes = seal_under(self.to.identity(), encapsulated, self.aead, &self.place.bytes(), plain.expose());
        let (sender, recipient) = (sender.clone(), recipient.clone());
        let content = Content { key, sender, recipient, csb_id, rand: rand.to_vec(), t };
        Ok((bytes, if signature.is_some() { Sent::Signed(content) } else { Sent::Unsigned(content) }))
    }
}

/// What stood in an ESK.
pub(super) struct Inside {
    pub(super) key: ContentKey,
    pub(super) signature: Option<[u8; SIGNATURE_BYTES]>,
}

impl Inside {
    /// Reads the sub-payloads: the ID of the sender, an SK of 32 bytes, then nothing or a SIGN of our type.
    ///
    /// # Errors
    /// [`Error::Decrypt`] for anything else.
    pub(super) fn read(plain: &SecretVec, sender: &Name) -> Result<Self, Error> {
        let chain = Chain::parse(PayloadType::ID, plain.expose(), Within::Esk).map_err(|_| Error::Decrypt)?;
        let mut all = chain.iter();
        let (Some(Payload::Id(id)), Some(Payload::Sk(sk))) = (all.next(), all.next()) else {
            return Err(Error::Decrypt);
        };
        let signature = match (all.next(), all.next()) {
            (None, _) => None,
            (Some(Payload::Sign(s)), None) if s.kind == SType::CHA_CHEON => {
                Some(s.signature.try_into().map_err(|_| Error::Decrypt)?)
            }
            _ => return Err(Error::Decrypt),
        };
        // A key with an interval would have to be refused outside of it, which nobody here can tell.
        if *id != id_of(sender) || sk.kind != SkType::SK || matches!(sk.validity, KeyValidity::Interval { .. }) {
            return Err(Error::Decrypt);
        }
        let bytes = sk.key.first_chunk().filter(|_| sk.key.len() == 32).ok_or(Error::Decrypt)?;
        Ok(Self { key: ContentKey::new(Secret::new(*bytes)), signature })
    }
}
