//! Against points, DER, keys, boxes, files and names.

use ibake::ibe::{Purpose, oid};
use ibake::suite::Aead;
use serde_json::json;

use super::{Title, flipped, negative, replaced};
use crate::vectors::fields::hex;
use crate::vectors::layers::tools::{
    algorithms, encapsulation, file_bytes, file_inputs, holder, sealed_to, signed, small_x,
};
use crate::vectors::negative::Negative;
use crate::vectors::rng::Seeded;
use crate::vectors::world::{ALICE, BOB, CAROL, DAVE, DAY, NOW, World};

pub(super) fn cases() -> Vec<Negative> {
    let w = World::new();
    [points(&w), identities(&w), parameters(&w), keys(&w), boxes(&w), files(&w), signatures(&w)]
        .into_iter()
        .flatten()
        .collect()
}

fn points(w: &World) -> Vec<Negative> {
    let good = encapsulation(w, ALICE, [3; 32]);
    let (u, v) = good.split_at(96);
    let of = |title: Title, u: &[u8]| {
        let inputs = json!({
            "parameters": hex(w.parameters_a()), "private_key": hex(w.stored(ALICE)), "encapsulation": hex([u, v].concat()),
        });
        negative(title, "kem", "decapsulate", inputs)
    };
    let mut uncompressed = u.to_vec();
    uncompressed[0] &= 0x7f;
    let mut above_p = u.to_vec();
    above_p[..48].copy_from_slice(&[&[0x9a][..], &[0xff; 47]].concat());
    let mut low_above_p = u.to_vec();
    low_above_p[48..].fill(0xff);
    let infinity = [&[0xc0][..], &[0; 95]].concat();
    vec![
        of(
            ("point-subgroup", "a point outside the subgroup: the private key modulo its small order", "2.1, 4.1"),
            &small_x(2, 96),
        ),
        of(("point-curve", "a point that is on no curve at all", "2.1, 4.1"), &small_x(1, 96)),
        of(("point-infinity", "infinity: gt is 1, whoever opens", "2.1, 4.1"), &infinity),
        of(("point-infinity-twice", "infinity with a byte in it: a second encoding", "2.1.1"), &flipped(&infinity, -1)),
        of(("point-uncompressed", "the flag of compression is missing", "2.1.1"), &uncompressed),
        of(("point-c1-above-p", "a coordinate not below p: a second encoding", "2.1"), &above_p),
        of(("point-c0-above-p", "the lower half not below p", "2.1"), &low_above_p),
    ]
}

fn identities(w: &World) -> Vec<Negative> {
    let id = w.identity(ALICE).der().to_vec();
    let of =
        |title: Title, id: &[u8]| negative(title, "identity", "decode", json!({ "ID": hex(id), "granularity": 2 }));
    // The outer length is wrong wherever the content grows; so these take the whole apart.
    let rebuilt = |from: &[u8], to: &[u8]| {
        let body = replaced(id.get(2..).unwrap_or(&[]), from, to);
        [&[0x30, body.len() as u8][..], &body].concat()
    };
    let serial: &[u8] = &[2, 1, 7];
    let name: Vec<u8> = [&[0x16, ALICE.len() as u8][..], ALICE.as_bytes()].concat();
    let mut utf8 = name.clone();
    utf8[0] = 0x0c;
    let nai = w.identity(DAVE).der().to_vec();
    let as_uri = {
        let body = replaced(nai.get(2..).unwrap_or(&[]), oid::DECRYPT_EMAIL.content(), oid::DECRYPT_URI.content());
        let body = replaced(&body, &[6, 11], &[6, 21]);
        [&[0x30, body.len() as u8][..], &body].concat()
    };
    vec![
        of(
            ("identity-length", "a length in two bytes where one does", "3.1.1"),
            &[&[0x30, 0x81][..], &id[1..]].concat(),
        ),
        of(("identity-trailing", "a byte behind the end", "1.1"), &[&id[..], &[0]].concat()),
        of(("identity-cut", "the last byte is missing", "3.1.2"), &id[..id.len() - 1]),
        of(("identity-serial-zeros", "a serial with a leading zero", "3.1"), &rebuilt(serial, &[2, 2, 0, 7])),
        of(("identity-serial-negative", "a negative serial", "3.1"), &rebuilt(serial, &[2, 1, 0x87])),
        of(("identity-serial-zero", "serial zero", "3.1"), &rebuilt(serial, &[2, 1, 0])),
        of(("identity-utf8", "the name as UTF8String", "3.1.2"), &replaced(&id, &name, &utf8)),
        of(
            ("identity-upper-case", "a host in upper case: a second spelling", "3.2"),
            &replaced(&id, b"alice@a.", b"alice@A."),
        ),
        of(
            ("identity-district", "a district in upper case", "3.8"),
            &replaced(&id, b"https://kgs.a.", b"https://KGS.a."),
        ),
        of(
            ("identity-family", "the family of types in place of a type", "3.10"),
            &replaced(&id, oid::DECRYPT_URI.content(), oid::FAMILY.content()),
        ),
        of(("identity-type", "an e-mail name under the type of URIs", "3.1.2"), &as_uri),
        of(("identity-time", "a day that does not exist", "3.1"), &replaced(&id, b"20261121", b"20261131")),
        of(
            ("identity-grid", "a day that begins at one o'clock", "3.3.2"),
            &replaced(&id, b"20261121000000Z", b"20261121010000Z"),
        ),
    ]
}

