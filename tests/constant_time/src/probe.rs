//! What a case is given: it marks secrets, checks that results still bear the mark, and takes it off what is published.
//! In the second run of each case it leaks at both ends, and the leaks must be found.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_core::{TryCryptoRng, TryRng};

use crate::valgrind;

/// Names of the declassification points of the library that were reached.
pub static POINTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// What came out of one case.
#[derive(Default)]
pub struct Outcome {
    /// Reports beside those of planted leaks.
    pub findings: usize,
    /// Results that bear the mark, and results looked at.
    pub tainted: usize,
    pub results: usize,
    /// Leaks reported and leaks planted.
    pub caught: usize,
    pub planted: usize,
}

pub struct Probe {
    leaky: bool,
    case: RefCell<String>,
    outcome: RefCell<Outcome>,
    before: Cell<usize>,
    seed: Cell<u64>,
    done: RefCell<Vec<(String, Outcome)>>,
}

impl Probe {
    /// Runs a case and gives the outcome of it, or of each of its steps.
    pub fn run(name: &str, leaky: bool, case: fn(&Self)) -> Vec<(String, Outcome)> {
        let probe = Self {
            leaky,
            case: RefCell::new(name.to_owned()),
            outcome: RefCell::default(),
            before: Cell::new(valgrind::errors()),
            seed: Cell::new(1),
            done: RefCell::default(),
        };
        case(&probe);
        probe.finish();
        probe.done.into_inner()
    }

    fn finish(&self) {
        let mut outcome = self.outcome.take();
        if outcome.results + outcome.planted > 0 {
            outcome.findings = (valgrind::errors() - self.before.get()).saturating_sub(outcome.caught);
            self.done.borrow_mut().push((self.case.borrow().clone(), outcome));
        }
        self.before.set(valgrind::errors());
    }

    /// What follows counts as a case of its own.
    pub fn step(&self, name: String) {
        self.finish();
        *self.case.borrow_mut() = name;
    }

    /// Marks a secret input.
    pub fn secret(&self, bytes: &mut [u8]) {
        valgrind::mark(bytes);
        if self.leaky {
            self.plant(|| branch_on(bytes));
        }
    }

    /// The same, by value.
    pub fn secret_array<const N: usize>(&self, mut bytes: [u8; N]) -> [u8; N] {
        self.secret(&mut bytes);
        bytes
    }

    /// A result that depends on a secret in every byte, or the case proves nothing.
    pub fn tainted(&self, bytes: &[u8]) {
        self.result(!bytes.is_empty() && valgrind::marks(bytes).iter().all(|shadow| *shadow != 0));
        if self.leaky {
            self.plant(|| index_by(bytes));
        }
    }

    /// The same for a result of which parts are public.
    pub fn tainted_in_part(&self, bytes: &[u8]) {
        let last = valgrind::marks(bytes).iter().rposition(|shadow| *shadow != 0);
        self.result(last.is_some());
        if self.leaky {
            self.plant(|| index_by(&bytes[..last.map_or(0, |i| i + 1)]));
        }
    }

    fn result(&self, tainted: bool) {
        let mut outcome = self.outcome.borrow_mut();
        outcome.results += 1;
        outcome.tainted += usize::from(tainted || !valgrind::is_running());
    }

    /// Takes the mark off what is sent to others.
    pub fn public(&self, bytes: &[u8]) {
        valgrind::unmark(bytes);
    }

    /// A leak that must be reported.
    pub fn plant(&self, leak: impl FnOnce()) {
        let before = valgrind::errors();
        leak();
        let reports = valgrind::errors() - before;
        let mut outcome = self.outcome.borrow_mut();
        outcome.planted += 1;
        outcome.caught += usize::from(reports > 0);
        // A leak may be reported more than once; none of the reports is a finding.
        self.before.set(self.before.get() + reports - usize::from(reports > 0));
    }

    /// A generator whose bytes are secrets.
    pub fn rng(&self) -> Drawn<'_> {
        Drawn(self)
    }
}

/// Numbers that repeat in every run (splitmix64). Draws of 16 bytes or less are session identifiers and salts of hints, which
/// are sent in the clear; all others are secrets.
pub struct Drawn<'a>(&'a Probe);

impl TryRng for Drawn<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(splitmix(&self.0.seed))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        fill(&self.0.seed, out);
        if out.len() > 16 {
            self.0.secret(out);
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}

/// The same generator without marks, for what is prepared outside of a case.
pub struct Plain(pub Cell<u64>);

impl TryRng for Plain {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(splitmix(&self.0) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(splitmix(&self.0))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        fill(&self.0, out);
        Ok(())
    }
}

impl TryCryptoRng for Plain {}

fn fill(state: &Cell<u64>, out: &mut [u8]) {
    for chunk in out.chunks_mut(8) {
        chunk.copy_from_slice(&splitmix(state).to_le_bytes()[..chunk.len()]);
    }
}

fn splitmix(state: &Cell<u64>) -> u64 {
    state.set(state.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
    let mut z = state.get();
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

static TAKEN: AtomicU64 = AtomicU64::new(0);

/// A branch on one bit. What it does cannot be done without the branch: the compiler may not store where the source does not.
#[inline(never)]
pub fn branch_on(secret: &[u8]) {
    if secret.last().is_some_and(|b| b & 1 == 1) {
        TAKEN.fetch_add(1, Ordering::Relaxed);
    }
}

/// A look-up by four bits.
#[inline(never)]
pub fn index_by(secret: &[u8]) {
    static TABLE: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];
    let index = secret.last().map_or(0, |b| usize::from(b & 15));
    TABLE[index].fetch_add(1, Ordering::Relaxed);
}

/// What the library tells: a verdict is public.
pub fn on_verdict(point: &'static str, verdict: u8) -> u8 {
    reached(point);
    valgrind::unmarked_byte(verdict)
}

/// What the library tells: these bytes are public.
pub fn on_published(point: &'static str, bytes: &[u8]) {
    reached(point);
    valgrind::unmark(bytes);
}

fn reached(point: &'static str) {
    if let Ok(mut points) = POINTS.lock() {
        points.insert(point);
    }
}
