//! The key encapsulation: SPEC.md section 4.

use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Encapsulation;
use serde_json::{Value, json};

use crate::vectors::cases::{case, group};
use crate::vectors::fault::{Fault, agree};
use crate::vectors::fields::Kind::{Bool, Bytes};
use crate::vectors::fields::{Fields, Out, hex, input, output};
use crate::vectors::formulas::{Encapsulated, check_gt, coin, final_key, gt, h1, multiple_of_p2, pkctx, point, xor, z};
use crate::vectors::rng::Seeded;
use crate::vectors::world::{ALICE, BOB, CAROL, DAVE, World};
use crate::vectors::{Case, CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "kem",
    spec: "2.3, 2.4, 4, 4.1",
    about: "Encapsulation and decapsulation with every value on the way, and what a wrong encapsulation gives instead.",
    groups: &[ENCAPSULATE, ALTERED, DECAPSULATE],
    notes: &[
        (
            "Rejection",
            "DECRYPTION_ORACLE",
            "A wrong encapsulation must give K_rej, as long and as secret as K, and no error.",
        ),
        ("Point", "POINT_VALIDATION", "U outside G2 meets the private key: an invalid-point attack."),
        ("Context", "SUBSTITUTION", "The same sigma to another identity gives other values everywhere."),
        ("Sigma", "RANGE", "First and last values of sigma."),
    ],
    cases,
};

const ENCAPSULATE: Group = Group {
    kind: "encapsulate",
    about: "An encapsulation to ID with the given sigma.",
    fields: &[
        input("parameters", Bytes),
        input("ID", Bytes),
        input("sigma", Bytes),
        output("Q_ID", Bytes),
        output("pkctx", Bytes),
        output("k", Bytes),
        output("U", Bytes),
        output("gt", Bytes),
        output("V", Bytes),
        output("K", Bytes),
    ],
    compute: |f| {
        let parameters = f.parameters()?;
        let (identity, sigma) = (f.identity(&parameters)?, f.array("sigma")?);
        let e = Encapsulated::new(&parameters, &identity, &sigma)?;
        let mut out = Out::default();
        out.bytes("Q_ID", h1(&identity)?).bytes("pkctx", e.pkctx).bytes("k", e.k);
        out.bytes("U", e.u).bytes("V", e.v).bytes("K", e.key);
        put_gt(f, &mut out, gt(&parameters, &identity, &e.k)?, &e, &sigma)?;
        Ok(out)
    },
};

/// `gt`, computed or, where this build has no pairing to show, as the case claims it and checked by what it is hashed to.
fn put_gt(f: &Fields, out: &mut Out, gt: Option<Vec<u8>>, e: &Encapsulated, sigma: &[u8; 32]) -> Result<(), Fault> {
    let gt = match gt {
        Some(gt) => gt,
        None if f.has("gt") => f.bytes("gt")?,
        None => return Ok(()),
    };
    check_gt(&gt, &e.pkctx, &e.u, &e.mask(sigma))?;
    out.bytes("gt", gt);
    Ok(())
}

const ALTERED: Group = Group {
    kind: "altered",
    about: "V of the encapsulation under sigma is altered by V_xor; how the receiver comes to K or K_rej (sigma', k', U').",
    fields: &[
        input("parameters", Bytes),
        input("private_key", Bytes),
        input("sigma", Bytes),
        input("V_xor", Bytes),
        output("pkctx", Bytes),
        output("U", Bytes),
        output("V", Bytes),
        output("gt", Bytes),
        output("sigma'", Bytes),
        output("k'", Bytes),
        output("U'", Bytes),
        output("z", Bytes),
        output("K_rej", Bytes),
        output("K", Bytes),
    ],
    compute: |f| {
        let parameters = f.parameters()?;
        let key = PrivateKey::from_bytes(&f.bytes("private_key")?, &parameters)?;
        let sigma = f.array("sigma")?;
        let sent = Encapsulated::new(&parameters, key.identity(), &sigma)?;
        let v = xor(&sent.v, &f.array("V_xor")?);
        let sigma2 = xor(&sigma, &f.array("V_xor")?);
        let (k2, pkctx) = (coin(&sigma2, &sent.pkctx), &sent.pkctx);
        let u2 = multiple_of_p2(key.identity(), &k2)?;
        let z = z(&point(&key), pkctx);
        let rejected = final_key("rej", &z, pkctx, &sent.u, &v);
        let expected = if u2 == sent.u { final_key("K", &sigma2, pkctx, &sent.u, &v) } else { rejected };
        let got = decapsulate(&key, &[&sent.u[..], &v].concat())?;
        agree("K", got == expected)?;
        let mut out = Out::default();
        out.bytes("pkctx", pkctx).bytes("U", sent.u).bytes("V", v).bytes("sigma'", sigma2).bytes("k'", k2);
        out.bytes("U'", u2).bytes("z", z).bytes("K_rej", rejected).bytes("K", got);
        put_gt(f, &mut out, gt(&parameters, key.identity(), &sent.k)?, &sent, &sigma)?;
        Ok(out)
    },
};

