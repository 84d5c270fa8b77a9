//! Verification of a log: entry by entry, with memory for what is wrong only.

use core::fmt;

use super::entry::{Link, Outcome};
use super::signing::Checkpoint;

/// What is listed one by one; more is only counted.
pub const FINDINGS: usize = 256;

/// Something wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Entries are missing in the middle.
    Gap {
        /// The first that is missing.
        from: u64,
        /// The last that is missing.
        to: u64,
    },
    /// The entry at this place is not what was appended there.
    Edited {
        /// Where.
        place: u64,
    },
    /// The entry at this place was appended at another one.
    Moved {
        /// Where it stands.
        place: u64,
        /// Where it stood.
        from: u64,
    },
    /// The entry is whole but does not follow the one before: something was replaced together with its hash.
    Broken {
        /// Where.
        place: u64,
    },
    /// The number of the outcome means nothing.
    NoOutcome {
        /// Where.
        place: u64,
    },
    /// A checkpoint covers entries that are not there.
    Truncated {
        /// How many entries there are.
        entries: u64,
        /// How many there were.
        signed: u64,
    },
    /// Up to a checkpoint the log is another one than was signed.
    Rewritten {
        /// How many entries the checkpoint covers.
        entries: u64,
    },
    /// A checkpoint that this log's key has not signed.
    Forged {
        /// How many entries it claims to cover.
        entries: u64,
    },
    /// The store's own note of the end of the log says something else.
    Head {
        /// How many entries there are.
        entries: u64,
        /// How many the note says.
        noted: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { from, to } => write!(f, "gap: entries {from} to {to} are missing"),
            Self::Edited { place } => write!(f, "edit: entry {place} has been changed"),
            Self::Moved { place, from } => write!(f, "reorder: entry {place} was entry {from}"),
            Self::Broken { place } => write!(f, "edit: entry {place} does not follow the one before it"),
            Self::NoOutcome { place } => write!(f, "entry {place} has no outcome"),
            Self::Truncated { entries, signed } => {
                write!(f, "truncation: {signed} entries were signed, {entries} are there")
            }
            Self::Rewritten { entries } => write!(f, "the first {entries} entries are not those that were signed"),
            Self::Forged { entries } => {
                write!(f, "the checkpoint over {entries} entries is not signed by the log's key")
            }
            Self::Head { entries, noted } => write!(f, "the store notes {noted} entries, {entries} are there"),
        }
    }
}

impl Finding {
    /// Its kind, for machines.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "gap",
            Self::Edited { .. } => "edit",
            Self::Moved { .. } => "reorder",
            Self::Broken { .. } => "broken",
            Self::NoOutcome { .. } => "no-outcome",
            Self::Truncated { .. } => "truncation",
            Self::Rewritten { .. } => "rewritten",
            Self::Forged { .. } => "forged-checkpoint",
            Self::Head { .. } => "head",
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Entries that were read.
    pub entries: u64,
    /// Those of them that say that a key was issued.
    pub issued: u64,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// The hash of the last entry.
    pub hash: [u8; 32],
    /// What is wrong, at most [`FINDINGS`] of it.
    pub findings: Vec<Finding>,
    /// What is wrong beyond that.
    pub more: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A verification under way: entries in the order of their places, each checkpoint when its place comes or later.
#[derive(Debug)]
pub struct Verifier {
    log: [u8; 32],
    key: [u8; 32],
    report: Report,
    /// The place of the last entry.
    place: u64,
    /// Entries that do not fit where they stand: perhaps they fit somewhere else.
    misfits: Vec<Link>,
    /// Checkpoints whose place has not come, ascending.
    ahead: Vec<Checkpoint>,
}

impl Verifier {
    /// Of the log that is named and whose key is known. `kept` are checkpoints that the auditor has kept elsewhere.
    pub fn new(log: [u8; 32], key: [u8; 32], kept: Vec<Checkpoint>) -> Self {
        let report = Report { entries: 0, issued: 0, checkpoints: 0, hash: [0; 32], findings: Vec::new(), more: 0 };
        let mut verifier = Self { log, key, report, place: 0, misfits: Vec::new(), ahead: Vec::new() };
        verifier.expect(kept);
        verifier
    }

    /// Adds checkpoints. They must not lie before what has been read: such a one is taken for rewritten.
    pub fn expect(&mut self, checkpoints: Vec<Checkpoint>) {
        for checkpoint in checkpoints {
            let entries = checkpoint.entries;
            if !checkpoint.is_signed(&self.log, &self.key) {
                self.found(Finding::Forged { entries });
            } else if entries > 0 {
                self.ahead.push(checkpoint);
            } else {
                // Of the empty log: there is nothing that could contradict it.
                self.report.checkpoints += 1;
            }
        }
        self.ahead.sort_by_key(|c| c.entries);
    }

    /// The next entry.
    pub fn entry(&mut self, link: &Link) {
        self.report.entries += 1;
        match Outcome::from_id(link.outcome) {
            Some(Outcome::Issued) => self.report.issued += 1,
            Some(_) => {}
            None => self.found(Finding::NoOutcome { place: link.place }),
        }
        let expected = self.place + 1;
        let follows = link.place == expected;
        if link.place > expected {
            self.found(Finding::Gap { from: expected, to: link.place - 1 });
        }
        if link.computed(&self.log, link.place) != link.hash {
            match self.misfits.len() {
                FINDINGS => self.report.more += 1,
                _ => self.misfits.push(*link),
            }
        } else if follows && link.previous != self.report.hash {
            // The entry before was changed with its hash, or this one was replaced by another whole one.
            self.found(Finding::Broken { place: link.place });
        }
        self.place = link.place;
        self.report.hash = link.hash;
        while let Some(checkpoint) = self.ahead.first().filter(|c| c.entries <= self.place).cloned() {
            self.ahead.remove(0);
            if checkpoint.entries == self.place && checkpoint.hash == self.report.hash {
                self.report.checkpoints += 1;
            } else {
                self.found(Finding::Rewritten { entries: checkpoint.entries });
            }
        }
    }

    /// The end of the log. `noted` is the number of entries and the last hash that the store itself has noted.
    pub fn finish(mut self, noted: Option<(u64, [u8; 32])>) -> Report {
        // An entry that was moved as a whole gives its hash with the number of the place from where it comes.
        let places: Vec<u64> = self.misfits.iter().map(|m| m.place).collect();
        for misfit in core::mem::take(&mut self.misfits) {
            let place = misfit.place;
            let from = places.iter().copied().find(|p| misfit.computed(&self.log, *p) == misfit.hash);
            self.found(from.map_or(Finding::Edited { place }, |from| Finding::Moved { place, from }));
        }
        let entries = self.place;
        if let Some(last) = self.ahead.last().map(|c| c.entries) {
            self.found(Finding::Truncated { entries, signed: last });
        }
        if let Some((noted, _)) = noted.filter(|noted| *noted != (entries, self.report.hash)) {
            self.found(Finding::Head { entries, noted });
        }
        self.report
    }

    fn found(&mut self, finding: Finding) {
        if self.report.findings.len() < FINDINGS {
            self.report.findings.push(finding);
        } else {
            self.report.more += 1;
        }
    }
}
