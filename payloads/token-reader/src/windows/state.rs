//! The agent's own folder, `ProgramData\\PUBLISHER\\PRODUCT`: that it lies where it seems to lie, and that a removal leaves none of it.

use std::fs;
use std::io::ErrorKind;
use std::os::windows::fs::MetadataExt;
use std::panic::catch_unwind;
use std::path::{Component, Path, PathBuf};

use super::ffi::{ERROR_INSTALL_FAILURE, ERROR_SUCCESS, FILE_ATTRIBUTE_REPARSE_POINT};
use super::session::Session;

/// The folder's key in the table Directory, which is the property that has its path.
const FOLDER: &str = "StateFolder";
/// What the actions are called in the log.
const ACTION: &str = "state folder";
/// What a deferred action is given.
const DATA: &str = "CustomActionData";

/// The entry point of an immediate action: every user may make a folder in `ProgramData`, and so a junction that leads elsewhere. The
/// package's tables lock and own what they find; what leads elsewhere they would lock there, so the installation ends.
#[unsafe(no_mangle)]
pub(crate) extern "system" fn CheckStateFolder(install: u32) -> u32 {
    catch_unwind(|| check(&Session::new(install, ACTION))).unwrap_or(ERROR_SUCCESS)
}

fn check(session: &Session) -> u32 {
    let Some(folder) = session.property(FOLDER).and_then(|path| own(&path)) else {
        session.log("StateFolder is no folder below another; it is not looked at");
        return ERROR_SUCCESS;
    };
    for path in folder.parent().into_iter().chain([folder.as_path()]) {
        if leads_elsewhere(path) {
            session.error(&format!("{} leads elsewhere. Remove it and install again", path.display()));
            return ERROR_INSTALL_FAILURE;
        }
    }
    ERROR_SUCCESS
}

/// The entry point of a commit action that runs as the system when the product is really removed: the table RemoveFile reaches the files
/// of a folder and not what lies in its folders.
#[unsafe(no_mangle)]
pub(crate) extern "system" fn RemoveStateFolder(install: u32) -> u32 {
    let _ = catch_unwind(|| remove(&Session::new(install, ACTION)));
    ERROR_SUCCESS
}

fn remove(session: &Session) {
    let Some(folder) = session.property(DATA).and_then(|path| own(&path)) else {
        return session.log("there is no state folder to remove");
    };
    let Some(above) = folder.parent() else { return };
    if leads_elsewhere(above) || leads_elsewhere(&folder) {
        return session.log("the state folder leads elsewhere; it is not removed");
    }
    // Links inside are removed and not followed.
    match fs::remove_dir_all(&folder) {
        Ok(()) => session.log("the state folder is removed"),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return session.log(&format!("the state folder cannot be removed: {error}")),
    }
    // The publisher's, if nothing of the publisher's other products is in it.
    let _ = fs::remove_dir(above);
}

/// The path of a folder of ours: on a drive, below a publisher's folder that is not right below the drive.
fn own(path: &str) -> Option<PathBuf> {
    let path = Path::new(path.trim_end_matches('\\'));
    let mut parts = path.components();
    let is_on_drive = matches!((parts.next(), parts.next()), (Some(Component::Prefix(_)), Some(Component::RootDir)));
    let names = parts.clone().count();
    (is_on_drive && names >= 3 && parts.all(|part| matches!(part, Component::Normal(_)))).then(|| path.to_path_buf())
}

/// Whether it is there and is a junction or a link. What cannot be asked is not: the tables find out.
fn leads_elsewhere(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0)
}
