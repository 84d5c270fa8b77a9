//! A request for a private key (RFC 5408 section 5.3).
//!
//! ```text
//! <ibe:request xmlns:ibe="urn:ietf:params:xml:ns:ibe">
//!   <ibe:header><ibe:client version="ibake 0.1.0"/></ibe:header>
//!   <ibe:body>
//!     <ibe:keyRequest>
//!       <ibe:algorithm>base64 of the DER of an OID</ibe:algorithm>     or <ibe:oid>, as the RFC's text has it; one of them
//!       <ibe:id>base64 of the DER of IBEIdentityInfo</ibe:id>
//!     </ibe:keyRequest>
//!     <ibe:authData><own:token>a credential</own:token></ibe:authData>              optional
//!     <own:sealTo xmlns:own="urn:uuid:..">base64 of an HPKE public key</own:sealTo>      optional
//!   </ibe:body>
//! </ibe:request>
//! ```

use base64ct::{Base64, Encoding};

use super::xml::{self, Element, Space, escape};
use super::{Error, NAMESPACE, OWN_NAMESPACE, unbase64};
use crate::ibe::asn1::{self, tag};
use crate::ibe::identity::IDENTITY_MAX;
use crate::ibe::{Identity, oid};
use crate::sealing::PUBLIC;
use crate::secret::SecretVec;

/// Longest credential.
const TOKEN: usize = 1_024;
/// Longest text that names a client.
const CLIENT: usize = 256;
/// Longest content of an object identifier.
const OID: usize = 64;

/// A credential in `authData`: what an enrolment page gave to the user.
#[derive(Debug)]
pub struct Proof(pub SecretVec);

/// A request.
#[derive(Debug)]
pub struct KeyRequest {
    /// What the client calls itself.
    pub client: Option<String>,
    /// Content bytes of the algorithm's object identifier.
    pub algorithm: Vec<u8>,
    /// DER of the identity, as it came: whoever knows the parameters decodes it.
    pub identity: Vec<u8>,
    /// The credential, where it does not come with the transport.
    pub proof: Option<Proof>,
    /// The HPKE key to which the answer is to be sealed.
    pub seal_to: Option<[u8; PUBLIC]>,
}

impl KeyRequest {
    /// A request for our algorithm.
    pub fn new(identity: &Identity, seal_to: Option<[u8; PUBLIC]>) -> Self {
        Self {
            client: Some(concat!("ibake ", env!("CARGO_PKG_VERSION")).into()),
            algorithm: oid::ALGORITHM.content().to_vec(),
            identity: identity.der().to_vec(),
            proof: None,
            seal_to,
        }
    }

    /// Whether it asks for a key of our algorithm.
    pub fn is_ours(&self) -> bool {
        self.algorithm == oid::ALGORITHM.content()
    }

