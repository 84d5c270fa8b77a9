//! A call by MIKEY-IBAKE and media under its keys, all on this machine.

mod ffmpeg;
mod tone;

use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use getrandom::SysRng;
use ibake::secret::Secret;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::demo::process::{Finished, Process};
use crate::error::{Failure, Kind};
use crate::names::{read_all_parameters, read_key};
use crate::output::{Output, mark};
use crate::unlock::Unlock;
use ffmpeg::{Ffmpeg, PROFILE, TONE};

/// How far from the tone that was sent the one that is heard may be, in hertz.
const TOLERANCE: f64 = 5.0;

/// One of the two.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) key: PathBuf,
    pub(crate) unlock: PathBuf,
}

/// Whose keys are taken: both users' and the parameters that they need. Without them two districts and two users are made.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) caller: User,
    pub(crate) callee: User,
    pub(crate) params: Vec<PathBuf>,
}

/// Who calls whom, as arguments of the processes.
struct Cast {
    given: Given,
    caller_district: String,
    callee: String,
    callee_district: String,
    sentence: String,
}

/// Calls, lets ffmpeg send and receive, and tells what was heard. Fails if anything is not as it must be.
pub(crate) fn run(program: &Path, seconds: u32, given: Option<&Given>, out: &Output) -> Result<(), Failure> {
    let temporary = tempfile::Builder::new().prefix("ibake-media-").tempdir();
    let temporary = temporary.map_err(|e| Failure::new(Kind::Io, "io", e.to_string()))?;
    let dir = temporary.path();
    let ffmpeg = Ffmpeg::find(program, dir)?;
    let cast = match given {
        Some(given) => taken(given)?,
        None => made(dir)?,
    };
    step(out, "keys", true, &cast.sentence, json!({}));
    let (key, detail, object) = call(dir, &cast)?;
    step(out, "call", true, &detail, object);

    // One second more than is decoded, so that packets may be lost at the beginning.
    let packets = ffmpeg.send(&key, seconds + 1)?;
    let first = packets.first().ok_or_else(|| failed("ffmpeg sent nothing"))?;
    let sentence = format!(
        "ffmpeg sent {} packets of SRTP: {} s of {TONE} Hz under the key of the call",
        packets.len(),
        seconds + 1
    );
    step(out, "sent", true, &sentence, json!({ "packets": packets.len(), "hertz": TONE }));
    let mut callee = ffmpeg.receive("callee", &key, seconds)?;
    let wrong = Zeroizing::new(Base64::encode_string(Secret::<30>::random(&mut SysRng)?.expose()));
    let mut eavesdropper = ffmpeg.receive("eavesdropper", &wrong, seconds)?;
    callee.wait(first)?;
    eavesdropper.wait(first)?;
    ffmpeg::deliver(&packets, &[&callee, &eavesdropper]);

    let (wav, refused) = callee.finish(packets.len())?;
    let (rate, samples) = tone::samples(&wav).unwrap_or_default();
    let heard = tone::frequency(rate, &samples);
    let whole = samples.len() as u64 * 10 >= u64::from(rate) * u64::from(seconds) * 9;
    let ok = refused == 0 && whole && heard.is_some_and(|h| (h - f64::from(TONE)).abs() <= TOLERANCE);
    let length = if rate == 0 { 0.0 } else { samples.len() as f64 / f64::from(rate) };
    let sentence = match heard {
        Some(h) => format!("the callee heard {length:.1} s of {h:.1} Hz; packets refused: {refused}"),
        None => format!("the callee heard no tone; packets refused: {refused}"),
    };
    step(out, "heard", ok, &sentence, json!({ "hertz": heard, "seconds": length, "refused": refused }));

    let (wav, refused) = eavesdropper.finish(packets.len())?;
    let decoded = tone::samples(&wav).map_or(0, |(_, s)| s.len());
    let silent = decoded == 0 && refused >= packets.len();
    let sentence = format!("an eavesdropper with another key heard {decoded} samples; packets refused: {refused}");
    step(out, "eavesdropper", silent, &sentence, json!({ "samples": decoded, "refused": refused }));
    if ok && silent { Ok(()) } else { Err(failed("what was heard is not what it must be")) }
}

fn failed(text: impl Into<String>) -> Failure {
    Failure::new(Kind::Failed, "media", text)
}

fn step(out: &Output, name: &str, ok: bool, sentence: &str, mut object: Value) {
    out.text(&format!("{}  {sentence}", mark(ok)));
    object["step"] = name.into();
    object["ok"] = ok.into();
    object["detail"] = sentence.into();
    out.object(&object);
}

