//! Whole exchanges: SPEC.md section 5, every suite, every value.

use ibake::ibake::guard::Guard;
use ibake::ibake::{Config, Responder, Session, start};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Recipient;
use ibake::suite::Suite;
use serde_json::{Value, json};

use super::{receivers, transport};
use crate::vectors::cases::{case, group, map};
use crate::vectors::fault::{Fault, agree, malformed};
use crate::vectors::fields::Kind::{Bool, Bytes, BytesList, Number, NumberList, Text, TextList};
use crate::vectors::fields::{Field, Fields, hex, input, optional, output, sometimes};
use crate::vectors::rng::Script;
use crate::vectors::trace::{Ends, Trace};
use crate::vectors::world::{ALICE, BOB, CAROL, DAVE, NOW, World};
use crate::vectors::{CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "exchange",
    spec: "4.2, 5",
    about: "One exchange for each suite and some with more: all random bytes in the order drawn, the four messages and \
            every value on the way. The first draw belongs to R's tables and enters nothing.",
    groups: &[
        EXCHANGE,
        receivers::M1,
        receivers::M2,
        receivers::M3,
        receivers::M4,
        transport::COOKIE,
        transport::ENVELOPE,
        transport::EXPORT,
    ],
    notes: &[
        ("Hybrid", "POST_QUANTUM", "ek, ct and ss of ML-KEM-768 stand exactly in hybrid suites."),
        ("Lists", "DOWNGRADE", "Lists of several suites, under the transcript on both sides."),
        ("Hint", "PRIVACY", "M1 carries a salted hint at the called identity."),
        ("Data", "ENCODING", "Application data in M3 and M4."),
        ("Nai", "ENCODING", "Identities that are e-mail names have another type."),
        ("Cookie", "DENIAL_OF_SERVICE", "Cookies of others, too old, or from the future."),
        ("Envelope", "PARSER", "What travels outside the transcript."),
        ("Export", "KEY_SEPARATION", "Another label, context or length gives an unrelated key."),
        ("Time", "STALE_KEY", "Deadline, replay, periods and their skew."),
    ],
    cases,
};

/// What both ends know and draw, then what comes of it.
pub(super) const FIELDS: &[Field] = &[
    input("now", Number),
    input("parameters_I", Bytes),
    input("parameters_R", Bytes),
    input("private_key_I", Bytes),
    input("private_key_R", Bytes),
    input("suite", Text),
    input("randomness", BytesList),
    optional("suites_I", NumberList),
    optional("suites_R", NumberList),
    optional("send_hint", Bool),
    optional("data_3", Bytes),
    optional("data_4", Bytes),
    output("fp_I", Bytes),
    output("fp_R", Bytes),
    output("pkctx(ID_I)", Bytes),
    output("pkctx(ID_R)", Bytes),
    output("h0", Bytes),
    output("x", Bytes),
    output("X", Bytes),
    sometimes("d||z", Bytes),
    output("sigma_1", Bytes),
    output("K1", Bytes),
    output("ck1", Bytes),
    output("key_1", Bytes),
    output("pt_1", Bytes),
    output("M1", Bytes),
    output("h1", Bytes),
    output("AwaitM2", Bytes),
    output("y", Bytes),
    output("Y", Bytes),
    sometimes("m", Bytes),
    output("nR", Bytes),
    output("c_R", Bytes),
    output("sigma_2", Bytes),
    output("K2", Bytes),
    output("ck2", Bytes),
    output("key_2", Bytes),
    output("pt_2", Bytes),
    output("M2", Bytes),
    output("h2", Bytes),
    output("AwaitM3", Bytes),
    output("nI", Bytes),
    output("sigma_3", Bytes),
    output("K3", Bytes),
    output("dh", Bytes),
    sometimes("ss", Bytes),
    output("ck3", Bytes),
    output("key_3", Bytes),
    output("pt_3", Bytes),
    output("M3", Bytes),
    output("h3", Bytes),
    output("key_4", Bytes),
    output("pt_4", Bytes),
    output("M4", Bytes),
    output("export(test, context, 32)", Bytes),
    output("authentication_string", Number),
    output("words", TextList),
    output("digits", Text),
];

