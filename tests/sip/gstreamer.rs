//! GStreamer's MIKEY against ours: an independent reader and writer of HDR, T, RAND, SP and KEMAC (RFC 3830). In a process of its own
//! under a limit of time, because it does not come back from payloads that it does not know.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use getrandom::SysRng;
use ibake::mikey::numbers::{DataType, EncrAlg, KeyType, MacAlg, PayloadType, PrfFunc, ProtType, TsType};
use ibake::mikey::{
    Chain, CsIdMap, Header, Kemac, KeyData, KeyValidity, Message, Payload, Policy, SrtpId, SrtpIds, SrtpPolicy,
    Timestamp, Within, encode, encode_chain,
};
use ibake::secret::Secret;

use crate::parties::now;
use crate::peers::{compile, has_header, output, starts, there};

/// Compiles the C program; `None` where there is no GStreamer.
fn program(dir: &Path) -> Option<PathBuf> {
    let config = Command::new("pkg-config").args(["--cflags", "--libs", "gstreamer-sdp-1.0"]).output();
    let config = config.ok().filter(|o| o.status.success()).map(|o| String::from_utf8(o.stdout).unwrap());
    let flags: Vec<String> = config.iter().flat_map(|c| c.split_whitespace()).map(str::to_owned).collect();
    let found = config.is_some() && starts("cc", "--version") && has_header("gst/sdp/gstmikey.h", &flags);
    if !there("gstreamer", found) {
        return None;
    }
    let program = dir.join("mikey");
    compile("mikey.c", &program, &flags);
    Some(program)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// What the program prints of each message: its fields, and its bytes written again.
fn run(program: &Path, mode: &str, messages: &[Vec<u8>]) -> Vec<(Vec<String>, Option<Vec<u8>>)> {
    let input = program.with_file_name("messages");
    fs::write(&input, messages.iter().map(|m| hex(m) + "\n").collect::<String>()).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$1\" < \"$2\""]).arg(program).arg(mode).arg(&input);
    let out = output(&mut command);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let mut all = vec![];
    let mut fields: Vec<String> = vec![];
    for line in text.lines().map(str::trim_end) {
        if line == "end" {
            let bytes = fields.pop_if(|l| l.starts_with("bytes ")).map(|l| unhex(&l["bytes ".len()..]));
            all.push((std::mem::take(&mut fields), bytes));
        } else {
            fields.push(line.to_owned());
        }
    }
    all
}

/// The same lines, from what went into a message.
fn describe(header: &Header<'_>, payloads: &[Payload<'_>]) -> Vec<String> {
    let prf = header.prf.0;
    let v = u8::from(header.v);
    let mut out = vec![format!("version 1 type {} v {v} prf {prf} csb {:08x}", header.data_type.0, header.csb_id)];
    let CsIdMap::SrtpId(map) = &header.map else { panic!("SRTP-ID is what GStreamer knows") };
    out.extend(map.iter().map(|s| format!("stream policy {} ssrc {:08x} roc {:08x}", s.policy, s.ssrc, s.roc)));
    for p in payloads {
        match p {
            Payload::T(t) => {
                let digits = if t.kind == TsType::COUNTER { 8 } else { 16 };
                out.extend([format!("time type {}", t.kind.0), format!("time {:0digits$x}", t.value)]);
            }
            Payload::Rand(rand) => out.push(format!("rand {}", hex(rand))),
            Payload::Sp(policy) => {
                out.push(format!("policy {} protocol {}", policy.number, policy.protocol.0));
                out.extend(policy.params().map(|(kind, value)| format!("type {kind} value {}", hex(value))));
            }
            Payload::Kemac(k) => {
                assert_eq!(k.encr_alg, EncrAlg::NULL, "the only one that it reads");
                out.push(format!("kemac encryption 0 mac {}", k.mac_alg.0));
                let chain = Chain::parse(PayloadType::KEY_DATA, k.encr_data, Within::Kemac).unwrap();
                for sub in chain.iter() {
                    let Payload::KeyData(key) = sub else { panic!("{sub:?}") };
                    let (kind, valid) = match key.validity {
                        KeyValidity::Null => (0, vec![]),
                        KeyValidity::Spi(spi) => (1, vec![spi]),
                        KeyValidity::Interval { from, to } => (2, vec![from, to]),
                    };
                    // It has the type without the bit that says whether there is a salt.
                    out.push(format!("key type {} validity {kind}", key.kind.0 & !1));
                    out.push(format!("key {}", hex(key.key)));
                    out.push(format!("salt {}", hex(key.salt.unwrap_or_default())).trim_end().to_owned());
                    out.extend(valid.iter().map(|v| format!("valid {}", hex(v))));
                }
            }
            other => panic!("{other:?}"),
        }
    }
    out
}

