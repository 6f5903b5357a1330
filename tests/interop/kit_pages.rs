//! What the pages of a kit must say, because who follows a page without it breaks an enrollment: the install command of a transform, what a new
//! token changes, where a profile does not replace another one, what needs the beta endpoint.

use std::fs;

use installer::Kind;
use serde_json::Value;

use crate::support::keys::keys;
use crate::support::kits::{Made, json};
use crate::support::product::MANIFEST;
use crate::support::{both, output, program};

/// A page in one line, so that where its lines break does not count.
fn page(kit: &std::path::Path, system: &str) -> String {
    let text = fs::read_to_string(kit.join(system).join("README.md")).unwrap();
    // A heading with nothing under it is a step that is missing.
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    for pair in lines.windows(2) {
        assert!(!(pair[0].starts_with('#') && pair[1].starts_with("## ")), "{pair:?} of {system}");
    }
    assert!(lines.last().is_some_and(|line| !line.starts_with('#')), "{text}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(page: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(page.contains(sentence), "{sentence:?} is missing:\n{page}");
    }
}

#[track_caller]
fn does_not_say(page: &str, words: &[&str]) {
    for word in words {
        assert!(!page.contains(word), "{word:?} is there:\n{page}");
    }
}

#[test]
fn a_transform_is_in_the_install_command_and_changes_with_the_token() {
    let made = Made::of(Kind::Msi);
    let kit = made.good_kit(&made.base, "intune", &["--token-file", made.token.to_str().unwrap()]);
    let said = page(&kit, "intune");
    let body = json(&kit.join("intune/graph/win32LobApp.json"));
    let install = body["installCommandLine"].as_str().unwrap();
    assert!(install.contains(" TRANSFORMS=\"Example-Agent-") && install.ends_with(".mst\" /qn"), "{install}");
    let uninstall = body["uninstallCommandLine"].as_str().unwrap();
    says(
        &said,
        &[
            "**Replace the install command that Intune has filled in by this one.",
            &format!("**`{install}`**"),
            &format!("`{uninstall}`"),
            "**the install command is another one as well: replace it in the same step.**",
            "With the old command every new installation fails (1624)",
            "Product code, uninstall command and detection rule stay.",
            "nor on one that is installed and not enrolled, where the old token still waits",
            "Apps, Windows, Create,",
            "A line-of-business MSI takes no transform, so there are no bodies for that type.",
        ],
    );
    does_not_say(&said, &["Intune fills these in", "Apps, Windows, Add"]);
    assert!(!kit.join("intune/graph/windowsMobileMSI.json").exists());
    // As it is said: the name of the transform follows the token, and the rest stays.
    fs::remove_dir_all(&kit).unwrap();
    fs::write(&made.token, "another-token").unwrap();
    let kit = made.good_kit(&made.base, "intune", &["--token-file", made.token.to_str().unwrap()]);
    let other = json(&kit.join("intune/graph/win32LobApp.json"));
    assert_ne!(other["installCommandLine"], body["installCommandLine"]);
    for stays in ["uninstallCommandLine", "rules", "msiInformation"] {
        assert_eq!(other[stays], body[stays], "{stays}");
    }
}

#[test]
fn a_stamp_has_another_uninstall_command_and_the_same_rule() {
    let made = Made::of(Kind::Msi);
    let kit = made.good_kit(&made.stamped, "intune", &[]);
    let said = page(&kit, "intune");
    says(
        &said,
        &[
            "The new stamp has another product code, so **the uninstall command is another one: replace it in the same step.**",
            "The detection rule stays as it is.",
            "type **Registry**",
            "*Version comparison*, operator *Greater than or equal to*, value 1.4.2",
            "Not the product code, which another one has after an update or with another token",
            "it removes nothing (1605)",
        ],
    );
    let body = json(&kit.join("intune/graph/win32LobApp.json"));
    says(&said, &[&format!("`{}`", body["uninstallCommandLine"].as_str().unwrap())]);
    // As it is said, of the base with the same version and another product code.
    fs::remove_dir_all(&kit).unwrap();
    let kit = made.good_kit(&made.base, "intune", &["--token-file", made.token.to_str().unwrap()]);
    let other = json(&kit.join("intune/graph/win32LobApp.json"));
    assert_ne!(other["uninstallCommandLine"], body["uninstallCommandLine"]);
    assert_eq!(other["rules"], body["rules"]);
}

#[test]
fn jamf_gets_steps_that_end_with_one_token() {
    let made = Made::of(Kind::Pkg);
    let token = ["--token-file", made.token.to_str().unwrap(), "--tenant", "acme"];
    let said = page(&made.good_kit(&made.base, "jamf", &token), "jamf");
    let unsigned =
        "The package is not signed. A policy installs it; PreStage enrollments and the deployment by MDM refuse it.";
    says(
        &said,
        &[
            unsigned,
            "**Jamf gives an uploaded profile an identifier and a UUID of its own, so a second upload makes a second profile",
            "put the `PayloadIdentifier` and the `PayloadUUID` that Jamf shows for it into the new file",
            "delete the old token's profile in Jamf and upload the new one",
            "**Enrollment Complete**",
            "Scope: who still needs it.",
            "On Macs with user enrollment none of these types is allowed",
        ],
    );
    does_not_say(&said, &["deploy-package", "403", "replaces the older"]);

    let Some(keys) = keys() else { return };
    let signed = made.base.with_file_name("Signed-Agent.pkg");
    let done = output(program().arg("sign").arg(&made.base).arg("-o").arg(&signed).args(keys.arguments("installer")));
    assert!(done.status.success(), "{}", both(&done));
    fs::remove_dir_all(made.small.folder.path().join("kit")).unwrap();
    let said = page(&made.good_kit(&signed, "jamf", &token), "jamf");
    says(
        &said,
        &[
            "`POST /api/v1/deploy-package`",
            "Jamf has to enable this call for your server first; until then it answers 403.",
        ],
    );
    does_not_say(&said, &[unsigned]);
}

#[test]
fn intune_on_macs_says_its_limits_and_endpoints() {
    for (oldest, flag, is_beta) in
        [("13.0", "v13_0", false), ("14.0", "v14_0", true), ("26.0", "v26_0", true), ("27.0", "v27_0", true)]
    {
        let made = Made::with(Kind::Pkg, &format!("{MANIFEST}minimum-version = \"{oldest}\"\n"));
        let kit = made.good_kit(&made.stamped, "intune", &[]);
        let said = page(&kit, "intune");
        says(
            &said,
            &[
                "Apps, macOS, Create,",
                "version 2308.006 of the agent or newer, and packages of less than 8 GB",
                "`graph/macOSPkgApp.json` (beta endpoint) or `graph/macOSLobApp.json`",
            ],
        );
        assert_eq!(said.contains("beta endpoint as well"), is_beta, "{oldest}: {said}");
        for name in ["macOSLobApp", "macOSPkgApp"] {
            let body = json(&kit.join(format!("intune/graph/{name}.json")));
            let flags = body["minimumSupportedOperatingSystem"].as_object().unwrap();
            let chosen: Vec<&str> =
                flags.iter().filter(|(_, on)| **on == Value::Bool(true)).map(|(key, _)| key.as_str()).collect();
            assert_eq!(chosen, [flag], "{oldest} in {name}");
            // A package has no field for a publisher; a signed one has its signer's.
            assert_eq!(body["publisher"], "Example Agent", "{name}");
        }
    }
}
