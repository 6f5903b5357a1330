//! Rules for an RPM package.

use installer::Severity;
use installer::rpm::{Facts, Placed};

use super::profile::Profile;
use super::rule::{Broken, Rule, broken};
use super::subject::{FormatFacts, Subject};
use super::systemd::{Unit, program_of};

const RHEL: &[Profile] = &[Profile::Rhel];
const SYSTEMD: &str = "systemd.service(5), systemd.unit(5)";
const PRESETS: &str = "systemd.preset(5); Fedora Packaging Guidelines, Scriptlets";
const RPM: &str = "rpm, RPM V4 Package format";
const SELINUX: &str = "fedora-selinux/selinux-policy, corecommands.fc";
const CONTRACT: &str = "Stampwright, docs/agent-contract.md";
const WRITABLE: &str = "MITRE, CWE-732";

pub(super) static RULES: [Rule; 17] = [
    Rule {
        id: "rhel-signed",
        severity: Severity::Warning,
        profiles: RHEL,
        what: "its header is signed",
        why: "rpm 6 and Fedora from 45 on refuse to install it, and dnf refuses it where gpgcheck or localpkg_gpgcheck is on",
        remedy: "sign it: stampwright sign, or stamp with --resign; devices need the key: rpm --import",
        source: "rpm 6.0, macros.in: _pkgverify_level; dnf.conf(5)",
        broken: |s| rpm(s, |r| if r.is_signed { None } else { broken("signature header", "it is not") }),
    },
    Rule {
        id: "rhel-digests",
        severity: Severity::Error,
        profiles: RHEL,
        what: "it has the SHA-256 of its header and of its payload",
        why: "rpm 6 refuses a package without the first, every rpm from 4.14 on one without the second",
        remedy: "build it with a tool that writes both",
        source: RPM,
        broken: |s| {
            rpm(s, |r| match (r.has_header_sha256, r.has_payload_digest) {
                (false, _) => broken("signature header", "SHA256 is missing"),
                (_, false) => broken("header", "PAYLOADDIGEST is missing"),
                _ => None,
            })
        },
    },
    Rule {
        id: "rhel-old-digests",
        severity: Severity::Warning,
        profiles: RHEL,
        what: "it has no MD5 and no signature over header and payload together",
        why: "systems in FIPS mode do not know MD5, and a wrong one stops rpm 4",
        remedy: "build it with a tool that leaves them out",
        source: RPM,
        broken: |s| {
            rpm(s, |r| r.old_digests.first().and_then(|name| broken("signature header", format!("it has {name}"))))
        },
    },
    Rule {
        id: "rhel-version",
        severity: Severity::Error,
        profiles: RHEL,
        what: "VERSION and RELEASE have no other signs than letters, digits and . + _ ~ ^",
        why: "a hyphen installs, and every tool takes what follows it for the release",
        remedy: "set the product's version",
        source: "rpm, build/parsePreamble.c",
        broken: |s| {
            rpm(s, |r| {
                ["VERSION", "RELEASE"].into_iter().find_map(|name| {
                    let text = r.fields.get(name).map(String::as_str).unwrap_or_default();
                    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b".+_~^".contains(&b));
                    if plain && !text.is_empty() { None } else { broken("header", format!("{name} is {text:?}")) }
                })
            })
        },
    },
    Rule {
        id: "rhel-architecture",
        severity: Severity::Error,
        profiles: RHEL,
        what: "ARCH is a name of rpm's: x86_64, aarch64, noarch and the like",
        why: "rpm may take amd64, dnf says conflicting requests",
        remedy: "name the architecture as uname -m does",
        source: "rpm, rpmrc.in",
        broken: |s| {
            rpm(s, |r| {
                let arch = r.fields.get("ARCH").map(String::as_str).unwrap_or_default();
                let foreign = matches!(arch, "" | "amd64" | "x64" | "arm64" | "any" | "all");
                if foreign { broken("header", format!("ARCH is {arch:?}")) } else { None }
            })
        },
    },
    Rule {
        id: "rhel-service",
        severity: Severity::Warning,
        profiles: RHEL,
        what: "it brings a unit of systemd",
        why: "half-enrolled: the agent lies there and nothing runs it",
        remedy: "give the product a [service]",
        source: SYSTEMD,
        broken: |s| rpm(s, |r| if units(r).next().is_none() { broken("payload", "there is none") } else { None }),
    },
    Rule {
        id: "rhel-preset",
        severity: Severity::Error,
        profiles: RHEL,
        what: "a preset file enables the unit",
        why: "half-enrolled: the distribution's own presets enable nothing that is not listed, so it is never started",
        remedy: "ship /usr/lib/systemd/system-preset/80-PACKAGE.preset with enable UNIT, and preset the unit in %post",
        source: PRESETS,
        broken: |s| {
            rpm(s, |r| {
                units(r).find_map(|(path, _)| {
                    let name = path.rsplit('/').next().unwrap_or_default();
                    let enabled = r
                        .texts
                        .iter()
                        .filter(|(path, _)| path.ends_with(".preset"))
                        .any(|(_, text)| text.lines().any(|line| line.split_whitespace().eq(["enable", name])));
                    let presets = r.scripts.get("post").is_some_and(|script| script.contains("preset"));
                    if enabled && presets { None } else { broken(path, "nothing does") }
                })
            })
        },
    },
    Rule {
        id: "rhel-service-wanted",
        severity: Severity::Error,
        profiles: RHEL,
        what: "the unit is wanted by a target",
        why: "half-enrolled: after the next start of the device the agent does not run",
        remedy: "WantedBy=multi-user.target",
        source: SYSTEMD,
        broken: |s| {
            rpm(s, |r| {
                each_unit(
                    r,
                    |unit| if unit.all("WantedBy").is_empty() { Some("nothing wants it".to_owned()) } else { None },
                )
            })
        },
    },
    Rule {
        id: "rhel-service-restart",
        severity: Severity::Warning,
        profiles: RHEL,
        what: "the unit is started again after a failure",
        why: "half-enrolled: the network is not there yet at the first start, the agent gives up, and that was it",
        remedy: "leave service.restart at its default",
        source: SYSTEMD,
        broken: |s| {
            rpm(s, |r| {
                each_unit(r, |unit| {
                    let found = unit.last("Restart");
                    let again = matches!(found, "always" | "on-failure" | "on-abnormal");
                    if again { None } else { Some(format!("Restart is {found:?}")) }
                })
            })
        },
    },
    Rule {
        id: "rhel-agent-executable",
        severity: Severity::Error,
        profiles: RHEL,
        what: "the unit's program is in the package and can be executed",
        why: "half-enrolled: systemd says 203/EXEC and tries again, for ever",
        remedy: "give it the mode 0755, and its path to the unit",
        source: SYSTEMD,
        broken: |s| {
            rpm(s, |r| {
                each_unit(r, |unit| {
                    let program = program(unit);
                    match r.placed.get(program.trim_start_matches('/')) {
                        Some(placed) if placed.is_file && placed.mode & 0o111 != 0 => None,
                        Some(placed) => Some(format!("{program} has the mode {:04o}", placed.mode)),
                        None => Some(format!("{program:?} is not in the package")),
                    }
                })
            })
        },
    },
    Rule {
        id: "rhel-selinux",
        severity: Severity::Error,
        profiles: RHEL,
        what: "the unit's program lies below /usr/libexec, a bin folder or /opt",
        why: "half-enrolled: what is below /usr/lib or /var is no program to SELinux, and systemd says 203/EXEC",
        remedy: "install it to /usr/libexec/PACKAGE",
        source: SELINUX,
        broken: |s| {
            rpm(s, |r| {
                each_unit(r, |unit| {
                    let program = program(unit);
                    let allowed = ["/usr/libexec/", "/usr/bin/", "/usr/sbin/", "/usr/local/", "/opt/"];
                    let fits = allowed.iter().any(|folder| program.starts_with(folder)) || program.contains("/bin/");
                    if fits { None } else { Some(format!("it is {program}")) }
                })
            })
        },
    },
    Rule {
        id: "rhel-agent-architecture",
        severity: Severity::Error,
        profiles: RHEL,
        what: "programs are for the package's architecture",
        why: "half-enrolled: the kernel does not run them",
        remedy: "build the package of each architecture with its own agent",
        source: "ELF-64 Object File Format, e_machine",
        broken: |s| {
            rpm(s, |r| {
                let expected = match r.fields.get("ARCH").map(String::as_str) {
                    Some("x86_64") => 62,
                    Some("aarch64") => 183,
                    _ => return None,
                };
                let (path, placed) =
                    r.placed.iter().find(|(_, placed)| placed.machine.is_some_and(|found| found != expected))?;
                broken(path.as_str(), format!("e_machine is {:?}", placed.machine.unwrap_or_default()))
            })
        },
    },
    Rule {
        id: "rhel-owner",
        severity: Severity::Error,
        profiles: RHEL,
        what: "everything that is installed belongs to root",
        why: "who owns a file that root runs owns the device",
        remedy: "build it with this program, which writes root:root",
        source: WRITABLE,
        broken: |s| {
            rpm(s, |r| {
                each_placed(r, |placed| {
                    let (user, group) = &placed.owner;
                    (user != "root" || group != "root").then(|| format!("it belongs to {user}:{group}"))
                })
            })
        },
    },
    Rule {
        id: "rhel-not-writable",
        severity: Severity::Error,
        profiles: RHEL,
        what: "nothing that is installed can be written to by others, or is setuid",
        why: "who can write to a file that root runs owns the device",
        remedy: "take the bits away from the manifest's modes",
        source: WRITABLE,
        broken: |s| {
            rpm(s, |r| {
                let open = |placed: &Placed| !placed.is_link && placed.mode & 0o7022 != 0;
                each_placed(r, |placed| open(placed).then(|| format!("its mode is {:04o}", placed.mode)))
            })
        },
    },
    Rule {
        id: "rhel-token-mode",
        severity: Severity::Error,
        profiles: RHEL,
        what: "the token is for root alone, 0600",
        why: "every user of the device could enroll another in its place",
        remedy: "stamp with this program",
        source: CONTRACT,
        broken: |s| {
            rpm(s, |r| {
                let path = r.token_path.as_ref()?;
                let placed = r.placed.get(path)?;
                if placed.mode == 0o600 {
                    None
                } else {
                    broken(path.as_str(), format!("its mode is {:04o}", placed.mode))
                }
            })
        },
    },
    Rule {
        id: "rhel-token-config",
        severity: Severity::Error,
        profiles: RHEL,
        what: "the token is no %config file",
        why: "an upgrade keeps the old token, and old ones stay behind as .rpmsave and .rpmnew",
        remedy: "stamp with this program",
        source: "rpm-spec(5); rpm, lib/rpmfi.c",
        broken: |s| {
            rpm(s, |r| {
                let path = r.token_path.as_ref()?;
                if r.placed.get(path)?.is_config { broken(path.as_str(), "it is one") } else { None }
            })
        },
    },
    Rule {
        id: "rhel-upgrade",
        severity: Severity::Error,
        profiles: RHEL,
        what: "scriptlets that run at a removal ask whether it is one",
        why: "the old package's scriptlets run at an upgrade as well, after the new one's: they stop the agent, or take its files",
        remedy: "look at $1 in %preun and %postun: 0 is a removal",
        source: "rpm-scriptlets(7)",
        broken: |s| {
            rpm(s, |r| {
                ["preun", "postun"].into_iter().find_map(|name| {
                    let script = r.scripts.get(name)?;
                    let acts = ["systemctl disable", "systemctl stop", "rm -"].iter().any(|word| script.contains(word));
                    let asks = script.contains("$1") || script.contains("${1");
                    if acts && !asks { broken(format!("%{name}"), "it does not") } else { None }
                })
            })
        },
    },
];

fn rpm(subject: &Subject, rule: impl FnOnce(&Facts) -> Option<Broken>) -> Option<Broken> {
    match &subject.facts {
        FormatFacts::Rpm(facts) => rule(facts),
        _ => None,
    }
}

fn units(facts: &Facts) -> impl Iterator<Item = (&str, &str)> {
    let units = facts.texts.iter().filter(|(path, _)| path.ends_with(".service"));
    units.map(|(path, text)| (path.as_str(), text.as_str()))
}

fn each_unit(facts: &Facts, rule: impl Fn(&Unit<'_>) -> Option<String>) -> Option<Broken> {
    units(facts).find_map(|(path, text)| rule(&Unit(text)).and_then(|found| broken(path, found)))
}

fn each_placed(facts: &Facts, rule: impl Fn(&Placed) -> Option<String>) -> Option<Broken> {
    facts.placed.iter().find_map(|(path, placed)| rule(placed).and_then(|found| broken(path.as_str(), found)))
}

fn program<'a>(unit: &Unit<'a>) -> &'a str {
    program_of(unit.last("ExecStart").trim_start_matches(['-', '@', ':', '+', '!']))
}
