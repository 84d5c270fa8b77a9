//! `inspect` explains everything of ours, covers every byte, and says plainly when it does not know.

use std::collections::BTreeMap;

use base64ct::Encoding;
use getrandom::SysRng;
use ibake::ibe::kem::Recipient;
use ibake::ibe::{Name, PublicParameters, Purpose, sealed};
use ibake::suite::Aead;
use serde_json::Value;

use crate::support::{ALICE, BOB, World};

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Inspects, checks that the fields of a flat format cover every byte once, and gives them by name.
#[track_caller]
fn fields(w: &World, what: &str) -> (String, BTreeMap<String, String>) {
    let object = w.args(&["--json", "inspect", what]).ok().objects().remove(0);
    let mut at = 0;
    let mut out = BTreeMap::new();
    for f in object["fields"].as_array().unwrap() {
        assert_eq!(f["offset"].as_u64(), Some(at), "{f}");
        at += f["length"].as_u64().unwrap();
        out.insert(f["name"].as_str().unwrap().to_owned(), f["value"].as_str().unwrap().to_owned());
    }
    assert_eq!(object["bytes"].as_u64(), Some(at));
    (object["what"].as_str().unwrap().to_owned(), out)
}

/// The names and values of a nested format.
fn nested(w: &World, what: &str) -> (String, BTreeMap<String, String>) {
    let object = w.args(&["--json", "inspect", what]).ok().objects().remove(0);
    let text = |v: &Value| v.as_str().unwrap().trim().to_owned();
    let all = object["fields"].as_array().unwrap().iter().map(|f| (text(&f["name"]), text(&f["value"])));
    (text(&object["what"]), all.collect())
}

