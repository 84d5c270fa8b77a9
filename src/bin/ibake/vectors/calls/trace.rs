//! Every value of a call by the formulas of SPEC.md 13.8 to 13.15, from the recorded randomness and the messages; the library
//! does groups, points, the codec and the pseudo-random function.

use ibake::dh::{KeyPair, Share, pq};
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::{Identity, PublicParameters};
use ibake::kdf::{Prk, hash, label};
use ibake::mikey::call::{Outcome, Session};
use ibake::mikey::derive::{self, SessionKey, TgkKey};
use ibake::mikey::numbers::{MacAlg, PrfFunc};
use ibake::mikey::{NTP_TO_UNIX, algorithms};
use ibake::secret::{Secret, SecretVec};
use ibake::srtp::{MasterKeys, Role};
use ibake::suite::{Aead, Suite};

use super::ends::{Answers, Ends};
use super::run::Ended;
use super::wire::{VERIFIED, encr_data, parse, seal_ad, unseal};
use crate::vectors::fault::{Fault, agree, malformed};
use crate::vectors::fields::{Fields, Out};
use crate::vectors::formulas::{Encapsulated, hedged, lp, pkctx, point};

/// Draws in their order.
struct Draws(std::vec::IntoIter<Vec<u8>>);

impl Draws {
    fn next(&mut self) -> Result<Vec<u8>, Fault> {
        self.0.next().ok_or_else(|| malformed("randomness has too few draws"))
    }
}

/// What hedged draws of one place are bound to.
struct At {
    session: [u8; 16],
    hash: [u8; 32],
}

/// An own share.
struct Own {
    pair: KeyPair,
    point: Vec<u8>,
    /// Seed of the ML-KEM key pair, or the secret in the ciphertext.
    seed: Option<[u8; 64]>,
    ss: Vec<u8>,
}

struct Trace {
    draws: Draws,
    csb_id: u32,
    rand: Vec<u8>,
    prf: PrfFunc,
    out: Out,
}

impl Trace {
    fn at(&self, parts: &[&[u8]]) -> At {
        let name = label("mikey draw");
        let whole = hash(&[name.as_ref(), &self.csb_id.to_be_bytes(), &lp(&self.rand)]);
        let mut session = [0; 16];
        session.iter_mut().zip(whole).for_each(|(s, w)| *s = w);
        let parts: Vec<u8> = parts.iter().flat_map(|p| lp(p)).collect();
        At { session, hash: hash(&[name.as_ref(), &parts]) }
    }

    fn hedged<const N: usize>(&mut self, own: &PrivateKey, name: &str, at: &At) -> Result<[u8; N], Fault> {
        Ok(hedged(&self.draws.next()?, &point(own), name, &at.session, &at.hash))
    }

    /// `x`, in hybrid suites with `d||z`; `tick` marks the second one of a call.
    fn first(&mut self, suite: Suite, own: &PrivateKey, at: &At, tick: &str) -> Result<Own, Fault> {
        let pair = KeyPair::from_seed(suite.group(), &Secret::new(self.hedged(own, "x", at)?));
        let mut point = pair.share().as_bytes().to_vec();
        let seed = if suite.is_hybrid() { Some(self.hedged::<64>(own, "ek", at)?) } else { None };
        if let Some(seed) = seed {
            self.out.bytes("d||z", seed);
            point.extend_from_slice(&pq::KeyPair::from_seed(&Secret::new(seed)).encapsulation_key());
        }
        self.out.bytes(&format!("x{tick}"), pair.secret_bytes().expose()).bytes(&format!("X{tick}"), &point);
        Ok(Own { pair, point, seed, ss: Vec::new() })
    }

