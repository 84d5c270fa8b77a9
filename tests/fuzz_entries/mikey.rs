//! MIKEY: messages, chains of payloads inside payloads, and session descriptions.

use ibake::mikey::numbers::*;
use ibake::mikey::sdp::{self, Description, KeyMgmt};
use ibake::mikey::*;

use super::{json, unhex};

const CHAINS: [Within; 6] =
    [Within::Kemac, Within::Ibake, Within::Esk, Within::TicketPolicy, Within::TicketData, Within::InitiatorData];

/// First byte: 0 for a message, 1 for a session description, 2 to 7 for a chain, whose first type is the second byte.
pub fn mikey(data: &[u8]) {
    let [mode, rest @ ..] = data else { return };
    match (mode % 8, rest) {
        (0, _) => message(rest),
        (1, _) => description(rest),
        (n, [first, rest @ ..]) => {
            let within = CHAINS[usize::from(n) - 2];
            if let Ok(c) = Chain::parse(PayloadType(*first), rest, within) {
                chain(&c, rest, within);
            }
        }
        _ => {}
    }
}

fn message(bytes: &[u8]) {
    let explained = explain(bytes);
    let end = explained.fields.iter().fold(0, |at, f| {
        assert_eq!(f.offset, at, "{explained}");
        at + f.len
    });
    assert_eq!(end, bytes.len());
    let read = Message::parse(bytes);
    assert_eq!(explained.fault, read.as_ref().err().copied());
    let Ok(message) = read else { return };
    assert_eq!(message.encode().unwrap(), bytes, "{explained}");
    assert!(message.payloads().len() <= limits::PAYLOADS);
    // The tag ends the message, and what remains when nothing more is left out is what it covers.
    let tag = message.tag().map_or(0, |t| t.bytes.len());
    assert_eq!(message.covered().len() + tag, bytes.len());
    assert_eq!(message.parts_without(LeaveOut::default()).concat(), message.covered());
    for bits in 0..8 {
        let out = LeaveOut { esk: bits & 1 != 0, initiator_data: bits & 2 != 0, encr_data: bits & 4 != 0 };
        assert!(message.parts_without(out).concat().len() <= message.covered().len());
    }
    let kemac = message.kemac();
    assert!(!kemac.is_ok_and(|k| k.is_some_and(|k| k.encr_alg.0 == 0 && !k.encr_data.is_empty())), "keys in the clear");
    if let Ok([first, covered]) = message.kemac_parts() {
        assert_eq!(first, [0]);
        assert!(bytes.windows(covered.len()).any(|w| w == covered));
    }
    let _ = (message.timestamp(), message.rand(), message.identity(IdRole::INITIATOR), message.verification());
    match message.header().map {
        CsIdMap::SrtpId(ids) => assert_eq!(ids.iter().count(), usize::from(message.header().crypto_sessions)),
        CsIdMap::GenericId(ids) => {
            assert_eq!(ids.iter().count(), usize::from(message.header().crypto_sessions));
            ids.iter().for_each(|id| assert!(id.srtp().is_err() || id.protocol == ProtType::SRTP));
        }
        CsIdMap::Empty => {}
    }
    for p in message.payloads() {
        contents(p);
    }
    let line = sdp::line(bytes).unwrap();
    assert_eq!(KeyMgmt::parse(&line).unwrap().data, bytes);
}

/// What is read on demand.
fn contents(payload: &Payload<'_>) {
    match payload {
        Payload::Sp(policy) => {
            assert!(policy.params().count() < 40_000);
            if let Ok(srtp) = SrtpPolicy::of(policy) {
                let _ = srtp.doubts();
                let again = srtp.encode();
                let again = Policy::new(policy.number, policy.protocol, &again).unwrap();
                assert_eq!(SrtpPolicy::of(&again), Ok(srtp));
            }
        }
        Payload::Extension(e) => {
            let ids = e.key_ids().map(|all| all.collect::<Vec<_>>());
            if let Ok(ids) = ids {
                assert_eq!(KeyId::encode(&ids).unwrap(), e.data);
            }
            if let Ok(ids) = e.sdp_ids() {
                assert_eq!(ids.collect::<Vec<_>>().join(";").as_bytes(), e.data);
            }
            let _ = e.csb_id();
        }
        Payload::Tp(policy) => {
            if let Ok(c) = policy.payloads() {
                chain(&c, &policy.data[1..], Within::TicketPolicy);
            }
        }
        Payload::Ticket(ticket) => {
            let _ = (ticket.policy.payloads(), ticket.base_ticket());
            if let Ok(c) = ticket.initiator_payloads() {
                chain(&c, &ticket.initiator_data[1..], Within::InitiatorData);
            }
        }
        Payload::T(t) => {
            let _ = (t.unix(), t.looks_like_unix(), t.freshness(1_800_000_000, 300));
        }
        _ => {}
    }
}

