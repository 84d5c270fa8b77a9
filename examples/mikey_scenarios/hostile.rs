//! A proxy that sits in the signalling path of every call, and what alice and bob see of each thing that it tries.
//!
//! It gets what is sent and decides what arrives; the session description around a message is in its hands as well.

use getrandom::SysRng;
use ibake::mikey::call::{AwaitI2, AwaitR1, AwaitR2, End, Outcome, Reply, Session, error_message};
use ibake::mikey::numbers::{ErrorNo, ExtensionType};
use ibake::mikey::sdp::{self, Description};
use ibake::mikey::{CsIdMap, GenericId, GenericIds, Header, Message, Payload, encode};

use super::world::{Done, How, User, World, agree, check, offer};

/// What goes through its hands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    I1,
    R1,
    I2,
    R2,
}

/// What arrives instead.
enum Arrives {
    Message(Vec<u8>),
    /// A description without our attribute.
    NoAttribute,
    /// The message, in a description from which the other protocol that was offered is gone.
    Alone(Vec<u8>),
}

/// What the proxy has besides the message in its hands.
struct Loot<'w> {
    world: &'w World,
    mallory: User,
    /// The four messages of an earlier call between the two.
    earlier: [Vec<u8>; 4],
    /// The first message of a call of alice's to carol.
    to_carol: Vec<u8>,
    /// What bob answered to another call of alice's that is under way.
    other_answer: Vec<u8>,
    /// The first message of the call that is being tried.
    i1: Vec<u8>,
}

type Made = Done<Vec<Arrives>>;

