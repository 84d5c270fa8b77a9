//! The codec: what is read is written again, byte for byte; what is altered or cut is an error or another whole message.

use ibake::mikey::numbers::*;
use ibake::mikey::*;
use proptest::prelude::*;

use crate::samples::{self, Owned, encoded, everything};
use crate::{foreign, hex};

/// A message that is read must be the one it is written as, and all views of it must work.
#[track_caller]
fn consistent(bytes: &[u8]) -> bool {
    let Ok(message) = Message::parse(bytes) else { return false };
    assert_eq!(message.encode().unwrap(), bytes);
    assert_eq!(message.bytes(), bytes);
    let mut at = message.located()[0].offset;
    for l in message.located() {
        assert_eq!(l.offset, at);
        at += l.len;
    }
    assert_eq!(at, bytes.len());
    true
}

#[test]
fn messages_of_others_are_read_and_written_byte_for_byte() {
    let all = foreign();
    assert!(all.iter().all(|m| consistent(m)));
    let offer = Message::parse(&all[0]).unwrap();
    let header = offer.header();
    assert_eq!((header.data_type, header.v, header.prf), (DataType::PSK, true, PrfFunc::MIKEY_1));
    assert_eq!((header.csb_id, header.crypto_sessions), (0xcd17_7e50, 1));
    let CsIdMap::SrtpId(ids) = header.map else { panic!("{header:?}") };
    assert_eq!(ids.iter().collect::<Vec<_>>(), [SrtpId { policy: 0, ssrc: 0, roc: 0 }]);
    let kinds: Vec<_> = offer.payloads().map(Payload::kind).collect();
    use PayloadType as P;
    assert_eq!(kinds, [P::T, P::RAND, P::ID, P::SP, P::KEMAC]);
    let t = offer.timestamp().unwrap();
    assert_eq!((t.kind, t.unix()), (TsType::NTP_UTC, Some(1_161_351_786)));
    assert_eq!(offer.rand().unwrap(), hex("4a28da979ee21a7651a0d7f19136d98c"));
    let id = Payload::Id(Id { kind: IdType::NAI, data: b"donald@duck.com" });
    assert_eq!(offer.single(P::ID), Ok(&id));
    let kemac = offer.kemac().unwrap().unwrap();
    assert_eq!((kemac.encr_alg, kemac.encr_data.len()), (EncrAlg::AES_CM_128, 36));
    assert_eq!((kemac.mac_alg, kemac.mac.len()), (MacAlg::HMAC_SHA_1_160, 20));
    assert_eq!(offer.covered(), &all[0][..112]);
    assert_eq!(offer.policy(0).unwrap().params().count(), 0);
    let answer = Message::parse(&all[1]).unwrap();
    assert_eq!((answer.header().data_type, answer.timestamp()), (DataType::PSK_VERIFICATION, Ok(t)));
    assert_eq!(answer.verification().unwrap().data, &all[1][51..]);
    assert_eq!(answer.covered(), &all[1][..51]);
}

