//! Reading and writing files that hold secrets.
//!
//! Reading follows symbolic links, because mounted secrets are made of them, and judges what was opened: the checks run
//! on the open handle. Writing refuses a link, which an atomic replacement would silently turn into a file.
//!
//! On systems without Unix permissions the mode is neither checked nor set.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::Error;
use crate::secret::SecretVec;

/// What the names of files begin with while they are being written.
pub(crate) const TEMPORARY: &str = ".ibake-";
/// The largest file that [`read_secret_file`] reads.
pub const MAX_FILE: u64 = 1024 * 1024;

/// Reads a whole file that only its owner may read.
///
/// # Errors
/// [`Error::Permissions`] if group or others have any right to it, [`Error::NotAFile`], [`Error::FileTooLarge`] over
/// [`MAX_FILE`], [`Error::Io`].
pub fn read_secret_file(path: &Path) -> Result<SecretVec, Error> {
    let io = |e| Error::io(path, &e);
    // Before opening, because opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(Error::NotAFile { path: path.into() });
    }
    let mut file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(Error::NotAFile { path: path.into() });
    }
    check_mode(path, &metadata)?;
    if metadata.len() > MAX_FILE {
        return Err(Error::FileTooLarge { path: path.into(), limit: MAX_FILE });
    }
    // Exactly as much as there is: a vector that grows leaves copies behind.
    let mut bytes = SecretBuffer(vec![0; metadata.len() as usize]);
    file.read_exact(&mut bytes.0).map_err(io)?;
    if file.read(&mut [0]).map_err(io)? != 0 {
        // Somebody appended while we read.
        return Err(Error::Io { path: path.into(), kind: io::ErrorKind::InvalidData });
    }
    Ok(SecretVec::new(core::mem::take(&mut bytes.0)))
}

/// Wipes what was read so far if reading fails.
struct SecretBuffer(Vec<u8>);

impl Drop for SecretBuffer {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 || (mode == 0o440 && is_credential(path)) {
        Ok(())
    } else {
        Err(Error::Permissions { path: path.into(), mode })
    }
}

/// Whether a file stands in the directory that systemd has made for this service (`LoadCredential=`). Where it lets the service read
/// by an access list, the group's bits show the list's mask, though no group may read.
#[cfg(unix)]
fn is_credential(path: &Path) -> bool {
    std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|dir| path.parent() == Some(Path::new(&dir)))
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<(), Error> {
    Ok(())
}

/// Writes a file with mode 0600, replacing an older one at once: whoever reads sees all of the old or all of the new,
/// also after a crash. If it fails, the old file stays as it was and nothing is left beside it. (Should only the last
/// step fail, the flush of the directory, the new file is in place but may not survive a crash.)
///
/// # Errors
/// [`Error::Symlink`], [`Error::NotAFile`] if `path` is a directory or device, [`Error::Io`].
pub fn write_secret_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    place(path, true, |file| write(file, bytes))
}

/// Writes a file with mode 0600 that must not exist yet, as [`write_secret_file`] otherwise.
///
/// # Errors
/// [`Error::Exists`] if anything has that name, also a dangling link; [`Error::Io`].
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    place(path, false, |file| write(file, bytes))
}

/// Writes many new files into one directory, each as [`write_new`] does. The directory is flushed once, at the end;
/// several threads write, because each of them waits for the disk most of the time.
///
/// # Errors
/// The first of those of [`write_new`]. Files that were written by then stay.
#[cfg(feature = "kgs")]
pub(crate) fn write_new_files(directory: &Path, files: &[(String, Vec<u8>)]) -> Result<(), Error> {
    const WRITERS: usize = 8;
    if files.is_empty() {
        return Ok(());
    }
    let write_part = |part: &[(String, Vec<u8>)]| {
        part.iter().try_for_each(|(name, bytes)| put(&directory.join(name), false, |file| write(file, bytes)))
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            files.chunks(files.len().div_ceil(WRITERS)).map(|p| scope.spawn(move || write_part(p))).collect();
        // A thread that panics is a bug of ours; the panic goes on.
        parts.into_iter().try_for_each(|t| t.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
    })?;
    flush(directory).map_err(|e| Error::io(directory, &e))
}

fn write(file: &mut NamedTempFile, bytes: &[u8]) -> io::Result<()> {
    // Published as a copy, so that the secret itself keeps its mark.
    #[cfg(feature = "declassify")]
    let copy = bytes.to_vec();
    #[cfg(feature = "declassify")]
    let bytes = {
        crate::declassify::published("what is written to a file", &copy);
        &copy[..]
    };
    file.write_all(bytes)
}

/// Flushes the names in a directory.
fn flush(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// Lets `write` fill a temporary file beside `path`, flushes it, moves it there and flushes the directory.
pub(super) fn place(
    path: &Path,
    replace: bool,
    write: impl FnOnce(&mut NamedTempFile) -> io::Result<()>,
) -> Result<(), Error> {
    put(path, replace, write)?;
    flush(parent(path)?).map_err(|e| Error::io(path, &e))
}

fn parent(path: &Path) -> Result<&Path, Error> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(parent) => Ok(parent),
        None => Err(Error::NotAFile { path: path.into() }),
    }
}

/// As [`place`], but for the flush of the directory.
fn put(path: &Path, replace: bool, write: impl FnOnce(&mut NamedTempFile) -> io::Result<()>) -> Result<(), Error> {
    let io = |e: io::Error| Error::io(path, &e);
    match fs::symlink_metadata(path) {
        Ok(_) if !replace => return Err(Error::Exists { path: path.into() }),
        Ok(m) if m.is_symlink() => return Err(Error::Symlink { path: path.into() }),
        Ok(m) if !m.is_file() => return Err(Error::NotAFile { path: path.into() }),
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(io(e)),
    }
    let directory = parent(path)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o600));
    }
    // Removed on drop unless it is moved.
    let mut temporary = builder.tempfile_in(directory).map_err(io)?;
    write(&mut temporary).map_err(io)?;
    temporary.as_file().sync_all().map_err(io)?;
    let moved = if replace { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    moved.map_err(|e| match e.error.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { path: path.into() },
        _ => io(e.error),
    })?;
    Ok(())
}
