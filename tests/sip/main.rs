//! MIKEY-IBAKE calls through programs that are not ours: SIPp calls, Kamailio forks and retargets, ffmpeg, libsrtp, GStreamer and
//! tshark read what comes of it. Who is called is a small SIP user agent of this test, because only our engine can answer.
//!
//! Everything is on loopback, on free ports, with keys made afresh; every process is ended by its own id, also in a panic. Nothing
//! waits for a time: all waits are for events, with one long limit for what hangs. What is not installed is skipped with a line,
//! and fails where `IBAKE_REQUIRE` names it: `kamailio`, `sipp`, `ffmpeg`, `libsrtp`, `gstreamer`, `tshark`.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod agent;
mod calls;
mod gstreamer;
mod media;
mod parties;
mod peers;
mod proxy;
mod readers;
mod sound;
mod text;
