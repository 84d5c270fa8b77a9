//! `docs/checks.md` against SPEC.md, the code and the tests: nothing left out, nothing invented, nothing moved.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn read(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// One row of the table.
#[derive(Debug)]
struct Row {
    /// `5.5` or `5.5 row 7`.
    requirement: String,
    /// File, line and what stands there.
    code: (String, usize, String),
    tests: Vec<(String, String)>,
}

/// The content of a cell in backticks, with `\|` for the bar.
fn bare(cell: &str) -> String {
    cell.trim().trim_matches('`').replace("\\|", "|")
}

/// The cells of a table row.
fn cells(line: &str) -> Vec<String> {
    let line = line.replace("\\|", "\0");
    line.trim_matches('|').split('|').map(|c| c.replace('\0', "\\|").trim().to_owned()).collect()
}

fn table() -> Vec<Row> {
    let page = read("docs/checks.md").unwrap();
    let lines = page.lines().skip_while(|l| !l.starts_with("| ---")).skip(1).filter(|l| l.starts_with('|'));
    let rows: Vec<Row> = lines.map(row).collect();
    assert!(rows.len() > 150, "the table was not found");
    rows
}

fn row(line: &str) -> Row {
    let cells = cells(line);
    let [requirement, code, text, tests] = cells.as_slice() else { panic!("four cells: {line}") };
    let tests = tests.split(',').map(bare).map(|t| test(&t)).collect();
    let code = bare(code);
    let (file, at) = code.rsplit_once(':').unwrap_or_else(|| panic!("file and line: {line}"));
    let code = (file.to_owned(), at.parse().unwrap_or_else(|_| panic!("a line number: {code}")), bare(text));
    Row { requirement: requirement.clone(), code, tests }
}

fn test(text: &str) -> (String, String) {
    let (file, name) = text.split_once("::").unwrap_or_else(|| panic!("file::test: {text}"));
    (file.to_owned(), name.to_owned())
}

/// Every numbered requirement, and `5.5 row 7` for every row of a table of checks below one.
fn requirements(spec: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut last = String::new();
    let mut checks = false;
    for line in spec.lines() {
        if let Some(rest) = line.strip_prefix("- **") {
            let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            last = number.trim_end_matches('.').to_owned();
            assert!(last.split('.').count() > 1, "a number: {line}");
            assert!(out.insert(last.clone()), "{last} twice");
        }
        if !line.starts_with('|') {
            checks = false;
        } else if line.contains("| check of ") {
            checks = true;
        } else if let (true, Ok(n)) = (checks, cells(line)[0].parse::<u32>()) {
            assert!(out.insert(format!("{last} row {n}")), "{line}");
        }
    }
    out
}

#[test]
fn every_requirement_has_a_row_and_every_row_a_requirement() {
    let required = requirements(&read("SPEC.md").unwrap());
    assert!(
        required.len() > 140 && required.contains("5.5 row 19") && required.contains("5.5.3 row 9"),
        "{required:?}"
    );
    let rows = table();
    let covered: BTreeSet<String> = rows.iter().map(|r| r.requirement.clone()).collect();
    let missing: Vec<_> = required.difference(&covered).collect();
    let invented: Vec<_> = covered.difference(&required).collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    assert!(invented.is_empty(), "not in SPEC.md: {invented:?}");
}

/// Line numbers on which `text` stands.
fn lines_of(source: &str, text: &str) -> Vec<usize> {
    (1..).zip(source.lines()).filter(|(_, l)| l.contains(text)).map(|(n, _)| n).collect()
}

#[test]
fn every_line_holds_what_its_row_says() {
    let mut sources = BTreeMap::new();
    let (mut wrong, mut print) = (Vec::new(), read("docs/checks.md").unwrap());
    for row in table() {
        let (file, line, text) = row.code;
        let source = sources.entry(file.clone()).or_insert_with(|| read(&file));
        let Some(source) = source else {
            wrong.push(format!("{}: there is no {file}", row.requirement));
            continue;
        };
        let found = lines_of(source, &text);
        // Where it stands several times, the nearest one is meant.
        let Some(now) = found.iter().copied().min_by_key(|n| n.abs_diff(line)) else {
            wrong.push(format!("{}: {file} has no more `{text}`", row.requirement));
            continue;
        };
        if now != line {
            wrong.push(format!("{}: `{text}` is now at {file}:{now}, not :{line}", row.requirement));
            let cell = |n| format!("| {} | `{file}:{n}` | `{}` |", row.requirement, text.replace('|', "\\|"));
            print = print.replace(&cell(line), &cell(now));
        }
    }
    if std::env::var("IBAKE_CHECKS").is_ok_and(|v| v == "print") {
        println!("{print}");
        return;
    }
    assert!(wrong.is_empty(), "docs/checks.md (see its head for how to print it anew):\n{}", wrong.join("\n"));
}