    /// `y`, in hybrid suites with `m` and `ss`.
    fn second(&mut self, suite: Suite, theirs: &[u8], own: &PrivateKey, at: &At) -> Result<Own, Fault> {
        let pair = KeyPair::from_seed(suite.group(), &Secret::new(self.hedged(own, "y", at)?));
        let (mut point, mut ss) = (pair.share().as_bytes().to_vec(), Vec::new());
        if suite.is_hybrid() {
            let ek = theirs.get(Share::size(suite.group())..).unwrap_or_default();
            let m = Secret::new(self.hedged::<32>(own, "ct", at)?);
            let (ct, secret) = pq::EncapsulationKey::decode(ek)?.encapsulate(&m);
            self.out.bytes("m", m.expose()).bytes("ss", secret.expose());
            point.extend_from_slice(&ct);
            ss = secret.expose().to_vec();
        }
        self.out.bytes("y", pair.secret_bytes().expose()).bytes("Y", &point);
        Ok(Own { pair, point, seed: None, ss })
    }

    fn agreed(&mut self, suite: Suite, x: Own, y: &Own) -> Result<Vec<u8>, Fault> {
        let theirs = y.point.get(..Share::size(suite.group())).unwrap_or_default();
        let point = x.pair.agree_point(&Share::decode(suite.group(), theirs)?)?;
        let k_session = [point.expose(), &y.ss].concat();
        agree("the seed of a hybrid share", x.seed.is_some() == suite.is_hybrid())?;
        self.out.bytes("K_SESSION", &k_session);
        Ok(k_session)
    }

    /// The box of a message: `sigma`, the encapsulation, what it is bound to and what is in it.
    fn seal(
        &mut self,
        n: &str,
        message: &[u8],
        from: &PrivateKey,
        (parameters, to): (&PublicParameters, &Identity),
        aead: Aead,
        at: &At,
    ) -> Result<[u8; 32], Fault> {
        let sigma = self.hedged(from, "sigma", at)?;
        let data = encr_data(message)?.ibake.ok_or_else(|| malformed("a message without IBAKE"))?;
        let ad = seal_ad(message)?;
        self.boxed(n, &data, sigma, (parameters, to), aead, &ad)
    }

    fn boxed(
        &mut self,
        n: &str,
        data: &[u8],
        sigma: [u8; 32],
        (parameters, to): (&PublicParameters, &Identity),
        aead: Aead,
        ad: &[u8],
    ) -> Result<[u8; 32], Fault> {
        let e = Encapsulated::new(parameters, to, &sigma)?;
        let plain = unseal(data, &e, to, aead, ad)?;
        let mut put = |what: &str, value: &[u8]| {
            self.out.bytes(&format!("{what}_{n}"), value);
        };
        put("sigma", &sigma);
        put("k", &e.k);
        put("U", &e.u);
        put("V", &e.v);
        put("K", &e.key);
        put("H(ad)", &hash(&[ad]));
        put("pt", &plain);
        Ok(e.key)
    }

    /// Everything below `inkey`, compared with the library's keys.
    fn keys(&mut self, inkey: &[u8], session: &Session) -> Result<SecretVec, Fault> {
        let (prf, csb_id, rand) = (self.prf, self.csb_id, self.rand.clone());
        let inkey = SecretVec::new(inkey.to_vec());
        let failed = |e| malformed(format!("derivation: {e:?}"));
        let mpk = derive::from_session(prf, &inkey, SessionKey::Mpk, &rand, 32).map_err(failed)?;
        let tgk = derive::from_session(prf, &inkey, SessionKey::Tgk, &rand, 32).map_err(failed)?;
        agree("the TGK", tgk.expose() == session.keys().tgk().expose())?;
        self.out.bytes("MPK", mpk.expose()).bytes("TGK", tgk.expose());
        let (mut teks, mut salts, mut inline) = (Vec::new(), Vec::new(), Vec::new());
        for (cs, keys) in session.media() {
            let part = |what, len| derive::from_tgk(prf, &tgk, what, (csb_id, cs.cs_id), &rand, len).map_err(failed);
            let tek = part(TgkKey::Tek, cs.profile.key_len())?.expose().to_vec();
            let salt = part(TgkKey::Salting, cs.profile.salt_len())?.expose().to_vec();
            let both = MasterKeys::from_key_and_salt(cs.profile, &[&tek[..], &salt].concat())?;
            agree("a master key", both.key_and_salt() == keys.key_and_salt())?;
            inline.push(both.sdes_inline().expose().to_owned());
            teks.push(crate::vectors::fields::hex(tek));
            salts.push(crate::vectors::fields::hex(salt));
        }
        let profiles: Vec<_> = session.sessions().iter().map(|s| s.profile.name()).collect();
        let ssrcs: Vec<u64> = session.sessions().iter().map(|s| s.ssrc.into()).collect();
        let name = |r| if r == Role::Initiator { "initiator" } else { "responder" };
        let senders: Vec<_> = session.sessions().iter().map(|s| name(s.sender)).collect();
        self.out.put("profiles", profiles).put("SSRCs", ssrcs).put("senders", senders);
        self.out.put("TEK", teks).put("salt", salts).put("inline", inline);
        Ok(mpk)
    }

