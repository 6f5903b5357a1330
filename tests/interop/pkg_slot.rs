//! A token between a flat package's archive and its notarization ticket, found by the package's own scripts under several shells, on
//! a device with stand-ins for `launchctl` and `defaults`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use container::bom::Cksum;
use container::slot::{MAX_TOKEN_BYTES, PKG_LEN_BYTES, PKG_MARK};
use installer::Platform;
use installer::pkg::Pkg;

use super::pkg_scripts::{Device, STATE, mode, refuses, shells, succeeds, unpacked};
use crate::support::both;
use crate::support::issuer::Issuer;
use crate::support::product::{MANIFEST, Small, build};

const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnQiOiJhY21lIn0.c2xvdC1zaWduYXR1cmU_-";

fn issuer() -> Issuer {
    Issuer::new(3, "key-1")
}

/// A base with issuer keys, with or without a need for a token.
fn base(required: bool) -> &'static Vec<u8> {
    static BASES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let bases = BASES.get_or_init(|| {
        [false, true].map(|required| {
            let text = MANIFEST.replace("[service]", &format!("[token]\nrequired = {required}\n\n[service]"));
            let small = Small::with(&text).unwrap();
            let product = small.product.clone().with_issuer_keys(issuer().jwks()).unwrap();
            build(&Pkg, &product, product.agents_for(Platform::Macos).next().unwrap()).unwrap()
        })
    });
    &bases[usize::from(required)]
}

/// The block, as the contract has it.
fn block(token: &str) -> Vec<u8> {
    let sum = if token.is_empty() { 0 } else { Cksum::of(token.as_bytes()) };
    let block = format!("\n{PKG_MARK} {:04} {sum:010} {token:<MAX_TOKEN_BYTES$}\n", token.len());
    assert_eq!(block.len(), PKG_LEN_BYTES);
    block.into_bytes()
}

