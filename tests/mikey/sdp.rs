//! `a=key-mgmt` lines, levels, answers, and the list against bidding down (RFC 4567).

use base64ct::{Base64, Encoding};
use ibake::mikey::numbers::*;
use ibake::mikey::sdp::{self, Description, KeyMgmt, SdpError};
use ibake::mikey::*;

use crate::foreign;

fn message(list: &[&str]) -> Vec<u8> {
    let header = Header {
        data_type: DataType::I_MESSAGE_1,
        v: true,
        prf: PrfFunc::HMAC_SHA_256,
        csb_id: 1,
        crypto_sessions: 0,
        map: CsIdMap::Empty,
    };
    let lists = list.iter().map(|l| sdp::protocol_extension(l));
    let payloads: Vec<_> = std::iter::once(Payload::Rand(&[1; 16])).chain(lists).collect();
    encode(&header, &payloads).unwrap()
}

/// A description: session-level attributes, then those of each medium.
fn description(levels: &[&[&str]]) -> String {
    let mut out = String::from("v=0\r\no=alice 2891092738 2891092738 IN IP4 lost.example.com\r\ns=call\r\nt=0 0\r\n");
    for (i, level) in levels.iter().enumerate() {
        if i > 0 {
            out += &format!("m=audio {} RTP/SAVP 98\r\na=rtpmap:98 AMR/8000\r\n", 39_000 + i);
        }
        for protocol in *level {
            out += &format!("a=key-mgmt:{protocol} {}\r\n", Base64::encode_string(protocol.as_bytes()));
        }
    }
    out
}

#[test]
fn lines_of_others_are_read_and_ours_are_the_same() {
    let file = crate::json("rfc4567_mikey/messages.json");
    for (bytes, m) in foreign().into_iter().zip(file["messages"].as_array().unwrap()) {
        let line = format!("a=key-mgmt:mikey {}", m["b64"].as_str().unwrap());
        assert_eq!(sdp::line(&bytes).unwrap(), line);
        for text in [line.clone(), format!("{line}\r\n"), line[2..].to_owned(), line.replace("mgmt:", "mgmt: ")] {
            let read = KeyMgmt::parse(&text).unwrap();
            assert_eq!((read.protocol, &read.data), ("mikey", &bytes), "{text}");
            assert!(Message::parse(&read.data).is_ok());
        }
    }
}

#[test]
fn lines_of_another_form_are_refused() {
    let syntax = Err(SdpError::Syntax { line: 1 });
    for text in [
        "",
        "a=key-mgmt:",
        "a=key-mgmt:mikey",
        "a=key-mgmt:mikey ",
        "a=key-mgmt:  mikey AAAA",
        "a=key-mgmt:mi-key AAAA",
        "a=key-mgmt: AAAA",
        "a=key-mgmt:mikey  AAAA",
        "a=key-mgmt:mikey AAA",
        "a=key-mgmt:mikey AAAB=",
        "a=key-mgmt:mikey AA-_",
        "a=key-mgmt:mikey AB==",
        "a=key-mgmt:mikey AAAA AAAA",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
        "A=key-mgmt:mikey AAAA",
    ] {
        assert_eq!(KeyMgmt::parse(text).map(|_| ()), syntax, "{text}");
    }
    let in_place = description(&[&["mikey"]]).replace("bWlrZXk=", "!");
    assert_eq!(Description::parse(&in_place), Err(SdpError::Syntax { line: 5 }));
}

#[test]
fn limits_of_lines_and_descriptions() {
    let full = vec![7; limits::MESSAGE];
    let line = sdp::line(&full).unwrap();
    assert_eq!(KeyMgmt::parse(&line).unwrap().data, full);
    let too_long = |what, limit| Err(SdpError::TooLong { what, limit });
    assert_eq!(sdp::line(&vec![7; limits::MESSAGE + 1]), too_long("message", limits::MESSAGE).map(|()| String::new()));
    let over = format!("a=key-mgmt:mikey {}", Base64::encode_string(&vec![7; limits::MESSAGE + 1]));
    assert_eq!(KeyMgmt::parse(&over).map(|_| ()), too_long("message", limits::MESSAGE));
    let over = format!("a=key-mgmt:mikey {}", "A".repeat(limits::SDP_LINE));
    assert_eq!(KeyMgmt::parse(&over).map(|_| ()), too_long("line", limits::SDP_LINE));
    let name = |n| format!("a=key-mgmt:{} AAAA", "k".repeat(n));
    assert!(KeyMgmt::parse(&name(limits::SDP_PROTOCOL)).is_ok());
    let over = name(limits::SDP_PROTOCOL + 1);
    assert_eq!(KeyMgmt::parse(&over).map(|_| ()), too_long("protocol identifier", limits::SDP_PROTOCOL));
    let media = |n: usize| format!("v=0\n{}", "m=audio 1 RTP/SAVP 0\n".repeat(n));
    assert_eq!(Description::parse(&media(limits::SDP_MEDIA)).unwrap().media(), limits::SDP_MEDIA);
    let over = media(limits::SDP_MEDIA + 1);
    assert_eq!(Description::parse(&over).map(|_| ()), too_long("m= lines", limits::SDP_MEDIA));
    let many = |n: usize| (0..n).map(|i| format!("a=key-mgmt:k{i} AAAA\n")).collect::<String>();
    assert_eq!(Description::parse(&many(limits::SDP_ATTRIBUTES)).unwrap().session().len(), limits::SDP_ATTRIBUTES);
    let over = many(limits::SDP_ATTRIBUTES + 1);
    assert_eq!(Description::parse(&over).map(|_| ()), too_long("attributes", limits::SDP_ATTRIBUTES));
    let over = "a=x\n".repeat(limits::SDP / 4 + 1);
    assert_eq!(Description::parse(&over).map(|_| ()), too_long("description", limits::SDP));
}