    /// The Ver data of a message, from the key in force.
    fn verified(&mut self, n: &str, message: &[u8], mpk: &SecretVec, names: [&Identity; 2]) -> Result<(), Fault> {
        let alg = if self.prf == PrfFunc::MIKEY_1 { MacAlg::HMAC_SHA_1_160 } else { MacAlg::HMAC_SHA_256_256 };
        let failed = |e| malformed(format!("Ver data: {e:?}"));
        let key = derive::authentication_key(self.prf, alg, mpk, self.csb_id, &self.rand).map_err(failed)?;
        let message = parse(message)?;
        let mut parts = message.parts_without(VERIFIED);
        parts.extend(names.map(|n| n.name().as_str().as_bytes()));
        let tag = algorithms::mac(alg, key.expose(), &parts).map_err(failed)?;
        agree("Ver data", message.tag().is_some_and(|t| t.bytes == tag))?;
        self.out.bytes("auth_key", key.expose()).bytes(n, tag);
        Ok(())
    }

    /// `K_BOUND`, of a call or after an update.
    fn bound(&mut self, name: &str, messages: &[&[u8]], secrets: [&[u8]; 4]) -> Vec<u8> {
        let all: Vec<u8> = messages.iter().flat_map(|m| lp(m)).collect();
        let salt = hash(&[&all]);
        let ikm: Vec<u8> = secrets.iter().flat_map(|s| lp(s)).collect();
        let k = Prk::extract(&salt, &[&ikm]).expand::<32>(&[label(name).as_ref()]).expose().to_vec();
        let field = if name == "mikey bound" { "K_BOUND" } else { "K_BOUND'" };
        self.out.bytes("H(messages)", salt).bytes(field, &k);
        k
    }
}

/// The outcome of a call by the name of its type.
pub(crate) fn outcome(o: &Outcome) -> &'static str {
    match o {
        Outcome::Bound(_) => "Bound",
        Outcome::BoundUnopened(_) => "BoundUnopened",
        Outcome::Rfc6267(_) => "Rfc6267",
        Outcome::Rfc6267Unopened(_) => "Rfc6267Unopened",
    }
}

/// What a call leaves for its update.
pub(crate) struct Left {
    trace: Trace,
    mpk: SecretVec,
    k_bound: Option<Vec<u8>>,
    suite: Suite,
    last: u64,
}

/// T for this time that is later than `last`.
fn later(now: u64, last: u64) -> u64 {
    let plain = ((now + NTP_TO_UNIX) & 0xffff_ffff) << 32;
    if plain > last { plain } else { last + 1 }
}

