//! Section 12.2: the worked exchange, recomputed from `vectors/ibake/exchange.json` with nothing of the library's schedule.

use std::collections::BTreeMap;

use super::section;
use crate::common::hex;
use crate::common::wire::{Chain, Parts, exp, ext, label, lp, read_body, sha};
use ibake::dh::{KeyPair, Share};
use ibake::ibe::PublicParameters;
use ibake::ibe::extract::PrivateKey;
use ibake::secret::Secret;
use ibake::suite::Suite;

fn unhex(value: &serde_json::Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

#[test]
fn every_intermediate_value_of_the_worked_exchange() {
    let block = section("fp_I         ", "```");
    let stated: BTreeMap<&str, &str> = block.map(|l| l.rsplit_once(' ').unwrap()).map(|(k, v)| (k.trim(), v)).collect();
    let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/ibake/exchange.json")).unwrap();
    let suite = Suite::P256Aes256Gcm;
    let file = &file["testGroups"][0];
    let cases = file["tests"].as_array().unwrap();
    let case = cases.iter().find(|c| c["suite"] == suite.name()).unwrap();
    let [p_i, p_r] =
        ["I", "R"].map(|end| PublicParameters::from_der(&unhex(&file[format!("parameters_{end}")])).unwrap());
    let d_i = PrivateKey::from_bytes(&unhex(&file["private_key_I"]), &p_i).unwrap();
    let d_r = PrivateKey::from_bytes(&unhex(&file["private_key_R"]), &p_r).unwrap();
    let messages = ["M1", "M2", "M3", "M4"].map(|m| unhex(&case[m]));
    assert_eq!(messages.each_ref().map(Vec::len), [519, 623, 550, 168]);
    let parts = messages.each_ref().map(|m| Parts::of(m));
    let mut out: BTreeMap<&str, Vec<u8>> = BTreeMap::new();

    let pkctx = |p: &PublicParameters, key: &PrivateKey| {
        sha(&[&label("id"), &[0, 1], p.p_pub_bytes(), &lp(key.identity().der())]).to_vec()
    };
    out.insert("fp_I", p_i.fingerprint().to_vec());
    out.insert("fp_R", p_r.fingerprint().to_vec());
    out.insert("pkctx(ID_I)", pkctx(&p_i, &d_i));
    out.insert("pkctx(ID_R)", pkctx(&p_r, &d_r));
    let mut chain = Chain::new(suite, p_i.fingerprint(), p_r.fingerprint());
    let h0 = chain.h;
    out.insert("h0 = ck0", h0.to_vec());

    // The draws in order: 32 bytes of R's tables; sid_I, x, sigma of M1; then R's. `d_ID` are the last 48 bytes of the key.
    let drawn: Vec<Vec<u8>> = case["randomness"].as_array().unwrap().iter().map(unhex).collect();
    assert_eq!(drawn[1], parts[0].sids().0);
    let hedged = |fresh: &[u8], name: &str, bytes: usize| {
        let key = d_i.to_bytes();
        let prk = ext(fresh, &key.expose()[key.expose().len() - 48..]);
        let mut out = vec![0; bytes];
        let info = [&label(name)[..], parts[0].sids().0, &h0].concat();
        hkdf::Hkdf::<sha2::Sha256>::from_prk(&prk).unwrap().expand(&info, &mut out).unwrap();
        out
    };
    let x: [u8; 96] = hedged(&drawn[2], "x", 96).try_into().unwrap();
    let x = KeyPair::from_seed(suite.group(), &Secret::new(x));
    out.insert("sigma of M1", hedged(&drawn[3], "sigma", 32));
    // K1 follows from sigma alone: 4, without a private key.
    let sigma = &out["sigma of M1"];
    let info = [&out["pkctx(ID_R)"][..], &parts[0].kem].concat();
    assert_eq!(exp(&ext(&label("K"), sigma), &info), parts[0].decapsulate(&d_r));

    let mut step = |chain: &mut Chain, n: u8, key: Option<&PrivateKey>, dh: Option<&[u8]>| {
        let part = &parts[usize::from(n) - 1];
        if let Some(key) = key {
            let k = part.decapsulate(key);
            match dh {
                Some(dh) => chain.mix_last(&k, dh, &[]),
                None => chain.mix(&k),
            }
            out.insert(["K1", "K2", "K3"][usize::from(n) - 1], k.to_vec());
            out.insert(["ck1", "ck2", "ck3"][usize::from(n) - 1], chain.ck.to_vec());
        }
        let plain = chain.open(n, part).unwrap();
        if n < 4 {
            out.insert(["h1", "h2", "h3"][usize::from(n) - 1], chain.h.to_vec());
        }
        plain
    };
    step(&mut chain, 1, Some(&d_r), None);
    let m2 = read_body(&step(&mut chain, 2, Some(&d_i), None), 4);
    assert_eq!(x.share().as_bytes(), m2.0[2]);
    let dh = x.agree(&Share::decode(suite.group(), &m2.0[3]).unwrap()).unwrap();
    let m3 = read_body(&step(&mut chain, 3, Some(&d_r), Some(dh.expose())), 3);
    let (ck3, h3) = (chain.ck, chain.h);
    let export = chain.export(b"test", b"context");
    let m4 = read_body(&step(&mut chain, 4, None, None), 0);
    out.insert("dh", dh.expose().to_vec());
    out.insert("nI", m3.1[0].1.clone());
    out.insert("nR", m4.1[0].1.clone());
    out.insert("export", export.to_vec());
    let computed: BTreeMap<&str, String> = out.iter().map(|(k, v)| (*k, hex(v))).collect();
    let computed: BTreeMap<&str, &str> = computed.iter().map(|(k, v)| (*k, v.as_str())).collect();
    assert_eq!(computed, stated);

    // The commitment, and the string of 5.4.
    let (sid_i, sid_r) = parts[1].sids();
    assert_eq!(m2.1[1].1, sha(&[&label("sas-commit"), sid_i, sid_r, &out["h1"], &m4.1[0].1]));
    let secret = exp(&ck3, &[&label("sas")[..], &h3].concat());
    let fields = [&secret[..], &m2.0[0], &m2.0[1], &m2.0[2], &m2.0[3], &m3.1[0].1, &m4.1[0].1];
    let ikm: Vec<u8> = fields.iter().flat_map(|f| lp(f)).collect();
    let sas = exp(&ext(&h3, &ikm), &label("sas"));
    assert_eq!(u32::from_be_bytes(sas[..4].try_into().unwrap()), 167_945_212);
    assert_eq!(case["authentication_string"], 167_945_212);
    assert_eq!(case["words"].as_array().unwrap()[..], ["agree", "appear", "legend"]);
}
