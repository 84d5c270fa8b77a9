//! One step of an exchange: what a receiver makes of one message, SPEC.md 5.5.

use ibake::ibake::guard::Guard;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, Responder};
use ibake::ibe::kem::Recipient;
use ibake::ibe::{ParameterStore, PublicParameters};
use serde_json::{Value, json};

use super::exchange::{LAYER, example};
use super::sealed_box::{holder, keys};
use crate::vectors::cases::case;
use crate::vectors::fault::{Fault, malformed};
use crate::vectors::fields::Kind::{Bytes, BytesList, Number, NumberList};
use crate::vectors::fields::{Field, Fields, Out, hex, input, optional, output};
use crate::vectors::rng::{Script, Seeded};
use crate::vectors::trace::suites;
use crate::vectors::world::{ALICE, BOB, DAY, NOW, World};
use crate::vectors::{Case, Group, Verdict};

const NOW_FIELD: Field = input("now", Number);
const PARAMETERS: Field = input("parameters_list", BytesList);
const KEYS: Field = input("private_keys", BytesList);
const DRAWS: Field = input("randomness", BytesList);

pub(super) const M1: Group = Group {
    kind: "receive_M1",
    about: "R takes M1 and answers with the draws of randomness, which has none for its tables. first, at first_now, is an M1 \
            that R has answered before, with the same draws.",
    fields: &[
        NOW_FIELD,
        PARAMETERS,
        KEYS,
        input("suites", NumberList),
        optional("first", Bytes),
        optional("first_now", Number),
        input("M1", Bytes),
        DRAWS,
        output("M2", Bytes),
    ],
    compute: |f| {
        let (parameters, keys) = keys(f)?;
        let config = Config { suites: suites(f, "suites")?, ..Config::default() };
        let mut guard = guard()?;
        let responder = Responder { config: &config, keys: &keys, parameters: &parameters, peers: &() };
        if f.has("first") {
            let mut rng = Script::new(f.list("randomness")?);
            responder.accept(&mut guard, &f.bytes("first")?, f.number("first_now")?, &mut rng)?;
        }
        let mut rng = Script::new(f.list("randomness")?);
        let (_, m2) = responder.accept(&mut guard, &f.bytes("M1")?, f.number("now")?, &mut rng)?;
        let mut out = Out::default();
        out.bytes("M2", m2);
        Ok(out)
    },
};

pub(super) const M2: Group = Group {
    kind: "receive_M2",
    about: "I, in the state AwaitM2 of 5.11, takes M2 and gives M3.",
    fields: &[NOW_FIELD, PARAMETERS, KEYS, input("AwaitM2", Bytes), input("M2", Bytes), DRAWS, output("M3", Bytes)],
    compute: |f| {
        let (_, m3) = third(f, f.number("now")?)?;
        let mut out = Out::default();
        out.bytes("M3", m3);
        Ok(out)
    },
};

pub(super) const M3: Group = Group {
    kind: "receive_M3",
    about: "R, in the state AwaitM3 of 5.11, takes M3 and gives M4.",
    fields: &[
        NOW_FIELD,
        PARAMETERS,
        KEYS,
        input("AwaitM3", Bytes),
        input("M3", Bytes),
        output("M4", Bytes),
        output("authentication_string", Number),
    ],
    compute: |f| {
        let (_, keys) = keys(f)?;
        let state = AwaitM3::from_bytes(&f.bytes("AwaitM3")?)?;
        let (session, _, m4) = state.receive(&f.bytes("M3")?, &keys, b"", &mut guard()?, f.number("now")?)?;
        let mut out = Out::default();
        out.bytes("M4", m4).put("authentication_string", session.authentication_string().value());
        Ok(out)
    },
};

pub(super) const M4: Group = Group {
    kind: "receive_M4",
    about: "I takes M2 in the state AwaitM2, at the time of that state, and then M4.",
    fields: &[
        NOW_FIELD,
        PARAMETERS,
        KEYS,
        input("AwaitM2", Bytes),
        input("M2", Bytes),
        DRAWS,
        input("M4", Bytes),
        output("authentication_string", Number),
    ],
    compute: |f| {
        let state = f.bytes("AwaitM2")?;
        let started = state.last_chunk().map_or(0, |t| u64::from_be_bytes(*t));
        let (state, _) = third(f, started)?;
        let (session, _) = state.receive(&f.bytes("M4")?, f.number("now")?)?;
        let mut out = Out::default();
        out.put("authentication_string", session.authentication_string().value());
        Ok(out)
    },
};

fn guard() -> Result<Guard, Fault> {
    Ok(Guard::new(1000, 1000, &mut Seeded::new("the tables of a receiver enter nothing"))?)
}

fn third(f: &Fields, now: u64) -> Result<(ibake::ibake::initiator::Unconfirmed, Vec<u8>), Fault> {
    let (parameters, keys) = keys(f)?;
    let state = AwaitM2::from_bytes(&f.bytes("AwaitM2")?)?;
    let own = keys.iter().find(|k| k.identity() == state.own()).ok_or_else(|| malformed("no key of the state"))?;
    let peer = state.peer();
    let known: Option<PublicParameters> = parameters.find(peer.district().as_str(), peer.serial());
    let recipient = Recipient::new(&known.ok_or_else(|| malformed("no parameters of the peer"))?, peer)?;
    let mut rng = Script::new(f.list("randomness")?);
    Ok(state.receive(&f.bytes("M2")?, own, &recipient, b"", now, &mut rng)?)
}

