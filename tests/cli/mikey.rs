//! Calls by MIKEY-IBAKE between two processes over UDP, on lines that lose, double and reorder.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ibake::mikey::Message;
use ibake::mikey::numbers::DataType;
use serde_json::Value;

use crate::support::{ALICE, BOB, Listener, Run, World, mode};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
const NAMES: &str = "--names https://kgs-a.example=a.example --names https://kgs-b.example=*";

impl World {
    /// Bob, taking MIKEY calls from both districts.
    fn mikey_bob(&self, more: &str) -> Listener {
        self.listen(&format!(
            "--mikey --key bob.key --key-file bob.unlock --params b.txt --params a.txt {NAMES} {more}"
        ))
    }

    fn mikey_call(&self, address: &str, more: &str) -> Run {
        self.run(&self.alice_calls(address, &format!("--mikey {more}")))
    }
}

/// What the line does with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// The first copy of every message is lost.
    Loses,
    /// Every datagram comes three times.
    Doubles,
    /// Every datagram comes after the next one of its direction, or late.
    Reorders,
    /// What the called end sends is lost.
    OneWay,
    /// Garbage and foreign messages come before everything.
    Noisy,
}

/// Stands between callers and the listener; ended when dropped.
struct Relay {
    address: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    fn start(to: &str, line: Line) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        let back = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to: SocketAddr = to.parse().unwrap();
        let address = front.local_addr().unwrap().to_string();
        let stop = Arc::new(AtomicBool::new(false));
        for socket in [&front, &back] {
            socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        }
        let ending = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut caller = None;
            let mut seen: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
            let mut held: [Option<Vec<u8>>; 2] = [None, None];
            let mut buffer = [0; 65_536];
            while !ending.load(Ordering::SeqCst) {
                for (direction, (from, out)) in [(&front, &back), (&back, &front)].into_iter().enumerate() {
                    let got = from.recv_from(&mut buffer);
                    if let (Ok((_, source)), 0) = (&got, direction) {
                        caller = Some(*source);
                    }
                    let target = if direction == 0 { Some(to) } else { caller };
                    let Some(target) = target else { continue };
                    let send = |bytes: &[u8]| out.send_to(bytes, target).map(drop).unwrap();
                    let Ok((n, _)) = got else {
                        // Nothing came behind it: what was held back comes now.
                        held[direction].take().iter().for_each(|m| send(m));
                        continue;
                    };
                    let bytes = &buffer[..n];
                    let times = seen.entry(bytes.to_vec()).or_default();
                    *times += 1;
                    match line {
                        Line::Loses if *times == 1 => {}
                        Line::OneWay if direction == 1 => {}
                        Line::Loses | Line::OneWay => send(bytes),
                        Line::Doubles => (0..3).for_each(|_| send(bytes)),
                        Line::Reorders => {
                            let before = held[direction].replace(bytes.to_vec());
                            if let Some(before) = before {
                                send(bytes);
                                send(&before);
                                held[direction] = None;
                            }
                        }
                        Line::Noisy => {
                            send(&[]);
                            send(b"OPTIONS sip:b.example SIP/2.0\r\n\r\n");
                            let mut broken = bytes.to_vec();
                            *broken.last_mut().unwrap() ^= 1;
                            send(&broken);
                            send(&bytes[..n / 2]);
                            send(bytes);
                        }
                    }
                }
            }
        });
        Self { address, stop, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.thread.take().unwrap().join();
    }
}

fn inline(call: &Value) -> Vec<String> {
    call["streams"].as_array().unwrap().iter().map(|s| s["inline"].as_str().unwrap().to_owned()).collect()
}

/// The next event with this name; errors on the way are passed over.
fn next(listener: &mut Listener, event: &str) -> Value {
    loop {
        let object = listener.next();
        if object["event"] == event {
            return object;
        }
    }
}

