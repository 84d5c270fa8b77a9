//! Measures the rows of the batch table, prints them, and writes them into a page and charts.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each user takes its part

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use rayon::ThreadPool;

use super::batch_world::{Rival, Users, Work};
use super::timing::{Clock, Plan, Rounds, interleave_within, processor};
use super::{bound, plot};

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    pub work: Work,
    /// Items of a batch.
    pub n: usize,
    pub threads: usize,
    pub budget: Duration,
    pub least: usize,
    pub most: usize,
    /// Against all rivals, or only the first.
    pub all: bool,
    /// Several threads against one too.
    pub scaling: bool,
}

struct Row {
    work: Work,
    rival: Rival,
    n: usize,
    threads: usize,
    ours: f64,
    by_hand: f64,
    ratio: f64,
}

/// What has been measured.
pub struct Report {
    rows: Vec<Row>,
    comments: Vec<String>,
    checked: Vec<(Work, usize)>,
    /// Work, items, threads, and how many times faster than one thread: ours and by hand.
    scaling: Vec<(Work, usize, usize, f64, f64)>,
}

/// A pool of its own.
pub fn pool(threads: usize) -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

impl Report {
    pub const fn new() -> Self {
        Self { rows: Vec::new(), comments: Vec::new(), checked: Vec::new(), scaling: Vec::new() }
    }

    fn say(&mut self, comment: String) {
        println!("# {comment}");
        self.comments.push(comment);
    }

