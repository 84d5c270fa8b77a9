//! Machines that take part: a conference focus, a transcoder.

use ibake::mikey::call::{Outcome, Reply, Session};

use super::world::{Done, How, World, agree, check, disjoint};

/// Who has the keys of a leg besides the caller.
fn who_hears(leg: &Session) -> &str {
    leg.peer().name().as_str()
}

pub(crate) fn conference(w: &World) -> Done {
    let mut focus = w.user(&["sip:conference-7@b.example"])?;
    let mut legs = Vec::new();
    for name in ["sip:alice@a.example", "sip:carol@b.example", "sip:dave@a.example"] {
        let member = w.user(&[name])?;
        let (ours, at_focus) = w.call(&member, &mut focus)?;
        check(agree(&ours, &at_focus), &format!("{name} and the focus have keys"))?;
        check(who_hears(&ours) == "sip:conference-7@b.example", "the member sees that it talks to a focus")?;
        check(at_focus.peer() == member.identity(), "the focus knows who joined, and admits by that")?;
        legs.push(ours);
    }
    let apart = (0..3).all(|i| (0..i).all(|j| disjoint(&legs[i], &legs[j])));
    check(apart, "every leg has its own keys: members cannot read or forge each other's legs")?;
    println!("  the focus hears everybody: who may be one is decided by who gets a key for its name");
    Ok(())
}

pub(crate) fn transcoder(w: &World) -> Done {
    let alice = w.user(&["sip:alice@a.example"])?;
    let mut bob = w.user(&["sip:bob@b.example"])?;
    let mut machine = w.user(&["sip:transcoder@b.example"])?;
    // The network routes the call through it. It has no key of bob's, so it answers as what it is.
    let (dialled, i1) = w.dial(&alice, bob.name())?;
    let as_bob = w.answer(&mut machine, &i1, How::Dialled);
    check(as_bob.is_err(), "it cannot answer as bob")?;
    let (half, r1) = w.answer(&mut machine, &i1, How::Retargeted)?;
    let Reply::Other(answered) = w.reply(&alice, dialled, &r1)? else { return Err("not as dialled".into()) };
    println!("  alice reads: dialled {}, answered by {}", answered.dialled.name(), answered.by.name());
    let (ours, theirs) = w.finish(&alice, answered.accept(), &machine, half)?;
    let (Outcome::BoundUnopened(first), Outcome::BoundUnopened(_)) = (ours, theirs) else {
        return Err("the type must say that the first message stayed closed".into());
    };
    // The second leg begins at the machine, under its own name again.
    let (second, at_bob) = w.call(&machine, &mut bob)?;
    println!("  bob reads: called by {}", who_hears(&at_bob));
    check(who_hears(&first) == "sip:transcoder@b.example", "alice's path ends at the transcoder, and she sees it")?;
    check(who_hears(&at_bob) == "sip:transcoder@b.example", "bob's path begins there, and he sees it")?;
    check(disjoint(&first, &second), "two legs, two sets of keys: no path from end to end is pretended")?;
    let (direct, _) = w.call(&alice, &mut bob)?;
    check(direct.peer() == bob.identity(), "a direct call names bob")
}
