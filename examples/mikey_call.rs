//! A MIKEY-IBAKE call between two districts: each message explained, its size, and the SRTP keys of both ends.
//!
//! `cargo run --example mikey_call`

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use ibake::ibe::extract::{Issuer, MasterKey};
use ibake::ibe::name::Name;
use ibake::ibe::{Description, District, Granularity, Purpose};
use ibake::mikey::call::{Answering, CallOffer, End, Outcome, ReplayCache, Reply, Session, SessionOffer, Settings};
use ibake::mikey::{explain, sdp};
use ibake::srtp::{Profile, Role};
use ibake::suite::Suite;

const DAY: u64 = 86_400;

/// A key-generation server: a master key and its public parameters.
fn district(uri: &str, granularity: Granularity, now: u64) -> Result<Issuer, Box<dyn Error>> {
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
}

fn show(step: &str, message: &[u8]) {
    println!("\n== {step}: {} bytes", message.len());
    print!("{}", explain(message));
}

/// The session of a call that lacks nothing; others are for the application to decide about.
fn complete(outcome: Outcome) -> Result<Session, Box<dyn Error>> {
    match outcome {
        Outcome::Bound(session) => Ok(session),
        lacking => Err(format!("the call lacks {:?}", lacking.lacks()).into()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let a = district("https://kgs.a.example", Granularity::Day, now)?;
    let b = district("https://kgs.b.example", Granularity::Week, now)?;
    let (alice, bob) = (Name::parse("sip:alice@a.example")?, Name::parse("sip:bob@b.example")?);
    let issue =
        |of: &Issuer, name: &Name| of.extract(&of.parameters().identity(name.clone(), Purpose::Decrypt, now)?);
    let (alice_keys, bob_keys) = ([issue(&a, &alice)?], [issue(&b, &bob)?]);

    // Whom both trust to speak for which names.
    let directory = |name: &Name, _: u64| match name.as_str().rsplit('@').next() {
        Some("a.example") => Some(a.parameters().clone()),
        Some("b.example") => Some(b.parameters().clone()),
        _ => None,
    };
    let settings = Settings::default();
    let alice_end = End { settings: &settings, keys: &alice_keys, directory: &directory };
    let bob_end = End { settings: &settings, keys: &bob_keys, directory: &directory };

    let profiles = vec![Profile::AeadAes256Gcm, Profile::AesCm128HmacSha1_80];
    let streams = vec![
        SessionOffer { ssrc: Some(0x0a11_ce01), profiles: profiles.clone() },
        SessionOffer { ssrc: None, profiles },
    ];
    let offer = CallOffer::new(Suite::P256Aes256Gcm, streams);

    let (dialled, i1) = alice_end.call(alice_keys[0].identity(), &bob, &offer, now, &mut SysRng)?;
    show("I_MESSAGE_1, alice to bob", &i1);
    println!("in a session description: {:.60}..", sdp::line(&i1)?);

    let mut replay = ReplayCache::new(1000);
    let (half, r1) = bob_end.answer(&mut replay, &i1, &Answering::DIALLED, now, &mut SysRng)?;
    show("R_MESSAGE_1, bob to alice", &r1);

    let ready = match dialled.receive(&alice_end, &r1, now, &mut SysRng).map_err(|f| f.error)? {
        Reply::AsDialled(ready) => ready,
        Reply::Other(answered) => return Err(format!("{:?} answered", answered.by).into()),
    };
    let (waiting, i2) = ready.proceed(&alice_end, now, &mut SysRng)?;
    show("I_MESSAGE_2, alice to bob", &i2);

    let (theirs, r2) = half.receive(&bob_end, &i2, now, &mut SysRng).map_err(|f| f.error)?;
    show("R_MESSAGE_2, bob to alice", &r2);
    let ours = waiting.receive(&alice_end, &r2, now).map_err(|f| f.error)?;

    let (ours, theirs) = (complete(ours)?, complete(theirs)?);
    println!("\n== SRTP master keys (here shown; elsewhere secret)");
    for ((session, key), (_, other)) in ours.media().zip(theirs.media()) {
        let sender = if session.sender == Role::Initiator { "alice" } else { "bob" };
        println!(
            "crypto session {}, {sender} sends SSRC {:#010x}, {}",
            session.cs_id,
            session.ssrc,
            key.profile().name()
        );
        println!("  alice has inline:{}", key.sdes_inline().expose());
        println!("  bob   has inline:{}", other.sdes_inline().expose());
        assert_eq!(key.key_and_salt(), other.key_and_salt(), "both ends have the same");
    }
    Ok(())
}
