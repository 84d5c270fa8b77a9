//! Parameters, fingerprint, proof of possession, text form: SPEC.md 3.4 to 3.9, 3.11.

use ibake::ibe::extract::MasterKey;
use ibake::ibe::introduction::{Introduction, Whose};
use ibake::ibe::params::Description;
use ibake::ibe::{District, Granularity, Identity, PublicParameters};
use serde_json::{Value, json};

use crate::vectors::cases::{case, group};
use crate::vectors::fault::{agree, der};
use crate::vectors::fields::Kind::{Bytes, Number, Text};
use crate::vectors::fields::{Out, hex, input, optional, output};
use crate::vectors::formulas::fingerprint;
use crate::vectors::rng::Seeded;
use crate::vectors::world::{ALICE, BOB, DAY, NOW, World};
use crate::vectors::{Case, CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "parameters",
    spec: "3.4, 3.5, 3.6, 3.7, 3.9, 3.11",
    about: "What a master key publishes, in DER and as text, and when it may be used.",
    groups: &[SETUP, LOAD, LOAD_TEXT, USE, INTRODUCE, ACCEPT],
    notes: &[
        ("Range", "ENCODING", "First and last values of serial, times, granularity."),
        (
            "OtherAlgorithms",
            "SUBSTITUTION",
            "Entries of other algorithms are kept to the byte and change no fingerprint.",
        ),
        ("Text", "SUBSTITUTION", "Readable lines that say something else than what is loaded."),
        ("Time", "STALE_KEY", "Validity has no tolerance and holds both its ends."),
        ("Mismatch", "SUBSTITUTION", "An identity of another district, serial or granularity."),
        ("Introduction", "SUBSTITUTION", "Somebody else vouches, or says something else."),
    ],
    cases,
};

const SETUP: Group = Group {
    kind: "setup",
    about: "P_pub = [s]P2, fingerprint, pop = [s]H_pop(fingerprint), DER and text.",
    fields: &[
        input("s", Bytes),
        input("district", Text),
        input("serial", Number),
        input("notBefore", Number),
        input("notAfter", Number),
        input("granularity", Number),
        optional("pkgURI", Text),
        output("P_pub", Bytes),
        output("fingerprint", Bytes),
        output("pop", Bytes),
        output("parameters", Bytes),
        output("text", Text),
    ],
    compute: |f| {
        let description = Description {
            district: District::parse(&f.text("district")?)?,
            serial: f.number("serial")?,
            not_before: f.number("notBefore")?,
            not_after: f.number("notAfter")?,
            granularity: f.granularity()?,
            pkg_uri: if f.has("pkgURI") { Some(f.text("pkgURI")?) } else { None },
        };
        let parameters = MasterKey::from_bytes(&f.array("s")?)?.public_parameters(description.clone())?;
        let fp = parameters.fingerprint();
        agree("fingerprint", fingerprint(&description, parameters.p_pub_bytes()) == *fp)?;
        agree("the DER read back", PublicParameters::from_der(&parameters.to_der()).as_ref() == Ok(&parameters))?;
        let mut out = Out::default();
        out.bytes("P_pub", parameters.p_pub_bytes()).bytes("fingerprint", fp).bytes("pop", pop(&parameters));
        out.bytes("parameters", parameters.to_der()).put("text", parameters.to_armour());
        Ok(out)
    },
};

const LOAD: Group = Group {
    kind: "load",
    about: "What parameters say; valid if every check of 3.7.1 holds, the proof of possession last.",
    fields: &[
        input("parameters", Bytes),
        output("district", Text),
        output("serial", Number),
        output("notBefore", Number),
        output("notAfter", Number),
        output("granularity", Number),
        output("P_pub", Bytes),
        output("fingerprint", Bytes),
    ],
    compute: |f| {
        let p = der(PublicParameters::from_der(&f.bytes("parameters")?))?;
        let mut out = Out::default();
        out.put("district", p.district().as_str()).put("serial", p.serial()).put("notBefore", p.not_before());
        out.put("notAfter", p.not_after()).put("granularity", p.granularity().id());
        out.bytes("P_pub", p.p_pub_bytes()).bytes("fingerprint", p.fingerprint());
        Ok(out)
    },
};

