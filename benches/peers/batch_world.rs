//! Many users of one district, for the crate's batches and for the rivals, and each work of the table over the first `n` of them.
//!
//! Everything runs on the rayon pool that the caller is in.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each user takes its part

use std::fmt;
use std::hint::black_box;

use ibake::batch::{self, Encapsulated, Options, To, all};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Encapsulation;
use ibake::ibe::{Identity, Name, PublicParameters, Purpose};
use rand_core::TryRng;

use super::by_hand::{self, bulk, on_blst};
use super::world::{NOW, World, by_hand_identity, rng};

/// A row of the design's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Pairings,
    Extract,
    VerifyKeys,
    Encapsulate,
    Decapsulate,
}

/// Who does the same work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// Constant time in every secret, as ours.
    ByHand,
    /// May branch on secrets and index by them.
    Variable,
    /// Keys issued without a check.
    Unchecked,
    /// blst's own interface for batches of signatures.
    BlstBatch,
}

impl Work {
    pub const ALL: [Self; 5] = [Self::Pairings, Self::Extract, Self::VerifyKeys, Self::Encapsulate, Self::Decapsulate];

    /// The rivals, the honest one first.
    pub const fn rivals(self) -> &'static [Rival] {
        use Rival::{BlstBatch, ByHand, Unchecked, Variable};
        match self {
            Self::Pairings => &[ByHand],
            Self::Extract => &[ByHand, Variable, Unchecked],
            Self::VerifyKeys => &[ByHand, Variable, BlstBatch],
            Self::Encapsulate | Self::Decapsulate => &[ByHand, Variable],
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pairings => "pairings",
            Self::Extract => "extract",
            Self::VerifyKeys => "verify_keys",
            Self::Encapsulate => "encapsulate",
            Self::Decapsulate => "decapsulate",
        })
    }
}

impl Rival {
    /// What a row's name ends with.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::ByHand => "",
            Self::Variable => "/vartime",
            Self::Unchecked => "/unchecked",
            Self::BlstBatch => "/blst-batch",
        }
    }
}

/// The users.
pub struct Users {
    world: World,
    ids: Vec<Identity>,
    keys: Vec<PrivateKey>,
    stored: Vec<Vec<u8>>,
    kems: Vec<[u8; 128]>,
    decoded: Vec<Encapsulation>,
    sigma: Vec<[u8; 32]>,
    hand_ids: Vec<by_hand::Identity>,
    hand_keys: Vec<by_hand::Key>,
    hand_kems: Vec<by_hand::Encapsulation>,
}

/// What is left of results: encodings for a comparison, or nothing where only the work counts.
#[derive(Clone, Copy)]
enum Keep {
    Bytes,
    Nothing,
}

impl Keep {
    fn of<T>(self, results: Vec<T>, encode: impl Fn(&T) -> Vec<u8>) -> Vec<Vec<u8>> {
        match self {
            Self::Bytes => results.iter().map(encode).collect(),
            Self::Nothing => {
                black_box(results);
                Vec::new()
            }
        }
    }
}

const NONE: Options<'static> = Options { pool: None, progress: None, cancel: None };

/// The point at the end of a stored key.
fn point(stored: &[u8]) -> &[u8; 48] {
    stored.last_chunk().unwrap()
}

