//! The service of a district, what a client asks of it, and messages altered on their way.

use crate::common::{ALICE, DAY, Kgs, NOW, Seeded, World};
use ibake::error::Error;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Granularity, Identity, Name, Period, PublicParameters, Purpose};
use ibake::mikey::numbers::{DataType, ErrorNo, IdRole, IdType, MacAlg, PayloadType, PrfFunc};
use ibake::mikey::request::{
    Algorithms, Answer, Ask, Authority, Failed, Handled, Pending, Refusal, Replay, Service, Transit,
};
use ibake::mikey::{Chain, Draft, Header, Id, IdR, Message, Payload, Within, algorithms, derive, encode_chain};
use ibake::secret::SecretVec;
use std::cell::RefCell;
use std::rc::Rc;

pub(crate) const ALICE_PSK: [u8; 32] = [0xa1; 32];
/// Alice's other name.
pub(crate) const WORK: &str = "alice@mail.example";
/// What a bootstrapping server would give her key.
pub(crate) const B_TID: &[u8] = b"YWxpY2U@bsf.a.example";

/// The KGS of district A: alice may have keys for two names, bob (who is elsewhere) none.
pub(crate) struct Kms {
    pub(crate) kgs: Kgs,
    /// What is issued instead of the key asked for, for services that lie.
    pub(crate) lie: Option<fn(&Kgs, &Identity) -> PrivateKey>,
    pub(crate) looked_up: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl Authority for Kms {
    fn parameters(&self) -> &PublicParameters {
        &self.kgs.parameters
    }

    fn psk(&self, name: &Id<'_>) -> Option<SecretVec> {
        self.looked_up.borrow_mut().push(name.data.to_vec());
        let known = name.data == ALICE.as_bytes() && name.kind == IdType::URI
            || name.data == B_TID && name.kind == IdType::BYTES;
        known.then(|| SecretVec::new(ALICE_PSK.to_vec()))
    }

    fn allows(&self, _: &Id<'_>, identity: &Identity) -> bool {
        [ALICE, WORK].contains(&identity.name().as_str()) && identity.period().start() < NOW + 3 * DAY
    }

    fn issue(&self, identity: &Identity) -> Result<PrivateKey, Error> {
        match self.lie {
            Some(lie) => Ok(lie(&self.kgs, identity)),
            None => self.kgs.issuer.extract(identity),
        }
    }
}

pub(crate) struct Test {
    pub(crate) service: Service<Kms>,
    pub(crate) parameters: PublicParameters,
    pub(crate) psk: SecretVec,
    pub(crate) rng: Seeded,
    pub(crate) looked_up: Rc<RefCell<Vec<Vec<u8>>>>,
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn day(at: u64) -> Period {
    Period::containing(Granularity::Day, at).unwrap()
}

impl Test {
    pub(crate) fn new(seed: &str) -> Self {
        Self::lying(seed, None)
    }

    pub(crate) fn lying(seed: &str, lie: Option<fn(&Kgs, &Identity) -> PrivateKey>) -> Self {
        let World { a, rng, .. } = World::new(seed);
        let (parameters, looked_up) = (a.parameters.clone(), Rc::default());
        let kms = Kms { kgs: a, lie, looked_up: Rc::clone(&looked_up) };
        let service = Service::new(kms, Replay::new(1000), &mut Seeded::new("service")).unwrap();
        Self { service, parameters, psk: SecretVec::new(ALICE_PSK.to_vec()), rng, looked_up }
    }

    pub(crate) fn ask<'a>(&'a self, names: &'a [Name], periods: &'a [Period], purposes: &'a [Purpose]) -> Ask<'a> {
        Ask {
            parameters: &self.parameters,
            names,
            periods,
            purposes,
            psk_name: None,
            psk: &self.psk,
            transit: Transit::Sealed,
            algorithms: Algorithms::Strong,
        }
    }

    /// Alice's request for her key of today.
    pub(crate) fn simple(&mut self, transit: Transit) -> (Pending, Vec<u8>) {
        let mut rng = self.rng.clone();
        let (names, periods) = ([name(ALICE)], [day(NOW)]);
        let ask = Ask { transit, ..self.ask(&names, &periods, &[Purpose::Decrypt]) };
        let out = ask.request(NOW, &mut rng).unwrap();
        self.rng = rng;
        out
    }

    pub(crate) fn handle(&mut self, bytes: &[u8]) -> Handled {
        self.service.handle(bytes, NOW, &mut self.rng)
    }

    pub(crate) fn issued(&mut self, bytes: &[u8]) -> Vec<u8> {
        match self.handle(bytes) {
            Handled::Issued { answer, .. } => answer,
            other => panic!("{other:?}"),
        }
    }

