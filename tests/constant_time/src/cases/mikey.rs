//! Derivation, MACs and encryption of MIKEY. What stands inside an encrypted payload is parsed by its lengths and types, which
//! are public to both ends; that is no case here.

use ibake::mikey::algorithms::{EncryptionKeys, decrypt, encrypt, mac, verify};
use ibake::mikey::derive::{self, SessionKey, TgkKey};
use ibake::mikey::numbers::{EncrAlg, KeyType, MacAlg, PrfFunc};
use ibake::mikey::{Error, KeyData, KeyValidity, Payload, Timestamp, Within, encode_chain};
use ibake::secret::SecretVec;

use super::Case;
use crate::probe::Probe;

pub const CASES: &[Case] = &[
    ("mikey-derive", derivations),
    ("mikey-mac", macs),
    ("mikey-aes-cm", |p| both_ways(p, &[EncrAlg::AES_CM_128, EncrAlg::AES_CM_256])),
    ("mikey-key-wrap", |p| both_ways(p, &[EncrAlg::AES_KW_128])),
    ("mikey-key-wrap-refused", refused),
    ("mikey-key-data", key_data),
];

fn derivations(p: &Probe) {
    for prf in [PrfFunc::MIKEY_1, PrfFunc::HMAC_SHA_256] {
        let session = SecretVec::new(p.secret_array([1; 133]).to_vec());
        for key in [SessionKey::Mpk, SessionKey::Tgk] {
            let tgk = derive::from_session(prf, &session, key, b"rand", 32).expect("lengths");
            p.tainted(tgk.expose());
            p.tainted(derive::from_tgk(prf, &tgk, TgkKey::Tek, (1, 2), b"rand", 30).expect("lengths").expose());
        }
        let keys = derive::encryption_keys(prf, EncrAlg::AES_CM_256, &session, 1, b"rand").expect("lengths");
        p.tainted(keys.key.expose());
        p.tainted(keys.salt.expose());
    }
}

fn macs(p: &Probe) {
    let key = p.secret_array([2; 32]);
    for (alg, key) in [(MacAlg::HMAC_SHA_1_160, &key[..20]), (MacAlg::HMAC_SHA_256_256, &key[..])] {
        let mut tag = mac(alg, key, &[b"message"]).expect("lengths");
        p.tainted(&tag);
        p.public(&tag);
        assert_eq!(verify(alg, key, &[b"message"], &tag), Ok(()));
        tag[7] ^= 1;
        assert_eq!(verify(alg, key, &[b"message"], &tag), Err(Error::Unauthentic));
        p.tainted(key);
    }
}

fn keys(p: &Probe, alg: EncrAlg) -> EncryptionKeys {
    let secret = p.secret_array([3; 48]);
    let (key, salt) = secret.split_at(32);
    let cut = |bytes: &[u8], n: Option<usize>| SecretVec::new(bytes[..n.expect("known")].to_vec());
    EncryptionKeys { key: cut(key, alg.key_len()), salt: cut(salt, alg.salt_len()) }
}

fn both_ways(p: &Probe, algs: &[EncrAlg]) {
    let t = Timestamp::ntp_utc(1_800_000_000, 0);
    for alg in algs {
        let keys = keys(p, *alg);
        let data = encrypt(*alg, &keys, 7, t, &p.secret_array([4; 48])).expect("lengths");
        p.tainted(&data);
        p.public(&data);
        p.tainted(decrypt(*alg, &keys, 7, t, &data).expect("just encrypted").expose());
    }
}

/// Nothing comes out, so the key is the result that must still bear its mark.
fn refused(p: &Probe) {
    let (alg, t) = (EncrAlg::AES_KW_128, Timestamp::ntp_utc(1_800_000_000, 0));
    let keys = keys(p, alg);
    assert!(matches!(decrypt(alg, &keys, 7, t, &[5; 40]), Err(Error::Unauthentic)));
    p.tainted(keys.key.expose());
}

/// Written in front of its encryption.
fn key_data(p: &Probe) {
    let key = p.secret_array([6; 32]);
    let view = KeyData { kind: KeyType::TGK, key: &key, salt: None, validity: KeyValidity::Null };
    let chain = encode_chain(&[Payload::KeyData(view)], Within::Kemac).expect("fits");
    p.tainted(&chain.expose()[4..]);
}
