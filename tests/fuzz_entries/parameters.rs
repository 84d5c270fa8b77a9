//! Public parameters, as DER and as text, and how one district introduces another.

use super::{exchanges, unhex, world};
use crate::common::NOW;
use ibake::ibe::extract::MasterKey;
use ibake::ibe::introduction::{Introduction, Whose, inspect};
use ibake::ibe::params::{Description, PublicParameters};
use ibake::ibe::period::Granularity;

fn check(parameters: &PublicParameters, der: &[u8]) {
    assert_eq!(parameters.to_der(), der);
    assert_eq!(PublicParameters::from_armour(&parameters.to_armour()).as_ref(), Ok(parameters));
}

/// One DER value with a content of at most 65,535 bytes.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let n = content.len();
    let head = match n {
        0..0x80 => vec![tag, n as u8],
        0x80..0x100 => vec![tag, 0x81, n as u8],
        _ => vec![tag, 0x82, (n >> 8) as u8, n as u8],
    };
    [&head[..], content].concat()
}

/// Cuts the DER of good parameters behind the list of algorithms: what precedes it, the list's content, what follows.
fn around_algorithms(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    // Outer header of four bytes; version, district, serial and validity; then a list with a length of two bytes.
    let content = &der[4..];
    let mut at = 0;
    for _ in 0..4 {
        at += 2 + usize::from(content[at + 1]);
    }
    let n = usize::from(content[at + 2]);
    (&content[..at], &content[at + 3..at + 3 + n], &content[at + 3 + n..])
}

/// First byte 0: the rest is a whole DER. 1: a further algorithm, length of the identifier first. 2: an extension likewise.
pub fn parameters(data: &[u8]) {
    let [mode, rest @ ..] = data else { return };
    if *mode == 0 {
        if let Ok(read) = PublicParameters::from_der(rest) {
            check(&read, rest);
        }
        return;
    }
    let [n, rest @ ..] = rest else { return };
    let Some((id, value)) = rest.split_at_checked(usize::from(*n)) else { return };
    if value.len() > 8000 {
        return;
    }
    let good = &world().a.parameters;
    let der = good.to_der();
    let pair = tlv(0x30, &[tlv(6, id), tlv(4, value)].concat());
    let (before, list, after) = around_algorithms(&der);
    let (list, after) = match mode & 1 {
        1 => (tlv(0x30, &[list, &pair].concat()), after.to_vec()),
        _ => (tlv(0x30, list), [after, &tlv(0x30, &pair)].concat()),
    };
    let der = tlv(0x30, &[before, &list, &after].concat());
    if let Ok(read) = PublicParameters::from_der(&der) {
        check(&read, &der);
        assert_eq!(read.fingerprint(), good.fingerprint(), "neither is under the fingerprint");
        assert!(mode & 1 == 1 || read.pkg_uri().is_some(), "the one extension that is understood");
    }
}

fn with_uri() -> PublicParameters {
    let description = Description {
        district: world().a.parameters.district().clone(),
        serial: 1 << 40,
        not_before: 0,
        not_after: NOW,
        granularity: Granularity::Hour,
        pkg_uri: Some("https://kgs.example.org/keys".into()),
    };
    MasterKey::from_bytes(&[1; 32]).unwrap().public_parameters(description).unwrap()
}

fn all() -> Vec<Vec<u8>> {
    let file = exchanges();
    let mut out = vec![unhex(&file["parameters_I"]), unhex(&file["parameters_R"])];
    out.push(with_uri().to_der());
    out.extend(world().parameters.iter().map(PublicParameters::to_der));
    out
}

pub fn parameters_seeds() -> Vec<Vec<u8>> {
    let mut out: Vec<_> = all().iter().map(|der| [&[0][..], der].concat()).collect();
    let uri = b"https://kgs.example.org/keys";
    let pkg_uri = ibake::ibe::oid::PKG_URI.content();
    out.push([&[1, 3, 0x60, 0x86, 0x48][..], b"anything"].concat());
    out.push([&[2, pkg_uri.len() as u8], pkg_uri, &tlv(0x16, uri)].concat());
    out
}

/// The text form; what is read is what is written but for the ends of lines.
pub fn armour(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(read) = PublicParameters::from_armour(text) {
        let mut unix = text.replace("\r\n", "\n");
        if !unix.ends_with('\n') {
            unix.push('\n');
        }
        assert_eq!(read.to_armour(), unix);
        check(&read, &read.to_der());
    }
}

pub fn armour_seeds() -> Vec<Vec<u8>> {
    let texts: Vec<_> = all().iter().map(|d| PublicParameters::from_der(d).unwrap().to_armour()).collect();
    let crlf = texts[0].replace('\n', "\r\n");
    let bare = texts[1].trim_end().to_owned();
    texts.into_iter().chain([crlf, bare]).map(String::into_bytes).collect()
}

/// First byte 0: the rest is a whole introduction. Otherwise the rest is a rule that is read alone.
pub fn introduction(data: &[u8]) {
    let [mode, rest @ ..] = data else { return };
    if *mode != 0 {
        if let Ok(rule) = core::str::from_utf8(rest).map_err(|_| ()).and_then(|t| Whose::parse(t).map_err(|_| ())) {
            assert_eq!(rule.as_str().as_bytes(), rest);
        }
        return;
    }
    let signer = &world().a.parameters;
    let read = Introduction::from_bytes(rest, signer);
    match inspect(rest) {
        Err(_) => assert!(read.is_err()),
        Ok(said) => {
            if let Ok(read) = read {
                assert_eq!((read.to_bytes(), read.statement()), (rest, &said));
            }
        }
    }
}

pub fn introduction_seeds() -> Vec<Vec<u8>> {
    let w = world();
    let rules: Vec<_> = ["b.example", "+1555", "[2001:db8::1]", "*"].map(|r| Whose::parse(r).unwrap()).into();
    let say = |rules: &[Whose]| w.a.issuer.introduce(&w.b.parameters, rules, NOW, NOW + 1).unwrap().to_bytes().to_vec();
    let mut out = vec![[&[0][..], &say(&rules)].concat(), [&[0][..], &say(&rules[..1])].concat()];
    out.extend(rules.iter().map(|r| [&[1][..], r.as_str().as_bytes()].concat()));
    out
}
