//! The client: asks for keys, and takes what was asked for and is genuine.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use super::super::algorithms;
use super::super::build::Draft;
use super::super::error::{Error as MikeyError, Refused};
use super::super::message::Message;
use super::super::numbers::{DataType, ErrorNo, IdRole, KeyType, MacAlg, PayloadType, TsRole};
use super::super::payloads::{
    Chain, Extension, Id, IdR, Kemac, KeyData, Payload, Timestamp, TimestampR, Verification, Within,
};
use super::wire::{
    Algorithms, Interval, Protection, Wanted, aad, date, has_no_sessions, header, id_of, info, no_tag, users,
};
use super::{DATES, DEADLINE, KEYS, NAMES, SHORTEST, Transit};
use crate::error::{Error, UsageError};
use crate::ibe::extract::PrivateKey;
use crate::ibe::{Identity, Name, Period, PublicParameters, Purpose};
use crate::mikey::numbers::ExtensionType;
use crate::sealing::Opener;
use crate::secret::{Secret, SecretVec};

/// What is asked for, and with which credential.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The parameters of the KGS that is asked: keys are verified under them, and its district is the name of the KMS.
    pub parameters: &'a PublicParameters,
    /// Whose keys: 1 to [`NAMES`], none twice.
    pub names: &'a [Name],
    /// For which periods, of the parameters' granularity: 1 to [`DATES`], none twice.
    pub periods: &'a [Period],
    /// For what: one or both. [`Transit::CredentialOnly`] knows decryption alone.
    pub purposes: &'a [Purpose],
    /// The name of the pre-shared key, where it is not the first of `names`.
    pub psk_name: Option<Id<'a>>,
    /// The pre-shared key, of at least [`SHORTEST`] bytes.
    pub psk: &'a SecretVec,
    /// How the keys are to travel.
    pub transit: Transit,
    /// Which algorithms.
    pub algorithms: Algorithms,
}

/// What came of a request.
#[derive(Debug)]
pub enum Answer {
    /// All keys that were asked for, verified, in the order of names, then periods, then purposes.
    Keys(Vec<PrivateKey>),
    /// The service refused, and it was the service that said so.
    Refused(ErrorNo),
    /// Somebody says that the service refuses. Anybody can say that: keep waiting, or ask again.
    Hint(ErrorNo),
}

/// Why an answer is not used. The request stays open: what was refused may be somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failed {
    /// Not a message, not acceptable, or not authentic.
    Mikey(MikeyError),
    /// An answer to another request.
    Foreign,
    /// The deadline has passed.
    Late,
    /// A key for somebody or something that was not asked for, or one that was asked for is missing or there twice.
    Unwanted,
    /// A key that is not genuine, or does not open.
    Key(Error),
}

impl From<MikeyError> for Failed {
    fn from(e: MikeyError) -> Self {
        Self::Mikey(e)
    }
}

impl From<Refused> for Failed {
    fn from(e: Refused) -> Self {
        Self::Mikey(e.into())
    }
}

impl From<crate::mikey::ParseError> for Failed {
    fn from(e: crate::mikey::ParseError) -> Self {
        Self::Mikey(e.into())
    }
}

