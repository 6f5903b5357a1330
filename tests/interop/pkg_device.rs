//! The second year of a Mac: another volume, an older package, an agent that installs its own update, edited configuration, removal.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::pkg::{Stamped, TOKEN, stamp};
use super::pkg_scripts::{Device, PLIST, STATE, mode, refuses, shells, succeeds, unpacked};
use crate::support::product::{MANIFEST, Small};

const APPLICATION: &str = "Applications/Example Agent.app";
const SUPPORTED: &str = "Library/Application Support/Example Ltd/Example Agent.app";
const CONFIG: &str = "Library/Example/agent.conf";
const PACKAGE: &str = "/tmp/a.pkg";

/// A daemon of number 77, which has started number 88, which is the installer.
fn updates_itself(device: &Device) {
    fs::write(device.folder.path().join("daemon"), "system/com.example.agent = {\n\tstate = running\n\tpid = 77\n}\n")
        .unwrap();
    fs::write(
        device.folder.path().join("processes"),
        "1 0 launchd\n77 1 agent\n80 77 /bin/sh\n88 80 /usr/sbin/installer\n",
    )
    .unwrap();
    fs::write(device.folder.path().join("self"), "").unwrap();
}

#[test]
fn an_agent_that_installs_its_own_update_is_started_anew_afterwards() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        let device = Device::new(&shell, 0);
        succeeds(&device.install(&stamped.bytes));
        let before = device.log().len();
        updates_itself(&device);
        let other = stamp(&stamped.base, "another-token");
        succeeds(&device.run(&other, "preinstall"));
        assert_eq!(device.log().len(), before, "the daemon is stopped, and the installer with it: {:?}", device.log());
        let _ = fs::remove_file(device.folder.path().join("self"));
        succeeds(&device.run(&other, "postinstall"));
        let job = device.path(STATE).join("restart.plist").display().to_string();
        assert_eq!(
            device.log()[before..],
            ["bootout system/com.example.agent.restart".to_owned(), format!("bootstrap system {job}")],
            "{shell:?}"
        );
        assert_eq!(fs::read_to_string(device.path(STATE).join("enrollment-token")).unwrap(), "another-token");
        let text = fs::read_to_string(&job).unwrap();
        assert!(text.contains(&format!("<string>/{STATE}/restart</string>")), "{text}");
        assert_eq!((mode(Path::new(&job)), mode(&device.path(STATE).join("restart"))), (0o644, 0o755));

        // The job: the installer is there for the first look and gone at the second.
        let before = device.log().len();
        succeeds(&device.run_in(&device.path(STATE), "restart", Path::new(PACKAGE)));
        let plist = device.path(PLIST).display().to_string();
        let expected = [
            "bootout system/com.example.agent".to_owned(),
            "enable system/com.example.agent".to_owned(),
            format!("bootstrap system {plist}"),
            "kickstart system/com.example.agent".to_owned(),
            "bootout system/com.example.agent.restart".to_owned(),
        ];
        assert_eq!(device.log()[before..], expected, "{shell:?}");
        assert!(!device.path(STATE).join("restart").exists() && !Path::new(&job).exists());
    }
}

#[test]
fn an_installer_that_somebody_else_runs_stops_the_daemon_at_once() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        let device = Device::new(&shell, 0);
        succeeds(&device.install(&stamped.bytes));
        updates_itself(&device);
        let _ = fs::remove_file(device.folder.path().join("self"));
        fs::write(device.folder.path().join("processes"), "1 0 launchd\n77 1 agent\n88 1 /usr/sbin/installer\n")
            .unwrap();
        let before = device.log().len();
        succeeds(&device.install(&stamped.bytes));
        assert_eq!(device.log()[before], "bootout system/com.example.agent");
        assert_eq!(device.log().last().unwrap(), "kickstart system/com.example.agent");
    }
}

#[test]
fn on_another_volume_the_running_system_is_left_alone() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        let device = Device::new(&shell, 0);
        let volume = device.folder.path().join("root");
        for _ in 0..2 {
            for script in ["preinstall", "postinstall"] {
                let scripts = unpacked(&stamped.bytes);
                succeeds(&device.run_on(&scripts.path().join(script), Path::new(PACKAGE), &volume));
            }
        }
        assert_eq!(fs::read_to_string(device.path(STATE).join("enrollment-token")).unwrap(), TOKEN);
        assert!(device.path(PLIST).is_file());
        succeeds(&device.run_on(&device.path(STATE).join("uninstall"), Path::new(PACKAGE), &volume));
        assert!(!device.path(STATE).exists());
        assert_eq!(device.log(), [""; 0], "{shell:?}");
    }
}

