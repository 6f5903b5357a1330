//! Rules for a Debian package.

use installer::Severity;
use installer::deb::{Facts, Placed};

use super::profile::Profile;
use super::rule::{Broken, Rule, broken};
use super::subject::{FormatFacts, Subject};
use super::systemd::{Unit, program_of};

const DEBIAN: &[Profile] = &[Profile::Debian];
const SYSTEMD: &str = "systemd.service(5), systemd.unit(5)";
const LINTIAN: &str = "lintian";
const CONTRACT: &str = "Stampwright, docs/agent-contract.md";
const WRITABLE: &str = "MITRE, CWE-732";

pub(super) static RULES: [Rule; 18] = [
    Rule {
        id: "debian-fields",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "the control file has every field that a repository asks for",
        why: "apt-ftparchive and reprepro leave the package out",
        remedy: "fill in the product's manifest",
        source: "Debian Policy Manual, 5.3",
        broken: |s| {
            deb(s, |d| {
                let needed = ["Package", "Version", "Architecture", "Maintainer", "Description"];
                let missing = needed.iter().find(|name| d.fields.get(**name).is_none_or(String::is_empty))?;
                broken("control", format!("{missing} is missing"))
            })
        },
    },
    Rule {
        id: "debian-version",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "Version starts with a digit, and has no other signs than letters, digits and . + - ~ :",
        why: "dpkg refuses it",
        remedy: "set the product's version",
        source: "Debian Policy Manual, 5.6.12",
        broken: |s| {
            deb(s, |d| {
                let version = d.fields.get("Version").map(String::as_str).unwrap_or_default();
                let plain = version.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-~:".contains(&b));
                if plain && version.starts_with(|c: char| c.is_ascii_digit()) {
                    None
                } else {
                    broken("control", format!("it is {version:?}"))
                }
            })
        },
    },
    Rule {
        id: "debian-compression",
        severity: Severity::Warning,
        profiles: DEBIAN,
        what: "its members are compressed with gzip or xz",
        why: "dpkg of Debian 11 and older cannot read Zstandard",
        remedy: "set the compression to xz, unless all devices are newer",
        source: "deb(5); dpkg 1.21.18",
        broken: |s| {
            deb(s, |d| {
                let found = d.members.iter().find(|name| name.ends_with(".zst"))?;
                broken(&**found, "it is compressed with Zstandard")
            })
        },
    },
    Rule {
        id: "debian-members",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "nothing follows data.tar",
        why: "dpkg does not look there, and apt refuses the package",
        remedy: "leave appended data away",
        source: "deb(5)",
        broken: |s| deb(s, |d| d.members.get(2).and_then(|extra| broken(&**extra, "it follows"))),
    },
    Rule {
        id: "debian-service",
        severity: Severity::Warning,
        profiles: DEBIAN,
        what: "it brings a unit of systemd",
        why: "half-enrolled: the agent lies there and nothing runs it",
        remedy: "give the product a [service]",
        source: SYSTEMD,
        broken: |s| deb(s, |d| if d.units.is_empty() { broken("data.tar", "there is none") } else { None }),
    },
    Rule {
        id: "debian-service-wanted",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "the agent's unit is wanted by a target",
        why: "half-enrolled: after the next start of the device the agent does not run",
        remedy: "WantedBy=multi-user.target",
        source: SYSTEMD,
        broken: |s| {
            deb(s, |d| {
                let wanted = |unit: &Unit<'_>| !unit.all("WantedBy").is_empty();
                each_own_unit(d, |unit| (!wanted(unit)).then(|| "nothing wants it".to_owned()))
            })
        },
    },
    Rule {
        id: "debian-service-restart",
        severity: Severity::Warning,
        profiles: DEBIAN,
        what: "the unit is started again after a failure",
        why: "half-enrolled: the network is not there yet at the first start, the agent gives up, and that was it",
        remedy: "leave service.restart at its default",
        source: SYSTEMD,
        broken: |s| {
            deb(s, |d| {
                each_own_unit(d, |unit| {
                    let found = unit.last("Restart");
                    if matches!(found, "always" | "on-failure" | "on-abnormal") {
                        None
                    } else {
                        Some(format!("Restart is {found:?}"))
                    }
                })
            })
        },
    },
    Rule {
        id: "debian-service-account",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "the unit runs as root",
        why: "half-enrolled: the token is readable for root alone",
        remedy: "take User= and DynamicUser= out",
        source: CONTRACT,
        broken: |s| {
            deb(s, |d| {
                each_unit(d, |unit| {
                    let is_root = matches!(unit.last("User"), "" | "root" | "0")
                        && !matches!(unit.last("DynamicUser"), "yes" | "true" | "1");
                    if is_root { None } else { Some(format!("User is {:?}", unit.last("User"))) }
                })
            })
        },
    },
    Rule {
        id: "debian-agent-executable",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "the unit's program is in the package and can be executed",
        why: "half-enrolled: systemd says 203/EXEC and tries again, for ever",
        remedy: "give it the mode 0755, and its path to the unit",
        source: SYSTEMD,
        broken: |s| {
            deb(s, |d| {
                each_unit(d, |unit| {
                    let start = unit.last("ExecStart").trim_start_matches(['-', '@', ':', '+', '!']);
                    let program = program_of(start);
                    match d.placed.get(program.trim_start_matches('/')) {
                        Some(placed) if placed.is_file && placed.mode & 0o111 != 0 => None,
                        Some(placed) => Some(format!("{program} has the mode {:04o}", placed.mode)),
                        None => Some(format!("{program:?} is not in the package")),
                    }
                })
            })
        },
    },
    Rule {
        id: "debian-agent-architecture",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "programs are for the package's architecture",
        why: "half-enrolled: the kernel does not run them",
        remedy: "build the package of each architecture with its own agent",
        source: "ELF-64 Object File Format, e_machine",
        broken: |s| {
            deb(s, |d| {
                let expected = match d.fields.get("Architecture").map(String::as_str) {
                    Some("amd64") => 62,
                    Some("arm64") => 183,
                    _ => return None,
                };
                each_placed(d, |placed| {
                    let found = placed.machine.filter(|found| *found != expected)?;
                    Some(format!("e_machine is {found}"))
                })
            })
        },
    },
    Rule {
        id: "debian-owner",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "everything that is installed belongs to root",
        why: "who owns a file that root runs owns the device",
        remedy: "build it with this program, which writes 0:0",
        source: "Debian Policy Manual, 10.9",
        broken: |s| {
            deb(s, |d| {
                each_placed(d, |placed| {
                    (placed.owner != (0, 0)).then(|| format!("it belongs to {}:{}", placed.owner.0, placed.owner.1))
                })
            })
        },
    },
    Rule {
        id: "debian-not-writable",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "nothing that is installed can be written to by its group or others, or is setuid",
        why: "who can write to a file that root runs owns the device",
        remedy: "take the bits away",
        source: WRITABLE,
        broken: |s| {
            deb(s, |d| {
                each_placed(d, |placed| {
                    (!placed.is_link && placed.mode & 0o7022 != 0).then(|| format!("its mode is {:04o}", placed.mode))
                })
            })
        },
    },
    Rule {
        id: "debian-token-mode",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "the token's file is root's alone (0600)",
        why: "every user of the device can read it",
        remedy: "stamp it with this program",
        source: WRITABLE,
        broken: |s| {
            deb(s, |d| {
                let path = d.token_path.as_deref()?;
                let placed = d.placed.get(path)?;
                if placed.mode & 0o077 == 0 { None } else { broken(path, format!("its mode is {:04o}", placed.mode)) }
            })
        },
    },
    Rule {
        id: "debian-token-conffile",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "the token's file is no conffile",
        why: "an agent that deletes its token makes dpkg stop at a question at the next upgrade",
        remedy: "ship it outside of /etc, and let postinst copy it",
        source: "dpkg, conffile handling; Debian Policy Manual, 10.7.3",
        broken: |s| {
            deb(s, |d| {
                let path = format!("/{}", d.token_path.as_deref()?);
                if d.conffiles.contains(&path) { broken("conffiles", format!("{path} is listed")) } else { None }
            })
        },
    },
    Rule {
        id: "debian-postinst",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "postinst starts the unit, and enables it by deb-systemd-helper",
        why: "half-enrolled: the agent starts with the device's next start, or never",
        remedy: "build it with this program",
        source: "Debian Policy Manual, 9.3.3; debhelper, dh_installsystemd",
        broken: |s| {
            deb(s, |d| {
                let text = d.scripts.get("postinst").map(|script| script.text.as_str()).unwrap_or_default();
                let runs = text.contains("deb-systemd-helper")
                    && (text.contains("deb-systemd-invoke") || text.contains("systemctl start"));
                if d.units.is_empty() || runs { None } else { broken("postinst", "it does not") }
            })
        },
    },
    Rule {
        id: "debian-purge",
        severity: Severity::Warning,
        profiles: DEBIAN,
        what: "a purge removes what the agent leaves behind",
        why: "the next installation finds an old identity, and does not enroll",
        remedy: "remove /etc/PACKAGE and /var/lib/PACKAGE in postrm purge",
        source: "Debian Policy Manual, 6.8",
        broken: |s| {
            deb(s, |d| {
                let text = d.scripts.get("postrm").map(|script| script.text.as_str()).unwrap_or_default();
                if text.contains("purge") && text.contains("/var/lib/") {
                    None
                } else {
                    broken("postrm", "it does not")
                }
            })
        },
    },
    Rule {
        id: "debian-scripts",
        severity: Severity::Error,
        profiles: DEBIAN,
        what: "maintainer scripts can be executed, start with #! and stop at an error",
        why: "dpkg goes on after a failure and the package counts as installed",
        remedy: "mode 0755, #!/bin/sh, set -e",
        source: "Debian Policy Manual, 10.4",
        broken: |s| {
            deb(s, |d| {
                let is_wrong = |text: &str, mode: u32| {
                    mode & 0o111 == 0 || !text.starts_with("#!") || !text.lines().any(|line| line.trim() == "set -e")
                };
                let (name, _) = d.scripts.iter().find(|(_, script)| is_wrong(&script.text, script.mode))?;
                broken(name.as_str(), "it does not")
            })
        },
    },
    Rule {
        id: "debian-documents",
        severity: Severity::Warning,
        profiles: DEBIAN,
        what: "it has copyright and changelog, configuration below /etc is a conffile, and nothing is in /opt",
        why: "repositories that check packages refuse it",
        remedy: "build it with this program, and list files in /etc by the manifest",
        source: LINTIAN,
        broken: documents,
    },
];