    /// The XML.
    pub fn to_xml(&self) -> SecretVec {
        let mut algorithm = Vec::new();
        asn1::put(&mut algorithm, tag::OID, &self.algorithm);
        let mut out = Vec::with_capacity(2_048 + 2 * self.identity.len());
        let mut put = |parts: &[&str]| parts.iter().for_each(|p| out.extend_from_slice(p.as_bytes()));
        put(&["<ibe:request xmlns:ibe=\"", NAMESPACE, "\">\n"]);
        if let Some(client) = &self.client {
            put(&["  <ibe:header><ibe:client version=\"", &escape(client), "\"/></ibe:header>\n"]);
        }
        put(&["  <ibe:body>\n    <ibe:keyRequest>\n"]);
        put(&["      <ibe:algorithm>", &Base64::encode_string(&algorithm), "</ibe:algorithm>\n"]);
        put(&["      <ibe:id>", &Base64::encode_string(&self.identity), "</ibe:id>\n    </ibe:keyRequest>\n"]);
        if let Some(Proof(token)) = &self.proof {
            let token = zeroize::Zeroizing::new(escape(&String::from_utf8_lossy(token.expose())));
            put(&["    <ibe:authData><own:token xmlns:own=\"", OWN_NAMESPACE, "\">", &token]);
            put(&["</own:token></ibe:authData>\n"]);
        }
        if let Some(seal_to) = &self.seal_to {
            put(&["    <own:sealTo xmlns:own=\"", OWN_NAMESPACE, "\">", &Base64::encode_string(seal_to)]);
            put(&["</own:sealTo>\n"]);
        }
        put(&["  </ibe:body>\n</ibe:request>\n"]);
        SecretVec::new(out)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`Error`], by the first thing that is wrong.
    ///
    /// Source: RFC 5408 section 5.3; SPEC.md 14.3.
    pub fn from_xml(bytes: &[u8]) -> Result<Self, Error> {
        let root = xml::read(bytes, "request")?;
        root.no_text("text in the request")?;
        if root.children.iter().any(|c| !c.is(Space::Ibe, "header") && !c.is(Space::Ibe, "body")) {
            return Err(Error::Unexpected("an element beside header and body"));
        }
        let body = root.single("body")?;
        body.no_text("text in the body")?;
        let wanted = body.single("keyRequest")?;
        wanted.no_text("text in the keyRequest")?;
        let known = |c: &Element| ["algorithm", "oid", "id"].iter().any(|name| c.is(Space::Ibe, name));
        if !wanted.children.iter().all(known) {
            return Err(Error::Unexpected("an element in the keyRequest"));
        }
        let algorithm = match (wanted.optional(Space::Ibe, "algorithm")?, wanted.optional(Space::Ibe, "oid")?) {
            (Some(_), Some(_)) => return Err(Error::Repeated("algorithm")),
            (Some(found), None) | (None, Some(found)) => unbase64("algorithm", found.leaf("algorithm")?)?,
            (None, None) => return Err(Error::Missing("algorithm")),
        };
        let identity = unbase64("id", wanted.single("id")?.leaf("id")?)?;
        if identity.len() > IDENTITY_MAX {
            return Err(Error::Limit("id"));
        }
        let seal_to = match body.optional(Space::Own, "sealTo")? {
            None => None,
            Some(key) => {
                let key = unbase64("sealTo", key.leaf("sealTo")?)?;
                Some(key.as_slice().try_into().map_err(|_| Error::Field("sealTo"))?)
            }
        };
        Ok(Self {
            client: client(&root)?,
            algorithm: object_identifier(&algorithm)?,
            identity: identity.to_vec(),
            proof: proof(body)?,
            seal_to,
        })
    }
}

/// The content of the object identifier that fills the bytes.
fn object_identifier(der: &[u8]) -> Result<Vec<u8>, Error> {
    let mut fields = asn1::Fields::inside("algorithm", der)?;
    let content = fields.oid("algorithm")?.to_vec();
    fields.finish("algorithm")?;
    if content.len() > OID { Err(Error::Limit("algorithm")) } else { Ok(content) }
}

fn client(root: &Element) -> Result<Option<String>, Error> {
    let Some(header) = root.optional(Space::Ibe, "header")? else { return Ok(None) };
    let Some(client) = header.optional(Space::Ibe, "client")? else { return Ok(None) };
    let version = client.attribute("version").ok_or(Error::Missing("version"))?;
    if version.len() > CLIENT { Err(Error::Limit("version")) } else { Ok(Some(version.into())) }
}

/// `authData` is for the application to define: a token of ours is read, all else passed over.
fn proof(body: &Element) -> Result<Option<Proof>, Error> {
    let Some(data) = body.optional(Space::Ibe, "authData")? else { return Ok(None) };
    let Some(token) = data.optional(Space::Own, "token")? else { return Ok(None) };
    let token = token.leaf("token")?;
    if token.is_empty() || token.len() > TOKEN {
        return Err(Error::Limit("token"));
    }
    Ok(Some(Proof(SecretVec::new(token.as_bytes().to_vec()))))
}
