//! Signatures: SPEC.md 4.9.

use ibake::ibe::extract::PrivateKey;
use ibake::ibe::sign::{Signature, sign, sign_deterministic, verify};
use ibake::ibe::{Identity, PublicParameters, Purpose};
use ibake::kdf::{hash, label};
use serde_json::{Value, json};

use super::verification::small_x;
use crate::vectors::cases::{case, group, times};
use crate::vectors::fault::{Fault, agree};
use crate::vectors::fields::Kind::Bytes;
use crate::vectors::fields::{Out, hex, input, output};
use crate::vectors::formulas::{exp, ext, lp, multiple_of_h1, pkctx, point, scalar};
use crate::vectors::rng::Script;
use crate::vectors::world::{ALICE, BOB, CAROL, DAVE, DAY, NOW, World};
use crate::vectors::{Case, CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "signatures",
    spec: "4.9",
    about: "Signatures of signing identities: m, t, T, h, S; and whether one is true.",
    groups: &[SIGN, VERIFY],
    notes: &[
        ("Purpose", "KEY_MISUSE", "A decryption key signs, or a signature under a decryption identity is accepted."),
        ("Binding", "SUBSTITUTION", "A signature is good for another message, context, identity, period or serial."),
        ("Point", "POINT_VALIDATION", "T or S is no element of G1, or infinity."),
        ("Deterministic", "NONCE", "Signing without a generator is the formula with 32 zero bytes."),
        ("Form", "ENCODING", "Length of a signature, and of a context."),
    ],
    cases,
};

const SIGN: Group = Group {
    kind: "sign",
    about: "The signature of a message in a context under fresh bytes that are given.",
    fields: &[
        input("parameters", Bytes),
        input("private_key", Bytes),
        input("context", Bytes),
        input("message", Bytes),
        input("fresh", Bytes),
        output("m", Bytes),
        output("t", Bytes),
        output("T", Bytes),
        output("h", Bytes),
        output("S", Bytes),
        output("signature", Bytes),
    ],
    compute: |f| {
        let parameters = f.parameters()?;
        let key = PrivateKey::from_bytes(&f.bytes("private_key")?, &parameters)?;
        let (context, message, fresh) = (f.bytes("context")?, f.bytes("message")?, f.array::<32>("fresh")?);
        let signature = sign(&key, &context, &message, &mut Script::new(vec![fresh.to_vec()]))?;
        if fresh == [0; 32] {
            agree("the signature without a generator", sign_deterministic(&key, &context, &message)? == signature)?;
        }
        signature.verify(&parameters, key.identity(), &context, &message)?;
        let m = digest(&parameters, key.identity(), &context, &message);
        let t = scalar(&exp(&ext(&fresh, &point(&key)), &[label("sign t").as_ref(), &m]));
        let (big_t, big_s) = signature.as_bytes().split_at(48);
        agree("T", multiple_of_h1(key.identity(), &t)? == big_t)?;
        let mut out = Out::default();
        out.bytes("m", m).bytes("t", t).bytes("T", big_t).bytes("h", challenge(&m, big_t)).bytes("S", big_s);
        out.bytes("signature", signature.as_bytes());
        Ok(out)
    },
};

const VERIFY: Group = Group {
    kind: "verify",
    about: "Valid if the owner of ID signed the message in this context.",
    fields: &[
        input("parameters", Bytes),
        input("ID", Bytes),
        input("context", Bytes),
        input("message", Bytes),
        input("signature", Bytes),
        output("m", Bytes),
        output("h", Bytes),
    ],
    compute: |f| {
        let parameters = f.parameters()?;
        let identity = f.identity(&parameters)?;
        let (context, message, signature) = (f.bytes("context")?, f.bytes("message")?, f.bytes("signature")?);
        verify(&parameters, &identity, &context, &message, &signature)?;
        agree("the reading", Signature::decode(&signature)?.as_bytes()[..] == signature)?;
        let m = digest(&parameters, &identity, &context, &message);
        let mut out = Out::default();
        out.bytes("m", m).bytes("h", challenge(&m, signature.get(..48).unwrap_or(&[])));
        Ok(out)
    },
};

fn digest(parameters: &PublicParameters, identity: &Identity, context: &[u8], message: &[u8]) -> [u8; 32] {
    hash(&[label("sign").as_ref(), &pkctx(parameters, identity), &lp(context), message])
}

fn challenge(m: &[u8; 32], t: &[u8]) -> [u8; 32] {
    scalar(&exp(&ext(label("sign h").as_ref(), m), &[t]))
}

/// The inputs of `sign` with alice's signing key.
pub(crate) fn to_sign(w: &World, context: Value, message: Value) -> Value {
    let key = w.key_of(&w.identity_at(ALICE, Purpose::Sign, NOW));
    json!({
        "parameters": hex(w.parameters_a()), "private_key": hex(key.to_bytes().expose()), "context": context,
        "message": message, "fresh": times("11", 32),
    })
}

/// The inputs of `verify` for a signature that is true: alice's of `message` in the context `test`.
pub(crate) fn signed(w: &World, message: &[u8]) -> Value {
    let key = w.key_of(&w.identity_at(ALICE, Purpose::Sign, NOW));
    let signature = sign_deterministic(&key, b"test", message).map(|s| s.as_bytes().to_vec()).unwrap_or_default();
    json!({
        "parameters": hex(w.parameters_a()), "ID": hex(key.identity().der()), "context": hex(b"test"),
        "message": hex(message), "signature": hex(signature),
    })
}

