//! Loading a private key: SPEC.md 4.7.1, the pairing check at the end.

use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Identity, Name, Period, Purpose};
use serde_json::json;

use crate::vectors::cases::{case, group};
use crate::vectors::fault::der;
use crate::vectors::fields::Kind::{Bytes, Number, Text};
use crate::vectors::fields::{Out, hex, input, output};
use crate::vectors::formulas::point;
use crate::vectors::world::{ALICE, BOB, CAROL, NOW, World};
use crate::vectors::{CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "verification",
    spec: "4, 4.7, 4.7.1",
    about: "Whether a stored private key is the extraction of its identity under these parameters.",
    groups: &[DECODE, LOAD],
    notes: &[
        (
            "Genuine",
            "MISSING_CHECK",
            "e(d_ID, P2) = e(Q_ID, P_pub) is not checked: a key of somebody else, or of nobody.",
        ),
        ("Fingerprint", "SUBSTITUTION", "The key belongs to other parameters."),
        ("Point", "POINT_VALIDATION", "The stored point is no element of G1."),
        ("Form", "ENCODING", "Versions, lengths, identity and granularity of the stored form."),
    ],
    cases,
};

const DECODE: Group = Group {
    kind: "decode",
    about: "The parts of a stored private key, read without parameters.",
    fields: &[
        input("private_key", Bytes),
        output("granularity", Number),
        output("fingerprint", Bytes),
        output("name", Text),
        output("ID", Bytes),
    ],
    compute: |f| {
        let header = der(PrivateKey::inspect(&f.bytes("private_key")?))?;
        let mut out = Out::default();
        out.put("granularity", header.identity.period().granularity().id()).bytes("fingerprint", header.fingerprint);
        out.put("name", header.identity.name().as_str()).bytes("ID", header.identity.der());
        Ok(out)
    },
};

const LOAD: Group = Group {
    kind: "load",
    about: "Valid if the key may be used with these parameters.",
    fields: &[input("parameters", Bytes), input("private_key", Bytes), output("ID", Bytes), output("d_ID", Bytes)],
    compute: |f| {
        let key = der(PrivateKey::from_bytes(&f.bytes("private_key")?, &f.parameters()?))?;
        let mut out = Out::default();
        out.bytes("ID", key.identity().der()).bytes("d_ID", point(&key));
        Ok(out)
    },
};

/// A stored key with another point.
fn with_point(stored: &[u8], point: &[u8]) -> Vec<u8> {
    let keep = stored.len().saturating_sub(48);
    [stored.get(..keep).unwrap_or(&[]), point].concat()
}

/// `x = n` of G1, compressed; the small ones that are on the curve are outside the subgroup.
pub(crate) fn small_x(n: u8, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    out.first_mut().into_iter().for_each(|b| *b = 0x80);
    out.last_mut().into_iter().for_each(|b| *b = n);
    out
}

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let (alice, carol, bob) = (w.stored(ALICE), w.stored(CAROL), w.stored(BOB));
    let of =
        |comment: &str, flags: &[&'static str], key: &[u8]| case(comment, flags, json!({ "private_key": hex(key) }));
    let altered = |at: usize, to: u8| {
        let mut key = alice.clone();
        key.get_mut(at).into_iter().for_each(|b| *b = to);
        key
    };
    let mut negative_y = point(&w.key(ALICE));
    negative_y[0] ^= 0x20;
    let infinity = [&[0xc0][..], &[0; 47]].concat();
    let mut zero_with_infinity = infinity.clone();
    zero_with_infinity[0] = 0xe0;
    let p = [&[0x9a][..], &[0xff; 47]].concat();
    let decode = vec![
        of(ALICE, &[], &alice),
        of(BOB, &[], &bob),
        of("version 2", &["Form"], &altered(0, 2)),
        of("suite 2", &["Form"], &altered(2, 2)),
        of("granularity 0", &["Form"], &altered(3, 0)),
        of("a day read as a month", &["Form"], &altered(3, 4)),
        of("one byte short", &["Form"], &alice[..alice.len() - 1]),
        of("one byte more", &["Form"], &[&alice[..], &[0]].concat()),
    ];
    let other = Identity::new(
        w.a.parameters().district(),
        8,
        Purpose::Decrypt,
        Name::parse(ALICE).unwrap_or_else(|_| w.identity(ALICE).name().clone()),
        Period::containing(ibake::ibe::Granularity::Day, NOW).unwrap_or(w.identity(ALICE).period()),
    );
    let mut load = vec![
        of(ALICE, &[], &alice),
        of(CAROL, &[], &carol),
        of("a key of other parameters", &["Fingerprint"], &bob),
        of("a byte of the fingerprint", &["Fingerprint"], &altered(10, alice[10] ^ 1)),
        of("alice's identity, carol's point", &["Genuine"], &with_point(&alice, &carol[carol.len() - 48..])),
        of("the negative of the point", &["Genuine"], &with_point(&alice, &negative_y)),
        of("infinity", &["Point"], &with_point(&alice, &infinity)),
        of("infinity with a sign", &["Point"], &with_point(&alice, &zero_with_infinity)),
        of("not compressed", &["Point"], &with_point(&alice, &[0; 48])),
        of("a coordinate above p", &["Point"], &with_point(&alice, &p)),
        of("x = 1: not on the curve", &["Point"], &with_point(&alice, &small_x(1, 48))),
        of("x = 4: not in the subgroup", &["Point"], &with_point(&alice, &small_x(4, 48))),
    ];
    load.extend(other.map(|id| {
        let mut key = alice[..36].to_vec();
        key.extend((id.der().len() as u16).to_be_bytes());
        key.extend(id.der());
        key.extend(point(&w.key(ALICE)));
        of("an identity of another serial", &["Form"], &key)
    }));
    vec![group("decode", json!({}), decode), group("load", json!({ "parameters": hex(w.parameters_a()) }), load)]
}
