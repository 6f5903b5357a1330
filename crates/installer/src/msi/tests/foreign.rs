//! Packages as other tools make them: by the `msi` crate, with what this project's own never have.

use std::io::Write as _;
use std::num::NonZeroUsize;

use ::msi::{Column, Insert, Package, PackageType, Value};
use container::cab::DosTime;
use container::cab::write::{Compression, File, Folder, write};

use super::*;

const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();
/// One file, `agent.txt` of 37,702 bytes, packed with LZX.
const LZX: &[u8] = include_bytes!("../../../../../fuzz/seeds/lzx.cab");

type Made = Package<Cursor<Vec<u8>>>;

fn s(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::Str(text.to_owned()) }
}

/// A package with the properties that every package needs.
fn package(version: &str) -> Made {
    let mut package = Package::create(PackageType::Installer, Cursor::new(Vec::new())).unwrap();
    package.set_database_codepage(::msi::CodePage::Windows1252);
    let summary = package.summary_info_mut();
    summary.set_codepage(::msi::CodePage::Windows1252);
    summary.set_arch("Intel");
    summary.set_uuid("{0B5C1E7A-0000-4000-8000-0123456789AB}".parse().unwrap());
    summary.set_page_count(200);
    summary.set_word_count(2);
    let columns = vec![Column::build("Property").primary_key().id_string(72), Column::build("Value").string(0)];
    table(
        &mut package,
        "Property",
        columns,
        [
            ["ProductCode", "{0B5C1E7A-0000-4000-8000-0123456789AC}"],
            ["ProductLanguage", "1033"],
            ["Manufacturer", "Another"],
            ["ProductVersion", version],
            ["ProductName", "Other Agent"],
        ]
        .map(|row| row.map(s).to_vec()),
    );
    package
}

fn table(package: &mut Made, name: &str, columns: Vec<Column>, rows: impl IntoIterator<Item = Vec<Value>>) {
    package.create_table(name, columns).unwrap();
    package.insert_rows(Insert::into(name).rows(rows.into_iter().collect())).unwrap();
}

fn media(package: &mut Made, rows: &[(i32, i32, &str)]) {
    let columns = vec![
        Column::build("DiskId").primary_key().int16(),
        Column::build("LastSequence").int32(),
        Column::build("DiskPrompt").nullable().string(64),
        Column::build("Cabinet").nullable().string(255),
    ];
    let row = |(disk, last, cabinet): &(i32, i32, &str)| vec![(*disk).into(), (*last).into(), Value::Null, s(cabinet)];
    table(package, "Media", columns, rows.iter().map(row));
}

/// Files in one component: key, name, size, version, attributes; their sequence is their place.
fn files(package: &mut Made, rows: &[(&str, &str, i32, &str, i32)]) {
    let columns = vec![
        Column::build("Component").primary_key().id_string(72),
        Column::build("Directory_").id_string(72),
        Column::build("Attributes").int16(),
        Column::build("KeyPath").nullable().foreign_key("Registry", 1).id_string(72),
    ];
    table(package, "Component", columns, [vec![s("Main"), s("INSTALLDIR"), 0.into(), s("RegMain")]]);
    let columns = vec![
        Column::build("Registry").primary_key().id_string(72),
        Column::build("Component_").foreign_key("Component", 1).id_string(72),
    ];
    table(package, "Registry", columns, [vec![s("RegMain"), s("Main")]]);
    let columns = vec![
        Column::build("File").primary_key().id_string(72),
        Column::build("Component_").foreign_key("Component", 1).id_string(72),
        Column::build("FileName").string(255),
        Column::build("FileSize").int32(),
        // As the SDK has it: a version, or the key of a companion file.
        Column::build("Version").nullable().foreign_key("File", 1).string(72),
        Column::build("Attributes").nullable().int16(),
        Column::build("Sequence").int32(),
    ];
    let row = |((key, name, size, version, attributes), sequence): (&(&str, &str, i32, &str, i32), i32)| {
        vec![s(key), s("Main"), s(name), (*size).into(), s(version), (*attributes).into(), sequence.into()]
    };
    table(package, "File", columns, rows.iter().zip(1..).map(row));
}

