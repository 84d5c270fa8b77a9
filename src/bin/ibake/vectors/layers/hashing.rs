//! Hashing to G1: SPEC.md 2.2. Arbitrary messages are RFC 9380's own vectors; these are the messages that occur.

use ibake::ibe::extract::MasterKey;
use ibake::ibe::params::Description;
use ibake::ibe::{District, Identity};
use ibake::suite::{DST_H1, DST_POP};
use serde_json::json;

use crate::vectors::cases::{case, group};
use crate::vectors::fault::{Fault, agree};
use crate::vectors::fields::Kind::{Bytes, Number, Text};
use crate::vectors::fields::{Fields, Out, hex, input, output};
use crate::vectors::formulas::{fingerprint, h1, hash_to_field, one};
use crate::vectors::world::{ALICE, BOB, CAROL, DAVE, World};
use crate::vectors::{CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "hash_to_curve",
    spec: "2.2, 3.4, 3.5",
    about: "H1 of identities and H_pop of fingerprints: the bytes of expand_message_xmd, both field elements, the point.",
    groups: &[H1, H_POP],
    notes: &[("Domain", "KEY_EXTRACTION", "One tag for both hashes: a proof of possession is somebody's private key.")],
    cases,
};

const H1: Group = Group {
    kind: "H1",
    about: "P = H1(ID).",
    fields: &[
        input("ID", Bytes),
        input("granularity", Number),
        output("DST", Text),
        output("uniform_bytes", Bytes),
        output("u0", Bytes),
        output("u1", Bytes),
        output("P", Bytes),
    ],
    compute: |f| {
        let identity = Identity::from_der(&f.bytes("ID")?, f.granularity()?)?;
        // The master key 1 issues H1(ID) itself.
        Ok(outputs(identity.der(), DST_H1, &h1(&identity)?))
    },
};

const H_POP: Group = Group {
    kind: "H_pop",
    about: "P = H_pop(fingerprint), the fingerprint being that of parameters with P_pub = P2.",
    fields: &[
        input("district", Text),
        input("serial", Number),
        input("granularity", Number),
        output("fingerprint", Bytes),
        output("DST", Text),
        output("uniform_bytes", Bytes),
        output("u0", Bytes),
        output("u1", Bytes),
        output("P", Bytes),
    ],
    compute: |f: &Fields| -> Result<Out, Fault> {
        let description = Description {
            district: District::parse(&f.text("district")?)?,
            serial: f.number("serial")?,
            not_before: 0,
            not_after: 0,
            granularity: f.granularity()?,
            pkg_uri: None,
        };
        // The master key 1 proves its possession with H_pop itself: the last 48 bytes of publicParameterData.
        let parameters = MasterKey::from_bytes(&one())?.public_parameters(description.clone())?;
        let fp = fingerprint(&description, parameters.p_pub_bytes());
        agree("fingerprint", fp == *parameters.fingerprint())?;
        let mut out = outputs(&fp, DST_POP, &super::parameters::pop(&parameters));
        out.bytes("fingerprint", fp);
        Ok(out)
    },
};

fn outputs(message: &[u8], dst: &[u8], point: &[u8; 48]) -> Out {
    let (uniform, [u0, u1]) = hash_to_field(message, dst);
    let mut out = Out::default();
    out.put("DST", String::from_utf8_lossy(dst).into_owned()).bytes("uniform_bytes", uniform);
    out.bytes("u0", u0).bytes("u1", u1).bytes("P", point);
    out
}

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let h1 = [ALICE, BOB, CAROL, DAVE].map(|name| {
        let id = w.identity(name);
        let inputs = json!({ "ID": hex(id.der()), "granularity": id.period().granularity().id() });
        case(name, &["Domain"], inputs)
    });
    let pop =
        [("https://kgs.a.example", 7, 2), ("https://kgs.b.example", 1, 3)].map(|(district, serial, granularity)| {
            case(district, &["Domain"], json!({ "district": district, "serial": serial, "granularity": granularity }))
        });
    vec![group("H1", json!({}), h1.into()), group("H_pop", json!({}), pop.into())]
}
