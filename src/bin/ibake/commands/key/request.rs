//! `ibake key request` and `ibake key renew`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use getrandom::SysRng;
use ibake::client::key::{Transit, request};
use ibake::client::mikey::{self, Way};
use ibake::client::ring::Ring;
use ibake::client::{Connector, Error};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Identity, PublicParameters, Purpose};
use ibake::keyfile::{self, Protection};
use ibake::mikey::request::{Algorithms, Ask, Transit as Sealing};
use serde_json::json;

use super::super::params;
use super::super::remote::{Asking, Proof, Server, block_on, hash};
use crate::error::{Failure, Kind};
use crate::names::{parse_name, read_parameters};
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Ask the server for a private key, verify it against pinned parameters, and put it into a ring.
///
/// The key comes sealed to a key that is drawn for this request: nobody on the way learns it, and neither does whoever knows the
/// credential. It is taken only if it is the key of exactly this identity and the pairing check holds.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake key request sip:alice@a.example --params params-a.txt --ring ./ring \\
      --token-file alice.token --key-file alice.unlock
  ibake key request sip:alice@a.example --params params-a.txt --ring ./ring \\
      --psk-file alice.psk --key-file alice.unlock              over MIKEY, with a pre-shared key
  ibake key request sip:alice@a.example --params params-a.txt --ring ./ring \\
      --token-file alice.token --key-file alice.unlock \\
      --district https://kgs-a.example --fingerprint 64_HEX_DIGITS     the first time: fetches the parameters too")]
pub(crate) struct Request {
    /// The name.
    name: String,
    /// The pinned parameters of the district.
    #[arg(long, short, value_name = "FILE")]
    params: PathBuf,
    /// The first time: fetch the parameters of this district (an https URI) into the file of --params, unless it is there.
    #[arg(long, value_name = "URI", requires = "fingerprint")]
    district: Option<String>,
    /// The fingerprint that the parameters must have, which you got another way.
    #[arg(long, value_name = "HEX", value_parser = hash)]
    fingerprint: Option<[u8; 32]>,
    /// The ring, a directory; made if there is none.
    #[arg(long, value_name = "DIR")]
    ring: PathBuf,
    /// A signing key instead of one that opens.
    #[arg(long)]
    sign: bool,
    /// For the period that contains this time; now if left out.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    at: Option<u64>,
    /// Ask for the key in the clear, from a server that knows RFC 5408 only: whoever reads inside TLS has it then.
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    proof: Proof,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    unlock: Unlock,
}

/// Renew the keys of a ring: fetch those of the present period that are missing, those of the next one ahead, and erase what is
/// over.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake key renew --params params-a.txt --ring ./ring --token-file alice.token --key-file alice.unlock")]
pub(crate) struct Renew {
    /// The pinned parameters of the district.
    #[arg(long, short, value_name = "FILE")]
    params: PathBuf,
    /// The ring.
    #[arg(long, value_name = "DIR")]
    ring: PathBuf,
    /// How many hours before its beginning the key of the next period is fetched.
    #[arg(long, value_name = "HOURS", default_value_t = 48)]
    ahead: u32,
    #[command(flatten)]
    proof: Proof,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    unlock: Unlock,
}

/// A ring with its protection, and the server.
struct Session {
    parameters: PublicParameters,
    ring: Ring,
    protection: std::sync::Arc<Protection>,
    created: Option<crate::unlock::Created>,
    connector: Connector,
    asking: Asking,
}

impl Session {
    fn open(params: &Path, ring: &Path, unlock: &Unlock, proof: &Proof, server: &Server) -> Result<Self, Failure> {
        let parameters = read_parameters(params)?;
        let (asking, connector) = (proof.read()?, server.connector()?);
        let ring = Ring::open(ring)?;
        // All files of a ring are under one protection: that of the first decides.
        let (protection, created) = match ring.entries()?.first() {
            Some(first) => {
                let sealed = keyfile::read_secret_file(&first.file)?;
                let protection = unlock.open(&first.file, sealed.expose())?;
                // Before a key is asked for that could not be put beside the others.
                ibake::kgs::open_private_key(sealed.expose(), &protection)?;
                (std::sync::Arc::new(protection), None)
            }
            None => {
                let created = unlock.create("the ring")?;
                (std::sync::Arc::clone(&created.protection), Some(created))
            }
        };
        Ok(Self { parameters, ring, protection, created, connector, asking })
    }

