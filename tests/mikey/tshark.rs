//! Our messages as tshark reads them: an implementation that is not ours, for HDR, T, RAND, IDR, V and the chain of next
//! payloads. It knows no payload of RFC 6043 but IDR and none of RFC 6267, misreads GENERIC-ID, takes every certificate for
//! DER and stops at CHASH, so only what it knows is asked of it.

use std::fs;
use std::process::{Command, Stdio};

use ibake::mikey::numbers::*;
use ibake::mikey::*;

use crate::foreign;

/// A capture file: the messages as UDP datagrams to port 2269, MIKEY's. Link type 228 is bare IPv4.
fn capture(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0002_0004, 0, 0, 0xffff, 228] {
        out.extend(word.to_be_bytes());
    }
    for m in messages {
        let (udp, ip) = (m.len() + 8, m.len() + 28);
        for word in [1_800_000_000, 0, ip as u32, ip as u32] {
            out.extend(word.to_be_bytes());
        }
        out.extend([0x45, 0]);
        out.extend((ip as u16).to_be_bytes());
        // No fragment, 64 hops, UDP, no checksum; from and to the loopback.
        out.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        for word in [40_000, 2269, udp as u16, 0] {
            out.extend(word.to_be_bytes());
        }
        out.extend(m);
    }
    out
}

/// Messages with what tshark knows: a call's first message without IBAKE, its answers, an error, a public-key message.
fn messages() -> Vec<Vec<u8>> {
    let idr = |role, data| Payload::Idr(IdR { role, id: Id { kind: IdType::URI, data } });
    let t = Payload::T(Timestamp::ntp_utc(1_800_000_000, 0x8000_0000));
    let header = |data_type, csb_id| Header {
        data_type,
        v: true,
        prf: PrfFunc::MIKEY_1,
        csb_id,
        crypto_sessions: 2,
        map: CsIdMap::SrtpId(SrtpIds::new(&[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 9, 0, 0, 0, 0]).unwrap()),
    };
    let empty = Header { crypto_sessions: 0, map: CsIdMap::Empty, ..header(DataType::PUBLIC_KEY, 0x0102_0304) };
    let policy = SrtpPolicy {
        encr_alg: Some(1),
        encr_key_len: Some(16),
        auth_alg: Some(1),
        auth_key_len: Some(20),
        auth_tag_len: Some(10),
        ..SrtpPolicy::default()
    };
    let policy = policy.encode();
    let sp = Payload::Sp(Policy::new(1, ProtType::SRTP, &policy).unwrap());
    let (alice, bob) = (idr(IdRole::INITIATOR, b"sip:alice@example.org"), idr(IdRole::RESPONDER, b"tel:+15551234567"));
    let kemac = |encr_alg| {
        let mac_alg = MacAlg::HMAC_SHA_1_160;
        Payload::Kemac(Kemac { encr_alg, encr_data: &[0x77; 40], mac_alg, mac: &[0x66; 20] })
    };
    let v = Payload::V(Verification { alg: MacAlg::HMAC_SHA_1_160, data: &[0x55; 20] });
    let list = Payload::Extension(Extension { kind: ExtensionType::SDP_IDS, data: b"mikey" });
    let pke = Payload::Pke(Pke { cache: CacheType::CACHE, data: &[0x44; 128] });
    let sign = Payload::Sign(Sign { kind: SType::RSA_PSS, signature: &[0x33; 128] });
    let error = Payload::Err(ErrorPayload { number: ErrorNo::INVALID_PRF, reserved: 0 });
    let dh = Payload::Dh(Dh { group: DhGroup::OAKLEY_1, value: &[0x11; 96], reserved: 0, validity: KeyValidity::Null });
    let all: [(Header<'_>, &[Payload<'_>]); 6] = [
        (header(DataType::PSK, 1), &[t, Payload::Rand(&[0xab; 16]), alice, bob, sp, list, kemac(EncrAlg::AES_CM_128)]),
        (header(DataType::PSK_VERIFICATION, 1), &[t, bob, v]),
        (
            Header { prf: PrfFunc::HMAC_SHA_256, ..header(DataType::PSK, 7) },
            &[t, Payload::Rand(&[1; 32]), alice, sp, kemac(EncrAlg(1))],
        ),
        (header(DataType::ERROR, 2), &[t, error, v]),
        (empty, &[t, Payload::Rand(&[2; 16]), alice, kemac(EncrAlg::AES_CM_128), pke, sign]),
        (header(DataType::DH_INIT, 3), &[t, Payload::Rand(&[3; 16]), alice, sp, dh, sign]),
    ];
    all.iter().map(|(h, payloads)| encode(h, payloads).unwrap()).collect()
}

/// What `-T fields` prints of one message, fields apart by tabs, values of one field by commas.
fn tshark(messages: &[Vec<u8>], fields: &[&str]) -> Option<Vec<Vec<Vec<String>>>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("messages.pcap");
    fs::write(&path, capture(messages)).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(&path).args(["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]);
    for f in fields {
        command.args(["-e", f]);
    }
    let Ok(out) = command.stdin(Stdio::null()).output() else {
        let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|r| r.split(',').any(|r| r == "tshark"));
        assert!(!required, "IBAKE_REQUIRE names `tshark`, and there is none that runs here");
        println!("skipped: there is no tshark here");
        return None;
    };
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let values = |cell: &str| cell.split(',').filter(|v| !v.is_empty()).map(str::to_owned).collect();
    Some(text.lines().map(|l| l.split('\t').map(values).collect()).collect())
}