fn stream(package: &mut Made, name: &str, bytes: &[u8]) {
    package.write_stream(name).unwrap().write_all(bytes).unwrap();
}

fn cabinet(compression: Compression, files: &[(&str, &[u8])]) -> Vec<u8> {
    let of = |(name, data): &(&str, &[u8])| File {
        name: (*name).to_owned(),
        size_bytes: data.len(),
        modified: DosTime::default(),
        attributes: 0x20,
    };
    let folder = Folder { compression, files: files.iter().map(of).collect() };
    let mut out = Cursor::new(Vec::new());
    write(&mut out, &[folder], THREE, &mut |name| {
        let (_, data) = files.iter().find(|(have, _)| *have == name).unwrap();
        Ok(Box::new(Cursor::new(data.to_vec())))
    })
    .unwrap();
    out.into_inner()
}

fn finish(package: Made) -> Vec<u8> {
    package.into_inner().unwrap().into_inner()
}

/// Each file is looked up among the media once, and each cabinet is opened once.
#[test]
fn many_media_and_files_are_judged_in_a_second() {
    let mut made = package("1.0.0");
    let media_rows: Vec<(i32, i32, &str)> = (1..=3000).map(|n| (n, n, "#one.cab")).collect();
    media(&mut made, &media_rows);
    let keys: Vec<String> = (0..3000).map(|n| format!("F{n}")).collect();
    let rows: Vec<(&str, &str, i32, &str, i32)> =
        keys.iter().map(|key| (key.as_str(), key.as_str(), 1, "", 0)).collect();
    files(&mut made, &rows);
    let file = finish(made);
    let begin = std::time::Instant::now();
    assert!(!judged(&file).is_empty());
    assert!(extracted(&file).len() > 1);
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
}

/// The crate writes the class of each kind.
#[test]
fn what_is_no_package_is_named_for_what_it_is() {
    let said = |bytes: Vec<u8>| Msi.inspect(&bytes).unwrap_err().to_string();
    for (kind, what) in [
        (PackageType::Patch, "a patch of Windows Installer (.msp)"),
        (PackageType::Transform, "a transform of Windows Installer (.mst)"),
    ] {
        let bytes = finish(Package::create(kind, Cursor::new(Vec::new())).unwrap());
        assert_eq!(said(bytes), format!("installer: it is {what}, not a package"));
    }
    let mut module = package("1.0.0");
    let columns = vec![Column::build("ModuleID").primary_key().id_string(72), Column::build("Version").string(32)];
    table(&mut module, "ModuleSignature", columns, [vec![s("Part.0B5C1E7A"), s("1.0.0")]]);
    assert_eq!(said(finish(module)), "installer: it is a merge module (.msm), a part for packages, not a package");
    let mut patch = Package::create(PackageType::Installer, Cursor::new(Vec::new())).unwrap();
    let columns = vec![Column::build("Upgraded").primary_key().id_string(13), Column::build("MsiPath").string(255)];
    table(&mut patch, "UpgradedImages", columns, [vec![s("New"), s("new.msi")]]);
    let pcp = "installer: it is a patch creation file (.pcp), what a patch is made from, not a package";
    assert_eq!(said(finish(patch)), pcp);
}

/// What is found with its severity; the note that the package is another tool's must be there, and is left out.
fn judged(file: &[u8]) -> Vec<String> {
    let mut report = Report::new();
    Msi.verify(&file, &mut report).unwrap();
    let mut said: Vec<String> =
        report.findings().iter().map(|f| format!("{:?} {}: {}: {}", f.severity, f.id, f.place, f.message)).collect();
    let note = said.iter().position(|line| line.starts_with("Note msi-foreign: package: not built by Stampwright"));
    said.remove(note.unwrap());
    said
}

fn extracted(file: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut taken = Taken::default();
    Msi.extract(&file, &mut taken).unwrap();
    taken.0
}

