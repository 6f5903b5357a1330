//! A Linux agent, and the Debian packages that it depends on.
//!
//! `dpkg-shlibdeps` looks each symbol up in the `symbols` files of installed packages. Here there may be no dpkg, so
//! the highest symbol *version* decides: for glibc it is the version of the library itself, for libgcc that of GCC,
//! and for libstdc++ a table. Both ways agree but where Debian's symbols file asks for more than the version tells.

use container::ReadAt;
use container::elf::{Elf, Library, Machine};

use super::errors::AgentProblem;
use super::facts::{Agent, AgentFormat, Expected, Processor, check_architectures};
use crate::product::Arch;

/// Libraries of glibc's package, `libc6`.
const GLIBC: [&str; 14] = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
    "libanl.so.1",
    "libnss_files.so.2",
    "libnss_dns.so.2",
    "libmvec.so.1",
    "libBrokenLocale.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];

/// The dynamic linkers that glibc's package installs, `libc6`, by processor: by the path of the ABI, and where the file lies.
const INTERPRETERS: [(Arch, [&str; 2]); 2] = [
    (Arch::X64, ["/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"]),
    (Arch::Arm64, ["/lib/ld-linux-aarch64.so.1", "/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"]),
];

/// Other libraries that agents link to. Two names: the package was renamed in Debian 13 (64-bit time).
const PACKAGES: [(&str, &str); 15] = [
    ("libatomic.so.1", "libatomic1"),
    ("libcap.so.2", "libcap2"),
    ("libcrypt.so.1", "libcrypt1"),
    ("libcrypto.so.3", "libssl3t64 | libssl3"),
    ("libdbus-1.so.3", "libdbus-1-3"),
    ("libgcc_s.so.1", "libgcc-s1"),
    ("liblzma.so.5", "liblzma5"),
    ("libselinux.so.1", "libselinux1"),
    ("libssl.so.3", "libssl3t64 | libssl3"),
    ("libstdc++.so.6", "libstdc++6"),
    ("libsystemd.so.0", "libsystemd0"),
    ("libudev.so.1", "libudev1"),
    ("libuuid.so.1", "libuuid1"),
    ("libz.so.1", "zlib1g"),
    ("libzstd.so.1", "libzstd1"),
];

/// The GCC that brought `GLIBCXX_3.4.n`, by n (the libstdc++ manual, "ABI Policy and Guidelines", and Debian's
/// symbols file). Later ones than the table knows need at least its last.
const GLIBCXX: [(u32, &str); 18] = [
    (0, "4.1.1"),
    (9, "4.2.1"),
    (10, "4.3"),
    (11, "4.4"),
    (13, "4.4.2"),
    (14, "4.5"),
    (15, "4.6"),
    (17, "4.7"),
    (18, "4.8"),
    (20, "4.9"),
    (21, "5.2"),
    (22, "6"),
    (23, "7"),
    (25, "8"),
    (26, "9"),
    (29, "11"),
    (30, "12"),
    (31, "13"),
];

/// The GCC that brought `CXXABI_1.3.n`, by n.
const CXXABI: [(u32, &str); 9] =
    [(0, "4.1.1"), (2, "4.3"), (8, "4.9"), (9, "5"), (10, "6"), (11, "7"), (12, "9"), (13, "11"), (14, "13")];

pub(super) fn check(file: &dyn ReadAt, expected: Expected) -> Result<Agent, AgentProblem> {
    let elf = Elf::open(file)?;
    let processor = match elf.machine() {
        Machine::X64 => Processor::Known(Arch::X64),
        Machine::Arm64 => Processor::Known(Arch::Arm64),
        other @ Machine::Other(_) => Processor::Other(other.to_string()),
    };
    let architectures = check_architectures(&[processor], expected.arch)?;
    if !elf.is_64_bit_little_endian() {
        return Err(AgentProblem::NotAProgram { found: "not 64-bit little-endian" });
    }
    if !elf.is_program() {
        return Err(AgentProblem::NotAProgram { found: "a library or an object file" });
    }
    if let Some(interpreter) = elf.interpreter().filter(|path| !is_on_debian(path, &architectures)) {
        return Err(AgentProblem::Interpreter { interpreter: interpreter.to_owned() });
    }
    let libraries = elf.libraries(file)?;
    let (depends, unknown_libraries) = depends(&libraries);
    Ok(Agent {
        libraries: libraries.into_iter().map(|library| library.name).collect(),
        depends,
        unknown_libraries,
        has_symbols: !elf.is_stripped(),
        ..Agent::new(AgentFormat::Elf, architectures, file)
    })
}

