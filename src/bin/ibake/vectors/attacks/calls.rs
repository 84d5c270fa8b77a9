//! Against calls: what somebody on the way, an end that is not who it says, or a mailbox puts in the place of a message.
//!
//! Written from SPEC.md on the codec; nothing here is the library's own way to make a message.

use ibake::dh::{KeyPair, Share};
use ibake::ibe::kem::{Encapsulation, Recipient};
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::ibe::{Identity, PublicParameters, Purpose};
use ibake::kdf::{Prk, hash, label};
use ibake::mikey::derive::{self, SessionKey};
use ibake::mikey::numbers::{DataType, IdRole, MacAlg, PayloadType, PrfFunc, ProtType, SkType};
use ibake::mikey::{
    Chain, CsIdMap, Draft, EccPoint, GenericId, GenericIds, Header, Id, IdR, KeyValidity, Message, Payload, Policy,
    SecretKey, Verification, Within, algorithms, encode, encode_chain,
};
use ibake::secret::{Secret, SecretVec};
use ibake::suite::{Aead, Group, Suite};
use serde_json::{Value, json};

use super::{Title, flipped, negative};
use crate::vectors::CaseGroup;
use crate::vectors::calls::{self, Ends, Heard, encr_data, seal_ad};
use crate::vectors::cases::{case, group, map};
use crate::vectors::fault::Fault;
use crate::vectors::fields::{Fields, hex};
use crate::vectors::formulas::lp;
use crate::vectors::layers::tools::{MAILBOX, MALLORY, Scene, deposit_of, drawn, terms, update_values, with};
use crate::vectors::negative::Negative;
use crate::vectors::rng::{Script, Seeded};
use crate::vectors::world::{ALICE, BOB, DAY, NOW};

const P256: Suite = Suite::P256Aes256Gcm;

/// A call, its inputs with the randomness, and the messages that are sent in it.
struct Stage {
    inputs: Value,
    sent: Vec<Vec<u8>>,
}

/// The messages that are sent when these are heard, up to where it ends.
fn sent(inputs: &Value, heard: &Heard) -> Vec<Vec<u8>> {
    let f = Fields(map(inputs.clone()));
    let mut sent = Vec::new();
    let mut run = || -> Result<(), Fault> {
        let mut rng = Script::new(f.list("randomness")?);
        calls::call(&Ends::of(&f)?, heard, &mut rng, &mut sent).map(drop)
    };
    // It may fail: what was sent before counts.
    let _ = run();
    sent
}

impl Stage {
    /// With draws of this seed, but for the first ones.
    fn new(shared: Value, own: Value, seed: &str, first: &[Value]) -> Self {
        let inputs = Value::Object(drawn(&shared, &own, seed, first).0);
        Self { sent: sent(&inputs, &Heard::default()), inputs }
    }

    fn message(&self, n: usize) -> &[u8] {
        self.sent.get(n).map_or(&[], Vec::as_slice)
    }

    fn draws(&self) -> Vec<Value> {
        self.inputs["randomness"].as_array().cloned().unwrap_or_default()
    }

    /// The case in which this is heard.
    fn takes(&self, title: Title, more: Value) -> Negative {
        negative(title, "calls", "intercepted", with(self.inputs.clone(), more))
    }

    fn hears(&self, title: Title, n: usize, bytes: &[u8]) -> Negative {
        self.takes(title, json!({ HEARD[n]: hex(bytes) }))
    }
}

const HEARD: [&str; 4] = ["I_MESSAGE_1'", "R_MESSAGE_1'", "I_MESSAGE_2'", "R_MESSAGE_2'"];

/// What can only fail if a message of ours is none.
///
/// # Panics
/// Then.
#[allow(clippy::expect_used)]
fn sound<T, E: core::fmt::Debug>(result: Result<T, E>) -> T {
    result.expect("made of messages of ours")
}

