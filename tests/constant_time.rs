//! No branch and no address depends on a secret: every operation under valgrind's memcheck, with its secrets marked. What is
//! run, and what such a run cannot see, is in `docs/constant-time.md`; here it is run, and held against that page.
// Once is enough: the runs build what they need, whatever the features of this build.
#![cfg(all(feature = "blst", not(feature = "hazmat")))]
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Names = BTreeSet<String>;

/// Backend, path of it, features of the build, and the function that must be seen multiplying.
const RUNS: &[(&str, &str, &[&str], Option<&str>)] = &[
    ("blst", "no-adx", &["--features", "blst"], Some("mul_mont_384")),
    ("blst", "adx", &["--features", "blst"], Some("mulx_mont_384")),
    ("portable", "rust", &[], None),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// What stands between `before` and `after` in each line, where both are found.
fn between<'a>(text: &'a str, before: &str, after: &str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.split_once(before)?.1.split_once(after)).map(|(name, _)| name)
}

/// The names in `const NAME: .. = &[ .. ];`.
fn list(text: &str, name: &str) -> Vec<String> {
    let body = text.split_once(&format!("const {name}: ")).unwrap().1.split_once("];").unwrap().0;
    body.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The cases that the program has, read from its source.
fn cases() -> Names {
    let folder = "tests/constant_time/src/cases/";
    let mut all = Names::new();
    for file in ["batch.rs", "curve.rs", "dh.rs", "ibe.rs", "keys.rs", "kgs.rs", "lockstep.rs", "mikey.rs"] {
        all.extend(list(&read(&format!("{folder}{file}")), "CASES"));
    }
    for (file, prefix) in [("exchange.rs", "exchange"), ("calls.rs", "call")] {
        let text = read(&format!("{folder}{file}"));
        for step in list(&text, "STEPS") {
            all.extend(list(&text, "CASES").iter().map(|run| format!("{prefix}-{step}-{run}")));
        }
    }
    assert!(all.len() > 90, "the cases were not found");
    all
}

fn traps() -> Names {
    list(&read("tests/constant_time/src/cases/traps.rs"), "TRAPS").into_iter().collect()
}

/// The points at which the library lets go, read from its source.
fn points() -> Names {
    fn walk(dir: &Path, out: &mut Names) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                for door in ["declassify::verdict(\"", "declassify::published(\"", ".published(\""] {
                    out.extend(between(&text, door, "\"").map(str::to_owned));
                }
            }
        }
    }
    let mut all = Names::new();
    walk(&root().join("src"), &mut all);
    assert!(all.len() > 15, "the points were not found");
    all
}

/// The exceptions, each with the lines that it lets pass: `file:line`, never a whole function or file.
fn exceptions() -> BTreeMap<String, Vec<String>> {
    let text = read("tests/constant_time/exceptions.supp");
    let all: BTreeMap<_, _> = text.split("{\n").skip(1).map(exception).collect();
    assert_eq!(all.len(), text.matches("Memcheck:").count(), "an exception has no name of its own");
    all
}

fn exception(entry: &str) -> (String, Vec<String>) {
    let mut lines = entry.split('}').next().unwrap().lines().map(str::trim);
    let (name, _kind) = (lines.next().unwrap().to_owned(), lines.next().unwrap());
    let frames: Vec<&str> = lines.filter(|l| !l.is_empty()).collect();
    let places: Vec<String> = frames.iter().filter_map(|f| f.strip_prefix("src:*")).map(str::to_owned).collect();
    let numbered = |place: &String| place.split_once(':').is_some_and(|(_, line)| line.parse::<u32>().is_ok());
    assert!(!places.is_empty() && places.iter().all(numbered), "{name} names no line: {frames:?}");
    // The line that reports. Of lines into which it has been inlined memcheck can match the functions only.
    assert!(frames[0].starts_with("src:"), "{name}: {frames:?}");
    (name, places)
}

/// The rows of the table below a heading of the page, as cells.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = read("docs/constant-time.md");
    let section = page.split_once(&format!("\n## {heading}\n")).expect(heading).1.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|l| l.starts_with('|')).skip(2);
    rows.map(|l| l.trim_matches('|').split(" | ").map(|c| c.trim().to_owned()).collect()).collect()
}

