//! Two districts, their users, and the steps of a call.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use ibake::ibe::extract::{Issuer, MasterKey, PrivateKey};
use ibake::ibe::identity::Identity;
use ibake::ibe::name::Name;
use ibake::ibe::params::PublicParameters;
use ibake::ibe::{Description, District, Granularity, Purpose};
use ibake::mikey::call::{
    Answering, As, AwaitI2, AwaitR1, AwaitR2, CallOffer, Directory, End, Outcome, Ready, ReplayCache, Reply, Session,
    SessionOffer, Settings,
};
use ibake::srtp::Profile;
use ibake::suite::Suite;

pub(crate) type Done<T = ()> = Result<T, Box<dyn Error>>;

/// Prints what holds, and ends the scene if it does not.
pub(crate) fn check(holds: bool, what: &str) -> Done {
    if !holds {
        return Err(format!("does not hold: {what}").into());
    }
    println!("  ok: {what}");
    Ok(())
}

const DAY: u64 = 86_400;

/// Two key-generation servers and whom everybody here trusts to speak for which names.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) settings: Settings,
    a: Issuer,
    b: Issuer,
}

impl Directory for World {
    fn parameters(&self, name: &Name, _: u64) -> Option<PublicParameters> {
        Some(self.issuer(name)?.parameters().clone())
    }
}

/// Somebody, or some machine, with keys.
pub(crate) struct User {
    pub(crate) keys: Vec<PrivateKey>,
    pub(crate) replay: ReplayCache,
}

impl User {
    /// The identity of the first key.
    pub(crate) fn identity(&self) -> &Identity {
        self.keys[0].identity()
    }

    pub(crate) fn name(&self) -> &Name {
        self.identity().name()
    }
}

/// As whom a user answers: as the one called, or under the name of its first key.
#[derive(Clone, Copy)]
pub(crate) enum How {
    Dialled,
    Branch,
    Retargeted,
}

/// One stream each way.
pub(crate) fn offer() -> CallOffer {
    let profiles = vec![Profile::AeadAes256Gcm, Profile::AesCm128HmacSha1_80];
    let streams = vec![
        SessionOffer { ssrc: Some(0x0a11_ce01), profiles: profiles.clone() },
        SessionOffer { ssrc: None, profiles },
    ];
    CallOffer::new(Suite::P256Aes256Gcm, streams)
}

