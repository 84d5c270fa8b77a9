//! Explains any of our things field by field. Never needs a key and never shows anything secret.

mod asn1;
mod deposit;
mod introduction;
mod mikey;
mod text;

use ibake::encoding::{G2_BYTES, Reader};
use ibake::error::{DecodeError, DecodeReason, Error};
use ibake::ibake::inspect;
use ibake::ibe::file::{CHUNK, HEADER_LIMIT, Header, MAGIC, TAG};
use ibake::ibe::sealed::{BOX_LIMIT, SealedBox};
use ibake::ibe::{Granularity, Period};
use ibake::keyfile;
use ibake::kgs;
use ibake::mikey::call::DEPOSIT_MAGIC;
use ibake::suite::{Aead, Suite};
use serde_json::json;

use crate::error::{Failure, Kind};
use crate::output::Output;

pub(crate) use mikey::key_mgmt;
pub(crate) use text::decode_text;

/// One field: where it is, how long, its name in SPEC.md, what it says.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) offset: usize,
    pub(crate) len: usize,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// What something is, and its fields.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) what: &'static str,
    pub(crate) bytes: usize,
    pub(crate) fields: Vec<Field>,
    /// What is well formed and should make its reader look twice.
    pub(crate) warnings: Vec<String>,
    /// Why the description ends early.
    pub(crate) fault: Option<String>,
}

impl Report {
    fn new(what: &'static str, bytes: usize, fields: Vec<Field>) -> Self {
        Self { what, bytes, fields, warnings: Vec::new(), fault: None }
    }

    /// As [`Self::print`]; then a fault is a failure.
    pub(crate) fn finish(self, out: &Output) -> Result<(), Failure> {
        self.print(out);
        self.fault.map_or(Ok(()), |fault| Err(Failure::new(Kind::Input, "decode", fault)))
    }

    pub(crate) fn print(&self, out: &Output) {
        if out.is_json() {
            let fields: Vec<_> = self
                .fields
                .iter()
                .map(|f| json!({ "offset": f.offset, "length": f.len, "name": f.name, "value": f.value }))
                .collect();
            let mut object = json!({ "what": self.what, "bytes": self.bytes, "fields": fields });
            if !self.warnings.is_empty() {
                object["warnings"] = json!(self.warnings);
            }
            if let Some(fault) = &self.fault {
                object["fault"] = json!(fault);
            }
            out.object(&object);
            return;
        }
        out.text(&format!("{}, {} bytes\n\n  offset      length  field", self.what, self.bytes));
        let width = self.fields.iter().map(|f| f.name.chars().count()).max().unwrap_or(0);
        for f in &self.fields {
            out.text(&format!("{:>8}{:>12}  {:width$}  {}", f.offset, f.len, f.name, shorten(&f.value)));
        }
        for warning in &self.warnings {
            out.text(&format!("\nwarning: {warning}"));
        }
    }
}

/// Long values are cut for people; JSON has all of them.
fn shorten(value: &str) -> String {
    match value.char_indices().nth(100) {
        Some((at, _)) => format!("{}..", value.get(..at).unwrap_or(value)),
        None => value.to_owned(),
    }
}

/// Finds out what `bytes` are and explains them.
pub(crate) fn any(bytes: &[u8]) -> Result<Report, Failure> {
    if bytes.starts_with(b"IBAKEKEY") {
        return key_file(bytes);
    }
    if bytes.starts_with(MAGIC) {
        return sealed_file(bytes, bytes.len() as u64);
    }
    if bytes.starts_with(DEPOSIT_MAGIC) {
        return deposit::describe(bytes);
    }
    if bytes.starts_with(ibake::ibe::introduction::MAGIC) {
        return introduction::describe(bytes);
    }
    if bytes.first() == Some(&0x30) {
        return asn1::describe(bytes);
    }
    if bytes.starts_with(b"-----BEGIN") {
        return asn1::armour(bytes);
    }
    let known_suite = |high, low| Suite::from_id(u16::from_be_bytes([high, low])).is_ok();
    match bytes {
        // A message has version 0x0001, a suite 0x000n and a type; a box begins 01 0001 and its AEAD, which is never zero.
        [0, 1, high, low, 1..=4, ..] if known_suite(*high, *low) => {
            let what = match bytes.get(4) {
                Some(1) => "message M1 of an exchange",
                Some(2) => "message M2 of an exchange",
                Some(3) => "message M3 of an exchange",
                _ => "message M4 of an exchange",
            };
            Ok(report(what, bytes, inspect::describe(bytes)?))
        }
        [1, 0, 1, aead, ..] if Aead::from_id(*aead).is_ok() => sealed_box(bytes),
        [1, 0, 1, 0, ..] | [2..=4, ..] => match inspect::describe_envelope(bytes) {
            Ok(fields) => Ok(report("envelope of an exchange", bytes, fields)),
            Err(_) if bytes.first() != Some(&1) => Err(unknown()),
            Err(e) => Err(e.into()),
        },
        _ if mikey::is_message(bytes) => Ok(mikey::describe(bytes)),
        _ => Err(unknown()),
    }
}

