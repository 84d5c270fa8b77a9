//! Explanations cover every byte once, go as far as the message does, and name the fault.

use ibake::mikey::{Message, ParseError, Reason, explain};
use proptest::prelude::*;

use crate::foreign;
use crate::samples::{self, encoded, everything};

/// Every byte once, in order.
fn covers(bytes: &[u8]) {
    let explained = explain(bytes);
    let mut at = 0;
    let mut index = 0;
    for f in &explained.fields {
        assert_eq!(f.offset, at, "{explained}");
        assert!(f.len > 0 && f.index >= index);
        at += f.len;
        index = f.index;
    }
    assert_eq!(at, bytes.len());
    assert_eq!(explained.fault, Message::parse(bytes).err());
}

#[test]
fn an_offer_is_explained_field_by_field() {
    let bytes = foreign().remove(0);
    covers(&bytes);
    let explained = explain(&bytes);
    assert_eq!((&explained.fault, explained.warnings.len()), (&None, 0));
    let value = |payload, name| {
        let mut all = explained.fields.iter().filter(|f| f.payload == payload && f.name == name);
        let found = all.next().unwrap_or_else(|| panic!("{payload} {name}: {explained}"));
        assert!(all.next().is_none());
        (found.offset, found.len, found.value.as_str())
    };
    assert_eq!(value("HDR", "data type"), (1, 1, "0 (Pre-shared key message)"));
    assert_eq!(value("HDR", "V and PRF func"), (3, 1, "response expected, 0 (MIKEY-1)"));
    assert_eq!(value("HDR", "CSB ID"), (4, 4, "0xcd177e50"));
    assert_eq!(value("HDR", "CS ID map type"), (9, 1, "0 (SRTP-ID)"));
    assert_eq!(value("T", "TS type"), (20, 1, "0 (NTP-UTC)"));
    assert_eq!(value("T", "TS value"), (21, 8, "c8e350ea00000000: 2006-10-20T13:43:06Z"));
    assert_eq!(value("RAND", "RAND").2, "4a28da979ee21a7651a0d7f19136d98c");
    assert_eq!(value("ID", "ID Data"), (51, 15, "donald@duck.com"));
    assert_eq!(value("KEMAC", "Encr data").2, "36 bytes, encrypted");
    assert_eq!(value("KEMAC", "Mac alg").2, "1 (HMAC-SHA-1-160)");
    assert_eq!(value("KEMAC", "next payload").2, "0 (Last payload)");
    let text = explained.to_string();
    assert!(text.starts_with("HDR at 0, 19 bytes\n       0      1  version: 1\n"), "{text}");
    assert!(text.contains("\nKEMAC at 71, 61 bytes\n"), "{text}");
}

#[test]
fn every_payload_is_explained() {
    let bytes = everything();
    covers(&bytes);
    let text = explain(&bytes).to_string();
    for said in [
        "CS ID map type: 2 (GENERIC-ID)",
        "S and #P: S 1, 1 policies",
        "RAND Role: 1 (Initiator)",
        "ID Data: sip:alice@example.org",
        "ID Role: 1 (Initiator)",
        "C and Data len: 1 (Cache), 20 bytes",
        "DH-Group: 1 (OAKLEY 1)",
        "Reserv and KV: 0, 2 (Interval)",
        "SRTP policy param: 3 (Session Auth. key length): 20",
        "SRTP policy param: 11 (Authentication tag length): 10",
        "SRTP policy param: 0 (Encryption algorithm): 1 (AES-CM)",
        "Error no: 2 (Invalid PRF)",
        "TS Role: 3 (end of validity period)",
        "Ticket Type: 1 (MIKEY Base Ticket)",
        "PRF Func and flags: 1 (PRF-HMAC-SHA-256), flags DFHJLN, reserved 0",
        "Ticket Data: 9 bytes, not shown",
        "Type: 1 (SDP IDs)",
        "Data: mikey",
        "Encr data: 30 bytes, encrypted",
        "Encr alg: 3 (AES-CM-256)",
        "Auth alg: 2 (HMAC-SHA-256-256)",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn a_broken_message_is_explained_up_to_its_fault() {
    let bytes = everything();
    for n in 0..bytes.len() {
        covers(&bytes[..n]);
        let explained = explain(&bytes[..n]);
        assert!(explained.fault.is_some() && explained.to_string().contains("\nfault: ") || n == 0);
    }
    let mut bytes = foreign().remove(0);
    // RAND says that a payload of type 99 follows.
    bytes[29] = 99;
    let explained = explain(&bytes);
    let reason = Reason::Unknown { got: 99 };
    assert_eq!(explained.fault, Some(ParseError { payload: "RAND", offset: 47, field: "next payload", reason }));
    let last = explained.fields.last().unwrap();
    assert_eq!((last.name, last.offset, last.len), ("not read", 47, bytes.len() - 47));
    let text = explained.to_string();
    assert!(
        text.ends_with("fault: RAND, next payload at offset 47: 99 is not known, so the length is not known either\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn explanations_cover_every_byte_of_anything(
        (head, payloads) in samples::message(),
        at in any::<prop::sample::Index>(),
        v: u8,
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = encoded(&head, &payloads);
        covers(&bytes);
        let i = at.index(bytes.len());
        bytes[i] = v;
        covers(&bytes);
        covers(&noise);
        covers(&[&[1], &noise[..]].concat());
    }
}