/// Two districts and two users of them, each made by a process of its own.
fn made(dir: &Path) -> Result<Cast, Failure> {
    let run = |args: &str| -> Result<Finished, Failure> {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        Process::start(dir, &args, "").and_then(Process::finish).and_then(Finished::done).map_err(failed)
    };
    let (alice, bob) = ("sip:alice@a.example", "tel:+15551234567");
    for (d, short, name) in [("a", "alice", alice), ("b", "bob", bob)] {
        run(&format!("kgs init {d} --district https://kgs-{d}.example --key-file {d}.unlock"))?;
        run(&format!("kgs show {d} --out {d}.txt"))?;
        run(&format!("kgs issue {d} {name} --out {short}.key --key-file {d}.unlock --user-key-file {short}.unlock"))?;
    }
    let user = |short: &str| User { key: format!("{short}.key").into(), unlock: format!("{short}.unlock").into() };
    Ok(Cast {
        given: Given { caller: user("alice"), callee: user("bob"), params: vec!["a.txt".into(), "b.txt".into()] },
        caller_district: "https://kgs-a.example".into(),
        callee: bob.into(),
        callee_district: "https://kgs-b.example".into(),
        sentence: format!("two districts, and keys for {alice} and {bob}"),
    })
}

fn taken(given: &Given) -> Result<Cast, Failure> {
    let parameters = read_all_parameters(&given.params)?;
    let read = |u: &User| {
        let unlock = Unlock { key_file: Some(u.unlock.clone()), ..Unlock::default() };
        Ok::<_, Failure>(read_key(&u.key, &unlock, &parameters)?.identity().clone())
    };
    let (caller, callee) = (read(&given.caller)?, read(&given.callee)?);
    // The processes run elsewhere.
    let there = |p: &PathBuf| p.canonicalize().map_err(|e| Failure::io(p, &e));
    let user = |u: &User| Ok::<_, Failure>(User { key: there(&u.key)?, unlock: there(&u.unlock)? });
    Ok(Cast {
        given: Given {
            caller: user(&given.caller)?,
            callee: user(&given.callee)?,
            params: given.params.iter().map(there).collect::<Result<_, _>>()?,
        },
        caller_district: caller.district().as_str().into(),
        callee: callee.name().as_str().into(),
        callee_district: callee.district().as_str().into(),
        sentence: format!("the given keys of {} and {}", caller.name(), callee.name()),
    })
}

/// A listener, a caller, and the key of the stream from the caller, which both have written down.
fn call(dir: &Path, cast: &Cast) -> Result<(Zeroizing<String>, String, Value), Failure> {
    let text = |p: &Path| p.to_string_lossy().into_owned();
    let common = |u: &User, keys_to: &str| {
        let mut args: Vec<String> =
            ["--mikey", "--srtp-profile", PROFILE, "--keys-to", keys_to].map(String::from).into();
        args.extend(["--key".into(), text(&u.key), "--key-file".into(), text(&u.unlock)]);
        cast.given.params.iter().for_each(|p| args.extend(["--params".into(), text(p)]));
        args
    };
    let names = format!("{}=*", cast.caller_district);
    let mut args: Vec<String> = ["listen", "--bind", "127.0.0.1:0", "--names", &names].map(String::from).into();
    args.extend(common(&cast.given.callee, "callee.srtp"));
    let mut listener = Process::start(dir, &args, "").map_err(failed)?;
    let first = listener.next().map_err(failed)?;
    if let Some(message) = first["error"]["message"].as_str() {
        return Err(failed(format!("the called end: {message}")));
    }
    let address = first["address"].as_str().unwrap_or_default().to_owned();
    let mut args: Vec<String> =
        ["call", &address, "--to", &cast.callee, "--to-district", &cast.callee_district].map(String::from).into();
    args.extend(common(&cast.given.caller, "caller.srtp"));
    let caller = Process::start(dir, &args, "").and_then(Process::finish).and_then(Finished::done).map_err(failed)?;
    let called = listener.next().map_err(failed)?;
    let call = caller.event("call").map_err(failed)?;
    if called["event"] != "call" || called["csb_id"] != call["csb_id"] {
        return Err(failed("the called end tells of no such call"));
    }
    let read = |name: &str| -> Result<Zeroizing<String>, Failure> {
        let path = dir.join(name);
        let bytes = ibake::keyfile::read_secret_file(&path)?;
        let text = std::str::from_utf8(bytes.expose()).map_err(|_| failed("the keys are no text"))?;
        Ok(Zeroizing::new(text.to_owned()))
    };
    let (ours, theirs) = (read("caller.srtp")?, read("callee.srtp")?);
    if *ours != *theirs {
        return Err(failed("the two ends have different keys"));
    }
    let line = ours.lines().find(|l| l.split(' ').nth(1) == Some("initiator"));
    let key = line.and_then(|l| l.rsplit_once("inline:")).ok_or_else(|| failed("no stream from the caller"))?.1;
    let name = |who: &str| call[who]["name"].as_str().unwrap_or_default();
    let micros = call["micros"].as_u64().unwrap_or_default();
    let detail = format!(
        "{} called {} by MIKEY-IBAKE over UDP: {}, {}, {PROFILE}; {}.{} ms, both ends have the same keys",
        name("initiator"),
        name("responder"),
        call["schedule"].as_str().unwrap_or_default(),
        call["suite"].as_str().unwrap_or_default(),
        micros / 1000,
        micros / 100 % 10
    );
    Ok((Zeroizing::new(key.to_owned()), detail, json!({ "call": call })))
}