#[test]
fn a_call_tells_what_was_agreed_and_gives_both_ends_the_same_keys() {
    let w = World::new();
    let mut bob = w.mikey_bob("--once --keys-to bob.srtp");
    let alice = w.mikey_call(&bob.address, "--keys-to alice.srtp").ok();
    let (ours, theirs) = (alice.event("call"), next(&mut bob, "call"));
    for field in ["initiator", "responder", "dialled", "schedule", "lacks", "suite", "csb_id", "streams"] {
        assert_eq!(ours[field], theirs[field], "{field}");
    }
    assert_eq!((&ours["initiator"]["name"], &ours["responder"]["name"]), (&ALICE.into(), &BOB.into()));
    assert_eq!((&ours["role"], &theirs["role"]), (&"initiator".into(), &"responder".into()));
    assert_eq!((&ours["schedule"], &ours["suite"]), (&"bound".into(), &"p256-mlkem768-aes256gcm".into()));
    assert_eq!((ours["lacks"].as_array().unwrap().len(), &ours["streams"][0]["srtp"]), (0, &"AEAD_AES_256_GCM".into()));
    let keys = String::from_utf8(w.read("alice.srtp")).unwrap();
    assert_eq!(keys.as_bytes(), w.read("bob.srtp"));
    assert_eq!((mode(&w.path("alice.srtp")), mode(&w.path("bob.srtp"))), (0o600, 0o600));
    let lines: Vec<Vec<&str>> = keys.lines().map(|l| l.split(' ').collect()).collect();
    for (line, (n, who)) in lines.iter().zip([("1", "initiator"), ("2", "responder")]) {
        assert_eq!((line[0], line[1], line[3]), (n, who, "AEAD_AES_256_GCM"));
    }
    assert_eq!(lines.len(), 2);
    assert_ne!(lines[0][4], lines[1][4], "each direction has its own");
    // No key is printed that was not asked for.
    let bob = bob.finish().ok();
    for text in [&alice.stdout, &alice.stderr, &bob.stdout, &bob.stderr] {
        assert!(!text.contains("inline") && lines.iter().all(|l| !text.contains(&l[4]["inline:".len()..])), "{text}");
    }
}

#[test]
fn keys_are_shown_on_request_with_a_warning() {
    let w = World::new();
    let profile = "--srtp-profile AES_CM_128_HMAC_SHA1_80 --show-keys";
    let mut bob = w.mikey_bob(profile);
    let alice = w.mikey_call(&bob.address, profile).ok();
    let (ours, theirs) = (inline(&alice.event("call")), inline(&next(&mut bob, "call")));
    assert_eq!(ours, theirs);
    // Sixteen bytes of key and fourteen of salt.
    assert_eq!(ours.iter().map(String::len).collect::<Vec<_>>(), [40, 40]);
    let call = w.alice_calls(&bob.address, &format!("--mikey {profile}")).replace("--json ", "");
    let text = w.run(&call).ok();
    let theirs = inline(&next(&mut bob, "call"));
    for part in [BOB, ALICE, "bound", "AES_CM_128_HMAC_SHA1_80", "you send", "they send", &theirs[0], &theirs[1]] {
        assert!(text.stdout.contains(part), "{part} in {text:?}");
    }
    assert!(text.stderr.contains("Whoever sees them can hear"), "{text:?}");
}

#[test]
fn lost_doubled_late_and_broken_datagrams_do_no_harm() {
    let w = World::new();
    let mut bob = w.mikey_bob("--show-keys");
    for line in [Line::Loses, Line::Doubles, Line::Reorders, Line::Noisy] {
        let relay = Relay::start(&bob.address, line);
        let alice = w.mikey_call(&relay.address, "--show-keys --timeout 30").ok();
        let (ours, theirs) = (alice.event("call"), next(&mut bob, "call"));
        assert_eq!((inline(&ours), &ours["csb_id"]), (inline(&theirs), &theirs["csb_id"]), "{line:?}");
        let again = ours["sent_again"].as_u64().unwrap();
        // I_MESSAGE_1 and its answer, I_MESSAGE_2 and its answer: each lost once.
        assert!(line != Line::Loses || again >= 4, "{again}");
    }
}

#[test]
fn several_call_at_once() {
    let w = World::new();
    let mut bob = w.mikey_bob("--show-keys");
    let callers: Vec<Value> = std::thread::scope(|s| {
        let call = || w.mikey_call(&bob.address, "--show-keys --timeout 60").ok().event("call");
        let all: Vec<_> = (0..4).map(|_| s.spawn(call)).collect();
        all.into_iter().map(|c| c.join().unwrap()).collect()
    });
    let mut theirs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in &callers {
        let call = next(&mut bob, "call");
        theirs.insert(call["csb_id"].to_string(), inline(&call));
    }
    assert_eq!(theirs.len(), 4);
    for call in &callers {
        assert_eq!(theirs[&call["csb_id"].to_string()], inline(call));
    }
}

