//! Where a product's further files may go: nowhere that the system does not let them be, and where it leads elsewhere, there.

use super::manifest::Platform;
use super::names::{folder_problem, is_device_name};

/// Windows' longest path ("Maximum Path Length Limitation": 260 characters with the final zero).
const MAX_PATH_UNITS: usize = 259;
/// Where Program Files is, as far as a length counts.
const PROGRAM_FILES: &str = r"C:\Program Files\";
/// What is added to the name of a configuration file's default.
const DEFAULT_ENDING: &str = ".default";
/// The longest name on Linux and macOS (NAME_MAX).
const MAX_NAME_BYTES: usize = 255;

/// Folders at the root that a merged `/usr` has as links: dpkg knows files by the path that a package has, and installs two packages'
/// files over one another where two paths lead to one place.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// Folders of the system that are gone with its next start, or are no files at all.
const NOT_KEPT: [&str; 5] = ["dev", "proc", "run", "sys", "tmp"];
/// Links at the root of macOS, which lead below `/private`.
const PRIVATE: [&str; 3] = ["etc", "tmp", "var"];
/// Folders at the root of macOS that can be written to (/usr/share/firmlinks).
const WRITABLE: [&str; 5] = ["Applications", "Library", "Users", "opt", "private"];

/// Where a file goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Destination {
    /// With `/` between the parts and none at the start.
    pub(super) path: String,
    /// Where that is not what was typed: why.
    pub(super) note: Option<String>,
}

/// What is wrong with a destination, and the next step.
pub(super) type Refusal = (&'static str, Option<&'static str>);

/// On Windows, below the installation folder. `folder` is that one's path below Program Files.
pub(super) fn on_windows(text: &str, folder: &str, is_config: bool) -> Result<Destination, Refusal> {
    const MUST: &str = "must be a path below the installation folder, e.g. conf/agent.conf";
    if text.split('/').any(is_device_name) {
        return Err(("has the name of a device of Windows in it, whatever its ending", None));
    }
    if !text.split('/').all(|part| folder_problem(part).is_none() || is_dotted(part)) {
        return Err((MUST, None));
    }
    let units = |text: &str| text.encode_utf16().count();
    let ending = if is_config { DEFAULT_ENDING } else { "" };
    if units(PROGRAM_FILES) + units(folder) + 1 + units(text) + units(ending) > MAX_PATH_UNITS {
        return Err((
            "makes a path of more than 259 characters, which Windows Installer cannot write to",
            Some("shorten it"),
        ));
    }
    Ok(Destination { path: text.to_owned(), note: None })
}

/// On Linux, by its full path.
pub(super) fn on_linux(text: &str) -> Result<Destination, Refusal> {
    let (path, first) = full(text)?;
    if NOT_KEPT.contains(&first) {
        return Err(("is in a folder that the system makes anew at every start", None));
    }
    if MERGED.contains(&first) {
        let note = format!("{text} is installed as /usr/{path}: on a merged /usr the one leads to the other");
        return Ok(Destination { path: format!("usr/{path}"), note: Some(note) });
    }
    Ok(Destination { path: path.to_owned(), note: None })
}

/// On macOS, by its full path.
pub(super) fn on_macos(text: &str) -> Result<Destination, Refusal> {
    let (path, first) = full(text)?;
    if PRIVATE.contains(&first) {
        let note = format!("{text} is installed as /private/{path}: on macOS the one leads to the other");
        return Ok(Destination { path: format!("private/{path}"), note: Some(note) });
    }
    if WRITABLE.contains(&first) || path.starts_with("usr/local/") {
        return Ok(Destination { path: path.to_owned(), note: None });
    }
    let hint = Some("choose a place below /Library, /Applications, /usr/local or /opt");
    let is_sealed = matches!(first, "System" | "bin" | "sbin" | "usr" | "dev" | "cores" | "Volumes" | "Network");
    Err(if is_sealed {
        ("is on the system volume of macOS, which is sealed: nothing can be installed there", hint)
    } else {
        ("is in a new folder at the root of macOS, which is sealed: nothing can be installed there", hint)
    })
}

