//! Every size limit of SPEC.md section 9 at its edge and just past it. Only the verdicts are recorded.

use ibake::ibe::file::{CHUNK, TAG};
use ibake::ibe::oid::PKG_URI;
use ibake::ibe::sealed::BOX_LIMIT;
use ibake::suite::Suite;
use serde_json::{Value, json};

use super::parameters::algorithms;
use super::receivers::Example;
use super::sealed_box::holder;
use crate::vectors::attacks::replaced;
use crate::vectors::cases::{case, group, times};
use crate::vectors::fields::hex;
use crate::vectors::rng::Seeded;
use crate::vectors::trace::{Ends, Trace, body};
use crate::vectors::world::{ALICE, BOB, NOW, World};
use crate::vectors::{Case, CaseGroup, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "limits",
    spec: "9",
    about: "Limits at the edge and past it, as cases of the groups of the other layers (layer/group) of which only the \
            verdict counts. At the edge another check may fail, and must be the one that is named. Not to be seen from \
            outside, because other limits are met first: the length of a field under a seal, of the header of a file, of \
            a message that opens.",
    groups: &[],
    notes: &[
        ("Edge", "LIMIT", "An implementation that allows less does not talk to others."),
        ("Past", "LIMIT", "An implementation that allows more can be made to spend memory or time."),
    ],
    cases,
};

/// A case at the edge or past it.
fn at(comment: impl Into<String>, past: bool, inputs: Value) -> Case {
    case(comment, if past { &["Past"] } else { &["Edge"] }, inputs)
}

/// `front`, then as many `fill` as make `length`, then `end`.
fn padded(front: &str, fill: &str, end: &str, length: usize) -> Value {
    json!([front, times(fill, length.saturating_sub(front.len() + end.len())), end])
}

fn names() -> Vec<Case> {
    let name = |past, name: Value, comment: &str| at(comment, past, json!({ "name": name }));
    let label = "abcdefghi.".repeat(25);
    let host = |length: usize| Value::from(format!("sip:{}{}", &label[..length - 1], "a"));
    vec![
        name(false, padded("sip:", "a", "@example.org", 1024), "name of 1,024 bytes"),
        name(true, padded("sip:", "a", "@example.org", 1025), "name of 1,025 bytes"),
        name(false, padded("sip:", "a", ".org", 4 + 63 + 4), "label of 63 bytes"),
        name(true, padded("sip:", "a", ".org", 4 + 64 + 4), "label of 64 bytes"),
        name(false, padded_host(253), "host of 253 bytes"),
        name(true, padded_host(254), "host of 254 bytes"),
        name(false, host(250), "a host of many labels"),
        name(false, json!("tel:+123456789012345"), "15 digits"),
        name(true, json!("tel:+1234567890123456"), "16 digits"),
    ]
}

/// `sip:` and a host of this length in labels of at most 63 bytes.
fn padded_host(length: usize) -> Value {
    let label = format!("{}.", "a".repeat(49));
    let host: String = label.repeat(6).chars().take(length - 1).collect();
    Value::from(format!("sip:{host}a"))
}

fn districts() -> Vec<Case> {
    let of =
        |past, length, comment: &str| at(comment, past, json!({ "district": padded("https://a/", "p", "", length) }));
    let port = |past, port: &str| {
        at(format!("port {port}"), past, json!({ "district": format!("https://kgs.example.org:{port}") }))
    };
    vec![
        of(false, 255, "district of 255 bytes"),
        of(true, 256, "district of 256 bytes"),
        port(false, "65535"),
        port(true, "65536"),
        port(false, "1"),
        port(true, "0"),
    ]
}

fn periods() -> Vec<Case> {
    let of = |past, t: u64, comment: &str| at(comment, past, json!({ "granularity": 1, "t": t }));
    vec![
        of(false, 253_402_300_799, "the last second of 9999"),
        of(true, 253_402_300_800, "the first second of 10000"),
        of(false, 0, "the first second of 1970"),
    ]
}

fn identities() -> Vec<Case> {
    let of =
        |past, length: usize, comment: &str| at(comment, past, json!({ "ID": times("30", length), "granularity": 1 }));
    let serial = |past, serial: &[u8], comment: &str| {
        // Alice's identity, whose serial 7 becomes a longer one.
        let id = World::new().identity(ALICE);
        let mut der = replaced(id.der(), &[2, 1, 7], &[&[2, serial.len() as u8][..], serial].concat());
        der[1] += serial.len() as u8 - 1;
        at(comment, past, json!({ "ID": hex(der), "granularity": 2 }))
    };
    vec![
        of(false, 2048, "identity of 2,048 bytes that are none"),
        of(true, 2049, "identity of 2,049 bytes"),
        serial(false, &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "serial 2^64 - 1"),
        serial(true, &[1, 0, 0, 0, 0, 0, 0, 0, 0], "serial 2^64"),
    ]
}

