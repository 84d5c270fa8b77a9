//! Kamailio, which forks and retargets, and SIPp, which calls.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ibake::mikey::sdp::KeyMgmt;

use crate::peers::{PATIENCE, Process, free_port, starts, there, until};

/// Both are needed for a call.
pub(crate) fn have_sip() -> bool {
    // No short cut: both are named if both are missing.
    let (proxy, caller) = (there("kamailio", starts("kamailio", "-v")), there("sipp", starts("sipp", "-v")));
    proxy && caller
}

/// A proxy with one rule for INVITE.
pub(crate) struct Kamailio {
    process: Process,
    pub(crate) port: u16,
    dir: tempfile::TempDir,
}

impl Kamailio {
    /// In parallel to all of them.
    pub(crate) fn forking(to: &[String]) -> Self {
        let (first, rest) = to.split_first().unwrap();
        let branches: String = rest.iter().map(|uri| format!("append_branch(\"{uri}\");\n")).collect();
        Self::start(&format!("$ru = \"{first}\";\n{branches}"), "")
    }

    /// To the first; to the second when the first is busy.
    pub(crate) fn retargeting(first: &str, second: &str) -> Self {
        let failure = format!(
            "failure_route[ELSEWHERE] {{\n if (t_is_canceled()) exit;\n if (t_check_status(\"486\")) {{\n $ru = \"{second}\";\n \
             t_relay();\n exit;\n }}\n}}\n"
        );
        Self::start(&format!("$ru = \"{first}\";\nt_on_failure(\"ELSEWHERE\");\n"), &failure)
    }

    fn start(invite: &str, more: &str) -> Self {
        let port = free_port();
        let modules: String = ["tm", "sl", "rr", "pv", "corex", "siputils", "textops"]
            .map(|m| format!("loadmodule \"{m}.so\"\n"))
            .concat();
        let config = format!(
            "#!KAMAILIO\nlog_stderror=yes\ndebug=1\nchildren=2\nauto_aliases=no\ndns=no\nrev_dns=no\ndisable_tcp=yes\n\
             listen=udp:127.0.0.1:{port}\n{modules}\
             request_route {{\n\
             if (is_method(\"OPTIONS\")) {{ sl_send_reply(\"200\", \"OK\"); exit; }}\n\
             if (is_method(\"CANCEL\")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}\n\
             if (has_totag()) {{\n\
             if (loose_route()) {{ t_relay(); exit; }}\n\
             if (is_method(\"ACK\")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}\n\
             sl_send_reply(\"404\", \"Not here\");\nexit;\n}}\n\
             if (is_method(\"INVITE\")) {{\nrecord_route();\n{invite}}}\n\
             t_relay();\n}}\n{more}"
        );
        let dir = tempfile::tempdir().unwrap();
        let (path, log) = (dir.path().join("kamailio.cfg"), dir.path().join("kamailio.log"));
        fs::write(&path, config).unwrap();
        let log = fs::File::create(log).unwrap();
        let mut command = Command::new("kamailio");
        command.arg("-f").arg(&path).args(["-DD", "-E", "-m", "64", "-M", "8", "-Y"]).arg(dir.path());
        let process = Process::start(command.stdout(Stdio::null()).stderr(log));
        let mut this = Self { process, port, dir };
        this.wait();
        this
    }

    /// Until it answers.
    fn wait(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let me = socket.local_addr().unwrap();
        until("Kamailio answers", || {
            assert_eq!(self.process.ended(), None, "{}", self.log());
            let ping = format!(
                "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bKping\r\nFrom: <sip:test@{me}>;tag=1\r\n\
                 To: <sip:127.0.0.1>\r\nCall-ID: ping\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 2\r\nContent-Length: 0\r\n\r\n"
            );
            let _ = socket.send(ping.as_bytes());
            let mut buffer = [0; 2048];
            socket.recv(&mut buffer).ok().filter(|n| buffer[..*n].starts_with(b"SIP/2.0 200"))
        });
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("kamailio.log")).unwrap_or_default()
    }
}

/// SIPp as the caller's SIP stack. It asks us for every message by its twin socket (its third-party call control), so that the
/// engine computes while SIPp runs the transactions.
pub(crate) struct Caller {
    process: Process,
    twin: BufReader<TcpStream>,
    call_id: String,
    dir: tempfile::TempDir,
}

