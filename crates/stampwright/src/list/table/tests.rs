use installer::product::Platform;

use super::*;

const TOKENS: Wanted<'_> = Wanted { columns: &[], is_minting: false, platform: Platform::Windows };
const SERIALS: Wanted<'_> = Wanted { columns: &[], is_minting: true, platform: Platform::Windows };

fn rows(text: &str, wanted: Wanted<'_>) -> Vec<(u64, String)> {
    let table = read(text.as_bytes(), wanted).unwrap();
    table.rows.into_iter().map(|row| (row.line, row.name)).collect()
}

fn problems(text: &str, wanted: Wanted<'_>) -> Vec<String> {
    read(text.as_bytes(), wanted).unwrap_err().iter().map(ToString::to_string).collect()
}

fn list(rows: &[(u64, &str)]) -> Vec<(u64, String)> {
    rows.iter().map(|(line, name)| (*line, (*name).to_owned())).collect()
}

#[test]
fn a_mark_line_endings_quotes_and_delimiters_are_those_of_spreadsheets() {
    let expected = list(&[(2, "one"), (3, "two")]);
    for text in [
        "token,name\nt1,one\nt2,two\n",
        "\u{FEFF}Token,Name\r\nt1,one\r\nt2,two\r\n",
        "token;name\r\nt1;one\r\nt2;two",
        "NAME\tTO_KEN\none\tt1\ntwo\tt2\n",
        "\"name\",\"token\"\n\"one\",\"t1\"\n\" two \",t2,,,\n,\n",
    ] {
        assert_eq!(rows(text, TOKENS), expected, "{text:?}");
    }
}

#[test]
fn a_line_is_where_the_row_starts() {
    let text = "token,name\r\n\r\nt1,one\n,\n\nt2,\"two\nlines\"\nt3,three\n";
    assert_eq!(
        problems(text, TOKENS),
        ["line 6: name has a control character at character 4, which not every file system takes"]
    );
    assert_eq!(rows(&text.replace("two\nlines", "a \"\"b").replace('"', ""), TOKENS).last().unwrap().0, 7);
}

#[test]
fn an_enrollment_template_is_read_by_its_headers() {
    let text = "Name,E-Mail,Ownership,Serial Number,Platform\n\
                PC 1,a@example.com,corporate,AB-1,Windows\n\
                Mac 1,b@example.com,personal,AB-2,macOS\n\
                ,,,AB-3,\n";
    let table = read(text.as_bytes(), SERIALS).unwrap();
    let found: Vec<_> = table.rows.iter().map(|row| (row.name.as_str(), row.serial.as_deref())).collect();
    assert_eq!(found, [("PC 1", Some("AB-1")), ("AB-3", Some("AB-3"))]);
    assert_eq!(table.passed_over, 1);
}

/// The columns and the values that one product documents for its lists.
const PRE_ENROLLMENT: &str = "name,email,mobile,ownership,devicename,SerialNumber,platform\n\
    Anna Müller,u0@example.com,+46700000000,corporate,LAP-0000,C020000000,apple\n\
    Bob O'Neil,u1@example.com,+46700000001,personal,LAP-0001,C020000001,android\n\
    \"Smith, John\",u2@example.com,+46700000002,selectuser,LAP-0002,C020000002,ios\n\
    陳大文,u3@example.com,+46700000003,corporate,LAP-0003,C020000003,apple\n";

