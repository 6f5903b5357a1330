//! The flat package's scripts under several shells, in a scratch root, with a `launchctl` that takes notes.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use installer::format::Area;
use tempfile::TempDir;

use super::pkg::{Files, Stamped, TOKEN, stamp};
use crate::support::product::Small;
use crate::support::{both, judge, output};

pub(super) const STATE: &str = "Library/Application Support/Example Ltd/Example Agent";
pub(super) const PLIST: &str = "Library/LaunchDaemons/com.example.agent.plist";

/// The shells: macOS's sh is bash in POSIX mode or dash, by an administrator's choice.
pub(super) fn shells() -> Vec<Vec<String>> {
    let known: [(&str, &[&str]); 4] = [("dash", &[]), ("bash", &["--posix"]), ("bash", &[]), ("busybox", &["sh"])];
    let found = known.iter().filter_map(|(name, args)| {
        let program = judge(name)?.to_str().unwrap().to_owned();
        Some(std::iter::once(program).chain(args.iter().map(|arg| (*arg).to_owned())).collect())
    });
    found.collect()
}

/// A device: a root, and programs that stand in for the system's.
pub(super) struct Device {
    pub(super) folder: TempDir,
    shell: Vec<String>,
}

impl Device {
    /// A device whose launchd refuses the first `refusals` times.
    pub(super) fn new(shell: &[String], refusals: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("a device ").tempdir().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        // asked for a daemon, it prints what stands in a file; with a file `self` there, stopping the daemon ends whoever asked
        let launchctl = format!(
            "#!/bin/sh\ncd \"${{0%/*}}/..\" || exit 9\n[ \"$1\" = print ] && {{ cat daemon 2>/dev/null; exit; }}\n\
             echo \"$*\" >>log\n[ \"$1\" = bootout ] && [ -e self ] && kill -9 \"$PPID\"\n\
             [ \"$1\" = bootstrap ] || exit 0\n[ \"$(grep -c ^bootstrap log)\" -gt {refusals} ]\n"
        );
        // prints what stands in the file, where macOS would look up the key in a property list
        let defaults = "#!/bin/sh\ncase \"$1 $3\" in\n'read EnrollmentToken') cat \"$2.plist\" ;;\n\
                        'read CFBundleShortVersionString') cat \"$2.version\" ;;\n\
                        'read CFBundleIdentifier') cat \"$2.id\" ;;\n*) exit 1 ;;\nesac\n";
        let programs = [
            ("launchctl", launchctl.as_str()),
            ("sleep", "#!/bin/sh\nrm -f \"${0%/*}/../processes\"\n"),
            ("defaults", defaults),
            ("ps", "#!/bin/sh\ncat \"${0%/*}/../processes\" 2>/dev/null || :\n"),
            ("pkgutil", "#!/bin/sh\necho \"pkgutil $*\" >>\"${0%/*}/../log\"\n"),
        ];
        for (name, text) in programs {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder, shell: shell.to_vec() }
    }

    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join("root").join(inside)
    }

    pub(super) fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What `launchctl` was asked.
    pub(super) fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Runs one script of an installer as Installer does: from an unpacked folder, with package, location, volume.
    pub(super) fn run(&self, installer: &Vec<u8>, script: &str) -> Output {
        let scripts = unpacked(installer);
        self.run_in(scripts.path(), script, Path::new("/tmp/a.pkg"))
    }

    /// Runs one script of an unpacked installer, telling it that the package is at `package`, on the running system: what is below its
    /// root is below this device's.
    pub(super) fn run_in(&self, scripts: &Path, script: &str, package: &Path) -> Output {
        let root = self.folder.path().join("root");
        let (path, text) = (scripts.join(script), fs::read_to_string(scripts.join(script)).unwrap());
        let own = format!("\nroot='{}'\n", root.display());
        let moved =
            text.replace("\nroot=${volume%/}\n", &own).replace("'/Library/", &format!("'{}/Library/", root.display()));
        assert!(moved.contains(&own) || !text.contains("$root"), "{text}");
        fs::write(&path, moved).unwrap();
        self.run_on(&path, package, Path::new("/"))
    }

    /// Runs a script for a volume.
    pub(super) fn run_on(&self, script: &Path, package: &Path, volume: &Path) -> Output {
        let mut command = Command::new(&self.shell[0]);
        command.args(&self.shell[1..]).arg(script);
        if script.ends_with("uninstall") {
            command.arg(volume);
        } else {
            command.arg(package).arg("/Applications").arg(volume);
        }
        command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display()));
        let said = output(&mut command);
        assert!(!both(&said).contains(TOKEN), "the token is in the log");
        said
    }

    pub(super) fn install(&self, installer: &Vec<u8>) -> Output {
        let said = self.run(installer, "preinstall");
        if said.status.success() { self.run(installer, "postinstall") } else { said }
    }
}