#[test]
fn it_reads_what_we_write_and_writes_it_again_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let Some(program) = program(dir.path()) else { return };
    let drawn = |n: usize| {
        let bytes = (0..n).map(|_| Secret::<1>::random(&mut SysRng).unwrap().expose()[0]);
        bytes.collect::<Vec<u8>>()
    };
    let (mut messages, mut expected) = (vec![], vec![]);
    for n in 0..12usize {
        let streams: Vec<SrtpId> = (0..n % 4)
            .map(|i| SrtpId {
                policy: (i % 2) as u8,
                ssrc: u32::from_be_bytes(drawn(4).try_into().unwrap()),
                roc: i as u32,
            })
            .collect();
        let map = SrtpIds::encode(&streams);
        let header = Header {
            data_type: if n == 5 { DataType::PSK_VERIFICATION } else { DataType::PSK },
            v: n % 2 == 1,
            prf: PrfFunc::MIKEY_1,
            csb_id: u32::from_be_bytes(drawn(4).try_into().unwrap()),
            crypto_sessions: streams.len() as u8,
            map: CsIdMap::SrtpId(SrtpIds::new(&map).unwrap()),
        };
        let policy = |key: u32| SrtpPolicy {
            encr_alg: Some(1),
            encr_key_len: Some(key),
            auth_alg: Some(1),
            auth_key_len: Some(20),
            salt_len: Some(14),
            auth_tag_len: Some(if n == 7 { 4 } else { 10 }),
            ..SrtpPolicy::default()
        };
        let (first, second) = (policy(16).encode(), policy(32).encode());
        let (key, salt, mki, rand) = (drawn(16 + n), drawn(14), drawn(4), drawn(16 + n));
        let data: Vec<Payload<'_>> = (0..1 + n / 5)
            .map(|i| {
                let salted = (n + i) % 2 == 1;
                Payload::KeyData(KeyData {
                    kind: match (n % 3, salted) {
                        (0, false) => KeyType::TGK,
                        (0, true) => KeyType::TGK_SALT,
                        (_, false) => KeyType::TEK,
                        (_, true) => KeyType::TEK_SALT,
                    },
                    key: &key,
                    salt: salted.then_some(&salt),
                    validity: match n % 4 {
                        0 | 3 => KeyValidity::Null,
                        1 => KeyValidity::Spi(&mki),
                        _ => KeyValidity::Interval { from: &mki[..2], to: &salt[..6] },
                    },
                })
            })
            .collect();
        let chain = encode_chain(&data, Within::Kemac).unwrap();
        let t = match n {
            3 => Timestamp { kind: TsType::COUNTER, value: 77 },
            _ => Timestamp::ntp_utc(now(), n as u32),
        };
        let (mac_alg, mac): (_, &[u8]) =
            if n % 6 == 4 { (MacAlg::HMAC_SHA_1_160, &[0; 20]) } else { (MacAlg::NULL, &[]) };
        let mut payloads = vec![Payload::T(t), Payload::Rand(&rand)];
        payloads.push(Payload::Sp(Policy::new(0, ProtType::SRTP, &first).unwrap()));
        payloads.push(Payload::Sp(Policy::new(1, ProtType::SRTP, &second).unwrap()));
        // An answer has no KEMAC (RFC 3830 section 3.1), and it refuses one there.
        if header.data_type == DataType::PSK {
            payloads.push(Payload::Kemac(Kemac { encr_alg: EncrAlg::NULL, encr_data: chain.expose(), mac_alg, mac }));
        }
        messages.push(encode(&header, &payloads).unwrap());
        expected.push(describe(&header, &payloads));
    }
    let read = run(&program, "read", &messages);
    assert_eq!(read.len(), messages.len());
    for ((message, expected), (fields, again)) in messages.iter().zip(&expected).zip(&read) {
        assert_eq!(fields, expected);
        let again = again.as_ref().unwrap();
        // It computes no MAC and leaves its place as the memory was.
        let tag = if expected.iter().any(|l| l == "kemac encryption 0 mac 1") { 20 } else { 0 };
        let end = message.len() - tag;
        assert_eq!((again.len(), hex(&again[..end])), (message.len(), hex(&message[..end])));
    }
    // What is cut off it refuses, as we do.
    let cut: Vec<Vec<u8>> = messages.iter().map(|m| m[..m.len() - 3].to_vec()).collect();
    assert!(cut.iter().all(|m| Message::parse(m).is_err()));
    assert!(run(&program, "read", &cut).iter().all(|(fields, again)| fields == &["refused"] && again.is_none()));
}

#[test]
fn we_read_what_it_writes_and_write_it_again_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let Some(program) = program(dir.path()) else { return };
    let made = run(&program, "make", &[]);
    assert_eq!(made.len(), 6);
    for (fields, bytes) in made {
        let bytes = bytes.unwrap();
        let message = Message::parse(&bytes).unwrap_or_else(|e| panic!("{e}: {}", hex(&bytes)));
        let payloads: Vec<Payload<'_>> = message.payloads().copied().collect();
        assert_eq!(describe(message.header(), &payloads), fields);
        assert_eq!(hex(&message.encode().unwrap()), hex(&bytes));
        assert_eq!(hex(&encode(message.header(), &payloads).unwrap()), hex(&bytes));
    }
}
