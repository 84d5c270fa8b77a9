//! Issuing many private keys.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;

use super::lanes::{Engine, Extracted};
use super::scalar::g1;
use super::{BatchError, Options, Results, STACK, check_limit, groups, job_size, parallel, scatter, weights};
use crate::declassify;
use crate::encoding::lp;
use crate::error::Error;
use crate::ibe::Identity;
use crate::ibe::extract::{Issuer, PrivateKey};
use crate::secret::leaving_no_trace;

/// Issues the private keys `d_i = [s]H1(ID_i)`, as [`Issuer::extract`] does for one. Issuers of several districts may
/// be mixed.
///
/// Nothing is released unchecked: for every job of at most 64 keys `sum z_i d_i = [s] sum z_i Q_i`, with weights as in
/// [`super::verify_keys`] and without a pairing, since [`Issuer`] has tied `s` to `P_pub`. If that fails, which means a
/// fault of the machine, the keys of the job are computed again one by one with the check of [`Issuer::extract`].
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
    leaving_no_trace::<STACK, _>(|| extract_with(Engine::pick(), items, options, rng))
}

pub(super) fn extract_with<R: TryCryptoRng + ?Sized>(
    engine: Engine,
    items: &[(&Issuer, &Identity)],
    options: &Options<'_>,
    rng: &mut R,
) -> Result<Results<PrivateKey>, BatchError> {
    check_limit(items.len())?;
    let failed: Vec<Option<Error>> =
        items.iter().map(|(issuer, id)| issuer.parameters().check_identity(id).err()).collect();
    let lengths: Vec<[u8; 4]> = items.iter().map(|(_, id)| lp(id.der())).collect();
    let inputs = items
        .iter()
        .zip(&lengths)
        .flat_map(|((issuer, id), n)| -> [&[u8]; 3] { [issuer.parameters().fingerprint(), n, id.der()] });
    let weights = weights::draw(items.len(), &inputs.collect::<Vec<_>>(), rng)?;

    let keys = failed.iter().zip(items).map(|(e, (issuer, _))| e.is_none().then(|| *issuer.parameters().fingerprint()));
    let size = job_size(items.len(), options);
    let jobs: Vec<Vec<usize>> = groups(keys).iter().flat_map(|g| g.chunks(size).map(<[usize]>::to_vec)).collect();
    let found = parallel::map(&jobs, options, Vec::len, |job| {
        let job: Vec<_> = job.iter().map(|i| (*i, items[*i].0, items[*i].1, weights[*i])).collect();
        issue(engine, &job)
    })?;
    Ok(scatter(failed, found))
}

/// One job: all items are of one master key.
fn issue(engine: Engine, job: &[(usize, &Issuer, &Identity, u128)]) -> Vec<(usize, Result<PrivateKey, Error>)> {
    let Some((_, issuer, ..)) = job.first() else { return Vec::new() };
    let ders: Vec<&[u8]> = job.iter().map(|(_, _, id, _)| id.der()).collect();
    let weights: Vec<u128> = job.iter().map(|(.., z)| *z).collect();
    release(job, engine.extract(&ders, issuer.secret(), &weights))
}

/// Lets the keys of a job out if they are right.
fn release(job: &[(usize, &Issuer, &Identity, u128)], out: Extracted) -> Vec<(usize, Result<PrivateKey, Error>)> {
    let Some((_, issuer, ..)) = job.first() else { return Vec::new() };
    let sound = g1(&out.sum_q).mul(issuer.secret()).ct_eq(&g1(out.sum_d.expose()));
    if !declassify::verdict("extracted keys pass their check", sound) {
        return job.iter().map(|(i, issuer, id, _)| (*i, issuer.extract(id))).collect();
    }
    let keys = job.iter().zip(&out.keys);
    keys.map(|((i, _, id, _), d)| (*i, Ok(PrivateKey::assemble((*id).clone(), issuer.parameters(), g1(d.expose())))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::Seeded;
    use crate::ibe::extract::MasterKey;
    use crate::ibe::{Description, District, Granularity, Name, Purpose};
    use crate::secret::Secret;

    /// A fault in one key, in one hash or in a sum: nothing wrong comes out.
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
        let job: Vec<_> = ids.iter().enumerate().map(|(i, id)| (i, &issuer, id, 3 + i as u128)).collect();
        let ders: Vec<&[u8]> = ids.iter().map(Identity::der).collect();
        let weights: Vec<u128> = job.iter().map(|j| j.3).collect();
        let engine = Engine::pick();
        let made = || engine.extract(&ders, issuer.secret(), &weights);
        let sum =
            |keys: &[Secret<96>]| engine.weighted_sum(&keys.iter().map(Secret::expose).collect::<Vec<_>>(), &weights);
        let mut in_key = made();
        in_key.keys[4] = Secret::new(g1(in_key.keys[4].expose()).double().to_uncompressed());
        in_key.sum_d = sum(&in_key.keys);
        let mut in_hash = made();
        in_hash.sum_q = g1(&in_hash.sum_q).double().to_uncompressed();
        let mut in_sum = made();
        in_sum.sum_d = in_sum.keys[0].duplicate();
        let sound = |out: &Extracted| g1(&out.sum_q).mul(issuer.secret()) == g1(out.sum_d.expose());
        assert!(sound(&made()) && !sound(&in_key) && !sound(&in_hash) && !sound(&in_sum));
        for out in [made(), in_key, in_hash, in_sum] {
            for ((i, key), id) in release(&job, out).into_iter().zip(&ids) {
                assert_eq!(key.unwrap().to_bytes().expose(), issuer.extract(id).unwrap().to_bytes().expose(), "{i}");
            }
        }
    }
}
