//! An `.app` folder, sealed as `codesign` seals it: `Info.plist` and `CodeResources` by the program's signature, everything else
//! by `CodeResources`.

use std::collections::BTreeMap;
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::cms;
use super::macho::{IDENTIFIER, Signing, cdhash, program};
use super::writer::Cpu;

/// What lies in an application besides its program, by paths from `Contents`.
#[derive(Debug, Clone)]
pub struct App<'a> {
    pub files: &'a [(&'a str, &'a [u8])],
    pub links: &'a [(&'a str, &'a str)],
    /// Programs that are signed by themselves.
    pub helpers: &'a [&'a str],
    /// Whether there is `Frameworks/Kit.framework`, with a resource of its own.
    pub framework: bool,
    /// The name of `Info.plist`, and its bytes where they are not the usual ones.
    pub info_name: &'a str,
    pub info: Option<Vec<u8>>,
    /// The version of `CodeResources`: 1 or 2.
    pub version: u8,
}

impl Default for App<'_> {
    fn default() -> Self {
        let (files, links, helpers): (&[_], &[_], &[_]) = (&[], &[], &[]);
        Self { files, links, helpers, framework: false, info_name: "Info.plist", info: None, version: 2 }
    }
}

/// The rules that `codesign` writes for an application.
const RULES2: &str = "\t<key>rules2</key>\n\t<dict>\n\
    \t\t<key>.*\\.dSYM($|/)</key>\n\t\t<dict>\n\t\t\t<key>weight</key>\n\t\t\t<real>11</real>\n\t\t</dict>\n\
    \t\t<key>^(.*/)?\\.DS_Store$</key>\n\t\t<dict>\n\t\t\t<key>omit</key>\n\t\t\t<true/>\n\
    \t\t\t<key>weight</key>\n\t\t\t<real>2000</real>\n\t\t</dict>\n\
    \t\t<key>^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/</key>\n\
    \t\t<dict>\n\t\t\t<key>nested</key>\n\t\t\t<true/>\n\t\t\t<key>weight</key>\n\t\t\t<real>10</real>\n\t\t</dict>\n\
    \t\t<key>^.*</key>\n\t\t<true/>\n\
    \t\t<key>^(Resources/)?[Ii]nfo\\.plist$</key>\n\t\t<dict>\n\t\t\t<key>omit</key>\n\t\t\t<true/>\n\
    \t\t\t<key>weight</key>\n\t\t\t<real>20</real>\n\t\t</dict>\n\
    \t\t<key>^Resources/</key>\n\t\t<dict>\n\t\t\t<key>weight</key>\n\t\t\t<real>20</real>\n\t\t</dict>\n\
    \t\t<key>^Resources/.*\\.lproj/</key>\n\t\t<dict>\n\t\t\t<key>optional</key>\n\t\t\t<true/>\n\
    \t\t\t<key>weight</key>\n\t\t\t<real>1000</real>\n\t\t</dict>\n\
    \t\t<key>^[^/]+$</key>\n\t\t<dict>\n\t\t\t<key>nested</key>\n\t\t\t<true/>\n\
    \t\t\t<key>weight</key>\n\t\t\t<real>10</real>\n\t\t</dict>\n\t</dict>\n";
const RULES: &str = "\t<key>rules</key>\n\t<dict>\n\t\t<key>^Resources/</key>\n\t\t<true/>\n\t</dict>\n";

impl App<'_> {
    /// Makes `folder` (`…/Example.app`) the application, signed by [`cms::NAME`].
    pub fn write(&self, folder: &Path, cpus: &[Cpu]) {
        let contents = folder.join("Contents");
        let mut seals = BTreeMap::new();
        for (path, bytes) in self.files {
            put(&contents.join(path), bytes, 0o644);
            seals.insert((*path).to_owned(), file(path, bytes));
        }
        for (path, target) in self.links {
            link(target, &contents.join(path));
            seals.insert((*path).to_owned(), entry(&[("symlink", format!("<string>{target}</string>"))]));
        }
        for path in self.helpers {
            let helper = program(cpus, &Signing::identity());
            put(&contents.join(path), &helper, 0o755);
            seals.insert((*path).to_owned(), nested(&helper));
        }
        if self.framework {
            let path = "Frameworks/Kit.framework";
            seals.insert(path.to_owned(), nested(&framework(&contents.join(path), cpus)));
        }
        let info = self.info.clone().unwrap_or_else(|| info("Example", "APPL", "1.2.3"));
        let resources = code_resources(&seals, self.version);
        put(&contents.join(self.info_name), &info, 0o644);
        put(&contents.join("_CodeSignature/CodeResources"), &resources, 0o644);
        let signing = Signing { info: Some(info), resources: Some(resources), ..Signing::identity() };
        put(&contents.join("MacOS/Example"), &program(cpus, &signing), 0o755);
    }
}

