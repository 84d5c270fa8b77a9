//! Identities: one DER each, and everything that is not it.

use crate::error::{DecodeError, DecodeReason, Error, IdentityError};
use crate::ibe::asn1::{put, tag};
use crate::ibe::identity::IDENTITY_MAX;
use crate::ibe::{District, Granularity, Identity, Name, Period, Purpose, oid};
use alloc::collections::BTreeSet;
use alloc::{format, vec, vec::Vec};
use proptest::prelude::*;

const DAY: u64 = 86_400;
const MONDAY: u64 = 1_735_516_800; // 2024-12-30T00:00:00Z

fn district() -> District {
    District::parse("https://kgs.example.org").unwrap()
}

fn identity(name: &str, purpose: Purpose, granularity: Granularity, t: u64) -> Identity {
    let period = Period::containing(granularity, t).unwrap();
    Identity::new(&district(), 7, purpose, Name::parse(name).unwrap(), period).unwrap()
}

/// The DER with any part replaced, well-formed as DER.
struct Forged<'a> {
    district: (u8, &'a [u8]),
    serial: &'a [u8],
    kind: &'a [u8],
    name: (u8, &'a [u8]),
    time: (u8, &'a [u8]),
}

impl Default for Forged<'_> {
    fn default() -> Self {
        Self {
            district: (tag::IA5, b"https://kgs.example.org"),
            serial: &[7],
            kind: oid::DECRYPT_URI.content(),
            name: (tag::IA5, b"sip:alice@example.org"),
            time: (tag::TIME, b"20241230000000Z"),
        }
    }
}

impl Forged<'_> {
    fn der(&self) -> Vec<u8> {
        let (mut data, mut sequence, mut info, mut der) = (vec![], vec![], vec![], vec![]);
        put(&mut data, self.name.0, self.name.1);
        put(&mut data, self.time.0, self.time.1);
        put(&mut sequence, tag::SEQUENCE, &data);
        put(&mut info, self.district.0, self.district.1);
        put(&mut info, tag::INTEGER, self.serial);
        put(&mut info, tag::OID, self.kind);
        put(&mut info, tag::OCTETS, &sequence);
        put(&mut der, tag::SEQUENCE, &info);
        der
    }

    fn read(&self) -> Result<Identity, Error> {
        Identity::from_der(&self.der(), Granularity::Week)
    }
}

fn der_error(what: &'static str) -> Error {
    DecodeError::new(what, DecodeReason::Der).into()
}

#[test]
fn bytes_are_those_of_the_rfc() {
    let id = identity("alice@example.org", Purpose::Decrypt, Granularity::Week, MONDAY);
    let mut expected = vec![0x30, 0, 0x16, 23];
    expected.extend(b"https://kgs.example.org");
    expected.extend([2, 1, 7, 6, 11, 0x60, 0x86, 0x48, 0x01, 0x86, 0xfd, 0x1e, 2, 1, 1, 1, 4, 38, 0x30, 36, 0x16, 17]);
    expected.extend(b"alice@example.org");
    expected.extend([0x18, 15]);
    expected.extend(b"20241230000000Z");
    expected[1] = (expected.len() - 2) as u8;
    assert_eq!(id.der(), expected);
}

#[test]
fn parts_come_back() {
    for purpose in [Purpose::Decrypt, Purpose::Sign] {
        for name in ["sip:alice@example.org", "sips:alice@example.org", "tel:+15551234", "alice@example.org"] {
            let id = identity(name, purpose, Granularity::Week, MONDAY + DAY);
            let back = Identity::from_der(id.der(), Granularity::Week).unwrap();
            assert_eq!(back, id);
            assert_eq!((back.district(), back.serial(), back.purpose()), (&district(), 7, purpose));
            assert_eq!((back.name().as_str(), back.period()), (name, id.period()));
        }
    }
    assert_eq!(
        Forged::default().read().unwrap(),
        identity("sip:alice@example.org", Purpose::Decrypt, Granularity::Week, MONDAY)
    );
}

#[test]
fn the_longest_identity_fits() {
    let district = District::parse(&format!("https://a/{}", "p".repeat(245))).unwrap();
    let name = Name::parse(&format!("sip:{}@example.org", "a".repeat(1_008))).unwrap();
    let period = Period::new(Granularity::Day, MONDAY).unwrap();
    let id = Identity::new(&district, u64::MAX, Purpose::Sign, name.clone(), period).unwrap();
    assert!(id.der().len() <= 1_400);
    assert_eq!(Identity::from_der(id.der(), Granularity::Day), Ok(id));
    assert_eq!(Identity::new(&district, 0, Purpose::Sign, name, period), Err(IdentityError::Serial));
    let reason = DecodeReason::TooLong { limit: IDENTITY_MAX, got: IDENTITY_MAX + 1 };
    let long = vec![0x30; IDENTITY_MAX + 1];
    assert_eq!(Identity::from_der(&long, Granularity::Day), Err(DecodeError::new("identity", reason).into()));
}

