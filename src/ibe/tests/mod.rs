//! Tests that are longer than what they test.

mod armour;
mod identity;
mod introduction;
mod name;
mod params;
