//! Small untrusted XML documents, read whole into elements, within limits.
//!
//! A table of contents, a `PackageInfo` or a property list has some hundred elements; a tree of them is simpler to
//! judge than a stream of events. Not for documents that must keep their white space, namespaces or comments: names
//! are taken as they are written, comments and processing instructions are left out. Entities other than the five of
//! XML and character references are an error, and so is an internal DTD subset.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::reader::{Malformed, Problem};

/// Elements may not lie deeper than this.
const MAX_DEPTH: usize = 64;
/// A document may not have more elements and attributes than this.
const MAX_NODES: usize = 100_000;

/// One element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name, with the prefix if there is one.
    pub name: String,
    /// Its attributes, in the order of the document.
    pub attributes: Vec<(String, String)>,
    /// The elements in it.
    pub children: Vec<Element>,
    /// Its own text, of all parts together, without white space around it.
    pub text: String,
}

impl Element {
    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first child of this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of this name.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The element and everything in it, depth first.
    pub fn descendants(&self) -> impl Iterator<Item = &Self> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let next = stack.pop()?;
            stack.extend(next.children.iter().rev());
            Some(next)
        })
    }
}

/// The root element of `document`, which is a `structure`. Offsets in errors count from the document's start.
pub fn parse(structure: &'static str, document: &[u8]) -> Result<Element, Malformed> {
    let wrong = |offset, what| Malformed { structure, offset, problem: Problem::Text { what } };
    let text = std::str::from_utf8(document).map_err(|e| wrong(e.valid_up_to() as u64, "the document is not UTF-8"))?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut nodes = 0;
    loop {
        let offset = reader.buffer_position();
        let event = reader.read_event().map_err(|_| wrong(offset, "the XML is not well-formed"))?;
        let mut closed = None;
        match event {
            Event::Start(start) | Event::Empty(start) if root.is_some() && open.is_empty() => {
                drop(start);
                return Err(wrong(offset, "there is an element after the root"));
            }
            Event::Start(start) => {
                open.push(element(&start, &mut nodes).map_err(|what| wrong(offset, what))?);
                if open.len() > MAX_DEPTH {
                    return Err(wrong(offset, "the elements are nested too deeply"));
                }
            }
            Event::Empty(start) => closed = Some(element(&start, &mut nodes).map_err(|what| wrong(offset, what))?),
            Event::End(_) => {
                closed = open.pop();
                if let Some(element) = &mut closed {
                    element.text.truncate(element.text.trim_end().len());
                    element.text.drain(..element.text.len() - element.text.trim_start().len());
                }
            }
            Event::Text(part) => add(&mut open, &part.xml10_content()).map_err(|what| wrong(offset, what))?,
            Event::CData(part) => add(&mut open, &part.xml10_content()).map_err(|what| wrong(offset, what))?,
            Event::GeneralRef(name) => {
                let character = reference(&name).ok_or_else(|| wrong(offset, "an entity is not one of XML's own"))?;
                add(&mut open, character.encode_utf8(&mut [0; 4])).map_err(|what| wrong(offset, what))?;
            }
            Event::DocType(doctype) if doctype.contains('[') => {
                return Err(wrong(offset, "the document type declares things of its own"));
            }
            Event::DocType(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
        match (closed, open.last_mut()) {
            (Some(element), Some(parent)) => parent.children.push(element),
            (Some(element), None) => root = Some(element),
            (None, _) => {}
        }
    }
    let end = document.len() as u64;
    if !open.is_empty() {
        return Err(wrong(end, "the document ends inside an element"));
    }
    root.ok_or(Malformed { structure, offset: end, problem: Problem::Missing { what: "the root element" } })
}

fn element(start: &BytesStart<'_>, nodes: &mut usize) -> Result<Element, &'static str> {
    let mut attributes = Vec::new();
    *nodes += 1;
    for attribute in start.attributes() {
        *nodes += 1;
        let attribute = attribute.map_err(|_| "an attribute is not well-formed or there twice")?;
        let value =
            attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| "an attribute has a wrong entity")?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    if *nodes > MAX_NODES {
        return Err("there are too many elements");
    }
    Ok(Element { name: start.name().as_ref().to_owned(), attributes, ..Element::default() })
}

fn add(open: &mut [Element], text: &str) -> Result<(), &'static str> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("there is text outside the root"),
    }
    Ok(())
}

fn reference(name: &BytesRef<'_>) -> Option<char> {
    if name.is_char_ref() {
        return name.resolve_char_ref().ok().flatten();
    }
    match &**name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// Text as it is written between tags or in an attribute's double quotes. Control characters, which XML 1.0 cannot
/// carry, are left out.
#[must_use]
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_elements() {
        let root = parse(
            "toc",
            b"<?xml version=\"1.0\"?><!DOCTYPE a PUBLIC \"x\" \"y\">\n<a><b c=\"1 &amp; 2\"/> x&lt;&#233;<b><![CDATA[<]]></b></a>\n",
        )
        .unwrap();
        assert_eq!((root.name.as_str(), root.text.as_str()), ("a", "x<é"));
        assert_eq!(root.child("b").unwrap().attribute("c"), Some("1 & 2"));
        assert_eq!(root.all("b").nth(1).unwrap().text, "<");
        assert_eq!(root.descendants().count(), 3);
    }

    #[test]
    fn what_is_escaped_comes_back() {
        let text = "a<b>&\"'é\n\tz";
        let document = format!("<a b=\"{0}\">{0}</a>", escape(text));
        let root = parse("toc", document.as_bytes()).unwrap();
        assert_eq!((root.text.as_str(), root.attribute("b")), (text, Some(text)));
        assert_eq!(escape("a\u{1}b"), "ab");
    }

    #[test]
    fn bad_documents_are_errors() {
        for bad in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "x<a/>",
            "<a b=1/>",
            "<a b=\"1\" b=\"2\"/>",
            "<a>&x;</a>",
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            "<a>\u{1}",
            "</a>",
        ] {
            assert!(parse("toc", bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse("toc", "<a>".repeat(10_000).as_bytes()).is_err());
        assert!(parse("toc", &[b'<', 0xff]).is_err());
    }
}
