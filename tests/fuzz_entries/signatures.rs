//! Signatures: from bytes, one by one and among others.

use super::{json, rng, unhex, world};
use crate::common::{ALICE, NOW};
use ibake::batch::{Options, SignedItem, verify_signatures};
use ibake::ibe::sign::{Signature, sign_deterministic, verify};
use ibake::ibe::{Identity, Name, Purpose};
use std::sync::OnceLock;

const CONTEXT: &[u8] = b"fuzz";
const MESSAGE: &[u8] = b"message";

/// Alice's identity for signing and her signature, the only one of its commitment that may verify.
fn alice() -> &'static (Identity, Signature) {
    static ALL: OnceLock<(Identity, Signature)> = OnceLock::new();
    ALL.get_or_init(|| {
        let kgs = &world().a;
        let identity = kgs.parameters.identity(Name::parse(ALICE).unwrap(), Purpose::Sign, NOW).unwrap();
        let key = kgs.issuer.extract(&identity).unwrap();
        (identity, sign_deterministic(&key, CONTEXT, MESSAGE).unwrap())
    })
}

/// The bytes are a signature, which must be hers or none.
pub fn signature(data: &[u8]) {
    let (identity, good) = alice();
    let parameters = &world().a.parameters;
    let read = Signature::decode(data);
    if let Ok(s) = &read {
        assert_eq!(s.as_bytes()[..], *data);
    }
    let verdict = verify(parameters, identity, CONTEXT, MESSAGE, data);
    assert_eq!(verdict.is_ok(), data == good.as_bytes(), "forged");
    if let Err(e) = read {
        assert_eq!(verdict, Err(e.into()));
    }
    let item = |signature| SignedItem { parameters, identity, context: CONTEXT, message: MESSAGE, signature };
    let items = [item(good.as_bytes()), item(data), item(good.as_bytes())];
    let batch = verify_signatures(&items, &Options::default(), &mut rng()).unwrap();
    assert_eq!(batch, [Ok(()), verdict, Ok(())]);
}

pub fn signature_seeds() -> Vec<Vec<u8>> {
    let file = json("ibake/signatures.json");
    let groups = file["testGroups"].as_array().unwrap();
    let tests = groups.iter().flat_map(|g| g["tests"].as_array().unwrap());
    let mut out: Vec<_> = tests.filter_map(|t| t.get("signature")).map(unhex).collect();
    out.push(alice().1.as_bytes().to_vec());
    out
}