fn chain(chain: &Chain<'_>, bytes: &[u8], within: Within) {
    let payloads: Vec<_> = chain.iter().copied().collect();
    assert!(payloads.len() <= limits::SUB_PAYLOADS);
    assert_eq!(encode_chain(&payloads, within).unwrap().expose(), bytes);
}

fn description(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let _ = KeyMgmt::parse(text);
    let Ok(d) = Description::parse(text) else { return };
    assert!(d.media() <= limits::SDP_MEDIA);
    let protocols = d.protocols();
    for (place, attribute) in d.all() {
        assert!(protocols.split(';').any(|p| p == attribute.protocol));
        assert!(d.effective(place).iter().any(|a| a == attribute));
        if let Ok(message) = Message::parse(&attribute.data) {
            let _ = sdp::verify_offer(&message, &d);
        }
    }
    // What was offered once at every place is also an answer.
    if d.all().count() == d.session().len().min(1) {
        assert_eq!(d.check_answer(&d), Ok(()));
    }
}

/// The messages of RFC 4567, one with every CS ID map, chains, and a description.
pub fn mikey_seeds() -> Vec<Vec<u8>> {
    let file = json("rfc4567_mikey/messages.json");
    let foreign: Vec<_> = file["messages"].as_array().unwrap().iter().map(|m| unhex(&m["hex"])).collect();
    let mut out: Vec<Vec<u8>> = foreign.iter().map(|m| [&[0][..], m].concat()).collect();
    out.extend(built().into_iter().map(|m| [&[0][..], &m].concat()));
    let hex = |text: &str| unhex(&serde_json::Value::String(text.replace(' ', "")));
    for text in [
        // KEMAC, IBAKE and ESK inside.
        "02 06 14 00 0001 61 00 71 0002 0102 02 0908",
        "02 14 14 30 0001 01 0001 02 00 02 0001 03 01 04 01 05",
        &format!("03 0e 19 01 01 0001 61 00 08 04 {} 00 02 0020 00", "11".repeat(64)),
        "04 06 18 01 0001 61 00 11 0002 0102 02 0908",
        "04 06 18 01 0001 61 04 10 0001 07 f001 08",
        "05 0d 00 02 03 00000001",
        "06 05 09 02 00000001 00 00",
        "07 09 09 00 00 00",
    ] {
        out.push(hex(text));
    }
    let mut text = String::from("v=0\r\ns=call\r\n");
    text += &format!("{}\r\na=key-mgmt:keyp1 AAAA\r\nm=audio 1 RTP/SAVP 0\r\n", sdp::line(&foreign[0]).unwrap());
    text += &format!("{}\r\n", sdp::line(&foreign[1]).unwrap());
    out.push([b"\x01", text.as_bytes()].concat());
    out.push([b"\x01", sdp::line(&foreign[0]).unwrap().as_bytes()].concat());
    out
}