/// The names in backticks of a cell.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The first column of a table, each name once.
fn first_column(heading: &str) -> Names {
    let rows = table(heading);
    let names: Names = rows.iter().flat_map(|r| quoted(&r[0]).map(str::to_owned)).collect();
    assert_eq!(names.len(), rows.len(), "{heading}: a row is there twice or has no name");
    names
}

#[test]
fn every_row_has_its_case_and_every_case_its_row() {
    let suites = list(&read("tests/constant_time/src/cases/exchange.rs"), "CASES");
    let (mut rows, mut used) = (Names::new(), Names::new());
    let known: Names = exceptions().into_keys().collect();
    for row in table("Operations") {
        let [operation, evidence, backends, command, excepted] = &row[..] else { panic!("{row:?}") };
        assert_eq!(backends, "all three", "{operation}");
        assert!(command.split(", ").all(|c| ["A", "B"].contains(&c)), "{operation}: {command}");
        for name in quoted(evidence) {
            let names: Vec<String> = match name.strip_suffix('*') {
                Some(step) => suites.iter().map(|suite| format!("{step}{suite}")).collect(),
                None => vec![name.to_owned()],
            };
            for name in names {
                assert!(rows.insert(name.clone()), "{name} stands in two rows");
            }
        }
        for group in quoted(excepted) {
            let of_group: Vec<_> = known.iter().filter(|e| e.starts_with(group)).cloned().collect();
            assert!(!of_group.is_empty(), "{operation}: there is no exception {group}");
            used.extend(of_group);
        }
    }
    assert_eq!(rows, cases());
    assert_eq!(used, known, "an exception stands in no row");
    assert_eq!(first_column("Traps"), traps());
}

#[test]
fn every_point_and_every_exception_has_its_argument() {
    assert_eq!(first_column("What is let go"), points());
    let known = exceptions();
    assert_eq!(first_column("Exceptions"), known.keys().cloned().collect());
    for row in table("Exceptions") {
        for place in &known[quoted(&row[0]).next().unwrap()] {
            assert!(row[1].contains(place), "{row:?} does not name {place}");
        }
    }
    for heading in ["What is let go", "Exceptions"] {
        for row in table(heading) {
            assert!(row.last().unwrap().len() >= 8, "{heading}: {row:?} says nothing");
        }
    }
}