    /// Why, and the answer, which must be an error of this number.
    pub(crate) fn refused(&mut self, bytes: &[u8], number: ErrorNo) -> (Refusal, Vec<u8>) {
        let Handled::Refused { answer, why } = self.handle(bytes) else { panic!("not refused") };
        let message = Message::parse(&answer).unwrap();
        assert_eq!(message.header().data_type, DataType::ERROR);
        let Payload::Err(e) = message.single(PayloadType::ERR).unwrap() else { panic!() };
        assert_eq!(e.number, number);
        (why, answer)
    }
}

pub(crate) fn keys(answer: Result<Answer, Failed>) -> Vec<PrivateKey> {
    match answer {
        Ok(Answer::Keys(keys)) => keys,
        other => panic!("{other:?}"),
    }
}

/// The keys that protect an exchange, by RFC 3830.
pub(crate) fn authentication(prf: PrfFunc, alg: MacAlg, psk: &[u8], csb_id: u32, rand: &[u8]) -> SecretVec {
    derive::authentication_key(prf, alg, &SecretVec::new(psk.to_vec()), csb_id, rand).unwrap()
}

/// A request with other payloads, tagged anew by somebody who knows the key.
pub(crate) fn retagged<'a>(
    bytes: &'a [u8],
    psk: &[u8],
    edit: impl FnOnce(&mut Header<'a>, &mut Vec<Payload<'a>>),
) -> Vec<u8> {
    let message = Message::parse(bytes).unwrap();
    let mut header = *message.header();
    let mut payloads: Vec<Payload<'a>> = message.payloads().copied().collect();
    edit(&mut header, &mut payloads);
    let rand = payloads.iter().find_map(|p| if let Payload::Rand(r) = p { Some(*r) } else { None }).unwrap();
    let Some(Payload::V(v)) = payloads.last() else { panic!("no V") };
    let ids = payloads.iter().filter_map(|p| if let Payload::Idr(i) = p { Some(i) } else { None });
    let by = |kms: bool| {
        let of = move |i: &&IdR<'a>| if kms { i.role == IdRole::KMS } else { i.role == IdRole::INITIATOR };
        ids.clone().filter(of).flat_map(|i| i.id.data.to_vec()).collect::<Vec<u8>>()
    };
    let key = authentication(header.prf, v.alg, psk, header.csb_id, rand);
    let draft = Draft::new(&header, &payloads).unwrap();
    let tag = algorithms::mac(v.alg, key.expose(), &[draft.covered(), &by(false), &by(true)]).unwrap();
    draft.finish(&tag).unwrap()
}

/// What the KEMAC of an answer holds for whoever knows the credential.
pub(crate) fn opened_by_credential(request: &[u8], answer: &[u8]) -> SecretVec {
    let (request, answer) = (Message::parse(request).unwrap(), Message::parse(answer).unwrap());
    let head = answer.header();
    let kemac = answer.kemac().unwrap().unwrap();
    let psk = SecretVec::new(ALICE_PSK.to_vec());
    let keys = derive::encryption_keys(head.prf, kemac.encr_alg, &psk, head.csb_id, request.rand().unwrap()).unwrap();
    algorithms::decrypt(kemac.encr_alg, &keys, head.csb_id, answer.timestamp().unwrap(), kemac.encr_data).unwrap()
}

/// An answer of a service that has the credential and packs what it likes.
pub(crate) fn repacked(request: &[u8], answer: &[u8], edit: impl FnOnce(&mut Vec<Payload<'_>>)) -> Vec<u8> {
    let plain = opened_by_credential(request, answer);
    let chain = Chain::parse(PayloadType::ID, plain.expose(), Within::Kemac).unwrap();
    let mut inner: Vec<_> = chain.iter().copied().collect();
    edit(&mut inner);
    let inner = encode_chain(&inner, Within::Kemac).unwrap();
    let (asked, message) = (Message::parse(request).unwrap(), Message::parse(answer).unwrap());
    let head = message.header();
    let psk = SecretVec::new(ALICE_PSK.to_vec());
    let alg = message.kemac().unwrap().unwrap().encr_alg;
    let rand = asked.rand().unwrap();
    let keys = derive::encryption_keys(head.prf, alg, &psk, head.csb_id, rand).unwrap();
    let t = message.timestamp().unwrap();
    let data = algorithms::encrypt(alg, &keys, head.csb_id, t, inner.expose()).unwrap();
    let mut payloads: Vec<_> = message.payloads().copied().collect();
    for p in &mut payloads {
        if let Payload::Kemac(k) = p {
            k.encr_data = &data;
        }
    }
    let Some(Payload::V(v)) = payloads.last() else { panic!() };
    let key = authentication(head.prf, v.alg, &ALICE_PSK, head.csb_id, rand);
    let draft = Draft::new(head, &payloads).unwrap();
    let parts: Vec<&[u8]> = [IdRole::INITIATOR, IdRole::KMS]
        .into_iter()
        .flat_map(|role| asked.identities(role).map(|i| i.data).collect::<Vec<_>>())
        .collect();
    let tag = algorithms::mac(v.alg, key.expose(), &[&[draft.covered()], &parts[..]].concat()).unwrap();
    draft.finish(&tag).unwrap()
}

pub(crate) fn retagged_answer(request: &[u8], answer: &[u8], edit: impl FnOnce(&mut Vec<Payload<'_>>)) -> Vec<u8> {
    let (asked, message) = (Message::parse(request).unwrap(), Message::parse(answer).unwrap());
    let mut payloads: Vec<_> = message.payloads().copied().collect();
    edit(&mut payloads);
    let head = message.header();
    let Some(Payload::V(v)) = payloads.last() else { panic!() };
    let key = authentication(head.prf, v.alg, &ALICE_PSK, head.csb_id, asked.rand().unwrap());
    let draft = Draft::new(head, &payloads).unwrap();
    let ids: Vec<u8> = [IdRole::INITIATOR, IdRole::KMS]
        .into_iter()
        .flat_map(|role| asked.identities(role).flat_map(|i| i.data.to_vec()).collect::<Vec<_>>())
        .collect();
    let tag = algorithms::mac(v.alg, key.expose(), &[draft.covered(), &ids]).unwrap();
    draft.finish(&tag).unwrap()
}

impl Test {
    pub(crate) fn service_key(&self, name: &str) -> Vec<u8> {
        World::new("downgrade").a.issue(name, NOW).to_bytes().expose().to_vec()
    }
}
