//! The formats of RFC 5408: the RFC's own figures, our readings of it, and what is refused with which error.
#![cfg(feature = "kgs")]
#![allow(clippy::unwrap_used)]

mod common;

use base64ct::{Base64, Encoding};
use common::{ALICE, NOW, World};
use ibake::ibe::{Identity, Name, Purpose, oid};
use ibake::kgs::rfc5408::{
    Error, KeyReply, KeyRequest, Receipt, Response, XML_MAX, parameters_from_text, parameters_to_text,
};
use ibake::secret::SecretVec;
use std::sync::OnceLock;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::new("rfc5408"))
}

fn identity() -> Identity {
    world().a.parameters.identity(Name::parse(ALICE).unwrap(), Purpose::Decrypt, NOW).unwrap()
}

fn b64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

fn algorithm() -> String {
    b64(&[&[6, oid::ALGORITHM.content().len() as u8], oid::ALGORITHM.content()].concat())
}

/// The figure of RFC 5408 section 5.3, white space and all.
fn figure() -> String {
    format!(
        r#"   <ibe:request xmlns:ibe="urn:ietf:params:xml:ns:ibe">
      <ibe:header>
         <ibe:client version="clientID"/>
      </ibe:header>
      <ibe:body>
      <ibe:keyRequest>
         <ibe:algorithm>
            {}
         </ibe:algorithm>
         <ibe:id>
            {}
         </ibe:id>
      </ibe:keyRequest>
      <ibe:authData>
         ibeAuthData
      </ibe:authData>
      </ibe:body>
   </ibe:request>
"#,
        algorithm(),
        b64(identity().der())
    )
}

fn fails(xml: &str, expected: Error) {
    assert_eq!(KeyRequest::from_xml(xml.as_bytes()).map(drop), Err(expected), "{xml}");
}

#[test]
fn the_figure_of_the_rfc_is_read() {
    let read = KeyRequest::from_xml(figure().as_bytes()).unwrap();
    assert_eq!((read.client.as_deref(), &read.identity[..]), (Some("clientID"), identity().der()));
    assert!(read.is_ours() && read.seal_to.is_none() && read.proof.is_none());
    // The text of the RFC has <ibe:oid> where its figure has <ibe:algorithm>.
    let by_text = figure().replace("ibe:algorithm", "ibe:oid");
    assert!(KeyRequest::from_xml(by_text.as_bytes()).unwrap().is_ours());
    // The prefix is up to whoever writes, and a default namespace is one too.
    let other = figure().replace("<ibe:", "<x:").replace("</ibe:", "</x:").replace("xmlns:ibe=", "xmlns:x=");
    assert!(KeyRequest::from_xml(other.as_bytes()).is_ok(), "{other}");
    let default = figure().replace("xmlns:ibe=", "xmlns=").replace("<ibe:", "<").replace("</ibe:", "</");
    assert!(KeyRequest::from_xml(default.as_bytes()).is_ok(), "{default}");
    let declared =
        format!("<?xml version=\"1.0\" encoding=\"US-ASCII\"?>\n<!-- by hand -->\n{}", figure().trim_start());
    assert!(KeyRequest::from_xml(declared.as_bytes()).is_ok());
    // The header is only a SHOULD.
    let (from, to) = (figure().find("<ibe:header").unwrap(), figure().find("<ibe:body").unwrap());
    let bare = [&figure()[..from], &figure()[to..]].concat();
    assert_eq!(KeyRequest::from_xml(bare.as_bytes()).unwrap().client, None);
}

#[test]
fn optional_elements_of_the_body_are_passed_over_and_ours_are_read() {
    let with = |inside: &str| figure().replace("</ibe:body>", &format!("{inside}</ibe:body>"));
    let foreign = with("<v:x xmlns:v=\"urn:v\" a='1'><v:y>&#65;&amp;</v:y></v:x><ibe:later/>");
    assert!(KeyRequest::from_xml(foreign.as_bytes()).is_ok());
    let own = "xmlns:o=\"urn:uuid:42be94c7-e87a-4553-b5a0-ce81c3f08b20\"";
    let sealed = with(&format!("<o:sealTo {own}>{}</o:sealTo>", b64(&[9; 32])));
    assert_eq!(KeyRequest::from_xml(sealed.as_bytes()).unwrap().seal_to, Some([9; 32]));
    // The same name in another namespace is somebody else's.
    let theirs = with(&format!("<o:sealTo xmlns:o=\"urn:v\">{}</o:sealTo>", b64(&[9; 32])));
    assert_eq!(KeyRequest::from_xml(theirs.as_bytes()).unwrap().seal_to, None);
    fails(&with(&format!("<o:sealTo {own}>{}</o:sealTo>", b64(&[9; 31]))), Error::Field("sealTo"));
    let one = format!("<o:sealTo {own}>{}</o:sealTo>", b64(&[9; 32]));
    fails(&with(&[one.as_str(), one.as_str()].concat()), Error::Repeated("sealTo"));
    let proof = figure().replace("ibeAuthData", &format!("<o:token {own}>a&amp;b</o:token>"));
    assert_eq!(KeyRequest::from_xml(proof.as_bytes()).unwrap().proof.unwrap().0.expose(), b"a&b");
}

