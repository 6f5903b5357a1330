//! What goes in and what comes out: the wrapper, the vendor's application, files elsewhere.

use super::*;
use crate::format::{Area, EntryKind, Extracted, ReadError, Sink};

/// Every piece as `area path mode what`.
#[derive(Default)]
struct Pieces(Vec<String>);

impl Sink for Pieces {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn std::io::Read) -> Result<(), ReadError> {
        let kind = match entry.kind {
            EntryKind::Folder => "folder".to_owned(),
            EntryKind::Link(target) | EntryKind::HardLink(target) => format!("-> {target}"),
            EntryKind::File(len) => {
                assert_eq!(std::io::copy(content, &mut std::io::sink()).unwrap(), len);
                format!("{len} bytes")
            }
        };
        self.0.push(format!("{:?} {} {:o} {kind}", entry.area, entry.path, entry.mode));
        Ok(())
    }
}

fn pieces(file: &Vec<u8>, area: Area) -> Vec<String> {
    let mut pieces = Pieces::default();
    Pkg.extract(file, &mut pieces).unwrap();
    let start = format!("{area:?} ");
    pieces.0.iter().filter_map(|piece| piece.strip_prefix(&start)).map(str::to_owned).collect()
}

#[test]
fn a_bare_executable_gets_an_application() {
    let base = base();
    assert_eq!(errors(&base), [""; 0]);
    let found = pieces(&base, Area::Payload);
    assert_eq!(found[0], "Applications/Example Agent.app 755 folder");
    assert!(found[2].starts_with("Applications/Example Agent.app/Contents/Info.plist 644 "), "{}", found[2]);
    assert_eq!(found[4], "Applications/Example Agent.app/Contents/MacOS/example-agent 755 8224 bytes");
    let inspection = Pkg.inspect(&base).unwrap();
    assert_eq!((inspection.product.as_str(), inspection.version.as_str()), ("Example Agent", "1.4.2"));
    assert_eq!((inspection.arch.as_str(), inspection.signed), ("arm64,x86_64", false));
    assert_eq!(inspection.details["install-location"], "/Applications");
    assert_eq!(inspection.details["minimum-macos"], "12.0");
    let mut report = Report::new();
    Pkg.verify(&base, &mut report).unwrap();
    assert!(report.findings().iter().any(|finding| finding.id == "pkg-wrapper-app"));
}

#[test]
fn a_stamp_is_a_new_head_and_new_scripts() {
    let base = base();
    let token = "x".repeat(4096);
    let stamped = stamp(&base, &token);
    assert_eq!(errors(&stamped), [""; 0]);
    assert_eq!(Pkg.token(&stamped).unwrap().unwrap().expose(), token);
    assert_eq!(pieces(&stamped, Area::Token), ["enrollment-token 600 4096 bytes"]);
    assert_eq!(Pkg.token(&base).unwrap(), None);
    assert!(Pkg.stamper(&stamped).unwrap().is_stamped());
    // what is kept lies where it lay
    let head = 28 + 4096 + 11 + 20;
    let scripts = container::xar::open(&base).unwrap();
    let end = (scripts.heap_offset + scripts.data("Example-Agent.pkg/Scripts").unwrap().offset) as usize;
    assert!(base[head..end] == stamped[head..end]);
}

#[test]
fn files_elsewhere_move_the_location_to_the_root() {
    let (folder, _) = product(MANIFEST);
    std::fs::write(folder.path().join("conf"), b"# conf\n").unwrap();
    let more = "\n[[file]]\nplatform = \"macos\"\nsource = \"conf\"\ndestination = \"/usr/local/etc/example.conf\"\n";
    let product = load(folder.path(), &format!("{MANIFEST}{more}"));
    let base = build(&product).unwrap();
    assert_eq!(errors(&base), [""; 0]);
    assert_eq!(Pkg.inspect(&base).unwrap().details["install-location"], "/");
    let found = pieces(&base, Area::Payload);
    assert_eq!(found[0], "Applications 775 folder");
    assert!(found.contains(&"usr/local/etc/example.conf 644 7 bytes".to_owned()));
}

