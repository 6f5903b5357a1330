//! Signed tokens on the command line: keys, minting, and what goes into an installer where the issuer is known.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::product::{MANIFEST, Small};
use crate::support::{both, output, program};

const PRODUCT: &str = "Example Agent";

/// A folder with an issuer's key in it.
struct Issuer(TempDir);

impl Issuer {
    fn new(alg: &str) -> Self {
        let issuer = Self(tempfile::tempdir().unwrap());
        issuer.succeeds(&["token", "keygen", "--alg", alg, "-o", "issuer"]);
        issuer
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        output(program().args(args).current_dir(self.0.path()))
    }

    fn succeeds(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert!(said.status.success(), "{args:?}: {}", both(&said));
        both(&said)
    }

    /// Exit status 1 and a sentence with this in it.
    fn refuses(&self, args: &[&str], why: &str) {
        let said = self.run(args);
        assert_eq!(said.status.code(), Some(1), "{args:?}: {}", both(&said));
        assert!(both(&said).contains(why), "{args:?}: {}", both(&said));
    }

    /// Mints a token into a file and gives its text.
    fn mint(&self, file: &str, more: &[&str]) -> String {
        let args = ["token", "mint", "--key", "issuer.key", "--tenant", "acme", "--product", PRODUCT, "-o", file];
        self.succeeds(&[&args, more].concat());
        fs::read_to_string(self.path(file)).unwrap().trim_end().to_owned()
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_are_made_once_and_the_private_one_is_private() {
    for alg in ["eddsa", "es256"] {
        let issuer = Issuer::new(alg);
        let private = fs::read_to_string(issuer.path("issuer.key")).unwrap();
        assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let public: Value = serde_json::from_slice(&fs::read(issuer.path("issuer.jwks.json")).unwrap()).unwrap();
        assert!(
            public["keys"][0]["kid"].as_str().is_some_and(|id| id.len() == 43) && public["keys"][0].get("d").is_none()
        );
        #[cfg(unix)]
        assert_eq!((mode(&issuer.path("issuer.key")), mode(&issuer.path("issuer.jwks.json"))), (0o600, 0o644));
        issuer.refuses(&["token", "keygen", "-o", "issuer"], "issuer.key is there already");
        fs::remove_file(issuer.path("issuer.key")).unwrap();
        issuer.refuses(&["token", "keygen", "-o", "issuer"], "issuer.jwks.json is there already");
        assert!(!issuer.path("issuer.key").exists());
    }
}

#[test]
fn what_is_minted_is_inspected_and_verified_without_being_shown() {
    for alg in ["eddsa", "es256"] {
        let issuer = Issuer::new(alg);
        let token = issuer.mint("t", &["--serial", "C02X", "--least-agent", "1.4.2", "--id", "first"]);
        #[cfg(unix)]
        assert_eq!(mode(&issuer.path("t")), 0o600);
        let keys = ["--issuer-keys", "issuer.jwks.json"];
        for (args, verified) in
            [(vec!["token", "inspect", "t"], false), ([&["token", "verify", "t"][..], &keys].concat(), true)]
        {
            let text = issuer.succeeds(&args);
            let json = issuer.succeeds(&[&args[..], &["--json"]].concat());
            for said in [&text, &json] {
                assert!(!said.contains(&token) && !said.contains(token.split('.').nth(2).unwrap()), "{said}");
            }
            assert!(text.contains("acme") && text.contains("C02X"), "{text}");
            let json: Value = serde_json::from_str(&json).unwrap();
            assert_eq!((json["verified"].as_bool(), json["claims"]["id"].as_str()), (Some(verified), Some("first")));
            assert_eq!(json["claims"]["least_agent"], "1.4.2");
        }
        issuer.refuses(&[&["token", "verify", "t", "--product", "Other"][..], &keys].concat(), "must be for \"Other\"");
        let other = Issuer::new(alg);
        let theirs = other.path("issuer.jwks.json");
        issuer.refuses(
            &["token", "verify", "t", "--issuer-keys", theirs.to_str().unwrap()],
            "not one of the keys that were given",
        );
        // To standard output, and nothing else there.
        let said = issuer.run(&["token", "mint", "--key", "issuer.key", "--tenant", "a", "--product", "p", "-o", "-"]);
        assert_eq!(String::from_utf8(said.stdout).unwrap().trim_end().split('.').count(), 3);
    }
    let issuer = Issuer::new("eddsa");
    fs::write(issuer.path("opaque"), "0f8fad5b-d9cb-469f-a165-70867728950e\n").unwrap();
    assert!(issuer.succeeds(&["token", "inspect", "opaque"]).contains("opaque: only its server knows"));
    let verify = ["token", "verify", "opaque", "--issuer-keys", "issuer.jwks.json"];
    issuer.refuses(&verify, "the token is not signed");
}

#[test]
fn what_cannot_be_used_is_not_minted() {
    let issuer = Issuer::new("eddsa");
    let mint = |more: &[&'static str]| {
        [&["token", "mint", "--key", "issuer.key", "--product", PRODUCT, "-o", "t"][..], more].concat()
    };
    issuer.refuses(&mint(&["--tenant", "https://evil.example"]), "claim tenant must not have /");
    issuer.refuses(&mint(&["--tenant", "a", "--least-agent", "new"]), "claim least_agent");
    issuer.refuses(&mint(&["--tenant", &"x".repeat(129).leak()[..]]), "at most 128 characters");
    assert_eq!(issuer.run(&mint(&["--tenant", "a", "--expires", "soon"])).status.code(), Some(2));
    assert!(!issuer.path("t").exists());
    fs::write(issuer.path("issuer.key"), "not a key").unwrap();
    issuer.refuses(&mint(&["--tenant", "a"]), "issuer.key: is not a private key in PEM");
}

#[cfg(unix)]
#[test]
fn a_private_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let issuer = Issuer::new("eddsa");
    fs::set_permissions(issuer.path("issuer.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let mint = ["token", "mint", "--key", "issuer.key", "--tenant", "acme", "--product", PRODUCT, "-o", "t"];
    issuer.refuses(&mint, "others can read this private key");
    issuer.succeeds(&[&mint[..], &["--allow-open-key"]].concat());
}

#[test]
fn a_token_that_is_of_no_use_does_not_get_into_an_installer() {
    let issuer = Issuer::new("eddsa");
    let small = Small::new();
    let manifest = small.manifest();
    let make = |token: &str, more: &[&str]| {
        let args =
            ["make", "--product", manifest.to_str().unwrap(), "--format", "pkg", "--token-file", token, "-o", "out"];
        [&args, more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let refuses = |args: Vec<String>, why: &str| {
        issuer.refuses(&args.iter().map(String::as_str).collect::<Vec<_>>(), why);
        assert!(!issuer.path("out/Example-Agent.pkg").exists(), "{args:?}");
    };
    let keys = ["--issuer-keys", "issuer.jwks.json"];
    // Understood, whether its issuer is known or not.
    issuer.mint("soon", &["--expires", "59m"]);
    issuer.mint("over", &["--expires", "1s"]);
    issuer.succeeds(&["token", "mint", "--key", "issuer.key", "--tenant", "acme", "--product", "Other", "-o", "other"]);
    std::thread::sleep(Duration::from_millis(2100));
    for more in [&[][..], &keys] {
        refuses(make("soon", more), "expires within the hour");
        refuses(make("over", more), "expired at");
        refuses(make("other", more), "is for the product \"Other\", must be for \"Example Agent\"");
    }
    // Only a listed issuer's, where there is a list.
    let foreign = Issuer::new("es256");
    foreign.mint("t", &[]);
    let theirs = foreign.path("t");
    refuses(make(theirs.to_str().unwrap(), &keys), "not one of the keys that were given");
    fs::write(issuer.path("opaque"), "opaque-token-0123456789").unwrap();
    refuses(make("opaque", &keys), "the token is not signed");
    for ok in [make(theirs.to_str().unwrap(), &[]), make("opaque", &[])] {
        issuer.succeeds(&ok.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn the_keys_in_a_base_decide_what_it_takes() {
    let issuer = Issuer::new("eddsa");
    let text = MANIFEST.replace("[service]", "[token]\nissuer-keys = \"issuer.jwks.json\"\n\n[service]");
    let small = Small::new();
    fs::copy(issuer.path("issuer.jwks.json"), small.folder.path().join("issuer.jwks.json")).unwrap();
    fs::write(small.manifest(), &text).unwrap();
    let manifest = small.manifest();
    issuer.succeeds(&["build", "--product", manifest.to_str().unwrap(), "-o", "bases"]);
    let token = issuer.mint("t", &["--id", "t-77"]);
    fs::write(issuer.path("opaque"), "opaque-token-0123456789").unwrap();
    let foreign = Issuer::new("eddsa");
    foreign.mint("t", &[]);
    for name in ["Example-Agent.msi", "Example-Agent-arm64.msi", "Example-Agent.pkg", "Example-Agent.deb"] {
        let base = format!("bases/{name}");
        issuer.succeeds(&["stamp", &base, "--token-file", "t", "-o", name]);
        let said = issuer.succeeds(&["inspect", name]);
        assert!(said.contains("acme") && said.contains("t-77") && !said.contains(&token), "{said}");
        assert!(issuer.succeeds(&["inspect", name, "--json"]).contains("\"tenant\": \"acme\""));
        issuer.succeeds(&["verify", name, "--base", &base]);
        let keys = ["--issuer-keys", "issuer.jwks.json"];
        // A deb's keys are in its payload, which a stamp does not read: they are given.
        let more: &[&str] = if name.ends_with(".deb") { &keys } else { &[] };
        for (token, why) in [
            (issuer.path("opaque"), "the token is not signed"),
            (foreign.path("t"), "not one of the keys that were given"),
        ] {
            let stamp = ["stamp", &base, "--token-file", token.to_str().unwrap(), "-o", "no"];
            issuer.refuses(&[&stamp, more].concat(), why);
            assert!(!issuer.path("no").exists());
        }
        fs::write(issuer.path("list.csv"), format!("token,name\n{token},one\nopaque-token,two\n")).unwrap();
        let batch = ["stamp", &base, "--batch", "list.csv", "-o", "many"];
        issuer.refuses(&[&batch, more].concat(), "list.csv: line 3: the token is not signed");
        assert!(!issuer.path("many").exists());
    }
    let out = issuer.path("out");
    let make = ["make", "--product", manifest.to_str().unwrap(), "--format", "deb", "-o", out.to_str().unwrap()];
    issuer.refuses(&[&make[..], &["--token-file", "opaque"]].concat(), "the token is not signed");
    issuer.succeeds(&[&make[..], &["--token-file", "t"]].concat());
}

#[test]
fn a_manifest_with_keys_that_are_none_is_refused() {
    for (content, said) in [
        (r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","d":"AAAA","x":"AAAA"}]}"#, "has a private part (d)"),
        ("{}", "are not a JSON Web Key Set"),
    ] {
        let issuer = Issuer::new("eddsa");
        let small = Small::new();
        fs::write(small.folder.path().join("issuer.jwks.json"), content).unwrap();
        fs::write(
            small.manifest(),
            MANIFEST.replace("[service]", "[token]\nissuer-keys = \"issuer.jwks.json\"\n[service]"),
        )
        .unwrap();
        issuer.refuses(&["build", "--product", small.manifest().to_str().unwrap(), "-o", "x"], said);
    }
}
