//! A transform (`.mst`) that carries nothing but the token: the way to enroll with an installer whose bytes, and so whose
//! signature, stay the vendor's.
//!
//! ```text
//! compound file, root class 000C1082-0000-0000-C000-000000000046
//! ├─ \u{5}SummaryInformation   which product it is for: code, version, upgrade code; what is validated
//! ├─ 䡀_StringPool, 䡀_StringData   its own two strings: ENROLLMENTTOKEN and the token
//! └─ 䡀Property                01 02 │ 01 00 │ 02 00     a row of two columns: insert; string 1, string 2
//! ```
//!
//! A table's stream is a list of changes. A change starts with a word: with bit 0 set the row is new and the upper byte says how
//! many columns follow; else the bits say which columns of an existing row change. There is no public specification of
//! this; it is what Windows Installer writes and what Wine (`dlls/msi/table.c`) applies.
//!
//! The pool is neutral (codepage 0), which fits every base, since a token is ASCII. No error is passed over: on a base that has a
//! token already the row cannot be inserted, and the installation ends.

use std::collections::BTreeMap;

use container::ReadAt;
use container::cfb::layout::{self, Stream};
use container::cfb::read::Compound;
use container::msidb::name::{SUMMARY_INFORMATION, table_stream_name};
use container::msidb::summary::{self, Value, pid};
use container::msidb::{Codepage, Pool, StringId};
use container::reader::{Malformed, Problem, Reader};
use installer::Token;
use installer::format::ReadError;
use installer::msi::TOKEN_PROPERTY;
use zeroize::Zeroizing;

use crate::folder::KitError;
use crate::windows::Windows;

/// The root class of a transform.
const CLSID: [u8; 16] = [0x82, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46];
/// `MsiCreateTransformSummaryInfo`: the product code must be the base's, and so must the upgrade code.
const VALIDATE_PRODUCT: i32 = 0x2;
const VALIDATE_UPGRADE_CODE: i32 = 0x800;
/// Read-only enforced, as a transform should be.
const READ_ONLY_ENFORCED: i32 = 4;
/// A new row of two columns.
const INSERT_TWO: u16 = 0x0201;
/// A token's stream, with room.
const MAX_STREAM_BYTES: usize = 8 << 10;

/// What the transform is called: it has the token's fingerprint in it, so that another token has another name and nothing that a
/// computer still needs is overwritten.
#[must_use]
pub fn name(msi: &Windows, token: &Token) -> String {
    format!("{}-{:.8}.mst", msi.stem(), token.fingerprint())
}

/// The transform that gives `token` to the base, read back.
pub fn write(msi: &Windows, token: &Token) -> Result<Zeroizing<Vec<u8>>, KitError> {
    let document = |problem: String| KitError::Document { path: "transform".to_owned(), problem };
    let strings = [TOKEN_PROPERTY, token.expose()];
    let mut pool = vec![0; 4];
    for text in strings {
        let len = u16::try_from(text.len()).map_err(|error| document(error.to_string()))?;
        pool.extend([len, 1].map(u16::to_le_bytes).concat());
    }
    let data = Zeroizing::new(strings.concat().into_bytes());
    let row = [INSERT_TWO, 1, 2].map(u16::to_le_bytes).concat();
    let summary =
        summary::write(Codepage::WINDOWS_1252, &describe(msi)).map_err(|error| document(error.to_string()))?;
    let names = ["_StringPool", "_StringData", "Property"].map(table_stream_name);
    let [pool_name, data_name, row_name] = names.map(|name| utf16(&name));
    let summary_name = utf16(SUMMARY_INFORMATION);
    let streams = [
        Stream { name: &pool_name, data: &pool },
        Stream { name: &data_name, data: &data },
        Stream { name: &row_name, data: &row },
        Stream { name: &summary_name, data: &summary },
    ];
    let frame = layout::frame(CLSID, &[], &streams).map_err(|refusal| document(refusal.to_string()))?;
    let mut file = Zeroizing::new(frame.header);
    file.extend(Zeroizing::new(frame.tail).as_slice());
    if read(&*file)? == *token { Ok(file) } else { Err(document("the token does not read back".to_owned())) }
}

