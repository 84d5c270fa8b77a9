//! Who knows every credential and reads every byte inside TLS, and the control that shows that the attack is a real one.

use crate::support::{ALICE, Server, config, now};
use base64ct::{Base64, Encoding};
use ibake::client::Error;
use ibake::client::key::{Pending, Transit};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Period, Purpose};
use ibake::kgs::rfc5408::{KeyReply, KeyRequest, Response};
use ibake::kgs::server::auth::PskTable;
use ibake::kgs::server::http::Config;
use ibake::mikey::numbers::PayloadType;
use ibake::mikey::request::{Algorithms, Ask, Transit as Mikey};
use ibake::mikey::{Chain, Message, Payload, Within, algorithms, derive};
use ibake::secret::SecretVec;
use std::sync::Arc;

const PSK: [u8; 32] = [0x5a; 32];

/// Everything that the listener tries on bytes which should be a key: as they are, behind any offset, and out of base64.
fn find_key(bytes: &[u8], s: &Server) -> Option<PrivateKey> {
    (0..bytes.len()).find_map(|at| {
        let rest = &bytes[at..];
        let ends = [rest.len()].into_iter().chain((100..rest.len()).rev());
        ends.take(600).find_map(|end| PrivateKey::from_bytes(rest.get(..end)?, &s.parameters).ok())
    })
}

/// What the listener makes of the two messages of RFC 5408: the reply is taken apart, no secret is needed for that.
fn listen(request: &[u8], reply: &[u8], s: &Server) -> Option<PrivateKey> {
    let asked = KeyRequest::from_xml(request).unwrap();
    assert_eq!(asked.identity, s.identity(ALICE).der());
    let Response::Key(der) = Response::from_xml(reply).unwrap() else { panic!("no key was sent") };
    let reply = KeyReply::from_der(der.expose(), &s.identity(ALICE)).unwrap();
    PrivateKey::from_bytes(reply.key.expose(), &s.parameters).ok().or_else(|| find_key(der.expose(), s))
}

pub(crate) async fn inside_tls_nothing_is_learnt_of_sealed_keys_and_everything_of_plain_ones() {
    let s = Server::new(Config { plain: true, ..config() }).await;
    for (transit, learns) in [(Transit::Sealed, false), (Transit::Plain, true)] {
        let pending = Pending::new(&s.identity(ALICE), &s.parameters, transit, &mut getrandom::SysRng).unwrap();
        let got = s.post_xml(pending.bytes()).await;
        // The user has the key either way.
        let received = pending.receive(&got.body).unwrap();
        let learnt = listen(pending.bytes(), &got.body, &s);
        assert_eq!(learnt.is_some(), learns, "{transit:?}");
        if let Some(key) = learnt {
            assert_eq!(key.to_bytes().expose(), received.key.to_bytes().expose());
        }
        // The point itself is nowhere in the sealed bytes.
        let point = received.key.to_bytes();
        let tail = &point.expose()[point.expose().len() - 48..];
        let text = got.text();
        let inside = text.split("<ibe:privateKey>").nth(1).unwrap().split('<').next().unwrap();
        let der = Base64::decode_vec(inside).unwrap();
        assert_eq!(der.windows(48).any(|w| w == tail), learns);
    }
}

