//! What a call brings to a manifest: `${NAME}` in its texts, and keys that are set from outside.
//!
//! | in the file | what becomes of it |
//! |---|---|
//! | `version = "${VERSION}"` | the variable; one that is not set is an error |
//! | `path = "${DIR:-build}/agent"` | the variable, or what is behind `:-` |
//! | `"$${VERSION}"` | `${VERSION}` as it stands |
//!
//! Only texts have variables: no key, no number and no comment. A text keeps its place in the file, so that what is wrong with it is said by
//! its line, whoever set it.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::errors::Problems;
use super::shape::{Shape, said};

/// A key that is set from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key, e.g. `product.version` or `agent[0].path`.
    pub key: String,
    /// Its value: as it stands where the key is a text, else in TOML.
    pub value: String,
    /// Who sets it, for messages: `--set` or the name of a variable.
    pub origin: String,
}

/// What a call brings.
#[derive(Clone, Copy)]
pub struct Overrides<'a> {
    /// Keys and their values. Of two of one key the last one counts.
    pub set: &'a [Setting],
    /// The variables.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Overrides<'_> {
    /// Nothing is set, and there are no variables.
    pub const NONE: Self = Self { set: &[], variable: &|_| None };
}

impl std::fmt::Debug for Overrides<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overrides").field("set", &self.set).finish_non_exhaustive()
    }
}

/// Changes a manifest that has been read.
pub(super) fn apply<'i>(root: &mut DeTable<'i>, overrides: &Overrides<'i>, shape: &Shape, problems: &mut Problems<'_>) {
    for Setting { key, value, origin } in overrides.set {
        problems.set_by(key, origin);
        if let Err(problem) = set(root, key, value, shape.type_of(key)) {
            problems.add(0..0, key.clone(), format!("cannot be set: {problem}"));
        }
    }
    for (key, value) in root.iter_mut() {
        fill(value, key.get_ref(), overrides, problems);
    }
}

/// Fills in the variables of a value and of everything in it.
fn fill(value: &mut Spanned<DeValue<'_>>, key: &str, overrides: &Overrides<'_>, problems: &mut Problems<'_>) {
    let span = value.span();
    match value.get_mut() {
        DeValue::String(text) if text.contains("${") => match expanded(text, overrides.variable) {
            Ok(filled) => *text = filled.into(),
            Err(problem) => problems.hinted(
                span,
                key,
                problem,
                Some("set it, give ${NAME:-default}, or write $${ where ${ is meant as it stands"),
            ),
        },
        DeValue::Array(items) => {
            for (n, item) in items.iter_mut().enumerate() {
                fill(item, &format!("{key}[{n}]"), overrides, problems);
            }
        }
        DeValue::Table(table) => {
            for (name, value) in table.iter_mut() {
                fill(value, &format!("{key}.{}", name.get_ref()), overrides, problems);
            }
        }
        _ => {}
    }
}

fn expanded(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (inside, after) = after.split_once('}').ok_or("has ${ without }")?;
        let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, value)| (name, Some(value)));
        let is_first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
        let is_name = name.as_bytes().first().is_some_and(is_first)
            && name.bytes().all(|byte| is_first(&byte) || byte.is_ascii_digit());
        if !is_name {
            return Err("has ${…} with something that is no variable's name".to_owned());
        }
        match variable(name).filter(|value| !value.is_empty()).or(default.map(str::to_owned)) {
            Some(value) => out.push_str(&value),
            None => return Err(format!("the variable {name} is not set")),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Sets one key, which is of this type if there is such a key. Tables on the way are made; an item of a list must be there.
fn set<'i>(root: &mut DeTable<'i>, key: &str, value: &'i str, wanted: Option<&str>) -> Result<(), String> {
    let mut parts = key.split('.').peekable();
    let mut table = root;
    while let Some(part) = parts.next() {
        let (name, index) = match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
            Some((name, index)) => (name, Some(index.parse::<usize>().map_err(|_| "[…] must be a number from 0 on")?)),
            None => (part, None),
        };
        if name.is_empty() {
            return Err("must be a key, e.g. product.version or agent[0].path".to_owned());
        }
        let name = Spanned::new(0..0, name.to_owned().into());
        let is_last = parts.peek().is_none();
        if is_last && index.is_none() {
            let span = table.get(&name).map_or(0..0, Spanned::span);
            let new = typed(wanted, value)?;
            table.insert(name, Spanned::new(span, new));
            return Ok(());
        }
        let entry = table.entry(name).or_insert_with(|| Spanned::new(0..0, DeValue::Table(DeTable::new())));
        let found = match index {
            Some(index) => item(entry.get_mut(), index)?,
            None => entry,
        };
        if is_last {
            let (span, new) = (found.span(), typed(wanted, value)?);
            *found = Spanned::new(span, new);
            return Ok(());
        }
        let DeValue::Table(next) = found.get_mut() else { return Err(format!("{part} is no table")) };
        table = next;
    }
    Err("must be a key, e.g. product.version".to_owned())
}