fn parameters(w: &World) -> Vec<Negative> {
    let der = w.parameters_a();
    let of = |title: Title, der: &[u8]| negative(title, "parameters", "load", json!({ "parameters": hex(der) }));
    let (a, b) = (w.a.parameters(), w.b.parameters());
    let (head, ours, tail) = algorithms(&der);
    let sequence = |content: &[u8]| [&[0x30, 0x82][..], &(content.len() as u16).to_be_bytes(), content].concat();
    let short = |content: &[u8]| [&[0x30, content.len() as u8][..], content].concat();
    let extension = [&[0x30, 0x0b, 0x30, 0x09, 6, 3, 0x2a, 3, 4, 4, 2][..], &[5, 0]].concat();
    let twice = sequence(&[head, &sequence(&[ours, ours].concat()), tail].concat());
    let other = [0x30, 0x0a, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x04, 0x03, 0x01, 0x02, 0x03];
    let other_alone = [head, &[&[0x30, 12][..], &other].concat(), tail].concat();
    vec![
        of(
            ("parameters-rogue", "P_pub of another district under a name of one's own", "3.5"),
            &replaced(&der, a.p_pub_bytes(), b.p_pub_bytes()),
        ),
        of(
            ("parameters-district", "another district takes the parameters over", "3.5"),
            &replaced(&der, b"kgs.a.", b"kgs.x."),
        ),
        of(
            ("parameters-serial", "another serial for the same key", "3.5"),
            &replaced(&der, &[2, 1, 7, 0x30], &[2, 1, 8, 0x30]),
        ),
        of(
            ("parameters-granularity", "longer periods for the same key", "3.5"),
            &replaced(&der, &[2, 1, 2, 4, 0x30], &[2, 1, 4, 4, 0x30]),
        ),
        of(("parameters-pop", "a byte of the proof of possession", "3.7.1"), &{
            let at = der.windows(5).position(|w| w == [2, 1, 2, 4, 0x30]).unwrap_or(0);
            let mut negated = der.clone();
            negated[at + 5] ^= 0x20;
            negated
        }),
        of(("parameters-version", "version 3", "3.7.1"), &replaced(&der, &[2, 1, 2, 0x16], &[2, 1, 3, 0x16])),
        of(
            ("parameters-suite", "a suite that is not known", "3.7.1"),
            &replaced(&der, &[2, 1, 1, 4, 0x60], &[2, 1, 2, 4, 0x60]),
        ),
        of(
            ("parameters-extension", "an extension that must be understood and is not", "3.6"),
            &sequence(&[&der[4..], &extension].concat()),
        ),
        of(("parameters-algorithm-twice", "two entries of our algorithm", "3.7"), &twice),
        of(("parameters-algorithm-missing", "no entry of our algorithm", "3.7.1"), &short(&other_alone)),
        of(("parameters-trailing", "a byte behind the end", "1.1"), &[&der[..], &[0]].concat()),
        of(("parameters-validity", "a validity that ends before it begins", "3.7.1"), &{
            let (from, until) = (b"20251017120000Z", b"20271226120000Z");
            replaced(&replaced(&replaced(&der, from, b"***************"), until, from), b"***************", until)
        }),
    ]
}

