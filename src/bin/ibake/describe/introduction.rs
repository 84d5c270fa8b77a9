//! How a district vouches for the parameters of another one (SPEC.md 3.11).

use ibake::ibe::introduction::{INTRODUCTION_MAX, inspect};

use super::{Report, Walk, hex};
use crate::error::Failure;
use crate::when;

pub(super) fn describe(bytes: &[u8]) -> Result<Report, Failure> {
    let said = inspect(bytes)?;
    let theirs = &said.parameters;
    let mut w = Walk::new(bytes);
    w.step("magic", |r| r.bytes("magic", 8).map(|_| "IBAKEINT".into()))?;
    w.step("version", |r| Ok(r.u8("version")?.to_string()))?;
    w.step("IBE suite", |r| Ok(r.u16("IBE suite")?.to_string()))?;
    w.step("fingerprint of the signer", |r| Ok(hex(r.bytes("fingerprint", 32)?)))?;
    w.step("from", |r| Ok(when::format(r.u64("from")?)))?;
    w.step("until", |r| Ok(when::format(r.u64("until")?)))?;
    w.step("rules", |r| Ok(r.u8("rules")?.to_string()))?;
    for whose in &said.whose {
        w.step("names of", |r| {
            let length = usize::from(r.u8("rule")?);
            r.bytes("rule", length).map(|_| whose.as_str().into())
        })?;
    }
    w.step("parameters", |r| {
        let of = format!("{} serial {}, fingerprint {}", theirs.district(), theirs.serial(), hex(theirs.fingerprint()));
        r.var16("parameters", INTRODUCTION_MAX).map(|_| of)
    })?;
    w.step("signature", |r| Ok(hex(r.bytes("signature", 48)?)))?;
    let mut report = w.finish("introduction of a district by another one", bytes)?;
    report.warnings.push("the signature is not checked here: `ibake params accept` does".into());
    Ok(report)
}
