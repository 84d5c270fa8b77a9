//! Names, districts, periods and the DER of identities: SPEC.md 3.1 to 3.3, 3.8.

use ibake::ibe::{District, Identity, Name, NameKind, Period, Purpose};
use ibake::kdf::hash;
use serde_json::{Value, json};

use crate::vectors::cases::{case, group, times};
use crate::vectors::fault::{agree, der, malformed};
use crate::vectors::fields::Kind::{Bytes, Number, Text};
use crate::vectors::fields::{Fields, Out, input, output};
use crate::vectors::{Case, CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "identity",
    spec: "3.1, 3.2, 3.3, 3.8, 3.10",
    about: "Normal forms of names and districts, periods, and the DER that is hashed to a public key.",
    groups: &[NAME, DISTRICT, PERIOD, ENCODE, DECODE],
    notes: &[
        ("NormalForm", "ALIAS", "A name has a second spelling: two people hold one name, or one person two."),
        ("BadByte", "PARSER", "Control characters or non-ASCII bytes in a name that people compare by eye."),
        ("Grid", "STALE_KEY", "A period that does not begin where all others begin: keys of one name overlap."),
        ("Calendar", "ARITHMETIC", "Leap years, turns of the year, first and last period of the calendar."),
        ("Purpose", "KEY_MISUSE", "The type of an identity does not follow its purpose and form."),
        ("Der", "ENCODING", "Lengths, leading zeros and object identifiers of the DER."),
    ],
    cases,
};

const NAME: Group = Group {
    kind: "name",
    about: "Whether a name is in normal form; its form.",
    fields: &[input("name", Text), output("form", Text)],
    compute: |f| {
        let name = Name::parse(&f.text("name")?)?;
        let mut out = Out::default();
        out.put("form", form(&name));
        Ok(out)
    },
};

const DISTRICT: Group = Group {
    kind: "district",
    about: "Whether a district is in normal form.",
    fields: &[input("district", Text)],
    compute: |f| {
        District::parse(&f.text("district")?)?;
        Ok(Out::default())
    },
};

const PERIOD: Group = Group {
    kind: "period",
    about: "The period that contains t: [start, end); current in [current_from, current_until).",
    fields: &[
        input("granularity", Number),
        input("t", Number),
        output("start", Number),
        output("end", Number),
        output("current_from", Number),
        output("current_until", Number),
    ],
    compute: |f| {
        let period = Period::containing(f.granularity()?, f.number("t")?)?;
        let (start, end) = (period.start(), period.end());
        let skew = 300.min((end - start) / 2);
        let (from, until) = (start.saturating_sub(skew), end + skew);
        let inside = period.is_current(from) && period.is_current(until - 1);
        let outside = period.is_current(until) || (from > 0 && period.is_current(from - 1));
        agree("the time in which a period is current", inside && !outside)?;
        let mut out = Out::default();
        out.put("start", start).put("end", end).put("current_from", from).put("current_until", until);
        Ok(out)
    },
};

const ENCODE: Group = Group {
    kind: "encode",
    about: "ID, the DER of an identity in the period that contains t, and its hash.",
    fields: &[
        input("district", Text),
        input("serial", Number),
        input("purpose", Text),
        input("name", Text),
        input("granularity", Number),
        input("t", Number),
        output("start", Number),
        output("identityType", Bytes),
        output("ID", Bytes),
        output("H(ID)", Bytes),
    ],
    compute: |f| {
        let purpose = match f.text("purpose")?.as_str() {
            "decryption" => Purpose::Decrypt,
            "signing" => Purpose::Sign,
            other => return Err(malformed(format!("purpose {other:?}"))),
        };
        let (district, name) = (District::parse(&f.text("district")?)?, Name::parse(&f.text("name")?)?);
        let nai = name.kind() == NameKind::Nai;
        let period = Period::containing(f.granularity()?, f.number("t")?)?;
        let identity = Identity::new(&district, f.number("serial")?, purpose, name, period)?;
        let again = Identity::from_der(identity.der(), f.granularity()?)?;
        agree("the identity read back", again == identity)?;
        let mut out = Out::default();
        out.put("start", period.start()).bytes("identityType", identity_type(purpose, nai));
        out.bytes("ID", identity.der()).bytes("H(ID)", hash(&[identity.der()]));
        Ok(out)
    },
};

const DECODE: Group = Group {
    kind: "decode",
    about: "What an ID says. Its granularity comes from the parameters of the district.",
    fields: &[
        input("ID", Bytes),
        input("granularity", Number),
        output("district", Text),
        output("serial", Number),
        output("purpose", Text),
        output("name", Text),
        output("start", Number),
    ],
    compute: |f| {
        let identity = der(Identity::from_der(&f.bytes("ID")?, f.granularity()?))?;
        let mut out = Out::default();
        out.put("district", identity.district().as_str()).put("serial", identity.serial());
        out.put("purpose", purpose_name(identity.purpose())).put("name", identity.name().as_str());
        out.put("start", identity.period().start());
        Ok(out)
    },
};

