//! Other people's schemas as small tables: which keys a document may have, of which type, and which it must have.
//!
//! ```text
//! type NAME [: BASE] [abstract]        the keys follow, one a line; those of the base are its as well
//!   KEY KIND [required] [WORD|WORD]    the key * is any; KIND [T] is a list of T, T? may be null
//! enum NAME [flags] WORD|WORD
//! ```

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A table, read.
pub struct Schema {
    types: BTreeMap<String, Type>,
    enums: BTreeMap<String, (bool, Vec<String>)>,
    /// The key of a value that names its type, and what stands before the name.
    tag: &'static str,
}

#[derive(Default)]
struct Type {
    base: Option<String>,
    is_abstract: bool,
    fields: BTreeMap<String, Field>,
}

struct Field {
    kind: String,
    is_list: bool,
    may_be_null: bool,
    is_required: bool,
    words: Vec<String>,
}

impl Schema {
    /// Of the text of a table, whose values name their types by the key `tag`.
    pub fn parse(text: &str, tag: &'static str) -> Self {
        let mut schema = Self { types: BTreeMap::new(), enums: BTreeMap::new(), tag };
        let mut open = String::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [key, kind, rest @ ..] if line.starts_with(' ') => {
                    let field = Field::parse(kind, rest);
                    let fields = &mut schema.types.get_mut(&open).unwrap().fields;
                    assert!(fields.insert((*key).to_owned(), field).is_none(), "{open}.{key} is there twice");
                }
                ["type", name, rest @ ..] => {
                    let base = (rest.first() == Some(&":")).then(|| rest[1].to_owned());
                    let kind = Type { base, is_abstract: rest.contains(&"abstract"), fields: BTreeMap::new() };
                    open = (*name).to_owned();
                    assert!(schema.types.insert(open.clone(), kind).is_none(), "{name} is there twice");
                }
                ["enum", name, flags @ .., all] => {
                    let members = all.split('|').map(str::to_owned).collect();
                    schema.enums.insert((*name).to_owned(), (flags == ["flags"], members));
                }
                _ => panic!("{line}"),
            }
        }
        schema.is_whole();
        schema
    }

    /// Every kind that a table names is in it.
    fn is_whole(&self) {
        const SIMPLE: [&str; 8] = ["string", "bool", "int32", "int64", "number", "date", "binary", "any"];
        for (name, kind) in &self.types {
            assert!(kind.base.iter().all(|base| self.types.contains_key(base)), "{name}");
            for (key, Field { kind, .. }) in &kind.fields {
                let is_known =
                    SIMPLE.contains(&kind.as_str()) || self.types.contains_key(kind) || self.enums.contains_key(kind);
                assert!(is_known, "{name}.{key} is of {kind}, which is not in the table");
            }
        }
    }

    /// What is wrong with a document of a type, each with its place.
    pub fn faults(&self, kind: &str, document: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.object(kind, document, kind, &mut faults);
        faults
    }

    fn object(&self, declared: &str, value: &Value, at: &str, faults: &mut Vec<String>) {
        let Some(object) = value.as_object() else {
            return faults.push(format!("{at}: {value} is no {declared}"));
        };
        let tag = object.get(self.tag).and_then(Value::as_str);
        let named = tag.map(|name| name.trim_start_matches("#microsoft.graph.").trim_start_matches("microsoft.graph."));
        let own = named.filter(|_| self.has_kinds(declared)).unwrap_or(declared);
        if !self.types.contains_key(own) || !self.lineage(own).any(|name| name == declared) {
            return faults.push(format!("{at}: {own} is no {declared}"));
        }
        if self.types[own].is_abstract {
            return faults.push(format!("{at}: {own} is abstract, and no {} says which it is", self.tag));
        }
        let fields: BTreeMap<&str, &Field> = self
            .lineage(own)
            .flat_map(|name| self.types[name].fields.iter().map(|(key, field)| (key.as_str(), field)))
            .collect();
        for (key, inner) in object {
            let at = format!("{at}.{key}");
            match fields.get(key.as_str()).or_else(|| fields.get("*")) {
                Some(field) => self.field(field, inner, &at, faults),
                None if self.tag == key && named.is_some() => {}
                None => faults.push(format!("{at}: {own} has no such key")),
            }
        }
        for (key, _) in fields.iter().filter(|(key, field)| field.is_required && !object.contains_key(**key)) {
            faults.push(format!("{at}: {key} is missing"));
        }
    }

    /// Whether a value of this type says which type it is: any may at Graph, and an abstract one must.
    fn has_kinds(&self, declared: &str) -> bool {
        self.tag == "@odata.type" || self.types[declared].is_abstract
    }

    /// A type and those that it is one of.
    fn lineage<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::successors(Some(name), |name| self.types[*name].base.as_deref())
    }

    fn field(&self, field: &Field, value: &Value, at: &str, faults: &mut Vec<String>) {
        match value {
            Value::Null if field.may_be_null => {}
            Value::Array(items) if field.is_list => {
                for (n, item) in items.iter().enumerate() {
                    self.value(field, item, &format!("{at}[{n}]"), faults);
                }
            }
            _ if field.is_list => faults.push(format!("{at}: {value} is no list")),
            _ => self.value(field, value, at, faults),
        }
    }

    fn value(&self, field: &Field, value: &Value, at: &str, faults: &mut Vec<String>) {
        let kind = field.kind.as_str();
        if self.types.contains_key(kind) {
            return self.object(kind, value, at, faults);
        }
        let is_right = match (kind, value) {
            ("any", _) | ("string", Value::String(_)) | ("bool", Value::Bool(_)) | ("number", Value::Number(_)) => true,
            ("int32", _) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            ("int64", _) => value.as_i64().is_some(),
            ("binary", Value::String(text)) => STANDARD.decode(text).is_ok(),
            ("date", Value::String(text)) => text.contains('T') && text.ends_with('Z'),
            (_, Value::String(text)) => self.enums.get(kind).is_some_and(|(are_flags, members)| {
                let mut words: Vec<&str> = if *are_flags { text.split(',').collect() } else { vec![text] };
                words.retain(|word| !members.iter().any(|member| member == word));
                words.is_empty()
            }),
            _ => false,
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !is_right || !(field.words.is_empty() || field.words.contains(&text)) {
            faults.push(format!("{at}: {value} is no {kind} {}", field.words.join("|")));
        }
    }
}

impl Field {
    fn parse(kind: &str, rest: &[&str]) -> Self {
        let (kind, may_be_null) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
        let inner = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']'));
        let words = rest.iter().filter(|word| **word != "required").flat_map(|words| words.split('|'));
        Self {
            kind: inner.unwrap_or(kind).to_owned(),
            is_list: inner.is_some(),
            may_be_null,
            is_required: rest.contains(&"required"),
            words: words.map(str::to_owned).collect(),
        }
    }
}