const DECAPSULATE: Group = Group {
    kind: "decapsulate",
    about: "What a private key makes of U || V; accepted says whether U' = U.",
    fields: &[
        input("parameters", Bytes),
        input("private_key", Bytes),
        input("encapsulation", Bytes),
        output("pkctx", Bytes),
        output("z", Bytes),
        output("K_rej", Bytes),
        output("K", Bytes),
        output("accepted", Bool),
    ],
    compute: |f| {
        let parameters = f.parameters()?;
        let bytes = f.bytes("encapsulation")?;
        let encapsulation = bytes.first_chunk::<128>().filter(|e| e.len() == bytes.len());
        let encapsulation =
            encapsulation.ok_or_else(|| crate::vectors::fault::malformed("encapsulation: 128 bytes"))?;
        Encapsulation::decode(encapsulation)?;
        let key = PrivateKey::from_bytes(&f.bytes("private_key")?, &parameters)?;
        let pkctx = pkctx(&parameters, key.identity());
        let z = z(&point(&key), &pkctx);
        let (u, v) = encapsulation.split_at(96);
        let rejected = final_key("rej", &z, &pkctx, u, v);
        let got = decapsulate(&key, encapsulation)?;
        let mut out = Out::default();
        out.bytes("pkctx", pkctx)
            .bytes("z", z)
            .bytes("K_rej", rejected)
            .bytes("K", got)
            .put("accepted", got != rejected);
        Ok(out)
    },
};

pub(super) fn decapsulate(key: &PrivateKey, bytes: &[u8]) -> Result<[u8; 32], Fault> {
    let bytes =
        bytes.first_chunk().ok_or_else(|| crate::vectors::fault::malformed("an encapsulation has 128 bytes"))?;
    Ok(*Encapsulation::decode(bytes)?.decapsulate(key)?.expose())
}

fn encapsulate_cases(w: &World, rng: &mut Seeded) -> (Vec<Case>, Vec<Case>) {
    let mut of = |comment: &str, flags: &[&'static str], name: &str, sigma: Option<[u8; 32]>| {
        let sigma = sigma.unwrap_or_else(|| rng.bytes());
        case(comment, flags, json!({ "ID": hex(w.identity(name).der()), "sigma": hex(sigma) }))
    };
    let same = Some([7; 32]);
    let a = vec![
        of(ALICE, &[], ALICE, None),
        of(DAVE, &[], DAVE, None),
        of("sigma of zeros", &["Sigma"], ALICE, Some([0; 32])),
        of("sigma of ones", &["Sigma"], ALICE, Some([0xff; 32])),
        of("one sigma to alice", &["Context"], ALICE, same),
        of("the same to carol", &["Context"], CAROL, same),
    ];
    (a, vec![of(BOB, &[], BOB, None)])
}

/// An encapsulation that opens with the key of `name`.
pub(crate) fn encapsulation(w: &World, name: &str, sigma: [u8; 32]) -> Vec<u8> {
    let identity = w.identity(name);
    let parameters = if name == BOB { w.b.parameters() } else { w.a.parameters() };
    Encapsulated::new(parameters, &identity, &sigma).map(|e| e.bytes()).unwrap_or_default()
}

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let mut rng = Seeded::new("kem vectors");
    let (a, b) = (json!({ "parameters": hex(w.parameters_a()) }), json!({ "parameters": hex(w.parameters_b()) }));
    let alice = json!({ "parameters": hex(w.parameters_a()), "private_key": hex(w.stored(ALICE)) });
    let (of_a, of_b) = encapsulate_cases(&w, &mut rng);
    let mut one_bit = [0; 32];
    one_bit[31] = 1;
    let mut altered = |comment: &str, xor: [u8; 32]| {
        let inputs = json!({ "sigma": hex(rng.bytes::<32>()), "V_xor": hex(xor) });
        case(comment, if xor == [0; 32] { &[] } else { &["Rejection"] }, inputs)
    };
    let altered = vec![
        altered("nothing is altered: K of the sender", [0; 32]),
        altered("one bit of V", one_bit),
        altered("all bits of V", [0xff; 32]),
    ];
    let good = encapsulation(&w, ALICE, [9; 32]);
    let (u, v) = good.split_at(96);
    let mut minus_u = u.to_vec();
    minus_u[0] ^= 0x20;
    let with_u = |u: &[u8]| hex([u, v].concat());
    let of = |comment: &str, flags: &[&'static str], e: Value| case(comment, flags, json!({ "encapsulation": e }));
    let p2 = generator();
    let decapsulate = vec![
        of("to alice", &[], hex(&good)),
        of("to carol", &["Rejection"], hex(encapsulation(&w, CAROL, [9; 32]))),
        of("to bob, of another district", &["Rejection"], hex(encapsulation(&w, BOB, [9; 32]))),
        of("-U", &["Rejection"], with_u(&minus_u)),
        of("U = P2", &["Rejection"], with_u(&p2)),
    ];
    vec![
        group("encapsulate", a, of_a),
        group("encapsulate", b, of_b),
        group("altered", alice.clone(), altered),
        group("decapsulate", alice, decapsulate),
    ]
}

/// `enc96(P2)`.
pub(super) fn generator() -> [u8; 96] {
    let w = World::new();
    multiple_of_p2(&w.identity(ALICE), &crate::vectors::formulas::one()).unwrap_or([0; 96])
}
