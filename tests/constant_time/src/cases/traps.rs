//! Real leaks of the kinds that this code avoids, on the same data: each must be reported, or the method is blind to its kind.

use std::sync::atomic::{AtomicU8, Ordering};

use ibake::curve::{G1, Scalar};
use ibake::secret::Secret;

use super::Case;
use crate::probe::Probe;

pub const TRAPS: &[Case] = &[
    ("double-and-add", double_and_add),
    ("public-decoder-on-a-private-key", public_decoder),
    ("comparison-that-stops-early", early_exit),
    ("table-by-secret-index", table),
    ("window-by-secret-index", window),
    ("rejection-before-the-end", reject),
];

/// Adds only where a bit of the scalar is set.
fn double_and_add(p: &Probe) {
    let k = Scalar::from_wide(&p.secret_array([0x77; 48])).to_be_bytes();
    p.plant(|| {
        let (base, mut sum) = (G1::generator(), G1::identity());
        for byte in &k.expose()[30..] {
            for bit in (0..8).rev() {
                sum = sum.double();
                if byte >> bit & 1 == 1 {
                    sum = sum.add(&base);
                }
            }
        }
        core::hint::black_box(&sum);
    });
}

/// The decoder of public points, which a stored private key must never meet.
fn public_decoder(p: &Probe) {
    let bytes = p.secret_array(G1::hash(b"some point", b"TEST").to_compressed());
    p.plant(|| {
        let _ = core::hint::black_box(G1::from_compressed(&bytes));
    });
}

/// Equality of slices is `memcmp`.
fn early_exit(p: &Probe) {
    let tag = p.secret_array([0x51; 16]);
    let received = core::hint::black_box([0x52u8; 16]);
    static SEEN: AtomicU8 = AtomicU8::new(0);
    p.plant(|| {
        if tag == received {
            SEEN.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// A byte of a table, as in AES without care.
fn table(p: &Probe) {
    static TABLE: [AtomicU8; 256] = [const { AtomicU8::new(7) }; 256];
    let key = p.secret_array([0x13; 16]);
    p.plant(|| {
        for byte in key {
            core::hint::black_box(TABLE[usize::from(byte)].load(Ordering::Relaxed));
        }
    });
}

/// An entry of a row of multiples by index, instead of reading the whole row.
fn window(p: &Probe) {
    let multiples: Vec<G1> = (1..=16u64).map(|i| G1::generator().mul(&Scalar::from_u64(i))).collect();
    let k = p.secret_array([0x9e; 4]);
    p.plant(|| {
        let mut sum = G1::identity();
        for byte in k {
            sum = sum.add(&multiples[usize::from(byte & 15)]);
        }
        core::hint::black_box(&sum);
    });
}

/// Computes the key of a rejected ciphertext only where it is needed.
fn reject(p: &Probe) {
    let (got, expected) = (Secret::new(p.secret_array([1; 32])), Secret::new([2; 32]));
    p.plant(|| {
        use subtle::ConstantTimeEq;
        let key = if bool::from(got.ct_eq(&expected)) {
            ibake::kdf::Prk::extract(b"K", &[got.expose()])
        } else {
            ibake::kdf::Prk::extract(b"rej", &[expected.expose()])
        };
        core::hint::black_box(key.secret());
    });
}