fn unknown() -> Failure {
    Failure::new(Kind::Input, "unknown", "this is none of ibake's formats").hint(
        "Known are public parameters (text or DER), key files, sealed files and boxes, messages of an exchange with or \
         without envelope, identities, introductions, MIKEY messages and deposits, as files, hexadecimal or base64, the last also as a \
         key-mgmt line.",
    )
}

fn report(what: &'static str, bytes: &[u8], fields: Vec<inspect::Field>) -> Report {
    let fields = fields
        .into_iter()
        .map(|f| Field { offset: f.offset, len: f.len, name: f.name.into(), value: f.value })
        .collect();
    Report::new(what, bytes.len(), fields)
}

/// The outside of a protected key: no passphrase is needed for that, and nothing of the key shows.
pub(crate) fn key_file(bytes: &[u8]) -> Result<Report, Failure> {
    let mut w = Walk::new(bytes);
    if !bytes.starts_with(b"IBAKEKEY") {
        return Err(keyfile::Error::NotAnEnvelope.into());
    }
    w.step("magic", |r| r.bytes("magic", 8).map(|_| "IBAKEKEY".into()))?;
    w.step("version", |r| Ok(r.u8("version")?.to_string()))?;
    w.step("kind", |r| {
        let kind = r.u8("kind")?;
        Ok(match kind {
            kgs::MASTER_KIND => format!("{kind}: master key of a KGS"),
            kgs::PRIVATE_KEY_KIND => format!("{kind}: private key of an identity"),
            _ => format!("{kind}: not known"),
        })
    })?;
    let mut protection = 0;
    w.step("protection", |r| {
        protection = r.u8("protection")?;
        Ok(match protection {
            1 => "1: passphrase, stretched with Argon2id".into(),
            2 => "2: key file".into(),
            n => format!("{n}: not known"),
        })
    })?;
    if protection == 1 {
        w.step("Argon2 memory", |r| Ok(format!("{} KiB", r.u32("Argon2 memory")?)))?;
        w.step("Argon2 passes", |r| Ok(r.u32("Argon2 passes")?.to_string()))?;
        w.step("Argon2 lanes", |r| Ok(r.u32("Argon2 lanes")?.to_string()))?;
        w.step("Argon2 salt", |r| Ok(hex(r.bytes("Argon2 salt", 16)?)))?;
    }
    w.step("HKDF salt", |r| Ok(hex(r.bytes("HKDF salt", 32)?)))?;
    let mut length = 0;
    w.step("length", |r| {
        length = r.u32("length")? as usize;
        Ok(format!("{length} bytes follow"))
    })?;
    w.step("sealed", |r| {
        r.bytes("sealed", length)?;
        Ok("AES-256-GCM, not opened".into())
    })?;
    w.finish("protected key file", bytes)
}

fn sealed_box(bytes: &[u8]) -> Result<Report, Failure> {
    SealedBox::decode(bytes)?;
    let mut w = Walk::new(bytes);
    w.whole_box("version")?;
    w.finish("sealed box", bytes)
}

