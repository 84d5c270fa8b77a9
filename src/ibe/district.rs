//! Districts: the URI under which a key-generation server publishes its parameters.

use alloc::sync::Arc;
use core::fmt;

use super::host::{check_bytes, check_host, split_port};
use crate::error::IdentityError;

/// Longest district in bytes.
pub const DISTRICT_MAX: usize = 255;

/// The URI of a district, which RFC 5408 makes both its name and the place where its parameters are fetched.
///
/// `https://host [":" port] *("/" segment)`, 1 to 255 bytes of printable ASCII, in normal form:
/// - `https` only: RFC 5408 section 4.1 demands that parameters come over TLS, and the URI is hashed into every
///   identity, so it cannot be changed to a secure one later;
/// - host as in names ([`super::name`]): lower case, no dot at the end, A-labels, or an address in its one form;
/// - a port in decimal without leading zeros, 1 to 65535; not 443, which is written by leaving it out;
/// - path segments of letters, digits and `-._~` (case kept), neither empty nor `.` nor `..`, so no `/` at the end;
///   percent-escapes are refused because their equivalence is a matter of opinion;
/// - no user, query or fragment.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct District(Arc<str>);

impl District {
    /// Takes a district that is in normal form.
    ///
    /// # Errors
    /// [`IdentityError::NotNormal`] with the rule if another spelling would be accepted, [`IdentityError::District`] if
    /// none would, and the errors of bytes and length.
    pub fn parse(s: &str) -> Result<Self, IdentityError> {
        check_bytes(s, DISTRICT_MAX)?;
        let (scheme, rest) = s.split_once("://").ok_or(IdentityError::District)?;
        match scheme {
            "https" => {}
            _ if scheme.eq_ignore_ascii_case("https") => return Err(IdentityError::NotNormal("scheme in lower case")),
            _ => return Err(IdentityError::District),
        }
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, Some(path)),
            None => (rest, None),
        };
        let (host, port) = split_port(authority);
        check_host(host).map_err(|e| match e {
            IdentityError::NotNormal(_) => e,
            _ => IdentityError::District,
        })?;
        if let Some(port) = port {
            check_port(port)?;
        }
        for segment in path.into_iter().flat_map(|p| p.split('/')) {
            if matches!(segment, "" | "." | "..") {
                return Err(IdentityError::NotNormal("no empty or dot segments"));
            }
            if !segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')) {
                return Err(IdentityError::District);
            }
        }
        Ok(Self(Arc::from(s)))
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_port(port: &str) -> Result<(), IdentityError> {
    // `parse` alone would take "+1".
    let n: u16 = match port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse()) {
        Some(Ok(n)) if n > 0 => n,
        _ => return Err(IdentityError::District),
    };
    match n {
        443 => Err(IdentityError::NotNormal("no default port")),
        _ if port.starts_with('0') => Err(IdentityError::NotNormal("no leading zeros in the port")),
        _ => Ok(()),
    }
}

impl fmt::Display for District {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for District {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "District({})", self.0)
    }
}

impl core::str::FromStr for District {
    type Err = IdentityError;

    fn from_str(s: &str) -> Result<Self, IdentityError> {
        Self::parse(s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use IdentityError::{BadByte, Empty, NotNormal, TooLong};
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn accepted() {
        for s in [
            "https://kgs.example.org",
            "https://kgs.example.org:8443",
            "https://kgs.example.org/ibe/Staff-1_a~b.c",
            "https://localhost:8443/d",
            "https://192.0.2.1/d",
            "https://[2001:db8::1]:8443",
        ] {
            assert_eq!(District::parse(s).map(|d| d.0), Ok(Arc::from(s)), "{s}");
        }
        assert!(District::parse(&format!("https://a/{}", "p".repeat(245))).is_ok());
    }

    #[test]
    fn rejected() {
        for (s, why) in [
            ("", Empty),
            ("https://kgs .example.org", BadByte { at: 11 }),
            ("https://k\u{e9}.example", BadByte { at: 9 }),
            ("kgs.example.org", IdentityError::District),
            ("http://kgs.example.org", IdentityError::District),
            ("sip:kgs.example.org", IdentityError::District),
            ("https:kgs.example.org", IdentityError::District),
            ("https://", IdentityError::District),
            ("https:///path", IdentityError::District),
            ("https://user@kgs.example.org", IdentityError::District),
            ("https://kgs.example.org?x", IdentityError::District),
            ("https://kgs.example.org/a?x", IdentityError::District),
            ("https://kgs.example.org/a#x", IdentityError::District),
            ("https://kgs.example.org/a%20b", IdentityError::District),
            ("https://kgs.example.org:", IdentityError::District),
            ("https://kgs.example.org:0", IdentityError::District),
            ("https://kgs.example.org:+1", IdentityError::District),
            ("https://kgs.example.org:65536", IdentityError::District),
            ("https://kgs.example.org:443", NotNormal("no default port")),
            ("https://kgs.example.org:0443", NotNormal("no default port")),
            ("https://kgs.example.org:08443", NotNormal("no leading zeros in the port")),
            ("HTTPS://kgs.example.org", NotNormal("scheme in lower case")),
            ("https://KGS.example.org", NotNormal("host in lower case")),
            ("https://kgs.example.org.", NotNormal("no dot at the end of the host")),
            ("https://[2001:db8:0::1]", NotNormal("IPv6 addresses as in RFC 5952")),
            ("https://kgs.example.org/", NotNormal("no empty or dot segments")),
            ("https://kgs.example.org//a", NotNormal("no empty or dot segments")),
            ("https://kgs.example.org/a/", NotNormal("no empty or dot segments")),
            ("https://kgs.example.org/a/../b", NotNormal("no empty or dot segments")),
        ] {
            assert_eq!(District::parse(s), Err(why), "{s}");
        }
        let long = format!("https://a/{}", "p".repeat(246));
        assert_eq!(District::parse(&long), Err(TooLong { limit: DISTRICT_MAX, got: 256 }));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_as_it_is_or_refused(s in "(?s).{0,40}|https://[!-~]{0,30}") {
            if let Ok(d) = District::parse(&s) {
                prop_assert_eq!(d.as_str(), s.as_str());
            }
        }
    }
}
