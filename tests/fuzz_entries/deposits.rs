//! What is left for somebody: deposits as a mailbox forwards them, and what a sender or a mailbox seals into one.

use super::{copy, rng, world};
use crate::common::{ALICE, BOB, DAY, NOW};
use ibake::encoding::lp;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Recipient;
use ibake::ibe::name::Name;
use ibake::ibe::params::PublicParameters;
use ibake::ibe::sealed::seal;
use ibake::ibe::{Purpose, sign};
use ibake::kdf::{hash, label};
use ibake::mikey::call::{Content, ContentKey, Delivered, Demand, Deposit, DepositLog, End, Settings};
use ibake::mikey::numbers::{IdType, SType, SkType};
use ibake::mikey::{Id, KeyValidity, Payload, SecretKey, Sign, Timestamp, Within, encode_chain};
use ibake::secret::Secret;
use ibake::suite::Aead;
use std::sync::OnceLock;

const CSB_ID: u32 = 0x0102_0304;
const RAND: [u8; 16] = [9; 16];
const SK: [u8; 32] = [0x5a; 32];

fn keys() -> &'static [PrivateKey] {
    static KEYS: OnceLock<[PrivateKey; 1]> = OnceLock::new();
    KEYS.get_or_init(|| [copy(&world().bob)])
}

fn to_bob() -> &'static Recipient {
    static TO: OnceLock<Recipient> = OnceLock::new();
    TO.get_or_init(|| Recipient::cached(&world().b.parameters, world().bob.identity()).unwrap())
}

/// A deposit of alice for bob with this box.
fn deposit_bytes(bound: bool, encr_data: &[u8]) -> Vec<u8> {
    let t = Timestamp::ntp_utc(NOW, 7).value.to_be_bytes();
    let mut out = [&b"IBAKEDEP\x01"[..], &[bound.into()], &CSB_ID.to_be_bytes(), &t].concat();
    for part in [&RAND[..], ALICE.as_bytes(), BOB.as_bytes(), encr_data] {
        out.extend((part.len() as u16).to_be_bytes());
        out.extend(part);
    }
    out
}

fn place() -> Vec<u8> {
    let t = Timestamp::ntp_utc(NOW, 7).value.to_be_bytes();
    let mut out = [label("mikey esk").as_ref(), &CSB_ID.to_be_bytes(), &lp(&RAND), &RAND, &t].concat();
    for name in [ALICE, BOB] {
        out.extend([&lp(name.as_bytes())[..], name.as_bytes()].concat());
    }
    out
}

/// What alice seals, without and with her signature.
fn chains() -> &'static [Vec<u8>; 2] {
    static CHAINS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    CHAINS.get_or_init(|| {
        let w = world();
        let identity = w.a.parameters.identity(Name::parse(ALICE).unwrap(), Purpose::Sign, NOW).unwrap();
        let der = w.bob.identity().der();
        let pkctx = hash(&[label("id").as_ref(), &[0, 1], w.b.parameters.p_pub_bytes(), &lp(der), der]);
        let signer = w.a.issuer.extract(&identity).unwrap();
        let said = [&place()[..], &pkctx, &SK].concat();
        let signature = *sign::sign_deterministic(&signer, b"mikey esk", &said).unwrap().as_bytes();
        let id = Payload::Id(Id { kind: IdType::URI, data: ALICE.as_bytes() });
        let sk = Payload::Sk(SecretKey { kind: SkType::SK, key: &SK, validity: KeyValidity::Null });
        let sign = Payload::Sign(Sign { kind: SType::CHA_CHEON, signature: &signature });
        [&[id, sk][..], &[id, sk, sign]].map(|c| encode_chain(c, Within::Esk).unwrap().expose().to_vec())
    })
}

fn seal_chain(plain: &[u8]) -> Vec<u8> {
    seal(to_bob(), Aead::Aes256Gcm, &place(), plain, &mut rng()).unwrap()
}