pub(crate) async fn whoever_knows_the_psk_opens_mikeys_answers_and_finds_seals_or_keys() {
    let s = Server::new(Config { plain: true, ..config() }).await;
    let table = PskTable { store: s.store.clone(), vault: Arc::clone(s.keys.vault()) };
    let psk = SecretVec::new(PSK.to_vec());
    table.set("alice", 1, ALICE.as_bytes(), &psk).await.unwrap();
    for (transit, learns) in [(Mikey::Sealed, false), (Mikey::CredentialOnly, true)] {
        let day = Period::containing(s.parameters.granularity(), now()).unwrap();
        let ask = Ask {
            parameters: &s.parameters,
            names: &[crate::support::name(ALICE)],
            periods: &[day],
            purposes: &[Purpose::Decrypt],
            psk_name: None,
            psk: &psk,
            transit,
            algorithms: Algorithms::Strong,
        };
        let (pending, request) = ask.request(now(), &mut getrandom::SysRng).unwrap();
        let got = s.ask("POST", "/mikey", "Content-Type: application/mikey\r\n", &request).await;
        pending.receive(&got.body, now()).unwrap();
        // With the PSK the listener has the keys of the exchange, and takes KEMAC's protection off.
        let (asked, answer) = (Message::parse(&request).unwrap(), Message::parse(&got.body).unwrap());
        let (head, kemac) = (answer.header(), answer.kemac().unwrap().unwrap());
        let rand = asked.rand().unwrap();
        let keys = derive::encryption_keys(head.prf, kemac.encr_alg, &psk, head.csb_id, rand).unwrap();
        let t = answer.timestamp().unwrap();
        let inner = algorithms::decrypt(kemac.encr_alg, &keys, head.csb_id, t, kemac.encr_data).unwrap();
        let chain = Chain::parse(PayloadType::ID, inner.expose(), Within::Kemac).unwrap();
        let found: Vec<_> = chain
            .iter()
            .filter_map(|p| match p {
                Payload::KeyData(k) => PrivateKey::from_bytes(k.key, &s.parameters).ok(),
                _ => None,
            })
            .collect();
        assert_eq!(!found.is_empty(), learns, "{transit:?}");
    }
}

/// A reply as a server would write it that has its own ideas.
fn reply(s: &Server, key: SecretVec, sealed: bool) -> Vec<u8> {
    let reply = KeyReply { identity: s.identity(ALICE).der().to_vec(), key, sealed, receipt: None };
    Response::Key(reply.to_der()).to_xml().expose().to_vec()
}

pub(crate) async fn a_client_takes_no_other_form_than_it_asked_for() {
    let s = Server::new(Config { plain: true, ..config() }).await;
    let new = |transit| Pending::new(&s.identity(ALICE), &s.parameters, transit, &mut getrandom::SysRng).unwrap();
    let (sealed, plain) = (new(Transit::Sealed), new(Transit::Plain));
    let (to_sealed, to_plain) = (s.post_xml(sealed.bytes()).await, s.post_xml(plain.bytes()).await);
    assert!(sealed.receive(&to_sealed.body).is_ok() && plain.receive(&to_plain.body).is_ok());
    assert_eq!(sealed.receive(&to_plain.body).map(drop), Err(Error::Transit));
    assert_eq!(plain.receive(&to_sealed.body).map(drop), Err(Error::Transit));
    // The answer to another request of the same user for the same key.
    let other = new(Transit::Sealed);
    assert_eq!(other.receive(&to_sealed.body).map(drop), Err(Error::Crypto(ibake::error::Error::Decrypt)));
}

pub(crate) async fn a_server_cannot_give_a_wrong_key() {
    let s = Server::new(Config { plain: true, ..config() }).await;
    let plain = Pending::new(&s.identity(ALICE), &s.parameters, Transit::Plain, &mut getrandom::SysRng).unwrap();
    let good = plain.receive(&s.post_xml(plain.bytes()).await.body).unwrap().key.to_bytes();
    let taken = |bytes: &[u8]| plain.receive(&reply(&s, SecretVec::new(bytes.to_vec()), false));
    assert!(taken(good.expose()).is_ok());
    // A key of another day, under the name of this one: the stored form says whose it is.
    let tomorrow = s.parameters.identity(crate::support::name(ALICE), Purpose::Decrypt, now() + 86_400).unwrap();
    let other = Pending::new(&tomorrow, &s.parameters, Transit::Plain, &mut getrandom::SysRng).unwrap();
    let theirs = other.receive(&s.post_xml(other.bytes()).await.body).unwrap().key.to_bytes();
    assert!(taken(theirs.expose()).is_err());
    // Its point behind the head of the right one: only the pairing check sees that.
    let head = good.expose().len() - 48;
    let mixed = [&good.expose()[..head], &theirs.expose()[theirs.expose().len() - 48..]].concat();
    assert!(matches!(taken(&mixed), Err(Error::Crypto(ibake::error::Error::Key(_)))));
    for at in 0..good.expose().len() {
        let mut bad = good.expose().to_vec();
        bad[at] ^= 1;
        assert!(taken(&bad).is_err(), "{at}");
    }
    assert!(taken(&[]).is_err());
}