fn keys(w: &World) -> Vec<Negative> {
    let of = |title: Title, key: &[u8]| {
        let inputs = json!({ "parameters": hex(w.parameters_a()), "private_key": hex(key) });
        negative(title, "verification", "load", inputs)
    };
    let (alice, carol) = (w.stored(ALICE), w.stored(CAROL));
    let (a, c) = (&alice[..alice.len() - 48], &carol[carol.len() - 48..]);
    vec![
        of(
            ("key-swapped", "a KGS, or whoever is in its place, hands out the key of somebody else", "4"),
            &[a, c].concat(),
        ),
        of(("key-subgroup", "a point outside the subgroup", "2.1, 4.7.1"), &[a, &small_x(4, 48)].concat()),
        of(("key-other-kgs", "a key of another district", "4.7.1"), &w.stored(BOB)),
        of(
            ("key-granularity", "a day's key read as a key of an hour", "4.7.1"),
            &flipped(&flipped(&alice, 3), 3)
                .iter()
                .enumerate()
                .map(|(i, b)| if i == 3 { 1 } else { *b })
                .collect::<Vec<_>>(),
        ),
    ]
}

fn signatures(w: &World) -> Vec<Negative> {
    let good = signed(w, b"message");
    let of = |title: Title, field: &str, to: &[u8]| {
        let mut inputs = good.clone();
        inputs[field] = hex(to);
        negative(title, "signatures", "verify", inputs)
    };
    let read =
        |v: &serde_json::Value| base16ct::lower::decode_vec(v["signature"].as_str().unwrap_or("")).unwrap_or_default();
    let (bytes, other) = (read(&good), read(&signed(w, b"other")));
    let (t, s) = bytes.split_at(48);
    let infinity = [&[0xc0][..], &[0; 47]].concat();
    vec![
        of(("signature-message", "a signature is shown beside another text", "4.9"), "message", b"messages"),
        of(("signature-context", "a signature made for one purpose is used for another", "4.9.1"), "context", b"tests"),
        of(
            ("signature-name", "a signature is said to be somebody else's", "4.9"),
            "ID",
            w.identity_at(CAROL, Purpose::Sign, NOW).der(),
        ),
        of(
            ("signature-period", "a signature of today for yesterday", "4.9"),
            "ID",
            w.identity_at(ALICE, Purpose::Sign, NOW - DAY).der(),
        ),
        of(
            ("signature-purpose", "a key that was issued for decryption is said to have signed", "3.1.3, 4.9.3"),
            "ID",
            w.identity(ALICE).der(),
        ),
        of(
            ("signature-spliced", "T of one signature, S of another", "4.9"),
            "signature",
            &[t, other.get(48..).unwrap_or(&[])].concat(),
        ),
        of(
            ("signature-infinity", "both points infinity", "2.1, 4.9.3"),
            "signature",
            &[&infinity[..], &infinity].concat(),
        ),
        of(
            ("signature-subgroup", "S with a part of small order, which the pairing does not see", "2.1, 4.9.3"),
            "signature",
            &[t, &small_x(4, 48)].concat(),
        ),
        of(
            ("signature-cut", "the last byte is missing", "4.9.3"),
            "signature",
            &[t, s.get(..47).unwrap_or(&[])].concat(),
        ),
    ]
}

