//! The little of msi.dll that the action needs, declared here so that nothing has to be downloaded to cross-build it. Names are
//! Microsoft's (msi.h, msiquery.h).
#![allow(non_snake_case, reason = "these are the names that the library exports")]

/// MSIHANDLE.
pub(super) type Handle = u32;

pub(super) const ERROR_SUCCESS: u32 = 0;
pub(super) const ERROR_MORE_DATA: u32 = 234;
/// The action failed, and with it the installation.
pub(super) const ERROR_INSTALL_FAILURE: u32 = 1603;
/// INSTALLMESSAGE_ERROR: a line in the log, and a box unless the installation is quiet.
pub(super) const INSTALLMESSAGE_ERROR: i32 = 0x0100_0000;
/// FILE_ATTRIBUTE_REPARSE_POINT: a junction, a symbolic link, or another name for something elsewhere.
pub(super) const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;
/// INSTALLMESSAGE_INFO: a line in the log, nothing on the screen.
pub(super) const INSTALLMESSAGE_INFO: i32 = 0x0400_0000;

#[link(name = "msi")]
unsafe extern "system" {
    pub(super) fn MsiGetActiveDatabase(install: Handle) -> Handle;
    pub(super) fn MsiDatabaseOpenViewW(database: Handle, query: *const u16, view: *mut Handle) -> u32;
    pub(super) fn MsiViewExecute(view: Handle, record: Handle) -> u32;
    pub(super) fn MsiViewFetch(view: Handle, record: *mut Handle) -> u32;
    pub(super) fn MsiCreateRecord(fields: u32) -> Handle;
    pub(super) fn MsiRecordSetStringW(record: Handle, field: u32, value: *const u16) -> u32;
    pub(super) fn MsiRecordReadStream(record: Handle, field: u32, buffer: *mut u8, bytes: *mut u32) -> u32;
    pub(super) fn MsiCloseHandle(handle: Handle) -> u32;
    pub(super) fn MsiGetPropertyW(install: Handle, name: *const u16, value: *mut u16, letters: *mut u32) -> u32;
    pub(super) fn MsiSetPropertyW(install: Handle, name: *const u16, value: *const u16) -> u32;
    pub(super) fn MsiProcessMessage(install: Handle, kind: i32, record: Handle) -> i32;
}
