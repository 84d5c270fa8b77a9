//! tshark reads a forked call: the requests that a device got, and the four messages as datagrams to MIKEY's port. It misreads the
//! GENERIC-ID map and what comes behind it, so it is asked for what stands before.

use std::fs;
use std::process::Command;

use ibake::mikey::Message;
use ibake::mikey::numbers::DataType;
use ibake::mikey::sdp;
use ibake::suite::Suite;

use crate::agent::{Event, Manner};
use crate::calls::Forked;
use crate::peers::{output, starts, there};
use crate::proxy::have_sip;

/// A capture file of UDP datagrams with their ports. Link type 228 is bare IPv4.
fn capture(datagrams: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0002_0004, 0, 0, 0xffff, 228] {
        out.extend(word.to_be_bytes());
    }
    for (port, data) in datagrams {
        let (udp, ip) = (data.len() as u32 + 8, data.len() as u32 + 28);
        for word in [1_800_000_000, 0, ip, ip] {
            out.extend(word.to_be_bytes());
        }
        out.extend([0x45, 0]);
        out.extend((ip as u16).to_be_bytes());
        // No fragment, 64 hops, UDP, no checksum; from and to the loopback.
        out.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        for word in [40_000, *port, udp as u16, 0] {
            out.extend(word.to_be_bytes());
        }
        out.extend(data);
    }
    out
}

#[test]
fn tshark_sees_the_messages_in_sip_and_on_their_own_port() {
    // No short cut: whatever is missing is named.
    let (sip, reader) = (have_sip(), there("tshark", starts("tshark", "-v")));
    if !sip || !reader {
        return;
    }
    let mut f = Forked::ring(Suite::P256Aes256Gcm, &[Manner::Branch, Manner::Branch]);
    let (state, i2) = f.pick_up(0);
    assert!(matches!(f.agents[1].next(), Event::Cancelled { kept: None }));
    f.caller.order(&sdp::line(&i2).unwrap());
    let r2 = f.caller.answer();
    let _ = state.receive(&f.parties.alice(), &r2, crate::parties::now()).unwrap();
    assert!(matches!(f.agents[0].next(), Event::Up(_)));
    let _ = f.caller.hang_up();
    assert!(matches!(f.agents[0].next(), Event::Ended { media: true }));
    let r1 = f.answers[0].clone();
    let invites = f.agents[0].heard().into_iter().filter(|h| h.starts_with("INVITE")).collect::<Vec<_>>();
    let of =
        |text: &str| sdp::Description::parse(text.split_once("\r\n\r\n").unwrap().1).unwrap().session()[0].data.clone();
    // Requests may have come more than once.
    let first = invites.iter().find(|d| of(d) != i2).unwrap();
    let second = invites.iter().find(|d| of(d) == i2).unwrap();
    let i1 = of(first);
    let datagrams = [
        (5060, first.clone().into_bytes()),
        (5060, second.clone().into_bytes()),
        (2269, i1.clone()),
        (2269, r1),
        (2269, i2.clone()),
        (2269, r2),
    ];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("call.pcap");
    fs::write(&path, capture(&datagrams)).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(&path).args(["-T", "fields", "-E", "occurrence=f", "-E", "separator=/t"]);
    for field in ["sip.Method", "sdp.key_mgmt.kmpid", "mikey.version", "mikey.type", "mikey.csb_id"] {
        command.args(["-e", field]);
    }
    let out = output(&mut command);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let csb = format!("{:#010x}", Message::parse(&i1).unwrap().header().csb_id);
    let row = |method: &str, protocol: &str, kind: DataType| format!("{method}\t{protocol}\t1\t{}\t{csb}", kind.0);
    let expected = [
        row("INVITE", "mikey", DataType::I_MESSAGE_1),
        row("INVITE", "mikey", DataType::I_MESSAGE_2),
        row("", "", DataType::I_MESSAGE_1),
        row("", "", DataType::R_MESSAGE_1),
        row("", "", DataType::I_MESSAGE_2),
        row("", "", DataType::R_MESSAGE_2),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}
