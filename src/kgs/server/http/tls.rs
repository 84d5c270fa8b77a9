//! TLS: certificates, a self-signed one for a first try, client certificates.

use std::fmt;
use std::sync::Arc;

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
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate => f.write_str("there is no certificate in it (PEM, leaf first)"),
            Self::Key => f.write_str("there is no private key in it (PEM: PKCS#8, PKCS#1 or SEC1, not encrypted)"),
            Self::Pair(why) => write!(f, "certificate and key cannot be used: {why}"),
            Self::Making(why) => write!(f, "a certificate could not be made: {why}"),
        }
    }
}

impl core::error::Error for Error {}

/// A certificate with its key, ready to serve.
#[derive(Clone)]
pub struct Tls {
    pub(super) config: Arc<ServerConfig>,
    pin: [u8; 32],
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
        let pin = hash(&[all.first().ok_or(Error::Certificate)?]);
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
        Ok(Self { config: Arc::new(config), pin })
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
        base16ct::lower::encode_string(&self.pin)
    }
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
