//! Who answers, and when: plain calls, forks, retargets, early media.

use getrandom::SysRng;
use ibake::mikey::call::{AwaitI2, CallError, CallRefusal, Outcome, Reply, Session};
use ibake::mikey::explain;

use super::world::{Done, How, User, World, agree, check, complete, disjoint};
use super::{content, hostile, services};

type Scene = fn(&World) -> Done;

/// Name, what happens, and the scene.
pub(crate) const ALL: &[(&str, &str, Scene)] = &[
    ("plain", "a call between two districts", plain),
    ("forking", "three devices ring, one is picked up", forking),
    ("redirect", "the network says whom to call instead", redirect),
    ("retarget", "somebody else answers, and the caller decides", retarget),
    ("deferred", "a voicemail for who is away", content::deferred),
    ("pre-encoded", "one film, encoded once, for many", content::pre_encoded),
    ("message", "a text for who is away", content::message),
    ("push-to-talk", "a burst to a group", content::push_to_talk),
    ("early-media", "a branch is heard before it is picked up", early_media),
    ("conference", "a focus answers under its own name", services::conference),
    ("transcoder", "a machine in the path, and both users see it", services::transcoder),
    ("hostile-proxy", "a proxy tries what it can", hostile::proxy),
];

fn plain(w: &World) -> Done {
    let alice = w.user(&["sip:alice@a.example"])?;
    let mut bob = w.user(&["sip:bob@b.example"])?;
    let (ours, theirs) = w.call(&alice, &mut bob)?;
    check(agree(&ours, &theirs), "both have the same keys for both streams")?;
    check(ours.peer() == bob.identity() && theirs.peer() == alice.identity(), "each knows whom it talks to")
}

/// A branch as the caller has it, and as the device has it.
struct Branch {
    device: User,
    reply: Reply,
    half: AwaitI2,
}

/// Rings at devices that share bob's key, and gives their answers.
fn ring(w: &World, alice: &User, names: &[&str]) -> Done<Vec<Branch>> {
    let bob = w.user(&["sip:bob@b.example"])?;
    let (dialled, i1) = w.dial(alice, bob.name())?;
    let mut fork = dialled.fork(names.len());
    let mut branches = Vec::new();
    for name in names {
        // Its own key, under which it answers, and that of the common name, which opens the first message.
        let mut device = w.user(&[name, "sip:bob@b.example"])?;
        let (half, r1) = w.answer(&mut device, &i1, How::Branch)?;
        let reply = fork.receive(&w.end(alice), &r1, w.now, &mut SysRng)?;
        branches.push(Branch { device, reply, half });
    }
    let mut late = w.user(&["sip:late@b.example", "sip:bob@b.example"])?;
    let (_, r1) = w.answer(&mut late, &i1, How::Branch)?;
    let one_more = fork.receive(&w.end(alice), &r1, w.now, &mut SysRng);
    check(
        matches!(one_more, Err(CallError::Refused(CallRefusal::Branches { .. }))),
        "no more branches answer than the caller allowed",
    )?;
    fork.close();
    check(!fork.is_open(), "x is wiped when the caller closes the fork")?;
    Ok(branches)
}

/// Goes on with a branch to its keys.
fn pick_up(w: &World, alice: &User, branch: Branch) -> Done<(Session, Session)> {
    let Reply::Other(answered) = branch.reply else { return Err("a branch has a name of its own".into()) };
    println!("  {} answers for {}", answered.by.name(), answered.dialled.name());
    check(answered.opened_first(), "it opened what was sealed to the one called: it belongs to them")?;
    let (ours, theirs) = w.finish(alice, answered.accept(), &branch.device, branch.half)?;
    Ok((complete(ours)?, complete(theirs)?))
}

