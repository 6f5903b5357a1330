//! `cargo xtask image`: the last stage of the Containerfile, built by buildah without a network and run as its user. What fills it is the program
//! that the tests have, linked again without a shared library, and laid out by the Containerfile's own step. The first stage compiles in an image
//! of a registry, which only a machine with a network can try.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};

/// The user of the image.
const NOBODY: u32 = 65534;
/// Where the first stage lays out what the last one takes.
const LAID_OUT: &str = "/image";
const TOKEN: &str = "t1.example-tenant.0123456789abcdef";

/// Builds the image and does the main job in it.
pub(crate) fn rehearse(sh: &Shell) -> Result {
    let folder = sh.create_temp_dir()?;
    let folder = folder.path();
    let (context, work) = (folder.join("context"), folder.join("work"));
    for made in [&folder.join("target/release"), &context, &work] {
        fs::create_dir_all(made).at("create", made)?;
    }
    // The flag is the program's alone. As a package by itself it has fewer features of its libraries than beside the tests, so the first time
    // those are compiled once more.
    cmd!(
        sh,
        "cargo rustc --quiet --locked --package stampwright-cli --bin stampwright -- -C target-feature=+crt-static"
    )
    .run()?;
    let program = folder.join("target/release/stampwright");
    cmd!(sh, "strip --strip-all -o {program} target/debug/stampwright").quiet().run()?;

    let (layout, last) = stages(&fs::read_to_string("Containerfile").at("read", "Containerfile")?)?;
    let layout = layout.replace(LAID_OUT, &context.join("image").display().to_string());
    let file = folder.join("Containerfile");
    fs::write(&file, last).at("write", &file)?;
    {
        let _there = sh.push_dir(folder);
        cmd!(sh, "sh -euc {layout}").quiet().run()?;
    }

    let stage = format!("build={}", context.display());
    buildah(
        sh,
        folder,
        &["build", "--quiet", "--isolation=chroot", "--build-context", &stage, "--tag=stampwright", "."],
    )?;
    let container = buildah(sh, folder, &["from", "stampwright"])?;
    holds_nothing_else(Path::new(&buildah(sh, folder, &["mount", &container])?))?;
    buildah(sh, folder, &["umount", &container])?;
    let done = does_the_job(sh, folder, &container, &work);
    buildah(sh, folder, &["rm", &container])?;
    done
}

/// The step that lays out the files, and the last stage.
fn stages(text: &str) -> Result<(String, String)> {
    let lacks = |what: &str| Failure::answer("Containerfile", format!("it has no {what}"));
    let step = text.lines().find_map(|line| line.strip_prefix("RUN ").filter(|step| step.contains(LAID_OUT)));
    let last = text.rfind("FROM scratch").and_then(|start| text.get(start..));
    let step = step.ok_or_else(|| lacks("step that lays out /image"))?;
    Ok((step.to_owned(), last.ok_or_else(|| lacks("last stage from scratch"))?.to_owned()))
}

/// Runs buildah in `folder`, with a store of its own there; gives what it answers.
fn buildah(sh: &Shell, folder: &Path, arguments: &[&str]) -> Result<String> {
    let _there = sh.push_dir(folder);
    let (root, state) = (folder.join("images"), folder.join("state"));
    Ok(cmd!(sh, "buildah --storage-driver vfs --root {root} --runroot {state} {arguments...}").quiet().read()?)
}

/// The program, and a folder for scratch files that everybody may write into.
fn holds_nothing_else(root: &Path) -> Result {
    let mut names = Vec::new();
    for entry in fs::read_dir(root).at("list", root)? {
        names.push(entry.at("list", root)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    // buildah mounts these over what the image has, and leaves the empty folders.
    names.retain(|name| !["dev", "proc", "run", "sys"].contains(&name.as_str()));
    let scratch = root.join("tmp");
    let mode = fs::metadata(&scratch).at("look at", &scratch)?.permissions().mode() & 0o7777;
    if names != ["stampwright", "tmp"] || mode != 0o1777 {
        return Err(Failure::answer("the image", format!("it has {names:?}, and /tmp has the mode {mode:o}")));
    }
    Ok(())
}

/// A base, a stamp and a verification, as the image's user in a folder of that user.
fn does_the_job(sh: &Shell, folder: &Path, container: &str, work: &Path) -> Result {
    let token = work.join("token");
    fs::write(&token, TOKEN).at("write", &token)?;
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).at("protect", &token)?;
    for path in [work, &token] {
        chown(path, Some(NOBODY), Some(NOBODY)).at("give away", path)?;
    }
    let (tree, own) = (format!("{}:/src:ro", sh.current_dir().display()), format!("{}:/work", work.display()));
    let place = ["run", "--isolation=chroot", "--volume", &tree, "--volume", &own, "--workingdir=/work", container];
    let build = "build --product /src/payloads/probe/stampwright.toml --format deb --set deb.compression=zstd -o bases";
    let stamp = "stamp bases/Probe-Agent.deb --token-file token -o Probe-Agent.deb";
    let verify = "verify Probe-Agent.deb --base bases/Probe-Agent.deb --token-file token";
    let mut said = String::new();
    for step in [build, stamp, verify] {
        // `run` leaves the entry point out.
        let command = ["--", "/stampwright"].into_iter().chain(step.split(' '));
        said = buildah(sh, folder, &place.into_iter().chain(command).collect::<Vec<_>>())?;
    }
    if said.lines().any(|line| line.starts_with("Probe-Agent.deb: ok: ")) {
        return Ok(());
    }
    Err(Failure::answer("stampwright verify in the image", said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_containerfile_has_what_is_tried() {
        let text = fs::read_to_string(crate::root::root().join("Containerfile")).unwrap();
        let (layout, last) = stages(&text).unwrap();
        assert!(layout.contains("chmod 1777 /image/tmp") && layout.contains("target/release/stampwright"), "{layout}");
        // The stage's name is the one that the build is given, and the user and the entry point those that are tried.
        assert_eq!(
            last,
            "FROM scratch\nCOPY --from=build /image/ /\nUSER 65534:65534\nENTRYPOINT [\"/stampwright\"]\n"
        );
    }
}
