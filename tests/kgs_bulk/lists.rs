//! What can be wrong with a list, a user, an inbox or the requester.

use ibake::kgs::server::Refusal;
use ibake::kgs::server::audit;
use ibake::kgs::server::bulk;

use crate::postgres::sql;
use crate::support::{DAY, MACHINE, World, inbox, name, now, rule};

pub(crate) async fn bad_lines_are_named_and_no_job_is_made(w: World) {
    w.users("u", 2).await;
    let start = format!("kgs bulk start --from list.csv --as {MACHINE} --count 2 {{O}}");
    w.write("list.csv", "sip:u0@a.example\nSip:u1@a.example\nsip:u1@a.example,,many\n\"open\nsip:u0@a.example\n");
    let run = w.run(&start).fails(3, "4 lines of list.csv are wrong");
    for line in ["list.csv:2: ", "perhaps sip:u1@a.example", "list.csv:3: ", "list.csv:4: ", "list.csv:5: "] {
        assert!(run.stderr.contains(line), "{line}: {run:?}");
    }
    let objects = w.run(&format!("--json {start}")).objects();
    assert_eq!((objects.len(), &objects[0]["line"], &objects[4]["error"]["code"]), (5, &2.into(), &"list".into()));
    // The same name twice, and with periods in common.
    w.write("list.csv", "sip:u0@a.example\nsip:u1@a.example\nsip:u0@a.example\n");
    let run = w.run(&start).fails(3, "1 line");
    assert!(run.stderr.contains("list.csv:3: the name has one of these periods in line 1 already"), "{run:?}");
    let t = now();
    w.write("list.csv", &format!("sip:u0@a.example,{t},5\nsip:u0@a.example,{},5\n", t + 4 * DAY));
    w.run(&start).fails(3, "1 line");
    w.write("list.csv", &format!("sip:u0@a.example,{t},5\nsip:u0@a.example,{},5\n", t + 5 * DAY));
    w.run(&start).ok();
    // Beyond the parameters' validity, nothing at all, not text, no file.
    w.write("list.csv", &format!("sip:u0@a.example,{}\n", t + 400 * DAY));
    assert!(w.run(&start).fails(3, "1 line").stderr.contains("list.csv:1: "));
    w.write("list.csv", "# nobody\n");
    w.run(&start).fails(3, "a job without keys");
    std::fs::write(w.path("list.csv"), [0xff, 0xfe]).unwrap();
    w.run(&start).fails(3, "not UTF-8");
    w.run(&start.replace("list.csv", "missing.csv")).fails(5, "missing.csv");
    w.write("list.csv", "sip:u0@a.example\n");
    w.run(&start.replace(MACHINE, "nobody")).fails(4, "nobody: there is no such user");
    w.run(&start.replace("--count 2", "--count 2 --serial 9")).fails(4, "serial 9");
    w.run(&start.replace("--count 2", "--count 2 --month 2026-12")).fails(2, "cannot be used");
    w.run(&start.replace("--count 2", "")).fails(2, "--month");
    w.run("kgs bulk run --job 12 --out out {O}").fails(2, "32 lower-case");
    w.run("kgs bulk run --job 00000000000000000000000000000000 --out out {O}").fails(4, "no such job");
    assert_eq!(w.run("kgs bulk status {O}").ok().stdout.lines().count(), 1, "only the good list has a job");
    assert_eq!(w.sound().await.entries, 0);
}

