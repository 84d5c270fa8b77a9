//! Faults that other stacks have had, each under its name.

use ibake::mikey::numbers::*;
use ibake::mikey::*;

use crate::{foreign, hex};

const NOW: u64 = 1_795_290_000;

fn header(data_type: DataType) -> Header<'static> {
    Header {
        data_type,
        v: true,
        prf: PrfFunc::MIKEY_1,
        csb_id: 1,
        crypto_sessions: 0,
        map: CsIdMap::SrtpId(SrtpIds::new(&[]).unwrap()),
    }
}

/// RFC 3830 table 6.10.1.a: type 3 is the key, type 11 the tag. A stack that writes the tag's 10 bytes under type 3 and reads
/// them back as the tag's length agrees with itself and with nobody else.
#[test]
fn tag_length_is_not_authentication_key_length() {
    let policy = SrtpPolicy { auth_key_len: Some(20), auth_tag_len: Some(10), ..SrtpPolicy::default() };
    let bytes = policy.encode();
    assert_eq!(bytes, hex("03 01 14 0b 01 0a"));
    let sp = Policy::new(0, ProtType::SRTP, &bytes).unwrap();
    let read = SrtpPolicy::of(&sp).unwrap();
    assert_eq!((read.auth_key_len, read.auth_tag_len, read.doubts()), (Some(20), Some(10), vec![]));
    // What that stack writes: a key of 80 bits and no tag length.
    for n in [4, 10] {
        let sp = [0, 1, 1, 3, 1, n];
        let sp = Policy::new(0, ProtType::SRTP, &sp).unwrap();
        let read = SrtpPolicy::of(&sp).unwrap();
        assert_eq!((read.auth_key_len, read.auth_tag_len), (Some(n.into()), None));
        assert_eq!(read.doubts(), [Doubt::TagLengthAsKeyLength { bytes: n.into() }]);
    }
    let swapped = SrtpPolicy { auth_key_len: Some(10), auth_tag_len: Some(20), ..SrtpPolicy::default() };
    assert_eq!(swapped.doubts(), [Doubt::KeyLengthAsTagLength { bytes: 20 }]);
    // A short key that says so on purpose names its tag, too; an AEAD has no HMAC at all.
    let meant = SrtpPolicy { auth_key_len: Some(10), auth_tag_len: Some(10), ..SrtpPolicy::default() };
    let gcm = SrtpPolicy { encr_alg: Some(6), auth_key_len: Some(4), aead_tag_len: Some(16), ..SrtpPolicy::default() };
    assert_eq!((meant.doubts(), gcm.doubts()), (vec![], vec![]));
}

#[test]
fn policies_are_read_by_type_and_refused_when_ambiguous() {
    let all = SrtpPolicy::of(&Policy::new(0, ProtType::SRTP, &hex("00 01 01 01 01 10 02 01 01 03 01 14 04 01 0e 05 01 00 06 03 010000 07 01 01 08 01 00 09 01 00 0a 01 01 0b 01 0a 0c 01 00 14 01 10")).unwrap()).unwrap();
    assert_eq!((all.encr_alg, all.encr_key_len, all.auth_alg, all.salt_len), (Some(1), Some(16), Some(1), Some(14)));
    assert_eq!(
        (all.key_derivation_rate, all.srtp_encryption, all.srtcp_encryption),
        (Some(65_536), Some(true), Some(false))
    );
    assert_eq!(
        (all.srtp_authentication, all.prefix_len, all.aead_tag_len, all.prf),
        (Some(true), Some(0), Some(16), Some(0))
    );
    assert_eq!(SrtpPolicy::of(&Policy::new(0, ProtType::SRTP, &all.encode()).unwrap()), Ok(all));
    // Numbers with leading zeros are numbers; unknown types have lengths and are skipped.
    let wide = SrtpPolicy::of(&Policy::new(0, ProtType::SRTP, &hex("03 04 00000014 63 02 0102")).unwrap()).unwrap();
    assert_eq!(wide, SrtpPolicy { auth_key_len: Some(20), ..SrtpPolicy::default() });
    for wrong in
        ["03 01 14 03 01 0a", "07 01 02", "00 02 0101", "03 00", "03 09 000000000000000001", "0b 08 0000000100000000"]
    {
        assert!(SrtpPolicy::of(&Policy::new(0, ProtType::SRTP, &hex(wrong)).unwrap()).is_err(), "{wrong}");
    }
    assert!(SrtpPolicy::of(&Policy::new(0, ProtType(1), &[]).unwrap()).is_err());
    assert!(Policy::new(0, ProtType::SRTP, &[3]).is_err());
    let off = SrtpPolicy { srtp_encryption: Some(false), srtp_authentication: Some(false), ..SrtpPolicy::default() };
    assert_eq!(off.doubts(), [Doubt::NoEncryption, Doubt::NoAuthentication]);
}