/// A finished exchange, taken apart for cases of single steps.
pub(crate) struct Example {
    pub(crate) w: World,
    pub(crate) fields: Fields,
    pub(crate) out: Fields,
}

impl Example {
    /// # Panics
    /// Never: it is one of the exchanges of this layer.
    #[allow(clippy::expect_used)]
    pub(crate) fn new(suite: ibake::suite::Suite) -> Self {
        let mut w = World::new();
        let fields = example(&mut w, suite);
        let group = LAYER.group("exchange").expect("the group above");
        match Verdict::of(group, &fields) {
            Ok(Verdict::Valid(out)) => Self { w, fields, out: Fields(out) },
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn value(&self, name: &str) -> Value {
        self.out.0.get(name).or_else(|| self.fields.0.get(name)).cloned().unwrap_or_default()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.out.bytes(name).unwrap_or_default()
    }

    fn draws(&self, from: usize) -> Value {
        let all = self.value("randomness");
        Value::from(all.as_array().and_then(|a| a.get(from..)).unwrap_or_default().to_vec())
    }

    /// Where R's draws begin, and I's second ones.
    fn marks(&self) -> [usize; 2] {
        let all = self.fields.list("randomness").unwrap_or_default();
        let r = all.iter().enumerate().filter(|(_, d)| d.len() == 16).map(|(i, _)| i).nth(1).unwrap_or(0);
        [r, all.len().saturating_sub(2)]
    }

    /// The inputs of `receive_M<n>`, without the message.
    pub(crate) fn inputs(&self, n: u8) -> Value {
        let mut inputs = holder(&self.w, &[if n % 2 == 1 { BOB } else { ALICE }]);
        inputs["now"] = NOW.into();
        let [r, i] = self.marks();
        match n {
            1 => {
                inputs["suites"] = json!([self.suite_id()]);
                let all = self.draws(r);
                inputs["randomness"] = all.as_array().and_then(|a| a.get(..i - r)).unwrap_or_default().to_vec().into();
            }
            3 => inputs["AwaitM3"] = self.value("AwaitM3"),
            _ => {
                inputs["AwaitM2"] = self.value("AwaitM2");
                inputs["randomness"] = self.draws(i);
            }
        }
        if n == 4 {
            inputs["M2"] = self.value("M2");
        }
        inputs
    }

    fn suite_id(&self) -> u16 {
        self.fields.text("suite").ok().and_then(|s| ibake::suite::Suite::from_name(&s)).map_or(0, |s| s.id())
    }

    /// A case of `receive_M<n>`.
    pub(crate) fn case(&self, n: u8, comment: &str, message: &[u8], more: Value) -> Case {
        let mut inputs = self.inputs(n);
        inputs[format!("M{n}")] = hex(message);
        for (name, value) in crate::vectors::cases::map(more) {
            inputs[name] = value;
        }
        case(comment, &["Time"], inputs)
    }
}

const SUITE: ibake::suite::Suite = ibake::suite::Suite::X25519ChaCha20Poly1305;

/// Noon of the day, so that half a day is left of alice's period.
const END: u64 = NOW + DAY / 2;

pub(super) fn times_of_m1() -> Vec<Case> {
    let e = Example::new(SUITE);
    let m1 = e.bytes("M1");
    let at = |comment: &str, now: u64| e.case(1, comment, &m1, json!({ "now": now }));
    let again =
        |comment: &str, now: u64| e.case(1, comment, &m1, json!({ "now": now, "first": hex(&m1), "first_now": NOW }));
    vec![
        at("as recorded", NOW),
        at("the last second of the skew of I's day", END + 299),
        at("the second after", END + 300),
        at("the first second of the skew of I's day", NOW - DAY / 2 - 300),
        at("the second before", NOW - DAY / 2 - 301),
        again("the same M1 after 119 seconds", NOW + 119),
        again("after 120 seconds it is forgotten", NOW + 120),
    ]
}

pub(super) fn times_of_m2() -> Vec<Case> {
    let e = Example::new(SUITE);
    let m2 = e.bytes("M2");
    let at = |comment: &str, now: u64| e.case(2, comment, &m2, json!({ "now": now }));
    vec![
        at("after 60 seconds", NOW + 60),
        at("after 61 seconds", NOW + 61),
        at("the clock went back by 60 seconds", NOW - 60),
        at("by 61 seconds", NOW - 61),
    ]
}

pub(super) fn times_of_m3() -> Vec<Case> {
    let e = Example::new(SUITE);
    let m3 = e.bytes("M3");
    let at = |comment: &str, now: u64| e.case(3, comment, &m3, json!({ "now": now }));
    vec![at("after 60 seconds", NOW + 60), at("after 61 seconds", NOW + 61)]
}
