//! Names, districts, identities and object identifiers.

use super::{exchanges, world};
use ibake::ibe::district::District;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::identity::{Identity, Purpose};
use ibake::ibe::name::{Name, suggest};
use ibake::ibe::oid;
use ibake::ibe::period::{Granularity, Period};

/// A text, as a name and as a district.
pub fn name(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let parsed = Name::parse(text);
    let suggested = suggest(text);
    if let Ok(name) = &parsed {
        assert_eq!(name.as_str(), text);
        assert_eq!(suggested.as_ref(), Some(name), "a normal form is its own suggestion");
        let (district, period) = (world().a.parameters.district(), Period::new(Granularity::Day, 0).unwrap());
        let id = Identity::new(district, 1, Purpose::Sign, name.clone(), period).unwrap();
        assert_eq!(Identity::from_der(id.der(), Granularity::Day), Ok(id));
    }
    if let Some(name) = suggested {
        assert_eq!(Name::parse(name.as_str()), Ok(name));
    }
    if let Ok(district) = District::parse(text) {
        assert_eq!(district.as_str(), text);
        let (name, period) = (Name::parse("tel:+1").unwrap(), Period::new(Granularity::Day, 0).unwrap());
        let id = Identity::new(&district, u64::MAX, Purpose::Decrypt, name, period).unwrap();
        assert_eq!(Identity::from_der(id.der(), Granularity::Day), Ok(id));
    }
}

/// The examples of SPEC.md 3.2.1 and 3.8, accepted and refused: everything in backticks in those lines.
pub fn name_seeds() -> Vec<Vec<u8>> {
    let spec = include_str!("../../SPEC.md");
    let lines = spec.lines().skip_while(|l| !l.starts_with("### 3.2")).take_while(|l| !l.starts_with("### 3.3"));
    let districts = spec.lines().filter(|l| l.contains("https://"));
    let quoted = lines.chain(districts).flat_map(|l| l.split('`').skip(1).step_by(2));
    quoted.filter(|t| t.len() > 3).map(|t| t.as_bytes().to_vec()).collect()
}

/// First byte: granularity, and whether the rest is a whole DER or the content of an object identifier in a good one.
pub fn identity(data: &[u8]) {
    let [mode, rest @ ..] = data else { return };
    let granularity = Granularity::ALL[usize::from(mode & 3)];
    if mode & 4 == 0 {
        if let Ok(id) = Identity::from_der(rest, granularity) {
            assert_eq!(id.der(), rest);
            let again = Identity::new(id.district(), id.serial(), id.purpose(), id.name().clone(), id.period());
            assert_eq!(again, Ok(id.clone()));
            assert_eq!(Name::parse(id.name().as_str()).as_ref(), Ok(id.name()));
            assert_eq!(id.period().granularity(), granularity);
        }
    } else if rest.len() < 100 {
        let own = [0x60, 0x86, 0x48, 0x01, 0x86, 0xfd, 0x1e, 2, 1, 1, 1];
        let email = world().a.parameters.identity(Name::parse("a@b.c").unwrap(), Purpose::Decrypt, crate::common::NOW);
        let email = email.unwrap();
        let at = email.der().windows(own.len()).position(|w| w == own).unwrap();
        let der = [&email.der()[2..at - 1], &[rest.len() as u8], rest, &email.der()[at + own.len()..]].concat();
        let head = if der.len() < 128 { vec![0x30, der.len() as u8] } else { vec![0x30, 0x81, der.len() as u8] };
        let read = Identity::from_der(&[head, der].concat(), Granularity::Day);
        let fits = [oid::DECRYPT_EMAIL, oid::SIGN_EMAIL].iter().any(|o| o.content() == rest);
        assert_eq!(read.is_ok(), fits, "{rest:02x?}");
    }
}

pub fn identity_seeds() -> Vec<Vec<u8>> {
    let w = world();
    let mut out = Vec::new();
    for (granularity, mode) in Granularity::ALL.into_iter().zip(0..) {
        let period = Period::containing(granularity, crate::common::NOW).unwrap();
        for text in ["sip:a%40b@[2001:db8::1]", "sips:c@192.0.2.1", "tel:+15551234567", "a.b@c.d"] {
            for purpose in [Purpose::Decrypt, Purpose::Sign] {
                let id = Identity::new(w.b.parameters.district(), 1 << 63, purpose, Name::parse(text).unwrap(), period);
                out.push([&[mode][..], id.unwrap().der()].concat());
            }
        }
    }
    let file = exchanges();
    for (field, mode) in [("private_key_I", 1), ("private_key_R", 2)] {
        let header = PrivateKey::inspect(&super::unhex(&file[field])).unwrap();
        out.push([&[mode][..], header.identity.der()].concat());
    }
    let oids = [oid::DECRYPT_URI, oid::SIGN_URI, oid::DECRYPT_EMAIL, oid::SIGN_EMAIL, oid::FAMILY, oid::PKG_URI];
    out.extend(oids.iter().map(|o| [&[4][..], o.content()].concat()));
    out
}
