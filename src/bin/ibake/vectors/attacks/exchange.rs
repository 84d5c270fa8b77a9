//! Against the exchange: what others, and dishonest ends that seal correctly, can send.

use ibake::kdf::{Prk, hash, label};
use ibake::suite::Suite;
use serde_json::{Value, json};

use super::{Title, flipped, negative};
use crate::vectors::fields::hex;
use crate::vectors::formulas::lp;
use crate::vectors::layers::tools::Example;
use crate::vectors::negative::Negative;
use crate::vectors::trace::{Ends, Step, Trace, body};
use crate::vectors::world::{BOB, CAROL, NOW};

/// A finished exchange and its trace.
pub(super) struct Stage {
    e: Example,
    trace: Trace,
}

impl Stage {
    /// # Panics
    /// Never: it is an exchange of ours.
    #[allow(clippy::expect_used)]
    pub(super) fn new(suite: Suite) -> Self {
        let e = Example::new(suite);
        let trace = Ends::of(&e.fields).and_then(|ends| Trace::new(&e.fields, &ends)).expect("an exchange of ours");
        Self { e, trace }
    }

    /// The receiver of `M<n>` gets these bytes.
    pub(super) fn takes(&self, title: Title, n: u8, bytes: &[u8], more: Value) -> Negative {
        let case = self.e.case(n, "", bytes, more);
        let group = ["receive_M1", "receive_M2", "receive_M3", "receive_M4"][usize::from(n) - 1];
        negative(title, "exchange", group, Value::Object(case.inputs))
    }

    /// The receiver gets what a dishonest sender seals.
    fn cheat(&self, title: Title, n: u8, alter: impl Fn(&mut Step)) -> Negative {
        self.takes(title, n, &self.trace.instead(n, alter), json!({}))
    }

    pub(super) fn get(&self, name: &str) -> Vec<u8> {
        self.e.bytes(name)
    }
}

pub(super) fn cases() -> Vec<Negative> {
    let (x, p) = (Stage::new(Suite::X25519ChaCha20Poly1305), Stage::new(Suite::P256Aes256Gcm));
    let h = Stage::new(Suite::P256MlKem768Aes256Gcm);
    let mut all = headers(&x);
    all.extend(first(&x, &p, &h));
    all.extend(later(&x));
    all
}

fn headers(s: &Stage) -> Vec<Negative> {
    let m1 = s.get("M1");
    let altered = |at: usize, to: u8| {
        let mut out = m1.clone();
        out[at] = to;
        out
    };
    let of = |title: Title, bytes: &[u8]| s.takes(title, 1, bytes, json!({}));
    let end = s.trace.steps.first().map_or(0, |s| s.header.len());
    let listed = |list: &[u8]| {
        s.trace.instead(1, |s| {
            s.header.truncate(s.header.len() - 4);
            s.header.extend_from_slice(list);
        })
    };
    vec![
        of(("m1-empty", "nothing", "5.5"), &[]),
        of(("m1-cut", "cut off in the encapsulation", "5.5"), &m1[..end + 100]),
        of(("m1-version", "version 2", "5.5"), &altered(1, 2)),
        of(("m1-suite", "a suite that is not registered", "5.5"), &altered(3, 9)),
        of(("m1-type", "M2 in place of M1: reflection of messages", "5.5"), &s.get("M2")),
        of(("m1-sid-r", "sid_R is not zero", "5.5"), &altered(36, 1)),
        of(("m1-sid-i", "another sid_I: the header is bound", "5.4"), &altered(5, m1[5] ^ 1)),
        of(("m1-hint-flag", "a hint flag of 2", "5.5"), &altered(end - 1, 2)),
        of(("m1-list-twice", "a suite stands in the list twice", "5.2.2"), &listed(&[2, 0, 4, 0, 4, 0])),
        of(("m1-downgrade", "a list that would demand another suite: downgrade", "5.2"), &listed(&[2, 0, 5, 0, 1, 0])),
        of(
            ("m1-list-shortened", "a list under which the suite is right, but not the list that was sent", "5.4"),
            &[&m1[..end - 4], &[2, 0, 4, 0xff, 1, 0], &m1[end..]].concat(),
        ),
        s.takes(("m1-stranger", "no key fits", "5.5"), 1, &m1, json!({ "private_keys": [] })),
        of(("m1-parameters", "a district that nobody knows", "5.5"), &super::replaced(&m1, b"kgs.a.", b"kgs.x.")),
        s.takes(
            ("m1-expired", "the stolen key of the day before: its period is over", "3.3, 5.5"),
            1,
            &m1,
            json!({ "now": NOW + 86_400 }),
        ),
        s.takes(
            ("m1-replay", "the same M1 again", "5.10"),
            1,
            &m1,
            json!({ "first": hex(&m1), "first_now": NOW, "now": NOW + 1 }),
        ),
        of(("m1-point", "U outside the subgroup, before a private key is used", "5.5"), &{
            let mut out = m1.clone();
            out[end..end + 96].copy_from_slice(&crate::vectors::layers::tools::small_x(2, 96));
            out
        }),
        of(("m1-v", "a byte of V", "5.4"), &flipped(&m1, end as isize + 100)),
        of(("m1-tag", "a byte of the tag", "5.4"), &flipped(&m1, -1)),
    ]
}