pub(crate) async fn what_policy_refuses_does_not_hold_up_the_rest(w: World) {
    let mut names = w.users("u", 6).await;
    let vault = w.keys.vault();
    let today = now() - now() % DAY;
    // u1 is revoked from the third day on, u2 is disabled, u3 has no inbox, u4's name is another's too, and there is no u9.
    w.run(&format!("kgs policy revoke sip:u1@a.example --from {} {{O}}", today + 2 * DAY)).ok();
    w.run("kgs user disable u2 {O}").ok();
    w.store.remove_user(vault, "u3").await.unwrap();
    w.store.add_user(vault, "u3", &[rule("sip:u3@a.example", 365, 0)], now()).await.unwrap();
    w.store.add_user(vault, "twin", &[rule("sip:u4@a.example", 365, 0)], now()).await.unwrap();
    bulk::seal_to(&w.store, vault, "twin", inbox("twin").public()).await.unwrap();
    // Whoever has a right to u5's name but no inbox does not stand in u5's way, nor does a rule for the whole host.
    w.store.add_user(vault, "helper", &[rule("sip:u5@a.example", 365, 0)], now()).await.unwrap();
    w.store.add_user(vault, "host", &[rule("sip:*@a.example", 365, 0)], now()).await.unwrap();
    bulk::seal_to(&w.store, vault, "host", inbox("host").public()).await.unwrap();
    names.push("sip:u9@a.example".into());
    names.push("tel:+15551".into());
    let job = w.start(&names, "--count 3 --chunk 5");
    let run = w.run(&format!("--json kgs bulk run --job {job} --out out {{O}}")).ok();
    let all = run.last();
    assert_eq!((&all["issued"], &all["refused"], &all["all"]["users"]), (&8.into(), &16.into(), &3.into()));
    let mut found: Vec<(String, String)> = Vec::new();
    for o in run.objects().iter().filter(|o| o["refused"].is_string()) {
        found.push((o["name"].as_str().unwrap().into(), o["refused"].as_str().unwrap().into()));
    }
    let times = |of: &str, why: &str| found.iter().filter(|(n, w)| n == of && w == why).count();
    for (of, why, n) in [
        ("sip:u1@a.example", "revoked", 1),
        ("sip:u2@a.example", "disabled", 3),
        ("sip:u3@a.example", "unsealable", 3),
        ("sip:u4@a.example", "recipient", 3),
        ("sip:u9@a.example", "recipient", 3),
        ("tel:+15551", "recipient", 3),
    ] {
        assert_eq!(times(of, why), n, "{of} {why}: {found:?}");
    }
    let csv = std::fs::read_to_string(w.path("out").join(format!("refused.{}.csv", &job[..8]))).unwrap();
    assert_eq!(csv.lines().count(), 17);
    assert!(csv.contains(&format!("\"sip:u1@a.example\",{},decrypt,revoked\n", today + 2 * DAY)), "{csv}");
    // The text for people names what to do.
    let text = w.run(&format!("kgs bulk status --job {job} {{O}}")).ok();
    assert!(text.stdout.contains("16 of them refused") && text.stderr.contains("ibake kgs user seal-to"), "{text:?}");
    // Refusals stand in the log like those of requests.
    let report = w.sound().await;
    assert_eq!((report.entries, report.issued), (24, 8));
    let owned = audit::owned(&w.store, vault, &name("sip:u1@a.example"), 0).await.unwrap();
    assert_eq!(owned.iter().filter(|o| o.link.outcome == Refusal::Revoked.id()).count(), 1);
    w.complete(&names, 8, &["out"]).await;
}

pub(crate) async fn inboxes_are_read_when_keys_are_issued(w: World) {
    let names = w.users("u", 2).await;
    // What nothing can be sealed to is refused when it is registered; what is no key at all by the program.
    let zero = "0".repeat(64);
    w.run(&format!("kgs user seal-to u0 {zero} {{O}}")).fails(3, "nothing can be sealed");
    w.run(&format!("kgs user add new --seal-to {zero} {{O}}")).fails(3, "nothing can be sealed");
    w.run("kgs user seal-to u0 12 {O}").fails(2, "64 hexadecimal digits");
    let other = base16ct::lower::encode_string(inbox("other").public());
    w.run(&format!("kgs user seal-to nobody {other} {{O}}")).fails(4, "no such user");
    assert!(!w.run("kgs user list {O}").ok().stdout.contains("new "));
    let job = w.start(&names, "--count 4");
    // Replaced after the job was made: the old inbox gets nothing.
    w.run(&format!("kgs user seal-to u0 {other} {{O}}")).ok();
    w.finish(&job, "out");
    let bytes = std::fs::read(w.path("out").join(format!("u0.{}.keys", &job[..8]))).unwrap();
    let bundle = ibake::kgs::bundle::Bundle::from_bytes(&bytes).unwrap();
    let part = &bundle.parts[0];
    assert_eq!(&part.recipient, inbox("other").public());
    assert!(bundle.open(part, &inbox("u0")).is_err());
    assert_eq!(bundle.open(part, &inbox("other")).unwrap().keys.len(), 4);
    // Written past the program, an inbox is noticed: whoever has the database alone cannot have keys sealed to themselves.
    let job = w.start(&names, &format!("--count 4 --at {}", now() + 20 * DAY));
    let evil = base16ct::lower::encode_string(inbox("evil").public());
    let blob = if w.address.starts_with("sqlite:") { format!("x'{evil}'") } else { format!("'\\x{evil}'") };
    sql(&w.address, "CREATE TABLE kept AS SELECT * FROM recipients").await;
    sql(&w.address, &format!("UPDATE recipients SET sealing = {blob} WHERE owner = 'u1'")).await;
    w.run(&format!("kgs bulk run --job {job} --out out2 {{O}}")).fails(4, "\"recipients\"");
    // No command goes over it as if nothing had been.
    w.run(&format!("kgs user seal-to u1 {other} {{O}}")).fails(1, "\"recipients\"");
    sql(&w.address, "DELETE FROM recipients; INSERT INTO recipients SELECT * FROM kept").await;
    w.run(&format!("kgs user seal-to u1 {other} {{O}}")).ok();
    // Nor by giving somebody else's name to a user of theirs.
    sql(&w.address, "UPDATE rules SET pattern = 'sip:u0@a.example' WHERE owner = 'u1'").await;
    w.run(&format!("kgs bulk run --job {job} --out out2 {{O}}")).fails(4, "\"rules\"");
    assert_eq!(w.sound().await.issued, 8);
}

