//! Districts on disk: made whole or not at all, rotated without losing anything.

use super::*;
use crate::ibe::District;
use crate::ibe::period::Granularity;
use crate::keyfile::FileKey;
use getrandom::SysRng;
use tempfile::TempDir;

/// 2026-11-21 12:00:00 UTC.
const NOW: u64 = 1_795_262_400;

fn setup(granularity: Granularity) -> Setup {
    Setup::of_days(District::parse("https://kgs.example").unwrap(), granularity, NOW, 30).unwrap()
}

fn protection() -> Protection {
    Protection::KeyFile(FileKey::generate(&mut SysRng).unwrap())
}

fn names(path: &Path) -> Vec<String> {
    let mut out: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    out.sort();
    out
}

#[test]
fn a_district_is_made_issues_and_opens_again() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("kgs");
    let p = protection();
    let made = Directory::create(&path, &setup(Granularity::Day), &p, &mut SysRng).unwrap();
    assert_eq!(
        (made.current(), names(&path)),
        (1, vec!["current".into(), "master-1.key".into(), "params-1.txt".into()])
    );
    assert_eq!(names(dir.path()), ["kgs"]);
    let again = Directory::open(&path).unwrap();
    let issuer = again.unlock(1, &p).unwrap();
    let name = Name::parse("sip:alice@a.example").unwrap();
    let keys = issue(&issuer, &name, NOW, 3).unwrap();
    assert_eq!(keys.iter().map(|k| k.identity().period().start()).collect::<Vec<_>>(), {
        let day = NOW - NOW % 86_400;
        [day, day + 86_400, day + 2 * 86_400]
    });
    let user = protection();
    for key in &keys {
        let sealed = seal_private_key(key, &user, &mut SysRng).unwrap();
        let bytes = open_private_key(&sealed, &user).unwrap();
        PrivateKey::from_bytes(bytes.expose(), &again.parameters(1).unwrap()).unwrap();
        assert_eq!(open_private_key(&sealed, &p).unwrap_err(), Error::KeyFile(keyfile::Error::WrongSecret));
    }
    assert!(matches!(issue(&issuer, &name, NOW, 0), Err(Error::TooMany { .. })));
    assert!(issue(&issuer, &name, NOW, 40).is_err(), "beyond the validity");
}

#[test]
fn what_exists_is_not_overwritten_and_failures_leave_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("kgs");
    fs::create_dir(&path).unwrap();
    // An empty directory is taken over.
    Directory::create(&path, &setup(Granularity::Hour), &protection(), &mut SysRng).unwrap();
    let before = fs::read(path.join("master-1.key")).unwrap();
    let e = Directory::create(&path, &setup(Granularity::Hour), &protection(), &mut SysRng).unwrap_err();
    assert_eq!(e, Error::Exists { path: path.clone() });
    assert_eq!(fs::read(path.join("master-1.key")).unwrap(), before);
    let bad = Setup { not_after: 0, ..setup(Granularity::Day) };
    assert!(Directory::create(&dir.path().join("new"), &bad, &protection(), &mut SysRng).is_err());
    assert_eq!(names(dir.path()), ["kgs"]);
    assert!(matches!(Directory::open(dir.path()), Err(Error::NotADistrict { .. })));
}

#[test]
fn rotation_keeps_the_old_epoch_and_passes_over_leftovers() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("kgs");
    let p = protection();
    let mut d = Directory::create(&path, &setup(Granularity::Week), &p, &mut SysRng).unwrap();
    // What a crash between the two files of an epoch leaves.
    fs::write(path.join("master-2.key"), b"half").unwrap();
    let parameters = d.rotate(&setup(Granularity::Day), &p, &mut SysRng).unwrap();
    assert_eq!((parameters.serial(), d.current(), d.serials().unwrap()), (3, 3, vec![1, 3]));
    let d = Directory::open(&path).unwrap();
    assert_eq!(d.current(), 3);
    for serial in [1, 3] {
        assert_eq!(d.unlock(serial, &p).unwrap().parameters().serial(), serial);
    }
    assert_eq!(d.unlock(2, &p).unwrap_err(), Error::UnknownSerial { serial: 2 });
}

#[test]
fn a_wrong_secret_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("kgs");
    let mut d = Directory::create(&path, &setup(Granularity::Day), &protection(), &mut SysRng).unwrap();
    let before = names(&path);
    let e = d.rotate(&setup(Granularity::Day), &protection(), &mut SysRng).unwrap_err();
    assert_eq!((e, d.current(), names(&path)), (Error::KeyFile(keyfile::Error::WrongSecret), 1, before));
}

#[test]
fn mixed_files_are_noticed() {
    let dir = TempDir::new().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    let p = protection();
    let d = Directory::create(&a, &setup(Granularity::Day), &p, &mut SysRng).unwrap();
    Directory::create(&b, &setup(Granularity::Day), &p, &mut SysRng).unwrap();
    fs::copy(b.join("master-1.key"), a.join("master-1.key")).unwrap();
    assert!(matches!(d.unlock(1, &p), Err(Error::Mismatch { .. })));
    fs::write(a.join("current"), "x").unwrap();
    assert!(matches!(Directory::open(&a), Err(Error::Current { .. })));
}
