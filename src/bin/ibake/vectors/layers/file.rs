//! The sealed file: SPEC.md 4.4.

use ibake::ibe::file::{CHUNK, Header, Sealer, TAG};
use ibake::ibe::kem::Recipient;
use ibake::ibe::{Identity, PublicParameters};
use ibake::kdf::{hash, label};
use ibake::suite::Aead;
use serde_json::{Value, json};

use super::sealed_box::{holder, keys};
use crate::vectors::cases::{case, group, times};
use crate::vectors::fault::{Fault, agree, malformed};
use crate::vectors::fields::Kind::{Bytes, BytesList, Number, NumberList};
use crate::vectors::fields::{Fields, Out, hex, input, output};
use crate::vectors::formulas::{Encapsulated, exp, exp_key, ext, hint, key_reference, lp, seal};
use crate::vectors::rng::{Script, Seeded};
use crate::vectors::world::{ALICE, BOB, CAROL, DAVE, World};
use crate::vectors::{CaseGroup, Group, Layer};

pub(super) const LAYER: Layer = Layer {
    name: "file",
    spec: "4.4",
    about: "A file in chunks to several identities: header with every value on the way, tags of the chunks; and opening.",
    groups: &[SEAL, CHUNKS, OPEN],
    notes: &[
        ("Chunks", "TRUNCATION", "Chunks are cut off, moved, repeated or wrongly marked as last."),
        ("Recipients", "SUBSTITUTION", "Recipients are added, removed or moved."),
        ("AssociatedData", "SUBSTITUTION", "A file made for one purpose opens for another."),
        ("Length", "ENCODING", "Plaintexts of no byte, of whole chunks, and one byte more and less."),
    ],
    cases,
};

const COMMON: [crate::vectors::fields::Field; 9] = [
    input("parameters_list", BytesList),
    input("ID_list", BytesList),
    input("aead", Number),
    input("ad", Bytes),
    input("plaintext", Bytes),
    input("fk", Bytes),
    input("salts", BytesList),
    input("sigmas", BytesList),
    output("header", Bytes),
];

const SEAL: Group = Group {
    kind: "seal",
    about: "A file to ID_list[i] under parameters_list[i]; header is everything before chunk_0, tags the end of each chunk.",
    fields: &{
        let [a, b, c, d, e, f, g, h, i] = COMMON;
        let outs = [
            output("list", Bytes),
            output("wrap_keys", BytesList),
            output("payload_key", Bytes),
            output("tags", BytesList),
            output("file_length", Number),
            output("H(file)", Bytes),
        ];
        let [j, k, l, m, n, o] = outs;
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o]
    },
    compute: |f| {
        let sealed = Sealed::new(f)?;
        let (list, wrap_keys) = sealed.header_values(f)?;
        let bound = hash(&[&lp(&sealed.header), &lp(&f.bytes("ad")?)]);
        let fk = f.array::<32>("fk")?;
        let payload: [u8; 32] = exp(&ext(label("file").as_ref(), &fk), &[&bound]);
        let first = sealed.plaintext.chunks(CHUNK).next().unwrap_or(&[]);
        let mut nonce = [0; 12];
        nonce[11] = u8::from(sealed.plaintext.len() <= CHUNK);
        let expected = ibake::aead::seal_with_nonce(sealed.aead, &payload, &nonce, &[], first);
        agree("payload_key", sealed.chunks.first() == Some(&expected))?;
        let mut out = Out::default();
        out.bytes("header", &sealed.header).bytes("list", list).bytes("payload_key", payload);
        out.put("wrap_keys", wrap_keys.iter().map(hex).collect::<Vec<_>>());
        let tags = sealed.chunks.iter().map(|c| hex(c.get(c.len() - TAG..).unwrap_or(&[])));
        out.put("tags", tags.collect::<Vec<_>>());
        let all = [&sealed.header[..], &sealed.chunks.concat()].concat();
        out.put("file_length", all.len()).bytes("H(file)", hash(&[&all]));
        Ok(out)
    },
};

const CHUNKS: Group = Group {
    kind: "chunks",
    about: "The file of `seal`, of which the chunks with these numbers are kept in this order; opened as a stream that ends \
            with the last one, by the holder of private_key. hash of what was opened.",
    fields: &{
        let [a, b, c, d, e, f, g, h, i] = COMMON;
        [
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            h,
            i,
            input("private_key", Bytes),
            input("order", NumberList),
            output("H(plaintext)", Bytes),
        ]
    },
    compute: |f| {
        let sealed = Sealed::new(f)?;
        let key = own_key(f)?;
        let order = f.numbers("order")?;
        if order.len() > 256 {
            return Err(malformed("order has more than 256 chunks"));
        }
        let mut kept = sealed.header.clone();
        for n in &order {
            let chunk = usize::try_from(*n).ok().and_then(|n| sealed.chunks.get(n));
            kept.extend(chunk.ok_or_else(|| malformed(format!("there is no chunk {n}")))?);
        }
        let plaintext = open(&kept, &[key], &f.bytes("ad")?)?;
        let mut out = Out::default();
        out.bytes("header", &sealed.header).bytes("H(plaintext)", hash(&[&plaintext]));
        Ok(out)
    },
};

