//! The reader of the codec: knows its offset and its payload, for errors, and can note every field, for [`super::explain()`].

use alloc::vec::Vec;

use super::error::{ParseError, Reason};

/// One field as it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawField<'a> {
    pub(super) offset: usize,
    /// Number of the payload in the message; the header is 0.
    pub(super) index: usize,
    pub(super) payload: &'static str,
    pub(super) name: &'static str,
    pub(super) bytes: &'a [u8],
}

/// Fields noted so far.
#[derive(Debug, Default)]
pub(super) struct Trace<'a> {
    pub(super) fields: Vec<RawField<'a>>,
}

/// A position in the input.
pub(super) struct Cursor<'a, 't> {
    rest: &'a [u8],
    at: usize,
    payload: &'static str,
    index: usize,
    trace: Option<&'t mut Trace<'a>>,
}

impl<'a, 't> Cursor<'a, 't> {
    /// At the first byte; `at` is what offsets count from.
    pub(super) const fn new(bytes: &'a [u8], at: usize, payload: &'static str) -> Self {
        Self { rest: bytes, at, payload, index: 0, trace: None }
    }

    /// As [`Self::new`], and notes every field.
    pub(super) const fn tracing(bytes: &'a [u8], trace: &'t mut Trace<'a>) -> Self {
        Self { rest: bytes, at: 0, payload: "HDR", index: 0, trace: Some(trace) }
    }

    /// Whether fields are noted.
    pub(super) const fn is_tracing(&self) -> bool {
        self.trace.is_some()
    }

    /// The next payload begins here.
    pub(super) const fn enter(&mut self, payload: &'static str) {
        self.payload = payload;
        self.index += 1;
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) const fn peek(&self) -> Option<u8> {
        match self.rest {
            [first, ..] => Some(*first),
            [] => None,
        }
    }

    /// An error of the field that begins here.
    pub(super) const fn error(&self, field: &'static str, reason: Reason) -> ParseError {
        ParseError { payload: self.payload, offset: self.at, field, reason }
    }

    /// An error of the field that began `back` bytes ago.
    pub(super) const fn error_back(&self, back: usize, field: &'static str, reason: Reason) -> ParseError {
        ParseError { payload: self.payload, offset: self.at - back, field, reason }
    }

    pub(super) fn bytes(&mut self, field: &'static str, n: usize) -> Result<&'a [u8], ParseError> {
        let short = self.error(field, Reason::Truncated { expected: n, got: self.rest.len() });
        let (head, rest) = self.rest.split_at_checked(n).ok_or(short)?;
        if let Some(trace) = &mut self.trace
            && n > 0
        {
            let (offset, index, payload) = (self.at, self.index, self.payload);
            trace.fields.push(RawField { offset, index, payload, name: field, bytes: head });
        }
        self.rest = rest;
        self.at += n;
        Ok(head)
    }

    /// The next bytes without reading them.
    pub(super) fn ahead(&self, field: &'static str, n: usize) -> Result<&'a [u8], ParseError> {
        self.rest.get(..n).ok_or(self.error(field, Reason::Truncated { expected: n, got: self.rest.len() }))
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], ParseError> {
        let got = self.rest.len();
        let short = self.error(field, Reason::Truncated { expected: N, got });
        self.bytes(field, N)?.try_into().map_err(|_| short)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, ParseError> {
        Ok(self.array::<1>(field)?[0])
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, ParseError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, ParseError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    /// A length of one byte called `length`, then that many bytes.
    pub(super) fn var8(&mut self, length: &'static str, field: &'static str) -> Result<&'a [u8], ParseError> {
        let n = usize::from(self.u8(length)?);
        self.bytes(field, n)
    }

    /// A length of two bytes called `length`, then that many bytes.
    pub(super) fn var16(&mut self, length: &'static str, field: &'static str) -> Result<&'a [u8], ParseError> {
        let n = usize::from(self.u16(length)?);
        self.bytes(field, n)
    }

    /// Ends the reading.
    pub(super) const fn finish(&self, field: &'static str) -> Result<(), ParseError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(self.error(field, Reason::Trailing { extra })),
        }
    }
}