/// Lines below `[name]` of a manifest, without comments.
fn section(manifest: &str, name: &str) -> BTreeMap<String, String> {
    let body = manifest.split_once(&format!("\n[{name}]\n")).unwrap().1.split("\n[").next().unwrap();
    let pairs = body.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(" = "));
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Another compiler setting or another release of a crate would be another program.
#[test]
fn what_is_run_is_what_ships() {
    let (ours, theirs) = (read("Cargo.toml"), read("tests/constant_time/Cargo.toml"));
    let mut profile = section(&theirs, "profile.release");
    assert_eq!(profile.remove("debug").as_deref(), Some("\"line-tables-only\""));
    assert_eq!(profile, section(&ours, "profile.release"));
    for name in ["blst", "rand_core", "subtle"] {
        let line = |manifest: &str| section(manifest, "dependencies")[name].replace(", optional = true", "");
        assert_eq!(line(&ours), line(&theirs));
    }
    let packages = |lock: &str| -> Names {
        lock.split("[[package]]\n").skip(1).map(|p| p.lines().take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    let (ours, theirs) = (packages(&read("Cargo.lock")), packages(&read("tests/constant_time/Cargo.lock")));
    let other: Vec<_> = theirs.difference(&ours).filter(|p| !p.starts_with("name = \"constant_time\"")).collect();
    assert!(theirs.len() > 40 && other.is_empty(), "other releases than the package's: {other:?}");
}

/// What one run gave.
struct Run {
    lines: Vec<String>,
    report: String,
}

fn build(backend: &str, features: &[&str]) -> PathBuf {
    let target = root().join("target/constant_time").join(backend);
    let manifest = root().join("tests/constant_time/Cargo.toml");
    let done = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target)
        .args(features)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    target.join("release/constant_time")
}

fn run(program: &Path, path: &str) -> Run {
    let done = Command::new("valgrind")
        .args(["--tool=memcheck", "--error-limit=no", "--num-callers=40", "--leak-check=no", "--show-error-list=yes"])
        .arg(format!("--suppressions={}", root().join("tests/constant_time/exceptions.supp").display()))
        .arg(program)
        .arg(if path == "adx" { "adx" } else { "no-adx" })
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{report}");
    Run { lines: String::from_utf8_lossy(&done.stdout).lines().map(str::to_owned).collect(), report }
}

impl Run {
    /// What follows `kind` in the lines that begin with it.
    fn all(&self, kind: &str) -> Names {
        self.lines.iter().filter_map(|l| l.strip_prefix(kind)).map(str::to_owned).collect()
    }

    fn check(&self, backend: &str, path: &str, multiplies: Option<&str>) {
        assert_eq!(self.lines[0], format!("backend {backend} path {path} valgrind true"));
        if let Some(function) = multiplies {
            let shown = self.report.split("begin: what multiplies").nth(1).unwrap().split("end: what").next().unwrap();
            let seen = |f: &str| shown.contains(&format!(": {f} ("));
            let other = if function == "mulx_mont_384" { "mul_mont_384" } else { "mulx_mont_384" };
            assert!(seen(function) && !seen(other), "{path}: other code ran:\n{shown}");
        }
        let names: Names = self.all("case ").iter().map(|l| l.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(names, cases());
        let names: Names = self.all("trap ").iter().map(|l| l.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(names, traps());
        let failed: Vec<_> = self.lines.iter().filter(|l| l.contains(" FAILED ")).collect();
        if !failed.is_empty() {
            let report = root().join("target/constant_time").join(format!("{backend}-{path}.log"));
            fs::write(&report, &self.report).unwrap();
            panic!("{backend} {path}: {failed:#?}\nthe whole report: {}", report.display());
        }
    }

    /// Cases passed and in all, leaks caught and planted.
    fn counts(&self) -> [usize; 4] {
        let last: Vec<_> = self.lines.last().unwrap().split([' ', '/']).collect();
        let [_, passed, total, _, caught, planted] = last[..] else { panic!("{last:?}") };
        [passed, total, caught, planted].map(|n| n.parse().unwrap())
    }
}

fn valgrind() -> Option<String> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return None;
    }
    let version = Command::new("valgrind").arg("--version").output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&version.stdout).trim().to_owned())
}

#[test]
fn no_branch_and_no_address_depends_on_a_secret() {
    let Some(version) = valgrind() else {
        let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|r| r.split(',').any(|r| r == "valgrind"));
        assert!(!required, "IBAKE_REQUIRE names `valgrind`, and there is none that runs here");
        println!("skipped: no valgrind for x86-64 Linux, so no secret was marked");
        return;
    };
    let programs: BTreeMap<_, _> = RUNS.iter().map(|(backend, _, features, _)| (*backend, *features)).collect();
    let programs: BTreeMap<_, _> = programs.into_iter().map(|(b, features)| (b, build(b, features))).collect();
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            RUNS.iter().map(|(backend, path, ..)| scope.spawn(|| run(&programs[backend], path))).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let (mut used, mut reached) = (Names::new(), Names::new());
    for (run, (backend, path, _, multiplies)) in runs.iter().zip(RUNS) {
        run.check(backend, path, *multiplies);
        let [passed, total, caught, planted] = run.counts();
        println!("{version}, {backend} ({path}): passed/total {passed}/{total}, caught/planted {caught}/{planted}");
        assert!(passed == total && total == cases().len());
        assert!(caught == planted && planted >= 2 * total);
        reached.extend(run.all("point "));
        let lines = run.report.lines().filter(|l| l.contains("used_suppression:"));
        used.extend(lines.filter_map(|l| l.split_whitespace().nth(3)).map(str::to_owned));
    }
    assert_eq!(reached, points(), "a point that no case reaches is not shown to be one");
    // valgrind brings exceptions of its own for the C library; they are not ours.
    let ours: Names = exceptions().into_keys().collect();
    assert_eq!(used.intersection(&ours).cloned().collect::<Names>(), ours, "an exception is not needed");
}
