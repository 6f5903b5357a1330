//! Windows Installer, as Wine has it, really installs the probe: a service that reports which token it found.
//!
//! What Wine does not judge: it neither removes a transitive component whose condition became false, nor hides
//! properties, nor applies access lists as Windows does; and it looks for folders that became empty before it removes the
//! files, so the publisher's empty folders stay. Those are proven on the tables by `verify`, and on Windows by the
//! workflow that installs there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use installer::format::Job;
use installer::{Epoch, Platform, Product, Token, formats};
use sha2::{Digest, Sha256};

use super::boot::in_trixie;
use super::systems::wine::{Prefix, wait};
use crate::support::once;
use crate::support::{judge, judges_folder, missing, root};

pub(super) const KEY: &str = r"HKLM\SOFTWARE\Stampwright\Probe Agent";
const SERVICE: &str = "probe-agent";
/// The publisher's folders: nothing is left in them when the last product goes.
const FOLDERS: [&str; 2] = ["Program Files/Stampwright", "ProgramData/Stampwright"];
const UNINSTALL: &str = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall";
/// `msiexec`'s 1603, of which Wine gives the last byte.
pub(super) const FAILED: i32 = 1603 & 0xFF;
/// The last byte of 1627, a function failed, with which Wine ends when a service does not start.
const NOT_STARTED: i32 = 1627 & 0xFF;
/// What Windows Installer writes down then.
const SERVICE_FAILED: &str = "StartServices. Return value 0";
const TOKEN: &str = "Tenant-A.first~token_0123456789/+=:";
const OTHER: &str = "Tenant-B.other";

/// One test at a time has a prefix.
static TURN: Mutex<()> = Mutex::new(());
static TURN_OF_TEN: Mutex<()> = Mutex::new(());

