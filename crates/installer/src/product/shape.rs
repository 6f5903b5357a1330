//! The shape of a manifest: which keys there are, and of which type each is. Every deviation is found at once; serde would say the first.
//!
//! The rules are those of the JSON Schema, which is made of the types that serde reads, so there is no second list of keys.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::errors::Problems;

/// Names that are taken beside those of the schema: `Arch` has it as another name of `x64`.
const OTHER_NAMES: [&str; 1] = ["amd64"];

/// Keys under their names of the first days, and under those of today.
const OLD_KEYS: [(&str, &str); 2] = [("licence", "license"), ("licence-file", "license-file")];

/// A key's name of today.
fn current(name: &str) -> &str {
    OLD_KEYS.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new)
}

/// The schema of a manifest.
pub(super) struct Shape(Value);

impl Shape {
    pub(super) fn new() -> Self {
        Self(super::manifest::schema())
    }

    /// Takes out of a manifest what is of another shape, and says it. Whether what is left can be read: nothing that is needed is missing.
    pub(super) fn check(&self, root: &mut DeTable<'_>, problems: &mut Problems<'_>) -> bool {
        self.table(root, &self.0, 0..0, "", problems)
    }

    /// The type that a key has, by the schema's name of it: `string`, `integer`, `boolean`, `array` or `object`. `None`: there is no such key.
    pub(super) fn type_of(&self, key: &str) -> Option<&str> {
        let mut schema = &self.0;
        for part in key.split('.') {
            let (name, index) = part.split_once('[').map_or((part, None), |(name, index)| (name, Some(index)));
            schema = self.resolved(schema.get("properties")?.get(current(name))?);
            if index.is_some() {
                schema = self.resolved(schema.get("items")?);
            }
        }
        type_name(schema)
    }

    /// Behind references and choices with nothing.
    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array)
            && let Some(choice) = choices.iter().find(|choice| choice.get("$ref").is_some())
        {
            return self.resolved(choice);
        }
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
        name.and_then(|name| self.0.get("$defs")?.get(name)).unwrap_or(schema)
    }

    fn table(
        &self,
        table: &mut DeTable<'_>,
        schema: &Value,
        span: std::ops::Range<usize>,
        key: &str,
        problems: &mut Problems<'_>,
    ) -> bool {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return true };
        let needed: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let (mut is_whole, below) =
            (true, |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") });
        for name in needed.iter().filter(|name| !table.keys().any(|key| current(key.get_ref()) == **name)) {
            problems.add(span.clone(), below(name), "is missing");
            is_whole = false;
        }
        let given = std::mem::take(table);
        let names: Vec<String> = given.keys().map(|key| key.get_ref().to_string()).collect();
        for (mut name, mut value) in given {
            let today = current(name.get_ref()).to_owned();
            if today != *name.get_ref() {
                if names.contains(&today) {
                    problems.add(name.span(), below(name.get_ref()), format!("is there as {today} as well"));
                    continue;
                }
                *name.get_mut() = today.into();
            }
            let Some(property) = properties.get(name.get_ref().as_ref()) else {
                let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                let message = format!("unknown field `{}`, must be one of {}", name.get_ref(), known.join(", "));
                problems.add(name.span(), below(name.get_ref()), message);
                continue;
            };
            if self.value(&mut value, self.resolved(property), &below(name.get_ref()), problems) {
                table.insert(name, value);
            } else {
                is_whole &= !needed.contains(&name.get_ref().as_ref());
            }
        }
        is_whole
    }

    /// Whether a value can stay.
    fn value(&self, value: &mut Spanned<DeValue<'_>>, schema: &Value, key: &str, problems: &mut Problems<'_>) -> bool {
        let span = value.span();
        let Some(wanted) = type_name(schema) else { return true };
        match (wanted, value.get_mut()) {
            ("object", DeValue::Table(table)) => self.table(table, schema, span, key, problems),
            ("array", DeValue::Array(items)) => {
                let Some(schema) = schema.get("items").map(|schema| self.resolved(schema)) else { return true };
                let mut is_whole = true;
                for (n, item) in items.iter_mut().enumerate() {
                    is_whole &= self.value(item, schema, &format!("{key}[{n}]"), problems);
                }
                is_whole
            }
            ("string", DeValue::String(text)) => {
                let names = names(schema);
                let is_known =
                    names.is_empty() || names.contains(&text.as_ref()) || OTHER_NAMES.contains(&text.as_ref());
                if !is_known {
                    let found: String = text.chars().take(80).flat_map(char::escape_debug).collect();
                    problems.add(span, key, format!("\"{found}\" must be one of {}", names.join(", ")));
                }
                is_known
            }
            ("integer", DeValue::Integer(_)) | ("boolean", DeValue::Boolean(_)) => true,
            (wanted, found) => {
                problems.add(span, key, format!("is {}, must be {}", said(found.type_str()), said(wanted)));
                false
            }
        }
    }
}

/// The type, where there may be nothing instead as well.
fn type_name(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => Some(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        // A choice of names.
        _ => schema.get("oneOf").map(|_| "string"),
    }
}

fn names(schema: &Value) -> Vec<&str> {
    let choices = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    choices.filter_map(|choice| choice.get("const")?.as_str()).collect()
}

/// A type of JSON or TOML in a sentence.
pub(super) fn said(name: &str) -> &str {
    match name {
        "string" => "a text",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" | "table" => "a table",
        "float" => "a number with a point",
        "datetime" => "a date",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> (bool, Vec<String>) {
        let mut root = DeTable::parse(text).unwrap();
        let mut problems = Problems::new(text);
        let is_whole = Shape::new().check(root.get_mut(), &mut problems);
        let said = problems.finish::<()>(std::path::Path::new("m"), None).unwrap_err();
        (is_whole, said.to_string().lines().map(str::to_owned).collect())
    }

    #[test]
    fn every_deviation_is_said_at_once_with_line_and_key() {
        let text = "colour = 1\n[product]\nname = 7\nversion = \"1\"\n[service]\nrestart = \"never-ever\"\narguments = \"x\"\n\
                    restart-delay-secs = \"5\"\n[[agent]]\nplatform = \"linux\"\narch = \"amd64\"\npath = []\n[deb]\ndepends = [1]\n";
        let (is_whole, said) = checked(text);
        assert!(!is_whole);
        for part in [
            "m:1: colour: unknown field `colour`, must be one of agent, ",
            "m:2: product.publisher: is missing",
            "m:3: product.name: is a whole number, must be a text",
            "m:6: service.restart: \"never-ever\" must be one of always, on-failure, never",
            "m:7: service.arguments: is a text, must be a list",
            "m:8: service.restart-delay-secs: is a text, must be a whole number",
            "m:12: agent[0].path: is a list, must be a text",
            "m:14: deb.depends[0]: is a whole number, must be a text",
        ] {
            assert!(said.iter().any(|line| line.starts_with(part)), "{part}\n{said:#?}");
        }
        assert!(!said.iter().any(|line| line.contains("amd64")), "{said:#?}");
    }

    #[test]
    fn a_key_has_a_type() {
        let shape = Shape::new();
        for (key, found) in [
            ("product.version", Some("string")),
            ("service.restart-delay-secs", Some("integer")),
            ("service.restart", Some("string")),
            ("service.arguments", Some("array")),
            ("service.arguments[0]", Some("string")),
            ("token.slot", Some("boolean")),
            ("file[2].config", Some("boolean")),
            ("macos.signing", Some("object")),
            ("macos.signing.key", Some("string")),
            ("product.colour", None),
            ("", None),
        ] {
            assert_eq!(shape.type_of(key), found, "{key}");
        }
    }
}
