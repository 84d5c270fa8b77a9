//! `ibake kgs token`.

use clap::{Subcommand, ValueEnum};
use ibake::kgs::server::auth::{Scope, token};
use serde_json::json;

use super::{Opened, block_on};
use crate::error::{Failure, Kind};
use crate::output::Output;
use crate::when;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(Create),
    List(List),
    Remove(Remove),
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Good {
    /// Keys, by the user's rules.
    Issue,
    /// The user's own entries of the log.
    Audit,
    /// Jobs for many users.
    Bulk,
}

/// Make a token for a user. It is printed once and stored nowhere.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs token create alice phone --scope issue --days 90 --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Create {
    /// Whose.
    user: String,
    /// What to call it.
    label: String,
    /// What it is good for.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Good::Issue, Good::Audit])]
    scope: Vec<Good>,
    /// For how many days.
    #[arg(long, value_name = "N", default_value_t = 90)]
    days: u32,
    #[command(flatten)]
    opened: Opened,
}

/// List a user's tokens.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs token list alice --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct List {
    /// Whose.
    user: String,
    #[command(flatten)]
    opened: Opened,
}

/// Take a token away; it is no good from the next request on.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs token remove alice phone --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Remove {
    /// Whose.
    user: String,
    /// What it was called.
    label: String,
    #[command(flatten)]
    opened: Opened,
}

pub(crate) fn run(command: &Command, out: &Output) -> Result<(), Failure> {
    block_on(async {
        match command {
            Command::Create(a) => create(a, out).await,
            Command::List(a) => list(a, out).await,
            Command::Remove(a) => {
                let (store, vault) = a.opened.open().await?;
                store.remove_token(&vault, &a.user, &a.label).await?;
                let text = format!("The token {} of {} is no good any more.", a.label, a.user);
                out.result(&text, &json!({ "user": a.user, "label": a.label, "removed": true }));
                Ok(())
            }
        }
    })
}

async fn create(a: &Create, out: &Output) -> Result<(), Failure> {
    let names = a.scope.iter().map(|g| match g {
        Good::Issue => "issue",
        Good::Audit => "audit",
        Good::Bulk => "bulk",
    });
    let nothing = || Failure::new(Kind::Usage, "usage", "a token has to be good for something");
    let scope = Scope::from_names(names).ok_or_else(nothing)?;
    let (store, vault) = a.opened.open().await?;
    let expires = when::now().saturating_add(u64::from(a.days) * 86_400);
    let made = token::create(&store, &vault, &a.user, &a.label, scope, expires).await?;
    let text = String::from_utf8_lossy(made.expose());
    let until = when::format(expires);
    out.note(&format!("Good for {scope} until {until}. It is shown only now."));
    out.result(
        &text,
        &json!({ "user": a.user, "label": a.label, "scope": scope.to_string(), "expires": until, "token": text }),
    );
    Ok(())
}

async fn list(a: &List, out: &Output) -> Result<(), Failure> {
    let (store, vault) = a.opened.open().await?;
    for row in store.tokens(&vault, &a.user).await? {
        let scope = Scope::from_id(row.scope).map(|s| s.to_string()).unwrap_or_default();
        let until = when::format(row.expires);
        let text = format!("{}  {scope}, until {until}", row.label);
        out.result(&text, &json!({ "user": row.owner, "label": row.label, "scope": scope, "expires": until }));
    }
    Ok(())
}
