//! What is left for somebody, or made once for many: voicemail, encoded content, a message, a burst of push-to-talk.

use getrandom::SysRng;
use ibake::mikey::call::{BODY_LIMIT, ContentKey, Delivered, Deposit, DepositLog, Outcome, Reply, Sent, Session};
use ibake::srtp::Profile;
use ibake::suite::Aead;

use super::world::{Done, How, User, World, check};

const PROFILE: Profile = Profile::AeadAes256Gcm;

/// Leaves something for who does not answer: the mailbox does, under its own name. Gives what the caller has, and what the
/// mailbox keeps.
fn leave(
    w: &World,
    caller: &User,
    called: &User,
    mailbox: &mut User,
    content: Option<&ContentKey>,
) -> Done<[Session; 2]> {
    let (dialled, i1) = w.dial(caller, called.name())?;
    let (half, r1) = w.answer(mailbox, &i1, How::Retargeted)?;
    let Reply::Other(answered) = w.reply(caller, dialled, &r1)? else { return Err("not as dialled".into()) };
    let ready = answered.accept();
    let end = w.end(caller);
    let (waiting, i2) = match content {
        None => ready.proceed(&end, w.now, &mut SysRng)?,
        Some(key) => ready.proceed_with(&end, key, w.now, &mut SysRng)?,
    };
    let (kept, r2) = w.second(mailbox, half, &i2)?;
    match (w.last(caller, waiting, &r2)?, kept) {
        (Outcome::BoundUnopened(ours), Outcome::BoundUnopened(kept)) => Ok([ours, kept]),
        _ => Err("the type must say that the first message stayed closed".into()),
    }
}

/// Opens what was kept.
fn fetch(w: &World, user: &User, log: &mut DepositLog, stored: &[u8]) -> Done<Delivered> {
    Ok(Deposit::decode(stored)?.open(&w.end(user), log, w.now)?)
}

pub(crate) fn deferred(w: &World) -> Done {
    let alice = w.user(&["sip:alice@a.example"])?;
    let bob = w.user(&["sip:bob@b.example"])?;
    let mut mailbox = w.user(&["sip:mailbox@b.example"])?;
    let [ours, kept] = leave(w, &alice, &bob, &mut mailbox, None)?;
    let Some(Sent::Signed(voicemail)) = ours.sent() else { return Err("alice signs what she leaves".into()) };
    let recorded = voicemail.media(1, PROFILE)?;
    println!("  the voicemail is recorded under a key that alice drew: SRTP, stored as it comes");
    let stored = kept.deposit().ok_or("nothing was left")?.encode();
    let mut log = DepositLog::new(100, 30 * 86_400);
    check(fetch(w, &mailbox, &mut log, &stored).is_err(), "the mailbox keeps it and cannot read it")?;
    check(
        ours.media().all(|(_, key)| key.key_and_salt() != recorded.key_and_salt()),
        "the key is independent of what alice and the mailbox agreed on",
    )?;
    let Delivered::BySender(heard) = fetch(w, &bob, &mut log, &stored)? else {
        return Err("bob must see that alice herself left it".into());
    };
    check(heard.media(1, PROFILE)?.key_and_salt() == recorded.key_and_salt(), "bob, later, decodes the recording")?;
    check(heard.sender() == alice.name(), "and knows from alice's signature that it is hers")?;

    check(fetch(w, &bob, &mut log, &stored).is_err(), "replayed: not taken twice")?;
    let [_, other] = leave(w, &alice, &bob, &mut mailbox, None)?;
    let other = other.deposit().ok_or("nothing was left")?.encode();
    // The box of one in the place of the other's: the last bytes are the box.
    let swapped = [&stored[..stored.len() - 200], &other[other.len() - 200..]].concat();
    check(
        fetch(w, &bob, &mut DepositLog::new(9, 86_400), &swapped).is_err(),
        "swapped: boxes of two calls do not mix",
    )?;
    check(fetch(w, &bob, &mut log, &stored[..stored.len() - 1]).is_err(), "stripped: refused")?;
    println!("  what this leg does not have: forward secrecy, and safety from bob's key server, which could open it");
    Ok(())
}

