//! Extraction and the stored form of private keys: SPEC.md section 4, 4.6, 4.7.

use ibake::ibe::Purpose;
use ibake::ibe::extract::MasterKey;
use serde_json::{Value, json};

use crate::vectors::cases::{case, group};
use crate::vectors::fault::agree;
use crate::vectors::fields::Kind::Bytes;
use crate::vectors::fields::{Out, hex, input, output};
use crate::vectors::formulas::{R, h1, multiple_of_h1, one, point};
use crate::vectors::world::{ALICE, BOB, CAROL, DAY, NOW, World};
use crate::vectors::{CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "extraction",
    spec: "4, 4.6, 4.7, 4.8",
    about: "Q_ID = H1(ID), d_ID = [s]Q_ID, and the form in which a private key is stored.",
    groups: &[EXTRACT],
    notes: &[
        ("Refusal", "KEY_MISUSE", "A KGS that issues keys for identities that are not under its parameters."),
        ("Purpose", "KEY_MISUSE", "Signing and decryption keys of one name are different keys."),
        ("MasterKey", "RANGE", "A master secret that is zero or not below r, or is not that of the parameters."),
    ],
    cases,
};

const EXTRACT: Group = Group {
    kind: "extract",
    about: "What the KGS with master secret s issues for ID under its parameters.",
    fields: &[
        input("s", Bytes),
        input("parameters", Bytes),
        input("ID", Bytes),
        output("Q_ID", Bytes),
        output("d_ID", Bytes),
        output("private_key", Bytes),
    ],
    compute: |f| {
        let s = f.array("s")?;
        let parameters = f.parameters()?;
        let identity = f.identity(&parameters)?;
        let key = MasterKey::from_bytes(&s)?.issuer(parameters.clone())?.extract(&identity)?;
        key.verify(&parameters)?;
        let d_id = point(&key);
        agree("d_ID", multiple_of_h1(&identity, &s)? == d_id)?;
        let mut out = Out::default();
        out.bytes("Q_ID", h1(&identity)?).bytes("d_ID", d_id).bytes("private_key", key.to_bytes().expose());
        Ok(out)
    },
};

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let id = |name| hex(w.identity(name).der());
    let s = hex(w.a.master().to_bytes().expose());
    let sign = w.identity_at(CAROL, Purpose::Sign, NOW);
    let tomorrow = w.identity_at(ALICE, Purpose::Decrypt, NOW + DAY);
    let other_serial = ibake::ibe::Identity::new(
        w.a.parameters().district(),
        8,
        Purpose::Decrypt,
        tomorrow.name().clone(),
        tomorrow.period(),
    );
    let of =
        |comment: &str, flags: &[&'static str], s: &Value, id: Value| case(comment, flags, json!({ "s": s, "ID": id }));
    let mut of_a = vec![
        of(ALICE, &[], &s, id(ALICE)),
        of("the same name, the next day", &[], &s, hex(tomorrow.der())),
        of(CAROL, &["Purpose"], &s, id(CAROL)),
        of("the same for signing", &["Purpose"], &s, hex(sign.der())),
        of("an identity of another district", &["Refusal"], &s, id(BOB)),
        of("s = 0", &["MasterKey"], &hex([0; 32]), id(ALICE)),
        of("s = r", &["MasterKey"], &hex(R), id(ALICE)),
        of("s = 1, not that of the parameters", &["MasterKey"], &hex(one()), id(ALICE)),
    ];
    of_a.extend(other_serial.map(|i| of("an identity of another serial", &["Refusal"], &s, hex(i.der()))));
    let of_b = vec![of(BOB, &[], &hex(w.b.master().to_bytes().expose()), id(BOB))];
    vec![
        group("extract", json!({ "parameters": hex(w.parameters_a()) }), of_a),
        group("extract", json!({ "parameters": hex(w.parameters_b()) }), of_b),
    ]
}
