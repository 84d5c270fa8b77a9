//! The settings of `ibake kgs serve`: those of the command line, then those of the file, then what holds without either.

use std::path::Path;

use ibake::ibe::Granularity;
use ibake::kgs::server::config::{Configuration, LONGEST};

use super::serve::Args;
use super::unlock::StoreUnlock;
use super::{At, Opened};
use crate::error::{Failure, Kind};
use crate::files::read_limited;

/// What a server is started with.
pub(super) struct Settled {
    pub(super) opened: Opened,
    pub(super) rest: Configuration,
}

fn read(path: &Path) -> Result<Configuration, Failure> {
    let wrong = |message: String| Failure::new(Kind::Input, "configuration", message);
    let bytes = read_limited(path, LONGEST as u64)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes().iter().take(e.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count() + 1;
        wrong(format!("{}:{line}: not UTF-8", path.display())).hint("Save the file as UTF-8 text.")
    })?;
    Configuration::parse(&text)
        .map_err(|m| wrong(format!("{}:{}:{}: {}", path.display(), m.line, m.column, m.what)).hint(m.remedy))
}

pub(super) fn settle(args: &Args) -> Result<Settled, Failure> {
    let mut c = match &args.config {
        Some(path) => read(path)?,
        None => Configuration::parse("").map_err(|m| Failure::new(Kind::Failed, "configuration", m.to_string()))?,
    };
    let store = args.store.clone().or_else(|| c.store.clone()).ok_or_else(|| {
        Failure::new(Kind::Usage, "usage", "which store?").hint(
            "Give --store sqlite:./kgs.db, or write [store] address = \"sqlite:./kgs.db\" into the file of --config.",
        )
    })?;
    let unlock: StoreUnlock = args.unlock.or(&c.unlock);
    over(&mut c.listen.https, args.listen);
    c.listen.mikey = args.mikey.or(c.listen.mikey);
    if args.cert.is_some() {
        (c.tls.certificate, c.tls.key) = (args.cert.clone(), args.key.clone());
    }
    if let Some(file) = &args.self_signed {
        (c.tls.certificate, c.tls.key) = (None, None);
        c.tls.self_signed.clone_from(file);
    }
    over(&mut c.tls.client_certificates, args.client_certificates);
    c.new.district = args.district.clone().or(c.new.district);
    over(&mut c.new.granularity, args.granularity.map(Granularity::from));
    over(&mut c.new.valid_days, args.valid_days);
    if args.first_user.is_some() {
        (c.new.first_user, c.new.first_identities) = (args.first_user.clone(), args.first_identity.clone());
    }
    over(&mut c.http.plain, args.allow_plain);
    c.http.enroll = args.enroll.clone().or(c.http.enroll);
    over(&mut c.http.digest, args.digest);
    Ok(Settled { opened: Opened { at: At { store }, unlock }, rest: c })
}

fn over<T>(place: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *place = said;
    }
}