/// Bytes written by hand from the figures of the RFCs.
#[test]
fn payloads_are_laid_out_as_in_the_figures() {
    let header = Header {
        data_type: DataType::I_MESSAGE_1,
        v: true,
        prf: PrfFunc::HMAC_SHA_256,
        csb_id: 0x0102_0304,
        crypto_sessions: 1,
        map: CsIdMap::SrtpId(SrtpIds::new(&[9, 0, 0, 0, 8, 0, 0, 0, 7]).unwrap()),
    };
    let head = "01 16 NEXT 81 01020304 01 00 09 00000008 00000007";
    let kv = KeyValidity::Interval { from: &[1, 2], to: &[3] };
    let dh = Dh { group: DhGroup::OAKLEY_1, value: &[0x55; 96], reserved: 3, validity: kv };
    let dh_bytes = format!("00 01 {} 32 02 0102 01 03", "55".repeat(96));
    let tp = TicketPolicy {
        kind: TicketType(0x0102),
        subtype: 3,
        version: 4,
        prf: PrfFunc(0x41),
        flags: 0x801,
        reserved: 0x11,
        data: &[5],
    };
    let policy = Policy::encode_params(&[(0, &[1]), (11, &[0, 10])]).unwrap();
    for (payload, figure) in [
        (Payload::T(Timestamp { kind: TsType::COUNTER, value: 7 }), "00 02 00000007"),
        (Payload::T(Timestamp { kind: TsType::NTP, value: 7 }), "00 01 0000000000000007"),
        (
            Payload::Tr(TimestampR { role: TsRole::START, timestamp: Timestamp { kind: TsType(3), value: 7 } }),
            "00 02 03 00000007",
        ),
        (Payload::Rand(&[1, 2, 3]), "00 03 010203"),
        (Payload::RandR(RandR { role: RandRole::KMS, rand: &[1, 2, 3] }), "00 03 03 010203"),
        (Payload::Id(Id { kind: IdType::URI, data: b"ab" }), "00 01 0002 6162"),
        (
            Payload::Idr(IdR { role: IdRole::RESPONDER, id: Id { kind: IdType::URI, data: b"ab" } }),
            "00 02 01 0002 6162",
        ),
        (Payload::Cert(Cert { kind: CertType::X509_SIGN, data: b"ab" }), "00 02 0002 6162"),
        (Payload::CertHash(CertHash { func: HashFunc::MD5, hash: &[7; 16] }), "00 01 07070707070707070707070707070707"),
        (Payload::Pke(Pke { cache: CacheType(2), data: b"ab" }), "00 8002 6162"),
        (Payload::Dh(dh), &dh_bytes),
        (Payload::V(Verification { alg: MacAlg::NULL, data: &[] }), "00 00"),
        (Payload::Sp(Policy::new(6, ProtType::SRTP, &policy).unwrap()), "00 06 00 0007 000101 0b02000a"),
        (Payload::Err(ErrorPayload { number: ErrorNo::INVALID_TPPAR, reserved: 0x0203 }), "00 0f 0203"),
        (
            Payload::Kemac(Kemac { encr_alg: EncrAlg(3), encr_data: b"abc", mac_alg: MacAlg::NULL, mac: &[] }),
            "00 03 0003 616263 00",
        ),
        (Payload::Extension(Extension { kind: ExtensionType::VENDOR_ID, data: b"ab" }), "00 00 0002 6162"),
        (Payload::Ibake(b"abc"), "00 0003 616263"),
        (Payload::Esk(b"abc"), "00 0003 616263"),
        (Payload::Sakke(Sakke { params: 1, id_scheme: 2, data: b"ab" }), "00 01 02 0002 6162"),
        (Payload::Tp(tp), "00 0102 03 04 830031 0001 05"),
        (
            Payload::Ticket(Ticket { policy: tp, data: b"a", initiator_data: &[] }),
            "00 0102 03 04 830031 0001 05 0001 61 0000",
        ),
    ] {
        let kind = format!("{:02x}", payload.kind().0);
        let expected = hex(&format!("{}{figure}", head.replace("NEXT", &kind)));
        let bytes = encode(&header, &[payload]).unwrap();
        assert_eq!(bytes, expected, "{payload:?}");
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.header(), message.payloads().next()), (&header, Some(&payload)));
    }
    // SIGN has no next payload and cannot be the first.
    let two = [Payload::Rand(b"x"), Payload::Sign(Sign { kind: SType(2), signature: b"ab" })];
    let expected = hex(&format!("{} 04 01 78 2002 6162", head.replace("NEXT", "0b")));
    assert_eq!(encode(&header, &two).unwrap(), expected);
    assert_eq!(Message::parse(&expected).unwrap().tag().unwrap().offset, expected.len() - 2);
    assert!(['D', 'O'].iter().all(|f| tp.flag(*f)) && !tp.flag('E') && !tp.flag('N') && !tp.flag('A'));
}

