//! What a job is about and what its chunks are to issue, as bytes under the vault.
//!
//! ```text
//! job     = u8 version = 1 || u16 requester || u16 district || u64 serial || u8 granularity || fingerprint (32) || u64 users || u64 keys
//!           || u8 purposes || u64 created
//! orders  = u32 n || n x (u16 name || u64 start || u32 count)           `count` periods, the first of which begins at `start`
//! refused = u32 n || n x (u16 identity || u64 why)
//! ```

use crate::encoding::{Reader, Writer};
use crate::error::{DecodeError, DecodeReason};
use crate::ibe::identity::IDENTITY_MAX;
use crate::ibe::{District, Granularity, Identity, Name, Period, Purpose};
use crate::kgs::PERIOD_LIMIT;
use crate::kgs::bulk::Plan;
use crate::kgs::server::error::{Error, Refusal};
use crate::kgs::server::keys::Vault;
use crate::kgs::server::policy::Purposes;
use crate::kgs::server::store::bulk::NewChunk;
use crate::kgs::server::store::jobs::JobId;

const VERSION: u8 = 1;
const JOB: &str = "bulk job";
const ORDERS: &str = "bulk orders";
const REFUSED: &str = "bulk refused";
const NAME_MAX: usize = 1_024;
/// Most keys of one chunk.
pub const CHUNK: usize = 1_024;
/// What the keys of one chunk may take: a row of the store, and a line of a backup, stay below a megabyte.
const CHUNK_BYTES: usize = 384 << 10;
/// What a key takes in a bundle besides district and name, at most.
const KEY_BYTES: usize = 320;
/// Most chunks of one job.
pub const CHUNKS: usize = 65_536;

/// What a job is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// By whose rules it issues.
    pub requester: String,
    /// Of which district.
    pub district: District,
    /// Under which key epoch.
    pub serial: u64,
    /// How long its keys are valid.
    pub granularity: Granularity,
    /// Fingerprint of its parameters.
    pub fingerprint: [u8; 32],
    /// How many orders it was made from.
    pub users: u64,
    /// How many keys.
    pub keys: u64,
    /// For what they are.
    pub purposes: Purposes,
    /// When it was made.
    pub created: u64,
}

/// Some periods in a row of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) name: Name,
    pub(super) start: u64,
    pub(super) count: u32,
}

fn corrupt(table: &'static str) -> impl Fn(DecodeError) -> Error {
    move |_| Error::Corrupt { table }
}

/// The place of a chunk in its job: what is sealed there opens nowhere else.
fn place(job: &JobId, place: u64) -> Vec<u8> {
    [&job[..], &place.to_be_bytes()].concat()
}

impl Job {
    pub(super) fn seal(&self, vault: &Vault) -> Result<Vec<u8>, Error> {
        let mut w = Writer::new();
        w.u8(VERSION).var16(self.requester.as_bytes()).var16(self.district.as_str().as_bytes());
        w.u64(self.serial).u8(self.granularity.id()).bytes(&self.fingerprint);
        w.u64(self.users).u64(self.keys).u8(self.purposes.id() as u8).u64(self.created);
        vault.seal(JOB, &self.id, &w.finish(), &mut getrandom::SysRng)
    }

    pub(super) fn open(vault: &Vault, id: &JobId, sealed: &[u8]) -> Result<Self, Error> {
        let bytes = vault.open(JOB, id, sealed).map_err(|_| Error::Corrupt { table: "jobs" })?;
        Self::read(id, bytes.expose()).map_err(corrupt("jobs"))
    }

    fn read(id: &JobId, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let version = r.u8("job")?;
        if version != VERSION {
            return Err(DecodeError::new("job", DecodeReason::Version { got: version.into() }));
        }
        let requester = text(r.var16("requester", NAME_MAX)?)?;
        let district = District::parse(&text(r.var16("district", NAME_MAX)?)?);
        let district = district.map_err(|_| DecodeError::new("district", DecodeReason::Text))?;
        let (serial, granularity) = (r.u64("serial")?, Granularity::from_id(r.u8("granularity")?)?);
        let fingerprint = *r.array("fingerprint")?;
        let (users, keys, purposes) = (r.u64("users")?, r.u64("keys")?, r.u8("purposes")?);
        let purposes = Purposes::from_id(purposes.into())
            .ok_or_else(|| DecodeError::new("purposes", DecodeReason::Unknown { got: purposes.into() }))?;
        let created = r.u64("created")?;
        r.finish("job")?;
        Ok(Self { id: *id, requester, district, serial, granularity, fingerprint, users, keys, purposes, created })
    }
}

fn text(bytes: &[u8]) -> Result<String, DecodeError> {
    core::str::from_utf8(bytes).map(str::to_owned).map_err(|_| DecodeError::new("text", DecodeReason::Text))
}

/// The purposes of a set, in a fixed order.
pub(super) fn each(purposes: Purposes) -> impl Iterator<Item = Purpose> {
    [Purpose::Decrypt, Purpose::Sign].into_iter().filter(move |p| purposes.contains(*p))
}