/// A ticket's trailer (Security's notarization.cpp), with line endings in it: a terminator, the ticket, its header.
fn ticket() -> Vec<u8> {
    let header = |kind: u16, len: u32| {
        let mut out = b"t8lr".to_vec();
        out.extend(1_u16.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(len.to_le_bytes());
        out.extend([0; 4]);
        out
    };
    let content: Vec<u8> = (0..9000_u32).map(|n| if n % 97 == 0 { b'\n' } else { ((n * 31) >> 3) as u8 }).collect();
    [header(1, 0), content.clone(), header(2, content.len() as u32)].concat()
}

/// Installs a package that ends in `tail`; the package is gone after preinstall if it is to be.
fn install(device: &Device, base: &Vec<u8>, tail: &[u8], vanishes: bool) -> Output {
    let package = device.folder.path().join("A package (1) [x].pkg");
    fs::write(&package, [base.as_slice(), tail].concat()).unwrap();
    let scripts = unpacked(base);
    let said = device.run_in(scripts.path(), "preinstall", &package);
    assert!(!both(&said).contains(TOKEN), "the token is in the log");
    if !said.status.success() {
        return said;
    }
    if vanishes {
        fs::remove_file(&package).unwrap();
    }
    let said = device.run_in(scripts.path(), "postinstall", &package);
    assert!(!both(&said).contains(TOKEN), "the token is in the log");
    said
}

fn token_of(device: &Device) -> Option<String> {
    let path = device.path(STATE).join("enrollment-token");
    let text = fs::read_to_string(&path).ok()?;
    assert_eq!(mode(&path), 0o600);
    Some(text)
}

fn on_every_shell(test: impl Fn(&Device)) {
    for shell in shells() {
        test(&Device::new(&shell, 0));
    }
}

#[test]
fn the_token_gets_from_the_slot_to_its_place() {
    let longest = format!("a.b.{}", "c".repeat(MAX_TOKEN_BYTES - 4));
    for (token, tail) in [
        (TOKEN, block(TOKEN)),
        (TOKEN, [block(TOKEN), ticket()].concat()),
        ("a.b.c", [block("a.b.c"), ticket()].concat()),
        (longest.as_str(), [block(&longest), ticket()].concat()),
    ] {
        for vanishes in [false, true] {
            on_every_shell(|device| {
                succeeds(&install(device, base(true), &tail, vanishes));
                assert_eq!(token_of(device).as_deref(), Some(token));
                let keys = device.path(STATE).join("issuer-keys.json");
                assert_eq!((fs::read(&keys).unwrap(), mode(&keys)), (issuer().jwks(), 0o644));
                assert_eq!(
                    fs::read_dir(device.path(STATE)).unwrap().count(),
                    3,
                    "something is left beside them and the uninstall script"
                );
            });
        }
    }
}

#[test]
fn without_a_token_it_says_so_and_fails_where_one_is_needed() {
    for tail in [vec![], ticket(), block(""), [block(""), ticket()].concat()] {
        on_every_shell(|device| {
            refuses(&install(device, base(true), &tail, false), "carries no enrollment token");
            assert!(!device.path(STATE).exists(), "something was installed");
            succeeds(&install(device, base(false), &tail, false));
            assert_eq!(token_of(device), None);
        });
    }
}

#[test]
fn what_is_not_exactly_a_slot_is_refused_by_name() {
    let changed = |at: usize, value: u8| {
        let mut block = block(TOKEN);
        block[at] = value;
        block
    };
    let url = "https://evil.example/enroll?x=1";
    let quoted = "a.b.$(touch${IFS}x)";
    for (tail, why) in [
        // Forged: another token under the checksum of the first.
        (changed(40, b'X'), "its checksum is wrong"),
        (changed(28, b'0'), "its checksum is wrong"),
        (block(url), "what is beside the signature is no token"),
        (block(quoted), "what is beside the signature is no token"),
        (changed(36 + TOKEN.len() + 9, b'x'), "there is something behind the token"),
        (changed(22, b'x'), "its head is wrong"),
        (changed(18, b'2'), "its head is wrong"),
        (block(TOKEN)[..2000].to_vec(), "its length is wrong"),
        // One byte less, the line ending alone, is not noticed at the end of a file: grep ends every line.
        (block(TOKEN)[..PKG_LEN_BYTES - 2].to_vec(), "its length is wrong"),
        ([&block(TOKEN)[..4000], b" ", &block(TOKEN)[4000..]].concat(), "its length is wrong"),
        ([block(TOKEN), block(TOKEN)].concat(), "its length is wrong"),
    ] {
        for tail in [tail.clone(), [tail.clone(), ticket()].concat()] {
            on_every_shell(|device| {
                let said = install(device, base(true), &tail, false);
                refuses(&said, why);
                refuses(&said, "nothing was installed");
                assert!(!device.path(STATE).exists());
                let said = install(device, base(false), &tail, false);
                succeeds(&said);
                assert!(both(&said).contains(why), "{}", both(&said));
                assert_eq!(token_of(device), None);
            });
        }
    }
}

#[test]
fn a_length_is_a_decimal_number_and_no_longer_than_the_slot() {
    let with_len = |len: &str| {
        let mut block = block(TOKEN);
        block[20..24].copy_from_slice(len.as_bytes());
        block
    };
    for len in ["4097", "9999", "0001", "0x10", "+001", "-001", " 067", "08.1", "0000"] {
        on_every_shell(|device| {
            let said = install(device, base(true), &with_len(len), false);
            assert_eq!(said.status.code(), Some(1), "{len}: {}", both(&said));
            assert_eq!(token_of(device), None);
        });
    }
}

/// A management system's preference, as `defaults` reads it.
fn manage(device: &Device, value: &str) {
    device.write("Library/Managed Preferences/com.example.agent.plist", "a property list");
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = read ] && [ \"$3\" = EnrollmentToken ] || exit 1\n\
         [ -f \"$2.plist\" ] || exit 1\nprintf '%s\\n' '{value}'\n"
    );
    let path: PathBuf = device.folder.path().join("bin/defaults");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_managed_preference_is_taken_where_the_slot_has_no_token() {
    on_every_shell(|device| {
        manage(device, "managed-token:1");
        succeeds(&install(device, base(true), &block(""), false));
        assert_eq!(token_of(device).as_deref(), Some("managed-token:1"));
        succeeds(&install(device, base(true), &block(TOKEN), false));
        assert_eq!(token_of(device).as_deref(), Some(TOKEN));
    });
    on_every_shell(|device| {
        manage(device, "two words");
        refuses(&install(device, base(true), &[], false), "the managed preference EnrollmentToken is no token");
    });
}

#[test]
fn a_token_in_the_signed_part_wins_over_the_slot() {
    let token = issuer().token("acme", 0);
    let stamped = super::pkg::stamp(base(true), token.expose());
    on_every_shell(|device| {
        succeeds(&install(device, &stamped, &block(TOKEN), false));
        assert_eq!(token_of(device).as_deref(), Some(token.expose()));
    });
}

#[test]
fn an_enrolled_device_takes_nothing_and_an_upgrade_keeps_what_is_there() {
    on_every_shell(|device| {
        device.write(&format!("{STATE}/enrollment-state"), "enrolled\n");
        succeeds(&install(device, base(true), &block(TOKEN), false));
        assert_eq!(token_of(device), None);
    });
    on_every_shell(|device| {
        succeeds(&install(device, base(true), &block(TOKEN), false));
        succeeds(&install(device, base(true), &[], false));
        assert_eq!(token_of(device).as_deref(), Some(TOKEN));
    });
}

#[test]
fn a_package_that_is_not_there_is_no_slot() {
    on_every_shell(|device| {
        let scripts = unpacked(base(true));
        refuses(&device.run_in(scripts.path(), "preinstall", Path::new("/nonexistent.pkg")), "nothing was installed");
    });
}
