//! Malformed points, shares, bodies and whole messages.

use super::*;

#[test]
fn small_order_and_malformed_shares() {
    let mut w = World::new("shares");
    let bob_id = w.bob.identity().der().to_vec();
    let alice_id = w.alice.identity().der().to_vec();
    for (suite, shares) in [
        (Suite::X25519ChaCha20Poly1305, vec![vec![0; 32], [&[1][..], &[0; 31]].concat(), vec![0xff; 32], vec![9; 31]]),
        (SUITE, vec![vec![0], vec![4; 65], [&[2][..], &[7; 32]].concat(), vec![]]),
        (Suite::P384Aes256Gcm, vec![vec![4; 97], vec![0; 97]]),
        (Suite::P521Aes256Gcm, vec![vec![4; 133], vec![]]),
    ] {
        let half = Half::new(&mut w, suite);
        for share in shares {
            let (kem, k1) = encapsulate(&w.b.recipient(BOB, NOW), &mut w);
            let mut chain = Chain::new(suite, w.a.parameters.fingerprint(), w.b.parameters.fingerprint());
            chain.mix(&k1);
            let header = Parts::of(&half.m1).header;
            let m1 = chain.seal(1, &header, &kem, &body(&[&alice_id, &bob_id, &share], &[]));
            let mut guard = Guard::new(10, 10, &mut w.rng).unwrap();
            let responder = Responder { config: &half.config, keys: &half.bob, parameters: &w.parameters, peers: &() };
            // A small-order point on X25519 is a canonical share; it shows when the secret is computed, with M3.
            match responder.accept(&mut guard, &m1, NOW, &mut w.rng) {
                Err(e) => assert_eq!(e, Error::Decrypt),
                Ok((r, _)) => {
                    assert_eq!(suite, Suite::X25519ChaCha20Poly1305);
                    let (kem, k3) = encapsulate(&w.b.recipient(BOB, NOW), &mut w);
                    let mut m3 = chain.clone();
                    m3.mix_last(&k3, &[0; 32], &[]);
                    let header = Parts::of(&half.m1).next_header(3, r.session_id());
                    let m3 = m3.seal(3, &header, &kem, &body(&[&alice_id, &bob_id, &share], &[(5, &[1; 32])]));
                    let refused = r.receive(&m3, &half.bob, b"", &mut guard, NOW).map(|_| ());
                    assert_eq!(refused, Err(Error::Decrypt));
                }
            }
        }
    }
}

