//! Calls between two processes, through a third one that records them if wanted.

use serde_json::Value;

use super::process::Finished;
use super::tour::User;
use super::{FREE, Stage};

/// Who calls whom, and how.
pub(super) struct Call<'a> {
    pub(super) caller: &'a User,
    pub(super) callee: &'a User,
    /// The name that is dialled, if it is not the callee's.
    pub(super) dialled: Option<&'a User>,
    pub(super) caller_says: &'a str,
    pub(super) callee_says: &'a str,
    /// Further options of the two.
    pub(super) caller_options: &'a [&'a str],
    pub(super) callee_options: &'a [&'a str],
    /// Where a recording goes.
    pub(super) record: Option<&'a str>,
}

/// Both ends of a call after it.
pub(super) struct Ends {
    pub(super) caller: Finished,
    pub(super) callee: Finished,
}

/// Listener, relay if there is one, caller. Nobody waits for a time: each prints its address when it is ready.
pub(super) fn call(stage: &mut Stage<'_>, c: &Call<'_>) -> Result<Ends, String> {
    let mut args = vec!["listen", "--once", "--bind", FREE, "--key", &c.callee.key];
    args.extend(["--key-file", &c.callee.unlock, "--params", c.callee.params(), "--params", c.callee.other_params()]);
    args.extend(c.callee_options);
    let mut listener = stage.start(&args, c.callee_says)?;
    let mut address = ready(&listener.next()?)?;
    let mut relay = None;
    if let Some(file) = c.record {
        let mut process = stage.start(&["relay", "--bind", FREE, "--to", &address, "--record", file], "")?;
        address = ready(&process.next()?)?;
        stage.relay = Some(address.clone());
        relay = Some(process);
    }
    let dialled = c.dialled.unwrap_or(c.callee);
    let mut args = vec!["call", &address, "--to", dialled.name, "--to-district", dialled.district()];
    args.extend(["--key", &c.caller.key, "--key-file", &c.caller.unlock]);
    args.extend(["--params", c.caller.params(), "--params", c.caller.other_params()]);
    args.extend(c.caller_options);
    let caller = stage.start(&args, c.caller_says)?.finish()?;
    stage.relay = None;
    let callee = listener.finish()?;
    if let Some(relay) = relay {
        relay.finish()?.done()?;
    }
    Ok(Ends { caller, callee })
}

/// The address that a process has announced.
pub(super) fn ready(first: &Value) -> Result<String, String> {
    first["address"].as_str().map(str::to_owned).ok_or_else(|| format!("no address was announced: {first}"))
}

impl Ends {
    /// Both ends have finished, agree on everything that they show, and each knows the other by name.
    pub(super) fn agree(self, caller: &User, callee: &User) -> Result<(Self, String), String> {
        let ends = Self { caller: self.caller.done()?, callee: self.callee.done()? };
        let (a, b) = (ends.caller.event("session")?, ends.callee.event("session")?);
        for field in ["initiator", "responder", "suite", "words", "digits", "fingerprint", "session"] {
            if a[field] != b[field] {
                return Err(format!("the ends differ in {field}: {} and {}", a[field], b[field]));
            }
        }
        if a["initiator"]["name"] != caller.name || a["responder"]["name"] != callee.name {
            return Err("the ends agree on other names than ours".into());
        }
        ends.caller.event("end")?;
        ends.callee.event("end")?;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let words: Vec<String> = a["words"].as_array().into_iter().flatten().map(text).collect();
        let micros = a["micros"].as_u64().unwrap_or_default();
        let detail = format!(
            "{}, both show \"{}\" and key fingerprint {}; the exchange took {}.{} ms",
            text(&a["suite"]),
            words.join(" "),
            text(&a["fingerprint"]),
            micros / 1000,
            micros / 100 % 10
        );
        Ok((ends, detail))
    }
}