fn encodes() -> Vec<Case> {
    let of = |past, serial: u64| {
        let inputs = json!({
            "district": padded("https://a/", "p", "", 255), "serial": serial, "purpose": "decryption",
            "name": padded("sip:", "a", "@example.org", 1024), "granularity": 1, "t": NOW,
        });
        at(format!("serial {serial}, longest district and name"), past, inputs)
    };
    vec![of(false, 1), of(false, u64::MAX), of(true, 0)]
}

/// A SEQUENCE around the content.
fn sequence(content: &[u8]) -> Vec<u8> {
    [&[0x30, 0x82][..], &(content.len() as u16).to_be_bytes(), content].concat()
}

/// Parameters with `more` other algorithms, each with `size` bytes of data.
fn parameters(w: &World, more: usize, size: usize) -> Vec<u8> {
    let der = w.parameters_a();
    let (head, ours, tail) = algorithms(&der);
    let mut all = ours.to_vec();
    for n in 0..more {
        let oid = [6, 3, 0x2a, 3, n as u8 + 1];
        let data = [&[4, 0x82][..], &(size as u16).to_be_bytes(), &vec![0; size]].concat();
        all.extend(sequence(&[&oid[..], &data].concat()));
    }
    sequence(&[head, &sequence(&all), tail].concat())
}

fn loads(w: &World) -> Vec<Case> {
    let of = |past, bytes: Vec<u8>, comment: &str| at(comment, past, json!({ "parameters": hex(bytes) }));
    let base = parameters(w, 1, 1000).len();
    vec![
        of(false, parameters(w, 7, 256), "eight algorithms"),
        of(true, parameters(w, 8, 256), "nine algorithms"),
        of(false, parameters(w, 1, 1000 + 8192 - base), "parameters of 8,192 bytes"),
        of(true, parameters(w, 1, 1000 + 8193 - base), "parameters of 8,193 bytes"),
    ]
}

/// Parameters with these extensions, which stand under no fingerprint.
fn extended(w: &World, extensions: &[(&[u8], &[u8])]) -> Vec<u8> {
    let der = w.parameters_a();
    let tlv = |tag: u8, content: &[u8]| [&[tag, content.len() as u8][..], content].concat();
    let pairs: Vec<u8> =
        extensions.iter().flat_map(|(oid, uri)| tlv(0x30, &[tlv(6, oid), tlv(4, &tlv(0x16, uri))].concat())).collect();
    sequence(&[&der[4..], &tlv(0x30, &pairs)].concat())
}

fn extensions(w: &World) -> Vec<Case> {
    let uri: &[u8] = b"https://kgs.a.example/keys";
    let ours = (PKG_URI.content(), uri);
    let of = |past, extensions: &[(&[u8], &[u8])], comment: &str| {
        at(comment, past, json!({ "parameters": hex(extended(w, extensions)) }))
    };
    vec![of(false, &[ours], "one extension"), of(true, &[ours, (&[0x2a, 3], uri)], "two extensions")]
}

fn setups() -> Vec<Case> {
    let of = |past, length: usize| {
        let inputs = json!({
            "s": hex(crate::vectors::formulas::one()), "district": "https://kgs.example.org", "serial": 1, "notBefore": 0,
            "notAfter": NOW, "granularity": 2, "pkgURI": format!("https://a/{}", "p".repeat(length - 10)),
        });
        at(format!("pkgURI of {length} bytes"), past, inputs)
    };
    vec![of(false, 255), of(true, 256)]
}

fn texts() -> Vec<Case> {
    let of = |past, length: usize, comment: &str| at(comment, past, json!({ "text": times("a", length) }));
    vec![of(false, 16_384, "text of 16,384 bytes that is none"), of(true, 16_385, "text of 16,385 bytes")]
}

fn boxes(w: &World) -> Vec<Case> {
    let of = |past, length: usize, comment: &str| {
        let inputs = json!({
            "parameters": hex(w.parameters_a()), "ID": hex(w.identity(ALICE).der()), "aead": 1, "ad": "",
            "plaintext": times("00", length), "sigma": times("11", 32),
        });
        at(comment, past, inputs)
    };
    vec![
        of(false, BOX_LIMIT, "plaintext of 16,777,216 bytes"),
        of(true, BOX_LIMIT + 1, "plaintext of 16,777,217 bytes"),
    ]
}

