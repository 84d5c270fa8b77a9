//! Who may have which keys.
//!
//! A user has rules; a request is granted if one of them allows it. A rule is a pattern of names, the purposes, how far ahead a
//! period may begin, and how many keys a day there may be. Revocations stand above all rules: from their date on nobody gets a key
//! for that name. Rules are read for every request, and a decision counts only if no setting has changed before its entry is in the
//! log; so what has been committed there holds from then on, on every node, without a restart.

use core::fmt;
use core::str::FromStr;

use super::error::{Error, Refusal};
use super::keys::Vault;
use crate::ibe::{Identity, Name, NameKind, Purpose};

/// Names that a rule is about.
///
/// | text | names |
/// | --- | --- |
/// | a name | that name; with `=` in front if there is a `*` in it, which SIP and e-mail allow: `=sip:*@HOST` is one user |
/// | `sip:*@HOST`, `sips:*@HOST`, `*@REALM` | every user of exactly that host |
/// | `tel:+PREFIX*` | every number that begins so |
/// | `*` | every name: for machines that provision |
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// One name.
    Exactly(Name),
    /// Users of a host.
    Host(NameKind, String),
    /// Telephone numbers.
    Prefix(String),
    /// All.
    Any,
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        let wrong =
            Error::Input { what: "a pattern is a name, sip:*@HOST, sips:*@HOST, *@REALM, tel:+PREFIX*, * or =NAME" };
        if s == "*" {
            return Ok(Self::Any);
        }
        let hosts = [("sip:*@", NameKind::Sip), ("sips:*@", NameKind::Sips), ("*@", NameKind::Nai)];
        if let Some((prefix, kind)) = hosts.into_iter().find(|(prefix, _)| s.starts_with(prefix)) {
            let host = s.strip_prefix(prefix).unwrap_or_default();
            // The host must be one that a name can have.
            Name::parse(&s.replacen('*', "a", 1)).map_err(|_| wrong)?;
            return Ok(Self::Host(kind, host.into()));
        }
        if let Some(prefix) = s.strip_prefix("tel:").and_then(|rest| rest.strip_suffix('*')) {
            let digits = prefix.strip_prefix('+').filter(|d| d.len() <= 14 && d.bytes().all(|b| b.is_ascii_digit()));
            return digits.map(|_| Self::Prefix(prefix.into())).ok_or(wrong);
        }
        match s.strip_prefix('=') {
            Some(name) => Ok(Self::Exactly(Name::parse(name)?)),
            // Meant as a pattern, and none of ours.
            None if s.contains('*') => Err(wrong),
            None => Ok(Self::Exactly(Name::parse(s)?)),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Somebody who is called `*` is not everybody.
            Self::Exactly(name) if name.as_str().contains('*') => write!(f, "={name}"),
            Self::Exactly(name) => name.fmt(f),
            Self::Host(NameKind::Sip, host) => write!(f, "sip:*@{host}"),
            Self::Host(NameKind::Sips, host) => write!(f, "sips:*@{host}"),
            Self::Host(_, host) => write!(f, "*@{host}"),
            Self::Prefix(prefix) => write!(f, "tel:{prefix}*"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl Pattern {
    /// Whether a name is meant. A `*` stands for a whole user part, so a host of another domain never fits.
    pub fn matches(&self, name: &Name) -> bool {
        let text = name.as_str();
        match self {
            Self::Exactly(own) => own == name,
            Self::Host(kind, host) => {
                // A name has at most one @, before its host.
                *kind == name.kind() && text.rsplit_once('@').is_some_and(|(_, of)| of == host)
            }
            Self::Prefix(prefix) => text.strip_prefix("tel:").is_some_and(|number| number.starts_with(prefix)),
            Self::Any => true,
        }
    }
}

/// Purposes, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Purposes {
    /// Keys that decrypt.
    pub decrypt: bool,
    /// Keys that sign.
    pub sign: bool,
}

impl Purposes {
    /// Both.
    pub const ALL: Self = Self { decrypt: true, sign: true };

    /// Whether a purpose is in it.
    pub const fn contains(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Decrypt => self.decrypt,
            Purpose::Sign => self.sign,
        }
    }

    pub(super) fn id(self) -> i64 {
        i64::from(self.decrypt) | i64::from(self.sign) << 1
    }

    pub(super) const fn from_id(id: u64) -> Option<Self> {
        match id {
            1..=3 => Some(Self { decrypt: id & 1 != 0, sign: id & 2 != 0 }),
            _ => None,
        }
    }
}

/// One rule of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which names.
    pub pattern: Pattern,
    /// For what.
    pub purposes: Purposes,
    /// How many seconds from now a period may begin at most.
    pub ahead: u64,
    /// How many keys a day (UTC); 0 for no limit.
    pub quota: u64,
}

/// Two weeks: the keys of the next week can be fetched in this one.
pub const AHEAD: u64 = 14 * 86_400;

impl Rule {
    /// A user's own name: both purposes, two weeks ahead, no limit.
    pub const fn own(name: Name) -> Self {
        Self { pattern: Pattern::Exactly(name), purposes: Purposes::ALL, ahead: AHEAD, quota: 0 }
    }

    /// What this rule says of an identity at `now`. A period that is over, but not by more than two clocks may differ, is not past.
    fn allows(&self, identity: &Identity, now: u64) -> Result<(), Refusal> {
        let period = identity.period();
        if !self.pattern.matches(identity.name()) {
            Err(Refusal::Identity)
        } else if !self.purposes.contains(identity.purpose()) {
            Err(Refusal::Purpose)
        } else if period.start() <= now && !period.is_current(now) {
            Err(Refusal::Past)
        } else if period.start() > now.saturating_add(self.ahead) {
            Err(Refusal::Ahead)
        } else {
            Ok(())
        }
    }
}