/// A TEK in the clear under a good MAC: RFC 3830 leaves NULL to what lies below, and a message does not show what lies below.
#[test]
fn a_tek_sent_in_the_clear_is_refused_under_any_mac() {
    let tek = KeyData { kind: KeyType::TEK, key: &[0x5a; 30], salt: None, validity: KeyValidity::Null };
    let chain = encode_chain(&[Payload::KeyData(tek)], Within::Kemac).unwrap();
    let kemac = |encr_alg, mac_alg: MacAlg| {
        let mac = &[1; 32][..mac_alg.tag_len().unwrap()];
        Payload::Kemac(Kemac { encr_alg, encr_data: chain.expose(), mac_alg, mac })
    };
    let built = |data_type, payloads: &[Payload<'_>]| {
        let all = [&[Payload::T(Timestamp::ntp_utc(NOW, 0))], payloads].concat();
        encode(&header(data_type), &all).unwrap()
    };
    let v = Payload::V(Verification { alg: MacAlg::HMAC_SHA_256_256, data: &[2; 32] });
    for data_type in DataType::ALL {
        for mac in [MacAlg::HMAC_SHA_1_160, MacAlg::HMAC_SHA_256_256, MacAlg::NULL] {
            for payloads in [&[kemac(EncrAlg::NULL, mac)][..], &[kemac(EncrAlg::NULL, mac), v]] {
                let bytes = built(*data_type, payloads);
                let got = Message::parse(&bytes).unwrap().kemac();
                let dhhmac = matches!(*data_type, DataType::DHHMAC_INIT | DataType::DHHMAC_RESPONSE);
                let expected = if dhhmac { Refused::Field("KEMAC of DHHMAC") } else { Refused::NullEncryption };
                assert_eq!(got, Err(expected), "{data_type}");
                let explained = explain(&bytes);
                assert!(explained.warnings.iter().any(|w| w.contains("without encryption")), "{explained}");
                let text = explained.to_string();
                assert!(!text.contains("5a5a") && text.contains("NOT ENCRYPTED, not shown"), "{text}");
            }
        }
        // Encrypted, it is taken where an RFC has a MAC over it.
        let bytes = built(*data_type, &[kemac(EncrAlg::AES_CM_128, MacAlg::HMAC_SHA_1_160)]);
        let taken = Message::parse(&bytes).unwrap().kemac().is_ok();
        assert_eq!(taken, !matches!(*data_type, DataType::DHHMAC_INIT | DataType::DHHMAC_RESPONSE), "{data_type}");
        let bytes = built(*data_type, &[kemac(EncrAlg(77), MacAlg::HMAC_SHA_1_160)]);
        assert!(Message::parse(&bytes).unwrap().kemac().is_err(), "{data_type}");
    }
}