/// Where only root can write: the application, and with it the daemon's program.
#[test]
fn an_application_in_application_support_is_the_location() {
    let manifest = MANIFEST.replace("[macos]\n", "[macos]\ninstall-location = \"application-support\"\n");
    let (folder, product) = product(&manifest);
    let base = build(&product).unwrap();
    assert_eq!(errors(&base), [""; 0]);
    assert_eq!(errors(&stamp(&base, "a-token-of-some-length")), [""; 0]);
    let location = "/Library/Application Support/Example Ltd";
    assert_eq!(Pkg.inspect(&base).unwrap().details["install-location"], location);
    let found = pieces(&base, Area::Payload);
    assert_eq!(found[0], "Library/Application Support/Example Ltd/Example Agent.app 755 folder");
    let daemons = crate::pkg::daemons(&base).unwrap();
    let program = format!("{location}/Example Agent.app/Contents/MacOS/example-agent");
    assert_eq!(daemons.daemons[0].arguments[0], program);
    assert!(daemons.placed.iter().any(|held| held.path == program && held.owner == (0, 0)));

    // A file elsewhere moves the location, and the program stays where it is.
    std::fs::write(folder.path().join("conf"), b"# conf\n").unwrap();
    let more = "\n[[file]]\nplatform = \"macos\"\nsource = \"conf\"\ndestination = \"/usr/local/etc/example.conf\"\n";
    let elsewhere = load(folder.path(), &format!("{manifest}{more}"));
    assert_eq!(elsewhere.notes(), [""; 0]);
    let base = build(&elsewhere).unwrap();
    assert_eq!(errors(&base), [""; 0]);
    assert_eq!(Pkg.inspect(&base).unwrap().details["install-location"], "/");
    assert_eq!(crate::pkg::daemons(&base).unwrap().daemons[0].arguments[0], program);
}

/// macOS 27 runs on Apple silicon only.
#[test]
fn a_package_for_intel_alone_says_for_how_long() {
    let intel = |manifest: &str| {
        let (folder, _) = product(MANIFEST);
        std::fs::write(folder.path().join("agent"), thin(0x0100_0007)).unwrap();
        build(&load(folder.path(), manifest))
    };
    let said = intel(MANIFEST).unwrap_err();
    assert!(said.contains("no code for Apple silicon"), "{said}");
    let meant = MANIFEST.replace("[macos]\n", "[macos]\nintel-only = true\n");
    let base = intel(&meant).unwrap();
    assert_eq!(errors(&base), [""; 0]);
    let facts = crate::pkg::facts(&base).unwrap();
    assert_eq!((facts.architectures, facts.ends_with_intel), (vec!["x86_64".to_owned()], true));
    for (from, to) in [(" before=\"27.0\"", ""), ("before=\"27.0\"", "before=\"28.0\"")] {
        let edited = super::findings::edited(&base, |path, content| match path {
            "Distribution" => Some(String::from_utf8(content).unwrap().replacen(from, to, 1).into_bytes()),
            _ => Some(content),
        });
        let found = errors(&edited);
        assert!(found.len() == 1 && found[0].starts_with("pkg-apple-silicon "), "{found:?}");
    }
    let said = intel(&meant.replace("\"12.0\"", "\"27.0\"")).unwrap_err();
    assert!(said.contains("no macOS from macos.minimum-version on runs on Intel"), "{said}");
    // One for both processors takes every macOS, whatever else is said.
    let (_folder, both) = product(&meant);
    assert!(!crate::pkg::facts(&build(&both).unwrap()).unwrap().ends_with_intel);
}

#[test]
fn links_leave_the_payload_and_its_location_as_they_are() {
    let link = |destination: &str, target: &str| {
        format!("\n[[file]]\nplatform = \"macos\"\nlink = \"{target}\"\ndestination = \"{destination}\"\n")
    };
    let built = |more: &str| {
        let (_folder, product) = product(&format!("{MANIFEST}{more}"));
        build(&product)
    };
    let with = built(&link("/usr/local/bin/example", "/Applications/Example Agent.app/Contents/MacOS/a 'b' $(id)"));
    let (with, without) = (with.unwrap(), base());
    assert_eq!(errors(&with), [""; 0]);
    assert_eq!(errors(&stamp(&with, "a-token-of-some-length")), [""; 0]);
    assert_eq!(Pkg.inspect(&with).unwrap().details["install-location"], "/Applications");
    assert_eq!(pieces(&with, Area::Payload), pieces(&without, Area::Payload));
    for (destination, part) in [
        ("/Library/Application Support/Example Ltd/Example Agent/enrollment-token", "a file of its own"),
        ("/Library/Application Support/Example Ltd/example agent/UNINSTALL", "a file of its own"),
        ("/Library/LaunchDaemons/com.example.agent.plist", "a file of its own"),
        ("/Library/Application Support/Example Ltd/Example Agent", "twice"),
        ("/Library/LaunchDaemons", "twice"),
        ("/Applications/Example Agent.app", "twice"),
        ("/Applications/example agent.app/Contents/x", "is in the application"),
    ] {
        let said = built(&link(destination, "/etc")).unwrap_err();
        assert!(said.contains(part), "{destination}: {said}");
    }
    let below = built(&format!("{}{}", link("/opt/a", "/etc"), link("/opt/a/b", "/etc"))).unwrap_err();
    assert!(below.contains("which is not a folder"), "{below}");
}

