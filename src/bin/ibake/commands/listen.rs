//! `ibake listen`.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use ibake::error::{Error, KeyError};
use ibake::ibe::PublicParameters;
use ibake::ibe::extract::PrivateKey;
use ibake::mikey::call::End;
use ibake::suite::Suite;
use serde_json::json;

use crate::call::answer::Server;
use crate::call::chat::{self, Stdin};
use crate::call::report::{self, Export};
use crate::call::{parse_suite, parse_timeout};
use crate::directory::{DirectoryFile, Known};
use crate::error::{Failure, Kind};
use crate::mikey::{
    self,
    directory::{Rule, Trust},
};
use crate::names::read_keys;
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Exchanges that may be in progress at the same time.
const AT_ONCE: usize = 16;

/// Answer calls: the IBAKE exchange over TCP, then a conversation in lines, standard input to the caller and the caller's lines to
/// standard output.
///
/// The first line of output is the address that is listened on. Compare the three words (or the digits) with your caller:
/// they differ if somebody sits in the middle, which takes the master keys of both districts.
///
/// A call lasts until both ends have ended their input (Ctrl-D), on a terminal until either has.
///
/// With --mikey calls are taken that come by MIKEY-IBAKE (RFC 6267) over UDP. They end with SRTP keys; of every call it is printed
/// what was agreed, with whom, and what is missing from it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  ibake listen --key bob.key --key-file bob.unlock --params params-b.txt --params params-a.txt
  ibake listen --mikey --key bob.key --key-file bob.unlock --params params-b.txt --params params-a.txt \\
      --names https://kgs-a.example=a.example --keys-to bob.srtp")]
