//! `PackageInfo` and `Distribution`: with each other, and with the payload.

use crate::pkg::package_info::{Distribution, PackageInfo};
use crate::pkg::payload_tree::{PayloadTree, processors};
use crate::report::Report;

pub(super) fn package_info(info: &PackageInfo, tree: &PayloadTree, report: &mut Report) {
    let place = "PackageInfo";
    report.check(info.auth == "root", "pkg-auth", place, || format!("auth is {:?}, must be root", info.auth));
    report.check(info.install_location.starts_with('/'), "pkg-install-location", place, || {
        format!("install-location is {:?}, must be an absolute path", info.install_location)
    });
    report.check(!info.relocatable && info.relocated == 0, "pkg-relocatable", place, || {
        "the application may be relocated: Installer follows a copy that a user has moved".to_owned()
    });
    report.check(!info.identifier.is_empty(), "pkg-identifier", place, || "identifier is missing".to_owned());
    let plain = !info.version.is_empty() && info.version.split('.').all(|part| part.parse::<u32>().is_ok());
    report.check(plain && info.version != "0", "pkg-version", place, || {
        format!("version is {:?}, must be numbers and dots, and not 0", info.version)
    });
    let files = tree.paths.len();
    report.check(info.files == files.to_string(), "pkg-payload-count", place, || {
        format!("numberOfFiles is {:?}, but the payload has {files}", info.files)
    });
    let blocks = tree.paths.iter().map(|(path, installed)| match &installed.entry {
        entry if entry.is_directory() => u64::from(path != "."),
        entry if entry.is_symlink() => 0,
        entry => entry.size.div_ceil(512),
    });
    let kbytes = blocks.sum::<u64>().div_ceil(2);
    report.check(info.kbytes == kbytes.to_string(), "pkg-payload-size", place, || {
        format!("installKBytes is {:?}, but the payload has {kbytes}", info.kbytes)
    });
    bundle(info, tree, report);
}

/// The one bundle, and the application that it stands for.
fn bundle(info: &PackageInfo, tree: &PayloadTree, report: &mut Report) {
    let place = "PackageInfo";
    let [bundle] = info.bundles.as_slice() else {
        let found = info.bundles.len();
        report.check(false, "pkg-one-bundle", place, || {
            format!("there are {found} bundles, must be one: detection takes the first")
        });
        return;
    };
    let Some(application) = tree.applications.get(&bundle.path) else {
        report.check(false, "pkg-bundle-path", place, || {
            format!("the bundle {:?} has no Contents/Info.plist in the payload", bundle.path)
        });
        return;
    };
    if application.unread {
        report.warning("pkg-bundle-unread", &bundle.path, "Info.plist is damaged; it was not compared");
        return;
    }
    for (name, said, real) in [
        ("CFBundleIdentifier", &bundle.id, &application.id),
        ("CFBundleShortVersionString", &bundle.short_version, &application.short_version),
        ("CFBundleVersion", &bundle.version, &application.version),
    ] {
        report.check(said == real && !real.is_empty(), "pkg-bundle", &bundle.path, || {
            format!("PackageInfo says that {name} is {said:?}, Info.plist that it is {real:?}")
        });
    }
    report.check(bundle.short_version == info.version, "pkg-version-agrees", place, || {
        format!("version is {:?}, the application's is {:?}", info.version, bundle.short_version)
    });
    if !application.sealed {
        report.note(
            "pkg-wrapper-app",
            &bundle.path,
            "the application is a wrapper without a signature of its own; its executable keeps the vendor's",
        );
    }
}

pub(super) fn distribution(
    distribution: &Distribution,
    info: &PackageInfo,
    tree: &PayloadTree,
    component: &str,
    report: &mut Report,
) {
    let place = "Distribution";
    report.check(!distribution.title.is_empty(), "pkg-title", place, || "title is missing".to_owned());
    report.check(!distribution.scripts, "pkg-distribution-scripts", place, || {
        "it has scripts of its own or allows them: a management system cannot answer for them".to_owned()
    });
    report.check(distribution.root_volume_only, "pkg-root-volume", place, || {
        "rootVolumeOnly is not set: a daemon belongs to the running system".to_owned()
    });
    report.check(!distribution.minimum_macos.is_empty(), "pkg-minimum-macos", place, || {
        "allowed-os-versions has no os-version min".to_owned()
    });
    architectures(distribution, info, tree, report);
    report.check(distribution.product_version == info.version, "pkg-version-agrees", place, || {
        format!("the product's version is {:?}, PackageInfo's is {:?}", distribution.product_version, info.version)
    });
    let [reference] = distribution.references.as_slice() else {
        let found = distribution.references.len();
        report.check(false, "pkg-reference", place, || format!("{found} pkg-refs have a location, must be one"));
        return;
    };
    let said = (&reference.id, &reference.version, &reference.kbytes);
    let real = (&info.identifier, &info.version, &info.kbytes);
    report.check(said == real, "pkg-reference", place, || {
        format!("pkg-ref says id, version, installKBytes {said:?}, PackageInfo {real:?}")
    });
    report.check(reference.component == component.trim_end_matches('/'), "pkg-reference", place, || {
        format!("pkg-ref names #{}, but the component is {component}", reference.component)
    });
    let same = |said: &[_], real: &[crate::pkg::package_info::BundleReference]| {
        let ids = |list: &[crate::pkg::package_info::BundleReference]| -> Vec<_> {
            list.iter().map(|b| (b.id.clone(), b.short_version.clone(), b.version.clone())).collect()
        };
        ids(said) == ids(real)
    };
    report.check(same(&distribution.bundles, &info.bundles), "pkg-bundle", place, || {
        "its bundles are not those of PackageInfo".to_owned()
    });
}

/// `hostArchitectures` against the program's own header.
fn architectures(distribution: &Distribution, info: &PackageInfo, tree: &PayloadTree, report: &mut Report) {
    let place = "Distribution";
    let mut said: Vec<&str> = distribution.architectures.iter().map(String::as_str).collect();
    said.sort_unstable();
    if !said.contains(&"arm64") {
        report.check(distribution.ends_with_intel(), "pkg-apple-silicon", place, || {
            "hostArchitectures has no arm64, and macOS 27 runs on nothing else: os-version must say before 27"
                .to_owned()
        });
        report.warning("pkg-rosetta", place, "hostArchitectures has no arm64: Apple silicon asks for Rosetta");
    }
    let Some(bundle) = info.bundles.first() else { return };
    let Some(application) = tree.applications.get(&bundle.path).filter(|a| !a.executable.is_empty()) else { return };
    let path = format!("{}/Contents/MacOS/{}", bundle.path, application.executable);
    let Some(program) = tree.paths.get(&path) else {
        report.check(false, "pkg-program", &path, || "the application's executable is not in the payload".to_owned());
        return;
    };
    report.check(program.entry.mode & 0o7777 == 0o755, "pkg-program", &path, || {
        format!("its mode is {:o}, must be 755", program.entry.mode & 0o7777)
    });
    let real = processors(&program.head);
    report.check(said == real, "pkg-host-architectures", place, || {
        format!("hostArchitectures is {said:?}, the program is for {real:?}")
    });
}
