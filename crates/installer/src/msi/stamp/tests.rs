use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::sync::OnceLock;

use container::cfb::write::Writer;
use msi::{Insert, Package, Update, Value};
use sha2::{Digest, Sha256};

use super::*;
use crate::msi::ids::{CABINET, Msi};
use crate::once::Once;

fn base() -> &'static [u8] {
    static BASE: OnceLock<Vec<u8>> = OnceLock::new();
    BASE.get_or_init(crate::msi::tests::good)
}

fn opened(file: &dyn ReadAt) -> Result<MsiStamper, StampError> {
    open(&Installer::open(file)?, file)
}

fn token(len: usize) -> Token {
    let text: String = ('A'..='Z').cycle().take(len).collect();
    Token::parse(text.as_bytes()).unwrap()
}

fn stamp(base: &[u8], token: &Token) -> Vec<u8> {
    let mut out = Vec::new();
    opened(&base).unwrap().stamp(&AcceptedToken::unchecked(token)).unwrap().write_to(base, &mut out).unwrap();
    out
}

/// Every stream but the cabinet, as the `cfb` crate sees them.
fn streams(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut file = cfb::CompoundFile::open_strict(Cursor::new(file)).unwrap();
    let names: Vec<_> = file.walk().filter(cfb::Entry::is_stream).map(|entry| entry.name().to_owned()).collect();
    let mut read = |name: String| {
        let mut data = Vec::new();
        file.open_stream(format!("/{name}")).unwrap().read_to_end(&mut data).unwrap();
        (name, data)
    };
    names.into_iter().map(&mut read).collect()
}

/// Puts the digest of the streams that a stamp changes where that of the base is.
fn prove(streams: &mut [(String, Vec<u8>)], base: &[u8]) {
    let mut package = Package::open(Cursor::new(base.to_vec())).unwrap();
    let rows = package.select_rows(msi::Select::table("Property")).unwrap();
    let properties: BTreeMap<String, String> = rows
        .map(|row| (row["Property"].as_str().unwrap().to_owned(), row["Value"].as_str().unwrap().to_owned()))
        .collect();
    let strings = name::table_stream_name("_StringData");
    let (_, data) = streams.iter_mut().find(|(name, _)| *name == strings).unwrap();
    let at = data.windows(64).position(|part| part == properties[CONTENT].as_bytes()).unwrap();
    data[at..at + 64].fill(b'0');
    let mut changed: Vec<&(String, Vec<u8>)> = streams
        .iter()
        .filter(|(stream, _)| {
            let tables = ["_StringPool", "_StringData", "Property"].map(name::table_stream_name);
            tables.contains(stream) || *stream == name::SUMMARY_INFORMATION
        })
        .collect();
    changed.sort_by_key(|(stream, _)| (*stream != strings, utf16(stream)));
    let fixed = properties[FIXED].as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
    let mut all: Vec<u8> = fixed.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
    changed.iter().for_each(|(_, content)| all.extend(content));
    for (stream, content) in changed {
        all.extend((utf16(stream).len() as u64).to_le_bytes());
        all.extend(utf16(stream).iter().flat_map(|unit| unit.to_le_bytes()));
        all.extend((content.len() as u64).to_le_bytes());
    }
    let digest = container::digest::hex(&Sha256::digest(&all));
    let (_, data) = streams.iter_mut().find(|(name, _)| *name == strings).unwrap();
    data[at..at + 64].copy_from_slice(digest.as_bytes());
}

/// The streams that no stamp writes anew, in their order: the cabinet, and the program in the table Binary.
fn bulk() -> [String; 2] {
    [CABINET, "Binary.TokenReader"].map(name::data_stream_name)
}

