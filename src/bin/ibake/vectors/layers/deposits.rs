//! What was left for somebody, as its final recipient opens it: SPEC.md 13.15.7.

use ibake::ibe::kem::Encapsulation;
use ibake::ibe::{Name, PublicParameters};
use ibake::kdf::label;
use ibake::mikey::call::{Delivered, Deposit, DepositLog, End, Settings};
use ibake::srtp::{MasterKeys, Profile};

use crate::vectors::Group;
use crate::vectors::calls::{box_key, demand, load_keys};
use crate::vectors::fault::{Fault, agree, malformed};
use crate::vectors::fields::Kind::{Bytes, BytesList, Number, Text};
use crate::vectors::fields::{Out, input, optional, output, sometimes};
use crate::vectors::formulas::lp;

pub(super) const OPEN: Group = Group {
    kind: "open_deposit",
    about: "The final recipient opens a deposit and takes the keys of crypto session cs_id under a profile from it: for media \
            of the call, and for content that was encoded before. parameters_I are those of the sender's name, parameters_R \
            those of all others. Deposits older than max_age are refused. taken: a deposit that was opened before. \
            delivered: BySender where it is signed, ByMailboxOnly elsewhere.",
    fields: &[
        input("now", Number),
        input("parameters_I", Bytes),
        input("parameters_R", Bytes),
        input("private_keys", BytesList),
        input("demand", Text),
        input("max_age", Number),
        optional("taken", Bytes),
        input("cs_id", Number),
        input("profile", Text),
        input("deposit", Bytes),
        output("place", Bytes),
        output("K", Bytes),
        output("key", Bytes),
        output("pt", Bytes),
        output("SK", Bytes),
        sometimes("SIGN", Bytes),
        output("delivered", Text),
        output("TEK_call", Bytes),
        output("salt_call", Bytes),
        output("TEK_content", Bytes),
        output("salt_content", Bytes),
    ],
    compute: |f| {
        let parameters = |end| Ok::<_, Fault>(PublicParameters::from_der(&f.bytes(end)?)?);
        let (i, r) = (parameters("parameters_I")?, parameters("parameters_R")?);
        let keys = load_keys(&f.list("private_keys")?, &i, &r)?;
        let settings = Settings { demand: demand(&f.text("demand")?)?, ..Settings::default() };
        let profile = Profile::from_name(&f.text("profile")?).ok_or_else(|| malformed("no such profile"))?;
        let now = f.number("now")?;
        let mut log = DepositLog::new(10, f.number("max_age")?);
        let open = |deposit: &Deposit, log: &mut DepositLog| -> Result<Delivered, Fault> {
            let sender = deposit.sender().clone();
            let trust = |name: &Name, _: u64| Some(if *name == sender { i.clone() } else { r.clone() });
            Ok(deposit.open(&End { settings: &settings, keys: &keys, directory: &trust }, log, now)?)
        };
        if f.has("taken") {
            drop(open(&Deposit::decode(&f.bytes("taken")?)?, &mut log)?);
        }
        let bytes = f.bytes("deposit")?;
        let deposit = Deposit::decode(&bytes)?;
        let delivered = open(&deposit, &mut log)?;
        let (content, by) = match &delivered {
            Delivered::BySender(c) => (c, "BySender"),
            Delivered::ByMailboxOnly(c) => (c, "ByMailboxOnly"),
        };
        let mut out = inside(&deposit, &bytes, &keys)?;
        out.bytes("SK", content.key().secret().expose()).put("delivered", by);
        let cs_id = f.u8("cs_id")?;
        let failed = |e| malformed(format!("derivation: {e:?}"));
        let mut media = |name: &str, keys: MasterKeys| {
            out.bytes(&format!("TEK_{name}"), keys.key()).bytes(&format!("salt_{name}"), keys.salt());
        };
        media("call", content.media(cs_id, profile).map_err(failed)?);
        media("content", content.key().media(cs_id, profile).map_err(failed)?);
        let plain = out.0.get("pt").and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        if by == "BySender" {
            let at = plain.len().saturating_sub(192);
            out.put("SIGN", plain.get(at..).unwrap_or_default());
        }
        Ok(out)
    },
};

/// The box by the formulas of 4.3, opened with the key that opened the deposit.
fn inside(d: &Deposit, bytes: &[u8], keys: &[ibake::ibe::extract::PrivateKey]) -> Result<Out, Fault> {
    let (i, r) = (d.sender().as_str().as_bytes(), d.recipient().as_str().as_bytes());
    let at = |from: usize, n: usize| bytes.get(from..from + n).unwrap_or_default();
    let rand = at(24, at(22, 2).iter().fold(0, |n, b| n << 8 | usize::from(*b)));
    let csb_id = d.csb_id().to_be_bytes();
    let time = d.timestamp().value.to_be_bytes();
    let place = [label("mikey esk").as_ref(), &csb_id, &lp(rand), &time, &lp(i), &lp(r)].concat();
    let data = bytes.get(22 + 2 + rand.len() + 2 + i.len() + 2 + r.len() + 2..).unwrap_or_default();
    let to = d.to()?;
    let key = keys.iter().find(|k| to.fits(k.identity()) && k.identity().name() == d.recipient());
    let key = key.ok_or_else(|| malformed("no key of the recipient"))?;
    let front = 4 + crate::vectors::formulas::key_reference(key.identity()).len();
    let (head, rest) = data.split_at_checked(front + 128).ok_or_else(|| malformed("no box"))?;
    let u_and_v = head.last_chunk::<128>().ok_or_else(|| malformed("no box"))?;
    let k = *Encapsulation::decode(u_and_v)?.decapsulate(key)?.expose();
    let aead = ibake::suite::Aead::from_id(data.get(3).copied().unwrap_or(0))?;
    let sealing = box_key(&k, aead);
    let ad = [lp(head), lp(&place)].concat();
    let plain = ibake::aead::open(aead, &sealing, &ad, rest.get(4..).unwrap_or_default());
    agree("the box of a deposit", plain.is_ok())?;
    let mut out = Out::default();
    out.bytes("place", &place).bytes("K", k).bytes("key", sealing).bytes("pt", plain?.expose());
    Ok(out)
}