#[test]
fn a_medium_without_a_cabinet_and_no_files_at_all_is_in_order() {
    let mut made = package("1.2.3");
    media(&mut made, &[(1, 0, "")]);
    let columns = vec![Column::build("Name").primary_key().id_string(72), Column::build("Data").binary()];
    table(&mut made, "Icon", columns, [vec![s("Icon.exe"), Value::Binary]]);
    stream(&mut made, "Icon.Icon.exe", b"an icon");
    let mut compound = cfb::CompoundFile::open(Cursor::new(finish(made))).unwrap();
    compound.create_storage("/Transform.1031").unwrap();
    compound.create_stream("/Transform.1031/inner").unwrap().write_all(b"x").unwrap();
    let file = compound.into_inner().into_inner();
    assert_eq!(judged(&file), [""; 0]);
    assert!(extracted(&file).keys().all(|path| path.starts_with("metadata/")));
    let inspection = Msi.inspect(&file).unwrap();
    assert_eq!((inspection.product.as_str(), inspection.token), ("Other Agent", None));
}

#[test]
fn several_media_and_ways_of_packing_are_opened() {
    let mut made = package("1.2.3.4");
    media(&mut made, &[(1, 1, "#lzx.cab"), (2, 3, "#zip.cab"), (3, 4, "#stored.cab")]);
    let rows = [
        ("agent.txt", "AGENT~1.TXT|agent file.txt", 37_702, "", 0),
        ("two", "two.dll", 5, "", 0),
        // A companion of the one before.
        ("three", "three.dll", 7, "two", 0),
        ("four", "two.dll", 4, "", 0),
    ];
    files(&mut made, &rows);
    stream(&mut made, "lzx.cab", LZX);
    stream(
        &mut made,
        "zip.cab",
        &cabinet(Compression::Mszip { level: 6 }, &[("two", b"22222"), ("three", b"3333333")]),
    );
    let mut stored = cabinet(Compression::None, &[("four", b"4444")]);
    stored.extend(b"behind");
    stream(&mut made, "stored.cab", &stored);
    let file = finish(made);
    let said = judged(&file);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("Warning msi-version") && said[0].ends_with("passes over the fourth number"));
    let taken = extracted(&file);
    assert_eq!(taken["payload/INSTALLDIR/agent file.txt"].len(), 37_702);
    // Two rows have one path, and conditions that cannot be known here: the second has its key behind it.
    assert_eq!(taken["payload/INSTALLDIR/two.dll"], b"22222");
    assert_eq!(taken["payload/INSTALLDIR/two.dll.four"], b"4444");
    assert_eq!(taken["payload/INSTALLDIR/three.dll"], b"3333333");
    assert!(!taken.contains_key("metadata/not-extracted.txt"));
}

#[test]
fn what_lies_outside_is_named_and_listed() {
    let mut made = package("1.2.3");
    media(&mut made, &[(1, 1, "#in.cab"), (2, 2, "data2.cab"), (3, 3, "")]);
    let rows = [("one", "one.txt", 3, "", 0), ("two", "two.txt", 5, "", 0), ("three", "three.txt", 7, "", 0x2000)];
    files(&mut made, &rows);
    stream(&mut made, "in.cab", &cabinet(Compression::None, &[("one", b"111")]));
    let file = finish(made);
    assert_eq!(
        judged(&file),
        [
            "Note msi-outside: table Media: files that are in no cabinet: outside the package, and not judged",
            "Note msi-outside: table Media: the cabinet data2.cab: outside the package, and not judged",
        ]
    );
    assert_eq!(Msi.inspect(&file).unwrap().details["CabinetsOutside"], "data2.cab");
    let taken = extracted(&file);
    assert_eq!(taken["payload/INSTALLDIR/one.txt"], b"111");
    let listed = String::from_utf8(taken["metadata/not-extracted.txt"].clone()).unwrap();
    assert_eq!(
        listed,
        "INSTALLDIR/three.txt\t7\toutside the package, beside it\n\
         INSTALLDIR/two.txt\t5\toutside the package, in the cabinet data2.cab\n"
    );
}