/// The same stamp by the `msi` crate: tables edited by queries, then all streams laid out afresh.
fn naive(base: &[u8], token: &Token) -> Vec<u8> {
    let mut package = Package::open(Cursor::new(base.to_vec())).unwrap();
    let own = opened(&base).unwrap().codes;
    let codes = own.stamped(token);
    let is_product_code = msi::Expr::col("Property").eq(msi::Expr::string("ProductCode"));
    let update = Update::table("Property").set("Value", Value::from(codes.product.as_str())).with(is_product_code);
    package.update_rows(update).unwrap();
    let row = vec![Value::from(TOKEN_PROPERTY), Value::from(token.expose())];
    package.insert_rows(Insert::into("Property").row(row)).unwrap();
    let mut edited = streams(&package.into_inner().unwrap().into_inner());
    // The crate writes the whole summary in its own way; of ours only the code changes.
    let summary = edited.iter_mut().find(|(name, _)| *name == name::SUMMARY_INFORMATION).unwrap();
    *summary = streams(base).into_iter().find(|(name, _)| *name == name::SUMMARY_INFORMATION).unwrap();
    let at = summary.1.windows(38).position(|part| part == own.package.as_bytes()).unwrap();
    summary.1[at..at + 38].copy_from_slice(codes.package.as_bytes());
    prove(&mut edited, base);

    let mut writer = Writer::new(Cursor::new(Vec::new()), MSI_CLSID).unwrap();
    for bulk in bulk() {
        let (name, data) = edited.remove(edited.iter().position(|(name, _)| *name == bulk).unwrap());
        writer.bulk(&utf16(&name), |out| out.write_all(&data)).unwrap();
    }
    let mut small = Vec::new();
    for (name, data) in edited {
        small.push((utf16(&name), data));
    }
    let small: Vec<Stream<'_>> = small.iter().map(|(name, data)| Stream { name, data }).collect();
    writer.finish(&small).unwrap().0.into_inner()
}

const LENGTHS: [usize; 9] = [1, 63, 64, 65, 511, 512, 513, 4095, 4096];

#[test]
fn a_stamp_is_what_a_naive_rebuild_gives() {
    for len in LENGTHS {
        let stamped = stamp(base(), &token(len));
        let naive = naive(base(), &token(len));
        for (ours, theirs) in streams(&stamped).iter().zip(&streams(&naive)) {
            assert!(ours == theirs, "{:?} differs at a token of {len}", name::decode(&ours.0));
        }
        assert!(stamped == naive, "the layout differs at a token of {len}");
        assert_eq!(Msi.token(&stamped).unwrap(), Some(token(len)));
    }
}

#[test]
fn a_stamp_gives_its_base_back() {
    for len in LENGTHS {
        let stamped = stamp(base(), &token(len));
        let slot = opened(&stamped).unwrap();
        assert!(slot.is_stamped() && !opened(&base()).unwrap().is_stamped());
        let frame = slot.frame(&slot.streams(&slot.edited(None).unwrap())).unwrap();
        assert!(base().starts_with(&frame.header) && base().ends_with(&frame.tail));
        for other in LENGTHS {
            assert!(stamp(&stamped, &token(other)) == stamp(base(), &token(other)));
        }
    }
}

#[test]
fn a_token_that_is_a_string_already_is_counted_once_more() {
    for text in ["1", "Agent", "ENROLLMENTTOKEN", "ProductCode", "1033"] {
        let token = Token::parse(text.as_bytes()).unwrap();
        let stamped = stamp(base(), &token);
        assert!(stamped == naive(base(), &token), "{text}");
        assert_eq!(Msi.token(&stamped).unwrap(), Some(token.clone()));
        assert!(stamp(&stamped, &token) == stamped);
    }
}

/// The file laid out anew by `change` of its streams; the cabinet is where it was.
fn with_streams(file: &[u8], change: impl Fn(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    let mut all = streams(file);
    change(&mut all);
    let mut writer = Writer::new(Cursor::new(Vec::new()), MSI_CLSID).unwrap();
    let (mut bulk, small): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| bulk().contains(name));
    bulk.sort_by_key(|(name, _)| *name != name::data_stream_name(CABINET));
    for (name, data) in &bulk {
        writer.bulk(&utf16(name), |out| out.write_all(data)).unwrap();
    }
    let names: Vec<_> = small.iter().map(|(name, _)| utf16(name)).collect();
    let small: Vec<_> = names.iter().zip(&small).map(|(name, (_, data))| Stream { name, data }).collect();
    writer.finish(&small).unwrap().0.into_inner()
}

fn refusal(file: &[u8]) -> String {
    opened(&file).err().expect("the base is taken").to_string()
}