#[test]
fn a_kemac_without_a_mac_needs_a_v_a_signature_or_a_wrapped_key() {
    let kemac = |encr_alg| Payload::Kemac(Kemac { encr_alg, encr_data: &[9; 24], mac_alg: MacAlg::NULL, mac: &[] });
    let v = |alg: MacAlg| Payload::V(Verification { alg, data: &[2; 32][..alg.tag_len().unwrap()] });
    let sign = Payload::Sign(Sign { kind: SType::RSA_PSS, signature: &[3; 64] });
    let (good, null) = (v(MacAlg::HMAC_SHA_1_160), v(MacAlg::NULL));
    for (data_type, encr, behind, taken) in [
        (DataType::PSK, EncrAlg::AES_CM_128, None, false),
        (DataType::PSK, EncrAlg::AES_CM_128, Some(good), false),
        (DataType::PSK, EncrAlg::AES_KW_128, Some(good), false),
        (DataType::PUBLIC_KEY, EncrAlg::AES_CM_128, Some(sign), false),
        (DataType::PUBLIC_KEY, EncrAlg::AES_KW_128, Some(sign), true),
        (DataType::REQUEST_KEY_RESP, EncrAlg::AES_CM_256, Some(good), true),
        (DataType::REQUEST_KEY_RESP, EncrAlg::AES_CM_256, Some(null), false),
        (DataType::REQUEST_KEY_RESP, EncrAlg::AES_CM_256, None, false),
        (DataType::REQUEST_KEY_PKE, EncrAlg::AES_CM_256, Some(sign), true),
        (DataType::TRANSFER_RESP, EncrAlg::AES_CM_256, Some(good), true),
        (DataType(99), EncrAlg::AES_CM_256, Some(good), false),
    ] {
        let payloads: Vec<_> = [Payload::Rand(b"r"), kemac(encr)].into_iter().chain(behind).collect();
        let bytes = encode(&header(data_type), &payloads).unwrap();
        let message = Message::parse(&bytes).unwrap();
        let got = message.kemac();
        assert_eq!(got.is_ok(), taken, "{data_type} {encr} {behind:?}");
        assert!(taken || got == Err(Refused::NullMac));
        let verified = message.verification();
        match behind {
            Some(b) if b == good => assert!(verified.is_ok()),
            Some(b) if b == null => assert_eq!(verified, Err(Refused::NullMac)),
            _ => assert_eq!(verified, Err(Refused::Missing(PayloadType::V))),
        }
    }
}

/// Keys have no place outside of what is encrypted (RFC 3830 section 6.13, RFC 6267 section 6.1).
#[test]
fn keys_outside_of_kemac_ibake_and_esk_do_not_parse() {
    for kind in [PayloadType::KEY_DATA, PayloadType::SK, PayloadType::ECCPT] {
        let bytes = [&[1, 0, kind.0][..], &[0; 6], &[1], &[0; 80]].concat();
        let e = Message::parse(&bytes).unwrap_err();
        assert_eq!((e.offset, e.reason), (10, Reason::Misplaced { got: kind }));
    }
    let key = KeyData { kind: KeyType::TGK, key: b"x", salt: None, validity: KeyValidity::Null };
    assert!(encode(&header(DataType::PSK), &[Payload::KeyData(key)]).is_err());
}

#[test]
fn keys_are_not_shown_and_compare_as_a_whole() {
    let key = |key, salt| KeyData { kind: KeyType::TGK_SALT, key, salt, validity: KeyValidity::Null };
    let a = key(&[0xab; 16], Some(&[0xcd; 14]));
    let shown = format!("{:?} {:?}", a, SecretKey { kind: SkType::SK, key: &[0xab; 16], validity: KeyValidity::Null });
    assert!(!shown.contains("171") && !shown.contains("205") && !shown.contains("ab,"), "{shown}");
    let kemac = Kemac { encr_alg: EncrAlg::NULL, encr_data: &[0xab; 16], mac_alg: MacAlg::NULL, mac: &[] };
    assert!(!format!("{kemac:?}").contains("171"));
    assert!(a == key(&[0xab; 16], Some(&[0xcd; 14])));
    assert!(a != key(&[0xab; 15], Some(&[0xcd; 14])) && a != key(&[0xab; 16], Some(&[0xcc; 14])));
    assert!(a != key(&[0xab; 16], None));
}

