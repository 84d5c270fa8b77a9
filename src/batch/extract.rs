//! Issuing many private keys.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;

use super::lanes::{Engine, POINTS_FROM, Point1};
use super::scalar::g1;
use super::{
    BatchError, Options, Results, STACK, check_limit, concat, groups, hand_over, job_size, next, parallel, scatter,
    sum_size, weights,
};
use crate::declassify;
use crate::encoding::{G1_BYTES, lp};
use crate::error::Error;
use crate::ibe::Identity;
use crate::ibe::extract::{Issuer, PrivateKey};
use crate::secret::{Secret, leaving_no_trace};

/// Issues the private keys `d_i = [s]H1(ID_i)`, as [`Issuer::extract`] does for one. Issuers of several districts may
/// be mixed.
///
/// Nothing is released unchecked: `sum z_i d_i = [s] sum z_i Q_i` for the keys of an issuer, with weights as in
/// [`super::verify_keys`] and without a pairing, since [`Issuer`] has tied `s` to `P_pub`. If that fails, which means a
/// fault of the machine, those keys are computed again one by one with the check of [`Issuer::extract`].
///
/// # Errors
/// [`BatchError`] for the whole call; for an item those of [`Issuer::extract`].
///
/// # Timing
/// Constant in the master keys; varies with the lengths of the identities.
pub fn extract<R: TryCryptoRng + ?Sized>(
    items: &[(&Issuer, &Identity)],
    options: &Options<'_>,
    rng: &mut R,
) -> Result<Results<PrivateKey>, BatchError> {
    leaving_no_trace::<STACK, _>(|| extract_with(Engine::pick_for(items.len()), items, options, rng))
}

pub(super) fn extract_with<R: TryCryptoRng + ?Sized>(
    engine: Engine,
    items: &[(&Issuer, &Identity)],
    options: &Options<'_>,
    rng: &mut R,
) -> Result<Results<PrivateKey>, BatchError> {
    check_limit(items.len())?;
    if (1..POINTS_FROM).contains(&items.len()) {
        let found = parallel::map(
            &[items],
            options,
            |job| job.len(),
            |job| job.iter().map(|(issuer, identity)| issuer.extract(identity)).collect(),
        )?;
        return Ok(concat(items.len(), found));
    }
    let failed: Vec<Option<Error>> =
        items.iter().map(|(issuer, id)| issuer.parameters().check_identity(id).err()).collect();
    let lengths: Vec<[u8; 4]> = items.iter().map(|(_, id)| lp(id.der())).collect();
    let inputs = items
        .iter()
        .zip(&lengths)
        .flat_map(|((issuer, id), n)| -> [&[u8]; 3] { [issuer.parameters().fingerprint(), n, id.der()] });
    let weights = weights::draw(items.len(), &inputs.collect::<Vec<_>>(), rng)?;

    let keys = failed.iter().zip(items).map(|(e, (issuer, _))| e.is_none().then(|| *issuer.parameters().fingerprint()));
    let groups = groups(keys);
    let size = job_size(items.len(), options);
    let jobs: Vec<&[usize]> = groups.iter().flat_map(|group| group.chunks(size)).collect();
    let parts = parallel::map(&jobs, options, |job| job.len(), |job| issue(engine, items, job))?;
    // Those of one group stand together.
    let issued: Vec<&Issued> = parts.iter().flatten().collect();
    let mut rest = &issued[..];
    let mut checks = Vec::new();
    for group in &groups {
        let own;
        (own, rest) = rest.split_at(group.len());
        checks.extend(own.chunks(sum_size(own.len(), options)));
    }
    let found = parallel::map(&checks, &options.quiet(), |own| own.len(), |own| release(engine, items, &weights, own))?;
    Ok(scatter(failed, found))
}

/// A key that has not been checked.
struct Issued {
    place: usize,
    q: Point1,
    d: Secret<{ 2 * G1_BYTES }>,
}

