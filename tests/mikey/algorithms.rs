//! Derivations against the independent ones of `vectors/python/mikey.py`, encryption against the vectors of the RFCs.

use ibake::mikey::algorithms::{EncryptionKeys, decrypt, encrypt, mac, verify};
use ibake::mikey::derive::{self, MessageKey, SessionKey, TgkKey, Ticket};
use ibake::mikey::numbers::{EncrAlg, MacAlg, PrfFunc, TsType};
use ibake::mikey::{Error, Refused, Timestamp, limits, prf};
use ibake::secret::SecretVec;
use serde_json::Value;

use crate::{hex, json};

fn bytes(case: &Value, name: &str) -> Vec<u8> {
    hex(case[name].as_str().unwrap_or_else(|| panic!("{name} in {case}")))
}

fn number(case: &Value, name: &str) -> u64 {
    case[name].as_u64().unwrap()
}

fn tgk_key(case: &Value) -> TgkKey {
    match case["key"].as_str().unwrap() {
        "tek" => TgkKey::Tek,
        "authentication" => TgkKey::Authentication,
        "encryption" => TgkKey::Encryption,
        "salting" => TgkKey::Salting,
        other => panic!("{other}"),
    }
}

fn message_key(case: &Value) -> MessageKey {
    match case["key"].as_str().unwrap() {
        "authentication" => MessageKey::Authentication,
        "encryption" => MessageKey::Encryption,
        "salting" => MessageKey::Salting,
        other => panic!("{other}"),
    }
}

/// Every derivation: PRF alone over the label of the file, and the function that makes the label itself.
#[test]
fn derivations_are_those_of_an_independent_implementation() {
    let file = json("mikey/derivation.json");
    let mut kinds = std::collections::BTreeMap::new();
    for case in file["cases"].as_array().unwrap() {
        let (func, inkey) = (PrfFunc(number(case, "prf") as u8), SecretVec::new(bytes(case, "inkey")));
        let (label, out) = (bytes(case, "label"), bytes(case, "out"));
        // However the label is cut into parts.
        for cut in [0, 1, label.len() / 2, label.len()] {
            let (a, b) = label.split_at(cut);
            assert_eq!(prf::derive(func, inkey.expose(), &[a, b], out.len()).unwrap().expose(), out, "{case}");
        }
        let kind = case["kind"].as_str().unwrap();
        *kinds.entry(kind.to_owned()).or_insert(0) += 1;
        let optional = |name: &str| case.get(name).map(|v| hex(v.as_str().unwrap())).unwrap_or_default();
        let (rand, rand_i, rand_r, id) = (optional("rand"), optional("rand_i"), optional("rand_r"), optional("id"));
        let csb_id = case["csb_id"].as_u64().unwrap_or(0) as u32;
        let n = out.len();
        let ticket = |label: Ticket<'_>| label.derive(func, &inkey, n);
        let derived = match kind {
            "raw" => continue,
            "tgk" => {
                let ids = (csb_id, number(case, "cs_id") as u8);
                derive::from_tgk(func, &inkey, tgk_key(case), ids, &rand, n)
            }
            "message" => derive::for_messages(func, &inkey, message_key(case), csb_id, &rand, n),
            "session" => {
                let key = if case["key"] == "mpk" { SessionKey::Mpk } else { SessionKey::Tgk };
                derive::from_session(func, &inkey, key, &rand, n)
            }
            "forked" => {
                let mpk = case["key"] == "mpk";
                let constant = if mpk { derive::constants::FORKED_MPK } else { derive::constants::FORKED_TGK };
                ticket(Ticket::Forked { constant, id: &id, rand_kms: &rand_i })
            }
            "ticket message" => {
                let (key, response) = (message_key(case), case["response"].as_bool().unwrap());
                ticket(Ticket::Message { key, csb_id, response, rand_i: &rand_i, rand_r: &rand_r })
            }
            "ticket media" => {
                let (key, cs_id) = (tgk_key(case), number(case, "cs_id") as u8);
                ticket(Ticket::Media { key, cs_id, rand_i: &rand_i, rand_r: &rand_r })
            }
            "initiator data" => ticket(Ticket::InitiatorData { key: message_key(case) }),
            "base ticket" => ticket(Ticket::BaseTicket { key: message_key(case), rand: &rand_i }),
            "protection" => ticket(Ticket::Protection { responder: case["key"] == "tgk", rand: &rand_i }),
            other => panic!("{other}"),
        };
        assert_eq!(derived.unwrap().expose(), out, "{case}");
    }
    assert_eq!((kinds.len(), kinds["raw"]), (10, 2 * 11 * 9));
}

