//! Asking for a private key (RFC 5408 section 5).

use base64ct::{Base64, Encoding};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::http::Outgoing;
use super::{Connector, Error};
use crate::error::{self, KeyError};
use crate::ibe::extract::PrivateKey;
use crate::ibe::{Identity, PublicParameters};
use crate::kgs::rfc5408::{
    self, KeyReply, KeyRequest, REQUEST_TYPE, RESPONSE_TYPE, Receipt, Response, sealed_aad, sealed_info,
};
use crate::sealing::Opener;
use crate::secret::SecretVec;

/// How the user proves who they are.
#[derive(Debug)]
#[non_exhaustive]
pub enum Credential {
    /// A bearer token.
    Token(SecretVec),
    /// Name and password, by HTTP Basic inside TLS.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: SecretVec,
    },
    /// The certificate of the connection.
    Certificate,
}

impl Credential {
    fn header(&self) -> Option<SecretVec> {
        match self {
            Self::Token(token) => Some(SecretVec::new([b"Bearer ", token.expose()].concat())),
            Self::Password { user, password } => {
                let both = Zeroizing::new([user.as_bytes(), b":", password.expose()].concat());
                let text = Zeroizing::new(Base64::encode_string(&both));
                Some(SecretVec::new([b"Basic ", text.as_bytes()].concat()))
            }
            Self::Certificate => None,
        }
    }
}

/// How the key is to travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transit {
    /// Sealed to a key that is drawn for this request.
    #[default]
    Sealed,
    /// In the clear inside TLS, for servers that know RFC 5408 only: whoever reads inside TLS has the key.
    Plain,
}

/// A request that has been sent, or is about to be: bytes, and what opens the answer to them.
#[derive(Debug)]
pub struct Pending {
    identity: Identity,
    parameters: PublicParameters,
    opener: Option<Opener>,
    bytes: SecretVec,
}

/// A key that has passed every check, and where the log of the server says that it was issued.
#[derive(Debug)]
pub struct Received {
    /// The key.
    pub key: PrivateKey,
    /// Only with a sealed key.
    pub receipt: Option<Receipt>,
}

impl Pending {
    /// A request for the key of `identity` under these parameters.
    ///
    /// # Errors
    /// [`Error::Crypto`] for an identity that is not under them, or a failing generator.
    pub fn new<R: TryCryptoRng + ?Sized>(
        identity: &Identity,
        parameters: &PublicParameters,
        transit: Transit,
        rng: &mut R,
    ) -> Result<Self, Error> {
        parameters.check_identity(identity)?;
        let opener = match transit {
            Transit::Sealed => Some(Opener::generate(rng)?),
            Transit::Plain => None,
        };
        let bytes = KeyRequest::new(identity, opener.as_ref().map(|o| *o.public())).to_xml();
        Ok(Self { identity: identity.clone(), parameters: parameters.clone(), opener, bytes })
    }

    /// The body to be sent.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.expose()
    }

    /// Takes the answer, if it is one: identity byte for byte, sealed if it was to be, and the pairing check.
    ///
    /// # Errors
    /// By the response code; [`Error::Format`], [`Error::Transit`], [`Error::Crypto`].
    pub fn receive(&self, xml: &[u8]) -> Result<Received, Error> {
        let der = match Response::from_xml(xml)? {
            Response::Key(der) => der,
            Response::Enroll(uri) => return Err(Error::Enroll(uri)),
            Response::Denied(_) => return Err(Error::Denied),
            Response::InvalidRequest(_) | Response::ClientObsolete(_) => return Err(Error::Invalid),
            Response::SystemError(_) | Response::Reserved => return Err(Error::Server),
        };
        let reply = KeyReply::from_der(der.expose(), &self.identity)?;
        let bytes = match (&self.opener, reply.sealed) {
            (Some(opener), true) => {
                let aad = sealed_aad(self.parameters.fingerprint(), &self.identity);
                opener.open(&sealed_info(self.bytes.expose()), &aad, reply.key.expose())?
            }
            (None, false) => reply.key,
            _ => return Err(Error::Transit),
        };
        // The pairing check is inside.
        let key = PrivateKey::from_bytes(bytes.expose(), &self.parameters)?;
        if key.identity() != &self.identity {
            return Err(error::Error::from(KeyError::OtherParameters).into());
        }
        Ok(Received { key, receipt: reply.receipt })
    }
}

/// Asks the server that the parameters name, and takes the key if it is the one asked for.
///
/// # Errors
/// [`Error`].
pub async fn request<R: TryCryptoRng + ?Sized>(
    connector: &Connector,
    identity: &Identity,
    parameters: &PublicParameters,
    credential: &Credential,
    transit: Transit,
    rng: &mut R,
) -> Result<Received, Error> {
    let uri = parameters.pkg_uri().ok_or(Error::NoPkgUri)?;
    let pending = Pending::new(identity, parameters, transit, rng)?;
    let header = credential.header();
    let outgoing = Outgoing {
        uri,
        accept: RESPONSE_TYPE,
        authorization: header.as_ref(),
        body: Some((REQUEST_TYPE, pending.bytes())),
    };
    let answer = connector.send(&outgoing).await?;
    if answer.kind != RESPONSE_TYPE {
        return Err(rfc5408::Error::Field("media type").into());
    }
    pending.receive(&answer.body)
}