const EXCHANGE: Group = Group {
    kind: "exchange",
    about: "A whole exchange. Without suites_I or suites_R an end lists the suite of the case alone; no hint unless \
            send_hint. x, y: secrets at rest of 5.4.1; m: the coin of ML-KEM; AwaitM2, AwaitM3: 5.11.",
    fields: FIELDS,
    compute: |f| {
        let ends = Ends::of(f)?;
        let run = run(f, &ends)?;
        let trace = Trace::new(f, &ends)?;
        for (n, message) in run.messages.iter().enumerate() {
            agree(&format!("M{}", n + 1), trace.steps.get(n).is_some_and(|s| s.message == *message))?;
        }
        agree("the export", trace.export(b"test", b"context") == run.exported)?;
        agree("the authentication string", trace.sas == run.sas)?;
        let mut out = trace.out();
        out.bytes("AwaitM2", &run.states[0]).bytes("AwaitM3", &run.states[1]);
        out.bytes("export(test, context, 32)", run.exported).put("authentication_string", run.sas);
        out.put("words", run.words.to_vec()).put("digits", run.digits);
        Ok(out)
    },
};

/// The session of an exchange that went well.
pub(super) fn finished(f: &Fields) -> Result<Session, Fault> {
    Ok(run(f, &Ends::of(f)?)?.session)
}

