//! The wrapping key in a hardware module, tried with SoftHSM: the built program makes a store under a key of a token, and opens it
//! again only with that token, its PIN and that key.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const LIBRARIES: &[&str] = &[
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// Tokens of our own in a directory of our own.
struct Hsm {
    dir: tempfile::TempDir,
    library: PathBuf,
}

impl Hsm {
    fn new() -> Option<Self> {
        let library = LIBRARIES.iter().map(PathBuf::from).find(|p| p.exists());
        let util = Command::new("softhsm2-util").arg("--version").output().is_ok_and(|o| o.status.success());
        let Some(library) = library.filter(|_| util) else {
            let required = std::env::var("IBAKE_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|r| r == "softhsm"), "softhsm2 is required and not there");
            println!("skipped: there is no SoftHSM");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let tokens = dir.path().join("tokens");
        std::fs::create_dir(&tokens).unwrap();
        let conf =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
        std::fs::write(dir.path().join("softhsm2.conf"), conf).unwrap();
        let hsm = Self { dir, library };
        hsm.token("kgs", "1234");
        hsm.secret("pin", "1234\n");
        Some(hsm)
    }

    fn here(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.here()).env("SOFTHSM2_CONF", self.here().join("softhsm2.conf"));
        command.env_remove("IBAKE_PKCS11_PIN").stdin(Stdio::null());
        command
    }

    fn token(&self, label: &str, pin: &str) {
        let args = ["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "87654321"];
        let got = self.command("softhsm2-util").args(args).output().unwrap();
        assert!(got.status.success(), "{}", String::from_utf8_lossy(&got.stderr));
    }

    fn secret(&self, name: &str, text: &str) {
        use std::os::unix::fs::OpenOptionsExt;
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.here().join(name));
        std::io::Write::write_all(&mut file.unwrap(), text.as_bytes()).unwrap();
    }

    /// `ibake kgs ARGS` on the store.
    fn kgs(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_ibake"));
        command.args(["--json", "kgs"]).args(args).args(["--store", "sqlite:kgs.db"]);
        command
    }

    fn module(&self, token: &str, key: &str) -> Vec<String> {
        let library = self.library.to_str().unwrap();
        ["--pkcs11-module", library, "--token-label", token, "--key-label", key].map(str::to_owned).to_vec()
    }
}

#[track_caller]
fn done(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), text(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn refused(output: &Output, code: i32, says: &str) {
    let said = text(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(says), "{says}: {said}");
}

#[test]
fn a_store_opens_with_its_token_its_pin_and_its_key_only() {
    let Some(hsm) = Hsm::new() else { return };
    let right = hsm.module("kgs", "wrap");
    let pin = ["--pin-file", "pin"];
    let create = ["store", "create", "--district", "https://kgs.example"];
    let made = done(&hsm.kgs(&create).args(&right).args(pin).output().unwrap());
    // The key and the root are nowhere in clear, and the store says what it is under.
    let parts = ["kgs.db", "kgs.db-wal"].map(|name| std::fs::read(hsm.here().join(name)).unwrap_or_default());
    let database = parts.concat();
    assert!(database.windows(8).any(|w| w == b"IBAKEP11"));

    let show = |module: &[String], more: &[&str]| hsm.kgs(&["store", "show"]).args(module).args(more).output().unwrap();
    assert_eq!(done(&show(&right, &pin))["fingerprint"], made["fingerprint"]);
    let by_variable = hsm.kgs(&["store", "show"]).args(&right).env("IBAKE_PKCS11_PIN", "1234").output().unwrap();
    assert_eq!(done(&by_variable)["fingerprint"], made["fingerprint"]);

    // Everything that is wrong has its own error.
    hsm.secret("other", "4321\n");
    refused(&show(&right, &["--pin-file", "other"]), 4, "refuses the PIN");
    refused(&show(&right, &[]), 2, "IBAKE_PKCS11_PIN");
    refused(&show(&[], &[]), 2, "--pkcs11-module");
    refused(&show(&hsm.module("none", "wrap"), &pin), 5, "no token labelled");
    refused(&show(&hsm.module("kgs", "none"), &pin), 5, "no such key");
    let mut nowhere = right.clone();
    nowhere[1] = "/nowhere.so".into();
    refused(&show(&nowhere, &pin), 5, "library cannot be used");
    nowhere[1] = "pin".into();
    refused(&show(&nowhere, &pin), 5, "library cannot be used");
    // Another key of the same token, as another store has it.
    let other = hsm.module("kgs", "second");
    let mut second = hsm.command(env!("CARGO_BIN_EXE_ibake"));
    second.args(["--json", "kgs"]).args(create).args(&other).args(pin).args(["--store", "sqlite:second.db"]);
    done(&second.output().unwrap());
    refused(&show(&other, &pin), 4, "not the one that the store is under");
    // The PIN can stand on no command line.
    refused(&hsm.kgs(&["store", "show"]).args(&right).args(["--pin", "1234"]).output().unwrap(), 2, "--pin");

    // A rotation wraps a second master key, a backup opens with the module only, and issues the same.
    assert_eq!(done(&hsm.kgs(&["store", "rotate"]).args(&right).args(pin).output().unwrap())["serial"], 2);
    done(&hsm.kgs(&["store", "backup", "kgs.backup"]).args(&right).args(pin).output().unwrap());
    let restore = |module: &[String]| {
        let mut command = hsm.command(env!("CARGO_BIN_EXE_ibake"));
        command.args(["--json", "kgs", "store", "restore", "kgs.backup", "--store", "sqlite:back.db"]);
        command.args(module).args(pin).output().unwrap()
    };
    refused(&restore(&other), 4, "not the one that the store is under");
    let _ = std::fs::remove_file(hsm.here().join("back.db"));
    assert_eq!(done(&restore(&right))["serial"], 2);

    // The token is gone.
    std::fs::rename(hsm.here().join("tokens"), hsm.here().join("away")).unwrap();
    std::fs::create_dir(hsm.here().join("tokens")).unwrap();
    refused(&show(&right, &pin), 5, "the token is not there");
}

#[test]
fn a_directory_is_taken_over_under_the_module() {
    let Some(hsm) = Hsm::new() else { return };
    let (module, pin) = (hsm.module("kgs", "wrap"), ["--pin-file", "pin"]);
    let mut init = hsm.command(env!("CARGO_BIN_EXE_ibake"));
    init.args(["--json", "kgs", "init", "old", "--district", "https://kgs.example", "--key-file", "old.unlock"]);
    let made = done(&init.output().unwrap());
    let import = ["store", "import", "old", "--key-file", "old.unlock"];
    let taken = done(&hsm.kgs(&import).args(&module).args(pin).output().unwrap());
    assert_eq!(taken["fingerprint"], made["fingerprint"]);
    // Under the module, and under nothing else any more.
    let show = |more: &[&str]| hsm.kgs(&["store", "show"]).args(more).output().unwrap();
    let by_module: Vec<&str> = module.iter().map(String::as_str).chain(pin).collect();
    assert_eq!(done(&show(&by_module))["fingerprint"], made["fingerprint"]);
    refused(&show(&["--key-file", "old.unlock"]), 2, "hardware module");
    let both = [&by_module[..], &["--key-file", "old.unlock"]].concat();
    refused(&show(&both), 2, "two are named");
}

#[test]
fn keys_that_could_leave_are_not_taken() {
    use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
    use cryptoki::mechanism::Mechanism;
    use cryptoki::object::{Attribute, KeyType, ObjectClass};
    use cryptoki::session::UserType;
    use cryptoki::types::AuthPin;
    let Some(hsm) = Hsm::new() else { return };
    // This process is not the one that the program runs in; the library finds its tokens by the environment, so a child makes them.
    if std::env::var_os("IBAKE_TEST_MAKES_KEYS").is_none() {
        let mut again = hsm.command(std::env::current_exe().unwrap().to_str().unwrap());
        again.args(["keys_that_could_leave_are_not_taken", "--exact"]).env("IBAKE_TEST_MAKES_KEYS", hsm.here());
        let got = again.output().unwrap();
        assert!(got.status.success(), "{}", text(&got));
        let create = ["store", "create", "--district", "https://kgs.example"];
        for (label, says) in [("leaves", "cannot be extracted"), ("seen", "cannot be extracted")] {
            let got = hsm.kgs(&create).args(hsm.module("kgs", label)).args(["--pin-file", "pin"]).output().unwrap();
            refused(&got, 5, says);
            assert!(!hsm.here().join("kgs.db").exists(), "a store that was made for nothing");
        }
        return;
    }
    let context = Pkcs11::new(&hsm.library).unwrap();
    context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slot = context.get_slots_with_initialized_token().unwrap()[0];
    let session = context.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&AuthPin::from("1234"))).unwrap();
    for (label, sensitive, extractable) in [("leaves", true, true), ("seen", false, false)] {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Label(label.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(sensitive),
            Attribute::Extractable(extractable),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
        ];
        session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
    }
}
