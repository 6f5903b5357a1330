//! The text that people edit, filled in: `templates/` through handlebars, strictly, each value escaped for where it
//! lands.
//!
//! A template names its values in `{{braces}}`; which characters are special is not its business but the
//! [`Escape`]'s, so a product called `M & "S" [x] %h` cannot become markup, a variable or a command. A value that is
//! missing is an error, not an empty string.

use handlebars::{Handlebars, no_escape};
use serde::Serialize;

/// What a template's text is, and so how a value is written in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// XML text and attribute values, property lists among them.
    Xml,
    /// POSIX shell: each value becomes one word in single quotes. The template must not quote it again.
    Shell,
    /// A systemd unit: a value on the right of `=`, `%` doubled. The words of a command line are quoted first (`systemd_word`).
    Systemd,
    /// Markdown (CommonMark 2.4): every punctuation mark with a backslash before it, control characters as spaces. Not for
    /// code spans, where a backslash is itself: what stands there must be known to be plain.
    Markdown,
    /// Nothing is special. Only for text without structure, or for values that were checked to be plain.
    Plain,
}

/// Why a template could not be filled in. Only a template or a caller with a mistake in it can cause one.
#[derive(Debug, thiserror::Error)]
#[error("template {name}: {source}")]
pub struct TemplateError {
    /// The template's path below `templates/`.
    pub name: &'static str,
    source: Box<handlebars::RenderError>,
}

/// Fills in a template. `name` is its path below `templates/`, for the error; `text` is the template itself.
pub fn render(name: &'static str, text: &str, escape: Escape, data: &impl Serialize) -> Result<String, TemplateError> {
    let mut handlebars = Handlebars::new();
    handlebars.set_strict_mode(true);
    match escape {
        Escape::Xml => handlebars.register_escape_fn(xml),
        Escape::Shell => handlebars.register_escape_fn(shell_word),
        Escape::Systemd => handlebars.register_escape_fn(|value| value.replace('%', "%%")),
        Escape::Markdown => handlebars.register_escape_fn(markdown),
        Escape::Plain => handlebars.register_escape_fn(no_escape),
    }
    handlebars.render_template(text, data).map_err(|source| TemplateError { name, source: Box::new(source) })
}

/// Text for XML: the five special characters as entities. Control characters, which XML 1.0 cannot have at all, must
/// have been refused before (the manifest's check does).
#[must_use]
pub fn xml(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
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

/// Text for a page of Markdown, on one line.
#[must_use]
pub(crate) fn markdown(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            c if c.is_control() => out.push(' '),
            // A full stop only ends an enumeration's number, and a hyphen only starts a list: neither happens inside a line.
            '.' | '-' | ',' => out.push(c),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// One word for a POSIX shell, in single quotes (XCU 2.2.2).
#[must_use]
pub(crate) fn shell_word(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// One word of a systemd command line: in double quotes, with `%` (specifiers) and `$` (variables) doubled
/// (systemd.service(5), "Command lines").
#[must_use]
pub(crate) fn systemd_word(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '%' | '$' => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = r#"M & 'S' "x" [y] %h $(id) `id` <b>"#;

    #[derive(Serialize)]
    struct Data {
        name: &'static str,
    }

    fn filled(escape: Escape) -> String {
        render("test", "a={{name}}", escape, &Data { name: HOSTILE }).unwrap()
    }

    #[test]
    fn a_value_is_escaped_for_where_it_lands() {
        assert_eq!(filled(Escape::Xml), "a=M &amp; &apos;S&apos; &quot;x&quot; [y] %h $(id) `id` &lt;b&gt;");
        assert_eq!(filled(Escape::Shell), r#"a='M & '\''S'\'' "x" [y] %h $(id) `id` <b>'"#);
        assert_eq!(filled(Escape::Systemd), r#"a=M & 'S' "x" [y] %%h $(id) `id` <b>"#);
        let marked = r#"a=M \& \'S\' \"x\" \[y\] \%h \$\(id\) \`id\` \<b\>"#;
        assert_eq!(filled(Escape::Markdown), marked);
        assert_eq!(systemd_word(HOSTILE), r#""M & 'S' \"x\" [y] %%h $$(id) `id` <b>""#);
    }

    #[test]
    fn the_shell_sees_one_word() {
        let script = format!("printf %s {}", shell_word(HOSTILE));
        let out = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), HOSTILE);
    }

    #[test]
    fn a_missing_value_is_an_error() {
        let error = render("deb/x.hbs", "{{nothing}}", Escape::Plain, &Data { name: "" }).unwrap_err();
        assert!(error.to_string().starts_with("template deb/x.hbs: "), "{error}");
    }
}
