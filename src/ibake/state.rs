//! The serial form of half-open states, for servers that hold many or hand them to another process.
//!
//! The bytes are as secret as the state. Reading them back checks the whole structure; the ephemeral secret continues the one
//! exchange that it belongs to, so a form must be used once.
//!
//! ```text
//! u8 version || u8 kind (2: awaits M2, 3: awaits M3) || u16 suite || sid_I || [sid_R] || ck || h || identity of I, of R
//! || ephemeral secret (u16 length) || kind 2: u8 flag [ML-KEM seed (64)], u8 count, suites
//!                                  || kind 3: X (u16 length), u8 flag [ML-KEM secret (32)], nR (32)   || u64 started
//! identity = u8 granularity || DER (u16 length)
//! ```

use super::initiator::AwaitM2;
use super::messages::{read_suite_list, suite_list};
use super::responder::AwaitM3;
use super::schedule::Schedule;
use crate::dh::{KeyPair, Share};
use crate::encoding::{Reader, Writer};
use crate::error::{DecodeError, DecodeReason, Error};
use crate::ibe::identity::Identity;
use crate::ibe::period::Granularity;
use crate::kdf::Prk;
use crate::secret::{Secret, SecretVec};
use crate::suite::Suite;
use alloc::vec::Vec;

const VERSION: u8 = 1;
const LIMIT: usize = 4096;
/// Enough for everything but the identities, so that no secret is left behind by a reallocation: fixed fields 146 bytes,
/// ephemeral secret at most 68, `X` at most 135, ML-KEM part at most 65, suites at most 33.
const ROOM: usize = 448;

impl AwaitM2 {
    /// The serial form.
    pub fn to_bytes(&self) -> SecretVec {
        let mut w = start(2, &self.schedule, &self.sid_i, &[], self.own.der().len() + self.peer.der().len());
        finish_ids(&mut w, &self.schedule, &self.own, &self.peer, &self.x);
        write_optional(&mut w, self.kem_seed.as_ref());
        w.bytes(&suite_list(&self.suites.iter().map(|s| s.id()).collect::<Vec<_>>()));
        w.u64(self.started);
        SecretVec::new(w.finish())
    }

    /// Reads the serial form.
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let suite = read_start(&mut r, 2)?;
        let sid_i = *r.array("sid_I")?;
        let (schedule, own, peer, x) = read_common(&mut r, suite)?;
        let kem_seed = read_optional(&mut r, suite)?;
        let suites = read_own_suites(&mut r)?;
        let started = r.u64("started")?;
        r.finish("state")?;
        Ok(Self { schedule, sid_i, own, peer, x, kem_seed, suites, started })
    }
}

impl AwaitM3 {
    /// The serial form.
    pub fn to_bytes(&self) -> SecretVec {
        let mut w =
            start(3, &self.schedule, &self.sid_i, &self.sid_r, self.initiator.der().len() + self.responder.der().len());
        finish_ids(&mut w, &self.schedule, &self.initiator, &self.responder, &self.y);
        w.var16(self.x.as_bytes());
        write_optional(&mut w, self.ss.as_ref());
        w.bytes(self.nonce_r.expose()).u64(self.started);
        SecretVec::new(w.finish())
    }

    /// Reads the serial form.
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let suite = read_start(&mut r, 3)?;
        let (sid_i, sid_r) = (*r.array("sid_I")?, *r.array("sid_R")?);
        let (schedule, initiator, responder, y) = read_common(&mut r, suite)?;
        let x = Share::decode(suite.group(), r.var16("X", LIMIT)?)?;
        let ss = read_optional(&mut r, suite)?;
        let nonce_r = Secret::new(*r.array("nR")?);
        let started = r.u64("started")?;
        r.finish("state")?;
        Ok(Self { schedule, sid_i, sid_r, initiator, responder, x, y, ss, nonce_r, started })
    }
}

fn start(kind: u8, schedule: &Schedule, sid_i: &[u8; 16], sid_r: &[u8], ids: usize) -> Writer {
    let mut w = Writer::with_capacity(ROOM + ids);
    w.u8(VERSION).u8(kind).u16(schedule.suite.id()).bytes(sid_i).bytes(sid_r);
    w
}

fn finish_ids(w: &mut Writer, schedule: &Schedule, i: &Identity, r: &Identity, secret: &KeyPair) {
    w.bytes(schedule.ck.secret().expose()).bytes(&schedule.h);
    for id in [i, r] {
        w.u8(id.period().granularity().id()).var16(id.der());
    }
    w.var16(secret.secret_bytes().expose());
}

fn write_optional<const N: usize>(w: &mut Writer, secret: Option<&Secret<N>>) {
    w.u8(secret.is_some().into());
    if let Some(secret) = secret {
        w.bytes(secret.expose());
    }
}

fn read_start(r: &mut Reader<'_>, expected: u8) -> Result<Suite, Error> {
    let version = r.u8("state version")?;
    if version != VERSION {
        return Err(DecodeError::new("state", DecodeReason::Version { got: version.into() }).into());
    }
    if r.u8("state kind")? != expected {
        return Err(DecodeError::new("state kind", DecodeReason::Inconsistent).into());
    }
    Ok(Suite::from_id(r.u16("suite")?)?)
}

type Common = (Schedule, Identity, Identity, KeyPair);

fn read_common(r: &mut Reader<'_>, suite: Suite) -> Result<Common, Error> {
    let ck = Prk::from_secret(Secret::new(*r.array("chaining key")?));
    let h = *r.array("transcript")?;
    let (i, other) = (read_identity(r)?, read_identity(r)?);
    let secret = KeyPair::from_secret_bytes(suite.group(), r.var16("ephemeral secret", LIMIT)?)?;
    Ok((Schedule { suite, ck, h }, i, other, secret))
}

fn read_identity(r: &mut Reader<'_>) -> Result<Identity, Error> {
    let granularity = Granularity::from_id(r.u8("granularity")?)?;
    Identity::from_der(r.var16("identity", LIMIT)?, granularity)
}

/// The own list: what this end does not know it never listed.
fn read_own_suites(r: &mut Reader<'_>) -> Result<Vec<Suite>, DecodeError> {
    read_suite_list(r)?.into_iter().map(Suite::from_id).collect()
}

/// Present exactly in hybrid suites.
fn read_optional<const N: usize>(r: &mut Reader<'_>, suite: Suite) -> Result<Option<Secret<N>>, Error> {
    let flag = r.u8("ML-KEM flag")?;
    if flag != u8::from(suite.is_hybrid()) {
        return Err(DecodeError::new("ML-KEM flag", DecodeReason::Inconsistent).into());
    }
    Ok(if flag == 1 { Some(Secret::new(*r.array("ML-KEM secret")?)) } else { None })
}
