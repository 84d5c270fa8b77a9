//! The rival for batches: the same scheme over many items, on blst and rayon, with what many items allow:
//!
//! - one inversion for all points of a job that become affine;
//! - several issued keys checked by one equation for the whole call, `sum z_i d_i = [s] sum z_i Q_i`, 128-bit weights;
//! - keys verified by one product of two pairings for the whole call, where the cofactor of all hashes is cleared once, on their
//!   weighted sum (`on_blst_hash.rs`); subgroup checks one by one, since batched ones are unsound;
//! - sums of public points by blst's own bucket method; those of private keys with complete additions, so that only the weights
//!   show: few by Straus' method, many in buckets. In the variable-time form the keys go through blst's own method as well.
//!
//! In its favour, next to the crate: keys are read by blst's own decompression, which branches on the encoding; weights are drawn
//! and not hedged; a batch with a false key is refused and nobody is looked for; nothing is wiped; headers are not parsed.
//!
//! Runs on the rayon pool that the caller is in, as the crate does.

use blst::{MultiPoint, blst_p1, blst_p1_affine, blst_p2};
use rand_core::TryCryptoRng;
use rayon::prelude::*;

use super::on_blst::bulk::{sum_complete, to_affine_all_g1, to_affine_all_g2};
use super::on_blst::hash::{clear_cofactor, hash_all_uncleared};
use super::{
    DST_H1, District, Encapsulation, Identity, Key, Master, coin, mask, on_blst, p2_lines, p2_table, random, secret,
};

/// Runs `job` over all items, cut as the crate cuts them.
fn map<T: Sync, R: Send>(items: &[T], job: impl Fn(&[T]) -> Vec<R> + Sync + Send) -> Vec<R> {
    let size = items.len().div_ceil(4 * rayon::current_num_threads()).clamp(1, 64);
    let parts: Vec<Vec<R>> = items.par_chunks(size).map(job).collect();
    parts.into_iter().flatten().collect()
}

/// `e(d_i, U_i)`.
pub fn pairings(items: &[(&Key, &Encapsulation)]) -> Vec<[u8; 576]> {
    let one = |(key, kem): &(&Key, &Encapsulation)| on_blst::gt_bytes(&on_blst::pairing(&key.d, &kem.point));
    map(items, |job| job.iter().map(one).collect())
}

fn weights<R: TryCryptoRng>(n: usize, rng: &mut R) -> Vec<u128> {
    (0..n).map(|_| u128::from_le_bytes(random(rng)) | 1).collect()
}

/// `sum z_i P_i` of public points.
fn sum_public(points: &[blst_p1_affine], weights: &[u128]) -> blst_p1 {
    sum(points, weights, |points, weights| {
        points.mult(&weights.iter().flat_map(|z| z.to_le_bytes()).collect::<Vec<_>>(), 128)
    })
}

/// The same of private keys.
fn sum_secret(points: &[blst_p1_affine], weights: &[u128]) -> blst_p1 {
    if on_blst::variable() { sum_public(points, weights) } else { sum(points, weights, sum_complete) }
}

/// A part for each thread.
fn sum(
    points: &[blst_p1_affine],
    weights: &[u128],
    part: impl Fn(&[blst_p1_affine], &[u128]) -> blst_p1 + Sync,
) -> blst_p1 {
    let size = points.len().div_ceil(rayon::current_num_threads()).max(1);
    let parts: Vec<_> = points.par_chunks(size).zip(weights.par_chunks(size)).map(|(p, z)| part(p, z)).collect();
    parts.iter().fold(blst_p1::default(), |sum, part| on_blst::add_g1(&sum, part))
}

impl Master {
    /// The keys of many, checked together unless `check` is false.
    pub fn extract_all<R: TryCryptoRng>(
        &self,
        district: &District,
        ids: &[&Identity],
        check: bool,
        rng: &mut R,
    ) -> Vec<Key> {
        if let ([id], true) = (ids, check) {
            return vec![self.extract(district, id)];
        }
        let job = |job: &[&Identity]| -> Vec<(Key, blst_p1_affine)> {
            let q: Vec<_> = job.iter().map(|id| on_blst::hash_g1(&id.der, DST_H1)).collect();
            let mut points: Vec<_> = q.iter().map(|q| on_blst::mul_g1(q, &self.s)).collect();
            if check {
                points.extend(&q);
            }
            let points = to_affine_all_g1(&points);
            let (d, q) = points.split_at(job.len());
            let none = blst_p1_affine::default();
            let q = q.iter().chain(std::iter::repeat(&none));
            job.iter().zip(d).zip(q).map(|((id, d), q)| (Key::of_affine(district, id, d), *q)).collect()
        };
        let (keys, q): (Vec<Key>, Vec<_>) = map(ids, job).into_iter().unzip();
        if check {
            let weights = weights(ids.len(), rng);
            let d: Vec<_> = keys.iter().map(|k| k.d).collect();
            let right = on_blst::mul_g1(&sum_public(&q, &weights), &self.s);
            assert!(on_blst::same_g1(&sum_secret(&d, &weights), &right));
        }
        keys
    }
}

