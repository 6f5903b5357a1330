//! The talk with the service control manager.

use std::ffi::c_void;
use std::path::PathBuf;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use agent_kit::{Kit, Stop};

use super::ffi::{self, ServiceStatus, ServiceTableEntry};

/// What `service_main` serves, and what ends it.
static SERVICE: OnceLock<(Kit, Option<PathBuf>, Stop)> = OnceLock::new();
/// What the control handler reports states to.
static STATUS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Hands this thread to the service control manager until the service has stopped.
pub(crate) fn serve(kit: Kit, log: Option<PathBuf>) -> Result<(), String> {
    let _ = SERVICE.set((kit, log, Stop::default()));
    let mut name = [0_u16];
    let table = [
        ServiceTableEntry { name: name.as_mut_ptr(), main: Some(service_main) },
        ServiceTableEntry { name: ptr::null_mut(), main: None },
    ];
    // SAFETY: the table ends with an empty entry and lives until the call returns, which is when the service has stopped.
    if unsafe { ffi::StartServiceCtrlDispatcherW(table.as_ptr()) } != 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    Err(format!("no service control manager waits for this process (use `once` from a console): {error}"))
}

unsafe extern "system" fn service_main(_count: u32, _arguments: *mut *mut u16) {
    let name = [0_u16];
    // SAFETY: the name ends with a zero; the manager ignores it for a service of its own process.
    let status = unsafe { ffi::RegisterServiceCtrlHandlerExW(name.as_ptr(), on_control, ptr::null_mut()) };
    STATUS.store(status, Ordering::Release);
    let Some((kit, log, stop)) = SERVICE.get() else { return };
    // The kit does not wait for a network when it starts, so there is nothing to be pending for.
    tell(ffi::SERVICE_START_PENDING);
    tell(ffi::SERVICE_RUNNING);
    crate::serve::run(kit, log.clone(), stop);
    tell(ffi::SERVICE_STOPPED);
}

unsafe extern "system" fn on_control(control: u32, _event: u32, _data: *mut c_void, _context: *mut c_void) -> u32 {
    match control {
        ffi::SERVICE_CONTROL_STOP | ffi::SERVICE_CONTROL_SHUTDOWN => {
            tell(ffi::SERVICE_STOP_PENDING);
            if let Some((_, _, stop)) = SERVICE.get() {
                stop.stop();
            }
            ffi::NO_ERROR
        }
        ffi::SERVICE_CONTROL_INTERROGATE => ffi::NO_ERROR,
        _ => ffi::ERROR_CALL_NOT_IMPLEMENTED,
    }
}

/// Tells the service control manager where the service stands.
fn tell(state: u32) {
    let accepts =
        if state == ffi::SERVICE_RUNNING { ffi::SERVICE_ACCEPT_STOP | ffi::SERVICE_ACCEPT_SHUTDOWN } else { 0 };
    let pending = matches!(state, ffi::SERVICE_START_PENDING | ffi::SERVICE_STOP_PENDING);
    let status = ServiceStatus {
        kind: ffi::SERVICE_WIN32_OWN_PROCESS,
        state,
        accepts,
        exit_code: ffi::NO_ERROR,
        specific_exit_code: 0,
        check_point: u32::from(pending),
        // A request to the server may take half a minute.
        wait_hint_ms: if pending { 35_000 } else { 0 },
    };
    // SAFETY: the handle came from RegisterServiceCtrlHandlerExW; the status lives through the call.
    unsafe { ffi::SetServiceStatus(STATUS.load(Ordering::Acquire), &status) };
}
