//! What a mailbox keeps for somebody (SPEC.md 13.15).

use ibake::mikey::call::Deposit;

use super::{Report, Walk, hex};
use crate::error::{Failure, Kind};
use crate::when;

pub(super) fn describe(bytes: &[u8]) -> Result<Report, Failure> {
    let read = Deposit::decode(bytes).map_err(|e| Failure::new(Kind::Input, "decode", e.to_string()))?;
    let sent = read.timestamp().unix().unwrap_or(0);
    let mut w = Walk::new(bytes);
    w.step("magic", |r| r.bytes("magic", 8).map(|_| "IBAKEDEP".into()))?;
    w.step("version", |r| Ok(r.u8("version")?.to_string()))?;
    w.step("profile", |r| {
        Ok(match r.u8("profile")? {
            1 => "1: bound; signed if the sender could sign".into(),
            n => format!("{n}: rfc6267, not signed"),
        })
    })?;
    w.step("CSB ID", |r| Ok(format!("{:#010x}", r.u32("CSB ID")?)))?;
    w.step("T", |r| Ok(format!("{:016x}: {}", r.u64("T")?, when::format(sent))))?;
    w.step("RAND", |r| Ok(hex(r.var16("RAND", bytes.len())?)))?;
    for (name, value) in [("initiator", read.sender()), ("final recipient", read.recipient())] {
        w.step(name, |r| r.var16("name", bytes.len()).map(|_| value.as_str().into()))?;
    }
    w.step("Encr data len", |r| Ok(format!("{} bytes follow", r.u16("Encr data len")?)))?;
    w.whole_box("box version")?;
    w.finish("deposit: what was left for somebody", bytes)
}
