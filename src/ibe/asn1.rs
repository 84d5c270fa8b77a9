//! The DER that identities and public parameters need: strict reading, canonical writing.
//!
//! Reading goes through the `der` crate, which insists on minimal lengths; writing is our own few lines. Whoever
//! decodes re-encodes and compares, so each checks the other.

use alloc::vec::Vec;
use der::asn1::{AnyRef, GeneralizedTime};
use der::{Decode, DecodeValue, ErrorKind, Header, Length, Reader, SliceReader, Tag};

use super::period::Utc;
use crate::error::{DecodeError, DecodeReason};

/// What [`Fields::take`] asks for where a whole SEQUENCE is compared.
#[cfg(feature = "kgs")]
pub(crate) const SEQUENCE: Tag = Tag::Sequence;

/// The fields of a SEQUENCE, read in order.
pub(crate) struct Fields<'a>(SliceReader<'a>);

impl<'a> Fields<'a> {
    /// Enters the SEQUENCE that must fill `bytes` completely.
    pub(crate) fn of(what: &'static str, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Self::inside(what, bytes)?;
        let content = outer.take(what, Tag::Sequence)?;
        outer.finish(what)?;
        Self::inside(what, content)
    }

    /// The values that fill `content` completely.
    pub(crate) fn inside(what: &'static str, content: &'a [u8]) -> Result<Self, DecodeError> {
        SliceReader::new(content).map(Self).map_err(|e| error(what, e))
    }

