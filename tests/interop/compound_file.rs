//! The compound file and the cabinet before other people's readers: 7-Zip, libgsf, olefile, gcab.

use std::fs;
use std::io::{Cursor, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use container::cab::{self, DosTime};
use container::cfb::{self, layout::Stream};

use crate::support::{both, judge, judges_folder, missing, output, run};

const SIZES: [usize; 8] = [0, 1, 63, 64, 4095, 4096, 4097, 70_000];

fn content(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 300 + seed) as u8).collect()
}

/// A compound file of `bulk` bytes in front and a stream of each size, in a folder of its own.
fn compound_file(folder: &Path, bulk: usize) -> (String, Vec<(String, Vec<u8>)>) {
    let mut all = vec![("cab".to_owned(), content(99, bulk))];
    all.extend(SIZES.iter().map(|size| (format!("size{size}"), content(*size, *size))));
    let path = folder.join("made.msi");
    let mut writer = cfb::write::Writer::new(fs::File::create(&path).unwrap(), cfb::MSI_CLSID).unwrap();
    let names: Vec<Vec<u16>> = all.iter().map(|(name, _)| name.encode_utf16().collect()).collect();
    writer.bulk(&names[0], |out| out.write_all(&all[0].1)).unwrap();
    let streams = names.iter().zip(&all).skip(1).map(|(name, (_, data))| Stream { name, data });
    writer.finish(&streams.collect::<Vec<_>>()).unwrap();
    (path.to_str().unwrap().to_owned(), all)
}

/// Without a bulk stream of its own, with some, and with more than a FAT sector describes.
const BULKS: [usize; 3] = [100, 50_000, 9 << 20];

#[test]
fn seven_zip_reads_every_stream() {
    let Some(judge) = judge("7z") else { return };
    for bulk in BULKS {
        let folder = tempfile::tempdir().unwrap();
        let (path, all) = compound_file(folder.path(), bulk);
        // An explicit type: a file with the MSI class has its stream names decoded otherwise.
        run(&judge, ["t", "-tCompound", &path]);
        run(&judge, ["x", "-tCompound", &format!("-o{}", folder.path().display()), &path]);
        for (name, data) in all {
            assert!(fs::read(folder.path().join(&name)).unwrap() == data, "7z disagrees on {name}");
        }
    }
}

#[test]
fn libgsf_lists_every_stream() {
    let Some(judge) = judge("gsf") else { return };
    for bulk in BULKS {
        let folder = tempfile::tempdir().unwrap();
        let (path, all) = compound_file(folder.path(), bulk);
        let list = run(&judge, ["list", &path]);
        for (name, data) in all {
            let listed = list.lines().any(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                words.last() == Some(&name.as_str()) && words.contains(&data.len().to_string().as_str())
            });
            assert!(listed, "gsf does not list {name} with its size:\n{list}");
        }
    }
}

#[test]
fn olefile_finds_no_defect() {
    let python = judges_folder().join("venv/bin/python");
    if !python.is_file() || !output(Command::new(&python).args(["-c", "import olefile"])).status.success() {
        return missing("olefile");
    }
    const SCRIPT: &str = "
import olefile, sys, hashlib
f = olefile.OleFileIO(sys.argv[1], raise_defects=olefile.DEFECT_POTENTIAL)
for name in f.listdir():
    data = f.openstream(name).read()
    print(name[0], len(data), hashlib.sha256(data).hexdigest())
assert not f.parsing_issues, f.parsing_issues
";
    for bulk in BULKS {
        let folder = tempfile::tempdir().unwrap();
        let (path, all) = compound_file(folder.path(), bulk);
        let list = run(&python, ["-c", SCRIPT, &path]);
        assert_eq!(list.lines().count(), all.len());
        for (name, data) in all {
            let digest: String =
                <sha2::Sha256 as sha2::Digest>::digest(&data).iter().map(|byte| format!("{byte:02x}")).collect();
            let line = format!("{name} {} {digest}", data.len());
            assert!(list.lines().any(|have| have == line), "olefile disagrees on {name}:\n{list}");
        }
    }
}

/// A cabinet of two folders, one of each kind.
fn cabinet(folder: &Path) -> (String, Vec<(String, Vec<u8>)>) {
    let all: Vec<_> = SIZES.iter().map(|size| (format!("size{size}"), content(*size, *size))).collect();
    let shape = [(cab::write::Compression::Mszip { level: 6 }, &all[5..]), (cab::write::Compression::None, &all[..5])];
    let folders = shape.map(|(compression, files)| {
        let file = |(name, data): &(String, Vec<u8>)| cab::write::File {
            name: name.clone(),
            size_bytes: data.len() as u64,
            modified: DosTime::from_unix(1_700_000_000),
            attributes: 0x20,
        };
        cab::write::Folder { compression, files: files.iter().map(file).collect() }
    });
    let path = folder.join("made.cab");
    let mut out = fs::File::create(&path).unwrap();
    cab::write::write(&mut out, &folders, NonZeroUsize::MIN, &mut |name| {
        let (_, data) = all.iter().find(|(have, _)| have == name).unwrap();
        Ok(Box::new(Cursor::new(data.clone())))
    })
    .unwrap();
    (path.to_str().unwrap().to_owned(), all)
}

#[test]
fn cabinets_are_extracted() {
    for (name, arguments) in [("7z", &["x", "-tCab"][..]), ("gcab", &["-x"])] {
        let Some(judge) = judge(name) else { continue };
        let folder = tempfile::tempdir().unwrap();
        let (path, all) = cabinet(folder.path());
        let mut command = Command::new(judge);
        command.args(arguments).arg(path).current_dir(folder.path());
        let done = output(&mut command);
        assert!(done.status.success(), "{}", both(&done));
        for (file, data) in all {
            assert!(fs::read(folder.path().join(&file)).unwrap() == data, "{name} disagrees on {file}");
        }
    }
}