/// Makes `folder` an application with nothing but its program.
pub fn write(folder: &Path, cpus: &[Cpu]) {
    App::default().write(folder, cpus);
}

/// A framework of one version; gives its program.
fn framework(folder: &Path, cpus: &[Cpu]) -> Vec<u8> {
    let version = folder.join("Versions/A");
    let seals = BTreeMap::from([("Resources/data".to_owned(), file("Resources/data", b"of the framework"))]);
    let (info, resources) = (info("Kit", "FMWK", "4.5"), code_resources(&seals, 2));
    put(&version.join("Resources/data"), b"of the framework", 0o644);
    put(&version.join("Resources/Info.plist"), &info, 0o644);
    put(&version.join("_CodeSignature/CodeResources"), &resources, 0o644);
    let signing = Signing { info: Some(info), resources: Some(resources), ..Signing::identity() };
    let program = program(cpus, &signing);
    put(&version.join("Kit"), &program, 0o755);
    link("A", &folder.join("Versions/Current"));
    link("Versions/Current/Kit", &folder.join("Kit"));
    link("Versions/Current/Resources", &folder.join("Resources"));
    program
}

/// An `Info.plist` in XML.
pub fn info(executable: &str, kind: &str, version: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n\
         \t<key>CFBundleExecutable</key>\n\t<string>{executable}</string>\n\
         \t<key>CFBundleIdentifier</key>\n\t<string>{IDENTIFIER}</string>\n\
         \t<key>CFBundlePackageType</key>\n\t<string>{kind}</string>\n\
         \t<key>CFBundleShortVersionString</key>\n\t<string>{version}</string>\n\
         \t<key>CFBundleVersion</key>\n\t<string>{version}</string>\n\
         \t<key>LSMinimumSystemVersion</key>\n\t<string>11.0</string>\n\
         </dict>\n</plist>\n"
    )
    .into_bytes()
}

fn code_resources(seals: &BTreeMap<String, String>, version: u8) -> Vec<u8> {
    let entries: String =
        seals.iter().map(|(path, seal)| format!("\t\t<key>{}</key>\n{seal}", path.replace('&', "&amp;"))).collect();
    let lists = if version == 1 {
        format!("\t<key>files</key>\n\t<dict>\n{entries}\t</dict>\n{RULES}")
    } else {
        format!("\t<key>files</key>\n\t<dict/>\n\t<key>files2</key>\n\t<dict>\n{entries}\t</dict>\n{RULES}{RULES2}")
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n{lists}</dict>\n</plist>\n")
        .into_bytes()
}

fn entry(values: &[(&str, String)]) -> String {
    let values: String = values.iter().map(|(key, value)| format!("\t\t\t<key>{key}</key>\n\t\t\t{value}\n")).collect();
    format!("\t\t<dict>\n{values}\t\t</dict>\n")
}

fn data(bytes: &[u8]) -> String {
    format!("<data>{}</data>", cms::base64(bytes))
}

/// The rules make what is in a language's folder optional, and so the seal says it.
fn file(path: &str, bytes: &[u8]) -> String {
    let mut values = vec![("hash", data(&Sha1::digest(bytes))), ("hash2", data(&Sha256::digest(bytes)))];
    if path.contains(".lproj/") {
        values.push(("optional", "<true/>".to_owned()));
    }
    entry(&values)
}

fn nested(program: &[u8]) -> String {
    let requirement = format!("<string>identifier \"{IDENTIFIER}\"</string>");
    entry(&[("cdhash", data(&cdhash(program))), ("requirement", requirement)])
}

fn put(path: &Path, bytes: &[u8], mode: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

fn link(target: &str, path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, path).unwrap();
}
