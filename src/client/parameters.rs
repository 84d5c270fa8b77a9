//! Fetching public parameters (RFC 5408 section 4.1).

use super::http::Outgoing;
use super::{Connector, Error};
use crate::ibe::{District, PublicParameters};
use crate::kgs::rfc5408::{self, PARAMETERS_TYPE, parameters_from_text};

/// What the user knows of the parameters already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Nothing: that they are the district's is what TLS says.
    Nothing,
    /// Their fingerprint.
    Fingerprint([u8; 32]),
}

/// Fetches the current parameters of a district, or those of a serial, and checks them: all that
/// [`PublicParameters::from_der`] does, district, serial, validity at `now`, pin.
///
/// # Errors
/// [`Error`].
pub async fn fetch(
    connector: &Connector,
    district: &District,
    serial: Option<u64>,
    pin: Pin,
    now: u64,
) -> Result<PublicParameters, Error> {
    let uri = match serial {
        None => district.as_str().to_owned(),
        Some(serial) => format!("{}/parameters/{serial}", district.as_str()),
    };
    let answer =
        connector.send(&Outgoing { uri: &uri, accept: PARAMETERS_TYPE, authorization: None, body: None }).await?;
    if answer.kind != PARAMETERS_TYPE {
        return Err(rfc5408::Error::Field("media type").into());
    }
    let found = parameters_from_text(&answer.body)?;
    if found.district() != district || serial.is_some_and(|serial| serial != found.serial()) {
        return Err(Error::OtherParameters);
    }
    if let Pin::Fingerprint(known) = pin
        && known != *found.fingerprint()
    {
        return Err(Error::Pin);
    }
    found.check_time(now).map_err(error_of)?;
    Ok(found)
}

fn error_of(e: crate::error::ParametersError) -> Error {
    Error::Crypto(e.into())
}
