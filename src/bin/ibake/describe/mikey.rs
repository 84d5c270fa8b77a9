//! MIKEY messages, alone or in a line of a session description.

use ibake::mikey::explain;
use ibake::mikey::numbers::{DataType, PayloadType};
use ibake::mikey::sdp::{self, KeyMgmt};

use super::{Field, Report};
use crate::error::{Failure, Kind};

/// Whether these bytes begin as a MIKEY message does: version 1, a data type and a payload that are registered.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    matches!(bytes, [1, kind, next, _, _, _, _, _, _, _, ..]
        if DataType(*kind).name().is_some() && *next != 0 && PayloadType(*next).name().is_some())
}

/// As far as it can be read. A fault is part of the report.
pub(super) fn describe(bytes: &[u8]) -> Report {
    let explained = explain(bytes);
    let mut fields = Vec::new();
    let mut names: Vec<(usize, String)> = Vec::new();
    for f in &explained.fields {
        // Payloads of one type are told apart by their number.
        if names.last().is_none_or(|(index, _)| *index != f.index) {
            let same = |n: &&(usize, String)| n.1 == f.payload || n.1.starts_with(&format!("{} #", f.payload));
            let before = names.iter().filter(same).count();
            let name = if before == 0 { f.payload.to_owned() } else { format!("{} #{}", f.payload, before + 1) };
            names.push((f.index, name));
        }
        let payload = names.last().map_or(f.payload, |(_, n)| n);
        let name = if f.payload == "-" { f.name.to_owned() } else { format!("{payload}: {}", f.name) };
        fields.push(Field { offset: f.offset, len: f.len, name, value: f.value.clone() });
    }
    let fault = explained.fault.map(|e| e.to_string());
    Report { what: "MIKEY message", bytes: bytes.len(), fields, warnings: explained.warnings, fault }
}

/// The bytes in a text with one `a=key-mgmt` line for MIKEY; `None` if it has no such line.
pub(crate) fn key_mgmt(text: &str) -> Option<Result<Vec<u8>, Failure>> {
    let is_line = |l: &&str| l.starts_with("a=key-mgmt:") || l.starts_with("key-mgmt:");
    let mut lines = text.lines().map(str::trim).filter(is_line);
    let first = lines.next()?;
    let bad = |message: String| Failure::new(Kind::Input, "key-mgmt", message);
    if lines.next().is_some() {
        let several = "there are several key-mgmt lines".to_owned();
        return Some(Err(bad(several).hint("Give one of them, in quotes.")));
    }
    Some(match KeyMgmt::parse(first) {
        Ok(line) if line.protocol == sdp::MIKEY => Ok(line.data),
        Ok(line) => Err(bad(format!("the line is for {}, not for {}", line.protocol, sdp::MIKEY))),
        Err(e) => Err(bad(e.to_string())),
    })
}
