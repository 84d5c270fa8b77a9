//! The host part that names and districts share, and the one check of bytes.

use alloc::string::String;
use core::fmt::Write;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::error::IdentityError;

/// Longest host name (RFC 1035 section 2.3.4, in text form).
const HOST_MAX: usize = 253;
/// Longest label of it.
const LABEL_MAX: usize = 63;

/// Refuses what no form may contain: nothing at all, too much, or a byte outside the printable ASCII characters.
pub(super) fn check_bytes(s: &str, limit: usize) -> Result<(), IdentityError> {
    if s.is_empty() {
        return Err(IdentityError::Empty);
    }
    if s.len() > limit {
        return Err(IdentityError::TooLong { limit, got: s.len() });
    }
    match s.bytes().position(|b| !b.is_ascii_graphic()) {
        Some(at) => Err(IdentityError::BadByte { at }),
        None => Ok(()),
    }
}

/// Splits `host [":" port]`; the port without its colon.
pub(super) fn split_port(hostport: &str) -> (&str, Option<&str>) {
    let after = if hostport.starts_with('[') { hostport.find(']').map_or(hostport.len(), |i| i + 1) } else { 0 };
    match hostport.get(after..).and_then(|rest| rest.find(':')) {
        Some(i) => hostport.split_at_checked(after + i).map_or((hostport, None), |(h, p)| (h, p.get(1..))),
        None => (hostport, None),
    }
}

/// A host name, IPv4 address or bracketed IPv6 address in normal form.
pub(super) fn check_host(host: &str) -> Result<(), IdentityError> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(IdentityError::Syntax("IPv6 address"))?;
        let address: Ipv6Addr = inner.parse().map_err(|_| IdentityError::Syntax("IPv6 address"))?;
        return if address.to_ipv4_mapped().is_some() {
            Err(IdentityError::NotNormal("an IPv4 address is written as one"))
        } else if canonical_v6(&address) == inner {
            Ok(())
        } else {
            Err(IdentityError::NotNormal("IPv6 addresses as in RFC 5952"))
        };
    }
    if host.rsplit('.').next().is_some_and(|top| !top.is_empty() && top.bytes().all(|b| b.is_ascii_digit())) {
        // The standard parser takes four decimal numbers without leading zeros and nothing else.
        return host.parse::<Ipv4Addr>().map(|_| ()).map_err(|_| IdentityError::Syntax("IPv4 address"));
    }
    check_host_name(host)
}

/// A host name: lower-case labels of letters, digits and inner hyphens; the last begins with a letter; no dot at the
/// end.
pub(super) fn check_host_name(host: &str) -> Result<(), IdentityError> {
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(IdentityError::NotNormal("host in lower case"));
    }
    if host.len() > 1 && host.ends_with('.') {
        return Err(IdentityError::NotNormal("no dot at the end of the host"));
    }
    let label_ok = |label: &str| {
        label.len() <= LABEL_MAX
            && label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.ends_with(|c: char| c.is_ascii_alphanumeric())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let top_ok = host.rsplit('.').next().is_some_and(|top| top.starts_with(|c: char| c.is_ascii_alphabetic()));
    if host.len() <= HOST_MAX && top_ok && host.split('.').all(label_ok) {
        Ok(())
    } else {
        Err(IdentityError::Syntax("host"))
    }
}

/// RFC 5952 section 4: lower case, no leading zeros, the first of the longest runs of two or more zero groups as `::`.
/// Never the mixed notation of its section 5, so that the form does not depend on a list of prefixes.
fn canonical_v6(address: &Ipv6Addr) -> String {
    let groups = address.segments();
    let (mut best, mut best_len, mut run) = (0, 1, 0);
    for (i, g) in groups.iter().enumerate() {
        run = if *g == 0 { run + 1 } else { 0 };
        if run > best_len {
            (best, best_len) = (i + 1 - run, run);
        }
    }
    let mut out = String::new();
    let skip = if best_len > 1 { best..best + best_len } else { 0..0 };
    for (i, g) in groups.iter().enumerate() {
        if skip.contains(&i) {
            if i == skip.start {
                out.push_str("::");
            }
            continue;
        }
        if i > 0 && !out.ends_with(':') {
            out.push(':');
        }
        // Writing to a String does not fail.
        let _ = write!(out, "{g:x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_in_one_form_only() {
        for good in [
            "[::]",
            "[::1]",
            "[2001:db8::1]",
            "[2001:db8:0:1:1:1:1:1]",
            "[2001:0:0:1::1]",
            "[2001:db8::1:0:0:1]",
            "[1::]",
        ] {
            assert_eq!(check_host(good), Ok(()), "{good}");
        }
        for bad in [
            "[2001:DB8::1]",
            "[2001:db8::0:1]",
            "[2001:0db8::1]",
            "[2001:db8::1:1:1:1:1]",
            "[2001:0:0:1:0:0:0:1]",
            "[2001:db8:0:0:1::1]",
            "[64:ff9b::192.0.2.1]",
            "[::ffff:192.0.2.1]",
            "[::ffff:c000:201]",
        ] {
            assert!(matches!(check_host(bad), Err(IdentityError::NotNormal(_))), "{bad}");
        }
        for bad in ["[]", "[::1", "[::1%eth0]", "[1::2::3]", "[1]", "[::1]x"] {
            assert_eq!(check_host(bad), Err(IdentityError::Syntax("IPv6 address")), "{bad}");
        }
    }

    #[test]
    fn ports_are_split_after_the_bracket() {
        for (all, host, port) in [
            ("a:1", "a", Some("1")),
            ("a", "a", None),
            ("a:", "a", Some("")),
            ("[::1]:5", "[::1]", Some("5")),
            ("[::1]", "[::1]", None),
            ("[::1", "[::1", None),
            ("", "", None),
        ] {
            assert_eq!(split_port(all), (host, port));
        }
    }
}
