//! Public parameters: fingerprint, proof of possession, DER, times.

use crate::curve::{G1, G2, Scalar};
use crate::error::{DecodeError, DecodeReason, Error, IdentityError, ParametersError};
use crate::ibe::asn1::{put, tag};
use crate::ibe::params::PARAMETERS_MAX;
use crate::ibe::params_der::{Entry, algorithm_data, encode, put_pairs};
use crate::ibe::{Description, District, Granularity, Name, ParameterStore, Period, PublicParameters, Purpose, oid};
use crate::kdf;
use crate::suite::DST_POP;
use alloc::{vec, vec::Vec};
use proptest::prelude::*;

const DAY: u64 = 86_400;
const START: u64 = 1_735_689_600; // 2025-01-01T00:00:00Z

pub(super) fn description() -> Description {
    Description {
        district: District::parse("https://kgs.example.org").unwrap(),
        serial: 3,
        not_before: START,
        not_after: START + 365 * DAY - 1,
        granularity: Granularity::Day,
        pkg_uri: None,
    }
}

pub(super) fn with_pkg() -> Description {
    Description { pkg_uri: Some("https://kgs.example.org/keys".into()), ..description() }
}

fn key() -> (Scalar, G2) {
    let s = Scalar::from_u64(0x1bae_5eed);
    let p_pub = G2::mul_generator(&s);
    (s, p_pub)
}

fn possession(d: &Description, s: &Scalar, p_pub: &G2) -> G1 {
    G1::hash(&PublicParameters::fingerprint_of(d, p_pub), DST_POP).mul(s)
}

pub(super) fn params(d: Description) -> PublicParameters {
    let (s, p_pub) = key();
    let pop = possession(&d, &s, &p_pub);
    PublicParameters::assemble(d, p_pub, pop).unwrap()
}

/// The DER of parameters with these algorithms and extensions, well-formed as DER.
pub(super) fn forged(algorithms: &[Entry], extensions: Option<&[Entry]>) -> Vec<u8> {
    let plain = encode(&description(), algorithms).unwrap();
    let Some(extensions) = extensions else { return plain };
    let content = &plain[if plain[1] == 0x82 { 4 } else { 3 }..];
    let mut content = content.to_vec();
    put_pairs(&mut content, extensions);
    let mut out = vec![];
    put(&mut out, tag::SEQUENCE, &content);
    out
}

pub(super) fn ours() -> Entry {
    let (s, p_pub) = key();
    let pop = possession(&description(), &s, &p_pub);
    (oid::ALGORITHM.content().to_vec(), algorithm_data(&description(), &p_pub, &pop))
}

fn other(last: u8) -> Entry {
    (vec![0x2a, last], vec![1, 2, 3])
}

#[test]
fn what_is_assembled_is_read_back() {
    for d in
        [description(), with_pkg(), Description { serial: u64::MAX, granularity: Granularity::Month, ..with_pkg() }]
    {
        let p = params(d.clone());
        let back = PublicParameters::from_der(&p.to_der()).unwrap();
        assert_eq!((&back, back.description(), back.fingerprint()), (&p, &d, p.fingerprint()));
        assert_eq!(back.p_pub(), &key().1);
        assert_eq!(PublicParameters::from_armour(&p.to_armour()), Ok(p));
    }
}

#[test]
fn the_fingerprint_covers_what_it_should() {
    let (_, p_pub) = key();
    let fp = |d: &Description| PublicParameters::fingerprint_of(d, &p_pub);
    let base = fp(&description());
    let d = description;
    for same in
        [with_pkg(), Description { not_before: START + DAY, ..d() }, Description { not_after: START + 2 * DAY, ..d() }]
    {
        assert_eq!(fp(&same), base);
    }
    for different in [
        Description { serial: 4, ..d() },
        Description { granularity: Granularity::Hour, ..d() },
        Description { district: District::parse("https://kgs.example.com").unwrap(), ..d() },
    ] {
        assert_ne!(fp(&different), base);
    }
    assert_ne!(PublicParameters::fingerprint_of(&d(), &G2::generator()), base);
    // By hand: SPEC.md's formula, written out.
    let mut input = vec![0, 0, 0, 16];
    input.extend(
        b"IBAKE-V01 params\x00\x00\x00\x17https://kgs.example.org\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x15",
    );
    input.extend(oid::ALGORITHM.content());
    input.extend(p_pub.to_compressed());
    input.extend([0, 0, 0, 21]);
    input.extend(oid::FAMILY.content());
    input.push(2);
    assert_eq!(kdf::hash(&[&input]), base);
}