#[test]
fn sub_payloads_are_laid_out_as_in_the_figures() {
    let kv = KeyValidity::Spi(&[9, 8]);
    let p256 = [&[4][..], &[0x11; 64]].concat();
    let p521 = [&[2][..], &[0x22; 66]].concat();
    let share = |curve, point, validity| EccPoint {
        curve,
        point,
        auth_alg: MacAlg::HMAC_SHA_256_256,
        tgk_len: 0x0102,
        reserved: 0,
        validity,
    };
    let key = |kind, salt, validity| KeyData { kind, key: &[1, 2], salt, validity };
    for (payload, within, figure) in [
        (Payload::KeyData(key(KeyType::TGK, None, KeyValidity::Null)), Within::Kemac, "00 00 0002 0102".to_owned()),
        (
            Payload::KeyData(key(KeyType::TEK_SALT, Some(&[3]), kv)),
            Within::Kemac,
            "00 31 0002 0102 0001 03 02 0908".into(),
        ),
        (Payload::KeyData(key(KeyType::K_PR, None, kv)), Within::Kemac, "00 71 0002 0102 02 0908".into()),
        (
            Payload::Sk(SecretKey { kind: SkType::SK, key: &[1, 2], validity: kv }),
            Within::Esk,
            "00 11 0002 0102 02 0908".into(),
        ),
        // 2 + 65 bytes, so one byte of padding.
        (
            Payload::EccPoint(share(EccCurve::P256, &p256, KeyValidity::Null)),
            Within::Ibake,
            format!("00 08 04 {} 00 02 0102 00", "11".repeat(64)),
        ),
        // 2 + 67 bytes, so three.
        (
            Payload::EccPoint(share(EccCurve::P521, &p521, kv)),
            Within::Ibake,
            format!("00 0e 02 {} 000000 02 0102 01 02 0908", "22".repeat(66)),
        ),
    ] {
        let bytes = encode_chain(&[payload], within).unwrap();
        assert_eq!(bytes.expose(), hex(&figure), "{payload:?}");
        let chain = Chain::parse(payload.kind(), bytes.expose(), within).unwrap();
        assert_eq!(chain.iter().collect::<Vec<_>>(), [&payload]);
        for cut in 0..bytes.expose().len() {
            let cut = Chain::parse(payload.kind(), &bytes.expose()[..cut], within);
            assert!(cut.is_err() || within == Within::Kemac && cut == Chain::parse(PayloadType::LAST, &[], within));
        }
    }
    let id = Payload::Id(Id { kind: IdType::NAI, data: b"a" });
    let two = encode_chain(&[id, Payload::KeyData(key(KeyType::K_PR, None, kv))], Within::Kemac).unwrap();
    assert_eq!(two.expose(), hex("14 00 0001 61 00 71 0002 0102 02 0908"));
}

#[test]
fn the_whole_message_survives_and_nothing_shorter_or_longer_is_read() {
    let bytes = everything();
    assert!(consistent(&bytes));
    for n in 0..bytes.len() {
        assert!(Message::parse(&bytes[..n]).is_err(), "{n}");
    }
    for extra in 0..=255 {
        let longer = [&bytes[..], &[extra]].concat();
        let error = Message::parse(&longer).unwrap_err();
        assert_eq!((error.offset, error.reason), (bytes.len(), Reason::Trailing { extra: 1 }));
    }
}

#[test]
fn every_single_byte_altered_gives_an_error_or_a_message_that_is_written_as_it_was_read() {
    let (mut whole, mut refused) = (0, 0);
    for bytes in foreign().into_iter().chain([everything()]) {
        for i in 0..bytes.len() {
            let mut altered = bytes.clone();
            for v in 0..=255 {
                altered[i] = v;
                if consistent(&altered) { whole += 1 } else { refused += 1 }
            }
        }
    }
    assert!(whole > 100_000 && refused > 10_000, "{whole} {refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn messages_at_random_are_read_as_they_were_written((head, payloads) in samples::message()) {
        let bytes = encoded(&head, &payloads);
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.header(), &head.view());
        let views: Vec<_> = payloads.iter().map(Owned::view).collect();
        prop_assert_eq!(message.payloads().copied().collect::<Vec<_>>(), views);
        prop_assert!(consistent(&bytes));
        if let CsIdMap::GenericId(ids) = message.header().map {
            let all: Vec<_> = ids.iter().collect();
            prop_assert_eq!(GenericIds::encode(&all).unwrap(), head.info);
        }
        for n in 0..bytes.len() {
            prop_assert!(Message::parse(&bytes[..n]).is_err());
        }
    }

    #[test]
    fn altered_messages_never_panic((head, payloads) in samples::message(), at in any::<prop::sample::Index>(), v: u8) {
        let mut bytes = encoded(&head, &payloads);
        let i = at.index(bytes.len());
        bytes[i] = v;
        consistent(&bytes);
    }

    #[test]
    fn shares_and_keys_at_random_are_read_as_they_were_written(
        shares in proptest::collection::vec(samples::share(), 1..4),
        keys in proptest::collection::vec((0u8..8, any::<[u8; 5]>(), any::<[u8; 3]>(), samples::validity()), 0..4),
        secret in (0u8..16, any::<[u8; 5]>(), samples::validity()),
    ) {
        let keys: Vec<_> = keys.into_iter().map(|(a, b, c, d)| Owned::KeyData(a, b.to_vec(), c.to_vec(), d)).collect();
        let secret = [Owned::Sk(secret.0, secret.1.to_vec(), secret.2)];
        for (owned, within, first) in [
            (&shares[..], Within::Ibake, PayloadType::ECCPT),
            (&keys, Within::Kemac, PayloadType::KEY_DATA),
            (&secret, Within::Esk, PayloadType::SK),
        ] {
            let views: Vec<_> = owned.iter().map(Owned::view).collect();
            let bytes = encode_chain(&views, within).unwrap();
            let chain = Chain::parse(first, bytes.expose(), within).unwrap();
            prop_assert_eq!(chain.iter().copied().collect::<Vec<_>>(), views);
            for n in 1..bytes.expose().len() {
                prop_assert!(Chain::parse(first, &bytes.expose()[..n], within).is_err());
            }
        }
    }
}

