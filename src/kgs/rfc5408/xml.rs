//! XML into a small tree: strict, with limits, and nothing in it is ever resolved.
//!
//! The tokens come from `quick-xml`. Document types are refused where they begin, so there are no entities to expand; what is
//! left of entities is the five and character references. Comments are passed over between elements.

use core::str::FromStr;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;
use zeroize::Zeroizing;

use super::{Error, NAMESPACE, OWN_NAMESPACE, XML_MAX};

/// Deepest nesting.
const DEPTH: usize = 16;
/// Most elements.
const ELEMENTS: usize = 64;
/// Most attributes of an element, namespace declarations among them.
const ATTRIBUTES: usize = 8;
/// Longest name of an element or attribute.
const NAME: usize = 128;
/// Longest value of an attribute.
const VALUE: usize = 2_048;

/// Whose an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// RFC 5408.
    Ibe,
    /// Ours.
    Own,
    /// Others'.
    Other,
}

/// An element with everything in it.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) space: Space,
    pub(super) name: String,
    /// Without namespace declarations. Those of other namespaces are left out.
    attributes: Vec<(String, String)>,
    /// All text of the element itself. May be a credential or a key.
    text: Zeroizing<String>,
    pub(super) children: Vec<Self>,
}

impl Element {
    pub(super) fn is(&self, space: Space, name: &str) -> bool {
        self.space == space && self.name == name
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The one child of this name, if there is one.
    pub(super) fn optional(&self, space: Space, name: &'static str) -> Result<Option<&Self>, Error> {
        let mut all = self.children.iter().filter(|c| c.is(space, name));
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(Error::Repeated(name)),
            (found, None) => Ok(found),
        }
    }

    /// The one child of this name.
    pub(super) fn single(&self, name: &'static str) -> Result<&Self, Error> {
        self.optional(Space::Ibe, name)?.ok_or(Error::Missing(name))
    }

    /// Its text; it has no elements.
    pub(super) fn leaf(&self, what: &'static str) -> Result<&str, Error> {
        if self.children.is_empty() { Ok(self.text.trim_matches(WHITE)) } else { Err(Error::Unexpected(what)) }
    }

    /// That it has no text of its own.
    pub(super) fn no_text(&self, what: &'static str) -> Result<(), Error> {
        if self.text.trim_matches(WHITE).is_empty() { Ok(()) } else { Err(Error::Unexpected(what)) }
    }
}

const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Reads a document whose root is this element of RFC 5408.
pub(super) fn read(bytes: &[u8], root: &'static str) -> Result<Element, Error> {
    if bytes.len() > XML_MAX {
        return Err(Error::TooLong { limit: XML_MAX });
    }
    let text = core::str::from_utf8(bytes).ok().filter(|t| t.is_ascii()).ok_or(Error::NotAscii)?;
    // Control characters are no characters of XML 1.0, whatever a tokenizer thinks of them.
    if text.bytes().any(|b| b < 0x20 && !matches!(b, b'\t' | b'\r' | b'\n')) {
        return Err(Error::Syntax);
    }
    let mut reader = NsReader::from_str(text);
    let config = reader.config_mut();
    config.check_comments = true;
    config.expand_empty_elements = true;
    let (mut open, mut count): (Vec<Element>, usize) = (Vec::new(), 0);
    let mut done: Option<Element> = None;
    let mut first = true;
    loop {
        let (space, event) = match reader.read_resolved_event() {
            Ok((space, event)) => (space_of(&space), event),
            Err(_) => return Err(Error::Syntax),
        };
        let at_start = core::mem::replace(&mut first, false);
        match event {
            Event::Decl(declaration) if at_start => check_declaration(&declaration)?,
            Event::Decl(_) => return Err(Error::Syntax),
            Event::DocType(_) => return Err(Error::Forbidden("a document type")),
            Event::PI(_) => return Err(Error::Forbidden("a processing instruction")),
            Event::CData(_) => return Err(Error::Forbidden("a CDATA section")),
            Event::Comment(_) => {}
            Event::Start(start) => {
                count += 1;
                if done.is_some() {
                    return Err(Error::Syntax);
                }
                if open.len() >= DEPTH || count > ELEMENTS {
                    return Err(Error::Limit("elements"));
                }
                open.push(element(space.ok_or(Error::Syntax)?, &start)?);
            }
            Event::End(_) => {
                let closed = open.pop().ok_or(Error::Syntax)?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(closed),
                    None => done = Some(closed),
                }
            }
            Event::Text(part) => {
                let part = part.xml10_content();
                if part.contains("]]>") {
                    return Err(Error::Syntax);
                }
                add(&mut open, &part)?;
            }
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref() {
                    Ok(Some(c)) => String::from(Some(c).filter(|c| is_character(*c)).ok_or(Error::Syntax)?),
                    Ok(None) => String::from(
                        resolve_xml_entity(&reference.xml10_content()).ok_or(Error::Forbidden("an entity"))?,
                    ),
                    Err(_) => return Err(Error::Syntax),
                };
                // Outside the root there is no text at all, not even white space by its number.
                if open.is_empty() {
                    return Err(Error::Syntax);
                }
                add(&mut open, &text)?;
            }
            // Expanded into a start and an end.
            Event::Empty(_) => return Err(Error::Syntax),
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err(Error::Syntax);
    }
    done.filter(|e| e.is(Space::Ibe, root)).ok_or(Error::Root)
}