fn of_district(w: &World, name: &str, cases: &[(&str, &[u8], &[u8], Value)]) -> CaseGroup {
    let key = w.key_of(&w.identity_at(name, Purpose::Sign, NOW));
    let parameters = if name == BOB { w.parameters_b() } else { w.parameters_a() };
    let one = |(comment, context, message, fresh): &(&str, &[u8], &[u8], Value)| {
        let flags: &[_] = if *fresh == times("00", 32) { &["Deterministic"] } else { &[] };
        case(*comment, flags, json!({ "context": hex(context), "message": hex(message), "fresh": fresh }))
    };
    let shared = json!({ "parameters": hex(parameters), "private_key": hex(key.to_bytes().expose()) });
    group("sign", shared, cases.iter().map(one).collect())
}

/// # Errors
/// Never: what is signed is ours.
fn verifications(w: &World) -> Result<Vec<Case>, Fault> {
    let good = signed(w, b"message");
    let of = |comment: &str, flags: &[&'static str], changes: Value| {
        let mut inputs = good.clone();
        if let (Some(to), Some(from)) = (inputs.as_object_mut(), changes.as_object()) {
            to.extend(from.clone());
            to.remove("parameters");
        }
        case(comment, flags, inputs)
    };
    let key = w.key_of(&w.identity_at(ALICE, Purpose::Sign, NOW));
    let sign = |context: &[u8], message: &[u8]| sign_deterministic(&key, context, message);
    let bytes = *sign(b"test", b"message")?.as_bytes();
    let other = *sign(b"test", b"other")?.as_bytes();
    let (t, s) = bytes.split_at(48);
    let flipped = |at: usize| {
        let mut out = bytes;
        out.get_mut(at).into_iter().for_each(|b| *b ^= 0x20);
        hex(out)
    };
    let id = |name: &str, purpose, t| hex(w.identity_at(name, purpose, t).der());
    let signature = |t: &[u8], s: &[u8]| json!({ "signature": hex([t, s].concat()) });
    let infinity = [&[0xc0][..], &[0; 47]].concat();
    let above_p = [&[0x9a][..], &[0xff; 47]].concat();
    let moved = json!({ "context": hex(b"tes"), "message": hex(b"tmessage") });
    let tomorrow = id(ALICE, Purpose::Sign, NOW + DAY);
    Ok(vec![
        of("true", &[], json!({})),
        of("another message", &["Binding"], json!({ "message": hex(b"messagf") })),
        of("another context", &["Binding"], json!({ "context": hex(b"tesu") })),
        of("a byte moved from the context to the message", &["Binding"], moved),
        of("another name", &["Binding"], json!({ "ID": id(CAROL, Purpose::Sign, NOW) })),
        of("the same name, the next day", &["Binding"], json!({ "ID": tomorrow })),
        of("the identity for decryption", &["Purpose"], json!({ "ID": id(ALICE, Purpose::Decrypt, NOW) })),
        of("an identity of another district", &["Binding"], json!({ "ID": id(BOB, Purpose::Sign, NOW) })),
        of("T of another signature", &["Binding"], signature(other.get(..48).unwrap_or(&[]), s)),
        of("S of another signature", &["Binding"], signature(t, other.get(48..).unwrap_or(&[]))),
        of("T and S exchanged", &["Binding"], signature(s, t)),
        of("the negative of T", &["Binding"], json!({ "signature": flipped(0) })),
        of("the negative of S", &["Binding"], json!({ "signature": flipped(48) })),
        of("T infinity", &["Point"], signature(&infinity, s)),
        of("S infinity", &["Point"], signature(t, &infinity)),
        of("both infinity", &["Point"], signature(&infinity, &infinity)),
        of("a coordinate of T above p", &["Point"], signature(&above_p, s)),
        of("x = 1 for T: not on the curve", &["Point"], signature(&small_x(1, 48), s)),
        of("x = 4 for S: not in the subgroup", &["Point"], signature(t, &small_x(4, 48))),
        of("one byte short", &["Form"], signature(t, s.get(..47).unwrap_or(&[]))),
        of("one byte more", &["Form"], signature(t, &[s, &[0]].concat())),
        of("no signature", &["Form"], signature(&[], &[])),
        of("a context of 256 bytes", &["Form"], json!({ "context": times("61", 256) })),
    ])
}

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let (plain, ones) = (times("00", 32), times("11", 32));
    let decryption = json!({ "parameters": hex(w.parameters_a()), "private_key": hex(w.stored(ALICE)) });
    let refused = json!({ "context": hex(b"test"), "message": hex(b"message"), "fresh": ones.clone() });
    let long = json!({ "context": times("61", 256), "message": "", "fresh": ones.clone() });
    let mut of_alice = of_district(
        &w,
        ALICE,
        &[
            ("message in context test", b"test", b"message", ones.clone()),
            ("the same without a generator", b"test", b"message", plain.clone()),
            ("the same under other fresh bytes", b"test", b"message", times("22", 32)),
            ("another message under the same fresh bytes", b"test", b"messagf", ones.clone()),
            ("another context under the same fresh bytes", b"tesu", b"message", ones.clone()),
            ("empty message", b"test", b"", plain.clone()),
            ("empty context and message", b"", b"", ones.clone()),
        ],
    );
    of_alice.cases.push(case("a context of 256 bytes", &["Form"], long));
    let of_a = json!({ "parameters": hex(w.parameters_a()) });
    vec![
        of_alice,
        of_district(&w, BOB, &[("a telephone number", b"test", b"message", ones.clone())]),
        of_district(&w, DAVE, &[("an e-mail name", b"test", b"message", plain)]),
        group("sign", decryption, vec![case("a decryption key", &["Purpose"], refused)]),
        group("verify", of_a, verifications(&w).unwrap_or_default()),
    ]
}
