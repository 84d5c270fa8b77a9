//! Names: the table of what is accepted and refused.

use crate::error::IdentityError;
use crate::ibe::name::NAME_MAX;
use crate::ibe::{Name, NameKind, suggest};
use alloc::{format, string::ToString};
use proptest::prelude::*;

use IdentityError::{BadByte, Empty, NotNormal, Syntax, TooLong, UnknownForm};

#[test]
fn accepted() {
    for (s, kind) in [
        ("sip:alice@example.org", NameKind::Sip),
        ("sip:Alice@example.org", NameKind::Sip), // another user than alice
        ("sips:alice@example.org", NameKind::Sips),
        ("sip:example.org", NameKind::Sip), // the host itself
        ("sip:alice@pbx", NameKind::Sip),
        ("sip:+12125550101@gw.example.org", NameKind::Sip),
        ("sip:a;b=c?d/e&f+g$h,i@example.org", NameKind::Sip),
        ("sip:-_.!~*'()@example.org", NameKind::Sip),
        ("sip:a%40b@example.org", NameKind::Sip),
        ("sip:a%3Ab@example.org", NameKind::Sip),
        ("sip:john%20doe@example.org", NameKind::Sip),
        ("sip:%C3%A9ric@example.org", NameKind::Sip),
        ("sip:100%25@example.org", NameKind::Sip),
        ("sip:alice@192.0.2.1", NameKind::Sip),
        ("sip:alice@[2001:db8::1]", NameKind::Sip),
        ("sip:alice@xn--bcher-kva.example", NameKind::Sip),
        ("sip:alice@3com.a-b.c0m", NameKind::Sip),
        ("tel:+1", NameKind::Tel),
        ("tel:+358501234567", NameKind::Tel),
        ("tel:+123456789012345", NameKind::Tel),
        ("alice@example.org", NameKind::Nai),
        ("Alice.B+tag@mail.example.org", NameKind::Nai),
        ("!#$%&'*+-/=?^_`{|}~@example.org", NameKind::Nai),
        ("310150123456789@ims.mnc015.mcc310.3gppnetwork.org", NameKind::Nai),
    ] {
        let name = Name::parse(s).unwrap_or_else(|e| panic!("{s}: {e}"));
        assert_eq!((name.as_str(), name.kind()), (s, kind));
        assert_eq!(suggest(s), Some(name));
    }
}

#[test]
fn rejected() {
    for (s, why) in [
        ("", Empty),
        (" sip:alice@example.org", BadByte { at: 0 }),
        ("sip:alice@example.org\n", BadByte { at: 21 }),
        ("sip:al\0ice@example.org", BadByte { at: 6 }),
        ("sip:al ice@example.org", BadByte { at: 6 }),
        ("sip:\u{e9}ric@example.org", BadByte { at: 4 }),
        ("\u{e9}ric@example.org", BadByte { at: 0 }),
        ("sip:alice@b\u{fc}cher.example", BadByte { at: 11 }),
        ("sip:a%00b@example.org", BadByte { at: 5 }),
        ("sip:a%7Fb@example.org", BadByte { at: 5 }),
        ("sip:a%C2%85b@example.org", BadByte { at: 4 }), // U+0085
        ("alice", UnknownForm),
        ("mailto:alice@example.org", UnknownForm),
        ("https://example.org", UnknownForm),
        (":alice@example.org", UnknownForm),
        ("SIP:alice@example.org", NotNormal("scheme in lower case")),
        ("Tel:+123", NotNormal("scheme in lower case")),
        ("sip:", Syntax("host")),
        ("sip:@example.org", Syntax("user")),
        ("sip:alice@", Syntax("host")),
        ("sip:al@ice@example.org", Syntax("host")),
        ("sip:<alice>@example.org", Syntax("user")),
        ("sip:alice:secret@example.org", NotNormal("no password")),
        ("sip:%61lice@example.org", NotNormal("no escape where none is needed")),
        ("sip:a%2Bb@example.org", NotNormal("no escape where none is needed")),
        ("sip:a%3ab@example.org", NotNormal("escapes with upper-case digits")),
        ("sip:a%4@example.org", Syntax("percent-escape")),
        ("sip:a%zz@example.org", Syntax("percent-escape")),
        ("sip:a%@example.org", Syntax("percent-escape")),
        ("sip:a%FFb@example.org", Syntax("escapes are not UTF-8")),
        ("sip:a%C0%80b@example.org", Syntax("escapes are not UTF-8")), // overlong NUL
        ("sip:alice@Example.org", NotNormal("host in lower case")),
        ("sip:alice@example.org.", NotNormal("no dot at the end of the host")),
        ("sip:alice@example..org", Syntax("host")),
        ("sip:alice@.example.org", Syntax("host")),
        ("sip:alice@-a.example.org", Syntax("host")),
        ("sip:alice@a-.example.org", Syntax("host")),
        ("sip:alice@a_b.example.org", Syntax("host")),
        ("sip:alice@example.4com", Syntax("host")),
        ("sip:alice@ex%61mple.org", Syntax("host")),
        ("sip:alice@192.0.2.01", Syntax("IPv4 address")),
        ("sip:alice@192.0.2", Syntax("IPv4 address")),
        ("sip:alice@192.0.2.256", Syntax("IPv4 address")),
        ("sip:alice@3221225985", Syntax("IPv4 address")),
        ("sip:alice@[2001:DB8::1]", NotNormal("IPv6 addresses as in RFC 5952")),
        ("sip:alice@[::ffff:192.0.2.1]", NotNormal("an IPv4 address is written as one")),
        ("sip:alice@[::1", Syntax("IPv6 address")),
        ("sip:alice@example.org:5060", NotNormal("no port")),
        ("sips:alice@example.org:5061", NotNormal("no port")),
        ("sip:alice@[::1]:5060", NotNormal("no port")),
        ("sip:alice@example.org:", NotNormal("no port")),
        ("sip:alice@example.org;transport=tcp", NotNormal("no URI parameters")),
        ("sip:+12125550101@example.org;user=phone", NotNormal("no URI parameters")),
        ("sip:alice@example.org?subject=x", NotNormal("no header fields")),
        ("tel:", Syntax("a global number begins with +")),
        ("tel:112", Syntax("a global number begins with +")),
        ("tel:7042;phone-context=example.org", NotNormal("no parameters")),
        ("tel:+358501234567;ext=1", NotNormal("no parameters")),
        ("tel:+358-50-1234567", NotNormal("no visual separators")),
        ("tel:+", Syntax("telephone number")),
        ("tel:+1234567890123456", Syntax("telephone number")),
        ("tel:+12a", Syntax("telephone number")),
        ("tel:++12", Syntax("telephone number")),
        ("@example.org", Syntax("user")),
        ("alice@", Syntax("host")),
        ("a@b@example.org", Syntax("host")),
        ("a..b@example.org", Syntax("user")),
        (".a@example.org", Syntax("user")),
        ("\"a\"@example.org", Syntax("user")),
        ("alice@example", Syntax("a realm has a dot")),
        ("alice@Example.org", NotNormal("host in lower case")),
        ("alice@example.org.", NotNormal("no dot at the end of the host")),
        ("alice@192.0.2.1", Syntax("host")),
        ("alice@[::1]", UnknownForm), // its first colon ends no scheme
    ] {
        assert_eq!(Name::parse(s), Err(why), "{s}");
    }
}

