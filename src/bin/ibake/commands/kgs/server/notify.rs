//! Telling systemd how the service is doing (`sd_notify(3)`): one datagram to the socket that the environment names.

/// Says it if somebody wants to hear it. Nothing depends on its arrival.
#[cfg(target_os = "linux")]
pub(super) fn say(what: &str) {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(rest) => SocketAddr::from_abstract_name(rest),
        None => SocketAddr::from_pathname(&name),
    };
    let sent = address.and_then(|to| UnixDatagram::unbound()?.send_to_addr(what.as_bytes(), &to));
    if let Err(e) = sent {
        tracing::warn!(target: "ibake::serve", error = %e, "the service manager could not be told");
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn say(_: &str) {}
