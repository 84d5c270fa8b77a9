//! Media under the keys of a forked call: who answered hears it, who lost does not, and libsrtp agrees packet by packet.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use getrandom::SysRng;
use ibake::mikey::call::End;
use ibake::srtp::MasterKeys;
use ibake::suite::Suite;

use crate::agent::{Event, Manner};
use crate::calls::Forked;
use crate::parties::{BOB, DEVICES, assert_same, now, session};
use crate::peers::{compile, has_header, output, starts, there};
use crate::proxy::have_sip;
use crate::sound::{Receiver, deliver, frequency, send};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// How many of the packets libsrtp accepts under this key, and how many it refuses.
fn libsrtp(program: &Path, dir: &Path, key_and_salt: &[u8], packets: &[Vec<u8>]) -> (usize, usize) {
    let lines = packets.iter().fold(hex(key_and_salt) + "\n", |out, p| out + &hex(p) + "\n");
    let path = dir.join("packets.hex");
    fs::write(&path, lines).unwrap();
    let out = output(Command::new(program).arg(&path));
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text} {}", String::from_utf8_lossy(&out.stderr));
    let numbers: Vec<usize> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
    (numbers[0], numbers[1])
}

#[test]
fn who_answered_hears_the_tone_and_who_lost_decodes_no_packet() {
    let ffmpeg = there("ffmpeg", starts("ffmpeg", "-version"));
    let srtp = there("libsrtp", starts("cc", "--version") && has_header("srtp2/srtp.h", &[]));
    if !have_sip() || !ffmpeg {
        return;
    }
    // A call of two branches, in which the one that loses keeps its state.
    let mut f = Forked::ring(Suite::P256Aes256Gcm, &[Manner::Thief, Manner::Branch]);
    let (state, i2) = f.pick_up(1);
    let Event::Cancelled { kept: Some(half) } = f.agents[0].next() else { panic!("the thief keeps its state") };
    let (ours, theirs) = f.finish(1, state, &i2);
    assert_same(&ours, &theirs);
    // What the loser can compute at best: a leg of its own.
    let r1 = f.answers[0].clone();
    let (_, to_thief) = f.hear(&r1, DEVICES[0]);
    let thief = [f.parties.issue(DEVICES[0]), f.parties.issue(BOB)];
    let end = End { settings: &f.parties.settings, keys: &thief, directory: &f.parties.trust };
    let (lost, _) = half.receive(&end, &to_thief, now(), &mut SysRng).unwrap();
    let lost = session(lost);
    let _ = f.caller.hang_up();
    assert!(matches!(f.agents[1].next(), Event::Ended { media: true }));

    let dir = tempfile::tempdir().unwrap();
    let key = |s: &MasterKeys| s.sdes_inline().expose().to_owned();
    let (ours, theirs, lost) = (ours.keys().srtp(1), theirs.keys().srtp(1), lost.keys().srtp(1));
    let (ours, theirs, lost) = (ours.unwrap(), theirs.unwrap(), lost.unwrap());
    let packets = send(&key(ours), dir.path());
    let callee = Receiver::start("callee", &key(theirs), dir.path(), &packets[0]);
    let loser = Receiver::start("loser", &key(lost), dir.path(), &packets[0]);
    deliver(&packets, &[&callee, &loser]);
    let (heard, refused) = callee.finish(packets.len());
    assert_eq!((refused, heard.len() > 12_000), (0, true), "{} samples", heard.len());
    assert!((frequency(&heard) - 440.0).abs() < 5.0, "{} Hz", frequency(&heard));
    let (heard, refused) = loser.finish(packets.len());
    assert_eq!(heard.len(), 0, "the loser hears nothing");
    // One more than there are: the first was also sent to find out whether it listens.
    assert!(refused >= packets.len(), "{refused} of {}", packets.len());

    if !srtp {
        return;
    }
    let program = dir.path().join("unprotect");
    compile("unprotect.c", &program, &["-lsrtp2".into()]);
    let forty = &packets[..40];
    assert_eq!(libsrtp(&program, dir.path(), theirs.key_and_salt(), forty), (40, 0));
    for bit in [0, 127, 128, 239] {
        let mut flipped = theirs.key_and_salt().to_vec();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        assert_eq!(libsrtp(&program, dir.path(), &flipped, forty), (0, 40), "bit {bit}");
    }
    assert_eq!(libsrtp(&program, dir.path(), lost.key_and_salt(), forty), (0, 40));
    let mut altered = forty.to_vec();
    altered[7][20] ^= 1;
    assert_eq!(libsrtp(&program, dir.path(), theirs.key_and_salt(), &altered), (39, 1));
}
