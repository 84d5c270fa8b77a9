//! What a server says to a request (RFC 5408 section 5.6).

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::reply::REPLY_MAX;
use super::xml::{self, Space, escape};
use super::{Error, NAMESPACE, unbase64};
use crate::secret::SecretVec;

/// Longest URI of a redirect.
const LOCATION: usize = 1_024;

/// A response, by its code. The text of a code from 300 on is for people and for the server to write: a client discards it (RFC
/// 5408 sections 5.6.4 to 5.6.7), so reading gives an empty one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Response {
    /// IBE100: the DER of a [`super::KeyReply`].
    Key(SecretVec),
    /// IBE101: reserved. Says nothing.
    Reserved,
    /// IBE201: get a credential at this URI, and come again with it in `authData`.
    Enroll(String),
    /// IBE300: the server failed.
    SystemError(String),
    /// IBE301: not a request, or one that cannot be served.
    InvalidRequest(String),
    /// IBE303: the server does not serve this version any more.
    ClientObsolete(String),
    /// IBE304: the credential is not good, or not for this key.
    Denied(String),
}

impl Response {
    /// The code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key(_) => "IBE100",
            Self::Reserved => "IBE101",
            Self::Enroll(_) => "IBE201",
            Self::SystemError(_) => "IBE300",
            Self::InvalidRequest(_) => "IBE301",
            Self::ClientObsolete(_) => "IBE303",
            Self::Denied(_) => "IBE304",
        }
    }

    /// The XML.
    pub fn to_xml(&self) -> SecretVec {
        let inside = Zeroizing::new(match self {
            Self::Key(der) => {
                let text = Zeroizing::new(Base64::encode_string(der.expose()));
                ["<ibe:privateKey>", &text, "</ibe:privateKey>"].concat()
            }
            Self::Reserved => String::new(),
            Self::Enroll(uri) => ["<ibe:location URI=\"", &escape(uri), "\"/>"].concat(),
            Self::SystemError(t) | Self::InvalidRequest(t) | Self::ClientObsolete(t) | Self::Denied(t) => escape(t),
        });
        let head =
            ["<ibe:response xmlns:ibe=\"", NAMESPACE, "\">\n  <ibe:responseType value=\"", self.code(), "\"/>\n"];
        let mut out = Vec::with_capacity(256 + inside.len());
        let body = ["  <ibe:body>", &inside, "</ibe:body>\n</ibe:response>\n"];
        head.iter().chain(&body).for_each(|p| out.extend_from_slice(p.as_bytes()));
        SecretVec::new(out)
    }

    /// Reads a response.
    ///
    /// # Errors
    /// [`Error`], by the first thing that is wrong.
    pub fn from_xml(bytes: &[u8]) -> Result<Self, Error> {
        let root = xml::read(bytes, "response")?;
        root.no_text("text in the response")?;
        let code = root.single("responseType")?.attribute("value").ok_or(Error::Missing("value"))?;
        let body = root.optional(Space::Ibe, "body")?;
        let needed = || body.ok_or(Error::Missing("body"));
        Ok(match code {
            "IBE100" => {
                let body = needed()?;
                body.no_text("text in the body")?;
                let der = unbase64("privateKey", body.single("privateKey")?.leaf("privateKey")?)?;
                if der.len() > REPLY_MAX {
                    return Err(Error::Limit("privateKey"));
                }
                Self::Key(SecretVec::new(der.to_vec()))
            }
            "IBE101" => Self::Reserved,
            "IBE201" => {
                let uri = needed()?.single("location")?.attribute("URI").ok_or(Error::Missing("URI"))?;
                if uri.is_empty() || uri.len() > LOCATION {
                    return Err(Error::Field("URI"));
                }
                Self::Enroll(uri.into())
            }
            "IBE300" => Self::SystemError(String::new()),
            "IBE301" => Self::InvalidRequest(String::new()),
            "IBE303" => Self::ClientObsolete(String::new()),
            "IBE304" => Self::Denied(String::new()),
            _ => return Err(Error::Code),
        })
    }
}