fn parameters(w: &World) -> PublicParameters {
    PublicParameters::from_armour(&String::from_utf8(w.read("a.txt")).unwrap()).unwrap()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn parameters_as_text_der_and_base64() {
    let w = World::new();
    let der = parameters(&w).to_der();
    w.write("a.der", &der);
    w.write("a.b64", base64ct::Base64::encode_string(&der));
    for what in ["a.txt", "a.der", "a.b64", &hex(&der)] {
        let (title, f) = nested(&w, what);
        assert!(title.starts_with("public parameters"), "{title}");
        assert_eq!((f["districtName"].as_str(), f["granularity"].as_str()), ("https://kgs-a.example", "2"));
        assert_eq!(f["(computed)"], format!("fingerprint {}", hex(parameters(&w).fingerprint())));
        assert!(f.contains_key("proof of possession") && f["ibeIdentityType"].starts_with("2.25."), "{f:?}");
    }
}

#[test]
fn key_files_without_their_secret() {
    let w = World::new();
    let (title, f) = fields(&w, "alice.key");
    assert_eq!((title.as_str(), f["kind"].as_str()), ("protected key file", "2: private key of an identity"));
    let (_, f) = fields(&w, "a/master-1.key");
    assert_eq!((f["kind"].as_str(), f["protection"].as_str()), ("1: master key of a KGS", "2: key file"));
    w.write("cut.key", &w.read("alice.key")[..30]);
    w.refuses("inspect cut.key", 3, "HKDF salt");
}

#[test]
fn sealed_files_and_boxes() {
    let w = World::new();
    w.write("f", vec![1; 70_000]);
    w.run(&format!("seal --to {ALICE} --params a.txt --to {BOB} --params b.txt f -o f.sealed")).ok();
    let (title, f) = fields(&w, "f.sealed");
    assert_eq!((title.as_str(), f["recipients"].as_str()), ("sealed file", "2"));
    assert_eq!(f["district of recipient 1"], "https://kgs-b.example");
    assert_eq!(f["chunks"], "2 of at most 65536 bytes, 70000 bytes of plaintext");

    let p = parameters(&w);
    let identity = p.identity(Name::parse(ALICE).unwrap(), Purpose::Decrypt, now()).unwrap();
    let recipient = Recipient::new(&p, &identity).unwrap();
    let sealed = sealed::seal(&recipient, Aead::ChaCha20Poly1305, b"", b"hello", &mut SysRng).unwrap();
    let (title, f) = fields(&w, &hex(&sealed));
    assert_eq!((title.as_str(), f["AEAD"].as_str()), ("sealed box", "2 ChaCha20-Poly1305"));
    assert!(f["ciphertext"].starts_with("5 bytes"), "{f:?}");
    // Damaged in the point U.
    let mut bad = sealed;
    let at = bad.len() - 60;
    bad[at - 60] ^= 1;
    assert_eq!(w.args(&["inspect", &hex(&bad)]).code, 3);

    let (title, f) = nested(&w, &hex(identity.der()));
    assert!(title.starts_with("identity"), "{title}");
    assert_eq!((f["district"].as_str(), f["name"].as_str()), ("https://kgs-a.example", ALICE));
    assert!(f["(not in it)"].contains("day"), "{f:?}");
}

#[test]
fn messages_and_envelopes_of_a_recorded_call() {
    let w = World::new();
    let mut bob = w.bob("--cookie always");
    bob.hang_up();
    let relay = format!("--json relay --to {} --record call.json", bob.address);
    let relay: Vec<&str> = relay.split_whitespace().collect();
    let mut relay = w.command(&relay).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut stdout = std::io::BufReader::new(relay.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut first).unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    w.run(&w.alice_calls(first["address"].as_str().unwrap(), "--suite p256-aes256gcm")).ok();
    bob.finish().ok();
    assert!(relay.wait().unwrap().success());

    let recording: Value = serde_json::from_slice(&w.read("call.json")).unwrap();
    let frames = |from: &str| {
        let bytes = base16ct::lower::decode_vec(recording[from].as_str().unwrap()).unwrap();
        let (mut rest, mut out) = (&bytes[..], Vec::new());
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let (frame, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
            out.push(frame.to_vec());
            rest = tail;
        }
        out
    };
    let (i, r) = (frames("initiator"), frames("responder"));
    for (frame, kind) in [(&i[0], "M1"), (&i[1], "M1"), (&r[1], "M2"), (&i[2], "M3"), (&r[2], "M4")] {
        let (title, f) = fields(&w, &hex(frame));
        assert_eq!((title.as_str(), f["type"].as_str()), ("envelope of an exchange", kind));
        assert_eq!(f["district of R"], "https://kgs-b.example");
        assert_eq!(f["suite"], "0x0001 p256-aes256gcm");
        // The message without its envelope.
        let at = if frame[0] == 3 { 25 } else { 1 };
        let (title, f) = fields(&w, &hex(&frame[at..]));
        assert_eq!((title, f.contains_key("U")), (format!("message {kind} of an exchange"), kind != "M4"));
    }
    let (_, f) = fields(&w, &hex(&r[0]));
    assert!(f["envelope"].contains("cookie") && f.contains_key("cookie tag"), "{f:?}");
    // Nothing under a seal shows: no name stands in the clear.
    assert!(!w.args(&["inspect", &hex(&i[0][1..])]).ok().stdout.contains("alice"));

    // The same recording under both master keys, and under one.
    let tap = "wiretap call.json --kgs a --kgs-key-file a.unlock --name sip:alice@a.example --name tel:+15551234567";
    let both = w.run(&format!("--json {tap} --kgs b --kgs-key-file b.unlock")).ok().objects().remove(0);
    assert_eq!((&both["m2_opened"], &both["session_key"]), (&true.into(), &Value::Null));
    w.refuses(tap, 4, "no master key of https://kgs-b.example");
    let stranger =
        "wiretap call.json --kgs a --kgs-key-file a.unlock --kgs b --kgs-key-file b.unlock --name carol@a.example";
    w.refuses(stranger, 1, "the called name is none of those given");
}

#[test]
fn what_is_not_ours_is_said_plainly() {
    let w = World::empty();
    w.write("photo", b"\x89PNG\r\n\x1a\n and so on");
    w.write("empty", b"");
    for what in ["photo", "empty", "00112233445566778899", "3003020101", "02ff", "AAAAAAAAAAAA", "nowhere-at-all!"] {
        let run = w.args(&["inspect", what]);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{what}: {run:?}");
        assert!(run.stderr.starts_with("error: ") && run.stderr.lines().count() <= 2, "{what}: {run:?}");
    }
}

/// The offer and the answer of RFC 4567 section 5.1.
#[test]
fn mikey_messages_and_lines_of_session_descriptions() {
    let w = World::empty();
    let file: Value = serde_json::from_str(include_str!("../../vectors/rfc4567_mikey/messages.json")).unwrap();
    let base64 = file["messages"][0]["b64"].as_str().unwrap();
    let line = format!("a=key-mgmt:mikey {base64}");
    w.write("offer.sdp", format!("v=0\r\ns=Cool stuff\r\n{line}\r\nm=audio 49000 RTP/SAVP 98\r\n"));
    w.write("offer.b64", base64);
    let binary = base16ct::lower::decode_vec(file["messages"][0]["hex"].as_str().unwrap()).unwrap();
    w.write("offer", &binary);
    for what in [&line, &line[2..], base64, &hex(&binary), "offer.sdp", "offer.b64", "offer"] {
        let (title, f) = fields(&w, what);
        assert_eq!(title, "MIKEY message");
        assert_eq!(f["HDR: data type"], "0 (Pre-shared key message)");
        assert_eq!(f["ID: ID Data"], "donald@duck.com");
        assert_eq!(f["KEMAC: Encr data"], "36 bytes, encrypted");
    }
    let text = w.args(&["inspect", &line]).ok().stdout;
    assert!(text.starts_with("MIKEY message, 132 bytes\n") && text.contains("  ID: ID Data"), "{text}");
    let answer = file["messages"][1]["b64"].as_str().unwrap();
    let (_, f) = fields(&w, answer);
    assert_eq!(f["V: Auth alg"], "1 (HMAC-SHA-1-160)");

    // Cut off: everything up to there, the fault, and exit code 3.
    let run = w.args(&["--json", "inspect", &hex(&binary[..60])]);
    let (object, error) = (&run.objects()[0], &run.objects()[1]["error"]);
    let fault = "ID, ID Data at offset 51: needs 15 bytes, 9 are left";
    assert_eq!((run.code, object["fault"].as_str(), error["message"].as_str()), (3, Some(fault), Some(fault)));
    assert_eq!(object["fields"].as_array().unwrap().last().unwrap()["name"], "not read");
    let run = w.args(&["inspect", &hex(&binary[..60])]);
    assert!(run.code == 3 && run.stdout.contains("ID: ID len") && run.stderr.contains(fault), "{run:?}");
    // Unix time under the label of NTP.
    let mut wrong = binary.clone();
    wrong[21..25].copy_from_slice(&1_795_290_000u32.to_be_bytes());
    let object = w.args(&["--json", "inspect", &hex(&wrong)]).ok().objects().remove(0);
    assert_eq!(object["warnings"][0], "T is Unix time labelled as NTP");
    assert!(w.args(&["inspect", &hex(&wrong)]).ok().stdout.contains("\nwarning: T is Unix time"));

    w.write("two.sdp", format!("{line}\n{line}\n"));
    w.refuses("inspect two.sdp", 3, "several key-mgmt lines");
    for (bad, said) in [("a=key-mgmt:keyp1 AAAA", "for keyp1"), ("a=key-mgmt:mikey AAA", "line 1")] {
        let run = w.args(&["inspect", bad]);
        assert!(run.code == 3 && run.stderr.contains(said), "{run:?}");
    }
}

#[test]
fn what_was_left_for_somebody() {
    use ibake::mikey::numbers::{DataType, PrfFunc};
    use ibake::mikey::{CsIdMap, Header, Payload, Timestamp, encode};
    let w = World::new();
    let p = parameters(&w);
    let identity = p.identity(Name::parse(ALICE).unwrap(), Purpose::Decrypt, now()).unwrap();
    let recipient = Recipient::new(&p, &identity).unwrap();
    let seal = |aead, text: &[u8]| sealed::seal(&recipient, aead, b"", text, &mut SysRng).unwrap();
    let (ibake, esk) = (seal(Aead::Aes256Gcm, b"IBAKE"), seal(Aead::ChaCha20Poly1305, b"ESK"));
    let t = Timestamp::ntp_utc(now(), 0);
    // In a message, both boxes say which key opens them.
    let header = Header {
        data_type: DataType::I_MESSAGE_2,
        v: true,
        prf: PrfFunc::HMAC_SHA_256,
        csb_id: 7,
        crypto_sessions: 0,
        map: CsIdMap::Empty,
    };
    let message = encode(&header, &[Payload::T(t), Payload::Ibake(&ibake), Payload::Esk(&esk)]).unwrap();
    let (title, f) = fields(&w, &hex(&message));
    assert_eq!(title, "MIKEY message");
    for (name, aead, n) in [("IBAKE", "AES-256-GCM", ibake.len()), ("ESK", "ChaCha20-Poly1305", esk.len())] {
        let said = &f[&format!("{name}: Encr data")];
        let expected = format!(
            "{n} bytes, encrypted: a box under {aead} to a key of https://kgs-a.example, serial 1, {}",
            identity.period()
        );
        assert_eq!(said, &expected);
    }
    // A box of somebody else's is no fault.
    let foreign = encode(&header, &[Payload::T(t), Payload::Esk(b"not ours")]).unwrap();
    assert_eq!(fields(&w, &hex(&foreign)).1["ESK: Encr data"], "8 bytes, encrypted");
    // As a mailbox keeps it.
    let mut kept = [&b"IBAKEDEP\x01\x01"[..], &7u32.to_be_bytes(), &t.value.to_be_bytes()].concat();
    for part in [&[9; 16][..], BOB.as_bytes(), ALICE.as_bytes(), &esk] {
        kept.extend((part.len() as u16).to_be_bytes());
        kept.extend(part);
    }
    w.write("kept", &kept);
    for what in ["kept", &hex(&kept)] {
        let (title, f) = fields(&w, what);
        assert_eq!(title, "deposit: what was left for somebody");
        assert_eq!((f["initiator"].as_str(), f["final recipient"].as_str()), (BOB, ALICE));
        assert_eq!((f["district"].as_str(), f["CSB ID"].as_str()), ("https://kgs-a.example", "0x00000007"));
        assert!(f["profile"].starts_with("1: bound") && f["ciphertext"].starts_with("3 bytes"), "{f:?}");
    }
    w.write("cut", &kept[..60]);
    assert_eq!(w.run("inspect cut").code, 3);
}
