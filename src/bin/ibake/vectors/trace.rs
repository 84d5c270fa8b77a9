//! The exchange by the formulas of SPEC.md 5.3 and 5.4, from the recorded randomness; the library does groups and points only.

use ibake::dh::{KeyPair, Share, pq};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Identity, PublicParameters};
use ibake::kdf::{Prk, hash, label};
use ibake::secret::Secret;
use ibake::suite::Suite;

use super::fault::{Fault, malformed};
use super::fields::{Fields, Out};
use super::formulas::{Encapsulated, exp, exp_key, ext, hedged, hint, key_reference, lp, pkctx, point, seal};

/// Both ends before the exchange.
pub(crate) struct Ends {
    pub(crate) now: u64,
    pub(crate) suite: Suite,
    pub(crate) suites_i: Vec<Suite>,
    pub(crate) suites_r: Vec<Suite>,
    pub(crate) parameters_i: PublicParameters,
    pub(crate) parameters_r: PublicParameters,
    pub(crate) key_i: PrivateKey,
    pub(crate) key_r: PrivateKey,
}

impl Ends {
    pub(crate) fn of(f: &Fields) -> Result<Self, Fault> {
        let name = f.text("suite")?;
        let suite = Suite::from_name(&name).ok_or_else(|| malformed(format!("suite {name:?} is not known")))?;
        let list = |field| match f.has(field) {
            true => suites(f, field),
            false => Ok(vec![suite]),
        };
        let parameters = |end| Ok::<_, Fault>(PublicParameters::from_der(&f.bytes(end)?)?);
        let (parameters_i, parameters_r) = (parameters("parameters_I")?, parameters("parameters_R")?);
        Ok(Self {
            now: f.number("now")?,
            suite,
            suites_i: list("suites_I")?,
            suites_r: list("suites_R")?,
            key_i: PrivateKey::from_bytes(&f.bytes("private_key_I")?, &parameters_i)?,
            key_r: PrivateKey::from_bytes(&f.bytes("private_key_R")?, &parameters_r)?,
            parameters_i,
            parameters_r,
        })
    }
}

/// A list of registered suites.
pub(crate) fn suites(f: &Fields, field: &str) -> Result<Vec<Suite>, Fault> {
    let known = |n: u64| u16::try_from(n).ok().and_then(|n| Suite::from_id(n).ok());
    f.numbers(field)?
        .into_iter()
        .map(|n| known(n).ok_or_else(|| malformed(format!("{field}: {n} is not registered"))))
        .collect()
}

/// One message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) header: Vec<u8>,
    pub(crate) kem: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) message: Vec<u8>,
    /// `h_{n-1}` and `ck_n`, for whoever seals something else in its place.
    before: [u8; 32],
    pub(crate) ck: [u8; 32],
}

/// Every value of an exchange.
pub(crate) struct Trace {
    suite: Suite,
    pub(crate) steps: Vec<Step>,
    h: Vec<[u8; 32]>,
    ck: Vec<[u8; 32]>,
    pub(crate) sas: u32,
    out: Out,
}

/// Fields with a `u16` length, then extensions.
pub(crate) fn body(fields: &[&[u8]], extensions: &[(u8, &[u8])]) -> Vec<u8> {
    let var = |x: &[u8]| [&(x.len() as u16).to_be_bytes(), x].concat();
    let mut out: Vec<u8> = fields.iter().flat_map(|f| var(f)).collect();
    for (kind, value) in extensions {
        out.push(*kind);
        out.extend(var(value));
    }
    out
}

pub(crate) fn suite_list(suites: &[Suite]) -> Vec<u8> {
    let ids = suites.iter().flat_map(|s| s.id().to_be_bytes());
    [suites.len() as u8].into_iter().chain(ids).collect()
}

