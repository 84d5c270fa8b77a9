//! Both ends of a call, as a case has them.

use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Identity, Name, PublicParameters};
use ibake::mikey::call::{CallOffer, Demand, Directory, SessionOffer, Settings};
use ibake::mikey::numbers::PrfFunc;
use ibake::srtp::Profile;
use ibake::suite::Suite;

use crate::vectors::fault::{Fault, malformed};
use crate::vectors::fields::Fields;
use crate::vectors::trace::suites;

/// As whom R answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    Dialled,
    Branch,
    Retargeted,
}

/// Both ends before a call.
pub(crate) struct Ends {
    pub(crate) now: u64,
    pub(crate) suite: Suite,
    pub(crate) parameters_i: PublicParameters,
    pub(crate) parameters_r: PublicParameters,
    pub(crate) keys_i: Vec<PrivateKey>,
    pub(crate) keys_r: Vec<PrivateKey>,
    pub(crate) dialled: Name,
    pub(crate) answers: Answers,
    pub(crate) settings_i: Settings,
    pub(crate) settings_r: Settings,
    pub(crate) offer: CallOffer,
    pub(crate) ssrcs_r: Vec<u32>,
    pub(crate) content_key: Option<[u8; 32]>,
}

/// The parameters of the initiator's name, and those of every other.
pub(crate) struct Trust<'a> {
    pub(crate) initiator: &'a Name,
    pub(crate) i: &'a PublicParameters,
    pub(crate) r: &'a PublicParameters,
}

impl Directory for Trust<'_> {
    fn parameters(&self, name: &Name, _: u64) -> Option<PublicParameters> {
        Some(if name == self.initiator { self.i.clone() } else { self.r.clone() })
    }
}

/// What an end accepts, by its word in a case.
pub(crate) fn demand(word: &str) -> Result<Demand, Fault> {
    match word {
        "bound" => Ok(Demand::Bound),
        "bound if possible" => Ok(Demand::BoundIfPossible),
        "rfc6267" => Ok(Demand::Rfc6267),
        _ => Err(malformed(format!("{word:?} is no demand"))),
    }
}

/// Private keys, each under the parameters of its district.
pub(crate) fn load_keys(
    stored: &[Vec<u8>],
    i: &PublicParameters,
    r: &PublicParameters,
) -> Result<Vec<PrivateKey>, Fault> {
    let load = |bytes: &Vec<u8>| PrivateKey::from_bytes(bytes, i).or_else(|_| PrivateKey::from_bytes(bytes, r));
    Ok(stored.iter().map(load).collect::<Result<_, _>>()?)
}

fn profiles(f: &Fields, field: &str) -> Result<Vec<Profile>, Fault> {
    let known = |t: String| Profile::from_name(&t).ok_or_else(|| malformed(format!("{field}: {t:?} is no profile")));
    f.texts(field)?.into_iter().map(known).collect()
}

fn ssrcs(f: &Fields, field: &str) -> Result<Vec<u32>, Fault> {
    let narrow = |n| u32::try_from(n).map_err(|_| malformed(format!("{field}: an SSRC has 32 bits")));
    f.numbers(field)?.into_iter().map(narrow).collect()
}

/// Streams that are offered under these profiles; 0 stands for the stream of the other end.
pub(super) fn offered(f: &Fields, field: &str, profiles: &[Profile]) -> Result<Vec<SessionOffer>, Fault> {
    let one = |s: u32| SessionOffer { ssrc: (s != 0).then_some(s), profiles: profiles.to_vec() };
    Ok(ssrcs(f, field)?.into_iter().map(one).collect())
}

impl Ends {
    pub(crate) fn of(f: &Fields) -> Result<Self, Fault> {
        let name = f.text("suite")?;
        let suite = Suite::from_name(&name).ok_or_else(|| malformed(format!("suite {name:?} is not known")))?;
        let parameters = |end| Ok::<_, Fault>(PublicParameters::from_der(&f.bytes(end)?)?);
        let (parameters_i, parameters_r) = (parameters("parameters_I")?, parameters("parameters_R")?);
        let keys = |field| load_keys(&f.list(field)?, &parameters_i, &parameters_r);
        let (keys_i, keys_r) = (keys("private_keys_I")?, keys("private_keys_R")?);
        if keys_i.is_empty() || keys_r.is_empty() {
            return Err(malformed("an end without a key"));
        }
        let prf = if f.has("PRF") { PrfFunc(f.u8("PRF")?) } else { PrfFunc::HMAC_SHA_256 };
        let (profiles_i, profiles_r) = (profiles(f, "profiles_I")?, profiles(f, "profiles_R")?);
        let settings = |d: &str, profiles: &[Profile]| {
            Ok::<_, Fault>(Settings {
                demand: demand(&f.text(d)?)?,
                profiles: profiles.to_vec(),
                rfc3830_algorithms: prf == PrfFunc::MIKEY_1,
                ..Settings::default()
            })
        };
        let mut settings_r = settings("demand_R", &profiles_r)?;
        if f.has("suites_R") {
            settings_r.suites = suites(f, "suites_R")?;
        }
        let answers = match f.text("answers")?.as_str() {
            "dialled" => Answers::Dialled,
            "branch" => Answers::Branch,
            "retargeted" => Answers::Retargeted,
            other => return Err(malformed(format!("nobody answers as {other:?}"))),
        };
        Ok(Self {
            now: f.number("now")?,
            suite,
            keys_i,
            keys_r,
            dialled: Name::parse(&f.text("dialled")?)?,
            answers,
            settings_i: settings("demand_I", &profiles_i)?,
            settings_r,
            offer: CallOffer {
                prf,
                mki: f.bytes_or_none("MKI")?,
                protocols: if f.has("protocols") { Some(f.text("protocols")?) } else { None },
                ..CallOffer::new(suite, offered(f, "SSRCs_I", &profiles_i)?)
            },
            ssrcs_r: ssrcs(f, "SSRCs_R")?,
            content_key: if f.has("content_key") { Some(f.array("content_key")?) } else { None },
            parameters_i,
            parameters_r,
        })
    }

    pub(crate) fn key_i(&self) -> &PrivateKey {
        &self.keys_i[0]
    }

    pub(crate) fn key_r(&self) -> &PrivateKey {
        &self.keys_r[0]
    }

    /// The identity that is called.
    pub(crate) fn called(&self) -> Result<Identity, Fault> {
        Ok(self.parameters_r.identity(self.dialled.clone(), ibake::ibe::Purpose::Decrypt, self.now)?)
    }

    pub(crate) fn trust(&self) -> Trust<'_> {
        Trust { initiator: self.key_i().identity().name(), i: &self.parameters_i, r: &self.parameters_r }
    }
}
