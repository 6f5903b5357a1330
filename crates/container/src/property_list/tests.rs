use super::*;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn xml(body: &str) -> Result<Value, String> {
    let document = format!("<?xml version=\"1.0\"?>\n<!DOCTYPE plist>\n<plist version=\"1.0\">{body}</plist>\n");
    parse("list", document.as_bytes()).map_err(|error| error.to_string())
}

/// A binary list with one-byte numbers; object 0 is the root.
fn binary(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"bplist00".to_vec();
    let mut table = Vec::new();
    for object in objects {
        table.extend((out.len() as u32).to_be_bytes());
        out.extend(object);
    }
    let table_at = out.len() as u64;
    out.extend(&table);
    out.extend([0, 0, 0, 0, 0, 0, 4, 1]);
    for number in [objects.len() as u64, 0, table_at] {
        out.extend(number.to_be_bytes());
    }
    out
}

#[test]
fn texts_stay_as_they_are() {
    let list = xml(
        "<dict><key> a\r</key><string>1 &amp; 2&#233;<![CDATA[<]]> </string><key>n</key><integer>-0x10</integer>\
         <key>d</key><data>\n AQID\n</data><key>t</key><true/><key>l</key><array><real>1.5</real><string/></array></dict>",
    );
    let list = list.unwrap();
    assert_eq!(list.get(" a\r"), Some(&text("1 & 2é< ")));
    assert_eq!(list.get("n").and_then(Value::as_number), Some(-16.0));
    assert_eq!(list.get("d").and_then(Value::as_data), Some(&[1, 2, 3][..]));
    assert!(list.get("t").is_some_and(Value::is_true));
    assert_eq!(list.get("l"), Some(&Value::Array(vec![Value::Real(1.5), text("")])));
}

#[test]
fn documents_that_are_no_lists_are_refused() {
    for (body, sentence) in [
        ("", "list at 0x45: it has no value"),
        ("<dict><string>a</string></dict>", "a value has no key"),
        ("<dict><key>a</key></dict>", "a key has no value"),
        ("<dict><key>a</key><key>b</key></dict>", "a key is not where one must be"),
        ("<key>a</key>", "a key is not where one must be"),
        ("<dict/><dict/>", "there is an element behind its value"),
        ("<string><b/></string>", "there is an element in a text"),
        ("<thing/>", "an element is not one of a property list"),
        ("<data>*</data>", "data is not base64"),
        ("<integer>x</integer>", "an integer is not a number"),
        ("<string>&mine;</string>", "an entity is not one of XML's own"),
        ("a<dict/>", "there is text outside of a value"),
    ] {
        let said = xml(body).unwrap_err();
        assert!(said.ends_with(sentence), "{body}: {said}");
    }
    assert!(xml(&"<array>".repeat(10_000)).unwrap_err().ends_with("nested too deeply"));
    assert!(parse("list", b"<plist><dict>").unwrap_err().to_string().ends_with("it ends inside an element"));
}

#[test]
fn every_kind_of_object_is_read() {
    let objects = [
        vec![0xD3, 1, 2, 3, 4, 5, 6],
        b"\x51a".to_vec(),
        b"\x61\x00\xe9".to_vec(),
        b"\x51c".to_vec(),
        vec![0xA5, 7, 8, 9, 10, 11],
        vec![0x4F, 0x10, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        vec![0x09],
        vec![0x11, 1, 0],
        [&[0x13][..], &(-5_i64).to_be_bytes()].concat(),
        [&[0x22][..], &1.5_f32.to_bits().to_be_bytes()].concat(),
        [&[0x33][..], &[0; 8]].concat(),
        vec![0x08],
    ];
    let list = parse("list", &binary(&objects)).unwrap();
    let numbers = vec![Value::Integer(256), Value::Integer(-5), Value::Real(1.5), Value::Other, Value::Boolean(false)];
    assert_eq!(list.get("a"), Some(&Value::Array(numbers)));
    assert_eq!(list.get("é").and_then(Value::as_data).map(<[u8]>::len), Some(16));
    assert!(list.get("c").is_some_and(Value::is_true));
}

#[test]
fn a_small_file_cannot_ask_for_much() {
    // each array has the next one fourteen times: 14 to the power of 20 values
    let mut objects: Vec<Vec<u8>> = (0..20_u8).map(|n| [vec![0xAE], vec![n + 1; 14]].concat()).collect();
    objects.push(b"\x51a".to_vec());
    let said = parse("list", &binary(&objects)).unwrap_err().to_string();
    assert!(said.ends_with("there are too many values"), "{said}");
    // an array that has itself
    let said = parse("list", &binary(&[vec![0xA1, 0]])).unwrap_err().to_string();
    assert!(said.ends_with("nested too deeply"), "{said}");
    // one text of a megabyte, many times
    let long = [&[0x5F, 0x12][..], &(1_u32 << 20).to_be_bytes(), &vec![b'a'; 1 << 20]].concat();
    let many = [vec![0xAF, 0x10, 200], vec![1; 200]].concat();
    let said = parse("list", &binary(&[many, long])).unwrap_err().to_string();
    assert!(said.ends_with("there are too many values"), "{said}");
}

#[test]
fn every_change_of_a_binary_list_is_an_error_or_a_list() {
    let good = binary(&[vec![0xD1, 1, 2], b"\x53key".to_vec(), vec![0xA2, 1, 3], vec![0x5F, 0x10, 2, b'x', b'y']]);
    assert!(parse("list", &good).is_ok());
    for at in 0..good.len() {
        assert!(parse("list", &good[..at]).is_err(), "{at}");
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let _ = parse("list", &bad);
        }
    }
}

/// The same lists as another reader sees them.
#[test]
fn the_plist_crate_reads_the_same() {
    let mut inner = plist::Dictionary::new();
    inner.insert("CFBundleExecutable".to_owned(), "a & b é\u{1f600} ".into());
    inner.insert("empty".to_owned(), plist::Value::Array(Vec::new()));
    inner.insert("data".to_owned(), plist::Value::Data((0..=255).collect()));
    inner.insert("numbers".to_owned(), plist::Value::Array(vec![70_000.into(), (-1).into(), 2.5.into(), true.into()]));
    let list = plist::Value::Dictionary(inner);
    let (mut as_xml, mut as_binary) = (Vec::new(), Vec::new());
    list.to_writer_xml(&mut as_xml).unwrap();
    list.to_writer_binary(&mut as_binary).unwrap();
    let read = parse("list", &as_binary).unwrap();
    assert_eq!(parse("list", &as_xml).unwrap(), read);
    assert_eq!(read.get("CFBundleExecutable"), Some(&text("a & b é\u{1f600} ")));
    assert_eq!(read.get("data").and_then(Value::as_data), Some(&(0..=255).collect::<Vec<u8>>()[..]));
    let Some(Value::Array(numbers)) = read.get("numbers") else { panic!("{read:?}") };
    let numbers: Vec<_> = numbers.iter().filter_map(Value::as_number).collect();
    assert_eq!(numbers, [70_000.0, -1.0, 2.5]);
}
