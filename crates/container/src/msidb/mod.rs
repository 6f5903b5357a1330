//! The database inside an MSI: tables as streams of a compound file.
//!
//! The `msi` crate writes these files well, but it panics on seven kinds of damaged input, hides string ids and
//! reference counts, and computes wrong lengths for accented summary strings. So reading (of anything, since a
//! base comes from outside) and writing the summary information are done here; the crate writes tables and judges
//! us in the tests.
//!
//! # Nesting
//!
//! ```text
//! compound file, root class 000C1084-0000-0000-C000-000000000046
//! ├─ \u{5}SummaryInformation     property set ........................ [`summary`]
//! ├─ 䡀_StringPool               codepage, then (length, references) per string
//! ├─ 䡀_StringData               the strings' bytes, end to end ...... [`pool`]
//! ├─ 䡀_Tables                   one column: the names of the tables
//! ├─ 䡀_Columns                  table, number, name, type ........... [`column`]
//! ├─ 䡀Property, 䡀File, …       rows, stored column by column ....... [`table`]
//! └─ 00.cab, Binary.Icon, …      data, no marker before the name
//! ```
//!
//! A stream's name is packed: two characters of an alphabet of 64 become one UTF-16 unit (U+3800..U+47FF), a single
//! one U+4800..U+483F, and a table's name starts with the marker U+4840, shown above as 䡀 ([`name`]).
//!
//! # A table's bytes
//!
//! For `n` rows and columns of widths `w1, w2, …`: `n·w1` bytes of the first column, then `n·w2` of the second. A
//! string cell is the number of the string in the pool, counted from 1, 0 for null; two bytes, or three when the top
//! bit of the codepage word is set. An integer is stored with its sign bit flipped, so that 0 can mean null; so
//! there is no difference between "no value" and the smallest integer, and **there is no empty string**. A binary
//! cell holds 1; its data is the stream `Table.Key`.
//!
//! Rows are sorted by the stored cells of their key, which for strings means **by string number, not by text**.
//! Windows Installer searches such tables by halving: a row in the wrong place is not found (error 2219). Neither
//! msitools nor the `msi` crate notices; [`check`] does.
//!
//! # Deviations seen in real files
//!
//! - A string of 65,536 bytes or more has two entries in the pool: `(0, references)` and then its length as one
//!   32-bit number. An entry `(0, 0)` is a hole; it keeps its number.
//! - Integer columns of width 1 or 0 exist; their cells have two bytes all the same.
//! - A table without rows has no stream.
//!
//! There is no public specification of this layer; the layout is what Windows Installer writes, and what Wine
//! (`dlls/msi/table.c`, `string.c`), msitools and the `msi` crate agree on. The summary information is \[MS-OLEPS\].

pub mod check;
pub mod codepage;
pub mod column;
pub mod database;
pub mod export;
pub mod name;
pub mod pool;
pub mod summary;
pub mod table;

pub use check::Flaw;
pub use codepage::{Codepage, Inexpressible};
pub use column::{Column, ColumnType};
pub use database::{Database, Streams};
pub use pool::{Pool, StringId};
pub use summary::Summary;
pub use table::{Cell, Row, Table};

#[cfg(test)]
mod judged;