fn payloads<'a>(message: &Message<'a>) -> Vec<Payload<'a>> {
    message.payloads().copied().collect()
}

/// The message with other payloads, and what was sealed as it was.
fn changed<'a>(bytes: &'a [u8], change: impl Fn(Payload<'a>) -> Option<Payload<'a>>) -> Vec<u8> {
    let message = sound(Message::parse(bytes));
    let all: Vec<_> = payloads(&message).into_iter().filter_map(change).collect();
    sound(encode(message.header(), &all))
}

/// The message with the map cut to its first entry.
fn truncated(bytes: &[u8]) -> Vec<u8> {
    let message = sound(Message::parse(bytes));
    let CsIdMap::GenericId(map) = message.header().map else { return Vec::new() };
    let first: Vec<GenericId<'_>> = map.iter().take(1).collect();
    let entries = sound(GenericIds::encode(&first));
    let map = CsIdMap::GenericId(sound(GenericIds::new(&entries, 1)));
    sound(encode(&Header { crypto_sessions: 1, map, ..*message.header() }, &payloads(&message)))
}

/// What this key opens in a message, and the KEM secret.
fn open(bytes: &[u8], key: &ibake::ibe::extract::PrivateKey) -> (SecretVec, [u8; 32]) {
    let data = sound(encr_data(bytes)).ibake.unwrap_or_default();
    let plain = sound(sound(SealedBox::decode(&data)).open(std::slice::from_ref(key), &sound(seal_ad(bytes))));
    let u = 4 + crate::vectors::formulas::key_reference(key.identity()).len();
    let encapsulation: [u8; 128] = sound(data.get(u..u + 128).unwrap_or_default().try_into());
    let k = *sound(sound(Encapsulation::decode(&encapsulation)).decapsulate(key)).expose();
    (plain, k)
}

fn inside(plain: &SecretVec) -> Vec<Payload<'_>> {
    sound(Chain::parse(PayloadType::IDR, plain.expose(), Within::Ibake)).iter().copied().collect()
}