/// RFC 3830 section 4.1.3: nine consecutive decimal digits of e each; the file has them computed from the series.
#[test]
fn constants_are_digits_of_e() {
    use ibake::mikey::derive::constants::*;
    let file = json("mikey/derivation.json");
    let ours = [
        TEK,
        TGK_AUTHENTICATION,
        TGK_ENCRYPTION,
        ENCRYPTION,
        AUTHENTICATION,
        SALTING,
        TGK_SALTING,
        FORKED_MPK,
        FORKED_TGK,
        MPK,
        TGK,
    ];
    for (ours, theirs) in ours.iter().zip(file["constants"].as_array().unwrap()) {
        assert_eq!(&format!("{ours:08x}"), theirs.as_str().unwrap());
    }
    assert_eq!(TEK, 718_281_828);
}

#[test]
fn macs_are_those_of_an_independent_implementation_and_every_change_fails() {
    for case in json("mikey/derivation.json")["tags"].as_array().unwrap() {
        let alg = MacAlg(number(case, "alg") as u8);
        let (key, data, tag) = (bytes(case, "key"), bytes(case, "data"), bytes(case, "tag"));
        let (a, b) = data.split_at(33);
        assert_eq!(mac(alg, &key, &[a, b]).unwrap(), tag);
        assert_eq!(verify(alg, &key, &[&data], &tag), Ok(()));
        for i in 0..tag.len() {
            let mut bad = tag.clone();
            bad[i] ^= 0x80;
            assert_eq!(verify(alg, &key, &[&data], &bad), Err(Error::Unauthentic));
        }
        assert_eq!(verify(alg, &key, &[&data[1..]], &tag), Err(Error::Unauthentic));
        assert_eq!(verify(alg, &key, &[&data], &tag[..tag.len() - 1]), Err(Error::Unauthentic));
        assert_eq!(verify(alg, &key, &[&data], &[]), Err(Error::Unauthentic));
        let short = Refused::Length { what: "authentication key", got: key.len() - 1 };
        assert_eq!(mac(alg, &key[1..], &[&data]), Err(short));
    }
}

#[test]
fn null_and_unknown_algorithms_do_nothing() {
    let key = || SecretVec::new(vec![1; 16]);
    let t = Timestamp::ntp_utc(0, 0);
    assert_eq!(mac(MacAlg::NULL, &[], &[b"x"]), Err(Refused::NullMac));
    assert_eq!(verify(MacAlg::NULL, &[], &[b"x"], &[]), Err(Refused::NullMac.into()));
    assert_eq!(mac(MacAlg(9), &[], &[]), Err(Refused::Algorithm { what: "MAC alg", got: 9 }));
    let keys = EncryptionKeys { key: key(), salt: SecretVec::new(vec![2; 14]) };
    assert_eq!(encrypt(EncrAlg::NULL, &keys, 0, t, b"x"), Err(Refused::NullEncryption));
    assert_eq!(decrypt(EncrAlg::NULL, &keys, 0, t, b"x").map(|_| ()), Err(Refused::NullEncryption.into()));
    assert_eq!(encrypt(EncrAlg(9), &keys, 0, t, b"x"), Err(Refused::Algorithm { what: "Encr alg", got: 9 }));
    let long = Refused::Length { what: "encryption key", got: 16 };
    assert_eq!(encrypt(EncrAlg::AES_CM_256, &keys, 0, t, b"x"), Err(long));
    let salt = Refused::Length { what: "salting key", got: 14 };
    assert_eq!(encrypt(EncrAlg::AES_KW_128, &keys, 0, t, &[0; 16]), Err(salt));
    let psk = key();
    let prf = |func, inkey: &[u8], n| prf::derive(PrfFunc(func), inkey, &[b"l"], n).map(|_| ());
    assert_eq!(prf(2, b"k", 1), Err(Refused::Algorithm { what: "PRF func", got: 2 }));
    for (inkey, n, what, got) in [
        (&[][..], 1, "input key", 0),
        (&[0; limits::INPUT_KEY + 1], 1, "input key", limits::INPUT_KEY + 1),
        (b"k", 0, "derived key", 0),
        (b"k", limits::DERIVED + 1, "derived key", limits::DERIVED + 1),
    ] {
        assert_eq!(prf(1, inkey, n), Err(Refused::Length { what, got }));
    }
    assert_eq!(prf(0, &[1; limits::INPUT_KEY], limits::DERIVED), Ok(()));
    let null = derive::authentication_key(PrfFunc::MIKEY_1, MacAlg::NULL, &psk, 1, b"r").map(|_| ());
    assert_eq!(null, Err(Refused::NullMac));
    let null = derive::encryption_keys(PrfFunc::MIKEY_1, EncrAlg::NULL, &psk, 1, b"r").map(|_| ());
    assert_eq!(null, Err(Refused::NullEncryption));
}