/// What the library makes of it.
struct Run {
    session: Session,
    messages: [Vec<u8>; 4],
    states: [Vec<u8>; 2],
    exported: [u8; 32],
    sas: u32,
    words: [&'static str; 3],
    digits: String,
}

fn run(f: &Fields, ends: &Ends) -> Result<Run, Fault> {
    let mut rng = Script::new(f.list("randomness")?);
    let mut guard = Guard::new(1000, 1000, &mut rng)?;
    let config = |suites: &[Suite]| Config {
        suites: suites.to_vec(),
        send_hint: f.flag("send_hint").unwrap_or(false),
        ..Config::default()
    };
    let (config_i, config_r) = (config(&ends.suites_i), config(&ends.suites_r));
    let peer = Recipient::new(&ends.parameters_r, ends.key_r.identity())?;
    let (data_3, data_4) = (f.bytes_or_none("data_3")?, f.bytes_or_none("data_4")?);
    let (key_i, now) = (&ends.key_i, ends.now);
    let (i, m1) = start(&config_i, ends.suite, key_i, &ends.parameters_i, &peer, now, &mut rng)?;
    let parameters = vec![ends.parameters_i.clone(), ends.parameters_r.clone()];
    let keys = [PrivateKey::from_bytes(&f.bytes("private_key_R")?, &ends.parameters_r)?];
    let responder = Responder { config: &config_r, keys: &keys, parameters: &parameters, peers: &() };
    let (r, m2) = responder.accept(&mut guard, &m1, now, &mut rng)?;
    let states = [i.to_bytes().expose().to_vec(), r.to_bytes().expose().to_vec()];
    let (i, m3) = i.receive(&m2, key_i, &peer, &data_3, now, &mut rng)?;
    let (r, got_3, m4) = r.receive(&m3, &keys, &data_4, &mut guard, now)?;
    let (i, got_4) = i.receive(&m4, now)?;
    agree("the data", got_3.expose() == data_3 && got_4.expose() == data_4)?;
    if !rng.is_used_up() {
        return Err(malformed("randomness has more draws than the exchange takes"));
    }
    let (mut exported, mut other) = ([0; 32], [0; 32]);
    i.export(b"test", b"context", &mut exported)?;
    r.export(b"test", b"context", &mut other)?;
    let sas = i.authentication_string();
    agree("R's export", exported == other && sas.value() == r.authentication_string().value())?;
    let (words, digits, sas) = (sas.words(), sas.digits(), sas.value());
    Ok(Run { session: i, messages: [m1, m2, m3, m4], states, exported, sas, words, digits })
}

/// What all cases between these two share.
fn shared(w: &World, initiator: &str, responder: &str) -> Value {
    let of = |name: &str| if name == BOB { w.parameters_b() } else { w.parameters_a() };
    json!({
        "now": NOW, "parameters_I": hex(of(initiator)), "parameters_R": hex(of(responder)),
        "private_key_I": hex(w.stored(initiator)), "private_key_R": hex(w.stored(responder)),
    })
}

/// The lengths of the draws, in order.
fn draws(suite: Suite, hint: bool) -> Vec<usize> {
    let mut all = vec![32, 16, 32];
    all.extend(suite.is_hybrid().then_some(32));
    all.extend(hint.then_some(8));
    all.extend([32, 16, 32]);
    all.extend(suite.is_hybrid().then_some(32));
    all.extend([32, 32, 32, 32]);
    all
}

/// The inputs of an exchange from alice to bob in one suite, as a case of this layer has them.
pub(super) fn example(w: &mut World, suite: Suite) -> Fields {
    let mut all = map(shared(w, ALICE, BOB));
    all.insert("suite".into(), suite.name().into());
    all.insert("randomness".into(), randomness(w, suite, false));
    Fields(all)
}

fn randomness(w: &mut World, suite: Suite, hint: bool) -> Value {
    use rand_core::TryRng;
    let mut draw = |n| {
        let mut out = vec![0; n];
        let _ = w.rng.try_fill_bytes(&mut out);
        hex(out)
    };
    draws(suite, hint).into_iter().map(&mut draw).collect()
}

fn cases() -> Vec<CaseGroup> {
    let mut w = World::new();
    let suites = Suite::PREFERENCE.map(|suite| {
        let inputs = json!({ "suite": suite.name(), "randomness": randomness(&mut w, suite, false) });
        case(suite.name(), if suite.is_hybrid() { &["Hybrid"] } else { &[] }, inputs)
    });
    let (p256, x25519) = (Suite::P256Aes256Gcm, Suite::X25519ChaCha20Poly1305);
    let mut more = |comment: &str, flags: &[&'static str], suite: Suite, fields: Value| {
        let hint = fields.get("send_hint").is_some();
        let mut inputs = json!({ "suite": suite.name(), "randomness": randomness(&mut w, suite, hint) });
        for (name, value) in map(fields) {
            inputs[name] = value;
        }
        case(comment, flags, inputs)
    };
    // Each suite beside the one in front of it in the order of 5.2.
    let order = Suite::PREFERENCE;
    let mut beside: Vec<_> = order
        .iter()
        .zip(order.iter().skip(1))
        .map(|(better, used)| {
            let both = [better.id(), used.id()];
            let comment = format!("{} beside {}", used.name(), better.name());
            more(&comment, &["Lists"], *used, json!({ "suites_I": both, "suites_R": both }))
        })
        .collect();
    let mut others = vec![
        more("a hint", &["Hint"], x25519, json!({ "send_hint": true })),
        more(
            "data in M3 and M4",
            &["Data"],
            x25519,
            json!({ "data_3": hex(b"hello"), "data_4": hex(b"hello yourself") }),
        ),
        more("several suites on both sides", &["Lists"], x25519, json!({ "suites_I": [1, 4], "suites_R": [3, 4, 1] })),
        more(
            "a suite that is not the first in common",
            &["Lists"],
            p256,
            json!({ "suites_I": [1, 4], "suites_R": [4, 1] }),
        ),
        more("no suite in common", &["Lists"], p256, json!({ "suites_I": [1], "suites_R": [4] })),
    ];
    others.append(&mut beside);
    let names = vec![more("e-mail names, one district", &["Nai"], x25519, json!({}))];
    let exported = Value::Object(example(&mut World::new(), x25519).0);
    let export = |comment: &str, label: &str, context: &[u8], length: u64| {
        case(comment, &["Export"], json!({ "label": label, "context": hex(context), "L": length }))
    };
    let exports = vec![
        export("the public name of the session key", "fingerprint", b"", 16),
        export("a label", "test", b"context", 32),
        export("another context", "test", b"Context", 32),
        export("another length", "test", b"context", 33),
    ];
    vec![
        group("exchange", shared(&w, ALICE, BOB), suites.into()),
        group("exchange", shared(&w, ALICE, BOB), others),
        group("exchange", shared(&w, DAVE, CAROL), names),
        group("receive_M1", json!({}), receivers::times_of_m1()),
        group("receive_M2", json!({}), receivers::times_of_m2()),
        group("receive_M3", json!({}), receivers::times_of_m3()),
        group("cookie", json!({}), transport::cookies()),
        group("envelope", json!({}), transport::envelopes()),
        group("export", exported, exports),
    ]
}