#[test]
fn odd_serials_are_refused() {
    for bad in [&[0][..], &[0xff], &[0x80, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 0], &[0, 0xff, 1, 2, 3, 4, 5, 6, 7, 8]] {
        assert_eq!(Forged { serial: bad, ..Forged::default() }.read(), Err(IdentityError::Serial.into()), "{bad:?}");
    }
    for bad in [&[][..], &[0, 7], &[0xff, 0x80]] {
        assert_eq!(Forged { serial: bad, ..Forged::default() }.read(), Err(der_error("serial")), "{bad:?}");
    }
}

#[test]
fn other_types_are_refused() {
    let unknown = |got| Err(DecodeError::new("identityType", DecodeReason::Unknown { got }).into());
    assert_eq!(Forged { kind: oid::FAMILY.content(), ..Forged::default() }.read(), unknown(5));
    assert_eq!(Forged { kind: oid::ALGORITHM.content(), ..Forged::default() }.read(), unknown(1));
    assert_eq!(Forged { kind: &[0x2a, 0x86, 0x48], ..Forged::default() }.read(), unknown(840));
    assert_eq!(Forged { kind: &[0x2a, 0x80, 1], ..Forged::default() }.read(), Err(der_error("identityType")));
    assert_eq!(Forged { kind: &[], ..Forged::default() }.read(), Err(der_error("identityType")));
    let mixed = Err(DecodeError::new("identityType", DecodeReason::Inconsistent).into());
    assert_eq!(Forged { kind: oid::DECRYPT_EMAIL.content(), ..Forged::default() }.read(), mixed);
    assert_eq!(Forged { name: (tag::IA5, b"alice@example.org"), ..Forged::default() }.read(), mixed);
}

#[test]
fn other_string_types_are_refused() {
    for other in [0x13, 0x0c, 0x14] {
        // PrintableString, UTF8String, TeletexString
        let district = (other, &b"https://kgs.example.org"[..]);
        assert_eq!(Forged { district, ..Forged::default() }.read(), Err(der_error("district")));
        let name = (other, &b"sip:alice@example.org"[..]);
        assert_eq!(Forged { name, ..Forged::default() }.read(), Err(der_error("name")));
    }
    let name = (tag::IA5, &b"sip:\xc3\xa9ric@example.org"[..]);
    assert_eq!(Forged { name, ..Forged::default() }.read(), Err(der_error("name")));
}

#[test]
fn other_times_are_refused() {
    for bad in [
        &b"20241230000000.0Z"[..],
        b"202412300000Z",
        b"20241230000000",
        b"20241230000000+0000",
        b"20241330000000Z",
        b"20250229000000Z",
        b"20241230240000Z",
        b"2024123000000aZ",
        b"19691229000000Z",
        b"",
    ] {
        assert_eq!(Forged { time: (tag::TIME, bad), ..Forged::default() }.read(), Err(der_error("start")), "{bad:?}");
    }
    assert_eq!(Forged { time: (0x17, b"241230000000Z"), ..Forged::default() }.read(), Err(der_error("start"))); // UTCTime
    for bad in [&b"20241231000000Z"[..], b"20241230000001Z", b"20241230010000Z"] {
        assert_eq!(Forged { time: (tag::TIME, bad), ..Forged::default() }.read(), Err(IdentityError::OffGrid.into()));
    }
    let month = identity("tel:+1", Purpose::Decrypt, Granularity::Month, MONDAY);
    assert_eq!(Identity::from_der(month.der(), Granularity::Week), Err(IdentityError::OffGrid.into()));
}

#[test]
fn parts_that_are_not_normal_are_refused() {
    for (name, why) in [
        (&b"sip:Alice@Example.org"[..], IdentityError::NotNormal("host in lower case")),
        (b"", IdentityError::Empty),
        (b"sip:al\0ice@example.org", IdentityError::BadByte { at: 6 }),
    ] {
        assert_eq!(Forged { name: (tag::IA5, name), ..Forged::default() }.read(), Err(why.into()));
    }
    let district = (tag::IA5, &b"http://kgs.example.org"[..]);
    assert_eq!(Forged { district, ..Forged::default() }.read(), Err(IdentityError::District.into()));
}