impl Key {
    fn of_affine(district: &District, identity: &Identity, d: &blst_p1_affine) -> Self {
        let (encoded, pkctx) = (on_blst::encode_affine_g1(d), district.pkctx(&identity.der));
        Self { identity: identity.clone(), encoded, fingerprint: district.fingerprint, d: *d, pkctx }
    }

    /// Reads many keys and verifies them together: all of them, or none.
    pub fn verify_all<R: TryCryptoRng>(
        district: &District,
        items: &[(&[u8; 48], &Identity)],
        rng: &mut R,
    ) -> Option<Vec<Self>> {
        if let [(bytes, id)] = items {
            return Self::from_bytes(district, id, bytes).filter(|key| key.verify(district)).map(|key| vec![key]);
        }
        let job = |job: &[(&[u8; 48], &Identity)]| -> Vec<Option<(Self, blst_p1_affine)>> {
            let q = hash_all_uncleared(&job.iter().map(|(_, id)| &id.der[..]).collect::<Vec<_>>(), DST_H1);
            let one = |((bytes, id), q): (&(&[u8; 48], &Identity), &blst_p1_affine)| {
                let d = on_blst::decode_affine_g1(bytes)?;
                let (pkctx, fingerprint) = (district.pkctx(&id.der), district.fingerprint);
                Some((Self { identity: (*id).clone(), encoded: **bytes, fingerprint, d, pkctx }, *q))
            };
            job.iter().zip(&q).map(one).collect()
        };
        let (keys, q): (Vec<Self>, Vec<_>) =
            map(items, job).into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
        let weights = weights(items.len(), rng);
        let d: Vec<_> = keys.iter().map(|k| k.d).collect();
        let (d, q) = (sum_secret(&d, &weights), clear_cofactor(&sum_public(&q, &weights)));
        on_blst::same_pairing_shared(&d, p2_lines(), &q, &district.lines).then_some(keys)
    }

    /// The same through blst's interface for batches of signatures: a private key is its issuer's signature of the identity.
    /// It does not know that all have one issuer.
    pub fn verify_all_by_blst<R: TryCryptoRng>(
        district: &District,
        items: &[(&[u8; 48], &Identity)],
        rng: &mut R,
    ) -> bool {
        let weights = weights(items.len(), rng);
        let issuer = on_blst::decode_g2(&district.p_pub).unwrap();
        let items: Vec<_> = items.iter().zip(&weights).collect();
        let size = items.len().div_ceil(rayon::current_num_threads()).max(1);
        let job = |job: &[(&(&[u8; 48], &Identity), &u128)]| {
            let mut batch = blst::Pairing::new(true, DST_H1);
            for ((bytes, id), weight) in job {
                let d = on_blst::uncompress_g1(bytes)?;
                let done = batch.mul_n_aggregate(&issuer, false, &d, true, &weight.to_le_bytes(), 128, &id.der, &[]);
                (done == blst::BLST_ERROR::BLST_SUCCESS).then_some(())?;
            }
            batch.commit();
            Some(batch)
        };
        let parts: Option<Vec<_>> = items.par_chunks(size).map(job).collect();
        let whole = parts.and_then(|parts| {
            parts.into_iter().reduce(|mut whole, part| {
                assert_eq!(whole.merge(&part), blst::BLST_ERROR::BLST_SUCCESS);
                whole
            })
        });
        whole.is_some_and(|whole| whole.finalverify(None))
    }

    /// The secrets of many `U || V`; none where `U` is malformed.
    pub fn decapsulate_all(items: &[(&Self, &[u8; 128])]) -> Vec<Option<[u8; 32]>> {
        let one = |(key, kem): &(&Self, &[u8; 128])| Some(key.decapsulate(&Encapsulation::decode(kem)?));
        map(items, |job| job.iter().map(one).collect())
    }
}

impl District {
    /// `U || V` and the secret for many, each met for the first time, with its `sigma`.
    pub fn encapsulate_all(&self, items: &[(&Identity, &[u8; 32])]) -> Vec<([u8; 128], [u8; 32])> {
        map(items, |job| {
            let pkctx: Vec<_> = job.iter().map(|(id, _)| self.pkctx(&id.der)).collect();
            let k: Vec<_> = job.iter().zip(&pkctx).map(|((_, sigma), ctx)| coin(sigma, ctx)).collect();
            let u: Vec<blst_p2> = k.iter().map(|k| p2_table().mul(k)).collect();
            let p: Vec<_> =
                job.iter().zip(&k).map(|((id, _), k)| on_blst::mul_g1(&on_blst::hash_g1(&id.der, DST_H1), k)).collect();
            let (u, p) = (to_affine_all_g2(&u), to_affine_all_g1(&p));
            let one = |i: usize| {
                let (sigma, ctx) = (job[i].1, &pkctx[i]);
                let u = on_blst::encode_affine_g2(&u[i]);
                let mut v = mask(&on_blst::pairing_prepared_affine(&p[i], &self.lines), ctx, &u);
                v.iter_mut().zip(sigma).for_each(|(v, s)| *v ^= s);
                let mut kem = [0; 128];
                kem[..96].copy_from_slice(&u);
                kem[96..].copy_from_slice(&v);
                (kem, secret("K", sigma, ctx, &kem))
            };
            (0..job.len()).map(one).collect()
        })
    }
}
