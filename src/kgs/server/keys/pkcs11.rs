//! The wrapping key in a hardware module, over PKCS#11.
//!
//! ```text
//! wrapped = "IBAKEP11" || 1 || kind || iv (12 random bytes) || AES-256-GCM(the token's key, iv, aad = the ten bytes before, secret)
//! ```
//! The module computes (`CKM_AES_GCM`); the key is sensitive, cannot be extracted and never leaves it. Few secrets are wrapped under
//! one key in its life (one root, one master key for each epoch), so random IVs do not meet.
//!
//! A session lives as long as one wrapping: a module that was away in between is asked afresh.

use std::fmt;
use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Raw, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

use super::draw;
use super::vault::{Kind, PKCS11_MAGIC, Wrapper};
use crate::kgs::server::error::{Error, ModuleFault};
use crate::secret::SecretVec;

const VERSION: u8 = 1;
const HEADER: usize = PKCS11_MAGIC.len() + 2;
const IV: usize = 12;

/// A key in a token, by the labels of both.
pub struct Module {
    context: Pkcs11,
    token: String,
    key: String,
    pin: SecretVec,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("token", &self.token).field("key", &self.key).finish_non_exhaustive()
    }
}

fn fault(what: ModuleFault, text: impl Into<String>) -> Error {
    Error::Module { what, text: text.into() }
}

/// What a module says, in our words.
fn said(e: &Raw) -> Error {
    let what = match e {
        Raw::LibraryLoading(_) | Raw::MissingSymbol(_) | Raw::NullFunctionPointer => ModuleFault::Library,
        Raw::Pkcs11(rv, _) => match rv {
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange | RvError::PinExpired => {
                ModuleFault::Pin
            }
            RvError::PinLocked => ModuleFault::PinLocked,
            RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::SlotIdInvalid
            | RvError::SessionHandleInvalid
            | RvError::SessionClosed => ModuleFault::NoToken,
            _ => ModuleFault::Failed,
        },
        _ => ModuleFault::Failed,
    };
    // The library's texts explain the standard at length; their name is enough.
    let text = match e {
        Raw::Pkcs11(rv, function) => format!("{function:?} said {rv:?}"),
        e => e.to_string(),
    };
    fault(what, text)
}

impl Module {
    /// Loads the module's library. Nothing is asked of the token yet.
    ///
    /// # Errors
    /// [`Error::Module`] with [`ModuleFault::Library`].
    pub fn open(library: &Path, token: &str, key: &str, pin: SecretVec) -> Result<Self, Error> {
        let context = Pkcs11::new(library).map_err(|e| said(&e))?;
        match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Somebody else in this process uses it too.
            Ok(()) | Err(Raw::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(e) => return Err(fault(ModuleFault::Library, e.to_string())),
        }
        Ok(Self { context, token: token.into(), key: key.into(), pin })
    }

    /// Makes the key in the token unless it is there. Says whether it was made.
    ///
    /// # Errors
    /// [`Error::Module`].
    pub fn ensure_key(&self) -> Result<bool, Error> {
        let session = self.session(true)?;
        if !self.candidates(&session)?.is_empty() {
            return self.key(&session).map(|_| false);
        }
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Label(self.key.clone().into_bytes()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
        ];
        session.generate_key(&Mechanism::AesKeyGen, &template).map_err(|e| said(&e))?;
        Ok(true)
    }

    /// A session in which the user is logged in.
    fn session(&self, writing: bool) -> Result<Session, Error> {
        let slots = self.context.get_slots_with_initialized_token().map_err(|e| said(&e))?;
        let mut found = None;
        for slot in slots {
            // A slot whose token is pulled meanwhile is not the one.
            if self.context.get_token_info(slot).is_ok_and(|info| info.label().trim_end() == self.token) {
                if found.is_some() {
                    return Err(fault(ModuleFault::NoToken, format!("two tokens are labelled {:?}", self.token)));
                }
                found = Some(slot);
            }
        }
        let none = || fault(ModuleFault::NoToken, format!("there is no token labelled {:?}", self.token));
        let slot = found.ok_or_else(none)?;
        let opened = if writing { self.context.open_rw_session(slot) } else { self.context.open_ro_session(slot) };
        let session = opened.map_err(|e| said(&e))?;
        let pin =
            std::str::from_utf8(self.pin.expose()).map_err(|_| fault(ModuleFault::Pin, "the PIN is not UTF-8"))?;
        // The copy is wiped when it is dropped.
        match session.login(UserType::User, Some(&AuthPin::from(pin))) {
            Ok(()) | Err(Raw::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(e) => Err(said(&e)),
        }
    }

    fn candidates(&self, session: &Session) -> Result<Vec<ObjectHandle>, Error> {
        let template = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(self.key.clone().into_bytes())];
        session.find_objects(&template).map_err(|e| said(&e))
    }

    /// The key, if it is one that cannot leave.
    fn key(&self, session: &Session) -> Result<ObjectHandle, Error> {
        let label = &self.key;
        let [key] = self.candidates(session)?[..] else {
            return Err(fault(ModuleFault::NoKey, format!("there is not exactly one secret key labelled {label:?}")));
        };
        let asked = [AttributeType::KeyType, AttributeType::Sensitive, AttributeType::Extractable];
        let got = session.get_attributes(key, &asked).map_err(|e| said(&e))?;
        let kept = got.contains(&Attribute::KeyType(KeyType::AES))
            && got.contains(&Attribute::Sensitive(true))
            && got.contains(&Attribute::Extractable(false));
        match kept {
            true => Ok(key),
            false => Err(fault(
                ModuleFault::KeyKind,
                format!("{label:?} is no AES key that is sensitive and cannot be extracted"),
            )),
        }
    }
}

impl Wrapper for Module {
    fn wrap(&self, kind: Kind, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let session = self.session(false)?;
        let key = self.key(&session)?;
        let header = [PKCS11_MAGIC, &[VERSION, kind as u8]].concat();
        let iv: [u8; IV] = draw()?;
        // The module may write its own IV; what it has used is what is kept.
        let mut used = iv;
        let sealed = {
            let params = GcmParams::new(&mut used, &header, 128.into()).map_err(|e| said(&e))?;
            session.encrypt(&Mechanism::AesGcm(params), key, secret).map_err(|e| said(&e))?
        };
        Ok([&header[..], &used, &sealed].concat())
    }

    fn unwrap(&self, kind: Kind, wrapped: &[u8]) -> Result<SecretVec, Error> {
        let other = || fault(ModuleFault::WrongKey, "what the store holds is not under a key of a module");
        let (header, rest) = wrapped.split_at_checked(HEADER).ok_or_else(other)?;
        let (iv, sealed) = rest.split_at_checked(IV).ok_or_else(other)?;
        if header != [PKCS11_MAGIC, &[VERSION, kind as u8]].concat() {
            return Err(other());
        }
        let session = self.session(false)?;
        let key = self.key(&session)?;
        let mut iv = iv.to_vec();
        let params = GcmParams::new(&mut iv, header, 128.into()).map_err(|e| said(&e))?;
        match session.decrypt(&Mechanism::AesGcm(params), key, sealed) {
            Ok(secret) => Ok(SecretVec::new(secret)),
            Err(e) => Err(match said(&e) {
                // Modules differ in what they call a tag that does not fit.
                Error::Module { what: ModuleFault::Failed, text } => fault(ModuleFault::WrongKey, text),
                other => other,
            }),
        }
    }
}