    /// The content of the next value, which must have this tag.
    pub(crate) fn take(&mut self, what: &'static str, tag: Tag) -> Result<&'a [u8], DecodeError> {
        let any = AnyRef::decode(&mut self.0).map_err(|e| error(what, e))?;
        if any.header().tag() == tag { Ok(any.value()) } else { Err(DecodeError::new(what, DecodeReason::Der)) }
    }

    pub(crate) fn sequence(&mut self, what: &'static str) -> Result<Self, DecodeError> {
        let content = self.take(what, Tag::Sequence)?;
        Self::inside(what, content)
    }

    pub(crate) fn octets(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        self.take(what, Tag::OctetString)
    }

    pub(crate) fn ia5(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        let content = self.take(what, Tag::Ia5String)?;
        ascii(what, content)
    }

    /// The content bytes of an OBJECT IDENTIFIER whose arcs are all minimally encoded.
    pub(crate) fn oid(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let content = self.take(what, Tag::ObjectIdentifier)?;
        let mut begins = true;
        for b in content {
            if begins && *b == 0x80 {
                return Err(DecodeError::new(what, DecodeReason::Der));
            }
            begins = b & 0x80 == 0;
        }
        if begins && !content.is_empty() { Ok(content) } else { Err(DecodeError::new(what, DecodeReason::Der)) }
    }

    /// A minimally encoded INTEGER; `None` if it is negative or has more than 64 bits.
    pub(crate) fn integer(&mut self, what: &'static str) -> Result<Option<u64>, DecodeError> {
        let content = self.take(what, Tag::Integer)?;
        match content {
            [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err(DecodeError::new(what, DecodeReason::Der)),
            [0x80..=0xff, ..] => Ok(None),
            [0, rest @ ..] if rest.len() > 8 => Ok(None),
            [1..=0x7f, ..] if content.len() > 8 => Ok(None),
            _ => Ok(Some(content.iter().fold(0, |n, b| n << 8 | u64::from(*b)))),
        }
    }

    /// A GeneralizedTime `YYYYMMDDHHMMSSZ`, years 1970 to 9999, as Unix seconds.
    pub(crate) fn time(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        let content = self.take(what, Tag::GeneralizedTime)?;
        let header = Header::new(Tag::GeneralizedTime, Length::try_from(content.len()).map_err(|e| error(what, e))?);
        let mut reader = SliceReader::new(content).map_err(|e| error(what, e))?;
        let time = GeneralizedTime::decode_value(&mut reader, header).map_err(|e| error(what, e))?;
        Ok(time.to_unix_duration().as_secs())
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    pub(crate) fn finish(self, what: &'static str) -> Result<(), DecodeError> {
        self.0.finish().map_err(|e| error(what, e))
    }
}

/// The content of the one value of this tag that fills `bytes` completely.
pub(crate) fn ia5_alone<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a str, DecodeError> {
    let mut one = Fields::inside(what, bytes)?;
    let text = one.ia5(what)?;
    one.finish(what)?;
    Ok(text)
}

fn ascii<'a>(what: &'static str, content: &'a [u8]) -> Result<&'a str, DecodeError> {
    core::str::from_utf8(content).ok().filter(|s| s.is_ascii()).ok_or(DecodeError::new(what, DecodeReason::Der))
}

fn error(what: &'static str, e: der::Error) -> DecodeError {
    let n = |l: Length| usize::try_from(l).unwrap_or(usize::MAX);
    let reason = match e.kind() {
        ErrorKind::Incomplete { expected_len, actual_len } => {
            DecodeReason::Truncated { expected: n(expected_len), got: n(actual_len) }
        }
        ErrorKind::TrailingData { remaining, .. } => DecodeReason::Trailing { extra: n(remaining) },
        _ => DecodeReason::Der,
    };
    DecodeError::new(what, reason)
}

/// Tags as the writer puts them.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTETS: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const IA5: u8 = 0x16;
    pub(crate) const TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
}

/// Appends one value: tag, minimal length, content.
pub(crate) fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    if content.len() < 0x80 {
        out.push(content.len() as u8);
    } else {
        let length = content.len().to_be_bytes();
        let zeros = length.iter().take_while(|b| **b == 0).count();
        out.push(0x80 | (length.len() - zeros) as u8);
        out.extend(length.iter().skip(zeros));
    }
    out.extend_from_slice(content);
}

/// Appends an INTEGER.
pub(crate) fn put_integer(out: &mut Vec<u8>, n: u64) {
    let bytes = n.to_be_bytes();
    let zeros = bytes.iter().take_while(|b| **b == 0).count().min(7);
    let mut content = Vec::with_capacity(9);
    if bytes.get(zeros).is_some_and(|b| b & 0x80 != 0) {
        content.push(0); // a set high bit would make it negative
    }
    content.extend(bytes.iter().skip(zeros));
    put(out, tag::INTEGER, &content);
}

/// Appends a GeneralizedTime.
pub(super) fn put_time(out: &mut Vec<u8>, t: Utc) {
    put(out, tag::TIME, t.generalized().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn lengths_are_minimal_and_read_back() {
        for n in [0usize, 1, 127, 128, 255, 256, 300, 65_535, 65_536] {
            let mut out = vec![];
            put(&mut out, tag::OCTETS, &vec![7; n]);
            let header = if n < 128 {
                2
            } else if n < 256 {
                3
            } else if n < 65_536 {
                4
            } else {
                5
            };
            assert_eq!(out.len(), n + header);
            assert_eq!(Fields::inside("x", &out).unwrap().octets("x").unwrap().len(), n);
        }
    }

    #[test]
    fn integers_read_back_and_odd_ones_are_refused() {
        for n in [0, 1, 127, 128, 255, 256, 1 << 31, 1 << 63, u64::MAX] {
            let mut out = vec![];
            put_integer(&mut out, n);
            assert_eq!(Fields::inside("x", &out).unwrap().integer("x"), Ok(Some(n)));
        }
        let read = |bytes: &[u8]| Fields::inside("x", bytes).unwrap().integer("x");
        assert_eq!(read(&[2, 1, 0xff]), Ok(None)); // -1
        assert_eq!(read(&[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Ok(None)); // 2^64
        assert_eq!(read(&[2, 10, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]), Ok(None));
        for bad in [&[2, 0][..], &[2, 2, 0, 1], &[2, 2, 0xff, 0x80], &[2, 0x81, 1, 1]] {
            assert_eq!(read(bad), Err(DecodeError::new("x", DecodeReason::Der)), "{bad:x?}");
        }
        assert!(matches!(read(&[2, 3, 1]).unwrap_err().reason, DecodeReason::Truncated { .. }));
    }

    #[test]
    fn arcs_of_object_identifiers_are_minimal() {
        let read = |bytes: &[u8]| Fields::inside("x", bytes).unwrap().oid("x").is_ok();
        assert!(read(&[6, 3, 0x60, 0x86, 0x48]));
        assert!(!read(&[6, 0]) && !read(&[6, 2, 0x60, 0x86]) && !read(&[6, 3, 0x60, 0x80, 0x48]));
    }
}