/// An exchange's first message with the GENERIC-ID map, an answer of a server with the Empty map, and one message with
/// everything that tickets have.
fn built() -> [Vec<u8>; 3] {
    let idr = |role, data| Payload::Idr(IdR { role: IdRole(role), id: Id { kind: IdType::URI, data } });
    let v = Payload::V(Verification { alg: MacAlg::HMAC_SHA_1_160, data: &[1; 20] });
    let t = Payload::T(Timestamp::ntp_utc(1_800_000_000, 0));
    let id =
        GenericId { cs_id: 1, protocol: ProtType::SRTP, s: true, policies: &[0], session_data: &[7; 10], spi: &[1, 2] };
    let info = GenericIds::encode(&[id]).unwrap();
    let first = Header {
        data_type: DataType::I_MESSAGE_1,
        v: true,
        prf: PrfFunc::HMAC_SHA_256,
        csb_id: 0x0102_0304,
        crypto_sessions: 1,
        map: CsIdMap::GenericId(GenericIds::new(&info, 1).unwrap()),
    };
    let call =
        [t, Payload::Rand(&[3; 16]), idr(1, b"sip:a"), idr(2, b"sip:b"), Payload::Ibake(b"abc"), Payload::Esk(b"d")];
    let map = CsIdMap::Empty;
    let answer = Header { data_type: DataType::REQUEST_KEY_RESP, crypto_sessions: 0, map, ..first };
    let (encr_alg, mac_alg) = (EncrAlg::AES_CM_256, MacAlg::NULL);
    let kemac = Payload::Kemac(Kemac { encr_alg, encr_data: b"secret", mac_alg, mac: &[] });
    let ticket = Header {
        data_type: DataType::TRANSFER_INIT,
        crypto_sessions: 0,
        map: CsIdMap::SrtpId(SrtpIds::new(&[]).unwrap()),
        ..first
    };
    let policy = TicketPolicy {
        kind: TicketType::MIKEY_BASE,
        subtype: 1,
        version: 1,
        prf: PrfFunc::HMAC_SHA_256,
        flags: 0xaaa,
        reserved: 1,
        data: &[13, 0, 2, 3, 0, 0, 0, 1],
    };
    let timestamp = Timestamp { kind: TsType::NTP_UTC_32, value: 0xecd2_b8b0 };
    let sp = [0, 1, 1, 3, 1, 20, 11, 1, 10];
    let data = [5, 0, 1, b'x', 9, 2, 0, 0, 0, 1, 0, 0];
    let all = [
        Payload::Tp(policy),
        Payload::Ticket(Ticket { policy, data: &data, initiator_data: &[9, 0, 0] }),
        sdp::protocol_extension("mikey;keyp1"),
        Payload::Extension(Extension { kind: ExtensionType::KEY_ID, data: &[1, 2, 3, 4] }),
        Payload::Extension(Extension { kind: ExtensionType::CSB_ID, data: &[1, 2, 3, 4] }),
        Payload::Tr(TimestampR { role: TsRole::END, timestamp }),
        Payload::RandR(RandR { role: RandRole::KMS, rand: b"r" }),
        Payload::Err(ErrorPayload { number: ErrorNo::INVALID_DT, reserved: 7 }),
        Payload::Sp(Policy::new(2, ProtType::SRTP, &sp).unwrap()),
        Payload::CertHash(CertHash { func: HashFunc::MD5, hash: &[2; 16] }),
        Payload::Pke(Pke { cache: CacheType::CACHE, data: b"key" }),
        Payload::Sakke(Sakke { params: 1, id_scheme: 1, data: b"s" }),
        Payload::Sign(Sign { kind: SType::ECCSI, signature: b"sign" }),
    ];
    [
        encode(&first, &call).unwrap(),
        encode(&answer, &[t, idr(3, b"sip:kms"), kemac, v]).unwrap(),
        encode(&ticket, &all).unwrap(),
    ]
}

/// Every seed must get through, or the entry tests less than it seems to.
pub fn all_seeds_are_read() {
    for seed in mikey_seeds() {
        let [mode, rest @ ..] = &seed[..] else { panic!() };
        let good = match (mode, rest) {
            (0, _) => Message::parse(rest).map(|_| ()).map_err(|e| e.to_string()),
            (1, _) => Description::parse(core::str::from_utf8(rest).unwrap()).map(|_| ()).map_err(|e| e.to_string()),
            (n, [first, rest @ ..]) => Chain::parse(PayloadType(*first), rest, CHAINS[usize::from(*n) - 2])
                .map(|_| ())
                .map_err(|e| e.to_string()),
            _ => Err("empty".into()),
        };
        assert_eq!(good, Ok(()), "{seed:02x?}");
    }
}