impl From<Error> for Failed {
    fn from(e: Error) -> Self {
        Self::Key(e)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mikey(e) => e.fmt(f),
            Self::Foreign => f.write_str("the answer belongs to another request"),
            Self::Late => f.write_str("the answer came too late"),
            Self::Unwanted => f.write_str("the keys are not those that were asked for"),
            Self::Key(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for Failed {}

/// A request that waits for its answer. Its secrets are wiped on drop.
pub struct Pending {
    protection: Protection,
    opener: Option<Opener>,
    parameters: PublicParameters,
    wanted: Vec<Identity>,
    csb_id: u32,
    timestamp: Timestamp,
    parties: Vec<u8>,
    request: Vec<u8>,
    sent: u64,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("wanted", &self.wanted).field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl Ask<'_> {
    /// Writes the request; `now` in Unix seconds.
    ///
    /// # Errors
    /// [`UsageError`] for an empty list, one with too many items or one twice, too short a key, or purposes that the form of
    /// transit has no words for; those of [`PublicParameters::check_identity`] for periods outside the parameters;
    /// [`Error::Random`].
    pub fn request<R: TryCryptoRng + ?Sized>(&self, now: u64, rng: &mut R) -> Result<(Pending, Vec<u8>), Error> {
        let wanted = self.identities()?;
        let [csb, fraction] =
            [Secret::<4>::random(rng)?, Secret::<4>::random(rng)?].map(|s| u32::from_be_bytes(*s.expose()));
        // RAND is public; it goes through a wrapper because that is how random bytes are drawn.
        let rand = *Secret::<32>::random(rng)?.expose();
        let timestamp = Timestamp::ntp_utc(now, fraction);
        let opener = match self.transit {
            Transit::Sealed => Some(Opener::generate(rng)?),
            Transit::CredentialOnly => None,
        };
        let extension = opener.as_ref().map(|o| {
            let asks = |purpose| self.purposes.contains(&purpose);
            Wanted { decrypt: asks(Purpose::Decrypt), sign: asks(Purpose::Sign), seal_to: o.public() }.encode()
        });
        let alg = self.algorithms.mac();
        let kms = Id { kind: crate::mikey::numbers::IdType::URI, data: self.parameters.district().as_str().as_bytes() };
        let role = |role, id| Payload::Idr(IdR { role, id });
        let mut payloads = vec![Payload::T(timestamp), Payload::Rand(&rand)];
        payloads.extend(self.names.iter().map(|name| role(IdRole::INITIATOR, id_of(name))));
        let start = |p| Payload::Tr(TimestampR { role: TsRole::START, timestamp: date(p) });
        payloads.extend(self.periods.iter().map(start));
        payloads.push(role(IdRole::KMS, kms));
        payloads.extend(self.psk_name.map(|id| role(IdRole::PSK, id)));
        payloads.extend(
            extension.as_deref().map(|data| Payload::Extension(Extension { kind: ExtensionType::VENDOR_ID, data })),
        );
        payloads.push(Payload::V(Verification { alg, data: no_tag(alg) }));
        let head = header(DataType::REQUEST_KEY_PSK, true, self.algorithms.prf(), csb);
        self.finish(&head, &payloads, rand.as_slice()).map_err(Error::from).map(|(protection, parties, request)| {
            let pending = Pending {
                protection,
                opener,
                parameters: self.parameters.clone(),
                wanted,
                csb_id: csb,
                timestamp,
                parties,
                request: request.clone(),
                sent: now,
            };
            (pending, request)
        })
    }

    fn finish(
        &self,
        head: &crate::mikey::Header<'_>,
        payloads: &[Payload<'_>],
        rand: &[u8],
    ) -> Result<(Protection, Vec<u8>, Vec<u8>), MikeyError> {
        let protection = Protection::new(self.algorithms, self.psk, head.csb_id, rand)?;
        let draft = Draft::new(head, payloads)?;
        let mut parties: Vec<u8> = self.names.iter().flat_map(|n| n.as_str().bytes()).collect();
        parties.extend_from_slice(self.parameters.district().as_str().as_bytes());
        let key = protection.authentication.expose();
        let tag = algorithms::mac(self.algorithms.mac(), key, &[draft.covered(), &parties])?;
        Ok((protection, parties, draft.finish(&tag)?))
    }

    /// Everything that is asked for.
    fn identities(&self) -> Result<Vec<Identity>, Error> {
        let [names, periods, purposes] =
            [(self.names.len(), NAMES), (self.periods.len(), DATES), (self.purposes.len(), 2)];
        for (got, limit) in [names, periods, purposes, (names.0 * periods.0 * purposes.0, KEYS)] {
            if got == 0 {
                return Err(UsageError::Empty.into());
            }
            if got > limit {
                return Err(UsageError::TooMany { limit, got }.into());
            }
        }
        if self.transit == Transit::CredentialOnly && self.purposes != [Purpose::Decrypt] {
            return Err(UsageError::WrongState.into());
        }
        if self.psk.expose().len() < SHORTEST {
            return Err(UsageError::TooShort { least: SHORTEST, got: self.psk.expose().len() }.into());
        }
        let mut out = Vec::with_capacity(names.0 * periods.0 * purposes.0);
        for name in self.names {
            for period in self.periods {
                for purpose in self.purposes {
                    let (district, serial) = (self.parameters.district(), self.parameters.serial());
                    let identity = Identity::new(district, serial, *purpose, name.clone(), *period)?;
                    self.parameters.check_identity(&identity)?;
                    if out.contains(&identity) {
                        return Err(UsageError::Duplicate.into());
                    }
                    out.push(identity);
                }
            }
        }
        Ok(out)
    }
}

impl Pending {
    /// What was asked for, in the order in which the keys will come.
    pub fn wanted(&self) -> &[Identity] {
        &self.wanted
    }

    /// Reads an answer. Nothing changes by one that is not used, so that whoever sends rubbish stops nobody.
    ///
    /// A key is taken only if its identity was asked for, stands behind the name that it is for, opens (where it is sealed) for
    /// this very request, and passes the pairing check under the parameters; all keys or none.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn receive(&self, bytes: &[u8], now: u64) -> Result<Answer, Failed> {
        if now.abs_diff(self.sent) > DEADLINE {
            return Err(Failed::Late);
        }
        let message = Message::parse(bytes)?;
        let head = message.header();
        let prf = self.protection.algorithms.prf();
        let ours = (head.csb_id, head.prf) == (self.csb_id, prf) && has_no_sessions(head);
        if !ours || message.timestamp()? != self.timestamp {
            return Err(Failed::Foreign);
        }
        match head.data_type {
            DataType::REQUEST_KEY_RESP => {
                self.verify(&message)?;
                self.keys(&message).map(Answer::Keys)
            }
            DataType::ERROR => self.refusal(&message),
            _ => Err(Failed::Foreign),
        }
    }

    fn verify(&self, message: &Message<'_>) -> Result<(), Failed> {
        let v = message.verification()?;
        let alg: MacAlg = self.protection.algorithms.mac();
        if v.alg != alg {
            return Err(Refused::Algorithm { what: "MAC alg", got: v.alg.0 }.into());
        }
        let key = self.protection.authentication.expose();
        Ok(algorithms::verify(alg, key, &[message.covered(), &self.parties], v.data)?)
    }

    fn refusal(&self, message: &Message<'_>) -> Result<Answer, Failed> {
        let Payload::Err(error) = message.single(PayloadType::ERR)? else { return Err(Failed::Foreign) };
        match message.optional(PayloadType::V)? {
            None => Ok(Answer::Hint(error.number)),
            Some(_) => self.verify(message).map(|()| Answer::Refused(error.number)),
        }
    }

    /// The keys of an answer whose tag is right.
    fn keys(&self, message: &Message<'_>) -> Result<Vec<PrivateKey>, Failed> {
        let request = Message::parse(&self.request)?;
        let mut echoed = users(message).peekable();
        if echoed.peek().is_some() && !echoed.eq(users(&request)) {
            return Err(Failed::Unwanted);
        }
        if message.identity(IdRole::KMS)?.is_some_and(|kms| request.identity(IdRole::KMS) != Ok(Some(kms))) {
            return Err(Failed::Foreign);
        }
        let Kemac { encr_alg, encr_data, .. } = message.kemac()?.ok_or(Refused::Missing(PayloadType::KEMAC))?;
        if encr_alg != self.protection.algorithms.encryption() {
            return Err(Refused::Algorithm { what: "Encr alg", got: encr_alg.0 }.into());
        }
        let encryption = &self.protection.encryption;
        let plain = algorithms::decrypt(encr_alg, encryption, self.csb_id, self.timestamp, encr_data)?;
        let chain = Chain::parse(PayloadType::ID, plain.expose(), Within::Kemac)?;
        let mut found: Vec<Option<PrivateKey>> = self.wanted.iter().map(|_| None).collect();
        let mut name = None;
        for payload in chain.iter() {
            match payload {
                Payload::Id(id) => name = Some(*id),
                Payload::KeyData(data) => {
                    let key = self.key(name.ok_or(Failed::Unwanted)?, data)?;
                    let place = self.wanted.iter().position(|wanted| wanted == key.identity());
                    let place = place.and_then(|i| found.get_mut(i)).filter(|place| place.is_none());
                    *place.ok_or(Failed::Unwanted)? = Some(key);
                }
                _ => return Err(Failed::Unwanted),
            }
        }
        found.into_iter().collect::<Option<Vec<_>>>().ok_or(Failed::Unwanted)
    }

    fn key(&self, name: Id<'_>, data: &KeyData<'_>) -> Result<PrivateKey, Failed> {
        if data.kind != KeyType::K_PR {
            return Err(Failed::Unwanted);
        }
        // What it is sealed for shows only by trying; there are few.
        let of_name = self.wanted.iter().filter(|identity| id_of(identity.name()) == name);
        let of_time = of_name.filter(|identity| Interval::of(&identity.period()).validity() == data.validity);
        let mut last = Failed::Unwanted;
        for identity in of_time {
            match self.load(identity, data.key) {
                Ok(key) if key.identity() == identity => return Ok(key),
                Ok(_) => {}
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn load(&self, identity: &Identity, data: &[u8]) -> Result<PrivateKey, Failed> {
        Ok(match &self.opener {
            Some(opener) => {
                let aad = aad(self.parameters.fingerprint(), identity);
                let opened = opener.open(&info(&self.request), &aad, data)?;
                PrivateKey::from_bytes(opened.expose(), &self.parameters)?
            }
            None => PrivateKey::from_bytes(data, &self.parameters)?,
        })
    }
}