/// Seconds since 1970 in a field that counts from 1900.
#[test]
fn unix_time_labelled_as_ntp_is_recognised_and_named() {
    let right = Timestamp::ntp_utc(NOW, 1 << 31);
    assert_eq!((right.unix(), right.looks_like_unix()), (Some(NOW), None));
    assert_eq!(right.freshness(NOW + 300, 300), Freshness::Fresh);
    assert_eq!(right.freshness(NOW + 301, 300), Freshness::Old { by: 1 });
    assert_eq!(right.freshness(NOW - 400, 300), Freshness::New { by: 100 });
    let wrong = Timestamp { kind: TsType::NTP_UTC, value: NOW << 32 };
    assert_eq!(wrong.looks_like_unix(), Some(NOW));
    for now in [NOW - 3600, NOW, NOW + 3600] {
        assert_eq!(wrong.freshness(now, 300), Freshness::UnixTime { unix: NOW });
    }
    assert!(matches!(wrong.freshness(NOW + 10 * 86_400, 300), Freshness::New { .. }));
    // Seventy years apart, seventeen of them leap years.
    assert_eq!(NTP_TO_UNIX, (70 * 365 + 17) * 86_400);
    let bytes = encode(&header(DataType::PSK), &[Payload::T(wrong), Payload::Rand(b"r")]).unwrap();
    let explained = explain(&bytes);
    assert!(explained.warnings.iter().any(|w| w.contains("Unix time labelled as NTP")), "{explained}");
    assert!(explained.to_string().contains("2026-11-21T19:40:00Z"), "{explained}");
    let counter = Timestamp { kind: TsType::COUNTER, value: 9 };
    assert_eq!((counter.freshness(NOW, 300), counter.as_64_bits()), (Freshness::Counter, 9));
}

/// RFC 4330 section 3: the count of seconds overflows on 7 February 2036, and goes on.
#[test]
fn timestamps_go_on_past_the_year_2036() {
    let overflow = 2_085_978_496;
    for unix in [0, NOW, overflow - 1, overflow, overflow + 1, 4_000_000_000] {
        let t = Timestamp::ntp_utc(unix, 7);
        assert_eq!((t.unix(), t.freshness(unix, 0)), (Some(unix), Freshness::Fresh), "{unix}");
    }
    assert_eq!(Timestamp::ntp_utc(overflow - 1, 0).value, 0xffff_ffff << 32);
    assert_eq!(Timestamp::ntp_utc(overflow, 9).value, 9);
    let short = Timestamp { kind: TsType::NTP_UTC_32, value: 0xc8e3_50ea };
    assert_eq!((short.unix(), short.as_64_bits()), (Some(1_161_351_786), 0xc8e3_50ea_0000_0000));
    assert_eq!(Timestamp { kind: TsType::NTP, value: 1 << 63 }.unix(), Some(0), "1968");
}

/// A parser that does not move on when it does not know a payload never returns. Every step here takes at least two bytes:
/// all kinds of payloads with lengths of zero, and every type as its own successor, end at once.
#[test]
fn identity_payloads_do_not_loop() {
    for bytes in foreign() {
        assert!(Message::parse(&bytes).is_ok(), "with ID payloads");
    }
    for kind in 1..=255u8 {
        for fill in [0, kind, 0xff] {
            let bytes = [&[1, 0, kind, 0][..], &[0; 5], &[1], &vec![fill; 65_000]].concat();
            // Ends, by an error or at a last payload; the limit of payloads bounds the number of steps.
            let steps = Message::parse(&bytes).map_or(0, |m| m.payloads().len());
            assert!(steps <= limits::PAYLOADS);
            let explained = explain(&bytes);
            assert_eq!(explained.fields.iter().map(|f| f.len).sum::<usize>(), bytes.len());
        }
    }
    let empty = Id { kind: IdType::NAI, data: &[] };
    let all: Vec<_> = (0..limits::PAYLOADS)
        .map(|i| if i % 2 == 0 { Payload::Id(empty) } else { Payload::Idr(IdR { role: IdRole(1), id: empty }) })
        .collect();
    let bytes = encode(&header(DataType::I_MESSAGE_1), &all).unwrap();
    assert_eq!(Message::parse(&bytes).unwrap().payloads().copied().collect::<Vec<_>>(), all);
}

