//! The sealed box: SPEC.md 4.3.

use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Recipient;
use ibake::ibe::sealed::{self, SealedBox};
use ibake::ibe::{ParameterStore, PublicParameters, Purpose};
use ibake::kdf::label;
use ibake::suite::Aead;
use serde_json::{Value, json};

use crate::vectors::cases::{case, group};
use crate::vectors::fault::{Fault, agree, malformed};
use crate::vectors::fields::Kind::{Bytes, BytesList, Number};
use crate::vectors::fields::{Fields, Out, hex, input, output};
use crate::vectors::formulas::{Encapsulated, exp_key, key_reference, lp, seal};
use crate::vectors::rng::{Script, Seeded};
use crate::vectors::world::{ALICE, BOB, CAROL, DAVE, NOW, World};
use crate::vectors::{CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "box",
    spec: "4.3",
    about: "A message to one identity: header, encapsulation, AEAD key, box; and opening it.",
    groups: &[SEAL, OPEN],
    notes: &[
        ("AssociatedData", "SUBSTITUTION", "A box made for one purpose opens for another."),
        ("Aead", "SUBSTITUTION", "The algorithm in the header is not bound into the key."),
        ("Purpose", "KEY_MISUSE", "A signing identity is sealed to."),
        ("Trials", "KEY_MISUSE", "Several keys fit the reference: each is tried, and only those."),
    ],
    cases,
};

const SEAL: Group = Group {
    kind: "seal",
    about: "A box to ID under a sigma that is given.",
    fields: &[
        input("parameters", Bytes),
        input("ID", Bytes),
        input("aead", Number),
        input("ad", Bytes),
        input("plaintext", Bytes),
        input("sigma", Bytes),
        output("header", Bytes),
        output("U", Bytes),
        output("V", Bytes),
        output("K", Bytes),
        output("key", Bytes),
        output("box", Bytes),
    ],
    compute: |f| {
        let parameters = f.parameters()?;
        let (identity, sigma) = (f.identity(&parameters)?, f.array("sigma")?);
        let (aead, ad, plaintext) = (Aead::from_id(f.u8("aead")?)?, f.bytes("ad")?, f.bytes("plaintext")?);
        let recipient = Recipient::new(&parameters, &identity)?;
        let sealed = sealed::seal(&recipient, aead, &ad, &plaintext, &mut Script::new(vec![sigma.to_vec()]))?;
        let e = Encapsulated::new(&parameters, &identity, &sigma)?;
        let header = [&[1, 0, 1, aead.id()][..], &key_reference(&identity)].concat();
        let key = exp_key(&e.key, &[label("box").as_ref(), &[aead.id()]]);
        let front = [&header[..], &e.bytes()].concat();
        let ciphertext = seal(aead, &key, &[lp(&front), lp(&ad)].concat(), &plaintext);
        agree("the box", [front, lp(&ciphertext)].concat() == sealed)?;
        let mut out = Out::default();
        out.bytes("header", header).bytes("U", e.u).bytes("V", e.v).bytes("K", e.key).bytes("key", key);
        out.bytes("box", sealed);
        Ok(out)
    },
};

const OPEN: Group = Group {
    kind: "open",
    about: "What a holder of these private keys finds in a box; each key is loaded under its parameters first.",
    fields: &[
        input("parameters_list", BytesList),
        input("private_keys", BytesList),
        input("ad", Bytes),
        input("box", Bytes),
        output("plaintext", Bytes),
    ],
    compute: |f| {
        let (_, keys) = keys(f)?;
        let bytes = f.bytes("box")?;
        let plaintext = SealedBox::decode(&bytes)?.open(&keys, &f.bytes("ad")?)?;
        let mut out = Out::default();
        out.bytes("plaintext", plaintext.expose());
        Ok(out)
    },
};

