//! The talk with the service control manager.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};

use super::ffi::{self, ServiceStatus, ServiceTableEntry};
use crate::options::{Options, Start};
use crate::report;

static SERVICE: OnceLock<(Options, Start)> = OnceLock::new();
/// What the control handler reports states to.
static STATUS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
/// Wakes `service_main` with the reason to end.
static STOP: Mutex<Option<Sender<&'static str>>> = Mutex::new(None);

/// Hands this thread to the service control manager until the service has stopped.
pub(crate) fn serve(options: Options, start: Start) -> Result<(), String> {
    let _ = SERVICE.set((options, start));
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
    Err(format!("no service control manager waits for this process (use --once from a console): {error}"))
}

unsafe extern "system" fn service_main(_count: u32, _arguments: *mut *mut u16) {
    let (stop, stopped) = channel();
    if let Ok(mut slot) = STOP.lock() {
        *slot = Some(stop);
    }
    let name = [0_u16];
    // SAFETY: the name ends with a zero; the manager ignores it for a service of its own process.
    let status = unsafe { ffi::RegisterServiceCtrlHandlerExW(name.as_ptr(), on_control, ptr::null_mut()) };
    STATUS.store(status, Ordering::Release);
    let Some((options, start)) = SERVICE.get() else { return };
    tell(ffi::SERVICE_START_PENDING, ffi::NO_ERROR);
    if start(options).is_err() {
        tell(ffi::SERVICE_STOPPED, ffi::ERROR_SERVICE_SPECIFIC_ERROR);
        return;
    }
    tell(ffi::SERVICE_RUNNING, ffi::NO_ERROR);
    let reason = stopped.recv().unwrap_or("lost");
    tell(ffi::SERVICE_STOP_PENDING, ffi::NO_ERROR);
    let written = report::append(&options.log, &report::stopped(reason));
    tell(ffi::SERVICE_STOPPED, if written.is_ok() { ffi::NO_ERROR } else { ffi::ERROR_SERVICE_SPECIFIC_ERROR });
}

unsafe extern "system" fn on_control(control: u32, _event: u32, _data: *mut c_void, _context: *mut c_void) -> u32 {
    let reason = match control {
        ffi::SERVICE_CONTROL_STOP => "stop",
        ffi::SERVICE_CONTROL_SHUTDOWN => "shutdown",
        ffi::SERVICE_CONTROL_INTERROGATE => return ffi::NO_ERROR,
        _ => return ffi::ERROR_CALL_NOT_IMPLEMENTED,
    };
    let stop = STOP.lock().ok().and_then(|mut slot| slot.take());
    if let Some(stop) = stop {
        let _ = stop.send(reason);
    }
    ffi::NO_ERROR
}

/// Tells the service control manager where the service stands.
fn tell(state: u32, exit_code: u32) {
    let accepts =
        if state == ffi::SERVICE_RUNNING { ffi::SERVICE_ACCEPT_STOP | ffi::SERVICE_ACCEPT_SHUTDOWN } else { 0 };
    let pending = matches!(state, ffi::SERVICE_START_PENDING | ffi::SERVICE_STOP_PENDING);
    let status = ServiceStatus {
        kind: ffi::SERVICE_WIN32_OWN_PROCESS,
        state,
        accepts,
        exit_code,
        specific_exit_code: u32::from(exit_code == ffi::ERROR_SERVICE_SPECIFIC_ERROR),
        check_point: u32::from(pending),
        wait_hint_ms: if pending { 5_000 } else { 0 },
    };
    // SAFETY: the handle came from RegisterServiceCtrlHandlerExW; the status lives through the call.
    unsafe { ffi::SetServiceStatus(STATUS.load(Ordering::Acquire), &status) };
}
