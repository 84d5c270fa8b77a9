//! One file a layer.

mod call_cases;
mod calls;
mod deposits;
mod envelope;
mod exchange;
mod extraction;
mod file;
mod hashing;
mod identity;
mod kem;
mod key_reference;
mod limits;
mod parameters;
mod receivers;
mod sealed_box;
mod signatures;
mod transport;
mod verification;

use super::Layer;

/// What the negative cases are made of.
pub(super) mod tools {
    pub(crate) use super::call_cases::{MAILBOX, MALLORY, Scene, deposit_of, drawn, terms, with};
    pub(crate) use super::calls::update_values;
    pub(crate) use super::file::{bytes as file_bytes, inputs as file_inputs};
    pub(crate) use super::kem::encapsulation;
    pub(crate) use super::parameters::algorithms;
    pub(crate) use super::receivers::Example;
    pub(crate) use super::sealed_box::{holder, sealed_to};
    pub(crate) use super::signatures::signed;
    pub(crate) use super::verification::small_x;
}

/// In the order of SPEC.md.
pub(crate) const LAYERS: &[&Layer] = &[
    &identity::LAYER,
    &hashing::LAYER,
    &parameters::LAYER,
    &extraction::LAYER,
    &verification::LAYER,
    &kem::LAYER,
    &key_reference::LAYER,
    &sealed_box::LAYER,
    &file::LAYER,
    &signatures::LAYER,
    &exchange::LAYER,
    &calls::LAYER,
    &envelope::LAYER,
    &limits::LAYER,
];

pub(crate) fn find(name: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|l| l.name == name).copied()
}