#[test]
fn keys_have_the_lengths_of_their_algorithms() {
    let psk = SecretVec::new(vec![3; 32]);
    for (alg, key, salt) in [(EncrAlg::AES_CM_128, 16, 14), (EncrAlg::AES_KW_128, 16, 8), (EncrAlg::AES_CM_256, 32, 14)]
    {
        let keys = derive::encryption_keys(PrfFunc::HMAC_SHA_256, alg, &psk, 7, b"rand").unwrap();
        assert_eq!((keys.key.expose().len(), keys.salt.expose().len()), (key, salt));
        // Salts of other lengths are no other keys: the PRF of a shorter output is a prefix.
        let whole = derive::for_messages(PrfFunc::HMAC_SHA_256, &psk, MessageKey::Salting, 7, b"rand", 14).unwrap();
        assert_eq!(keys.salt.expose(), &whole.expose()[..salt]);
        assert!(!format!("{keys:?}").contains("03"));
    }
    for (alg, n) in [(MacAlg::HMAC_SHA_1_160, 20), (MacAlg::HMAC_SHA_256_256, 32)] {
        let key = derive::authentication_key(PrfFunc::MIKEY_1, alg, &psk, 7, b"rand").unwrap();
        assert_eq!(key.expose().len(), n);
    }
}

/// Checks that this key gives the key stream of a vector of SRTP at counter zero, whatever CSB ID and timestamp are: the salt
/// is chosen such that `S XOR (0x0000 || CSB ID || T)` is the salt of the vector.
fn counter_mode(alg: EncrAlg, key: &[u8], salt: &[u8], stream: &[u8]) {
    for (csb_id, timestamp, low) in [
        (0u32, Timestamp { kind: TsType::NTP_UTC, value: 0 }, 0u64),
        (0xcd17_7e50, Timestamp { kind: TsType::NTP_UTC, value: 0xc8e3_50ea_0102_0304 }, 0xc8e3_50ea_0102_0304),
        (0xffff_ffff, Timestamp { kind: TsType::COUNTER, value: 0x1122_3344 }, 0x1122_3344),
        (1, Timestamp { kind: TsType::NTP_UTC_32, value: 0x1122_3344 }, 0x1122_3344_0000_0000),
    ] {
        let mixed = [&[0, 0][..], &csb_id.to_be_bytes(), &low.to_be_bytes()].concat();
        let salt: Vec<u8> = salt.iter().zip(&mixed).map(|(s, m)| s ^ m).collect();
        let keys = EncryptionKeys { key: SecretVec::new(key.to_vec()), salt: SecretVec::new(salt) };
        let plain: Vec<u8> = (0..stream.len() as u8).collect();
        let expected: Vec<u8> = plain.iter().zip(stream).map(|(p, k)| p ^ k).collect();
        assert_eq!(encrypt(alg, &keys, csb_id, timestamp, &plain).unwrap(), expected);
        assert_eq!(decrypt(alg, &keys, csb_id, timestamp, &expected).unwrap().expose(), plain);
        // And for every length up to there.
        for n in 0..plain.len() {
            assert_eq!(encrypt(alg, &keys, csb_id, timestamp, &plain[..n]).unwrap(), expected[..n]);
        }
    }
}