/// The first rule that allows an identity.
///
/// # Errors
/// What the rule says that came nearest to it.
pub fn decide<'a>(rules: &'a [Rule], identity: &Identity, now: u64) -> Result<&'a Rule, Refusal> {
    let mut nearest = Refusal::Identity;
    for rule in rules {
        match rule.allows(identity, now) {
            Ok(()) => return Ok(rule),
            Err(why) if why.id() > nearest.id() => nearest = why,
            Err(_) => {}
        }
    }
    Err(nearest)
}

/// Under what is counted what a rule has given to a user.
pub(super) fn quota_subject(vault: &Vault, user: &str, rule: &Rule) -> [u8; 32] {
    vault.lookup("quota", format!("{user} {}", rule.pattern).as_bytes())
}

/// Whether a revocation from `since` on forbids an identity: its period reaches beyond that date.
pub fn is_revoked(since: u64, identity: &Identity) -> bool {
    identity.period().end() > since
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ibe::{District, Granularity, Period};

    const NOW: u64 = 1_795_262_400;
    const DAY: u64 = 86_400;

    fn identity(name: &str, purpose: Purpose, at: u64) -> Identity {
        let district = District::parse("https://kgs.example").unwrap();
        let period = Period::containing(Granularity::Day, at).unwrap();
        Identity::new(&district, 1, purpose, Name::parse(name).unwrap(), period).unwrap()
    }

    #[test]
    fn patterns_mean_what_they_say() {
        for (pattern, yes, no) in [
            ("sip:alice@a.example", "sip:alice@a.example", "sip:alice2@a.example"),
            ("sip:*@a.example", "sip:bob@a.example", "sip:bob@b.a.example"),
            ("sip:*@a.example", "sip:x%40@a.example", "sips:bob@a.example"),
            ("sip:*@a.example", "sip:a.example@a.example", "sip:a.example"),
            ("sips:*@a.example", "sips:bob@a.example", "sip:bob@a.example"),
            ("*@a.example", "bob@a.example", "bob@ba.example"),
            ("*@a.example", "bob@a.example", "sip:bob@a.example"),
            ("tel:+1555*", "tel:+15551", "tel:+1556"),
            ("*", "tel:+15551", "tel:+15551"),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.to_string().parse::<Pattern>().unwrap(), pattern);
            assert!(pattern.matches(&Name::parse(yes).unwrap()), "{pattern} {yes}");
            assert_eq!(pattern.matches(&Name::parse(no).unwrap()), pattern == Pattern::Any, "{pattern} {no}");
        }
        for bad in [
            "",
            "sip:*@",
            "sip:*",
            "sip:a*@b.example",
            "sip:*@*.example",
            "tel:*",
            "tel:+1x*",
            "*@*",
            "**",
            "sip:*@A.example",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    /// A name with a star is a name: whoever may choose theirs must not get everybody's keys by it.
    #[test]
    fn somebody_called_star_is_not_everybody() {
        for star in ["sip:*@a.example", "*@a.example", "sips:*@a.example", "sip:a*b@a.example"] {
            let own = Rule::own(Name::parse(star).unwrap()).pattern;
            let again: Pattern = own.to_string().parse().unwrap();
            assert_eq!(again, own);
            let other = star.replace('*', "bob");
            assert!(
                again.matches(&Name::parse(star).unwrap()) && !again.matches(&Name::parse(&other).unwrap()),
                "{star}"
            );
        }
    }

    #[test]
    fn the_table_of_decisions() {
        let rule = |pattern: &str, sign, ahead| Rule {
            pattern: pattern.parse().unwrap(),
            purposes: Purposes { decrypt: true, sign },
            ahead,
            quota: 0,
        };
        let rules = [rule("sip:alice@a.example", true, 7 * DAY), rule("sip:*@b.example", false, 0)];
        let (alice, bob) = ("sip:alice@a.example", "sip:bob@b.example");
        for (name, purpose, at, expected) in [
            (alice, Purpose::Decrypt, NOW, Ok(0)),
            (alice, Purpose::Sign, NOW, Ok(0)),
            (alice, Purpose::Decrypt, NOW + 7 * DAY, Ok(0)),
            (alice, Purpose::Decrypt, NOW + 8 * DAY, Err(Refusal::Ahead)),
            (alice, Purpose::Decrypt, NOW - DAY, Err(Refusal::Past)),
            (bob, Purpose::Decrypt, NOW, Ok(1)),
            (bob, Purpose::Sign, NOW, Err(Refusal::Purpose)),
            (bob, Purpose::Decrypt, NOW + DAY, Err(Refusal::Ahead)),
            ("sip:alice@c.example", Purpose::Decrypt, NOW, Err(Refusal::Identity)),
        ] {
            let found = decide(&rules, &identity(name, purpose, at), NOW);
            assert_eq!(found.map(|r| rules.iter().position(|x| x == r).unwrap()), expected, "{name} {at}");
        }
        // Yesterday is over, but another clock may not know that yet.
        let midnight = NOW - NOW % DAY;
        let yesterday = identity(alice, Purpose::Decrypt, midnight - 1);
        assert!(decide(&rules, &yesterday, midnight + 299).is_ok());
        assert_eq!(decide(&rules, &yesterday, midnight + 300), Err(Refusal::Past));
        assert!(is_revoked(midnight - 1, &yesterday) && !is_revoked(midnight, &yesterday));
    }
}