    /// The key, and its place in the server's log if that was told.
    fn ask(&self, identity: &Identity, transit: Transit) -> Result<(PrivateKey, Option<u64>), Failure> {
        let mut rng = SysRng;
        match &self.asking {
            Asking::Https(credential) => {
                let work = request(&self.connector, identity, &self.parameters, credential, transit, &mut rng);
                let received = block_on(async { Ok(work.await?) })?;
                Ok((received.key, received.receipt.map(|r| r.place)))
            }
            Asking::Mikey { psk, tcp } => {
                let ask = Ask {
                    parameters: &self.parameters,
                    names: std::slice::from_ref(identity.name()),
                    periods: &[identity.period()],
                    purposes: &[identity.purpose()],
                    psk_name: None,
                    psk,
                    transit: if transit == Transit::Plain { Sealing::CredentialOnly } else { Sealing::Sealed },
                    algorithms: Algorithms::Strong,
                };
                let way = match tcp {
                    Some(address) => Way::Tcp { address, within: Duration::from_secs(60) },
                    None => Way::Https(&self.connector),
                };
                let keys = block_on(async { Ok(mikey::request(way, &ask, when::now(), &mut rng).await?) })?;
                let key = keys.into_iter().next();
                Ok((key.ok_or_else(|| Failure::new(Kind::Failed, "server", "no key came"))?, None))
            }
        }
    }

    fn fetch(&mut self, identity: &Identity, transit: Transit, out: &Output) -> Result<(), Failure> {
        let (key, place) = self.ask(identity, transit)?;
        let file = self.ring.put(&key, &self.protection, &mut SysRng)?;
        if let Some(created) = self.created.take() {
            created.keep();
        }
        let period = identity.period();
        let (from, until) = (when::format(period.start()), when::format(period.end()));
        let text = format!("{}  {}, {from} to {until}", file.display(), identity.name());
        let object = json!({
            "file": file.display().to_string(),
            "name": identity.name().as_str(),
            "purpose": if identity.purpose() == Purpose::Sign { "sign" } else { "decrypt" },
            "from": from,
            "until": until,
            "sealed": transit == Transit::Sealed,
            "log_entry": place,
        });
        out.result(&text, &object);
        Ok(())
    }
}

pub(crate) fn run(a: &Request, out: &Output) -> Result<(), Failure> {
    let name = parse_name(&a.name)?;
    if let Some(district) = &a.district
        && std::fs::symlink_metadata(&a.params).is_err()
    {
        params::fetch_to(&a.params, district, None, a.fingerprint, &a.server)?;
    }
    let mut session = Session::open(&a.params, &a.ring, &a.unlock, &a.proof, &a.server)?;
    if a.fingerprint.is_some_and(|pin| pin != *session.parameters.fingerprint()) {
        let text = format!("{} has another fingerprint", a.params.display());
        return Err(Failure::new(Kind::Refused, "pin", text)
            .hint("Compare with whoever gave it to you; a later serial is fetched by: ibake params fetch"));
    }
    let purpose = if a.sign { Purpose::Sign } else { Purpose::Decrypt };
    let identity = session.parameters.identity(name, purpose, a.at.unwrap_or_else(when::now))?;
    let transit = if a.plain { Transit::Plain } else { Transit::Sealed };
    session.fetch(&identity, transit, out)
}

pub(crate) fn renew(a: &Renew, out: &Output) -> Result<(), Failure> {
    let now = when::now();
    let mut session = Session::open(&a.params, &a.ring, &a.unlock, &a.proof, &a.server)?;
    if session.ring.entries()?.is_empty() {
        return Err(Failure::new(Kind::Input, "empty", "there is no key in the ring")
            .hint("Begin with: ibake key request NAME --ring DIR"));
    }
    let ahead = u64::from(a.ahead) * 3_600;
    let wanting = session.ring.wanting(&session.parameters, &session.protection, ahead, now)?;
    for identity in &wanting {
        session.fetch(identity, Transit::Sealed, out)?;
    }
    // After the new ones are there: which names the ring has is known from the old ones.
    let erased = session.ring.erase_expired(now)?;
    let text = format!("{} keys fetched, {erased} erased that are over", wanting.len());
    out.result(&text, &json!({ "fetched": wanting.len(), "erased": erased }));
    Ok(())
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        let (kind, code) = match &e {
            Error::Crypto(inner) => return (*inner).into(),
            Error::KeyFile(inner) => return inner.clone().into(),
            Error::Ring(inner) => return inner.clone().into(),
            Error::Uri => (Kind::Usage, "uri"),
            Error::Connection(_) | Error::Timeout => (Kind::Io, "connection"),
            Error::Tls(_) => (Kind::Refused, "tls"),
            Error::Busy { .. } => (Kind::Io, "busy"),
            Error::Unauthentic | Error::Enroll(_) | Error::MikeyDropped => (Kind::Refused, "unauthentic"),
            Error::Denied | Error::MikeyRefused { .. } => (Kind::Refused, "policy"),
            Error::Pin | Error::OtherParameters => (Kind::Refused, "pin"),
            Error::Transit => (Kind::Refused, "transit"),
            Error::Mikey(_) | Error::Format(_) | Error::TooLong | Error::NoPkgUri => (Kind::Input, "format"),
            _ => (Kind::Failed, "server"),
        };
        let failure = Self::new(kind, code, e.to_string());
        match e {
            Error::Tls(_) => failure.hint("A certificate that a server has signed itself needs its pin: --tls-pin HEX"),
            Error::Connection(_) => failure.hint("Is the server elsewhere? --connect ADDRESS"),
            _ => failure,
        }
    }
}
