//! Products in other alphabets: built, read back, stamped.

use std::io::Write as _;

use container::msidb::Codepage;
use container::msidb::summary::pid;

use super::super::read::Installer;
use super::*;

/// The sample under another name and publisher.
fn named(name: &str, publisher: &str) -> String {
    MANIFEST
        .replace("\"Example Agent\"", &format!("\"{name}\""))
        .replace("\"Example Ltd\"", &format!("\"{publisher}\""))
        .replace("[service]", &format!("[service]\ndisplay-name = \"{name}\"\ndescription = \"{publisher}: {name}\""))
}

/// Name, publisher, the strings' codepage, the summary's.
const NAMES: [(&str, &str, u32, u32); 9] = [
    ("Büro-Agent", "Söhne", 1252, 1252),
    ("Příliš žluťoučký agent", "Kůň", 1250, 1250),
    ("Агент", "ООО Пример", 1251, 1251),
    ("Πράκτορας", "Example", 1253, 1253),
    ("סוכן", "דוגמה", 1255, 1255),
    ("ตัวแทน", "ตัวอย่าง", 874, 874),
    ("エージェント", "株式会社サンプル", 932, 932),
    ("软件代理", "示例公司", 936, 936),
    // Cyrillic and an umlaut are in no page together, and Devanagari is in none.
    ("Агент", "Söhne", 65001, 1252),
];

#[test]
fn the_one_codepage_that_holds_all_texts_is_chosen() {
    for (name, publisher, strings, summary) in NAMES {
        let base = build(&named(name, publisher)).unwrap();
        assert_eq!(findings(&base), [""; 0], "{name}");
        let installer = Installer::open(&base).unwrap();
        assert_eq!(installer.database.pool().codepage().number(), strings, "{name}");
        assert_eq!(installer.summary.codepage().number(), summary, "{name}");
        let property = |key: &str| installer.properties().unwrap().remove(key).unwrap();
        assert_eq!((property("ProductName"), property("Manufacturer")), (name.to_owned(), publisher.to_owned()));
        let subject = installer.summary.text(pid::SUBJECT);
        assert!(subject == Some(name) || strings == 65001, "{name}: {subject:?}");
        let mut taken = Taken::default();
        Msi.extract(&base, &mut taken).unwrap();
        assert!(taken.0.contains_key(&format!("payload/Program Files/{publisher}/{name}/example-agent.exe")), "{name}");
    }
}

#[test]
fn a_name_that_no_ansi_codepage_has_stands_in_the_tables_only() {
    let base = build(&named("एजेंट", "Example")).unwrap();
    assert_eq!(findings(&base), [""; 0]);
    let installer = Installer::open(&base).unwrap();
    assert_eq!(installer.database.pool().codepage(), Codepage::UTF_8);
    assert_eq!(installer.summary.codepage(), Codepage::WINDOWS_1252);
    assert_eq!((installer.summary.text(pid::SUBJECT), installer.summary.text(pid::AUTHOR)), (None, Some("Example")));
}

#[test]
fn stamps_keep_strings_and_marks() {
    for (name, publisher, ..) in NAMES {
        let base = build(&named(name, publisher)).unwrap();
        let token = Token::parse(b"eyJhbGciOiJFZERTQSJ9.e30.c2ln").unwrap();
        let stamped = |base: &Vec<u8>| {
            let mut out = Vec::new();
            Msi.stamper(base)
                .unwrap()
                .stamp(&AcceptedToken::unchecked(&token))
                .unwrap()
                .write_to(base.as_slice(), &mut out)
                .unwrap();
            out
        };
        let once = stamped(&base);
        assert_eq!(findings(&once), [""; 0], "{name}");
        assert_eq!(Msi.token(&once).unwrap().unwrap().expose(), token.expose());
        assert!(stamped(&once) == once, "a stamp of a stamp is that of its base: {name}");
        let pool = |file: &Vec<u8>| {
            let installer = Installer::open(file).unwrap();
            let pool = installer.database.pool();
            pool.ids().filter(|id| pool.is_marked(*id)).map(|id| pool.text(id).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(pool(&once), pool(&base));
        let has_marks = Installer::open(&base).unwrap().database.pool().codepage().is_multi_byte();
        assert_eq!(pool(&base).contains(&name.to_owned()), has_marks, "{name}");
    }
}

#[test]
fn a_summary_in_utf_8_and_bytes_of_another_codepage_are_found() {
    let base = build(&named("エージェント", "株式会社サンプル")).unwrap();
    let at = |needle: &[u8]| base.windows(needle.len()).position(|window| window == needle).unwrap();
    // The summary's codepage is its first property: type 2, then the number.
    let mut utf8 = base.clone();
    let place = at(&[2, 0, 0, 0, 0xa4, 3]);
    utf8[place + 4..place + 6].copy_from_slice(&65001_u16.to_le_bytes());
    let found = findings(&utf8);
    assert!(found.iter().any(|f| f.contains("must be an ANSI codepage: Windows Installer refuses UTF-8")), "{found:?}");
    // In a codepage without marks they are a number of uses.
    let mut compound = cfb::CompoundFile::open(Cursor::new(base.clone())).unwrap();
    let mut pool = compound.open_stream(container::msidb::name::table_stream_name("_StringPool")).unwrap();
    pool.write_all(&1251_u16.to_le_bytes()).unwrap();
    pool.flush().unwrap();
    drop(pool);
    let found = findings(&compound.into_inner().into_inner());
    assert!(found.iter().any(|f| f.starts_with("msi-string-pool")), "{found:?}");
    let name = Codepage::from_number(932).unwrap().encode("エージェント").unwrap();
    let mut cut = base.clone();
    for at in (0..base.len() - name.len()).filter(|at| base[*at..].starts_with(&name)) {
        cut[at] = 0xff;
    }
    let found = findings(&cut);
    assert!(found.iter().any(|f| f.contains("has bytes that the codepage does not have")), "{found:?}");
}
