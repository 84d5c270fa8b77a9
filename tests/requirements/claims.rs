//! Section 6 and the notes of 4: what the text says that attackers, thieves and the library can and cannot do.

use super::formats::{decapsulate, list, payload_key, reference, wrap_key};
use crate::common::wire::{Chain, Parts, ephemeral, exp, label, read_body};
use crate::common::{ALICE, BOB, DAY, HalfOpen, Kgs, NOW, Seeded, World, exported};
use ibake::aead;
use ibake::dh::{KeyPair, Share};
use ibake::error::{Error, KeyError, ParametersError, PeerError};
use ibake::ibake::inspect::describe;
use ibake::ibake::{Config, Responder, start};
use ibake::ibe::extract::{MasterKey, PrivateKey};
use ibake::ibe::file::{Header, Sealer};
use ibake::ibe::kem::Recipient;
use ibake::ibe::params::PublicParameters;
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::ibe::{Granularity, Name, Purpose};
use ibake::suite::{Aead, Suite};

const SUITE: Suite = Suite::X25519ChaCha20Poly1305;
const AEAD: Aead = Aead::Aes256Gcm;

fn only(suite: Suite) -> Config {
    Config { suites: vec![suite], ..Config::default() }
}

/// What bob, with these parameters at hand, makes of an M1.
fn answered(w: &mut World, known: &Vec<PublicParameters>, m1: &[u8], now: u64) -> Result<(), Error> {
    let (config, keys, mut guard) = (only(SUITE), [w.b.issue(BOB, NOW)], w.guard());
    let bob = Responder { config: &config, keys: &keys, parameters: known, peers: &() };
    bob.accept(&mut guard, m1, now, &mut w.rng).map(|_| ())
}

/// M1 to bob under a private key that somebody holds.
fn called(w: &mut World, key: &PrivateKey, now: u64) -> Result<Vec<u8>, Error> {
    let peer = w.b.recipient(BOB, NOW);
    start(&only(SUITE), SUITE, key, &w.a.parameters, &peer, now, &mut w.rng).map(|(_, m1)| m1)
}

#[test]
fn recipients_see_each_other_and_can_forge_the_content_towards_each_other() {
    let mut w = World::new("recipients");
    let to = [w.a.recipient(ALICE, NOW), w.b.recipient(BOB, NOW)];
    let (mut sealer, mut file) = Sealer::new(&to, AEAD, b"ad", &mut w.rng).unwrap();
    file.extend(sealer.chunk(b"content", true).unwrap());
    // Alice reads the list without any key: references and hints, in order.
    let header = Header::decode(&file).unwrap();
    let districts: Vec<&str> = header.recipients().map(|r| r.district()).collect();
    assert_eq!(districts, ["https://kgs.a.example", "https://kgs.b.example"]);
    let end = header.len();
    // She unwraps fk with her own key and seals other chunks under the same header.
    let (a, b) = (reference(&w.alice).len() + 16, reference(&w.bob).len() + 16);
    let second = 14 + a + 176;
    let names = [file[14..14 + a].to_vec(), file[second..second + b].to_vec()];
    let (kem, wrapped) = file[14 + a..second].split_at(128);
    let k = decapsulate(kem, &w.alice);
    let fk = aead::open(AEAD, &wrap_key(&k, 0), &list(&names), wrapped).unwrap();
    let key = payload_key(fk.expose(), &file[..end], b"ad");
    let mut last = [0; 12];
    last[11] = 1;
    let forged = aead::seal_with_nonce(AEAD, &key, &last, &[], b"forgery");
    let mut opener = header.open(&[w.b.issue(BOB, NOW)], b"ad").unwrap();
    assert_eq!(opener.chunk(&forged, true).unwrap().expose(), b"forgery", "bob cannot tell");
}

#[test]
fn a_key_whose_period_is_over_opens_its_boxes_and_nothing_else() {
    let mut w = World::new("kept keys");
    let (alice, end) = (w.a.issue(ALICE, NOW), w.alice.identity().period().end());
    let sealed = seal(&w.a.recipient(ALICE, NOW), AEAD, b"", b"content", &mut w.rng).unwrap();
    assert!(called(&mut w, &alice, end + 299).is_ok());
    assert_eq!(called(&mut w, &alice, end + 300), Err(KeyError::Expired.into()));
    // Neither sealing nor opening asks for the time.
    assert_eq!(SealedBox::decode(&sealed).unwrap().open(&[alice], b"").unwrap().expose(), b"content");
}