impl Users {
    pub fn new(n: usize) -> Self {
        let world = World::new();
        let parameters = &world.alice.parameters;
        let id = |i: usize| {
            let name = Name::parse(&format!("sip:user{i:05}@a.example")).unwrap();
            parameters.identity(name, Purpose::Decrypt, NOW).unwrap()
        };
        let ids: Vec<Identity> = (0..n).map(id).collect();
        let issuer = &world.alice.issuer;
        let items: Vec<_> = ids.iter().map(|id| (issuer, id)).collect();
        let keys = all(batch::extract(&items, &NONE, &mut rng()).unwrap()).unwrap();
        let stored: Vec<Vec<u8>> = keys.iter().map(|k| k.to_bytes().expose().to_vec()).collect();
        let to: Vec<_> = ids.iter().map(|id| To::Identity(parameters, id)).collect();
        let sent = all(batch::encapsulate(&to, &NONE, &mut rng()).unwrap()).unwrap();
        let (decoded, _): (Vec<Encapsulation>, Vec<_>) = sent.into_iter().unzip();
        let kems: Vec<[u8; 128]> = decoded.iter().map(Encapsulation::to_bytes).collect();
        let mut coins = rng();
        let sigma = (0..n).map(|_| {
            let mut sigma = [0; 32];
            let Ok(()) = coins.try_fill_bytes(&mut sigma);
            sigma
        });
        let sigma = sigma.collect();

        let district = &world.hand_districts[0];
        let hand_ids: Vec<_> = ids.iter().map(|id| by_hand_identity(district, id)).collect();
        let hand_key = |(id, stored): (_, &Vec<u8>)| by_hand::Key::from_bytes(district, id, point(stored)).unwrap();
        let hand_keys = hand_ids.iter().zip(&stored).map(hand_key).collect();
        let hand_kems = kems.iter().map(|kem| by_hand::Encapsulation::decode(kem).unwrap()).collect();
        Self { world, ids, keys, stored, kems, decoded, sigma, hand_ids, hand_keys, hand_kems }
    }

    fn parameters(&self) -> &PublicParameters {
        &self.world.alice.parameters
    }

    fn district(&self) -> &by_hand::District {
        &self.world.hand_districts[0]
    }

    /// Our side of `work` for the first `n`.
    fn results(&self, work: Work, n: usize, keep: Keep) -> Vec<Vec<u8>> {
        let mut rng = rng();
        match work {
            Work::Pairings => {
                let items: Vec<_> = self.keys[..n].iter().zip(&self.decoded).collect();
                keep.of(batch::key_pairings(&items, &NONE).unwrap(), |gt| gt.expose().to_vec())
            }
            Work::Extract => {
                let items: Vec<_> = self.ids[..n].iter().map(|id| (&self.world.alice.issuer, id)).collect();
                let keys = batch::extract(&items, &NONE, &mut rng).unwrap();
                keep.of(all(keys).unwrap(), |k| point(k.to_bytes().expose()).to_vec())
            }
            Work::VerifyKeys => {
                let items: Vec<_> = self.stored[..n].iter().map(|k| (k.as_slice(), self.parameters())).collect();
                let keys = batch::verify_keys(&items, &NONE, &mut rng).unwrap();
                keep.of(all(keys).unwrap(), |k| point(k.to_bytes().expose()).to_vec())
            }
            Work::Encapsulate => {
                let items: Vec<_> = self.ids[..n].iter().map(|id| To::Identity(self.parameters(), id)).collect();
                let sent = batch::encapsulate(&items, &NONE, &mut rng).unwrap();
                keep.of(all(sent).unwrap(), |(kem, k)| [&kem.to_bytes()[..], k.expose()].concat())
            }
            Work::Decapsulate => {
                let items: Vec<_> =
                    self.keys[..n].iter().zip(&self.kems).map(|(k, e)| (k, Encapsulated::from(e))).collect();
                let secrets = batch::decapsulate(&items, &NONE).unwrap();
                keep.of(all(secrets).unwrap(), |k| k.expose().to_vec())
            }
        }
    }

