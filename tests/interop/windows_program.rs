//! The program for Windows, under Wine 10: the same bytes, sentences and statuses as the program that is tested everywhere else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::msi_wine::Wine;
use crate::support::{missing, output, program, root};

const TOKEN: &str = "tenant-7.0123456789abcdef";
const LIST: &str = "name,token\nfront-desk,tenant-7.aaaa0123456789\nwarehouse,tenant-7.bbbb0123456789\n";
/// From a manifest to what admins upload, and mistakes on the way.
const STEPS: &[&str] = &[
    "build --product stampwright.toml -o bases",
    "stamp bases/Probe-Agent.msi --token-file token -o one.msi --receipt one.json",
    "stamp bases/Probe-Agent.deb --token-file token -o one.deb",
    "stamp bases/Probe-Agent.rpm --token-file token --release 7 -o one.rpm",
    "inspect one.msi",
    "inspect one.msi --json",
    "inspect one.deb --json",
    "inspect one.rpm --json",
    "verify one.msi --base bases/Probe-Agent.msi --token-file token --json",
    "verify one.deb --base bases/Probe-Agent.deb --token-file token --agent probe-service --json",
    "verify one.rpm --profile rhel --json",
    "extract one.deb -o out",
    "kit one.msi --for intune,gpo -o kit-msi",
    "kit bases/Probe-Agent.msi --for gpo,intune --token-file token -o kit-base",
    "make --product stampwright.toml --format msi --token-file token --kit gpo -o made",
    "stamp bases/Probe-Agent.msi --batch list.csv -o many",
    "stamp one.msi --token-file token -o twice.msi",
    "inspect token --json",
    "frobnicate",
];

/// A run in a folder of its own: what each step has said, and what is there then.
struct Run {
    folder: PathBuf,
    said: Vec<(i32, String, String)>,
}

impl Run {
    fn new(parent: &Path, name: &str) -> Self {
        let folder = parent.join(name);
        fs::create_dir(&folder).unwrap();
        let manifest = fs::read_to_string(root().join("payloads/probe/stampwright.toml")).unwrap();
        let mut manifest = manifest.replace("../../LICENSE-MIT", "LICENSE");
        fs::copy(root().join("LICENSE-MIT"), folder.join("LICENSE")).unwrap();
        for agent in ["windows-x64/probe-service.exe", "linux-x64/probe-service"] {
            let (path, name) = (format!("target/payloads/{agent}"), agent.split('/').next_back().unwrap());
            manifest = manifest.replace(&format!("../../{path}"), name);
            fs::copy(root().join(path), folder.join(name)).unwrap();
        }
        fs::write(folder.join("stampwright.toml"), manifest).unwrap();
        fs::write(folder.join("token"), TOKEN).unwrap();
        fs::write(folder.join("list.csv"), LIST).unwrap();
        #[cfg(unix)]
        fs::set_permissions(folder.join("token"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        Self { folder, said: Vec::new() }
    }

    fn with(mut self, mut step: impl FnMut(&Path, &[&str]) -> (i32, String, String)) -> Self {
        for line in STEPS {
            let words: Vec<&str> = line.split(' ').collect();
            self.said.push(step(&self.folder, &words));
        }
        self
    }

    /// Every file's digest.
    fn files(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&self.folder).unwrap().to_str().unwrap().to_owned();
                let digest = Sha256::digest(fs::read(&path).unwrap());
                found.insert(name, digest.iter().map(|byte| format!("{byte:02x}")).collect());
            }
        }
        found
    }
}

fn linux(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let said = output(program().args(words).current_dir(folder));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (said.status.code().unwrap_or(-1), text(&said.stdout), text(&said.stderr))
}

/// Paths are written as the system writes them.
fn plain(text: &str) -> String {
    text.replace("\\\\", "/").replace('\\', "/").replace("stampwright.exe", "stampwright")
}

#[test]
fn the_program_for_windows_makes_the_same_bytes() {
    let exe = root().join("target/payloads/windows-x64/stampwright.exe");
    if !exe.is_file() {
        return missing("the program for Windows (cargo xtask windows)");
    }
    let Some(wine) = Wine::ten() else { return };
    let parent = wine.folder.path();
    let exe = exe.to_str().unwrap();
    let windows = Run::new(parent, "windows").with(|folder, words| wine.run_apart(folder, &[&[exe], words].concat()));
    let here = Run::new(parent, "linux").with(linux);
    let again = Run::new(parent, "again").with(linux);
    for (number, line) in STEPS.iter().enumerate() {
        let (found, expected) = (&windows.said[number], &here.said[number]);
        assert_eq!(found.0, expected.0, "{line}: {}{}", found.1, found.2);
        if expected.1 == again.said[number].1 {
            assert_eq!(plain(&found.1), plain(&expected.1), "standard output of: {line}");
        }
        assert_eq!(plain(&found.2), plain(&expected.2), "standard error of: {line}");
    }
    let (windows, here, again) = (windows.files(), here.files(), again.files());
    assert_eq!(windows.keys().collect::<Vec<_>>(), here.keys().collect::<Vec<_>>());
    // An .intunewin is encrypted by a new key each time, which its description tells.
    let mut of_chance = Vec::new();
    for (name, digest) in &here {
        if again[name] != *digest {
            of_chance.push(name.as_str());
            continue;
        }
        assert_eq!(windows[name], *digest, "{name}");
    }
    let is_chance =
        |name: &&str| name.ends_with(".intunewin") || name.ends_with("commit.json") || name.ends_with("kit.json");
    assert!(of_chance.len() == 6 && of_chance.iter().all(is_chance), "{of_chance:?}");
    assert!(here.len() > 50, "only {} files", here.len());
}