#[test]
fn an_older_package_is_refused() {
    let stamped = Stamped::of(Small::new());
    for shell in shells() {
        for (installed, refused) in [
            ("1.4.3", true),
            ("1.10.0", true),
            ("2", true),
            ("1.4.2.1", true),
            ("1.4.2", false),
            ("1.4", false),
            ("1.4.1.99", false),
            ("0.99.99", false),
            ("", false),
            ("damaged $(touch pwned)", false),
        ] {
            let device = Device::new(&shell, 0);
            device.write(&format!("{APPLICATION}/Contents/Info.version"), &format!("{installed}\n"));
            let said = device.run(&stamped.bytes, "preinstall");
            if refused {
                refuses(
                    &said,
                    &format!("version {installed} is installed, which is newer than 1.4.2: nothing was installed"),
                );
            } else {
                succeeds(&said);
            }
            assert_eq!(device.log(), [""; 0]);
        }
    }
}

#[test]
fn an_edited_configuration_stays_and_the_new_default_lies_beside_it() {
    let file = "\n[[file]]\nplatform = \"macos\"\nsource = \"agent.conf\"\ndestination = \"/Library/Example/agent.conf\"\nconfig = true\n\n[windows]";
    let small = Small::with(&MANIFEST.replacen("\n[windows]", file, 1)).unwrap();
    let stamped = Stamped::of(small);
    let default = format!("{CONFIG}.default");
    for shell in shells() {
        let device = Device::new(&shell, 0);
        let read = || fs::read_to_string(device.path(CONFIG)).unwrap();
        // preinstall, then what Installer lays down, then postinstall
        let install = |text: &str| {
            let scripts = unpacked(&stamped.bytes);
            succeeds(&device.run_in(scripts.path(), "preinstall", Path::new(PACKAGE)));
            device.write(&default, text);
            succeeds(&device.run_in(scripts.path(), "postinstall", Path::new(PACKAGE)));
        };
        install("first\n");
        assert_eq!((read().as_str(), mode(&device.path(CONFIG))), ("first\n", 0o644));
        install("second\n");
        assert_eq!(read(), "second\n", "one that was not edited follows the default");
        device.write(CONFIG, "edited\n");
        install("third\n");
        assert_eq!(read(), "edited\n");
        fs::remove_file(device.path(CONFIG)).unwrap();
        install("fourth\n");
        assert!(!device.path(CONFIG).exists(), "one that was removed stays away");
    }
}

#[test]
fn a_removal_leaves_nothing() {
    let file = "\n[[file]]\nplatform = \"macos\"\nsource = \"agent.conf\"\ndestination = \"/Library/Example/agent.conf\"\nconfig = true\n\n[windows]";
    let stamped = Stamped::of(Small::with(&MANIFEST.replacen("\n[windows]", file, 1)).unwrap());
    for shell in shells() {
        let device = Device::new(&shell, 0);
        device.write(&format!("{APPLICATION}/Contents/Info.plist"), "");
        device.write(&format!("{CONFIG}.default"), "first\n");
        device.write("Library/LaunchDaemons/com.other.plist", "");
        succeeds(&device.install(&stamped.bytes));
        device.write(&format!("{STATE}/db/wal/0001"), "identity");
        let before = device.log().len();
        let id = device.folder.path().join("bin/id");
        fs::write(&id, "#!/bin/sh\necho 0\n").unwrap();
        fs::set_permissions(&id, Permissions::from_mode(0o755)).unwrap();
        succeeds(&device.run_in(&device.path(STATE), "uninstall", Path::new(PACKAGE)));
        let mut left = Vec::new();
        walk(&device.path(""), &mut left);
        assert_eq!(left, ["com.other.plist"], "{shell:?}");
        assert!(
            !device.path("Library/Application Support/Example Ltd").exists()
                && !device.path("Library/Example").exists()
        );
        let expected = ["pkgutil --forget com.example.agent.pkg", "bootout system/com.example.agent"];
        assert_eq!(device.log()[before..], expected, "{shell:?}");
    }
}

fn walk(folder: &Path, left: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, left)
        } else {
            left.push(path.file_name().unwrap().to_string_lossy().into_owned())
        }
    }
}

