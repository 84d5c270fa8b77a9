//! Alice in district A and Bob in district B, for the crate and for the rival, with the same keys; and whole exchanges of both.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each user takes its part

use std::convert::Infallible;

use ibake::ibake::guard::Guard;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, Responder, Session, start};
use ibake::ibe::extract::{Issuer, MasterKey, PrivateKey};
use ibake::ibe::kem::Recipient;
use ibake::ibe::{Description, District, Granularity, Identity, Name, PublicParameters, Purpose};
use ibake::suite::Suite;
use rand_core::{TryCryptoRng, TryRng};

use super::by_hand::{self, exchange};

/// 2026-11-21 12:00:00 UTC.
pub const NOW: u64 = 1_795_262_400;
const DAY: u64 = 86_400;

/// A fast generator that is none: for measurements only.
pub struct Cheap(u64);

impl TryRng for Cheap {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.try_next_u64()? >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(z ^ z >> 31)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Cheap {}

pub fn rng() -> Cheap {
    Cheap(1)
}

/// One end: its district and its key, ours and by hand.
pub struct End {
    pub issuer: Issuer,
    pub parameters: PublicParameters,
    pub identity: Identity,
    pub keys: [PrivateKey; 1],
    pub hand_master: by_hand::Master,
    pub hand_identity: by_hand::Identity,
    pub hand_key: by_hand::Key,
}

impl End {
    fn new(district: &str, name: &str, granularity: Granularity, rng: &mut Cheap) -> Self {
        let description = Description {
            district: District::parse(district).unwrap(),
            serial: 1,
            not_before: NOW - 400 * DAY,
            not_after: NOW + 400 * DAY,
            granularity,
            pkg_uri: None,
        };
        let master = MasterKey::generate(rng).unwrap();
        let parameters = master.public_parameters(description).unwrap();
        let hand_master = by_hand::Master::new(master.to_bytes().expose());
        let issuer = master.issuer(parameters.clone()).unwrap();
        let identity = parameters.identity(Name::parse(name).unwrap(), Purpose::Decrypt, NOW).unwrap();
        let hand_district = by_hand_district(&parameters);
        let hand_identity = by_hand_identity(&hand_district, &identity);
        let hand_key = hand_master.extract(&hand_district, &hand_identity);
        let keys = [issuer.extract(&identity).unwrap()];
        Self { issuer, parameters, identity, keys, hand_master, hand_identity, hand_key }
    }

    pub const fn key(&self) -> &PrivateKey {
        &self.keys[0]
    }
}

pub fn by_hand_district(p: &PublicParameters) -> by_hand::District {
    by_hand::District::new(p.district().as_str(), p.serial(), *p.fingerprint(), &p.p_pub().to_compressed())
}

pub fn by_hand_identity(district: &by_hand::District, identity: &Identity) -> by_hand::Identity {
    let period = identity.period();
    let key_ref = district.key_ref(period.start(), period.granularity().id());
    by_hand::Identity { der: identity.der().to_vec(), key_ref }
}

/// Alice calls Bob.
pub struct World {
    pub alice: End,
    pub bob: End,
    pub parameters: Vec<PublicParameters>,
    /// Districts of Alice and Bob.
    pub hand_districts: [by_hand::District; 2],
}

impl World {
    pub fn new() -> Self {
        let mut rng = rng();
        let alice = End::new("https://kgs.a.example", "sip:alice@a.example", Granularity::Day, &mut rng);
        let bob = End::new("https://kgs.b.example", "tel:+15551234567", Granularity::Week, &mut rng);
        let parameters = vec![alice.parameters.clone(), bob.parameters.clone()];
        let hand_districts = [by_hand_district(&alice.parameters), by_hand_district(&bob.parameters)];
        Self { alice, bob, parameters, hand_districts }
    }

    /// Bob as Alice keeps him, Alice as Bob keeps her.
    pub fn cached(&self) -> (Recipient, Vec<Recipient>) {
        let keep = |end: &End| Recipient::cached(&end.parameters, &end.identity).unwrap();
        (keep(&self.bob), vec![keep(&self.alice)])
    }

    /// The same by hand.
    pub fn hand_cached(&self) -> (by_hand::Recipient<'_>, by_hand::Recipient<'_>) {
        let keep = |i: usize, end: &End| by_hand::Recipient::for_many(&self.hand_districts[i], &end.hand_identity);
        (keep(1, &self.bob), keep(0, &self.alice))
    }
}

/// The exchange of the crate, message by message.
pub struct Ours<'w> {
    pub world: &'w World,
    pub config: Config,
    pub suite: Suite,
    /// What Bob keeps of others.
    pub known: Vec<Recipient>,
}

impl<'w> Ours<'w> {
    pub fn new(world: &'w World, suite: Suite, known: Vec<Recipient>) -> Self {
        Self { world, config: Config { suites: vec![suite], ..Config::default() }, suite, known }
    }

    pub fn m1(&self, peer: &Recipient, rng: &mut Cheap) -> (AwaitM2, Vec<u8>) {
        let alice = &self.world.alice;
        start(&self.config, self.suite, alice.key(), &alice.parameters, peer, NOW, rng).unwrap()
    }

    pub fn m2(&self, m1: &[u8], guard: &mut Guard, rng: &mut Cheap) -> (AwaitM3, Vec<u8>) {
        let (config, keys, peers) = (&self.config, &self.world.bob.keys[..], &self.known);
        let responder = Responder { config, keys, parameters: &self.world.parameters, peers };
        responder.accept(guard, m1, NOW, rng).unwrap()
    }

    /// All of it, both ends, with `peer` as Alice has Bob.
    pub fn exchange(&self, peer: &Recipient, guard: &mut Guard, rng: &mut Cheap) -> (Session, Session) {
        let (i, m1) = self.m1(peer, rng);
        let (r, m2) = self.m2(&m1, guard, rng);
        let (i, m3) = i.receive(&m2, self.world.alice.key(), peer, b"", NOW, rng).unwrap();
        let (r, _, m4) = r.receive(&m3, &self.world.bob.keys, b"", guard, NOW).unwrap();
        (i.receive(&m4, NOW).unwrap().0, r)
    }
}

/// A guard that never is full in a measurement.
pub fn guard(rng: &mut Cheap) -> Guard {
    Guard::new(1 << 24, u32::MAX, rng).unwrap()
}

/// The rival's exchange, both ends, with what Alice and Bob have of each other.
pub fn hand_exchange(
    world: &World,
    peer: &by_hand::Recipient<'_>,
    known: Option<&by_hand::Recipient<'_>>,
    rng: &mut Cheap,
) -> (exchange::Session, exchange::Session) {
    let (alice, bob) = (&world.alice.hand_key, &world.bob.hand_key);
    let (i, m1) = exchange::start(alice, peer, rng);
    let (r, m2) = exchange::accept(&m1, bob, &world.hand_districts, known, rng).unwrap();
    let (i, m3) = i.receive(&m2, alice, peer, rng).unwrap();
    let (r, m4) = r.receive(&m3, bob).unwrap();
    (i.receive(&m4).unwrap(), r)
}
