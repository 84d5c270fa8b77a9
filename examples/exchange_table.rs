//! Our paths against the same scheme by hand on blst, in one process: `cargo run --release --example exchange_table -- --quick`.
//!
//! Prints tab-separated `work, path, ours_us, by_hand_us, ratio`, and comments that begin with `#`. The ratio is by-hand time over
//! ours: above 1 we are faster. Method: both sides take turns in every round; times are medians over the rounds, in processor
//! time of the thread, and the ratio is the median of the rounds' own ratios. The rival is constant time like ours; rows that
//! end in `/vartime` have one that may branch on secrets and index by them, which is what speed alone would do.
#![allow(clippy::unwrap_used)]

#[path = "../benches/peers/by_hand.rs"]
mod by_hand;
#[path = "../benches/peers/timing.rs"]
mod timing;
#[path = "../benches/peers/world.rs"]
mod world;

use std::hint::black_box;
use std::time::Duration;

use ibake::ibe::kem::Recipient;
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::suite::{Aead, Suite};

use by_hand::on_blst::set_timing;
use timing::{Rounds, interleave};
use world::{Ours, World, guard, hand_exchange, rng};

/// One line of the table: alternative `ours` against alternative `hand` of some rounds.
fn line(work: &str, rounds: &Rounds, ours: usize, hand: usize) {
    let (a, b, ratio) = (rounds.time(ours), rounds.time(hand), rounds.faster(ours, hand));
    println!("{work}\t{}\t{:.1}\t{:.1}\t{:.3}", ibake::BACKEND, a.median, b.median, ratio.median);
    println!("#   {work}: quartiles: ours {a:.1}, by hand {b:.1}, ratio {ratio:.3}");
}

