//! `Scripts`: what `PackageInfo` names, modes, the daemon's property list, the token.

use std::collections::BTreeSet;

use container::xml::{self, Element};

use crate::claims::IssuerKeys;
use crate::format::ReadError;
use crate::pkg::names::{GENERATOR, TOKEN_NAME};
use crate::pkg::package_info::PackageInfo;
use crate::pkg::payload_tree::PayloadTree;
use crate::pkg::reader::{PackageReader, Script};
use crate::report::Report;

pub(super) fn check(
    pkg: &PackageReader<'_>,
    info: &PackageInfo,
    tree: &PayloadTree,
    report: &mut Report,
) -> Result<(), ReadError> {
    let scripts = pkg.scripts()?;
    let find = |name: &str| scripts.iter().find(|script| script.entry.path == name);
    for name in &info.scripts {
        let place = format!("Scripts/{name}");
        let Some(script) = find(name) else {
            report.check(false, "pkg-script", place, || "PackageInfo names it, but it is not there".to_owned());
            continue;
        };
        report.check(permissions(script) == 0o755, "pkg-script-mode", &place, || {
            format!("its mode is {:o}, must be 755", permissions(script))
        });
        report.check(script.content.starts_with(b"#!"), "pkg-script", &place, || {
            "it does not start with #! and the name of its interpreter".to_owned()
        });
    }
    for script in scripts {
        let place = format!("Scripts/{}", script.entry.path);
        report.check((script.entry.uid, script.entry.gid) == (0, 0), "pkg-script-owner", &place, || {
            format!("it belongs to {}:{}, must belong to 0:0", script.entry.uid, script.entry.gid)
        });
        if script.entry.path == TOKEN_NAME {
            report.check(permissions(script) == 0o600, "pkg-token-mode", &place, || {
                format!("its mode is {:o}, must be 600", permissions(script))
            });
        } else if script.entry.path == IssuerKeys::FILE_NAME {
            issuer_keys(script, &place, scripts, report);
        } else if script.entry.path.ends_with(".plist") {
            daemon(script, &place, info, tree, report);
        }
    }
    if info.generator == GENERATOR {
        for name in ["preinstall", "postinstall"] {
            report.check(info.scripts.iter().any(|script| script == name), "pkg-script", "PackageInfo", || {
                format!("{name} is not among its scripts, so the token would not be installed")
            });
        }
        links(scripts, report);
    }
    let token = pkg.token_in_scripts();
    match &token {
        Ok(Some(token)) => leaks(pkg, token.expose().as_bytes(), scripts, report)?,
        Ok(None) => {}
        Err(error) => report.error("pkg-token", format!("Scripts/{TOKEN_NAME}"), error.to_string()),
    }
    Ok(())
}

/// The links that `postinstall` makes are those that `uninstall` removes, and lie where their paths say.
fn links(scripts: &[Script], report: &mut Report) {
    let lines = |name: &str, word: &str| -> BTreeSet<String> {
        let script = scripts.iter().find(|script| script.entry.path == name);
        let text = script.map(|script| String::from_utf8_lossy(&script.content).into_owned()).unwrap_or_default();
        text.lines().filter_map(|line| line.trim_start().strip_prefix(word)).map(str::to_owned).collect()
    };
    let made = lines("postinstall", "link '");
    let removed = lines("uninstall", "unlink_own '");
    for line in made.union(&removed) {
        // 'target' "$root/"'path', each in the shell's quotes
        let path = line.rsplit_once("\"$root/\"'").map(|(_, path)| path.trim_end_matches('\''));
        let name = path.unwrap_or(line);
        report.check(removed.contains(line), "pkg-link", "Scripts/uninstall", || {
            format!("it does not remove the link /{name} that postinstall makes")
        });
        report.check(made.contains(line), "pkg-link", "Scripts/postinstall", || {
            format!("it does not make the link /{name} that uninstall removes")
        });
        let is_plain = path.is_some_and(|path| !path.split('/').any(|part| matches!(part, "" | "." | "..")));
        report.check(is_plain, "pkg-link", "Scripts/postinstall", || {
            format!("the path of the link {name:?} has empty parts, . or .. in it")
        });
    }
}