impl Trace {
    pub(crate) fn new(f: &Fields, ends: &Ends) -> Result<Self, Fault> {
        let Ends { suite, parameters_i, parameters_r, key_i, key_r, .. } = ends;
        let (suite, id_i, id_r) = (*suite, key_i.identity(), key_r.identity());
        let (own_i, own_r) = (point(key_i), point(key_r));
        let mut draws = f.list("randomness")?.into_iter().skip(1);
        let mut draw = || draws.next().ok_or_else(|| malformed("randomness has too few draws"));
        let (fp_i, fp_r) = (parameters_i.fingerprint(), parameters_r.fingerprint());
        let h0 = hash(&[label("ake").as_ref(), &[0, 1], &suite.id().to_be_bytes(), fp_i, fp_r]);
        let mut t = Self { suite, steps: Vec::new(), h: vec![h0], ck: vec![h0], sas: 0, out: Out::default() };
        t.out.bytes("fp_I", fp_i).bytes("fp_R", fp_r).bytes("h0", h0);
        t.out.bytes("pkctx(ID_I)", pkctx(parameters_i, id_i)).bytes("pkctx(ID_R)", pkctx(parameters_r, id_r));

        let sid_i: [u8; 16] = draw()?.try_into().map_err(|_| malformed("sid_I has 16 bytes"))?;
        let x = KeyPair::from_seed(suite.group(), &Secret::new(hedged(&draw()?, &own_i, "x", &sid_i, &h0)));
        let (x_secret, x_share) = (x.secret_bytes().expose().to_vec(), x.share().as_bytes().to_vec());
        t.out.bytes("x", &x_secret).bytes("X", &x_share);
        let mut first = Vec::new();
        let seed = if suite.is_hybrid() { Some(hedged::<64>(&draw()?, &own_i, "ek", &sid_i, &h0)) } else { None };
        if let Some(seed) = seed {
            t.out.bytes("d||z", seed);
            first.push((1, pq::KeyPair::from_seed(&Secret::new(seed)).encapsulation_key().to_vec()));
        }
        let salt = if f.flag("send_hint").unwrap_or(false) { Some(draw()?) } else { None };
        let front = |n: u8, sid_r: &[u8; 16]| header(suite, n, &sid_i, sid_r, id_i, id_r);
        let mut header_1 = front(1, &[0; 16]);
        header_1.extend(suite_list(&ends.suites_i));
        header_1.push(salt.is_some().into());
        if let Some(salt) = salt {
            header_1.extend(hint(&salt.try_into().map_err(|_| malformed("a salt has 8 bytes"))?, id_r.der()));
        }
        let sigma = hedged(&draw()?, &own_i, "sigma", &sid_i, &h0);
        let e = t.encapsulate(1, parameters_r, id_r, sigma)?;
        t.mix(&[&e.key]);
        t.seal(1, header_1, e.bytes(), body(&[id_i.der(), id_r.der(), &x_share], &refs(&first)));

        let h1 = t.last();
        let sid_r: [u8; 16] = draw()?.try_into().map_err(|_| malformed("sid_R has 16 bytes"))?;
        let y = KeyPair::from_seed(suite.group(), &Secret::new(hedged(&draw()?, &own_r, "y", &sid_r, &h1)));
        let y_share = y.share().as_bytes().to_vec();
        t.out.bytes("y", y.secret_bytes().expose()).bytes("Y", &y_share);
        let (mut second, mut ss) = (Vec::new(), Vec::new());
        if let Some((_, ek)) = first.first() {
            let m = Secret::new(hedged::<32>(&draw()?, &own_r, "ct", &sid_r, &h1));
            let (ct, secret) = pq::EncapsulationKey::decode(ek)?.encapsulate(&m);
            t.out.bytes("m", m.expose()).bytes("ss", secret.expose());
            ss = secret.expose().to_vec();
            second.push((2, ct));
        }
        let nonce_r: [u8; 32] = hedged(&draw()?, &own_r, "nonce", &sid_r, &h1);
        let commitment = hash(&[label("sas-commit").as_ref(), &sid_i, &sid_r, &h1, &nonce_r]);
        t.out.bytes("nR", nonce_r).bytes("c_R", commitment);
        second.extend([(3, suite_list(&ends.suites_r)), (4, commitment.to_vec())]);
        let sigma = hedged(&draw()?, &own_r, "sigma", &sid_r, &h1);
        let e = t.encapsulate(2, parameters_i, id_i, sigma)?;
        t.mix(&[&e.key]);
        t.seal(2, front(2, &sid_r), e.bytes(), body(&[id_i.der(), id_r.der(), &x_share, &y_share], &refs(&second)));

        let h2 = t.last();
        let nonce_i: [u8; 32] = hedged(&draw()?, &own_i, "nonce", &sid_i, &h2);
        let sigma = hedged(&draw()?, &own_i, "sigma", &sid_i, &h2);
        let e = t.encapsulate(3, parameters_r, id_r, sigma)?;
        let dh = x.agree(&Share::decode(suite.group(), &y_share)?)?;
        t.out.bytes("nI", nonce_i).bytes("dh", dh.expose());
        t.mix(&[&e.key, dh.expose(), &ss]);
        let mut third = vec![(5, nonce_i.to_vec())];
        third.extend(data(f, "data_3")?);
        t.seal(3, front(3, &sid_r), e.bytes(), body(&[id_i.der(), id_r.der(), &y_share], &refs(&third)));

        let h3 = t.last();
        let mut fourth = vec![(6, nonce_r.to_vec())];
        fourth.extend(data(f, "data_4")?);
        t.seal(4, front(4, &sid_r), Vec::new(), body(&[], &refs(&fourth)));
        let secret = exp_key(&t.secret(), &[label("sas").as_ref(), &h3]);
        let parts = [&secret[..], id_i.der(), id_r.der(), &x_share, &y_share, &nonce_i, &nonce_r].map(lp).concat();
        t.sas = u32::from_be_bytes(exp(&ext(&h3, &parts), &[label("sas").as_ref()]));
        Ok(t)
    }