fn item<'t, 'i>(value: &'t mut DeValue<'i>, index: usize) -> Result<&'t mut Spanned<DeValue<'i>>, String> {
    let count = value.as_array().map_or(0, |items: &DeArray<'_>| items.len());
    let DeValue::Array(items) = value else { return Err("is no list".to_owned()) };
    items.get_mut(index).ok_or_else(|| format!("there are {count} in the list, counted from 0"))
}

/// A text where one is wanted, or where there is no such key; else what the value is in TOML.
fn typed<'i>(wanted: Option<&str>, value: &'i str) -> Result<DeValue<'i>, String> {
    let wanted = match wanted {
        None | Some("string") => return Ok(DeValue::String(value.into())),
        Some(wanted) => wanted,
    };
    let parsed = DeValue::parse(value).ok().map(Spanned::into_inner);
    let fits = |parsed: &DeValue<'_>| match parsed {
        DeValue::Integer(_) => wanted == "integer",
        DeValue::Boolean(_) => wanted == "boolean",
        DeValue::Array(_) => wanted == "array",
        DeValue::Table(_) => wanted == "object",
        _ => false,
    };
    parsed.filter(fits).ok_or_else(|| {
        let shown: String = value.chars().take(80).flat_map(char::escape_debug).collect();
        let example = if wanted == "array" { ", e.g. [\"one\", \"two\"]" } else { "" };
        format!("\"{shown}\" must be {}{example}", said(wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        match name {
            "VERSION" => Some("1.5.0".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_filled_in_and_their_absence_is_said() {
        for (text, expected) in [
            ("${VERSION}", Ok("1.5.0")),
            ("a-${VERSION}-${VERSION}.b", Ok("a-1.5.0-1.5.0.b")),
            ("${NONE:-build}/x", Ok("build/x")),
            ("${EMPTY:-x}", Ok("x")),
            ("${NONE:-}", Ok("")),
            ("$${VERSION} $5", Ok("${VERSION} $5")),
            ("${NONE}", Err("the variable NONE is not set")),
            ("${EMPTY}", Err("the variable EMPTY is not set")),
            ("${VERSION", Err("has ${ without }")),
            ("${1}", Err("has ${…} with something that is no variable's name")),
            ("${}", Err("has ${…} with something that is no variable's name")),
        ] {
            assert_eq!(expanded(text, &variable), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn keys_are_set_by_the_type_that_the_schema_gives_them() {
        let text = "[product]\nname = \"x\"\n[[agent]]\npath = \"p\"\n[token]\nslot = true\n";
        let shape = Shape::new();
        let mut root = DeTable::parse(text).unwrap();
        for (key, value) in [
            ("product.name", "7"),
            ("product.version", "true"),
            ("service.restart-delay-secs", "2"),
            ("agent[0].path", "q"),
            ("token.slot", "false"),
            ("deb.depends", "[\"a\"]"),
            ("product.colour", "[1]"),
        ] {
            set(root.get_mut(), key, value, shape.type_of(key)).unwrap_or_else(|problem| panic!("{key}: {problem}"));
        }
        let root = root.get_ref();
        let product = root["product"].get_ref();
        assert_eq!(product["name"].get_ref().as_str(), Some("7"));
        assert_eq!(product["version"].get_ref().as_str(), Some("true"));
        assert_eq!(product["colour"].get_ref().as_str(), Some("[1]"));
        let delay = root["service"].get_ref()["restart-delay-secs"].get_ref();
        assert_eq!(delay.as_integer().map(|n| n.as_str()), Some("2"));
        assert_eq!(root["agent"].get_ref()[0].get_ref()["path"].get_ref().as_str(), Some("q"));
        assert_eq!(root["token"].get_ref()["slot"].get_ref().as_bool(), Some(false));
        assert!(root["deb"].get_ref()["depends"].get_ref().as_array().is_some());
        for (key, value, said) in [
            ("service.restart-delay-secs", "soon", "\"soon\" must be a whole number"),
            ("token.slot", "1", "\"1\" must be true or false"),
            ("service.arguments", "--x", "must be a list, e.g. [\"one\", \"two\"]"),
            ("agent[1].path", "q", "there are 1 in the list"),
            ("product.name.x", "c", "name is no table"),
            ("", "x", "must be a key"),
            ("token[0]", "x", "is no list"),
            ("agent[x]", "", "must be a number"),
        ] {
            let mut root = DeTable::parse(text).unwrap();
            let problem = set(root.get_mut(), key, value, shape.type_of(key)).unwrap_err();
            assert!(problem.contains(said), "{key}: {problem}");
        }
    }
}