#[test]
fn folders_that_are_there_are_put_right() {
    let stamped = Stamped::of(Small::new());
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    for shell in shells() {
        let device = Device::new(&shell, 0);
        let publisher = device.path("Library/Application Support/Example Ltd");
        fs::create_dir_all(device.path(STATE)).unwrap();
        for folder in [&publisher, &device.path(STATE)] {
            fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
            if is_root {
                std::os::unix::fs::chown(folder, Some(501), Some(20)).unwrap();
            }
        }
        succeeds(&device.install(&stamped.bytes));
        assert_eq!((mode(&publisher), mode(&device.path(STATE))), (0o755, 0o700));
        let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
        assert!(!is_root || (owner(&publisher), owner(&device.path(STATE))) == ((0, 0), (0, 0)));

        let device = Device::new(&shell, 0);
        fs::create_dir_all(device.path("Library/Application Support")).unwrap();
        fs::create_dir(device.path("elsewhere")).unwrap();
        symlink(device.path("elsewhere"), device.path("Library/Application Support/Example Ltd")).unwrap();
        refuses(&device.install(&stamped.bytes), "is a symbolic link");
        assert_eq!(fs::read_dir(device.path("elsewhere")).unwrap().count(), 0);
    }
}

#[test]
fn the_script_makes_links_and_removes_its_own() {
    const TARGET: &str = "/Applications/Example Agent.app/Contents/MacOS/example 'agent' $(touch pwned)";
    let link = |destination: &str, target: &str| {
        format!("\n[[file]]\nplatform = \"macos\"\nlink = \"{target}\"\ndestination = \"{destination}\"\n")
    };
    let bin = ["usr/local/bin/example", "usr/local/bin/other", "usr/local/bin/kept", "opt/example/bin/tool"];
    let more: String = bin.iter().map(|path| link(&format!("/{path}"), TARGET)).collect();
    let more = more + &link("/Library/Example/odd", "-odd/../x");
    let small = Small::with(&MANIFEST.replacen("\n[windows]", &format!("{more}\n[windows]"), 1)).unwrap();
    let stamped = Stamped::of(small);
    for shell in shells() {
        let device = Device::new(&shell, 0);
        let led = |path: &str| fs::read_link(device.path(path)).map(|target| target.display().to_string());
        // In the way: somebody's program, and a link of before that leads to a folder.
        device.write("usr/local/bin/kept", "untouched");
        fs::create_dir(device.path("folder")).unwrap();
        symlink(device.path("folder"), device.path("usr/local/bin/other")).unwrap();
        for _ in 0..2 {
            let said = device.install(&stamped.bytes);
            succeeds(&said);
            assert!(crate::support::both(&said).contains("usr/local/bin/kept is there and is no link; it stays"));
            for path in [bin[0], bin[1], bin[3]] {
                assert_eq!(led(path).unwrap(), TARGET, "{shell:?} {path}");
            }
            assert_eq!(led("Library/Example/odd").unwrap(), "-odd/../x");
            assert_eq!(mode(&device.path("usr/local/bin")), 0o755);
        }
        assert_eq!(fs::read_dir(device.path("folder")).unwrap().count(), 0, "the link is made in what it led to");
        // Somebody leads one elsewhere: it is no longer the installer's.
        fs::remove_file(device.path(bin[1])).unwrap();
        symlink("elsewhere", device.path(bin[1])).unwrap();
        let scripts = device.path(STATE);
        succeeds(&device.run_in(&scripts, "uninstall", Path::new(PACKAGE)));
        assert!(led(bin[0]).is_err() && led(bin[3]).is_err() && led("Library/Example/odd").is_err(), "{shell:?}");
        assert_eq!(led(bin[1]).unwrap(), "elsewhere");
        assert_eq!(fs::read_to_string(device.path("usr/local/bin/kept")).unwrap(), "untouched");
        assert!(!device.path("opt/example/bin").exists() && !device.path("Library/Example").exists());
        assert!(!device.path(STATE).exists());
    }
}

/// A product whose application is where only root can write.
fn in_application_support() -> Stamped {
    let with = "[macos]\ninstall-location = \"application-support\"\n";
    Stamped::of(Small::with(&MANIFEST.replacen("[macos]\n", with, 1)).unwrap())
}

