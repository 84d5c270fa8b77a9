//! The cases of the layer `calls`, and the people in them.

use ibake::ibe::{Name, Purpose};
use ibake::suite::Suite;
use serde_json::{Map, Value, json};

use crate::vectors::calls::{self, Ends, Heard, session};
use crate::vectors::cases::{case, group, map};
use crate::vectors::fields::{Fields, hex};
use crate::vectors::rng::Seeded;
use crate::vectors::world::{ALICE, BOB, DAVE, DAY, NOW, World};
use crate::vectors::{Case, CaseGroup};

pub(crate) const DESK: &str = "sip:bob-desk@b.example";
const PHONE: &str = "sip:bob-phone@b.example";
pub(crate) const MAILBOX: &str = "sip:mailbox@b.example";
pub(crate) const MALLORY: &str = "sip:mallory@b.example";

/// The districts of all cases; here names of district A are those of `World`, all others have their keys in B.
pub(crate) struct Scene {
    pub(crate) w: World,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { w: World::new() }
    }

    /// A stored key for the period of now.
    ///
    /// # Panics
    /// For a name that is none: all names here are constants.
    #[allow(clippy::expect_used)]
    pub(crate) fn key(&self, name: &str, purpose: Purpose) -> ibake::ibe::extract::PrivateKey {
        let issuer = if [ALICE, DAVE].contains(&name) { &self.w.a } else { &self.w.b };
        let name = Name::parse(name).expect("a constant");
        issuer.parameters().identity(name, purpose, NOW).and_then(|id| issuer.extract(&id)).expect("of the district")
    }

    pub(crate) fn stored(&self, name: &str) -> Value {
        hex(self.key(name, Purpose::Decrypt).to_bytes().expose())
    }

    pub(crate) fn signing(&self, name: &str) -> Value {
        hex(self.key(name, Purpose::Sign).to_bytes().expose())
    }

    /// What cases between these share: who calls whom, and who answers as what, with which keys.
    pub(crate) fn shared(&self, caller: &str, dialled: &str, answers: &str, holders: &[&str]) -> Value {
        let keys: Vec<Value> = holders.iter().map(|h| self.stored(h)).collect();
        json!({
            "now": NOW, "parameters_I": hex(self.w.parameters_a()), "parameters_R": hex(self.w.parameters_b()),
            "private_keys_I": [self.stored(caller), self.signing(caller)], "private_keys_R": keys,
            "dialled": dialled, "answers": answers,
        })
    }

    pub(crate) fn plain(&self) -> Value {
        self.shared(ALICE, BOB, "dialled", &[BOB])
    }

    pub(crate) fn left(&self) -> Value {
        self.shared(ALICE, BOB, "retargeted", &[MAILBOX])
    }
}

/// What both ends accept and offer, in one suite and profile.
pub(crate) fn terms(suite: Suite, profile: &str) -> Value {
    let profiles = ["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"];
    json!({
        "suite": suite.name(), "demand_I": profile, "demand_R": profile, "profiles_I": profiles, "profiles_R": profiles,
        "SSRCs_I": [0x1111, 0], "SSRCs_R": [0x2222],
    })
}

/// The same with other or more fields.
pub(crate) fn with(base: Value, more: Value) -> Value {
    let mut all = map(base);
    all.extend(map(more));
    Value::Object(all)
}

/// All inputs of a case with the randomness that its call draws from this seed; the first draws are those given.
///
/// # Panics
/// For a call of ours that fails.
#[allow(clippy::expect_used)]
pub(crate) fn drawn(shared: &Value, own: &Value, seed: &str, first: &[Value]) -> Fields {
    let mut all: Map<String, Value> = map(shared.clone());
    all.extend(map(own.clone()));
    all.insert("randomness".into(), json!([]));
    let f = Fields(all);
    let e = Ends::of(&f).expect("a case of ours");
    let mut rng = Seeded::new(&format!("calls: {seed}"));
    let ended = calls::call(&e, &Heard::default(), &mut rng, &mut Vec::new()).expect("a call of ours");
    let kept = rng.drawn.len();
    if f.has("begins") {
        let (mut i, mut r) = (session(ended.initiator), session(ended.responder.expect("it has two ends")));
        calls::update(&f, &e, (&mut i, &mut r), &mut rng, &mut Vec::new()).expect("an update of ours");
    }
    let mut draws: Vec<Value> = rng.drawn.into_iter().map(hex).collect();
    assert!(first.len() <= kept, "more draws than the call has");
    draws.iter_mut().zip(first).for_each(|(d, f)| *d = f.clone());
    let mut all = f.0;
    all.insert("randomness".into(), draws.into());
    Fields(all)
}