pub(crate) struct Args {
    /// Where to listen; port 0 takes any that is free. If left out: 127.0.0.1:7939, with --mikey 127.0.0.1:2269.
    #[arg(long, value_name = "ADDR")]
    bind: Option<String>,
    /// Your private key; several if you have several names or periods.
    #[arg(long, short, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    #[command(flatten)]
    known: Known,
    /// Take one call, then exit. A caller who is told to come back with another suite may do so.
    #[arg(long)]
    once: bool,
    /// Accept this suite; give it several times for several. All five if left out.
    #[arg(long, value_name = "NAME", value_parser = parse_suite)]
    suite: Vec<Suite>,
    /// When to ask callers for a cookie before anything expensive is computed.
    #[arg(long, value_enum, default_value = "load", conflicts_with = "mikey")]
    cookie: Cookie,
    /// Seconds to wait for each message.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_timeout)]
    timeout: Duration,
    #[command(flatten)]
    export: Export,
    /// With --mikey: answer, too, when the call is for a NAME that you have no key for. The caller sees your name and decides.
    #[arg(long, requires = "mikey", help_heading = "MIKEY-IBAKE calls")]
    retargeted: bool,
    /// With --mikey: calls that may be half open at the same time; others are told to come back.
    #[arg(long, value_name = "N", default_value = "64", requires = "mikey", help_heading = "MIKEY-IBAKE calls")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=4096))]
    half_open: u16,
    #[command(flatten)]
    unlock: Unlock,
    #[command(flatten)]
    mikey: mikey::Options,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Cookie {
    /// When many callers come at once.
    Load,
    /// From everybody.
    Always,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let now = when::now();
    let DirectoryFile { parameters, rules } = args.known.read(now)?;
    let keys = read_keys(&args.key, &args.unlock, &parameters)?;
    if keys.iter().all(|k| k.check_time(now).is_err()) {
        return Err(Failure::from(Error::from(KeyError::Expired)));
    }
    if args.mikey.mikey {
        let rules: Vec<Rule> = args.mikey.names.iter().cloned().chain(rules).collect();
        return by_mikey(args, (&parameters, &rules), &keys, out);
    }
    let mut suites = if args.suite.is_empty() { Suite::PREFERENCE.to_vec() } else { args.suite.clone() };
    suites.sort_unstable();
    suites.dedup();
    let names = names_of(&keys);
    let server = Server::new(suites, keys, parameters, args.cookie == Cookie::Always, args.timeout)?;

    let bind = args.bind.as_deref().unwrap_or("127.0.0.1:7939");
    let bad = |e: std::io::Error| Failure::new(Kind::Io, "io", format!("{bind}: {e}"));
    let listener = TcpListener::bind(bind).map_err(bad)?;
    announce(&listener.local_addr().map_err(bad)?.to_string(), &names, out);

    let desk = Arc::new(Desk {
        server,
        export: args.export.clone(),
        stdin: Stdin::default(),
        talking: AtomicBool::new(false),
        open: AtomicUsize::new(0),
        out: *out,
    });
    if args.once {
        let mut result = desk.take(listener.accept().map_err(bad)?.0);
        if result.as_ref().is_err_and(|e| e.code == "suite") {
            // The caller knows our suites now and comes back at once if there is one in common.
            out.note("The caller offered a suite that is not accepted here and has been told which are.");
            result = desk.take(listener.accept().map_err(bad)?.0);
        }
        return result;
    }
    loop {
        let (stream, from) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionAborted => continue,
            Err(e) => return Err(bad(e)),
        };
        if desk.talking.load(Ordering::SeqCst) || desk.open.load(Ordering::SeqCst) >= AT_ONCE {
            desk.server.turn_away(stream);
            continue;
        }
        desk.open.fetch_add(1, Ordering::SeqCst);
        let desk = Arc::clone(&desk);
        std::thread::spawn(move || {
            if let Err(failure) = desk.take(stream) {
                desk.out.failure(&failure.context(format_args!("call from {from}")));
            }
            desk.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn names_of(keys: &[PrivateKey]) -> Vec<String> {
    keys.iter().map(|k| k.identity().name().to_string()).collect()
}

fn announce(address: &str, names: &[String], out: &Output) {
    let text = format!("listening on {address} as {}", names.join(", "));
    out.result(&text, &json!({ "event": "listening", "address": address, "names": names }));
}

fn by_mikey(
    args: &Args,
    (parameters, rules): (&[PublicParameters], &[Rule]),
    keys: &[PrivateKey],
    out: &Output,
) -> Result<(), Failure> {
    let suites = Suite::PREFERENCE.into_iter().filter(|s| args.suite.is_empty() || args.suite.contains(s)).collect();
    let settings = args.mikey.settings(suites);
    let trust = Trust { parameters, keys, dialled: None, rules };
    trust.check(true)?;
    let (socket, address) = mikey::answer::bind(args.bind.as_deref().unwrap_or("127.0.0.1:2269"))?;
    announce(&address, &names_of(keys), out);
    let desk = mikey::answer::Desk {
        socket,
        end: End { settings: &settings, keys, directory: &trust },
        retargeted: args.retargeted,
        half_open: args.half_open.into(),
        patience: args.timeout,
        once: args.once,
        options: &args.mikey,
        out,
    };
    desk.run()
}

/// Where calls arrive: many exchanges at once, one conversation.
struct Desk {
    server: Server,
    export: Export,
    stdin: Stdin,
    talking: AtomicBool,
    open: AtomicUsize,
    out: Output,
}

impl Desk {
    fn take(&self, stream: TcpStream) -> Result<(), Failure> {
        let call = self.server.answer(stream)?;
        if self.talking.swap(true, Ordering::SeqCst) {
            // Somebody else was faster. The caller sees a conversation that is cut off.
            return Err(Failure::new(Kind::Failed, "busy", "already in a call"));
        }
        let result = report::show(&call.session, call.elapsed, call.cookie, false, &self.out)
            .and_then(|()| self.export.write(&call.session))
            .and_then(|()| chat::run(call.connection, &call.session, &self.stdin, &self.out));
        self.talking.store(false, Ordering::SeqCst);
        if result.is_ok() {
            self.out.ended();
        }
        result
    }
}
