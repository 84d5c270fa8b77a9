//! Whole calls: SPEC.md 13.8 to 13.15, every value of them.

use super::{call_cases, deposits};
use crate::vectors::calls::{self, Ends, Heard, session};
use crate::vectors::fault::{Fault, malformed};
use crate::vectors::fields::Kind::{Bool, Bytes, BytesList, Number, NumberList, Text, TextList};
use crate::vectors::fields::{Fields, Out, input, optional, output, sometimes};
use crate::vectors::rng::Script;
use crate::vectors::{Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "calls",
    spec: "13.8, 13.9, 13.10, 13.11, 13.12, 13.13, 13.15",
    about: "Calls by MIKEY-IBAKE: all random bytes in the order drawn, the messages and every value on the way; what a final \
            recipient makes of what was left; calls in which other messages arrive than were sent.",
    groups: &[CALL, UPDATE, deposits::OPEN, INTERCEPTED],
    notes: &[
        ("Bound", "KEY_SEPARATION", "Profile bound: the KEM secrets of all messages are in the keys."),
        ("Rfc6267", "INTEROPERABILITY", "Profile rfc6267: the keys come from K_SESSION alone."),
        ("Hybrid", "POST_QUANTUM", "d||z, m and ss of ML-KEM-768 stand exactly in hybrid suites."),
        ("Fork", "KEY_SEPARATION", "Both branches answer one I_MESSAGE_1 and get keys of their own."),
        ("Redirect", "KEY_REUSE", "A redirected call is a new call, with CSB ID, RAND and x of its own."),
        ("Retarget", "ESCROW", "Somebody answers who did not open the first message; I_MESSAGE_2 has an ESK."),
        ("Content", "KEY_REUSE", "The key of content that was encoded before goes into an ESK."),
        ("Mikey1", "LEGACY", "MIKEY-1 and HMAC-SHA-1-160."),
        ("Sessions", "ENCODING", "Several streams, an MKI, a list of key management protocols, an e-mail name."),
        ("Update", "FORWARD_SECRECY", "Fresh shares in a call that is up."),
        ("Deposit", "ESCROW", "What was left, as its final recipient opens it."),
        ("Attack", "IMPERSONATION", "An attack that succeeds where the type of the result says what is lacking."),
    ],
    cases: call_cases::cases,
};

/// What both ends know and draw.
macro_rules! inputs {
    ($($more:expr),* $(,)?) => {
        &[
            input("now", Number),
            input("parameters_I", Bytes),
            input("parameters_R", Bytes),
            input("private_keys_I", BytesList),
            input("private_keys_R", BytesList),
            input("dialled", Text),
            input("answers", Text),
            input("suite", Text),
            input("demand_I", Text),
            input("demand_R", Text),
            input("profiles_I", TextList),
            input("profiles_R", TextList),
            input("SSRCs_I", NumberList),
            input("SSRCs_R", NumberList),
            optional("suites_R", NumberList),
            optional("PRF", Number),
            optional("MKI", Bytes),
            optional("protocols", Text),
            optional("content_key", Bytes),
            input("randomness", BytesList),
            $($more),*
        ]
    };
}

