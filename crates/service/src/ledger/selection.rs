//! Which rows of a table: conditions and pages.

use super::records::Filter;
use super::values::Value;

/// The conditions of a statement and their parameters.
#[derive(Default)]
pub(super) struct Selection {
    conditions: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Selection {
    /// Adds `condition`, in which each `?` stands for the next of `values`.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        let mut pieces = condition.split('?');
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for (piece, value) in pieces.zip(values) {
            self.values.push(value);
            text.push_str(&format!("${}{piece}", self.values.len()));
        }
        self.conditions.push(text);
    }

    pub(super) fn and_if<T>(&mut self, condition: &str, value: Option<&T>)
    where
        T: Clone,
        Value: From<T>,
    {
        if let Some(value) = value {
            self.and(condition, [Value::from(value.clone())]);
        }
    }

    /// The `WHERE` with a space before it, or nothing.
    pub(super) fn text(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!(" WHERE {}", self.conditions.join(" AND ")) }
    }
}

/// How many rows of a page are asked for: one more than are wanted says whether there is another page.
pub(super) fn rows(filter: &Filter) -> usize {
    usize::try_from(filter.rows.clamp(1, Filter::MAX_ROWS)).unwrap_or(1)
}

/// The place of a row among those that are sorted by a time and an id.
pub(super) fn place(time: u64, id: &str) -> String {
    format!("{time}.{id}")
}

/// Reads a place; one that this program did not write is before all rows, so that the page is empty.
pub(super) fn read_place(text: &str) -> [Value; 2] {
    let found = text.split_once('.').and_then(|(time, id)| Some((time.parse::<u64>().ok()?, id)));
    let (time, id) = found.unwrap_or((0, ""));
    [Value::from(time), Value::from(id)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_through() {
        let mut selection = Selection::default();
        assert_eq!(selection.text(), "");
        selection.and("a = ?", [Value::from(1_u64)]);
        selection.and_if("b = ?", None::<&String>);
        selection.and("(c, d) < (?, ?)", read_place("7.x.y"));
        assert_eq!(selection.text(), " WHERE a = $1 AND (c, d) < ($2, $3)");
        assert_eq!(selection.values, [Value::from(1_u64), Value::from(7_u64), Value::from("x.y")]);
    }
}
