//! Half-open state is cheap: one real state, cloned through its serial form 100,000 times inside a counting allocator.
#![allow(clippy::unwrap_used)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::{HalfOpen, NOW, World};
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::responder::AwaitM3;
use ibake::suite::Suite;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; only sizes are counted.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above; `p` came from the system's allocator.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LIMIT: usize = 2_000;

fn cost<T>(count: usize, from: impl Fn() -> T) -> usize {
    let before = LIVE.load(Relaxed);
    let held: Vec<T> = (0..count).map(|_| from()).collect();
    let used = LIVE.load(Relaxed) - before;
    assert_eq!(held.len(), count);
    used / count
}

#[test]
fn half_open_states_cost_at_most_two_thousand_bytes() {
    let mut w = World::new("memory");
    // Every clone recomputes its share, so the suites with slow groups get fewer clones; the size does not depend on it.
    let suites = [
        (Suite::X25519ChaCha20Poly1305, 100_000),
        (Suite::P256MlKem768Aes256Gcm, 2_000),
        (Suite::P521Aes256Gcm, 1_000),
    ];
    for (suite, count) in suites {
        let HalfOpen { peer, i, r, m2, .. } = w.half_open(suite);
        let (i, r) = (i.to_bytes(), r.to_bytes());
        let states = [
            ("initiator", cost(count, || AwaitM2::from_bytes(i.expose()).unwrap())),
            ("responder", cost(count, || AwaitM3::from_bytes(r.expose()).unwrap())),
        ];
        for (side, bytes) in states {
            println!("{} {side}: {bytes} bytes a state, serial form {}", suite.name(), r.expose().len());
            assert!(bytes <= LIMIT, "{} {side}: {bytes} bytes", suite.name());
        }
        // A clone is the state: it goes on.
        let i = AwaitM2::from_bytes(i.expose()).unwrap();
        assert!(i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).is_ok());
    }
}