    /// The rival's side.
    fn hand_results(&self, work: Work, rival: Rival, n: usize, keep: Keep) -> Vec<Vec<u8>> {
        on_blst::set_timing(rival == Rival::Variable);
        let (district, mut rng) = (self.district(), rng());
        match (work, rival) {
            (Work::Pairings, _) => {
                let items: Vec<_> = self.hand_keys[..n].iter().zip(&self.hand_kems).collect();
                keep.of(bulk::pairings(&items), |gt| gt.to_vec())
            }
            (Work::Extract, _) => {
                let ids: Vec<_> = self.hand_ids[..n].iter().collect();
                let master = &self.world.alice.hand_master;
                let keys = master.extract_all(district, &ids, rival != Rival::Unchecked, &mut rng);
                keep.of(keys, |k| k.encoded.to_vec())
            }
            (Work::VerifyKeys, Rival::BlstBatch) => {
                let stored = self.hand_stored(n);
                assert!(by_hand::Key::verify_all_by_blst(district, &stored, &mut rng));
                keep.of(stored, |(bytes, _)| bytes.to_vec())
            }
            (Work::VerifyKeys, _) => {
                let keys = by_hand::Key::verify_all(district, &self.hand_stored(n), &mut rng);
                keep.of(keys.unwrap(), |k| k.encoded.to_vec())
            }
            (Work::Encapsulate, _) => {
                let items: Vec<_> = self.hand_ids[..n].iter().zip(&self.sigma).collect();
                keep.of(district.encapsulate_all(&items), |(kem, k)| [&kem[..], k].concat())
            }
            (Work::Decapsulate, _) => {
                let items: Vec<_> = self.hand_keys[..n].iter().zip(&self.kems).collect();
                keep.of(by_hand::Key::decapsulate_all(&items), |k| k.unwrap().to_vec())
            }
        }
    }

    fn hand_stored(&self, n: usize) -> Vec<(&[u8; 48], &by_hand::Identity)> {
        self.stored[..n].iter().map(|k| point(k)).zip(&self.hand_ids).collect()
    }

    /// Verifies the first `n` keys, `bad` of them false and spread evenly: those are named, and no other.
    pub fn verify_with_false(&self, n: usize, bad: usize) {
        let is_bad = |i: usize| (i + 1) * bad / n > i * bad / n;
        let key = |i: usize| {
            let mut bytes = self.stored[i].clone();
            if is_bad(i) {
                // A point of the subgroup, of another key.
                let at = bytes.len() - 48;
                bytes[at..].copy_from_slice(point(&self.stored[(i + 1) % self.stored.len()]));
            }
            bytes
        };
        let keys: Vec<Vec<u8>> = (0..n).map(key).collect();
        let items: Vec<_> = keys.iter().map(|k| (k.as_slice(), self.parameters())).collect();
        let verdicts = batch::verify_keys(&items, &NONE, &mut rng()).unwrap();
        assert!(verdicts.iter().enumerate().all(|(i, verdict)| verdict.is_err() == is_bad(i)));
    }

    /// Verifies the first `n` keys one after the other.
    pub fn verify_singly(&self, n: usize) {
        for bytes in &self.stored[..n] {
            black_box(PrivateKey::from_bytes(bytes, self.parameters()).unwrap());
        }
    }

    /// Does `work` for the first `n`.
    pub fn ours(&self, work: Work, n: usize) {
        self.results(work, n, Keep::Nothing);
    }

    /// The same by a rival.
    pub fn by_hand(&self, work: Work, rival: Rival, n: usize) {
        self.hand_results(work, rival, n, Keep::Nothing);
    }

    /// All sides give the same bytes, and those that verify refuse a false batch.
    pub fn check(&self, work: Work, rivals: &[Rival], n: usize) {
        let ours = self.results(work, n, Keep::Bytes);
        for rival in rivals {
            assert!(
                ours == self.hand_results(work, *rival, n, Keep::Bytes),
                "{work}{}: results differ",
                rival.suffix()
            );
        }
        if work == Work::VerifyKeys && n > 1 {
            let mut false_keys = self.hand_stored(n);
            (false_keys[0].0, false_keys[1].0) = (false_keys[1].0, false_keys[0].0);
            assert!(by_hand::Key::verify_all(self.district(), &false_keys, &mut rng()).is_none());
            assert!(!by_hand::Key::verify_all_by_blst(self.district(), &false_keys, &mut rng()));
        }
    }
}