#[test]
fn a_cabinet_that_is_not_read_is_no_error_and_a_damaged_one_is() {
    let made = |bytes: &[u8]| {
        let mut made = package("1.2.3");
        media(&mut made, &[(1, 1, "#a.cab")]);
        files(&mut made, &[("one", "one.txt", 5, "", 0)]);
        stream(&mut made, "a.cab", bytes);
        finish(made)
    };
    let mut quantum = cabinet(Compression::None, &[("one", b"11111")]);
    quantum[42..44].copy_from_slice(&[0x72, 0x0F]);
    let file = made(&quantum);
    let said =
        "Note msi-cabinet-unread: cabinet a.cab: it is packed with Quantum: its files are listed, and not judged";
    assert_eq!(judged(&file), [said]);
    let listed = String::from_utf8(extracted(&file)["metadata/not-extracted.txt"].clone()).unwrap();
    assert!(listed.ends_with("of which nothing was taken out: it is packed with Quantum\n"), "{listed}");

    let mut damaged = cabinet(Compression::None, &[("one", b"11111")]);
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let said = judged(&made(&damaged));
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("Error msi-cabinet: cabinet a.cab: CFDATA at "), "{said:?}");
    let refused = Msi.extract(&made(&damaged), &mut Taken::default()).unwrap_err().to_string();
    assert!(refused.starts_with("cabinet a.cab: CFDATA at "), "{refused}");
    // Other content than the tables say.
    assert_eq!(
        judged(&made(&cabinet(Compression::None, &[("other", b"11111")]))),
        [
            "Warning msi-cabinet-files: cabinet a.cab: other is in no row of File",
            "Error msi-cabinet-files: cabinet a.cab: 1 files of the table File are missing, one among them",
        ]
    );
}

#[test]
fn what_windows_installer_passes_over_is_a_warning() {
    let mut made = package("1.2.3");
    let columns = vec![Column::build("Key").primary_key().string(38), Column::build("Note").nullable().string(255)];
    table(&mut made, "Mixed", columns, [vec![s("k"), s("n")], vec![s("l"), Value::Null]]);
    let good = finish(made);
    assert_eq!(judged(&good), [""; 0]);
    let edited = |table: &str, edit: &dyn Fn(&mut Vec<u8>)| {
        let mut compound = cfb::CompoundFile::open(Cursor::new(good.clone())).unwrap();
        let name = container::msidb::name::table_stream_name(table);
        let mut bytes = Vec::new();
        compound.open_stream(&name).unwrap().read_to_end(&mut bytes).unwrap();
        edit(&mut bytes);
        let mut out = compound.create_stream(&name).unwrap();
        out.write_all(&bytes).unwrap();
        out.flush().unwrap();
        drop(out);
        judged(&compound.into_inner().into_inner())
    };
    let counted = edited("_StringPool", &|bytes| bytes[6] += 1);
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert!(counted[0].starts_with("Warning msi-string-pool: database: string 1: the pool says"), "{counted:?}");
    // Two keys of two bytes, then two notes.
    let swapped = edited("Mixed", &|bytes| bytes.rotate_left(2));
    assert!(swapped.iter().any(|line| line.starts_with("Error msi-row-order")), "{swapped:?}");
}

#[test]
fn hostile_names_stay_inside_the_folder() {
    let mut made = package("1.2.3");
    media(&mut made, &[(1, 1, "#a.cab")]);
    let columns = vec![
        Column::build("Directory").primary_key().string(72),
        Column::build("Directory_Parent").nullable().string(72),
        Column::build("DefaultDir").string(255),
    ];
    table(
        &mut made,
        "Directory",
        columns,
        [vec![s("ROOT"), Value::Null, s("SourceDir")], vec![s("INSTALLDIR"), s("ROOT"), s("..")]],
    );
    files(&mut made, &[("one", "../../one\\..", 5, "", 0)]);
    stream(&mut made, "a.cab", &cabinet(Compression::None, &[("one", b"11111")]));
    let taken = extracted(&finish(made));
    assert_eq!(taken["payload/__/.._.._one_.."], b"11111");
}
