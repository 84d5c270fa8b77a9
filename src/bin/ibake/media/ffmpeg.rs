//! ffmpeg as sender and receivers of one SRTP stream, and the wire between them, which counts and keeps every packet.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use getrandom::SysRng;
use ibake::keyfile;
use ibake::secret::Secret;

use crate::error::{Failure, Kind};

/// The profile that is used: ffmpeg knows the two AES-128 ones.
pub(super) const PROFILE: &str = "AES_CM_128_HMAC_SHA1_80";
/// The tone that is sent.
pub(super) const TONE: u32 = 440;
/// ffmpeg's limit on a packet: 160 bytes of sound (20 ms), the header of RTP, and the 14 bytes that it keeps for SRTP.
const PACKET: usize = 12 + 160 + 14;
/// Longer than anything here takes; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two packets on their way to the receivers: ten times as fast as the tone.
const PACE: Duration = Duration::from_millis(2);

/// The program, found.
pub(super) struct Ffmpeg {
    program: PathBuf,
    dir: PathBuf,
}

fn failed(text: impl Into<String>) -> Failure {
    Failure::new(Kind::Failed, "ffmpeg", text)
}

fn io(e: &std::io::Error) -> Failure {
    Failure::new(Kind::Io, "io", e.to_string())
}

impl Ffmpeg {
    /// Finds out whether there is one that knows SRTP.
    pub(super) fn find(program: &Path, dir: &Path) -> Result<Self, Failure> {
        let this = Self { program: program.into(), dir: dir.into() };
        let output = this.command(&["-protocols"]).stdout(Stdio::piped()).output();
        let Ok(output) = output else {
            return Err(failed(format!("{} does not run, and this command needs ffmpeg", program.display()))
                .hint("Install it (Debian, Ubuntu: apt-get install ffmpeg), or say where it is: --ffmpeg PATH"));
        };
        if !String::from_utf8_lossy(&output.stdout).lines().any(|l| l.trim() == "srtp") {
            return Err(failed(format!("{} was built without SRTP", program.display()))
                .hint("Use the one of your distribution, or say where a full one is: --ffmpeg PATH"));
        }
        Ok(this)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-nostdin", "-hide_banner"]).args(args).current_dir(&self.dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Sends `seconds` of the tone under `key` and gives the packets as they went over the wire.
    pub(super) fn send(&self, key: &str, seconds: u32) -> Result<Vec<Vec<u8>>, Failure> {
        let (wire, _rtcp, port) = pair()?;
        wire.set_read_timeout(Some(Duration::from_millis(200))).map_err(|e| io(&e))?;
        let tone = format!("sine=frequency={TONE}:duration={seconds}:sample_rate=8000");
        let to = format!("srtp://127.0.0.1:{port}?pkt_size={PACKET}");
        let args = ["-loglevel", "error", "-f", "lavfi", "-i", &tone, "-c:a", "pcm_mulaw", "-ac", "1", "-f", "rtp"];
        let args = [&args[..], &["-srtp_out_suite", PROFILE, "-srtp_out_params", key, &to]].concat();
        let child = self.command(&args).spawn().map_err(|e| failed(format!("ffmpeg does not start: {e}")))?;
        let mut child = Guard(child);
        let (begun, mut packets, mut buffer) = (Instant::now(), Vec::new(), [0; 2048]);
        loop {
            // Asked first: what was sent before the end is in the socket by then.
            let status = child.0.try_wait().map_err(|e| io(&e))?;
            match wire.recv(&mut buffer) {
                Ok(n) => packets.push(buffer.get(..n).unwrap_or_default().to_vec()),
                Err(e) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Err(io(&e)),
                Err(_) => match status {
                    Some(s) if s.success() => return Ok(packets),
                    Some(s) => return Err(failed(format!("ffmpeg does not send: {s}"))),
                    None if begun.elapsed() > PATIENCE => return Err(failed("ffmpeg hangs")),
                    None => {}
                },
            }
        }
    }

    /// Starts a receiver under `key`, which ends when it has decoded `seconds`.
    pub(super) fn receive(&self, name: &str, key: &str, seconds: u32) -> Result<Receiver, Failure> {
        let (rtp, rtcp, port) = pair()?;
        drop((rtp, rtcp));
        let (sdp, wav) = (format!("{name}.sdp"), format!("{name}.wav"));
        let text = format!(
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/SAVP 0\r\n\
             a=rtpmap:0 PCMU/8000\r\na=crypto:1 {PROFILE} inline:{key}\r\n"
        );
        keyfile::write_secret_file(&self.dir.join(&sdp), text.as_bytes())?;
        let length = seconds.to_string();
        let args =
            ["-loglevel", "repeat+warning", "-protocol_whitelist", "file,udp,rtp,srtp", "-i", &sdp, "-t", &length];
        let mut command = self.command(&[&args[..], &["-c:a", "pcm_s16le", "-y", &wav]].concat());
        let child = command.stderr(Stdio::piped()).spawn();
        let mut child = Guard(child.map_err(|e| failed(format!("ffmpeg does not start: {e}")))?);
        let refused = Arc::new(AtomicUsize::new(0));
        if let Some(stderr) = child.0.stderr.take() {
            let refused = Arc::clone(&refused);
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    refused.fetch_add(usize::from(line.contains("HMAC mismatch")), Ordering::SeqCst);
                }
            });
        }
        let socket = UdpSocket::bind("127.0.0.1:0").map_err(|e| io(&e))?;
        socket.connect(("127.0.0.1", port)).map_err(|e| io(&e))?;
        Ok(Receiver { child, socket, refused, wav: self.dir.join(wav) })
    }
}