#[test]
fn half_open_calls_are_limited_and_given_up() {
    let w = World::new();
    let mut bob = w.mikey_bob("--half-open 1 --timeout 3");
    // A caller who never hears anything: the call stays half open.
    let relay = Relay::start(&bob.address, Line::OneWay);
    let deaf = w.alice_calls(&relay.address, "--mikey --timeout 30");
    let deaf: Vec<&str> = deaf.split_whitespace().collect();
    let mut child = w.command(&deaf).stdout(std::process::Stdio::null()).spawn().unwrap();
    let refused = loop {
        let run = w.mikey_call(&bob.address, "--timeout 1");
        if run.code != 0 {
            break run;
        }
        next(&mut bob, "call");
    };
    assert_eq!((refused.code, &refused.objects()[0]["error"]["code"]), (4, &"peer-refused".into()), "{refused:?}");
    let error = loop {
        let object = bob.next();
        if object.get("error").is_some() {
            break object;
        }
    };
    assert!(error["error"]["message"].as_str().unwrap().contains("too many"), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(relay);
    // Its place is free again when its time is over.
    let freed = (0..30).find(|_| w.mikey_call(&bob.address, "--timeout 1").code == 0);
    assert!(freed.is_some(), "the half-open call stays for ever");
}

#[test]
fn who_answers_for_somebody_else_is_named_and_refused_or_accepted() {
    let w = World::new();
    w.issue("b", "sip:carol@b.example", "carol");
    let carol =
        "--mikey --retargeted --show-keys --key carol.key --key-file carol.unlock --params b.txt --params a.txt";
    let mut carol = w.listen(&format!("{carol} {NAMES}"));
    // Alice must know who speaks for carol's name before she can tell that it is carol.
    let unknown = w.mikey_call(&carol.address, "--timeout 2");
    assert_eq!((unknown.code, &unknown.objects()[0]["error"]["code"]), (4, &"parameters".into()), "{unknown:?}");
    let refused = w.mikey_call(&carol.address, &format!("{NAMES} --timeout 2"));
    assert_eq!(
        (refused.code, &refused.objects()[0]["error"]["code"]),
        (4, &"answered-by-another".into()),
        "{refused:?}"
    );
    assert!(refused.stdout.contains("--accept sip:carol@b.example"), "{refused:?}");
    let call =
        w.mikey_call(&carol.address, &format!("{NAMES} --accept sip:carol@b.example --show-keys")).ok().event("call");
    let theirs = next(&mut carol, "call");
    assert_eq!(inline(&call), inline(&theirs));
    assert_eq!((&call["dialled"], &call["responder"]["name"]), (&BOB.into(), &"sip:carol@b.example".into()));
    assert_eq!(call["lacks"], serde_json::json!(["first-message"]));
    assert_eq!(call["suite"], "p521-aes256gcm", "her own choice, and not hybrid");
}

/// Brings what a caller sends to two listeners, and the first answer of `late` only after one of the other.
fn to_both(early: &str, late: &str) -> String {
    let front = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = front.local_addr().unwrap().to_string();
    let to = [early, late].map(|a| a.parse::<SocketAddr>().unwrap());
    front.set_read_timeout(Some(PATIENCE)).unwrap();
    std::thread::spawn(move || {
        let (mut caller, mut held, mut heard_early) = (None, Vec::new(), false);
        let mut buffer = [0; 65_536];
        let send = |bytes: &[u8], to: SocketAddr| assert!(front.send_to(bytes, to).is_ok());
        while let Ok((n, from)) = front.recv_from(&mut buffer) {
            let bytes = &buffer[..n];
            match (to.contains(&from), caller) {
                (false, _) => {
                    caller = Some(from);
                    to.iter().for_each(|t| send(bytes, *t));
                }
                (true, Some(caller)) if from == to[0] => {
                    send(bytes, caller);
                    heard_early = true;
                    held.drain(..).for_each(|b: Vec<u8>| send(&b, caller));
                }
                (true, Some(caller)) if heard_early => send(bytes, caller),
                (true, _) => held.push(bytes.to_vec()),
            }
        }
    });
    address
}

#[test]
fn a_stranger_who_answers_first_does_not_keep_out_who_is_called() {
    let w = World::new();
    w.issue("b", "sip:carol@b.example", "carol");
    let mut bob = w.mikey_bob("--show-keys");
    let carol = "--mikey --retargeted --key carol.key --key-file carol.unlock --params b.txt --params a.txt";
    let carol = w.listen(&format!("{carol} {NAMES}"));
    let both = to_both(&carol.address, &bob.address);
    let call = w.mikey_call(&both, &format!("{NAMES} --show-keys --timeout 30")).ok().event("call");
    assert_eq!((&call["responder"]["name"], call["lacks"].as_array().unwrap().len()), (&BOB.into(), 0));
    assert_eq!(inline(&call), inline(&next(&mut bob, "call")));
}

#[test]
fn calls_that_do_not_come_about_say_why() {
    let w = World::new();
    let json = |run: &Run| run.objects()[0]["error"]["code"].as_str().unwrap().to_owned();
    // Nobody there, and somebody who says nothing.
    let nobody = w.mikey_call("127.0.0.1:1", "");
    assert_eq!((nobody.code, json(&nobody).as_str()), (5, "connect"), "{nobody:?}");
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let run = w.mikey_call(&silent.local_addr().unwrap().to_string(), "--timeout 1");
    assert_eq!((run.code, json(&run).as_str()), (5, "timeout"), "{run:?}");
    // What was sent, and sent again, is one message, byte for byte.
    let mut buffer = [0; 65_536];
    silent.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let n = silent.recv(&mut buffer).unwrap();
    let first = buffer[..n].to_vec();
    assert_eq!(Message::parse(&first).unwrap().header().data_type, DataType::I_MESSAGE_1);
    let n = silent.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..n], first);
    // A peer that has no bound schedule, or that is another one.
    let mut bob = w.mikey_bob("--schedule rfc6267");
    let run = w.mikey_call(&bob.address, "--timeout 2");
    assert_eq!((run.code, json(&run).as_str()), (4, "not-bound"), "{run:?}");
    let call = w.mikey_call(&bob.address, "--schedule if-possible").ok().event("call");
    assert_eq!((&call["schedule"], &call["lacks"]), (&"rfc6267".into(), &serde_json::json!(["binding"])));
    next(&mut bob, "call");
    let run = w.run(&w.alice_calls(&bob.address, "--mikey --timeout 2").replace(BOB, "tel:+15557654321"));
    assert_eq!((run.code, json(&run).as_str()), (4, "peer-refused"), "{run:?}");
    // No group in common: the call says so, and a second one takes another.
    let mut strict = w.mikey_bob("--suite p384-aes256gcm");
    let run = w.mikey_call(&strict.address, "--timeout 2");
    assert_eq!((run.code, json(&run).as_str()), (4, "peer-refused"), "{run:?}");
    assert!(run.stdout.contains("--suite"), "{run:?}");
    let call = w.mikey_call(&strict.address, "--suite p384-aes256gcm").ok().event("call");
    assert_eq!(
        (&call["suite"], &next(&mut strict, "call")["suite"]),
        (&"p384-aes256gcm".into(), &"p384-aes256gcm".into())
    );
    // No SRTP profile in common.
    let run = w.mikey_call(&bob.address, "--schedule rfc6267 --timeout 2 --srtp-profile F8_128_HMAC_SHA1_80");
    assert_eq!((run.code, json(&run).as_str()), (4, "peer-refused"), "{run:?}");
    assert!(run.stdout.contains("--srtp-profile"), "{run:?}");
}

