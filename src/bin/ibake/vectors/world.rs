//! Two districts and their users, from a seed that is never changed: the inputs of most cases.

use ibake::error::Error;
use ibake::ibe::extract::{Issuer, MasterKey, PrivateKey};
use ibake::ibe::params::Description;
use ibake::ibe::{District, Granularity, Identity, Name, PublicParameters, Purpose};

use super::rng::Seeded;

/// 2026-11-21 12:00:00 UTC.
pub(crate) const NOW: u64 = 1_795_262_400;
pub(crate) const DAY: u64 = 86_400;
pub(crate) const ALICE: &str = "sip:alice@a.example";
pub(crate) const BOB: &str = "tel:+15551234567";
pub(crate) const CAROL: &str = "sips:carol@a.example";
pub(crate) const DAVE: &str = "dave@mail.example";

/// District A (serial 7, days) with alice, carol and dave, district B (serial 1, weeks) with bob.
pub(crate) struct World {
    pub(crate) rng: Seeded,
    pub(crate) a: Issuer,
    pub(crate) b: Issuer,
}

impl World {
    /// # Panics
    /// Never: the seed and the names are constants.
    pub(crate) fn new() -> Self {
        #[allow(clippy::expect_used)]
        Self::try_new().expect("constants")
    }

    fn try_new() -> Result<Self, Error> {
        let mut rng = Seeded::new("exchange vectors");
        let a = district("https://kgs.a.example", 7, Granularity::Day, &mut rng)?;
        let b = district("https://kgs.b.example", 1, Granularity::Week, &mut rng)?;
        Ok(Self { rng, a, b })
    }

    pub(crate) fn parameters_a(&self) -> Vec<u8> {
        self.a.parameters().to_der()
    }

    pub(crate) fn parameters_b(&self) -> Vec<u8> {
        self.b.parameters().to_der()
    }

    /// The identity of a name in the period of now.
    pub(crate) fn identity(&self, name: &str) -> Identity {
        self.identity_at(name, Purpose::Decrypt, NOW)
    }

    /// # Panics
    /// For a name that is none: all names here are constants.
    #[allow(clippy::expect_used)]
    pub(crate) fn identity_at(&self, name: &str, purpose: Purpose, t: u64) -> Identity {
        let parameters: &PublicParameters = if name == BOB { self.b.parameters() } else { self.a.parameters() };
        Name::parse(name).map_err(Error::from).and_then(|n| parameters.identity(n, purpose, t)).expect("constants")
    }

    /// The private key of an identity of either district.
    ///
    /// # Panics
    /// For an identity of neither.
    #[allow(clippy::expect_used)]
    pub(crate) fn key_of(&self, identity: &Identity) -> PrivateKey {
        let issuer = if identity.district() == self.b.parameters().district() { &self.b } else { &self.a };
        issuer.extract(identity).expect("an identity of the world")
    }

    pub(crate) fn key(&self, name: &str) -> PrivateKey {
        self.key_of(&self.identity(name))
    }

    /// The stored form of the key of a name.
    pub(crate) fn stored(&self, name: &str) -> Vec<u8> {
        self.key(name).to_bytes().expose().to_vec()
    }
}

fn district(uri: &str, serial: u64, granularity: Granularity, rng: &mut Seeded) -> Result<Issuer, Error> {
    let description = Description {
        district: District::parse(uri)?,
        serial,
        not_before: NOW - 400 * DAY,
        not_after: NOW + 400 * DAY,
        granularity,
        pkg_uri: None,
    };
    let master = MasterKey::generate(rng)?;
    let parameters = master.public_parameters(description)?;
    master.issuer(parameters)
}