fn open(deposit: &Deposit, demand: Demand) -> Option<Delivered> {
    let settings = Settings { demand, ..Settings::default() };
    let directory = |name: &Name, _: u64| -> Option<PublicParameters> {
        let w = world();
        Some(if name.as_str().ends_with("a.example") { w.a.parameters.clone() } else { w.b.parameters.clone() })
    };
    let end = End { settings: &settings, keys: keys(), directory: &directory };
    let mut log = DepositLog::new(2, 1000 * DAY);
    let delivered = deposit.open(&end, &mut log, NOW).ok()?;
    assert!(deposit.open(&end, &mut log, NOW).is_err(), "taken twice");
    let again = DepositLog::decode(&log.encode()).unwrap();
    assert_eq!(again, log);
    Some(delivered)
}

fn content(d: &Delivered) -> &Content {
    match d {
        Delivered::BySender(c) | Delivered::ByMailboxOnly(c) => c,
    }
}

/// First byte: 0 a deposit, 1 the log of those taken, 2 the body of a message, 3 and 4 what stands inside an ESK in `bound` and
/// `rfc6267`, sealed to bob for the right place.
pub fn deposit(data: &[u8]) {
    let [select, rest @ ..] = data else { return };
    match select {
        0 => {
            let Ok(read) = Deposit::decode(rest) else { return };
            assert_eq!(read.encode(), rest);
            assert!(read.to().is_ok() && read.sender() != read.recipient());
            if let Some(delivered) = open(&read, Demand::BoundIfPossible) {
                let seeds = deposit_seeds();
                let honest = seeds.iter().any(|s| s[0] == 0 && s[2..10] == rest[1..9] && s[11..] == rest[10..]);
                assert!(honest, "opened what was never sealed");
                assert_eq!(content(&delivered).key().secret().expose(), &SK);
            }
        }
        1 => {
            if let Ok(log) = DepositLog::decode(rest) {
                assert_eq!(log.encode(), rest);
            }
        }
        2 => {
            let opened = ContentKey::new(Secret::new(SK)).open(b"fuzz", rest);
            assert!(opened.is_err() || deposit_seeds().iter().any(|s| s == data), "opened what was never sealed");
        }
        3 | 4 if rest.len() <= 1500 => {
            let bound = *select == 3;
            let read = Deposit::decode(&deposit_bytes(bound, &seal_chain(rest))).unwrap();
            let [unsigned, signed] = chains();
            let delivered = open(&read, Demand::BoundIfPossible);
            match &delivered {
                Some(Delivered::BySender(c)) => {
                    // Key validity may name an MKI, which nothing signs.
                    assert!(bound && c.key().secret().expose() == &SK && rest.ends_with(&signed[signed.len() - 98..]));
                }
                Some(Delivered::ByMailboxOnly(c)) => {
                    assert!(rest.len() < signed.len() + 200);
                    assert!(rest.windows(32).any(|w| w == c.key().secret().expose()));
                }
                None => assert!(rest != unsigned && (!bound || rest != signed)),
            }
            let strict = open(&read, Demand::Bound);
            assert_eq!(strict.is_some(), matches!(delivered, Some(Delivered::BySender(_))));
        }
        _ => {}
    }
}

pub fn deposit_seeds() -> Vec<Vec<u8>> {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let make = || {
        let [unsigned, signed] = chains();
        let log = DepositLog::new(3, 1000 * DAY);
        let mut out = Vec::new();
        for (bound, chain) in [(false, unsigned), (true, unsigned), (true, signed)] {
            let bytes = deposit_bytes(bound, &seal_chain(chain));
            out.push([&[0][..], &bytes].concat());
            out.push([&[if bound { 3 } else { 4 }][..], chain].concat());
            let read = Deposit::decode(&bytes).unwrap();
            assert!(open(&read, Demand::BoundIfPossible).is_some(), "a seed that does not open tests nothing");
        }
        out.push([&[1][..], &log.encode()].concat());
        let one = [&[1][..], &1000u64.to_be_bytes(), &2u32.to_be_bytes(), &1u32.to_be_bytes(), &[3; 40]].concat();
        assert!(DepositLog::decode(&one).is_ok());
        out.push([&[1][..], &one].concat());
        for aead in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
            let body = ContentKey::new(Secret::new(SK)).seal(aead, b"fuzz", b"a body", &mut rng()).unwrap();
            out.push([&[2][..], &body].concat());
        }
        out
    };
    SEEDS.get_or_init(make).clone()
}