#[test]
fn a_false_proof_is_refused() {
    let (s, p_pub) = key();
    let false_proof = Err(ParametersError::Possession.into());
    let d = description;
    // Of another district, of another key, under the hash of identities, the negative, the generator.
    let elsewhere = Description { district: District::parse("https://kgs.example.com").unwrap(), ..d() };
    let fp = PublicParameters::fingerprint_of(&d(), &p_pub);
    for pop in [
        possession(&elsewhere, &s, &p_pub),
        possession(&d(), &Scalar::from_u64(2), &p_pub),
        G1::hash(&fp, crate::suite::DST_H1).mul(&s),
        possession(&d(), &s, &p_pub).neg(),
        G1::generator(),
        G1::identity(),
    ] {
        assert_eq!(PublicParameters::assemble(d(), p_pub.clone(), pop), false_proof);
    }
    // A rogue key made of somebody else's: P_pub - [x]P2, whose maker cannot prove it.
    let rogue = p_pub.add(&G2::mul_generator(&Scalar::from_u64(5)).neg());
    assert_eq!(PublicParameters::assemble(d(), rogue.clone(), possession(&d(), &s, &rogue)), false_proof);
    let nothing = PublicParameters::assemble(d(), G2::identity(), G1::identity());
    assert_eq!(nothing, Err(DecodeError::new("P_pub", DecodeReason::Infinity).into()));
}

#[test]
fn a_description_that_cannot_be_read_back_is_refused() {
    let (s, p_pub) = key();
    let d = description;
    let uri = |s: &str| Some(s.into());
    for (bad, why) in [
        (Description { serial: 0, ..d() }, IdentityError::Serial.into()),
        (Description { not_after: 253_402_300_800, ..d() }, IdentityError::TimeRange.into()),
        (Description { not_after: START - 1, ..d() }, DecodeError::new("validity", DecodeReason::Inconsistent).into()),
        (Description { pkg_uri: uri("http://a"), ..d() }, Error::from(IdentityError::District)),
        (Description { pkg_uri: uri(""), ..d() }, IdentityError::Empty.into()),
    ] {
        let pop = possession(&bad, &s, &p_pub);
        assert_eq!(PublicParameters::assemble(bad, p_pub.clone(), pop), Err(why));
    }
    // Both ends of the validity belong to it, so one second is the shortest.
    assert!(params(Description { not_after: START, ..d() }).check_time(START).is_ok());
}

#[test]
fn other_algorithms_are_tolerated_and_kept() {
    let plain = PublicParameters::from_der(&forged(&[ours()], None)).unwrap();
    for list in [vec![ours(), other(1)], vec![other(1), ours(), other(2)]] {
        let der = forged(&list, None);
        let read = PublicParameters::from_der(&der).unwrap();
        assert_eq!((read.to_der(), read.fingerprint()), (der, plain.fingerprint()));
    }
    let twice = DecodeError::new("ibePublicParameters", DecodeReason::Inconsistent).into();
    let many = DecodeError::new("ibePublicParameters", DecodeReason::TooLong { limit: 8, got: 9 }).into();
    let mut malformed = other(1);
    malformed.0 = vec![0x2a, 0x80, 1];
    let der = DecodeError::new("ibePublicParameters", DecodeReason::Der).into();
    for (list, why) in [
        (vec![ours(), ours()], twice),
        (vec![ours(), other(1), other(1)], twice),
        (vec![other(1)], ParametersError::Algorithm.into()),
        ((1..9).map(other).chain([ours()]).collect(), many),
        (vec![ours(), malformed], der),
    ] {
        assert_eq!(PublicParameters::from_der(&forged(&list, None)), Err(why));
    }
    assert!(matches!(PublicParameters::from_der(&forged(&[], None)), Err(Error::Decode(_))));
}