#[test]
fn what_is_not_a_request_is_refused_by_name() {
    let f = figure();
    let swap = |a: &str, b: &str| {
        assert!(f.contains(a), "{a}");
        f.replacen(a, b, 1)
    };
    fails("", Error::Root);
    fails("<a/>", Error::Root);
    fails("<request/>", Error::Root);
    fails(&swap("urn:ietf:params:xml:ns:ibe", "urn:ietf:params:xml:ns:ibf"), Error::Root);
    fails(&f.replace("ibe:request", "ibe:response"), Error::Root);
    fails(&f[..f.len() / 2], Error::Syntax);
    fails(&[f.as_str(), "<a/>"].concat(), Error::Syntax);
    fails(&[f.as_str(), "x"].concat(), Error::Syntax);
    fails(&swap("</ibe:body>", "</ibe:bodx>"), Error::Syntax);
    fails(&swap("<ibe:body>", "<ibf:body>"), Error::Syntax);
    fails(&swap("<ibe:client version=\"clientID\"/>", "<ibe:client version=\"a\" version=\"b\"/>"), Error::Syntax);
    fails(&swap("clientID", "a\u{1}b"), Error::Syntax);
    fails(&swap("clientID", "&#1;"), Error::Syntax);
    fails(&swap("clientID", "gr\u{fc}n"), Error::NotAscii);
    fails(&swap("<ibe:client version=\"clientID\"/>", "<ibe:client/>"), Error::Missing("version"));
    fails(&swap("clientID", &"x".repeat(257)), Error::Limit("version"));
    fails(&swap("<ibe:keyRequest>", "<ibe:keyRequest>text"), Error::Unexpected("text in the keyRequest"));
    fails(&swap("<ibe:keyRequest>", "<ibe:keyRequest><ibe:x/>"), Error::Unexpected("an element in the keyRequest"));
    fails(&swap("<ibe:header>", "<ibe:x/><ibe:header>"), Error::Unexpected("an element beside header and body"));
    fails(&swap("<ibe:id>", "<ibe:id><ibe:x/>"), Error::Unexpected("id"));
    fails(&swap("<ibe:id>", "<ibe:id>AA==</ibe:id><ibe:id>"), Error::Repeated("id"));
    let oid = format!("<ibe:oid>{}</ibe:oid>", algorithm());
    fails(&swap("<ibe:id>", &format!("{oid}<ibe:id>")), Error::Repeated("algorithm"));
    fails(&f.replace("ibe:id>", "ibe:ide>"), Error::Unexpected("an element in the keyRequest"));
    let body = f[f.find("<ibe:keyRequest>").unwrap()..f.find("<ibe:authData>").unwrap()].to_owned();
    fails(&swap(&body, ""), Error::Missing("keyRequest"));
    fails(&swap(&body, &[body.as_str(), body.as_str()].concat()), Error::Repeated("keyRequest"));
    fails(&swap(&algorithm(), "AA=A"), Error::Base64("algorithm"));
    fails(
        &swap(&algorithm(), "BQA="),
        Error::Inner(
            KeyRequest::from_xml(swap(&algorithm(), "BQA=").as_bytes())
                .map_err(|e| match e {
                    Error::Inner(e) => e,
                    e => panic!("{e}"),
                })
                .unwrap_err(),
        ),
    );
    // Another algorithm is well-formed, and not ours.
    assert!(!KeyRequest::from_xml(swap(&algorithm(), "BgMqAwQ=").as_bytes()).unwrap().is_ours());
    fails(&swap(&b64(identity().der()), &b64(&[0; 2_049])), Error::Limit("id"));
    fails(&" ".repeat(XML_MAX + 1), Error::TooLong { limit: XML_MAX });
    let version = |v: &str, e: &str| format!("<?xml version=\"{v}\" encoding=\"{e}\"?>{}", f.trim_start());
    fails(&version("1.1", "US-ASCII"), Error::Field("XML version"));
    fails(&version("1.0", "UTF-16"), Error::Field("encoding"));
}

