//! `ibake key import`.

use std::path::PathBuf;

use getrandom::SysRng;
use ibake::batch::{self, Options};
use ibake::client::ring::Ring;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{ParameterStore, PublicParameters, Purpose};
use ibake::keyfile;
use ibake::kgs::bundle::{BUNDLE_MAX, Bundle, Contents, Part};
use ibake::kgs::server::audit::Opening;
use ibake::sealing::Opener;
use serde_json::json;

use super::inbox;
use crate::error::{Failure, Kind};
use crate::files::read_limited;
use crate::names::{other_parameters, read_all_parameters};
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Open a file of keys that a server has issued in bulk, verify every key against pinned parameters, and put them into a ring.
///
/// The file is sealed to the inbox; nothing else opens it. A key is taken only if the pairing check holds: e(d, P2) = e(Q, P_pub). If
/// one does not, none is taken. Inbox and ring are under the same passphrase or key file.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake key import alice.6f0c52aa.keys --inbox alice.inbox --params params-a.txt --ring ./ring --key-file alice.unlock")]
pub(crate) struct Args {
    /// The file that the server made, USER.JOB.keys.
    file: PathBuf,
    /// The inbox to which it is sealed, as `ibake key inbox` made it.
    #[arg(long, value_name = "FILE")]
    inbox: PathBuf,
    /// The pinned parameters of the district.
    #[arg(long, short, value_name = "FILE", required = true)]
    params: Vec<PathBuf>,
    /// The ring, a directory; made if there is none.
    #[arg(long, value_name = "DIR")]
    ring: PathBuf,
    #[command(flatten)]
    unlock: Unlock,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let at = |e: Failure| e.context(args.file.display());
    let parameters = read_all_parameters(&args.params)?;
    let bytes = read_limited(&args.file, BUNDLE_MAX as u64)?;
    let bundle = Bundle::from_bytes(&bytes).map_err(|e| at(e.into()))?;
    let sealed = keyfile::read_secret_file(&args.inbox)?;
    let protection = args.unlock.open(&args.inbox, sealed.expose())?;
    let opener = inbox::open(sealed.expose(), &protection).map_err(|e| e.context(args.inbox.display()))?;
    let ring = Ring::open(&args.ring)?;
    if let Some(first) = ring.entries()?.first() {
        // All files of a ring are under one protection.
        let sealed = keyfile::read_secret_file(&first.file)?;
        ibake::kgs::open_private_key(sealed.expose(), &protection).map_err(|e| {
            Failure::from(e)
                .context(args.ring.display())
                .hint("The ring and the inbox are under different protections.")
        })?;
    }
    // Everything is opened and verified before anything is kept.
    let mut all = Vec::new();
    for part in &bundle.parts {
        all.push(open(&bundle, part, &opener, &parameters).map_err(at)?);
    }
    let now = when::now();
    let (mut taken, mut over) = (0usize, 0usize);
    for (keys, contents) in &all {
        for (key, (_, salt)) in keys.iter().zip(&contents.keys) {
            let identity = key.identity();
            let period = identity.period();
            if period.end() <= now && !period.is_current(now) {
                over += 1;
                continue;
            }
            let file = ring.put(key, &protection, &mut SysRng)?;
            taken += 1;
            let opening =
                Opening { salt: *salt, identity: identity.der().to_vec(), requester: contents.requester.clone() };
            let (from, until) = (when::format(period.start()), when::format(period.end()));
            let text = format!("{}  {}, {from} to {until}", file.display(), identity.name());
            let object = json!({
                "file": file.display().to_string(),
                "name": identity.name().as_str(),
                "purpose": if identity.purpose() == Purpose::Sign { "sign" } else { "decrypt" },
                "from": from,
                "until": until,
                "issued": when::format(contents.at),
                "log_commitment": base16ct::lower::encode_string(&opening.commitment(contents.at, identity.serial())),
            });
            out.result(&text, &object);
        }
    }
    let more = if over > 0 { format!("; {over} are over and left out") } else { String::new() };
    let text = format!("{taken} keys of {} are genuine and in {}{more}", bundle.user, args.ring.display());
    out.result(&text, &json!({ "user": bundle.user, "taken": taken, "over": over }));
    Ok(())
}

/// Opens a part and verifies all its keys.
fn open(
    bundle: &Bundle,
    part: &Part,
    opener: &Opener,
    parameters: &[PublicParameters],
) -> Result<(Vec<PrivateKey>, Contents), Failure> {
    if part.recipient != *opener.public() {
        let to = base16ct::lower::encode_string(&part.recipient);
        return Err(Failure::new(Kind::Refused, "inbox", format!("the keys are sealed to another inbox, {to}"))
            .hint("Give the inbox that you had when they were issued."));
    }
    let contents = bundle.open(part, opener)?;
    let mut items = Vec::with_capacity(contents.keys.len());
    let mut of = Vec::with_capacity(contents.keys.len());
    for (key, _) in &contents.keys {
        let identity = PrivateKey::inspect(key.expose())?.identity;
        let (district, serial) = (identity.district().as_str(), identity.serial());
        of.push(parameters.find(district, serial).ok_or_else(|| other_parameters(district, serial))?);
        items.push(key.expose());
    }
    let items: Vec<_> = items.into_iter().zip(&of).collect();
    let keys = batch::verify_keys(&items, &Options::default(), &mut SysRng).and_then(batch::all)?;
    Ok((keys, contents))
}
