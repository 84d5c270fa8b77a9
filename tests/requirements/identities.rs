//! Sections 2 to 4 and 11: names and districts as the tables have them, labels, points, keys, issuing.

use super::{reason, section};
use crate::common::{ALICE, BOB, DAY, Kgs, NOW, Seeded, World, hex};
use ibake::error::{DecodeReason, Error, IdentityError, KeyError, ParametersError};
use ibake::ibe::extract::{MasterKey, PrivateKey};
use ibake::ibe::kem::Encapsulation;
use ibake::ibe::{District, Granularity, Identity, Name, Period, Purpose};
use ibake::suite;
use sha2::{Digest, Sha256};

/// What stands in backticks; a doubled one encloses text with a single one.
fn quoted(cell: &str) -> Vec<String> {
    if let Some(rest) = cell.split("``").nth(1) {
        let mut out = quoted(&cell.replace(&format!("``{rest}``"), ""));
        out.push(rest.replace("\\|", "|"));
        return out;
    }
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_name_of_the_table_is_accepted() {
    let rows = section("| accepted", "| rejected");
    let names: Vec<String> = rows.skip(1).flat_map(quoted).collect();
    assert!(names.len() >= 23, "{names:?}");
    for name in names.iter().filter(|n| *n != "SELF") {
        assert!(Name::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn every_name_of_the_table_is_refused_for_its_reason() {
    let mut seen = 0;
    for row in section("| rejected", "### 3.3").skip(2).filter(|r| r.starts_with('|')) {
        let (names, rule) = row.trim_matches('|').rsplit_once('|').unwrap();
        let rule = rule.trim().trim_end_matches('|').trim();
        for name in quoted(names) {
            seen += 1;
            let why = match Name::parse(&name) {
                Err(IdentityError::BadByte { .. }) => "BadByte".into(),
                Err(IdentityError::UnknownForm) => "UnknownForm".into(),
                Err(IdentityError::Syntax(what)) => format!("Syntax: {what}"),
                Err(IdentityError::NotNormal(what)) => format!("NotNormal: {what}"),
                other => panic!("{name}: {other:?}"),
            };
            assert_eq!(why, rule, "{name}");
        }
    }
    assert!(seen > 50, "{seen}");
    assert_eq!(Name::parse(""), Err(IdentityError::Empty));
    for byte in ['\0', '\n', '\u{7f}', '\u{e9}'] {
        assert!(matches!(Name::parse(&format!("sip:a{byte}@b")), Err(IdentityError::BadByte { .. })));
    }
}

#[test]
fn every_district_of_the_text_is_judged_as_it_says() {
    let text: String = section("  Accepted: `https", "- **3.9**").collect();
    let (accepted, refused) = text.split_once("Refused as District:").unwrap();
    let (foreign, not_normal) = refused.split_once("as not normal:").unwrap();
    assert_eq!((quoted(accepted).len(), quoted(foreign).len(), quoted(not_normal).len()), (5, 2, 5));
    assert!(quoted(accepted).iter().all(|d| District::parse(d).is_ok()));
    assert!(quoted(foreign).iter().all(|d| District::parse(d) == Err(IdentityError::District)));
    for d in quoted(not_normal) {
        assert!(matches!(District::parse(&d), Err(IdentityError::NotNormal(_))), "{d}");
    }
}

#[test]
fn the_example_of_an_identity_has_its_bytes_and_hash() {
    let lines: Vec<&str> = section("30 51", "```").collect();
    // Columns of hexadecimal digits end where the comment begins, two blanks or more after them.
    let der: String = lines[..lines.len() - 1].iter().map(|l| l.trim().split("  ").next().unwrap()).collect();
    let der = der.replace(' ', "");
    let district = District::parse("https://kgs.example.org").unwrap();
    let period = Period::containing(Granularity::Week, 1_735_516_800).unwrap();
    let id = Identity::new(&district, 7, Purpose::Decrypt, Name::parse("alice@example.org").unwrap(), period).unwrap();
    assert_eq!(hex(id.der()), der);
    assert_eq!(lines.last().unwrap().strip_prefix("H(ID) = ").unwrap(), hex(&Sha256::digest(id.der())));
}

#[test]
fn every_label_is_in_the_table_and_nowhere_twice() {
    let table: Vec<String> = section("| label | use", "- **11.6**")
        .skip(2)
        .flat_map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            [1, 3].into_iter().filter_map(|i| cells.get(i).copied()).flat_map(quoted).collect::<Vec<_>>()
        })
        .collect();
    let source = include_str!("../../src/suite.rs");
    let module = source.split("pub mod labels {").nth(1).unwrap().split("\n}").next().unwrap();
    let mut code: Vec<&str> =
        module.lines().filter(|l| l.contains("&str")).map(|l| l.split('"').nth(1).unwrap()).collect();
    let mut table: Vec<&str> = table.iter().map(String::as_str).collect();
    code.sort_unstable();
    table.sort_unstable();
    assert_eq!(code, table);
    table.dedup();
    assert_eq!(code, table, "a label is used twice");
    assert_eq!(
        (suite::LABEL_PREFIX, hex(ibake::kdf::label("id").as_ref())),
        ("IBAKE-V01 ", "0000000c4942414b452d563031206964".into())
    );
    for tag in [suite::DST_H1, suite::DST_POP] {
        let tag = core::str::from_utf8(tag).unwrap();
        assert_eq!(super::SPEC.matches(&format!("`{tag}`")).count(), 1);
    }
}

#[test]
fn checks_of_a_point_come_in_their_order() {
    // Each encoding has every fault from one on; the first is the one that is named.
    let mut u = [0xff; 96];
    u[0] = 0x1f;
    assert_eq!(
        reason(Encapsulation::decode(&all(u)).map_err(Error::from)),
        DecodeReason::NotCanonical,
        "not compressed"
    );
    u[0] = 0x9f;
    assert_eq!(reason(Encapsulation::decode(&all(u)).map_err(Error::from)), DecodeReason::NotCanonical, "above p");
    let mut kinds = (0, 0);
    for x in 1..20 {
        let mut u = [0; 96];
        (u[0], u[95]) = (0x80, x);
        match reason(Encapsulation::decode(&all(u)).map_err(Error::from)) {
            DecodeReason::NotOnCurve => kinds.0 += 1,
            DecodeReason::NotInSubgroup => kinds.1 += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(kinds.0 > 0 && kinds.1 > 0);
    let mut u = [0; 96];
    u[0] = 0xc0;
    assert_eq!(reason(Encapsulation::decode(&all(u)).map_err(Error::from)), DecodeReason::Infinity);
    for (at, bits) in [(0, 0x20), (95, 1), (40, 0x80)] {
        let mut u = u;
        u[at] |= bits;
        assert_eq!(
            reason(Encapsulation::decode(&all(u)).map_err(Error::from)),
            DecodeReason::NotCanonical,
            "no encoding at all"
        );
    }
}

/// An encapsulation with this `U`.
fn all(u: [u8; 96]) -> [u8; 128] {
    let mut out = [0; 128];
    out[..96].copy_from_slice(&u);
    out
}

#[test]
fn a_master_secret_is_a_nonzero_number_below_the_order() {
    let mut r = [0; 32];
    let text = section("r  = 73eda7", "p  = ").next().unwrap().split(' ').next_back().unwrap();
    for (i, byte) in r.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
    }
    for bad in [[0; 32], r, [0xff; 32]] {
        assert_eq!(reason(MasterKey::from_bytes(&bad)), DecodeReason::NotCanonical);
    }
    r[31] -= 1;
    assert_eq!(MasterKey::from_bytes(&r).unwrap().to_bytes().expose(), &r);
}

#[test]
fn keys_are_issued_under_the_own_parameters_only() {
    let w = World::new("issuing");
    let refused = |id: &Identity| w.a.issuer.extract(id).unwrap_err();
    assert_eq!(refused(w.bob.identity()), ParametersError::Mismatch.into());
    let (district, name) = (w.a.parameters.district(), || Name::parse(ALICE).unwrap());
    let day = Period::containing(Granularity::Day, NOW).unwrap();
    let other_serial = Identity::new(district, 8, Purpose::Decrypt, name(), day).unwrap();
    assert_eq!(refused(&other_serial), ParametersError::Mismatch.into());
    let week = Period::containing(Granularity::Week, NOW).unwrap();
    let longer = Identity::new(district, 7, Purpose::Decrypt, name(), week).unwrap();
    assert_eq!(refused(&longer), IdentityError::OffGrid.into());
    for at in [NOW - 400 * DAY, NOW + 400 * DAY] {
        // The day holds the bound itself, so it is outside with some of its seconds.
        let late =
            Identity::new(district, 7, Purpose::Decrypt, name(), Period::containing(Granularity::Day, at).unwrap());
        assert_eq!(refused(&late.unwrap()), ParametersError::PeriodOutside.into());
    }
    assert!(w.a.issuer.extract(w.alice.identity()).is_ok());
    // A master key serves its own parameters only.
    let master = MasterKey::generate(&mut Seeded::new("another")).unwrap();
    assert_eq!(master.issuer(w.a.parameters.clone()).unwrap_err(), ParametersError::Mismatch.into());
}

#[test]
fn a_stored_private_key_is_laid_out_and_checked_as_written() {
    let w = World::new("stored");
    let (key, der) = (w.alice.to_bytes(), w.alice.identity().der());
    let bytes = key.expose();
    let head = [&[1, 0, 1, 2][..], w.a.parameters.fingerprint(), &(der.len() as u16).to_be_bytes(), der].concat();
    assert_eq!((&bytes[..head.len()], bytes.len()), (&head[..], head.len() + 48));
    let load = |bytes: &[u8]| PrivateKey::from_bytes(bytes, &w.a.parameters);
    // Faults from the last check to the first; each is named although the later ones are there too.
    let mut bad = bytes.to_vec();
    bad[head.len()..].copy_from_slice(
        &w.a.issue(BOB, NOW).to_bytes().expose()[w.a.issue(BOB, NOW).to_bytes().expose().len() - 48..],
    );
    assert_eq!(load(&bad).unwrap_err(), KeyError::NotGenuine.into());
    bad[head.len()] &= 0x7f;
    assert_eq!(reason(load(&bad)), DecodeReason::NotCanonical);
    let elsewhere = Kgs::new("https://kgs.c.example", 7, Granularity::Day, &mut Seeded::new("c"));
    let mut foreign = elsewhere.issue(ALICE, NOW).to_bytes().expose().to_vec();
    foreign[4..36].copy_from_slice(w.a.parameters.fingerprint());
    assert_eq!(load(&foreign).unwrap_err(), ParametersError::Mismatch.into());
    bad[4] ^= 1;
    assert_eq!(load(&bad).unwrap_err(), KeyError::OtherParameters.into());
    bad.push(0);
    assert_eq!(reason(load(&bad)), DecodeReason::Trailing { extra: 1 });
    bad[38] = 0x31;
    assert_eq!(reason(load(&bad)), DecodeReason::Der);
    bad[3] = 5;
    assert_eq!(reason(load(&bad)), DecodeReason::Unknown { got: 5 });
    bad[2] = 2;
    assert_eq!(reason(load(&bad)), DecodeReason::Unknown { got: 2 });
    bad[0] = 2;
    assert_eq!(reason(load(&bad)), DecodeReason::Version { got: 2 });
}
