//! Forks and retargets: SIPp calls, Kamailio decides who is reached, our engine answers.

use getrandom::SysRng;
use ibake::mikey::call::{AwaitR2, CallError, CallRefusal, End, Fork, Outcome, Reply, Session};
use ibake::mikey::sdp;
use ibake::suite::Suite;

use crate::agent::{Agent, Event, Manner};
use crate::parties::{BOB, CAROL, DEVICES, Parties, assert_same, keys, now, session};
use crate::proxy::{Caller, Kamailio, have_sip};

/// A call that a proxy has forked: everybody rings.
pub(crate) struct Forked {
    pub(crate) parties: Parties,
    pub(crate) agents: Vec<Agent>,
    /// R_MESSAGE_1 of each, which the caller hears of one alone.
    pub(crate) answers: Vec<Vec<u8>>,
    pub(crate) fork: Fork,
    pub(crate) caller: Caller,
    _proxy: Kamailio,
}

impl Forked {
    pub(crate) fn ring(suite: Suite, manners: &[Manner]) -> Self {
        let parties = Parties::new();
        let agents: Vec<Agent> = manners
            .iter()
            .zip(DEVICES)
            .map(|(manner, name)| Agent::start(&parties, vec![parties.issue(name), parties.issue(BOB)], *manner))
            .collect();
        let proxy = Kamailio::forking(&agents.iter().map(Agent::uri).collect::<Vec<_>>());
        let mut caller = Caller::start(&proxy, true);
        let (dialled, line) = parties.dial(suite);
        caller.order(&line);
        let answers = agents.iter().map(Agent::rings).collect();
        Self { fork: dialled.fork(agents.len()), parties, agents, answers, caller, _proxy: proxy }
    }

    /// One answers. Gives what its answer makes of the caller, and I_MESSAGE_2.
    pub(crate) fn pick_up(&mut self, who: usize) -> (AwaitR2, Vec<u8>) {
        self.agents[who].pick_up();
        let r1 = self.caller.answer();
        assert_eq!(r1, self.answers[who], "the proxy passed on the answer of this branch");
        self.hear(&r1, DEVICES[who])
    }

    pub(crate) fn hear(&mut self, r1: &[u8], from: &str) -> (AwaitR2, Vec<u8>) {
        let end = self.parties.alice();
        let Reply::Other(answered) = self.fork.receive(&end, r1, now(), &mut SysRng).unwrap() else {
            panic!("a device answers under its own name")
        };
        assert!(answered.opened_first());
        assert_eq!((answered.by.name().as_str(), answered.dialled.name().as_str()), (from, BOB));
        answered.accept().proceed(&end, now(), &mut SysRng).unwrap()
    }

    /// The second round with the one who answered, by re-INVITE.
    pub(crate) fn finish(&mut self, who: usize, state: AwaitR2, i2: &[u8]) -> (Session, Session) {
        self.caller.order(&sdp::line(i2).unwrap());
        let r2 = self.caller.answer();
        let ours = state.receive(&self.parties.alice(), &r2, now()).unwrap();
        let Event::Up(theirs) = self.agents[who].next() else { panic!("the call is up") };
        assert!(matches!((&ours, &theirs), (Outcome::Bound(_), Outcome::Bound(_))), "{ours:?} {theirs:?}");
        (session(ours), session(theirs))
    }
}

fn count(log: &str, part: &str) -> usize {
    log.matches(part).count()
}

