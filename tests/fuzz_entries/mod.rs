//! Every door through which bytes of others come in, as functions from bytes to nothing: the fuzz targets of `fuzz/` and the
//! bounded tests of `tests/fuzz.rs` call the same ones.
//!
//! An entry panics where a promise is broken: on a panic of the library itself, where something decodes but does not encode to
//! itself, where something opens that was not sealed, where two routes to one answer differ.
#![allow(clippy::unwrap_used, unreachable_pub, dead_code)]

mod deposits;
mod keys;
mod messages;
mod mikey;
mod names;
mod network;
mod parameters;
mod points;
mod requests;
mod roles;
mod sealed;
#[cfg(feature = "server")]
mod server;
mod signatures;
mod xml;

use std::path::Path;
use std::sync::OnceLock;

use crate::common::{Seeded, World};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::keyref::KeyRef;
use ibake::secret::Secret;

/// One door.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Of the target, of its corpus and of its regression cases.
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// Inputs that get through, from `vectors/` and from a fixed seed.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Whether a run may take milliseconds, so that bounded tests make fewer.
    pub slow: bool,
}

macro_rules! entries {
    ($($(#[$cfg:meta])* $module:ident::$name:ident, $seeds:ident, $slow:literal;)*) => {
        /// All doors.
        pub const ENTRIES: &[Entry] = &[$(
            $(#[$cfg])*
            Entry { name: stringify!($name), run: $module::$name, seeds: $module::$seeds, slow: $slow },
        )*];
    };
}

entries! {
    names::name, name_seeds, false;
    names::identity, identity_seeds, false;
    parameters::parameters, parameters_seeds, true;
    parameters::armour, armour_seeds, true;
    parameters::introduction, introduction_seeds, true;
    keys::private_key, private_key_seeds, true;
    keys::key_file, key_file_seeds, false;
    sealed::encapsulation, encapsulation_seeds, true;
    sealed::sealed_box, box_seeds, true;
    sealed::sealed_file, file_seeds, true;
    signatures::signature, signature_seeds, true;
    #[cfg(feature = "hazmat")] messages::key_ref, key_ref_seeds, false;
    messages::message, message_seeds, true;
    messages::envelope, envelope_seeds, true;
    messages::state, state_seeds, true;
    #[cfg(feature = "hazmat")] messages::body, body_seeds, false;
    #[cfg(feature = "hazmat")] points::point, point_seeds, true;
    points::share, share_seeds, true;
    roles::responder, responder_seeds, true;
    roles::initiator, initiator_seeds, true;
    network::exchange, exchange_seeds, true;
    mikey::mikey, mikey_seeds, false;
    requests::key_request, key_request_seeds, true;
    xml::key_xml, key_xml_seeds, false;
    deposits::deposit, deposit_seeds, true;
    #[cfg(feature = "server")] server::configuration, configuration_seeds, false;
    #[cfg(feature = "server")] server::audit_export, audit_export_seeds, false;
    #[cfg(feature = "server")] server::backup, backup_seeds, true;
}

/// The entry of this name.
pub fn entry(name: &str) -> Entry {
    *ENTRIES.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("no entry {name}"))
}

/// See [`mikey::all_seeds_are_read`].
pub fn mikey_seeds_are_read() {
    mikey::all_seeds_are_read();
}

/// Runs one entry.
pub fn run(name: &str, data: &[u8]) {
    (entry(name).run)(data);
}

/// The world that all entries share. Nothing in it changes; who draws clones its generator.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::new("fuzz"))
}

/// A generator that every run begins anew.
fn rng() -> Seeded {
    Seeded::new("fuzz run")
}

/// Secret bytes that are the same in every run.
fn fixed_secret<const N: usize>(byte: u8) -> Secret<N> {
    Secret::new([byte; N])
}

/// A second handle on a key, which is not `Clone`.
fn copy(key: &PrivateKey) -> PrivateKey {
    let w = world();
    let parameters = if key.fingerprint() == w.a.parameters.fingerprint() { &w.a } else { &w.b };
    PrivateKey::from_bytes(key.to_bytes().expose(), &parameters.parameters).unwrap()
}

/// A key reference as SPEC.md 4.5 writes it.
fn key_ref_bytes(r: &KeyRef) -> Vec<u8> {
    let mut out = (r.district().len() as u16).to_be_bytes().to_vec();
    out.extend(r.district().as_bytes());
    out.extend(r.serial().to_be_bytes());
    out.extend(r.period().start().to_be_bytes());
    out.push(r.period().granularity().id());
    out
}

/// A file below `vectors/`.
fn vectors(path: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = if root.join("vectors").is_dir() { root } else { root.parent().unwrap() };
    std::fs::read(root.join("vectors").join(path)).unwrap()
}

fn json(path: &str) -> serde_json::Value {
    serde_json::from_slice(&vectors(path)).unwrap()
}

/// The vectors of one exchange in each suite.
fn exchanges() -> serde_json::Value {
    json("ibake/exchange.json")["testGroups"][0].clone()
}

fn unhex(text: &serde_json::Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}