/// A field that was wrong, and why.
fn fault(bytes: &[u8]) -> (&'static str, &'static str, usize, Reason) {
    let e = Message::parse(bytes).unwrap_err();
    (e.payload, e.field, e.offset, e.reason)
}

#[test]
fn faults_name_payload_field_and_offset() {
    // HDR with the Empty map, then RAND (offset 10) with one byte, then what `rest` says.
    let message = |next: u8, rest: &str| [hex("01 00 0b 00 00000000 00 01"), vec![next, 1, 0xaa], hex(rest)].concat();
    let unknown = |got| Reason::Unknown { got };
    let short = |expected, got| Reason::Truncated { expected, got };
    assert_eq!(fault(&[]), ("HDR", "version", 0, short(1, 0)));
    assert_eq!(fault(&[2]), ("HDR", "version", 0, Reason::Version { got: 2 }));
    assert_eq!(fault(&[1, 0, 5, 0, 0]), ("HDR", "CSB ID", 4, short(4, 1)));
    assert_eq!(fault(&hex("01 00 05 00 00000000 00 03")), ("HDR", "CS ID map type", 9, unknown(3)));
    assert_eq!(fault(&hex("01 00 05 00 00000000 02 00 00")), ("HDR", "CS ID map info", 10, short(18, 1)));
    assert_eq!(fault(&hex("01 00 05 00 00000000 01 02 00 00 7f")), ("HDR", "Ps", 13, short(127, 0)));
    // No payload at all, SIGN first.
    for next in [PayloadType::LAST, PayloadType::SIGN] {
        let bytes = [&[1, 0, next.0][..], &[0; 6], &[1, 0, 0]].concat();
        assert_eq!(fault(&bytes), ("HDR", "next payload", 2, Reason::Misplaced { got: next }));
    }
    for got in [18, 19, 27, 255] {
        assert_eq!(fault(&message(got, "00000000")), ("RAND", "next payload", 13, unknown(got.into())));
    }
    for (kind, rest, payload, field, at, got) in [
        (PayloadType::T, "00 04", "T", "TS type", 14, 4),
        (PayloadType::V, "00 03", "V", "Auth alg", 14, 3),
        (PayloadType::CHASH, "00 03", "CHASH", "Hash func", 14, 3),
        (PayloadType::DH, "00 03", "DH", "DH-Group", 14, 3),
        (PayloadType::KEMAC, "00 00 0001 aa 09", "KEMAC", "Mac alg", 18, 9),
    ] {
        assert_eq!(fault(&message(kind.0, rest)), (payload, field, at, unknown(got)));
    }
    assert_eq!(fault(&message(6, "00 00 0005 61")), ("ID", "ID Data", 17, short(5, 1)));
    assert_eq!(fault(&message(22, "00 ffff 61")), ("IBAKE", "Encr data", 16, short(65_535, 1)));
    // Whole parameters only, inside SP; and no SP at all with the Empty map.
    let srtp = |rest: &str| [hex("01 00 0a 00 00000000 00 00"), hex(rest)].concat();
    assert_eq!(fault(&srtp("00 00 00 0003 000201")), ("SP", "Policy param Value", 17, short(2, 1)));
    let misplaced = |got| Reason::Misplaced { got };
    assert_eq!(fault(&message(10, "00 00 00 0000")), ("RAND", "next payload", 13, misplaced(PayloadType::SP)));
    let display = Message::parse(&message(22, "00 ffff 61")).unwrap_err().to_string();
    assert_eq!(display, "IBAKE, Encr data at offset 16: needs 65535 bytes, 1 are left");
}