/// All values of a call that went well; `sent` are its four messages.
pub(crate) fn trace_call(f: &Fields, e: &Ends, sent: &[Vec<u8>], ended: &Ended) -> Result<(Out, Left), Fault> {
    let [i1, r1, i2, r2] = sent else { return Err(malformed("a call has four messages")) };
    let mut draws = Draws(f.list("randomness")?.into_iter());
    let (rand, csb_id, fraction) = (draws.next()?, draws.next()?, draws.next()?);
    let number = |b: &[u8]| b.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let t1 = ((e.now + NTP_TO_UNIX) & 0xffff_ffff) << 32 | number(&fraction);
    let t2 = later(e.now, t1);
    let read = |m: &[u8]| Ok::<_, Fault>(parse(m)?.timestamp().map(|t| t.value).unwrap_or(0));
    agree("T", [read(i1)?, read(r1)?, read(i2)?, read(r2)?] == [t1, t1, t2, t2])?;
    let csb = u32::try_from(number(&csb_id)).unwrap_or(0);
    let mut t = Trace { draws, csb_id: csb, rand, prf: e.offer.prf, out: Out::default() };
    t.out.bytes("CSB ID", &csb_id).bytes("RAND", t.rand.clone());
    t.out.bytes("T_1", t1.to_be_bytes()).bytes("T_2", t2.to_be_bytes());

    let (key_i, key_r, called) = (e.key_i(), e.key_r(), e.called()?);
    let (id_i, id_r) = (key_i.identity(), key_r.identity());
    let (side_i, side_r) = ((&e.parameters_i, id_i), (&e.parameters_r, id_r));
    let at = t.at(&[&t1.to_be_bytes(), id_i.der(), called.der()]);
    let x = t.first(e.suite, key_i, &at, "")?;
    let k_i1 = t.seal("I1", i1, key_i, (&e.parameters_r, &called), e.suite.aead(), &at)?;

    let opened = e.answers != Answers::Retargeted;
    let session_i = match &ended.initiator {
        Outcome::Bound(s) | Outcome::BoundUnopened(s) | Outcome::Rfc6267(s) | Outcome::Rfc6267Unopened(s) => s,
    };
    let suite = session_i.suite();
    let at = t.at(&[i1, id_r.der()]);
    let y = t.second(suite, &x.point, key_r, &at)?;
    let k_r1 = t.seal("R1", r1, key_r, side_i, suite.aead(), &at)?;

    let x = if suite == e.suite {
        x
    } else {
        let at = t.at(&[r1]);
        t.first(suite, key_i, &at, "'")?
    };
    if !opened || e.content_key.is_some() {
        let to = if opened { side_r } else { (&e.parameters_r, &called) };
        esk(&mut t, e, (r1, i2), t2, to, suite.aead())?;
        let deposit = match &ended.responder {
            Some(Outcome::Bound(s) | Outcome::BoundUnopened(s) | Outcome::Rfc6267(s) | Outcome::Rfc6267Unopened(s)) => {
                s.deposit()
            }
            None => None,
        };
        t.out.bytes("deposit", deposit.ok_or_else(|| malformed("no deposit"))?.encode());
    }
    let at = t.at(&[r1, &t2.to_be_bytes()]);
    let k_i2 = t.seal("I2", i2, key_i, side_r, suite.aead(), &at)?;
    if !opened {
        let at = t.at(&[i2]);
        t.seal("R2", r2, key_r, side_i, suite.aead(), &at)?;
    }
    let k_session = t.agreed(suite, x, &y)?;
    let is_bound = matches!(ended.initiator, Outcome::Bound(_) | Outcome::BoundUnopened(_));
    let first: &[u8] = if opened { &k_i1 } else { &[] };
    let secrets = [&k_session[..], first, &k_r1, &k_i2];
    let k_bound = is_bound.then(|| t.bound("mikey bound", &[i1, r1, i2], secrets));
    let mpk = t.keys(k_bound.as_ref().unwrap_or(&k_session), session_i)?;
    t.verified("Ver_R2", r2, &mpk, [id_i, id_r])?;
    for (name, message) in ["I_MESSAGE_1", "R_MESSAGE_1", "I_MESSAGE_2", "R_MESSAGE_2"].into_iter().zip(sent) {
        t.out.bytes(name, message);
    }
    t.out.put("outcome", outcome(&ended.initiator));
    t.out.put("answered_by", if ended.other { "other" } else { "dialled" });
    let out = Out(std::mem::take(&mut t.out.0));
    Ok((out, Left { trace: t, mpk, k_bound, suite, last: t2 }))
}

