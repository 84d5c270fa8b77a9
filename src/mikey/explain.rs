//! Any message laid open for people, field by field; of a broken one everything up to the fault, and the fault.
//!
//! The codec itself notes the fields, so what is explained is what is read. Nothing that is or may be secret is shown: of
//! encrypted data, and of keys that somebody sent without encryption, only the length.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use der::DateTime;

use super::cursor::{RawField, Trace};
use super::error::ParseError;
use super::message::Message;
use super::numbers::*;
use super::payloads::{Doubt, Payload, SrtpPolicy, Timestamp, integer};
use crate::ibe::sealed::SealedBox;
use crate::suite::Aead;

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it begins.
    pub offset: usize,
    /// Bytes.
    pub len: usize,
    /// Number of the payload; the header is 0, what was not read comes last.
    pub index: usize,
    /// Which payload.
    pub payload: &'static str,
    /// The field, as the RFC calls it.
    pub name: &'static str,
    /// What it says.
    pub value: String,
}

/// A message for people. Its fields cover every byte once, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The fields that were read, and one for all that was not.
    pub fields: Vec<Field>,
    /// Where reading ended early, and why.
    pub fault: Option<ParseError>,
    /// What is well formed and should not be accepted unseen.
    pub warnings: Vec<String>,
}

/// Explains `bytes` as a MIKEY message.
#[must_use]
pub fn explain(bytes: &[u8]) -> Explanation {
    let mut trace = Trace::default();
    let read = Message::traced(bytes, &mut trace);
    let raw = trace.fields;
    let mut fields: Vec<Field> = (0..raw.len()).filter_map(|i| describe(&raw, i)).collect();
    let end = fields.last().map_or(0, |f| f.offset + f.len);
    if end < bytes.len() {
        let (index, len) = (fields.last().map_or(0, |f| f.index + 1), bytes.len() - end);
        let value = format!("{len} bytes");
        fields.push(Field { offset: end, len, index, payload: "-", name: "not read", value });
    }
    let warnings = read.as_ref().map(warnings).unwrap_or_default();
    Explanation { fields, fault: read.err(), warnings }
}

/// What a reader of the message should know.
fn warnings(message: &Message<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for p in message.payloads() {
        match p {
            Payload::Kemac(k) if k.encr_alg == EncrAlg::NULL && !k.encr_data.is_empty() => {
                out.push("KEMAC carries keys without encryption".into());
            }
            Payload::V(v) if v.alg == MacAlg::NULL => out.push("V has no MAC".into()),
            Payload::T(t) if t.looks_like_unix().is_some() => out.push("T is Unix time labelled as NTP".into()),
            Payload::Sp(policy) => match SrtpPolicy::of(policy) {
                Ok(srtp) => {
                    out.extend(srtp.doubts().into_iter().map(|d| format!("SP {}: {}", policy.number, doubt(d))))
                }
                Err(e) if policy.protocol == ProtType::SRTP => out.push(format!("SP {}: {e}", policy.number)),
                Err(_) => {}
            },
            _ => {}
        }
    }
    if let Err(e) = message.kemac()
        && !out.iter().any(|w| w.starts_with("KEMAC"))
    {
        out.push(format!("KEMAC: {e}"));
    }
    out.extend(message.timestamp().err().map(|e| e.to_string()));
    out
}

fn doubt(doubt: Doubt) -> String {
    match doubt {
        Doubt::TagLengthAsKeyLength { bytes } => {
            format!(
                "a session authentication key of {bytes} bytes: that is the length of a tag (type 11), not of a key (type 3)"
            )
        }
        Doubt::KeyLengthAsTagLength { bytes } => {
            format!(
                "an authentication tag of {bytes} bytes: that is the length of a key (type 3), not of a tag (type 11)"
            )
        }
        Doubt::NoEncryption => "SRTP without encryption".into(),
        Doubt::NoAuthentication => "SRTP without authentication".into(),
    }
}

/// The field before this one, in the same payload, with this name.
fn earlier<'a>(raw: &[RawField<'a>], i: usize, name: &str) -> Option<&'a [u8]> {
    let this = raw.get(i)?;
    let before = raw.get(..i)?.iter().rev().take_while(|f| f.index == this.index);
    before.filter(|f| f.name == name).map(|f| f.bytes).next()
}