/// They can be used, and `postinstall` puts them where the agent finds them.
fn issuer_keys(script: &Script, place: &str, scripts: &[Script], report: &mut Report) {
    let parsed = IssuerKeys::parse(&script.content);
    report.check(parsed.is_ok(), "pkg-issuer-keys", place, || {
        parsed.as_ref().err().map(ToString::to_string).unwrap_or_default()
    });
    report.check(permissions(script) == 0o644, "pkg-issuer-keys", place, || {
        format!("its mode is {:o}, must be 644", permissions(script))
    });
    let name = IssuerKeys::FILE_NAME.as_bytes();
    let installs = |script: &Script| {
        script.entry.path == "postinstall" && script.content.windows(name.len()).any(|window| window == name)
    };
    report.check(scripts.iter().any(installs), "pkg-issuer-keys", place, || {
        "postinstall does not install it: the agent would not find it".to_owned()
    });
}

/// The token stands in its one place and in no document that others can read.
fn leaks(pkg: &PackageReader<'_>, token: &[u8], scripts: &[Script], report: &mut Report) -> Result<(), ReadError> {
    // a short token may be a word of the scripts
    const TELLING_BYTES: usize = 16;
    if token.len() < TELLING_BYTES {
        return Ok(());
    }
    let has = |content: &[u8]| content.windows(token.len()).any(|window| window == token);
    for script in scripts.iter().filter(|script| script.entry.path != TOKEN_NAME) {
        report.check(!has(&script.content), "pkg-token-leak", format!("Scripts/{}", script.entry.path), || {
            "it has the token in it".to_owned()
        });
    }
    for path in ["Distribution".to_owned(), format!("{}PackageInfo", pkg.component()?)] {
        let document = pkg.document(&path)?;
        let leak =
            document.descendants().any(|e| has(e.text.as_bytes()) || e.attributes.iter().any(|a| has(a.1.as_bytes())));
        report.check(!leak, "pkg-token-leak", path, || "it has the token in it".to_owned());
    }
    Ok(())
}

/// The daemon that `postinstall` installs: its program must be in the payload.
fn daemon(script: &Script, place: &str, info: &PackageInfo, tree: &PayloadTree, report: &mut Report) {
    report.check(permissions(script) == 0o644, "pkg-daemon-mode", place, || {
        format!("its mode is {:o}, must be 644: launchd takes no other", permissions(script))
    });
    let parsed = xml::parse("launchd property list", &script.content);
    let Ok(root) = &parsed else {
        report.check(false, "pkg-daemon", place, || parsed.err().map(|e| e.to_string()).unwrap_or_default());
        return;
    };
    let label = value(root, "Label").map(|value| value.text.as_str()).unwrap_or_default();
    let name = script.entry.path.trim_end_matches(".plist");
    report.check(label == name, "pkg-daemon", place, || format!("Label is {label:?}, must be {name:?}, its file name"));
    let program =
        value(root, "ProgramArguments").and_then(|list| list.children.first()).map(|first| first.text.as_str());
    let program = program.unwrap_or_default();
    let location = format!("{}/", info.install_location.trim_end_matches('/'));
    let installed = program.strip_prefix(&location).and_then(|path| tree.paths.get(path));
    let runs = installed.is_some_and(|program| program.entry.mode & 0o111 != 0 && !program.entry.is_directory());
    report.check(runs, "pkg-daemon", place, || format!("its program {program:?} is not an executable of the payload"));
}

/// The value of a key of a property list's outermost dictionary.
fn value<'a>(root: &'a Element, key: &str) -> Option<&'a Element> {
    let entries = root.child("dict")?.children.as_slice();
    entries.windows(2).find_map(|pair| match pair {
        [name, value] if name.name == "key" && name.text == key => Some(value),
        _ => None,
    })
}

const fn permissions(script: &Script) -> u32 {
    script.entry.mode & 0o7777
}
