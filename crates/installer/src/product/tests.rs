//! The manifest's rules, each with the sentence that a person reads.

use std::path::Path;

use super::*;

/// A manifest with nothing wrong.
pub(crate) const GOOD: &str = r#"
[product]
name = "Example Agent"
file-stem = "Example-Agent"
version = "1.4.2"
publisher = "Example"
summary = "watches this device"
license = "MIT"
maintainer = "Example <packages@example.com>"

[service]
arguments = ["--service"]

[[agent]]
platform = "linux"
arch = "amd64"
path = "Cargo.toml"
"#;

fn load(text: &str) -> Result<Product, String> {
    Product::load(Path::new("stampwright.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_said_has_a_default() {
    let product = load(GOOD).unwrap();
    assert_eq!(product.package(), "example-agent");
    assert_eq!(product.executable(), "example-agent");
    assert_eq!(product.folder(), "Example Agent");
    assert!(product.token_required());
    let service = product.service().unwrap();
    assert_eq!((service.name.as_str(), service.display_name.as_str()), ("example-agent", "Example Agent"));
    assert_eq!(service.arguments(Platform::Macos), ["--service"]);
    assert_eq!(product.file_name(&product.agents()[0], "deb"), "Example-Agent.deb");
}

#[test]
fn what_linux_says_of_a_deb_counts_and_is_not_said_twice() {
    let linux = load(&format!(
        "{GOOD}\n[linux]\ndepends = [\"adduser\"]\nsection = \"net\"\ncompression = \"gzip\"\ncommand = \"agentctl\"\n"
    ));
    let deb = load(&format!(
        "{GOOD}\n[linux]\ncommand = \"agentctl\"\n[deb]\ndepends = [\"adduser\"]\nsection = \"net\"\ncompression = \"gzip\"\n"
    ));
    for product in [linux.unwrap(), deb.unwrap()] {
        assert_eq!((product.depends(), product.section()), (&["adduser".to_owned()][..], "net"));
        assert_eq!((product.compression(), product.rpm_compression()), (Compression::Gzip, Compression::Zstd));
        assert_eq!(product.command(), Some("agentctl"));
    }
    let twice = load(&format!("{GOOD}\n[linux]\nsection = \"net\"\n[deb]\nsection = \"net\"\n")).unwrap_err();
    assert_eq!(twice, "stampwright.toml:20: linux.section: is there as deb.section as well");
    let wrong = load(&format!("{GOOD}\n[deb]\ndepends = [\"-x\"]\n")).unwrap_err();
    assert!(wrong.contains("deb.depends: \"-x\" must be one dependency"), "{wrong}");
    assert!(load(&format!("{GOOD}\n[linux]\ncommand = \"../x\"\n")).unwrap_err().contains("linux.command"));
}

#[test]
fn a_product_without_a_place_for_a_token_asks_for_none() {
    let with = |token: &str| load(&format!("{GOOD}\n[token]\n{token}\n"));
    for plain in ["slot = false", "slot = false\nrequired = false"] {
        let product = with(plain).unwrap();
        assert_eq!((product.token_slot(), product.token_required()), (false, false));
    }
    assert!(with("required = false").unwrap().token_slot());
    let error = with("slot = false\nrequired = true").unwrap_err();
    assert!(error.contains(":20: token.slot: is false, and token.required"), "{error}");
    assert!(with("slot = false\nissuer-keys = \"x\"").unwrap_err().contains("token.issuer-keys has keys"));
    let mac = GOOD.replace("\"linux\"", "\"macos\"");
    let error =
        load(&format!("{mac}\n[token]\nslot = false\n[macos]\nbundle-id = \"com.example.agent\"\n")).unwrap_err();
    assert!(error.contains("only a deb or rpm") && error.contains("hint: say token.required = false"), "{error}");
}

/// Replaces one text of the good manifest and gives the error.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    load(&GOOD.replace(from, to)).expect_err(to)
}

#[test]
fn each_error_says_file_line_and_key() {
    assert_eq!(
        with("\"1.4.2\"", "\"1.4\""),
        "stampwright.toml:5: product.version: \"1.4\" must be three or four numbers, e.g. 1.4.2, and may say what release it comes before, \
         e.g. 1.5.0~rc1"
    );
    assert_eq!(
        with("\"Example\"", "\"Example\\n\""),
        "stampwright.toml:6: product.publisher: \"Example\\n\" must not start or end with white space"
    );
    let said = with("license =", "licens =");
    for part in [":2: product.license: is missing\n", ":8: product.licens: unknown field `licens`, must be one of "] {
        assert!(said.contains(part), "{said}");
    }
    assert!(with("\"linux\"", "\"windows\"").contains(":15: windows.upgrade-code: is missing"));
    assert!(with("Cargo.toml", "nowhere").contains(":17: agent[0].path: \"nowhere\" cannot be opened:"));
}

/// Manifests of the first days say `licence`.
#[test]
fn the_license_may_be_spelled_in_both_ways() {
    let old = GOOD.replace("license =", "licence =");
    assert_eq!(load(&old).unwrap().license(), load(GOOD).unwrap().license());
    for twice in ["licence = \"MIT\"\nlicense = \"ISC\"\n", "license = \"MIT\"\nlicence = \"ISC\"\n"] {
        let said = load(&GOOD.replace("license = \"MIT\"\n", twice)).unwrap_err();
        assert!(said.contains("product.licence: is there as license as well"), "{said}");
    }
}

#[test]
fn all_problems_are_said_at_once() {
    let text = GOOD.replace("1.4.2", "x").replace("\"MIT\"", "\"\"").replace("Example-Agent", "a/b");
    let lines = load(&text).unwrap_err();
    assert_eq!(lines.lines().count(), 3, "{lines}");
}

#[test]
fn a_name_that_is_no_folder_needs_one() {
    // A deb has no folder of that name.
    assert!(load(&GOOD.replace("\"Example Agent\"", "\"Agent: \\\"one\\\"\"")).is_ok());
    let mac = format!("{}\n[macos]\nbundle-id = \"com.example.agent\"\n", GOOD.replace("\"linux\"", "\"macos\""));
    let error = load(&mac.replace("\"Example Agent\"", "\"Agent: \\\"one\\\"\"")).unwrap_err();
    assert!(error.contains("hint: it is also a folder"), "{error}");
    let text = mac.replace("\"Example Agent\"", "\"Agent: \\\"one\\\"\"\nfolder = \"Agent one\"");
    assert_eq!(load(&text).unwrap().folder(), "Agent one");
}

#[test]
fn a_version_that_a_format_cannot_say_needs_another_for_it_alone() {
    let on = |platform: &str, version: &str, rest: &str| {
        load(&format!("{}\n{rest}", GOOD.replace("\"linux\"", &format!("\"{platform}\"")).replace("1.4.2", version)))
    };
    let windows = "[windows]\nupgrade-code = \"{6F1D2C3B-0000-4000-8000-0123456789AB}\"\n";
    let macos = "[macos]\nbundle-id = \"com.example.agent\"\n";
    for version in ["2024.11.8", "1.4.2.2924", "1.5.0-beta.2"] {
        assert!(on("linux", version, "").is_ok(), "{version}");
        let error = on("windows", version, windows).unwrap_err();
        assert!(error.contains("for Windows") && error.contains("hint: set windows.version"), "{error}");
        let own = on("windows", version, &format!("{windows}version = \"24.11.8\"\n")).unwrap();
        assert_eq!((own.windows_version(), own.version().to_string().as_str()), ("24.11.8", version));
    }
    assert_eq!(on("macos", "2024.11.8", macos).unwrap().macos_version(), "2024.11.8");
    assert!(on("macos", "1.5.0~rc1", macos).unwrap_err().contains("hint: set macos.version"));
    assert_eq!(on("macos", "1.5.0~rc1", &format!("{macos}version = \"1.4.99\"\n")).unwrap().macos_version(), "1.4.99");
    assert_eq!(on("macos", "1.4.0", &format!("{macos}version = \"1.4\"\n")).unwrap().macos_version(), "1.4");
    let error = on("macos", "1.4.0", &format!("{macos}version = \"1.4b1\"\n")).unwrap_err();
    assert!(error.contains("macos.version: \"1.4b1\" must be one to four numbers"), "{error}");
    assert_eq!(on("linux", "1.5.0-beta.2", "").unwrap().version().debian(), "1.5.0~beta.2");
    let error = on("windows", "1.4.2", &format!("{windows}version = \"2024.1.1\"\n")).unwrap_err();
    assert!(error.contains("windows.version: \"2024.1.1\" must be"), "{error}");
}

#[test]
fn a_short_file_stem_matters_to_debian_alone() {
    let short =
        |platform: &str| GOOD.replace("\"Example-Agent\"", "\"X\"").replace("\"linux\"", &format!("\"{platform}\""));
    assert!(load(&short("linux")).unwrap_err().contains("does not give a package name"));
    let mac = load(&format!("{}\n[macos]\nbundle-id = \"com.example.agent\"\n", short("macos"))).unwrap();
    assert_eq!((mac.file_stem(), mac.executable()), ("X", "x"));
}

#[test]
fn what_is_not_as_it_was_typed_is_said() {
    let file = |platform: &str, destination: &str| {
        let manifest = GOOD.replace("\"linux\"", &format!("\"{platform}\""));
        load(&format!(
            "{manifest}\n[[file]]\nplatform = \"{platform}\"\nsource = \"Cargo.toml\"\ndestination = \"{destination}\"\n\
             [macos]\nbundle-id = \"com.example.agent\"\n"
        ))
    };
    let unit = file("linux", "/lib/systemd/system/x.service").unwrap();
    assert_eq!(unit.files_for(Platform::Linux).next().unwrap().destination, "usr/lib/systemd/system/x.service");
    assert!(
        unit.notes()[0].starts_with("file[0].destination: /lib/systemd/system/x.service is installed as /usr/lib/")
    );
    let mac = file("macos", "/etc/agent/x").unwrap();
    assert!(mac.notes()[0].contains("/private/etc/agent/x") && mac.notes()[1].contains("install location is /"));
    assert!(file("macos", "/Applications/Example/x").unwrap().notes().is_empty());
    assert!(file("macos", "/usr/bin/agentctl").unwrap_err().contains("sealed"));
}

#[test]
fn destinations_stay_where_they_belong() {
    let file = |platform: &str, destination: &str| {
        format!(
            "{GOOD}\n[[file]]\nplatform = \"{platform}\"\nsource = \"Cargo.toml\"\ndestination = \"{destination}\"\n"
        )
    };
    assert!(load(&file("linux", "/etc/example/agent.conf")).is_ok());
    assert!(load(&file("windows", "conf/agent.conf")).is_ok());
    for (platform, wrong) in [
        ("linux", "etc/x"),
        ("linux", "/etc/../x"),
        ("linux", "/etc//x"),
        ("windows", "/x"),
        ("windows", "../x"),
        ("windows", "a:b"),
        ("macos", "/a/./b"),
    ] {
        assert!(load(&file(platform, wrong)).unwrap_err().contains("destination"), "{wrong}");
    }
}

#[test]
fn the_schema_knows_every_key() {
    let schema = manifest::schema().to_string();
    for key in ["file-stem", "upgrade-code", "bundle-id", "restart-delay-secs", "license-file", "compression"] {
        assert!(schema.contains(key), "{key}");
    }
}
