//! What a listening KGS can and cannot do: somebody who holds the master keys of both districts and a recording of a call tries
//! to learn the session's key.
//!
//! Implements the receiver's schedule anew from SPEC.md section 5.4, with the pieces of the library that everybody has. The master
//! keys give `d_I` and `d_R`, these give `K1`, `K2`, `K3`, and with them M1 and M2 open. `ck3` needs `dh` too, that is, `x` or
//! `y`, which no message carries. Every guess at `dh` is put to the test of M3's seal.

use ibake::aead;
use ibake::encoding::{Reader, lp};
use ibake::error::{DecodeError, Error};
use ibake::ibe::extract::{Issuer, PrivateKey};
use ibake::ibe::kem::{ENCAPSULATION_BYTES, Encapsulation};
use ibake::ibe::{Granularity, Identity, Name, Period, Purpose};
use ibake::kdf::{Prk, hash, label};
use ibake::secret::{Secret, SecretVec};
use ibake::suite::{AKE_VERSION, Group, Suite, labels};

/// Somebody's place in a header: district, serial, period.
#[derive(Clone, Debug)]
struct Place {
    district: String,
    serial: u64,
    period: Period,
}

/// A message split into what the schedule needs.
struct Message<'a> {
    suite: Suite,
    initiator: Place,
    responder: Place,
    header: &'a [u8],
    kem: &'a [u8],
    sealed: &'a [u8],
    all: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        r.u16("version")?;
        let suite = Suite::from_id(r.u16("suite")?)?;
        let kind = r.u8("type")?;
        r.bytes("sid_I, sid_R", 32)?;
        let (initiator, responder) = (place(&mut r)?, place(&mut r)?);
        if kind == 1 {
            let count = usize::from(r.u8("suite list")?);
            r.bytes("suite list", 2 * count)?;
            if r.u8("hint")? == 1 {
                r.bytes("hint", 16)?;
            }
        }
        let header = bytes.get(..r.position()).unwrap_or(bytes);
        let kem = if kind == 4 { &[][..] } else { r.bytes("U, V", ENCAPSULATION_BYTES)? };
        Ok(Self { suite, initiator, responder, header, kem, sealed: r.rest(), all: bytes })
    }

    fn decapsulate(&self, key: &PrivateKey) -> Result<Secret<32>, Error> {
        let mut r = Reader::new(self.kem);
        Encapsulation::decode(r.array::<ENCAPSULATION_BYTES>("U, V")?)?.decapsulate(key)
    }
}

fn place(r: &mut Reader<'_>) -> Result<Place, Error> {
    let district = String::from_utf8_lossy(r.var16("district", 255)?).into_owned();
    let serial = r.u64("serial")?;
    let start = r.u64("period")?;
    Ok(Place { district, serial, period: Period::new(Granularity::from_id(r.u8("granularity")?)?, start)? })
}

/// Chaining key and transcript hash.
struct Schedule {
    suite: Suite,
    ck: Prk,
    h: [u8; 32],
}

impl Schedule {
    fn new(suite: Suite, fp_i: &[u8; 32], fp_r: &[u8; 32]) -> Self {
        let (version, id) = (AKE_VERSION.to_be_bytes(), suite.id().to_be_bytes());
        let h = hash(&[label(labels::AKE).as_ref(), &version, &id, fp_i, fp_r]);
        Self { suite, ck: Prk::from_secret(Secret::new(h)), h }
    }

    fn mix(&self, parts: &[&[u8]]) -> Prk {
        let lengths: Vec<[u8; 4]> = parts.iter().map(|p| lp(p)).collect();
        let ikm: Vec<&[u8]> = lengths.iter().zip(parts).flat_map(|(l, p)| [l.as_slice(), p]).collect();
        Prk::extract(self.ck.secret().expose(), &ikm)
    }

    fn open(&self, ck: &Prk, n: u8, m: &Message<'_>) -> Result<SecretVec, Error> {
        let (ad, seal) = (label(labels::AD), label(labels::SEAL));
        let ad = [ad.as_ref(), &[n], &lp(&self.h), &self.h, &lp(m.header), m.header, m.kem].concat();
        let key = ck.expand::<32>(&[seal.as_ref(), &[n], &hash(&[&ad])]);
        aead::open(self.suite.aead(), key.expose(), &ad, m.sealed)
    }

    fn advance(&mut self, m: &Message<'_>) {
        self.h = hash(&[label(labels::TR).as_ref(), &lp(&self.h), &self.h, &lp(m.all), m.all]);
    }
}

/// What the listener found.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) initiator: String,
    pub(crate) responder: String,
    pub(crate) x: Vec<u8>,
    pub(crate) y: Vec<u8>,
    /// How many values were tried in place of the shared secret.
    pub(crate) guesses: usize,
    /// The exporter's key, if one of them was right. It never is.
    pub(crate) exporter: Option<[u8; 32]>,
}

