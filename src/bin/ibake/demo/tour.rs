//! The steps.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::calls::{Call, call, ready};
use super::{FREE, Stage, many};
use crate::when;

const DAY: u64 = 86_400;
const DISTRICTS: [&str; 2] = ["https://kgs-a.example", "https://kgs-b.example"];
const PARAMS: [&str; 2] = ["params-a.txt", "params-b.txt"];
const DIRS: [&str; 2] = ["kgs-a", "kgs-b"];
const UNLOCKS: [&str; 2] = ["kgs-a.unlock", "kgs-b.unlock"];

/// Somebody with a key.
pub(super) struct User {
    pub(super) name: &'static str,
    pub(super) key: String,
    pub(super) unlock: String,
    in_b: bool,
}

impl User {
    fn new(short: &str, name: &'static str, in_b: bool) -> Self {
        Self { name, key: format!("{short}.key"), unlock: format!("{short}.unlock"), in_b }
    }

    fn of<'t>(&self, pair: &[&'t str; 2]) -> &'t str {
        let [a, b] = *pair;
        if self.in_b { b } else { a }
    }

    pub(super) fn params(&self) -> &'static str {
        self.of(&PARAMS)
    }

    pub(super) fn other_params(&self) -> &'static str {
        let [a, b] = PARAMS;
        self.of(&[b, a])
    }

    pub(super) fn district(&self) -> &'static str {
        self.of(&DISTRICTS)
    }
}

struct Cast {
    alice: User,
    bob: User,
    carol: User,
    dave: User,
}

impl Cast {
    fn all(&self) -> [&User; 4] {
        [&self.alice, &self.bob, &self.carol, &self.dave]
    }
}

pub(super) fn run(stage: &mut Stage<'_>) {
    let cast = Cast {
        alice: User::new("alice", "sip:alice@a.example", false),
        bob: User::new("bob", "tel:+15551234567", true),
        carol: User::new("carol", "carol@a.example", false),
        dave: User::new("dave", "sips:dave@b.example", true),
    };
    keys(stage, &cast);
    many::run(stage);
    talking(stage, &cast);
    files(stage, &cast);
    refusals(stage, &cast);
    wiretap(stage, &cast);
    rotation(stage, &cast);
}

