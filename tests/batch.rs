//! Lists: an installer for each row, all mistakes at once, and an end that is the same whatever came in between.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::support::keys::keys;
use crate::support::once::Once;
use crate::support::{self, product::Small};

/// A small base and a list for it, in a scratch folder.
struct Batch {
    folder: tempfile::TempDir,
    base: PathBuf,
}

impl Batch {
    fn new(rows: usize) -> Self {
        Self::of("msi", rows)
    }

    fn of(format: &str, rows: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let small = Small::new();
        let bases = folder.path().join("bases");
        let built = support::output(
            support::program()
                .args(["build", "--format", format, "--product"])
                .arg(small.manifest())
                .arg("-o")
                .arg(&bases),
        );
        assert!(built.status.success(), "{}", support::both(&built));
        let batch = Self { base: bases.join(format!("Example-Agent.{format}")), folder };
        batch.list(rows);
        batch
    }

    fn list(&self, rows: usize) {
        let mut text = String::from("\u{FEFF}Name;Token;Serial Number\r\n");
        for row in 0..rows {
            write!(text, "PC {row:05};tenant-{row}.{};SN{row}\r\n", "x".repeat(row % 300)).unwrap();
        }
        fs::write(self.path("list.csv"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, output: &Path) -> Command {
        Self::stamping(&self.base, &self.path("list.csv"), output)
    }

    fn stamping(base: &Path, list: &Path, output: &Path) -> Command {
        let mut command = support::program();
        command.arg("stamp").arg(base).arg("--batch").arg(list).arg("-o").arg(output);
        command
    }

    /// Runs to the end and gives what was said.
    fn run(&self, output: &Path) -> String {
        let output = support::output(&mut self.command(output));
        assert!(output.status.success(), "{}", support::both(&output));
        support::both(&output)
    }

    fn start(&self, output: &Path) -> Child {
        self.command(output).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// A stamp of an rpm has a number: of its row's moment, or the one that was given. Either way the same command goes on.
#[test]
fn an_rpms_release_is_given_for_all_rows_or_taken_from_what_is_there() {
    let batch = Batch::of("rpm", 3);
    let stamp = |out: &str, more: &[&str]| {
        let said = support::output(batch.command(&batch.path(out)).args(more));
        assert!(said.status.success(), "{}", support::both(&said));
        support::both(&said)
    };
    stamp("one", &["--release", "100"]);
    stamp("two", &["--release", "100"]);
    assert!(tree(&batch.path("one")) == tree(&batch.path("two")), "the same command gives the same bytes");
    let inspected = |out: &str| {
        let mut command = support::program();
        command.arg("inspect").arg(batch.path(out).join("PC 00001/Example-Agent.rpm")).arg("--json");
        support::both(&support::output(&mut command))
    };
    assert!(inspected("one").contains("\"RELEASE\": \"1.100\""), "{}", inspected("one"));
    // The manifest is lost, and the clock has gone on.
    stamp("three", &[]);
    let before = tree(&batch.path("three"));
    let manifest = before.keys().find(|name| name.ends_with(".jsonl") || name.starts_with("manifest")).unwrap().clone();
    fs::remove_file(batch.path("three").join(&manifest)).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    let said = stamp("three", &[]);
    assert!(said.contains("0 stamped, 3 found"), "{said}");
    assert!(tree(&batch.path("three")) == before);
}

/// Every file in a folder by its path there, with its content.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    names(folder).into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

/// Every file's path in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                files.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    files
}

/// Each line of the manifest names a file with this size and digest, and there is no other file; the token in some of
/// them, read back by the program, is the row's.
fn check(folder: &Path, rows: usize) {
    let files = names(folder);
    assert_eq!(files.len(), rows + 2);
    let lines = fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), rows);
    for (row, line) in lines.lines().enumerate() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = format!("PC {row:05}/Example-Agent.msi");
        assert_eq!(entry["file"], name.as_str());
        assert_eq!(entry["serial_number"], format!("SN{row}").as_str());
        let content = &fs::read(folder.join(&name)).unwrap();
        assert_eq!(entry["size"], content.len());
        let (_, digest) = installer::proof::sha256(&mut content.as_slice()).unwrap();
        assert_eq!(entry["sha256"], installer::proof::hex(&digest).as_str(), "{name}");
        let token = installer::Token::parse(format!("tenant-{row}.{}", "x".repeat(row % 300)).as_bytes()).unwrap();
        assert_eq!(entry["token_fingerprint"], token.fingerprint().as_str());
        if row % 97 == 0 {
            let format = installer::formats::recognise(content).unwrap();
            assert!(format.token(content).unwrap() == Some(token), "{name}");
        }
        assert!(!line.contains("tenant-"), "a token is in the manifest");
    }
    assert!(!fs::read_to_string(folder.join("manifest.csv")).unwrap().contains("tenant-"));
}