struct Attempt {
    what: &'static str,
    at: Step,
    tries: fn(&mut Loot<'_>, &[u8]) -> Made,
    /// What alice and bob see in the end.
    sees: [&'static str; 2],
}

fn one(message: Vec<u8>) -> Made {
    Ok(vec![Arrives::Message(message)])
}

fn without(message: &[u8], drop: impl Fn(&Payload<'_>) -> bool) -> Made {
    let parsed = Message::parse(message)?;
    let kept: Vec<Payload<'_>> = parsed.payloads().filter(|p| !drop(p)).copied().collect();
    one(encode(parsed.header(), &kept)?)
}

fn is_extension(payload: &Payload<'_>, list: bool) -> bool {
    matches!(payload, Payload::Extension(e) if (e.kind == ExtensionType::SDP_IDS) == list)
}

fn other_rand(message: &[u8]) -> Made {
    let rand = Message::parse(message)?.rand()?.to_vec();
    let at = message.windows(rand.len()).position(|w| w == rand).ok_or("no RAND")?;
    let mut out = message.to_vec();
    out[at] ^= 1;
    one(out)
}

/// The first choice of every stream taken out of the map.
fn weaker(message: &[u8]) -> Made {
    let parsed = Message::parse(message)?;
    let CsIdMap::GenericId(map) = parsed.header().map else { return Err("not a GENERIC-ID map".into()) };
    let kept: Vec<GenericId<'_>> = map.iter().map(|id| GenericId { policies: &id.policies[1..], ..id }).collect();
    let bytes = GenericIds::encode(&kept)?;
    let map = CsIdMap::GenericId(GenericIds::new(&bytes, parsed.header().crypto_sessions)?);
    let payloads: Vec<Payload<'_>> = parsed.payloads().copied().collect();
    one(encode(&Header { map, ..*parsed.header() }, &payloads)?)
}

fn flipped(message: &[u8]) -> Made {
    let mut out = message.to_vec();
    let at = out.len() - 10;
    out[at] ^= 1;
    one(out)
}

/// Mallory's own answer to the call, under her name.
fn by_mallory(loot: &mut Loot<'_>) -> Made {
    let i1 = loot.i1.clone();
    one(loot.world.answer(&mut loot.mallory, &i1, How::Retargeted)?.1)
}

/// The same with bob's name written over hers; both names are as long.
fn by_mallory_as_bob(loot: &mut Loot<'_>) -> Made {
    let Some(Arrives::Message(mut r1)) = by_mallory(loot)?.pop() else { return Err("no answer".into()) };
    let (hers, his) = (b"sip:mallory@b.example", b"sip:bob.bob@b.example");
    let at = r1.windows(hers.len()).position(|w| w == hers).ok_or("no name")?;
    r1[at..at + his.len()].copy_from_slice(his);
    one(r1)
}

const NO_ANSWER: &str = "no answer";
const NO_CALL: &str = "no call";
const WAITS: &str = "half open, until the deadline";
const UNVERIFIED: &str = "not verified, no keys";
const KEYS: &str = "keys";
const OPAQUE: &str = "refused: cannot be opened with this key";
const OTHER_CALL: &str = "refused: the message belongs to another call: CSB ID differs";

#[rustfmt::skip] // one attempt a line
const ATTEMPTS: &[Attempt] = &[
    Attempt { what: "delivers everything", at: Step::I1, tries: |_, m| one(m.to_vec()), sees: [KEYS, KEYS] },
    Attempt { what: "delivers I_MESSAGE_1 twice", at: Step::I1, tries: |_, m| Ok(vec![Arrives::Message(m.to_vec()), Arrives::Message(m.to_vec())]), sees: [KEYS, KEYS] },
    Attempt { what: "delivers I_MESSAGE_2 twice", at: Step::I2, tries: |_, m| Ok(vec![Arrives::Message(m.to_vec()), Arrives::Message(m.to_vec())]), sees: [KEYS, KEYS] },
    Attempt { what: "drops I_MESSAGE_1", at: Step::I1, tries: |_, _| Ok(vec![]), sees: [NO_ANSWER, NO_CALL] },
    Attempt { what: "drops R_MESSAGE_1", at: Step::R1, tries: |_, _| Ok(vec![]), sees: [NO_ANSWER, WAITS] },
    Attempt { what: "drops I_MESSAGE_2", at: Step::I2, tries: |_, _| Ok(vec![]), sees: [UNVERIFIED, WAITS] },
    Attempt { what: "drops R_MESSAGE_2", at: Step::R2, tries: |_, _| Ok(vec![]), sees: [UNVERIFIED, KEYS] },
    Attempt { what: "downgrade: takes the attribute out", at: Step::I1, tries: |_, _| Ok(vec![Arrives::NoAttribute]), sees: [NO_ANSWER, "refused: no key management offered"] },
    Attempt { what: "downgrade: takes the other protocol out", at: Step::I1, tries: |_, m| Ok(vec![Arrives::Alone(m.to_vec())]), sees: [NO_ANSWER, "refused: the list of key management protocols is not that of the session description"] },
    Attempt { what: "downgrade: takes the list of protocols out", at: Step::I1, tries: |_, m| without(m, |p| is_extension(p, true)), sees: [NO_ANSWER, OPAQUE] },
    Attempt { what: "downgrade: takes the offer of bound out", at: Step::I1, tries: |_, m| without(m, |p| is_extension(p, false)), sees: [NO_ANSWER, "refused: the other end does not bind the keys to the messages"] },
    Attempt { what: "downgrade: takes the better policies out", at: Step::I1, tries: |_, m| weaker(m), sees: [NO_ANSWER, OPAQUE] },
    Attempt { what: "swap: the INVITE of a call to carol", at: Step::I1, tries: |l, _| one(l.to_carol.clone()), sees: [NO_ANSWER, "refused: no key is held for the identity and period asked for"] },
    Attempt { what: "swap: bob's answer to another call", at: Step::R1, tries: |l, _| one(l.other_answer.clone()), sees: [OTHER_CALL, WAITS] },
    Attempt { what: "replay: the INVITE of an earlier call", at: Step::I1, tries: |l, _| one(l.earlier[0].clone()), sees: [NO_ANSWER, "refused: the message was seen before"] },
    Attempt { what: "replay: the answer of an earlier call", at: Step::R1, tries: |l, _| one(l.earlier[1].clone()), sees: [OTHER_CALL, WAITS] },
    Attempt { what: "replay: I_MESSAGE_2 of an earlier call", at: Step::I2, tries: |l, _| one(l.earlier[2].clone()), sees: [UNVERIFIED, OTHER_CALL] },
    Attempt { what: "replay: R_MESSAGE_2 of an earlier call", at: Step::R2, tries: |l, _| one(l.earlier[3].clone()), sees: [OTHER_CALL, KEYS] },
    Attempt { what: "order: an earlier call's I_MESSAGE_2 before the right one", at: Step::I2, tries: |l, m| Ok(vec![Arrives::Message(l.earlier[2].clone()), Arrives::Message(m.to_vec())]), sees: [KEYS, KEYS] },
    Attempt { what: "order: I_MESSAGE_1 in the place of I_MESSAGE_2", at: Step::I2, tries: |l, _| one(l.i1.clone()), sees: [UNVERIFIED, "refused: message 22 (I_MESSAGE_1) where 24 (I_MESSAGE_2) is due"] },
    Attempt { what: "order: an error message before the answer", at: Step::R1, tries: |l, m| {
        let i1 = Message::parse(&l.i1)?;
        let error = error_message(i1.header().csb_id, i1.header().prf, i1.timestamp()?, ErrorNo::INVALID_ID)?;
        Ok(vec![Arrives::Message(error), Arrives::Message(m.to_vec())])
    }, sees: [KEYS, KEYS] },
    Attempt { what: "reflects alice's INVITE to her", at: Step::R1, tries: |l, _| one(l.i1.clone()), sees: ["refused: message 22 (I_MESSAGE_1) where 23 (R_MESSAGE_1) is due", WAITS] },
    Attempt { what: "changes RAND in I_MESSAGE_1", at: Step::I1, tries: |_, m| other_rand(m), sees: [NO_ANSWER, OPAQUE] },
    Attempt { what: "changes RAND in I_MESSAGE_2", at: Step::I2, tries: |_, m| other_rand(m), sees: [UNVERIFIED, "refused: the message belongs to another call: RAND differs"] },
    Attempt { what: "flips a bit of R_MESSAGE_1", at: Step::R1, tries: |_, m| flipped(m), sees: [OPAQUE, WAITS] },
    Attempt { what: "flips a bit of I_MESSAGE_2", at: Step::I2, tries: |_, m| flipped(m), sees: [UNVERIFIED, OPAQUE] },
    Attempt { what: "flips a bit of R_MESSAGE_2", at: Step::R2, tries: |_, m| flipped(m), sees: ["refused: not authentic, or for another key", KEYS] },
    Attempt { what: "lets mallory answer", at: Step::R1, tries: |l, _| by_mallory(l), sees: ["asked: sip:mallory@b.example answered, yes or no?", WAITS] },
    Attempt { what: "lets mallory answer as bob", at: Step::R1, tries: |l, _| by_mallory_as_bob(l), sees: [OPAQUE, WAITS] },
];

/// One call through the proxy.
struct Path<'w, 'l> {
    loot: &'l mut Loot<'w>,
    attempt: &'l Attempt,
}

impl Path<'_, '_> {
    fn carry(&mut self, step: Step, message: &[u8]) -> Made {
        if step == self.attempt.at { (self.attempt.tries)(self.loot, message) } else { one(message.to_vec()) }
    }
}

/// The offer: this message, and beside it a protocol that does not exist.
fn description(message: &[u8], alone: bool) -> Done<String> {
    let other = if alone { "" } else { "a=key-mgmt:keyp1 AAAA\r\n" };
    Ok(format!("v=0\r\ns=-\r\n{other}{}\r\nm=audio 9 RTP/SAVP 0\r\n", sdp::line(message)?))
}

/// Bob, who lets nobody in without key management and checks the list of what was offered.
fn bob_answers(w: &World, bob: &mut User, m: &[u8], alone: bool) -> Done<(AwaitI2, Vec<u8>)> {
    let done = w.answer(bob, m, How::Dialled)?;
    sdp::verify_offer(&Message::parse(m)?, &Description::parse(&description(m, alone)?)?)?;
    Ok(done)
}

fn refused(e: impl std::fmt::Display) -> String {
    format!("refused: {e}")
}

/// Plays one attempt: what both see, and their sessions.
fn play(w: &World, attempt: &Attempt) -> Done<([String; 2], [Option<Session>; 2])> {
    let alice = w.user(&["sip:alice@a.example"])?;
    let mut bob = w.user(&["sip:bob.bob@b.example"])?;
    let calls = |to: &User| -> Done<(AwaitR1, Vec<u8>)> {
        let mut offer = offer();
        offer.protocols = Some("keyp1;mikey".into());
        w.dial_with(&alice, to.name(), &offer)
    };
    let earlier = {
        let (dialled, i1) = calls(&bob)?;
        let (half, r1) = bob_answers(w, &mut bob, &i1, false)?;
        let Reply::AsDialled(ready) = w.reply(&alice, dialled, &r1)? else { return Err("somebody else".into()) };
        let (waiting, i2) = w.proceed(&alice, ready)?;
        let (_, r2) = w.second(&bob, half, &i2)?;
        let _ = w.last(&alice, waiting, &r2)?;
        [i1, r1, i2, r2]
    };
    let to_carol = calls(&w.user(&["sip:carol@b.example"])?)?.1;
    let other = calls(&bob)?.1;
    let other_answer = bob_answers(w, &mut bob, &other, false)?.1;
    let (dialled, i1) = calls(&bob)?;
    let mallory = w.user(&["sip:mallory@b.example"])?;
    let mut loot = Loot { world: w, mallory, earlier, to_carol, other_answer, i1: i1.clone() };
    let mut path = Path { loot: &mut loot, attempt };
    let mut sees = [NO_ANSWER.to_owned(), NO_CALL.to_owned()];

    let (mut half, mut answers): (Option<AwaitI2>, Vec<Vec<u8>>) = (None, vec![]);
    for arrives in path.carry(Step::I1, &i1)? {
        let (m, alone) = match arrives {
            Arrives::Message(m) => (m, false),
            Arrives::Alone(m) => (m, true),
            Arrives::NoAttribute => {
                sees[1] = refused("no key management offered");
                continue;
            }
        };
        if let Some(again) = half.as_ref().and_then(|h| h.repeat(&m)) {
            answers.push(again.to_vec());
            continue;
        }
        match bob_answers(w, &mut bob, &m, alone) {
            Ok((state, r1)) => {
                (half, sees[1]) = (Some(state), WAITS.to_owned());
                answers.push(r1);
            }
            Err(e) => sees[1] = refused(e),
        }
    }

    let (mut state, mut waiting): (Option<AwaitR1>, Option<AwaitR2>) = (Some(dialled), None);
    let mut seconds = vec![];
    for r1 in answers {
        for arrives in path.carry(Step::R1, &r1)? {
            let Arrives::Message(m) = arrives else { continue };
            let Some(dialled) = state.take() else {
                seconds.extend(waiting.as_ref().and_then(|s| s.repeat(&m)).map(<[u8]>::to_vec));
                continue;
            };
            let end = End { settings: &w.settings, keys: &alice.keys, directory: w };
            match dialled.receive(&end, &m, w.now, &mut SysRng) {
                Ok(Reply::AsDialled(ready)) => {
                    let (s, i2) = w.proceed(&alice, ready)?;
                    (waiting, sees[0]) = (Some(s), UNVERIFIED.to_owned());
                    seconds.push(i2);
                }
                Ok(Reply::Other(answered)) => {
                    sees[0] = format!("asked: {} answered, yes or no?", answered.by.name());
                    let _ = answered.refuse()?;
                }
                Err(failed) => (state, sees[0]) = (failed.state, refused(failed.error)),
            }
        }
    }

    let (mut at_bob, mut lasts): (Option<Session>, Vec<Vec<u8>>) = (None, vec![]);
    for i2 in seconds {
        for arrives in path.carry(Step::I2, &i2)? {
            let Arrives::Message(m) = arrives else { continue };
            let Some(state) = half.take() else {
                lasts.extend(at_bob.as_ref().and_then(|s| s.repeat(&m)).map(<[u8]>::to_vec));
                continue;
            };
            let end = End { settings: &w.settings, keys: &bob.keys, directory: w };
            match state.receive(&end, &m, w.now, &mut SysRng) {
                Ok((Outcome::Bound(session), r2)) => {
                    (at_bob, sees[1]) = (Some(session), KEYS.to_owned());
                    lasts.push(r2);
                }
                Ok((lacking, _)) => sees[1] = format!("lacks {:?}", lacking.lacks()),
                Err(failed) => (half, sees[1]) = (failed.state, refused(failed.error)),
            }
        }
    }

    let mut at_alice = None;
    for r2 in lasts {
        for arrives in path.carry(Step::R2, &r2)? {
            let (Arrives::Message(m), Some(state)) = (arrives, waiting.take()) else { continue };
            let end = End { settings: &w.settings, keys: &alice.keys, directory: w };
            match state.receive(&end, &m, w.now) {
                Ok(Outcome::Bound(session)) => (at_alice, sees[0]) = (Some(session), KEYS.to_owned()),
                Ok(lacking) => sees[0] = format!("lacks {:?}", lacking.lacks()),
                Err(failed) => (waiting, sees[0]) = (failed.state, refused(failed.error)),
            }
        }
    }
    Ok((sees, [at_alice, at_bob]))
}

pub(crate) fn proxy(w: &World) -> Done {
    println!("  {:<55}| {:<66}| bob", "what it does", "alice");
    let mut wrong = Vec::new();
    let mut agreed = 0;
    for attempt in ATTEMPTS {
        let (sees, sessions) = play(w, attempt)?;
        println!("  {:<55}| {:<66}| {}", attempt.what, sees[0], sees[1]);
        if sees != attempt.sees {
            wrong.push(attempt.what);
        }
        if let [Some(ours), Some(theirs)] = &sessions {
            agreed += 1;
            if !agree(ours, theirs) {
                wrong.push(attempt.what);
            }
        }
    }
    check(
        wrong.is_empty(),
        &format!("each saw what they should{}", if wrong.is_empty() { String::new() } else { format!(": {wrong:?}") }),
    )?;
    check(agreed > 3, "whenever both had keys they were the same, and lacked nothing")
}
