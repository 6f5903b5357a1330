//! The XML form. What CoreFoundation writes: no attributes but the version, and texts as they are, line ends included.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::value::{Budget, MAX_DEPTH, Value};
use crate::reader::Malformed;

const DAMAGED: &str = "the XML is not well-formed";

pub(super) fn parse(structure: &'static str, bytes: &[u8]) -> Result<Value, Malformed> {
    let budget = Budget::new(structure);
    let text = std::str::from_utf8(bytes).map_err(|e| budget.wrong(e.valid_up_to() as u64, "it is not UTF-8"))?;
    let reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut list = List { budget, open: Vec::new(), leaf: None, root: None, is_list: false };
    list.read(reader).map_err(|(offset, what)| list.budget.wrong(offset, what))?;
    list.root.ok_or_else(|| list.budget.wrong(bytes.len() as u64, "it has no value"))
}

/// A collection that is being read.
enum Open {
    Dictionary { entries: BTreeMap<String, Value>, key: Option<String> },
    Array(Vec<Value>),
}

/// A text element that is being read.
struct Leaf {
    name: String,
    text: String,
}

struct List {
    budget: Budget,
    open: Vec<Open>,
    leaf: Option<Leaf>,
    root: Option<Value>,
    /// Whether the element `plist` is open.
    is_list: bool,
}

type Wrong = (u64, &'static str);

impl List {
    fn read(&mut self, mut reader: Reader<&[u8]>) -> Result<(), Wrong> {
        loop {
            let at = reader.buffer_position();
            let wrong = |what| (at, what);
            match reader.read_event().map_err(|_| wrong(DAMAGED))? {
                Event::Start(tag) => self.start(tag.name().as_ref()).map_err(wrong)?,
                Event::Empty(tag) => {
                    self.start(tag.name().as_ref()).map_err(wrong)?;
                    self.end(tag.name().as_ref()).map_err(wrong)?;
                }
                Event::End(tag) => self.end(tag.name().as_ref()).map_err(wrong)?,
                Event::Text(part) => self.text(&part).map_err(wrong)?,
                Event::CData(part) => self.text(&part).map_err(wrong)?,
                Event::GeneralRef(name) => {
                    let character = name.resolve_char_ref().map_err(|_| wrong(DAMAGED))?;
                    let named = quick_xml::escape::resolve_predefined_entity(&name);
                    match (character, named) {
                        (Some(character), _) => self.text(character.encode_utf8(&mut [0; 4])).map_err(wrong)?,
                        (None, Some(text)) => self.text(text).map_err(wrong)?,
                        (None, None) => return Err(wrong("an entity is not one of XML's own")),
                    }
                }
                Event::DocType(doctype) if doctype.contains('[') => {
                    return Err(wrong("the document type declares things of its own"));
                }
                Event::DocType(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof if self.open.is_empty() && self.leaf.is_none() && !self.is_list => return Ok(()),
                Event::Eof => return Err(wrong("it ends inside an element")),
            }
        }
    }

    fn start(&mut self, name: &str) -> Result<(), &'static str> {
        if self.leaf.is_some() {
            return Err("there is an element in a text");
        }
        if self.root.is_some() {
            return Err("there is an element behind its value");
        }
        if self.open.len() >= MAX_DEPTH {
            return Err("the values are nested too deeply");
        }
        self.budget.take(0, 0).map_err(|_| "there are too many values")?;
        match name {
            "plist" if self.open.is_empty() && !self.is_list => self.is_list = true,
            "dict" => self.open.push(Open::Dictionary { entries: BTreeMap::new(), key: None }),
            "array" => self.open.push(Open::Array(Vec::new())),
            "key" | "string" | "data" | "integer" | "real" | "true" | "false" | "date" => {
                self.leaf = Some(Leaf { name: name.to_owned(), text: String::new() });
            }
            _ => return Err("an element is not one of a property list"),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), &'static str> {
        match &mut self.leaf {
            Some(leaf) => leaf.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err("there is text outside of a value"),
        }
        Ok(())
    }

    fn end(&mut self, name: &str) -> Result<(), &'static str> {
        if name == "plist" {
            self.is_list = false;
            return Ok(());
        }
        if let Some(leaf) = self.leaf.take() {
            return match (leaf.name.as_str(), self.open.last_mut()) {
                ("key", Some(Open::Dictionary { key: key @ None, .. })) => {
                    *key = Some(leaf.text);
                    Ok(())
                }
                ("key", _) => Err("a key is not where one must be"),
                _ => self.put(leaf.value()?),
            };
        }
        match self.open.pop() {
            Some(Open::Dictionary { entries, key: None }) => self.put(Value::Dictionary(entries)),
            Some(Open::Dictionary { .. }) => Err("a key has no value"),
            Some(Open::Array(values)) => self.put(Value::Array(values)),
            None => Err(DAMAGED),
        }
    }

    fn put(&mut self, value: Value) -> Result<(), &'static str> {
        match self.open.last_mut() {
            Some(Open::Array(values)) => values.push(value),
            Some(Open::Dictionary { entries, key }) => {
                let key = key.take().ok_or("a value has no key")?;
                entries.insert(key, value);
            }
            None => self.root = Some(value),
        }
        Ok(())
    }
}

impl Leaf {
    fn value(self) -> Result<Value, &'static str> {
        let text = self.text.trim();
        Ok(match self.name.as_str() {
            "string" => Value::Text(self.text),
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            "data" => {
                let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
                Value::Data(STANDARD.decode(packed).map_err(|_| "data is not base64")?)
            }
            "integer" => {
                let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
                let digits = digits.strip_prefix('+').unwrap_or(digits);
                let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
                let (digits, radix) = hex.map_or((digits, 10), |digits| (digits, 16));
                let number = i128::from_str_radix(&format!("{sign}{digits}"), radix);
                let number = number.map_err(|_| "an integer is not a number")?;
                i64::try_from(number).map_or(Value::Other, Value::Integer)
            }
            "real" => Value::Real(text.parse().map_err(|_| "a real is not a number")?),
            _ => Value::Other,
        })
    }
}
