//! The text form of public parameters.

use super::params::{forged, ours, params, with_pkg};
use crate::error::{DecodeError, DecodeReason, Error, ParametersError};
use crate::ibe::PublicParameters;
use crate::ibe::armour::ARMOUR_MAX;
use crate::ibe::params::PARAMETERS_MAX;
use alloc::{format, string::String, vec, vec::Vec};
use proptest::prelude::*;

fn text() -> String {
    params(with_pkg()).to_armour()
}

fn read(text: &str) -> Result<PublicParameters, Error> {
    PublicParameters::from_armour(text)
}

fn bad() -> Error {
    DecodeError::new("armour", DecodeReason::Text).into()
}

#[test]
fn looks_as_documented() {
    let p = params(with_pkg());
    let text = text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..7],
        [
            "-----BEGIN IBAKE PUBLIC PARAMETERS-----",
            "District: https://kgs.example.org",
            "Serial: 3",
            "Valid: 2025-01-01T00:00:00Z to 2025-12-31T23:59:59Z",
            "Period: day",
            format!("Fingerprint: {}", base16ct::lower::encode_string(p.fingerprint())).as_str(),
            "",
        ]
    );
    assert!(lines[7..lines.len() - 2].iter().all(|l| l.len() == 64));
    assert_eq!(lines[lines.len() - 1], "-----END IBAKE PUBLIC PARAMETERS-----");
}

#[test]
fn line_ends_may_be_either() {
    let p = Ok(params(with_pkg()));
    assert_eq!(read(&text().replace('\n', "\r\n")), p);
    assert_eq!(read(text().trim_end()), p);
}

#[test]
fn readable_lines_that_lie_are_refused() {
    for (truth, lie) in [
        ("kgs.example.org\n", "kgs.example.com\n"),
        ("Serial: 3", "Serial: 4"),
        ("Serial: 3", "Serial: 03"),
        ("2025-12-31", "2026-12-31"),
        ("Period: day", "Period: week"),
        ("Fingerprint: ", "Fingerprint: 0"),
        ("Period: day", "Period: day "),
    ] {
        assert_eq!(read(&text().replacen(truth, lie, 1)), Err(ParametersError::Armour.into()), "{lie}");
    }
}

#[test]
fn other_forms_are_refused() {
    let good = text();
    let swapped = good.replacen("Serial: 3\n", "", 1).replacen("Period: day\n", "Period: day\nSerial: 3\n", 1);
    let body = good.find("\n\n").unwrap() + 2;
    let joined = format!("{}{}", &good[..body], good[body..].replacen('\n', "", 1));
    let mut blanks = good.clone();
    blanks.insert(body, ' ');
    for other in [
        swapped,
        joined,
        blanks,
        good.replacen("PUBLIC", "PRIVATE", 1),
        good.replacen("Period: day\n", "", 1),
        good.replacen("Period: day\n", "Period: day\nComment: trust me\n", 1),
        good.replacen("\n\n", "\n", 1),
        good.replacen("\n\n", "\n\n\n", 1),
        format!("trust me\n{good}"),
        format!("\n{good}"),
        format!("{good}\n"),
        format!("{good}trust me"),
        good.replace('\n', "\r"),
        good.replace("=\n", "\n"),
        String::new(),
    ] {
        assert_eq!(read(&other), Err(bad()), "{other}");
    }
    let reason = DecodeReason::TooLong { limit: ARMOUR_MAX, got: ARMOUR_MAX + 1 };
    assert_eq!(read(&"a".repeat(ARMOUR_MAX + 1)), Err(DecodeError::new("armour", reason).into()));
}

#[test]
fn the_largest_parameters_have_a_text_that_is_read() {
    let filler = (vec![0x2a, 1], vec![0; 7_800]);
    let p = PublicParameters::from_der(&forged(&[ours(), filler], None)).unwrap();
    assert!(p.to_der().len() > PARAMETERS_MAX - 150);
    assert_eq!(read(&p.to_armour()), Ok(p));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_character_goes_unnoticed(at in any::<prop::sample::Index>(), c in "[ -~\r\n]") {
        let good = text();
        let i = at.index(good.len());
        let changed = format!("{}{c}{}", &good[..i], &good[i + 1..]);
        if let Ok(p) = read(&changed) {
            let same = p.to_armour();
            // Only the very last line end is free.
            prop_assert!(changed == same || i == good.len() - 1 && changed.trim_end() == same.trim_end());
        }
    }

    #[test]
    fn arbitrary_text_never_panics(s in "\\PC{0,200}") {
        prop_assert!(read(&s).is_err());
    }
}