fn describe(raw: &[RawField<'_>], i: usize) -> Option<Field> {
    let f = raw.get(i)?;
    let n = f.bytes.len();
    let number = integer(f.bytes).unwrap_or(0);
    let byte = number as u8;
    let hidden = || format!("{n} bytes, not shown");
    let hex = || base16ct::lower::encode_string(f.bytes);
    let value = match f.name {
        "version" => byte.to_string(),
        "data type" => DataType(byte).to_string(),
        "next payload" => PayloadType(byte).to_string(),
        "V and PRF func" => {
            let v = if byte & 0x80 == 0 { "no response expected" } else { "response expected" };
            format!("{v}, {}", PrfFunc(byte & 0x7f))
        }
        "CSB ID" | "SSRC" => format!("{number:#010x}"),
        "CS ID map type" => CsIdMapType(byte).to_string(),
        "S and #P" => format!("S {}, {} policies", byte >> 7, byte & 0x7f),
        "Prot type" => ProtType(byte).to_string(),
        "Encr alg" => EncrAlg(byte).to_string(),
        "Mac alg" | "Auth alg" => MacAlg(byte).to_string(),
        "Encr data" => match earlier(raw, i, "Encr alg") {
            Some([0]) => format!("{n} bytes, NOT ENCRYPTED, not shown"),
            None => format!("{n} bytes, encrypted{}", sealed_to(f.bytes)),
            _ => format!("{n} bytes, encrypted"),
        },
        "Data" if f.payload == "PKE" => format!("{n} bytes, encrypted"),
        "TP Data" | "Ticket Data" | "Initiator Data" | "SAKKE data" | "Certificate Data" => hidden(),
        "C and Data len" => format!("{}, {} bytes", CacheType(byte_at(f, 0) >> 6), number & 0x3fff),
        "DH-Group" => DhGroup(byte).to_string(),
        "Reserv and KV" => format!("{}, {}", byte >> 4, KvType(byte & 0x0f)),
        "S type and Signature len" => format!("{}, {} bytes", SType(byte_at(f, 0) >> 4), number & 0x0fff),
        "TS type" => TsType(byte).to_string(),
        "TS Role" => TsRole(byte).to_string(),
        "TS value" => {
            let kind = earlier(raw, i, "TS type").and_then(|b| b.first().copied()).unwrap_or(0);
            timestamp(Timestamp { kind: TsType(kind), value: number })
        }
        "ID Type" => IdType(byte).to_string(),
        "ID Role" => IdRole(byte).to_string(),
        "ID Data" => text(f.bytes),
        "Cert Type" => CertType(byte).to_string(),
        "Hash func" => HashFunc(byte).to_string(),
        "RAND Role" => RandRole(byte).to_string(),
        "Error no" => ErrorNo(byte).to_string(),
        "Type" => ExtensionType(byte).to_string(),
        "Data" => match earlier(raw, i, "Type") {
            Some([kind]) if ExtensionType(*kind) == ExtensionType::SDP_IDS => text(f.bytes),
            _ => hex(),
        },
        "Ticket Type" => TicketType(number as u16).to_string(),
        "PRF Func and flags" => {
            let (prf, flags, rest) = (PrfFunc((number >> 17) as u8), number >> 5 & 0x0fff, number & 0x1f);
            let set = ('D'..='O').enumerate().filter(|(bit, _)| flags >> (11 - bit) & 1 == 1);
            format!("{prf}, flags {}, reserved {rest}", set.map(|(_, c)| c).collect::<String>())
        }
        "SRTP policy param" => srtp_param(f.bytes),
        "Policy param" => format!("type {}, {}", byte_at(f, 0), base16ct::lower::encode_string(f.bytes.get(2..)?)),
        "RAND" | "MAC" | "Ver data" | "Signature" | "Hash" | "DH-value" | "SPI" | "Valid From" | "Valid To" | "Ps"
        | "Session Data" => hex(),
        // What is left are lengths and counts.
        _ => number.to_string(),
    };
    let (offset, index, payload, name) = (f.offset, f.index, f.payload, f.name);
    Some(Field { offset, len: n, index, payload, name, value })
}

/// Which key opens the Encr data of IBAKE or ESK, if they are a box of ours (SPEC.md 4.3).
fn sealed_to(bytes: &[u8]) -> String {
    let Ok(sealed) = SealedBox::decode(bytes) else { return String::new() };
    let aead = match sealed.aead() {
        Aead::Aes256Gcm => "AES-256-GCM",
        Aead::ChaCha20Poly1305 => "ChaCha20-Poly1305",
    };
    let to = sealed.to();
    let district = text(to.district().as_bytes());
    format!(": a box under {aead} to a key of {district}, serial {}, {}", to.serial(), to.period())
}

fn byte_at(f: &RawField<'_>, i: usize) -> u8 {
    f.bytes.get(i).copied().unwrap_or(0)
}

fn timestamp(t: Timestamp) -> String {
    let digits = if t.kind.value_len() == Some(8) { 16 } else { 8 };
    let date =
        |unix| DateTime::from_unix_duration(Duration::from_secs(unix)).map(|d| d.to_string()).unwrap_or_default();
    let shown = format!("{:0digits$x}", t.value);
    match (t.unix(), t.looks_like_unix()) {
        (Some(unix), Some(meant)) => {
            let (said, meant) = (date(unix), date(meant));
            format!("{shown}: {said} as NTP; probably Unix time labelled as NTP: {meant}")
        }
        (Some(unix), None) => format!("{shown}: {}", date(unix)),
        _ => shown,
    }
}

/// Printable ASCII as it is, anything else in hexadecimal.
fn text(bytes: &[u8]) -> String {
    match core::str::from_utf8(bytes) {
        Ok(s) if s.bytes().all(|b| (0x20..0x7f).contains(&b)) => s.into(),
        _ => base16ct::lower::encode_string(bytes),
    }
}

/// Type, length and value of an SRTP policy parameter.
fn srtp_param(bytes: &[u8]) -> String {
    let [kind, _, value @ ..] = bytes else { return String::new() };
    let (param, number) = (SrtpParam(*kind), integer(value));
    let said = match (param, number) {
        (SrtpParam::ENCR_ALG, Some(n @ 0..=255)) => SrtpEncrAlg(n as u8).to_string(),
        (SrtpParam::AUTH_ALG, Some(n @ 0..=255)) => SrtpAuthAlg(n as u8).to_string(),
        (_, Some(n)) => n.to_string(),
        (_, None) => base16ct::lower::encode_string(value),
    };
    format!("{param}: {said}")
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        for field in &self.fields {
            if last != Some(field.index) {
                last = Some(field.index);
                let len: usize = self.fields.iter().filter(|g| g.index == field.index).map(|g| g.len).sum();
                writeln!(f, "{} at {}, {len} bytes", field.payload, field.offset)?;
            }
            writeln!(f, "{:>8}{:>7}  {}: {}", field.offset, field.len, field.name, field.value)?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        match &self.fault {
            Some(fault) => writeln!(f, "fault: {fault}"),
            None => Ok(()),
        }
    }
}
