//! Forks, redirected and silently retargeted calls.

use ibake::error::{Error, KeyError, PeerError};
use ibake::ibe::extract::PrivateKey;
use ibake::mikey::call::{
    Answering, As, AwaitI2, BRANCH_LIMIT, CallError, CallRefusal, Demand, End, Fork, Outcome, Reply,
};
use ibake::mikey::{Message, numbers::DataType};
use ibake::suite::Suite;

use crate::common::{BOB, CAROL, NOW};
use crate::forged::{inside, open, points, try_open};
use crate::scene::{DESK, PHONE, SUITE, Scene, TABLET, as_dialled, assert_same, name, offer, session};

/// The keys of a device: the common one and its own.
fn device(s: &Scene, own: &str) -> Vec<PrivateKey> {
    vec![s.b.issue(BOB, NOW), s.b.issue(own, NOW)]
}

/// Three devices have answered.
struct Forked {
    s: Scene,
    fork: Fork,
    i1: Vec<u8>,
    devices: Vec<Vec<PrivateKey>>,
    halves: Vec<AwaitI2>,
    answers: Vec<Vec<u8>>,
}

impl Forked {
    fn new(d: Demand) -> Self {
        let mut s = Scene::with("fork", d);
        let (dialled, i1) = s.dial();
        let devices: Vec<_> = [DESK, PHONE, TABLET].map(|n| device(&s, n)).into();
        let (mut halves, mut answers) = (Vec::new(), Vec::new());
        for keys in &devices {
            let branch = Answering { identity: As::Branch(&keys[1]), ssrcs: &[] };
            let (half, r1) = s.answer(keys, &i1, &branch).unwrap();
            halves.push(half);
            answers.push(r1);
        }
        Self { s, fork: dialled.fork(3), i1, devices, halves, answers }
    }

    fn hear(&mut self, r1: &[u8], now: u64) -> Result<Reply, CallError> {
        let trust = self.s.trust();
        let end = End { settings: &self.s.settings_i, keys: &self.s.alice, directory: &trust };
        self.fork.receive(&end, r1, now, &mut self.s.rng)
    }
}

#[test]
fn forking_to_three() {
    for d in [Demand::Bound, Demand::Rfc6267] {
        let mut f = Forked::new(d);
        assert_eq!(f.fork.dialled().unwrap().name(), &name(BOB));
        let mut tgks = Vec::new();
        let answers = f.answers.clone();
        let branches: Vec<_> = answers.iter().map(|r1| f.hear(r1, NOW).unwrap()).collect();
        assert_eq!((f.fork.branches(), f.fork.is_open()), (3, false));
        f.fork.close();
        for ((reply, half), keys) in
            branches.into_iter().zip(std::mem::take(&mut f.halves)).zip(f.devices.clone_keys(&f.s))
        {
            let Reply::Other(answered) = reply else { panic!("under a name of its own") };
            assert!(answered.opened_first());
            assert_eq!(answered.by, *keys[1].identity());
            let (waiting, i2) = f.s.alice_goes_on(answered.accept());
            let (theirs, r2) = f.s.hears_i2(&keys, half, &i2).unwrap();
            let ours = f.s.alice_ends(waiting, &r2).unwrap();
            assert_eq!(matches!(ours, Outcome::Bound(_)), d == Demand::Bound);
            let (ours, theirs) = (session(ours), session(theirs));
            assert_same(&ours, &theirs);
            assert_eq!(ours.dialled(), &name(BOB));
            tgks.push(ours.keys().tgk().expose().to_vec());
        }
        tgks.sort();
        tgks.dedup();
        assert_eq!(tgks.len(), 3, "each branch has a key of its own");
    }
}

trait CloneKeys {
    fn clone_keys(&self, s: &Scene) -> Vec<Vec<PrivateKey>>;
}

impl CloneKeys for Vec<Vec<PrivateKey>> {
    /// Private keys are not to be copied; the server issues them again.
    fn clone_keys(&self, s: &Scene) -> Vec<Vec<PrivateKey>> {
        self.iter().map(|keys| keys.iter().map(|k| s.b.issue(k.identity().name().as_str(), NOW)).collect()).collect()
    }
}

