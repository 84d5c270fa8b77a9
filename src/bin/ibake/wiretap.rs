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

/// Tries. `names` are those that the KGSs have issued keys for; the headers do not carry them. `more` are further guesses at
/// the shared secret.
pub(crate) fn run(
    [m1, m2, m3]: [&[u8]; 3],
    issuers: &[Issuer],
    names: &[Name],
    more: &[Vec<u8>],
) -> Result<Findings, Obstacle> {
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
    let guesses = [guesses(m1.suite, &x, &y), more.to_vec()].concat();
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

#[cfg(test)]
mod tests {
    use super::*;
    use getrandom::SysRng;
    use ibake::dh::{KeyPair, Share};
    use ibake::ibake::guard::Guard;
    use ibake::ibake::{Config, Responder, start};
    use ibake::ibe::extract::MasterKey;
    use ibake::ibe::kem::Recipient;
    use ibake::ibe::{Description, District};

    const NOW: u64 = 1_795_262_400;

    fn kgs(district: &str) -> Issuer {
        let master = MasterKey::generate(&mut SysRng).unwrap();
        let description = Description {
            district: District::parse(district).unwrap(),
            serial: 1,
            not_before: NOW - 10_000_000,
            not_after: NOW + 10_000_000,
            granularity: Granularity::Day,
            pkg_uri: None,
        };
        let parameters = master.public_parameters(description).unwrap();
        master.issuer(parameters).unwrap()
    }

    fn key(issuer: &Issuer, name: &str) -> PrivateKey {
        let name = Name::parse(name).unwrap();
        issuer.extract(&issuer.parameters().identity(name, Purpose::Decrypt, NOW).unwrap()).unwrap()
    }

    /// `x` out of the serial form of the waiting initiator, the one place where it can be had.
    fn ephemeral(state: &[u8]) -> &[u8] {
        let mut r = Reader::new(state);
        r.bytes("version, kind, suite, sid_I, ck, h", 4 + 16 + 64).unwrap();
        for what in ["I", "R"] {
            r.u8("granularity").unwrap();
            r.var16(what, 4096).unwrap();
        }
        r.var16("x", 4096).unwrap()
    }

    /// The control: the same attempt succeeds once it is given the shared secret, so its failure means something.
    #[test]
    fn the_listener_fails_for_want_of_x_alone() {
        for suite in [Suite::P256Aes256Gcm, Suite::P384Aes256Gcm, Suite::X25519ChaCha20Poly1305] {
            let issuers = [kgs("https://a.example"), kgs("https://b.example")];
            let (alice, bob) = (key(&issuers[0], "sip:alice@a.example"), [key(&issuers[1], "tel:+15551234567")]);
            let parameters: Vec<_> = issuers.iter().map(|i| i.parameters().clone()).collect();
            let peer = Recipient::new(&parameters[1], bob[0].identity()).unwrap();
            let config = Config { suites: vec![suite], ..Config::default() };
            let mut guard = Guard::new(10, 10, &mut SysRng).unwrap();
            let (i, m1) = start(&config, suite, &alice, &parameters[0], &peer, NOW, &mut SysRng).unwrap();
            let responder = Responder { config: &config, keys: &bob, parameters: &parameters, peers: &() };
            let (r, m2) = responder.accept(&mut guard, &m1, NOW, &mut SysRng).unwrap();
            let state = i.to_bytes();
            let (_, m3) = i.receive(&m2, &alice, &peer, b"", NOW, &mut SysRng).unwrap();
            let (session, _, _) = r.receive(&m3, &bob, b"", &mut guard, NOW).unwrap();

            let names = ["sip:carol@a.example", "tel:+15551234567"].map(|n| Name::parse(n).unwrap());
            let attempt = |more: &[Vec<u8>]| run([&m1, &m2, &m3], &issuers, &names, more).ok().unwrap();
            let found = attempt(&[]);
            assert_eq!((found.initiator.as_str(), found.exporter), ("sip:alice@a.example", None));

            let x = KeyPair::from_secret_bytes(suite.group(), ephemeral(state.expose())).unwrap();
            let dh = x.agree(&Share::decode(suite.group(), &found.y).unwrap()).unwrap();
            let exporter = Prk::from_secret(Secret::new(attempt(&[dh.expose().to_vec()]).exporter.unwrap()));
            let mut expected = [0; 32];
            session.export(b"label", b"", &mut expected).unwrap();
            let derived = exporter.expand::<32>(&[&lp(b"label"), b"label", &hash(&[b""]), &32u16.to_be_bytes()]);
            assert_eq!(derived.expose(), &expected);
        }
    }

    #[test]
    fn one_master_key_opens_the_message_to_its_own_side_only() {
        let suite = Suite::P256Aes256Gcm;
        let issuers = [kgs("https://a.example"), kgs("https://b.example")];
        let (alice, bob) = (key(&issuers[0], "sip:alice@a.example"), key(&issuers[1], "tel:+15551234567"));
        let (a, b) = (issuers[0].parameters(), issuers[1].parameters());
        let peer = Recipient::new(b, bob.identity()).unwrap();
        let (_, m1) = start(&Config::default(), suite, &alice, a, &peer, NOW, &mut SysRng).unwrap();
        let name = [Name::parse("tel:+15551234567").unwrap()];
        let alone = run([&m1, &m1, &m1], &issuers[..1], &name, &[]);
        assert!(matches!(alone, Err(Obstacle::Kgs(d)) if d == "https://b.example"));
    }
}