/// The message with these payloads and this under its seal.
fn sealed_again(
    header: &Header<'_>,
    payloads: &[Payload<'_>],
    within: &[Payload<'_>],
    to: &Recipient,
    rng: &mut Seeded,
) -> Vec<u8> {
    let plain = sound(encode_chain(within, Within::Ibake));
    let with = |data: &[u8]| {
        let one = |p: &Payload<'_>| matches!(p, Payload::Ibake(_));
        let all: Vec<Payload<'_>> = payloads.iter().map(|p| if one(p) { Payload::Ibake(data) } else { *p }).collect();
        sound(encode(header, &all))
    };
    let length = sound(seal(to, Aead::Aes256Gcm, b"", plain.expose(), rng)).len();
    let ad = sound(seal_ad(&with(&vec![0; length])));
    with(&sound(seal(to, Aead::Aes256Gcm, &ad, plain.expose(), rng)))
}

fn recipient(parameters: &PublicParameters, identity: &Identity) -> Recipient {
    sound(Recipient::new(parameters, identity))
}

/// Somebody who holds the initiator's private key: opens R_MESSAGE_1, puts a share in, seals it again, and answers I_MESSAGE_2 with
/// an R_MESSAGE_2 of keys that come from what he knows. Gives both.
fn stolen_key(s: &Scene, stage: &Stage, bound: bool) -> [Vec<u8>; 2] {
    let mut rng = Seeded::new("calls: who stole the key");
    let alice = s.key(ALICE, Purpose::Decrypt);
    let (plain, _) = open(stage.message(1), &alice);
    let mut within = inside(&plain);
    let mine = KeyPair::from_seed(Group::P256, &Secret::new(rng.bytes()));
    let mut x = Vec::new();
    for p in &mut within {
        if let Payload::EccPoint(point) = *p {
            if x.is_empty() {
                x = point.point.to_vec();
            } else {
                *p = Payload::EccPoint(EccPoint { point: mine.share().as_bytes(), ..point });
            }
        }
    }
    let r1 = sound(Message::parse(stage.message(1)));
    let to = recipient(s.w.a.parameters(), alice.identity());
    let forged = sealed_again(r1.header(), &payloads(&r1), &within, &to, &mut rng);
    let sent = sent(&stage.inputs, &Heard { r1: Some(forged.clone()), ..Heard::default() });
    let i2 = sent.get(2).cloned().unwrap_or_default();
    let k_session = sound(mine.agree_point(&sound(Share::decode(Group::P256, &x)))).expose().to_vec();
    let inkey = if bound {
        // Of the four secrets he has K_SESSION and K_R1; K_I1 and K_I2 are sealed to the other end.
        let salt = hash(&[&lp(stage.message(0)), &lp(&forged), &lp(&i2)]);
        let k_r1 = open(&forged, &alice).1;
        let ikm = [&k_session[..], &[0; 32], &k_r1, &[0; 32]].map(lp).concat();
        Prk::extract(&salt, &[&ikm]).expand::<32>(&[label("mikey bound").as_ref()]).expose().to_vec()
    } else {
        k_session
    };
    let r2 = last_message(&i2, &inkey);
    [forged, r2]
}

/// An R_MESSAGE_2 for this I_MESSAGE_2 by whoever knows the input key.
fn last_message(i2: &[u8], inkey: &[u8]) -> Vec<u8> {
    let message = sound(Message::parse(i2));
    let header = Header { data_type: DataType::R_MESSAGE_2, v: false, ..*message.header() };
    let (prf, alg, rand) = (PrfFunc::HMAC_SHA_256, MacAlg::HMAC_SHA_256_256, sound(message.rand()));
    let ids = [IdRole::INITIATOR, IdRole::RESPONDER].map(|role| {
        let id = sound(message.identity(role)).unwrap_or(Id { kind: ibake::mikey::numbers::IdType::URI, data: b"" });
        IdR { role, id }
    });
    let v = Payload::V(Verification { alg, data: &[0; 32] });
    let all = [Payload::T(sound(message.timestamp())), Payload::Idr(ids[0]), Payload::Idr(ids[1]), v];
    let mpk = sound(derive::from_session(prf, &SecretVec::new(inkey.to_vec()), SessionKey::Mpk, rand, 32));
    let key = sound(derive::authentication_key(prf, alg, &mpk, header.csb_id, rand));
    let draft = sound(Draft::new(&header, &all));
    let tag = sound(algorithms::mac(alg, key.expose(), &[draft.covered(), ids[0].id.data, ids[1].id.data]));
    sound(draft.finish(&tag))
}

/// Mallory answers as herself, but writes the name of the one called over hers, outside and under the seal.
fn third_user(s: &Scene, stage: &Stage) -> Vec<u8> {
    let own = with(terms(P256, "bound"), json!({ "suites_R": [P256.id()] }));
    let hers = Stage::new(s.shared(ALICE, BOB, "retargeted", &[MALLORY]), own, "mallory", &stage.draws()[..5]);
    let alice = s.key(ALICE, Purpose::Decrypt);
    let message = sound(Message::parse(hers.message(1)));
    let (plain, _) = open(hers.message(1), &alice);
    let (mut outside, mut within) = (payloads(&message), inside(&plain));
    for p in outside.iter_mut().chain(&mut within) {
        if let Payload::Idr(idr) = p
            && idr.role == IdRole::RESPONDER
        {
            idr.id = Id { data: BOB.as_bytes(), ..idr.id };
        }
    }
    let to = recipient(s.w.a.parameters(), alice.identity());
    sealed_again(message.header(), &outside, &within, &to, &mut Seeded::new("calls: mallory's seal"))
}

/// The calls in which an attack succeeds; their result has a type that says what is lacking.
pub(in crate::vectors) fn succeed(s: &Scene) -> CaseGroup {
    let shared = s.plain();
    let stage = Stage::new(shared.clone(), terms(P256, "rfc6267"), "stolen key", &[]);
    let [r1, r2] = stolen_key(s, &stage, false);
    // R gets no further than its answer, so its last draws are none.
    let own =
        with(terms(P256, "rfc6267"), json!({ "randomness": stage.draws(), HEARD[1]: hex(r1), HEARD[3]: hex(r2) }));
    let kci = case("kci_initiator_key_stolen: who holds I's private key has the keys", &["Rfc6267", "Attack"], own);
    let (left, swapped, _) = swapped(s, "rfc6267");
    let esk = case(
        "an ESK of another call in the place of the one sent: only the final recipient finds it",
        &["Rfc6267", "Attack", "Retarget"],
        with(
            terms(P256, "rfc6267"),
            json!({ "suites_R": [P256.id()], "randomness": left.draws(), HEARD[2]: hex(swapped) }),
        ),
    );
    let mailbox = s.left();
    let esk = crate::vectors::Case {
        inputs: map(with(
            json!({ "private_keys_R": mailbox["private_keys_R"], "answers": mailbox["answers"] }),
            Value::Object(esk.inputs),
        )),
        ..esk
    };
    let mut shared = map(shared);
    let moved = ["private_keys_R", "answers"].map(|n| (n.to_owned(), shared.remove(n).unwrap_or_default()));
    let kci = crate::vectors::Case { inputs: kci.inputs.into_iter().chain(moved).collect(), ..kci };
    group("intercepted", Value::Object(shared), vec![kci, esk])
}

/// Two calls that a mailbox takes: the first, its I_MESSAGE_2 with the ESK of the second, and the second.
fn swapped(s: &Scene, profile: &str) -> (Stage, Vec<u8>, Stage) {
    let own = with(terms(P256, profile), json!({ "suites_R": [P256.id()] }));
    let [one, two] = ["left", "left again"].map(|seed| Stage::new(s.left(), own.clone(), seed, &[]));
    let esk = sound(encr_data(two.message(2))).esk.unwrap_or_default();
    let swapped = changed(one.message(2), |p| Some(if matches!(p, Payload::Esk(_)) { Payload::Esk(&esk) } else { p }));
    (one, swapped, two)
}

pub(super) fn cases() -> Vec<Negative> {
    let s = Scene::new();
    let p = Stage::new(s.plain(), terms(P256, "bound"), "plain", &[]);
    let mut all = first(&s, &p);
    all.extend(later(&s, &p));
    all.extend(branches(&s));
    all.extend(left(&s));
    all
}

fn is_bound(p: &Payload<'_>) -> bool {
    matches!(p, Payload::Extension(e) if e.kind.0 == 251)
}

fn first(s: &Scene, p: &Stage) -> Vec<Negative> {
    let (i1, r1) = (p.message(0), p.message(1));
    let bare = changed(i1, |p| (!is_bound(&p)).then_some(p));
    let both = json!({ "demand_R": "bound if possible", HEARD[0]: hex(&bare) });
    let bare_answer = changed(r1, |p| (!is_bound(&p)).then_some(p));
    let both_answer = json!({ "demand_I": "bound if possible", HEARD[1]: hex(&bare_answer) });
    // The second policy's parameters under the first one's number.
    let message = sound(Message::parse(i1));
    let weak: Vec<(u8, &[u8])> = sound(message.policy(2)).params().collect();
    let weak = sound(Policy::encode_params(&weak));
    let weaker = |p| match p {
        Payload::Sp(sp) if sp.number == 1 => Policy::new(1, ProtType::SRTP, &weak).ok().map(Payload::Sp),
        other => Some(other),
    };
    let misplaced = {
        let mut all = payloads(&message);
        all.push(Payload::Esk(&[0; 300]));
        sound(encode(message.header(), &all))
    };
    let mut many = i1.to_vec();
    many[8] = 255;
    vec![
        p.hears(
            ("call-third-user", "answer by a third user in the name of the one called", "13.12.3"),
            1,
            &third_user(s, p),
        ),
        p.takes(("call-i1-replayed", "I_MESSAGE_1 replayed as a new call", "13.11.1"), json!({ "again": true })),
        p.takes(
            ("call-bound-removed", "the extension of the profile taken out, to one who accepts both", "13.10.1"),
            both,
        ),
        p.hears(("call-bound-removed-strict", "the same to one who accepts bound alone", "13.10.2"), 0, &bare),
        p.takes(("call-bound-refused", "the extension taken out of the answer", "13.10.1"), both_answer),
        p.hears(("call-bound-refused-strict", "the same to one who accepts bound alone", "13.10.2"), 1, &bare_answer),
        p.hears(
            ("call-sp-downgraded", "a weaker policy under the number of a better one", "13.9.1"),
            0,
            &changed(i1, weaker),
        ),
        p.hears(("call-sp-downgraded-answer", "the same in the answer", "13.8.5"), 1, &changed(r1, weaker)),
        p.hears(("call-map-truncated", "the CS ID map without its last session", "13.9.1"), 0, &truncated(i1)),
        p.hears(("call-map-truncated-answer", "the same in the answer", "13.8.5"), 1, &truncated(r1)),
        p.hears(("call-map-count", "#CS says 255 where there are two", "13.1.3"), 0, &many),
        p.hears(("call-i1-reflected", "I_MESSAGE_1 reflected to who sent it", "13.11.2"), 1, i1),
        p.hears(("call-esk-misplaced", "an ESK in I_MESSAGE_1", "13.15.3"), 0, &misplaced),
        p.hears(("call-i1-tag", "a byte of the seal of I_MESSAGE_1", "13.9"), 0, &flipped(i1, -1)),
        p.hears(("call-r1-tag", "a byte of the seal of R_MESSAGE_1", "13.9"), 1, &flipped(r1, -1)),
    ]
}

fn later(s: &Scene, p: &Stage) -> Vec<Negative> {
    let (i2, r2) = (p.message(2), p.message(3));
    let rand = changed(i2, |p| Some(if matches!(p, Payload::Rand(_)) { Payload::Rand(&[9; 16]) } else { p }));
    let message = sound(Message::parse(i2));
    let mut with_esk = payloads(&message);
    let esk = sound(encr_data(swapped(s, "bound").0.message(2))).esk.unwrap_or_default();
    with_esk.push(Payload::Esk(&esk));
    let added = sound(encode(message.header(), &with_esk));
    let [forged, last] = stolen_key(s, p, true);
    let u = Stage::new(
        s.plain(),
        with(terms(P256, "bound"), json!({ "begins": "initiator", "update_now": NOW })),
        "plain",
        &p.draws(),
    );
    let updated = Fields(sound(update_values(&Fields(map(u.inputs.clone())))).0);
    let of_update = |name: &str| flipped(&sound(updated.bytes(name)), -1);
    let update = |title: Title, more: Value| negative(title, "calls", "update", with(u.inputs.clone(), more));
    vec![
        p.takes(
            (
                "call-kci-initiator-key-stolen",
                "kci_initiator_key_stolen: who holds I's private key puts a share of his into R_MESSAGE_1",
                "13.10.2",
            ),
            json!({ HEARD[1]: hex(forged), HEARD[3]: hex(last) }),
        ),
        p.hears(("call-rand-changed", "another RAND in I_MESSAGE_2", "13.11.3"), 2, &rand),
        p.hears(("call-esk-added", "an ESK that was not sent", "13.9.1"), 2, &added),
        p.hears(("call-i2-tag", "a byte of the seal of I_MESSAGE_2", "13.9"), 2, &flipped(i2, -1)),
        p.hears(("call-v-wrong", "a byte of V", "13.11.4"), 3, &flipped(r2, -1)),
        p.hears(("call-i2-reflected", "I_MESSAGE_2 reflected to who sent it", "13.11.4"), 3, i2),
        update(
            ("update-call-replayed", "I_MESSAGE_1 of the call in the place of that of an update", "13.13"),
            json!({ HEARD[0]: hex(p.message(0)) }),
        ),
        update(
            ("update-answer-replayed", "R_MESSAGE_1 of the call in the place of that of an update", "13.13"),
            json!({ HEARD[1]: hex(p.message(1)) }),
        ),
        update(
            ("update-v-wrong", "a byte of V of an update", "13.13"),
            json!({ HEARD[0]: hex(of_update("I_MESSAGE_1")) }),
        ),
        update(
            ("update-v-wrong-answer", "a byte of V of its answer", "13.13"),
            json!({ HEARD[1]: hex(of_update("R_MESSAGE_1")) }),
        ),
    ]
}

fn branches(s: &Scene) -> Vec<Negative> {
    let branch = |who: &str| s.shared(ALICE, BOB, "branch", &[who, BOB]);
    let one = Stage::new(branch(MALLORY), terms(P256, "bound"), "one branch", &[]);
    let two = Stage::new(branch(MAILBOX), terms(P256, "bound"), "the other branch", &one.draws()[..5]);
    let renamed = changed(one.message(2), |p| match p {
        Payload::Idr(idr) if idr.role == IdRole::RESPONDER => {
            Some(Payload::Idr(IdR { id: Id { data: MAILBOX.as_bytes(), ..idr.id }, ..idr }))
        }
        other => Some(other),
    });
    vec![
        two.hears(("call-branch-swapped", "I_MESSAGE_2 of one branch to the other", "13.12.1"), 2, one.message(2)),
        two.hears(("call-branch-renamed", "the same under the name of the other branch", "13.12.1"), 2, &renamed),
        two.hears(("call-branch-answer", "R_MESSAGE_2 of one branch for the other", "13.12.1"), 3, one.message(3)),
    ]
}

/// A deposit with this in its box, by whoever can reach the recipient.
fn resealed(s: &Scene, deposit: &[u8], signer: Option<&str>) -> Vec<u8> {
    let mut rng = Seeded::new("calls: the mailbox");
    let d = sound(ibake::mikey::call::Deposit::decode(deposit));
    let rand_len = usize::from(deposit[23]);
    let (rand, i, r) = (&deposit[24..24 + rand_len], d.sender().as_str(), d.recipient().as_str());
    let end = 24 + rand_len + 2 + i.len() + 2 + r.len();
    let time = d.timestamp().value.to_be_bytes();
    let place = [
        label("mikey esk").as_ref(),
        &d.csb_id().to_be_bytes(),
        &lp(rand),
        &time,
        &lp(i.as_bytes()),
        &lp(r.as_bytes()),
    ]
    .concat();
    let bob = s.key(BOB, Purpose::Decrypt);
    let sk: [u8; 32] = rng.bytes();
    let kind = ibake::mikey::numbers::IdType::URI;
    let validity = KeyValidity::Null;
    let mut chain = vec![
        Payload::Id(Id { kind, data: i.as_bytes() }),
        Payload::Sk(SecretKey { kind: SkType::SK, key: &sk, validity }),
    ];
    let pkctx = crate::vectors::formulas::pkctx(s.w.b.parameters(), bob.identity());
    let said = [&place[..], &pkctx, &sk].concat();
    let signature =
        signer.map(|who| sound(ibake::ibe::sign::sign(&s.key(who, Purpose::Sign), b"mikey esk", &said, &mut rng)));
    let kind = ibake::mikey::numbers::SType::CHA_CHEON;
    chain.extend(signature.as_ref().map(|s| Payload::Sign(ibake::mikey::Sign { kind, signature: s.as_bytes() })));
    let plain = sound(encode_chain(&chain, Within::Esk));
    let to = recipient(s.w.b.parameters(), bob.identity());
    let data = sound(seal(&to, Aead::Aes256Gcm, &place, plain.expose(), &mut rng));
    [&deposit[..end], &(data.len() as u16).to_be_bytes(), &data].concat()
}

fn left(s: &Scene) -> Vec<Negative> {
    let (bound, esk_of_other, _) = swapped(s, "bound");
    let (plain, plain_swapped, other) = swapped(s, "rfc6267");
    let stripped = changed(bound.message(2), |p| (!matches!(p, Payload::Esk(_))).then_some(p));
    let get = |stage: &Stage| deposit_of(&Fields(map(stage.inputs.clone())));
    let (signed, unsigned) = (get(&bound), get(&plain));
    let opens = |title: Title, deposit: &[u8], more: Value| {
        let inputs = json!({
            "now": NOW, "parameters_I": hex(s.w.parameters_a()), "parameters_R": hex(s.w.parameters_b()),
            "private_keys": [s.stored(BOB)], "demand": "bound", "max_age": 7 * DAY, "cs_id": 1,
            "profile": "AEAD_AES_256_GCM", "deposit": hex(deposit),
        });
        negative(title, "calls", "open_deposit", with(inputs, more))
    };
    // What the mailbox keeps of the swapped message: its own place, the other's box.
    let foreign = sound(encr_data(other.message(2))).esk.unwrap_or_default();
    let head = unsigned.len() - foreign.len();
    let kept = [&unsigned[..head], &foreign].concat();
    debug_assert!(plain_swapped.ends_with(&foreign));
    let relabelled = |to: u8| {
        let mut out = signed.clone();
        out[9] = to;
        out
    };
    let both = || json!({ "demand": "bound if possible" });
    let renamed = super::replaced(&signed, &name(BOB), &name(MALLORY));
    vec![
        bound.hears(("call-esk-stripped", "I_MESSAGE_2 to a mailbox without its ESK", "13.15.2"), 2, &stripped),
        bound.hears(("call-esk-swapped", "the ESK of another call", "13.15.6"), 2, &esk_of_other),
        opens(("deposit-swapped", "the ESK of another call, in rfc6267", "13.15.6"), &kept, both()),
        opens(("deposit-replayed", "a deposit that was taken", "13.15.8"), &signed, json!({ "taken": hex(&signed) })),
        opens(
            ("deposit-resealed", "resealed by the mailbox: a key of its own, not signed", "13.15.8"),
            &resealed(s, &signed, None),
            json!({}),
        ),
        opens(
            ("deposit-resealed-signed", "the same, signed by the mailbox", "13.15.7"),
            &resealed(s, &signed, Some(MAILBOX)),
            json!({}),
        ),
        opens(("deposit-relabelled", "the profile changed to rfc6267", "13.15.7"), &relabelled(0), json!({})),
        opens(("deposit-relabelled-both", "the same to one who accepts both", "13.15.7"), &relabelled(0), both()),
        opens(("deposit-profile", "a profile that there is not", "13.15.7"), &relabelled(2), json!({})),
        opens(("deposit-moved", "moved to another call", "13.15.7"), &flipped(&signed, 10), json!({})),
        opens(
            ("deposit-other-recipient", "moved to another recipient, who has a key that its reference fits", "13.15.7"),
            &renamed,
            json!({ "private_keys": [s.stored(MALLORY)] }),
        ),
        opens(
            ("deposit-no-key", "opened by somebody else", "13.15.7"),
            &signed,
            json!({ "private_keys": [s.stored(MALLORY)] }),
        ),
        opens(("deposit-future", "not yet sent", "13.15.7"), &signed, json!({ "now": NOW - 301 })),
        opens(("deposit-cut", "cut off", "13.15.7"), &signed[..signed.len() - 1], json!({})),
        opens(("deposit-trailing", "a byte more", "13.15.7"), &[&signed[..], &[0]].concat(), json!({})),
    ]
}

/// `u16 length || name`.
fn name(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}
