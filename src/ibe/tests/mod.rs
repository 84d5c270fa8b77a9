//! Tests that are longer than what they test.

mod armour;
mod identity;
mod name;
mod params;
