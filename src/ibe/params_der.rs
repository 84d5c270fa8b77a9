//! DER of public parameters: both directions of the structures that [`super::params`] shows, without its checks.

use alloc::string::String;
use alloc::vec::Vec;

use super::asn1::{Fields, ia5_alone, put, put_integer, put_time, tag};
use super::district::District;
use super::oid;
use super::params::Description;
use super::period::{Granularity, Utc};
use crate::curve::{G1, G2};
use crate::error::{DecodeError, DecodeReason, Error, IdentityError, ParametersError};
use crate::suite::IBE_SUITE;

/// Most algorithms in one set of parameters, ours included.
pub(super) const ALGORITHMS_MAX: usize = 8;
/// `version` of `IBESysParams`.
const VERSION: u64 = 2;

/// One entry of `ibePublicParameters` or of the extensions: content of the OID, and data.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// What a DER says, points checked, proof of possession not.
pub(super) struct Decoded {
    pub(super) description: Description,
    pub(super) p_pub: G2,
    pub(super) pop: G1,
    /// All algorithms in the order found; the data of ours encoded again from what was read.
    pub(super) algorithms: Vec<Entry>,
}

/// Reads `IBESysParams`.
pub(super) fn decode(der: &[u8]) -> Result<Decoded, Error> {
    let mut params = Fields::of("parameters", der)?;
    match params.integer("version")? {
        Some(VERSION) => {}
        got => {
            let got = got.and_then(|v| u32::try_from(v).ok()).unwrap_or(u32::MAX);
            return Err(DecodeError::new("version", DecodeReason::Version { got }).into());
        }
    }
    let district = District::parse(params.ia5("districtName")?)?;
    let serial = params.integer("districtSerial")?.ok_or(IdentityError::Serial)?;
    let mut validity = params.sequence("validity")?;
    let (not_before, not_after) = (validity.time("notBefore")?, validity.time("notAfter")?);
    validity.finish("validity")?;
    let mut algorithms = read_pairs("ibePublicParameters", params.sequence("ibePublicParameters")?)?;
    let family = params.oid("ibeIdentityType")?;
    if family != oid::FAMILY.content() {
        return Err(oid::unknown("ibeIdentityType", family).into());
    }
    let pkg_uri = match params.is_finished() {
        true => None,
        false => Some(read_extensions(params.sequence("ibeParamExtensions")?)?),
    };
    params.finish("parameters")?;

    let ours = algorithms.iter_mut().find(|(oid, _)| oid == oid::ALGORITHM.content());
    let (_, data) = ours.ok_or(ParametersError::Algorithm)?;
    let (granularity, p_pub, pop) = read_algorithm_data(data)?;
    let description = Description { district, serial, not_before, not_after, granularity, pkg_uri };
    *data = algorithm_data(&description, &p_pub, &pop);
    Ok(Decoded { description, p_pub, pop, algorithms })
}

/// `IBESysParams`; fails on times that GeneralizedTime cannot hold.
pub(super) fn encode(description: &Description, algorithms: &[Entry]) -> Result<Vec<u8>, Error> {
    let mut validity = Vec::with_capacity(34);
    put_time(&mut validity, Utc::new(description.not_before)?);
    put_time(&mut validity, Utc::new(description.not_after)?);
    let mut params = Vec::with_capacity(512);
    put_integer(&mut params, VERSION);
    put(&mut params, tag::IA5, description.district.as_str().as_bytes());
    put_integer(&mut params, description.serial);
    put(&mut params, tag::SEQUENCE, &validity);
    put_pairs(&mut params, algorithms);
    put(&mut params, tag::OID, oid::FAMILY.content());
    if let Some(uri) = &description.pkg_uri {
        let mut value = Vec::with_capacity(uri.len() + 4);
        put(&mut value, tag::IA5, uri.as_bytes());
        put_pairs(&mut params, &[(oid::PKG_URI.content().to_vec(), value)]);
    }
    let mut der = Vec::with_capacity(params.len() + 4);
    put(&mut der, tag::SEQUENCE, &params);
    Ok(der)
}

/// `publicParameterData` of our algorithm.
pub(super) fn algorithm_data(description: &Description, p_pub: &G2, pop: &G1) -> Vec<u8> {
    let mut data = Vec::with_capacity(160);
    put_integer(&mut data, u64::from(IBE_SUITE));
    put(&mut data, tag::OCTETS, &p_pub.to_compressed());
    put_integer(&mut data, u64::from(description.granularity.id()));
    put(&mut data, tag::OCTETS, &pop.to_compressed());
    let mut der = Vec::with_capacity(data.len() + 4);
    put(&mut der, tag::SEQUENCE, &data);
    der
}

fn read_algorithm_data(der: &[u8]) -> Result<(Granularity, G2, G1), Error> {
    let mut data = Fields::of("publicParameterData", der)?;
    if data.integer("ibeSuite")? != Some(u64::from(IBE_SUITE)) {
        return Err(ParametersError::Algorithm.into());
    }
    let p_pub = data.octets("P_pub")?;
    let granularity = data.integer("granularity")?.and_then(|g| u8::try_from(g).ok()).unwrap_or(0);
    let pop = data.octets("proof of possession")?;
    data.finish("publicParameterData")?;
    Ok((Granularity::from_id(granularity)?, G2::decode("P_pub", p_pub)?, G1::decode("proof of possession", pop)?))
}

/// SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, OCTET STRING }: not empty, no identifier twice.
fn read_pairs(what: &'static str, mut list: Fields<'_>) -> Result<Vec<Entry>, DecodeError> {
    let mut pairs: Vec<Entry> = Vec::new();
    while !list.is_finished() || pairs.is_empty() {
        if pairs.len() == ALGORITHMS_MAX {
            let reason = DecodeReason::TooLong { limit: ALGORITHMS_MAX, got: ALGORITHMS_MAX + 1 };
            return Err(DecodeError::new(what, reason));
        }
        let mut pair = list.sequence(what)?;
        let (oid, value) = (pair.oid(what)?, pair.octets(what)?);
        pair.finish(what)?;
        if pairs.iter().any(|(other, _)| other == oid) {
            return Err(DecodeError::new(what, DecodeReason::Inconsistent));
        }
        pairs.push((oid.to_vec(), value.to_vec()));
    }
    Ok(pairs)
}

/// Appends SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, OCTET STRING }.
pub(super) fn put_pairs(out: &mut Vec<u8>, pairs: &[Entry]) {
    let mut list = Vec::with_capacity(256);
    for (oid, value) in pairs {
        let mut pair = Vec::with_capacity(oid.len() + value.len() + 6);
        put(&mut pair, tag::OID, oid);
        put(&mut pair, tag::OCTETS, value);
        put(&mut list, tag::SEQUENCE, &pair);
    }
    put(out, tag::SEQUENCE, &list);
}

/// The value of `pkgURI`, which must be the only extension.
fn read_extensions(list: Fields<'_>) -> Result<String, Error> {
    let extensions = read_pairs("ibeParamExtensions", list)?;
    match extensions.as_slice() {
        [(oid, value)] if oid == oid::PKG_URI.content() => Ok(ia5_alone("pkgURI", value)?.into()),
        _ => Err(ParametersError::Extension.into()),
    }
}
