//! Counters, as Prometheus reads them. All labels come from fixed sets, so nobody can make them grow.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of durations, in milliseconds.
const BOUNDS: [u64; 10] = [1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000];

#[derive(Debug, Default)]
struct Durations {
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

/// The counters of a server.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By route, status and code.
    requests: Mutex<BTreeMap<(&'static str, u16, &'static str), u64>>,
    durations: Durations,
    keys_sealed: AtomicU64,
    keys_plain: AtomicU64,
    connections: AtomicI64,
    accepted: AtomicU64,
    turned_away: AtomicU64,
    closed: AtomicU64,
    handshakes_failed: AtomicU64,
}

/// What is measured when it is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    /// Passwords that have been computed.
    pub(super) argon2: u64,
    /// Seconds that the certificate has left, below zero when it has expired.
    pub(super) certificate: Option<i64>,
    /// Certificates that were taken, and not taken.
    pub(super) reloads: (u64, u64),
    /// Lines of the log for which there was no room.
    pub(super) lost: u64,
    /// What the last look at all settings has found.
    pub(super) settings: Option<bool>,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Accepted,
    TurnedAway,
    Closed,
    NoHandshake,
}

impl Metrics {
    pub(super) fn request(&self, route: &'static str, status: u16, code: &'static str, took: Duration) {
        let mut all = match self.requests.lock() {
            Ok(all) => all,
            Err(poisoned) => poisoned.into_inner(),
        };
        *all.entry((route, status, code)).or_default() += 1;
        drop(all);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        for (bound, bucket) in BOUNDS.iter().zip(&self.durations.buckets) {
            if micros <= bound * 1_000 {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.durations.count.fetch_add(1, Ordering::Relaxed);
        self.durations.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn keys(&self, count: u64, sealed: bool) {
        let counter = if sealed { &self.keys_sealed } else { &self.keys_plain };
        counter.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn connection(&self, fate: Fate) {
        let counter = match fate {
            Fate::Accepted => &self.accepted,
            Fate::TurnedAway => &self.turned_away,
            Fate::Closed => &self.closed,
            Fate::NoHandshake => &self.handshakes_failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn open(&self, change: i64) {
        self.connections.fetch_add(change, Ordering::Relaxed);
    }

    /// Connections that are open now.
    pub fn connections(&self) -> i64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Keys that have left, sealed and not.
    pub fn issued(&self) -> (u64, u64) {
        (self.keys_sealed.load(Ordering::Relaxed), self.keys_plain.load(Ordering::Relaxed))
    }

    /// All of them as text.
    pub(super) fn text(&self, state: State) -> String {
        let mut out = String::with_capacity(2_048);
        let head = |out: &mut String, name: &str, kind: &str, help: &str| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        };
        head(&mut out, "ibake_requests_total", "counter", "Requests by route, status and code.");
        let all = match self.requests.lock() {
            Ok(all) => all,
            Err(poisoned) => poisoned.into_inner(),
        };
        for ((route, status, code), n) in all.iter() {
            let _ = writeln!(out, "ibake_requests_total{{route=\"{route}\",status=\"{status}\",code=\"{code}\"}} {n}");
        }
        drop(all);
        head(&mut out, "ibake_request_seconds", "histogram", "Time from the head of a request to its answer.");
        for (bound, bucket) in BOUNDS.iter().zip(&self.durations.buckets) {
            let (seconds, n) = (*bound as f64 / 1_000.0, bucket.load(Ordering::Relaxed));
            let _ = writeln!(out, "ibake_request_seconds_bucket{{le=\"{seconds}\"}} {n}");
        }
        let (count, micros) =
            (self.durations.count.load(Ordering::Relaxed), self.durations.micros.load(Ordering::Relaxed));
        let _ = writeln!(out, "ibake_request_seconds_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(out, "ibake_request_seconds_sum {}", micros as f64 / 1e6);
        let _ = writeln!(out, "ibake_request_seconds_count {count}");
        head(&mut out, "ibake_keys_total", "counter", "Keys that have left, sealed to the request or not.");
        let (sealed, plain) = self.issued();
        let _ = writeln!(out, "ibake_keys_total{{sealed=\"yes\"}} {sealed}\nibake_keys_total{{sealed=\"no\"}} {plain}");
        head(&mut out, "ibake_connections", "gauge", "Open connections.");
        let _ = writeln!(out, "ibake_connections {}", self.connections());
        head(&mut out, "ibake_connections_total", "counter", "Connections by what became of them.");
        for (fate, n) in [
            ("accepted", &self.accepted),
            ("turned_away", &self.turned_away),
            ("closed", &self.closed),
            ("no_handshake", &self.handshakes_failed),
        ] {
            let _ = writeln!(out, "ibake_connections_total{{fate=\"{fate}\"}} {}", n.load(Ordering::Relaxed));
        }
        head(&mut out, "ibake_argon2_total", "counter", "Passwords computed.");
        let _ = writeln!(out, "ibake_argon2_total {}", state.argon2);
        let help = "1 if all settings were as they were left when they were last looked at, else 0.";
        head(&mut out, "ibake_settings_good", "gauge", help);
        let _ = writeln!(out, "ibake_settings_good {}", u8::from(state.settings == Some(true)));
        if let Some(left) = state.certificate {
            let help = "Seconds until the TLS certificate expires, negative when it has.";
            head(&mut out, "ibake_tls_certificate_expires_seconds", "gauge", help);
            let _ = writeln!(out, "ibake_tls_certificate_expires_seconds {left}");
        }
        head(&mut out, "ibake_log_lines_lost_total", "counter", "Lines of the log that nobody read in time.");
        let _ = writeln!(out, "ibake_log_lines_lost_total {}", state.lost);
        head(&mut out, "ibake_tls_reloads_total", "counter", "Certificates read anew, by whether they were taken.");
        for (outcome, n) in [("taken", state.reloads.0), ("refused", state.reloads.1)] {
            let _ = writeln!(out, "ibake_tls_reloads_total{{outcome=\"{outcome}\"}} {n}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_operator_names_every_metric() {
        let state = State { certificate: Some(1), ..State::default() };
        let text = Metrics::default().text(state);
        let types = text.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next());
        let mut there: Vec<&str> = types.collect();
        let page = include_str!("../../../../docs/operations.md");
        let mut named: Vec<&str> =
            page.lines().filter_map(|l| l.strip_prefix("| `ibake_")?.split('`').next()).collect();
        there.iter_mut().for_each(|name| *name = name.strip_prefix("ibake_").unwrap());
        there.sort_unstable();
        named.sort_unstable();
        assert!(there.len() > 7);
        assert_eq!(named, there);
    }
}
