//! Two districts with a user each, made without marks; keys are marked where a case reads them.

use std::cell::Cell;
use std::sync::OnceLock;

use ibake::ibe::district::District;
use ibake::ibe::extract::{MasterKey, PrivateKey};
use ibake::ibe::identity::{Identity, Purpose};
use ibake::ibe::kem::Recipient;
use ibake::ibe::name::Name;
use ibake::ibe::params::{Description, PublicParameters};
use ibake::ibe::period::Granularity;

use crate::probe::{Plain, Probe};

/// 2026-11-21 12:00:00 UTC.
pub const NOW: u64 = 1_795_262_400;
const DAY: u64 = 86_400;

/// A district, its master key and the key of one user, in serial form.
pub struct Side {
    pub master: [u8; 32],
    pub parameters: PublicParameters,
    pub identity: Identity,
    key: Vec<u8>,
    signing_key: Vec<u8>,
}

impl Side {
    fn new(district: &str, name: &str, seed: u64) -> Self {
        let master = MasterKey::generate(&mut Plain(Cell::new(seed))).expect("the generator works");
        let bytes = *master.to_bytes().expose();
        let parameters = master.public_parameters(description(district)).expect("the description is valid");
        let identity = Name::parse(name)
            .ok()
            .and_then(|name| parameters.identity(name, Purpose::Decrypt, NOW).ok())
            .expect("the name is valid");
        let issuer = master.issuer(parameters.clone()).expect("these belong together");
        let stored = |identity| issuer.extract(identity).expect("the identity is ours").to_bytes().expose().to_vec();
        let signer = parameters.identity(identity.name().clone(), Purpose::Sign, NOW).expect("the name is valid");
        let (key, signing_key) = (stored(&identity), stored(&signer));
        Self { master: bytes, parameters, identity, key, signing_key }
    }

    /// The private key in serial form: its last 48 bytes are the point, and secret.
    pub fn key_bytes(&self, probe: &Probe) -> Vec<u8> {
        let mut bytes = self.key.clone();
        let point = bytes.len() - 48;
        probe.secret(&mut bytes[point..]);
        bytes
    }

    /// The private key for signing, marked.
    pub fn signing_key(&self, probe: &Probe) -> PrivateKey {
        let mut bytes = self.signing_key.clone();
        let point = bytes.len() - 48;
        probe.secret(&mut bytes[point..]);
        PrivateKey::from_bytes(&bytes, &self.parameters).expect("a key of these parameters")
    }

    /// The private key, marked.
    pub fn key(&self, probe: &Probe) -> PrivateKey {
        PrivateKey::from_bytes(&self.key_bytes(probe), &self.parameters).expect("a key of these parameters")
    }

    pub fn name(&self) -> &Name {
        self.identity.name()
    }

    pub fn recipient(&self) -> Recipient {
        Recipient::new(&self.parameters, &self.identity).expect("a recipient")
    }
}

pub fn description(district: &str) -> Description {
    Description {
        district: District::parse(district).expect("a district"),
        serial: 7,
        not_before: NOW - 400 * DAY,
        not_after: NOW + 400 * DAY,
        granularity: Granularity::Day,
        pkg_uri: None,
    }
}

pub fn alice() -> &'static Side {
    static SIDE: OnceLock<Side> = OnceLock::new();
    SIDE.get_or_init(|| Side::new("https://kgs.a.example", "sip:alice@a.example", 11))
}

pub fn bob() -> &'static Side {
    static SIDE: OnceLock<Side> = OnceLock::new();
    SIDE.get_or_init(|| Side::new("https://kgs.b.example", "tel:+15551234567", 12))
}

pub fn mailbox() -> &'static Side {
    static SIDE: OnceLock<Side> = OnceLock::new();
    SIDE.get_or_init(|| Side::new("https://kgs.b.example", "sip:mailbox@b.example", 13))
}
