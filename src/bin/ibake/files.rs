//! Files that hold nothing secret, and results that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Failure, Kind};

/// Reads a file of at most `limit` bytes; `-` is standard input.
pub(crate) fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let io = |e: io::Error| Failure::io(path, &e);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    } else {
        File::open(path).map_err(io)?.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    }
    if bytes.len() as u64 > limit {
        return Err(too_long(path, limit));
    }
    Ok(bytes)
}

/// Reads at most `limit` bytes of a file, and tells how long it is; `-` is standard input, whose rest is counted.
pub(crate) fn read_beginning(path: &Path, limit: u64) -> Result<(Vec<u8>, u64), Failure> {
    let io = |e: io::Error| Failure::io(path, &e);
    let mut source: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(path).map_err(io)?) };
    let mut bytes = Vec::new();
    source.by_ref().take(limit).read_to_end(&mut bytes).map_err(io)?;
    let rest = io::copy(&mut source, &mut io::sink()).map_err(io)?;
    let total = bytes.len() as u64 + rest;
    Ok((bytes, total))
}

/// The bytes of a file that was read completely.
pub(crate) fn within(path: &Path, bytes: Vec<u8>, total: u64) -> Result<Vec<u8>, Failure> {
    if bytes.len() as u64 == total { Ok(bytes) } else { Err(too_long(path, bytes.len() as u64)) }
}

fn too_long(path: &Path, limit: u64) -> Failure {
    let text = format!("{} has more than {limit} bytes, which is too much for this", path.display());
    Failure::new(Kind::Input, "too-long", text)
}

/// Who may read a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Owner,
    Everybody,
}

/// A result in the making: a file beside its place, moved there at the end, or standard output.
///
/// For standard output too everything is kept back until [`Pending::finish`], in a file without a name: nothing that has not
/// been verified to the end is ever passed on.
pub(crate) struct Pending {
    target: Target,
    force: bool,
}

enum Target {
    File { temporary: NamedTempFile, path: PathBuf },
    Stdout(File),
}

impl Pending {
    /// Begins. `-` is standard output.
    pub(crate) fn new(path: &Path, access: Access, force: bool) -> Result<Self, Failure> {
        let io = |e: io::Error| Failure::io(path, &e);
        if path == Path::new("-") {
            return Ok(Self { target: Target::Stdout(tempfile::tempfile().map_err(io)?), force });
        }
        match fs::symlink_metadata(path) {
            Ok(m) if !force || !m.is_file() => return Err(exists(path)),
            _ => {}
        }
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".ibake-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // The system's mask still applies.
            let mode = if access == Access::Owner { 0o600 } else { 0o644 };
            builder.permissions(fs::Permissions::from_mode(mode));
        }
        #[cfg(not(unix))]
        let _ = access;
        Ok(Self {
            target: Target::File { temporary: builder.tempfile_in(parent).map_err(io)?, path: path.into() },
            force,
        })
    }

    /// Puts the result to its place.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.target {
            Target::File { temporary, path } => {
                temporary.as_file().sync_all().map_err(|e| Failure::io(&path, &e))?;
                let moved = if self.force { temporary.persist(&path) } else { temporary.persist_noclobber(&path) };
                match moved {
                    Ok(_) => Ok(()),
                    Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path)),
                    Err(e) => Err(Failure::io(&path, &e.error)),
                }
            }
            Target::Stdout(mut file) => {
                let io = |e: io::Error| Failure::io(Path::new("standard output"), &e);
                file.seek(SeekFrom::Start(0)).map_err(io)?;
                let mut stdout = io::stdout().lock();
                io::copy(&mut file, &mut stdout).and_then(|_| stdout.flush()).map_err(io)
            }
        }
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::File { temporary, .. } => temporary.write(bytes),
            Target::Stdout(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn exists(path: &Path) -> Failure {
    Failure::new(Kind::Io, "exists", format!("{} exists and is not overwritten", path.display()))
        .hint("Choose another name, or give --force.")
}

/// Writes a whole public result.
pub(crate) fn write_public(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let mut pending = Pending::new(path, Access::Everybody, force)?;
    pending.write_all(bytes).map_err(|e| Failure::io(path, &e))?;
    pending.finish()
}
