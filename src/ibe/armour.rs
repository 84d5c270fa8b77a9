//! Text form of public parameters, to be read by people and pasted into files.
//!
//! ```text
//! -----BEGIN IBAKE PUBLIC PARAMETERS-----
//! District: https://kgs.example.org
//! Serial: 1
//! Valid: 2025-01-01T00:00:00Z to 2025-12-31T23:59:59Z
//! Period: day
//! Fingerprint: 64 hexadecimal digits, lower case
//!
//! base64 of the DER, 64 characters a line
//! -----END IBAKE PUBLIC PARAMETERS-----
//! ```
//! The readable lines repeat what the DER says, and reading refuses them if they say anything else: people decide by
//! what they read. For the same reason nothing may stand before the first line or after the last. Lines end in LF or
//! CRLF; the last line's end may be missing. Everything else is as written above, to the byte.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};

use super::params::PublicParameters;
use super::period::Utc;
use crate::error::{DecodeError, DecodeReason, Error, ParametersError};

/// Longest text that is read.
pub const ARMOUR_MAX: usize = 16_384;
const BEGIN: &str = "-----BEGIN IBAKE PUBLIC PARAMETERS-----";
const END: &str = "-----END IBAKE PUBLIC PARAMETERS-----";
/// Names of the readable lines, in order.
const NAMES: [&str; 5] = ["District: ", "Serial: ", "Valid: ", "Period: ", "Fingerprint: "];
const COLUMNS: usize = 64;

impl PublicParameters {
    /// The text form; lines end in LF.
    pub fn to_armour(&self) -> String {
        // Both times were encoded once already, so neither is out of range.
        let time = |t| Utc::new(t).map_or_else(|_| String::new(), |t| format!("{t}"));
        let values = [
            String::from(self.district().as_str()),
            format!("{}", self.serial()),
            format!("{} to {}", time(self.not_before()), time(self.not_after())),
            String::from(self.granularity().name()),
            base16ct::lower::encode_string(self.fingerprint()),
        ];
        let body = Base64::encode_string(&self.to_der());
        let mut out = String::with_capacity(body.len() + body.len() / COLUMNS + 512);
        let mut line = |parts: [&str; 2]| {
            out.extend(parts);
            out.push('\n');
        };
        line([BEGIN, ""]);
        for (name, value) in NAMES.iter().zip(&values) {
            line([name, value]);
        }
        line(["", ""]);
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let (head, tail) = rest.split_at_checked(COLUMNS).unwrap_or((rest, ""));
            line([head, ""]);
            rest = tail;
        }
        line([END, ""]);
        out
    }

    /// Reads the text form, with all the checks of [`Self::from_der`].
    ///
    /// # Errors
    /// [`DecodeReason::Text`] if it is not this form, [`DecodeReason::TooLong`] over [`ARMOUR_MAX`],
    /// [`ParametersError::Armour`] if a readable line contradicts the content, and the errors of [`Self::from_der`].
    pub fn from_armour(text: &str) -> Result<Self, Error> {
        if text.len() > ARMOUR_MAX {
            let reason = DecodeReason::TooLong { limit: ARMOUR_MAX, got: text.len() };
            return Err(DecodeError::new("armour", reason).into());
        }
        let bad = DecodeError::new("armour", DecodeReason::Text);
        let text = text.replace("\r\n", "\n");
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(&text).split('\n').collect();
        let [BEGIN, head @ .., END] = lines.as_slice() else { return Err(bad.into()) };
        let (readable, rest) = head.split_at_checked(NAMES.len()).ok_or(bad)?;
        if readable.iter().zip(NAMES).any(|(line, name)| !line.starts_with(name)) {
            return Err(bad.into());
        }
        let ["", body @ ..] = rest else { return Err(bad.into()) };
        let der = Base64::decode_vec(&body.concat()).map_err(|_| bad)?;
        let params = Self::from_der(&der)?;
        // The content stands; now the text must be the one that it is written as.
        let expected = params.to_armour();
        let mut expected = expected.lines().skip(1);
        if readable.iter().any(|line| expected.next() != Some(line)) {
            return Err(ParametersError::Armour.into());
        }
        if rest.iter().any(|line| expected.next() != Some(line)) {
            return Err(bad.into());
        }
        Ok(params)
    }
}
