//! Calls between two processes: what arrives, what is compared, and every way in which a call does not come about.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::support::{ALICE, BOB, World};

#[test]
fn two_people_talk_and_share_keys() {
    let w = World::new();
    let srtp = "--srtp AES_CM_128_HMAC_SHA1_80";
    let mut bob = w.bob(&format!("--export bob.txt {srtp}"));
    bob.say("hello alice\nsecond line\n");
    let long = "x".repeat(40_000);
    let input = format!("hello bob\n\n{long}\n\x1b[2Jno newline at the end");
    let call = w.alice_calls(&bob.address, &format!("--export alice.txt {srtp}"));
    let waits = std::thread::scope(|s| {
        let caller = s.spawn(|| w.run_with_input(&call, input.as_bytes()));
        // Bob's input ends only when alice's lines are there: the ends hang up at different times.
        let mut heard = Vec::new();
        while heard.len() < 4 {
            let o = bob.next();
            heard.extend(o["text"].as_str().map(str::to_owned));
        }
        assert_eq!(heard, ["hello bob", "", &long, "\u{fffd}[2Jno newline at the end"]);
        let bob = bob.finish().ok();
        (caller.join().unwrap().ok(), bob)
    });
    let (alice, bob) = waits;
    assert_eq!(alice.heard(), ["hello alice", "second line"]);
    assert_eq!((alice.event("end"), bob.event("end")), (alice.event("end"), alice.event("end")));
    let session = alice.event("session");
    assert_eq!((&session["initiator"]["name"], &session["responder"]["name"]), (&ALICE.into(), &BOB.into()));
    assert_eq!(session["suite"], "p256-mlkem768-aes256gcm");
    assert!(session["micros"].as_u64().unwrap() > 0);
    assert_eq!((session["words"].as_array().unwrap().len(), session["retried"].as_bool()), (3, Some(false)));
    let keys = String::from_utf8(w.read("alice.txt")).unwrap();
    assert_eq!(keys.as_bytes(), w.read("bob.txt"));
    assert_eq!((keys.lines().next().unwrap().len(), keys.lines().count()), (64, 3));
    assert!(keys.lines().nth(1).unwrap().starts_with("from initiator: AES_CM_128_HMAC_SHA1_80 inline:"));
    assert_eq!(crate::support::mode(&w.path("alice.txt")), 0o600);
}

