//! `ibake media`: a call, and a tone under its keys.

use std::process::{Command, Stdio};

use crate::support::World;

fn ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").stdin(Stdio::null()).output().is_ok_and(|o| o.status.success());
    let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|r| r.split(',').any(|r| r == "ffmpeg"));
    assert!(found || !required, "IBAKE_REQUIRE names `ffmpeg`, and there is none that runs here");
    if !found {
        println!("skipped: there is no ffmpeg here");
    }
    found
}

#[test]
fn the_callee_hears_the_tone_and_an_eavesdropper_nothing() {
    if !ffmpeg() {
        return;
    }
    let w = World::new();
    let taken = "--caller alice.key --caller-key-file alice.unlock --callee bob.key --callee-key-file bob.unlock \
                 --params a.txt --params b.txt";
    for (given, sentence) in [("", "two districts"), (taken, "the given keys of sip:alice@a.example")] {
        let run = w.run(&format!("--json media --seconds 1 {given}")).ok();
        let steps = run.objects();
        let step = |name: &str| steps.iter().find(|s| s["step"] == name).unwrap_or_else(|| panic!("{name}: {run:?}"));
        for s in &steps {
            assert_eq!(s["ok"], true, "{s}");
        }
        assert!(step("keys")["detail"].as_str().unwrap().starts_with(sentence), "{run:?}");
        assert_eq!(step("call")["call"]["lacks"].as_array().unwrap().len(), 0);
        let sent = step("sent")["packets"].as_u64().unwrap();
        let hertz = step("heard")["hertz"].as_f64().unwrap();
        assert!(sent >= 60 && (hertz - 440.0).abs() < 5.0, "{run:?}");
        assert_eq!((step("heard")["refused"].as_u64(), step("eavesdropper")["samples"].as_u64()), (Some(0), Some(0)));
        assert!(step("eavesdropper")["refused"].as_u64().unwrap() >= sent, "{run:?}");
        assert!(!run.stdout.contains("inline"), "{run:?}");
    }
    let text = w.run("media --seconds 1").ok().stdout;
    assert!(text.contains("the callee heard") && text.contains("an eavesdropper"), "{text}");
}

#[test]
fn without_ffmpeg_it_says_what_to_install() {
    let w = World::new();
    let run = w.refuses("media --ffmpeg ./no-ffmpeg", 1, "this command needs ffmpeg");
    assert!(run.stderr.contains("apt-get install ffmpeg") && run.stderr.contains("--ffmpeg"), "{run:?}");
    // Something that is no ffmpeg.
    w.refuses("media --ffmpeg true", 1, "without SRTP");
    assert_eq!(w.run("media --caller alice.key").code, 2);
    assert_eq!(w.run("media --params a.txt").code, 2);
}
