//! Messages and envelopes laid open, field by field, for tools that show them. No key is needed and nothing under a seal is seen.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::envelope::Envelope;
use super::guard::COOKIE_BYTES;
use super::messages::{Message, SUITE_LIMIT};
use crate::encoding::{G2_BYTES, Reader};
use crate::error::{DecodeError, DecodeReason, Error};
use crate::ibe::keyref::{DISTRICT_LIMIT, KeyRef};
use crate::suite::Suite;

/// One field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it begins.
    pub offset: usize,
    /// How many bytes it has.
    pub len: usize,
    /// What it is called in SPEC.md.
    pub name: &'static str,
    /// What it holds, for people.
    pub value: String,
}

/// The fields of a message of the exchange, M1 to M4, which is checked as a receiver checks it before using a key.
///
/// # Errors
/// Those of the receiver: [`DecodeError`] names the field that is wrong.
pub fn describe(bytes: &[u8]) -> Result<Vec<Field>, Error> {
    let kind = match bytes.get(4) {
        Some(kind @ 1..=4) => *kind,
        Some(got) => {
            return Err(DecodeError::new("message type", DecodeReason::Unknown { got: (*got).into() }).into());
        }
        None => {
            let reason = DecodeReason::Truncated { expected: 5, got: bytes.len() };
            return Err(DecodeError::new("message", reason).into());
        }
    };
    let message = Message::decode(bytes, kind)?;
    if kind != 4 {
        message.encapsulation()?;
    }
    let mut w = Walk { r: Reader::new(bytes), out: Vec::new() };
    w.step("version", |r| Ok(r.u16("version")?.to_string()))?;
    w.step("suite", |r| Ok(suite_name(r.u16("suite")?)))?;
    w.step("type", |r| Ok(format!("M{}", r.u8("message type")?)))?;
    w.step("sid_I", |r| Ok(hex(r.bytes("sid_I", 16)?)))?;
    w.step("sid_R", |r| Ok(hex(r.bytes("sid_R", 16)?)))?;
    w.key_ref(["district of I", "serial of I", "period of I"])?;
    w.key_ref(["district of R", "serial of R", "period of R"])?;
    if kind == 1 {
        w.suites("suites that I accepts")?;
        w.step("hint at R", |r| match r.u8("hint flag")? {
            0 => Ok("none".into()),
            _ => Ok(format!("salt {}, tag {}", hex(r.bytes("hint salt", 8)?), hex(r.bytes("hint", 8)?))),
        })?;
    }
    if kind != 4 {
        w.step("U", |r| Ok(hex(r.bytes("U", G2_BYTES)?)))?;
        w.step("V", |r| Ok(hex(r.bytes("V", 32)?)))?;
    }
    w.step("sealed", |r| {
        let sealed = r.bytes("sealed", r.rest().len())?;
        Ok(format!("{} bytes of ciphertext and a 16-byte tag", sealed.len().saturating_sub(16)))
    })?;
    Ok(w.out)
}

/// The fields of an envelope, those of a message inside it included.
///
/// # Errors
/// As [`describe`].
pub fn describe_envelope(bytes: &[u8]) -> Result<Vec<Field>, Error> {
    let envelope = Envelope::decode(bytes)?;
    let mut w = Walk { r: Reader::new(bytes), out: Vec::new() };
    let name = match &envelope {
        Envelope::Message(_) => "a message",
        Envelope::Challenge(_) => "the responder asks for a cookie",
        Envelope::WithCookie(..) => "M1 again, with the cookie asked for",
        Envelope::Reply(..) => "error reply, unauthenticated",
    };
    w.step("envelope", |r| Ok(format!("{}: {name}", r.u8("envelope")?)))?;
    if let Envelope::Challenge(_) | Envelope::WithCookie(..) = &envelope {
        w.step("cookie time", |r| Ok(r.u64("cookie")?.to_string()))?;
        w.step("cookie tag", |r| Ok(hex(r.bytes("cookie", COOKIE_BYTES - 8)?)))?;
    }
    match envelope {
        Envelope::Message(m) | Envelope::WithCookie(_, m) => {
            let at = bytes.len() - m.len();
            w.out.extend(describe(m)?.into_iter().map(|f| Field { offset: f.offset + at, ..f }));
        }
        Envelope::Challenge(_) => {}
        Envelope::Reply(reason, _) => {
            w.step("reason", |r| Ok(format!("{}: {reason:?}", r.u8("reason")?)))?;
            if w.r.rest() == [0] {
                w.step("suites", |r| Ok(format!("none ({})", r.u8("suite list")?)))?;
            } else {
                w.suites("suites that R accepts")?;
            }
        }
    }
    Ok(w.out)
}

struct Walk<'a> {
    r: Reader<'a>,
    out: Vec<Field>,
}

impl<'a> Walk<'a> {
    /// Reads one field and notes where it was.
    fn step(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<String, DecodeError>,
    ) -> Result<(), Error> {
        let offset = self.r.position();
        let value = read(&mut self.r)?;
        self.out.push(Field { offset, len: self.r.position() - offset, name, value });
        Ok(())
    }

    fn key_ref(&mut self, [district, serial, period]: [&'static str; 3]) -> Result<(), Error> {
        let key = KeyRef::read(&mut self.r.clone())?;
        self.step(district, |r| r.var16("district", DISTRICT_LIMIT).map(|_| key.district().into()))?;
        self.step(serial, |r| Ok(r.u64("serial")?.to_string()))?;
        self.step(period, |r| r.bytes("period", 9).map(|_| key.period().to_string()))
    }

    fn suites(&mut self, name: &'static str) -> Result<(), Error> {
        self.step(name, |r| {
            let count = usize::from(r.u8("suite list")?).min(SUITE_LIMIT);
            let names: Result<Vec<_>, _> = (0..count).map(|_| r.u16("suite").map(suite_name)).collect();
            Ok(names?.join(", "))
        })
    }
}

fn suite_name(id: u16) -> String {
    Suite::from_id(id).map_or_else(|_| format!("{id:#06x} (not registered)"), |s| format!("{id:#06x} {}", s.name()))
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ibake::envelope::Reason;
    use alloc::vec;

    #[test]
    fn fields_cover_every_byte_once() {
        for e in [
            Envelope::Challenge([7; COOKIE_BYTES]),
            Envelope::Reply(Reason::Suite, Suite::PREFERENCE.to_vec()),
            Envelope::Reply(Reason::Busy, vec![]),
        ] {
            let bytes = e.to_bytes();
            let fields = describe_envelope(&bytes).unwrap();
            let mut at = 0;
            for f in &fields {
                assert_eq!(f.offset, at);
                at += f.len;
            }
            assert_eq!(at, bytes.len());
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for bytes in [&[][..], &[0; 4], &[0; 40], &[0, 1, 0, 1, 1], &[0xff; 200]] {
            assert!(describe(bytes).is_err() && describe_envelope(bytes).is_err());
        }
    }
}