const OPEN: Group = Group {
    kind: "open",
    about: "What a holder of these private keys finds in a file.",
    fields: &[
        input("parameters_list", BytesList),
        input("private_keys", BytesList),
        input("ad", Bytes),
        input("file", Bytes),
        output("plaintext", Bytes),
    ],
    compute: |f| {
        let (_, keys) = keys(f)?;
        let mut out = Out::default();
        out.bytes("plaintext", open(&f.bytes("file")?, &keys, &f.bytes("ad")?)?);
        Ok(out)
    },
};

fn own_key(f: &Fields) -> Result<ibake::ibe::extract::PrivateKey, Fault> {
    let mut one = Fields::default();
    one.0.insert("parameters_list".into(), Value::from(f.list("parameters_list")?.iter().map(hex).collect::<Vec<_>>()));
    one.0.insert("private_keys".into(), json!([hex(f.bytes("private_key")?)]));
    keys(&one)?.1.pop().ok_or_else(|| malformed("private_key"))
}

/// Opens a whole file: the last chunk is the one with which the bytes end.
fn open(bytes: &[u8], keys: &[ibake::ibe::extract::PrivateKey], ad: &[u8]) -> Result<Vec<u8>, Fault> {
    let header = Header::decode(bytes)?;
    let mut opener = header.open(keys, ad)?;
    let rest = bytes.get(header.len()..).unwrap_or(&[]);
    let mut plaintext = Vec::new();
    let mut chunks = rest.chunks(CHUNK + TAG).peekable();
    if chunks.peek().is_none() {
        opener.chunk(&[], true)?;
    }
    while let Some(chunk) = chunks.next() {
        plaintext.extend(opener.chunk(chunk, chunks.peek().is_none())?.expose());
    }
    Ok(plaintext)
}

/// A file in its parts.
struct Sealed {
    aead: Aead,
    recipients: Vec<(PublicParameters, Identity)>,
    plaintext: Vec<u8>,
    header: Vec<u8>,
    chunks: Vec<Vec<u8>>,
}

