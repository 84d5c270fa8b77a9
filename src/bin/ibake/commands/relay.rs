//! `ibake relay`: passes one connection on and writes down every byte. Part of the demonstration.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;

use serde_json::json;

use crate::error::{Failure, Kind};
use crate::files;
use crate::output::Output;

/// Pass one connection on and record it, as somebody does who taps the line.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake relay --to 127.0.0.1:7939 --record call.json")]
pub(crate) struct Args {
    /// Where the connection goes on to.
    #[arg(long, value_name = "ADDR")]
    to: String,
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    bind: String,
    /// Where the recording goes.
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let bad = |e: std::io::Error| Failure::new(Kind::Io, "io", format!("relay: {e}"));
    let listener = TcpListener::bind(&args.bind).map_err(bad)?;
    let address = listener.local_addr().map_err(bad)?.to_string();
    out.result(&format!("listening on {address}"), &json!({ "event": "listening", "address": address }));
    let (caller, _) = listener.accept().map_err(bad)?;
    let called = TcpStream::connect(&args.to).map_err(bad)?;
    let back = (called.try_clone().map_err(bad)?, caller.try_clone().map_err(bad)?);
    let responder = std::thread::spawn(move || pass(back.0, back.1));
    let initiator = pass(caller, called);
    let responder = responder.join().unwrap_or_default();
    let hex = |b: &[u8]| base16ct::lower::encode_string(b);
    let text = json!({ "initiator": hex(&initiator), "responder": hex(&responder) }).to_string();
    files::write_public(&args.record, text.as_bytes(), false)?;
    let object = json!({ "event": "recorded", "initiator": initiator.len(), "responder": responder.len() });
    out.result(&format!("recorded {} and {} bytes", initiator.len(), responder.len()), &object);
    Ok(())
}

/// One direction, until it ends; gives what went through.
fn pass(mut from: TcpStream, mut to: TcpStream) -> Vec<u8> {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let some = buffer.get(..n).unwrap_or_default();
        seen.extend_from_slice(some);
        if to.write_all(some).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    seen
}