const LOAD_TEXT: Group = Group {
    kind: "load_text",
    about: "The DER behind the text form of 3.9.",
    fields: &[input("text", Text), output("parameters", Bytes)],
    compute: |f| {
        let mut out = Out::default();
        out.bytes("parameters", PublicParameters::from_armour(&f.text("text")?)?.to_der());
        Ok(out)
    },
};

const USE: Group = Group {
    kind: "use",
    about: "Whether an identity of this granularity may be used under the parameters at now: 3.7.2.",
    fields: &[input("parameters", Bytes), input("ID", Bytes), input("granularity", Number), input("now", Number)],
    compute: |f| {
        let parameters = f.parameters()?;
        let identity = Identity::from_der(&f.bytes("ID")?, f.granularity()?)?;
        parameters.check_time(f.number("now")?)?;
        parameters.check_identity(&identity)?;
        Ok(Out::default())
    },
};

const INTRODUCE: Group = Group {
    kind: "introduce",
    about: "What the district with the master secret s says of others' parameters: 3.11. Rules are separated by spaces.",
    fields: &[
        input("s", Bytes),
        input("signer", Bytes),
        input("parameters", Bytes),
        input("rules", Text),
        input("from", Number),
        input("until", Number),
        output("introduction", Bytes),
    ],
    compute: |f| {
        let signer = der(PublicParameters::from_der(&f.bytes("signer")?))?;
        let issuer = MasterKey::from_bytes(&f.array("s")?)?.issuer(signer.clone())?;
        let rules = f.text("rules")?.split_terminator(' ').map(Whose::parse).collect::<Result<Vec<_>, _>>()?;
        let made = issuer.introduce(&f.parameters()?, &rules, f.number("from")?, f.number("until")?)?;
        agree("the introduction read back", Introduction::from_bytes(made.to_bytes(), &signer).as_ref() == Ok(&made))?;
        let mut out = Out::default();
        out.bytes("introduction", made.to_bytes());
        Ok(out)
    },
};

const ACCEPT: Group = Group {
    kind: "accept",
    about: "Whether an introduction holds under the signer's parameters at now, and what it says: 3.11.1.",
    fields: &[
        input("introduction", Bytes),
        input("signer", Bytes),
        input("now", Number),
        output("parameters", Bytes),
        output("rules", Text),
        output("from", Number),
        output("until", Number),
    ],
    compute: |f| {
        let signer = der(PublicParameters::from_der(&f.bytes("signer")?))?;
        let read = Introduction::from_bytes(&f.bytes("introduction")?, &signer)?;
        read.check_time(f.number("now")?)?;
        let said = read.statement();
        let rules: Vec<&str> = said.whose.iter().map(Whose::as_str).collect();
        let mut out = Out::default();
        out.bytes("parameters", said.parameters.to_der()).put("rules", rules.join(" "));
        out.put("from", said.from).put("until", said.until);
        Ok(out)
    },
};

/// The proof of possession: the last 48 bytes of publicParameterData, found behind `02 01 g 04 30`.
pub(super) fn pop(parameters: &PublicParameters) -> [u8; 48] {
    let der = parameters.to_der();
    let mark = [parameters.p_pub_bytes(), &[2, 1, parameters.granularity().id(), 4, 0x30][..]].concat();
    let at = der.windows(mark.len()).position(|w| w == mark).map_or(der.len(), |at| at + mark.len());
    der.get(at..).and_then(|rest| rest.first_chunk().copied()).unwrap_or([0; 48])
}

fn setup_cases(rng: &mut Seeded) -> Vec<Case> {
    let mut of = |comment: &str, flags: &[&'static str], more: Value| {
        let mut inputs = json!({
            "s": hex(scalar(rng)), "district": "https://kgs.example.org", "serial": 1,
            "notBefore": 1_735_689_600u64, "notAfter": 1_767_225_599u64, "granularity": 2,
        });
        for (name, value) in crate::vectors::cases::map(more) {
            inputs[name] = value;
        }
        case(comment, flags, inputs)
    };
    let last = 253_402_300_799u64;
    vec![
        of("a year of days", &[], json!({})),
        of("with a pkgURI", &[], json!({ "pkgURI": "https://kgs.example.org/keys" })),
        of(
            "hours, the largest serial, all of time",
            &["Range"],
            json!({ "serial": u64::MAX, "notBefore": 0, "notAfter": last, "granularity": 1 }),
        ),
        of("months, one second", &["Range"], json!({ "granularity": 4, "notBefore": 0, "notAfter": 0 })),
        of(
            "a district with port and path",
            &[],
            json!({ "district": "https://[2001:db8::1]:8443/d", "granularity": 3 }),
        ),
        of("s = 1", &["Range"], json!({ "s": hex(crate::vectors::formulas::one()) })),
        of("s = 0", &["Range"], json!({ "s": hex([0; 32]) })),
        of("s = r", &["Range"], json!({ "s": hex(crate::vectors::formulas::R) })),
        of("serial 0", &["Range"], json!({ "serial": 0 })),
        of("validity turned around", &["Range"], json!({ "notBefore": 2, "notAfter": 1 })),
        of("a year too late", &["Range"], json!({ "notAfter": last + 1 })),
        of("a pkgURI that is no district", &[], json!({ "pkgURI": "http://kgs.example.org" })),
    ]
}

