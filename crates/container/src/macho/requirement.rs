//! The designated requirement: the condition that a program's next version must meet to be the same program, as text.
//!
//! ```text
//! slot 2: Requirements 0xfade0c01, big-endian
//!   count, then type and offset of each: 3 is the designated one
//!   Requirement 0xfade0c00: kind 1, then an expression in prefix form
//!     opcode │ operands; data is a length and bytes, padded to fours
//! ```
//!
//! The text is what `codesign -d -r-` prints and configuration profiles take. Opcodes, precedence and the way data is printed follow
//! Apple's own `requirement.h` and `reqdumper.cpp` (Security, `OSX/libsecurity_codesigning`). No kept library reads this.

use crate::digest::hex;
use crate::reader::{Malformed, Problem, Reader};

const REQUIREMENTS: &str = "requirements";
const REQUIREMENT: &str = "requirement";
const MAGIC_SET: u32 = 0xfade_0c01;
const MAGIC_ONE: u32 = 0xfade_0c00;
/// `kSecDesignatedRequirementType`.
const DESIGNATED: u32 = 3;
/// `exprForm`.
const EXPRESSION: u32 = 1;
/// There are five types.
const MAX_COUNT: u32 = 16;
const MAX_DEPTH: usize = 64;
/// Real ones have two hundred characters.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// The upper byte of an opcode says whether a reader that does not know it may pass over it.
const OPCODE: u32 = 0x00ff_ffff;

/// How tightly the surroundings bind: what binds less needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Primary,
    And,
    Or,
    Top,
}

/// The designated requirement of a set (a whole blob, at `offset` of the file), if it has one.
pub(super) fn designated(set: &[u8], offset: u64) -> Result<Option<String>, Malformed> {
    let mut r = Reader::new(REQUIREMENTS, offset, set);
    expect(&mut r, "the magic", MAGIC_SET, "0xfade0c01")?;
    r.skip(4)?; // the length, which made `set`
    let count = r.u32_be()?;
    if count > MAX_COUNT {
        return Err(r.wrong(Problem::Value { field: "count", found: count.into(), expected: "16 at most" }));
    }
    for _ in 0..count {
        let (kind, at) = (r.u32_be()?, r.u32_be()? as usize);
        if kind == DESIGNATED {
            let blob = set.get(at..).unwrap_or_default();
            return one(Reader::new(REQUIREMENT, offset + at as u64, blob)).map(Some);
        }
    }
    Ok(None)
}

/// The requirement that `codesign` writes for a program with this identifier, signed with a Developer ID of this team: for
/// signatures that leave it unsaid.
#[must_use]
pub fn developer_id_requirement(identifier: &str, team: &str) -> String {
    let (identifier, team) = (print(identifier.as_bytes(), false), print(team.as_bytes(), false));
    format!(
        "identifier {identifier} and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] \
         /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and \
         certificate leaf[subject.OU] = {team}"
    )
}

fn one(mut r: Reader<'_>) -> Result<String, Malformed> {
    expect(&mut r, "the magic", MAGIC_ONE, "0xfade0c00")?;
    let length = (r.u32_be()? as usize).saturating_sub(8);
    let mut body = r.sub(REQUIREMENT, length)?;
    expect(&mut body, "kind", EXPRESSION, "1, an expression")?;
    let mut text = Text { r: body, out: String::new() };
    text.expression(Level::Top, 0)?;
    text.r.finish()?;
    Ok(text.out)
}

fn expect(r: &mut Reader<'_>, field: &'static str, value: u32, expected: &'static str) -> Result<(), Malformed> {
    let found = r.u32_be()?;
    if found == value { Ok(()) } else { Err(r.wrong(Problem::Value { field, found: found.into(), expected })) }
}

struct Text<'a> {
    r: Reader<'a>,
    out: String,
}