/// A link that leads out is found where it is, although its line is in both scripts.
#[test]
fn a_link_that_leads_out_is_found() {
    let line = "'x' \"$root/\"'usr/../../etc/x'\n";
    let edited = super::findings::with_archive("Scripts", |name, _, content| match &**name {
        "postinstall" => content.extend(format!("\nlink {line}").bytes()),
        "uninstall" => content.extend(format!("\nunlink_own {line}").bytes()),
        _ => {}
    });
    let found = errors(&edited);
    assert!(found.len() == 1 && found[0].contains(". or .. in it"), "{found:?}");
}

#[cfg(unix)]
#[test]
fn the_vendors_application_is_copied_as_it_is() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, _) = product(MANIFEST);
    let contents = folder.path().join("The Agent.app/Contents");
    std::fs::create_dir_all(contents.join("MacOS")).unwrap();
    std::fs::create_dir_all(contents.join("_CodeSignature")).unwrap();
    std::fs::create_dir_all(contents.join("Frameworks/A.framework/Versions/1")).unwrap();
    let plist = "<plist><dict><key>CFBundleIdentifier</key><string>com.example.agent</string>\
        <key>CFBundleExecutable</key><string>Agent</string><key>CFBundleVersion</key><string>42</string>\
        <key>CFBundleShortVersionString</key><string>1.4.2</string></dict></plist>";
    std::fs::write(contents.join("Info.plist"), plist).unwrap();
    std::fs::write(contents.join("_CodeSignature/CodeResources"), "x").unwrap();
    std::fs::write(contents.join("MacOS/Agent"), thin(0x0100_000c)).unwrap();
    std::fs::set_permissions(contents.join("MacOS/Agent"), std::fs::Permissions::from_mode(0o700)).unwrap();
    symlink("1", contents.join("Frameworks/A.framework/Versions/Current")).unwrap();

    let manifest = MANIFEST.replace("path = \"agent\"", "path = \"The Agent.app\"");
    let base = build(&load(folder.path(), &manifest)).unwrap();
    assert_eq!(errors(&base), [""; 0]);
    let found = pieces(&base, Area::Payload);
    assert!(found.contains(&"Applications/The Agent.app/Contents/MacOS/Agent 755 32 bytes".to_owned()), "{found:#?}");
    let link = "Applications/The Agent.app/Contents/Frameworks/A.framework/Versions/Current 755 -> 1";
    assert!(found.contains(&link.to_owned()));
    assert_eq!(Pkg.inspect(&base).unwrap().arch, "arm64");

    let beside = manifest.replace("[macos]\n", "[macos]\ninstall-location = \"application-support\"\n");
    let same = beside.replace("\n[service]", "folder = \"the agent.app\"\n\n[service]");
    assert!(build(&load(folder.path(), &beside)).is_ok());
    let said = build(&load(folder.path(), &same)).unwrap_err();
    assert!(said.contains("makes the state folder") && said.contains("the application itself"), "{said}");

    let other = build(&load(folder.path(), &manifest.replace("1.4.2", "1.4.3"))).unwrap_err();
    assert_eq!(other, "product.version is 1.4.3, but the application's version is 1.4.2");
    let other = build(&load(folder.path(), &manifest.replace("com.example.agent", "com.example.other"))).unwrap_err();
    assert_eq!(other, "macos.bundle-id is com.example.other, but the application's is com.example.agent");
}

#[test]
fn hostile_names_land_where_they_belong() {
    let name = r#"M & 'S' "x" [y] %h $(touch /tmp/pwned) `id` <b> é"#;
    let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
    let manifest =
        MANIFEST.replace("name = \"Example Agent\"", &format!("name = \"{quoted}\"\nfolder = \"M & 'S' é\""));
    let (_folder, product) = product(&manifest);
    let base = build(&product).unwrap();
    assert_eq!(errors(&base), [""; 0]);
    assert_eq!(Pkg.inspect(&base).unwrap().product, name);
}