    fn last(&self) -> [u8; 32] {
        self.h.last().copied().unwrap_or([0; 32])
    }

    /// The chaining key so far.
    fn secret(&self) -> [u8; 32] {
        self.ck.last().copied().unwrap_or([0; 32])
    }

    fn encapsulate(
        &mut self,
        n: u8,
        parameters: &PublicParameters,
        to: &Identity,
        sigma: [u8; 32],
    ) -> Result<Encapsulated, Fault> {
        let e = Encapsulated::new(parameters, to, &sigma)?;
        self.out.bytes(&format!("sigma_{n}"), sigma).bytes(&format!("K{n}"), e.key);
        Ok(e)
    }

    /// `ck_n = Ext(ck_{n-1}, lp(..) || ..)`: one secret, or `K3`, `dh`, `ss`.
    fn mix(&mut self, secrets: &[&[u8]]) {
        let ikm: Vec<u8> = secrets.iter().flat_map(|s| lp(s)).collect();
        let ck = *Prk::extract(&self.secret(), &[&ikm]).secret().expose();
        self.out.bytes(&format!("ck{}", self.ck.len()), ck);
        self.ck.push(ck);
    }

    fn seal(&mut self, n: u8, header: Vec<u8>, kem: Vec<u8>, body: Vec<u8>) {
        let (before, ck) = (self.last(), self.secret());
        let (key, ad) = key_and_ad(n, &before, &ck, &header, &kem);
        let message = [&header[..], &kem, &seal(self.suite.aead(), &key, &ad, &body)].concat();
        let h = hash(&[label("tr").as_ref(), &lp(&before), &lp(&message)]);
        self.out.bytes(&format!("key_{n}"), key).bytes(&format!("pt_{n}"), &body).bytes(&format!("M{n}"), &message);
        if n < 4 {
            self.out.bytes(&format!("h{n}"), h);
        }
        self.h.push(h);
        self.steps.push(Step { header, kem, body, message, before, ck });
    }

    /// Message `n` with another header, encapsulation or body under the right key: what a dishonest end can send.
    pub(crate) fn instead(&self, n: u8, alter: impl Fn(&mut Step)) -> Vec<u8> {
        let Some(step) = self.steps.get(usize::from(n) - 1) else { return Vec::new() };
        let mut step = step.clone();
        alter(&mut step);
        let (key, ad) = key_and_ad(n, &step.before, &step.ck, &step.header, &step.kem);
        [&step.header[..], &step.kem, &seal(self.suite.aead(), &key, &ad, &step.body)].concat()
    }

    pub(crate) fn export(&self, name: &[u8], context: &[u8]) -> [u8; 32] {
        let h3 = self.h.get(3).copied().unwrap_or([0; 32]);
        let exporter = exp_key(&self.secret(), &[label("exporter").as_ref(), &h3]);
        exp_key(&exporter, &[&lp(name), &hash(&[context]), &32u16.to_be_bytes()])
    }

    pub(crate) fn out(self) -> Out {
        self.out
    }
}

fn refs(extensions: &[(u8, Vec<u8>)]) -> Vec<(u8, &[u8])> {
    extensions.iter().map(|(kind, value)| (*kind, value.as_slice())).collect()
}

/// The extension for application data, if there is any.
fn data(f: &Fields, field: &str) -> Result<Option<(u8, Vec<u8>)>, Fault> {
    let data = f.bytes_or_none(field)?;
    Ok((!data.is_empty()).then_some((7, data)))
}

fn header(suite: Suite, n: u8, sid_i: &[u8; 16], sid_r: &[u8; 16], i: &Identity, r: &Identity) -> Vec<u8> {
    let id = suite.id().to_be_bytes();
    [&[0, 1][..], &id, &[n], sid_i, sid_r, &key_reference(i), &key_reference(r)].concat()
}

fn key_and_ad(n: u8, before: &[u8; 32], ck: &[u8; 32], header: &[u8], kem: &[u8]) -> ([u8; 32], Vec<u8>) {
    let ad = [label("ad").as_ref(), &[n], &lp(before), &lp(header), kem].concat();
    (exp_key(ck, &[label("seal").as_ref(), &[n], &hash(&[&ad])]), ad)
}