/// An INVITE with the line of the last order; the second one is in the dialogue.
const INVITE: &str = "<send retrans=\"500\"><![CDATA[\n
INVITE TARGET SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
ROUTESMax-Forwards: 70
From: <sip:alice@a.example>;tag=[call_number]
To: <sip:bob@b.example>TOTAG
Call-ID: [call_id]
CSeq: NUMBER INVITE
Contact: <sip:alice@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 NUMBER IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
[$order]
m=audio [local_port] RTP/SAVP 0
a=rtpmap:0 PCMU/8000

]]></send>
<recv response=\"100\" optional=\"true\"/>
<recv response=\"180\" optional=\"true\"/>
<recv response=\"200\" RRS><action>
<ereg regexp=\"a=key-mgmt:[ -~]+\" search_in=\"body\" check_it=\"true\" assign_to=\"line\"/>
</action></recv>
<send><![CDATA[\n
ACK [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[routes]
Max-Forwards: 70
From: <sip:alice@a.example>;tag=[call_number]
To: <sip:bob@b.example>[peer_tag_param]
Call-ID: [call_id]
CSeq: NUMBER ACK
Content-Length: 0

]]></send>
<sendCmd><![CDATA[\n
Call-ID: [call_id]
[$line]

]]></sendCmd>
";

const ORDER: &str = "<recvCmd><action>
<ereg regexp=\"a=key-mgmt:[ -~]+\" search_in=\"msg\" assign_to=\"order\"/>
</action></recvCmd>
";

fn scenario(second_round: bool) -> String {
    let invite = |number: &str, target: &str, routes: &str, tag: &str, rrs: &str| {
        let filled = INVITE.replace("NUMBER", number).replace("TARGET", target).replace("ROUTES", routes);
        filled.replace("TOTAG", tag).replace("RRS", rrs)
    };
    let first = invite("1", "sip:bob@b.example", "", "", "rrs=\"true\"");
    let second = invite("2", "[next_url]", "[routes]\n", "[peer_tag_param]", "");
    let hello = "<sendCmd><![CDATA[\nCall-ID: [call_id]\nready\n\n]]></sendCmd>\n";
    let bye = "<send retrans=\"500\"><![CDATA[\n
BYE [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[routes]
Max-Forwards: 70
From: <sip:alice@a.example>;tag=[call_number]
To: <sip:bob@b.example>[peer_tag_param]
Call-ID: [call_id]
CSeq: 3 BYE
Content-Length: 0

]]></send>
<recv response=\"200\"/>
";
    let rounds = if second_round { [&first, ORDER, &second].concat() } else { first };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"caller\">\n{hello}{ORDER}{rounds}{ORDER}{bye}</scenario>\n"
    )
}

impl Caller {
    /// Starts SIPp towards the proxy. With `second_round` it sends a re-INVITE with the second line that it gets; without, BYE.
    pub(crate) fn start(proxy: &Kamailio, second_round: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("caller.xml"), scenario(second_round)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (port, control) = (free_port(), free_port());
        let mut command = Command::new("sipp");
        command.arg(format!("127.0.0.1:{}", proxy.port)).args(["-sf", "caller.xml", "-i", "127.0.0.1", "-m", "1"]);
        command.args(["-p", &port.to_string(), "-cp", &control.to_string(), "-3pcc"]);
        command.arg(listener.local_addr().unwrap().to_string());
        command.args(["-nostdin", "-skip_rlimit", "-timeout", "60s", "-timeout_error"]);
        command.args(["-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log"]);
        command.current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Process::start(&mut command);
        let stream = until("SIPp connects", || {
            assert_eq!(process.ended(), None, "{}", log(dir.path()));
            listener.accept().ok()
        });
        stream.0.set_nonblocking(false).unwrap();
        stream.0.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut this = Self { process, twin: BufReader::new(stream.0), call_id: String::new(), dir };
        let hello = this.read();
        this.call_id = hello.lines().find_map(|l| l.strip_prefix("Call-ID: ")).unwrap().trim().to_owned();
        this
    }

    /// What SIPp writes ends with ESC.
    fn read(&mut self) -> String {
        let mut text = Vec::new();
        for byte in self.twin.by_ref().bytes() {
            match byte {
                Ok(27) => return String::from_utf8(text).unwrap(),
                Ok(b) => text.push(b),
                Err(e) => panic!("SIPp says nothing: {e}\n{}", log(self.dir.path())),
            }
        }
        panic!("SIPp has hung up\n{}", log(self.dir.path()));
    }

    /// The line for the next request, or anything for BYE.
    pub(crate) fn order(&mut self, line: &str) {
        let text = format!("Call-ID: {}\r\n{line}\r\n\r\n\x1b", self.call_id);
        self.twin.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The message in the 200 to the last request.
    pub(crate) fn answer(&mut self) -> Vec<u8> {
        let text = self.read();
        let line = text.lines().find(|l| l.starts_with("a=key-mgmt:")).unwrap_or_else(|| panic!("no line in {text:?}"));
        KeyMgmt::parse(line).unwrap().data
    }

    /// BYE, and the end of SIPp: 0 if all came as it should.
    pub(crate) fn hang_up(mut self) -> String {
        self.order("a=key-mgmt:none");
        let code = self.process.wait();
        let log = log(self.dir.path());
        assert_eq!(code, 0, "{log}");
        log
    }
}

/// What SIPp saw, and what it did not like.
fn log(dir: &Path) -> String {
    ["errors.log", "messages.log"].map(|f| fs::read_to_string(dir.join(f)).unwrap_or_default()).concat()
}