/// RFC 3711 appendix B.2 and RFC 6188 section 7: key streams of AES-CM.
#[test]
fn counter_mode_is_that_of_srtp_under_the_vector_of_rfc_3830() {
    let mut tried = 0;
    for (path, list) in [("rfc3711_srtp/srtp.json", "aes_cm"), ("rfc6188_srtp_aes/srtp_aes192_256.json", "aes_cm")] {
        for case in json(path)[list].as_array().unwrap() {
            let key = bytes(case, "session_key");
            let alg = match key.len() {
                16 => EncrAlg::AES_CM_128,
                32 => EncrAlg::AES_CM_256,
                _ => continue,
            };
            let shifted = bytes(case, "session_salt_shifted");
            let streams = case["keystream_at_counter"].as_object().unwrap();
            let first: Vec<u8> = (0..3u8)
                .flat_map(|i| {
                    let mut counter = shifted.clone();
                    counter[15] = i;
                    let at: String = counter.iter().map(|b| format!("{b:02x}")).collect();
                    hex(streams[&at].as_str().unwrap())
                })
                .collect();
            counter_mode(alg, &key, &shifted[..14], &first);
            tried += 1;
        }
    }
    assert_eq!(tried, 2);
}

/// RFC 3394 section 4.1, whose initial value takes the place of the salt.
#[test]
fn key_wrap_is_that_of_rfc_3394() {
    let keys = EncryptionKeys {
        key: SecretVec::new(hex("000102030405060708090A0B0C0D0E0F")),
        salt: SecretVec::new(vec![0xa6; 8]),
    };
    let (alg, t) = (EncrAlg::AES_KW_128, Timestamp::ntp_utc(9, 9));
    let plain = hex("00112233445566778899AABBCCDDEEFF");
    let wrapped = hex("1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5");
    assert_eq!(encrypt(alg, &keys, 5, t, &plain).unwrap(), wrapped);
    assert_eq!(decrypt(alg, &keys, 5, t, &wrapped).unwrap().expose(), plain);
}

#[test]
fn a_wrapped_key_unwraps_whole_or_not_at_all() {
    let keys = |salt| EncryptionKeys { key: SecretVec::new(vec![7; 16]), salt: SecretVec::new(vec![salt; 8]) };
    let (alg, t) = (EncrAlg::AES_KW_128, Timestamp::ntp_utc(9, 9));
    for n in [16, 24, 32, 4096, 65_520] {
        let plain: Vec<u8> = (0..n).map(|i| (i * 7) as u8).collect();
        let wrapped = encrypt(alg, &keys(1), 0, t, &plain).unwrap();
        assert_eq!(wrapped.len(), n + 8);
        assert_eq!(decrypt(alg, &keys(1), 0, t, &wrapped).unwrap().expose(), plain);
        assert_eq!(decrypt(alg, &keys(2), 0, t, &wrapped).map(|_| ()), Err(Error::Unauthentic));
        for i in (0..wrapped.len()).step_by(n / 16) {
            let mut bad = wrapped.clone();
            bad[i] ^= 1;
            assert_eq!(decrypt(alg, &keys(1), 0, t, &bad).map(|_| ()), Err(Error::Unauthentic), "{n} {i}");
        }
        let shorter = decrypt(alg, &keys(1), 0, t, &wrapped[8..]).map(|_| ());
        let too_short = Refused::Length { what: "wrapped data", got: 16 };
        assert_eq!(shorter, Err(if n == 16 { too_short.into() } else { Error::Unauthentic }));
    }
    for n in [0, 1, 8, 15, 17, 65_528] {
        assert_eq!(encrypt(alg, &keys(1), 0, t, &vec![0; n]), Err(Refused::Length { what: "wrapped data", got: n }));
    }
    for n in [0, 8, 16, 25, 65_536] {
        let wrong = Refused::Length { what: "wrapped data", got: n };
        assert_eq!(decrypt(alg, &keys(1), 0, t, &vec![0; n]).map(|_| ()), Err(wrong.into()));
    }
}
