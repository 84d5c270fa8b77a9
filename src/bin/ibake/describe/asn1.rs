//! DER: public parameters and identities. The library decides whether they are valid; this only shows where things are.

use ibake::error::{DecodeError, DecodeReason, Error};
use ibake::ibe::{Granularity, Identity, PublicParameters};

use super::{Field, Report, hex};
use crate::error::Failure;

pub(super) fn armour(bytes: &[u8]) -> Result<Report, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
    let parameters = PublicParameters::from_armour(text)?;
    let mut report = of_parameters(&parameters);
    report.what = "public parameters as text (offsets are those of the DER inside)";
    Ok(report)
}

pub(super) fn describe(der: &[u8]) -> Result<Report, Failure> {
    let parameters = match PublicParameters::from_der(der) {
        Ok(parameters) => return Ok(of_parameters(&parameters)),
        Err(e) => e,
    };
    // The length of the period is not in an identity: every one on whose grid the start lies is possible.
    let all = Granularity::ALL.map(|g| Identity::from_der(der, g).ok().map(|_| g.name()));
    let fitting: Vec<&str> = all.into_iter().flatten().collect();
    if !fitting.is_empty() {
        let names =
            ["IBEIdentityInfo", "district", "serial", "identityType", "identityData", "SEQUENCE", "name", "start"];
        let mut fields = walk(der, &names);
        let lengths = fitting.join(" or ");
        fields.push(Field {
            offset: der.len(),
            len: 0,
            name: "(not in it)".into(),
            value: format!("length: {lengths}"),
        });
        return Ok(Report::new("identity (IBEIdentityInfo of RFC 5408)", der.len(), fields));
    }
    // Neither: the more telling of the two reasons.
    match Identity::from_der(der, Granularity::Hour) {
        Err(Error::Identity(e)) => Err(Failure::from(Error::Identity(e)).context("as an identity")),
        _ => Err(Failure::from(parameters).context("as public parameters or an identity")),
    }
}

fn of_parameters(p: &PublicParameters) -> Report {
    const HEAD: [&str; 8] = [
        "IBESysParams",
        "version",
        "districtName",
        "districtSerial",
        "validity",
        "notBefore",
        "notAfter",
        "ibePublicParameters",
    ];
    const OURS: [&str; 8] = [
        "algorithm entry",
        "ibeAlgorithm",
        "publicParameterData",
        "SEQUENCE",
        "ibeSuite",
        "pPub",
        "granularity",
        "proof of possession",
    ];
    const TAIL: [&str; 5] = ["ibeIdentityType", "ibeParamExtensions", "extension", "type", "value"];
    let der = p.to_der();
    let names: Vec<&str> = HEAD.into_iter().chain(OURS).chain(TAIL).collect();
    let mut fields = walk(&der, &names);
    // Beside entries of other algorithms, which may have any elements, the plain ASN.1 names have to do.
    let child_of_the_first = |n: &str| n.starts_with("  ") && !n.starts_with("   ");
    if !fields.get(HEAD.len() + OURS.len()).is_some_and(|f| child_of_the_first(&f.name)) {
        fields = walk(&der, &HEAD);
    }
    fields.push(Field {
        offset: der.len(),
        len: 0,
        name: "(computed)".into(),
        value: format!("fingerprint {}", hex(p.fingerprint())),
    });
    Report::new("public parameters (IBESysParams of RFC 5408)", der.len(), fields)
}

fn bad() -> Failure {
    Failure::from(Error::from(DecodeError::new("text", DecodeReason::Text)))
}

/// All elements in the order of their beginnings, named in that order; octet strings that hold a sequence are entered.
fn walk(der: &[u8], names: &[&str]) -> Vec<Field> {
    let mut fields = Vec::new();
    enter(der, 0, 0, names, &mut fields);
    fields
}

fn enter(mut der: &[u8], mut at: usize, depth: usize, names: &[&str], out: &mut Vec<Field>) {
    while let Some((tag, head, content, rest)) = element(der) {
        let named = names.get(out.len()).copied().unwrap_or(tag_name(tag));
        let nested = match tag {
            0x30 => true,
            0x04 => content.first() == Some(&0x30) && element(content).is_some_and(|e| e.3.is_empty()),
            _ => false,
        };
        let value = if nested { format!("{} bytes", content.len()) } else { show(tag, content) };
        let (name, len) = (format!("{}{named}", "  ".repeat(depth)), head + content.len());
        out.push(Field { offset: at, len, name, value });
        if nested && depth < 8 {
            enter(content, at + head, depth + 1, names, out);
        }
        at += len;
        der = rest;
    }
}

/// Tag, length of tag and length, content, and what follows.
fn element(der: &[u8]) -> Option<(u8, usize, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (size, length) = match first {
        0..=0x7f => (0, usize::from(*first)),
        0x81..=0x83 => {
            let size = usize::from(first & 0x7f);
            (size, rest.get(..size)?.iter().fold(0, |n, b| n << 8 | usize::from(*b)))
        }
        _ => return None,
    };
    let (content, rest) = rest.get(size..)?.split_at_checked(length)?;
    Some((*tag, 2 + size, content, rest))
}

const fn tag_name(tag: u8) -> &'static str {
    match tag {
        0x02 => "INTEGER",
        0x04 => "OCTET STRING",
        0x06 => "OBJECT IDENTIFIER",
        0x16 => "IA5String",
        0x18 => "GeneralizedTime",
        0x30 => "SEQUENCE",
        _ => "element",
    }
}

fn show(tag: u8, content: &[u8]) -> String {
    match tag {
        0x02 if content.len() <= 9 => content.iter().fold(0u128, |n, b| n << 8 | u128::from(*b)).to_string(),
        0x06 => oid(content),
        0x16 | 0x18 => String::from_utf8_lossy(content).into_owned(),
        _ => hex(content),
    }
}

/// Dotted form; arcs of up to 128 bits, as UUIDs under 2.25 have them.
fn oid(content: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc = 0u128;
    for b in content {
        arc = arc << 7 | u128::from(b & 0x7f);
        if b & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.push(first);
                arc -= 40 * first;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    arcs.iter().map(u128::to_string).collect::<Vec<_>>().join(".")
}