#[test]
fn parallel_forks_end_with_the_keys_of_the_branch_that_answered() {
    if !have_sip() {
        return;
    }
    for (suite, branches, winner) in
        [(Suite::P256Aes256Gcm, 2, 1), (Suite::P256MlKem768Aes256Gcm, 3, 0), (Suite::X25519ChaCha20Poly1305, 3, 2)]
    {
        let mut f = Forked::ring(suite, &vec![Manner::Branch; branches]);
        let (state, i2) = f.pick_up(winner);
        for (i, agent) in f.agents.iter().enumerate().filter(|(i, _)| *i != winner) {
            let Event::Cancelled { kept } = agent.next() else { panic!("branch {i} is cancelled") };
            assert!(kept.is_none());
        }
        let (ours, theirs) = f.finish(winner, state, &i2);
        assert_same(&ours, &theirs);
        assert_eq!((ours.suite(), ours.responder().name().as_str()), (suite, DEVICES[winner]));
        let log = f.caller.hang_up();
        let Event::Ended { media: true } = f.agents[winner].next() else { panic!("BYE reaches who answered") };
        // One INVITE and one re-INVITE of ours, one 200 each: the proxy let no second answer through.
        assert!(count(&log, "CSeq: 2 INVITE") >= 2 && count(&log, "SIP/2.0 487") == 0, "{log}");
        let second = f.agents[winner].heard().into_iter().find(|h| h.contains("CSeq: 2 INVITE")).unwrap();
        for (i, agent) in f.agents.into_iter().enumerate() {
            let heard = agent.heard();
            let methods = |m: &str| heard.iter().filter(|h| h.starts_with(m)).count();
            let all = heard.concat();
            assert!(methods("INVITE") >= 1 && methods("ACK") >= 1, "{all}");
            // The losers were cancelled, and never saw the second round; now that it comes to them there is nothing left.
            let expected = if i == winner { (false, true, true) } else { (true, false, false) };
            assert_eq!((methods("CANCEL") > 0, methods("BYE") > 0, all.contains("CSeq: 2 INVITE")), expected, "{all}");
            assert!(i == winner || agent.ask(&second).starts_with("SIP/2.0 481"), "{i}");
            agent.stop();
        }
    }
}

/// A second offer that the caller did not make: in the dialogue, with another message.
fn forged_offer(invite: &str, tag: &str, line: &str) -> String {
    let (head, body) = invite.split_once("\r\n\r\n").unwrap();
    let old = body.lines().find(|l| l.starts_with("a=key-mgmt:")).unwrap();
    let body = body.replace(old, line);
    let mut out = String::new();
    for header in head.split("\r\n") {
        out += &match header.split_once(':').map(|(n, v)| (n.to_ascii_lowercase(), v)) {
            Some((n, v)) if n == "to" => format!("To:{v};tag={tag}\r\n"),
            Some((n, _)) if n == "content-length" => format!("Content-Length: {}\r\n", body.len()),
            Some((n, _)) if n == "cseq" => "CSeq: 9 INVITE\r\n".to_owned(),
            _ => format!("{header}\r\n"),
        };
    }
    out + "\r\n" + &body
}

#[test]
fn a_forged_second_offer_changes_nothing() {
    if !have_sip() {
        return;
    }
    let mut f = Forked::ring(Suite::P256Aes256Gcm, &[Manner::Branch, Manner::Branch]);
    let (state, i2) = f.pick_up(1);
    assert!(matches!(f.agents[0].next(), Event::Cancelled { kept: None }));
    let invite = f.agents[1].heard().into_iter().find(|h| h.starts_with("INVITE")).unwrap();
    let mut altered = i2.clone();
    *altered.last_mut().unwrap() ^= 1;
    let tag = format!("t{}", f.agents[1].port);
    let answer = f.agents[1].ask(&forged_offer(&invite, &tag, &sdp::line(&altered).unwrap()));
    assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
    // The right one is still taken.
    let (ours, theirs) = f.finish(1, state, &i2);
    assert_same(&ours, &theirs);
    let _ = f.caller.hang_up();
    assert!(matches!(f.agents[1].next(), Event::Ended { media: true }));
}

