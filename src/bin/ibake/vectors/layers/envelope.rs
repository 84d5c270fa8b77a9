//! Keys at rest: SPEC.md section 8.

use ibake::aead;
use ibake::kdf::label;
use ibake::keyfile::{self, Cost, FileKey, Passphrase, Protection};
use ibake::suite::Aead;
use serde_json::{Value, json};

use crate::vectors::cases::{case, group};
use crate::vectors::fault::{Fault, agree, malformed};
use crate::vectors::fields::Kind::{Bytes, Number, Text};
use crate::vectors::fields::{Fields, Out, hex, input, optional, output};
use crate::vectors::formulas::{exp, ext};
use crate::vectors::rng::{Script, Seeded};
use crate::vectors::world::{ALICE, World};
use crate::vectors::{CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "envelope",
    spec: "8",
    about: "Secrets under a passphrase or a key file. The errors are Envelope(NotAnEnvelope | Unsupported | Truncated | \
            Trailing | Kind | Protection | Cost | WrongSecret).",
    groups: &[SEAL, OPEN],
    notes: &[
        ("Cost", "DENIAL_OF_SERVICE", "A file that demands more memory or passes than anybody should give."),
        ("Kind", "KEY_MISUSE", "A private key is taken for a master key."),
        ("Damage", "INTEGRITY", "Altered, cut or longer envelopes."),
    ],
    cases,
};

const SEAL: Group = Group {
    kind: "seal",
    about: "An envelope with salts that are given; m, t, p and argon2_salt stand exactly with a passphrase, file_key without. \
            The cost 8, 1, 1 is below what may be written and stands for tests alone; every other one is held to 8.2.",
    fields: &[
        input("kind", Number),
        optional("passphrase", Text),
        optional("m", Number),
        optional("t", Number),
        optional("p", Number),
        optional("argon2_salt", Bytes),
        optional("file_key", Bytes),
        input("hkdf_salt", Bytes),
        input("plaintext", Bytes),
        output("ikm", Bytes),
        output("key", Bytes),
        output("file", Bytes),
    ],
    compute: |f| {
        let (plaintext, salt) = (f.bytes("plaintext")?, f.array::<32>("hkdf_salt")?);
        let mut draws = Vec::new();
        if f.has("passphrase") {
            draws.push(f.bytes("argon2_salt")?);
        }
        draws.push(salt.to_vec());
        let cost = || {
            let n = |name| u32::try_from(f.number(name)?).map_err(|_| malformed(format!("{name} is above 2^32")));
            // The cheapest one is there for tests alone; all others are held to the lowest cost that may be written.
            match (n("m")?, n("t")?, n("p")?) {
                (8, 1, 1) => Ok(Cost::WORTHLESS_FOR_TESTS),
                (m, t, p) => Ok(Cost::new(m, t, p)?),
            }
        };
        let kind = f.u8("kind")?;
        let protection = protection(f, cost)?;
        let file = keyfile::seal(kind, &protection, &plaintext, &mut Script::new(draws))?;
        agree("the envelope read back", keyfile::open(&file, kind, &protection)?.expose() == plaintext)?;
        let mut out = Out::default();
        // What Argon2 gives is not to be had from the library: the value of the case is checked by what it seals.
        let ikm = if f.has("file_key") { Some(f.bytes("file_key")?) } else { f.bytes("ikm").ok() };
        if let Some(ikm) = ikm {
            let key = exp(&ext(&salt, &ikm), &[label("keyfile").as_ref()]);
            let (header, sealed) = file.split_at(file.len() - plaintext.len() - 16);
            agree("the envelope", aead::seal(Aead::Aes256Gcm, &key, header, &plaintext) == sealed)?;
            out.bytes("ikm", ikm).bytes("key", key);
        }
        out.bytes("file", file);
        Ok(out)
    },
};

const OPEN: Group = Group {
    kind: "open",
    about: "What is in an envelope of this kind, with a passphrase or a key file.",
    fields: &[
        input("kind", Number),
        optional("passphrase", Text),
        optional("file_key", Bytes),
        input("file", Bytes),
        output("plaintext", Bytes),
    ],
    compute: |f| {
        let protection = protection(f, || Ok(Cost::WORTHLESS_FOR_TESTS))?;
        let mut out = Out::default();
        out.bytes("plaintext", keyfile::open(&f.bytes("file")?, f.u8("kind")?, &protection)?.expose());
        Ok(out)
    },
};

fn protection(f: &Fields, cost: impl Fn() -> Result<Cost, Fault>) -> Result<Protection, Fault> {
    match (f.has("passphrase"), f.has("file_key")) {
        (true, false) => Ok(Protection::Passphrase(Passphrase::new(f.text("passphrase")?)?, cost()?)),
        (false, true) => {
            Ok(Protection::KeyFile(FileKey::generate(&mut Script::new(vec![f.array::<32>("file_key")?.to_vec()]))?))
        }
        _ => Err(malformed("either passphrase or file_key")),
    }
}