fn form(name: &Name) -> &'static str {
    match name.as_str().split_once(':') {
        Some(("sip", _)) => "sip",
        Some(("sips", _)) => "sips",
        Some(("tel", _)) => "tel",
        _ => "nai",
    }
}

pub(super) const fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Decrypt => "decryption",
        Purpose::Sign => "signing",
    }
}

const fn identity_type(purpose: Purpose, nai: bool) -> &'static [u8] {
    use ibake::ibe::oid;
    match (purpose, nai) {
        (Purpose::Decrypt, true) => oid::DECRYPT_EMAIL.content(),
        (Purpose::Sign, true) => oid::SIGN_EMAIL.content(),
        (Purpose::Decrypt, false) => oid::DECRYPT_URI.content(),
        (Purpose::Sign, false) => oid::SIGN_URI.content(),
    }
}

const ACCEPTED: &[&str] = &[
    "sip:alice@example.org",
    "sip:Alice@example.org",
    "sips:alice@example.org",
    "sip:example.org",
    "sip:alice@pbx",
    "sip:+12125550101@gw.example.org",
    "sip:a;b=c?d/e&f+g$h,i@example.org",
    "sip:-_.!~*'()@example.org",
    "sip:a%40b@example.org",
    "sip:a%3Ab@example.org",
    "sip:john%20doe@example.org",
    "sip:%C3%A9ric@example.org",
    "sip:100%25@example.org",
    "sip:alice@192.0.2.1",
    "sip:alice@[2001:db8::1]",
    "sip:alice@xn--bcher-kva.example",
    "sip:alice@3com.a-b.c0m",
    "tel:+1",
    "tel:+358501234567",
    "tel:+123456789012345",
    "alice@example.org",
    "Alice.B+tag@mail.example.org",
    "!#$%&'*+-/=?^_`{|}~@example.org",
];

const REJECTED: &[&str] = &[
    "",
    "alice",
    "mailto:alice@example.org",
    "https://example.org",
    ":alice@example.org",
    "alice@[::1]",
    "SIP:alice@example.org",
    "Tel:+123",
    "sip:@example.org",
    "sip:<alice>@example.org",
    "@example.org",
    "a..b@example.org",
    ".a@example.org",
    "\"a\"@example.org",
    "sip:alice:secret@example.org",
    "sip:%61lice@example.org",
    "sip:a%2Bb@example.org",
    "sip:a%3ab@example.org",
    "sip:a%4@example.org",
    "sip:a%zz@example.org",
    "sip:a%@example.org",
    "sip:a%FFb@example.org",
    "sip:a%C0%80b@example.org",
    "sip:a%ED%A0%80b@example.org",
    "sip:alice@Example.org",
    "alice@Example.org",
    "sip:alice@example.org.",
    "alice@example.org.",
    "sip:",
    "sip:alice@",
    "sip:al@ice@example.org",
    "a@b@example.org",
    "sip:alice@example..org",
    "sip:alice@-a.example.org",
    "sip:alice@a_b.example.org",
    "sip:alice@example.4com",
    "sip:alice@ex%61mple.org",
    "alice@192.0.2.1",
    "sip:alice@192.0.2.01",
    "sip:alice@192.0.2",
    "sip:alice@192.0.2.256",
    "sip:alice@3221225985",
    "sip:alice@[::1",
    "sip:alice@[::ffff:192.0.2.1]",
    "sip:alice@[2001:DB8::1]",
    "sip:alice@[2001:db8:0:0:0:0:0:1]",
    "sip:alice@[::192.0.2.1]",
    "sip:alice@example.org:5060",
    "sip:alice@[::1]:5060",
    "sip:alice@example.org:",
    "sip:alice@example.org;transport=tcp",
    "sip:+12125550101@example.org;user=phone",
    "sip:alice@example.org?subject=x",
    "tel:112",
    "tel:",
    "tel:+358501234567;ext=1",
    "tel:7042;phone-context=example.org",
    "tel:+358-50-1234567",
    "tel:+",
    "tel:+1234567890123456",
    "tel:+12a",
    "tel:++12",
    "alice@example",
];

const BAD_BYTES: &[&str] = &[
    "sip:al ice@example.org",
    "sip:alice\u{0}@example.org",
    "sip:alice@example.org\n",
    "\u{e9}ric@example.org",
    "sip:a%00b@example.org",
    "sip:a%7Fb@example.org",
    "sip:a%C2%85b@example.org",
];

const DISTRICTS: &[&str] = &[
    "https://kgs.example.org",
    "https://kgs.example.org:8443",
    "https://kgs.example.org/ibe/Staff-1_a~b.c",
    "https://192.0.2.1/d",
    "https://[2001:db8::1]:8443",
    "",
    "http://kgs.example.org",
    "kgs.example.org",
    "https://user@kgs.example.org",
    "https://kgs.example.org?x",
    "https://kgs.example.org/a#x",
    "https://kgs.example.org/a%20b",
    "https://kgs.example.org:",
    "https://kgs.example.org:0",
    "https://kgs.example.org:+1",
    "https://kgs.example.org:65536",
    "https://kgs.example.org:443",
    "https://kgs.example.org:08443",
    "HTTPS://kgs.example.org",
    "https://KGS.example.org",
    "https://kgs.example.org.",
    "https://kgs.example.org/",
    "https://kgs.example.org/a/../b",
    "https://[2001:db8:0::1]",
    "https://kgs .example.org",
];