#[test]
fn nothing_is_resolved_and_everything_has_a_limit() {
    let f = figure();
    let f = f.trim_start();
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    fails(&[bomb, f].concat(), Error::Forbidden("a document type"));
    let file = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/hostname\">]>";
    fails(&[file, &f.replace("ibeAuthData", "&a;")].concat(), Error::Forbidden("a document type"));
    fails(&["<!DOCTYPE x>", f].concat(), Error::Forbidden("a document type"));
    fails(&f.replace("ibeAuthData", "&a;"), Error::Forbidden("an entity"));
    fails(&f.replace("clientID", "&a;"), Error::Syntax);
    fails(&["<?xml-stylesheet href=\"a\"?>", f].concat(), Error::Forbidden("a processing instruction"));
    fails(&f.replace("ibeAuthData", "<?php x?>"), Error::Forbidden("a processing instruction"));
    fails(&f.replace("ibeAuthData", "<![CDATA[x]]>"), Error::Forbidden("a CDATA section"));
    let deep = ["<ibe:a>".repeat(20), "</ibe:a>".repeat(20)].concat();
    fails(&f.replace("ibeAuthData", &deep), Error::Limit("elements"));
    fails(&f.replace("ibeAuthData", &"<ibe:a/>".repeat(80)), Error::Limit("elements"));
    let many: String = (0..20).map(|i| format!(" a{i}=''")).collect();
    fails(&f.replace("<ibe:body>", &format!("<ibe:body{many}>")), Error::Limit("attributes"));
    fails(&f.replace("clientID", &"x".repeat(3_000)), Error::Limit("attributes"));
    let long = "a".repeat(200);
    fails(&f.replace("ibeAuthData", &format!("<ibe:{long}/>")), Error::Limit("name of an element"));
}

#[test]
fn all_response_codes_are_written_and_read() {
    let denied = Response::Denied("ask \"us\" & <them>".into()).to_xml();
    let text = String::from_utf8(denied.expose().to_vec()).unwrap();
    assert!(text.contains("value=\"IBE304\"") && text.contains("ask &quot;us&quot; &amp; &lt;them&gt;"), "{text}");
    // What stands in the body of an error is discarded.
    let Response::Denied(t) = Response::from_xml(denied.expose()).unwrap() else { panic!("{text}") };
    assert_eq!(t, "");
    let all = [
        (Response::Key(SecretVec::new(vec![1, 2, 3])), "IBE100"),
        (Response::Reserved, "IBE101"),
        (Response::Enroll("https://kgs.example/?a&b".into()), "IBE201"),
        (Response::SystemError("x".into()), "IBE300"),
        (Response::InvalidRequest("x".into()), "IBE301"),
        (Response::ClientObsolete("x".into()), "IBE303"),
        (Response::Denied("x".into()), "IBE304"),
    ];
    for (response, code) in all {
        assert_eq!(response.code(), code);
        let read = Response::from_xml(response.to_xml().expose()).unwrap();
        assert_eq!(read.code(), code);
        match (&response, &read) {
            (Response::Key(a), Response::Key(b)) => assert_eq!(a.expose(), b.expose()),
            (Response::Enroll(a), Response::Enroll(b)) => assert_eq!(a, b),
            _ => {}
        }
    }
    // The RFC's figures of sections 5.6.2 (with its missing bracket set right) and 5.6.3.
    let figure = |code: &str, body: &str| {
        format!(
            "<ibe:response xmlns:ibe=\"urn:ietf:params:xml:ns:ibe\">\n<ibe:responseType value=\"{code}\"/>\n\
             <ibe:body>{body}</ibe:body></ibe:response>"
        )
    };
    let read = |text: &str| Response::from_xml(text.as_bytes());
    assert!(matches!(
        read(&figure("IBE101", "This message must be discarded by the recipient")),
        Ok(Response::Reserved)
    ));
    let Ok(Response::Enroll(uri)) =
        read(&figure("IBE201", "\n<ibe:location\n URI=\"http://www.example.com/enroll.asp\"/>"))
    else {
        panic!("not read")
    };
    assert_eq!(uri, "http://www.example.com/enroll.asp");
    assert_eq!(read(&figure("IBE999", "")).map(drop), Err(Error::Code));
    assert_eq!(read(&figure("IBE100", "")).map(drop), Err(Error::Missing("privateKey")));
    assert_eq!(read(&figure("IBE201", "")).map(drop), Err(Error::Missing("location")));
    let twice = "<ibe:privateKey>AA==</ibe:privateKey>".repeat(2);
    assert_eq!(read(&figure("IBE100", &twice)).map(drop), Err(Error::Repeated("privateKey")));
}

fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n if n < 128 => out.push(n as u8),
        n if n < 256 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(content);
    out
}

/// A reply written by hand: this options field or none.
fn reply(options: Option<&[u8]>) -> Vec<u8> {
    let oid = value(6, oid::ALGORITHM.content());
    let mut inside = [identity().der(), &oid, &value(4, b"key")].concat();
    inside.extend(options.map(|o| value(0x30, o)).unwrap_or_default());
    value(0x30, &inside)
}

fn option(content: &[u8], data: &[u8]) -> Vec<u8> {
    value(0x30, &[value(6, content), value(4, data)].concat())
}

#[test]
fn replies_are_bound_to_the_identity_and_options_are_understood_or_fatal() {
    let identity = identity();
    let read = |der: &[u8]| KeyReply::from_der(der, &identity);
    // The RFC wants clients that can do without pkgOptions, and its ASN.1 has them in every reply: both, and the empty one.
    for options in [None, Some(&[][..])] {
        let plain = read(&reply(options)).unwrap();
        assert_eq!((plain.key.expose(), plain.sealed, plain.receipt), (&b"key"[..], false, None));
    }
    let plain = KeyReply {
        identity: identity.der().to_vec(),
        key: SecretVec::new(b"key".to_vec()),
        sealed: false,
        receipt: None,
    };
    assert_eq!(plain.to_der().expose(), reply(None));
    let receipt = Receipt { place: 3, hash: [4; 32], salt: [5; 32] };
    let sealed = KeyReply { sealed: true, receipt: Some(receipt), ..plain };
    let again = read(sealed.to_der().expose()).unwrap();
    assert_eq!((again.key.expose(), again.sealed, again.receipt), (&b"key"[..], true, Some(receipt)));

    let seal = option(oid::SEALED.content(), &[1]);
    assert!(read(&reply(Some(&seal))).unwrap().sealed);
    let fails = |options: &[u8], e: Error| assert_eq!(read(&reply(Some(options))).map(drop), Err(e));
    fails(&option(&[0x2a, 3, 4], b""), Error::UnknownOption);
    fails(&[seal.clone(), option(&[0x2a, 3, 4], b"")].concat(), Error::UnknownOption);
    fails(&option(oid::SEALED.content(), &[2]), Error::UnknownOption);
    fails(&[seal.clone(), seal.clone()].concat(), Error::Repeated("option"));
    fails(&option(oid::PKG_URI.content(), b""), Error::UnknownOption);

    let other = world().a.parameters.identity(Name::parse(ALICE).unwrap(), Purpose::Sign, NOW).unwrap();
    assert_eq!(KeyReply::from_der(&reply(None), &other).map(drop), Err(Error::Field("pkgIdentity")));
    let mut wrong = reply(None);
    let at = wrong.windows(3).position(|w| w == [6, 21, 0x69]).unwrap_or_else(|| panic!("no OID"));
    // The first object identifier is that of the identity.
    wrong[at + 22] ^= 1;
    assert_eq!(read(&wrong).map(drop), Err(Error::Field("pkgIdentity")));
    for end in 0..reply(None).len() {
        assert!(read(&reply(None)[..end]).is_err(), "{end}");
    }
    assert!(read(&[reply(None), vec![0]].concat()).is_err());
}

#[test]
fn parameters_travel_as_base64_of_their_der() {
    let parameters = &world().a.parameters;
    let text = parameters_to_text(parameters);
    assert_eq!(Base64::decode_vec(text.trim_end()).unwrap(), parameters.to_der());
    let broken: String =
        text.trim_end().as_bytes().chunks(64).map(|l| format!("{}\r\n", std::str::from_utf8(l).unwrap())).collect();
    assert_eq!(parameters_from_text(broken.as_bytes()).as_ref(), Ok(parameters));
    assert_eq!(parameters_from_text(b"@@@@"), Err(Error::Base64("parameters")));
    assert!(matches!(parameters_from_text(b"AAAA"), Err(Error::Inner(_))));
    assert!(matches!(parameters_from_text(&[b'A'; 20_000]), Err(Error::TooLong { .. })));
}