#[test]
fn no_page_claims_more_than_the_text() {
    let security = include_str!("../../SECURITY.md");
    for said in ["It has not been audited.", "has had no outside review yet"] {
        assert!(security.contains(said), "{said}");
    }
    // Who counts on a proof or a review must not be told of one.
    let pages = [
        security,
        include_str!("../../README.md"),
        include_str!("../../src/lib.rs"),
        include_str!("../../src/ibake/mod.rs"),
    ];
    for page in pages.map(str::to_lowercase) {
        for word in ["proven secure", "provably secure", "formally verified", "has been audited", "has been reviewed"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}

/// Everything that whoever takes discrete logarithms has of a call: both private keys, `x`, and so `dh`. Gives whether
/// M3 opens and whether the session's key comes out.
fn reads_with_all_logarithms(w: &mut World, suite: Suite) -> (bool, bool) {
    let HalfOpen { peer, keys, mut guard, i, r, m1, m2, .. } = w.half_open(suite);
    let (x, _) = ephemeral(i.to_bytes().expose(), suite);
    let (_, m3) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).unwrap();
    let (session, _, _) = r.receive(&m3, &keys, b"", &mut guard, NOW).unwrap();

    let [p1, p2, p3] = [&m1, &m2, &m3].map(|m| Parts::of(m));
    assert!([&p1, &p2, &p3].iter().all(|p| p.kem.len() == 128), "one KEM in every suite");
    let mut chain = Chain::new(suite, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
    chain.mix(&p1.decapsulate(&keys[0]));
    chain.open(1, &p1).expect("M1 falls in every suite");
    chain.mix(&p2.decapsulate(&w.alice));
    let body = chain.open(2, &p2).expect("M2 falls in every suite");
    let k3 = p3.decapsulate(&keys[0]);
    let mut without_dh = chain.clone();
    without_dh.mix_last(&k3, &[], &[]);
    assert!(without_dh.open(3, &p3).is_none(), "the group of the suite stands before the session keys");
    let y = Share::decode(suite.group(), &read_body(&body, 4).0[3]).unwrap();
    let dh = KeyPair::from_secret_bytes(suite.group(), &x).unwrap().agree(&y).unwrap();
    chain.mix_last(&k3, dh.expose(), &[]);
    let opened = chain.open(3, &p3).is_some();
    (opened, opened && chain.export(b"test", b"context") == exported(&session))
}

#[test]
fn discrete_logarithms_read_every_suite_but_the_hybrid_one() {
    let mut w = World::new("logarithms");
    for suite in Suite::PREFERENCE {
        let reads = !suite.is_hybrid();
        assert_eq!(reads_with_all_logarithms(&mut w, suite), (reads, reads), "{}", suite.name());
    }
    assert_eq!(Suite::PREFERENCE.map(|s| s.is_hybrid()), [true, false, false, false, false]);
}

#[test]
fn suites_change_the_group_of_the_session_keys_and_not_what_authenticates() {
    let mut w = World::new("levels");
    let mut shares = Vec::new();
    for suite in Suite::PREFERENCE {
        let HalfOpen { keys, m1, .. } = w.half_open(suite);
        let p1 = Parts::of(&m1);
        let mut chain = Chain::new(suite, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
        // The private key over BLS12-381 alone opens M1, whatever the suite.
        chain.mix(&p1.decapsulate(&keys[0]));
        shares.push(read_body(&chain.open(1, &p1).unwrap(), 3).0[2].len());
    }
    assert_eq!(shares, [65, 133, 97, 32, 65]);
    // Boxes and files know no suite of the exchange: of the headers, only the AEAD can be chosen.
    for aead in [AEAD, Aead::ChaCha20Poly1305] {
        let sealed = seal(&w.b.recipient(BOB, NOW), aead, b"", b"", &mut w.rng).unwrap();
        assert_eq!(sealed[..4], [1, 0, 1, aead.id()]);
    }
    // The field that the estimates are about: twelve coefficients of 381 bits.
    let p = super::SPEC.lines().find_map(|l| l.strip_prefix("p  = ")).unwrap();
    assert_eq!((4 * p.len(), p.as_bytes()[0], ibake::encoding::GT_BYTES), (384, b'1', 12 * 48), "381 = 384 - 3");
}

#[test]
fn a_stolen_master_key_serves_until_the_old_serial_is_dropped() {
    let mut w = World::new("stolen master");
    let sealed = seal(&w.a.recipient(ALICE, NOW - 3 * DAY), AEAD, b"", b"old", &mut w.rng).unwrap();
    let stolen = MasterKey::from_bytes(w.a.issuer.master().to_bytes().expose()).unwrap();
    let thief = stolen.issuer(w.a.parameters.clone()).unwrap();
    // It reaches backwards: any box of the serial, in any period.
    let old = thief.extract(&w.a.identity(ALICE, NOW - 3 * DAY)).unwrap();
    assert_eq!(SealedBox::decode(&sealed).unwrap().open(&[old], b"").unwrap().expose(), b"old");
    // The district turns to a new serial; the thief calls as alice under the old one.
    let new = Kgs::new("https://kgs.a.example", 8, Granularity::Day, &mut Seeded::new("serial 8"));
    let posed = thief.extract(&w.a.identity(ALICE, NOW)).unwrap();
    let m1 = called(&mut w, &posed, NOW).unwrap();
    let both = vec![new.parameters.clone(), w.a.parameters.clone(), w.b.parameters.clone()];
    assert_eq!(answered(&mut w, &both, &m1, NOW), Ok(()), "a new serial alone ends nothing");
    let dropped = vec![new.parameters, w.b.parameters.clone()];
    assert_eq!(answered(&mut w, &dropped, &m1, NOW), Err(ParametersError::Unknown.into()));
}

#[test]
fn what_is_said_not_to_be_given_is_not_given() {
    let mut w = World::new("not given");
    // Headers show districts, serials, periods, suites and lengths, and no name.
    let alice = w.a.issue(ALICE, NOW);
    let m1 = called(&mut w, &alice, NOW).unwrap();
    let shown = describe(&m1).unwrap();
    let value = |name: &str| shown.iter().find(|f| f.name == name).unwrap().value.clone();
    assert_eq!(
        (value("district of I"), value("district of R")),
        ("https://kgs.a.example".into(), "https://kgs.b.example".into())
    );
    assert_eq!((value("serial of I"), value("serial of R")), ("7".into(), "1".into()));
    assert!(value("suite").contains(SUITE.name()) && value("period of I").contains("2026-11-21"));
    assert!(shown.iter().all(|f| !f.value.contains("alice") && !f.value.contains("15551234567")));
    // No forward secrecy of boxes: the key that is stolen later opens what was sealed before.
    let sealed = seal(&w.b.recipient(BOB, NOW), AEAD, b"", b"said", &mut w.rng).unwrap();
    let later = [w.b.issue(BOB, NOW)];
    assert_eq!(SealedBox::decode(&sealed).unwrap().open(&later, b"").unwrap().expose(), b"said");
    // Nothing says who sealed: a box is made of its encapsulation and public values alone.
    let n = sealed.len() - 4 - 20;
    let k = decapsulate(&sealed[n - 128..n], &w.bob);
    let key = exp(&k, &[&label("box")[..], &[AEAD.id()]].concat());
    let ad = [crate::common::wire::lp(&sealed[..n]), crate::common::wire::lp(b"")].concat();
    let mut other = sealed[..n + 4].to_vec();
    other.extend(aead::seal(AEAD, &key, &ad, b"else"));
    assert_eq!(SealedBox::decode(&other).unwrap().open(&later, b"").unwrap().expose(), b"else", "bob makes his own");
    // No revocation inside a period: a stolen key is good until end + skew, and no longer.
    let (known, end) = (w.parameters.clone(), alice.identity().period().end());
    let stolen = called(&mut w, &alice, end + 299).unwrap();
    assert_eq!(answered(&mut w, &known, &stolen, end + 299), Ok(()));
    assert_eq!(answered(&mut w, &known, &stolen, end + 300), Err(PeerError::Expired.into()));
}

#[test]
fn reserved_names_have_no_operation_yet() {
    let mut w = World::new("reserved");
    // Keys of the signing types sign (4.9) and do nothing else.
    let signing = w.a.parameters.identity(Name::parse(ALICE).unwrap(), Purpose::Sign, NOW).unwrap();
    let key = w.a.issuer.extract(&signing).unwrap();
    assert_eq!(Recipient::new(&w.a.parameters, &signing).map(|_| ()), Err(KeyError::Purpose.into()));
    assert_eq!(called(&mut w, &key, NOW), Err(KeyError::Purpose.into()));
    let sealed = seal(&w.a.recipient(ALICE, NOW), AEAD, b"", b"", &mut w.rng).unwrap();
    let opened = SealedBox::decode(&sealed).unwrap().open(&[key], b"").map(|_| ());
    assert_eq!(opened, Err(KeyError::Missing.into()));
    // A module that splits a master key has to come with its own section of the text, as `mikey` and `sign` did.
    assert!(crate::SPEC.contains("\n## 13. MIKEY\n") && crate::SPEC.contains("- **4.9 Signature**"));
    let public = include_str!("../../src/lib.rs").lines().filter_map(|l| l.trim().strip_prefix("pub mod "));
    let ibe = include_str!("../../src/ibe/mod.rs").lines().filter_map(|l| l.trim().strip_prefix("pub mod "));
    for module in public.chain(ibe) {
        assert!(!["split;", "threshold;"].contains(&module), "{module}");
    }
}
