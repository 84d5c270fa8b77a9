//! ffmpeg as sender and receiver of SRTP, and the wire between them, which keeps every packet.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::peers::{Process, free_port, until};

const PROFILE: &str = "AES_CM_128_HMAC_SHA1_80";
/// Seconds that are sent and that are heard: some packets may get lost.
const SENT: u32 = 4;
const HEARD: u32 = 2;

fn ffmpeg(dir: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner"]).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// 440 Hz under this key, as packets.
pub(crate) fn send(inline: &str, dir: &Path) -> Vec<Vec<u8>> {
    let port = free_port();
    let wire = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    // Where ffmpeg sends RTCP.
    let _rtcp = UdpSocket::bind(("127.0.0.1", port + 1)).unwrap();
    wire.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (tone, to) = (
        format!("sine=frequency=440:duration={SENT}:sample_rate=8000"),
        // 160 bytes of sound, a header of 12, and the 14 that ffmpeg keeps for SRTP.
        format!("srtp://127.0.0.1:{port}?pkt_size=186"),
    );
    let mut command = ffmpeg(dir);
    command.args(["-f", "lavfi", "-i", &tone, "-c:a", "pcm_mulaw", "-ac", "1", "-f", "rtp"]);
    command.args(["-srtp_out_suite", PROFILE, "-srtp_out_params", inline, &to]);
    let mut sender = Process::start(&mut command);
    let (mut packets, mut buffer) = (Vec::new(), [0; 2048]);
    let code = until("ffmpeg has sent", || {
        // Asked before: what was sent before the end is in the socket by then.
        let ended = sender.ended();
        while let Ok(n) = wire.recv(&mut buffer) {
            packets.push(buffer[..n].to_vec());
        }
        ended
    });
    assert_eq!((code, packets.len() > 150), (0, true), "{} packets", packets.len());
    packets
}

/// A receiver under some key.
pub(crate) struct Receiver {
    process: Process,
    socket: UdpSocket,
    refused: Arc<AtomicUsize>,
    wav: std::path::PathBuf,
}

impl Receiver {
    /// Starts one, and waits until it listens: before that the system refuses what comes.
    pub(crate) fn start(name: &str, inline: &str, dir: &Path, first: &[u8]) -> Self {
        let port = free_port();
        let sdp = format!(
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/SAVP 0\r\n\
             a=rtpmap:0 PCMU/8000\r\na=crypto:1 {PROFILE} inline:{inline}\r\n"
        );
        fs::write(dir.join(format!("{name}.sdp")), sdp).unwrap();
        let mut command = ffmpeg(dir);
        command.args(["-loglevel", "repeat+warning", "-protocol_whitelist", "file,udp,rtp,srtp", "-i"]);
        command.arg(format!("{name}.sdp")).args(["-t", &HEARD.to_string(), "-c:a", "pcm_s16le", "-y"]);
        let mut process = Process::start(command.arg(format!("{name}.wav")).stderr(Stdio::piped()));
        let refused = Arc::new(AtomicUsize::new(0));
        let (errors, counter) = (process.child.stderr.take().unwrap(), Arc::clone(&refused));
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                counter.fetch_add(usize::from(line.contains("HMAC mismatch")), Ordering::SeqCst);
            }
        });
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        until("ffmpeg listens", || {
            assert_eq!(process.ended(), None, "ffmpeg has ended");
            let sent = socket.send(first);
            let refused = socket.recv(&mut [0; 16]).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused);
            (sent.is_ok() && !refused).then_some(())
        });
        Self { process, socket, refused, wav: dir.join(format!("{name}.wav")) }
    }

    /// Waits until it has heard enough or refused `packets`; gives the samples and how many it refused.
    pub(crate) fn finish(mut self, packets: usize) -> (Vec<i16>, usize) {
        until("ffmpeg has heard enough", || {
            (self.process.ended().is_some() || self.refused.load(Ordering::SeqCst) >= packets).then_some(())
        });
        let refused = self.refused.load(Ordering::SeqCst);
        drop(self.process);
        let wav = fs::read(&self.wav).unwrap_or_default();
        let data = wav.windows(4).position(|w| w == b"data").map_or(&[][..], |at| &wav[at + 8..]);
        (data.as_chunks::<2>().0.iter().map(|p| i16::from_le_bytes(*p)).collect(), refused)
    }
}

/// Sends every packet to all of them, faster than they were spoken, and not all at once.
pub(crate) fn deliver(packets: &[Vec<u8>], to: &[&Receiver]) {
    for packet in packets {
        for receiver in to {
            // Who has heard enough is gone.
            let _ = receiver.socket.send(packet);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The frequency of a tone at 8 kHz, by its ways up through zero.
pub(crate) fn frequency(samples: &[i16]) -> f64 {
    let ups: Vec<usize> =
        samples.windows(2).enumerate().filter(|(_, w)| w[0] < 0 && w[1] >= 0).map(|(i, _)| i).collect();
    let (first, last) = (ups[0], ups[ups.len() - 1]);
    (ups.len() - 1) as f64 * 8000.0 / (last - first) as f64
}
