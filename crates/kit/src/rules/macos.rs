//! What a flat package must leave running on a Mac, for Intune and Jamf.

use installer::Severity;
use installer::pkg::{Daemon, Daemons, FileEntry};

use super::profile::{MACOS, PROFILE_PAYLOADS, Profile};
use super::rule::{Broken, Rule, broken};
use super::subject::{FormatFacts, Subject};

const LAUNCHD: &str = "Apple, launchd.plist(5)";
const CONTRACT: &str = "Stampwright, docs/agent-contract.md";
const WRITABLE: &str = "MITRE, CWE-732";
const PROFILES: &str =
    "Apple, device management: ServiceManagementManagedLoginItems and PrivacyPreferencesPolicyControl";
const JAMF: &[Profile] = &[Profile::Jamf];

pub(super) static RULES: [Rule; 14] = [
    Rule {
        id: "macos-service",
        severity: Severity::Warning,
        profiles: MACOS,
        what: "it brings a daemon of launchd",
        why: "half-enrolled: the agent lies there and nothing runs it",
        remedy: "give the product a [service]",
        source: LAUNCHD,
        broken: |s| pkg(s, |b| if b.daemons.is_empty() { broken("Scripts", "there is none") } else { None }),
    },
    Rule {
        id: "macos-service-starts",
        severity: Severity::Error,
        profiles: MACOS,
        what: "the daemon is started when it is loaded",
        why: "half-enrolled: the agent enrolls when somebody starts it, or never",
        remedy: "set RunAtLoad",
        source: LAUNCHD,
        broken: |s| {
            pkg(s, |b| {
                each_daemon(b, |d| if d.runs_at_load { None } else { broken(&*d.path, "RunAtLoad is not true") })
            })
        },
    },
    Rule {
        id: "macos-service-restart",
        severity: Severity::Warning,
        profiles: MACOS,
        what: "the daemon is started again after a failure",
        why: "half-enrolled: the network is not there yet at the first start, the agent gives up, and that was it",
        remedy: "leave service.restart at its default (KeepAlive)",
        source: LAUNCHD,
        broken: |s| {
            pkg(s, |b| {
                each_daemon(b, |d| if d.is_kept_alive { None } else { broken(&*d.path, "KeepAlive is not set") })
            })
        },
    },
    Rule {
        id: "macos-service-account",
        severity: Severity::Error,
        profiles: MACOS,
        what: "the daemon runs as root",
        why: "half-enrolled: the token is readable for root alone",
        remedy: "take UserName out",
        source: CONTRACT,
        broken: |s| {
            pkg(s, |b| {
                each_daemon(b, |d| {
                    if matches!(d.user.as_str(), "" | "root") {
                        None
                    } else {
                        broken(&*d.path, format!("UserName is {:?}", d.user))
                    }
                })
            })
        },
    },
    Rule {
        id: "macos-service-mode",
        severity: Severity::Error,
        profiles: MACOS,
        what: "the daemon's property list belongs to root and has the mode 0644",
        why: "launchd does not load it otherwise",
        remedy: "install it as root:wheel 0644",
        source: LAUNCHD,
        broken: |s| {
            pkg(s, |b| {
                each_daemon(b, |d| {
                    if d.mode == 0o644 { None } else { broken(&*d.path, format!("its mode is {:04o}", d.mode)) }
                })
            })
        },
    },
    Rule {
        id: "macos-agent-executable",
        severity: Severity::Error,
        profiles: MACOS,
        what: "the daemon's program is in the payload and can be executed",
        why: "half-enrolled: launchd tries it every ten seconds, for ever",
        remedy: "give it the mode 0755, and its path to the daemon",
        source: LAUNCHD,
        broken: |s| {
            pkg(s, |b| {
                each_daemon(b, |d| match program(b, d) {
                    None => broken(&*d.path, format!("{:?} is not in the payload", d.arguments.first())),
                    Some(held) if held.is_folder || held.mode & 0o111 == 0 => {
                        broken(&*held.path, format!("its mode is {:04o}", held.mode))
                    }
                    Some(_) => None,
                })
            })
        },
    },
    Rule {
        id: "macos-owner",
        severity: Severity::Error,
        profiles: MACOS,
        what: "everything that is installed belongs to root",
        why: "who owns a file that root runs owns the device; a wrong owner also keeps launchd from loading it",
        remedy: "build it with this program, which writes 0:0",
        source: WRITABLE,
        broken: |s| {
            pkg(s, |b| {
                let wrong = b.placed.iter().find(|held| held.owner.0 != 0)?;
                broken(&*wrong.path, format!("it belongs to {}:{}", wrong.owner.0, wrong.owner.1))
            })
        },
    },
    Rule {
        id: "macos-not-writable",
        severity: Severity::Error,
        profiles: MACOS,
        what: "nothing that is installed can be written to by its group or others, or is setuid",
        why: "who can write to a file that root runs owns the device",
        remedy: "take the bits away; /Applications itself is the system's",
        source: WRITABLE,
        broken: |s| {
            pkg(s, |b| {
                let is_systems = |held: &FileEntry| {
                    held.is_folder && matches!(held.path.trim_end_matches('/'), "/Applications" | "")
                };
                let wrong =
                    b.placed.iter().find(|held| !held.is_link && held.mode & 0o7022 != 0 && !is_systems(held))?;
                broken(&*wrong.path, format!("its mode is {:04o}", wrong.mode))
            })
        },
    },
    Rule {
        id: "macos-token-mode",
        severity: Severity::Error,
        profiles: MACOS,
        what: "the token's file is root's alone (0600)",
        why: "Installer unpacks scripts with their modes, where every user can look",
        remedy: "stamp it with this program",
        source: "MITRE, CWE-732",
        broken: |s| {
            pkg(s, |b| {
                let token = b.token()?;
                if token.mode == 0o600 && token.owner.0 == 0 {
                    None
                } else {
                    broken(
                        format!("Scripts/{}", token.path),
                        format!("its mode is {:04o}, its owner {}", token.mode, token.owner.0),
                    )
                }
            })
        },
    },
    Rule {
        id: "macos-postinstall",
        severity: Severity::Error,
        profiles: MACOS,
        what: "a daemon or token among the scripts has a postinstall that can be executed",
        why: "half-enrolled: nothing puts them in their places",
        remedy: "build it with this program",
        source: "Apple, pkgbuild(1)",
        broken: |s| {
            pkg(s, |b| {
                let needs = b.token().is_some() || b.daemons.iter().any(|daemon| !daemon.path.starts_with('/'));
                let script = b.scripts.iter().find(|script| script.path == "postinstall");
                let runs = b.named_scripts.iter().any(|name| name == "postinstall")
                    && script.is_some_and(|script| script.mode & 0o111 != 0);
                if !needs || runs { None } else { broken("Scripts/postinstall", "it is not run") }
            })
        },
    },
    Rule {
        id: "macos-login-items-profile",
        severity: Severity::Warning,
        profiles: MACOS,
        what: "a profile for managed login items lies beside it",
        why: "half-enrolled: from macOS 13 on a user switches the daemon off in System Settings",
        remedy: "assign the profile that the kit makes (com.apple.servicemanagement)",
        source: PROFILES,
        broken: |s| pkg(s, |_| beside(s, PROFILE_PAYLOADS[0])),
    },
    Rule {
        id: "macos-privacy-profile",
        severity: Severity::Note,
        profiles: MACOS,
        what: "a profile for full disk access lies beside it",
        why: "an agent that looks at users' files sees none of them",
        remedy: "assign the profile that the kit makes, if the agent needs it",
        source: PROFILES,
        broken: |s| pkg(s, |_| beside(s, PROFILE_PAYLOADS[1])),
    },
    Rule {
        id: "jamf-program-place",
        severity: Severity::Note,
        profiles: JAMF,
        what: "only root can write where the daemon's program is",
        why: "/Applications belongs to group admin: an administrator can replace what root runs, without being asked for it",
        remedy: "set macos.install-location to application-support; Jamf installs anywhere, Intune's line-of-business type does not",
        source: WRITABLE,
        broken: |s| {
            pkg(s, |b| {
                let is_admins = |path: &&String| path.starts_with("/Applications/");
                let program = b.daemons.iter().filter_map(|daemon| daemon.arguments.first()).find(is_admins)?;
                broken(&**program, "administrators can write above it")
            })
        },
    },
    Rule {
        id: "jamf-file-name",
        severity: Severity::Warning,
        profiles: JAMF,
        what: "the file's name is plain: letters, digits, dots, -, _ and spaces",
        why: "Jamf makes URLs of it, and distribution points differ in what they take",
        remedy: "give it the base's name",
        source: "Jamf Learning Hub, Package Management",
        broken: |s| {
            let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_' | ' ');
            if s.name.ends_with(".pkg") && s.name.chars().all(is_plain) {
                None
            } else {
                broken("file name", format!("it is {:?}", s.name))
            }
        },
    },
];

fn pkg(subject: &Subject, rule: impl FnOnce(&Daemons) -> Option<Broken>) -> Option<Broken> {
    match &subject.facts {
        FormatFacts::Pkg(_, background) => rule(background),
        _ => None,
    }
}

fn each_daemon(background: &Daemons, rule: impl Fn(&Daemon) -> Option<Broken>) -> Option<Broken> {
    background.daemons.iter().find_map(rule)
}

fn program<'b>(background: &'b Daemons, daemon: &Daemon) -> Option<&'b FileEntry> {
    let path = daemon.arguments.first()?;
    background.placed.iter().find(|held| held.path == *path)
}

fn beside(subject: &Subject, payload_type: &str) -> Option<Broken> {
    if subject.beside.payload_types.iter().any(|found| found == payload_type) {
        return None;
    }
    broken("folder of the file", format!("no .mobileconfig there has a payload {payload_type}"))
}
