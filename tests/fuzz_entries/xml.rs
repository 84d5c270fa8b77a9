//! RFC 5408: requests, responses, replies, parameters as text.

use super::world;
use crate::common::{ALICE, NOW};
use ibake::ibe::{Identity, Name, Purpose};
use ibake::kgs::rfc5408::{KeyReply, KeyRequest, Proof, Receipt, Response, parameters_from_text, parameters_to_text};
use ibake::secret::SecretVec;
use std::sync::OnceLock;

fn identity() -> &'static Identity {
    static ONE: OnceLock<Identity> = OnceLock::new();
    ONE.get_or_init(|| world().a.parameters.identity(Name::parse(ALICE).unwrap(), Purpose::Decrypt, NOW).unwrap())
}

/// First byte: which of the four. The rest: the bytes.
pub fn key_xml(data: &[u8]) {
    let [select, rest @ ..] = data else { return };
    match select & 3 {
        0 => {
            let Ok(read) = KeyRequest::from_xml(rest) else { return };
            let again = KeyRequest::from_xml(read.to_xml().expose()).unwrap();
            assert_eq!((again.algorithm, again.identity), (read.algorithm, read.identity));
            assert_eq!((again.seal_to, again.client), (read.seal_to, read.client));
            let proof = |p: Option<Proof>| p.map(|p| p.0.expose().to_vec());
            assert_eq!(proof(again.proof), proof(read.proof));
        }
        1 => {
            let Ok(read) = Response::from_xml(rest) else { return };
            let again = Response::from_xml(read.to_xml().expose()).unwrap();
            assert_eq!(again.code(), read.code());
            match (read, again) {
                (Response::Key(a), Response::Key(b)) => assert_eq!(a.expose(), b.expose()),
                (Response::Enroll(a), Response::Enroll(b)) => assert_eq!(a, b),
                _ => {}
            }
        }
        2 => {
            let Ok(read) = KeyReply::from_der(rest, identity()) else { return };
            assert_eq!(read.identity, identity().der());
            let again = KeyReply::from_der(read.to_der().expose(), identity()).unwrap();
            assert_eq!((again.key.expose(), again.sealed), (read.key.expose(), read.sealed));
            assert!(!read.sealed || again.receipt == read.receipt);
        }
        _ => {
            let Ok(read) = parameters_from_text(rest) else { return };
            assert_eq!(parameters_from_text(parameters_to_text(&read).as_bytes()), Ok(read));
        }
    }
}

pub fn key_xml_seeds() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut put = |select: u8, bytes: &[u8]| out.push([&[select][..], bytes].concat());
    let mut request = KeyRequest::new(identity(), Some([7; 32]));
    put(0, request.to_xml().expose());
    request.proof = Some(Proof(SecretVec::new(b"a & b".to_vec())));
    put(0, request.to_xml().expose());
    let key = world().a.issuer.extract(identity()).unwrap().to_bytes();
    let receipt = Some(Receipt { place: 7, hash: [1; 32], salt: [2; 32] });
    for (sealed, receipt) in [(false, None), (true, None), (true, receipt)] {
        let copy = SecretVec::new(key.expose().to_vec());
        let der = KeyReply { identity: identity().der().to_vec(), key: copy, sealed, receipt }.to_der();
        put(2, der.expose());
        put(1, Response::Key(der).to_xml().expose());
    }
    put(1, Response::Reserved.to_xml().expose());
    put(1, Response::Enroll("https://kgs.example/enroll?a=1&b=2".into()).to_xml().expose());
    put(1, Response::Denied("no <such> key".into()).to_xml().expose());
    put(3, parameters_to_text(&world().a.parameters).as_bytes());
    out
}
