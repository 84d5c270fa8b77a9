//! What a job has issued, as files: one bundle for each user, and the list of what was refused.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::orders::Job;
use super::refused;
use crate::ibe::Purpose;
use crate::keyfile::{self, TEMPORARY, write_new_files};
use crate::kgs;
use crate::kgs::bundle::{BUNDLE_MAX, Bundle};
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::Vault;
use crate::kgs::server::store::Store;
use crate::kgs::server::store::bulk::ResultRow;

/// Held while files are written into a directory.
const LOCK: &str = "bulk.lock";
/// Bytes of bundles that are written together.
const GROUP: usize = 8 << 20;

/// What has been written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Users with keys.
    pub users: u64,
    /// Files that were written now.
    pub written: u64,
    /// Files that were there already, with the same bytes.
    pub present: u64,
    /// Keys in all of them.
    pub keys: u64,
    /// Keys that were refused; they are listed in `refused.JOB.csv`.
    pub refused: u64,
}

/// Writes what a finished job has into a directory: `USER.JOB.keys` for each user, `refused.JOB.csv` if anything was refused. `JOB` is
/// the beginning of the job's name; `file_name` makes a user's name one that files can have, different ones for different users.
///
/// Every file is there as a whole or not at all. It can be repeated: files that are there stay, if they are the same.
///
/// # Errors
/// [`Error::Input`] if the job is not done, or names repeat; [`Error::Corrupt`] if results are missing; [`Error::KeyFile`] for the
/// directory, with [`keyfile::Error::Exists`] for a file with other contents; [`Error::Store`].
pub async fn export(
    store: &Store,
    vault: &Vault,
    job: &Job,
    directory: &Path,
    file_name: &(dyn Fn(&str) -> String + Sync),
) -> Result<Exported, Error> {
    let count = store.count(&job.id).await?;
    if count.done != job.keys {
        return Err(Error::Input { what: "the job is not done yet" });
    }
    let _lock = begin(directory)?;
    let short = base16ct::lower::encode_string(&job.id).chars().take(8).collect::<String>();
    let mut writer = Files { directory, group: Vec::new(), bytes: 0, out: Exported::default() };
    let (mut owner, mut place) = (String::new(), None);
    let mut rows: Vec<ResultRow> = Vec::new();
    loop {
        let page = store.results(&job.id, &owner, place).await?;
        let Some(last) = page.last() else { break };
        (owner, place) = (last.owner.clone(), Some(last.part.place));
        for row in page {
            let size: usize = rows.iter().map(|r| r.part.len()).sum();
            let other = rows.first().is_some_and(|r| r.owner != row.owner);
            if other || size + row.part.len() > BUNDLE_MAX - 4_096 {
                writer.bundle(job, std::mem::take(&mut rows), other, &short, file_name)?;
            }
            rows.push(row);
        }
    }
    if !rows.is_empty() {
        writer.bundle(job, rows, true, &short, file_name)?;
    }
    let mut list = String::from("# NAME,TIME,PURPOSE,REASON\n");
    let mut behind = None;
    while let Some((last, items)) = refused(store, vault, job, behind).await? {
        behind = Some(last);
        for (identity, why) in items {
            writer.out.refused += 1;
            let purpose = if identity.purpose() == Purpose::Sign { "sign" } else { "decrypt" };
            let name = identity.name().as_str().replace('"', "\"\"");
            list.push_str(&format!("\"{name}\",{},{purpose},{}\n", identity.period().start(), why.name()));
        }
    }
    if writer.out.refused > 0 {
        writer.file(format!("refused.{short}.csv"), list.into_bytes())?;
    }
    writer.flush()?;
    // Whoever can write to the database alone can take results away; then not all is here that the log says.
    if writer.out.keys + writer.out.refused != job.keys {
        return Err(Error::Corrupt { table: "bulk_results" });
    }
    Ok(writer.out)
}

struct Files<'a> {
    directory: &'a Path,
    group: Vec<(String, Vec<u8>)>,
    bytes: usize,
    out: Exported,
}

impl Files<'_> {
    /// One file for some parts of one user; `last` if no more will come for them.
    fn bundle(
        &mut self,
        job: &Job,
        rows: Vec<ResultRow>,
        last: bool,
        short: &str,
        file_name: &(dyn Fn(&str) -> String + Sync),
    ) -> Result<(), Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let (user, place) = (first.owner.clone(), first.part.place);
        self.out.users += u64::from(last);
        self.out.keys += rows.iter().map(|r| r.amount).sum::<u64>();
        let parts: Vec<_> = rows.into_iter().map(|r| r.part).collect();
        // Whoever has too much for one file has several, told apart by where they begin; almost everybody has one.
        let number = if last { String::new() } else { format!(".{place}") };
        let name = format!("{}.{short}{number}.keys", file_name(&user));
        let bundle = Bundle { job: job.id, fingerprint: job.fingerprint, user, parts };
        self.file(name, bundle.to_bytes())
    }

    fn file(&mut self, name: String, bytes: Vec<u8>) -> Result<(), Error> {
        let path = self.directory.join(&name);
        match fs::read(&path) {
            Ok(found) if found == bytes => self.out.present += 1,
            Ok(_) => return Err(keyfile::Error::Exists { path }.into()),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                self.bytes += bytes.len();
                self.out.written += 1;
                self.group.push((name, bytes));
                if self.bytes > GROUP {
                    self.flush()?;
                }
            }
            Err(e) => return Err(io(&path, &e)),
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        Ok(write_new_files(self.directory, &std::mem::take(&mut self.group))?)
    }
}

fn io(path: &Path, e: &std::io::Error) -> Error {
    keyfile::Error::Io { path: path.into(), kind: e.kind() }.into()
}

/// Makes the directory, waits until nobody else writes there, and takes away what a crash has left.
fn begin(directory: &Path) -> Result<fs::File, Error> {
    kgs::bulk::make_private(directory)?;
    let path = directory.join(LOCK);
    let lock = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let lock = lock.map_err(|e| io(&path, &e))?;
    lock.lock().map_err(|e| io(&path, &e))?;
    for entry in fs::read_dir(directory).map_err(|e| io(directory, &e))? {
        let entry = entry.map_err(|e| io(directory, &e))?;
        if entry.file_name().to_str().is_some_and(|n| n.starts_with(TEMPORARY)) {
            fs::remove_file(entry.path()).map_err(|e| io(directory, &e))?;
        }
    }
    Ok(lock)
}