#[test]
fn limits() {
    let name = |n: usize| format!("sip:{}@example.org", "a".repeat(n - 16));
    assert!(Name::parse(&name(NAME_MAX)).is_ok());
    assert_eq!(Name::parse(&name(NAME_MAX + 1)), Err(TooLong { limit: NAME_MAX, got: NAME_MAX + 1 }));
    let label = "a".repeat(63);
    let host = format!("{label}.{label}.{label}.{}", &label[..61]);
    assert!(Name::parse(&format!("sip:u@{host}")).is_ok());
    assert_eq!(Name::parse(&format!("sip:u@{host}a")), Err(Syntax("host")));
    assert_eq!(Name::parse(&format!("sip:u@{label}a.org")), Err(Syntax("host")));
}

#[test]
fn the_same_user_in_three_forms_is_three_names() {
    let names =
        ["sip:+15551234@example.org", "sips:+15551234@example.org", "tel:+15551234"].map(|s| Name::parse(s).unwrap());
    assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
}

#[test]
fn suggestions() {
    for (s, to) in [
        ("SIP:%61lice:pw@Example.ORG.:5060;transport=tcp?x=y", Some("sip:alice@example.org")),
        (" sips:john doe@example.org ", Some("sips:john%20doe@example.org")),
        ("sip:\u{e9}ric@example.org", Some("sip:%C3%A9ric@example.org")),
        ("sip:a%3ab@[2001:DB8::1]:5060", Some("sip:a%3Ab@[2001:db8::1]")),
        ("tel:+358 (50) 123-4567;ext=1", Some("tel:+358501234567")),
        ("mailto:Alice@Example.org", Some("Alice@example.org")),
        ("Alice@Example.org.", Some("Alice@example.org")),
        ("tel:112", None),
        ("alice", None),
        ("", None),
        ("sip:a%00b@example.org", None),
    ] {
        assert_eq!(suggest(s).map(|n| n.to_string()).as_deref(), to, "{s}");
    }
}

proptest! {
    #[test]
    fn any_text_is_taken_as_it_is_or_refused(s in "(?s).{0,40}|(sips?:|tel:\\+|)[!-~]{0,30}@?[a-zA-Z0-9.:\\[\\]-]{0,20}") {
        if let Ok(name) = Name::parse(&s) {
            prop_assert_eq!(name.as_str(), s.as_str());
            prop_assert!(s.is_ascii());
            prop_assert_eq!(suggest(&s), Some(name));
        } else if let Some(name) = suggest(&s) {
            prop_assert!(Name::parse(name.as_str()).is_ok());
        }
    }

    /// What a SIP stack would compare as equal is never two accepted names: here, escapes and case of the host.
    #[test]
    fn respelling_a_name_never_gives_another_name(user in "[a-z+;?.]{1,8}", host in "[a-z]{1,5}\\.[a-z]{1,5}", at in 0..8usize) {
        let name = Name::parse(&format!("sip:{user}@{host}")).unwrap();
        let i = at % user.len();
        let escaped = format!("sip:{}%{:02X}{}@{host}", &user[..i], user.as_bytes()[i], &user[i + 1..]);
        prop_assert!(Name::parse(&escaped).is_err());
        prop_assert_eq!(suggest(&escaped), Some(name));
        let shouted = format!("sip:{user}@{}", host.to_uppercase());
        prop_assert!(Name::parse(&shouted).is_err());
    }
}