/// A process of ours, ended by its own handle whatever happens.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running receiver.
pub(super) struct Receiver {
    child: Guard,
    socket: UdpSocket,
    refused: Arc<AtomicUsize>,
    wav: PathBuf,
}

impl Receiver {
    /// Waits until it listens: before that the system refuses what is sent to it. `first` is the first packet, which may come twice.
    pub(super) fn wait(&mut self, first: &[u8]) -> Result<(), Failure> {
        let begun = Instant::now();
        self.socket.set_read_timeout(Some(Duration::from_millis(100))).map_err(|e| io(&e))?;
        loop {
            let sent = self.socket.send(first);
            // Nothing ever comes; a refusal of what was sent does.
            let refused = self.socket.recv(&mut [0; 16]).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused);
            if sent.is_ok() && !refused {
                return Ok(());
            }
            if self.ended()? || begun.elapsed() > PATIENCE {
                return Err(failed("ffmpeg does not listen"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ended(&mut self) -> Result<bool, Failure> {
        Ok(self.child.0.try_wait().map_err(|e| io(&e))?.is_some())
    }

    /// Packets that it did not accept.
    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// Waits until it has ended by itself, or has refused `packets`; then ends it. Gives what it has written.
    pub(super) fn finish(mut self, packets: usize) -> Result<(Vec<u8>, usize), Failure> {
        let begun = Instant::now();
        while !self.ended()? && self.refused() < packets && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        let refused = self.refused();
        drop(self.child);
        // None was written where nothing was decoded.
        Ok((std::fs::read(&self.wav).unwrap_or_default(), refused))
    }
}

/// Sends every packet to all of them.
pub(super) fn deliver(packets: &[Vec<u8>], to: &[&Receiver]) {
    for packet in packets {
        for receiver in to {
            // One that has heard enough is gone.
            let _ = receiver.socket.send(packet);
        }
        std::thread::sleep(PACE);
    }
}

/// Two sockets on a free even port and the next one, for RTP and RTCP; below the ports that the system gives away by itself,
/// because ffmpeg binds them after we have let go of them.
fn pair() -> Result<(UdpSocket, UdpSocket, u16), Failure> {
    for _ in 0..100 {
        let drawn = u16::from_be_bytes(*Secret::<2>::random(&mut SysRng)?.expose());
        let port = 20_000 + drawn % 5000 * 2;
        let bind = |port| UdpSocket::bind(("127.0.0.1", port));
        if let (Ok(rtp), Ok(rtcp)) = (bind(port), bind(port + 1)) {
            return Ok((rtp, rtcp, port));
        }
    }
    Err(failed("no two free ports beside each other"))
}
