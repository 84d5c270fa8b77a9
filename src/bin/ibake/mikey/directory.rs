//! Whom this end trusts to speak for which names.

use ibake::ibe::extract::PrivateKey;
use ibake::ibe::introduction::Whose;
use ibake::ibe::{District, Name, PublicParameters};
use ibake::mikey::call::Directory;

use crate::error::{Failure, Kind};

/// Whose word counts for which names: `DISTRICT=WHOSE` of the command line, or a line of a directory file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) district: String,
    pub(crate) whose: Whose,
    /// Last second in which it counts, Unix time.
    pub(crate) until: u64,
}

/// For clap.
pub(crate) fn parse_rule(s: &str) -> Result<Rule, String> {
    let form = "DISTRICT=DOMAIN, DISTRICT=+1555 or DISTRICT=*";
    let (district, whose) = s.rsplit_once('=').ok_or(form)?;
    District::parse(district).map_err(|e| format!("{district}: {e}"))?;
    let whose = Whose::parse(&whose.to_ascii_lowercase()).map_err(|e| format!("{whose}: {e}; wanted is {form}"))?;
    Ok(Rule { district: district.into(), whose, until: u64::MAX })
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
        let district = match (self.rules.iter().find(|r| r.until >= at && r.whose.fits(name)), districts.as_slice()) {
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
    fn rules_are_read_as_they_are_typed() {
        let rule = parse_rule("https://kgs-a.example=A.example").unwrap();
        let whose = Whose::Domain("a.example".into());
        assert_eq!(rule, Rule { district: "https://kgs-a.example".into(), whose, until: u64::MAX });
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
