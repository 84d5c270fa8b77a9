use super::*;

/// What is delivered as an example.
const EXAMPLE: &str = include_str!("../../../../docs/deploy/ibake-kgs.toml");

fn shown(text: &str) -> String {
    format!("{:?}", Configuration::parse(text).unwrap())
}

/// Lines `name = value` of the example by section; true if they stand behind a `# `.
fn lines() -> Vec<(String, String, bool)> {
    let mut section = String::new();
    let mut out = Vec::new();
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.into();
        }
        let (text, off) = line.strip_prefix("# ").map_or((line, false), |text| (text, true));
        let name = text.split(" = ").next().unwrap();
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if text.contains(" = ") && is_name {
            out.push((section.clone(), text.to_owned(), off));
        }
    }
    out
}

#[test]
fn the_example_is_the_defaults_and_has_every_option() {
    assert_eq!(shown(EXAMPLE), shown(""));
    let lines = lines();
    let named: Vec<(&str, &str)> = lines.iter().map(|(s, l, _)| (s.as_str(), l.split(" = ").next().unwrap())).collect();
    let mut options = Configuration::options();
    for option in &options {
        assert_eq!(named.iter().filter(|n| *n == option).count(), 1, "{option:?}");
    }
    let mut given = named.clone();
    options.sort_unstable();
    given.sort_unstable();
    assert_eq!(given, options);
    // What stands behind a remark sign is an option that has no default, and its example is good.
    for (section, line, off) in &lines {
        let pairs = ["pkcs11_", "certificate = \"", "key = \"", "first_"];
        let alone = format!("[{section}]\n{line}\n");
        if !pairs.iter().any(|p| line.starts_with(p)) {
            assert_eq!(shown(&alone) == shown(""), !off, "{alone}");
        }
    }
    let all_of = |section: &str, prefix: &str| {
        let found = lines.iter().filter(|(s, l, off)| s == section && *off && l.starts_with(prefix));
        format!("[{section}]\n{}", found.map(|(_, l, _)| format!("{l}\n")).collect::<String>())
    };
    let pkcs11 = Configuration::parse(&all_of("unlock", "pkcs11_")).unwrap().unlock.pkcs11.unwrap();
    assert_eq!((pkcs11.token.as_str(), pkcs11.key.as_str()), ("kgs", "ibake-kgs"));
    let tls = all_of("tls", "");
    assert!(Configuration::parse(&tls).unwrap().tls.certificate.is_some(), "{tls}");
}

#[test]
fn without_a_file_the_defaults_of_the_parts_hold() {
    let c = Configuration::parse("").unwrap();
    assert_eq!((c.http.limits, c.http.rates), Default::default());
    assert_eq!((c.service, c.pools, c.listen, c.tls, c.new), Default::default());
    let d = http::Config::default();
    assert_eq!(
        (c.http.plain, c.http.digest, c.http.passwords, c.http.price),
        (d.plain, d.digest, d.passwords, d.price)
    );
}

#[test]
fn what_stands_there_is_taken() {
    let c = Configuration::parse(
        "[store]\naddress = 'sqlite:kgs.db'\n[listen]\nhttps = '[::1]:1'\n[limits]\nconnections = 0x10\nbody_seconds = 2\n\
         [issuing]\nthreads = 3\n[authentication]\ndigest = true\n",
    )
    .unwrap();
    assert_eq!(c.store.as_deref(), Some("sqlite:kgs.db"));
    assert_eq!((c.listen.https.to_string().as_str(), c.http.limits.connections), ("[::1]:1", 16));
    assert_eq!((c.http.limits.body, c.service.threads, c.http.digest), (Duration::from_secs(2), 3, true));
}

#[test]
fn mistakes_have_place_and_remedy() {
    for (text, line, column, what, remedy) in [
        ("[store]\naddress = 7\n", 2, 11, "address is a whole number", "a text in double quotes"),
        ("[store]\nadress = \"x\"\n", 2, 1, "no option \"adress\"", "address, sqlite_readers"),
        ("\n[limit]\nbody_bytes = 1024\n", 2, 2, "no section \"limit\"", "limits"),
        ("[limits]\ndigest = true\n", 2, 1, "no option \"digest\"", "It belongs into [authentication]."),
        ("[limits]\nconnections = 0\n", 2, 15, "connections is 0", "from 1 to 65536"),
        ("[limits]\nconnections = -1\n", 2, 15, "connections is -1", "from 1 to 65536"),
        ("[limits]\nbody_bytes = 99999999999999999999\n", 2, 14, "body_bytes is 999", "from 1024 to 16384"),
        ("[limits]\nbody_seconds = 1.5\n", 2, 16, "a number with a point", "whole number"),
        ("[listen]\nhttps = \"8443\"\n", 2, 9, "https is \"8443\"", "127.0.0.1:8443"),
        ("[keys]\nallow_plain = \"no\"\n", 2, 15, "allow_plain is a text", "true or false"),
        ("[store]\naddress = \"mysql://x\"\n", 2, 11, "not the address of a store", "sqlite:PATH"),
        ("[store]\naddress = \"postgres://kgs:hunter2@db/kgs\"\n", 2, 11, "a password stands", "PGPASSWORD"),
        ("[store]\naddress = \"postgres://kgs@db/kgs?a=b&password=x\"\n", 2, 11, "a password stands", "PGPASSFILE"),
        ("[unlock]\npassphrase = \"x\"\n", 2, 1, "no option", "passphrase_file"),
        ("[unlock]\nkey_file = \"a\"\npassphrase_file = \"b\"\n", 1, 2, "more than one", "Keep one"),
        ("[unlock]\npkcs11_module = \"a\"\n", 1, 2, "in part only", "all three"),
        ("[tls]\ncertificate = \"a\"\n", 1, 2, "one of certificate and key", "neither"),
        ("[new_store]\ngranularity = \"year\"\n", 2, 15, "\"year\"", "\"month\""),
        ("[new_store]\nfirst_user = \"alice\"\n", 1, 2, "first user", "first_identities"),
        ("[new_store]\nfirst_identities = [\"a\", 1]\n", 2, 26, "something else", "list of texts"),
        ("connections = 5\n", 1, 1, "stands in no section", "[store]"),
        ("[limits]\nconnections = 1\nconnections = 2\n", 3, 1, "duplicate", "TOML"),
        ("[limits]\nconnections = = 2\n", 2, 15, "", "TOML"),
        ("[store]\naddress = \"\"\n", 2, 11, "address is empty", "leave the option out"),
    ] {
        let m = Configuration::parse(text).expect_err(text);
        assert_eq!((m.line, m.column), (line, column), "{text}{m}");
        assert!(m.what.contains(what) && m.remedy.contains(remedy), "{text}{m}");
        assert!(!m.to_string().contains("hunter2"), "{m}");
    }
    let long = format!("# {}\n", "x".repeat(LONGEST));
    assert!(Configuration::parse(&long).unwrap_err().what.contains("bytes"));
}
