//! The RFCs' vectors for the derivation, and packets of ffmpeg and pion that only open under the right session keys.

use alloc::format;
use alloc::string::ToString;
use core::cell::RefCell;

use aes_gcm::aead::{AeadInOut, KeyInit as _};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha1::Sha1;

use super::derive::{iv, prf};
use super::*;
use crate::kdf::Prk;
use crate::secret::Secret;

fn hex(v: &Value) -> Vec<u8> {
    base16ct::lower::decode_vec(v.as_str().unwrap()).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn by_name(name: &str) -> Profile {
    Profile::from_name(name).unwrap()
}

fn exporter(label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let prk = Prk::from_secret(Secret::new([7; 32]));
    assert!(prk.expand_into(&[&lp(label), label, context, &[out.len() as u8]], out));
    Ok(())
}

#[test]
fn rfc3711_appendix_b() {
    let file = json(include_str!("../../vectors/rfc3711_srtp/srtp.json"));
    let v = &file["kdf"][0];
    let (key, salt) = (hex(&v["master_key"]), hex(&v["master_salt"]));
    let master = MasterKeys::from_key_and_salt(Profile::AesCm128HmacSha1_80, &[&key[..], &salt].concat()).unwrap();
    let session = master.session_keys(Stream::Rtp, 0);
    assert_eq!(session.cipher_key(), hex(&v["cipher_key"]));
    assert_eq!(session.salt(), hex(&v["cipher_salt"]));
    // The RFC prints six blocks of the authentication key, of which HMAC-SHA1 takes 20 bytes.
    let auth = hex(&v["auth_key"]);
    assert_eq!(prf(&key, iv(&salt, 1, 0), auth.len()).expose(), auth);
    assert_eq!(session.auth_key(), &auth[..20]);
    counter_mode(&file, 6);
}

#[test]
fn rfc6188_section_7() {
    let file = json(include_str!("../../vectors/rfc6188_srtp_aes/srtp_aes192_256.json"));
    for v in file["kdf"].as_array().unwrap() {
        let bytes = [hex(&v["master_key"]), hex(&v["master_salt"])].concat();
        let profile = if bytes.len() == 46 { Profile::Aes256CmHmacSha1_80 } else { Profile::Aes192CmHmacSha1_32 };
        let session = MasterKeys::from_key_and_salt(profile, &bytes).unwrap().session_keys(Stream::Rtp, 0);
        assert_eq!(session.cipher_key(), hex(&v["cipher_key"]));
        assert_eq!(session.auth_key(), hex(&v["auth_key"]));
        assert_eq!(session.salt(), hex(&v["cipher_salt"]));
    }
    counter_mode(&file, 12);
}

fn counter_mode(file: &Value, expected: usize) {
    let mut count = 0;
    for v in file["aes_cm"].as_array().unwrap() {
        for (counter, block) in v["keystream_at_counter"].as_object().unwrap() {
            let counter = hex(&Value::from(counter.as_str())).try_into().unwrap();
            assert_eq!(prf(&hex(&v["session_key"]), counter, 16).expose(), hex(block));
            count += 1;
        }
    }
    assert_eq!(count, expected);
}

/// A NIST vector for the derivation (AES-256, rate 0), as quoted in libsrtp's issue 454: RTP as the RFC has it; RTCP as
/// libsrtp computes it and erratum 3712 asks, not as the RFC's letter (432f0757..), to which NIST tests.
#[test]
fn rtcp_labels_stand_where_those_of_rtp_stand() {
    let text = "a263d11aa2dcb2d59b52d6cc77bddb82798179cda98ad2ff70e83d184e9ef4a0883778c508eb03c45b29e8c0cbfe";
    let master = MasterKeys::from_key_and_salt(Profile::Aes256CmHmacSha1_80, &hex(&text.into())).unwrap();
    for (stream, key, auth, salt) in [
        (
            Stream::Rtp,
            "df4bf89f2669868b2ac482f7e25867a0f814437ac29a0e6cfce53dde8306e022",
            "1cd6b9e242c63bee044aa64ad3f8fbde84772218",
            "7fbf73784dc9237bd3f3d3316279",
        ),
        (
            Stream::Rtcp,
            "61a74e317fd7580bfa7cbc7d6f2ea0830e29c7db157de5abdc2967a0cba197e0",
            "fd051ca4df2c002b1a5f68d2a162dfdf01dd65a6",
            "922096357d7b767e9294e84d2f24",
        ),
    ] {
        let session = master.session_keys(stream, 0);
        assert_eq!(session.cipher_key(), hex(&key.into()));
        assert_eq!(session.auth_key(), hex(&auth.into()));
        assert_eq!(session.salt(), hex(&salt.into()));
    }
}

#[test]
fn the_index_is_right_aligned_and_has_48_bits() {
    assert_eq!(iv(&[0; 14], 5, 0x0102_0304_0506), [0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 0, 0]);
    assert_eq!(iv(&[0; 14], 5, u64::MAX)[..8], [0, 0, 0, 0, 0, 0, 0, 5]);
    assert_eq!(iv(&[0xff; 12], 0, 0)[12..], [0; 4]);
}

fn hmac_sha1(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap();
    parts.iter().for_each(|p| mac.update(p));
    mac.verify_truncated_left(tag).is_ok()
}

/// RFC 3711 section 4.1.1: `(salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16)`.
fn counter_iv(salt: &[u8], ssrc: &[u8], index: u64) -> [u8; 16] {
    let mut out = iv(salt, 0, index);
    out[4..8].iter_mut().zip(ssrc).for_each(|(o, s)| *o ^= s);
    out
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// Opens a packet of a counter-mode profile with rollover counter 0; header extensions and CSRCs do not occur.
fn open_counter(master: &MasterKeys, stream: Stream, packet: &[u8]) -> Option<Vec<u8>> {
    let keys = master.session_keys(stream, 0);
    let tag_len = if stream == Stream::Rtp { master.profile() } else { master.profile().rtcp() }.tag_len();
    let (body, tag) = packet.split_at(packet.len() - tag_len);
    let (header, text, ssrc, index) = match stream {
        Stream::Rtp => {
            hmac_sha1(keys.auth_key(), &[body, &[0; 4]], tag).then_some(())?;
            (&body[..12], &body[12..], &body[8..12], u64::from(u16::from_be_bytes([body[2], body[3]])))
        }
        Stream::Rtcp => {
            hmac_sha1(keys.auth_key(), &[body], tag).then_some(())?;
            let (rest, index) = body.split_last_chunk::<4>().unwrap();
            (&rest[..8], &rest[8..], &rest[4..8], u64::from(u32::from_be_bytes(*index) & 0x7fff_ffff))
        }
    };
    let stream = prf(keys.cipher_key(), counter_iv(keys.salt(), ssrc, index), text.len());
    Some([header, &xor(text, stream.expose())].concat())
}

fn gcm(key: &[u8], nonce: &[u8], aad: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut out = text.to_vec();
    let nonce = nonce.try_into().unwrap();
    match key.len() {
        16 => Aes128Gcm::new_from_slice(key).unwrap().decrypt_in_place(nonce, aad, &mut out),
        _ => Aes256Gcm::new_from_slice(key).unwrap().decrypt_in_place(nonce, aad, &mut out),
    }
    .ok()
    .map(|()| out)
}

/// RFC 7714 sections 8 and 9: the nonce is `00 00 || SSRC || 48-bit index` XOR the session salt.
fn open_gcm(key: &[u8], salt: &[u8], stream: Stream, packet: &[u8]) -> Option<Vec<u8>> {
    let nonce = |ssrc: &[u8], index: &[u8]| {
        let mut n = [0; 12];
        n[2..6].copy_from_slice(ssrc);
        n[12 - index.len()..].copy_from_slice(index);
        xor(&n, salt)
    };
    let (header, text) = match stream {
        Stream::Rtp => {
            let (header, text) = packet.split_at(12);
            (header, gcm(key, &nonce(&header[8..], &header[2..4]), header, text)?)
        }
        Stream::Rtcp => {
            let (body, trailer) = packet.split_at(packet.len() - 4);
            let index = (u32::from_be_bytes(trailer.try_into().unwrap()) & 0x7fff_ffff).to_be_bytes();
            let (header, text) = body.split_at(8);
            (header, gcm(key, &nonce(&header[4..], &index), &[header, trailer].concat(), text)?)
        }
    };
    Some([header, &text].concat())
}

/// The RFC's packets start from session keys: they vouch for [`open_gcm`], which then judges the derivation.
#[test]
fn rfc7714_packets_open() {
    let file = json(include_str!("../../vectors/rfc7714_srtp_gcm/srtp_gcm.json"));
    let salt = hex(&file["srtp_salt"]);
    let mut count = 0;
    for v in file["vectors"].as_array().unwrap() {
        let stream = match v["section"].as_str().unwrap() {
            "16.1.2" | "16.2.2" => Stream::Rtp,
            "17.2" => Stream::Rtcp,
            _ => continue,
        };
        let opened = open_gcm(&hex(&v["key"]), &salt, stream, &hex(&v["in_packet"])).unwrap();
        assert!(opened.ends_with(&hex(&v["out_packet"])[8..]));
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn pion_packets_open() {
    let file = json(include_str!("../../vectors/pion_srtp/packets.json"));
    let cases = file["packets"].as_array().unwrap();
    for v in cases {
        let profile = by_name(v["profile"].as_str().unwrap());
        let bytes: Vec<u8> = (0..16).cycle().take(profile.key_len()).chain((0xa0..).take(profile.salt_len())).collect();
        let master = MasterKeys::from_key_and_salt(profile, &bytes).unwrap();
        for (stream, name, plain) in [(Stream::Rtp, "rtp", "plain_rtp"), (Stream::Rtcp, "rtcp", "plain_rtcp")] {
            let packet = hex(&v[name]);
            let opened = if profile.is_aead() {
                let keys = master.session_keys(stream, 0);
                open_gcm(keys.cipher_key(), keys.salt(), stream, &packet)
            } else {
                open_counter(&master, stream, &packet)
            };
            assert_eq!(opened, Some(hex(&file[plain])), "{} {name}", profile.name());
        }
    }
    assert_eq!(cases.len(), 4);
}

/// Forty packets from ffmpeg's sender, given the key in the text form of [`MasterKeys::sdes_inline`].
#[test]
fn ffmpeg_packets_verify() {
    let text = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e";
    let bytes = Base64::decode_vec(text).unwrap();
    let profile = Profile::AesCm128HmacSha1_80;
    let master = MasterKeys::from_key_and_salt(profile, &bytes).unwrap();
    assert_eq!(master.sdes_inline().expose(), text);
    let mut wrong = bytes.clone();
    wrong[3] ^= 0x10;
    let wrong = MasterKeys::from_key_and_salt(profile, &wrong).unwrap();
    let mut count = 0;
    for line in include_str!("../../vectors/ffmpeg_srtp/packets.hex").lines() {
        let packet = hex(&line.into());
        assert!(open_counter(&master, Stream::Rtp, &packet).is_some());
        assert!(open_counter(&wrong, Stream::Rtp, &packet).is_none());
        count += 1;
    }
    assert_eq!(count, 40);
}

#[test]
fn both_ends_agree_and_directions_differ() {
    for profile in Profile::ALL {
        let a = MasterPair::export(&exporter, profile, b"audio", Role::Initiator).unwrap();
        let b = MasterPair::export(&exporter, profile, b"audio", Role::Responder).unwrap();
        assert_eq!(a.send.key_and_salt(), b.receive.key_and_salt());
        assert_eq!(a.receive.key_and_salt(), b.send.key_and_salt());
        assert!(a.send.key() != a.receive.key() && a.send.salt() != a.receive.salt());
        assert_eq!((a.send.key().len(), a.send.salt().len()), (profile.key_len(), profile.salt_len()));
        let video = MasterPair::export(&exporter, profile, b"video", Role::Initiator).unwrap();
        assert!(video.send.key() != a.send.key());
        assert_eq!(a.send.session_keys(Stream::Rtcp, 0).auth_key().len(), profile.auth_key_len());
    }
}

#[test]
fn the_export_binds_direction_profile_and_context() {
    let calls = RefCell::new(Vec::new());
    let record = |label: &[u8], context: &[u8], out: &mut [u8]| {
        calls.borrow_mut().push((label.to_vec(), context.to_vec(), out.len()));
        Ok(())
    };
    let _ = MasterPair::export(&record, Profile::AeadAes256Gcm, b"m=1", Role::Responder);
    let context = b"\0\0\0\x10AEAD_AES_256_GCMm=1".to_vec();
    assert_eq!(
        *calls.borrow(),
        [
            (b"SRTP master from initiator".to_vec(), context.clone(), 44),
            (b"SRTP master from responder".to_vec(), context, 44)
        ]
    );
}

#[test]
fn profiles_are_found_by_name_and_number() {
    for p in Profile::ALL {
        assert_eq!(Profile::from_name(p.name()), Some(p));
        if let Some(id) = p.dtls_srtp_id() {
            assert_eq!(Profile::from_dtls_srtp_id(id), Ok(p));
        }
        assert_eq!((p.rtcp().key_len(), p.rtcp().rtcp()), (p.key_len(), p.rtcp()));
        assert!(p.rtcp().tag_len() >= 10);
    }
    // 5 and 6 are the profiles without encryption.
    for id in [0, 3, 4, 5, 6, 9, 0xffff] {
        assert!(Profile::from_dtls_srtp_id(id).is_err());
    }
    assert_eq!(Profile::from_name("AES_CM_128_NULL_AUTH"), None);
}

#[test]
fn lengths_are_checked_and_debug_shows_no_secret() {
    for profile in Profile::ALL {
        let n = profile.key_len() + profile.salt_len();
        assert!(MasterKeys::from_key_and_salt(profile, &vec![0xab; n - 1]).is_err());
        assert!(MasterKeys::from_key_and_salt(profile, &vec![0xab; n + 1]).is_err());
        let master = MasterKeys::from_key_and_salt(profile, &vec![0xab; n]).unwrap();
        let text = format!("{master:?} {:?} {:?}", master.sdes_inline(), master.session_keys(Stream::Rtp, 0));
        assert!(!text.contains("171") && !text.contains("ab, ab") && !text.contains("q6ur"), "{text}");
        assert!(text.contains(&format!("{profile:?}")));
    }
    let e = MasterKeys::from_key_and_salt(Profile::AeadAes128Gcm, &[0; 30]).unwrap_err();
    assert_eq!(e.to_string(), "SRTP master key and salt: 2 bytes too many");
}
