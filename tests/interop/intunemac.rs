//! The Intune-ready archive before other people's readers.

use std::fs;
use std::io::Cursor;

use installer::Epoch;
use installer::pkg::facts;
use kit::intune::intunemac;

use super::pkg::Stamped;
use crate::support::product::Small;
use crate::support::{judge, output, program, run};

fn wrapped(stamped: &Stamped) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let facts = facts(&stamped.bytes).unwrap();
    intunemac::write(&stamped.bytes, &facts, "Example-Agent.pkg", Epoch::DEFAULT, &mut out).unwrap();
    out.into_inner()
}

#[test]
fn other_programs_unwrap_the_package() {
    let stamped = Stamped::of(Small::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.intunemac");
    fs::write(&file, wrapped(&stamped)).unwrap();
    if let Some(seven_zip) = judge("7z") {
        let said = run(&seven_zip, ["t".as_ref(), "-tzip".as_ref(), file.as_os_str()]);
        assert!(said.contains("Everything is Ok") && !said.contains("WARNING"), "{said}");
    }
    if let Some(python) = judge("python3") {
        let commands = "import zipfile, sys, hashlib\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
            for i in z.infolist(): print(i.filename, i.compress_type, hashlib.md5(z.read(i)).hexdigest())\n\
            print(z.read('IntuneMacPackage/Metadata/Detection.xml').decode())";
        let said = run(&python, ["-c".as_ref(), commands.as_ref(), file.as_os_str()]);
        let first = said.lines().next().unwrap();
        let md5 = first.strip_prefix("IntuneMacPackage/Contents/Example-Agent.pkg 0 ").unwrap();
        assert!(said.contains(&format!("<MD5Hash>{md5}</MD5Hash>")), "{said}");
    }
    let inspected = output(program().arg("inspect").arg(&file).arg("--json"));
    let inspected: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(
        (inspected["format"].as_str(), inspected["name"].as_str()),
        (Some("intunemac"), Some("Example-Agent.pkg"))
    );
    assert_eq!(inspected["wraps"][0]["size"], stamped.bytes.len());
    let mut out = Vec::new();
    let found = intunemac::read(&fs::read(&file).unwrap(), &mut out).unwrap();
    assert!(out == stamped.bytes);
    assert_eq!((found.bundle_id.as_str(), found.build_number.as_str()), ("com.example.agent", "1.4.2"));
}