/// `bytes` may end behind the header: the chunks are described by their number only, computed from the length `total`.
fn sealed_file(bytes: &[u8], total: u64) -> Result<Report, Failure> {
    let count = Header::decode(bytes)?.recipients().count();
    let mut w = Walk::new(bytes);
    w.step("magic", |r| r.bytes("magic", 8).map(|_| "IBAKEFIL".into()))?;
    w.step("version", |r| Ok(r.u8("version")?.to_string()))?;
    w.suite_and_aead()?;
    w.step("recipients", |r| Ok(r.u16("recipients")?.to_string()))?;
    for i in 0..count {
        let of = format!(" of recipient {i}");
        w.key_ref(&of)?;
        let hint =
            |r: &mut Reader<'_>| Ok(format!("salt {}, tag {}", hex(r.bytes("hint", 8)?), hex(r.bytes("hint", 8)?)));
        w.step(&format!("hint{of}"), hint)?;
        w.encapsulation(&of)?;
        let wrapped = |r: &mut Reader<'_>| r.bytes("wrapped key", 32 + TAG).map(|_| "content key, sealed".into());
        w.step(&format!("wrapped key{of}"), wrapped)?;
    }
    let offset = w.r.position();
    let (length, chunk) = (total - offset as u64, (CHUNK + TAG) as u64);
    let (chunks, tags) = (length.div_ceil(chunk), length.div_ceil(chunk) * TAG as u64);
    w.fields.push(Field {
        offset,
        len: usize::try_from(length).unwrap_or(usize::MAX),
        name: "chunks".into(),
        value: format!("{chunks} of at most {CHUNK} bytes, {} bytes of plaintext", length.saturating_sub(tags)),
    });
    let bytes = usize::try_from(total).unwrap_or(usize::MAX);
    Ok(Report::new("sealed file", bytes, w.fields))
}

/// How much of a file has to be read to explain it: the longest header of a sealed file and the longest box.
pub(crate) const READ_LIMIT: u64 = (HEADER_LIMIT + BOX_LIMIT + 4096) as u64;

/// Explains the beginning of a sealed file that is longer than what was read of it.
pub(crate) fn long_file(begun: &[u8], total: u64) -> Option<Result<Report, Failure>> {
    (begun.starts_with(MAGIC) && begun.len() as u64 != total).then(|| sealed_file(begun, total))
}

/// Reads fields and notes where they were.
struct Walk<'a> {
    r: Reader<'a>,
    fields: Vec<Field>,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { r: Reader::new(bytes), fields: Vec::new() }
    }

    /// A box that goes on to the end.
    fn whole_box(&mut self, version: &'static str) -> Result<(), Failure> {
        self.step(version, |r| Ok(r.u8(version)?.to_string()))?;
        self.suite_and_aead()?;
        self.key_ref("")?;
        self.encapsulation("")?;
        self.step("length", |r| Ok(format!("{} bytes follow", r.u32("length")?)))?;
        self.step("ciphertext", |r| {
            let n = r.bytes("ciphertext", r.rest().len())?.len();
            Ok(format!("{} bytes of plaintext and a {TAG}-byte tag", n.saturating_sub(TAG)))
        })
    }

    fn step(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<String, DecodeError>,
    ) -> Result<(), Failure> {
        let offset = self.r.position();
        let value = read(&mut self.r).map_err(Error::from)?;
        self.fields.push(Field { offset, len: self.r.position() - offset, name: name.into(), value });
        Ok(())
    }

    fn suite_and_aead(&mut self) -> Result<(), Failure> {
        self.step("IBE suite", |r| Ok(format!("{:#06x} Boneh-Franklin KEM over BLS12-381", r.u16("IBE suite")?)))?;
        self.step("AEAD", |r| {
            let id = r.u8("AEAD")?;
            Ok(format!("{id} {}", if id == 1 { "AES-256-GCM" } else { "ChaCha20-Poly1305" }))
        })
    }

    fn key_ref(&mut self, of: &str) -> Result<(), Failure> {
        let district = |r: &mut Reader<'_>| Ok(String::from_utf8_lossy(r.var16("district", 255)?).into_owned());
        self.step(&format!("district{of}"), district)?;
        self.step(&format!("serial{of}"), |r| Ok(r.u64("serial")?.to_string()))?;
        self.step(&format!("period{of}"), |r| {
            let (start, granularity) = (r.u64("period")?, Granularity::from_id(r.u8("granularity")?)?);
            Period::new(granularity, start)
                .map(|p| p.to_string())
                .map_err(|_| DecodeError::new("period", DecodeReason::NotCanonical))
        })
    }

    fn encapsulation(&mut self, of: &str) -> Result<(), Failure> {
        self.step(&format!("U{of}"), |r| Ok(hex(r.bytes("U", G2_BYTES)?)))?;
        self.step(&format!("V{of}"), |r| Ok(hex(r.bytes("V", 32)?)))
    }

    fn finish(self, what: &'static str, bytes: &[u8]) -> Result<Report, Failure> {
        self.r.finish(what).map_err(Error::from)?;
        Ok(Report::new(what, bytes.len(), self.fields))
    }
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}