    /// The machine and the method.
    pub fn head(&mut self) {
        let (model, flags) = processor();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.say(format!("processor: {model}, {} cores; flags: {flags}", cores));
        #[cfg(target_arch = "x86_64")]
        let adx = std::is_x86_feature_detected!("adx");
        #[cfg(not(target_arch = "x86_64"))]
        let adx = false;
        self.say(format!(
            "rival: blst {}, built to choose at run time; its multiplication with ADX: {}",
            locked("blst"),
            if adx { "yes" } else { "no" }
        ));
        let rustc = std::process::Command::new("rustc").arg("--version").output();
        let rustc = rustc.map_or("unknown".into(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
        self.say(format!("compiler: {rustc}; engine: {}", ibake::batch::engine()));
        self.say(
            "one thread: its processor time; several: elapsed time, ours and by hand on the same rayon pool".into(),
        );
        println!("work\tbatch\tthreads\tpath\tours_us\tby_hand_us\tratio");
    }

    /// Measures one row, or one for each rival, after all sides have given the same bytes.
    pub fn measure(&mut self, users: &Users, measure: &Measure) {
        let Measure { work, n, threads, budget, least, most, all, scaling } = *measure;
        let rivals = &work.rivals()[..if all && threads == 1 { work.rivals().len() } else { 1 }];
        if !self.checked.contains(&(work, n)) {
            users.check(work, &work.rivals()[..if all { work.rivals().len() } else { 1 }], n);
            self.checked.push((work, n));
        }
        let clock = if threads == 1 { Clock::Thread } else { Clock::Wall };
        let plan = Plan { clock, slice: Duration::from_millis(5), budget, least, most };
        let (one, many) = (pool(1), pool(threads));
        let rounds = if threads == 1 {
            // The thread that the pool has is the one whose time counts.
            one.install(|| {
                let mut ours = || users.ours(work, n);
                let mut hand: Vec<_> = rivals.iter().map(|r| move || users.by_hand(work, *r, n)).collect();
                let mut turns: Vec<&mut dyn FnMut()> = vec![&mut ours];
                turns.extend(hand.iter_mut().map(|f| f as &mut dyn FnMut()));
                interleave_within(&mut turns, &plan)
            })
        } else {
            let mut turns: [&mut dyn FnMut(); 4] = [
                &mut || many.install(|| users.ours(work, n)),
                &mut || many.install(|| users.by_hand(work, Rival::ByHand, n)),
                &mut || one.install(|| users.ours(work, n)),
                &mut || one.install(|| users.by_hand(work, Rival::ByHand, n)),
            ];
            interleave_within(&mut turns[..if scaling { 4 } else { 2 }], &plan)
        };
        for (i, rival) in rivals.iter().enumerate() {
            self.row(measure, *rival, &rounds, i + 1);
        }
        if threads > 1 && scaling {
            let (ours, hand) = (rounds.faster(0, 2), rounds.faster(1, 3));
            self.scaling.push((work, n, threads, ours.median, hand.median));
            self.say(format!(
                "  {work} {n}: {threads} threads against one, elapsed: ours {ours:.2}, by hand {hand:.2} times as fast"
            ));
        }
    }

    fn row(&mut self, measure: &Measure, rival: Rival, rounds: &Rounds, i: usize) {
        let Measure { work, n, threads, .. } = *measure;
        let (a, b, ratio) = (rounds.time(0), rounds.time(i), rounds.faster(0, i));
        let (ours, by_hand) = (a.median / n as f64, b.median / n as f64);
        let path = ibake::batch::engine();
        println!("{work}{}\t{n}\t{threads}\t{path}\t{ours:.2}\t{by_hand:.2}\t{:.3}", rival.suffix(), ratio.median);
        println!("#   {} rounds, ratio with quartiles {ratio:.3}", rounds.len());
        self.rows.push(Row { work, rival, n, threads, ours, by_hand, ratio: ratio.median });
    }

    /// What false keys among `n` cost.
    pub fn false_keys(&mut self, users: &Users, n: usize) {
        let plan =
            Plan { clock: Clock::Thread, slice: Duration::ZERO, budget: Duration::from_secs(5), least: 2, most: 11 };
        let rounds = pool(1).install(|| {
            let mut singly = || users.verify_singly(n);
            let mut batches = [0, 1, 10, n].map(|bad| move || users.verify_with_false(n, bad));
            let mut turns: Vec<&mut dyn FnMut()> = vec![&mut singly];
            turns.extend(batches.iter_mut().map(|f| f as &mut dyn FnMut()));
            interleave_within(&mut turns, &plan)
        });
        let us = |i: usize| rounds.time(i).median / n as f64;
        self.say(format!("false keys among {n}, one thread: {:.1} us a key if all are good", us(1)));
        for (bad, i) in [(1, 2), (10, 3)] {
            let times = rounds.faster(1, i).median;
            self.say(format!("  {bad} false: {:.1} us a key, {times:.2} times as long", us(i)));
        }
        let (alone, times) = (us(0), rounds.faster(0, 4).median);
        self.say(format!("  all false: {:.1} us a key, {times:.2} times as long as one by one ({alone:.1})", us(4)));
    }

    /// What the multiplier allows.
    pub fn tail(&mut self) {
        let Some(ns) = bound::multiply_add_ns() else {
            self.say("no AVX-512 IFMA here, so no bound".into());
            return;
        };
        let at_least = bound::PAIRINGS8 as f64 * ns / 8000.0;
        self.say(format!(
            "bound: eight pairings take {} multiply-adds, at {ns:.3} ns each {at_least:.1} us a pairing",
            bound::PAIRINGS8
        ));
        let measured = self.rows.iter().filter(|r| r.work == Work::Pairings && r.threads == 1 && r.n >= 64);
        let best = measured.map(|r| r.ours).fold(f64::INFINITY, f64::min);
        if ibake::batch::engine() == "avx512" && best.is_finite() {
            self.say(format!("a pairing of ours takes {:.2} times the bound", best / at_least));
        }
    }

    /// The charts.
    pub fn plot(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let line = |work: &Work| {
            let rows = self.rows.iter().filter(|r| r.work == *work && r.threads == 1 && r.rival == Rival::ByHand);
            (work.to_string(), rows.map(|r| (r.n as f64, r.ratio)).collect())
        };
        let lines: Vec<plot::Line> = Work::ALL.iter().map(line).collect();
        let title = "Times faster than by hand on blst, one thread";
        fs::write(
            dir.join("ratio_by_batch.svg"),
            plot::chart(title, ["items of a batch", "ratio"], true, 1.0, &lines),
        )?;
        if self.scaling.is_empty() {
            return Ok(());
        }
        let largest = self.scaling.iter().map(|s| s.1).max().unwrap_or(0);
        let line = |work: &Work| {
            let rows = self.scaling.iter().filter(|s| s.0 == *work && s.1 == largest);
            let points = std::iter::once((1.0, 1.0)).chain(rows.map(|s| (s.2 as f64, s.3)));
            (work.to_string(), points.collect())
        };
        let lines: Vec<plot::Line> = Work::ALL.iter().map(line).collect();
        let title = format!("Times faster than one thread, batches of {largest}");
        fs::write(dir.join("speed_by_threads.svg"), plot::chart(&title, ["threads", "times"], false, 1.0, &lines))
    }

    fn markdown(&self) -> String {
        let mut out = String::from("```text\n");
        self.comments.iter().for_each(|c| _ = writeln!(out, "{c}"));
        out += "```\n\n| work | batch | threads | ours, us | by hand, us | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |\n";
        for r in &self.rows {
            let name = format!("{}{}", r.work, r.rival.suffix());
            _ = writeln!(
                out,
                "| {name} | {} | {} | {:.1} | {:.1} | {:.2} |",
                r.n, r.threads, r.ours, r.by_hand, r.ratio
            );
        }
        out
    }

    /// Puts the table between the marks of a page.
    pub fn write_into(&self, page: &Path) -> io::Result<()> {
        const BEGIN: &str = "<!-- table -->\n";
        const END: &str = "<!-- end of table -->";
        let text = fs::read_to_string(page)?;
        let parts = text.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
        let (head, rest) = parts.ok_or_else(|| io::Error::other("the page has no marks"))?;
        fs::write(page, format!("{head}{BEGIN}\n{}\n{END}{rest}", self.markdown()))
    }
}

/// The version of a crate in the lock file.
fn locked(name: &str) -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let after = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map_or("", |(_, rest)| rest);
    after.split('"').next().unwrap_or("")
}
