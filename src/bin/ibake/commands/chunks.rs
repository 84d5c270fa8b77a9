//! Input in chunks of one size, the last of which is known as such.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use crate::error::Failure;

/// From this size on there is something to wait for.
const LONG: u64 = 32 << 20;

/// A file or standard input.
pub(crate) struct Input {
    file: Option<File>,
    length: Option<u64>,
    path: PathBuf,
}

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self { file: None, length: None, path: path.into() });
        }
        let io = |e| Failure::io(path, &e);
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if metadata.is_dir() {
            return Err(Failure::io(path, &io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self { file: Some(file), length, path: path.into() })
    }

    /// A bar if the input is long or of unknown length and somebody watches; it shows itself after the first second.
    pub(crate) fn progress(&self) -> ProgressBar {
        let watched = io::stderr().is_terminal() && self.path != Path::new("-");
        match self.length {
            Some(n) if watched && n >= LONG => {
                let bar = ProgressBar::new(n);
                let style = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
                if let Ok(style) = ProgressStyle::with_template(style) {
                    bar.set_style(style);
                }
                bar
            }
            _ => ProgressBar::hidden(),
        }
    }

    pub(crate) fn reader(&mut self) -> Box<dyn Read> {
        match self.file.take() {
            Some(file) => Box::new(file),
            None => Box::new(io::stdin().lock()),
        }
    }
}

/// Reads one chunk ahead.
pub(crate) struct Chunks {
    source: Box<dyn Read>,
    ahead: Vec<u8>,
    size: usize,
}

impl Chunks {
    /// `begun` is what has been read already; it counts as the beginning.
    pub(crate) fn new(begun: Vec<u8>, source: Box<dyn Read>, size: usize) -> Self {
        Self { source, ahead: begun, size }
    }

    /// The next chunk, and whether it is the last: exactly `size` bytes unless it is the last, which is empty only if there
    /// is no input at all.
    pub(crate) fn next(&mut self) -> io::Result<(Vec<u8>, bool)> {
        // One byte more than the chunk tells whether another one follows.
        if self.ahead.len() <= self.size {
            let missing = 2 * self.size - self.ahead.len();
            self.source.by_ref().take(missing as u64).read_to_end(&mut self.ahead)?;
        }
        if self.ahead.len() <= self.size {
            return Ok((std::mem::take(&mut self.ahead), true));
        }
        let rest = self.ahead.split_off(self.size);
        Ok((std::mem::replace(&mut self.ahead, rest), false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_whole_and_the_last_one_is_known() {
        for (total, begun) in [(0, 0), (1, 0), (3, 3), (4, 1), (5, 4), (8, 0), (9, 9), (12, 5), (13, 13)] {
            let all: Vec<u8> = (0..total).collect();
            let rest: Vec<u8> = all[begun..].to_vec();
            let mut c = Chunks::new(all[..begun].to_vec(), Box::new(io::Cursor::new(rest)), 4);
            let mut got = Vec::new();
            loop {
                let (chunk, last) = c.next().unwrap();
                assert!(last || chunk.len() == 4);
                assert!(chunk.len() <= 4 && (!chunk.is_empty() || total == 0));
                got.extend(chunk);
                if last {
                    break;
                }
            }
            assert_eq!(got, all);
        }
    }
}
