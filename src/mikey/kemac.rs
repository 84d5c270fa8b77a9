//! Which algorithms KEMAC and V may use in which message. The codec reads NULL; nothing here uses it.
//!
//! | | NULL encryption | NULL MAC |
//! | --- | --- | --- |
//! | pre-shared key message | refused (RFC 3830 section 4.2.3 leaves it to what lies below, which is not seen from here) | refused |
//! | public-key message | refused | with AES key wrap, which has its own integrity (section 4.2.3) |
//! | DHHMAC | no data at all (RFC 4650 section 4.2) | refused |
//! | messages of RFC 6043 and RFC 6267 | refused | if the message ends in SIGN, or in V with a MAC (RFC 6043 section 5.2, RFC 6267 section 4.2.1.3) |
//! | inside TP Data | key data are placeholders (RFC 6043 section 6.10); not read here | there, too |
//! | V | | refused |

use super::error::Refused;
use super::message::Message;
use super::numbers::{DataType, EncrAlg, MacAlg, PayloadType};
use super::payloads::{Kemac, Payload, Verification};

impl<'a> Message<'a> {
    /// The KEMAC of this message, if it has one and its algorithms are such that it may be used.
    ///
    /// # Errors
    /// [`Refused::NullEncryption`], [`Refused::NullMac`], [`Refused::Algorithm`] as the table says; [`Refused::Repeated`].
    pub fn kemac(&self) -> Result<Option<Kemac<'a>>, Refused> {
        let Some(Payload::Kemac(kemac)) = self.optional(PayloadType::KEMAC)? else { return Ok(None) };
        let data_type = self.header().data_type;
        let public_key = matches!(data_type, DataType::PUBLIC_KEY | DataType::RSA_R_INIT | DataType::RSA_R_RESPONSE);
        let dhhmac = matches!(data_type, DataType::DHHMAC_INIT | DataType::DHHMAC_RESPONSE);
        let wrong = Refused::Algorithm { what: "Encr alg", got: kemac.encr_alg.0 };
        // An update may carry no keys (RFC 3830 section 4.5); then there is nothing to encrypt.
        if !kemac.encr_data.is_empty() {
            match kemac.encr_alg {
                _ if dhhmac => return Err(Refused::Field("KEMAC of DHHMAC")),
                EncrAlg::NULL => return Err(Refused::NullEncryption),
                alg if alg.key_len().is_none() => return Err(wrong),
                _ => {}
            }
        }
        if kemac.mac_alg == MacAlg::NULL {
            let wrapped = public_key && kemac.encr_alg == EncrAlg::AES_KW_128;
            let later = (DataType::REQUEST_INIT_PSK..=DataType::R_MESSAGE_2).contains(&data_type);
            let covered = match self.payloads().next_back() {
                Some(Payload::V(v)) => v.alg != MacAlg::NULL,
                Some(Payload::Sign(_)) => true,
                _ => false,
            };
            if !(wrapped || later && covered) {
                return Err(Refused::NullMac);
            }
        }
        Ok(Some(*kemac))
    }

    /// The V payload that ends this message.
    ///
    /// # Errors
    /// [`Refused::Missing`] if the last payload is another one, [`Refused::NullMac`], [`Refused::Repeated`].
    pub fn verification(&self) -> Result<Verification<'a>, Refused> {
        self.single(PayloadType::V)?;
        match self.payloads().next_back() {
            Some(Payload::V(v)) if v.alg == MacAlg::NULL => Err(Refused::NullMac),
            Some(Payload::V(v)) => Ok(*v),
            _ => Err(Refused::Missing(PayloadType::V)),
        }
    }
}