#[test]
fn faults_inside_chains_are_found_there() {
    let share = |pad: &str, flags: &str| hex(&format!("00 08 04 {} {pad} 02 0000 {flags}", "11".repeat(64)));
    let read = |bytes: &[u8]| Chain::parse(PayloadType::ECCPT, bytes, Within::Ibake).map(|_| ());
    assert_eq!(read(&share("00", "00")), Ok(()));
    let e = read(&share("01", "00")).unwrap_err();
    assert_eq!((e.payload, e.field, e.offset, e.reason), ("ECCPT", "padding", 67, Reason::NotZero));
    let e = read(&share("00", "03")).unwrap_err();
    assert_eq!((e.field, e.reason), ("KV data", Reason::Unknown { got: 3 }));
    let e = read(&hex("00 08 05 00")).unwrap_err();
    assert_eq!((e.field, e.offset, e.reason), ("ECC Curve", 1, Reason::Unknown { got: 8 }));
    let e = Chain::parse(PayloadType::KEY_DATA, &hex("00 80 0000"), Within::Kemac).unwrap_err();
    assert_eq!((e.field, e.reason), ("Type and KV", Reason::Unknown { got: 8 }));
    // A signature ends an ESK, and nothing stands behind it.
    let signed = hex("18 01 0001 61 04 10 0001 07 f001 08");
    let chain = Chain::parse(PayloadType::ID, &signed, Within::Esk).unwrap();
    let all: Vec<_> = chain.iter().copied().collect();
    assert_eq!(all[2], Payload::Sign(Sign { kind: SType::CHA_CHEON, signature: &[8] }));
    assert_eq!(encode_chain(&all, Within::Esk).unwrap().expose(), signed);
    let e = Chain::parse(PayloadType::ID, &[&signed[..], &[0]].concat(), Within::Esk).unwrap_err();
    assert_eq!(e.reason, Reason::Trailing { extra: 1 });
    assert!(encode_chain(&[all[2], all[0]], Within::Esk).is_err());
    // What does not belong there: a share in KEMAC, key data in IBAKE, a ticket in a ticket.
    for (first, within) in [
        (PayloadType::ECCPT, Within::Kemac),
        (PayloadType::SK, Within::Kemac),
        (PayloadType::KEY_DATA, Within::Ibake),
        (PayloadType::ID, Within::Ibake),
        (PayloadType::IDR, Within::Esk),
        (PayloadType::SIGN, Within::Kemac),
        (PayloadType::SIGN, Within::Ibake),
        (PayloadType::TICKET, Within::TicketPolicy),
        (PayloadType::KEY_DATA, Within::InitiatorData),
    ] {
        let e = Chain::parse(first, &[0; 40], within).unwrap_err();
        assert_eq!((e.offset, e.reason), (0, Reason::Misplaced { got: first }));
    }
    assert!(encode_chain(&[Payload::Rand(b"x")], Within::Kemac).is_err());
    // KEMAC alone may be empty (RFC 3830 section 6.2).
    assert_eq!(Chain::parse(PayloadType::KEY_DATA, &[], Within::Kemac).unwrap().iter().count(), 0);
    assert!(Chain::parse(PayloadType::IDR, &[], Within::Ibake).is_err());
}

#[test]
fn limits_hold_at_their_edge_and_past_it() {
    let head = |next: u8| [&[1, 0, next, 0][..], &[0; 5], &[1]].concat();
    // Payloads: RAND without a byte, `n` times.
    let many = |n: usize| [head(11), [11, 0].repeat(n - 1), vec![0, 0]].concat();
    assert_eq!(Message::parse(&many(limits::PAYLOADS)).unwrap().payloads().len(), limits::PAYLOADS);
    let too_long = |limit, got| Reason::TooLong { limit, got };
    assert_eq!(fault(&many(limits::PAYLOADS + 1)).3, too_long(limits::PAYLOADS, limits::PAYLOADS + 1));
    let rand = vec![Payload::Rand(&[]); limits::PAYLOADS + 1];
    let one = many(1);
    let message = Message::parse(&one).map(|m| *m.header()).unwrap();
    assert!(encode(&message, &rand[1..]).is_ok());
    assert_eq!(encode(&message, &rand), Err(Refused::Field("number of payloads")));
    // Sub-payloads: Key data without a key.
    let keys = |n: usize| [[20, 0, 0, 0].repeat(n - 1), vec![0, 0, 0, 0]].concat();
    let read = |n| Chain::parse(PayloadType::KEY_DATA, &keys(n), Within::Kemac).map(|c| c.iter().count());
    assert_eq!(read(limits::SUB_PAYLOADS), Ok(limits::SUB_PAYLOADS));
    assert_eq!(
        read(limits::SUB_PAYLOADS + 1).unwrap_err().reason,
        too_long(limits::SUB_PAYLOADS, limits::SUB_PAYLOADS + 1)
    );
    let empty = KeyData { kind: KeyType::TGK, key: &[], salt: None, validity: KeyValidity::Null };
    let views = vec![Payload::KeyData(empty); limits::SUB_PAYLOADS + 1];
    assert_eq!(encode_chain(&views[1..], Within::Kemac).unwrap().expose(), keys(limits::SUB_PAYLOADS));
    assert!(encode_chain(&views, Within::Kemac).is_err());
    // Bytes: two ESK fill a message to its limit.
    let fill = |n: usize| {
        let first = 40_000;
        let rest = n - 10 - 3 - first - 3;
        let esk = [Payload::Esk(&[1; 40_000][..]), Payload::Esk(&[2; 30_000][..rest])];
        encode(&message, &esk)
    };
    let full = fill(limits::MESSAGE).unwrap();
    assert_eq!((full.len(), consistent(&full)), (limits::MESSAGE, true));
    assert_eq!(fill(limits::MESSAGE + 1), Err(Refused::Length { what: "message", got: limits::MESSAGE + 1 }));
    let longer = vec![1; limits::MESSAGE + 1];
    assert_eq!(fault(&longer).3, too_long(limits::MESSAGE, limits::MESSAGE + 1));
    // Crypto sessions.
    let ids = vec![SrtpId { policy: 1, ssrc: 2, roc: 3 }; limits::CRYPTO_SESSIONS + 1];
    let info = SrtpIds::encode(&ids[1..]);
    let header = Header { crypto_sessions: 255, map: CsIdMap::SrtpId(SrtpIds::new(&info).unwrap()), ..message };
    assert!(consistent(&encode(&header, &rand[..1]).unwrap()));
    assert_eq!(SrtpIds::new(&SrtpIds::encode(&ids)), Err(Refused::Field("CS ID map info")));
    assert_eq!(encode(&Header { crypto_sessions: 254, ..header }, &rand[..1]), Err(Refused::Field("#CS")));
}