/// The scripts of an installer as Installer unpacks them.
pub(super) fn unpacked(installer: &Vec<u8>) -> TempDir {
    let scripts = tempfile::Builder::new().prefix("scripts of it ").tempdir().unwrap();
    let files = Files::of(installer);
    let named = files
        .in_area(Area::Metadata)
        .filter_map(|(path, mode, bytes)| Some((path.strip_prefix("Scripts/")?, mode, bytes)));
    for (name, mode, bytes) in named.chain(files.in_area(Area::Token)) {
        fs::write(scripts.path().join(name), bytes).unwrap();
        fs::set_permissions(scripts.path().join(name), Permissions::from_mode(mode)).unwrap();
    }
    scripts
}

pub(super) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

pub(super) fn succeeds(said: &Output) {
    assert!(said.status.success(), "{}", both(said));
}

/// Exit status 1 and a line that says why.
pub(super) fn refuses(said: &Output, why: &str) {
    assert_eq!(said.status.code(), Some(1), "{}", both(said));
    assert!(both(said).contains(why), "{}", both(said));
}

#[test]
fn the_token_gets_to_its_place() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        let device = Device::new(&shell, 0);
        succeeds(&device.install(&stamped.bytes));
        let token = device.path(STATE).join("enrollment-token");
        assert_eq!(fs::read_to_string(&token).unwrap(), TOKEN);
        assert_eq!((mode(&token), mode(&device.path(STATE))), (0o600, 0o700), "{shell:?}");
        assert_eq!(mode(&device.path("Library/Application Support/Example Ltd")), 0o755);
        assert_eq!(mode(&device.path(STATE).join("uninstall")), 0o755);
        assert_eq!((mode(&device.path(PLIST)), mode(&device.path("Library/LaunchDaemons"))), (0o644, 0o755));
        let left = fs::read_dir(device.path(STATE)).unwrap().count();
        assert_eq!(left, 2, "something is left beside the token and the script that removes it");
        let plist = device.path(PLIST).display().to_string();
        let expected = [
            "bootout system/com.example.agent".to_owned(),
            "enable system/com.example.agent".to_owned(),
            format!("bootstrap system {plist}"),
            "kickstart system/com.example.agent".to_owned(),
        ];
        assert_eq!(device.log(), expected, "{shell:?}");

        // another token, over it
        let other = stamp(&stamped.base, "another-token");
        succeeds(&device.install(&other));
        assert_eq!(fs::read_to_string(&token).unwrap(), "another-token");
        assert_eq!((mode(&token), device.log().len()), (0o600, 9), "the running daemon is stopped first");
    }
}

#[test]
fn without_a_token_nothing_is_installed() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        let device = Device::new(&shell, 0);
        for script in ["preinstall", "postinstall"] {
            let said = device.run(&stamped.base, script);
            refuses(
                &said,
                "Example Agent: this installer carries no enrollment token, and this device is not enrolled",
            );
        }
        assert!(device.log().is_empty() && !device.path(PLIST).exists());

        // with a token from before, or once enrolled, a base is an upgrade
        device.write(&format!("{STATE}/enrollment-token"), "from before");
        succeeds(&device.install(&stamped.base));
        assert_eq!(fs::read_to_string(device.path(STATE).join("enrollment-token")).unwrap(), "from before");
        fs::remove_file(device.path(STATE).join("enrollment-token")).unwrap();
        device.write(&format!("{STATE}/enrollment-state"), "enrolled\n");
        succeeds(&device.install(&stamped.base));
    }
}

