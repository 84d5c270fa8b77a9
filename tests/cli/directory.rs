//! Directory files and introductions: who speaks for which names.

use crate::support::{ALICE, BOB, World};

/// Two districts, of which a has introduced b.
fn introduced() -> World {
    let w = World::new();
    w.run("kgs introduce a b.txt --names +1555 --names b.example --out b.intro --key-file a.unlock").ok();
    w.write(
        "dir.toml",
        "[[district]]\nparams = \"a.txt\"\nnames = [\"a.example\"]\n\n[[district]]\nintroduction = \"b.intro\"\n",
    );
    w
}

#[test]
fn an_introduction_is_accepted_by_who_trusts_the_signer_and_by_nobody_else() {
    let w = introduced();
    let accepted = w.run("--json params accept b.intro --by a.txt --out got.txt").ok();
    let said = &accepted.objects()[0];
    assert_eq!(said["names"], serde_json::json!(["+1555", "b.example"]));
    assert_eq!(w.read("got.txt"), w.read("b.txt"));
    w.refuses("params accept b.intro --by a.txt --out got.txt", 5, "exists");
    w.refuses("params accept b.intro --by b.txt --out other.txt", 4, "another district");
    let mut bad = w.read("b.intro");
    let at = 58; // its end
    bad[at] ^= 1;
    w.write("bad.intro", bad);
    w.refuses("params accept bad.intro --by a.txt --out other.txt", 4, "signature of the introduction is false");
    w.refuses("kgs introduce a a.txt --names a.example --out own.intro --key-file a.unlock", 4, "another district");
    let bad = w.run("kgs introduce a b.txt --names B..example --out x.intro --key-file a.unlock");
    assert!(bad.code == 2 && bad.stderr.contains("wanted is a domain"), "{bad:?}");
    let shown = w.run("inspect b.intro").ok();
    assert!(
        shown.stdout.contains("https://kgs-b.example serial 1") && shown.stdout.contains("b.example"),
        "{}",
        shown.stdout
    );
}

#[test]
fn calls_follow_a_directory_file() {
    let w = introduced();
    let mut bob = w.listen("--mikey --once --key bob.key --key-file bob.unlock --directory dir.toml");
    let call = format!(
        "--json call --mikey {} --to {BOB} --key alice.key --key-file alice.unlock --directory dir.toml --timeout 60",
        bob.address
    );
    w.run(&call).ok();
    assert_eq!(bob.next()["initiator"]["name"], ALICE);
    bob.finish().ok();
    // Without MIKEY the file gives the parameters.
    let mut bob = w.listen("--once --key bob.key --key-file bob.unlock --directory dir.toml");
    bob.hang_up();
    let call = format!(
        "--json call {} --to {BOB} --key alice.key --key-file alice.unlock --directory dir.toml --timeout 60",
        bob.address
    );
    w.run(&call).ok();
    bob.finish().ok();
}

#[test]
fn what_is_wrong_with_a_directory_file_is_told_with_its_line() {
    let w = introduced();
    let good = String::from_utf8(w.read("dir.toml")).unwrap();
    let call =
        format!("call --mikey 127.0.0.1:9 --to {BOB} --key alice.key --key-file alice.unlock --directory bad.toml");
    for (text, part) in [
        (good.replace("names = [\"a.example\"]", "names = [\"A.example\"]"), "bad.toml:3: \"A.example\""),
        (good.replace("names", "name"), "bad.toml:3: \"name\" is not known"),
        (good.replace("introduction", "names = \"b.example\"\nintroduction"), "bad.toml:5: a district has params"),
        (good.replace("params = \"a.txt\"", "params = \"b.txt\""), "bad.toml:6: b.intro: no district pinned"),
        (good.replace("params = \"a.txt\"", "params = [\"a.txt\", \"b.txt\"]"), "bad.toml:2: parameters of several"),
        (good.replace("[[district]]", "[[distrikt]]"), "bad.toml:1: only [[district]]"),
        (good.replace("\"a.txt\"", "a.txt"), "bad.toml:2:"),
        (good.replace("\"a.txt\"", "7"), "bad.toml:2: a text is wanted"),
        (String::new(), "bad.toml:1: there is no district"),
    ] {
        w.write("bad.toml", &text);
        w.refuses(&call, 3, part);
    }
    // Somebody else's word about a district that is pinned.
    let both = format!("{good}\n[[district]]\nparams = \"b.txt\"\nnames = [\"b.example\"]\n");
    w.write("bad.toml", both);
    w.refuses(&call, 3, "bad.toml:6: b.intro: https://kgs-b.example is known otherwise");
    w.write("bad.toml", good.replace("a.txt", "none.txt"));
    w.refuses(&call, 5, "none.txt");
    let neither = format!("call --mikey 127.0.0.1:9 --to {BOB} --key alice.key --key-file alice.unlock");
    let neither = w.run(&neither);
    assert!(neither.code == 2 && neither.stderr.contains("--params"), "{neither:?}");
}
