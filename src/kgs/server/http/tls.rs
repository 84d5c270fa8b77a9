//! TLS: certificates, a self-signed one for a first try, client certificates. The certificate can be replaced while the server runs
//! ([`super::reload`]).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Tag};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

use crate::kdf::hash;
use crate::secret::SecretVec;

/// Why there is no TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No certificate in the text.
    Certificate,
    /// No private key in the text.
    Key,
    /// The two do not go together, or are of a kind that is not supported.
    Pair(String),
    /// Making a certificate failed.
    Making(String),
    /// A file cannot be read, or not by its owner alone.
    File(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate => f.write_str("there is no certificate in it (PEM, leaf first)"),
            Self::Key => f.write_str("there is no private key in it (PEM: PKCS#8, PKCS#1 or SEC1, not encrypted)"),
            Self::Pair(why) => write!(f, "certificate and key cannot be used: {why}"),
            Self::File(why) => f.write_str(why),
            Self::Making(why) => write!(f, "a certificate could not be made: {why}"),
        }
    }
}

impl core::error::Error for Error {}

/// When a certificate may be used, Unix seconds: from the first one on, until the second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: u64,
    /// The last one.
    pub to: u64,
}

/// What serves now.
struct Current {
    config: Arc<ServerConfig>,
    pin: [u8; 32],
    validity: Option<Validity>,
}

/// A certificate with its key, ready to serve. Cheap to clone; all clones serve the same one, also after [`Tls::replace`].
#[derive(Clone)]
pub struct Tls {
    current: Arc<RwLock<Arc<Current>>>,
    /// Replaced, and not replaced since the new one was no good.
    reloads: Arc<[AtomicU64; 2]>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("pin", &self.pin()).finish_non_exhaustive()
    }
}

impl Tls {
    /// From PEM: the chain, leaf first, and the key. With `clients`, certificates of clients are asked for and not demanded; who
    /// issued them does not matter, since users are known by the certificate itself.
    ///
    /// # Errors
    /// [`Error`].
    pub fn from_pem(chain: &[u8], key: &SecretVec, clients: bool) -> Result<Self, Error> {
        let all =
            CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>().map_err(|_| Error::Certificate)?;
        let leaf = all.first().ok_or(Error::Certificate)?;
        let (pin, validity) = (hash(&[leaf]), validity(leaf));
        let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| Error::Key)?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(|e| Error::Pair(e.to_string()))?;
        let builder = match clients {
            true => builder.with_client_cert_verifier(Arc::new(AnyClient(provider))),
            false => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(all, key).map_err(|e| Error::Pair(e.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let current = Current { config: Arc::new(config), pin, validity };
        Ok(Self { current: Arc::new(RwLock::new(Arc::new(current))), reloads: Arc::default() })
    }

    /// Serves what `other` serves, from the next connection on.
    pub fn replace(&self, other: &Self) {
        let new = other.now();
        match self.current.write() {
            Ok(mut place) => *place = new,
            Err(poisoned) => *poisoned.into_inner() = new,
        }
        self.reloads[0].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn not_replaced(&self) {
        self.reloads[1].fetch_add(1, Ordering::Relaxed);
    }

    /// How often the certificate was replaced, and how often it was not since the new one was no good.
    pub fn reloads(&self) -> (u64, u64) {
        (self.reloads[0].load(Ordering::Relaxed), self.reloads[1].load(Ordering::Relaxed))
    }

    /// When the certificate may be used; nothing for one whose dates cannot be read.
    pub fn validity(&self) -> Option<Validity> {
        self.now().validity
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.now().config)
    }

    fn now(&self) -> Arc<Current> {
        match self.current.read() {
            Ok(current) => Arc::clone(&current),
            Err(poisoned) => Arc::clone(&poisoned.into_inner()),
        }
    }

    /// Makes a key and a certificate that it signs itself, for these host names and addresses: PEM of both, the certificate
    /// first. For a first try, and for clients that pin it.
    ///
    /// # Errors
    /// [`Error::Making`].
    pub fn self_signed(names: &[String]) -> Result<SecretVec, Error> {
        let failed = |e: rcgen::Error| Error::Making(e.to_string());
        let key = rcgen::KeyPair::generate().map_err(failed)?;
        let mut wanted = rcgen::CertificateParams::new(names).map_err(failed)?;
        wanted.distinguished_name = rcgen::DistinguishedName::new();
        wanted.distinguished_name.push(rcgen::DnType::CommonName, "ibake key-generation server");
        let certificate = wanted.self_signed(&key).map_err(failed)?;
        let key = zeroize::Zeroizing::new(key.serialize_pem());
        Ok(SecretVec::new([certificate.pem().as_bytes(), key.as_bytes()].concat()))
    }

    /// SHA-256 of the certificate, hexadecimal: what a client pins.
    pub fn pin(&self) -> String {
        base16ct::lower::encode_string(&self.now().pin)
    }
}

/// `Validity` of a certificate (RFC 5280 section 4.1.2.5).
fn validity(certificate: &[u8]) -> Option<Validity> {
    fn next<'a>(bytes: &mut &'a [u8]) -> Option<AnyRef<'a>> {
        let (one, rest) = AnyRef::from_der_partial(bytes).ok()?;
        *bytes = rest;
        Some(one)
    }
    fn time(bytes: &mut &[u8]) -> Option<u64> {
        let one = next(bytes)?;
        match der::Tagged::tag(&one) {
            Tag::UtcTime => one.decode_as::<UtcTime>().ok().map(|t| t.to_unix_duration().as_secs()),
            _ => one.decode_as::<GeneralizedTime>().ok().map(|t| t.to_unix_duration().as_secs()),
        }
    }
    let mut outer = next(&mut &*certificate)?.value();
    let mut inner = next(&mut outer)?.value();
    // A version comes before the serial number, if it is not the first.
    if matches!(der::Tagged::tag(&next(&mut inner)?), Tag::ContextSpecific { .. }) {
        next(&mut inner)?;
    }
    let (_signature, _issuer) = (next(&mut inner)?, next(&mut inner)?);
    let mut dates = next(&mut inner)?.value();
    Some(Validity { from: time(&mut dates)?, to: time(&mut dates)? })
}

/// The first certificate of a PEM text, as DER: what `credentials::set_certificate` takes.
///
/// # Errors
/// [`Error::Certificate`].
pub fn first_certificate(pem: &[u8]) -> Result<Vec<u8>, Error> {
    CertificateDer::from_pem_slice(pem).map(|der| der.to_vec()).map_err(|_| Error::Certificate)
}

/// Takes every certificate whose key the client has: the handshake's signature is verified, nothing else.
#[derive(Debug)]
struct AnyClient(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyClient {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