#[test]
fn whose_names_are_whose_must_be_said() {
    let w = World::new();
    let bob = "listen --bind 127.0.0.1:0 --mikey --key bob.key --key-file bob.unlock --params b.txt --params a.txt";
    let run = w.refuses(bob, 2, "several districts");
    assert!(run.stderr.contains("--names https://kgs-a.example="), "{run:?}");
    w.refuses(&format!("{bob} --names https://kgs-c.example=*"), 2, "https://kgs-c.example");
    for bad in ["a.example", "https://kgs-a.example=+1x", "kgs-a=a.example"] {
        assert_eq!(w.run(&format!("{bob} --names {bad}")).code, 2, "{bad}");
    }
    // Names of others are not taken on the word of a district that nobody named; under a wrong one the answer does not open.
    let deaf =
        "--mikey --key bob.key --key-file bob.unlock --params b.txt --params a.txt --names https://kgs-b.example";
    for (whose, code) in [("b.example", "peer-refused"), ("*", "key")] {
        let mut deaf = w.listen(&format!("{deaf}={whose}"));
        let run = w.mikey_call(&deaf.address, "--timeout 1");
        assert_eq!((run.code, &run.objects()[0]["error"]["code"]), (4, &code.into()), "{run:?}");
        assert!(whose == "*" || deaf.next()["error"]["code"] == "parameters");
    }
    // Options that belong to the other kind of call.
    for args in ["--export x", "--cookie always"] {
        assert_eq!(w.run(&format!("{bob} --names https://kgs-a.example=* {args}")).code, 2, "{args}");
    }
    for args in ["--keys-to x", "--show-keys", "--names https://kgs-a.example=*", "--srtp-profile AEAD_AES_128_GCM"] {
        assert_eq!(w.run(&w.alice_calls("127.0.0.1:1", args)).code, 2, "{args}");
    }
}
