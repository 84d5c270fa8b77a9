//! Half-open states from a damaged store: SPEC.md 5.11.1.

use ibake::suite::Suite;
use serde_json::json;

use super::exchange::Stage;
use super::{Title, flipped};
use crate::vectors::fields::hex;
use crate::vectors::negative::Negative;

pub(super) fn cases() -> Vec<Negative> {
    let (x, p) = (Stage::new(Suite::X25519ChaCha20Poly1305), Stage::new(Suite::P256Aes256Gcm));
    // From the end of I's state: 8 bytes of time, a list of 3, the flag; in front of them the secret.
    let (state, end) = (x.get("AwaitM2"), x.get("AwaitM2").len());
    let of = |title: Title, bytes: &[u8]| x.takes(title, 2, &x.get("M2"), json!({ "AwaitM2": hex(bytes) }));
    let altered = |at: usize, to: u8| {
        let mut out = state.clone();
        out[at] = to;
        out
    };
    vec![
        of(("state-version", "a state of version 2", "5.11.1"), &altered(0, 2)),
        of(("state-kind", "a state of R in place of one of I", "5.11.1"), &altered(1, 3)),
        of(("state-suite", "a state in a suite that is not registered", "5.11.1"), &altered(3, 9)),
        of(("state-granularity", "a granularity that is not known", "5.11.1"), &altered(84, 5)),
        of(("state-identity", "an identity that is no DER of one", "5.11.1"), &altered(87, 0x31)),
        p.takes(("state-secret", "x is zero", "5.11.1"), 2, &p.get("M2"), {
            let mut out = p.get("AwaitM2");
            let at = out.len() - 12 - 32;
            out[at..at + 32].fill(0);
            json!({ "AwaitM2": hex(out) })
        }),
        of(("state-flag", "a secret of ML-KEM is announced in a suite that has none", "5.11.1"), &altered(end - 12, 1)),
        of(("state-list", "the own list has a suite that is not registered", "5.11.1"), &altered(end - 10, 0xff)),
        of(("state-cut", "the last byte of a state is missing", "5.11.1"), &state[..end - 1]),
        of(("state-trailing", "a byte behind a state", "5.11.1"), &[&state[..], &[0]].concat()),
        // From the end of R's state: 8 bytes of time, 32 of nR, the flag; in front of them X.
        p.takes(("state-share", "X is on another curve", "5.11.1"), 3, &p.get("M3"), {
            let state = p.get("AwaitM3");
            json!({ "AwaitM3": hex(flipped(&state, -42)) })
        }),
    ]
}
