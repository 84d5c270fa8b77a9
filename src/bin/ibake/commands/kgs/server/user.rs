//! `ibake kgs user`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use ibake::ibe::NameKind;
use ibake::kgs::server::auth::password::{Passwords, Price};
use ibake::kgs::server::auth::{PskTable, credentials, digest};
use ibake::kgs::server::http::tls::first_certificate;
use ibake::kgs::server::policy::{AHEAD, Purposes, Rule};
use ibake::kgs::server::{self, Store, Vault, bulk};
use ibake::mikey::numbers::IdType;
use serde_json::json;

use super::super::hex;
use super::{Opened, block_on};
use crate::commands::remote::hash;
use crate::error::{Failure, Kind};
use crate::names::parse_name;
use crate::output::Output;
use crate::unlock::read_passphrase;
use crate::when;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(Add),
    List(List),
    Remove(Remove),
    Disable(Disable),
    Password(Password),
    Certificate(Certificate),
    Psk(Psk),
    SealTo(SealTo),
}

/// Add a user, with the identities that are theirs.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs user add alice --identity sip:alice@a.example --password-file ./alice.password \\
      --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Add {
    /// The name by which they log in; printable, without spaces and colons.
    name: String,
    /// A name whose keys they may have, for both purposes and up to two weeks ahead; several times if needed. For whole hosts see
    /// `ibake kgs policy allow`.
    #[arg(long = "identity", value_name = "NAME")]
    identities: Vec<String>,
    /// Their password, in the first line of FILE, which nobody else may be able to read.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Their inbox, as `ibake key inbox` printed it: to it their keys are sealed when they are issued in bulk.
    #[arg(long, value_name = "HEX", value_parser = hash)]
    seal_to: Option<[u8; 32]>,
    #[command(flatten)]
    opened: Opened,
}

/// List users, with what they may have and how they can log in.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs user list --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct List {
    #[command(flatten)]
    opened: Opened,
}

/// Remove a user with passwords, tokens and rules. What was issued stays in the log.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs user remove alice --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Remove {
    /// Who.
    name: String,
    #[command(flatten)]
    opened: Opened,
}

/// Let a user have nothing for now.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs user disable alice --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Disable {
    /// Who.
    name: String,
    /// Let them have keys again.
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    opened: Opened,
}

/// Give a user another password.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs user password alice ./alice.password --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Password {
    /// Who.
    name: String,
    /// The password, in the first line of FILE, which nobody else may be able to read.
    file: PathBuf,
    /// Also for HTTP Digest in this realm, which is the district's name. What is stored for that is as good as the password.
    #[arg(long, value_name = "REALM")]
    digest: Option<String>,
    #[command(flatten)]
    opened: Opened,
}

/// Let a user log in by a TLS client certificate. Who issued it does not matter, nor does what stands in it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs user certificate alice ./alice.pem --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Certificate {
    /// Who.
    name: String,
    /// The certificate, PEM.
    file: PathBuf,
    #[command(flatten)]
    opened: Opened,
}

/// Give a user a pre-shared key for MIKEY.
///
/// It only says who asks: keys come sealed to the request. Whoever knows it can ask in the user's name.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs user psk alice sip:alice@a.example ./alice.psk --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Psk {
    /// Who.
    name: String,
    /// The identity under which requests name the key.
    identity: String,
    /// The key, 16 to 256 bytes as they are, in a file that nobody else may be able to read.
    file: PathBuf,
    #[command(flatten)]
    opened: Opened,
}

/// Say to which key a user's keys are sealed when they are issued in bulk, or replace it.
///
/// The user makes it with `ibake key inbox` and hands over what that prints, by a way on which nobody can put another in its place:
/// whoever has the inbox can read the keys.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs user seal-to alice 2f8e.. --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct SealTo {
    /// Who.
    name: String,
    /// What `ibake key inbox` printed.
    #[arg(value_name = "HEX", value_parser = hash)]
    inbox: [u8; 32],
    #[command(flatten)]
    opened: Opened,
}