/// Why the listener got nowhere at all.
pub(crate) enum Obstacle {
    /// A message cannot be read.
    Message(Error),
    /// No issuer of this district and serial is among the given ones.
    Kgs(String),
    /// None of the names that the KGS serves is the one that was called.
    Names,
    /// M2 does not open.
    Second,
}

impl From<Error> for Obstacle {
    fn from(e: Error) -> Self {
        Self::Message(e)
    }
}

impl From<DecodeError> for Obstacle {
    fn from(e: DecodeError) -> Self {
        Self::Message(e.into())
    }
}

fn issuer<'k>(issuers: &'k [Issuer], at: &Place) -> Result<&'k Issuer, Obstacle> {
    let serves = |i: &&Issuer| {
        let p = i.parameters();
        p.district().as_str() == at.district && p.serial() == at.serial
    };
    issuers.iter().find(serves).ok_or_else(|| Obstacle::Kgs(at.district.clone()))
}

/// Tries. `names` are those that the KGSs have issued keys for; the headers do not carry them.
pub(crate) fn run(m1: &[u8], m2: &[u8], m3: &[u8], issuers: &[Issuer], names: &[Name]) -> Result<Findings, Obstacle> {
    let (m1, m2, m3) = (Message::read(m1)?, Message::read(m2)?, Message::read(m3)?);
    let (kgs_i, kgs_r) = (issuer(issuers, &m1.initiator)?, issuer(issuers, &m1.responder)?);
    let (fp_i, fp_r) = (kgs_i.parameters().fingerprint(), kgs_r.parameters().fingerprint());

    // M1: make the private key of everybody who may have been called.
    let mut schedule = Schedule::new(m1.suite, fp_i, fp_r);
    let mut called = None;
    for name in names {
        let district = kgs_r.parameters().district();
        let (serial, period) = (m1.responder.serial, m1.responder.period);
        let identity = Identity::new(district, serial, Purpose::Decrypt, name.clone(), period).map_err(Error::from)?;
        let d_r = kgs_r.extract(&identity)?;
        let k1 = m1.decapsulate(&d_r)?;
        let ck1 = schedule.mix(&[k1.expose()]);
        if let Ok(plain) = schedule.open(&ck1, 1, &m1) {
            called = Some((d_r, ck1, plain));
            break;
        }
    }
    let (d_r, ck1, plain) = called.ok_or(Obstacle::Names)?;
    schedule.ck = ck1;
    schedule.advance(&m1);
    let mut r = Reader::new(plain.expose());
    let id_i = Identity::from_der(r.var16("ID_I", 4096)?, m1.initiator.period.granularity())?;
    r.var16("ID_R", 4096)?;
    let x = r.var16("X", 4096)?.to_vec();

    // M2: now the caller's name is known.
    let d_i = kgs_i.extract(&id_i)?;
    schedule.ck = schedule.mix(&[m2.decapsulate(&d_i)?.expose()]);
    let plain = schedule.open(&schedule.ck, 2, &m2).map_err(|_| Obstacle::Second)?;
    schedule.advance(&m2);
    let mut r = Reader::new(plain.expose());
    for what in ["ID_I", "ID_R", "X"] {
        r.var16(what, 4096)?;
    }
    let y = r.var16("Y", 4096)?.to_vec();

    // M3 and the session's key: K3 is known as well, x and y are not.
    let k3 = m3.decapsulate(&d_r)?;
    let guesses = guesses(m1.suite, &x, &y);
    let mut exporter = None;
    for dh in &guesses {
        for ss in [&[][..], &[0; 32]] {
            let ck3 = schedule.mix(&[k3.expose(), dh, ss]);
            if schedule.open(&ck3, 3, &m3).is_ok() {
                let mut after = Schedule { suite: m1.suite, ck: Prk::from_secret(Secret::zero()), h: schedule.h };
                after.advance(&m3);
                exporter = Some(*ck3.expand::<32>(&[label(labels::EXPORTER).as_ref(), &after.h]).expose());
            }
        }
    }
    let (initiator, responder) = (id_i.name().to_string(), d_r.identity().name().to_string());
    Ok(Findings { initiator, responder, x, y, guesses: 2 * guesses.len(), exporter })
}

/// All that can be put in place of the shared secret: what was seen, and what one can make of it.
fn guesses(suite: Suite, x: &[u8], y: &[u8]) -> Vec<Vec<u8>> {
    let coordinate = |share: &[u8]| match suite.group() {
        Group::X25519 => share.to_vec(),
        _ => share.get(1..1 + share.len() / 2).unwrap_or_default().to_vec(),
    };
    let (x1, y1) = (coordinate(x), coordinate(y));
    let both: Vec<u8> = x1.iter().zip(&y1).map(|(a, b)| a ^ b).collect();
    let zero = vec![0; x1.len()];
    vec![Vec::new(), zero, both, x1, y1, x.to_vec(), y.to_vec(), hash(&[x, y]).to_vec(), hash(&[y, x]).to_vec()]
}