#[test]
fn people_see_who_is_there_and_what_to_compare() {
    let w = World::new();
    let mut bob = w.bob("");
    bob.hang_up();
    let call = w.alice_calls(&bob.address, "").replace("--json ", "");
    let alice = w.run_with_input(&call, b"hi\n").ok();
    let bob = bob.finish().ok();
    // Standard output carries the conversation alone.
    assert_eq!(alice.stdout, "");
    let s = bob.event("session");
    let words: Vec<&str> = s["words"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    for part in [BOB, ALICE, &words.join(" "), s["digits"].as_str().unwrap(), s["fingerprint"].as_str().unwrap(), " ms"]
    {
        assert!(alice.stderr.contains(part), "{part} in {}", alice.stderr);
    }
    assert_eq!(bob.heard(), ["hi"]);
}

#[test]
fn a_cookie_is_asked_for_and_given() {
    let w = World::new();
    let mut bob = w.bob("--cookie always");
    bob.hang_up();
    let alice = w.run(&w.alice_calls(&bob.address, "")).ok();
    assert_eq!(alice.event("session")["cookie"], true);
    bob.finish().ok();
}

#[test]
fn the_first_suite_in_common_is_found_at_the_second_attempt() {
    let w = World::new();
    for suite in ["x25519-chacha20poly1305", "p521-aes256gcm"] {
        let mut bob = w.bob(&format!("--suite {suite} --suite p256-aes256gcm"));
        bob.hang_up();
        let alice = w.run(&w.alice_calls(&bob.address, "")).ok();
        let s = alice.event("session");
        assert_eq!((&s["suite"], &s["retried"]), (&suite.into(), &true.into()));
        assert_eq!(bob.finish().ok().event("session")["suite"], suite);
    }
    let bob = w.bob("--suite p384-aes256gcm");
    let call = w.alice_calls(&bob.address, "--suite p256-aes256gcm").replace("--json ", "");
    let run = w.run(&call).fails(4, "no suite in common");
    assert!(run.stderr.contains("p384-aes256gcm"), "{run:?}");
    assert_eq!(w.run(&w.alice_calls("127.0.0.1:1", "--suite rot13")).code, 2);
}

#[test]
fn silent_peers_are_given_up() {
    let w = World::new();
    // Accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let call = w.alice_calls(&address, "--timeout 1").replace("--json ", "");
    w.refuses(&call, 5, "did not answer within 1 s");
    drop(silent);
    // Calls and says nothing, or not enough.
    for said in [&b""[..], &[0, 0, 1, 0, 1]] {
        let bob = w.bob("--timeout 1");
        let mut stream = TcpStream::connect(&bob.address).unwrap();
        stream.write_all(said).unwrap();
        let run = bob.finish();
        assert_eq!((run.code, &run.objects()[0]["error"]["code"]), (5, &"timeout".into()), "{run:?}");
    }
    // Hangs up in the middle.
    let bob = w.bob("");
    TcpStream::connect(&bob.address).unwrap().write_all(&[0, 0, 1, 0, 1]).unwrap();
    let run = bob.finish();
    assert_eq!((run.code, &run.objects()[0]["error"]["code"]), (5, &"closed".into()), "{run:?}");
    // Nobody there.
    w.refuses(&w.alice_calls("127.0.0.1:1", "").replace("--json ", ""), 5, "127.0.0.1:1");
}

#[test]
fn garbage_is_called_garbage() {
    let w = World::new();
    for garbage in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"\0\0\0\x04\x01abc".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"\0\0\0\x02\x04\x01".to_vec(),
        [&b"\0\0\x01\0\x01"[..], &[0xa5; 255]].concat(),
    ] {
        let bob = w.bob("");
        let mut stream = TcpStream::connect(&bob.address).unwrap();
        stream.write_all(&garbage).unwrap();
        let run = bob.finish();
        assert_eq!((run.code, &run.objects()[0]["error"]["code"]), (3, &"peer-garbage".into()), "{run:?}");

        let strange = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = strange.local_addr().unwrap().to_string();
        let answers = std::thread::spawn(move || {
            let (mut stream, _) = strange.accept().unwrap();
            stream.read_exact(&mut [0; 100]).unwrap();
            stream.write_all(&garbage).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let before = w.snapshot();
        let run = w.run(&w.alice_calls(&address, "--export x"));
        assert_eq!((run.code, &run.objects()[0]["error"]["code"]), (3, &"peer-garbage".into()), "{run:?}");
        assert_eq!(w.snapshot(), before);
        answers.join().unwrap();
    }
}

#[test]
fn only_who_is_dialled_can_answer() {
    let w = World::new();
    let bob = w.bob("--export x");
    let call = w.alice_calls(&bob.address, "--export y").replace(BOB, "tel:+15557654321").replace("--json ", "");
    let before = w.snapshot();
    w.run(&call).fails(4, "does not hold the key for that name");
    let run = bob.finish();
    assert_eq!((run.code, &run.objects()[0]["error"]["code"]), (4, &"decrypt".into()), "{run:?}");
    assert_eq!(w.snapshot(), before, "no keys are exported");
}

#[test]
fn a_listener_knows_the_districts_it_was_given_only() {
    let w = World::new();
    let bob = w.listen("--once --key bob.key --key-file bob.unlock --params b.txt");
    let alice = w.run(&w.alice_calls(&bob.address, ""));
    assert_eq!((alice.code, &alice.objects()[0]["error"]["code"]), (4, &"peer-refused".into()), "{alice:?}");
    let run = bob.finish();
    assert_eq!((run.code, &run.objects()[0]["error"]["code"]), (4, &"parameters".into()), "{run:?}");
}

#[test]
fn expired_keys_do_not_serve() {
    let w = World::empty();
    let day = 86_400;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // Two days: a key of yesterday still serves for five minutes after midnight.
    let (from, earlier) = (now - 3 * day, now - 2 * day);
    w.run(&format!("kgs init a --district https://kgs-a.example --from {from} --key-file a.unlock")).ok();
    w.run("kgs show a --out a.txt").ok();
    let issue = "kgs issue a sip:alice@a.example --key-file a.unlock --user-key-file alice.unlock";
    w.run(&format!("{issue} --at {earlier} --out alice.key")).ok();
    let verified = w.run("key verify alice.key --params a.txt --key-file alice.unlock").ok();
    assert!(verified.stdout.contains("not current"), "{verified:?}");
    let own = "--key alice.key --key-file alice.unlock --params a.txt";
    let run = w.refuses(&format!("call 127.0.0.1:1 --to carol@a.example {own}"), 4, "period does not contain");
    assert!(run.stderr.contains("Ask the KGS"), "{run:?}");
    w.refuses(&format!("listen --bind 127.0.0.1:0 {own}"), 4, "period does not contain");
}

#[test]
fn whose_kgs_is_meant_must_be_clear() {
    let w = World::new();
    w.run("kgs init c --district https://kgs-c.example --key-file c.unlock").ok();
    w.run("kgs show c --out c.txt").ok();
    let call = w.alice_calls("127.0.0.1:1", "--params c.txt").replace("--json ", "");
    let run = w.refuses(&call, 2, "whose KGS");
    assert!(run.stderr.contains("https://kgs-c.example"), "{run:?}");
    w.refuses(&format!("{call} --to-district https://kgs-d.example"), 2, "https://kgs-d.example");
    w.refuses(&format!("{call} --to-district https://kgs-b.example"), 5, "127.0.0.1:1");
    // One's own district, and oneself.
    let own = "call 127.0.0.1:1 --key alice.key --key-file alice.unlock --params a.txt --to";
    w.refuses(&format!("{own} carol@a.example"), 5, "127.0.0.1:1");
    w.refuses(&format!("{own} {ALICE}"), 4, "both ends have the same identity");
    w.refuses(&format!("{own} Carol"), 3, "no sip:");
}

/// Passes `count` bytes each way of a call, then cuts the line.
fn cut_after(to: &str, frames: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, to) = (listener.local_addr().unwrap().to_string(), to.to_owned());
    std::thread::spawn(move || {
        let (caller, _) = listener.accept().unwrap();
        let called = TcpStream::connect(to).unwrap();
        let (c2, d2) = (caller.try_clone().unwrap(), called.try_clone().unwrap());
        let pass = move |mut from: TcpStream, mut to: TcpStream, n: usize| {
            for _ in 0..n {
                let mut length = [0; 4];
                if from.read_exact(&mut length).is_err() {
                    break;
                }
                let mut frame = vec![0; u32::from_be_bytes(length) as usize];
                from.read_exact(&mut frame).unwrap();
                to.write_all(&[&length[..], &frame].concat()).unwrap();
            }
            let _ = to.shutdown(std::net::Shutdown::Both);
        };
        let back = std::thread::spawn(move || pass(d2, c2, 64));
        pass(caller, called, frames);
        back.join().unwrap();
    });
    address
}

#[test]
fn a_line_that_is_cut_is_noticed() {
    let w = World::new();
    // M1, M3 and two lines of three pass.
    let bob = w.bob("");
    let address = cut_after(&bob.address, 4);
    let alice = w.run_with_input(&w.alice_calls(&address, ""), b"one\ntwo\nthree\n");
    let bob = bob.finish();
    assert_eq!(bob.heard(), ["one", "two"]);
    let error = bob.objects().into_iter().find_map(|o| o["error"]["code"].as_str().map(str::to_owned));
    assert_eq!((bob.code, error.as_deref()), (1, Some("truncated")), "{bob:?}");
    assert_ne!(alice.code, 0, "{alice:?}");
}

#[test]
fn a_call_that_reached_m3_is_not_repeated() {
    // Somebody in the middle takes M4 away. Alice gives up: another attempt would be another try at the string.
    let w = World::new();
    let bob = w.bob("");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, to) = (listener.local_addr().unwrap().to_string(), bob.address.clone());
    let middle = std::thread::spawn(move || {
        fn frame(from: &mut TcpStream) -> Vec<u8> {
            let mut length = [0; 4];
            from.read_exact(&mut length).unwrap();
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            from.read_exact(&mut frame).unwrap();
            [&length[..], &frame].concat()
        }
        let (mut caller, _) = listener.accept().unwrap();
        let mut called = TcpStream::connect(to).unwrap();
        called.write_all(&frame(&mut caller)).unwrap();
        caller.write_all(&frame(&mut called)).unwrap();
        called.write_all(&frame(&mut caller)).unwrap();
        assert_eq!(frame(&mut called)[9], 4, "M4 in its envelope");
        listener
    });
    let alice = w.run(&w.alice_calls(&address, ""));
    assert_ne!(alice.code, 0, "{alice:?}");
    let listener = middle.join().unwrap();
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "she called again");
}