#[test]
fn data_of_our_algorithm_is_checked() {
    let good = ours().1;
    let with = |at: usize, bytes: &[u8]| {
        let mut data = good.clone();
        data[at..at + bytes.len()].copy_from_slice(bytes);
        PublicParameters::from_der(&forged(&[(ours().0, data)], None))
    };
    // 30 81 9a | 02 01 01 | 04 60 P_pub | 02 01 02 | 04 30 pop
    assert_eq!((good.len(), &good[..8]), (157, &[0x30, 0x81, 0x9a, 2, 1, 1, 4, 96][..]));
    assert_eq!(with(5, &[2]), Err(ParametersError::Algorithm.into()));
    let unknown = DecodeError::new("granularity", DecodeReason::Unknown { got: 0 }).into();
    assert_eq!(with(106, &[0]), Err(unknown));
    assert!(with(106, &[5]).is_err());
    assert_eq!(with(106, &[1]), Err(ParametersError::Possession.into()));
    let mut infinity = [0; 96];
    infinity[0] = 0xc0;
    let at_infinity = |what| Err(DecodeError::new(what, DecodeReason::Infinity).into());
    assert_eq!(with(8, &infinity), at_infinity("P_pub"));
    assert_eq!(with(109, &infinity[..48]), at_infinity("proof of possession"));
    let short = algorithm_data(&description(), &key().1, &G1::generator());
    assert!(PublicParameters::from_der(&forged(&[(ours().0, short[..156].to_vec())], None)).is_err());
}

#[test]
fn extensions_that_are_not_understood_are_refused() {
    let value = |uri: &[u8]| {
        let mut out = vec![];
        put(&mut out, tag::IA5, uri);
        out
    };
    let pkg = (oid::PKG_URI.content().to_vec(), value(b"https://kgs.example.org/keys"));
    let read = |list: &[Entry]| PublicParameters::from_der(&forged(&[ours()], Some(list)));
    assert_eq!(read(core::slice::from_ref(&pkg)).unwrap().pkg_uri(), Some("https://kgs.example.org/keys"));
    let unknown = Err(ParametersError::Extension.into());
    assert_eq!(read(&[other(1)]), unknown);
    assert_eq!(read(&[pkg.clone(), other(1)]), unknown);
    assert_eq!(read(&[other(1), pkg.clone()]), unknown);
    let twice = DecodeError::new("ibeParamExtensions", DecodeReason::Inconsistent).into();
    assert_eq!(read(&[pkg.clone(), pkg.clone()]), Err(twice));
    assert!(matches!(read(&[]), Err(Error::Decode(_))));
    for bad in [b"https://kgs.example.org/keys".to_vec(), vec![], [pkg.1.clone(), vec![0]].concat()] {
        assert!(matches!(read(&[(pkg.0.clone(), bad)]), Err(Error::Decode(_))));
    }
    assert_eq!(read(&[(pkg.0, value(b"http://a"))]), Err(IdentityError::District.into()));
}

#[test]
fn other_versions_types_and_limits() {
    let der = params(description()).to_der();
    let read = PublicParameters::from_der;
    assert_eq!(&der[..6], &[0x30, 0x82, 1, 0x17, 2, 1]);
    for v in [1, 3] {
        let mut other = der.clone();
        other[6] = v;
        assert_eq!(read(&other), Err(DecodeError::new("version", DecodeReason::Version { got: v.into() }).into()));
    }
    let mut family = der.clone();
    *family.last_mut().unwrap() = 2;
    assert_eq!(read(&family), Err(DecodeError::new("ibeIdentityType", DecodeReason::Unknown { got: 2 }).into()));
    for n in 0..der.len() {
        assert!(matches!(read(&der[..n]), Err(Error::Decode(_))), "{n}");
    }
    let mut trailing = der.clone();
    trailing.push(0);
    assert!(matches!(
        read(&trailing),
        Err(Error::Decode(DecodeError { reason: DecodeReason::Trailing { extra: 1 }, .. }))
    ));
    let reason = DecodeReason::TooLong { limit: PARAMETERS_MAX, got: PARAMETERS_MAX + 1 };
    assert_eq!(read(&[0x30; PARAMETERS_MAX + 1]), Err(DecodeError::new("parameters", reason).into()));
}