#[test]
fn values_that_do_not_fit_are_not_written() {
    let sample = everything();
    let header = *Message::parse(&sample).unwrap().header();
    let long = [0; 70_000];
    for payload in [
        Payload::Rand(&long[..256]),
        Payload::Id(Id { kind: IdType::NAI, data: &long }),
        Payload::Pke(Pke { cache: CacheType(4), data: &[] }),
        Payload::Pke(Pke { cache: CacheType(0), data: &long[..0x4000] }),
        Payload::T(Timestamp { kind: TsType::COUNTER, value: 1 << 32 }),
        Payload::T(Timestamp { kind: TsType(9), value: 1 }),
        Payload::V(Verification { alg: MacAlg::HMAC_SHA_1_160, data: &long[..19] }),
        Payload::V(Verification { alg: MacAlg(3), data: &[] }),
        Payload::CertHash(CertHash { func: HashFunc::SHA_1, hash: &long[..21] }),
        Payload::Kemac(Kemac { encr_alg: EncrAlg::NULL, encr_data: &[], mac_alg: MacAlg::NULL, mac: &[1] }),
        Payload::Dh(Dh { group: DhGroup::OAKLEY_1, value: &long[..96], reserved: 16, validity: KeyValidity::Null }),
        Payload::Dh(Dh {
            group: DhGroup::OAKLEY_1,
            value: &long[..96],
            reserved: 0,
            validity: KeyValidity::Spi(&long[..256]),
        }),
        Payload::Extension(Extension { kind: ExtensionType::VENDOR_ID, data: &long }),
        Payload::Ibake(&long),
    ] {
        assert!(encode(&header, &[Payload::Rand(b"x"), payload]).is_err(), "{payload:?}");
    }
    let sign = Payload::Sign(Sign { kind: SType(0), signature: &long[..4096] });
    assert!(encode(&header, &[Payload::Rand(b"x"), sign]).is_err());
    let sign = Payload::Sign(Sign { kind: SType(0), signature: &long[..4095] });
    assert!(encode(&header, &[Payload::Rand(b"x"), sign]).is_ok());
    assert!(encode(&header, &[Payload::Rand(b"x"), sign, Payload::Rand(b"x")]).is_err(), "SIGN is the last");
    assert!(encode(&header, &[sign]).is_err() && encode(&header, &[]).is_err());
    assert!(encode(&Header { prf: PrfFunc(0x80), ..header }, &[Payload::Rand(b"x")]).is_err());
    let salted = KeyData { kind: KeyType::TGK_SALT, key: &[], salt: None, validity: KeyValidity::Null };
    assert!(encode_chain(&[Payload::KeyData(salted)], Within::Kemac).is_err());
    let policies =
        GenericId { cs_id: 1, protocol: ProtType::SRTP, s: false, policies: &long[..128], session_data: &[], spi: &[] };
    assert_eq!(GenericIds::encode(&[policies]), Err(Refused::Field("#P")));
}

