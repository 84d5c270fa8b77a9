//! Introductions: what is signed, what is refused, which names a rule fits.

use crate::error::{DecodeError, DecodeReason, Error, IdentityError, ParametersError};
use crate::ibe::extract::{Issuer, MasterKey};
use crate::ibe::introduction::{Introduction, RULES_MAX, Whose, inspect};
use crate::ibe::{Description, District, Name};
use alloc::{format, string::String, vec, vec::Vec};

use super::params::description;

const FROM: u64 = 1_735_689_600;
const UNTIL: u64 = FROM + 86_400;

fn kgs(district: &str, secret: u8) -> Issuer {
    let mut bytes = [0; 32];
    bytes[31] = secret;
    let master = MasterKey::from_bytes(&bytes).unwrap();
    let parameters = master
        .public_parameters(Description { district: District::parse(district).unwrap(), ..description() })
        .unwrap();
    master.issuer(parameters).unwrap()
}

fn world() -> (Issuer, Issuer, Vec<Whose>) {
    let whose = ["b.example", "+1555"].map(|w| Whose::parse(w).unwrap());
    (kgs("https://kgs-a.example", 7), kgs("https://kgs-b.example", 9), whose.to_vec())
}

#[test]
fn what_was_said_is_read_and_only_under_the_signers_parameters() {
    let (a, b, whose) = world();
    let made = a.introduce(b.parameters(), &whose, FROM, UNTIL).unwrap();
    let read = Introduction::from_bytes(made.to_bytes(), a.parameters()).unwrap();
    assert_eq!(read, made);
    let said = read.statement();
    assert_eq!((&said.parameters, &said.whose), (b.parameters(), &whose));
    assert_eq!((said.from, said.until, said.signer), (FROM, UNTIL, *a.parameters().fingerprint()));
    assert_eq!(inspect(made.to_bytes()).as_ref(), Ok(said));
    for (now, good) in [(FROM - 1, false), (FROM, true), (UNTIL, true), (UNTIL + 1, false)] {
        assert_eq!(read.check_time(now).is_ok(), good, "{now}");
    }
    let other = Introduction::from_bytes(made.to_bytes(), b.parameters());
    assert_eq!(other, Err(ParametersError::Mismatch.into()));
    // The same district and serial under another master key.
    let impostor = kgs("https://kgs-a.example", 8);
    assert_eq!(Introduction::from_bytes(made.to_bytes(), impostor.parameters()), Err(ParametersError::Mismatch.into()));
    // Which claims to be the signer.
    let mut forged = impostor.introduce(b.parameters(), &whose, FROM, UNTIL).unwrap().to_bytes().to_vec();
    forged[11..43].copy_from_slice(a.parameters().fingerprint());
    assert_eq!(Introduction::from_bytes(&forged, a.parameters()), Err(ParametersError::Introduction.into()));
}

#[test]
fn every_altered_byte_and_every_length_is_refused() {
    let (a, b, whose) = world();
    let made = a.introduce(b.parameters(), &whose, FROM, UNTIL).unwrap();
    let bytes = made.to_bytes();
    // Each check costs pairings: every byte in front and behind, and of the DER in the middle every seventh.
    let places = (0..80).chain((80..bytes.len() - 60).step_by(7)).chain(bytes.len() - 60..bytes.len());
    for at in places {
        let mut bad = bytes.to_vec();
        bad[at] ^= 1;
        assert!(Introduction::from_bytes(&bad, a.parameters()).is_err(), "byte {at}");
    }
    for length in (0..bytes.len()).step_by(5) {
        assert!(Introduction::from_bytes(&bytes[..length], a.parameters()).is_err(), "length {length}");
    }
    let longer = [bytes, &[0]].concat();
    assert_eq!(
        Introduction::from_bytes(&longer, a.parameters()),
        Err(DecodeError::new("introduction", DecodeReason::Trailing { extra: 1 }).into())
    );
}

#[test]
fn a_signature_of_another_kind_is_none() {
    // A proof of possession and a private key are [s]H too, under other tags.
    let (a, b, whose) = world();
    let made = a.introduce(b.parameters(), &whose, FROM, UNTIL).unwrap();
    let key = {
        let name = Name::parse("sip:alice@a.example").unwrap();
        let identity = a.parameters().identity(name, crate::ibe::Purpose::Sign, FROM).unwrap();
        a.extract(&identity).unwrap()
    };
    let mut bad = made.to_bytes().to_vec();
    let at = bad.len() - 48;
    bad[at..].copy_from_slice(key.encoded().expose());
    assert_eq!(Introduction::from_bytes(&bad, a.parameters()), Err(ParametersError::Introduction.into()));
}

#[test]
fn what_could_not_be_read_back_is_not_said() {
    let (a, b, whose) = world();
    let say = |whose: &[Whose], from, until| a.introduce(b.parameters(), whose, from, until).map(|_| ());
    let inconsistent = |what| Err(Error::from(DecodeError::new(what, DecodeReason::Inconsistent)));
    assert_eq!(say(&whose, UNTIL, FROM), inconsistent("validity"));
    assert_eq!(say(&[Whose::All, Whose::All], FROM, UNTIL), inconsistent("rule"));
    assert_eq!(say(&[Whose::Domain("*".into())], FROM, UNTIL), inconsistent("rule"));
    let wrong = |got| Err(Error::from(DecodeError::new("rules", DecodeReason::TooLong { limit: RULES_MAX, got })));
    assert_eq!(say(&[], FROM, UNTIL), wrong(0));
    let many: Vec<Whose> = (0..=RULES_MAX).map(|i| Whose::Domain(format!("d{i}.example"))).collect();
    assert_eq!(say(&many, FROM, UNTIL), wrong(RULES_MAX + 1));
    assert_eq!(say(&many[..RULES_MAX], FROM, UNTIL), Ok(()));
    assert_eq!(
        say(&[Whose::Domain("B.example".into())], FROM, UNTIL),
        Err(IdentityError::NotNormal("host in lower case").into())
    );
    let own = a.introduce(a.parameters(), &whose, FROM, UNTIL);
    assert_eq!(own, Err(ParametersError::Mismatch.into()));
}

#[test]
fn rules_fit_the_names_that_they_say() {
    let name = |n: &str| Name::parse(n).unwrap();
    let (alice, bob) = (name("sip:alice@a.example"), name("tel:+15551234567"));
    let rule = |whose: &str| Whose::parse(whose).unwrap();
    assert!(rule("a.example").fits(&alice) && rule("a.example").fits(&name("carol@a.example")));
    assert!(!rule("example").fits(&alice) && !rule("b.a.example").fits(&alice) && !rule("a.example").fits(&bob));
    assert!(rule("+1555").fits(&bob) && !rule("+1556").fits(&bob) && !rule("+1555").fits(&alice));
    assert!(rule("*").fits(&alice) && rule("*").fits(&bob));
    assert!(rule("[2001:db8::1]").fits(&name("sip:alice@[2001:db8::1]")));
    let long: String = vec!["a"; 256].concat();
    for bad in ["", "+", "+1x", "a b", "A.example", "a.example.", "a.example:5060", "**", &long] {
        assert!(Whose::parse(bad).is_err(), "{bad}");
    }
}
