//! Whom this end trusts to speak for which names.

use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{District, Name, PublicParameters};
use ibake::mikey::call::Directory;

use crate::error::{Failure, Kind};

/// `DISTRICT=WHOSE` of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    district: String,
    whose: Whose,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Whose {
    All,
    /// What stands behind `@`.
    Domain(String),
    /// How a global number begins, with its `+`.
    Number(String),
}

/// For clap.
pub(crate) fn parse_rule(s: &str) -> Result<Rule, String> {
    let form = "DISTRICT=DOMAIN, DISTRICT=+1555 or DISTRICT=*";
    let (district, whose) = s.rsplit_once('=').ok_or(form)?;
    District::parse(district).map_err(|e| format!("{district}: {e}"))?;
    let whose = match whose {
        "*" => Whose::All,
        n if n.strip_prefix('+').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())) => Whose::Number(n.into()),
        d if !d.is_empty() && d.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.[]:".contains(&b)) => {
            Whose::Domain(d.to_ascii_lowercase())
        }
        _ => return Err(form.into()),
    };
    Ok(Rule { district: district.into(), whose })
}

impl Rule {
    fn fits(&self, name: &Name) -> bool {
        let text = name.as_str();
        match &self.whose {
            Whose::All => true,
            Whose::Domain(domain) => text.rsplit_once('@').is_some_and(|(_, host)| host == domain),
            Whose::Number(begins) => text.strip_prefix("tel:").is_some_and(|n| n.starts_with(begins.as_str())),
        }
    }
}

/// Names to parameters. Own names have the parameters of their keys, the name that is dialled those that the command line says;
/// for all others the rules decide, or the only district that there is.
pub(crate) struct Trust<'a> {
    pub(crate) parameters: &'a [PublicParameters],
    pub(crate) keys: &'a [PrivateKey],
    pub(crate) dialled: Option<(Name, PublicParameters)>,
    pub(crate) rules: &'a [Rule],
}

impl Trust<'_> {
    fn districts(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.parameters.iter().map(|p| p.district().as_str()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Refuses rules that name districts of which there are no parameters, and for who takes calls from strangers (`open`) an
    /// open question who speaks for them.
    pub(crate) fn check(&self, open: bool) -> Result<(), Failure> {
        let districts = self.districts();
        if let Some(rule) = self.rules.iter().find(|r| !districts.contains(&r.district.as_str())) {
            let text = format!("--names: none of the given parameters are those of {}", rule.district);
            return Err(Failure::new(Kind::Usage, "usage", text).hint("Give them with --params FILE."));
        }
        if let (true, true, [first, ..]) = (open, self.rules.is_empty(), districts.as_slice())
            && districts.len() > 1
        {
            let text = "parameters of several districts are given, and none is said to speak for the names of callers";
            return Err(Failure::new(Kind::Usage, "usage", text)
                .hint(format!("Say whose names are whose, for example --names {first}=a.example")));
        }
        Ok(())
    }

    fn own(&self, name: &Name, at: u64) -> Option<PublicParameters> {
        let of_name = self.keys.iter().filter(|k| k.identity().name() == name);
        let key = of_name.max_by_key(|k| (k.check_time(at).is_ok(), k.identity().period().end()))?;
        self.parameters.iter().find(|p| p.fingerprint() == key.fingerprint()).cloned()
    }
}

impl Directory for Trust<'_> {
    fn parameters(&self, name: &Name, at: u64) -> Option<PublicParameters> {
        if let Some(own) = self.own(name, at) {
            return Some(own);
        }
        if let Some((_, theirs)) = self.dialled.as_ref().filter(|(dialled, _)| dialled == name) {
            return Some(theirs.clone());
        }
        let districts = self.districts();
        let district = match (self.rules.iter().find(|r| r.fits(name)), districts.as_slice()) {
            (Some(rule), _) => rule.district.as_str(),
            (None, [only]) if self.rules.is_empty() => only,
            _ => return None,
        };
        let of_it = self.parameters.iter().filter(|p| p.district().as_str() == district);
        of_it.max_by_key(|p| (p.check_time(at).is_ok(), p.serial())).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_fit_the_names_that_they_say() {
        let name = |n| Name::parse(n).unwrap();
        let (alice, bob) = (name("sip:alice@a.example"), name("tel:+15551234567"));
        let rule = |whose: &str| parse_rule(&format!("https://kgs-a.example={whose}")).unwrap();
        assert!(rule("a.example").fits(&alice) && rule("A.example").fits(&name("carol@a.example")));
        assert!(!rule("example").fits(&alice) && !rule("b.a.example").fits(&alice) && !rule("a.example").fits(&bob));
        assert!(rule("+1555").fits(&bob) && !rule("+1556").fits(&bob) && !rule("+1555").fits(&alice));
        assert!(rule("*").fits(&alice) && rule("*").fits(&bob));
        for bad in [
            "a.example",
            "https://kgs-a.example=",
            "kgs=a.example",
            "https://kgs-a.example=+1x",
            "https://k.example=a b",
        ] {
            assert!(parse_rule(bad).is_err(), "{bad}");
        }
    }
}
