//! Looking at all settings when the server starts, and then from time to time; the log says what was found.

use super::super::error::Error;
use super::listen::Stop;
use super::state::Http;

/// Looks after the settings until the stop. While they are not as they were left the service issues nothing and is not ready; a look
/// that finds them right ends that.
pub async fn look_after(http: Http, mut stop: Stop) {
    // What the log has said last.
    let mut wrong = false;
    loop {
        let found = tokio::select! {
            () = stop.wait() => return,
            found = http.service.check_settings() => found,
        };
        match found {
            Ok(()) => {
                if std::mem::take(&mut wrong) {
                    tracing::info!(target: "ibake::settings", "the settings are right again");
                }
            }
            Err(e @ Error::Settings { .. }) => {
                wrong = true;
                tracing::error!(target: "ibake::settings", error = %e, "nothing is issued");
            }
            Err(e) => tracing::error!(target: "ibake::settings", error = %e, "the settings could not be looked at"),
        }
        tokio::select! {
            () = stop.wait() => return,
            () = tokio::time::sleep(http.service.check_every()) => {}
        }
    }
}
