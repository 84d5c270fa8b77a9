//! `ibake wiretap`: a KGS that listens. Part of the demonstration.

use std::path::PathBuf;

use ibake::ibake::envelope::Envelope;
use ibake::kgs::Directory;
use serde_json::{Value, json};

use crate::call::split_frames;
use crate::error::{Failure, Kind};
use crate::files;
use crate::names::parse_name;
use crate::output::Output;
use crate::unlock::Unlock;
use crate::wiretap::{self, Obstacle};

/// Try to learn the key of a recorded call with the master keys of both districts. It opens the seals of M1 and M2 and does not get
/// the key: that takes x or y, which nobody ever sends.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake wiretap call.json --kgs ./kgs-a --kgs-key-file a.unlock --kgs ./kgs-b --kgs-key-file b.unlock \\
      --name sip:alice@a.example --name tel:+15551234567")]
pub(crate) struct Args {
    /// The recording that `ibake relay` made.
    recording: PathBuf,
    /// A district's directory; give both.
    #[arg(long, value_name = "DIR", required = true)]
    kgs: Vec<PathBuf>,
    /// The key file of each, in the same order.
    #[arg(long, value_name = "FILE", required = true)]
    kgs_key_file: Vec<PathBuf>,
    /// Names that keys were issued for; a KGS knows them.
    #[arg(long, value_name = "NAME", required = true)]
    name: Vec<String>,
    /// Another value to try as the shared secret, in hexadecimal.
    #[arg(long, value_name = "HEX")]
    guess: Vec<String>,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let names = args.name.iter().map(|n| parse_name(n)).collect::<Result<Vec<_>, _>>()?;
    let more = args.guess.iter().map(base16ct::mixed::decode_vec).collect::<Result<Vec<_>, _>>();
    let more = more.map_err(|_| Failure::new(Kind::Input, "guess", "a guess is not hexadecimal"))?;
    let mut issuers = Vec::new();
    for (dir, key_file) in args.kgs.iter().zip(&args.kgs_key_file) {
        let directory = Directory::open(dir)?;
        let unlock = Unlock { key_file: Some(key_file.clone()), passphrase_file: None };
        let protection = unlock.open(dir, &[])?;
        for serial in directory.serials()? {
            issuers.push(directory.unlock(serial, &protection)?);
        }
    }
    let bytes = files::read_limited(&args.recording, 64 << 20)?;
    let recording: Value = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
    let (initiator, responder) = (stream(&recording, "initiator")?, stream(&recording, "responder")?);
    let (i, r) = (messages(&initiator), messages(&responder));
    let ([m1, m3, ..], [m2, ..]) = (i.as_slice(), r.as_slice()) else { return Err(unreadable()) };

    let found = wiretap::run([m1, m2, m3], &issuers, &names, &more).map_err(|o| match o {
        Obstacle::Message(e) => e.into(),
        Obstacle::Kgs(district) => Failure::new(Kind::Refused, "kgs", format!("no master key of {district} is given")),
        Obstacle::Names => Failure::new(Kind::Failed, "names", "the called name is none of those given"),
        Obstacle::Second => Failure::new(Kind::Failed, "decrypt", "M2 does not open"),
    })?;
    let hex = |b: &[u8]| base16ct::lower::encode_string(b);
    out.field("M1", "opened with the responder's key, made from the master key");
    out.field("M2", "opened with the initiator's key, made from the master key");
    out.field("caller", &found.initiator);
    out.field("called", &found.responder);
    out.field("X", &hex(&found.x));
    out.field("Y", &hex(&found.y));
    let verdict = if found.exporter.is_some() { "FOUND" } else { "not found" };
    out.field("session key", &format!("{verdict}, after {} guesses at the shared secret", found.guesses));
    out.object(&json!({
        "m1_opened": true,
        "m2_opened": true,
        "initiator": found.initiator,
        "responder": found.responder,
        "x": hex(&found.x),
        "y": hex(&found.y),
        "guesses": found.guesses,
        "session_key": found.exporter.map(|k| hex(&k)),
    }));
    Ok(())
}

fn unreadable() -> Failure {
    Failure::new(Kind::Input, "recording", "this is no recording of a whole exchange")
}

fn stream(recording: &Value, from: &str) -> Result<Vec<u8>, Failure> {
    let text = recording[from].as_str().ok_or_else(unreadable)?;
    base16ct::lower::decode_vec(text).map_err(|_| unreadable())
}

/// The messages among the first frames; M1 repeated with a cookie counts once.
fn messages(stream: &[u8]) -> Vec<Vec<u8>> {
    let frames = split_frames(stream);
    let mut out: Vec<Vec<u8>> = Vec::new();
    for frame in frames.into_iter().take(3) {
        match Envelope::decode(frame) {
            Ok(Envelope::Message(m)) => out.push(m.to_vec()),
            Ok(Envelope::WithCookie(_, m)) if out.is_empty() => out.push(m.to_vec()),
            _ => {}
        }
    }
    out
}