const CALL: Group = Group {
    kind: "call",
    about: "A whole call. parameters_I are those of the initiator's name, parameters_R those of all others. The first private \
            key of an end is its own. answers: dialled; branch, with the key of the one called among private_keys_R; or \
            retargeted. demand: bound, bound if possible, rfc6267. SSRCs_I: one for each crypto session, 0 where R sends it; \
            SSRCs_R: those of R in their order. profiles_I are offered for every session, profiles_R accepted. suites_R: what \
            R accepts, without it all. PRF: 0 MIKEY-1, 1 (also without it) PRF-HMAC-SHA-256. x', X' where I draws a second \
            share; names that end in I1, R1, ESK, I2, R2 are of the box there.",
    fields: inputs![
        output("CSB ID", Bytes),
        output("RAND", Bytes),
        output("T_1", Bytes),
        output("T_2", Bytes),
        output("x", Bytes),
        output("X", Bytes),
        sometimes("d||z", Bytes),
        output("sigma_I1", Bytes),
        output("k_I1", Bytes),
        output("U_I1", Bytes),
        output("V_I1", Bytes),
        output("K_I1", Bytes),
        output("H(ad)_I1", Bytes),
        output("pt_I1", Bytes),
        output("I_MESSAGE_1", Bytes),
        output("y", Bytes),
        output("Y", Bytes),
        sometimes("m", Bytes),
        sometimes("ss", Bytes),
        output("sigma_R1", Bytes),
        output("k_R1", Bytes),
        output("U_R1", Bytes),
        output("V_R1", Bytes),
        output("K_R1", Bytes),
        output("H(ad)_R1", Bytes),
        output("pt_R1", Bytes),
        output("R_MESSAGE_1", Bytes),
        output("answered_by", Text),
        sometimes("x'", Bytes),
        sometimes("X'", Bytes),
        sometimes("SK", Bytes),
        sometimes("place", Bytes),
        sometimes("SIGN", Bytes),
        sometimes("sigma_ESK", Bytes),
        sometimes("k_ESK", Bytes),
        sometimes("U_ESK", Bytes),
        sometimes("V_ESK", Bytes),
        sometimes("K_ESK", Bytes),
        sometimes("H(ad)_ESK", Bytes),
        sometimes("pt_ESK", Bytes),
        sometimes("deposit", Bytes),
        output("sigma_I2", Bytes),
        output("k_I2", Bytes),
        output("U_I2", Bytes),
        output("V_I2", Bytes),
        output("K_I2", Bytes),
        output("H(ad)_I2", Bytes),
        output("pt_I2", Bytes),
        output("I_MESSAGE_2", Bytes),
        sometimes("sigma_R2", Bytes),
        sometimes("k_R2", Bytes),
        sometimes("U_R2", Bytes),
        sometimes("V_R2", Bytes),
        sometimes("K_R2", Bytes),
        sometimes("H(ad)_R2", Bytes),
        sometimes("pt_R2", Bytes),
        output("K_SESSION", Bytes),
        sometimes("H(messages)", Bytes),
        sometimes("K_BOUND", Bytes),
        output("MPK", Bytes),
        output("TGK", Bytes),
        output("auth_key", Bytes),
        output("Ver_R2", Bytes),
        output("R_MESSAGE_2", Bytes),
        output("profiles", TextList),
        output("SSRCs", NumberList),
        output("senders", TextList),
        output("TEK", BytesList),
        output("salt", BytesList),
        output("inline", TextList),
        output("outcome", Text),
    ],
    compute: |f| {
        let e = Ends::of(f)?;
        let mut rng = Script::new(f.list("randomness")?);
        let mut sent = Vec::new();
        let ended = calls::call(&e, &Heard::default(), &mut rng, &mut sent)?;
        used_up(&rng)?;
        Ok(calls::trace_call(f, &e, &sent, &ended)?.0)
    },
};