pub(crate) fn pre_encoded(w: &World) -> Done {
    let studio = w.user(&["sip:studio@a.example"])?;
    let film = ContentKey::random(&mut SysRng)?;
    let encoded = film.media(1, PROFILE)?;
    println!("  encoded and encrypted once, before anybody asked");
    let mut mailbox = w.user(&["sip:mailbox@b.example"])?;
    for name in ["sip:bob@b.example", "sip:carol@b.example", "sip:dave@a.example"] {
        let mut viewer = w.user(&[name])?;
        let (dialled, i1) = w.dial(&studio, viewer.name())?;
        let (half, r1) = w.answer(&mut viewer, &i1, How::Dialled)?;
        let Reply::AsDialled(ready) = w.reply(&studio, dialled, &r1)? else { return Err("somebody else".into()) };
        let (waiting, i2) = ready.proceed_with(&w.end(&studio), &film, w.now, &mut SysRng)?;
        let (theirs, r2) = w.second(&viewer, half, &i2)?;
        let _ = w.last(&studio, waiting, &r2)?;
        let Outcome::Bound(theirs) = theirs else { return Err("a complete call".into()) };
        let deposit = theirs.deposit().ok_or("no key came")?;
        let Delivered::BySender(got) = deposit.open(&w.end(&viewer), &mut DepositLog::new(1, 60), w.now)? else {
            return Err("signed".into());
        };
        check(got.key().media(1, PROFILE)?.key_and_salt() == encoded.key_and_salt(), &format!("{name} decodes it"))?;
    }
    let erin = w.user(&["sip:erin@b.example"])?;
    let [_, kept] = leave(w, &studio, &erin, &mut mailbox, Some(&film))?;
    let stored = kept.deposit().ok_or("nothing was left")?.encode();
    let Delivered::BySender(got) = fetch(w, &erin, &mut DepositLog::new(1, 60), &stored)? else {
        return Err("signed".into());
    };
    check(got.key().media(1, PROFILE)?.key_and_salt() == encoded.key_and_salt(), "erin, who was away, decodes it")
}

pub(crate) fn message(w: &World) -> Done {
    let alice = w.user(&["sip:alice@a.example"])?;
    let bob = w.user(&["sip:bob@b.example"])?;
    let mut relay = w.user(&["sip:messages@b.example"])?;
    let [ours, kept] = leave(w, &alice, &bob, &mut relay, None)?;
    let key = ours.sent().ok_or("a key goes with it")?.content().key();
    let ad = b"Message-ID: 1@a.example";
    let body = key.seal(Aead::Aes256Gcm, ad, b"see you at nine", &mut SysRng)?;
    println!("  {} bytes of body for 15 of text; at most {BODY_LIMIT}", body.len());
    let stored = kept.deposit().ok_or("nothing was left")?.encode();
    let Delivered::BySender(got) = fetch(w, &bob, &mut DepositLog::new(1, 60), &stored)? else {
        return Err("signed".into());
    };
    check(got.key().open(ad, &body)?.expose() == b"see you at nine", "bob reads it when he is back")?;
    check(got.key().open(b"Message-ID: 2@a.example", &body).is_err(), "not under another header")?;
    let mut changed = body.clone();
    changed[40] ^= 1;
    check(got.key().open(ad, &changed).is_err(), "nor with a bit changed")
}

pub(crate) fn push_to_talk(w: &World) -> Done {
    let speaker = w.user(&["sip:unit-1@a.example"])?;
    let burst = ContentKey::random(&mut SysRng)?;
    println!("  one key for the burst, to each member of the group under its own identity");
    let mut server = w.user(&["sip:talkgroup-3@b.example"])?;
    let mut keys = Vec::new();
    for name in ["sip:unit-2@b.example", "sip:unit-3@b.example", "sip:unit-4@a.example", "sip:unit-5@b.example"] {
        let member = w.user(&[name])?;
        // The server of the group takes what is for each member: it knows who is in, and not what is said.
        let [_, kept] = leave(w, &speaker, &member, &mut server, Some(&burst))?;
        let stored = kept.deposit().ok_or("nothing was left")?.encode();
        check(fetch(w, &server, &mut DepositLog::new(1, 60), &stored).is_err(), "the server cannot read it")?;
        let Delivered::BySender(got) = fetch(w, &member, &mut DepositLog::new(1, 60), &stored)? else {
            return Err("signed".into());
        };
        check(got.sender() == speaker.name(), &format!("{name} knows who holds the floor"))?;
        keys.push(got.key().media(1, PROFILE)?);
    }
    let sent = burst.media(1, PROFILE)?;
    check(keys.iter().all(|k| k.key_and_salt() == sent.key_and_salt()), "all members decode the burst")?;
    let outsider = w.user(&["sip:unit-9@b.example"])?;
    let [_, kept] = leave(w, &speaker, &w.user(&["sip:unit-2@b.example"])?, &mut server, Some(&burst))?;
    let stored = kept.deposit().ok_or("nothing was left")?.encode();
    check(fetch(w, &outsider, &mut DepositLog::new(1, 60), &stored).is_err(), "who is not in the group does not")
}