#[test]
fn a_tag_covers_what_the_rfcs_say() {
    let bytes = everything();
    let message = Message::parse(&bytes).unwrap();
    let end = bytes.len() - 32;
    assert_eq!(message.covered(), &bytes[..end]);
    let tag = message.tag().unwrap();
    assert_eq!((tag.payload, tag.alg, tag.offset), (PayloadType::V, Some(MacAlg::HMAC_SHA_256_256), end));
    let place = |kind| *message.located().iter().find(|l| l.payload.kind() == kind).unwrap();
    assert_eq!(message.parts_without(LeaveOut::default()), [&bytes[..end]]);
    // RFC 6267 section 5.4: ESK is left out as a whole.
    let esk = place(PayloadType::ESK);
    let parts = message.parts_without(LeaveOut { esk: true, ..LeaveOut::default() });
    assert_eq!(parts, [&bytes[..esk.offset], &bytes[esk.offset + esk.len..end]]);
    assert_eq!(esk.len, 34);
    // RFC 6043 section 5.5: length and data of the initiator, five bytes at the end of TICKET.
    let ticket = place(PayloadType::TICKET);
    let parts = message.parts_without(LeaveOut { initiator_data: true, ..LeaveOut::default() });
    let at = ticket.offset + ticket.len;
    assert_eq!(parts, [&bytes[..at - 5], &bytes[at..end]]);
    // For what is to be sealed: all but the three Encr data and the tag; lengths stay.
    let parts = message.parts_without(LeaveOut { encr_data: true, ..LeaveOut::default() }).concat();
    assert_eq!(parts.len(), end - 30 - 31 - 33);
    for (filler, count) in [(10, 30), (11, 31), (13, 33)] {
        assert_eq!(
            bytes.iter().filter(|b| **b == filler).count() - parts.iter().filter(|b| **b == filler).count(),
            count
        );
    }
    // RFC 3830 sections 5.2 and 6.2: in public-key messages KEMAC alone, as if it were the last payload.
    let kemac = place(PayloadType::KEMAC);
    let covered = message.kemac_parts().unwrap().concat();
    assert_eq!(bytes[kemac.offset], PayloadType::V.0);
    assert_eq!(covered, [&[0][..], &bytes[kemac.offset + 1..kemac.offset + kemac.len]].concat());
    let offer = foreign().remove(0);
    let offer = Message::parse(&offer).unwrap();
    let l = offer.located()[4];
    assert_eq!(offer.kemac_parts().unwrap().concat(), offer.bytes()[l.offset..l.offset + l.len - 20]);
    // Without a tag everything counts.
    let header = *message.header();
    let plain = encode(&header, &[Payload::Rand(b"x")]).unwrap();
    let plain = Message::parse(&plain).unwrap();
    assert_eq!((plain.tag(), plain.covered()), (None, plain.bytes()));
}

#[test]
fn a_draft_takes_its_tag_where_it_belongs() {
    let bytes = everything();
    let message = Message::parse(&bytes).unwrap();
    let payloads: Vec<_> = message.payloads().copied().collect();
    let draft = Draft::new(message.header(), &payloads).unwrap();
    assert_eq!(draft.covered(), message.covered());
    let out = LeaveOut { esk: true, ..LeaveOut::default() };
    assert_eq!(draft.parts_without(out), message.parts_without(out));
    assert_eq!(draft.clone().finish(&[9; 31]), Err(Refused::Length { what: "tag", got: 31 }));
    let finished = draft.finish(&[9; 32]).unwrap();
    assert_eq!(finished, [message.covered(), &[9; 32]].concat());
    let untagged = Draft::new(message.header(), &payloads[..1]).map(|_| ());
    assert_eq!(untagged, Err(Refused::Missing(PayloadType::V)));
}