/// 2,000 rows where only the result counts; what is made beside it is taken from a part of them.
const ROWS: usize = 2_000;

#[test]
fn two_thousand_rows_are_stamped_checked_and_private() {
    let batch = Batch::new(ROWS);
    let out = batch.path("out");
    let said = batch.run(&out);
    assert!(said.contains("2000 stamped, 0 found"), "{said}");
    check(&out, ROWS);
    // One of them beside `stamp`, which has other tests.
    let token = batch.path("token");
    fs::write(&token, format!("tenant-299.{}", "x".repeat(299))).unwrap();
    let single = batch.path("single.msi");
    support::run(
        support::program().get_program(),
        [
            "stamp",
            batch.base.to_str().unwrap(),
            "--token-file",
            token.to_str().unwrap(),
            "-o",
            single.to_str().unwrap(),
        ],
    );
    assert!(fs::read(single).unwrap() == fs::read(out.join("PC 00299/Example-Agent.msi")).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&out), 0o700);
        assert_eq!(mode(&out.join("PC 00001")), 0o700);
        assert_eq!(mode(&out.join("PC 00001/Example-Agent.msi")), 0o600);
        assert_eq!(mode(&out.join("manifest.csv")), 0o600);
        assert_eq!(mode(&out.join("manifest.jsonl")), 0o600);
    }
}

/// Twenty thousand, as an administrator has them. `cargo test --test all -- --ignored twenty_thousand`
#[test]
#[ignore = "takes minutes and 4 GB"]
fn twenty_thousand_rows() {
    let batch = Batch::new(20_000);
    batch.run(&batch.path("out"));
    check(&batch.path("out"), 20_000);
}

#[test]
fn killed_anywhere_it_goes_on_and_ends_the_same() {
    let rows = 600;
    let batch = Batch::new(rows);
    let whole = batch.path("whole");
    batch.run(&whole);
    let out = batch.path("out");
    let mut kills = 0;
    // Each run is killed a little later than the one before, counted in files: some while writing, some while syncing.
    for files in [1, 40, 41, 200, 350, 599] {
        let mut child = batch.start(&out);
        let since = Instant::now();
        let done = || fs::read_dir(&out).map_or(0, |entries| entries.count());
        while done() < files && child.try_wait().unwrap().is_none() && since.elapsed() < Duration::from_secs(60) {}
        child.kill().unwrap();
        kills += usize::from(!child.wait().unwrap().success());
    }
    assert!(kills >= 3, "only {kills} runs were killed in the middle");
    // What is whole already must not be written again.
    let inode = |path: &Path| {
        #[cfg(unix)]
        return std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
        #[cfg(not(unix))]
        return fs::metadata(path).unwrap().len();
    };
    let before: BTreeMap<_, _> = tree(&out)
        .into_keys()
        .filter(|name| name.ends_with(".msi"))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|name| (name.clone(), inode(&out.join(name))))
        .collect();
    assert!(!before.is_empty());
    let said = batch.run(&out);
    assert!(said.contains(&format!("{} found", before.len())), "{said}, {} were there", before.len());
    for (name, inode_before) in before {
        assert_eq!(inode(&out.join(&name)), inode_before, "{name} was made twice");
    }
    assert!(tree(&out) == tree(&whole), "the end is another one");
    check(&out, rows);
    // And once more changes nothing.
    assert!(batch.run(&out).contains("0 stamped, 600 found"));
    assert!(tree(&out) == tree(&whole));
}

#[test]
fn a_list_may_grow_but_not_change_its_mind() {
    let batch = Batch::new(20);
    let out = batch.path("out");
    batch.run(&out);
    batch.list(25);
    assert!(batch.run(&out).contains("5 stamped, 20 found"));
    check(&out, 25);
    // A damaged file of a token that the list has is made again.
    fs::write(out.join("PC 00003/Example-Agent.msi"), "damaged").unwrap();
    assert!(batch.run(&out).contains("1 stamped, 24 found"));
    check(&out, 25);
    // And so is one whose line was changed with it: what a token of the list gives is known.
    let (path, manifest) = (out.join("PC 00004/Example-Agent.msi"), out.join("manifest.jsonl"));
    let right = fs::read(&path).unwrap();
    let mut wrong = right.clone();
    *wrong.last_mut().unwrap() ^= 1;
    fs::write(&path, &wrong).unwrap();
    let digest = |bytes: &[u8]| -> String { Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect() };
    let lines = fs::read_to_string(&manifest).unwrap();
    assert!(lines.contains(&digest(&right)));
    fs::write(&manifest, lines.replace(&digest(&right), &digest(&wrong))).unwrap();
    assert!(batch.run(&out).contains("1 stamped, 24 found"));
    assert!(fs::read(&path).unwrap() == right);
    check(&out, 25);
    // Another token under the same name is refused before anything is written.
    let text = fs::read_to_string(batch.path("list.csv")).unwrap();
    fs::write(batch.path("list.csv"), text.replace("tenant-7.", "tenant-seven.")).unwrap();
    let refused = support::output(&mut batch.command(&out));
    assert_eq!(refused.status.code(), Some(1));
    let said = support::both(&refused);
    assert!(said.contains("line 9: the folder has a file of this name with another token"), "{said}");
    assert!(!said.contains("tenant-"), "{said}");
}

