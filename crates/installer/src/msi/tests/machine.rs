//! The machine's PATH and values of the registry: built, read back, spoilt.

use super::*;

fn manifest() -> String {
    let values = r##"
[[registry]]
key = 'SOFTWARE\Vendor\Settings'
name = "Server"
value = "#1 [x] {y} %Z%"

[[registry]]
key = 'SOFTWARE\Vendor\Settings'
value = '%ProgramData%\[x]'
type = "expand-string"

[[registry]]
key = 'SOFTWARE\Vendor\Settings'
name = "Every"
value = "0xffffffff"
type = "dword"
"##;
    format!("{}{values}", MANIFEST.replace("[windows]\n", "[windows]\npath = true\n"))
}

fn tables(file: &[u8]) -> impl Fn(&str) -> String {
    let mut taken = Taken::default();
    Msi.extract(&file, &mut taken).unwrap();
    move |name| String::from_utf8(taken.0[&format!("metadata/tables/{name}.idt")].clone()).unwrap()
}

#[test]
fn the_path_and_the_values_are_rows() {
    let manifest = manifest();
    let base = build(&manifest).unwrap();
    assert_eq!(findings(&base), [""; 0]);
    let table = tables(&base);
    let environment = table("Environment");
    assert!(environment.contains("MachinePath\t=-*PATH\t[~];[InstallFolder]\tAgentComponent"), "{environment}");
    let registry = table("Registry");
    for row in [r"\tServer\t##1 [\[]x[\]] [\{]y[\}] %Z%\tv", r"\t\t#%%ProgramData%\[\[]x[\]]\tv", r"\tEvery\t#-1\tv"] {
        let row = format!("\t2\tSOFTWARE\\Vendor\\Settings{}", row.replace("\\t", "\t"));
        assert!(registry.contains(&row), "{row}\n{registry}");
    }
    // Each is the key path of its own component, the same in every version.
    let components = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("\t260\t\tr")).map(str::to_owned).collect()
    };
    let of = components(&table("Component"));
    assert_eq!(of.len(), 3, "{}", table("Component"));
    let newer = build(&manifest.replace("1.4.2", "1.4.3").replace("%ProgramData%", "%TEMP%")).unwrap();
    assert_eq!(components(&tables(&newer)("Component")), of);
    assert!(!tables(&good())("InstallExecuteSequence").contains("EnvironmentStrings"));
}

#[test]
fn each_broken_row_is_found() {
    let cases: &[(&str, Spoil)] = &[
        ("msi-environment", |t| set(t, "Environment", 0, "Name", "=-PATH")),
        ("msi-environment", |t| set(t, "Environment", 0, "Name", "=*PATH")),
        ("msi-environment", |t| set(t, "Environment", 0, "Name", "-*PATH")),
        ("msi-environment", |t| set(t, "Environment", 0, "Name", "!-*PATH")),
        ("msi-environment", |t| set(t, "Environment", 0, "Name", "=-*")),
        ("msi-environment", |t| set(t, "Environment", 0, "Value", "[InstallFolder]")),
        ("msi-environment", |t| set(t, "Environment", 0, "Value", "[~];")),
        ("msi-environment", |t| set(t, "Environment", 0, "Value", Field::Null)),
        ("msi-validation", |t| set(t, "Environment", 0, "Component_", "Nowhere")),
        ("msi-sequence", |t| {
            t.table("InstallExecuteSequence").rows.retain(|row| row[0] != Field::from("RemoveEnvironmentStrings"));
        }),
        ("msi-registry", |t| value(t, "Root", 1)),
        ("msi-registry", |t| value(t, "Key", r"SOFTWARE\\Vendor")),
        ("msi-registry", |t| value(t, "Key", r"SOFTWARE\Vendor\")),
        ("msi-registry", |t| value(t, "Value", "#4294967295")),
        ("msi-registry", |t| value(t, "Value", "#")),
        ("msi-registry", |t| value(t, "Value", "#x123")),
        ("msi-key-path", |t| value(t, "Component_", "AgentComponent")),
    ];
    for (id, spoil) in cases {
        let found = findings(&spoilt(&manifest(), 0, spoil).unwrap());
        assert!(found.iter().any(|finding| finding.starts_with(&format!("{id}: "))), "{id}: {found:#?}");
    }
}

/// Sets a cell of the last value.
fn value(tables: &mut Tables, column: &str, to: impl Into<Field>) {
    let last = tables.table("Registry").rows.len() - 1;
    set(tables, "Registry", last, column, to);
}

#[test]
fn what_is_no_value_is_refused() {
    let registry = |lines: &str| build(&format!("{MANIFEST}\n[[registry]]\n{lines}\n")).unwrap_err();
    for (lines, part) in [
        (r"key = 'HKLM\SOFTWARE\x'", "must be a path below HKEY_LOCAL_MACHINE"),
        (r"key = 'SOFTWARE'", "two keys or more"),
        (r"key = 'SOFTWARE\\x'", "two keys or more"),
        (r"key = 'SOFTWARE\x\'", "two keys or more"),
        (r"key = 'SOFTWARE\[x]'", "must not have any of"),
        (r"key = 'software\EXAMPLE LTD\example agent'", "is the product's own key"),
        (r"key = 'SOFTWARE\Example Ltd\Example Agent\x'", "is the product's own key"),
    ] {
        let said = registry(&format!("{lines}\nvalue = \"x\""));
        assert!(said.contains("registry[0].key: ") && said.contains(part), "{said}");
    }
    let at = |more: &str| registry(&format!("key = 'SOFTWARE\\x'\n{more}"));
    for (more, part) in [
        ("value = \"\"", "registry[0].value: "),
        ("value = \"a\\tb\"", "registry[0].value: "),
        ("value = \"-1\"\ntype = \"dword\"", "registry[0].value: "),
        ("value = \"+1\"\ntype = \"dword\"", "registry[0].value: "),
        ("value = \"4294967296\"\ntype = \"dword\"", "registry[0].value: "),
        ("value = \"x\"\nname = \"-\"", "registry[0].name: "),
        ("value = \"x\"\nname = \"[x]\"", "registry[0].name: "),
        ("value = \"x\"\ntype = \"binary\"", "registry[0].type"),
        ("value = \"x\"\n[[registry]]\nkey = 'software\\X'\nvalue = \"y\"", "is there twice"),
    ] {
        let said = at(more);
        assert!(said.contains(part), "{more}: {said}");
    }
}