/// Two ends that take different ones of two timestamps or identities do not agree on what was said.
#[test]
fn what_can_be_there_once_is_refused_when_it_is_there_twice() {
    let id = |data| Payload::Idr(IdR { role: IdRole::INITIATOR, id: Id { kind: IdType::URI, data } });
    let t = |n| Payload::T(Timestamp::ntp_utc(n, 0));
    let params = [0, 1, 1];
    let sp = Payload::Sp(Policy::new(3, ProtType::SRTP, &params).unwrap());
    let kemac =
        Payload::Kemac(Kemac { encr_alg: EncrAlg::AES_CM_128, encr_data: &[], mac_alg: MacAlg::NULL, mac: &[] });
    let v = Payload::V(Verification { alg: MacAlg::HMAC_SHA_1_160, data: &[0; 20] });
    let twice = [t(1), t(2), Payload::Rand(b"a"), Payload::Rand(b"b"), id(b"x"), id(b"y"), sp, sp, kemac, kemac, v, v];
    let bytes = encode(&header(DataType::PSK), &twice).unwrap();
    let message = Message::parse(&bytes).unwrap();
    let repeated = |kind| Err(Refused::Repeated(kind));
    assert_eq!(message.timestamp(), repeated(PayloadType::T).map(|()| t_of(1)));
    assert_eq!(message.rand().map(|_| ()), repeated(PayloadType::RAND));
    assert_eq!(message.identity(IdRole::INITIATOR).map(|_| ()), repeated(PayloadType::IDR));
    assert_eq!(message.identities(IdRole::INITIATOR).map(|i| i.data).collect::<Vec<_>>(), [b"x", b"y"]);
    assert_eq!(message.policy(3).map(|_| ()), repeated(PayloadType::SP));
    assert_eq!(message.kemac().map(|_| ()), repeated(PayloadType::KEMAC));
    assert_eq!(message.kemac_parts().map(|_| ()), repeated(PayloadType::KEMAC));
    assert_eq!(message.verification().map(|_| ()), repeated(PayloadType::V));
    let once = encode(&header(DataType::PSK), &[t(1), Payload::Rand(b"a"), id(b"x"), sp]).unwrap();
    let once = Message::parse(&once).unwrap();
    assert_eq!((once.timestamp(), once.rand()), (Ok(t_of(1)), Ok(&b"a"[..])));
    assert_eq!(once.identity(IdRole::INITIATOR).unwrap().unwrap().data, b"x");
    assert_eq!(once.identity(IdRole::RESPONDER), Ok(None));
    assert_eq!((once.policy(3).unwrap().number, once.policy(4).is_err()), (3, true));
    assert_eq!((once.kemac(), once.verification().is_err()), (Ok(None), true));
}

fn t_of(unix: u64) -> Timestamp {
    Timestamp::ntp_utc(unix, 0)
}

/// RFC 4563 section 5: with the Empty map there must be no policy.
#[test]
fn a_policy_under_the_empty_map_is_refused() {
    let sp = Payload::Sp(Policy::new(0, ProtType::SRTP, &[]).unwrap());
    let empty = Header { map: CsIdMap::Empty, crypto_sessions: 3, ..header(DataType::PSK) };
    assert_eq!(encode(&empty, &[Payload::Rand(b"r"), sp]), Err(Refused::Field("SP with the Empty map")));
    let mut bytes = encode(&header(DataType::PSK), &[Payload::Rand(b"r"), sp]).unwrap();
    assert!(Message::parse(&bytes).is_ok());
    bytes[9] = 1;
    assert_eq!(Message::parse(&bytes).unwrap_err().reason, Reason::Misplaced { got: PayloadType::SP });
    // And the map has no info, however many sessions there are.
    let bytes = encode(&empty, &[Payload::Rand(b"r")]).unwrap();
    assert_eq!((bytes.len(), Message::parse(&bytes).unwrap().header().crypto_sessions), (13, 3));
}

/// RFC 4650 section 4.2 prints NULL as 2 and HMAC-SHA-1 as 0; the registry, and everybody else, has RFC 3830's.
#[test]
fn dhhmac_uses_the_numbers_of_the_registry() {
    let kemac = |mac_alg: MacAlg| {
        Payload::Kemac(Kemac {
            encr_alg: EncrAlg::NULL,
            encr_data: &[],
            mac_alg,
            mac: &[7; 20][..mac_alg.tag_len().unwrap()],
        })
    };
    let sent = |mac_alg| encode(&header(DataType::DHHMAC_INIT), &[Payload::Rand(b"r"), kemac(mac_alg)]).unwrap();
    assert!(Message::parse(&sent(MacAlg::HMAC_SHA_1_160)).unwrap().kemac().unwrap().is_some());
    assert_eq!(Message::parse(&sent(MacAlg::NULL)).unwrap().kemac(), Err(Refused::NullMac));
}