fn main() {
    let quick = std::env::args().any(|a| a == "--quick");
    let (rounds, slice) = if quick { (31, Duration::from_millis(8)) } else { (201, Duration::from_millis(20)) };
    let (model, flags) = timing::processor();
    println!("# processor: {model}; flags: {flags}");
    println!("# {rounds} rounds, turns of {} ms, processor time of one thread", slice.as_millis());
    println!(
        "# rows /vartime: the same work of ours against a rival that is not constant time in its secrets (powers in Gt, [k]P2)"
    );
    println!("work\tpath\tours_us\tby_hand_us\tratio");

    let world = World::new();
    let (bob, districts) = (&world.bob, &world.hand_districts);
    // Ours, the rival in constant time, the rival in variable time.
    let compare = |work: &str, ours: &mut dyn FnMut(), hand: &mut dyn FnMut(bool)| {
        let hand = std::cell::RefCell::new(hand);
        let rival = |variable: bool| {
            set_timing(variable);
            (hand.borrow_mut())(variable);
        };
        let rounds = interleave(&mut [ours, &mut || rival(false), &mut || rival(true)], rounds, slice);
        line(work, &rounds, 0, 1);
        line(&format!("{work}/vartime"), &rounds, 0, 2);
    };
    let measure = |ours: &mut dyn FnMut(), hand: &mut dyn FnMut()| interleave(&mut [ours, hand], rounds, slice);

    let extract = measure(&mut || drop(black_box(bob.issuer.extract(&bob.identity).unwrap())), &mut || {
        drop(black_box(bob.hand_master.extract(&districts[1], &bob.hand_identity)))
    });
    line("extract", &extract, 0, 1);
    let verify = measure(&mut || bob.key().verify(&bob.parameters).unwrap(), &mut || {
        assert!(bob.hand_key.verify(&districts[1]))
    });
    line("verify", &verify, 0, 1);

    let (mut rng_a, mut rng_b) = (rng(), rng());
    let text = [7; 64];
    compare(
        "seal",
        &mut || {
            let to = Recipient::new(&bob.parameters, &bob.identity).unwrap();
            black_box(seal(&to, Aead::Aes256Gcm, b"ad", &text, &mut rng_a).unwrap());
        },
        &mut |_| {
            let to = by_hand::Recipient::for_one(&districts[1], &bob.hand_identity);
            black_box(to.seal(b"ad", &text, &mut rng_b));
        },
    );
    let to = Recipient::new(&bob.parameters, &bob.identity).unwrap();
    let sealed = seal(&to, Aead::Aes256Gcm, b"ad", &text, &mut rng()).unwrap();
    compare(
        "open",
        &mut || drop(black_box(SealedBox::decode(&sealed).unwrap().open(&bob.keys, b"ad").unwrap())),
        &mut |_| drop(black_box(by_hand::open(&bob.hand_key, b"ad", &sealed).unwrap())),
    );

    println!(
        "# gt_exp: encapsulation to a cached peer, that is the power in Gt from a table (ours 27 KB), [k]P2 and hashing"
    );
    let (peer, known) = world.cached();
    let hand_cached = [false, true].map(|variable| {
        set_timing(variable);
        world.hand_cached()
    });
    let kept = |variable: bool| &hand_cached[usize::from(variable)];
    let sigma = [7; 32];
    compare("gt_exp", &mut || drop(black_box(peer.encapsulate(&mut rng_a).unwrap())), &mut |variable| {
        _ = black_box(kept(variable).0.encapsulate(black_box(&sigma)))
    });
    #[cfg(feature = "hazmat")]
    powers_alone(rounds, slice);

    println!(
        "# exchange: both ends, suite p256-aes256gcm; cold: the initiator prepares the peer once for M1 and M3, the responder once for M2"
    );
    let (cold, cached) = (Ours::new(&world, SUITE, Vec::new()), Ours::new(&world, SUITE, known));
    let mut guards = [guard(&mut rng_a), guard(&mut rng_a)];
    let [guard_cold, guard_cached] = &mut guards;
    let (mut rng_c, rng_d) = (rng(), std::cell::RefCell::new(rng()));
    let hand_cold = |variable: bool| {
        set_timing(variable);
        let peer = by_hand::Recipient::for_two(&districts[1], &bob.hand_identity);
        black_box(hand_exchange(&world, &peer, None, &mut rng_d.borrow_mut()));
    };
    let hand_warm = |variable: bool| {
        set_timing(variable);
        let (peer, known) = kept(variable);
        black_box(hand_exchange(&world, peer, Some(known), &mut rng_d.borrow_mut()));
    };
    let exchanges = interleave(
        &mut [
            &mut || {
                let peer = Recipient::cached(&bob.parameters, &bob.identity).unwrap();
                black_box(cold.exchange(&peer, guard_cold, &mut rng_a));
            },
            &mut || drop(black_box(cached.exchange(&peer, guard_cached, &mut rng_c))),
            &mut || hand_cold(false),
            &mut || hand_warm(false),
            &mut || hand_cold(true),
            &mut || hand_warm(true),
        ],
        2 * rounds,
        slice * 2,
    );
    line("exchange_cold", &exchanges, 0, 2);
    line("exchange_cold/vartime", &exchanges, 0, 4);
    line("exchange_cached", &exchanges, 1, 3);
    line("exchange_cached/vartime", &exchanges, 1, 5);
    line("exchange_cached_vs_cold", &exchanges, 1, 2);
    line("exchange_cached_vs_cold/vartime", &exchanges, 1, 4);
}

/// The powers in Gt without anything else, once and from a table.
#[cfg(feature = "hazmat")]
fn powers_alone(rounds: usize, slice: Duration) {
    use by_hand::on_blst;
    use ibake::curve::{G1, G2, GtTable, Scalar, pairing};
    let wide = [0x5b; 48];
    let (k, base) = (Scalar::from_wide(&wide), pairing(&G1::hash(b"q", b"dst"), &G2::generator()));
    let (hand_k, lines) = (on_blst::scalar_from_wide(&wide), on_blst::Lines::new(&on_blst::generator_g2()));
    let hand_base = on_blst::pairing_prepared(&on_blst::hash_g1(b"q", b"dst"), &lines);
    let (table, hand_table) = (GtTable::new(&base), on_blst::ManyPowers::new(&hand_base));
    let powers = interleave(
        &mut [
            &mut || drop(black_box(base.pow(black_box(&k)))),
            &mut || _ = black_box(on_blst::FewPowers::new(&hand_base).pow(black_box(&hand_k))),
            &mut || drop(black_box(table.pow(black_box(&k)))),
            &mut || _ = black_box(hand_table.pow(black_box(&hand_k))),
        ],
        rounds,
        slice,
    );
    line("gt_pow_once", &powers, 0, 1);
    line("gt_pow_table", &powers, 2, 3);
}

/// The default suite, which is the rival's only one.
const SUITE: Suite = Suite::P256Aes256Gcm;