#[test]
fn everything_wrong_is_said_at_once_and_nothing_is_written() {
    let batch = Batch::new(1);
    let mut text = String::from("token,name,serial\n");
    for row in 0..5_000 {
        writeln!(text, "tok{row},PC{},S{row}", row % 4_850).unwrap();
    }
    fs::write(batch.path("list.csv"), text).unwrap();
    let out = batch.path("out");
    let refused = support::output(&mut batch.command(&out));
    assert_eq!(refused.status.code(), Some(1));
    let said = support::both(&refused);
    assert!(said.contains("line 4852: name is the one of line 2 "), "{said}");
    assert!(said.contains("and 130 more") && said.contains("150 mistakes; nothing was written"), "{said}");
    assert!(!out.exists());
}

#[test]
fn one_archive_has_the_same_files() {
    let batch = Batch::new(60);
    let out = batch.path("out");
    batch.run(&out);
    let streamed = support::output(&mut batch.command(Path::new("-")));
    assert!(streamed.status.success(), "{}", String::from_utf8_lossy(&streamed.stderr));
    let file = batch.path("all.zip");
    batch.run(&file);
    assert!(fs::read(&file).unwrap() == streamed.stdout, "the file is not the stream");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&streamed.stdout)).unwrap();
    let mut found = BTreeMap::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        assert_eq!(entry.unix_mode(), Some(0o100_600));
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        found.insert(entry.name().unwrap().into_owned(), content);
    }
    assert!(found == tree(&out));
    // Python reads it, and bsdtar does so without seeing its end first.
    if let Some(python) = support::judge("python3") {
        support::run(python, ["-m", "zipfile", "-t", file.to_str().unwrap()]);
    }
}

/// A list whose installers are signed one by one ends the same after a kill, and what was signed already is not signed again.
#[test]
fn a_killed_list_of_signed_installers_goes_on() {
    let Some(keys) = keys() else { return };
    let rows = 150;
    let batch = Batch::new(rows);
    let key = keys.arguments("p256");
    let signed = batch.path("signed.msi");
    support::run(
        support::program().get_program(),
        ["sign", batch.base.to_str().unwrap(), "-o", signed.to_str().unwrap()]
            .into_iter()
            .chain(key.iter().map(String::as_str)),
    );
    let command = |out: &Path| {
        let mut command = Batch::stamping(&signed, &batch.path("list.csv"), out);
        command.arg("--resign").args(&key);
        command
    };
    let (whole, out) = (batch.path("whole"), batch.path("out"));
    let ended = support::output(&mut command(&whole));
    assert!(ended.status.success(), "{}", support::both(&ended));
    let mut child = command(&out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while fs::read_dir(&out).map_or(0, |entries| entries.count()) < 40 && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "it was quicker than the kill");
    let before = names(&out).into_iter().filter(|name| name.ends_with(".msi")).count();
    let ended = support::output(&mut command(&out));
    assert!(support::both(&ended).contains(&format!("{before} found")), "{}", support::both(&ended));
    assert!(tree(&out) == tree(&whole), "the end is another one");
    let root = keys.text("ca.pem");
    for row in [0, rows / 2, rows - 1] {
        let file = out.join(format!("PC {row:05}/signed.msi"));
        let said = support::output(support::program().arg("verify").arg(&file).args(["--root", &root]));
        assert!(said.status.success(), "{}", support::both(&said));
    }
}

