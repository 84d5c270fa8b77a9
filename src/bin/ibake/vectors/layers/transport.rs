//! What stands around the messages: envelopes, cookies, exports. SPEC.md 5.8, 5.8.1, 5.4.6.

use ibake::ibake::envelope::{Envelope, Reason};
use ibake::ibake::guard::CookieJar;
use ibake::kdf::{hash, label};
use serde_json::{Value, json};

use super::exchange::{FIELDS, finished};
use crate::vectors::cases::{case, times};
use crate::vectors::fault::agree;
use crate::vectors::fields::Kind::{Bytes, Number, NumberList, Text};
use crate::vectors::fields::{Field, Out, hex, input, optional, output, sometimes};
use crate::vectors::formulas::{exp_key, lp};
use crate::vectors::rng::Script;
use crate::vectors::{Case, Group};

pub(super) const COOKIE: Group = Group {
    kind: "cookie",
    about: "R's own form of a cookie, made at issued and checked at now; given: what comes back, if it is not the cookie itself.",
    fields: &[
        input("secret", Bytes),
        input("source", Bytes),
        input("M1", Bytes),
        input("issued", Number),
        input("now", Number),
        optional("given", Bytes),
        output("cookie", Bytes),
    ],
    compute: |f| {
        let secret = f.array::<32>("secret")?;
        let jar = CookieJar::new(&mut Script::new(vec![secret.to_vec()]))?;
        let (source, m1, issued) = (f.bytes("source")?, f.bytes("M1")?, f.number("issued")?);
        let cookie = jar.issue(&source, &m1, issued);
        let time = issued.to_be_bytes();
        let tag = exp_key(&secret, &[label("cookie").as_ref(), &time, &lp(&source), &hash(&[&m1])]);
        // The first 16 bytes of a longer expansion: one block of HKDF either way.
        agree("the cookie", [&time[..], tag.get(..16).unwrap_or(&[])].concat() == cookie)?;
        let given = if f.has("given") { f.array("given")? } else { cookie };
        jar.check(&given, &source, &m1, f.number("now")?)?;
        let mut out = Out::default();
        out.bytes("cookie", cookie);
        Ok(out)
    },
};

pub(super) const ENVELOPE: Group = Group {
    kind: "envelope",
    about: "What an envelope holds: message (types 1, 3), cookie (2, 3), or reason and registered suites (4).",
    fields: &[
        input("envelope", Bytes),
        output("kind", Number),
        sometimes("message", Bytes),
        sometimes("cookie", Bytes),
        sometimes("reason", Number),
        sometimes("suites", NumberList),
    ],
    compute: |f| {
        let bytes = f.bytes("envelope")?;
        let mut out = Out::default();
        match Envelope::decode(&bytes)? {
            Envelope::Message(m) => out.put("kind", 1).bytes("message", m),
            Envelope::Challenge(cookie) => out.put("kind", 2).bytes("cookie", cookie),
            Envelope::WithCookie(cookie, m) => out.put("kind", 3).bytes("cookie", cookie).bytes("message", m),
            Envelope::Reply(reason, suites) => {
                let suites: Vec<u16> = suites.iter().map(|s| s.id()).collect();
                out.put("kind", 4).put("reason", reason_number(reason)).put("suites", suites)
            }
        };
        Ok(out)
    },
};

const fn reason_number(reason: Reason) -> u8 {
    reason as u8
}

/// The inputs of an exchange, and of one export of its session.
const EXPORT_FIELDS: &[Field] = &{
    let extra = [input("label", Text), input("context", Bytes), input("L", Number), output("H(exported)", Bytes)];
    let [a, b, c, d] = extra;
    let [e, f, g, h, i, j, k, ..] = FIELDS else { panic!("the inputs of an exchange") };
    [a, b, c, d, *e, *f, *g, *h, *i, *j, *k]
};

pub(super) const EXPORT: Group = Group {
    kind: "export",
    about: "L bytes exported from a session, hashed.",
    fields: EXPORT_FIELDS,
    compute: |f| {
        let length = usize::try_from(f.number("L")?).ok().filter(|l| *l <= 1 << 20);
        let length = length.ok_or_else(|| crate::vectors::fault::malformed("L is above 2^20"))?;
        let mut exported = vec![0; length];
        let session = finished(f)?;
        session.export(f.text("label")?.as_bytes(), &f.bytes("context")?, &mut exported)?;
        let mut out = Out::default();
        out.bytes("H(exported)", hash(&[&exported]));
        Ok(out)
    },
};

pub(super) fn cookies() -> Vec<Case> {
    let of = |comment: &str, now: u64, more: Value| {
        let mut inputs = json!({
            "secret": times("5a", 32), "source": hex(b"192.0.2.1:5060"), "M1": times("00", 500), "issued": 1000, "now": now,
        });
        for (name, value) in crate::vectors::cases::map(more) {
            inputs[name] = value;
        }
        case(comment, &["Cookie"], inputs)
    };
    vec![
        of("at once", 1000, json!({})),
        of("after 30 seconds", 1030, json!({})),
        of("after 31 seconds", 1031, json!({})),
        of("before its time", 999, json!({})),
        of("a cookie of nobody", 1000, json!({ "given": times("00", 24) })),
    ]
}

pub(super) fn envelopes() -> Vec<Case> {
    let of = |comment: &str, bytes: &[u8]| case(comment, &["Envelope"], json!({ "envelope": hex(bytes) }));
    let cookie = [7; 24];
    vec![
        of("a message, which is not looked at", &[1, 0xff]),
        of("a demand for a cookie", &[&[2][..], &cookie].concat()),
        of("M1 again", &[&[3][..], &cookie, b"M1"].concat()),
        of("another suite is needed", &[4, 2, 3, 0, 5, 0xff, 0, 0, 1]),
        of("busy, no list", &[4, 3, 0]),
        of("an unknown reason counts as 1", &[4, 99, 0]),
        of("nothing", &[]),
        of("an unknown type", &[5, 0]),
        of("a short cookie", &[2, 7]),
        of("a byte behind a cookie", &[&[2][..], &cookie, &[0]].concat()),
        of("a suite twice", &[4, 2, 2, 0, 1, 0, 1]),
        of("a byte behind the list", &[4, 2, 1, 0, 1, 0]),
    ]
}
