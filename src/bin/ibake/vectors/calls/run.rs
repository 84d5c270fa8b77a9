//! A call by the library, step by step; what somebody puts in the place of a message is heard instead of it.

use ibake::mikey::call::{
    Answering, As, AwaitI2, AwaitR1, AwaitR2, ContentKey, End, Event, Outcome, Ready, ReplayCache, Reply, Session,
    UpdateOffer,
};
use ibake::secret::Secret;
use rand_core::TryCryptoRng;

use super::ends::{Answers, Ends, offered};
use crate::vectors::fault::{Fault, agree, malformed};
use crate::vectors::fields::Fields;

/// What arrives in the place of what was sent.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) i1: Option<Vec<u8>>,
    pub(crate) r1: Option<Vec<u8>>,
    pub(crate) i2: Option<Vec<u8>>,
    pub(crate) r2: Option<Vec<u8>>,
    /// R gets I_MESSAGE_1 a second time and treats it as a new one.
    pub(crate) again: bool,
}

impl Heard {
    pub(crate) fn of(f: &Fields) -> Result<Self, Fault> {
        let get = |name: &str| if f.has(name) { f.bytes(name).map(Some) } else { Ok(None) };
        Ok(Self {
            i1: get("I_MESSAGE_1'")?,
            r1: get("R_MESSAGE_1'")?,
            i2: get("I_MESSAGE_2'")?,
            r2: get("R_MESSAGE_2'")?,
            again: f.has("again") && f.flag("again")?,
        })
    }
}

/// A call that came to its end on the initiator's side.
pub(crate) struct Ended {
    pub(crate) initiator: Outcome,
    /// R's side, where it got that far.
    pub(crate) responder: Option<Outcome>,
    /// Whether somebody else than the one called answered.
    pub(crate) other: bool,
}

/// The session of a call.
pub(crate) fn session(outcome: Outcome) -> Session {
    match outcome {
        Outcome::Bound(s) | Outcome::BoundUnopened(s) | Outcome::Rfc6267(s) | Outcome::Rfc6267Unopened(s) => s,
    }
}

fn dial<R: TryCryptoRng>(e: &Ends, rng: &mut R) -> Result<(AwaitR1, Vec<u8>), Fault> {
    let trust = e.trust();
    let end = End { settings: &e.settings_i, keys: &e.keys_i, directory: &trust };
    Ok(end.call(e.key_i().identity(), &e.dialled, &e.offer, e.now, rng)?)
}

fn answer<R: TryCryptoRng>(
    e: &Ends,
    replay: &mut ReplayCache,
    i1: &[u8],
    rng: &mut R,
) -> Result<(AwaitI2, Vec<u8>), Fault> {
    let trust = e.trust();
    let end = End { settings: &e.settings_r, keys: &e.keys_r, directory: &trust };
    let identity = match e.answers {
        Answers::Dialled => As::Dialled,
        Answers::Branch => As::Branch(e.key_r()),
        Answers::Retargeted => As::Retargeted(e.key_r()),
    };
    Ok(end.answer(replay, i1, &Answering { identity, ssrcs: &e.ssrcs_r }, e.now, rng)?)
}

fn hear<R: TryCryptoRng>(e: &Ends, state: AwaitR1, r1: &[u8], rng: &mut R) -> Result<Reply, Fault> {
    let trust = e.trust();
    let end = End { settings: &e.settings_i, keys: &e.keys_i, directory: &trust };
    if e.answers == Answers::Branch {
        return Ok(state.fork(16).receive(&end, r1, e.now, rng)?);
    }
    Ok(state.receive(&end, r1, e.now, rng).map_err(|f| f.error)?)
}

fn proceed<R: TryCryptoRng>(e: &Ends, ready: Ready, rng: &mut R) -> Result<(AwaitR2, Vec<u8>), Fault> {
    let trust = e.trust();
    let end = End { settings: &e.settings_i, keys: &e.keys_i, directory: &trust };
    Ok(match e.content_key {
        None => ready.proceed(&end, e.now, rng)?,
        Some(key) => ready.proceed_with(&end, &ContentKey::new(Secret::new(key)), e.now, rng)?,
    })
}