const UPDATE: Group = Group {
    kind: "update",
    about: "An update of the call of these inputs; randomness goes on with its draws. begins: initiator or responder, at \
            update_now, with MKI_new and more streams of its own, SSRCs_new, under the profiles that it has. X is the share \
            of who begins. Where I_MESSAGE_1' or R_MESSAGE_1' stands there, it is heard in the place of what was sent.",
    fields: inputs![
        input("begins", Text),
        input("update_now", Number),
        optional("MKI_new", Bytes),
        optional("SSRCs_new", NumberList),
        optional("I_MESSAGE_1'", Bytes),
        optional("R_MESSAGE_1'", Bytes),
        output("T_1", Bytes),
        output("x", Bytes),
        output("X", Bytes),
        sometimes("d||z", Bytes),
        output("sigma_I1", Bytes),
        output("k_I1", Bytes),
        output("U_I1", Bytes),
        output("V_I1", Bytes),
        output("K_I1", Bytes),
        output("H(ad)_I1", Bytes),
        output("pt_I1", Bytes),
        output("auth_key", Bytes),
        output("Ver_I1", Bytes),
        output("I_MESSAGE_1", Bytes),
        output("y", Bytes),
        output("Y", Bytes),
        sometimes("m", Bytes),
        sometimes("ss", Bytes),
        output("sigma_R1", Bytes),
        output("k_R1", Bytes),
        output("U_R1", Bytes),
        output("V_R1", Bytes),
        output("K_R1", Bytes),
        output("H(ad)_R1", Bytes),
        output("pt_R1", Bytes),
        output("Ver_R1", Bytes),
        output("R_MESSAGE_1", Bytes),
        output("K_SESSION", Bytes),
        sometimes("H(messages)", Bytes),
        sometimes("K_BOUND'", Bytes),
        output("MPK", Bytes),
        output("TGK", Bytes),
        output("profiles", TextList),
        output("SSRCs", NumberList),
        output("senders", TextList),
        output("TEK", BytesList),
        output("salt", BytesList),
        output("inline", TextList),
    ],
    compute: |f| {
        let e = Ends::of(f)?;
        let mut rng = Script::new(f.list("randomness")?);
        let (mut sent, mut updated) = (Vec::new(), Vec::new());
        let mut ended = calls::call(&e, &Heard::default(), &mut rng, &mut sent)?;
        let (_, left) = calls::trace_call(f, &e, &sent, &ended)?;
        let responder = ended.responder.take().ok_or_else(|| malformed("a call without its other end"))?;
        let (mut i, mut r) = (session(ended.initiator), session(responder));
        calls::update(f, &e, (&mut i, &mut r), &mut rng, &mut updated)?;
        used_up(&rng)?;
        calls::trace_update(f, &e, left, &updated, &i)
    },
};

const INTERCEPTED: Group = Group {
    kind: "intercepted",
    about: "A call in which the messages with a stroke arrive in the place of those that were sent. Where R_MESSAGE_1 is \
            replaced and I_MESSAGE_2 is not, R hears no more and R_MESSAGE_2' is there. again: R gets I_MESSAGE_1 a second \
            time and treats it as a new call. Of the messages sent the last of I is recorded, and what I ends with.",
    fields: inputs![
        optional("I_MESSAGE_1'", Bytes),
        optional("R_MESSAGE_1'", Bytes),
        optional("I_MESSAGE_2'", Bytes),
        optional("R_MESSAGE_2'", Bytes),
        optional("again", Bool),
        output("I_MESSAGE_2", Bytes),
        output("TGK", Bytes),
        output("outcome", Text),
    ],
    compute: |f| {
        let e = Ends::of(f)?;
        let mut rng = Script::new(f.list("randomness")?);
        let mut sent = Vec::new();
        let ended = calls::call(&e, &Heard::of(f)?, &mut rng, &mut sent)?;
        used_up(&rng)?;
        let mut out = Out::default();
        out.bytes("I_MESSAGE_2", sent.get(2).cloned().unwrap_or_default());
        out.put("outcome", calls::outcome(&ended.initiator));
        out.bytes("TGK", session(ended.initiator).keys().tgk().expose());
        Ok(out)
    },
};

fn used_up(rng: &Script) -> Result<(), Fault> {
    if rng.is_used_up() { Ok(()) } else { Err(malformed("randomness has more draws than the call takes")) }
}

/// The values of a call, for cases that are made of one.
pub(super) fn values(f: &Fields) -> Result<Out, Fault> {
    (CALL.compute)(f)
}

/// The values of an update.
pub(crate) fn update_values(f: &Fields) -> Result<Out, Fault> {
    (UPDATE.compute)(f)
}