/// Names of the tests of a file: `fn` behind `#[test]`, also inside `proptest!`; and names given to a macro of the same file
/// that makes tests of them.
fn tests_of(source: &str) -> BTreeSet<String> {
    let word = |l: &str| l.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("").to_owned();
    let mut out = BTreeSet::new();
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    for (i, _) in lines.iter().enumerate().filter(|(_, l)| **l == "#[test]") {
        let mut next = lines[i + 1..].iter().skip_while(|l| l.starts_with("#[") || l.starts_with("//"));
        if let Some(name) = next.next().and_then(|l| l.strip_prefix("fn ")) {
            out.insert(word(name));
        }
    }
    for definition in source.split("macro_rules! ").skip(1) {
        let (name, rest) = (word(definition), definition);
        let body = rest.split("\n}").next().unwrap_or("");
        if body.contains("#[test]") {
            for call in source.split(&format!("\n{name}! {{")).skip(1) {
                let names = call.split('}').next().unwrap_or("");
                let attributes = |l: &str| l.split(']').next_back().unwrap_or("").to_owned();
                out.extend(
                    names
                        .lines()
                        .map(attributes)
                        .flat_map(|l| l.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
                        .map(|name| word(name.rsplit("::").next().unwrap_or_default())),
                );
            }
        }
    }
    out.remove("");
    out
}

#[test]
fn every_named_test_exists() {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in table() {
        for (file, name) in row.tests {
            let tests = known.entry(file.clone()).or_insert_with(|| tests_of(&read(&file).unwrap_or_default()));
            if !tests.contains(&name) {
                wrong.push(format!("{}: no test {name} in {file}", row.requirement));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_attack_on_the_server_has_its_tests() {
    let files =
        ["kgs_server/abuse.rs", "kgs_server/limits.rs", "kgs_server/main.rs", "kgs_store/main.rs", "rfc5408.rs"];
    let mut sources: Vec<String> = files.iter().map(|f| read(&format!("tests/{f}")).unwrap()).collect();
    sources.push(read("src/kgs/server/auth/guard.rs").unwrap());
    let known: BTreeSet<String> = sources.iter().flat_map(|s| tests_of(s)).collect();
    let page = read("docs/server.md").unwrap();
    let (_, attacks) = page.split_once("\n## Attacks\n").unwrap();
    let rows: Vec<_> = attacks.lines().filter(|l| l.starts_with("| ")).skip(2).map(cells).collect();
    assert!(rows.len() > 15, "{}", rows.len());
    for row in rows {
        let [attack, _, tests] = row.as_slice() else { panic!("three cells: {row:?}") };
        for name in tests.split(',').map(bare) {
            assert!(known.contains(&name), "{attack}: there is no test {name}");
        }
    }
}

#[test]
fn the_checks_of_this_file_can_fail() {
    let spec = "- **1.1** a\n- **1.2 Title** b\n\n| | check of I | error |\n| --- | --- | --- |\n| 1 | c | d |\n| line | | |\n| 2 | c | d |\n";
    let found: Vec<_> = requirements(spec).into_iter().collect();
    assert_eq!(found, ["1.1", "1.2", "1.2 row 1", "1.2 row 2"]);
    let source = "fn a() {}\n#[test]\nfn b() {}\n#[test]\n#[ignore]\nfn c() {}\nmacro_rules! m {\n    #[test]\n}\nm! { d\n #[cfg(x)] e }\n";
    let found: Vec<_> = tests_of(source).into_iter().collect();
    assert_eq!(found, ["b", "c", "d", "e"]);
    assert_eq!(lines_of("x\ny x\n", "y"), [2]);
    assert_eq!(bare(" `a \\| b` "), "a | b");
    let r = row("| 5.5 row 1 | `src/a.rs:7` | `a \\|b\\| c` | `t.rs::x`, `u.rs::y` |");
    assert_eq!(r.code, ("src/a.rs".into(), 7, "a |b| c".into()));
    assert_eq!(r.tests, [("t.rs".into(), "x".into()), ("u.rs".into(), "y".into())]);
}
