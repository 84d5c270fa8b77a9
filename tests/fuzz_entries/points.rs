//! Points and scalars of BLS12-381, and the shares of the exchange.

#[cfg(feature = "hazmat")]
use super::vectors;
use super::{fixed_secret, json};
use ibake::dh::{KeyPair, Share, pq};
use ibake::suite::Group;

const GROUPS: [Group; 4] = [Group::P256, Group::P384, Group::P521, Group::X25519];

/// The length says what it is: 48 or 96 bytes of G1, 96 or 192 of G2, 32 of a scalar.
#[cfg(feature = "hazmat")]
pub fn point(data: &[u8]) {
    use ibake::curve::{G1, G2, Scalar};
    if let Ok(bytes) = <&[u8; 48]>::try_from(data) {
        let public = G1::decode("G1", bytes);
        if let Ok(p) = &public {
            assert_eq!(&p.to_compressed(), bytes);
            assert_eq!(G1::from_uncompressed(&p.to_uncompressed()).as_ref(), Ok(p));
        }
        if let Ok(p) = G1::from_compressed(bytes) {
            assert_eq!(public.is_err(), bool::from(p.is_identity()));
        }
        // Two routes to one answer: the branching one and the one for secrets.
        assert_eq!(public.map_err(|e| e.reason), G1::decode_secret(bytes).map_err(|e| e.reason));
    }
    if let Ok(bytes) = data.try_into()
        && let Ok(p) = G1::from_uncompressed(bytes)
    {
        assert_eq!(&p.to_uncompressed(), bytes);
        assert_eq!(G1::from_compressed(&p.to_compressed()).as_ref(), Ok(&p));
    }
    if let Ok(bytes) = data.try_into()
        && let Ok(p) = G2::from_compressed(bytes)
    {
        assert_eq!(&p.to_compressed(), bytes);
        assert_eq!(G2::from_uncompressed(&p.to_uncompressed()).as_ref(), Ok(&p));
        assert_eq!(G2::decode("G2", bytes).is_err(), bool::from(p.is_identity()));
    }
    if let Ok(bytes) = data.try_into()
        && let Ok(p) = G2::from_uncompressed(bytes)
    {
        assert_eq!(&p.to_uncompressed(), bytes);
    }
    if let Ok(bytes) = data.try_into()
        && let Ok(k) = Scalar::from_be_bytes(bytes)
    {
        assert_eq!(k.to_be_bytes().expose(), bytes);
    }
    if data.len() != 48 {
        assert!(G1::decode("G1", data).is_err());
    }
}

#[cfg(feature = "hazmat")]
pub fn point_seeds() -> Vec<Vec<u8>> {
    let mut out = vec![vec![9; 32]];
    for (group, form, n) in [("g1", "compressed", 48), ("g1", "uncompressed", 96), ("g2", "compressed", 96)] {
        let all = vectors(&format!("zkcrypto_encodings/{group}_{form}_valid_test_vectors.dat"));
        out.extend(all.chunks(n).take(6).map(<[u8]>::to_vec));
    }
    let all = vectors("zkcrypto_encodings/g2_uncompressed_valid_test_vectors.dat");
    out.extend(all.chunks(192).take(6).map(<[u8]>::to_vec));
    out
}

/// First byte: group, or ML-KEM. The rest: a share.
pub fn share(data: &[u8]) {
    let [select, rest @ ..] = data else { return };
    let Some(group) = GROUPS.get(usize::from(select % 5)) else {
        if let Ok(ek) = pq::EncapsulationKey::decode(rest) {
            let (ct, _) = ek.encapsulate(&fixed_secret(6));
            assert!(pq::ciphertext(&ct).is_ok());
        }
        if let Ok(ct) = pq::ciphertext(rest) {
            let _ = pq::KeyPair::from_seed(&fixed_secret(7)).decapsulate(ct);
        }
        return;
    };
    let Ok(share) = Share::decode(*group, rest) else { return };
    assert_eq!(share.as_bytes(), rest);
    let ours = KeyPair::from_seed(*group, &fixed_secret(5));
    let again = KeyPair::from_secret_bytes(*group, ours.secret_bytes().expose()).unwrap();
    let (a, b) = (ours.agree(&share).unwrap(), again.agree(&share).unwrap());
    assert_eq!(a.expose(), b.expose());
    assert!(*group != Group::X25519 || a.expose().iter().any(|x| *x != 0), "small order");
}

pub fn share_seeds() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (i, group) in (0..).zip(GROUPS) {
        out.push([&[i][..], KeyPair::from_seed(group, &fixed_secret(9)).share().as_bytes()].concat());
    }
    let ek = pq::KeyPair::from_seed(&fixed_secret(7)).encapsulation_key();
    out.push([&[4][..], &ek].concat());
    out.push([&[4][..], &pq::EncapsulationKey::decode(&ek).unwrap().encapsulate(&fixed_secret(6)).0].concat());
    for (i, file) in (0..).zip(["secp256r1", "secp384r1", "secp521r1"]) {
        let file = json(&format!("wycheproof/ecdh_{file}_ecpoint_test.json"));
        for test in file["testGroups"][0]["tests"].as_array().unwrap().iter().step_by(40) {
            out.push([&[i][..], &super::unhex(&test["public"])].concat());
        }
    }
    out
}