/// Granularity, time, what is special.
const PERIODS: &[(u64, u64, &str)] = &[
    (1, 0, "the first hour; the skew would begin before 1970"),
    (1, 1_795_262_400, "the first second of an hour"),
    (1, 1_795_265_999, "the last second of it"),
    (2, 951_782_399, "the last second of 2000-02-28"),
    (2, 951_782_400, "2000-02-29"),
    (2, 4_107_542_400, "2100-03-01: 2100 is no leap year"),
    (3, 345_600, "Monday, 1970-01-05, the first week"),
    (3, 345_599, "the Sunday before it has no week"),
    (3, 1_735_516_800, "Monday, 2024-12-30: a week over the turn of the year"),
    (3, 1_735_516_799, "the Sunday before it"),
    (4, 951_782_400, "February of a leap year"),
    (4, 4_107_542_399, "February 2100"),
    (4, 253_402_300_799, "the last second of 9999"),
    (4, 253_402_300_800, "the first second of 10000"),
];

fn encode_cases() -> Vec<Case> {
    let id = |comment: &str, flags: &[&'static str], district: &str, serial: u64, purpose: &str, name: &str, g: u64| {
        let inputs = json!({
            "district": district, "serial": serial, "purpose": purpose, "name": name, "granularity": g, "t": 1_735_900_000u64,
        });
        case(comment, flags, inputs)
    };
    const D: &str = "https://kgs.example.org";
    vec![
        id("the example of 3.1.4", &[], D, 7, "decryption", "alice@example.org", 3),
        id("a URI", &["Purpose"], D, 7, "decryption", "sip:alice@example.org", 3),
        id("the same, for signing", &["Purpose"], D, 7, "signing", "sip:alice@example.org", 3),
        id("an NAI, for signing", &["Purpose"], D, 7, "signing", "alice@example.org", 3),
        id("sips is another identity than sip", &["NormalForm"], D, 7, "decryption", "sips:alice@example.org", 3),
        id("tel", &[], D, 7, "decryption", "tel:+358501234567", 2),
        id("a serial whose top bit is set", &["Der"], D, 200, "decryption", "tel:+358501234567", 2),
        id("the largest serial", &["Der"], D, u64::MAX, "decryption", "tel:+358501234567", 1),
        id("serial zero", &["Der"], D, 0, "decryption", "tel:+358501234567", 1),
        id("a district with port and path", &[], "https://[2001:db8::1]:8443/d", 1, "decryption", "sip:pbx", 4),
    ]
}

fn decode_cases(encoded: &[u8]) -> Vec<Case> {
    let at = |comment: &str, flags: &[&'static str], id: &[u8], g: u64| {
        case(comment, flags, json!({ "ID": base16ct::lower::encode_string(id), "granularity": g }))
    };
    vec![
        at("as encoded", &[], encoded, 3),
        at("a week read as a day: Mondays are on both grids", &["Grid"], encoded, 2),
        at("a week read as a month", &["Grid"], encoded, 4),
        at("granularity 5", &["Grid"], encoded, 5),
    ]
}

/// The example of 3.1.4.
fn example() -> Vec<u8> {
    let fields = |c: &Case| Fields(c.inputs.clone());
    let out = encode_cases().first().and_then(|c| (ENCODE.compute)(&fields(c)).ok()).unwrap_or_default();
    Fields(out.0).bytes("ID").unwrap_or_default()
}

fn cases() -> Vec<CaseGroup> {
    let long = [json!("sip:"), times("a", 1008), json!("@example.org")];
    let named = |flag: &'static str| move |n: &&str| case("", &[flag], json!({ "name": n }));
    let mut names: Vec<Case> = ACCEPTED.iter().map(|n| case("", &[], json!({ "name": n }))).collect();
    names.push(case("1,024 bytes", &[], json!({ "name": Value::from(long.to_vec()) })));
    names.extend(REJECTED.iter().map(named("NormalForm")));
    names.extend(BAD_BYTES.iter().map(named("BadByte")));
    let districts = DISTRICTS.iter().map(|d| case("", &["NormalForm"], json!({ "district": d }))).collect();
    let period =
        |(g, t, comment): &(u64, u64, &str)| case(*comment, &["Calendar"], json!({ "granularity": g, "t": t }));
    vec![
        group("name", json!({}), names),
        group("district", json!({}), districts),
        group("period", json!({}), PERIODS.iter().map(period).collect()),
        group("encode", json!({}), encode_cases()),
        group("decode", json!({}), decode_cases(&example())),
    ]
}