pub(crate) fn run(command: &Command, out: &Output) -> Result<(), Failure> {
    block_on(async {
        match command {
            Command::Add(a) => add(a, out).await,
            Command::List(a) => list(a, out).await,
            Command::Remove(a) => {
                let (store, vault) = a.opened.open().await?;
                store.remove_user(&vault, &a.name).await?;
                out.result(&format!("{} is removed.", a.name), &json!({ "user": a.name, "removed": true }));
                Ok(())
            }
            Command::Disable(a) => {
                let (store, vault) = a.opened.open().await?;
                store.disable_user(&vault, &a.name, !a.undo).await?;
                let text = if a.undo { "may have keys again" } else { "gets nothing for now" };
                out.result(&format!("{} {text}.", a.name), &json!({ "user": a.name, "disabled": !a.undo }));
                Ok(())
            }
            Command::Certificate(a) => set_certificate(a, out).await,
            Command::Psk(a) => set_psk(a, out).await,
            Command::SealTo(a) => {
                let (store, vault) = a.opened.open().await?;
                set_inbox(&store, &vault, &a.name, &a.inbox).await?;
                let object = json!({ "user": a.name, "seal_to": hex(&a.inbox) });
                out.result(&format!("Keys for {} are sealed to that inbox.", a.name), &object);
                Ok(())
            }
            Command::Password(a) => {
                let (store, vault) = a.opened.open().await?;
                if let Some(realm) = &a.digest {
                    let password = ibake::secret::SecretVec::new(read_passphrase(&a.file)?.into_bytes());
                    digest::set(&store, &vault, &a.name, realm, &password).await?;
                }
                set_password(&store, vault, &a.name, &a.file).await?;
                out.result(&format!("{} has a new password.", a.name), &json!({ "user": a.name, "password": true }));
                Ok(())
            }
        }
    })
}

async fn set_inbox(store: &Store, vault: &Vault, user: &str, inbox: &[u8; 32]) -> Result<(), Failure> {
    bulk::seal_to(store, vault, user, inbox).await.map_err(|e| match e {
        server::Error::Crypto(_) => Failure::new(Kind::Input, "inbox", "nothing can be sealed to this inbox")
            .hint("Take what `ibake key inbox FILE` prints."),
        e => e.into(),
    })
}

async fn set_certificate(a: &Certificate, out: &Output) -> Result<(), Failure> {
    let pem = crate::files::read_limited(&a.file, 65_536)?;
    let der = first_certificate(&pem)
        .map_err(|e| Failure::new(Kind::Input, "certificate", format!("{}: {e}", a.file.display())))?;
    let (store, vault) = a.opened.open().await?;
    credentials::set_certificate(&store, &vault, &a.name, &der).await?;
    out.result(&format!("{} may log in by that certificate.", a.name), &json!({ "user": a.name, "certificate": true }));
    Ok(())
}

async fn set_psk(a: &Psk, out: &Output) -> Result<(), Failure> {
    let name = parse_name(&a.identity)?;
    let psk = ibake::keyfile::read_secret_file(&a.file)?;
    let (store, vault) = a.opened.open().await?;
    // As MIKEY writes a name: RFC 3830 section 6.7.
    let kind = if name.kind() == NameKind::Nai { IdType::NAI } else { IdType::URI };
    let table = PskTable { store, vault: Arc::new(vault) };
    table.set(&a.name, kind.0, name.as_str().as_bytes(), &psk).await?;
    out.result(&format!("{} may ask by MIKEY as {name}.", a.name), &json!({ "user": a.name, "psk": name.as_str() }));
    Ok(())
}

async fn set_password(store: &Store, vault: Vault, user: &str, file: &std::path::Path) -> Result<(), Failure> {
    let password = ibake::secret::SecretVec::new(read_passphrase(file)?.into_bytes());
    let passwords = Passwords::new(store.clone(), Arc::new(vault), Price::RECOMMENDED, 1, 1);
    Ok(passwords.set(user, password).await?)
}