pub(crate) fn draws(f: &Fields) -> Vec<Value> {
    f.0.get("randomness").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// A case of a group with these shared inputs.
fn made(shared: &Value, comment: &str, flags: &[&'static str], own: Value, first: &[Value]) -> Case {
    let all = drawn(shared, &own, comment, first);
    let inputs = with(own, json!({ "randomness": draws(&all) }));
    case(comment, flags, inputs)
}

const P256: Suite = Suite::P256Aes256Gcm;
const X25519: Suite = Suite::X25519ChaCha20Poly1305;
const HYBRID: Suite = Suite::P256MlKem768Aes256Gcm;
const PROFILES: [(&str, &str); 2] = [("bound", "Bound"), ("rfc6267", "Rfc6267")];
const KEY: &str = "5ea1ed00c0ffee11223344556677889900aabbccddeeff00112233445566778a";

fn plain(s: &Scene) -> (Value, Vec<Case>) {
    let shared = s.plain();
    let mut cases = Vec::new();
    for (profile, flag) in PROFILES {
        for suite in Suite::PREFERENCE {
            let comment = format!("{}, {profile}", suite.name());
            let flags = if suite.is_hybrid() { vec![flag, "Hybrid"] } else { vec![flag] };
            cases.push(made(&shared, &comment, &flags, terms(suite, profile), &[]));
        }
        let old = with(terms(P256, profile), json!({ "PRF": 0 }));
        cases.push(made(&shared, &format!("MIKEY-1, {profile}"), &[flag, "Mikey1"], old, &[]));
        let content = with(terms(X25519, profile), json!({ "content_key": KEY }));
        let comment = format!("the key of content that was encoded before, {profile}");
        cases.push(made(&shared, &comment, &[flag, "Content"], content, &[]));
    }
    let mut add =
        |comment: &str, flags: &[&'static str], own: Value| cases.push(made(&shared, comment, flags, own, &[]));
    add(
        "an end that accepts both profiles, called by one that knows rfc6267 alone",
        &["Rfc6267"],
        with(terms(X25519, "rfc6267"), json!({ "demand_R": "bound if possible" })),
    );
    add(
        "an end that accepts both profiles calls one that knows rfc6267 alone",
        &["Rfc6267"],
        with(terms(X25519, "rfc6267"), json!({ "demand_I": "bound if possible" })),
    );
    let all = ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AES_256_CM_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80"];
    add(
        "five streams with an MKI, four profiles offered, a list of protocols",
        &["Bound", "Sessions"],
        with(
            terms(X25519, "bound if possible"),
            json!({
                "MKI": "0001", "protocols": "mikey;other", "SSRCs_I": [1, 0, 0, 0xffff_ffff_u32, 7],
                "SSRCs_R": [0x8000_0000_u32, 2], "profiles_I": all, "profiles_R": [all[2], all[3]],
            }),
        ),
    );
    (shared, cases)
}

/// Two branches answer one I_MESSAGE_1, in each profile.
fn forks(s: &Scene) -> Vec<(Value, Vec<Case>)> {
    let branch = |who: &str| s.shared(ALICE, BOB, "branch", &[who, BOB]);
    let (desk, phone) = (branch(DESK), branch(PHONE));
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (profile, flag) in PROFILES {
        let one = made(&desk, &format!("the first branch, {profile}"), &[flag, "Fork"], terms(P256, profile), &[]);
        let randomness = one.inputs.get("randomness").and_then(Value::as_array).cloned().unwrap_or_default();
        let of_i1 = randomness.get(..5).unwrap_or_default();
        let comment = format!("the second branch of the same call, {profile}");
        second.push(made(&phone, &comment, &[flag, "Fork"], terms(P256, profile), of_i1));
        first.push(one);
    }
    vec![(desk, first), (phone, second)]
}

fn left(s: &Scene) -> (Value, Vec<Case>) {
    let shared = s.left();
    let same = |suite: Suite, profile: &str| with(terms(suite, profile), json!({ "suites_R": [suite.id()] }));
    let unsigned = with(same(P256, "bound"), json!({}));
    let cases = vec![
        made(&shared, "a mailbox answers, bound, signed", &["Bound", "Retarget"], same(P256, "bound"), &[]),
        made(&shared, "a mailbox answers, rfc6267", &["Rfc6267", "Retarget"], same(P256, "rfc6267"), &[]),
        made(&shared, "a mailbox of another group answers, bound", &["Bound", "Retarget"], terms(HYBRID, "bound"), &[]),
        made(
            &shared,
            "a mailbox of another group answers, rfc6267, MIKEY-1",
            &["Rfc6267", "Retarget", "Mikey1"],
            with(same(P256, "rfc6267"), json!({ "suites_R": [X25519.id()], "PRF": 0 })),
            &[],
        ),
        made(
            &shared,
            "content that was encoded before goes to a mailbox",
            &["Bound", "Retarget", "Content"],
            with(unsigned, json!({ "content_key": KEY })),
            &[],
        ),
    ];
    (shared, cases)
}

fn updates(s: &Scene, calls: &[Case]) -> (Value, Vec<Case>) {
    let shared = s.plain();
    let draws_of = |comment: &str| {
        let found = calls.iter().find(|c| c.comment == comment);
        found.and_then(|c| c.inputs.get("randomness")?.as_array().cloned()).unwrap_or_default()
    };
    let later = |suite: Suite, profile: &str, begins: &str, more: Value| {
        let base = with(terms(suite, profile), json!({ "begins": begins, "update_now": NOW + 1800 }));
        (with(base, more), draws_of(&format!("{}, {profile}", suite.name())))
    };
    let mut cases = Vec::new();
    let mut add = |comment: &str, flags: &[&'static str], (own, first): (Value, Vec<Value>)| {
        cases.push(made(&shared, comment, flags, own, &first));
    };
    let more = json!({ "MKI_new": "02", "SSRCs_new": [0x3333] });
    add(
        "the initiator adds a stream and an MKI, bound",
        &["Bound", "Update"],
        later(P256, "bound", "initiator", more.clone()),
    );
    add(
        "the responder adds a stream and an MKI, bound",
        &["Bound", "Update"],
        later(X25519, "bound", "responder", more),
    );
    add("the initiator, rfc6267", &["Rfc6267", "Update"], later(P256, "rfc6267", "initiator", json!({})));
    add("the responder, rfc6267", &["Rfc6267", "Update"], later(X25519, "rfc6267", "responder", json!({})));
    add(
        "hybrid, in the second of the call",
        &["Bound", "Update", "Hybrid"],
        later(HYBRID, "bound", "initiator", json!({ "update_now": NOW })),
    );
    (shared, cases)
}

/// Deposits of the calls of [`left`] and of one with content, opened by whom they are for.
fn opened(s: &Scene, calls: &[(&Value, &Case)]) -> CaseGroup {
    let shared = json!({
        "parameters_I": hex(s.w.parameters_a()), "parameters_R": hex(s.w.parameters_b()),
        "private_keys": [s.stored(BOB)], "max_age": 7 * DAY, "cs_id": 1,
    });
    let mut cases = Vec::new();
    for (shared, call) in calls {
        let all = with((*shared).clone(), Value::Object(call.inputs.clone()));
        let bound = call.flags.contains(&"Bound");
        let deposit = deposit_of(&Fields(map(all)));
        let (demand, profile) =
            if bound { ("bound", "AEAD_AES_256_GCM") } else { ("bound if possible", "AES_CM_128_HMAC_SHA1_80") };
        let days = if bound { 3 } else { 0 };
        let inputs = json!({ "now": NOW + days * DAY, "demand": demand, "profile": profile, "deposit": hex(&deposit) });
        cases.push(case(format!("of the call: {}", call.comment), &["Deposit"], inputs.clone()));
        if !bound && call.flags.contains(&"Mikey1") {
            let strict = with(inputs.clone(), json!({ "demand": "bound" }));
            cases.push(case("the same where only what is signed is taken", &["Deposit"], strict));
            let late = with(inputs, json!({ "now": NOW + 7 * DAY + 1 }));
            cases.push(case("the same when it is too old", &["Deposit"], late));
        }
    }
    group("open_deposit", shared, cases)
}

/// The deposit of a call with an ESK.
///
/// # Panics
/// For a call that fails, or has none.
#[allow(clippy::expect_used)]
pub(crate) fn deposit_of(f: &Fields) -> Vec<u8> {
    let out = Fields(super::calls::values(f).expect("a call of ours").0);
    out.bytes("deposit").expect("it has an ESK")
}

pub(super) fn cases() -> Vec<CaseGroup> {
    let s = Scene::new();
    let (both, calls) = plain(&s);
    let (mailbox, kept) = left(&s);
    let (updated, updates) = updates(&s, &calls);
    let mut deposits: Vec<(&Value, &Case)> = kept.iter().map(|c| (&mailbox, c)).collect();
    deposits.extend(calls.iter().filter(|c| c.flags.contains(&"Content")).map(|c| (&both, c)));
    let opened = opened(&s, &deposits);
    let redirected = s.shared(ALICE, DESK, "dialled", &[DESK]);
    let again = made(&redirected, "the new call after a redirect", &["Bound", "Redirect"], terms(X25519, "bound"), &[]);
    let nai = s.shared(DAVE, BOB, "dialled", &[BOB]);
    let mail = made(&nai, "an e-mail name", &["Bound", "Sessions"], terms(X25519, "bound"), &[]);
    let mut all = vec![group("call", both, calls)];
    all.extend(forks(&s).into_iter().map(|(shared, cases)| group("call", shared, cases)));
    all.push(group("call", redirected, vec![again]));
    all.push(group("call", nai, vec![mail]));
    all.push(group("call", mailbox, kept));
    all.push(group("update", updated, updates));
    all.push(opened);
    all.push(crate::vectors::attacks::succeed(&s));
    all
}