#[test]
fn lengths_that_are_not_minimal_and_trailing_bytes_are_refused() {
    let der = Forged::default().der();
    let read = |bytes: &[u8]| Identity::from_der(bytes, Granularity::Week);
    assert!(read(&der).is_ok());
    let mut long = vec![0x30, 0x81];
    long.extend(&der[1..]);
    assert_eq!(read(&long), Err(der_error("identity")));
    let mut indefinite = vec![0x30, 0x80];
    indefinite.extend(&der[2..]);
    indefinite.extend([0, 0]);
    assert_eq!(read(&indefinite), Err(der_error("identity")));
    // A long-form length inside, with the outer length corrected.
    let mut inner = vec![der[0], der[1] + 1, der[2], 0x81];
    inner.extend(&der[3..]);
    assert_eq!(read(&inner), Err(der_error("district")));
    let mut trailing = der.clone();
    trailing.push(0);
    assert_eq!(read(&trailing), Err(DecodeError::new("identity", DecodeReason::Trailing { extra: 1 }).into()));
    // A fifth field.
    let mut fifth = der.clone();
    fifth.extend([5, 0]);
    fifth[1] += 2;
    assert_eq!(read(&fifth), Err(DecodeError::new("identity", DecodeReason::Trailing { extra: 2 }).into()));
    for n in 0..der.len() {
        assert!(matches!(read(&der[..n]), Err(Error::Decode(_))), "{n}");
    }
}

#[test]
fn ten_thousand_identities_are_ten_thousand_byte_strings() {
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for user in 0..250u64 {
        let names = [
            format!("sip:user{user}@example.org"),
            format!("sips:user{user}@example.org"),
            format!("tel:+1555{user:04}"),
            format!("user{user}@example.org"),
            format!("sip:user{user}@example.org.example"),
        ];
        for name in &names {
            for (purpose, weeks) in
                [(Purpose::Decrypt, 0), (Purpose::Decrypt, 1), (Purpose::Sign, 0), (Purpose::Sign, 1)]
            {
                for serial in [1, 256] {
                    let period = Period::new(Granularity::Week, MONDAY + weeks * 7 * DAY).unwrap();
                    let name = Name::parse(name).unwrap();
                    let id = Identity::new(&district(), serial, purpose, name, period).unwrap();
                    assert!(seen.insert(id.der().to_vec()));
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 10_000);
}

fn any_identity() -> impl Strategy<Value = Identity> {
    let name =
        "(sip|sips):[a-z][a-zA-Z0-9+;]{0,12}@[a-z]{1,8}\\.org|tel:\\+[0-9]{1,15}|[a-z.]{0,3}[a-z]@[a-z]{1,6}\\.org";
    let names = name.prop_filter_map("a name", |s| Name::parse(&s).ok());
    let path = "(/[a-z]{1,9}){0,3}";
    (names, path, 1..=u64::MAX, any::<bool>(), 0..4usize, 4 * DAY..253_402_300_799).prop_map(
        |(name, path, serial, sign, g, t)| {
            let district = District::parse(&format!("https://kgs.example.org{path}")).unwrap();
            let purpose = if sign { Purpose::Sign } else { Purpose::Decrypt };
            Identity::new(&district, serial, purpose, name, Period::containing(Granularity::ALL[g], t).unwrap())
                .unwrap()
        },
    )
}

proptest! {
    #[test]
    fn encoding_and_decoding_are_inverse(id in any_identity()) {
        let back = Identity::from_der(id.der(), id.period().granularity()).unwrap();
        prop_assert_eq!(back.der(), id.der());
        prop_assert_eq!(back, id);
    }

    #[test]
    fn no_changed_byte_gives_an_equal_identity(id in any_identity(), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let mut der = id.der().to_vec();
        der[at.index(id.der().len())] ^= flip;
        if let Ok(other) = Identity::from_der(&der, id.period().granularity()) {
            prop_assert_ne!(&other, &id);
            prop_assert_eq!(other.der(), &der[..]);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), g in 0..4usize) {
        let _ = Identity::from_der(&bytes, Granularity::ALL[g]);
    }

    #[test]
    fn arbitrary_fields_never_panic(serial in prop::collection::vec(any::<u8>(), 0..12), kind in prop::collection::vec(any::<u8>(), 0..24),
        name in prop::collection::vec(any::<u8>(), 0..24), time in prop::collection::vec(b'-'..=b'9', 13..17)) {
        let forged = Forged { serial: &serial, kind: &kind, name: (tag::IA5, &name), time: (tag::TIME, &time), ..Forged::default() };
        let _ = forged.read();
        let _ = Forged { serial: &serial, ..Forged::default() }.read();
        let _ = Forged { name: (tag::IA5, &name), ..Forged::default() }.read();
        let _ = Forged { time: (tag::TIME, &time), ..Forged::default() }.read();
    }
}