fn first(x: &Stage, p: &Stage, h: &Stage) -> Vec<Negative> {
    let (id_i, id_r) = (x.e.w.identity(crate::vectors::world::ALICE), x.e.w.identity(BOB));
    let (id_i, id_r) = (id_i.der().to_vec(), id_r.der().to_vec());
    let carol = x.e.w.identity(CAROL).der().to_vec();
    let share = x.get("X");
    let mut below = [0xff; 32];
    (below[0], below[31]) = (0xec, 0x7f);
    let low = |title: Title, share: &[u8]| x.cheat(title, 1, |s| s.body = body(&[&id_i, &id_r, share], &[]));
    let nist = |title: Title, share: &[u8]| p.cheat(title, 1, |s| s.body = body(&[&id_i, &id_r, share], &[]));
    let y = p.get("X");
    let mut above = [0xff; 65];
    above[0] = 4;
    let ek = |title: Title, alter: &dyn Fn(&mut Vec<u8>)| h.cheat(title, 1, |s| alter(&mut s.body));
    let at = 6 + id_i.len() + id_r.len() + 65 + 3;
    vec![
        low(("share-zero", "X25519: u = 0, of small order", "5.4.2"), &[0; 32]),
        low(("share-one", "X25519: u = 1, of small order", "5.4.2"), &{
            let mut u = [0; 32];
            u[0] = 1;
            u
        }),
        low(("share-order-8", "X25519: a point of order 8", "5.4.2"), &ORDER_8[0]),
        low(("share-order-8-other", "X25519: the other point of order 8", "5.4.2"), &ORDER_8[1]),
        off_curve(("share-p384", "P-384: a point on another curve", "5.4.2"), Suite::P384Aes256Gcm),
        off_curve(("share-p521", "P-521: a point on another curve", "5.4.2"), Suite::P521Aes256Gcm),
        low(("share-minus-one", "X25519: u = p - 1, of small order", "5.4.2"), &below),
        low(("share-not-canonical", "X25519: u = p + 1, which some reduce", "5.4.2"), &{
            let mut u = below;
            u[0] = 0xee;
            u
        }),
        low(("share-top-bit", "X25519: the top bit is set, which some ignore", "5.4.2"), &{
            let mut u: Vec<u8> = share.clone();
            u[31] |= 0x80;
            u
        }),
        nist(("share-off-curve", "P-256: a point on another curve", "5.4.2"), &flipped(&y, -1)),
        nist(("share-compressed", "P-256: a compressed point", "5.4.2"), &[&[2 + (y[64] & 1)][..], &y[1..33]].concat()),
        nist(("share-infinity", "P-256: infinity", "5.4.2"), &[0]),
        nist(("share-above-prime", "P-256: coordinates not below the prime", "5.4.2"), &above),
        ek(("ek-modulus", "ML-KEM: a coefficient not below 3329", "5.4.3"), &|b| b[at..at + 2].fill(0xff)),
        ek(("ek-missing", "ML-KEM: no encapsulation key in a hybrid suite", "5.3.2"), &|b| b.truncate(at - 3)),
        x.cheat(("misbinding", "another initiator under the seal than in the header: misbinding", "5.3.3"), 1, |s| {
            s.body = body(&[&id_r, &id_r, &share], &[])
        }),
        x.cheat(("misbinding-responder", "M1 is for somebody else with the same reference", "5.5"), 1, |s| {
            s.body = body(&[&id_i, &carol, &share], &[])
        }),
        x.cheat(("extension-unknown", "an extension that is not known", "5.3.2"), 1, |s| {
            s.body = body(&[&id_i, &id_r, &share], &[(200, &[])])
        }),
        x.cheat(("extension-foreign", "an extension of another message", "5.3.2"), 1, |s| {
            s.body = body(&[&id_i, &id_r, &share], &[(5, &[0; 32])])
        }),
        x.cheat(("body-trailing", "a byte behind the body", "5.3.2"), 1, |s| s.body.push(0)),
    ]
}