/// Runs a call; `sent` gets every message as its sender made it, also where the call fails later. Where R_MESSAGE_1 is replaced
/// and I_MESSAGE_2 is not, R hears no more.
pub(crate) fn call<R: TryCryptoRng>(
    e: &Ends,
    heard: &Heard,
    rng: &mut R,
    sent: &mut Vec<Vec<u8>>,
) -> Result<Ended, Fault> {
    let trust = e.trust();
    let end_i = End { settings: &e.settings_i, keys: &e.keys_i, directory: &trust };
    let end_r = End { settings: &e.settings_r, keys: &e.keys_r, directory: &trust };
    let (state_i, i1) = dial(e, rng)?;
    sent.push(i1.clone());
    let mut replay = ReplayCache::new(10);
    let (state_r, r1) = answer(e, &mut replay, heard.i1.as_ref().unwrap_or(&i1), rng)?;
    sent.push(r1.clone());
    if heard.again {
        answer(e, &mut replay, &i1, rng)?;
    }
    let reply = hear(e, state_i, heard.r1.as_ref().unwrap_or(&r1), rng)?;
    let (ready, other) = match reply {
        Reply::AsDialled(ready) => (ready, false),
        Reply::Other(answered) => {
            agree("who was called", answered.dialled.name() == &e.dialled)?;
            (answered.accept(), true)
        }
    };
    let (state_i, i2) = proceed(e, ready, rng)?;
    sent.push(i2.clone());
    let (responder, r2) = if heard.r1.is_some() && heard.i2.is_none() {
        (None, None)
    } else {
        let i2 = heard.i2.as_ref().unwrap_or(&i2);
        let (outcome, r2) = state_r.receive(&end_r, i2, e.now, rng).map_err(|f| f.error)?;
        (Some(outcome), Some(r2))
    };
    sent.extend(r2.clone());
    let r2 = heard.r2.clone().or(r2).ok_or_else(|| malformed("R_MESSAGE_2' is missing"))?;
    let initiator = state_i.receive(&end_i, &r2, e.now).map_err(|f| f.error)?;
    Ok(Ended { initiator, responder, other })
}

/// An update of a call that is up; gives both messages. `I_MESSAGE_1'` and `R_MESSAGE_1'` are heard instead of what was sent.
pub(crate) fn update<R: TryCryptoRng>(
    f: &Fields,
    e: &Ends,
    sides: (&mut Session, &mut Session),
    rng: &mut R,
    sent: &mut Vec<Vec<u8>>,
) -> Result<(), Fault> {
    let trust = e.trust();
    let end_i = End { settings: &e.settings_i, keys: &e.keys_i, directory: &trust };
    let end_r = End { settings: &e.settings_r, keys: &e.keys_r, directory: &trust };
    let heard = Heard::of(f)?;
    let ((first, end_1), (second, end_2)) = match f.text("begins")?.as_str() {
        "initiator" => ((sides.0, end_i), (sides.1, end_r)),
        "responder" => ((sides.1, end_r), (sides.0, end_i)),
        other => return Err(malformed(format!("{other:?} begins no update"))),
    };
    let now = f.number("update_now")?;
    let add = if f.has("SSRCs_new") { offered(f, "SSRCs_new", &end_1.settings.profiles)? } else { Vec::new() };
    let offer = UpdateOffer { mki: f.bytes_or_none("MKI_new")?, add };
    let i1 = first.update(&end_1, &offer, now, rng)?;
    sent.push(i1.clone());
    let Event::Answered { send: r1, previous } = second.receive(&end_2, &heard.i1.unwrap_or(i1), now, rng)? else {
        return Err(Fault::Disagrees("the update was taken for an answer".into()));
    };
    agree("the keys before", previous.tgk().expose() == first.keys().tgk().expose())?;
    sent.push(r1.clone());
    match first.receive(&end_1, &heard.r1.unwrap_or(r1), now, rng)? {
        Event::Updated { .. } => agree("the new TGK", first.keys().tgk().expose() == second.keys().tgk().expose()),
        Event::Answered { .. } => Err(Fault::Disagrees("the answer was taken for an update".into())),
    }
}
