//! What the exchange puts on the wire and into its store: references and hints, messages, envelopes, half-open states.

use super::{exchanges, rng, roles, unhex, world};
use crate::common::NOW;
use ibake::ibake::envelope::{Envelope, Reason};
use ibake::ibake::guard::CookieJar;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::inspect::{Field, describe, describe_envelope};
use ibake::ibake::responder::AwaitM3;
use ibake::ibake::{Config, Responder};
use ibake::suite::Suite;

/// A key reference, then a hint.
#[cfg(feature = "hazmat")]
pub fn key_ref(data: &[u8]) {
    use ibake::ibe::keyref::{Hint, KeyRef};
    let Ok((read, n)) = KeyRef::decode_prefix(data) else { return };
    assert_eq!(read.to_bytes(), data[..n]);
    assert_eq!(super::key_ref_bytes(&read), data[..n]);
    for id in [world().alice.identity(), world().bob.identity()] {
        assert_eq!(read.fits(id), KeyRef::of(id) == read);
        if let Ok(hint) = Hint::decode_prefix(&data[n..]) {
            assert_eq!(hint.to_bytes(), data[n..n + 16]);
            assert_eq!(hint.is_at(id), Hint::new(data[n..n + 8].try_into().unwrap(), id) == hint);
        }
    }
}

#[cfg(feature = "hazmat")]
pub fn key_ref_seeds() -> Vec<Vec<u8>> {
    use ibake::ibe::keyref::{Hint, KeyRef};
    let ids = [world().alice.identity(), world().bob.identity()];
    ids.map(|id| [KeyRef::of(id).to_bytes(), Hint::new([3; 8], id).to_bytes()].concat()).to_vec()
}

/// Fields follow each other without a gap to the end.
fn cover(fields: &[Field], n: usize) {
    let end = fields.iter().fold(0, |at, f| {
        assert_eq!(f.offset, at, "{}", f.name);
        at + f.len
    });
    assert_eq!(end, n);
}

/// A message of the exchange: laid open, its header encoded again, and offered to a responder that knows the districts.
pub fn message(data: &[u8]) {
    if let Ok(fields) = describe(data) {
        cover(&fields, data.len());
    }
    #[cfg(feature = "hazmat")]
    for kind in 1..=4 {
        if let Ok((again, was)) = ibake::ibake::reencode::header(kind, data) {
            assert_eq!(again, was);
        }
    }
    let w = world();
    let mut rng = rng();
    let mut guard = ibake::ibake::guard::Guard::new(10, 10, &mut rng).unwrap();
    let (config, keys) = (Config::default(), [super::copy(&w.bob)]);
    let bob = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
    if bob.accept(&mut guard, data, NOW, &mut rng).is_ok() {
        assert!(roles::is_honest(data), "answered what nobody sent");
    }
}

pub fn message_seeds() -> Vec<Vec<u8>> {
    let mut out = roles::honest().to_vec();
    for case in exchanges()["tests"].as_array().unwrap() {
        out.extend(["M1", "M2", "M3", "M4"].map(|m| unhex(&case[m])));
    }
    out
}

/// An envelope; a reply is read into what is known here, so its normal form is compared.
pub fn envelope(data: &[u8]) {
    if let Ok(fields) = describe_envelope(data) {
        cover(&fields, data.len());
    }
    let Ok(read) = Envelope::decode(data) else { return };
    let again = read.to_bytes();
    match &read {
        Envelope::Reply(reason, suites) => {
            assert_eq!(Envelope::decode(&again).as_ref(), Ok(&read));
            let canonical = again == data;
            let foreign = data[1] != *reason as u8 || usize::from(data[2]) != suites.len();
            assert!(canonical != foreign, "{data:02x?}");
        }
        _ => assert_eq!(again, data),
    }
    if let Envelope::WithCookie(cookie, m1) = &read {
        let jar = CookieJar::new(&mut rng()).unwrap();
        let honest = jar.issue(b"source", m1, NOW) == *cookie;
        assert_eq!(jar.check(cookie, b"source", m1, NOW).is_ok(), honest);
    }
}

pub fn envelope_seeds() -> Vec<Vec<u8>> {
    let jar = CookieJar::new(&mut rng()).unwrap();
    let mut out = Vec::new();
    for m in roles::honest() {
        let cookie = jar.issue(b"source", m, NOW);
        out.push(Envelope::Message(m).to_bytes());
        out.push(Envelope::WithCookie(cookie, m).to_bytes());
        out.push(Envelope::Challenge(cookie).to_bytes());
    }
    out.push(Envelope::Reply(Reason::Suite, Suite::PREFERENCE.to_vec()).to_bytes());
    out.push(Envelope::Reply(Reason::Busy, vec![]).to_bytes());
    out.push(vec![4, 3, 2, 0, 1, 0, 2]);
    out
}

/// A half-open state, as either role reads it from its store.
pub fn state(data: &[u8]) {
    if let Ok(i) = AwaitM2::from_bytes(data) {
        assert_eq!(i.to_bytes().expose(), data);
        let known = i.own() == world().alice.identity() && i.peer() == world().bob.identity();
        if known && let Some(m2) = roles::honest().iter().find(|m| m[4] == 2) {
            let peer = world().b.recipient(crate::common::BOB, NOW);
            let _ = i.receive(m2, &world().alice, &peer, b"", NOW, &mut rng());
        }
    }
    if let Ok(r) = AwaitM3::from_bytes(data) {
        assert_eq!(r.to_bytes().expose(), data);
        let mut guard = ibake::ibake::guard::Guard::new(10, 10, &mut rng()).unwrap();
        if let Some(m3) = roles::honest().iter().find(|m| m[4] == 3) {
            let _ = r.receive(m3, &[super::copy(&world().bob)], b"", &mut guard, NOW);
        }
    }
}

pub fn state_seeds() -> Vec<Vec<u8>> {
    roles::states()
}

/// The plaintext under a seal. First byte: suite and type.
#[cfg(feature = "hazmat")]
pub fn body(data: &[u8]) {
    let [select, rest @ ..] = data else { return };
    let suite = Suite::PREFERENCE[usize::from(select >> 2) % 5];
    if let Ok(again) = ibake::ibake::reencode::body(1 + (select & 3), suite, rest) {
        assert_eq!(again.expose(), rest);
    }
}

#[cfg(feature = "hazmat")]
pub fn body_seeds() -> Vec<Vec<u8>> {
    roles::bodies().into_iter().map(|(suite, kind, b)| [&[suite << 2 | (kind - 1)][..], &b].concat()).collect()
}