/// A full path without its first slash, and its first folder.
fn full(text: &str) -> Result<(&str, &str), Refusal> {
    const MUST: &str = "must be a full path, e.g. /etc/example/agent.conf";
    let path = text.strip_prefix('/').ok_or((MUST, None))?;
    if !path.split('/').all(|part| is_part(part) || is_dotted(part)) {
        return Err((MUST, None));
    }
    match path.split_once('/') {
        Some((first, _)) => Ok((path, first)),
        None => Err(("is right below the root; it must be in a folder", None)),
    }
}

/// A name that every file system has, but for the names that only Windows does not let be.
fn is_part(part: &str) -> bool {
    let is_sign = |c: char| c.is_control() || matches!(c, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*');
    (1..=MAX_NAME_BYTES).contains(&part.len())
        && !part.contains(is_sign)
        && !part.ends_with(['.', ' '])
        && !part.starts_with([' ', '.', '-'])
}

/// A hidden file or folder, which every system has.
fn is_dotted(part: &str) -> bool {
    part.strip_prefix('.').is_some_and(|rest| rest != "." && is_part(rest))
}

impl Platform {
    /// The rules of the platform for one destination.
    pub(super) fn destination(self, text: &str, folder: &str, is_config: bool) -> Result<Destination, Refusal> {
        match self {
            Self::Windows => on_windows(text, folder, is_config),
            Self::Macos => on_macos(text),
            Self::Linux => on_linux(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_goes_there_and_is_said() {
        let places = [
            (on_linux("/lib/systemd/system/x.service"), "usr/lib/systemd/system/x.service"),
            (on_linux("/sbin/agentctl"), "usr/sbin/agentctl"),
            (on_macos("/etc/agent/agent.conf"), "private/etc/agent/agent.conf"),
            (on_macos("/var/db/agent/x"), "private/var/db/agent/x"),
        ];
        for (place, path) in places {
            let place = place.unwrap();
            assert_eq!(place.path, path);
            assert!(place.note.unwrap().contains(&format!("is installed as /{path}")));
        }
        for (place, path) in [
            (on_linux("/etc/example/aux.conf"), "etc/example/aux.conf"),
            (on_linux("/usr/lib/x"), "usr/lib/x"),
            (on_macos("/usr/local/bin/agentctl"), "usr/local/bin/agentctl"),
            (on_macos("/Library/LaunchAgents/x.plist"), "Library/LaunchAgents/x.plist"),
            (on_windows("conf/agent.conf", r"Example Ltd\Example Agent", true), "conf/agent.conf"),
        ] {
            assert_eq!(place.unwrap(), Destination { path: path.to_owned(), note: None });
        }
    }

    #[test]
    fn what_the_system_does_not_let_be_is_refused() {
        for wrong in ["/usr/bin/agentctl", "/System/x/y", "/bin/x", "/sbin/x", "/usr/local", "/dev/x", "/Volumes/x/y"] {
            assert!(on_macos(wrong).unwrap_err().0.contains("sealed"), "{wrong}");
        }
        assert!(on_macos("/data/x").unwrap_err().0.contains("a new folder at the root"));
        for wrong in ["/run/x/y", "/tmp/x", "/proc/1", "/vmlinuz"] {
            assert!(on_linux(wrong).is_err(), "{wrong}");
        }
        let folder = r"Example Ltd\Example Agent";
        for wrong in ["COM1", "con.txt", "conf/AUX", "nul.d/x", "lpt³/x"] {
            assert!(on_windows(wrong, folder, false).unwrap_err().0.contains("device"), "{wrong}");
        }
        for wrong in ["conf./x", "conf /x", "../x", "a:b", "/x", ""] {
            assert!(on_windows(wrong, folder, false).is_err(), "{wrong}");
        }
        let room = MAX_PATH_UNITS - PROGRAM_FILES.len() - folder.len() - 1;
        let of = |len: usize| (0..len).map(|n| if n % 50 == 49 { '/' } else { 'd' }).collect::<String>();
        assert!(on_windows(&of(room), folder, false).is_ok());
        assert!(on_windows(&of(room + 1), folder, false).unwrap_err().0.contains("259"));
        assert!(on_windows(&of(room), folder, true).unwrap_err().0.contains("259"));
    }
}