#[test]
fn a_listener_takes_one_call_after_the_other() {
    let w = World::new();
    let mut bob = w.listen("--key bob.key --key-file bob.unlock --params b.txt --params a.txt --export bob.txt");
    // A stranger in between does not end it.
    let mut stream = TcpStream::connect(&bob.address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(bob.next()["error"]["code"], "peer-garbage");
    let call = w.alice_calls(&bob.address, "--export alice.txt");
    std::thread::scope(|s| {
        let first = s.spawn(|| w.run_with_input(&call, b"first\n"));
        while bob.next()["event"] != "line" {}
        // Bob's input is still open, so the call goes on: nobody else gets through.
        let second = w.run(&call);
        assert_eq!((second.code, &second.objects()[0]["error"]["code"]), (4, &"peer-refused".into()), "{second:?}");
        assert!(second.stdout.contains("busy"), "{second:?}");
        bob.hang_up();
        first.join().unwrap().ok();
        while bob.next()["event"] != "end" {}
    });
    let again = w.run_with_input(&call, b"again\n").ok();
    assert_eq!(w.read("alice.txt"), w.read("bob.txt"));
    let mut heard = bob.next();
    assert_eq!((&heard["event"], &heard["session"]), (&"session".into(), &again.event("session")["session"]));
    heard = bob.next();
    assert_eq!(heard["text"], "again");
}