fn opens(w: &World) -> Vec<Case> {
    let whole = super::sealed_box::sealed_to(w, ALICE, ibake::suite::Aead::Aes256Gcm, b"", b"", [1; 32]);
    let of = |past, length: usize, comment: &str| {
        let mut inputs = holder(w, &[ALICE]);
        let front = whole.get(..whole.len() - 20).unwrap_or(&[]);
        inputs["ad"] = "".into();
        inputs["box"] = hex([front, &(length as u32).to_be_bytes()].concat());
        at(comment, past, inputs)
    };
    let keys = |past, names: &[&str]| {
        let mut inputs = holder(w, names);
        inputs["ad"] = "".into();
        inputs["box"] = hex(&whole);
        at(format!("{} keys fit a box", names.len()), past, inputs)
    };
    let names = ["sip:b@a.example", "sip:c@a.example", "sip:d@a.example", ALICE, "sip:e@a.example"];
    vec![
        of(false, BOX_LIMIT + TAG, "a length of 16,777,232, with nothing behind"),
        of(true, BOX_LIMIT + TAG + 1, "a length of 16,777,233"),
        keys(false, &names[..4]),
        keys(true, &names),
    ]
}

fn files(w: &World) -> Vec<Case> {
    let inputs = super::file::inputs(w, &mut Seeded::new("limits"), &[ALICE], 1, b"", hex(b"x"));
    let file = super::file::bytes(&inputs);
    let stanza = file.get(14..file.len() - 17).unwrap_or(&[]);
    let mut stranger = stanza.to_vec();
    stranger[2 + 21 + 17] ^= 1;
    let of = |past, count: u16| {
        // Strangers in all places but the last, which is alice's, wrapped for another place: the opaque error.
        let mut inputs = holder(w, &[ALICE]);
        inputs["ad"] = "".into();
        let head = [&file[..12], &count.to_be_bytes()].concat();
        inputs["file"] =
            json!([hex(head), times(&base16ct::lower::encode_string(&stranger), usize::from(count) - 1), hex(stanza)]);
        at(format!("{count} recipients"), past, inputs)
    };
    let none = {
        let mut inputs = holder(w, &[ALICE]);
        inputs["ad"] = "".into();
        inputs["file"] = hex([&file[..12], &[0, 0]].concat());
        at("no recipient", true, inputs)
    };
    vec![of(false, 1024), of(true, 1025), none]
}

fn chunks(w: &World) -> Vec<Case> {
    let of = |length: usize| {
        let mut inputs = super::file::inputs(w, &mut Seeded::new("limits"), &[ALICE], 1, b"", times("61", length));
        inputs["private_key"] = hex(w.stored(ALICE));
        inputs["order"] = json!((0..length.div_ceil(CHUNK)).collect::<Vec<_>>());
        at(format!("a file of {length} bytes of plaintext"), false, inputs)
    };
    vec![of(CHUNK), of(CHUNK + 1)]
}

fn messages() -> Vec<Case> {
    let e = Example::new(Suite::X25519ChaCha20Poly1305);
    let m1 = e.bytes("M1");
    let long = |past, length: usize, comment: &str| {
        let mut inputs = e.inputs(1);
        inputs["M1"] = json!([hex(&m1), times("00", length - m1.len())]);
        at(comment, past, inputs)
    };
    let trace = Ends::of(&e.fields).and_then(|ends| Trace::new(&e.fields, &ends));
    let listed = |past, count: u8| {
        // The suite of the case first, then unregistered ones, then the hint flag.
        let message = trace.as_ref().map(|t| {
            t.instead(1, |s| {
                let end = s.header.len() - 4;
                s.header.truncate(end);
                s.header.extend([count, 0, 4]);
                s.header.extend((1..count).flat_map(|n| [0xff, n]));
                s.header.push(0);
            })
        });
        let mut inputs = e.inputs(1);
        inputs["M1"] = hex(message.unwrap_or_default());
        at(format!("a list of {count} suites"), past, inputs)
    };
    let keys = |past, strangers: &[&str]| {
        let mut inputs = e.inputs(1);
        inputs["M1"] = hex(&m1);
        let parameters = e.w.b.parameters();
        let stored = |name: &&str| {
            let id = ibake::ibe::Name::parse(name).map_err(ibake::error::Error::from);
            let id = id.and_then(|name| parameters.identity(name, ibake::ibe::Purpose::Decrypt, NOW));
            hex(id.map_or_else(|_| Vec::new(), |id| e.w.key_of(&id).to_bytes().expose().to_vec()))
        };
        let all: Vec<Value> = strangers.iter().chain([&BOB]).map(stored).collect();
        inputs["private_keys"] = all.into();
        at(format!("{} keys fit M1", strangers.len() + 1), past, inputs)
    };
    let strangers = ["sip:b@b.example", "sip:c@b.example", "sip:d@b.example", "sip:e@b.example"];
    vec![
        keys(false, &strangers[..3]),
        keys(true, &strangers),
        long(false, 24_576, "message of 24,576 bytes whose seal does not open"),
        long(true, 24_577, "message of 24,577 bytes"),
        listed(false, 16),
        listed(true, 17),
        listed(true, 0),
    ]
}