/// Everything that can be altered without the proof failing is validity, `pkgURI` and other algorithms.
#[test]
fn one_changed_bit_is_refused_or_outside_the_fingerprint() {
    let mut original = with_pkg();
    original.not_after = START + 400 * DAY;
    let (s, p_pub) = key();
    let pop = possession(&original, &s, &p_pub);
    let list = [(oid::ALGORITHM.content().to_vec(), algorithm_data(&original, &p_pub, &pop)), other(1)];
    let der = encode(&original, &list).unwrap();
    let read = PublicParameters::from_der(&der).unwrap();
    let find = |part: &[u8]| der.windows(part.len()).position(|w| w == part).unwrap();
    let (times, freight, uri) =
        (find(b"20250101000000Z"), find(&[0x2a, 1, 4, 3]), find(b"https://kgs.example.org/keys"));
    let free = |i: usize| {
        (times..times + 32).contains(&i) || (freight..freight + 7).contains(&i) || (uri..uri + 28).contains(&i)
    };
    let mut accepted = 0;
    for i in 0..der.len() {
        for bit in 0..8 {
            let mut changed = der.clone();
            changed[i] ^= 1 << bit;
            if let Ok(p) = PublicParameters::from_der(&changed) {
                accepted += 1;
                assert!(free(i), "byte {i}");
                assert_eq!((p.fingerprint(), p.to_der()), (read.fingerprint(), changed));
            }
        }
    }
    assert!(accepted > 100);
}

#[test]
fn times_and_periods() {
    let p = params(description());
    let end = START + 365 * DAY;
    for (now, valid) in
        [(START - 1, false), (START, true), (end - 1, true), (end, false), (0, false), (u64::MAX, false)]
    {
        assert_eq!(p.check_time(now).is_ok(), valid, "{now}");
    }
    let day = |t| Period::containing(Granularity::Day, t).unwrap();
    assert_eq!((p.check_period(&day(START)), p.check_period(&day(end - 1))), (Ok(()), Ok(())));
    let outside = Err(ParametersError::PeriodOutside.into());
    assert_eq!((p.check_period(&day(START - 1)), p.check_period(&day(end))), (outside, outside));
    let week = Period::containing(Granularity::Week, START + 30 * DAY).unwrap();
    assert_eq!(p.check_period(&week), Err(IdentityError::OffGrid.into()));
    // A period is inside with every second or not at all.
    let ragged = params(Description { not_before: START + 1, not_after: end - 2, ..description() });
    assert_eq!((ragged.check_period(&day(START)), ragged.check_period(&day(end - 1))), (outside, outside));

    let name = Name::parse("sip:alice@example.org").unwrap();
    let id = p.identity(name.clone(), Purpose::Decrypt, START + 5).unwrap();
    assert_eq!((id.district(), id.serial(), id.period()), (p.district(), 3, day(START)));
    assert_eq!(p.identity(name, Purpose::Decrypt, end).unwrap_err(), ParametersError::PeriodOutside.into());
    assert_eq!(p.check_identity(&id), Ok(()));
    let next = params(Description { serial: 4, ..description() });
    assert_eq!(next.check_identity(&id), Err(ParametersError::Mismatch.into()));
}

#[test]
fn stores_find_by_district_and_serial() {
    let (a, b) = (params(description()), params(Description { serial: 4, ..description() }));
    let store = vec![a.clone(), b.clone()];
    let uri = "https://kgs.example.org";
    assert_eq!((store.find(uri, 3), store.find(uri, 4), store.find(uri, 5)), (Some(a.clone()), Some(b), None));
    assert_eq!((a.find(uri, 3), a.find(uri, 4)), (Some(a.clone()), None));
    assert_eq!(store.as_slice().find("https://kgs.example.com", 3), None);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(PublicParameters::from_der(&bytes).is_err());
    }
}
