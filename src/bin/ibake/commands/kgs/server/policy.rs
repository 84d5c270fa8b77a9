//! `ibake kgs policy`.

use clap::{Subcommand, ValueEnum};
use ibake::kgs::server::Revocation;
use ibake::kgs::server::policy::{Pattern, Purposes, Rule};
use serde_json::json;

use super::{Opened, block_on, user};
use crate::error::Failure;
use crate::names::parse_name;
use crate::output::Output;
use crate::when;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Allow(Allow),
    Deny(Deny),
    List(List),
    Revoke(Revoke),
    Pardon(Pardon),
    Revoked(Revoked),
}

/// What keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum For {
    /// To decrypt and to sign.
    Both,
    /// To decrypt.
    Decrypt,
    /// To sign.
    Sign,
}

/// Let a user have the keys of a name, of all users of a host, or of a range of numbers.
///
/// A rule with the same pattern is replaced. It holds from the next request on, on every node.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs policy allow gateway 'sip:*@a.example' --for decrypt --ahead-days 31 --per-day 10000 \\
      --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Allow {
    /// Who.
    user: String,
    /// A name, sip:*@HOST, sips:*@HOST, *@REALM, tel:+PREFIX*, or * for everything; =NAME for a name with a star in it.
    pattern: String,
    /// For which purpose.
    #[arg(long = "for", value_enum, default_value = "both")]
    purposes: For,
    /// How many days from now a period may begin at most.
    #[arg(long, value_name = "N", default_value_t = 14)]
    ahead_days: u32,
    /// Most keys in a day by this rule; 0 for no limit.
    #[arg(long, value_name = "N", default_value_t = 0)]
    per_day: u32,
    #[command(flatten)]
    opened: Opened,
}

/// Take a rule away.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs policy deny gateway 'sip:*@a.example' --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Deny {
    /// Who.
    user: String,
    /// The rule's pattern.
    pattern: String,
    #[command(flatten)]
    opened: Opened,
}

/// List a user's rules.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs policy list gateway --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct List {
    /// Who.
    user: String,
    #[command(flatten)]
    opened: Opened,
}

/// Give nobody the keys of a name for periods that reach beyond a date.
///
/// Keys that have been issued stay good until their period is over; nothing can take them back.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs policy revoke sip:alice@a.example --from 2026-12-01 --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Revoke {
    /// The name.
    name: String,
    /// From when on; now if left out.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    from: Option<u64>,
    #[command(flatten)]
    opened: Opened,
}

/// Take a revocation back.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs policy pardon sip:alice@a.example --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Pardon {
    /// The name.
    name: String,
    #[command(flatten)]
    opened: Opened,
}

/// List revoked names.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs policy revoked --store sqlite:./kgs.db --key-file ./kgs.unlock")]
pub(crate) struct Revoked {
    #[command(flatten)]
    opened: Opened,
}

pub(crate) fn run(command: &Command, out: &Output) -> Result<(), Failure> {
    block_on(async {
        match command {
            Command::Allow(a) => allow(a, out).await,
            Command::Deny(a) => {
                let pattern = pattern(&a.pattern)?;
                let (store, vault) = a.opened.open().await?;
                store.remove_rule(&vault, &a.user, &pattern).await?;
                let text = format!("{} has lost the rule {}.", a.user, a.pattern);
                out.result(&text, &json!({ "user": a.user, "pattern": a.pattern, "removed": true }));
                Ok(())
            }
            Command::List(a) => {
                let (store, vault) = a.opened.open().await?;
                if store.user(&vault, &a.user).await?.is_none() {
                    return Err(ibake::kgs::server::Error::Unknown { what: "user" }.into());
                }
                for rule in store.rules(&vault, &a.user).await? {
                    out.result(&user::describe(&rule), &user::object(&rule));
                }
                Ok(())
            }
            Command::Revoke(a) => {
                let name = parse_name(&a.name)?;
                let (store, vault) = a.opened.open().await?;
                let since = a.from.unwrap_or_else(when::now);
                store.revoke(&vault, &Revocation { name, since }).await?;
                let text = format!("No keys of {} for periods that end after {}.", a.name, when::format(since));
                out.result(&text, &json!({ "name": a.name, "since": when::format(since) }));
                Ok(())
            }
            Command::Pardon(a) => {
                let name = parse_name(&a.name)?;
                let (store, vault) = a.opened.open().await?;
                store.pardon(&vault, &name).await?;
                out.result(
                    &format!("{} is not revoked any more.", a.name),
                    &json!({ "name": a.name, "removed": true }),
                );
                Ok(())
            }
            Command::Revoked(a) => revoked(a, out).await,
        }
    })
}

fn pattern(text: &str) -> Result<Pattern, Failure> {
    text.parse::<Pattern>().map_err(|e| Failure::from(e).context(format_args!("{text:?}")))
}

async fn allow(a: &Allow, out: &Output) -> Result<(), Failure> {
    let rule = Rule {
        pattern: pattern(&a.pattern)?,
        purposes: Purposes { decrypt: a.purposes != For::Sign, sign: a.purposes != For::Decrypt },
        ahead: u64::from(a.ahead_days) * 86_400,
        quota: a.per_day.into(),
    };
    let (store, vault) = a.opened.open().await?;
    store.set_rule(&vault, &a.user, &rule).await?;
    let mut object = user::object(&rule);
    object["user"] = a.user.as_str().into();
    out.result(&format!("{} may have {}.", a.user, user::describe(&rule)), &object);
    Ok(())
}

async fn revoked(a: &Revoked, out: &Output) -> Result<(), Failure> {
    let (store, vault) = a.opened.open().await?;
    let mut behind = String::new();
    loop {
        let page = store.revocations(&vault, &behind).await?;
        let Some(last) = page.last() else { return Ok(()) };
        behind = last.name.as_str().to_owned();
        for r in page {
            let since = when::format(r.since);
            out.result(&format!("{}  from {since} on", r.name), &json!({ "name": r.name.as_str(), "since": since }));
        }
    }
}