/// Cuts a plan into chunks of at most `size` keys, each user's orders into as few pieces as possible.
///
/// # Errors
/// [`Error::TooMany`] for more than [`CHUNKS`]; [`Error::Input`] if not even one period fits; a failing generator.
pub(super) fn cut(vault: &Vault, job: &Job, plan: &Plan, size: usize) -> Result<Vec<NewChunk>, Error> {
    let per = each(job.purposes).count();
    let district = plan.parameters().district().as_str().len();
    let mut cutter = Cutter { vault, job, chunks: Vec::new(), pieces: Vec::new(), first: 0, keys: 0, bytes: 0 };
    for (order, first) in plan.orders() {
        let key = district + order.name.as_str().len() + KEY_BYTES;
        let fits =
            |keys: usize, bytes: usize| size.saturating_sub(keys).min(CHUNK_BYTES.saturating_sub(bytes) / key) / per;
        if fits(0, 0) == 0 {
            return Err(Error::Input {
                what: "the keys of one period are more than a chunk, or than the requester may have in a day",
            });
        }
        let (mut left, mut period) = (order.count, Some(*first));
        while left > 0 {
            let room = fits(cutter.keys, cutter.bytes);
            // Rather in one piece in the next chunk than in two.
            if room == 0 || (room < left && left <= fits(0, 0) && !cutter.pieces.is_empty()) {
                cutter.end()?;
                continue;
            }
            let take = room.min(left);
            let start = period.ok_or(Error::Crypto(crate::error::IdentityError::TimeRange.into()))?;
            cutter.pieces.push(Piece { name: order.name.clone(), start: start.start(), count: take as u32 });
            cutter.keys += take * per;
            cutter.bytes += take * per * key;
            left -= take;
            for _ in 0..take {
                period = period.and_then(|p| p.next().ok());
            }
        }
    }
    cutter.end()?;
    Ok(cutter.chunks)
}

struct Cutter<'a> {
    vault: &'a Vault,
    job: &'a Job,
    chunks: Vec<NewChunk>,
    pieces: Vec<Piece>,
    first: u64,
    keys: usize,
    bytes: usize,
}

impl Cutter<'_> {
    fn end(&mut self) -> Result<(), Error> {
        if self.pieces.is_empty() {
            return Ok(());
        }
        if self.chunks.len() == CHUNKS {
            return Err(Error::TooMany { limit: self.first as usize, got: self.job.keys as usize });
        }
        let mut w = Writer::new();
        w.u32(self.pieces.len() as u32);
        for Piece { name, start, count } in &self.pieces {
            w.var16(name.as_str().as_bytes()).u64(*start).u32(*count);
        }
        let context = place(&self.job.id, self.chunks.len() as u64);
        let sealed = self.vault.seal(ORDERS, &context, &w.finish(), &mut getrandom::SysRng)?;
        self.chunks.push(NewChunk { first: self.first, amount: self.keys as u64, sealed });
        self.first += self.keys as u64;
        (self.keys, self.bytes) = (0, 0);
        self.pieces.clear();
        Ok(())
    }
}

/// The pieces of a chunk.
pub(super) fn pieces(vault: &Vault, job: &JobId, at: u64, sealed: &[u8]) -> Result<Vec<Piece>, Error> {
    let table = "bulk_orders";
    let bytes = vault.open(ORDERS, &place(job, at), sealed).map_err(|_| Error::Corrupt { table })?;
    read_pieces(bytes.expose()).map_err(corrupt(table))
}

fn read_pieces(bytes: &[u8]) -> Result<Vec<Piece>, DecodeError> {
    let mut r = Reader::new(bytes);
    let n = r.u32("orders")?;
    let mut out = Vec::new();
    for _ in 0..n {
        let name = text(r.var16("name", NAME_MAX)?)?;
        let name = Name::parse(&name).map_err(|_| DecodeError::new("name", DecodeReason::Text))?;
        let (start, count) = (r.u64("start")?, r.u32("count")?);
        if count as usize > PERIOD_LIMIT {
            let reason = DecodeReason::TooLong { limit: PERIOD_LIMIT, got: count as usize };
            return Err(DecodeError::new("count", reason));
        }
        out.push(Piece { name, start, count });
    }
    r.finish("orders")?;
    Ok(out)
}

/// The identities of a piece.
pub(super) fn identities(job: &Job, piece: &Piece) -> Result<Vec<Identity>, Error> {
    let mut out = Vec::with_capacity(piece.count as usize);
    let mut period = Period::containing(job.granularity, piece.start)?;
    for i in 0..piece.count {
        if i > 0 {
            period = period.next()?;
        }
        for purpose in each(job.purposes) {
            out.push(Identity::new(&job.district, job.serial, purpose, piece.name.clone(), period)?);
        }
    }
    Ok(out)
}

/// What a chunk has refused.
pub(super) fn seal_refused(
    vault: &Vault,
    job: &JobId,
    at: u64,
    refused: &[(&Identity, Refusal)],
) -> Result<Vec<u8>, Error> {
    let mut w = Writer::new();
    w.u32(refused.len() as u32);
    for (identity, why) in refused {
        w.var16(identity.der()).u64(why.id());
    }
    vault.seal(REFUSED, &place(job, at), &w.finish(), &mut getrandom::SysRng)
}

pub(super) fn open_refused(
    vault: &Vault,
    job: &Job,
    at: u64,
    sealed: &[u8],
) -> Result<Vec<(Identity, Refusal)>, Error> {
    let broken = || Error::Corrupt { table: "bulk_refused" };
    let bytes = vault.open(REFUSED, &place(&job.id, at), sealed).map_err(|_| broken())?;
    let mut r = Reader::new(bytes.expose());
    let n = r.u32("refused").map_err(|_| broken())?;
    let mut out = Vec::new();
    for _ in 0..n {
        let der = r.var16("identity", IDENTITY_MAX).map_err(|_| broken())?;
        let identity = Identity::from_der(der, job.granularity).map_err(|_| broken())?;
        let why = Refusal::from_id(r.u64("why").map_err(|_| broken())?).ok_or_else(broken)?;
        out.push((identity, why));
    }
    r.finish("refused").map_err(|_| broken())?;
    Ok(out)
}
