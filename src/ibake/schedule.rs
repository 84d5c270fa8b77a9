//! The key schedule: chaining keys, seals and the transcript.
//!
//! ```text
//! h0 = H("ake" || u16 version || u16 suite || fp_I || fp_R)     ck0 = h0
//! ad_n  = "ad" || u8 n || lp(h_{n-1}) || lp(hdr_n) || U_n || V_n                                       (M4 has no U, V)
//! ck1 = Ext(ck0, lp(K1))     ck2 = Ext(ck1, lp(K2))     ck3 = Ext(ck2, lp(K3) || lp(dh) || lp(ss))
//! key_n = Exp(ck_n, "seal" || u8 n || H(ad_n), 32), key_4 from ck3      nonce zero      M_n = hdr_n || U_n || V_n || AEAD
//! h_n = H("tr" || lp(h_{n-1}) || lp(M_n))
//! ```
//!
//! Why chained: with `d_I` alone an attacker opens M2 of a literal RFC 6539 exchange, replaces `Y` and seals again, and the
//! initiator ends with a key that the attacker knows. Here the seal of M2 also needs `K1`, which only `d_R` gives.

use alloc::vec::Vec;

use crate::aead;
use crate::encoding::lp;
use crate::error::Error;
use crate::kdf::{Prk, hash, label};
use crate::secret::{Secret, SecretVec};
use crate::suite::{AKE_VERSION, Suite, labels};

/// Chaining key and transcript hash after the last message.
pub(crate) struct Schedule {
    pub(crate) suite: Suite,
    pub(crate) ck: Prk,
    pub(crate) h: [u8; 32],
}

impl Schedule {
    /// `h0` and `ck0`.
    pub(crate) fn new(suite: Suite, fp_i: &[u8; 32], fp_r: &[u8; 32]) -> Self {
        let (version, id) = (AKE_VERSION.to_be_bytes(), suite.id().to_be_bytes());
        let h = hash(&[label(labels::AKE).as_ref(), &version, &id, fp_i, fp_r]);
        Self { suite, ck: Prk::from_secret(Secret::new(h)), h }
    }

    /// `ck = Ext(ck, lp(K))`.
    pub(crate) fn mix(&mut self, k: &Secret<32>) {
        self.ck = Prk::extract(self.ck.secret().expose(), &[&lp(k.expose()), k.expose()]);
    }

    /// `ck3 = Ext(ck2, lp(K3) || lp(dh) || lp(ss))`.
    pub(crate) fn mix_last(&mut self, k: &Secret<32>, dh: &SecretVec, ss: Option<&Secret<32>>) {
        let ss: &[u8] = ss.map_or(&[], |s| s.expose());
        let ikm = [&lp(k.expose())[..], k.expose(), &lp(dh.expose()), dh.expose(), &lp(ss), ss];
        self.ck = Prk::extract(self.ck.secret().expose(), &ikm);
    }

    fn key_and_ad(&self, n: u8, header: &[u8], kem: &[u8]) -> (Secret<32>, Vec<u8>) {
        let label_ad = label(labels::AD);
        let ad = [label_ad.as_ref(), &[n], &lp(&self.h), &self.h, &lp(header), header, kem].concat();
        (self.ck.expand(&[label(labels::SEAL).as_ref(), &[n], &hash(&[&ad])]), ad)
    }

    fn advance(&mut self, message: &[u8]) {
        self.h = hash(&[label(labels::TR).as_ref(), &lp(&self.h), &self.h, &lp(message), message]);
    }

    /// Seals message `n` and moves the transcript on. Each key seals once: nothing is ever sealed again.
    pub(crate) fn seal(&mut self, n: u8, header: &[u8], kem: &[u8], plaintext: &SecretVec) -> Vec<u8> {
        let (key, ad) = self.key_and_ad(n, header, kem);
        let sealed = aead::seal(self.suite.aead(), key.expose(), &ad, plaintext.expose());
        let message = [header, kem, &sealed].concat();
        self.advance(&message);
        message
    }

    /// Opens message `n` and moves the transcript on; on failure the schedule is of no further use.
    pub(crate) fn open(&mut self, n: u8, m: &super::messages::Message<'_>) -> Result<SecretVec, Error> {
        let (key, ad) = self.key_and_ad(n, m.header_bytes, m.kem);
        let plaintext = aead::open(self.suite.aead(), key.expose(), &ad, m.sealed)?;
        self.advance(m.all);
        Ok(plaintext)
    }
}

/// `c_R = H("sas-commit" || sid_I || sid_R || h1 || nR)`.
pub(crate) fn commitment(sid_i: &[u8; 16], sid_r: &[u8; 16], h1: &[u8; 32], nonce_r: &Secret<32>) -> [u8; 32] {
    hash(&[label(labels::SAS_COMMIT).as_ref(), sid_i, sid_r, h1, nonce_r.expose()])
}

/// What the authentication string is computed from, besides `ck3` and `h3`.
pub(crate) struct SasInput<'a> {
    pub(crate) id_i: &'a [u8],
    pub(crate) id_r: &'a [u8],
    pub(crate) x: &'a [u8],
    pub(crate) y: &'a [u8],
    pub(crate) nonce_i: &'a [u8; 32],
    pub(crate) nonce_r: &'a [u8; 32],
}

/// `Exp(Ext(h3, lp(Exp(ck3, "sas" || h3, 32)) || lp(ID_I) || lp(ID_R) || lp(X) || lp(Y) || lp(nI) || lp(nR)), "sas", 4)`.
pub(crate) fn authentication_string(ck3: &Prk, h3: &[u8; 32], input: &SasInput<'_>) -> [u8; 4] {
    let label = label(labels::SAS);
    let secret = ck3.expand::<32>(&[label.as_ref(), h3]);
    let fields = [secret.expose(), input.id_i, input.id_r, input.x, input.y, input.nonce_i, input.nonce_r];
    let lengths = fields.map(lp);
    let mut ikm: Vec<&[u8]> = Vec::with_capacity(2 * fields.len());
    for (length, field) in lengths.iter().zip(fields) {
        ikm.push(length);
        ikm.push(field);
    }
    *Prk::extract(h3, &ikm).expand::<4>(&[label.as_ref()]).expose()
}

/// `Exp(ck3, "exporter" || h3, 32)`.
pub(crate) fn exporter(ck3: &Prk, h3: &[u8; 32]) -> Prk {
    Prk::from_secret(ck3.expand(&[label(labels::EXPORTER).as_ref(), h3]))
}