/// The ESK of I_MESSAGE_2: SPEC.md 13.15.
fn esk(
    t: &mut Trace,
    e: &Ends,
    (r1, i2): (&[u8], &[u8]),
    t2: u64,
    to: (&PublicParameters, &Identity),
    aead: Aead,
) -> Result<(), Fault> {
    let (i, r) = (e.key_i().identity().name().as_str(), to.1.name().as_str());
    let (time, csb_id) = (t2.to_be_bytes(), t.csb_id.to_be_bytes());
    let place =
        [label("mikey esk").as_ref(), &csb_id, &lp(&t.rand), &time, &lp(i.as_bytes()), &lp(r.as_bytes())].concat();
    let at = t.at(&[r1, &time, b"esk", to.1.der()]);
    let sk = match e.content_key {
        Some(key) => key,
        None => t.hedged(e.key_i(), "sk", &at)?,
    };
    t.out.bytes("SK", sk).bytes("place", &place);
    let bound = parse(r1)?.payloads().any(|p| matches!(p, ibake::mikey::Payload::Extension(e) if e.kind.0 == 251));
    let signer = e.keys_i.iter().find(|k| k.identity().purpose() == ibake::ibe::Purpose::Sign);
    let mut signature = Vec::new();
    if let Some(signer) = signer.filter(|_| bound) {
        let said = [&place[..], &pkctx(to.0, to.1), &sk].concat();
        let mut rng = crate::vectors::rng::Script::new(vec![t.draws.next()?]);
        signature = ibake::ibe::sign::sign(signer, b"mikey esk", &said, &mut rng)?.as_bytes().to_vec();
        t.out.bytes("SIGN", &signature);
    }
    let sigma = t.hedged(e.key_i(), "sigma", &at)?;
    let data = encr_data(i2)?.esk.ok_or_else(|| malformed("I_MESSAGE_2 without ESK"))?;
    t.boxed("ESK", &data, sigma, to, aead, &place)?;
    agree("the end of what is in the ESK", {
        let plain = t.out.0.get("pt_ESK").and_then(|v| v.as_str()).unwrap_or_default();
        plain.ends_with(&base16ct::lower::encode_string(&signature))
    })
}

/// All values of an update; `sent` are its two messages, `after` the session of who began it.
pub(crate) fn trace_update(f: &Fields, e: &Ends, left: Left, sent: &[Vec<u8>], after: &Session) -> Result<Out, Fault> {
    let [i1, r1] = sent else { return Err(malformed("an update has two messages")) };
    let Left { trace: mut t, mpk, k_bound, suite, last } = left;
    let initiator = f.text("begins")? == "initiator";
    let (side_i, side_r) = ((&e.parameters_i, e.key_i()), (&e.parameters_r, e.key_r()));
    let (first, second) = if initiator { (side_i, side_r) } else { (side_r, side_i) };
    let (to_first, to_second) = ((first.0, first.1.identity()), (second.0, second.1.identity()));
    let time = later(f.number("update_now")?, last).to_be_bytes();
    t.out.bytes("T_1", time);
    let at = t.at(&[&time, b"update", to_second.1.der()]);
    let x = t.first(suite, first.1, &at, "")?;
    let k_i1 = t.seal("I1", i1, first.1, to_second, suite.aead(), &at)?;
    let names = [to_first.1, to_second.1];
    t.verified("Ver_I1", i1, &mpk, names)?;
    let at = t.at(&[i1, b"update"]);
    let y = t.second(suite, &x.point, second.1, &at)?;
    let k_r1 = t.seal("R1", r1, second.1, to_first, suite.aead(), &at)?;
    t.verified("Ver_R1", r1, &mpk, names)?;
    let k_session = t.agreed(suite, x, &y)?;
    let inkey = match k_bound {
        Some(before) => t.bound("mikey update", &[i1, r1], [&k_session, &k_i1, &k_r1, &before]),
        None => k_session,
    };
    t.keys(&inkey, after)?;
    t.out.bytes("I_MESSAGE_1", i1).bytes("R_MESSAGE_1", r1);
    agree("the draws", t.draws.0.len() == 0)?;
    Ok(t.out)
}