/// 32 bytes below `r`, not zero.
pub(super) fn scalar(rng: &mut Seeded) -> [u8; 32] {
    let mut s = rng.bytes::<32>();
    s[0] &= 0x3f;
    s
}

/// The content of `IBESysParams` with one algorithm: what stands before the list, the entry in it, and what follows.
pub(crate) fn algorithms(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    // The list has 186 bytes, the entry in it 183.
    let list: &[u8] = &[0x30, 0x81, 0xba, 0x30, 0x81, 0xb7];
    let at = der.windows(6).position(|w| w == list).unwrap_or(4);
    let (head, rest) = der.split_at(at);
    let (ours, tail) = rest.split_at(3 + 186);
    (head.get(4..).unwrap_or(&[]), ours.get(3..).unwrap_or(&[]), tail)
}

/// The DER of parameters with another algorithm beside ours, put in front of it or behind.
fn with_other_algorithm(der: &[u8], in_front: bool) -> Vec<u8> {
    let entry: &[u8] = &[0x30, 0x0a, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x04, 0x03, 0x01, 0x02, 0x03];
    let (head, ours, tail) = algorithms(der);
    let both = if in_front { [entry, ours].concat() } else { [ours, entry].concat() };
    let list = [&[0x30, 0x81, both.len() as u8][..], &both].concat();
    let body = [head, &list, tail].concat();
    [&[0x30, 0x82][..], &(body.len() as u16).to_be_bytes(), &body].concat()
}

fn text_cases(parameters: &PublicParameters) -> Vec<Case> {
    let text = parameters.to_armour();
    let of = |comment: &str, text: String| case(comment, &["Text"], json!({ "text": text }));
    vec![
        of("as written", text.clone()),
        of("lines that end in CRLF", text.replace('\n', "\r\n")),
        of("without the end of the last line", text.trim_end().to_owned()),
        of("the serial of the readable line is altered", text.replace("Serial: 7", "Serial: 8")),
        of("another district", text.replace("District: https://kgs.a.", "District: https://kgs.b.")),
        of("another period", text.replace("Period: day", "Period: week")),
        of("another fingerprint", text.replace("Fingerprint: ", "Fingerprint: 0")),
        of("a line is missing", text.replace("Serial: 7\n", "")),
        of("text in front", format!("hello\n{text}")),
        of("an empty line behind", format!("{text}\n")),
        of("a space at the end of a line", text.replace("Serial: 7", "Serial: 7 ")),
        of("a byte of the base64 is altered", text.replacen("\nMII", "\nNII", 1)),
    ]
}

fn introduce_cases(w: &World) -> Vec<Case> {
    let s = hex(w.a.master().to_bytes().expose());
    let of = |comment: &str, parameters: &[u8], rules: &str, (from, until): (u64, u64)| {
        let inputs = json!({ "s": s, "signer": hex(w.parameters_a()), "parameters": hex(parameters), "rules": rules,
                             "from": from, "until": until });
        case(comment, &["Introduction"], inputs)
    };
    let (b, time) = (w.parameters_b(), (NOW, NOW + 90 * DAY));
    let many: Vec<String> = (0..=64).map(|i| format!("d{i}.example")).collect();
    vec![
        of("a domain", &b, "b.example", time),
        of("a domain, a number, an address", &b, "b.example +1555 [2001:db8::1]", time),
        of("all names, one second", &b, "*", (0, 0)),
        of("64 rules", &b, &many.get(..64).unwrap_or_default().join(" "), time),
        of("65 rules", &b, &many.join(" "), time),
        of("no rule", &b, "", time),
        of("a rule twice", &b, "b.example b.example", time),
        of("a domain in upper case", &b, "B.example", time),
        of("a number without digits", &b, "+", time),
        of("validity turned around", &b, "b.example", (2, 1)),
        of("its own parameters", &w.parameters_a(), "b.example", time),
    ]
}