/// `parameters_list` and `private_keys`, each key under the parameters of its district.
pub(super) fn keys(f: &Fields) -> Result<(Vec<PublicParameters>, Vec<PrivateKey>), Fault> {
    let parameters = f.list("parameters_list")?;
    let parameters: Result<Vec<_>, _> = parameters.iter().map(|p| PublicParameters::from_der(p)).collect();
    let parameters = parameters?;
    let mut keys = Vec::new();
    for stored in f.list("private_keys")? {
        let id = PrivateKey::inspect(&stored)?.identity;
        let own = parameters.find(id.district().as_str(), id.serial());
        let own = own.ok_or_else(|| malformed(format!("no parameters for the key of {}", id.name().as_str())))?;
        keys.push(PrivateKey::from_bytes(&stored, &own)?);
    }
    Ok((parameters, keys))
}

/// A box to `name`.
pub(crate) fn sealed_to(w: &World, name: &str, aead: Aead, ad: &[u8], plaintext: &[u8], sigma: [u8; 32]) -> Vec<u8> {
    let parameters = if name == BOB { w.b.parameters() } else { w.a.parameters() };
    Recipient::new(parameters, &w.identity(name))
        .and_then(|r| sealed::seal(&r, aead, ad, plaintext, &mut Script::new(vec![sigma.to_vec()])))
        .unwrap_or_default()
}

/// Parameters of both districts and the keys of these names.
pub(crate) fn holder(w: &World, names: &[&str]) -> Value {
    json!({
        "parameters_list": [hex(w.parameters_a()), hex(w.parameters_b())],
        "private_keys": names.iter().map(|n| hex(w.stored(n))).collect::<Vec<_>>(),
    })
}

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let mut rng = Seeded::new("box vectors");
    let mut of = |comment: &str, flags: &[&'static str], name: &str, aead: u8, ad: &[u8], plaintext: &[u8]| {
        let inputs = json!({
            "parameters": hex(if name == BOB { w.parameters_b() } else { w.parameters_a() }),
            "ID": hex(w.identity(name).der()), "aead": aead, "ad": hex(ad), "plaintext": hex(plaintext),
            "sigma": hex(rng.bytes::<32>()),
        });
        case(comment, flags, inputs)
    };
    let mut seals = vec![
        of("AES-256-GCM", &[], ALICE, 1, b"mail", b"hello, alice"),
        of("ChaCha20-Poly1305", &["Aead"], ALICE, 2, b"mail", b"hello, alice"),
        of("no plaintext, no associated data", &["AssociatedData"], BOB, 1, b"", b""),
        of("longer than a block", &[], DAVE, 2, &[0xad; 100], &[0x5a; 200]),
        of("AEAD 0", &["Aead"], ALICE, 0, b"", b""),
        of("AEAD 3", &["Aead"], ALICE, 3, b"", b""),
    ];
    let mut signing = of("a signing identity", &["Purpose"], ALICE, 1, b"", b"");
    signing.inputs["ID"] = hex(w.identity_at(ALICE, Purpose::Sign, NOW).der());
    seals.push(signing);
    let gcm = sealed_to(&w, ALICE, Aead::Aes256Gcm, b"mail", b"hello", [1; 32]);
    let chacha = sealed_to(&w, CAROL, Aead::ChaCha20Poly1305, b"mail", b"hi", [2; 32]);
    let mut swapped = gcm.clone();
    swapped[3] = 2;
    let open = |comment: &str, flags: &[&'static str], names: &[&str], ad: &[u8], bytes: &[u8]| {
        let mut inputs = holder(&w, names);
        inputs["ad"] = hex(ad);
        inputs["box"] = hex(bytes);
        case(comment, flags, inputs)
    };
    let opens = vec![
        open("to alice", &[], &[ALICE], b"mail", &gcm),
        open("to carol, who also has the keys of others", &["Trials"], &[ALICE, DAVE, CAROL, BOB], b"mail", &chacha),
        open("other associated data", &["AssociatedData"], &[ALICE], b"Mail", &gcm),
        open("no associated data", &["AssociatedData"], &[ALICE], b"", &gcm),
        open("the other AEAD in the header", &["Aead"], &[ALICE], b"mail", &swapped),
        open("a key of another name fits the reference", &["Trials"], &[CAROL], b"mail", &gcm),
        open("no key fits", &["Trials"], &[BOB], b"mail", &gcm),
    ];
    vec![group("seal", json!({}), seals), group("open", json!({}), opens)]
}