impl Text<'_> {
    fn expression(&mut self, level: Level, depth: usize) -> Result<(), Malformed> {
        if depth == MAX_DEPTH || self.out.len() > MAX_TEXT_BYTES {
            return Err(self.r.wrong(Problem::Text { what: "it is nested too deeply or too long" }));
        }
        let opcode = self.r.u32_be()?;
        match opcode & OPCODE {
            0 => self.put("never"),
            1 => self.put("always"),
            2 => self.word("identifier ")?,
            3 => self.put("anchor apple"),
            4 => {
                self.certificate()?;
                self.put(" = ");
                self.hash()?;
            }
            5 => {
                self.key("info")?;
                self.word(" = ")?;
            }
            6 => self.both(level, Level::And, " and ", depth)?,
            7 => self.both(level, Level::Or, " or ", depth)?,
            8 => {
                self.put("cdhash ");
                self.hash()?;
            }
            9 => {
                self.put("! ");
                self.expression(Level::Primary, depth + 1)?;
            }
            10 => {
                self.key("info")?;
                self.matching()?;
            }
            11 => {
                self.certificate()?;
                self.key("")?;
                self.matching()?;
            }
            12 => {
                self.certificate()?;
                self.put(" trusted");
            }
            13 => self.put("anchor trusted"),
            14 => self.object("field.")?,
            15 => self.put("anchor apple generic"),
            16 => {
                self.key("entitlement")?;
                self.matching()?;
            }
            17 => self.object("policy.")?,
            18 => self.word("anchor apple ")?,
            19 => {
                self.word("(")?;
                self.put(")");
            }
            20 => {
                let number = self.r.u32_be()?.cast_signed();
                self.put(&format!("platform = {number}"));
            }
            21 => self.put("notarized"),
            23 => self.put("legacy"),
            found => {
                return Err(self.r.wrong(Problem::Value { field: "opcode", found: found.into(), expected: "0 to 23" }));
            }
        }
        Ok(())
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn both(&mut self, outer: Level, own: Level, between: &str, depth: usize) -> Result<(), Malformed> {
        if outer < own {
            self.put("(");
        }
        self.expression(own, depth + 1)?;
        self.put(between);
        self.expression(own, depth + 1)?;
        if outer < own {
            self.put(")");
        }
        Ok(())
    }

    /// `certificate leaf`, `certificate 1`, `certificate root`.
    fn certificate(&mut self) -> Result<(), Malformed> {
        let slot = match self.r.u32_be()?.cast_signed() {
            0 => "leaf".to_owned(),
            -1 => "root".to_owned(),
            slot => slot.to_string(),
        };
        self.put(&format!("certificate {slot}"));
        Ok(())
    }

    /// A certificate's extension or policy by its object identifier.
    fn object(&mut self, kind: &str) -> Result<(), Malformed> {
        self.certificate()?;
        let data = self.data()?;
        let dotted = dotted(data).ok_or_else(|| self.r.wrong(Problem::Text { what: "an OID is damaged" }))?;
        self.put(&format!("[{kind}{dotted}]"));
        self.matching()
    }

    /// A name in brackets, which may have dots.
    fn key(&mut self, before: &str) -> Result<(), Malformed> {
        let data = self.data()?;
        let printed = print(data, true);
        self.put(&format!("{before}[{printed}]"));
        Ok(())
    }

    fn word(&mut self, before: &str) -> Result<(), Malformed> {
        let printed = print(self.data()?, false);
        self.put(before);
        self.put(&printed);
        Ok(())
    }

    fn hash(&mut self) -> Result<(), Malformed> {
        let digits = hex(self.data()?);
        self.put(&format!("H\"{digits}\""));
        Ok(())
    }

    fn matching(&mut self) -> Result<(), Malformed> {
        match self.r.u32_be()? {
            0 => self.put(" /* exists */"),
            1 => self.word(" = ")?,
            2 => self.word(" ~ ")?,
            3 => {
                self.word(" = ")?;
                self.put("*");
            }
            4 => self.word(" = *")?,
            5 => self.word(" < ")?,
            6 => self.word(" > ")?,
            7 => self.word(" <= ")?,
            8 => self.word(" >= ")?,
            14 => self.put(" absent"),
            // dates, which no designated requirement has
            found => {
                return Err(self.r.wrong(Problem::Value {
                    field: "match",
                    found: found.into(),
                    expected: "0 to 8, 14",
                }));
            }
        }
        Ok(())
    }

    /// A length and so many bytes, padded to a multiple of four.
    fn data(&mut self) -> Result<&[u8], Malformed> {
        let len = self.r.u32_be()? as usize;
        let padded = self.r.take(len.next_multiple_of(4))?;
        Ok(padded.get(..len).unwrap_or_default())
    }
}