/// Whether a dynamic linker is one of glibc's package for these processors. The kernel starts a program by the very path that stands in it; where that is not
/// there, as with musl's or a linker of Nix, the program does not start, whatever libraries it needs.
fn is_on_debian(interpreter: &str, architectures: &[Arch]) -> bool {
    INTERPRETERS.iter().any(|(arch, paths)| architectures.contains(arch) && paths.contains(&interpreter))
}

/// The Debian packages that an executable's libraries are in, as a `Depends` field lists them: none for what is linked
/// statically.
pub(crate) fn packages(file: &dyn ReadAt) -> Result<Vec<String>, container::Error> {
    let libraries = Elf::open(file)?.libraries(file)?;
    Ok(depends(&libraries).0)
}

/// The packages that libraries are in, sorted, and the libraries of which that is not known.
fn depends(libraries: &[Library]) -> (Vec<String>, Vec<String>) {
    let mut glibc: Option<Vec<u32>> = None;
    let mut depends = Vec::new();
    let mut unknown = Vec::new();
    for library in libraries {
        let name = library.name.as_str();
        if GLIBC.contains(&name) {
            let needs = library.versions.iter().filter_map(|version| glibc_version(version)).max();
            glibc = glibc.max(Some(needs.unwrap_or_default()));
            continue;
        }
        let Some((_, package)) = PACKAGES.iter().find(|(soname, _)| *soname == name) else {
            unknown.push(library.name.clone());
            continue;
        };
        let needs = library.versions.iter().filter_map(|version| gcc_version(version)).max();
        depends.push(depend(package, needs.unwrap_or_default()));
    }
    if let Some(version) = glibc {
        depends.push(depend("libc6", version));
    }
    depends.sort_unstable();
    depends.dedup();
    (depends, unknown)
}

fn depend(package: &str, version: Vec<u32>) -> String {
    if version.is_empty() {
        return package.to_owned();
    }
    let version: Vec<String> = version.iter().map(u32::to_string).collect();
    format!("{package} (>= {})", version.join("."))
}

/// `GLIBC_2.28` is glibc 2.28. Names that are not numbers (`GLIBC_PRIVATE`) say nothing but one.
fn glibc_version(name: &str) -> Option<Vec<u32>> {
    match name {
        "GLIBC_ABI_DT_RELR" => Some(vec![2, 36]),
        _ => numbers(name.strip_prefix("GLIBC_")?),
    }
}

/// The version of GCC's runtime libraries that brought a symbol version.
fn gcc_version(name: &str) -> Option<Vec<u32>> {
    if let Some(version) = name.strip_prefix("GCC_") {
        let mut version = numbers(version)?;
        while version.len() > 2 && version.last() == Some(&0) {
            version.pop();
        }
        return Some(version);
    }
    let (table, minor): (&[(u32, &str)], _) = match (name.strip_prefix("GLIBCXX_3.4"), name.strip_prefix("CXXABI_1.3"))
    {
        (Some(minor), _) => (&GLIBCXX, minor),
        (_, Some(minor)) => (&CXXABI, minor),
        _ => return None,
    };
    let minor: u32 = if minor.is_empty() { 0 } else { minor.strip_prefix('.')?.parse().ok()? };
    let (_, version) = table.iter().rev().find(|(from, _)| *from <= minor)?;
    numbers(version)
}

fn numbers(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, versions: &[&str]) -> Library {
        Library { name: name.to_owned(), versions: versions.iter().map(|&v| v.to_owned()).collect() }
    }

    #[test]
    fn the_highest_version_of_all_glibc_libraries_counts() {
        let libraries = [
            library("libm.so.6", &["GLIBC_2.27", "GLIBC_2.2.5"]),
            library("libc.so.6", &["GLIBC_2.9", "GLIBC_2.28", "GLIBC_PRIVATE"]),
            library("libstdc++.so.6", &["GLIBCXX_3.4", "GLIBCXX_3.4.21", "CXXABI_1.3.9"]),
            library("libgcc_s.so.1", &["GCC_3.0", "GCC_4.2.0"]),
            library("libcrypto.so.3", &["OPENSSL_3.0.0"]),
            library("libssl.so.3", &[]),
            library("libthing.so.7", &["THING_1"]),
        ];
        let (depends, unknown) = depends(&libraries);
        let expected = ["libc6 (>= 2.28)", "libgcc-s1 (>= 4.2)", "libssl3t64 | libssl3", "libstdc++6 (>= 5.2)"];
        assert_eq!(depends, expected);
        assert_eq!(unknown, ["libthing.so.7"]);
    }

    #[test]
    fn a_version_beyond_the_table_needs_its_last() {
        assert_eq!(gcc_version("GLIBCXX_3.4.99"), Some(vec![13]));
        assert_eq!(gcc_version("GLIBCXX_3.4.19"), Some(vec![4, 8]));
        assert_eq!(gcc_version("GLIBCXX_3.4x"), None);
    }
}
