//! `ibake key inbox`.

use std::path::PathBuf;

use getrandom::SysRng;
use ibake::keyfile;
use ibake::kgs::INBOX_KIND;
use ibake::sealing::Opener;
use ibake::secret::Secret;
use serde_json::json;

use crate::error::{Failure, Kind};
use crate::output::Output;
use crate::unlock::Unlock;

/// Make an inbox, to which a server seals the keys that it issues in bulk, and print what the server needs of it.
///
/// Hand over what is printed by a way on which nobody can put another in its place: the server seals to whatever it was given. If FILE
/// exists, its line is printed again. The file opens every bundle that was sealed to it: keep it as you keep your keys.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake key inbox alice.inbox --key-file alice.unlock")]
pub(crate) struct Args {
    /// The file, made if it does not exist.
    file: PathBuf,
    #[command(flatten)]
    unlock: Unlock,
}

/// Opens an inbox under a protection.
pub(super) fn open(sealed: &[u8], protection: &keyfile::Protection) -> Result<Opener, Failure> {
    let bytes = keyfile::open(sealed, INBOX_KIND, protection).map_err(|e| match e {
        keyfile::Error::Kind { .. } => {
            Failure::new(Kind::Input, "key-file-kind", "this file is no inbox").hint("Make one: ibake key inbox FILE")
        }
        e => e.into(),
    })?;
    let mut seed = Secret::<32>::zero();
    let wrong = |_| Failure::new(Kind::Input, "key-file", "this file is no inbox");
    *seed.as_mut() = *<&[u8; 32]>::try_from(bytes.expose()).map_err(wrong)?;
    Ok(Opener::from_seed(&seed))
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let opener = if std::fs::symlink_metadata(&args.file).is_ok() {
        let sealed = keyfile::read_secret_file(&args.file)?;
        let protection = args.unlock.open(&args.file, sealed.expose())?;
        open(sealed.expose(), &protection).map_err(|e| e.context(args.file.display()))?
    } else {
        let created = args.unlock.create("the inbox")?;
        let seed = Secret::<32>::random(&mut SysRng)?;
        let sealed = keyfile::seal(INBOX_KIND, &created.protection, seed.expose(), &mut SysRng)?;
        keyfile::write_new(&args.file, &sealed)?;
        created.keep();
        Opener::from_seed(&seed)
    };
    let public = base16ct::lower::encode_string(opener.public());
    out.result(&public, &json!({ "file": args.file.display().to_string(), "seal_to": public }));
    Ok(())
}