/// A list of devices as an enrollment template has it: every device gets a token of its own, and keeps it whatever happens.
#[test]
fn devices_get_bound_tokens_and_no_second_one() {
    let batch = Batch::new(0);
    let key = batch.path("issuer");
    support::run(support::program().get_program(), ["token", "keygen", "-o", key.to_str().unwrap()]);
    let mut list = String::from("Name,E-Mail,Ownership,Serial Number,Platform\n");
    for row in 0..300 {
        writeln!(list, "PC {row},u{row}@example.com,corporate,SN-{row},{}", ["Windows", "macOS", ""][row % 3]).unwrap();
    }
    fs::write(batch.path("list.csv"), &list).unwrap();
    let out = batch.path("out");
    let command = |out: &Path| {
        let mut command = batch.command(out);
        command.args(["--tenant", "example", "--issuer-private-key"]).arg(key.with_extension("key"));
        command
    };
    let mut child = command(&out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while fs::read_dir(&out).map_or(0, |entries| entries.count()) < 60 && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
    let before = tree(&out);
    assert!(before.keys().any(|name| name.ends_with(".msi")));
    let ended = support::output(&mut command(&out));
    assert!(ended.status.success(), "{}", support::both(&ended));
    assert!(support::both(&ended).contains("rows for other platforms: 100"), "{}", support::both(&ended));
    let after = tree(&out);
    for (name, content) in before.iter().filter(|(name, _)| name.ends_with(".msi")) {
        assert!(after[name] == *content, "{name} got a second token");
    }
    let keys = installer::IssuerKeys::parse(&fs::read(key.with_extension("jwks.json")).unwrap()).unwrap();
    let lines = String::from_utf8(after["manifest.jsonl"].clone()).unwrap();
    assert_eq!(lines.lines().count(), 200);
    let mut ids = std::collections::BTreeSet::new();
    for line in lines.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let content = &after[entry["file"].as_str().unwrap()];
        let token = installer::formats::recognise(content).unwrap().token(content).unwrap().unwrap();
        let claims = keys.verify(&token).unwrap();
        assert_eq!(claims.serial.as_deref(), entry["serial_number"].as_str());
        assert_eq!((claims.tenant.as_str(), claims.product.as_str()), ("example", "Example Agent"));
        assert_eq!(entry["token_id"], claims.id.as_str());
        assert_eq!(entry["token_fingerprint"], token.fingerprint().as_str());
        assert!(ids.insert(claims.id) && !line.contains(token.expose()));
    }
    // A finished file that is gone is not replaced by one with a second token.
    fs::remove_file(out.join("PC 0/Example-Agent.msi")).unwrap();
    let refused = support::output(&mut command(&out));
    let said = support::both(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("line 2: its file was finished, with a token of its own, and is gone"), "{said}");
}

/// Another program takes the space away while a batch runs.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_the_next_run_goes_on() {
    let mount = |args: &[&str]| Command::new("mount").args(args).output().is_ok_and(|output| output.status.success());
    let batch = Batch::new(400);
    let disk = batch.path("disk");
    fs::create_dir(&disk).unwrap();
    let size = format!("size={}", 400 * (fs::metadata(&batch.base).unwrap().len() + 36_000));
    if !mount(&["-t", "tmpfs", "-o", &size, "tmpfs", disk.to_str().unwrap()]) {
        support::missing("mount (the test must be root)");
        return;
    }
    let unmount = Unmount(disk.clone());
    let out = disk.join("out");
    let mut child = batch.start(&out);
    while fs::read_dir(&out).map_or(0, |entries| entries.count()) < 50 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before the disk was full");
    }
    // Takes everything that is left, and a little of what is being written with it.
    let thief = disk.join("thief");
    let taken = fs::File::create(&thief).map(|mut file| std::io::copy(&mut std::io::repeat(1), &mut file));
    assert!(taken.unwrap().is_err());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("No space left on device") && said.contains("the same command goes on from there"), "{said}");
    // What is in a place is whole; what is not is not there at all.
    for (name, content) in tree(&out) {
        assert!(name.starts_with("manifest.jsonl") || content.len() > 180_000, "{name} has {} bytes", content.len());
        assert!(!name.contains(".stampwright"), "{name} was left");
    }
    fs::remove_file(thief).unwrap();
    let said = batch.run(&out);
    assert!(!said.contains(" 0 found"), "{said}");
    check(&out, 400);
    drop(unmount);
}

/// Before anything is written, space is asked for.
#[cfg(target_os = "linux")]
#[test]
fn too_little_space_is_said_before_the_first_file() {
    let mount = |args: &[&str]| Command::new("mount").args(args).output().is_ok_and(|output| output.status.success());
    let batch = Batch::new(100);
    let disk = batch.path("disk");
    fs::create_dir(&disk).unwrap();
    if !mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk.to_str().unwrap()]) {
        support::missing("mount (the test must be root)");
        return;
    }
    let _unmount = Unmount(disk.clone());
    let refused = support::output(&mut batch.command(&disk.join("out")));
    let said = support::both(&refused);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("100 files need") && said.contains("nothing was written"), "{said}");
    assert!(!tree(&disk).keys().any(|name| name.ends_with(".msi")));
}

/// Unmounts whatever happens.
struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