/// Section 3.1: a media level that has the attribute does without the session's.
#[test]
fn media_level_overrides_session_level() {
    let text = description(&[&["mikey", "keyp1"], &[], &["keyp2"]]);
    let d = Description::parse(&text).unwrap();
    let names = |all: &[KeyMgmt<'_>]| all.iter().map(|a| a.protocol.to_owned()).collect::<Vec<_>>();
    assert_eq!(names(d.session()), ["mikey", "keyp1"]);
    assert_eq!(
        (names(d.effective(1)), names(d.effective(2))),
        (vec!["mikey".into(), "keyp1".into()], vec!["keyp2".to_owned()])
    );
    assert_eq!(d.session()[0].line, 5);
    assert_eq!(
        d.all().map(|(place, a)| (place, a.protocol)).collect::<Vec<_>>(),
        [(0, "mikey"), (0, "keyp1"), (2, "keyp2")]
    );
    let twice = description(&[&["mikey", "keyp1", "mikey"]]);
    assert_eq!(Description::parse(&twice), Err(SdpError::Repeated { line: 7 }));
    assert!(Description::parse(&description(&[&["mikey"], &["mikey"]])).is_ok());
}

/// Section 4.1.4, with its own example: who takes the stronger offers out is found out by the list in those that are left.
#[test]
fn peeling_off_offers_is_found_by_the_list_inside() {
    let whole = description(&[&["mikey", "keyp1", "keyp2"]]);
    let offer = Description::parse(&whole).unwrap();
    assert_eq!(offer.protocols(), "mikey;keyp1;keyp2");
    let verify = |list: &[&str], levels: &[&[&str]]| {
        let (bytes, text) = (message(list), description(levels));
        sdp::verify_offer(&Message::parse(&bytes).unwrap(), &Description::parse(&text).unwrap())
    };
    let list = "mikey;keyp1;keyp2";
    assert_eq!(verify(&[list], &[&["mikey", "keyp1", "keyp2"]]), Ok(()));
    for left in
        [&["mikey"][..], &["mikey", "keyp2"], &["keyp1", "mikey", "keyp2"], &["mikey", "keyp1", "keyp2", "keyp3"]]
    {
        assert_eq!(verify(&[list], &[left]), Err(Refused::Downgrade), "{left:?}");
    }
    // Both levels count, in the order of the lines, each protocol once; it is found when a level is emptied, too.
    assert_eq!(verify(&[list], &[&["mikey", "keyp1"], &["mikey", "keyp2"], &["keyp1"]]), Ok(()));
    assert_eq!(verify(&[list], &[&["mikey", "keyp1"], &["mikey"]]), Err(Refused::Downgrade));
    // An only protocol has its list, too, and there is one list.
    assert_eq!(verify(&["mikey"], &[&["mikey"]]), Ok(()));
    assert_eq!(verify(&[], &[&["mikey"]]), Err(Refused::Missing(PayloadType::GENERAL_EXT)));
    assert_eq!(verify(&["mikey", "mikey"], &[&["mikey"]]), Err(Refused::Repeated(PayloadType::GENERAL_EXT)));
    assert_eq!(verify(&["MIKEY"], &[&["mikey"]]), Err(Refused::Downgrade), "case matters");
    let ids = Extension { kind: ExtensionType::SDP_IDS, data: list.as_bytes() };
    assert_eq!(ids.sdp_ids().unwrap().collect::<Vec<_>>(), ["mikey", "keyp1", "keyp2"]);
    for wrong in ["", "mikey;", ";mikey", "mikey;;x", "mikey x", "mi\u{e4}key"] {
        assert!(Extension { data: wrong.as_bytes(), ..ids }.sdp_ids().is_err(), "{wrong}");
    }
    assert_eq!(sdp::protocol_list(["a", "b", "a"].into_iter()), "a;b");
}

#[test]
fn an_answer_takes_one_of_what_was_offered_where_it_was_offered() {
    let offered = description(&[&["mikey", "keyp1"], &[], &["keyp2"]]);
    let offer = Description::parse(&offered).unwrap();
    let answer = |levels: &[&[&str]]| {
        let text = description(levels);
        offer.check_answer(&Description::parse(&text).unwrap())
    };
    assert_eq!(answer(&[&["mikey"], &[], &["keyp2"]]), Ok(()));
    assert_eq!(answer(&[&["keyp1"], &[], &["keyp2"]]), Ok(()));
    assert_eq!(answer(&[&["keyp2"], &[], &["keyp2"]]), Err(SdpError::NotOffered { medium: 0 }));
    assert_eq!(answer(&[&["mikey", "keyp1"], &[], &["keyp2"]]), Err(SdpError::NotOffered { medium: 0 }));
    assert_eq!(answer(&[&["mikey"], &["mikey"], &["keyp2"]]), Err(SdpError::NotOffered { medium: 1 }));
    assert_eq!(answer(&[&["mikey"], &[], &[]]), Err(SdpError::Unanswered { medium: 2 }));
    assert_eq!(answer(&[&[], &[], &["keyp2"]]), Err(SdpError::Unanswered { medium: 0 }));
    assert_eq!(answer(&[&["mikey"], &[], &["keyp2"], &["mikey"]]), Err(SdpError::NotOffered { medium: 3 }));
}