impl World {
    pub(crate) fn new() -> Done<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let district = |uri: &str, granularity| -> Done<Issuer> {
            let master = MasterKey::generate(&mut SysRng)?;
            let description = Description {
                district: District::parse(uri)?,
                serial: 1,
                not_before: now - 40 * DAY,
                not_after: now + 400 * DAY,
                granularity,
                pkg_uri: None,
            };
            let parameters = master.public_parameters(description)?;
            Ok(master.issuer(parameters)?)
        };
        Ok(Self {
            now,
            settings: Settings::default(),
            a: district("https://kgs.a.example", Granularity::Day)?,
            b: district("https://kgs.b.example", Granularity::Week)?,
        })
    }

    fn issuer(&self, name: &Name) -> Option<&Issuer> {
        match name.as_str().rsplit('@').next() {
            Some("a.example") => Some(&self.a),
            Some("b.example") => Some(&self.b),
            _ => None,
        }
    }

    /// Somebody with the keys of these names; the first is their own. Each has a signing key for it, too.
    pub(crate) fn user(&self, names: &[&str]) -> Done<User> {
        let issue = |name: &str, purpose| -> Done<PrivateKey> {
            let name = Name::parse(name)?;
            let issuer = self.issuer(&name).ok_or("a name of neither district")?;
            Ok(issuer.extract(&issuer.parameters().identity(name, purpose, self.now)?)?)
        };
        let mut keys: Vec<PrivateKey> =
            names.iter().map(|name| issue(name, Purpose::Decrypt)).collect::<Result<_, _>>()?;
        keys.push(issue(names[0], Purpose::Sign)?);
        Ok(User { keys, replay: ReplayCache::new(100) })
    }

    pub(crate) fn end<'w>(&'w self, user: &'w User) -> End<'w> {
        End { settings: &self.settings, keys: &user.keys, directory: self }
    }

    pub(crate) fn dial(&self, caller: &User, dialled: &Name) -> Done<(AwaitR1, Vec<u8>)> {
        self.dial_with(caller, dialled, &offer())
    }

    pub(crate) fn dial_with(&self, caller: &User, dialled: &Name, offer: &CallOffer) -> Done<(AwaitR1, Vec<u8>)> {
        Ok(self.end(caller).call(caller.identity(), dialled, offer, self.now, &mut SysRng)?)
    }

    pub(crate) fn answer(&self, user: &mut User, i1: &[u8], how: How) -> Done<(AwaitI2, Vec<u8>)> {
        let identity = match how {
            How::Dialled => As::Dialled,
            How::Branch => As::Branch(&user.keys[0]),
            How::Retargeted => As::Retargeted(&user.keys[0]),
        };
        let end = End { settings: &self.settings, keys: &user.keys, directory: self };
        let answering = Answering { identity, ssrcs: &[] };
        Ok(end.answer(&mut user.replay, i1, &answering, self.now, &mut SysRng)?)
    }

    pub(crate) fn reply(&self, caller: &User, state: AwaitR1, r1: &[u8]) -> Done<Reply> {
        Ok(state.receive(&self.end(caller), r1, self.now, &mut SysRng).map_err(|f| f.error)?)
    }

    pub(crate) fn proceed(&self, caller: &User, ready: Ready) -> Done<(AwaitR2, Vec<u8>)> {
        Ok(ready.proceed(&self.end(caller), self.now, &mut SysRng)?)
    }

    pub(crate) fn second(&self, user: &User, state: AwaitI2, i2: &[u8]) -> Done<(Outcome, Vec<u8>)> {
        Ok(state.receive(&self.end(user), i2, self.now, &mut SysRng).map_err(|f| f.error)?)
    }

    pub(crate) fn last(&self, caller: &User, state: AwaitR2, r2: &[u8]) -> Done<Outcome> {
        Ok(state.receive(&self.end(caller), r2, self.now).map_err(|f| f.error)?)
    }

    /// From an accepted answer to the keys of both.
    pub(crate) fn finish(&self, caller: &User, ready: Ready, user: &User, half: AwaitI2) -> Done<(Outcome, Outcome)> {
        let (waiting, i2) = self.proceed(caller, ready)?;
        let (theirs, r2) = self.second(user, half, &i2)?;
        Ok((self.last(caller, waiting, &r2)?, theirs))
    }

    /// A call to somebody who answers it.
    pub(crate) fn call(&self, caller: &User, called: &mut User) -> Done<(Session, Session)> {
        let (dialled, i1) = self.dial(caller, &called.name().clone())?;
        let (half, r1) = self.answer(called, &i1, How::Dialled)?;
        let Reply::AsDialled(ready) = self.reply(caller, dialled, &r1)? else {
            return Err("somebody else answered".into());
        };
        let (ours, theirs) = self.finish(caller, ready, called, half)?;
        Ok((complete(ours)?, complete(theirs)?))
    }
}

/// The session of a call that lacks nothing.
pub(crate) fn complete(outcome: Outcome) -> Done<Session> {
    match outcome {
        Outcome::Bound(session) => Ok(session),
        lacking => Err(format!("the call lacks {:?}", lacking.lacks()).into()),
    }
}

/// Whether both ends have the same key for every stream.
pub(crate) fn agree(one: &Session, other: &Session) -> bool {
    one.media().count() == 2
        && one.media().zip(other.media()).all(|((s, k), (t, l))| s == t && k.key_and_salt() == l.key_and_salt())
}

/// Whether no stream of one has a key of the other.
pub(crate) fn disjoint(one: &Session, other: &Session) -> bool {
    one.media().all(|(_, k)| other.media().all(|(_, l)| k.key_and_salt() != l.key_and_salt()))
}
