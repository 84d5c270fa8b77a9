//! Help texts, completions, and JSON for every failure.

use crate::support::World;

const COMMANDS: &[&str] = &[
    "kgs",
    "key",
    "kgs init",
    "kgs issue",
    "kgs show",
    "kgs rotate",
    "kgs store",
    "kgs user",
    "kgs policy",
    "kgs token",
    "kgs audit",
    "kgs store create",
    "kgs store import",
    "kgs store show",
    "kgs store rotate",
    "kgs store retire",
    "kgs store settle",
    "kgs store backup",
    "kgs store restore",
    "kgs user add",
    "kgs user list",
    "kgs user remove",
    "kgs user disable",
    "kgs user password",
    "kgs user certificate",
    "kgs user psk",
    "kgs user seal-to",
    "kgs bulk",
    "kgs bulk start",
    "kgs bulk run",
    "kgs bulk status",
    "kgs bulk remove",
    "kgs policy allow",
    "kgs policy deny",
    "kgs policy list",
    "kgs policy revoke",
    "kgs policy pardon",
    "kgs policy revoked",
    "kgs token create",
    "kgs token list",
    "kgs token remove",
    "kgs audit verify",
    "kgs audit export",
    "kgs audit checkpoint",
    "kgs audit mine",
    "kgs serve",
    "params",
    "params fetch",
    "key request",
    "key renew",
    "key inbox",
    "key import",
    "key show",
    "key verify",
    "seal",
    "open",
    "listen",
    "call",
    "media",
    "inspect",
    "vectors",
    "vectors check",
    "vectors generate",
    "demo",
    "completions",
    "relay",
    "wiretap",
];

#[test]
fn every_command_teaches_by_an_example() {
    let w = World::empty();
    for command in COMMANDS {
        let help = w.run(&format!("{command} --help")).ok().stdout;
        assert!(help.contains("Example"), "{command}:\n{help}");
        assert!(help.contains(&format!("ibake {command}")), "{command}:\n{help}");
        // No option takes a passphrase itself.
        assert!(!help.contains("--passphrase ") && !help.contains("--passphrase="), "{command}");
    }
    let help = w.run("--help").ok().stdout;
    for part in ["ibake demo", "Exit codes: 0 done", "ibake kgs issue", "--json"] {
        assert!(help.contains(part), "{part}:\n{help}");
    }
    assert!(!help.contains("wiretap"), "hidden from the overview");
    // The whole explanation, not its first line alone.
    assert!(w.run("call --help").ok().stdout.contains("Only the holder of the key"));
    assert!(w.run("--version").ok().stdout.starts_with("ibake "));
}

#[test]
fn completions_know_the_commands() {
    let w = World::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = w.run(&format!("completions {shell}")).ok().stdout;
        assert!(text.len() > 1000 && text.contains("rotate") && text.contains("inspect"), "{shell}");
    }
    assert_eq!(w.run("completions tcsh").code, 2);
}

#[test]
fn without_arguments_there_is_help_and_a_usage_code() {
    let run = World::empty().run("");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("Usage: ibake"), "{run:?}");
}

#[test]
fn colours_stay_away_from_pipes() {
    let w = World::new();
    let run = w.run("key verify alice.key --params b.txt --key-file alice.unlock");
    assert!(!run.stderr.contains('\x1b') && !w.run("kgs show a").stdout.contains('\x1b'));
}