#[test]
fn a_pre_enrollment_list_is_taken_as_it_is() {
    let wanted = Wanted { platform: Platform::Macos, ..SERIALS };
    let table = read(PRE_ENROLLMENT.as_bytes(), wanted).unwrap();
    let found: Vec<_> = table.rows.iter().map(|row| (row.name.as_str(), row.serial.as_deref())).collect();
    assert_eq!(found, [("LAP-0000", Some("C020000000")), ("LAP-0003", Some("C020000003"))]);
    assert_eq!(table.passed_over, 2);
    assert_eq!(
        table.notes,
        [
            "devicename is the name of each file; name is a person's, and is not used",
            "platform apple is taken for macOS in 2 rows"
        ]
    );
    // None of them is for Windows; and two of one column are still two.
    assert_eq!(problems(PRE_ENROLLMENT, SERIALS), ["line 1: all 4 rows are for other platforms than the base"]);
    let twice = PRE_ENROLLMENT.replacen("mobile", "name", 1);
    assert!(problems(&twice, wanted)[0].contains("two columns are the name"));
    // A telephone's number is no serial number.
    let imei = "devicename,imei,serialnumber,platform\nPhone,356938035643809,,macOS\n";
    assert!(problems(imei, wanted)[0].contains("serial number is empty: an IMEI is no serial number"));
    let alone = "devicename,imei,platform\nPhone,356938035643809,macOS\n";
    assert!(
        problems(alone, wanted)[0]
            .ends_with("; an IMEI is no serial number, and the agent on a computer has none to show")
    );
}

#[test]
fn other_headers_are_mapped_and_one_column_may_serve_twice() {
    let columns = ["serial=Asset Tag", "name=asset_tag"].map(|text| text.parse().unwrap());
    let wanted = Wanted { columns: &columns, ..SERIALS };
    assert_eq!(rows("Asset-Tag,x\nA1,\n", wanted), list(&[(2, "A1")]));
    assert_eq!(problems("a,b\n", wanted), ["line 1: no column has the header that --column gives the name"]);
    assert!("colour=red".parse::<Mapping>().unwrap_err().contains("serial number"));
}

#[test]
fn every_mistake_is_said_by_its_line_and_no_cell_is_quoted() {
    let text = "name,serial number,email,platform\n\
                a/b,S1,a@b.c,windows\n\
                two,s1,a@b.c,windows\n\
                TWO,S3,nobody,windows\n\
                four,,,windows\n\
                five,To be filled by O.E.M.,,windows\n\
                six,S6,,amiga\n\
                seven,S7\n\
                =x,S8,,windows\n";
    let found = problems(text, SERIALS);
    let expected = [
        (2, "name has \"/\" at character 2"),
        (3, "serial number is the one of line 2"),
        (4, "email is no address"),
        (4, "name is the one of line 3"),
        (5, "serial number is empty"),
        (6, "firmware"),
        (7, "platform is none of"),
        (8, "has 2 fields, the header has 4"),
        (9, "formula"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, (line, part)) in found.iter().zip(expected) {
        assert!(found.starts_with(&format!("line {line}: ")) && found.contains(part), "{found}");
    }
    let said = found.concat();
    assert!(!["amiga", "nobody", "seven"].iter().any(|cell| said.contains(cell)), "{said}");
}

#[test]
fn tokens_are_checked_as_everywhere_and_never_become_names() {
    let text = "token,name\nbad token,one\n,two\nsecret,my-secret-device\ngood,three\ngood,four\n";
    let found = problems(text, TOKENS);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].contains("a space at byte 4") && found[1].contains("token is empty"));
    assert!(found[2].contains("has the token in it") && !found[2].contains("secret"), "{found:?}");
    assert_eq!(read(b"token,name\ngood,three\ngood,four\n", TOKENS).unwrap().same_token, 1);
}

#[test]
fn a_list_without_a_header_does_not_print_its_first_token() {
    let found = problems("very-secret-token\nanother-one\n", TOKENS);
    assert_eq!(found.len(), 1);
    assert!(!found[0].contains("secret"), "{found:?}");
    assert!(found[0].contains("--column"), "{found:?}");
}

#[test]
fn other_encodings_are_named() {
    assert!(read(b"\xFF\xFEt\0", TOKENS).unwrap_err()[0].message.contains("UTF-16"));
    let found = read(b"token,name\nt1,B\xFCro\n", TOKENS).unwrap_err();
    assert!(found[0].message.contains("name is not UTF-8"), "{found:?}");
    for text in ["", "\n\n", "token\n"] {
        assert_eq!(read(text.as_bytes(), TOKENS).unwrap_err().len(), 1);
    }
}
