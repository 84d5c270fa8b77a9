//! A SIP user agent that is called: one UDP socket, one call, the line of each offer handed to the engine.
//!
//! It answers as RFC 3261 wants: 180 at once, the final response when it is told to, again and again until ACK, 487 and no state
//! after CANCEL, 481 to what belongs to no call. INVITE brings I_MESSAGE_1 and 200 takes R_MESSAGE_1 back; the re-INVITE does the
//! same for the second two messages (SPEC.md 13.16).

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use ibake::ibe::extract::PrivateKey;
use ibake::mikey::Message;
use ibake::mikey::call::{Answering, As, AwaitI2, End, Outcome, ReplayCache, Settings};
use ibake::mikey::sdp::{self, Description};

use crate::parties::{Parties, Trust, now};
use crate::peers::PATIENCE;
use crate::text::{Sip, sdp as description};

/// RFC 3261's T1 and T2.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

/// What an agent does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Has the key of who is called and one of its own: rings until it is told to answer.
    Branch,
    /// The same, but breaks the rules: keeps its state when it is cancelled.
    Thief,
    /// Has a key of its own alone, and answers calls for others.
    Stranger,
    /// Is busy.
    Busy,
}

/// What happens at an agent.
#[allow(clippy::large_enum_variant)] // a handful of values in a test
pub(crate) enum Event {
    /// R_MESSAGE_1 has been computed.
    Ringing { r1: Vec<u8> },
    /// Another one has answered; `kept` is what a thief has kept.
    Cancelled { kept: Option<AwaitI2> },
    /// R_MESSAGE_2 is on its way.
    Up(Outcome),
    /// BYE.
    Ended { media: bool },
}

enum Order {
    PickUp,
    Stop,
}

