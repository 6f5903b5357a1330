//! The little of advapi32 that a service needs, declared here so that nothing has to be downloaded to cross-build it.
//! Names are Microsoft's (winsvc.h).
#![allow(non_snake_case, reason = "these are the names that the library exports")]

use std::ffi::c_void;

/// SERVICE_STATUS_HANDLE.
pub(crate) type Handle = *mut c_void;
/// LPSERVICE_MAIN_FUNCTIONW.
pub(crate) type ServiceMain = unsafe extern "system" fn(u32, *mut *mut u16);
/// LPHANDLER_FUNCTION_EX.
pub(crate) type Handler = unsafe extern "system" fn(u32, u32, *mut c_void, *mut c_void) -> u32;

/// SERVICE_TABLE_ENTRYW.
#[repr(C)]
pub(crate) struct ServiceTableEntry {
    /// Ignored for a service of its own process.
    pub(crate) name: *mut u16,
    /// Where the service starts.
    pub(crate) main: Option<ServiceMain>,
}

/// SERVICE_STATUS.
#[repr(C)]
pub(crate) struct ServiceStatus {
    /// dwServiceType.
    pub(crate) kind: u32,
    /// dwCurrentState.
    pub(crate) state: u32,
    /// dwControlsAccepted.
    pub(crate) accepts: u32,
    /// dwWin32ExitCode.
    pub(crate) exit_code: u32,
    /// dwServiceSpecificExitCode.
    pub(crate) specific_exit_code: u32,
    /// dwCheckPoint.
    pub(crate) check_point: u32,
    /// dwWaitHint.
    pub(crate) wait_hint_ms: u32,
}

pub(crate) const SERVICE_WIN32_OWN_PROCESS: u32 = 0x10;
pub(crate) const SERVICE_STOPPED: u32 = 1;
pub(crate) const SERVICE_START_PENDING: u32 = 2;
pub(crate) const SERVICE_STOP_PENDING: u32 = 3;
pub(crate) const SERVICE_RUNNING: u32 = 4;
pub(crate) const SERVICE_ACCEPT_STOP: u32 = 1;
pub(crate) const SERVICE_ACCEPT_SHUTDOWN: u32 = 4;
pub(crate) const SERVICE_CONTROL_STOP: u32 = 1;
pub(crate) const SERVICE_CONTROL_INTERROGATE: u32 = 4;
pub(crate) const SERVICE_CONTROL_SHUTDOWN: u32 = 5;
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const ERROR_CALL_NOT_IMPLEMENTED: u32 = 120;

#[link(name = "advapi32")]
unsafe extern "system" {
    pub(crate) fn StartServiceCtrlDispatcherW(table: *const ServiceTableEntry) -> i32;
    pub(crate) fn RegisterServiceCtrlHandlerExW(name: *const u16, handler: Handler, context: *mut c_void) -> Handle;
    pub(crate) fn SetServiceStatus(service: Handle, status: *const ServiceStatus) -> i32;
}