fn keys(stage: &mut Stage<'_>, cast: &Cast) {
    // District A is some days old already, so that it can have issued a key that has expired.
    let from = when::format(when::now().saturating_sub(3 * DAY));
    for (i, (granularity, sentence)) in [
        ("day", "District A sets up its KGS; keys are for one day."),
        ("week", "District B sets up its KGS; keys are for one week."),
    ]
    .into_iter()
    .enumerate()
    {
        let pick = |pair: &[&'static str; 2]| pair.get(i).copied().unwrap_or_default();
        let (dir, district, unlock) = (pick(&DIRS), pick(&DISTRICTS), pick(&UNLOCKS));
        stage.step(["setup-a", "setup-b"].get(i).copied().unwrap_or_default(), sentence, |s| {
            let args = ["kgs", "init", dir, "--district", district, "--granularity", granularity, "--from", &from];
            let args = [&args[..], &["--key-file", unlock]].concat();
            let done = s.run(&args)?.done()?;
            let fingerprint = done.objects.iter().find_map(|o| o["fingerprint"].as_str().map(str::to_owned));
            Ok(format!("fingerprint {}", fingerprint.unwrap_or_default()))
        });
    }
    stage.step("publish", "Both publish their parameters.", |s| {
        for (dir, params) in DIRS.iter().zip(PARAMS) {
            s.run(&["kgs", "show", dir, "--serial", "1", "--out", params, "--force"])?.done()?;
        }
        Ok(PARAMS.join(", "))
    });
    stage.step("issue", "The KGSs issue keys to alice and carol (A), bob and dave (B).", |s| {
        for u in cast.all() {
            let args = ["kgs", "issue", u.of(&DIRS), u.name, "--serial", "1", "--out", &u.key, "--force"];
            s.run(&[&args[..], &["--key-file", u.of(&UNLOCKS), "--user-key-file", &u.unlock]].concat())?.done()?;
        }
        Ok(cast.all().map(|u| u.name).join(", "))
    });
    stage.step("verify", "Everybody verifies the key received against the public parameters.", |s| {
        for u in cast.all() {
            s.run(&["key", "verify", &u.key, "--params", u.params(), "--key-file", &u.unlock])?.done()?;
        }
        Ok("e(d, P2) = e(Q, P_pub) for all four".into())
    });
    stage.step("foreign-parameters", "A key does not pass under the parameters of another KGS.", |s| {
        let u = &cast.alice;
        s.run(&["key", "verify", &u.key, "--params", u.other_params(), "--key-file", &u.unlock])?.refused(4, "key")
    });
}

fn talking(stage: &mut Stage<'_>, cast: &Cast) {
    stage.step("call", "Alice calls bob across districts; both speak a line and export a key.", |s| {
        let ends = call(
            s,
            &Call {
                caller: &cast.alice,
                callee: &cast.bob,
                dialled: None,
                caller_says: "hello bob, who else could read this?\n",
                callee_says: "nobody, alice\n",
                caller_options: &["--suite", "p256-aes256gcm", "--export", "alice.export"],
                callee_options: &["--export", "bob.export"],
                record: Some("call.json"),
            },
        )?;
        let (ends, detail) = ends.agree(&cast.alice, &cast.bob)?;
        if ends.callee.lines() != ["hello bob, who else could read this?"] || ends.caller.lines() != ["nobody, alice"] {
            return Err("the lines did not arrive as they were typed".into());
        }
        if s.read("alice.export")? != s.read("bob.export")? {
            return Err("the exported keys differ".into());
        }
        Ok(format!("{detail}; lines and exported keys agree"))
    });
    stage.step(
        "call-hybrid",
        "Carol calls dave with ML-KEM mixed in; dave asks every stranger for a cookie first.",
        |s| {
            let ends = call(
                s,
                &Call {
                    caller: &cast.carol,
                    callee: &cast.dave,
                    dialled: None,
                    caller_says: "hello dave\n",
                    callee_says: "",
                    caller_options: &["--export", "carol.export", "--srtp", "AEAD_AES_256_GCM"],
                    callee_options: &["--cookie", "always", "--export", "dave.export", "--srtp", "AEAD_AES_256_GCM"],
                    record: None,
                },
            )?;
            let (ends, detail) = ends.agree(&cast.carol, &cast.dave)?;
            let session = ends.caller.event("session")?;
            if session["cookie"] != true || session["suite"] != "p256-mlkem768-aes256gcm" {
                return Err("the cookie or the hybrid suite is missing".into());
            }
            if s.read("carol.export")? != s.read("dave.export")? {
                return Err("the SRTP keys differ".into());
            }
            Ok(format!("{detail}; SRTP keys agree"))
        },
    );
    stage.step("call-suite", "Bob takes X25519 only; alice's program finds the suite in common by itself.", |s| {
        let ends = call(
            s,
            &Call {
                caller: &cast.alice,
                callee: &cast.bob,
                dialled: None,
                caller_says: "",
                callee_says: "",
                caller_options: &[],
                callee_options: &["--suite", "x25519-chacha20poly1305"],
                record: None,
            },
        )?;
        let (ends, detail) = ends.agree(&cast.alice, &cast.bob)?;
        let session = ends.caller.event("session")?;
        if session["retried"] == true && session["suite"] == "x25519-chacha20poly1305" {
            Ok(format!("{detail}; at the second attempt"))
        } else {
            Err("the second attempt is missing".into())
        }
    });
}

fn files(stage: &mut Stage<'_>, cast: &Cast) {
    let content: Vec<u8> = (0..200_000u32).flat_map(|i| i.to_be_bytes()).collect();
    stage.step("seal", "Somebody without any key seals a file to carol (A) and dave (B); both open it.", |s| {
        std::fs::write(s.dir.join("report.bin"), &content).map_err(|e| e.to_string())?;
        let (carol, dave) = (&cast.carol, &cast.dave);
        let args =
            ["seal", "--to", carol.name, "--params", carol.params(), "--to", dave.name, "--params", dave.params()];
        s.run(&[&args[..], &["report.bin", "-o", "report.sealed", "--force"]].concat())?.done()?;
        for u in [carol, dave] {
            let out = format!("report.{}", u.key.trim_end_matches(".key"));
            let args = ["open", "report.sealed", "--key", &u.key, "--key-file", &u.unlock, "--params", u.params()];
            s.run(&[&args[..], &["-o", &out, "--force"]].concat())?.done()?;
            if s.read(&out)? != content {
                return Err(format!("{out} is not what was sealed"));
            }
        }
        Ok(format!("{} bytes, equal to the byte", content.len()))
    });
    stage.step("outsider", "Bob is not among the recipients and cannot open it.", |s| {
        let u = &cast.bob;
        let args = ["open", "report.sealed", "--key", &u.key, "--key-file", &u.unlock, "--params", u.params()];
        let told = s.run(&[&args[..], &["-o", "report.bob"]].concat())?.refused(4, "key")?;
        if s.exists("report.bob") { Err("a file was left behind".into()) } else { Ok(told) }
    });
    stage.step(
        "cut-off",
        "A sealed file that was cut off leaves nothing behind, although its first chunks are genuine.",
        |s| {
            let sealed = s.read("report.sealed")?;
            let most = sealed.get(..sealed.len() - 100_000).unwrap_or_default();
            std::fs::write(s.dir.join("report.cut"), most).map_err(|e| e.to_string())?;
            let u = &cast.carol;
            let args = ["open", "report.cut", "--key", &u.key, "--key-file", &u.unlock, "--params", u.params()];
            let told = s.run(&[&args[..], &["-o", "report.half"]].concat())?.refused(1, "decrypt")?;
            if s.exists("report.half") { Err("a file was left behind".into()) } else { Ok(told) }
        },
    );
}

fn refusals(stage: &mut Stage<'_>, cast: &Cast) {
    stage.step("wrong-identity", "Carol dials dave, but the line leads to bob: bob cannot answer.", |s| {
        let ends = call(
            s,
            &Call {
                caller: &cast.carol,
                callee: &cast.bob,
                dialled: Some(&cast.dave),
                caller_says: "",
                callee_says: "",
                caller_options: &[],
                callee_options: &[],
                record: None,
            },
        )?;
        ends.callee.refused(4, "decrypt")?;
        ends.caller.refused(4, "peer-refused")
    });
    stage.step("expired", "An expired key of alice is genuine, and does not serve for a call today.", |s| {
        let (u, bob) = (&cast.alice, &cast.bob);
        // Two days: a key of yesterday still serves for five minutes after midnight.
        let earlier = when::format(when::now().saturating_sub(2 * DAY));
        let args =
            ["kgs", "issue", u.of(&DIRS), u.name, "--serial", "1", "--at", &earlier, "--out", "alice-expired.key"];
        s.run(&[&args[..], &["--force", "--key-file", u.of(&UNLOCKS), "--user-key-file", &u.unlock]].concat())?
            .done()?;
        s.run(&["key", "verify", "alice-expired.key", "--params", u.params(), "--key-file", &u.unlock])?.done()?;
        // Nobody listens at port 1: the key is looked at before anybody is bothered.
        let args = ["call", "127.0.0.1:1", "--to", bob.name, "--key", "alice-expired.key", "--key-file", &u.unlock];
        let args = [&args[..], &["--params", u.params(), "--params", u.other_params()]].concat();
        s.run(&args)?.refused(4, "key")
    });
    stage.step("garbage-in", "A stranger sends garbage to bob, who says so in one sentence.", |s| {
        let u = &cast.bob;
        let args = ["listen", "--once", "--bind", FREE, "--key", &u.key, "--key-file", &u.unlock];
        let args = [&args[..], &["--params", u.params(), "--params", u.other_params()]].concat();
        let mut listener = s.start(&args, "")?;
        let address = ready(&listener.next()?)?;
        let mut stream = TcpStream::connect(address).map_err(|e| e.to_string())?;
        stream.write_all(b"\0\0\0\x20\x01GET / HTTP/1.1\r\nHost: nowhere\r\n").map_err(|e| e.to_string())?;
        listener.finish()?.refused(3, "peer-garbage")
    });
    stage.step("garbage-out", "Alice calls something that answers with garbage.", |s| {
        let (u, bob) = (&cast.alice, &cast.bob);
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?.to_string();
        let stranger = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            stream.read_exact(&mut [0; 64])?;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
            // Until the caller has hung up.
            stream.read_to_end(&mut Vec::new())
        });
        let args = ["call", &address, "--to", bob.name, "--key", &u.key, "--key-file", &u.unlock];
        let args = [&args[..], &["--params", u.params(), "--params", u.other_params()]].concat();
        let told = s.run(&args)?.refused(3, "peer-garbage");
        let _ = stranger.join();
        told
    });
}