/// A Wine prefix, the installers of the probe, and a folder for both.
pub(super) struct Wine {
    /// It ends before the folder goes.
    prefix: Prefix,
    pub(super) folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Wine {
    /// `None`: Wine or the probe is missing, and the test cannot be held.
    pub(super) fn start() -> Option<Self> {
        if !agent().is_file() {
            missing("the probe service for Windows (cargo xtask payloads)");
            return None;
        }
        Self::without_probe()
    }

    /// For products whose service is not started.
    pub(super) fn without_probe() -> Option<Self> {
        Self::of("wine", |name| judge(name).map(Command::new), &TURN)
    }

    /// Wine 10, of Debian 13: closer to Windows, and with what a Rust program needs that has a `HashMap`.
    pub(super) fn ten() -> Option<Self> {
        if !agent().is_file() {
            missing("the probe service for Windows (cargo xtask payloads)");
            return None;
        }
        Self::of("wine-10", in_trixie, &TURN_OF_TEN)
    }

    fn of(prefix: &str, program: fn(&str) -> Option<Command>, turn: &'static Mutex<()>) -> Option<Self> {
        program("wine")?;
        let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let prefix = Prefix::open(move |name| program(name).unwrap(), judges_folder().join(prefix), folder.path());
        let wine = Self { prefix: prefix.unwrap(), folder, _turn: turn };
        wine.clean();
        Some(wine)
    }

    /// Runs a Windows program; gives its exit code and what it wrote.
    pub(super) fn run(&self, arguments: &[&str]) -> (i32, String) {
        self.prefix.run(arguments).unwrap()
    }

    /// The same as [`run`](Self::run) in a folder, with both outputs apart.
    pub(super) fn run_apart(&self, folder: &Path, arguments: &[&str]) -> (i32, String, String) {
        let [out, err] = ["stdout", "stderr"].map(|name| self.folder.path().join(name));
        let (stdout, stderr) = (File::create(&out).unwrap(), File::create(&err).unwrap());
        let mut command = self.prefix.command("wine");
        let status = wait(command.args(arguments).current_dir(folder).stdout(stdout).stderr(stderr)).unwrap();
        let text = |path: &Path| String::from_utf8(fs::read(path).unwrap()).unwrap();
        let mut said = text(&err);
        // Wine's own, of a system without a session.
        said = said.lines().filter(|line| !line.contains("XDG_RUNTIME_DIR")).map(|line| format!("{line}\n")).collect();
        (status, text(&out), said)
    }

    pub(super) fn msiexec(&self, arguments: &[&str]) -> i32 {
        self.run(&[&["msiexec"], arguments, &["/qn"]].concat()).0
    }

    /// Installs what must install. An installation that was rolled back because the service did not start is tried once more: a service
    /// that does not start by a fault of the package does not start the second time either.
    pub(super) fn install(&self, file: &str, properties: &[&str]) {
        let arguments = [&["/i", file, "/l*v", "install.log"], properties].concat();
        let mut status = self.msiexec(&arguments);
        if status == NOT_STARTED && self.log().contains(SERVICE_FAILED) {
            eprintln!("msiexec /i {file}: the service did not start; once more\n{}", self.log());
            self.prefix.kill_server();
            self.prefix.begin_session().unwrap();
            status = self.msiexec(&arguments);
        }
        assert_eq!(status, 0, "msiexec /i {file} {properties:?}\n{}", self.log());
    }

    /// Removes what must let itself be removed.
    pub(super) fn remove(&self, file: &str, properties: &[&str]) {
        let status = self.msiexec(&[&["/x", file, "/l*v", "remove.log"], properties].concat());
        let log = self.log_of("remove.log");
        assert_eq!(status, 0, "msiexec /x {file} {properties:?}\n{log}");
        self.delete_what_was_in_use(&log);
    }

    /// Deletes the removed programs that are left with their folders. Windows Installer has them deleted at the next restart when their process has not
    /// ended yet, which it may not have when the service has already stopped; Wine gives up on them.
    fn delete_what_was_in_use(&self, log: &str) {
        let removed = log.split("Action start").filter(|action| action.contains(": RemoveFiles."));
        let lines = removed.flat_map(str::lines);
        let programs = lines.filter_map(|line| line.strip_prefix("File: ")?.split_once(", Directory: "));
        let programs: Vec<_> = programs.map(|(name, _)| name).filter(|name| name.ends_with(".exe")).collect();
        for publisher in FOLDERS.map(|folder| self.drive(folder)) {
            for (path, _) in below(&publisher) {
                if path.file_name().is_some_and(|name| programs.iter().any(|program| name == *program)) {
                    eprintln!("{}: in use when it was removed", path.display());
                    self.wait_for_end_of(path.file_name().unwrap().to_str().unwrap());
                    fs::remove_file(&path).unwrap();
                    // Not if another product's files lie there.
                    let _ = fs::remove_dir(path.parent().unwrap());
                }
            }
        }
    }

    /// Waits until no process of this prefix runs the program. One that was not stopped fails here.
    fn wait_for_end_of(&self, program: &str) {
        let prefix = self.drive("").parent().unwrap().to_str().unwrap().to_owned();
        let has = |process: &Path, file: &str, wanted: &str| {
            fs::read(process.join(file)).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(wanted))
        };
        let is_running = || {
            let mut processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
            processes.any(|process| has(&process, "cmdline", program) && has(&process, "environ", &prefix))
        };
        let begin = Instant::now();
        while is_running() {
            assert!(begin.elapsed() < Duration::from_secs(30), "{program} runs after its removal");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the last installation has written down.
    pub(super) fn log(&self) -> String {
        self.log_of("install.log")
    }

    /// A log, which is UTF-16 or ANSI text by the version of Wine.
    fn log_of(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', "")
    }

    /// A value of the product's registry key.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.value_of(KEY, name)
    }

    pub(super) fn value_of(&self, key: &str, name: &str) -> Option<String> {
        let (status, text) = self.run(&["reg", "query", key, "/v", name]);
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).filter(|_| status == 0)?;
        Some(line.split("REG_SZ").nth(1)?.trim().to_owned())
    }

    pub(super) fn set_value(&self, name: &str, value: &str) {
        assert_eq!(self.run(&["reg", "add", KEY, "/v", name, "/d", value, "/f"]).0, 0);
    }

    /// Removes the products with this name.
    pub(super) fn remove_products(&self, name: &str) {
        for code in self.products_named(name) {
            self.msiexec(&["/x", &code]);
        }
    }

