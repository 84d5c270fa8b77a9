//! Key requests over MIKEY: what a service and a client make of any message, also under a tag that is right.

use super::{rng, world};
use crate::common::{ALICE, DAY, NOW};
use ibake::error::Error;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Granularity, Identity, Name, Period, PublicParameters, Purpose};
use ibake::mikey::numbers::{IdRole, PayloadType};
use ibake::mikey::request::{Algorithms, Answer, Ask, Authority, Handled, Pending, Replay, Service, Transit};
use ibake::mikey::{Draft, Id, Kemac, Message, Payload, algorithms, derive};
use ibake::secret::SecretVec;
use std::sync::OnceLock;

const PSK: [u8; 32] = [0x5a; 32];

struct Kms;

impl Authority for Kms {
    fn parameters(&self) -> &PublicParameters {
        &world().a.parameters
    }

    fn psk(&self, name: &Id<'_>) -> Option<SecretVec> {
        (name.data == ALICE.as_bytes()).then(|| SecretVec::new(PSK.to_vec()))
    }

    fn allows(&self, _: &Id<'_>, identity: &Identity) -> bool {
        identity.name().as_str() == ALICE
    }

    fn issue(&self, identity: &Identity) -> Result<PrivateKey, Error> {
        world().a.issuer.extract(identity)
    }
}

struct Example {
    pending: Pending,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// Two keys of alice, sealed and not.
fn examples() -> &'static [Example; 2] {
    static ALL: OnceLock<[Example; 2]> = OnceLock::new();
    ALL.get_or_init(|| {
        [Transit::Sealed, Transit::CredentialOnly].map(|transit| {
            let day = |t| Period::containing(Granularity::Day, t).unwrap();
            let ask = Ask {
                parameters: &world().a.parameters,
                names: &[Name::parse(ALICE).unwrap()],
                periods: &[day(NOW), day(NOW + DAY)],
                purposes: &[Purpose::Decrypt],
                psk_name: None,
                psk: &SecretVec::new(PSK.to_vec()),
                transit,
                algorithms: Algorithms::Strong,
            };
            let (pending, request) = ask.request(NOW, &mut rng()).unwrap();
            let Handled::Issued { answer, .. } = handle(&request) else { panic!("refused") };
            Example { pending, request, answer }
        })
    })
}

fn handle(bytes: &[u8]) -> Handled {
    let mut service = Service::new(Kms, Replay::new(10), &mut rng()).unwrap();
    let handled = service.handle(bytes, NOW, &mut rng());
    match &handled {
        Handled::Issued { answer, identities, .. } => {
            assert!(Message::parse(answer).is_ok() && identities.iter().all(|i| i.name().as_str() == ALICE));
            let again = service.handle(bytes, NOW, &mut rng());
            assert!(matches!(again, Handled::Dropped(_)), "answered twice");
        }
        Handled::Refused { answer, .. } => assert!(Message::parse(answer).is_ok()),
        Handled::Dropped(_) => {}
    }
    handled
}

fn receive(e: &Example, bytes: &[u8]) {
    if let Ok(Answer::Keys(keys)) = e.pending.receive(bytes, NOW) {
        let got: Vec<_> = keys.iter().map(PrivateKey::identity).collect();
        assert_eq!(got, e.pending.wanted().iter().collect::<Vec<_>>());
        keys.iter().for_each(|k| k.verify(&world().a.parameters).unwrap());
    }
}

/// A tag over the payloads of a message, by the key of the example; `None` if they make no message.
fn tagged(e: &Example, message: &Message<'_>, payloads: &[Payload<'_>]) -> Option<Vec<u8>> {
    let asked = Message::parse(&e.request).unwrap();
    let head = message.header();
    let Some(Payload::V(v)) = payloads.last() else { return None };
    let psk = SecretVec::new(PSK.to_vec());
    let key = derive::authentication_key(head.prf, v.alg, &psk, head.csb_id, asked.rand().unwrap()).ok()?;
    let draft = Draft::new(head, payloads).ok()?;
    let ids = |role| asked.identities(role).flat_map(|i| i.data.to_vec()).collect::<Vec<u8>>();
    let parts = [draft.covered(), &ids(IdRole::INITIATOR), &ids(IdRole::KMS)];
    let tag = algorithms::mac(v.alg, key.expose(), &parts).ok()?;
    draft.finish(&tag).ok()
}

/// First byte: which example; as a request, as an answer, as the payloads of a request under its tag, or as what stands inside
/// KEMAC. The rest: the bytes.
pub fn key_request(data: &[u8]) {
    let [select, rest @ ..] = data else { return };
    let e = &examples()[usize::from(select & 1)];
    match select >> 1 & 3 {
        0 => drop(handle(rest)),
        1 => receive(e, rest),
        2 => {
            let Ok(message) = Message::parse(rest) else { return };
            let payloads: Vec<_> = message.payloads().copied().collect();
            if let Some(bytes) = tagged(e, &message, &payloads) {
                handle(&bytes);
            }
        }
        _ => {
            let (asked, message) = (Message::parse(&e.request).unwrap(), Message::parse(&e.answer).unwrap());
            let (head, psk) = (message.header(), SecretVec::new(PSK.to_vec()));
            let Ok(Payload::Kemac(Kemac { encr_alg, .. })) = message.single(PayloadType::KEMAC) else { return };
            let rand = asked.rand().unwrap();
            let keys = derive::encryption_keys(head.prf, *encr_alg, &psk, head.csb_id, rand).unwrap();
            let t = message.timestamp().unwrap();
            let Ok(sealed) = algorithms::encrypt(*encr_alg, &keys, head.csb_id, t, rest) else { return };
            let mut payloads: Vec<_> = message.payloads().copied().collect();
            for p in &mut payloads {
                if let Payload::Kemac(k) = p {
                    k.encr_data = &sealed;
                }
            }
            if let Some(bytes) = tagged(e, &message, &payloads) {
                receive(e, &bytes);
            }
        }
    }
}

pub fn key_request_seeds() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (i, e) in (0u8..).zip(examples()) {
        out.push([&[i][..], &e.request].concat());
        out.push([&[i | 2][..], &e.answer].concat());
        out.push([&[i | 4][..], &e.request].concat());
        // What stands inside: counter mode undoes itself.
        let (asked, message) = (Message::parse(&e.request).unwrap(), Message::parse(&e.answer).unwrap());
        let (head, psk) = (message.header(), SecretVec::new(PSK.to_vec()));
        let Ok(Some(k)) = message.kemac() else { panic!("no KEMAC") };
        let keys = derive::encryption_keys(head.prf, k.encr_alg, &psk, head.csb_id, asked.rand().unwrap()).unwrap();
        let t = message.timestamp().unwrap();
        let inner = algorithms::decrypt(k.encr_alg, &keys, head.csb_id, t, k.encr_data).unwrap();
        out.push([&[i | 6][..], inner.expose()].concat());
    }
    out
}
