//! What reading a message allocates does not grow with it: counted on messages of 64 KiB that are made to cost.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ibake::mikey::{Chain, Message, Within, explain, limits, numbers::PayloadType};

struct Counting;

thread_local! {
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

fn count(n: usize) {
    // While a thread ends there is nothing to count in any more.
    let _ = TOTAL.try_with(|t| t.set(t.get() + n));
}

// SAFETY: every call goes to the system's allocator unchanged; only sizes are counted.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: as above; `p` came from the system's allocator.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// All bytes that are asked for, also those given back in between.
fn allocated<T>(run: impl FnOnce() -> T) -> usize {
    let before = TOTAL.get();
    drop(run());
    TOTAL.get() - before
}

/// Inputs of 64 KiB: of one byte, of every first payload with every filling, of as many payloads as there may be, of long
/// maps and policies.
fn costly() -> Vec<Vec<u8>> {
    let head = |next: u8, map: u8, sessions: u8| [1, 0, next, 0, 0, 0, 0, 0, sessions, map].to_vec();
    let fill = |mut bytes: Vec<u8>, with: &[u8]| {
        while bytes.len() < limits::MESSAGE {
            bytes.extend_from_slice(with);
        }
        bytes.truncate(limits::MESSAGE);
        bytes
    };
    let mut out = vec![fill(vec![], &[1]), fill(head(10, 2, 255), &[0])];
    for kind in 1..=26 {
        for filling in [&[0][..], &[kind], &[kind, 0], &[0xff], &[kind, 0, 0, 0], &[11, 0]] {
            for map in 0..3 {
                out.push(fill(head(kind, map, 255), filling));
                out.push(fill(head(kind, map, 0), filling));
            }
        }
    }
    // A policy of 32,752 empty parameters, then ESK to the end.
    let policy = [head(10, 0, 0), vec![23, 0, 0, 0xff, 0xe0], [1, 0].repeat(0x7ff0)].concat();
    let policy = [policy, vec![0, 0, 0]].concat();
    assert!(Message::parse(&policy).is_ok());
    out.push(policy);
    out
}

#[test]
fn reading_allocates_at_most_sixteen_kilobytes() {
    let mut worst = 0;
    for bytes in costly() {
        assert!(bytes.len() > 65_000);
        worst = worst.max(allocated(|| Message::parse(&bytes)));
        for (first, within) in [
            (PayloadType::KEY_DATA, Within::Kemac),
            (PayloadType::IDR, Within::Ibake),
            (PayloadType::SK, Within::Esk),
            (PayloadType::V, Within::InitiatorData),
        ] {
            worst = worst.max(allocated(|| Chain::parse(first, &bytes, within)));
        }
    }
    println!("{worst} bytes at most");
    assert!(worst > 1000, "something is counted");
    assert!(worst <= 16_384, "{worst}");
}

/// An explanation has text for every field, and a field has at least a byte.
#[test]
fn explaining_allocates_a_bounded_multiple() {
    let worst = costly().iter().map(|bytes| allocated(|| explain(bytes)) / bytes.len()).max().unwrap();
    println!("{worst} bytes for a byte at most");
    assert!(worst <= 512, "{worst}");
}
