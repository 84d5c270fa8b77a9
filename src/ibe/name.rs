//! Names: what a caller dials, in one normal form each.
//!
//! A key is issued for bytes, so two spellings of one name would be two people, and a repaired spelling could be
//! somebody else. Every name therefore has exactly one accepted spelling; server and client refuse all others and
//! repair none.
//!
//! # Rules
//! All forms: 1 to 1,024 bytes, printable ASCII, no space. The part before the first `:` decides: `sip`, `sips` or
//! `tel` (lower case) make a URI of that kind; a text without `:` and with `@` is a NAI; anything else is unknown. The
//! same user under `sip:`, `sips:` and `tel:` is three identities (RFC 3261 section 19.1.4 says so of the first two).
//!
//! `sip:` and `sips:` (RFC 3261 sections 19.1 and 25.1), an address of record, `scheme ":" [ user "@" ] host`:
//! - **user**: the characters that RFC 3261 allows there unescaped, letters, digits and `-_.!~*'()&=+$,;?/`, each
//!   standing for itself, case kept, because user parts are compared case-sensitively. Every other character is
//!   percent-escaped as UTF-8 with upper-case digits; escapes of characters that need none are refused, and so are
//!   escaped control characters (C0, DEL, C1). RFC 3261 tells `+` from `%2B`; whoever means the latter cannot be named,
//!   and nobody is confused.
//! - **no password**: it is a secret (RFC 3261 advises against it), a name is public.
//! - **host**: labels of lower-case letters, digits and inner hyphens, at most 63 bytes each and 253 together, the last
//!   beginning with a letter, no dot at the end; internationalised names as A-labels (`xn--`, not decoded). One label
//!   is enough in a private network. Or an IPv4 address in four decimal numbers, or `[` IPv6 address `]` as in RFC 5952
//!   without its mixed notation, never an IPv4-mapped one.
//! - **no port, parameters or headers**: they say how to reach the person (and `sip:a@b` and `sip:a@b:5060` differ in
//!   RFC 3261), an address of record says who it is. Telephone numbers are `tel:` names, not `;user=phone`.
//!
//! `tel:` (RFC 3966): `+` and 1 to 15 digits (E.164), no visual separators. Local numbers, extensions and other
//! parameters are refused: they mean something in one network only.
//!
//! NAI (RFC 7542), the form of an e-mail address, `user "@" realm`: user of dot-separated strings of ``A-Z a-z 0-9
//! !#$%&'*+-/=?^_`{|}~``, case kept and compared byte by byte since only the realm may interpret it; realm a host name
//! as above with at least one dot. Internationalised users are refused: RFC 5409 carries the name in an IA5String, and
//! an e-mail user has no escape.
//!
//! Escaped non-ASCII text is compared by its bytes; Unicode normalisation is up to who assigns names.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use super::host::{check_bytes, check_host, check_host_name, split_port};
use crate::error::IdentityError;

/// Longest name in bytes.
pub const NAME_MAX: usize = 1_024;

/// The form of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameKind {
    /// A `sip:` address of record.
    Sip,
    /// A `sips:` address of record.
    Sips,
    /// A `tel:` number.
    Tel,
    /// A network access identifier, `user@realm`.
    Nai,
}

/// A name in normal form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    text: Arc<str>,
    kind: NameKind,
}

impl Name {
    /// Takes a name that is in normal form; the rules are in the [module documentation](self).
    ///
    /// # Errors
    /// What is wrong with it: [`IdentityError::NotNormal`] with the rule if another spelling would be accepted.
    pub fn parse(s: &str) -> Result<Self, IdentityError> {
        check_bytes(s, NAME_MAX)?;
        let kind = match s.split_once(':') {
            Some((scheme, rest)) => {
                let kind = scheme_kind(scheme).ok_or(IdentityError::UnknownForm)?;
                if scheme.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(IdentityError::NotNormal("scheme in lower case"));
                }
                match kind {
                    NameKind::Tel => check_number(rest)?,
                    _ => check_sip(rest, scheme.len() + 1)?,
                }
                kind
            }
            None => {
                let (user, realm) = s.split_once('@').ok_or(IdentityError::UnknownForm)?;
                check_nai(user, realm)?;
                NameKind::Nai
            }
        };
        Ok(Self { text: Arc::from(s), kind })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its form.
    pub const fn kind(&self) -> NameKind {
        self.kind
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.text)
    }
}

impl core::str::FromStr for Name {
    type Err = IdentityError;

    fn from_str(s: &str) -> Result<Self, IdentityError> {
        Self::parse(s)
    }
}

fn scheme_kind(scheme: &str) -> Option<NameKind> {
    [("sip", NameKind::Sip), ("sips", NameKind::Sips), ("tel", NameKind::Tel)]
        .into_iter()
        .find_map(|(name, kind)| scheme.eq_ignore_ascii_case(name).then_some(kind))
}

/// What follows `sip:`; `at` is its offset in the name.
fn check_sip(rest: &str, at: usize) -> Result<(), IdentityError> {
    let hostport = match rest.split_once('@') {
        Some((user, hostport)) => {
            check_user(user, at)?;
            hostport
        }
        None => rest,
    };
    if let Some(i) = hostport.find([';', '?']) {
        return Err(IdentityError::NotNormal(match hostport.as_bytes().get(i) {
            Some(b';') => "no URI parameters",
            _ => "no header fields",
        }));
    }
    let (host, port) = split_port(hostport);
    if port.is_some() {
        return Err(IdentityError::NotNormal("no port"));
    }
    check_host(host)
}

