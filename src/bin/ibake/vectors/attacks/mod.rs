//! The negative cases: attacks and malformed input, each against one group of a layer.

mod calls;
mod exchange;
mod formats;
mod states;

use serde_json::Value;

use super::cases::map;
use super::negative::Negative;

pub(super) use calls::succeed;

pub(super) fn all() -> Vec<Negative> {
    let mut all = formats::cases();
    all.extend(exchange::cases());
    all.extend(calls::cases());
    all.extend(states::cases());
    all
}

/// Name of the file, attack, section of SPEC.md.
type Title = (&'static str, &'static str, &'static str);

fn negative((name, attack, spec): Title, layer: &'static str, group: &'static str, inputs: Value) -> Negative {
    Negative { name, attack, spec, layer, group, inputs: map(inputs) }
}

/// The bytes with what stands at the first place of `from` replaced.
pub(super) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap_or(bytes.len());
    let (head, tail) = bytes.split_at(at);
    [head, to, tail.get(from.len()..).unwrap_or(&[])].concat()
}

/// The bytes with one altered; from the end if `at` is negative.
fn flipped(bytes: &[u8], at: isize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let at = if at < 0 { out.len().saturating_sub(at.unsigned_abs()) } else { at.unsigned_abs() };
    out.get_mut(at).into_iter().for_each(|b| *b ^= 1);
    out
}