/// Before Installer lays the program down, nobody but root can change what is on the way to it.
#[test]
fn the_way_to_a_program_in_application_support_is_roots() {
    let stamped = in_application_support();
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    for shell in shells() {
        let device = Device::new(&shell, 0);
        let publisher = device.path("Library/Application Support/Example Ltd");
        let program = format!("{SUPPORTED}/Contents/MacOS/example-agent");
        refuses(&device.run(&stamped.base, "preinstall"), "carries no enrollment token");
        assert!(!publisher.exists(), "a refusal changes nothing");

        device.write(&program, "of before");
        fs::set_permissions(&publisher, Permissions::from_mode(0o777)).unwrap();
        if is_root {
            std::os::unix::fs::chown(&publisher, Some(501), Some(20)).unwrap();
        }
        succeeds(&device.run(&stamped.bytes, "preinstall"));
        let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
        assert_eq!(mode(&publisher), 0o755);
        assert!(!is_root || owner(&publisher) == (0, 0));
        assert!(device.path(&program).exists(), "one that only root can change stays until Installer replaces it");

        // Somebody else's, or one that others can write to: Installer keeps owner and mode of folders that are there.
        for change in [0, 1, 2] {
            device.write(&program, "somebody's");
            let of = device.path(SUPPORTED).join("Contents");
            match change {
                0 if is_root => std::os::unix::fs::chown(&of, Some(501), Some(20)).unwrap(),
                0 => continue,
                1 => fs::set_permissions(&of, Permissions::from_mode(0o775)).unwrap(),
                _ => fs::set_permissions(device.path(&program), Permissions::from_mode(0o666)).unwrap(),
            }
            let said = device.run(&stamped.bytes, "preinstall");
            succeeds(&said);
            assert_eq!(device.path(SUPPORTED).exists(), !is_root, "{shell:?} {change}");
            assert!(!is_root || crate::support::both(&said).contains("others than root can change"));
        }

        let _ = fs::remove_dir_all(device.path(SUPPORTED));
        fs::create_dir(device.path("elsewhere")).unwrap();
        symlink(device.path("elsewhere"), device.path(SUPPORTED)).unwrap();
        refuses(&device.run(&stamped.bytes, "preinstall"), "is a symbolic link");
        fs::remove_file(device.path(SUPPORTED)).unwrap();
        fs::remove_dir_all(&publisher).unwrap();
        symlink(device.path("elsewhere"), &publisher).unwrap();
        refuses(&device.run(&stamped.bytes, "preinstall"), "is a symbolic link");
    }
}

#[test]
fn a_program_in_application_support_is_started_and_removed() {
    let stamped = in_application_support();
    for shell in shells() {
        let device = Device::new(&shell, 0);
        succeeds(&device.run(&stamped.bytes, "preinstall"));
        device.write(&format!("{SUPPORTED}/Contents/Info.plist"), "");
        succeeds(&device.run(&stamped.bytes, "postinstall"));
        let plist = fs::read_to_string(device.path(PLIST)).unwrap();
        assert!(plist.contains(&format!("<string>/{SUPPORTED}/Contents/MacOS/example-agent</string>")), "{plist}");
        assert_eq!(fs::read_to_string(device.path(STATE).join("enrollment-token")).unwrap(), TOKEN);
        let id = device.folder.path().join("bin/id");
        fs::write(&id, "#!/bin/sh\necho 0\n").unwrap();
        fs::set_permissions(&id, Permissions::from_mode(0o755)).unwrap();
        succeeds(&device.run_in(&device.path(STATE), "uninstall", Path::new(PACKAGE)));
        let mut left = Vec::new();
        walk(&device.path(""), &mut left);
        assert_eq!(left, [""; 0], "{shell:?}");
        assert!(!device.path("Library/Application Support/Example Ltd").exists());
    }
}

/// A product that moves leaves no second program behind, and a version that is newer counts wherever it is.
#[test]
fn the_program_of_the_other_location_is_not_left_behind() {
    let (now, before) = (in_application_support(), Stamped::of(Small::new()));
    for shell in shells() {
        for (stamped, other) in [(&now, APPLICATION), (&before, SUPPORTED)] {
            let device = Device::new(&shell, 0);
            device.write(&format!("{other}/Contents/Info.version"), "9.0.0\n");
            let said = device.run(&stamped.bytes, "preinstall");
            refuses(&said, "version 9.0.0 is installed, which is newer than 1.4.2: nothing was installed");

            for (id, stays) in [("com.example.agent", false), ("com.example.agent.other", true)] {
                device.write(&format!("{other}/Contents/Info.version"), "1.4.1\n");
                device.write(&format!("{other}/Contents/Info.id"), &format!("{id}\n"));
                succeeds(&device.install(&stamped.bytes));
                assert_eq!(device.path(other).exists(), stays, "{shell:?} {other} {id}");
            }
            fs::remove_dir_all(device.path(other)).unwrap();
            device.write("elsewhere/Contents/Info.id", "com.example.agent\n");
            symlink(device.path("elsewhere"), device.path(other)).unwrap();
            succeeds(&device.run(&stamped.bytes, "postinstall"));
            assert!(device.path("elsewhere/Contents/Info.id").exists() && device.path(other).is_symlink());
        }
    }
}
