//! `ibake call`.

use std::path::PathBuf;
use std::time::Duration;

use ibake::error::Error;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Recipient;
use ibake::ibe::{Name, ParameterStore, PublicParameters, Purpose};
use ibake::mikey::call::End;
use ibake::suite::Suite;

use crate::call::chat::{self, Stdin};
use crate::call::dial::Dial;
use crate::call::report::{self, Export};
use crate::call::{parse_suite, parse_timeout};
use crate::directory::{DirectoryFile, Known};
use crate::error::{Failure, Kind};
use crate::mikey::{
    self,
    directory::{Rule, Trust},
};
use crate::names::{parse_name, read_key};
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Call somebody who listens: the IBAKE exchange over TCP, then a conversation in lines, standard input to the peer and the peer's
/// lines to standard output.
///
/// Only the holder of the key for the dialled NAME can answer, wherever ADDR leads. Compare the three words (or the digits) with
/// the person: they differ if somebody sits in the middle, which takes the master keys of both districts.
///
/// A call lasts until both ends have ended their input (Ctrl-D), on a terminal until either has.
///
/// With --mikey the call is made with MIKEY-IBAKE (RFC 6267) over UDP. It ends with SRTP keys for both directions; what was agreed,
/// with whom, and what is missing from it is printed. Messages that get lost are sent again.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  ibake call 127.0.0.1:7939 --to tel:+15551234567 --key alice.key --key-file alice.unlock \\
      --params params-a.txt --params params-b.txt
  ibake call --mikey 127.0.0.1 --to tel:+15551234567 --key alice.key --key-file alice.unlock \\
      --params params-a.txt --params params-b.txt --keys-to alice.srtp
  ibake media                both ends of such a call, and ffmpeg under its keys")]
pub(crate) struct Args {
    /// Where the peer listens, HOST:PORT; with --mikey HOST is enough.
    address: String,
    /// Who is called.
    #[arg(long, value_name = "NAME")]
    to: String,
    /// The district of who is called. If left out: the one that speaks for the name by --directory or --names, else the one of
    /// --params that is not your own, or your own if there is no other.
    #[arg(long, value_name = "URI")]
    to_district: Option<String>,
    /// Your private key.
    #[arg(long, short, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    known: Known,
    /// Accept this suite; give it several times for several. All five if left out.
    #[arg(long, value_name = "NAME", value_parser = parse_suite)]
    suite: Vec<Suite>,
    /// Seconds to wait for each message.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_timeout)]
    timeout: Duration,
    #[command(flatten)]
    export: Export,
    /// With --mikey: go on, too, if this NAME answers in the place of who is called; several times for several.
    #[arg(long, value_name = "NAME", requires = "mikey", help_heading = "MIKEY-IBAKE calls")]
    accept: Vec<String>,
    #[command(flatten)]
    unlock: Unlock,
    #[command(flatten)]
    mikey: mikey::Options,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let name = parse_name(&args.to)?;
    let now = when::now();
    let DirectoryFile { parameters, rules } = args.known.read(now)?;
    let rules: Vec<Rule> = args.mikey.names.iter().cloned().chain(rules).collect();
    let key = read_key(&args.key, &args.unlock, &parameters)?;
    key.check_time(now).map_err(|e| Failure::from(e).context(args.key.display()))?;
    let own = own_parameters(&key, &parameters)?;
    let by_name = rules.iter().find(|r| r.whose.fits(&name)).map(|r| r.district.as_str());
    let theirs = peer_parameters(args.to_district.as_deref().or(by_name), &own, &parameters, now)?;
    let refused = |e: Error| Failure::from(e).context(format_args!("{name} in {}", theirs.district()));
    theirs.check_time(now).map_err(|e| refused(e.into()))?;
    let identity = theirs.identity(name.clone(), Purpose::Decrypt, now).map_err(refused)?;
    if args.mikey.mikey {
        return by_mikey(args, (&parameters, &rules), key, name, theirs, out);
    }
    let peer = Recipient::cached(&theirs, &identity).map_err(refused)?;

    let mut suites = if args.suite.is_empty() { Suite::PREFERENCE.to_vec() } else { args.suite.clone() };
    suites.sort_unstable();
    suites.dedup();
    let dial = Dial { address: &args.address, key: &key, own: &own, peer: &peer, suites, patience: args.timeout };
    let call = dial.run()?;
    report::show(&call.session, call.elapsed, call.cookie, call.retried, out)?;
    args.export.write(&call.session)?;
    chat::run(call.connection, &call.session, &Stdin::default(), out)?;
    out.ended();
    Ok(())
}

fn by_mikey(
    args: &Args,
    (parameters, rules): (&[PublicParameters], &[Rule]),
    key: PrivateKey,
    name: Name,
    theirs: PublicParameters,
    out: &Output,
) -> Result<(), Failure> {
    let accept = args.accept.iter().map(|n| parse_name(n)).collect::<Result<Vec<_>, _>>()?;
    let suites = Suite::PREFERENCE.into_iter().filter(|s| args.suite.is_empty() || args.suite.contains(s)).collect();
    let settings = args.mikey.settings(suites);
    let keys = [key];
    let trust = Trust { parameters, keys: &keys, dialled: Some((name.clone(), theirs)), rules };
    trust.check(false)?;
    let [key] = &keys;
    let dial = mikey::dial::Dial {
        address: &args.address,
        end: End { settings: &settings, keys: &keys, directory: &trust },
        key,
        dialled: &name,
        accept: &accept,
        patience: args.timeout,
        options: &args.mikey,
    };
    dial.run(out)
}

fn own_parameters(key: &PrivateKey, parameters: &[PublicParameters]) -> Result<PublicParameters, Failure> {
    let id = key.identity();
    parameters
        .find(id.district().as_str(), id.serial())
        .ok_or_else(|| Failure::new(Kind::Refused, "key", "the parameters of your own district are missing"))
}

/// Of the peer's district the latest parameters that are valid now.
fn peer_parameters(
    to_district: Option<&str>,
    own: &PublicParameters,
    parameters: &[PublicParameters],
    now: u64,
) -> Result<PublicParameters, Failure> {
    let mut districts: Vec<&str> = parameters.iter().map(|p| p.district().as_str()).collect();
    districts.sort_unstable();
    districts.dedup();
    let others: Vec<&str> = districts.iter().copied().filter(|d| *d != own.district().as_str()).collect();
    let wanted = match (to_district, others.as_slice()) {
        (Some(d), _) if districts.contains(&d) => d,
        (Some(d), _) => {
            let text = format!("none of the given parameters are those of {d}");
            return Err(Failure::new(Kind::Usage, "usage", text).hint("Give them with --params FILE."));
        }
        (None, []) => own.district().as_str(),
        (None, [one]) => one,
        (None, _) => {
            return Err(Failure::new(Kind::Usage, "usage", "it is not clear whose KGS the name belongs to")
                .hint(format!("Give --to-district with one of {}", districts.join(", "))));
        }
    };
    let of_it = parameters.iter().filter(|p| p.district().as_str() == wanted);
    let latest = of_it.max_by_key(|p| (p.check_time(now).is_ok(), p.serial())).cloned();
    latest.ok_or_else(|| Failure::new(Kind::Usage, "usage", "no parameters are given"))
}