fn boxes(w: &World) -> Vec<Negative> {
    let good = sealed_to(w, ALICE, Aead::Aes256Gcm, b"mail", b"hello", [4; 32]);
    let of = |title: Title, names: &[&str], bytes: &[u8]| {
        let mut inputs = holder(w, names);
        inputs["ad"] = hex(b"mail");
        inputs["box"] = hex(bytes);
        negative(title, "box", "open", inputs)
    };
    let u = 4 + 19 + 21;
    let altered = |at: usize, to: u8| {
        let mut out = good.clone();
        out[at] = to;
        out
    };
    vec![
        of(
            ("box-v", "a byte of V: implicit rejection, then the opaque error", "4.1.1"),
            &[ALICE],
            &flipped(&good, u as isize + 100),
        ),
        of(("box-u-sign", "-U: another sigma, the opaque error", "4.1.1"), &[ALICE], &altered(u, good[u] ^ 0x20)),
        of(("box-ciphertext", "a byte of the ciphertext", "4.3"), &[ALICE], &flipped(&good, -18)),
        of(("box-tag", "a byte of the tag", "4.3"), &[ALICE], &flipped(&good, -1)),
        of(
            ("box-period", "the box is moved to the next day", "4.3, 4.5"),
            &[ALICE],
            &replaced(&good, &[0x6b, 0, 0xdf, 0], &[0x6b, 2, 0x30, 0x80]),
        ),
        of(("box-version", "version 2", "4.3.2"), &[ALICE], &altered(0, 2)),
        of(("box-suite", "another IBE suite", "4.3.2"), &[ALICE], &altered(2, 2)),
        of(("box-aead", "an AEAD that is not known", "4.3.2"), &[ALICE], &altered(3, 3)),
        of(("box-cut", "the last byte is missing", "4.3.2"), &[ALICE], &good[..good.len() - 1]),
        of(("box-trailing", "a byte behind the end", "4.3.2"), &[ALICE], &[&good[..], &[0]].concat()),
        of(("box-other-recipient", "a key of somebody else whose reference is the same", "4.3"), &[CAROL], &good),
    ]
}

fn files(w: &World) -> Vec<Negative> {
    let mut rng = Seeded::new("negative files");
    let of = |title: Title, name: &str, bytes: &[u8]| {
        let mut inputs = holder(w, &[name]);
        inputs["ad"] = hex(b"");
        inputs["file"] = hex(bytes);
        negative(title, "file", "open", inputs)
    };
    let good = file_bytes(&file_inputs(w, &mut rng, &[ALICE, BOB], 1, b"", hex(b"hello")));
    let (head, stanza) = (14, 19 + 21 + 16 + 128 + 48);
    let (alice, bob) = (&good[head..head + stanza], &good[head + stanza..head + 2 * stanza]);
    let chunk = &good[head + 2 * stanza..];
    let other = file_bytes(&file_inputs(w, &mut rng, &[ALICE, BOB], 1, b"", hex(b"olleh")));
    let mut one = good[..head].to_vec();
    one[13] = 1;
    let altered = |at: usize, to: u8| {
        let mut out = good.clone();
        out[at] = to;
        out
    };
    vec![
        of(
            ("file-swapped", "the recipients change places", "4.4"),
            ALICE,
            &[&good[..head], bob, alice, chunk].concat(),
        ),
        of(("file-removed", "a recipient is removed", "4.4"), ALICE, &[&one[..], alice, chunk].concat()),
        of(
            ("file-spliced", "the content of another file to the same recipients", "4.4"),
            ALICE,
            &[&good[..head + 2 * stanza], &other[other.len() - chunk.len()..]].concat(),
        ),
        of(("file-wrapped", "a byte of the wrapped key", "4.4"), ALICE, &flipped(&good, (head + stanza) as isize - 1)),
        of(
            ("file-hint", "the hint at the recipient is altered", "4.4.2"),
            ALICE,
            &flipped(&good, head as isize + 19 + 21 + 8),
        ),
        of(("file-no-chunk", "no chunk at all", "4.4.1"), ALICE, &good[..head + 2 * stanza]),
        of(("file-magic", "not a sealed file", "4.4.2"), ALICE, &altered(0, b'i')),
        of(("file-version", "version 2", "4.4.2"), ALICE, &altered(8, 2)),
        of(("file-count", "more recipients are announced than are there", "4.4.2"), ALICE, &altered(13, 3)),
    ]
}
