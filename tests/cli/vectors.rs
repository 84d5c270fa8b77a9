//! The vectors on file against what the program computes, and `vectors check` on directories that are wrong.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::World;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name)
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Number of cases of every file of ours: a case that is lost is found.
const COUNTS: [(&str, u64); 14] = [
    ("identity", 147),
    ("hash_to_curve", 6),
    ("parameters", 58),
    ("extraction", 10),
    ("verification", 21),
    ("kem", 15),
    ("key_reference", 17),
    ("box", 14),
    ("file", 25),
    ("signatures", 34),
    ("exchange", 49),
    ("calls", 44),
    ("envelope", 26),
    ("limits", 75),
];
const NEGATIVE: usize = 177;

/// Names of the files of a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Without `gt`, which builds without feature `hazmat` cannot show.
fn without_gt(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.remove("gt");
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}

#[test]
fn what_is_generated_is_what_is_on_file() {
    let w = World::empty();
    let all = json(&w.run("vectors generate").ok().stdout);
    assert_eq!(all.as_object().unwrap().len(), COUNTS.len());
    for (layer, count) in COUNTS {
        let text = w.run(&format!("vectors generate {layer}")).ok().stdout;
        let on_file = read(folder("ibake").join(format!("{layer}.json")));
        if cfg!(feature = "hazmat") || layer != "kem" {
            assert_eq!(text, on_file, "{layer}");
        } else {
            assert!(on_file.contains("\"gt\"") && !text.contains("\"gt\""));
            assert_eq!(json(&text), without_gt(json(&on_file)), "{layer}");
        }
        assert_eq!(json(&text)["numberOfTests"], count, "{layer}");
        assert_eq!(all[format!("{layer}.json")], json(&text), "{layer}");
    }
    let mut files: Vec<String> = COUNTS.iter().map(|(layer, _)| format!("{layer}.json")).collect();
    files.sort();
    assert_eq!(names(&folder("ibake")), files);
}

#[test]
fn negative_cases_and_schemas_are_those_on_file() {
    let w = World::empty();
    let texts = json(&w.run("vectors generate negative").ok().stdout);
    let texts = texts.as_object().unwrap();
    assert_eq!(texts.len(), NEGATIVE);
    for (name, text) in texts {
        assert_eq!(read(folder("negative").join(name)), text.as_str().unwrap(), "{name}");
    }
    assert_eq!(&names(&folder("negative")), &texts.keys().cloned().collect::<Vec<_>>());
    let schemas = json(&w.run("vectors generate schema").ok().stdout);
    let schemas = schemas.as_object().unwrap();
    for (name, schema) in schemas {
        assert_eq!(&json(&read(folder("schema").join(name))), schema, "{name}");
    }
    assert_eq!(&names(&folder("schema")), &schemas.keys().cloned().collect::<Vec<_>>());
}

#[test]
fn all_vectors_hold() {
    let w = World::empty();
    let total: u64 = COUNTS.iter().map(|(_, n)| n).sum();
    for (dir, total) in [("ibake", total), ("negative", NEGATIVE as u64)] {
        let path = folder(dir);
        let run = w.run(&format!("vectors check {}", path.display())).ok();
        assert!(run.stdout.ends_with(&format!("{total} passed, 0 failed\n")), "{run:?}");
        let end = w.run(&format!("--json vectors check {}", path.display())).ok().event("end");
        assert_eq!((end["passed"].as_u64(), end["failed"].as_u64()), (Some(total), Some(0)));
    }
}

/// A directory `v` with one file, altered.
fn altered(name: &str, alter: impl FnOnce(&mut Value)) -> World {
    let w = World::empty();
    let mut file = json(&read(folder("ibake").join(name)));
    alter(&mut file);
    fs::create_dir(w.path("v")).unwrap();
    w.write(&format!("v/{name}"), file.to_string());
    w
}

fn flip(value: &mut Value) {
    let text = value.as_str().unwrap().to_owned();
    let last = if text.ends_with('0') { "1" } else { "0" };
    *value = Value::from(format!("{}{last}", &text[..text.len() - 1]));
}

