//! The demonstration holds, and says so step by step.

use std::collections::BTreeSet;

use crate::support::World;

#[test]
fn every_step_holds_and_is_reported() {
    let w = World::empty();
    let run = w.run("demo --json").ok();
    let steps = run.objects();
    let names: BTreeSet<&str> = steps.iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert!(steps.len() >= 15 && names.len() == steps.len(), "{names:?}");
    for step in &steps {
        assert_eq!(step["ok"], true, "{step}");
        assert!(step["micros"].as_u64().is_some_and(|m| m > 0), "{step}");
        assert!(step["detail"].as_str().is_some_and(|d| !d.is_empty()), "{step}");
    }
    for needed in ["call", "seal", "wrong-identity", "expired", "garbage-in", "garbage-out", "wiretap"] {
        assert!(names.contains(needed), "{needed}");
    }
    let wiretap = steps.iter().find(|s| s["step"] == "wiretap").unwrap()["detail"].as_str().unwrap();
    assert!(wiretap.contains("M1 and M2 opened") && wiretap.contains("session key: not found"), "{wiretap}");
    assert!(w.snapshot().is_empty(), "nothing is left behind");
}

#[test]
fn kept_files_and_commands_repeat_the_steps() {
    let w = World::empty();
    let run = w.run("demo --keep tour").ok();
    let commands: Vec<&str> = run.stdout.lines().filter_map(|l| l.trim().strip_prefix("$ ibake ")).collect();
    assert!(commands.len() > 30, "{}", run.stdout);
    // The steps that need no second process and no fresh directory, run again where the files are.
    let mut again = 0;
    for command in commands {
        let repeatable = ["key verify", "kgs show", "seal", "wiretap"].iter().any(|c| command.starts_with(c));
        if repeatable && !command.contains("alice-") {
            let args: Vec<&str> = command.split_whitespace().collect();
            let code = w.command(&args).current_dir(w.path("tour")).output().unwrap().status.code();
            let refused = command.contains("alice.key --params params-b.txt");
            assert_eq!(code, Some(if refused { 4 } else { 0 }), "{command}");
            again += 1;
        }
    }
    assert!(again >= 8);
    w.refuses("demo --keep tour", 5, "not empty");
}