pub(crate) struct Agent {
    pub(crate) port: u16,
    pub(crate) name: String,
    orders: Sender<Order>,
    events: Receiver<Event>,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// `keys`: that of the own name first, then that of who is called if it is shared.
    pub(crate) fn start(parties: &Parties, keys: Vec<PrivateKey>, manner: Manner) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let name = keys[0].identity().name().to_string();
        let (orders, inbox) = channel();
        let (outbox, events) = channel();
        let (trust, settings) = (parties.trust.clone(), parties.settings.clone());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        let thread = std::thread::spawn(move || {
            Ua {
                socket,
                port,
                manner,
                keys,
                trust,
                settings,
                events: outbox,
                leg: None,
                answered: BTreeMap::new(),
                heard: log,
            }
            .run(&inbox)
        });
        Self { port, name, orders, events, heard, thread: Some(thread) }
    }

    /// How the proxy reaches it.
    pub(crate) fn uri(&self) -> String {
        format!("sip:agent@127.0.0.1:{}", self.port)
    }

    pub(crate) fn pick_up(&self) {
        self.orders.send(Order::PickUp).unwrap();
    }

    #[track_caller]
    pub(crate) fn next(&self) -> Event {
        self.events.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{} is silent: {e}", self.name))
    }

    #[track_caller]
    pub(crate) fn rings(&self) -> Vec<u8> {
        match self.next() {
            Event::Ringing { r1 } => r1,
            _ => panic!("{} should ring", self.name),
        }
    }

    /// Every message that it has received, as text.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(|d| String::from_utf8(d.clone()).unwrap()).collect()
    }

    /// What it answers to a request that does not come through the proxy.
    pub(crate) fn ask(&self, request: &str) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(request.as_bytes(), ("127.0.0.1", self.port)).unwrap();
        let mut buffer = [0; 65_536];
        let n = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..n].to_vec()).unwrap()
    }

    /// Ends it, and shows that nothing has happened that nobody looked at.
    pub(crate) fn stop(mut self) {
        self.orders.send(Order::Stop).unwrap();
        self.thread.take().unwrap().join().unwrap();
        assert!(self.events.try_recv().is_err(), "{} did more than it should", self.name);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A response that is repeated until ACK comes (RFC 3261 sections 13.3.1.4 and 17.2.1).
struct Repeated {
    text: String,
    to: SocketAddr,
    due: Instant,
    wait: Duration,
}

struct Leg {
    invite: Sip,
    from: SocketAddr,
    tag: String,
    half: Option<AwaitI2>,
    r1: Vec<u8>,
    up: bool,
    last: Option<Repeated>,
}

struct Ua {
    socket: UdpSocket,
    port: u16,
    manner: Manner,
    keys: Vec<PrivateKey>,
    trust: Trust,
    settings: Settings,
    events: Sender<Event>,
    leg: Option<Leg>,
    /// Requests that were answered, by branch and method, with the last response: what comes again is answered again.
    answered: BTreeMap<String, String>,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Ua {
    fn run(mut self, orders: &Receiver<Order>) {
        let mut buffer = [0; 65_536];
        loop {
            match orders.try_recv() {
                Ok(Order::PickUp) => self.pick_up(),
                Ok(Order::Stop) => return,
                Err(_) => {}
            }
            self.repeat();
            let Ok((n, from)) = self.socket.recv_from(&mut buffer) else { continue };
            // Keep-alives and the like.
            let Some(request) = Sip::parse(&buffer[..n]) else { continue };
            self.heard.lock().unwrap().push(buffer[..n].to_vec());
            self.request(&request, from);
        }
    }

    fn send(&self, text: &str, to: SocketAddr) {
        self.socket.send_to(text.as_bytes(), to).unwrap();
    }

    fn repeat(&mut self) {
        let Some(last) = self.leg.as_mut().and_then(|l| l.last.as_mut()) else { return };
        if Instant::now() >= last.due {
            last.wait = T2.min(2 * last.wait);
            last.due = Instant::now() + last.wait;
            let (text, to) = (last.text.clone(), last.to);
            self.send(&text, to);
        }
    }

    /// Answers, and remembers the answer for the request that comes again.
    fn respond(&mut self, request: &Sip, to: SocketAddr, status: &str, body: Option<&str>) -> String {
        let tag = self.leg.as_ref().map_or("none", |l| &l.tag);
        let text = request.respond(status, tag, self.port, body);
        self.answered.insert(transaction(request), text.clone());
        self.send(&text, to);
        text
    }

    /// As [`Self::respond`], until ACK.
    fn respond_finally(&mut self, request: &Sip, to: SocketAddr, status: &str, body: Option<&str>) {
        let text = self.respond(request, to, status, body);
        if let Some(leg) = &mut self.leg {
            leg.last = Some(Repeated { text, to, due: Instant::now() + T1, wait: T1 });
        }
    }

    fn request(&mut self, request: &Sip, from: SocketAddr) {
        if request.method() == "ACK" {
            if let Some(leg) = &mut self.leg {
                leg.last = None;
            }
            return;
        }
        if let Some(before) = self.answered.get(&transaction(request)) {
            let before = before.clone();
            self.send(&before, from);
            return;
        }
        let ours = self.leg.as_ref().is_some_and(|l| l.invite.header("call-id") == request.header("call-id"));
        match (request.method(), request.to_tag(), ours) {
            ("INVITE", None, false) if self.leg.is_none() => self.ring(request, from),
            ("INVITE", Some(_), true) if self.leg.as_ref().is_some_and(|l| l.half.is_some()) => {
                self.second_round(request, from);
            }
            ("CANCEL", _, true) if self.leg.as_ref().is_some_and(|l| l.half.is_some() && l.last.is_none()) => {
                self.respond(request, from, "200 OK", None);
                let leg = self.leg.as_mut().unwrap();
                // All that is secret of the call goes with it.
                let kept = leg.half.take().filter(|_| self.manner == Manner::Thief);
                let (invite, to) = (leg.invite.clone(), leg.from);
                self.respond_finally(&invite, to, "487 Request Terminated", None);
                self.events.send(Event::Cancelled { kept }).unwrap();
            }
            ("BYE", Some(_), true) => {
                self.respond(request, from, "200 OK", None);
                let leg = self.leg.as_mut().unwrap();
                leg.last = None;
                leg.half = None;
                let media = leg.up;
                self.events.send(Event::Ended { media }).unwrap();
            }
            _ => drop(self.respond(request, from, "481 Call/Transaction Does Not Exist", None)),
        }
    }

    fn ring(&mut self, request: &Sip, from: SocketAddr) {
        let tag = format!("t{}", self.port);
        let (invite, r1) = (request.clone(), Vec::new());
        self.leg = Some(Leg { invite, from, tag, half: None, r1, up: false, last: None });
        if self.manner == Manner::Busy {
            self.respond_finally(request, from, "486 Busy Here", None);
            return;
        }
        let offer = Description::parse(&request.body).unwrap();
        let i1 = offer.effective(1)[0].data.clone();
        let own = &self.keys[0];
        let identity = if self.manner == Manner::Stranger { As::Retargeted(own) } else { As::Branch(own) };
        let end = End { settings: &self.settings, keys: &self.keys, directory: &self.trust };
        let answering = Answering { identity, ssrcs: &[] };
        let answered = end.answer(&mut ReplayCache::new(10), &i1, &answering, now(), &mut SysRng);
        let (half, r1) = answered.unwrap();
        // The list of protocols was under the seal for who could open it, and under nothing else for a stranger.
        sdp::verify_offer(&Message::parse(&i1).unwrap(), &offer).unwrap();
        let leg = self.leg.as_mut().unwrap();
        leg.half = Some(half);
        leg.r1.clone_from(&r1);
        self.respond(request, from, "180 Ringing", None);
        self.events.send(Event::Ringing { r1 }).unwrap();
    }

    fn pick_up(&mut self) {
        let leg = self.leg.as_ref().unwrap();
        let answer = description(&sdp::line(&leg.r1).unwrap(), self.port);
        let (invite, from) = (leg.invite.clone(), leg.from);
        Description::parse(&invite.body).unwrap().check_answer(&Description::parse(&answer).unwrap()).unwrap();
        self.respond_finally(&invite, from, "200 OK", Some(&answer));
    }

    fn second_round(&mut self, request: &Sip, from: SocketAddr) {
        let leg = self.leg.as_mut().unwrap();
        let offer = Description::parse(&request.body).unwrap();
        let i2 = offer.effective(1)[0].data.clone();
        let end = End { settings: &self.settings, keys: &self.keys, directory: &self.trust };
        match leg.half.take().unwrap().receive(&end, &i2, now(), &mut SysRng) {
            Ok((outcome, r2)) => {
                leg.up = true;
                let answer = description(&sdp::line(&r2).unwrap(), self.port);
                self.respond_finally(request, from, "200 OK", Some(&answer));
                self.events.send(Event::Up(outcome)).unwrap();
            }
            Err(failed) => {
                leg.half = failed.state;
                self.respond_finally(request, from, "488 Not Acceptable Here", None);
            }
        }
    }
}

/// What makes a request the same one: the branch of its top Via, its number and its method (RFC 3261 section 17.2.3).
fn transaction(request: &Sip) -> String {
    let branch = request.header("via").split(";branch=").nth(1).unwrap_or_default();
    let branch = branch.split([';', ',']).next().unwrap_or_default();
    format!("{branch} {} {}", request.cseq(), request.method())
}