#[test]
fn what_a_losing_branch_keeps_opens_nothing() {
    if !have_sip() {
        return;
    }
    let mut f = Forked::ring(Suite::P256Aes256Gcm, &[Manner::Branch, Manner::Thief]);
    let (state, i2) = f.pick_up(0);
    let Event::Cancelled { kept: Some(half) } = f.agents[1].next() else { panic!("the thief keeps its state") };
    let (ours, theirs) = f.finish(0, state, &i2);
    assert_same(&ours, &theirs);
    // It overhears the winner's second round.
    let thief = [f.parties.issue(DEVICES[1]), f.parties.issue(BOB)];
    let (settings, trust) = (f.parties.settings.clone(), f.parties.trust.clone());
    let end = End { settings: &settings, keys: &thief, directory: &trust };
    let failed = half.receive(&end, &i2, now(), &mut SysRng).map(drop).unwrap_err();
    assert_eq!(failed.error, CallError::from(CallRefusal::OtherCall("IDRr")));
    // The same message with its own name outside of the seal: the streams are not its own, either.
    let (desk, phone) = (DEVICES[0].as_bytes(), DEVICES[1].as_bytes());
    let at = i2.windows(desk.len()).rposition(|w| w == desk).unwrap();
    let length = (phone.len() as u16).to_be_bytes();
    let renamed = [&i2[..at - 2], &length, phone, &i2[at + desk.len()..]].concat();
    let failed = failed.state.unwrap().receive(&end, &renamed, now(), &mut SysRng).map(drop).unwrap_err();
    assert_eq!(failed.error, CallError::from(CallRefusal::OtherCall("CS ID map")));
    // The best that it can have is a leg of its own, had alice taken its answer, too: other keys.
    let r1 = f.answers[1].clone();
    let (_, to_thief) = f.hear(&r1, DEVICES[1]);
    let (outcome, _) = failed.state.unwrap().receive(&end, &to_thief, now(), &mut SysRng).unwrap();
    let own = session(outcome);
    assert!(keys(&own).iter().all(|k| !keys(&ours).contains(k)), "no key in common");
    let _ = f.caller.hang_up();
    assert!(matches!(f.agents[0].next(), Event::Ended { media: true }));
}

#[test]
fn a_busy_phone_is_retargeted_and_the_caller_decides() {
    if !have_sip() {
        return;
    }
    for accept in [true, false] {
        let parties = Parties::new();
        let bob = Agent::start(&parties, vec![parties.issue(BOB)], Manner::Busy);
        let carol = Agent::start(&parties, vec![parties.issue(CAROL)], Manner::Stranger);
        let proxy = Kamailio::retargeting(&bob.uri(), &carol.uri());
        let mut caller = Caller::start(&proxy, accept);
        let (dialled, line) = parties.dial(Suite::P256MlKem768Aes256Gcm);
        caller.order(&line);
        let sent = carol.rings();
        carol.pick_up();
        let r1 = caller.answer();
        assert_eq!(r1, sent);
        let end = parties.alice();
        // Nothing on the way said so; the answer itself does.
        let Reply::Other(answered) = dialled.receive(&end, &r1, now(), &mut SysRng).unwrap() else {
            panic!("somebody else has answered")
        };
        assert!(!answered.opened_first());
        assert_eq!((answered.dialled.name().as_str(), answered.by.name().as_str()), (BOB, CAROL));
        if accept {
            let (state, i2) = answered.accept().proceed(&end, now(), &mut SysRng).unwrap();
            caller.order(&sdp::line(&i2).unwrap());
            let r2 = caller.answer();
            let ours = state.receive(&end, &r2, now()).unwrap();
            let Event::Up(theirs) = carol.next() else { panic!("the call is up") };
            assert!(matches!((&ours, &theirs), (Outcome::BoundUnopened(_), Outcome::BoundUnopened(_))));
            let (ours, theirs) = (session(ours), session(theirs));
            assert_same(&ours, &theirs);
            assert_eq!((ours.responder().name().as_str(), ours.dialled().as_str()), (CAROL, BOB));
        } else {
            drop(answered);
        }
        let _ = caller.hang_up();
        let Event::Ended { media } = carol.next() else { panic!("BYE") };
        assert_eq!(media, accept, "nothing of a refused call is left");
        let (at_bob, at_carol) = (bob.heard().concat(), carol.heard().concat());
        assert!(at_bob.contains("INVITE") && at_bob.contains("ACK"), "486 was acknowledged");
        // The proxy handed on the line as it was, to another user.
        assert!(at_bob.contains(&line) && at_carol.contains(&line));
        bob.stop();
        carol.stop();
    }
}