/// An exchange in this suite whose X is no point of the curve.
fn off_curve(title: Title, suite: Suite) -> Negative {
    let s = Stage::new(suite);
    let end = s.trace.steps.first().map_or(0, |s| s.body.len());
    s.cheat(title, 1, |s| s.body = flipped(&s.body, end as isize - 1))
}

/// The two canonical u-coordinates of order 8, little-endian.
const ORDER_8: [[u8; 32]; 2] = [
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
];

fn later(x: &Stage) -> Vec<Negative> {
    let (m2, m3, m4) = (x.get("M2"), x.get("M3"), x.get("M4"));
    let (own, other) = (x.get("X"), x.get("Y"));
    let kci = {
        // With d_I alone: K2 is known, K1 is not.
        let k2 = x.get("K2");
        let h0: [u8; 32] = x.get("h0").try_into().unwrap_or([0; 32]);
        let ck = *Prk::extract(&h0, &[&lp(&k2)]).secret().expose();
        x.trace.instead(2, |s| s.ck = ck)
    };
    let swap = |s: &mut Step, from: &[u8], to: &[u8]| s.body = super::replaced(&s.body, from, to);
    let zero = hash(&[label("sas-commit").as_ref()]);
    vec![
        x.takes(
            ("kci", "key-compromise impersonation: M2 sealed with K2 alone, by whoever stole d_I", "5.4"),
            2,
            &kci,
            json!({}),
        ),
        x.takes(("m2-session", "M2 of another exchange", "5.5.2"), 2, &flipped(&m2, 5), json!({})),
        x.takes(("m2-sid-r", "sid_R of M2 is altered: the header is bound", "5.4"), 2, &flipped(&m2, 21), json!({})),
        x.takes(("m2-late", "M2 after the deadline", "5.5.2, 5.10.1"), 2, &m2, json!({ "now": NOW + 61 })),
        x.cheat(("m2-reflection", "reflection: Y is our own X", "5.5.2"), 2, |s| swap(s, &other, &own)),
        x.cheat(("m2-x", "X is not the one that was sent", "5.5.2"), 2, |s| swap(s, &own, &other)),
        x.cheat(("m2-list", "R lists a suite that comes first: downgrade", "5.5.2"), 2, |s| {
            swap(s, &[3, 0, 3, 1, 0, 4], &[3, 0, 3, 1, 0, 1])
        }),
        x.cheat(("m2-list-twice", "R's list has a suite twice", "5.2.2"), 2, |s| {
            swap(s, &[3, 0, 3, 1, 0, 4], &[3, 0, 5, 2, 0, 4, 0, 4])
        }),
        x.cheat(("m2-commitment-missing", "no commitment", "5.3.2"), 2, |s| s.body.truncate(s.body.len() - 35)),
        x.cheat(("m2-order", "extensions out of order", "5.3.2"), 2, |s| {
            let at = s.body.len() - 41;
            s.body[at..].rotate_left(6);
        }),
        x.takes(("m3-session", "M3 of another exchange", "5.5.3"), 3, &flipped(&m3, 21), json!({})),
        x.takes(("m3-tag", "a byte of the tag", "5.4"), 3, &flipped(&m3, -1), json!({})),
        x.cheat(("m3-y", "Y is not the one that was sent", "5.5.3"), 3, |s| swap(s, &other, &own)),
        x.cheat(("m3-nonce", "nI of 31 bytes", "5.3.2"), 3, |s| {
            s.body.pop();
            let at = s.body.len() - 32;
            s.body[at] = 31;
        }),
        x.cheat(("m3-data-order", "data in front of nI", "5.3.2"), 3, |s| {
            let at = s.body.len() - 35;
            s.body.splice(at..at, [7, 0, 1, 0]);
        }),
        x.takes(("m3-as-m2", "M3 in place of M2", "5.5.2"), 2, &m3, json!({})),
        x.takes(("m4-tag", "a byte of the tag", "5.4"), 4, &flipped(&m4, -1), json!({})),
        x.takes(("m4-late", "M4 after the deadline", "5.5.4"), 4, &m4, json!({ "now": NOW + 61 })),
        x.cheat(
            ("m4-commitment", "search for an authentication string: nR is not what was committed to", "5.5.4"),
            4,
            |s| s.body = body(&[], &[(6, &zero)]),
        ),
        x.cheat(("m4-empty", "no nR", "5.3.2"), 4, |s| s.body.clear()),
    ]
}