/// `Char` of XML 1.0, within ASCII.
fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\r' | '\n' | ' '..='~')
}

fn add(open: &mut [Element], part: &str) -> Result<(), Error> {
    match open.last_mut() {
        // White space between elements needs no room.
        Some(element) if element.text.is_empty() && part.trim_matches(WHITE).is_empty() => Ok(()),
        Some(element) => {
            // At its final size at once: text may be a key, and a string that grows leaves copies behind.
            let room = XML_MAX.saturating_sub(element.text.len());
            element.text.reserve_exact(room);
            element.text.push_str(part);
            Ok(())
        }
        None if part.trim_matches(WHITE).is_empty() => Ok(()),
        None => Err(Error::Syntax),
    }
}

/// `None` for a prefix that is not bound.
fn space_of(found: &ResolveResult<'_>) -> Option<Space> {
    match found {
        ResolveResult::Bound(Namespace(ns)) if *ns == NAMESPACE => Some(Space::Ibe),
        ResolveResult::Bound(Namespace(ns)) if *ns == OWN_NAMESPACE => Some(Space::Own),
        ResolveResult::Bound(_) | ResolveResult::Unbound => Some(Space::Other),
        ResolveResult::Unknown(_) => None,
    }
}

fn check_declaration(declaration: &quick_xml::events::BytesDecl<'_>) -> Result<(), Error> {
    let version = declaration.version().map_err(|_| Error::Syntax)?;
    let encoding = declaration.encoding().transpose().map_err(|_| Error::Syntax)?;
    let known = encoding.is_none_or(|e| ["us-ascii", "ascii", "utf-8"].iter().any(|k| e.eq_ignore_ascii_case(k)));
    if version != "1.0" {
        return Err(Error::Field("XML version"));
    }
    if known { Ok(()) } else { Err(Error::Field("encoding")) }
}

fn element(space: Space, start: &BytesStart<'_>) -> Result<Element, Error> {
    let name = start.local_name();
    let name: &str = name.as_ref();
    if start.name().as_ref().len() > NAME {
        return Err(Error::Limit("name of an element"));
    }
    let mut attributes = Vec::new();
    for (i, attribute) in start.attributes().enumerate() {
        let attribute = attribute.map_err(|_| Error::Syntax)?;
        if i >= ATTRIBUTES || attribute.key.as_ref().len() > NAME || attribute.value.len() > VALUE {
            return Err(Error::Limit("attributes"));
        }
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| Error::Syntax)?;
        if attribute.value.contains('<') || !value.chars().all(is_character) {
            return Err(Error::Syntax);
        }
        if attribute.key.prefix().is_none() && attribute.key.as_namespace_binding().is_none() {
            attributes.push((String::from(attribute.key.local_name().as_ref()), value.into_owned()));
        }
    }
    let name = String::from_str(name).map_err(|_| Error::Syntax)?;
    Ok(Element { space, name, attributes, text: Zeroizing::new(String::new()), children: Vec::new() })
}

/// Escapes what may stand neither in text nor in an attribute, and leaves everything out that is not printable ASCII.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| is_character(*c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}