fn accept_cases(w: &World) -> Vec<Case> {
    let whose = ["b.example", "+1555"].map(Whose::parse);
    let whose: Vec<Whose> = whose.into_iter().flatten().collect();
    let made = w.a.introduce(w.b.parameters(), &whose, NOW, NOW + DAY).map(|i| i.to_bytes().to_vec());
    let good = made.unwrap_or_default();
    let of = |comment: &str, bytes: &[u8], signer: &[u8], now: u64| {
        let inputs = json!({ "introduction": hex(bytes), "signer": hex(signer), "now": now });
        case(comment, &["Introduction"], inputs)
    };
    let (a, b) = (w.parameters_a(), w.parameters_b());
    let altered = |at: usize| {
        let mut bytes = good.clone();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1;
        }
        bytes
    };
    // The rule "b.example" stands at 61; the signature is what 48 bytes of another one are, too.
    let mut other = good.clone();
    let end = other.len().saturating_sub(48);
    other.splice(end.., pop(w.a.parameters()));
    vec![
        of("as made", &good, &a, NOW),
        of("the last second", &good, &a, NOW + DAY),
        of("the second after", &good, &a, NOW + DAY + 1),
        of("the second before", &good, &a, NOW - 1),
        of("under the parameters of who is introduced", &good, &b, NOW),
        of("it ends a second later", &altered(58), &a, NOW),
        of("another domain", &altered(61), &a, NOW),
        of("another magic", &altered(0), &a, NOW),
        of("version 0", &altered(8), &a, NOW),
        of("another signature", &other, &a, NOW),
        of("a byte less", good.split_last().map_or(&[], |(_, rest)| rest), &a, NOW),
        of("a byte more", &[&good[..], &[0]].concat(), &a, NOW),
    ]
}

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let (a, b) = (w.parameters_a(), w.parameters_b());
    let load = |comment: &str, flags: &[&'static str], p: &[u8]| case(comment, flags, json!({ "parameters": hex(p) }));
    let loads = vec![
        load("as published", &[], &a),
        load("another algorithm in front", &["OtherAlgorithms"], &with_other_algorithm(&a, true)),
        load("another algorithm behind", &["OtherAlgorithms"], &with_other_algorithm(&a, false)),
    ];
    let (alice, bob) = (w.identity(ALICE), w.identity(BOB));
    let uses = |comment: &str, flags: &[&'static str], p: &[u8], id: &Identity, g: Granularity, now: u64| {
        let inputs = json!({ "parameters": hex(p), "ID": hex(id.der()), "granularity": g.id(), "now": now });
        case(comment, flags, inputs)
    };
    let (day, week) = (Granularity::Day, Granularity::Week);
    let monday = w.identity_at(ALICE, ibake::ibe::Purpose::Decrypt, NOW + 2 * DAY);
    vec![
        group("setup", json!({}), setup_cases(&mut Seeded::new("parameters vectors"))),
        group("load", json!({}), loads),
        group("load_text", json!({}), text_cases(w.a.parameters())),
        group(
            "use",
            json!({}),
            vec![
                uses("now", &[], &a, &alice, day, NOW),
                uses("the first second of the validity", &["Time"], &a, &alice, day, NOW - 400 * DAY),
                uses("the second before", &["Time"], &a, &alice, day, NOW - 400 * DAY - 1),
                uses("the last second", &["Time"], &a, &alice, day, NOW + 400 * DAY),
                uses("the second after", &["Time"], &a, &alice, day, NOW + 400 * DAY + 1),
                uses("another district", &["Mismatch"], &a, &bob, week, NOW),
                uses("another district, the other way round", &["Mismatch"], &b, &alice, day, NOW),
                uses("a Monday read as the start of a week", &["Mismatch"], &a, &monday, week, NOW),
            ],
        ),
        group("introduce", json!({}), introduce_cases(&w)),
        group("accept", json!({}), accept_cases(&w)),
    ]
}