/// A word as it is, else text in quotes, else hexadecimal digits.
fn print(data: &[u8], dots: bool) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || dots && *byte == b'.';
    let starts_well = data.first().is_some_and(|byte| !byte.is_ascii_digit());
    if starts_well && data.iter().all(is_plain) {
        return data.iter().map(|byte| char::from(*byte)).collect();
    }
    if data.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        let text: String = data.iter().map(|byte| char::from(*byte)).collect();
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    format!("0x{}", hex(data))
}

/// An object identifier's content in dots (X.690 8.19).
fn dotted(content: &[u8]) -> Option<String> {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc = 0_u64;
    for byte in content {
        arc = arc.checked_mul(128)? + u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.extend([first, arc - 40 * first]);
            } else {
                arcs.push(arc);
            }
            arc = 0;
        }
    }
    let is_whole = content.last().is_some_and(|byte| byte & 0x80 == 0);
    is_whole.then(|| arcs.iter().map(u64::to_string).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(bytes: &[u8]) -> Vec<u8> {
        let mut out = (bytes.len() as u32).to_be_bytes().to_vec();
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn set(expression: &[u8]) -> Vec<u8> {
        let one = [words(&[MAGIC_ONE, 12 + expression.len() as u32, EXPRESSION]), expression.to_vec()].concat();
        [words(&[MAGIC_SET, 20 + one.len() as u32, 1, DESIGNATED, 20]), one].concat()
    }

    /// What `codesign` makes for a Developer ID.
    fn developer_id(identifier: &str, team: &str) -> Vec<u8> {
        let oid = |last: &[u8]| data(&[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x06][..], last].concat());
        [
            words(&[6, 6, 6, 6, 2]),
            data(identifier.as_bytes()),
            words(&[15, 14, 1]),
            oid(&[2, 6]),
            words(&[0, 14, 0]),
            oid(&[1, 13]),
            words(&[0, 11, 0]),
            data(b"subject.OU"),
            words(&[1]),
            data(team.as_bytes()),
        ]
        .concat()
    }

    #[test]
    fn a_developer_ids_reads_as_codesign_prints_it() {
        let text = designated(&set(&developer_id("com.acme.agent", "9BNSXJN65R")), 0).unwrap().unwrap();
        assert_eq!(
            text,
            "identifier \"com.acme.agent\" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] \
             /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and \
             certificate leaf[subject.OU] = \"9BNSXJN65R\""
        );
        assert_eq!(text, developer_id_requirement("com.acme.agent", "9BNSXJN65R"));
        assert!(designated(&set(&developer_id("node", "HX7739G8FX")), 0).unwrap().unwrap().ends_with("= HX7739G8FX"));
    }

    #[test]
    fn what_binds_less_is_in_parentheses() {
        // (a or b) and ! (c and d)
        let name = |name: &str| [words(&[2]), data(name.as_bytes())].concat();
        let expression = [
            words(&[6, 7]),
            name("a"),
            name("b"),
            words(&[9, 6]),
            name("c"),
            [words(&[8]), data(&[0xab, 0xcd])].concat(),
        ]
        .concat();
        let text = designated(&set(&expression), 0).unwrap().unwrap();
        assert_eq!(text, "(identifier a or identifier b) and ! (identifier c and cdhash H\"abcd\")");
        assert_eq!(designated(&words(&[MAGIC_SET, 12, 0]), 0).unwrap(), None);
    }

    #[test]
    fn words_quotes_and_digits() {
        assert_eq!(print(b"abc1", false), "abc1");
        assert_eq!(print(b"1abc", false), "\"1abc\"");
        assert_eq!(print(b"a.b", true), "a.b");
        assert_eq!(print(b"a\"b\\", false), "\"a\\\"b\\\\\"");
        assert_eq!(print(&[0, 255], false), "0x00ff");
    }

    #[test]
    fn lies_are_refused() {
        let good = set(&developer_id("a.b", "T"));
        for cut in 0..good.len() {
            assert!(designated(&good[..cut], 0).is_err(), "{cut}");
        }
        let deep = words(&[9; 100]);
        assert!(designated(&set(&deep), 0).unwrap_err().to_string().contains("too deeply"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_damage_panics(at in 0_usize..200, value: u8) {
            let mut bytes = set(&developer_id("com.acme.agent", "TEAM"));
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _ = designated(&bytes, 0);
        }
    }
}