#[test]
fn contents_of_extensions_and_tickets_are_read_on_demand() {
    let ids = [KeyId { kind: KeyIdType::MBMS_SERVICE_KEY, id: &[1, 2] }, KeyId { kind: KeyIdType(9), id: &[] }];
    let data = KeyId::encode(&ids).unwrap();
    assert_eq!(data, hex("01 02 0102 09 00"));
    let extension = Extension { kind: ExtensionType::KEY_ID, data: &data };
    assert_eq!(extension.key_ids().unwrap().collect::<Vec<_>>(), ids);
    assert!(Extension { data: &data[..5], ..extension }.key_ids().is_err());
    assert!(Extension { kind: ExtensionType::VENDOR_ID, ..extension }.key_ids().is_err());
    let csb = Extension { kind: ExtensionType::CSB_ID, data: &[1, 2, 3, 4] };
    assert_eq!((csb.csb_id(), Extension { data: &[1], ..csb }.csb_id().is_err()), (Ok(0x0102_0304), true));
    // TP Data: TR, then IDR. Ticket Data: THDR, T, V.
    let data = hex("0d 0e 03 03 00000009 00 03 01 0001 61");
    let policy = TicketPolicy {
        kind: TicketType::MIKEY_BASE,
        subtype: 1,
        version: 1,
        prf: PrfFunc::MIKEY_1,
        flags: 0,
        reserved: 0,
        data: &data,
    };
    let kinds = |c: Chain<'_>| c.iter().map(Payload::kind).collect::<Vec<_>>();
    assert_eq!(kinds(policy.payloads().unwrap()), [PayloadType::TR, PayloadType::IDR]);
    assert_eq!(kinds(TicketPolicy { data: &[0], ..policy }.payloads().unwrap()), []);
    assert!(TicketPolicy { data: &[], ..policy }.payloads().is_err());
    let inner = hex("05 0002 7879 09 02 00000001 00 00");
    let ticket = Ticket { policy, data: &inner, initiator_data: &[9, 0, 0] };
    let (head, chain) = ticket.base_ticket().unwrap();
    assert_eq!((head, kinds(chain)), (&b"xy"[..], vec![PayloadType::T, PayloadType::V]));
    assert_eq!(kinds(ticket.initiator_payloads().unwrap()), [PayloadType::V]);
    let e = Ticket { data: &inner[..inner.len() - 1], ..ticket }.base_ticket().unwrap_err();
    assert_eq!((e.payload, e.offset), ("V", inner.len() - 1));
}

#[test]
fn shares_have_the_lengths_of_the_table() {
    for (curve, first, n) in [
        (EccCurve::P256, 4, Some(65)),
        (EccCurve::P384, 4, Some(97)),
        (EccCurve::P521, 4, Some(133)),
        (EccCurve::P256, 2, Some(33)),
        (EccCurve::B163, 3, Some(22)),
        (EccCurve::K571, 4, Some(145)),
        (EccCurve::P256, 0, None),
        (EccCurve::P256, 6, None),
        (EccCurve(0), 4, None),
        (EccCurve(17), 4, None),
        (EccCurve::X25519, 0, Some(32)),
        (EccCurve::X25519, 255, Some(32)),
        (EccCurve::P256_ML_KEM_KEY, 4, Some(1249)),
        (EccCurve::P256_ML_KEM_CIPHERTEXT, 4, Some(1153)),
        (EccCurve::P256_ML_KEM_KEY, 2, None),
        (EccCurve(243), 4, None),
    ] {
        assert_eq!(curve.point_len(first), n, "{curve} {first}");
    }
    // Those of the suites are the shares of the library.
    use ibake::dh::Share;
    use ibake::suite::Group;
    for (curve, group) in [
        (EccCurve::P256, Group::P256),
        (EccCurve::P384, Group::P384),
        (EccCurve::P521, Group::P521),
        (EccCurve::X25519, Group::X25519),
    ] {
        assert_eq!(curve.point_len(4), Some(Share::size(group)));
    }
}

#[test]
fn generic_ids_give_ssrc_roc_and_sequence_number() {
    let data = hex("01020304 05060708 090a");
    let id = GenericId { cs_id: 1, protocol: ProtType::SRTP, s: true, policies: &[0], session_data: &data, spi: &[] };
    assert_eq!(id.srtp(), Ok((0x0102_0304, Some((0x0506_0708, 0x090a)))));
    assert_eq!(GenericId { s: false, session_data: &data[..4], ..id }.srtp(), Ok((0x0102_0304, None)));
    for wrong in
        [GenericId { s: false, ..id }, GenericId { session_data: &[], ..id }, GenericId { protocol: ProtType(1), ..id }]
    {
        assert!(wrong.srtp().is_err());
    }
}

/// Every payload that has a name has a reader, and no other number has.
#[test]
fn every_named_payload_is_read_and_no_other() {
    for kind in 1..=255 {
        let bytes = [&[1, 0, kind, 0, 0, 0, 0, 0, 0, 0][..], &[0; 600]].concat();
        let unread = Message::parse(&bytes).is_err_and(|e| e.reason == Reason::Unknown { got: kind.into() });
        assert_eq!(unread, PayloadType(kind).name().is_none(), "{kind}");
    }
    assert_eq!((DataType(25).name(), DataType(27).name()), (Some("R_MESSAGE_2"), None));
    assert_eq!(
        (DataType(27).to_string(), format!("{:?}", MacAlg::NULL)),
        ("27 (not registered)".into(), "MacAlg 0 (NULL)".into())
    );
    assert_eq!(DataType::ALL.len(), 27);
}