#[test]
fn swapped_branches() {
    // I_MESSAGE_2 of the desk given to the phone, and R_MESSAGE_2 of one branch to the other.
    let mut f = Forked::new(Demand::Bound);
    let answers = f.answers.clone();
    let mut readies = Vec::new();
    for r1 in &answers[..2] {
        let Reply::Other(answered) = f.hear(r1, NOW).unwrap() else { panic!("branch") };
        readies.push(answered.accept());
    }
    let phone_ready = readies.pop().unwrap();
    let (desk_waits, to_desk) = f.s.alice_goes_on(readies.pop().unwrap());
    let (phone_waits, to_phone) = f.s.alice_goes_on(phone_ready);
    let devices = f.devices.clone_keys(&f.s);
    let mut halves = std::mem::take(&mut f.halves).into_iter();
    let (desk, phone) = (halves.next().unwrap(), halves.next().unwrap());
    let (e, phone) = f.s.hears_i2(&devices[1], phone, &to_desk).map(drop).unwrap_err();
    assert_eq!(e, CallRefusal::OtherCall("IDRr").into());
    let (_, r2_desk) = f.s.hears_i2(&devices[0], desk, &to_desk).unwrap();
    let (_, r2_phone) = f.s.hears_i2(&devices[1], phone.unwrap(), &to_phone).unwrap();
    let (e, desk_waits) = f.s.alice_ends(desk_waits, &r2_phone).map(drop).unwrap_err();
    assert!(matches!(e, CallError::Refused(CallRefusal::OtherCall(_))));
    assert!(f.s.alice_ends(desk_waits.unwrap(), &r2_desk).is_ok());
    assert!(f.s.alice_ends(phone_waits, &r2_phone).is_ok());
}

#[test]
fn branches_under_one_name_are_told_apart_by_their_shares() {
    // Two devices that have the called key alone: I_MESSAGE_2 opens on both, and ECCPTr is one's own.
    let mut s = Scene::new("one name");
    let (dialled, i1) = s.dial();
    let bob = vec![s.b.issue(BOB, NOW)];
    let (first, r1) = s.answer(&bob, &i1, &Answering::DIALLED).unwrap();
    let (second, _) = s.answer(&bob, &i1, &Answering::DIALLED).unwrap();
    let ready = as_dialled(s.alice_hears(dialled, &r1).unwrap());
    let (waiting, i2) = s.alice_goes_on(ready);
    // The map has an SSRC of the first one's.
    let (e, _) = s.hears_i2(&bob, second, &i2).map(drop).unwrap_err();
    assert!(matches!(e, CallError::Refused(CallRefusal::OtherCall("CS ID map")) | CallError::Protocol(Error::Decrypt)));
    let ssrcs = Answering { identity: As::Dialled, ssrcs: &[5] };
    let (_, r2) = s.hears_i2(&bob, first, &i2).unwrap();
    assert!(s.alice_ends(waiting, &r2).is_ok());
    // With the same SSRC on both it is the share that tells.
    let (dialled, i1) = s.dial();
    let (_, r1) = s.answer(&bob, &i1, &ssrcs).unwrap();
    let (second, _) = s.answer(&bob, &i1, &ssrcs).unwrap();
    let ready = as_dialled(s.alice_hears(dialled, &r1).unwrap());
    let (_, i2) = s.alice_goes_on(ready);
    assert_eq!(s.hears_i2(&bob, second, &i2).map(drop).unwrap_err().0, Error::Decrypt.into());
}

#[test]
fn losers_learn_nothing_but_x() {
    // The phone has the common key: it opens I_MESSAGE_1 and nothing else of the desk's branch.
    let mut f = Forked::new(Demand::Bound);
    let answers = f.answers.clone();
    let Reply::Other(answered) = f.hear(&answers[0], NOW).unwrap() else { panic!("branch") };
    let (_, i2) = f.s.alice_goes_on(answered.accept());
    let (plain, _) = open(&f.i1, &f.devices[1][0]);
    assert_eq!(points(&inside(&plain)).len(), 1);
    // R_MESSAGE_1 and I_MESSAGE_2 of the desk open with alice's and the desk's key, and with none of the phone's.
    assert!(try_open(&answers[0], &f.s.alice[0]).is_some() && try_open(&i2, &f.devices[0][1]).is_some());
    for message in [&answers[0], &i2] {
        assert!(f.devices[1].iter().all(|key| try_open(message, key).is_none()));
    }
}

#[test]
fn a_fork_has_a_limit_a_deadline_and_an_end() {
    let mut f = Forked::new(Demand::Bound);
    let answers = f.answers.clone();
    let _ = f.hear(&answers[0], NOW).unwrap();
    assert_eq!(f.hear(&answers[0], NOW).unwrap_err(), CallRefusal::OtherCall("answered branch").into());
    let mut bad = answers[1].clone();
    *bad.last_mut().unwrap() ^= 1;
    assert_eq!(f.hear(&bad, NOW).unwrap_err(), Error::Decrypt.into());
    assert_eq!(f.hear(&answers[1], NOW + 61).unwrap_err(), PeerError::Deadline.into());
    assert_eq!(f.hear(&answers[1], NOW).unwrap_err(), CallRefusal::Closed.into(), "x is gone");
    let mut f = Forked::new(Demand::Bound);
    f.fork.close();
    assert_eq!(f.hear(&answers[1], NOW).unwrap_err(), CallRefusal::Closed.into());
    let (dialled, _) = f.s.dial();
    let mut one = dialled.fork(0);
    let trust = f.s.trust();
    let end = End { settings: &f.s.settings_i, keys: &f.s.alice, directory: &trust };
    let refused = one.receive(&end, &answers[0], NOW, &mut f.s.rng).unwrap_err();
    assert_eq!(refused, CallRefusal::Branches { limit: 0 }.into());
    const { assert!(BRANCH_LIMIT == 16) };
}