#[test]
fn a_wrong_value_is_named() {
    for (name, group, test, field) in [
        ("kem.json", 0, 1, "gt"),
        ("kem.json", 0, 1, "k"),
        ("kem.json", 2, 1, "K_rej"),
        ("hash_to_curve.json", 0, 2, "u1"),
        ("identity.json", 3, 0, "ID"),
        ("parameters.json", 0, 1, "pop"),
        ("extraction.json", 0, 0, "d_ID"),
        ("verification.json", 1, 0, "private_key"),
        ("key_reference.json", 2, 0, "hint"),
        ("box.json", 0, 1, "key"),
        ("file.json", 0, 1, "list"),
        ("envelope.json", 0, 3, "ikm"),
        ("exchange.json", 0, 4, "ck2"),
        ("calls.json", 0, 4, "K_BOUND"),
        ("calls.json", 5, 0, "deposit"),
    ] {
        let w = altered(name, |f| flip(&mut f["testGroups"][group]["tests"][test][field]));
        let run = w.run("vectors check v");
        assert_eq!(run.code, 1, "{name} {field}: {run:?}");
        let id = json(&read(folder("ibake").join(name)))["testGroups"][group]["tests"][test]["tcId"].clone();
        assert!(run.stdout.contains(&format!("FAILED {name} tcId {id} ")), "{run:?}");
        assert!(run.stdout.ends_with(" passed, 1 failed\n") && run.stderr.contains("1 failed"), "{run:?}");
        let run = w.run("--json vectors check v");
        assert_eq!((run.code, run.event("failed")["tcId"].clone()), (1, id));
        assert_eq!(run.event("end")["failed"], 1);
    }
}

#[test]
fn a_verdict_that_is_wrong_is_named() {
    let w = altered("limits.json", |f| f["testGroups"][0]["tests"][1]["error"] = "Identity(Empty)".into());
    let run = w.run("vectors check v");
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("refused with Identity(TooLong) instead of Identity(Empty)"), "{run:?}");
    let w = altered("identity.json", |f| {
        let test = &mut f["testGroups"][0]["tests"][0];
        test["result"] = "invalid".into();
        test["error"] = "Identity(Empty)".into();
        test.as_object_mut().unwrap().remove("form");
    });
    assert!(w.run("vectors check v").stdout.contains("accepted, Identity(Empty) expected"));
}

#[test]
fn what_is_not_of_the_schema_is_refused_before_anything_is_computed() {
    type Alter = fn(&mut Value);
    let cases: [(&str, Alter); 13] = [
        ("layer \"kme\" is not known", |f| f["layer"] = "kme".into()),
        ("algorithm \"\" is not IBAKE-V01", |f| f["algorithm"] = 1.into()),
        ("notes is missing", |f| drop(f.as_object_mut().unwrap().remove("notes"))),
        ("group type \"x\" is not known", |f| f["testGroups"][0]["type"] = "x".into()),
        ("tcId 1: sigma is missing", |f| {
            drop(f["testGroups"][0]["tests"][0].as_object_mut().unwrap().remove("sigma"));
        }),
        ("tcId 1: gt is missing", |f| drop(f["testGroups"][0]["tests"][0].as_object_mut().unwrap().remove("gt"))),
        ("tcId 1: extra is no field", |f| f["testGroups"][0]["tests"][0]["extra"] = 1.into()),
        ("sigma is not hexadecimal", |f| f["testGroups"][0]["tests"][0]["sigma"] = "0g".into()),
        ("sigma holds no bytes", |f| f["testGroups"][0]["tests"][0]["sigma"] = 7.into()),
        ("sigma has 1 bytes instead of 32", |f| f["testGroups"][0]["tests"][0]["sigma"] = "00".into()),
        ("a tcId occurs twice", |f| f["testGroups"][0]["tests"][0]["tcId"] = 2.into()),
        ("numberOfTests", |f| f["numberOfTests"] = 1.into()),
        ("flag \"Unknown\" has no note", |f| f["testGroups"][0]["tests"][0]["flags"] = vec!["Unknown"].into()),
    ];
    for (part, alter) in cases {
        altered("kem.json", alter).refuses("vectors check v", 3, part);
    }
    let w = World::empty();
    fs::create_dir(w.path("v")).unwrap();
    w.refuses("vectors check v", 3, "no file of vectors");
    w.refuses("vectors check nowhere", 5, "nowhere");
    w.write("v/a.json", "{");
    w.refuses("vectors check v", 3, "a.json: is no JSON");
    fs::remove_file(w.path("v/a.json")).unwrap();
    for (text, part) in [
        ("expect: x\n", "the line \"attack\" is missing"),
        ("attack: a\nexpect: x\nspec: 1\nlayer: nix\ngroup: g\n", "layer \"nix\" is not known"),
        ("attack: a\nexpect: x\nspec: 1\nlayer: kem\ngroup: decapsulate\nsigma: 00\n", "sigma is no field"),
    ] {
        w.write("v/a.txt", text);
        w.refuses("vectors check v", 3, part);
    }
    w.refuses("vectors generate nix", 2, "there is no layer");
}