fn data() -> Vec<Case> {
    let e = Example::new(Suite::X25519ChaCha20Poly1305);
    let sender = |past, length: usize| {
        let mut inputs = Value::Object(e.fields.0.clone());
        inputs["data_3"] = times("00", length);
        inputs["data_4"] = times("ff", length);
        at(format!("{length} bytes of data in M3 and M4"), past, inputs)
    };
    vec![sender(false, 16_384), sender(true, 16_385)]
}

fn received_data() -> Vec<Case> {
    let e = Example::new(Suite::X25519ChaCha20Poly1305);
    let trace = Ends::of(&e.fields).and_then(|ends| Trace::new(&e.fields, &ends));
    let of = |past, length: usize| {
        let message = trace.as_ref().map(|t| t.instead(3, |s| s.body.extend(body(&[], &[(7, &vec![0x61; length])]))));
        let inputs = e.case(3, "", &message.unwrap_or_default(), json!({})).inputs;
        at(format!("M3 with {length} bytes of data"), past, Value::Object(inputs))
    };
    vec![of(false, 16_384), of(true, 16_385)]
}

fn wire() -> Vec<Case> {
    let of = |past, length: usize| {
        at(format!("envelope of {length} bytes"), past, json!({ "envelope": times("03", length) }))
    };
    vec![of(false, 24_601), of(true, 24_602)]
}

fn exports() -> Vec<Case> {
    let mut inputs = Value::Object(Example::new(Suite::X25519ChaCha20Poly1305).fields.0);
    inputs["label"] = "test".into();
    inputs["context"] = "".into();
    let mut of = |past, length: u64| {
        inputs["L"] = length.into();
        at(format!("export of {length} bytes"), past, inputs.clone())
    };
    vec![of(false, 8160), of(true, 8161)]
}

fn references() -> Vec<Case> {
    let of = |past, length: usize| {
        let tail = format!("{:016x}{:016x}02", 7, NOW - 43_200);
        let reference = json!([format!("{length:04x}"), times("61", length), tail]);
        at(format!("a district of {length} bytes in a reference"), past, json!({ "key_reference": reference }))
    };
    vec![of(false, 255), of(true, 256)]
}

fn costs() -> Vec<Case> {
    // Cut off behind the cost: at the edge the length is what is wrong.
    let of = |past, [m, t, p]: [u32; 3]| {
        let head = [&b"IBAKEKEY\x01\x02\x01"[..], &m.to_be_bytes(), &t.to_be_bytes(), &p.to_be_bytes()].concat();
        at(format!("m = {m}, t = {t}, p = {p}"), past, json!({ "kind": 2, "passphrase": "x", "file": hex(head) }))
    };
    vec![
        of(false, [1_048_576, 16, 16]),
        of(true, [1_048_577, 16, 16]),
        of(true, [1_048_576, 17, 16]),
        of(true, [1_048_576, 16, 17]),
        of(false, [8, 1, 1]),
        of(true, [7, 1, 1]),
        of(true, [8, 0, 1]),
        of(true, [8, 1, 0]),
    ]
}

fn envelopes() -> Vec<Case> {
    let of = |past, length: usize| {
        let inputs = json!({
            "kind": 2, "file_key": times("22", 32), "hkdf_salt": times("33", 32), "plaintext": times("00", length),
        });
        at(format!("envelope with {length} bytes"), past, inputs)
    };
    vec![of(false, 524_288), of(true, 524_289)]
}

fn contexts(w: &World) -> Vec<Case> {
    let of = |past, length: usize| {
        let inputs = super::signatures::to_sign(w, times("61", length), "".into());
        at(format!("a context of {length} bytes"), past, inputs)
    };
    vec![of(false, 255), of(true, 256)]
}

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let of = |kind: &'static str, cases: Vec<Case>| group(kind, json!({}), cases);
    vec![
        of("identity/name", names()),
        of("identity/district", districts()),
        of("identity/period", periods()),
        of("identity/encode", encodes()),
        of("identity/decode", identities()),
        of("parameters/setup", setups()),
        of("parameters/load", [loads(&w), extensions(&w)].concat()),
        of("parameters/load_text", texts()),
        of("box/seal", boxes(&w)),
        of("box/open", opens(&w)),
        of("file/open", files(&w)),
        of("file/chunks", chunks(&w)),
        of("exchange/receive_M1", messages()),
        of("exchange/exchange", data()),
        of("exchange/receive_M3", received_data()),
        of("exchange/envelope", wire()),
        of("exchange/export", exports()),
        of("key_reference/read", references()),
        of("envelope/open", costs()),
        of("envelope/seal", envelopes()),
        of("signatures/sign", contexts(&w)),
    ]
}