fn wiretap(stage: &mut Stage<'_>, cast: &Cast) {
    stage.step("wiretap", "A process with both master keys and the recording of alice's call tries to learn its key.", |s| {
        let mut args = vec!["wiretap", "call.json"];
        for (dir, unlock) in DIRS.iter().zip(UNLOCKS) {
            args.extend(["--kgs", dir, "--kgs-key-file", unlock]);
        }
        for u in cast.all() {
            args.extend(["--name", u.name]);
        }
        let done = s.run(&args)?.done()?;
        let found = done.objects.last().ok_or("nothing was reported")?;
        let opened = found["m1_opened"] == true && found["m2_opened"] == true;
        if !opened || found["initiator"] != cast.alice.name || found["responder"] != cast.bob.name {
            return Err("it did not even see who spoke with whom, which was to be expected".into());
        }
        if !found["session_key"].is_null() {
            return Err("it learnt the session key".into());
        }
        let short = |v: &serde_json::Value| v.as_str().and_then(|t| t.get(..16)).unwrap_or_default().to_owned();
        Ok(format!(
            "M1 and M2 opened: {} calls {}, X = {}.., Y = {}..; session key: not found, after {} guesses (it lacks x and y)",
            cast.alice.name,
            cast.bob.name,
            short(&found["x"]),
            short(&found["y"]),
            found["guesses"]
        ))
    });
}

fn rotation(stage: &mut Stage<'_>, cast: &Cast) {
    stage.step("rotate", "District A begins a new epoch; keys of the old one can still be issued.", |s| {
        let u = &cast.alice;
        let (dir, unlock) = (u.of(&DIRS), u.of(&UNLOCKS));
        s.run(&["kgs", "rotate", dir, "--key-file", unlock])?.done()?;
        for (serial, key, params) in [("1", "alice-old.key", "params-a1.txt"), ("2", "alice-new.key", "params-a2.txt")]
        {
            s.run(&["kgs", "show", dir, "--serial", serial, "--out", params, "--force"])?.done()?;
            let args = ["kgs", "issue", dir, u.name, "--serial", serial, "--out", key, "--force", "--key-file", unlock];
            s.run(&[&args[..], &["--user-key-file", &u.unlock]].concat())?.done()?;
            s.run(&["key", "verify", key, "--params", params, "--key-file", &u.unlock])?.done()?;
        }
        let args = ["key", "verify", "alice-old.key", "--params", "params-a2.txt", "--key-file", &u.unlock];
        s.run(&args)?.refused(4, "key")?;
        Ok("serials 1 and 2 issue, and their keys do not mix".into())
    });
}
