//! Values of the registry: every `[[registry]]` table.

use std::collections::BTreeSet;

use super::check::{Checker, has_agent};
use super::definition::{RegistryData, RegistryValue};
use super::manifest::{At, Manifest, Platform, RegistrySection, RegistryType};
use super::names::line_problem;

/// Columns of the table Registry have so many characters; brackets take four.
const MAX_NAME_UNITS: usize = 255;
/// What `Registry.Name` says in place of a name: create the key, delete it, both.
const NOT_NAMES: [&str; 3] = ["+", "-", "*"];

impl Checker<'_, '_> {
    /// The values. `own` is the key of the product itself, below HKEY_LOCAL_MACHINE.
    pub(super) fn registry(&mut self, manifest: &Manifest, own: &str) -> Vec<RegistryValue> {
        let mut taken = BTreeSet::new();
        let mut values = Vec::new();
        for (n, section) in manifest.registry.iter().enumerate() {
            let Some(value) = self.registry_value(n, section, own) else { continue };
            let name = value.name.as_deref().unwrap_or_default();
            if taken.insert((value.key.to_lowercase(), name.to_lowercase())) {
                values.push(value);
            } else {
                let message = format!("{}\\{name} is there twice", value.key);
                self.problems.add(section.key.span(), format!("registry[{n}].key"), message);
            }
        }
        if let Some(first) = manifest.registry.first().filter(|_| !has_agent(manifest, Platform::Windows)) {
            self.problems.add(first.key.span(), "registry[0]", "is for Windows, and there is no agent for it");
        }
        values
    }

    fn registry_value(&mut self, n: usize, section: &RegistrySection, own: &str) -> Option<RegistryValue> {
        let place = |name: &str| format!("registry[{n}].{name}");
        let key = section.key.get_ref();
        if let Some((must, hint)) = key_problem(key, own) {
            self.wrong(&place("key"), &section.key, must, hint);
            return None;
        }
        if let Some(at) = &section.name {
            let name = at.get_ref();
            if line_problem(name).is_some() || name.contains(['[', ']', '{', '}']) || NOT_NAMES.contains(&name.as_str())
            {
                let must = "must be a name of 1 to 200 characters without any of [ ] { }, and not + - or *";
                self.wrong(&place("name"), at, must, None);
                return None;
            }
        }
        let data = match section.kind.unwrap_or(RegistryType::String) {
            RegistryType::Dword => match dword(section.value.get_ref()) {
                Some(number) => RegistryData::Dword(number),
                None => {
                    let must = "must be a number from 0 to 4294967295, or 0x and hexadecimal digits";
                    self.wrong(&place("value"), &section.value, must, None);
                    return None;
                }
            },
            RegistryType::String => RegistryData::String(self.registry_text(&place("value"), &section.value)?),
            RegistryType::ExpandString => RegistryData::Expand(self.registry_text(&place("value"), &section.value)?),
        };
        let name = section.name.as_ref().map(|at| at.get_ref().clone());
        Some(RegistryValue { key: key.clone(), name, data })
    }

    fn registry_text(&mut self, key: &str, at: &At<String>) -> Option<String> {
        let text = at.get_ref();
        if text.is_empty() || text.chars().any(char::is_control) {
            self.wrong(key, at, "must be a text without control characters, and not empty", None);
            return None;
        }
        Some(text.clone())
    }
}

/// What is wrong with a key, and the next step.
fn key_problem(key: &str, own: &str) -> Option<(&'static str, Option<&'static str>)> {
    let lower = key.to_lowercase();
    if lower.starts_with("hk") {
        return Some(("must be a path below HKEY_LOCAL_MACHINE", Some("leave out the root, e.g. SOFTWARE\\Example")));
    }
    let is_part = |part: &str| !part.is_empty() && part == part.trim();
    let is_path = key.contains('\\') && key.split('\\').all(is_part);
    if !is_path || key.encode_utf16().count() > MAX_NAME_UNITS {
        return Some(("must be a path of two keys or more and 255 characters, e.g. SOFTWARE\\Example", None));
    }
    if key.chars().any(|c| c.is_control() || matches!(c, '[' | ']' | '{' | '}' | '/')) {
        return Some(("must not have any of [ ] { } / or control characters", None));
    }
    let own = own.to_lowercase();
    let is_own = lower.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'));
    is_own.then_some((
        "is the product's own key, where the token and the state are, or is below it",
        Some("choose a key beside it"),
    ))
}

fn dword(text: &str) -> Option<u32> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, radix).ok().filter(|_| plain)
}