#[test]
fn malformed_points_are_typed_errors_before_any_private_key_is_used() {
    let mut w = World::new("points");
    let half = Half::new(&mut w, SUITE);
    let at = Parts::of(&half.m1).header.len();
    let mut bytes = half.m1.clone();
    let mut try_u = |u: &[u8], w: &mut World| {
        bytes[at..at + 96].copy_from_slice(u);
        let mut guard = Guard::new(10, 10, &mut w.rng).unwrap();
        let responder = Responder { config: &half.config, keys: &half.bob, parameters: &w.parameters, peers: &() };
        match responder.accept(&mut guard, &bytes, NOW, &mut w.rng) {
            Err(Error::Decode(e)) => e.reason,
            other => panic!("{:?}", other.map(|_| ())),
        }
    };
    let mut infinity = [0u8; 96];
    infinity[0] = 0xc0;
    assert_eq!(try_u(&infinity, &mut w), DecodeReason::Infinity);
    let mut over = [0xff; 96];
    over[0] = 0x9f;
    assert_eq!(try_u(&over, &mut w), DecodeReason::NotCanonical);
    assert_eq!(try_u(&[0; 96], &mut w), DecodeReason::NotCanonical, "not marked as compressed");
    // Small x: about half are on the curve, and none of those is in the subgroup.
    let mut kinds = [0, 0];
    for x in 1..20u8 {
        let mut u = [0; 96];
        (u[0], u[95]) = (0x80, x);
        match try_u(&u, &mut w) {
            DecodeReason::NotOnCurve => kinds[0] += 1,
            DecodeReason::NotInSubgroup => kinds[1] += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(kinds[0] > 0 && kinds[1] > 0);
}

#[test]
fn a_flipped_bit_in_any_byte_of_any_message_is_refused() {
    for suite in [SUITE, Suite::X25519ChaCha20Poly1305] {
        let mut w = World::new("bits");
        let mut half = Half::new(&mut w, suite);
        let (i, m3) = half.initiator().receive(&half.m2, &w.alice, &half.peer, b"", NOW, &mut w.rng).unwrap();
        drop(i);
        let (m1, m2) = (half.m1.clone(), half.m2.clone());
        let bit = |i: usize| 1u8 << (i % 8);
        for at in 0..m1.len() {
            let mut bad = m1.clone();
            bad[at] ^= bit(at);
            let mut guard = Guard::new(10, 10, &mut w.rng).unwrap();
            let responder = Responder { config: &half.config, keys: &half.bob, parameters: &w.parameters, peers: &() };
            assert!(responder.accept(&mut guard, &bad, NOW, &mut w.rng).is_err(), "M1 byte {at}");
        }
        for at in 0..m2.len() {
            let mut bad = m2.clone();
            bad[at] ^= bit(at);
            // sid_R is bob's to choose, but it is under the seal like all of the header.
            assert!(half.alice_takes(&mut w, &bad).is_err(), "M2 byte {at}");
        }
        for at in 0..m3.len() {
            let mut bad = m3.clone();
            bad[at] ^= bit(at);
            assert!(half.bob_takes(&bad).is_err(), "M3 byte {at}");
        }
        let m4 = half.bob_takes(&m3).unwrap();
        for at in 0..m4.len() {
            let mut bad = m4.clone();
            bad[at] ^= bit(at);
            let again = half.alice_takes(&mut w, &m2);
            assert!(again.is_ok());
            let (i, _) = half.initiator().receive(&m2, &w.alice, &half.peer, b"", NOW, &mut w.rng).unwrap();
            assert!(i.receive(&bad, NOW).is_err(), "M4 byte {at}");
        }
        for cut in [0, 1, 4, 37, m2.len() - 1] {
            assert!(half.alice_takes(&mut w, &m2[..cut]).is_err());
        }
        assert!(half.alice_takes(&mut w, &[&m2[..], &[0]].concat()).is_err());
        assert!(half.alice_takes(&mut w, &vec![0; 30_000]).is_err());
    }
}

#[test]
fn unknown_doubled_and_misplaced_extensions_are_refused() {
    let mut w = World::new("extensions");
    let half = Half::new(&mut w, SUITE);
    let (c, list) = commitment_and_suites();
    let (_, plain) = half.opened(&w, &half.bob[0]);
    let x = read_body(&plain, 3).0[2].clone();
    let y = KeyPair::from_seed(SUITE.group(), &Secret::new([5; 96])).share().as_bytes().to_vec();
    let ids = [w.alice.identity().der().to_vec(), w.bob.identity().der().to_vec()];
    let bad: [&[(u8, &[u8])]; 9] = [
        &[],
        &[(3, &list)],
        &[(4, &c)],
        &[(4, &c), (3, &list)],
        &[(3, &list), (3, &list), (4, &c)],
        &[(3, &list), (4, &c[..31])],
        &[(3, &list), (4, &c), (7, b"early data")],
        &[(3, &list), (4, &c), (8, b"")],
        &[(2, &[0; 1088]), (3, &list), (4, &c)],
    ];
    for extensions in bad {
        let m2 = answer(&mut w, &half, &y, [&ids[0], &ids[1]], &x, extensions);
        assert_eq!(half.alice_takes(&mut w, &m2), Err(Error::Decrypt), "{extensions:?}");
    }
}

#[test]
fn arbitrary_bytes_are_refused_in_every_state() {
    let mut w = World::new("garbage");
    let mut half = Half::new(&mut w, SUITE);
    let mut random = common::Seeded::new("garbage bytes");
    for n in (0..400).chain([1000, 5000, 24 * 1024, 24 * 1024 + 1]) {
        let mut bytes = vec![0; n];
        rand_core::TryRng::try_fill_bytes(&mut random, &mut bytes).unwrap();
        // Bare, and behind the honest header, so that the parser gets deeper.
        for head in [vec![], half.m1[..200].to_vec(), half.m2[..160].to_vec()] {
            let bytes = [&head[..], &bytes].concat();
            let mut guard = Guard::new(10, 10, &mut w.rng).unwrap();
            let responder = Responder { config: &half.config, keys: &half.bob, parameters: &w.parameters, peers: &() };
            assert!(responder.accept(&mut guard, &bytes, NOW, &mut w.rng).is_err());
            assert!(half.alice_takes(&mut w, &bytes).is_err());
            assert!(half.bob_takes(&bytes).is_err());
        }
    }
}