/// One job.
fn issue(engine: Engine, items: &[(&Issuer, &Identity)], job: &[usize]) -> Vec<Issued> {
    let ders: Vec<&[u8]> = job.iter().map(|i| items[*i].1.der()).collect();
    let hashes = engine.hash(&ders);
    let terms: Vec<_> = hashes.iter().zip(job).map(|(q, i)| (q, items[*i].0.secret())).collect();
    let mut places = job.iter().zip(&hashes);
    let mut out = Vec::with_capacity(job.len());
    hand_over(engine.multiply(&terms), |d| {
        let (place, q) = next(&mut places);
        out.push(Issued { place: *place, q: *q, d });
    });
    out
}

/// Lets keys of one issuer out if they are right.
fn release(
    engine: Engine,
    items: &[(&Issuer, &Identity)],
    weights: &[u128],
    own: &[&Issued],
) -> Vec<(usize, Result<PrivateKey, Error>)> {
    let Some(issuer) = own.first().map(|key| items[key.place].0) else { return Vec::new() };
    let weights: Vec<u128> = own.iter().map(|key| weights[key.place]).collect();
    let q = engine.public_sum(&own.iter().map(|key| &key.q).collect::<Vec<_>>(), &weights);
    let d = engine.weighted_sum(&own.iter().map(|key| key.d.expose()).collect::<Vec<_>>(), &weights);
    let sound = g1(&q).mul(issuer.secret()).ct_eq(&g1(d.expose()));
    let sound = declassify::verdict("extracted keys pass their check", sound);
    let key = |issued: &&Issued| {
        let (_, identity) = items[issued.place];
        let key = match sound {
            true => Ok(PrivateKey::assemble(identity.clone(), issuer.parameters(), g1(issued.d.expose()))),
            false => issuer.extract(identity),
        };
        (issued.place, key)
    };
    own.iter().map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::Seeded;
    use crate::ibe::extract::MasterKey;
    use crate::ibe::{Description, District, Granularity, Name, Purpose};

    /// A fault in one key or in one hash: nothing wrong comes out.
    #[test]
    fn a_fault_of_the_machine_is_not_released() {
        let district = District::parse("https://kgs.example").unwrap();
        let granularity = Granularity::Day;
        let description =
            Description { district, serial: 1, not_before: 0, not_after: 1 << 32, granularity, pkg_uri: None };
        let master = MasterKey::generate(&mut Seeded::new("master")).unwrap();
        let parameters = master.public_parameters(description).unwrap();
        let issuer = master.issuer(parameters).unwrap();
        let ids: Vec<Identity> = (0..9)
            .map(|i| {
                let name = Name::parse(&alloc::format!("user{i}@a.example")).unwrap();
                issuer.parameters().identity(name, Purpose::Decrypt, 86_400 * i).unwrap()
            })
            .collect();
        let items: Vec<_> = ids.iter().map(|id| (&issuer, id)).collect();
        let job: Vec<usize> = (0..ids.len()).collect();
        let weights: Vec<u128> = (0..ids.len() as u128).map(|i| 3 + i).collect();
        for engine in [Engine::Scalar, Engine::pick()] {
            let made = || issue(engine, &items, &job);
            let twice = |p: &Point1| g1(p).double().to_uncompressed();
            let mut in_key = made();
            in_key[4].d = Secret::new(twice(in_key[4].d.expose()));
            let mut in_hash = made();
            in_hash[7].q = twice(&in_hash[7].q);
            for (k, keys) in [made(), in_key, in_hash].into_iter().enumerate() {
                let sum = |f: fn(&Issued) -> &Point1| {
                    g1(engine.weighted_sum(&keys.iter().map(f).collect::<Vec<_>>(), &weights).expose())
                };
                assert_eq!(sum(|k| &k.q).mul(issuer.secret()) == sum(|k| k.d.expose()), k == 0);
                for ((i, key), id) in
                    release(engine, &items, &weights, &keys.iter().collect::<Vec<_>>()).into_iter().zip(&ids)
                {
                    assert_eq!(
                        key.unwrap().to_bytes().expose(),
                        issuer.extract(id).unwrap().to_bytes().expose(),
                        "{i}"
                    );
                }
            }
        }
    }
}