pub(crate) async fn a_requester_that_is_stopped_stops_the_job(w: World) {
    let names = w.users("u", 5).await;
    let vault = w.keys.vault();
    w.store.set_rule(vault, MACHINE, &rule("*", 365, 10)).await.unwrap();
    // Ten a day: chunks are no larger, so that what may be issued is issued.
    let job = w.start(&names, "--count 5");
    let run = format!("kgs bulk run --job {job} --out out {{O}}");
    w.run(&run).fails(4, "has had all keys of today");
    let status = || w.run(&format!("--json kgs bulk status --job {job} {{O}}")).ok().last();
    assert_eq!((&status()["done"], &status()["chunks"], &status()["refused"]), (&10.into(), &3.into(), &0.into()));
    assert!(!w.path("out").exists(), "nothing is written before all is there");
    w.run(&format!("kgs user disable {MACHINE} {{O}}")).ok();
    w.run(&run).fails(4, "is disabled or gone");
    w.run(&format!("kgs user disable {MACHINE} --undo {{O}}")).ok();
    w.store.set_rule(vault, MACHINE, &rule("*", 365, 100)).await.unwrap();
    w.run(&run).ok();
    w.complete(&names, 25, &["out"]).await;
    // Less than one period may never be issued: said at once.
    w.store.set_rule(vault, MACHINE, &rule("*", 365, 1)).await.unwrap();
    w.write("list.csv", &names.join("\n"));
    let start = format!("kgs bulk start --from list.csv --as {MACHINE} --count 1 --for both {{O}}");
    w.run(&start).fails(3, "more than a chunk");
    // An epoch that is retired in the middle refuses the rest, and the job ends.
    w.store.set_rule(vault, MACHINE, &rule("*", 365, 0)).await.unwrap();
    let late = w.start(&names, &format!("--count 2 --at {}", now() + 30 * DAY));
    w.run("kgs store rotate {O}").ok();
    w.run("kgs store retire 1 {O}").ok();
    let all = w.finish(&late, "out3");
    assert_eq!((&all["issued"], &all["refused"]), (&0.into(), &10.into()));
    w.sound().await;
}

pub(crate) async fn results_that_are_taken_away_are_missed(w: World) {
    let names = w.users("u", 3).await;
    let job = w.start(&names, "--count 2");
    w.finish(&job, "out");
    sql(&w.address, "DELETE FROM bulk_results WHERE owner = 'u1'").await;
    w.run(&format!("kgs bulk run --job {job} --out out {{O}}")).fails(1, "\"bulk_results\"");
    // Nor can one chunk's orders stand in for another's.
    let job = w.start(&names, &format!("--count 2 --chunk 2 --at {}", now() + 20 * DAY));
    let copy = "UPDATE bulk_orders SET sealed = (SELECT sealed FROM bulk_orders AS o WHERE o.job = bulk_orders.job AND o.place = 0) \
                WHERE place = 1";
    sql(&w.address, copy).await;
    w.run(&format!("kgs bulk run --job {job} --out out2 {{O}}")).fails(1, "\"bulk_orders\"");
}