fn deb(subject: &Subject, rule: impl FnOnce(&Facts) -> Option<Broken>) -> Option<Broken> {
    match &subject.facts {
        FormatFacts::Deb(facts) => rule(facts),
        _ => None,
    }
}

fn each_placed(facts: &Facts, rule: impl Fn(&Placed) -> Option<String>) -> Option<Broken> {
    facts.placed.iter().find_map(|(path, placed)| rule(placed).and_then(|found| broken(path.as_str(), found)))
}

fn documents(subject: &Subject) -> Option<Broken> {
    deb(subject, |d| {
        let package = d.fields.get("Package").map(String::as_str).unwrap_or_default();
        for document in ["copyright", "changelog.gz"] {
            let path = format!("usr/share/doc/{package}/{document}");
            if !d.placed.contains_key(&path) {
                return broken(path, "it is missing");
            }
        }
        let is_wrong = |path: &str, placed: &Placed| {
            let unlisted = path.starts_with("etc/") && placed.is_file && !d.conffiles.contains(&format!("/{path}"));
            unlisted || path == "opt" || path.starts_with("opt/")
        };
        let (path, _) = d.placed.iter().find(|(path, placed)| is_wrong(path, placed))?;
        broken(path.as_str(), if path.starts_with("etc") { "it is no conffile" } else { "it is in /opt" })
    })
}

fn each_unit(facts: &Facts, rule: impl Fn(&Unit<'_>) -> Option<String>) -> Option<Broken> {
    facts.units.iter().find_map(|(path, text)| rule(&Unit(text)).and_then(|found| broken(path.as_str(), found)))
}

/// The units that the package starts by itself: postinst names them. Others are started by a timer, a socket or another unit. Where
/// postinst names none, every one counts.
fn each_own_unit(facts: &Facts, rule: impl Fn(&Unit<'_>) -> Option<String>) -> Option<Broken> {
    let postinst = facts.scripts.get("postinst").map(|script| script.text.as_str()).unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    let is_named = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        postinst.split(|c: char| !is_word(c)).any(|word| word == name)
    };
    let names_any = facts.units.keys().any(|path| is_named(path));
    let own = facts.units.iter().filter(|(path, _)| !names_any || is_named(path));
    own.into_iter().find_map(|(path, text)| rule(&Unit(text)).and_then(|found| broken(path.as_str(), found)))
}