/// `ikm` of the two passphrases below.
const IKM: [&str; 2] = [
    "bb864d4c94b145496b78b3cd2e12472855e88e308bd10b6b1d155e8f8305ec00",
    "66affc524a3955b78375d54a2dfdd5129cbb188295af0c8cfe7446ada231c5ae",
];

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let mut rng = Seeded::new("envelope vectors");
    let (master, private) = (hex(w.a.master().to_bytes().expose()), hex(w.stored(ALICE)));
    let key = rng.bytes::<32>();
    let mut with_key = |comment: &str, kind: u8, plaintext: &Value| {
        let salt = rng.bytes::<32>();
        let inputs = json!({ "kind": kind, "file_key": hex(key), "hkdf_salt": hex(salt), "plaintext": plaintext });
        case(comment, &[], inputs)
    };
    let mut seals = vec![
        with_key("a master secret under a key file", 1, &master),
        with_key("a private key under a key file", 2, &private),
        with_key("nothing", 2, &hex([])),
    ];
    let mut with_passphrase = |comment: &str, text: &str, [m, t, p]: [u32; 3], ikm: Option<&str>| {
        let flags = &["Cost"];
        let inputs = json!({
            "kind": 2, "passphrase": text, "m": m, "t": t, "p": p, "argon2_salt": hex(rng.bytes::<16>()),
            "hkdf_salt": hex(rng.bytes::<32>()), "plaintext": private,
        });
        let mut case = case(comment, flags, inputs);
        // Argon2id as OpenSSL computes it; see `compute` above.
        case.inputs.extend(ikm.map(|ikm| ("ikm".to_owned(), ikm.into())));
        case
    };
    seals.extend([
        with_passphrase("a worthless passphrase cost, for tests", "correct horse", [8, 1, 1], Some(IKM[0])),
        with_passphrase("the lowest cost that may be written", "p\u{e4}sswort", [19_456, 2, 1], Some(IKM[1])),
        with_passphrase("one KiB less", "correct horse", [19_455, 2, 1], None),
        with_passphrase("one pass", "correct horse", [19_456, 1, 1], None),
        with_passphrase("an empty passphrase", "", [8, 1, 1], None),
    ]);
    let file = |i: usize| {
        let inputs = seals.get(i).map(|c| c.inputs.clone()).unwrap_or_default();
        let out = (SEAL.compute)(&Fields(inputs)).unwrap_or_default();
        Fields(out.0).bytes("file").unwrap_or_default()
    };
    let (by_key, by_passphrase) = (file(1), file(3));
    let altered = |at: usize, bytes: &[u8]| {
        let mut file = if bytes.len() == 4 { by_passphrase.clone() } else { by_key.clone() };
        file.get_mut(at..at + bytes.len()).into_iter().for_each(|f| f.copy_from_slice(bytes));
        file
    };
    let open = |comment: &str, flags: &[&'static str], kind: u8, secret: Value, file: &[u8]| {
        let mut inputs = json!({ "kind": kind, "file": hex(file) });
        let name = if secret == hex(key) || secret == hex([0; 32]) { "file_key" } else { "passphrase" };
        inputs[name] = secret;
        case(comment, flags, inputs)
    };
    let (good, text) = (hex(key), json!("correct horse"));
    let last = by_key.len() - 1;
    let opens = vec![
        open("by key file", &[], 2, good.clone(), &by_key),
        open("by passphrase", &[], 2, text.clone(), &by_passphrase),
        open("another key file", &["Damage"], 2, hex([0; 32]), &by_key),
        open("another passphrase", &["Damage"], 2, json!("Correct horse"), &by_passphrase),
        open("another kind is wanted", &["Kind"], 1, good.clone(), &by_key),
        open("the kind is altered", &["Kind"], 1, good.clone(), &altered(9, &[1])),
        open("a passphrase is needed", &["Kind"], 2, good.clone(), &by_passphrase),
        open("a key file is needed", &["Kind"], 2, text.clone(), &by_key),
        open("other magic", &["Damage"], 2, good.clone(), &altered(7, b"Z")),
        open("version 2", &["Damage"], 2, good.clone(), &altered(8, &[2])),
        open("protection 3", &["Damage"], 2, good.clone(), &altered(10, &[3])),
        open("a byte of the tag", &["Damage"], 2, good.clone(), &altered(last, &[by_key[last] ^ 1])),
        open("a byte of the salt", &["Damage"], 2, good.clone(), &altered(11, &[by_key[11] ^ 1])),
        open("one byte short", &["Damage"], 2, good.clone(), &by_key[..last]),
        open("one byte more", &["Damage"], 2, good.clone(), &[&by_key[..], &[0]].concat()),
        open("nothing", &["Damage"], 2, good, &[]),
        open("less than 8 KiB a lane", &["Cost"], 2, text.clone(), &altered(19, &2u32.to_be_bytes())),
        open("no pass", &["Cost"], 2, text, &altered(15, &0u32.to_be_bytes())),
    ];
    vec![group("seal", json!({}), seals), group("open", json!({}), opens)]
}