fn forking(w: &World) -> Done {
    let alice = w.user(&["sip:alice@a.example"])?;
    let names = ["sip:bob-desk@b.example", "sip:bob-phone@b.example", "sip:bob-tablet@b.example"];
    let mut sessions = Vec::new();
    for branch in ring(w, &alice, &names)? {
        let (ours, theirs) = pick_up(w, &alice, branch)?;
        check(agree(&ours, &theirs), "caller and branch have the same keys")?;
        sessions.push(ours);
    }
    let apart = (0..3).all(|i| (0..i).all(|j| disjoint(&sessions[i], &sessions[j])));
    check(apart, "each branch has keys of its own: those that lost have nothing of the one that won")
}

fn redirect(w: &World) -> Done {
    let alice = w.user(&["sip:alice@a.example"])?;
    let bob = w.user(&["sip:bob@b.example"])?;
    let mut carol = w.user(&["sip:carol@b.example"])?;
    let (abandoned, first) = w.dial(&alice, bob.name())?;
    drop(abandoned);
    println!("  302: sip:carol@b.example. The caller, not the network, dials again");
    let (dialled, second) = w.dial(&alice, carol.name())?;
    check(!explain(&second).to_string().contains("bob") && first != second, "a new call: new bundle, RAND and share")?;
    check(w.answer(&mut carol, &first, How::Dialled).is_err(), "the first message is nothing to carol")?;
    let (half, r1) = w.answer(&mut carol, &second, How::Dialled)?;
    let Reply::AsDialled(ready) = w.reply(&alice, dialled, &r1)? else { return Err("somebody else".into()) };
    let (ours, theirs) = w.finish(&alice, ready, &carol, half)?;
    check(agree(&complete(ours)?, &complete(theirs)?), "keys with carol, lacking nothing")
}

fn retarget(w: &World) -> Done {
    let alice = w.user(&["sip:alice@a.example"])?;
    let bob = w.user(&["sip:bob@b.example"])?;
    for accepted in [true, false] {
        let mut carol = w.user(&["sip:carol@b.example"])?;
        let (dialled, i1) = w.dial(&alice, bob.name())?;
        let (half, r1) = w.answer(&mut carol, &i1, How::Retargeted)?;
        let Reply::Other(answered) = w.reply(&alice, dialled, &r1)? else { return Err("not as dialled".into()) };
        println!("  dialled {}, answered by {}", answered.dialled.name(), answered.by.name());
        check(!answered.opened_first(), "carol could not open what was for bob, and the caller is told")?;
        if !accepted {
            let refusal = answered.refuse()?;
            check(
                explain(&refusal).to_string().contains("ERR"),
                "no: the call ends, with an error message for who answered",
            )?;
            drop(half);
            continue;
        }
        let (ours, theirs) = w.finish(&alice, answered.accept(), &carol, half)?;
        let (Outcome::BoundUnopened(ours), Outcome::BoundUnopened(theirs)) = (ours, theirs) else {
            return Err("the type must say that the first message stayed closed".into());
        };
        check(agree(&ours, &theirs), "yes: keys with carol; the type says that the first message stayed closed")?;
        check(ours.dialled() == bob.name() && ours.peer() == carol.identity(), "whom it was meant for stays known")?;
    }
    Ok(())
}

fn early_media(w: &World) -> Done {
    let alice = w.user(&["sip:alice@a.example"])?;
    println!("  the exchange is over before anybody picks up: 183, PRACK, 200 carry it, 200 OK comes later");
    let mut heard = Vec::new();
    for branch in ring(w, &alice, &["sip:bob-desk@b.example", "sip:bob-phone@b.example"])? {
        let (ours, theirs) = pick_up(w, &alice, branch)?;
        check(agree(&ours, &theirs), "its ringing tone is decoded with keys of its own")?;
        heard.push(ours);
    }
    check(disjoint(&heard[0], &heard[1]), "early media of one branch cannot be taken for that of another")?;
    let lost = heard.remove(0);
    println!("  487 from {}: its session is dropped, and wiped", lost.peer().name());
    drop(lost);
    check(heard.len() == 1, "the branch that is picked up keeps its keys; nothing is agreed on again")
}