#[test]
fn a_redirected_call_is_a_new_one() {
    let mut s = Scene::new("redirect");
    let (first, i1) = s.dial();
    // A proxy says: try the phone. Alice calls the phone; nothing of the first call is used again.
    drop(first);
    let trust = s.trust();
    let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    let (dialled, again) = end.call(s.alice[0].identity(), &name(PHONE), &offer(SUITE), NOW, &mut s.rng).unwrap();
    assert_ne!(Message::parse(&i1).unwrap().rand(), Message::parse(&again).unwrap().rand());
    let phone = vec![s.b.issue(PHONE, NOW)];
    let (half, r1) = s.answer(&phone, &again, &Answering::DIALLED).unwrap();
    let ready = as_dialled(s.alice_hears(dialled, &r1).unwrap());
    let (waiting, i2) = s.alice_goes_on(ready);
    let (theirs, r2) = s.hears_i2(&phone, half, &i2).unwrap();
    let ours = s.alice_ends(waiting, &r2).unwrap();
    assert!(matches!((&ours, &theirs), (Outcome::Bound(_), Outcome::Bound(_))));
    assert_same(&session(ours), &session(theirs));
}

#[test]
fn silent_retarget_accepted_and_refused() {
    for suite in Suite::PREFERENCE {
        for d in [Demand::Bound, Demand::Rfc6267] {
            let mut s = Scene::with("retarget", d);
            let carol = vec![s.a.issue(CAROL, NOW)];
            let retarget = Answering { identity: As::Retargeted(&carol[0]), ssrcs: &[77] };
            let (dialled, i1) = s.dial_with(&offer(suite));
            let (half, r1) = s.answer(&carol, &i1, &retarget).unwrap();
            let Reply::Other(answered) = s.alice_hears(dialled, &r1).unwrap() else { panic!("as dialled") };
            assert!(!answered.opened_first());
            assert_eq!(answered.by, *carol[0].identity());
            let (waiting, i2) = s.alice_goes_on(answered.accept());
            let (theirs, r2) = s.hears_i2(&carol, half, &i2).unwrap();
            assert!(matches!(
                Message::parse(&r2).unwrap().optional(ibake::mikey::numbers::PayloadType::IBAKE),
                Ok(Some(_))
            ));
            // The echo of ECCPTi is covered: nothing of R_MESSAGE_2 may be another.
            let mut bad = r2.clone();
            bad[r2.len() / 2] ^= 1;
            let (_, waiting) = s.alice_ends(waiting, &bad).map(drop).unwrap_err();
            let ours = s.alice_ends(waiting.unwrap(), &r2).unwrap();
            match (d, &ours, &theirs) {
                (Demand::Bound, Outcome::BoundUnopened(_), Outcome::BoundUnopened(_)) => {}
                (Demand::Rfc6267, Outcome::Rfc6267Unopened(_), Outcome::Rfc6267Unopened(_)) => {}
                other => panic!("{other:?}"),
            }
            assert_eq!(ours.lacks(), theirs.lacks());
            let (ours, theirs) = (session(ours), session(theirs));
            assert_same(&ours, &theirs);
            assert_eq!((ours.suite(), ours.sessions()[1].ssrc), (Suite::P521Aes256Gcm, 77), "carol's first choice");

            let (dialled, i1) = s.dial_with(&offer(suite));
            let (half, r1) = s.answer(&carol, &i1, &retarget).unwrap();
            let Reply::Other(answered) = s.alice_hears(dialled, &r1).unwrap() else { panic!("as dialled") };
            let goodbye = answered.refuse().unwrap();
            assert_eq!(Message::parse(&goodbye).unwrap().header().data_type, DataType::ERROR);
            assert!(s.hears_i2(&carol, half, &goodbye).is_err());
        }
    }
}

#[test]
fn who_is_called_opens_or_does_not_answer() {
    let mut s = Scene::new("opens");
    let (_, i1) = s.dial();
    let bob = vec![s.b.issue(BOB, NOW)];
    let retarget = Answering { identity: As::Retargeted(&bob[0]), ssrcs: &[] };
    assert_eq!(s.answer(&bob, &i1, &retarget).unwrap_err(), KeyError::Missing.into());
    // A branch without the common key, a group that alice does not take.
    let phone = vec![s.b.issue(PHONE, NOW)];
    let branch = Answering { identity: As::Branch(&phone[0]), ssrcs: &[] };
    assert_eq!(s.answer(&phone, &i1, &branch).unwrap_err(), KeyError::Missing.into());
    let (dialled, i1) = s.dial();
    let retarget = Answering { identity: As::Retargeted(&phone[0]), ssrcs: &[] };
    let (_, r1) = s.answer(&phone, &i1, &retarget).unwrap();
    s.settings_i.suites = vec![SUITE];
    assert_eq!(s.alice_hears(dialled, &r1).unwrap_err().0, PeerError::NoCommonSuite.into());
}
