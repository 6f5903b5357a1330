//! The scripts, as far as they can be judged without a shell.

use super::*;

#[test]
fn nothing_of_the_token_is_in_the_scripts() {
    let base = base();
    let opened = crate::pkg::reader::PackageReader::open(&base).unwrap();
    let scripts = opened.scripts().unwrap();
    let names: Vec<_> = scripts.iter().map(|script| script.entry.path.as_str()).collect();
    assert_eq!(
        names,
        [".", "preinstall", "postinstall", "uninstall", "restart", "restart-job", "com.example.agent.plist"]
    );
    let text = |n: usize| String::from_utf8(scripts[n].content.to_vec()).unwrap();
    for script in [text(1), text(2)] {
        assert!(script.starts_with("#!/bin/sh\n"));
        assert!(script.contains("name='Example Agent'\nlabel='com.example.agent'\n"), "{script}");
        assert!(script.contains("state=$root/'Library/Application Support/Example Ltd/Example Agent'\n"));
        assert!(!script.contains("{{") && !script.contains("$(cat"));
    }
    let plist = text(6);
    assert!(plist.contains("<string>/Applications/Example Agent.app/Contents/MacOS/example-agent</string>"));
    assert!(plist.contains("<string>two words</string>"));
}

#[test]
fn issuer_keys_travel_with_the_scripts() {
    assert_eq!(Pkg.issuer_keys(&base()).unwrap(), None);
    let manifest = MANIFEST.replace("[service]", "[token]\nissuer-keys = \"issuer.jwks.json\"\n\n[service]");
    let (_folder, product) = product(&manifest);
    let base = build(&product).unwrap();
    assert_eq!(errors(&base), [""; 0]);
    let untrusted =
        "token-untrusted token: the token is not signed: it does not have three parts with dots between them";
    for (file, expected) in [(&base, vec![]), (&stamp(&base, "token-0123456789"), vec![untrusted])] {
        assert_eq!(Pkg.issuer_keys(file).unwrap().as_deref(), Some(crate::claims::SAMPLE_KEYS.as_bytes()));
        assert_eq!(errors(file), expected);
    }
    let opened = crate::pkg::reader::PackageReader::open(&base).unwrap();
    for script in &opened.scripts().unwrap()[1..3] {
        let text = String::from_utf8(script.content.to_vec()).unwrap();
        assert!(text.contains("\nfind_token() {\n") && !text.contains("{{"), "{text}");
    }
}

#[test]
fn without_a_service_nothing_is_started() {
    let manifest =
        MANIFEST.replace("[service]\narguments = [\"--service\", \"two words\"]\n", "[token]\nrequired = false\n");
    let (_folder, product) = product(&manifest);
    let base = build(&product).unwrap();
    assert_eq!(errors(&base), [""; 0]);
    let opened = crate::pkg::reader::PackageReader::open(&base).unwrap();
    let scripts = opened.scripts().unwrap();
    assert_eq!(scripts.len(), 4);
    let postinstall = String::from_utf8(scripts[2].content.to_vec()).unwrap();
    assert!(!postinstall.contains("bootstrap") && postinstall.contains("the device stays as it is"));
}
