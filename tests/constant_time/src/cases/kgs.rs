//! The key-generation server, with its files. What is read from a file is unmarked, as whatever comes from the system; the
//! keys that open it are marked, and so is all that they open.

use std::path::{Path, PathBuf};

use ibake::batch::Options;
use ibake::ibe::district::District;
use ibake::ibe::extract::{Issuer, PrivateKey};
use ibake::ibe::name::Name;
use ibake::ibe::period::Granularity;
use ibake::keyfile::{FileKey, Protection, read_secret_file};
use ibake::kgs::bulk::{Order, Plan, Report, Target, UserKeys, run};
use ibake::kgs::{Directory, Setup, issue, open_private_key, seal_private_key};

use super::Case;
use super::world::NOW;
use crate::probe::{Plain, Probe};

pub const CASES: &[Case] = &[
    ("kgs-create", create),
    ("kgs-issue", issue_and_load),
    ("kgs-bulk", |p| bulk(p, false)),
    ("kgs-bulk-each", |p| bulk(p, true)),
];

/// A directory that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ibake-constant-time-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory for the files of this case");
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays, and shows.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The bytes of a key file, marked.
fn file_key(p: &Probe) -> FileKey {
    FileKey::generate(&mut p.rng()).expect("the generator works")
}

fn directory(p: &Probe, path: &Path, protection: &Protection) -> Issuer {
    let district = District::parse("https://kgs.a.example").expect("a district");
    let setup = Setup::of_days(district, Granularity::Day, NOW, 30).expect("valid");
    let directory = Directory::create(path, &setup, protection, &mut p.rng()).expect("a new district");
    directory.unlock(directory.current(), protection).expect("the key that it was made with")
}

/// Draws a master key, writes it under protection, reads it and checks it against its parameters.
fn create(p: &Probe) {
    let folder = Folder::new();
    let issuer = directory(p, &folder.at("kgs"), &Protection::KeyFile(file_key(p)));
    p.tainted(issuer.master().to_bytes().expose());
}

fn key(p: &Probe, key: &PrivateKey) {
    let bytes = key.to_bytes();
    p.tainted(&bytes.expose()[bytes.expose().len() - 48..]);
}

/// Issues, protects, and does what the owner does: takes the protection off, reads and verifies.
fn issue_and_load(p: &Probe) {
    let folder = Folder::new();
    let protection = Protection::KeyFile(file_key(p));
    let issuer = directory(p, &folder.at("kgs"), &protection);
    let name = Name::parse("sip:alice@a.example").expect("a name");
    for issued in issue(&issuer, &name, NOW, 2).expect("within the validity") {
        let sealed = seal_private_key(&issued, &protection, &mut Plain(std::cell::Cell::new(6))).expect("short");
        p.tainted_in_part(&sealed);
        p.public(&sealed);
        let bytes = open_private_key(&sealed, &protection).expect("just sealed");
        let loaded = PrivateKey::from_bytes(bytes.expose(), issuer.parameters()).expect("a key of these parameters");
        assert!(loaded.verify(issuer.parameters()).is_ok());
        key(p, &loaded);
    }
}

/// A whole list into a directory, and the same again, which finds all of them there.
fn bulk(p: &Probe, each: bool) {
    let folder = Folder::new();
    let issuer = directory(p, &folder.at("kgs"), &Protection::KeyFile(file_key(p)));
    let order = |name: &str, count| Order { name: Name::parse(name).expect("a name"), at: NOW, count };
    let orders = vec![order("sip:alice@a.example", 2), order("sip:bob@a.example", 1)];
    let plan = Plan::new(issuer.parameters(), orders).expect("orders that can be carried out");
    let one = file_key(p);
    let (keys, unlock) = (folder.at("keys"), folder.at("unlock"));
    let file = |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    for issued in [3, 0] {
        let target = Target {
            directory: &keys,
            protection: if each { UserKeys::Each(unlock.clone()) } else { UserKeys::One(one.duplicate()) },
            key_name: &|id| format!("{}.{}.key", file(id.name().as_str()), id.period().start()),
            unlock_name: &|name| format!("{}.unlock", file(name.as_str())),
        };
        let report = run(&issuer, &plan, &target, &Options::default(), &|_| {}, &mut p.rng()).expect("a directory");
        assert_eq!(report, Report { issued, present: 3 - issued });
    }
    // The keys are in files now; the issuer must still bear its mark, and what was written opens.
    p.tainted(issuer.master().to_bytes().expose());
    if !each {
        let path = keys.join(format!("{}.{}.key", file("sip:bob@a.example"), NOW / 86_400 * 86_400));
        let sealed = read_secret_file(&path).expect("a file of ours");
        let bytes = open_private_key(sealed.expose(), &Protection::KeyFile(one)).expect("just sealed");
        key(p, &PrivateKey::from_bytes(bytes.expose(), issuer.parameters()).expect("a genuine key"));
    }
}
