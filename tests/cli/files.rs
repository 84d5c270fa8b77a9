//! Sealed files of every size, across districts, and what does not open.

use crate::support::{ALICE, BOB, World, mode};

const OPEN: &str = "open f.sealed --key alice.key --key-file alice.unlock --params a.txt";

#[test]
fn files_of_every_size_come_back() {
    let w = World::new();
    for n in [0usize, 1, 65_535, 65_536, 65_537, 131_072, 300_000] {
        let content: Vec<u8> = (0..n).map(|i| (i * 7 + i / 251) as u8).collect();
        w.write("f", &content);
        w.run(&format!("seal --to {ALICE} --params a.txt --to {BOB} --params b.txt f -o f.sealed --force")).ok();
        w.run(&format!("{OPEN} -o alice.out --force")).ok();
        w.run("open f.sealed --key bob.key --key-file bob.unlock --params b.txt -o bob.out --force").ok();
        assert!(w.read("alice.out") == content && w.read("bob.out") == content, "{n} bytes");
    }
    assert_eq!((mode(&w.path("alice.out")), mode(&w.path("f.sealed"))), (0o600, 0o644));
}

#[test]
fn standard_streams_serve_too() {
    let w = World::new();
    let sealed = w.command(&["seal", "--to", ALICE, "--params", "a.txt", "--ad", "mail", "a.txt", "-o", "-"]);
    let sealed = { sealed }.output().unwrap();
    assert!(sealed.status.success() && sealed.stdout.starts_with(b"IBAKEFIL"));
    let open = "open - --key alice.key --key-file alice.unlock --params a.txt -o - --ad mail";
    let opened = w.run_with_input(open, &sealed.stdout).ok();
    assert_eq!(opened.stdout.as_bytes(), w.read("a.txt"));
    // Nothing at all reaches standard output if the end is missing.
    let cut = w.run_with_input(open, &sealed.stdout[..sealed.stdout.len() - 1]).fails(1, "does not open");
    assert_eq!(cut.stdout, "");
}

#[test]
fn altered_files_leave_nothing_behind() {
    let w = World::new();
    w.write("f", vec![7; 200_000]);
    w.run(&format!("seal --to {ALICE} --params a.txt --ad invoice f -o f.sealed")).ok();
    let open = format!("{OPEN} -o out");
    w.refuses(&open, 1, "does not open");
    w.refuses(&format!("{open} --ad Invoice"), 1, "does not open");
    let sealed = w.read("f.sealed");
    let chunk = 65_552;
    let header = sealed.len() - 200_000 - 4 * 16;
    for (bad, code, part) in [
        (sealed[..sealed.len() - 1].to_vec(), 1, "does not open"),
        (sealed[..header + 2 * chunk].to_vec(), 1, "does not open"),
        (sealed[..header].to_vec(), 1, "does not open"),
        ([&sealed[..], b"x"].concat(), 1, "does not open"),
        ([&sealed[..header + chunk], &sealed[header + 2 * chunk..]].concat(), 1, "does not open"),
        (sealed[..40].to_vec(), 3, "needs"),
        (Vec::new(), 3, "needs"),
        (b"%PDF-1.7 and more".to_vec(), 3, "sealed file"),
    ] {
        w.write("f.sealed", bad);
        w.refuses(&format!("{open} --ad invoice"), code, part);
    }
    for at in [8, 11, 20, 100, header - 1, header, sealed.len() - 1] {
        let mut bad = sealed.clone();
        bad[at] ^= 1;
        w.write("f.sealed", &bad);
        let before = w.snapshot();
        let run = w.run(&format!("{open} --ad invoice"));
        assert!((1..=4).contains(&run.code) && run.stderr.lines().count() <= 2, "{at}: {run:?}");
        assert_eq!(w.snapshot(), before);
    }
}

#[test]
fn only_recipients_open_and_the_refusal_says_what_is_needed() {
    let w = World::new();
    w.write("f", b"x");
    w.run(&format!("seal --to {ALICE} --params a.txt f -o f.sealed")).ok();
    let run = w.refuses("open f.sealed --key bob.key --key-file bob.unlock --params b.txt -o out", 4, "no key is held");
    assert!(run.stderr.contains("https://kgs-a.example, serial 1, day from"), "{run:?}");
    w.refuses(&OPEN.replace("alice.unlock", "bob.unlock").replace("a.txt", "a.txt -o out"), 4, "wrong passphrase");
    w.refuses(&OPEN.replace("a.txt", "b.txt -o out"), 4, "none of the given parameters");
    // The district served is the same, the master key is not.
    w.run("kgs init fake --district https://kgs-a.example --key-file fake.unlock").ok();
    w.issue("fake", ALICE, "mallory");
    w.run("kgs show fake --out fake.txt").ok();
    let open = "open f.sealed --key mallory.key --key-file mallory.unlock --params fake.txt -o out";
    w.refuses(open, 1, "does not open");
}

#[test]
fn a_file_can_be_sealed_for_another_day() {
    let w = World::new();
    w.write("f", b"for the archive");
    let tomorrow = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 86_400;
    w.run(&format!("seal --to {ALICE} --params a.txt --at {tomorrow} f -o f.sealed")).ok();
    w.refuses(&format!("{OPEN} -o out"), 4, "no key is held");
    let issue =
        format!("kgs issue a {ALICE} --at {tomorrow} --out next.key --key-file a.unlock --user-key-file alice.unlock");
    w.run(&issue).ok();
    // Keys of several periods can be offered at once.
    w.run(&format!("{OPEN} --key next.key -o out")).ok();
    assert_eq!(w.read("out"), b"for the archive");
    w.refuses(&format!("seal --to {ALICE} --params a.txt --at 2019-01-01 f -o g"), 4, "not valid at this time");
}

#[test]
fn who_gets_it_must_be_clear() {
    let w = World::new();
    w.write("f", b"x");
    w.refuses(&format!("seal --to {ALICE} --params a.txt --params b.txt f -o g"), 2, "2 --params for 1 --to");
    w.refuses(&format!("seal --to {ALICE} --to {ALICE} --params a.txt f -o g"), 2, "twice");
    w.refuses("seal --to Sip:alice@a.example --params a.txt f -o g", 3, "not in normal form");
    w.refuses(&format!("seal --to {ALICE} --params f f -o g"), 3, "as public parameters");
    w.refuses(&format!("seal --to {ALICE} --params a.txt nowhere -o g"), 5, "nowhere");
    w.refuses(&format!("seal --to {ALICE} --params a.txt f -o a.txt"), 5, "exists");
    w.refuses(&format!("seal --to {ALICE} --params a.txt f -o missing/g"), 5, "missing");
    w.refuses(&format!("seal --to {ALICE} --params a.txt a -o g"), 5, "directory");
}