fn number(text: &str) -> u64 {
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |h| u64::from_str_radix(h, 16).ok()).unwrap()
}

const FIELDS: [&str; 13] = [
    "mikey.version",
    "mikey.type",
    "mikey.csb_id",
    "mikey.cs_count",
    "mikey.next_payload",
    "mikey.rand.data",
    "mikey.id.role",
    "mikey.id.data",
    "mikey.v.ver_data",
    "mikey.kemac.key_data_len",
    "_ws.malformed",
    "mikey.sp.auth_tag_len",
    "mikey.sign.len",
];

#[test]
fn an_independent_reader_sees_what_we_wrote() {
    let all: Vec<_> = messages().into_iter().chain(foreign()).collect();
    let Some(read) = tshark(&all, &FIELDS) else { return };
    assert_eq!(read.len(), all.len());
    for (bytes, cells) in all.iter().zip(&read) {
        let message = Message::parse(bytes).unwrap();
        let header = message.header();
        let [version, kind, csb_id, count, next, rand, roles, ids, v, encr_len, malformed, tag_len, sign_len] =
            &cells[..]
        else {
            panic!("{cells:?}")
        };
        assert!(malformed.is_empty(), "{cells:?}");
        let numbers = |cell: &[String]| cell.iter().map(|v| number(v)).collect::<Vec<_>>();
        assert_eq!(numbers(version), [1u64]);
        assert_eq!(numbers(kind), [u64::from(header.data_type.0)]);
        assert_eq!(numbers(csb_id), [u64::from(header.csb_id)]);
        assert_eq!(numbers(count), [u64::from(header.crypto_sessions)]);
        // The chain: HDR's next payload, then every payload's but SIGN's, which has none.
        let mut chain: Vec<u64> = message.payloads().map(|p| p.kind().0.into()).collect();
        let signed: Vec<u64> = message
            .payloads()
            .filter_map(|p| match p {
                Payload::Sign(s) => Some(s.signature.len() as u64),
                _ => None,
            })
            .collect();
        if signed.is_empty() {
            chain.push(0);
        }
        assert_eq!(numbers(sign_len), signed);
        assert_eq!(numbers(next), chain);
        let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let plain = |cell: &[String]| cell.iter().map(|v| v.replace(':', "")).collect::<Vec<_>>();
        assert_eq!(plain(rand), message.rand().map(hex).into_iter().collect::<Vec<_>>());
        let named: Vec<_> = message
            .payloads()
            .filter_map(|p| match p {
                Payload::Idr(i) => Some((Some(u64::from(i.role.0)), i.id.data)),
                Payload::Id(i) => Some((None, i.data)),
                _ => None,
            })
            .collect();
        assert_eq!(numbers(roles), named.iter().filter_map(|(r, _)| *r).collect::<Vec<_>>());
        assert_eq!(*ids, named.iter().map(|(_, d)| String::from_utf8_lossy(d).into_owned()).collect::<Vec<_>>());
        let tags: Vec<_> = message.verification().map(|v| hex(v.data)).into_iter().collect();
        assert_eq!(plain(v), tags);
        let lengths: Vec<u64> = message.kemac().unwrap().map(|k| k.encr_data.len() as u64).into_iter().collect();
        assert_eq!(numbers(encr_len), lengths);
        let policy = message.policy(1).ok().map(|p| SrtpPolicy::of(p).unwrap().auth_tag_len.unwrap());
        assert_eq!(numbers(tag_len), policy.into_iter().map(u64::from).collect::<Vec<_>>());
    }
}

/// The same, for the time and for what is not known to it: the chain is walked past payloads of RFC 6267.
#[test]
fn an_independent_reader_reads_time_and_walks_past_what_it_does_not_know() {
    let idr = |role, data| Payload::Idr(IdR { role, id: Id { kind: IdType::URI, data } });
    let header = Header {
        data_type: DataType::I_MESSAGE_1,
        v: true,
        prf: PrfFunc::HMAC_SHA_256,
        csb_id: 0xcafe_f00d,
        crypto_sessions: 0,
        map: CsIdMap::Empty,
    };
    let payloads = [
        Payload::T(Timestamp::ntp_utc(1_800_000_000, 0)),
        Payload::Rand(&[9; 16]),
        idr(IdRole::INITIATOR, b"sip:alice@example.org"),
        idr(IdRole::RESPONDER, b"sip:bob@example.org"),
        Payload::Ibake(&[0xee; 300]),
    ];
    let message = encode(&header, &payloads).unwrap();
    let Some(read) = tshark(&[message], &["mikey.type", "mikey.next_payload", "mikey.t.ntp", "mikey.id.data"]) else {
        return;
    };
    let [kind, next, time, ids] = &read[0][..] else { panic!("{read:?}") };
    assert_eq!(number(&kind[0]), 22);
    let chain: Vec<_> = next.iter().map(|v| number(v)).collect();
    assert_eq!(chain[..5], [5, 11, 14, 14, 22]);
    assert!(time.join(",").contains("2027"), "{time:?}");
    assert_eq!(*ids, ["sip:alice@example.org", "sip:bob@example.org"]);
}
