//! Prints `vectors/ibake/exchange.json`: one exchange per suite with fixed randomness. Writes to standard output only.

#[path = "../tests/common/mod.rs"]
mod common;

fn main() {
    println!("{:#}", common::exchanges());
}