#[test]
fn a_profile_brings_the_token_to_an_untouched_package() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        let device = Device::new(&shell, 0);
        device.write("Library/Managed Preferences/com.example.agent.plist", &format!("{TOKEN}\n"));
        succeeds(&device.install(&stamped.base));
        let token = device.path(STATE).join("enrollment-token");
        assert_eq!((fs::read_to_string(&token).unwrap().as_str(), mode(&token)), (TOKEN, 0o600));
        // the package's own token comes first
        device.write("Library/Managed Preferences/com.example.agent.plist", "another-token\n");
        succeeds(&device.install(&stamped.bytes));
        assert_eq!(fs::read_to_string(&token).unwrap(), TOKEN);
    }
}

#[test]
fn an_enrolled_device_gets_no_token() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        for (state, placed) in
            [("enrolled", false), ("enrolled\n", false), ("pending\n", true), ("not enrolled\n", true), ("", true)]
        {
            let device = Device::new(&shell, 0);
            device.write(&format!("{STATE}/enrollment-state"), state);
            succeeds(&device.install(&stamped.bytes));
            assert_eq!(device.path(STATE).join("enrollment-token").exists(), placed, "{shell:?} {state:?}");
            assert_eq!(device.log().last().unwrap(), "kickstart system/com.example.agent");
        }
    }
}

#[test]
fn launchd_is_asked_until_it_takes_the_daemon() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        let device = Device::new(&shell, 3);
        succeeds(&device.install(&stamped.bytes));
        let tries = |device: &Device| device.log().iter().filter(|line| line.starts_with("bootstrap")).count();
        assert_eq!(tries(&device), 4);
        let device = Device::new(&shell, 99);
        refuses(&device.install(&stamped.bytes), "launchd did not take com.example.agent in 30 tries");
        assert_eq!(tries(&device), 30);
    }
}

#[test]
fn links_in_the_way_are_not_followed() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        let device = Device::new(&shell, 0);
        fs::create_dir_all(device.path(STATE).parent().unwrap()).unwrap();
        fs::create_dir(device.path("elsewhere")).unwrap();
        symlink(device.path("elsewhere"), device.path(STATE)).unwrap();
        refuses(&device.install(&stamped.bytes), "is a symbolic link");
        assert_eq!(fs::read_dir(device.path("elsewhere")).unwrap().count(), 0);

        let device = Device::new(&shell, 0);
        device.write("victim", "untouched");
        device.write(&format!("{STATE}/x"), "");
        symlink(device.path("victim"), device.path(STATE).join("enrollment-token.new")).unwrap();
        succeeds(&device.install(&stamped.bytes));
        assert_eq!(fs::read_to_string(device.path("victim")).unwrap(), "untouched");
    }
}

#[test]
fn a_hostile_name_is_only_a_name() {
    let name = r#"M & 'S' "x" [y] %h $(touch pwned) `touch pwned` é"#;
    let manifest = crate::support::product::manifest_with("name", name);
    let manifest = manifest.replace("[service]", "folder = \"A 'b' $(touch pwned) é\"\n\n[service]");
    let stamped = Stamped::of(Small::with(&manifest).unwrap());
    for shell in shells() {
        let device = Device::new(&shell, 0);
        refuses(&device.run(&stamped.base, "postinstall"), name);
        succeeds(&device.install(&stamped.bytes));
        let token = device.path("Library/Application Support/Example Ltd/A 'b' $(touch pwned) é/enrollment-token");
        assert_eq!(fs::read_to_string(token).unwrap(), TOKEN);
    }
}
