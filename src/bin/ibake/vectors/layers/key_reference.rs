//! Key references and hints: SPEC.md 4.5.

use ibake::ibe::keyref::{Hint, KeyRef};
use ibake::ibe::sealed::{self, SealedBox};
use ibake::ibe::{Identity, file};
use ibake::suite::Aead;
use serde_json::json;

use crate::vectors::cases::{case, group};
use crate::vectors::fault::agree;
use crate::vectors::fields::Kind::{Bytes, Number, Text};
use crate::vectors::fields::{Out, hex, input, output};
use crate::vectors::formulas::{self, around};
use crate::vectors::rng::Script;
use crate::vectors::world::{ALICE, BOB, DAVE, World};
use crate::vectors::{CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "key_reference",
    spec: "4.5, 4.5.1, 4.5.2",
    about: "Which key opens something, without the name; a salted hint at the name.",
    groups: &[WRITE, READ, HINT],
    notes: &[
        ("Text", "PARSER", "A district in a header need not be in normal form, but it is short ASCII text."),
        ("Range", "RANGE", "Serials, starts and granularities that no key has."),
        ("Salt", "PRIVACY", "One identity under two salts gives two hints."),
    ],
    cases,
};

const WRITE: Group = Group {
    kind: "write",
    about: "The reference to the key of an identity.",
    fields: &[input("ID", Bytes), input("granularity", Number), output("key_reference", Bytes)],
    compute: |f| {
        let identity = Identity::from_der(&f.bytes("ID")?, f.granularity()?)?;
        let expected = formulas::key_reference(&identity);
        // The library writes references into headers only: behind the first four bytes of a box.
        let master = ibake::ibe::extract::MasterKey::from_bytes(&formulas::one())?;
        let recipient = ibake::ibe::kem::Recipient::new(&master.public_parameters(around(&identity))?, &identity)?;
        let sealed = sealed::seal(&recipient, Aead::Aes256Gcm, b"", b"", &mut Script::new(vec![vec![0; 32]]))?;
        agree("key_reference", sealed.get(4..4 + expected.len()) == Some(&expected))?;
        let mut out = Out::default();
        out.bytes("key_reference", expected);
        Ok(out)
    },
};

const READ: Group = Group {
    kind: "read",
    about: "What a reference says.",
    fields: &[
        input("key_reference", Bytes),
        output("district", Text),
        output("serial", Number),
        output("start", Number),
        output("granularity", Number),
    ],
    compute: |f| {
        let bytes = f.bytes("key_reference")?;
        // Read as the header of a box with a good U and no text.
        let all = [&[1, 0, 1, 1][..], &bytes, &super::kem::generator(), &[0; 36]].concat();
        let read = SealedBox::decode(&all)?;
        let to: &KeyRef = read.to();
        let mut out = Out::default();
        out.put("district", to.district()).put("serial", to.serial()).put("start", to.period().start());
        out.put("granularity", to.period().granularity().id());
        Ok(out)
    },
};

const HINT: Group = Group {
    kind: "hint",
    about: "salt || H(\"hint\" || salt || lp(ID))[0..8].",
    fields: &[input("ID", Bytes), input("granularity", Number), input("salt", Bytes), output("hint", Bytes)],
    compute: |f| {
        let identity = Identity::from_der(&f.bytes("ID")?, f.granularity()?)?;
        let salt = f.array("salt")?;
        let expected = formulas::hint(&salt, identity.der());
        agree("the hint", Hint::new(salt, &identity).is_at(&identity))?;
        // As a file carries it: behind magic, prefix and key reference.
        let master = ibake::ibe::extract::MasterKey::from_bytes(&formulas::one())?;
        let recipient = ibake::ibe::kem::Recipient::new(&master.public_parameters(around(&identity))?, &identity)?;
        let mut draws = Script::new(vec![vec![0; 32], salt.to_vec(), vec![0; 32]]);
        let (_, header) = file::Sealer::new(&[recipient], Aead::Aes256Gcm, b"", &mut draws)?;
        let at = 14 + formulas::key_reference(&identity).len();
        agree("the hint in a file", header.get(at..at + 16) == Some(&expected))?;
        let mut out = Out::default();
        out.bytes("hint", expected);
        Ok(out)
    },
};

/// `u16 length || district || u64 serial || u64 start || u8 granularity`.
fn reference(district: &[u8], serial: u64, start: u64, granularity: u8) -> Vec<u8> {
    let length = (district.len() as u16).to_be_bytes();
    [&length[..], district, &serial.to_be_bytes(), &start.to_be_bytes(), &[granularity]].concat()
}

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let of = |name: &str| {
        let id = w.identity(name);
        json!({ "ID": hex(id.der()), "granularity": id.period().granularity().id() })
    };
    let write = [ALICE, BOB, DAVE].map(|name| case(name, &[], of(name)));
    let read = |comment: &str, flags: &[&'static str], bytes: Vec<u8>| {
        case(comment, flags, json!({ "key_reference": hex(bytes) }))
    };
    let hint = |comment: &str, name: &str, salt: [u8; 8]| {
        let mut inputs = of(name);
        inputs["salt"] = hex(salt);
        case(comment, &["Salt"], inputs)
    };
    let (day, d) = (1_795_219_200u64, &b"https://kgs.a.example"[..]);
    let reads = vec![
        read("a reference of district A", &[], reference(d, 7, day, 2)),
        read("a district that is not in normal form", &["Text"], reference(b"HTTPS://KGS/", 1, day, 1)),
        read("the largest serial, the first hour", &["Range"], reference(d, u64::MAX, 0, 1)),
        read("no district", &["Text"], reference(b"", 7, day, 2)),
        read("a district outside ASCII", &["Text"], reference(&[0xc3, 0xa9], 7, day, 2)),
        read("serial 0", &["Range"], reference(d, 0, day, 2)),
        read("granularity 0", &["Range"], reference(d, 7, day, 0)),
        read("granularity 5", &["Range"], reference(d, 7, day, 5)),
        read("a start off the grid", &["Range"], reference(d, 7, day + 1, 2)),
        read("a start after 9999", &["Range"], reference(d, 7, 253_402_300_800, 1)),
        read("a week that begins on a Sunday", &["Range"], reference(d, 7, day - 6 * 86_400, 3)),
    ];
    let hints = vec![
        hint("a salt", ALICE, [1, 2, 3, 4, 5, 6, 7, 8]),
        hint("another salt", ALICE, [0; 8]),
        hint("another identity", BOB, [0; 8]),
    ];
    vec![group("write", json!({}), write.into()), group("read", json!({}), reads), group("hint", json!({}), hints)]
}
