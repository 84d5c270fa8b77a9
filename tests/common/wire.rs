//! The exchange a second time, from SPEC.md and without the library's schedule: what a recorder or an attacker can compute.

use hkdf::Hkdf;
use ibake::aead;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Encapsulation;
use ibake::suite::Suite;
use sha2::{Digest, Sha256};

pub fn lp(x: &[u8]) -> Vec<u8> {
    [&(x.len() as u32).to_be_bytes(), x].concat()
}

pub fn label(name: &str) -> Vec<u8> {
    lp(format!("IBAKE-V01 {name}").as_bytes())
}

pub fn ext(salt: &[u8], ikm: &[u8]) -> [u8; 32] {
    Hkdf::<Sha256>::extract(Some(salt), ikm).0.into()
}

pub fn exp(prk: &[u8; 32], info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    Hkdf::<Sha256>::from_prk(prk).unwrap().expand(info, &mut out).unwrap();
    out
}

pub fn sha(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

/// A message cut into its parts.
#[derive(Clone, Debug)]
pub struct Parts {
    pub header: Vec<u8>,
    pub kem: Vec<u8>,
    pub sealed: Vec<u8>,
}

/// Bytes of a key reference that begins at `at`: u16 length, district, serial, start, granularity.
fn key_ref(bytes: &[u8], at: usize) -> usize {
    2 + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]])) + 8 + 8 + 1
}

impl Parts {
    pub fn of(message: &[u8]) -> Self {
        let kind = message[4];
        let mut end = 2 + 2 + 1 + 16 + 16;
        end += key_ref(message, end);
        end += key_ref(message, end);
        if kind == 1 {
            end += 1 + 2 * usize::from(message[end]);
            end += 1 + 16 * usize::from(message[end]);
        }
        let kem = if kind == 4 { 0 } else { 128 };
        Self {
            header: message[..end].to_vec(),
            kem: message[end..end + kem].to_vec(),
            sealed: message[end + kem..].to_vec(),
        }
    }

    pub fn suite(&self) -> Suite {
        Suite::from_id(u16::from_be_bytes([self.header[2], self.header[3]])).unwrap()
    }

    pub fn sids(&self) -> (&[u8], &[u8]) {
        (&self.header[5..21], &self.header[21..37])
    }

    pub fn decapsulate(&self, key: &PrivateKey) -> [u8; 32] {
        let kem = Encapsulation::decode(self.kem.as_slice().try_into().unwrap()).unwrap();
        *kem.decapsulate(key).unwrap().expose()
    }

    pub fn bytes(&self) -> Vec<u8> {
        [&self.header[..], &self.kem, &self.sealed].concat()
    }

    /// The header of the next message: type `n`, with the responder's session identifier, without M1's lists.
    pub fn next_header(&self, n: u8, sid_r: &[u8; 16]) -> Vec<u8> {
        let mut h = self.header.clone();
        if h[4] == 1 {
            let mut end = 37;
            end += key_ref(&h, end);
            end += key_ref(&h, end);
            h.truncate(end);
        }
        h[4] = n;
        h[21..37].copy_from_slice(sid_r);
        h
    }
}

/// Chaining key and transcript.
#[derive(Clone, Debug)]
pub struct Chain {
    pub suite: Suite,
    pub ck: [u8; 32],
    pub h: [u8; 32],
}

impl Chain {
    pub fn new(suite: Suite, fp_i: &[u8; 32], fp_r: &[u8; 32]) -> Self {
        let h = sha(&[&label("ake"), &1u16.to_be_bytes(), &suite.id().to_be_bytes(), fp_i, fp_r]);
        Self { suite, ck: h, h }
    }

    pub fn mix(&mut self, k: &[u8; 32]) {
        self.ck = ext(&self.ck, &lp(k));
    }

    pub fn mix_last(&mut self, k: &[u8; 32], dh: &[u8], ss: &[u8]) {
        self.ck = ext(&self.ck, &[lp(k), lp(dh), lp(ss)].concat());
    }

    fn seal_key(&self, n: u8, header: &[u8], kem: &[u8]) -> ([u8; 32], Vec<u8>) {
        let ad = [&label("ad")[..], &[n], &lp(&self.h), &lp(header), kem].concat();
        (exp(&self.ck, &[&label("seal")[..], &[n], &sha(&[&ad])].concat()), ad)
    }

    fn advance(&mut self, message: &[u8]) {
        self.h = sha(&[&label("tr"), &lp(&self.h), &lp(message)]);
    }

    pub fn open(&mut self, n: u8, parts: &Parts) -> Option<Vec<u8>> {
        let (key, ad) = self.seal_key(n, &parts.header, &parts.kem);
        let opened = aead::open(self.suite.aead(), &key, &ad, &parts.sealed).ok()?;
        self.advance(&parts.bytes());
        Some(opened.expose().to_vec())
    }

    pub fn seal(&mut self, n: u8, header: &[u8], kem: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let (key, ad) = self.seal_key(n, header, kem);
        let message = [header, kem, &aead::seal(self.suite.aead(), &key, &ad, plaintext)].concat();
        self.advance(&message);
        message
    }

    pub fn export(&self, label_: &[u8], context: &[u8]) -> [u8; 32] {
        let exporter = exp(&self.ck, &[&label("exporter")[..], &self.h].concat());
        exp(&exporter, &[&lp(label_)[..], &sha(&[context]), &32u16.to_be_bytes()].concat())
    }
}

/// Fields with a `u16` length, then extensions.
pub fn body(fields: &[&[u8]], extensions: &[(u8, &[u8])]) -> Vec<u8> {
    let var = |x: &[u8]| [&(x.len() as u16).to_be_bytes(), x].concat();
    let mut out: Vec<u8> = fields.iter().flat_map(|f| var(f)).collect();
    for (kind, value) in extensions {
        out.push(*kind);
        out.extend(var(value));
    }
    out
}

/// Types and values.
pub type Extensions = Vec<(u8, Vec<u8>)>;

/// Takes the first `count` fields of a body, and the extensions.
pub fn read_body(mut bytes: &[u8], count: usize) -> (Vec<Vec<u8>>, Extensions) {
    fn var<'a>(b: &mut &'a [u8]) -> &'a [u8] {
        let n = usize::from(u16::from_be_bytes([b[0], b[1]]));
        let out = &b[2..2 + n];
        *b = &b[2 + n..];
        out
    }
    let fields = (0..count).map(|_| var(&mut bytes).to_vec()).collect();
    let mut extensions = Vec::new();
    while let [kind, rest @ ..] = bytes {
        bytes = rest;
        extensions.push((*kind, var(&mut bytes).to_vec()));
    }
    (fields, extensions)
}

/// `x` and the ML-KEM seed out of the serial form of the initiator's state.
pub fn ephemeral(state: &[u8], suite: Suite) -> (Vec<u8>, Option<[u8; 64]>) {
    assert!(AwaitM2::from_bytes(state).is_ok());
    let mut at = 1 + 1 + 2 + 16 + 32 + 32;
    let var = |at: usize| usize::from(u16::from_be_bytes([state[at], state[at + 1]]));
    for _ in 0..2 {
        at += 1;
        at += 2 + var(at);
    }
    let x = state[at + 2..at + 2 + var(at)].to_vec();
    at += 2 + var(at) + 1;
    (x, suite.is_hybrid().then(|| state[at..at + 64].try_into().unwrap()))
}