/// `unreserved` and `user-unreserved` of RFC 3261.
const fn stands_for_itself(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
        || matches!(b, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/')
}

fn check_user(user: &str, at: usize) -> Result<(), IdentityError> {
    if user.is_empty() {
        return Err(IdentityError::Syntax("user"));
    }
    if user.contains(':') {
        return Err(IdentityError::NotNormal("no password"));
    }
    let mut decoded = alloc::vec::Vec::with_capacity(user.len());
    let mut bytes = user.bytes().enumerate();
    while let Some((i, b)) = bytes.next() {
        if b != b'%' {
            if !stands_for_itself(b) {
                return Err(IdentityError::Syntax("user"));
            }
            decoded.push(b);
            continue;
        }
        let digits = [bytes.next().map(|d| d.1), bytes.next().map(|d| d.1)];
        let [Some(high), Some(low)] = digits.map(|d| d.and_then(|d| char::from(d).to_digit(16))) else {
            return Err(IdentityError::Syntax("percent-escape"));
        };
        let value = (high << 4 | low) as u8;
        if digits.iter().flatten().any(u8::is_ascii_lowercase) {
            return Err(IdentityError::NotNormal("escapes with upper-case digits"));
        }
        if stands_for_itself(value) {
            return Err(IdentityError::NotNormal("no escape where none is needed"));
        }
        if value.is_ascii_control() {
            return Err(IdentityError::BadByte { at: at + i });
        }
        decoded.push(value);
    }
    let text = core::str::from_utf8(&decoded).map_err(|_| IdentityError::Syntax("escapes are not UTF-8"))?;
    if text.chars().any(char::is_control) { Err(IdentityError::BadByte { at }) } else { Ok(()) }
}

fn check_number(number: &str) -> Result<(), IdentityError> {
    if number.contains(';') {
        return Err(IdentityError::NotNormal("no parameters"));
    }
    let digits = number.strip_prefix('+').ok_or(IdentityError::Syntax("a global number begins with +"))?;
    if digits.contains(['-', '.', '(', ')']) {
        return Err(IdentityError::NotNormal("no visual separators"));
    }
    let all = digits.bytes().all(|b| b.is_ascii_digit());
    if all && (1..=15).contains(&digits.len()) { Ok(()) } else { Err(IdentityError::Syntax("telephone number")) }
}

fn check_nai(user: &str, realm: &str) -> Result<(), IdentityError> {
    let atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    if !user.split('.').all(|part| !part.is_empty() && part.bytes().all(atext)) {
        return Err(IdentityError::Syntax("user"));
    }
    check_host_name(realm)?;
    if realm.contains('.') { Ok(()) } else { Err(IdentityError::Syntax("a realm has a dot")) }
}

/// Best-effort normal form for the "did you mean" of a user interface. The library itself never calls it: whether the
/// suggestion is who the user meant is for the user to say.
///
/// Trims, takes `mailto:` off, lowers scheme and host, re-escapes the user, strips password, port, parameters and
/// header fields of a SIP URI and the separators of a telephone number. `None` if that does not give a name.
pub fn suggest(s: &str) -> Option<Name> {
    let s = s.trim();
    if s.len() > 4 * NAME_MAX {
        return None;
    }
    let candidate = match s.split_once(':') {
        Some((scheme, rest)) => match scheme_kind(scheme) {
            Some(NameKind::Tel) => {
                let number = rest.split(';').next().unwrap_or(rest);
                ["tel:"].into_iter().chain(number.split([' ', '-', '.', '(', ')'])).collect()
            }
            Some(_) => {
                let mut out = scheme.to_ascii_lowercase();
                out.push(':');
                let hostport = match rest.rsplit_once('@') {
                    Some((userinfo, hostport)) => {
                        escape_user(userinfo.split(':').next().unwrap_or(userinfo), &mut out);
                        out.push('@');
                        hostport
                    }
                    None => rest,
                };
                let host = split_port(hostport.split([';', '?']).next().unwrap_or(hostport)).0;
                out.push_str(host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase().as_str());
                out
            }
            None if scheme.eq_ignore_ascii_case("mailto") => lower_realm(rest)?,
            None => return None,
        },
        None => lower_realm(s)?,
    };
    Name::parse(&candidate).ok()
}

fn lower_realm(nai: &str) -> Option<String> {
    let (user, realm) = nai.rsplit_once('@')?;
    let realm = realm.strip_suffix('.').unwrap_or(realm).to_ascii_lowercase();
    Some([user, "@", &realm].concat())
}

/// Decodes what is escaped and escapes what must be.
fn escape_user(user: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = user.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => char::from(*high).to_digit(16).zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        let b = escaped.map_or(*first, |(high, low)| (high << 4 | low) as u8);
        rest = if escaped.is_some() { tail.get(2..).unwrap_or(&[]) } else { tail };
        if stands_for_itself(b) {
            out.push(char::from(b));
        } else {
            let digit = |n: u8| HEX.get(usize::from(n)).map_or('0', |d| char::from(*d));
            out.extend(['%', digit(b >> 4), digit(b & 15)]);
        }
    }
}