    /// The codes of all products of ours in the list of installed programs.
    fn products(&self) -> Vec<String> {
        self.products_named("Probe Agent")
    }

    fn products_named(&self, name: &str) -> Vec<String> {
        let (_, text) = self.run(&["reg", "query", UNINSTALL, "/s"]);
        let mut products = Vec::new();
        for part in text.split("HKEY_LOCAL_MACHINE").filter(|part| part.contains(name)) {
            products.extend(part.lines().next().and_then(|key| key.trim().rsplit('\\').next()).map(str::to_owned));
        }
        products
    }

    pub(super) fn service_is_running(&self) -> bool {
        self.is_running(SERVICE)
    }

    pub(super) fn is_running(&self, service: &str) -> bool {
        self.run(&["sc", "query", service]).1.contains("RUNNING")
    }

    fn service_is_there(&self) -> bool {
        self.run(&["sc", "query", SERVICE]).0 == 0
    }

    pub(super) fn drive(&self, path: &str) -> PathBuf {
        self.prefix.drive(path)
    }

    /// Waits until the service's log says that it started with this token.
    pub(super) fn wait_for_report(&self, token: &str) {
        let log = self.drive("windows/temp/probe-agent.log");
        let digest: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
        let wanted = format!(r#""token":{{"length":{},"sha256":"{digest}"}}"#, token.len());
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(30) {
            let text = fs::read_to_string(&log).unwrap_or_default();
            if text.lines().any(|line| line.contains(r#""event":"started""#) && line.contains(&wanted)) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("the service did not report {wanted}: {:?}", fs::read_to_string(&log));
    }

    /// Takes away what a test before this one may have left.
    fn clean(&self) {
        self.remove_products("Probe Agent");
        self.run(&["reg", "delete", r"HKLM\SOFTWARE\Stampwright", "/f"]);
        for folder in FOLDERS {
            let _ = fs::remove_dir_all(self.drive(folder));
        }
        let _ = fs::remove_file(self.drive("windows/temp/probe-agent.log"));
    }

    /// That a removal left nothing.
    pub(super) fn assert_nothing_is_left(&self) {
        assert_eq!(self.products(), Vec::<String>::new());
        assert!(!self.service_is_there(), "the service is still there");
        let (status, key) = self.run(&["reg", "query", r"HKLM\SOFTWARE\Stampwright", "/s"]);
        assert!(status != 0 || key.trim().is_empty(), "the registry still has {key}");
        for folder in FOLDERS {
            let left = below(&self.drive(folder));
            assert!(left.is_empty(), "{folder} still has {left:#?}");
        }
    }

    /// Builds the probe's base of a version, and stamps it. Gives the file's name in the folder.
    pub(super) fn installer(&self, version: &str, token: Option<&str>) -> String {
        self.installer_of(version, token, "base", |manifest| manifest)
    }

    /// The same of a changed manifest; `name` is the base's.
    pub(super) fn installer_of(
        &self,
        version: &str,
        token: Option<&str>,
        name: &str,
        change: impl Fn(String) -> String,
    ) -> String {
        let manifest = root().join("payloads/probe/stampwright.toml");
        let text =
            fs::read_to_string(&manifest).unwrap().replace(r#"version = "1.4.2""#, &format!("version = {version:?}"));
        let text = change(text);
        let product = Product::load(&manifest, &text).unwrap();
        let agent = product.agents_for(Platform::Windows).next().unwrap();
        let format = formats::by_kind(installer::Kind::Msi).unwrap();
        let payload = format.payload(&product, agent).unwrap();
        let job = Job { product: &product, agent, payload: &payload, epoch: Epoch::DEFAULT, progress: &() };
        let mut base = std::io::Cursor::new(Vec::new());
        format.build(&job, &mut base).unwrap();
        let mut bytes = base.into_inner();
        if let Some(token) = token {
            let base = once::open(bytes.as_slice()).unwrap();
            let splice = once::stamp(&base, &Token::parse(token.as_bytes()).unwrap()).unwrap();
            let mut stamped = Vec::new();
            splice.write_to(*base.bytes(), &mut stamped).unwrap();
            bytes = stamped;
        }
        let name = format!("{version}-{}.msi", token.map_or(name, |token| &token[..8]));
        fs::write(self.folder.path().join(&name), bytes).unwrap();
        name
    }
}

fn agent() -> PathBuf {
    root().join("target/payloads/windows-x64/probe-service.exe")
}

fn same(a: &Path, b: &Path) -> bool {
    fs::read(a).unwrap() == fs::read(b).unwrap()
}

#[test]
fn it_installs_runs_and_leaves_nothing() {
    let Some(wine) = Wine::start() else { return };
    let file = wine.installer("1.4.2", Some(TOKEN));
    wine.install(&file, &[]);
    assert!(same(&wine.drive("Program Files/Stampwright/Probe Agent/probe-agent.exe"), &agent()));
    assert!(wine.service_is_running());
    assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(TOKEN));
    assert_eq!(wine.value("Version").as_deref(), Some("1.4.2"));
    assert_eq!(wine.products().len(), 1);
    wine.wait_for_report(TOKEN);
    wine.remove(&file, &[]);
    wine.assert_nothing_is_left();
}

#[test]
fn the_command_line_overrides_the_token() {
    let Some(wine) = Wine::start() else { return };
    let file = wine.installer("1.4.2", Some(TOKEN));
    wine.install(&file, &[&format!("ENROLLMENTTOKEN={OTHER}")]);
    assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(OTHER));
    wine.wait_for_report(OTHER);
    wine.remove(&file, &[]);
}

#[test]
fn a_base_installs_with_a_token_and_not_without() {
    let Some(wine) = Wine::start() else { return };
    let file = wine.installer("1.4.2", None);
    assert_eq!(wine.msiexec(&["/i", &file]), FAILED);
    wine.assert_nothing_is_left();
    wine.install(&file, &[&format!("ENROLLMENTTOKEN={OTHER}")]);
    assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(OTHER));
    wine.remove(&file, &[]);
    wine.assert_nothing_is_left();
}

#[test]
fn another_token_upgrades() {
    let Some(wine) = Wine::start() else { return };
    let (first, second) = (wine.installer("1.4.2", Some(TOKEN)), wine.installer("1.4.2", Some(OTHER)));
    wine.install(&first, &[]);
    let before = wine.products();
    wine.install(&second, &[]);
    let after = wine.products();
    assert!(before.len() == 1 && after.len() == 1 && before != after, "{before:?} became {after:?}");
    assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(OTHER));
    assert!(wine.service_is_running());
    wine.wait_for_report(OTHER);
    wine.remove(&second, &[]);
    wine.assert_nothing_is_left();
}

#[test]
fn a_newer_version_upgrades_and_an_older_one_is_refused() {
    let Some(wine) = Wine::start() else { return };
    let (old, new) = (wine.installer("1.4.2", Some(TOKEN)), wine.installer("1.5.0", Some(OTHER)));
    wine.install(&old, &[]);
    wine.install(&new, &[]);
    assert_eq!(wine.value("Version").as_deref(), Some("1.5.0"));
    let installed = wine.products();
    assert_eq!(wine.msiexec(&["/i", &old]), FAILED);
    assert_eq!(wine.products(), installed);
    assert_eq!(wine.value("Version").as_deref(), Some("1.5.0"));
    assert_eq!(wine.value("EnrollmentToken").as_deref(), Some(OTHER));
    assert!(wine.service_is_running());
    wine.remove(&new, &[]);
    wine.assert_nothing_is_left();
}

#[test]
fn a_repair_after_enrollment_does_not_bring_the_token_back() {
    let Some(wine) = Wine::start() else { return };
    let file = wine.installer("1.4.2", Some(TOKEN));
    wine.install(&file, &[]);
    // What the agent does once it has an identity of its own.
    wine.set_value("EnrollmentState", "enrolled");
    assert_eq!(wine.run(&["reg", "delete", KEY, "/v", "EnrollmentToken", "/f"]).0, 0);
    wine.install(&file, &["REINSTALL=ALL", "REINSTALLMODE=vomus"]);
    assert_eq!(wine.value("EnrollmentToken"), None);
    assert_eq!(wine.value("EnrollmentState").as_deref(), Some("enrolled"));
    assert!(wine.service_is_running());
    wine.remove(&file, &[]);
    wine.assert_nothing_is_left();
}

/// By what [`Wine::install`] knows that an installation is worth another try, and that a package at fault gets no further by it.
#[test]
fn a_service_that_does_not_start_is_rolled_back() {
    let Some(wine) = Wine::start() else { return };
    let fails =
        |manifest: String| manifest.replace(r"C:\Windows\Temp\probe-agent.log", r"C:\no\such\folder\probe-agent.log");
    let file = wine.installer_of("1.4.2", Some(TOKEN), "fails", fails);
    for _ in 0..2 {
        assert_eq!(wine.msiexec(&["/i", &file, "/l*v", "install.log"]), NOT_STARTED, "{}", wine.log());
        assert!(wine.log().contains(SERVICE_FAILED), "{}", wine.log());
        wine.assert_nothing_is_left();
    }
}

#[test]
fn the_path_and_the_values_come_and_go() {
    const SETTINGS: &str = r"HKLM\SOFTWARE\Stampwright Settings\Agent";
    const ENVIRONMENT: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment";
    let Some(wine) = Wine::start() else { return };
    let values = r##"
[[registry]]
key = 'SOFTWARE\Stampwright Settings\Agent'
name = "Server"
value = "#1 [x] {y} %Z%"

[[registry]]
key = 'SOFTWARE\Stampwright Settings\Agent'
value = '%ProgramData%\[x]'
type = "expand-string"

[[registry]]
key = 'SOFTWARE\Stampwright Settings\Agent'
name = "Every"
value = "0xffffffff"
type = "dword"

[[registry]]
key = 'SOFTWARE\Stampwright Settings\Agent'
name = "Seconds"
value = "300"
type = "dword"
"##;
    let change = |manifest: String| format!("{}{values}", manifest.replace("[windows]\n", "[windows]\npath = true\n"));
    // The folders of the PATH. Wine leaves the semicolon of what it takes out.
    let path = || -> Vec<String> {
        let text = wine.run(&["reg", "query", ENVIRONMENT, "/v", "PATH"]).1;
        let value = text.split("REG_EXPAND_SZ").nth(1).unwrap_or_else(|| panic!("{text}")).trim().to_owned();
        value.split(';').filter(|folder| !folder.is_empty()).map(str::to_owned).collect()
    };
    wine.run(&["reg", "delete", r"HKLM\SOFTWARE\Stampwright Settings", "/f"]);
    let before = path();
    assert!(before.len() > 1 && !before.iter().any(|folder| folder.contains("Probe Agent")), "{before:?}");
    let file = wine.installer_of("1.4.2", Some(TOKEN), "machine", change);
    let newer = wine.installer_of("1.5.0", Some(OTHER), "machine", change);
    for file in [&file, &newer] {
        wine.install(file, &[]);
        let text = wine.run(&["reg", "query", SETTINGS]).1;
        let lines: Vec<String> = text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        for line in [
            "Server REG_SZ #1 [x] {y} %Z%",
            "(Default) REG_EXPAND_SZ %ProgramData%\\[x]",
            "Every REG_DWORD 0xffffffff",
            "Seconds REG_DWORD 0x12c",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line}\n{text}");
        }
        // What was there is there, and the folder once, also after an upgrade.
        let now = path();
        let (last, others) = now.split_last().unwrap();
        assert!(others == before && last.ends_with(r"\Stampwright\Probe Agent\"), "{now:?}");
    }
    wine.remove(&newer, &[]);
    wine.assert_nothing_is_left();
    assert!(wine.run(&["reg", "query", SETTINGS]).0 != 0, "the values are still there");
    assert_eq!(path(), before);
    let clean = ["/v", "PATH", "/t", "REG_EXPAND_SZ", "/d", &before.join(";"), "/f"];
    assert_eq!(wine.run(&[&["reg", "add", ENVIRONMENT][..], &clean].concat()).0, 0);
}

/// All files and folders below a folder, with their sizes.
fn below(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let (path, metadata) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
        found.push((path.clone(), metadata.len()));
        if metadata.is_dir() {
            found.extend(below(&path));
        }
    }
    found
}