async fn add(a: &Add, out: &Output) -> Result<(), Failure> {
    let rules = a.identities.iter().map(|n| parse_name(n).map(Rule::own)).collect::<Result<Vec<_>, _>>()?;
    // Before anything is added.
    if let Some(inbox) = &a.seal_to {
        ibake::sealing::check_public(inbox, &mut getrandom::SysRng).map_err(|_| {
            Failure::new(Kind::Input, "inbox", "nothing can be sealed to this inbox")
                .hint("Take what `ibake key inbox FILE` prints.")
        })?;
    }
    if let Some(file) = &a.password_file {
        drop(zeroize::Zeroizing::new(read_passphrase(file)?));
    }
    let (store, vault) = a.opened.open().await?;
    store.add_user(&vault, &a.name, &rules, when::now()).await?;
    if let Some(inbox) = &a.seal_to {
        set_inbox(&store, &vault, &a.name, inbox).await?;
    }
    if let Some(file) = &a.password_file {
        set_password(&store, vault, &a.name, file).await?;
    }
    let object = json!({ "user": a.name, "identities": a.identities, "password": a.password_file.is_some() });
    let ways = match a.password_file {
        Some(_) => String::new(),
        None => format!("\nNothing proves who they are yet: ibake kgs token create {} LABEL", a.name),
    };
    out.result(&format!("{} is added.{ways}", a.name), &object);
    Ok(())
}

/// A rule as people read it.
pub(super) fn describe(rule: &Rule) -> String {
    let mut text = rule.pattern.to_string();
    if rule.purposes != Purposes::ALL {
        text.push_str(if rule.purposes.sign { ", to sign only" } else { ", to decrypt only" });
    }
    if rule.ahead != AHEAD {
        text.push_str(&format!(", {} days ahead", rule.ahead / 86_400));
    }
    if rule.quota > 0 {
        text.push_str(&format!(", {} a day", rule.quota));
    }
    text
}

/// A rule as machines read it.
pub(super) fn object(rule: &Rule) -> serde_json::Value {
    json!({ "pattern": rule.pattern.to_string(), "decrypt": rule.purposes.decrypt, "sign": rule.purposes.sign,
            "ahead_seconds": rule.ahead, "per_day": rule.quota })
}

async fn list(a: &List, out: &Output) -> Result<(), Failure> {
    let (store, vault) = a.opened.open().await?;
    let mut behind = String::new();
    loop {
        let page = store.users(&vault, &behind).await?;
        let Some(last) = page.last() else { return Ok(()) };
        behind.clone_from(&last.name);
        for user in page {
            let rules = store.rules(&vault, &user.name).await?;
            let credentials = store.credentials(&user.name).await?;
            let tokens = store.tokens(&vault, &user.name).await?;
            let mut ways: Vec<String> = credentials.iter().map(|(k, n)| format!("{n} {}", k.name())).collect();
            if !tokens.is_empty() {
                ways.push(format!("{} token", tokens.len()));
            }
            let rights: Vec<String> = rules.iter().map(describe).collect();
            let inbox = store.recipient(&vault, &user.name).await?;
            if inbox.is_some() {
                ways.push("an inbox".into());
            }
            let state = if user.disabled { " (disabled)" } else { "" };
            let text = format!("{}{state}  {}  [{}]", user.name, rights.join("; "), ways.join(", "));
            let credentials: serde_json::Map<_, _> =
                credentials.iter().map(|(k, n)| (k.name().to_owned(), (*n).into())).collect();
            let object = json!({ "user": user.name, "disabled": user.disabled, "created": when::format(user.created),
                                 "rules": rules.iter().map(object).collect::<Vec<_>>(), "credentials": credentials,
                                 "tokens": tokens.len(), "seal_to": inbox.map(|i| hex(&i)) });
            out.result(&text, &object);
        }
    }
}