impl Sealed {
    fn new(f: &Fields) -> Result<Self, Fault> {
        let aead = Aead::from_id(f.u8("aead")?)?;
        let (parameters, ids) = (f.list("parameters_list")?, f.list("ID_list")?);
        let mut recipients = Vec::new();
        for (p, id) in parameters.iter().zip(&ids) {
            let p = PublicParameters::from_der(p)?;
            let id = Identity::from_der(id, p.granularity())?;
            recipients.push((p, id));
        }
        let to: Result<Vec<_>, _> = recipients.iter().map(|(p, id)| Recipient::new(p, id)).collect();
        // In the order in which the library draws.
        let mut draws = vec![f.bytes("fk")?];
        draws.extend(f.list("salts")?);
        draws.extend(f.list("sigmas")?);
        let mut script = Script::new(draws);
        let (mut sealer, header) = Sealer::new(&to?, aead, &f.bytes("ad")?, &mut script)?;
        if !script.is_used_up() || ids.len() != parameters.len() {
            return Err(malformed("one salt, one sigma and one set of parameters for each recipient"));
        }
        let plaintext = f.bytes("plaintext")?;
        let mut chunks = Vec::new();
        let mut rest = plaintext.as_slice();
        loop {
            let (head, tail) = rest.split_at(rest.len().min(CHUNK));
            chunks.push(sealer.chunk(head, tail.is_empty())?);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        Ok(Self { aead, recipients, plaintext, header, chunks })
    }

    /// `list` and the wrapping keys, checked against the header that the library wrote.
    fn header_values(&self, f: &Fields) -> Result<([u8; 32], Vec<[u8; 32]>), Fault> {
        let (salts, sigmas, fk) = (f.list("salts")?, f.list("sigmas")?, f.array::<32>("fk")?);
        let prefix = [&[1, 0, 1, self.aead.id()][..], &(self.recipients.len() as u16).to_be_bytes()].concat();
        let mut names = Vec::new();
        for ((_, id), salt) in self.recipients.iter().zip(&salts) {
            let salt = salt.first_chunk().ok_or_else(|| malformed("a salt has 8 bytes"))?;
            names.push([&key_reference(id)[..], &hint(salt, id.der())].concat());
        }
        let list = hash(&[label("file").as_ref(), &prefix, &names.concat()]);
        let mut header = [b"IBAKEFIL".as_slice(), &prefix].concat();
        let mut keys = Vec::new();
        for (i, ((parameters, id), (name, sigma))) in
            (0u16..).zip(self.recipients.iter().zip(names.iter().zip(&sigmas)))
        {
            let sigma = sigma.first_chunk().ok_or_else(|| malformed("a sigma has 32 bytes"))?;
            let e = Encapsulated::new(parameters, id, sigma)?;
            let key = exp_key(&e.key, &[label("file wrap").as_ref(), &i.to_be_bytes()]);
            header.extend([name, &e.bytes(), &seal(self.aead, &key, &list, &fk)].map(|v| v.as_slice()).concat());
            keys.push(key);
        }
        agree("header", header == self.header)?;
        Ok((list, keys))
    }
}

/// Inputs of `seal`.
pub(crate) fn inputs(w: &World, rng: &mut Seeded, names: &[&str], aead: u8, ad: &[u8], plaintext: Value) -> Value {
    let b = |n: &&str| hex(if *n == BOB { w.parameters_b() } else { w.parameters_a() });
    json!({
        "parameters_list": names.iter().map(b).collect::<Vec<_>>(),
        "ID_list": names.iter().map(|n| hex(w.identity(n).der())).collect::<Vec<_>>(),
        "aead": aead, "ad": hex(ad), "plaintext": plaintext, "fk": hex(rng.bytes::<32>()),
        "salts": names.iter().map(|_| hex(rng.bytes::<8>())).collect::<Vec<_>>(),
        "sigmas": names.iter().map(|_| hex(rng.bytes::<32>())).collect::<Vec<_>>(),
    })
}

/// The bytes of the file that `seal` makes of these inputs.
pub(crate) fn bytes(inputs: &Value) -> Vec<u8> {
    let fields = Fields(crate::vectors::cases::map(inputs.clone()));
    Sealed::new(&fields).map(|s| [&s.header[..], &s.chunks.concat()].concat()).unwrap_or_default()
}

fn cases() -> Vec<CaseGroup> {
    let w = World::new();
    let mut rng = Seeded::new("file vectors");
    let mut seal = |comment: &str, flags: &[&'static str], names: &[&str], aead: u8, plaintext: Value| {
        case(comment, flags, inputs(&w, &mut rng, names, aead, b"backup", plaintext))
    };
    let seals = vec![
        seal("one recipient", &[], &[ALICE], 1, hex(b"hello, alice")),
        seal("three recipients of two districts", &["Recipients"], &[BOB, ALICE, DAVE], 2, hex(b"hello, all")),
        seal("no plaintext: one empty chunk", &["Length"], &[ALICE], 1, hex([])),
        seal("one byte below a chunk", &["Length"], &[ALICE], 1, times("61", CHUNK - 1)),
        seal("a whole chunk", &["Length"], &[ALICE], 1, times("61", CHUNK)),
        seal("one byte above a chunk", &["Length"], &[ALICE], 2, times("61", CHUNK + 1)),
        seal("two whole chunks", &["Length"], &[ALICE], 2, times("00", 2 * CHUNK)),
        seal("the same recipient twice", &["Recipients"], &[ALICE, ALICE], 1, hex(b"x")),
        seal("no recipient", &["Recipients"], &[], 1, hex(b"x")),
    ];
    let long = inputs(&w, &mut rng, &[ALICE], 1, b"backup", json!([times("61", 2 * CHUNK), "62"]));
    let order = |comment: &str, order: &[u64]| {
        let mut inputs = json!({ "order": order });
        inputs["private_key"] = hex(w.stored(ALICE));
        case(comment, &["Chunks"], inputs)
    };
    let orders = vec![
        order("all three chunks", &[0, 1, 2]),
        order("the last one is cut off", &[0, 1]),
        order("only the first one", &[0]),
        order("only the last one", &[2]),
        order("none", &[]),
        order("two are swapped", &[1, 0, 2]),
        order("one is repeated", &[0, 0, 1, 2]),
        order("one is left out", &[0, 2]),
        order("the last one again", &[0, 1, 2, 2]),
    ];
    let short = bytes(&inputs(&w, &mut rng, &[ALICE, BOB], 1, b"backup", hex(b"hello")));
    let open = |comment: &str, flags: &[&'static str], names: &[&str], ad: &[u8], file: &[u8]| {
        let mut inputs = holder(&w, names);
        inputs["ad"] = hex(ad);
        inputs["file"] = hex(file);
        case(comment, flags, inputs)
    };
    let altered = |at: usize| {
        let mut file = short.clone();
        file.get_mut(at).into_iter().for_each(|b| *b ^= 1);
        file
    };
    let opens = vec![
        open("by the first recipient", &[], &[ALICE], b"backup", &short),
        open("by the second, who has other keys too", &["Recipients"], &[CAROL, BOB], b"backup", &short),
        open("by nobody it is for: the hint tells", &["Recipients"], &[CAROL], b"backup", &short),
        open("other associated data", &["AssociatedData"], &[ALICE], b"Backup", &short),
        open("a byte of the other recipient's V", &["Recipients"], &[ALICE], b"backup", &altered(short.len() - 72)),
        open("a byte of the chunk", &["Chunks"], &[ALICE], b"backup", &altered(short.len() - 1)),
        open("one byte more", &["Chunks"], &[ALICE], b"backup", &[&short[..], &[0]].concat()),
    ];
    vec![group("seal", json!({}), seals), group("chunks", long, orders), group("open", json!({}), opens)]
}
