//! The General Extension payload (RFC 3830 section 6.15) and the contents that are read here: SDP IDs (RFC 4567 section
//! 4.1.4), Key ID (RFC 4563), CSB_ID (RFC 4738). The payload itself keeps any type; contents are read on demand.

use alloc::vec::Vec;

use super::super::cursor::Cursor;
use super::super::error::{ParseError, Refused};
use super::super::numbers::{ExtensionType, KeyIdType};
use super::{len8, len16};
use crate::encoding::Writer;

/// General Extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// What the data are.
    pub kind: ExtensionType,
    /// The data.
    pub data: &'a [u8],
}

/// One key identifier of a Key ID extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId<'a> {
    /// What kind of key.
    pub kind: KeyIdType,
    /// Its identifier.
    pub id: &'a [u8],
}

impl<'a> Extension<'a> {
    pub(super) fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        Ok(Self { kind: ExtensionType(c.u8("Type")?), data: c.var16("Length", "Data")? })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<(), Refused> {
        w.u8(self.kind.0).u16(len16("Length", self.data)?).bytes(self.data);
        Ok(())
    }

    /// The identifiers of an SDP IDs extension, in their order: `KMPID *(";" KMPID)`, letters and digits.
    ///
    /// # Errors
    /// Another type, or not a list of that form.
    pub fn sdp_ids(&self) -> Result<impl Iterator<Item = &'a str> + 'a, Refused> {
        let wrong = Refused::Field("SDP IDs");
        let text = core::str::from_utf8(self.data).map_err(|_| wrong)?;
        let good = text.split(';').all(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()));
        if self.kind == ExtensionType::SDP_IDS && good { Ok(text.split(';')) } else { Err(wrong) }
    }

    /// The key identifiers of a Key ID extension, in their order.
    ///
    /// # Errors
    /// Another type, or not whole sub-payloads.
    pub fn key_ids(&self) -> Result<impl Iterator<Item = KeyId<'a>> + 'a, Refused> {
        let mut all = Cursor::new(self.data, 0, "General Ext.");
        while all.left() > 0 {
            KeyId::read(&mut all).map_err(|_| Refused::Field("Key ID Information"))?;
        }
        if self.kind != ExtensionType::KEY_ID {
            return Err(Refused::Field("Key ID Information"));
        }
        let mut c = Cursor::new(self.data, 0, "General Ext.");
        Ok(core::iter::from_fn(move || KeyId::read(&mut c).ok()))
    }

    /// The responder's CSB ID of a CSB_ID extension.
    ///
    /// # Errors
    /// Another type or length.
    pub fn csb_id(&self) -> Result<u32, Refused> {
        let bytes = <[u8; 4]>::try_from(self.data).ok().filter(|_| self.kind == ExtensionType::CSB_ID);
        bytes.map(u32::from_be_bytes).ok_or(Refused::Field("CSB_ID"))
    }
}

impl<'a> KeyId<'a> {
    fn read(c: &mut Cursor<'a, '_>) -> Result<Self, ParseError> {
        Ok(Self { kind: KeyIdType(c.u8("Key ID Type")?), id: c.var8("Key ID Length", "Key ID")? })
    }

    /// The data of a Key ID extension.
    ///
    /// # Errors
    /// An identifier of more than 255 bytes.
    pub fn encode(ids: &[KeyId<'_>]) -> Result<Vec<u8>, Refused> {
        let mut w = Writer::new();
        for id in ids {
            w.u8(id.kind.0).u8(len8("Key ID Length", id.id)?).bytes(id.id);
        }
        Ok(w.finish())
    }
}
