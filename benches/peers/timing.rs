//! Interleaved measurement of alternatives in one process.
#![allow(unsafe_code, dead_code, unreachable_pub)]

use std::fmt;
use std::time::{Duration, Instant};

/// Processor time of this thread, so that whatever else runs on the machine counts little.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub fn now() -> Duration {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }
    // SAFETY: the declaration of POSIX, in the C library that std links; `i64` and `i32` are its types on 64-bit Linux.
    unsafe extern "C" {
        fn clock_gettime(clock: i32, out: *mut Timespec) -> i32;
    }
    const THREAD_CPUTIME: i32 = 3;
    let mut t = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: writes one live value.
    let failed = unsafe { clock_gettime(THREAD_CPUTIME, &mut t) };
    assert_eq!(failed, 0, "clock_gettime");
    Duration::new(t.seconds as u64, t.nanoseconds as u32)
}

/// Elapsed time, where there is no clock of the thread.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn now() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

/// Which time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Processor time of this thread.
    Thread,
    /// Elapsed time: what several threads need together, and disturbed by whatever else the machine does.
    Wall,
}

impl Clock {
    fn now(self) -> Duration {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        match self {
            Self::Thread => now(),
            Self::Wall => START.get_or_init(Instant::now).elapsed(),
        }
    }
}

/// How much is measured: rounds until `budget` has elapsed, but `least` at least and `most` at most; each alternative runs for
/// about `slice` a turn, once at least.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub clock: Clock,
    pub slice: Duration,
    pub budget: Duration,
    pub least: usize,
    pub most: usize,
}

/// Microseconds of every alternative, in every round.
pub struct Rounds(Vec<Vec<f64>>);

/// Runs the alternatives in turn, `rounds` times, each for about `slice` a turn, in processor time of this thread.
pub fn interleave(alternatives: &mut [&mut dyn FnMut()], rounds: usize, slice: Duration) -> Rounds {
    let plan = Plan { clock: Clock::Thread, slice, budget: Duration::MAX, least: rounds, most: rounds };
    interleave_within(alternatives, &plan)
}

/// Runs the alternatives in turn as planned; their order is turned round every time.
pub fn interleave_within(alternatives: &mut [&mut dyn FnMut()], plan: &Plan) -> Rounds {
    let begin = Instant::now();
    let time = |run: &mut &mut dyn FnMut(), times: u32| {
        let start = plan.clock.now();
        (0..times).for_each(|_| run());
        plan.clock.now() - start
    };
    let mut out = Vec::new();
    let first: Vec<Duration> = alternatives.iter_mut().map(|run| time(run, 1)).collect();
    let mut once = first.clone();
    if first.iter().all(|t| *t >= plan.slice) {
        // Long enough that tables and caches do not count.
        out.push(first.iter().map(|t| t.as_secs_f64() * 1e6).collect());
    } else {
        for (run, t) in alternatives.iter_mut().zip(&mut once).filter(|(_, t)| **t < plan.slice) {
            *t = time(run, 1);
        }
    }
    let repeats = once.iter().map(|t| (plan.slice.as_nanos() / t.as_nanos().max(1)).clamp(1, 1 << 20) as u32);
    let repeats: Vec<u32> = repeats.collect();
    while out.len() < plan.most && (out.len() < plan.least || begin.elapsed() < plan.budget) {
        let mut times = vec![0.0; alternatives.len()];
        for turn in 0..alternatives.len() {
            let i = if out.len() % 2 == 0 { turn } else { alternatives.len() - 1 - turn };
            times[i] = time(&mut alternatives[i], repeats[i]).as_secs_f64() * 1e6 / f64::from(repeats[i]);
        }
        out.push(times);
    }
    Rounds(out)
}

/// Median and the range from the first to the third quartile.
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        Self { median: at(0.5), low: at(0.25), high: at(0.75) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(3);
        write!(f, "{:.digits$} ({:.digits$} to {:.digits$})", self.median, self.low, self.high)
    }
}

impl Rounds {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Microseconds of alternative `i`.
    pub fn time(&self, i: usize) -> Spread {
        Spread::of(self.0.iter().map(|t| t[i]).collect())
    }

    /// How many times alternative `i` is faster than `rival`: the ratios of the single rounds, not of the medians.
    pub fn faster(&self, i: usize, rival: usize) -> Spread {
        Spread::of(self.0.iter().map(|t| t[rival] / t[i]).collect())
    }
}

/// Model and relevant flags of the processor, where Linux tells.
pub fn processor() -> (String, String) {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|l| l.split(':').next().is_some_and(|k| k.trim() == name));
        line.and_then(|l| l.split_once(':')).map_or(String::from("unknown"), |(_, v)| v.trim().into())
    };
    let flags = field("flags");
    let has = |flag: &&str| flags.split_ascii_whitespace().any(|f| f == *flag);
    let relevant = ["adx", "bmi2", "aes", "vaes", "pclmulqdq", "sha_ni", "avx2", "avx512ifma"];
    (field("model name"), relevant.into_iter().filter(has).collect::<Vec<_>>().join(" "))
}