#[test]
fn a_signed_base_takes_no_token_without_a_signer() {
    let signed = with_streams(base(), |all| all.push((name::DIGITAL_SIGNATURE.to_owned(), vec![0x30; 5000])));
    let slot = opened(&signed.as_slice()).unwrap();
    assert!(matches!(slot.stamp(&AcceptedToken::unchecked(&token(40))), Err(StampError::Signed)));
}

#[test]
fn another_layout_is_refused() {
    assert!(with_streams(base(), |_| {}) == base());
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    let clsid = *cfb::CompoundFile::open(Cursor::new(base())).unwrap().root_entry().clsid();
    file.set_storage_clsid("/", clsid).unwrap();
    for (name, data) in streams(base()) {
        file.create_stream(format!("/{name}")).unwrap().write_all(&data).unwrap();
    }
    file.flush().unwrap();
    let error = refusal(&file.into_inner().into_inner());
    assert_eq!(error, "the layout of the file is another, must be that of a base or of a stamp of one");
    // One byte of the header, one of the padding at the end; and one more than there were.
    for at in [0x30, base().len() - 1] {
        let mut bad = base().to_vec();
        bad[at] ^= 1;
        assert!(opened(&bad.as_slice()).is_err(), "{at:#x}");
    }
    let mut longer = base().to_vec();
    longer.push(0);
    assert!(opened(&longer.as_slice()).is_err());
}

#[test]
fn a_stamp_that_is_not_ours_is_refused() {
    // The right token with codes that do not follow from it.
    let stamped = stamp(base(), &token(64));
    let other = Token::parse(&[b'x'; 64]).unwrap();
    let forged = with_streams(&stamped, |all| {
        for (_, data) in all {
            if let Some(at) = data.windows(64).position(|part| part == token(64).expose().as_bytes()) {
                data[at..at + 64].copy_from_slice(other.expose().as_bytes());
            }
        }
    });
    assert_eq!(Msi.token(&forged).unwrap(), Some(other));
    assert_eq!(refusal(&forged), "the layout of the file is another, must be that of a base or of a stamp of one");
    let version = with_streams(base(), |all| {
        let mut package = Package::open(Cursor::new(base().to_vec())).unwrap();
        let is_layout = msi::Expr::col("Property").eq(msi::Expr::string(LAYOUT_PROPERTY));
        package.update_rows(Update::table("Property").set("Value", Value::from("9")).with(is_layout)).unwrap();
        *all = streams(&package.into_inner().unwrap().into_inner());
    });
    assert!(refusal(&version).starts_with("the property StampwrightLayout is 9"), "{}", refusal(&version));
}

/// A base of 720 MB whose cabinet is computed and not stored.
struct Huge {
    frame: Frame,
    fat: Vec<u8>,
    fat_start: u64,
}

impl Huge {
    fn new(cabinet: u64) -> Self {
        let small = opened(&base()).unwrap();
        let bulk = vec![Bulk { name: utf16(&name::data_stream_name(CABINET)), len_bytes: cabinet }];
        let fat: Vec<u8> = layout::bulk_fat(&bulk).unwrap().flatten().collect();
        let slot = MsiStamper { bulk, ..small };
        let frame = slot.frame(&slot.streams(&slot.edited(None).unwrap())).unwrap();
        Self { fat_start: frame.tail_start - fat.len() as u64, frame, fat }
    }
}

impl ReadAt for Huge {
    fn len(&self) -> u64 {
        self.frame.file_len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let parts = [(0, &self.frame.header), (self.fat_start, &self.fat), (self.frame.tail_start, &self.frame.tail)];
        let (start, part) = parts.into_iter().rfind(|(start, _)| *start <= offset).unwrap();
        let from = (offset - start) as usize;
        buf.copy_from_slice(part.get(from..from + buf.len()).ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

#[test]
fn a_stamp_of_a_huge_base_is_as_small() {
    let huge = Huge::new(720 << 20);
    let slot = opened(&huge).unwrap();
    let splice = slot.stamp(&AcceptedToken::unchecked(&token(4096))).unwrap();
    assert!(splice.put_bytes() < 64 << 10, "{} bytes", splice.put_bytes());
    assert_eq!(Msi.token(&splice.over(&huge)).unwrap(), Some(token(4096)));
}