/// "Summary Property Descriptions", the column for transforms. The product's own text stays out: it may not be in codepage 1252.
fn describe(msi: &Windows) -> BTreeMap<u32, Value> {
    let facts = &msi.facts;
    let text = |text: &str| Value::Text(text.to_owned());
    let product = format!("{}{}", facts.product_code, facts.product_version);
    let upgrade_code = facts.upgrade_code.as_deref().unwrap_or_default();
    let mut validation = VALIDATE_PRODUCT;
    if facts.upgrade_code.is_some() {
        validation |= VALIDATE_UPGRADE_CODE;
    }
    BTreeMap::from([
        (pid::TITLE, text("Transform")),
        (pid::SUBJECT, text("Enrollment token")),
        (pid::TEMPLATE, text(&facts.template)),
        (pid::LAST_SAVED_BY, text(&facts.template)),
        (pid::REVISION, text(&format!("{product};{product};{upgrade_code}"))),
        (pid::PAGE_COUNT, Value::Long(facts.page_count)),
        (pid::CHARACTER_COUNT, Value::Long(validation << 16)),
        (pid::APPLICATION, text("Stampwright")),
        (pid::SECURITY, Value::Long(READ_ONLY_ENFORCED)),
    ])
}

/// The token that a transform carries, and nothing else: any other change is an error.
pub fn read(file: &dyn ReadAt) -> Result<Token, ReadError> {
    let compound = Compound::open(file)?;
    let stream = |name: &str| {
        let name: Vec<u16> = utf16(name);
        let entry = compound.find(&name).ok_or_else(|| wrong("it lacks a stream"))?;
        Ok::<_, ReadError>(compound.read(entry, MAX_STREAM_BYTES)?)
    };
    if compound.clsid() != CLSID || compound.entries().len() != 4 {
        return Err(wrong("it is not a transform of one table").into());
    }
    summary::Summary::read(&stream(SUMMARY_INFORMATION)?)?;
    let pool = Pool::read(&stream(&table_stream_name("_StringPool"))?, stream(&table_stream_name("_StringData"))?)?;
    let row = stream(&table_stream_name("Property"))?;
    let mut r = Reader::new("transform", 0, &row);
    if r.u16_le()? != INSERT_TWO || pool.reference_bytes() != 2 {
        return Err(wrong("its change is not a new row of two columns").into());
    }
    let mut string = || Ok::<_, Malformed>(StringId::new(r.u16_le()?.into()).filter(|id| pool.contains(*id)));
    let (Some(key), Some(value)) = (string()?, string()?) else {
        return Err(wrong("its row names a string that is not there").into());
    };
    r.finish()?;
    if pool.bytes(key) != TOKEN_PROPERTY.as_bytes() {
        return Err(wrong("its row is not that of the token").into());
    }
    Token::parse(pool.bytes(value)).map_err(|source| ReadError::Token { place: "transform", source })
}

fn utf16(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}

const fn wrong(what: &'static str) -> Malformed {
    Malformed { structure: "transform", offset: Malformed::NOWHERE, problem: Problem::Text { what } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intune::intunewin::windows;

    #[test]
    fn the_token_comes_back_from_a_compact_file() {
        let token = Token::parse(b"Tenant-A.first~token_0123456789/+=:").unwrap();
        for len in [1, 4096] {
            let token = Token::parse(&vec![b'x'; len]).unwrap();
            assert_eq!(read(&*write(&windows(), &token).unwrap()).unwrap(), token);
        }
        let file = write(&windows(), &token).unwrap();
        let compound = Compound::open(file.as_slice()).unwrap();
        assert_eq!(compound.check().unwrap(), []);
        assert_eq!(compound.clsid(), CLSID);
    }

    #[test]
    fn it_says_what_it_is_for() {
        let token = Token::parse(b"abc").unwrap();
        let file = write(&windows(), &token).unwrap();
        let compound = Compound::open(file.as_slice()).unwrap();
        let entry = compound.find(&utf16(SUMMARY_INFORMATION)).unwrap();
        let summary = summary::Summary::read(&compound.read(entry, 4096).unwrap()).unwrap();
        let (code, upgrade) = ("{6F1D2C3B-0000-4000-8000-0123456789AB}", "{6F1D2C3B-0000-4000-8000-0123456789AC}");
        assert_eq!(summary.text(pid::REVISION).unwrap(), format!("{code}1.4.2;{code}1.4.2;{upgrade}"));
        assert_eq!(summary.text(pid::TEMPLATE), Some("x64;1033"));
        assert_eq!(summary.int(pid::CHARACTER_COUNT), Some(0x0802_0000));
        assert_eq!(summary.int(pid::WORD_COUNT), None);
    }
}
