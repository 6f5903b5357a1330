//! Windows: a service of its own process, which reads its token from the registry.
//!
//! `main` hands its thread to the dispatcher; the service control manager calls `ServiceMain` on a thread of its own, and the
//! control handler on the dispatcher's. Both get no context from us, so the options wait in a static.
//! (Microsoft, "Writing a Service Program's main Function", "Writing a ServiceMain Function", "Writing a Control Handler Function".)

mod ffi;
mod registry;
mod service;
mod wide;

use self::wide::from_wide;
use crate::options::Options;

pub(crate) use service::serve;

/// The value of the key that holds the token.
const TOKEN: &str = "EnrollmentToken";
/// The value of the key that says that this device is enrolled.
const STATE: &str = "EnrollmentState";

/// The token in the registry; nothing when the key or the value is not there.
pub(crate) fn read_token(options: &Options) -> Option<Vec<u8>> {
    let key = registry::Key::open(&options.registry_key, ffi::KEY_READ).ok()?;
    key.read(TOKEN).ok().map(String::into_bytes)
}

/// The account's name, `SYSTEM` for a service without one of its own.
pub(crate) fn account() -> String {
    let mut name = [0_u16; 257];
    let mut length = 257_u32;
    // SAFETY: the buffer has as many letters as `length` says.
    let done = unsafe { ffi::GetUserNameW(name.as_mut_ptr(), &mut length) };
    if done == 0 { "unknown".to_owned() } else { from_wide(&name) }
}

/// Records the enrollment, then deletes the token: in this order a crash in between loses nothing.
pub(crate) fn enroll(options: &Options) -> Result<(), String> {
    let key = registry::Key::open(&options.registry_key, ffi::KEY_READ | ffi::KEY_WRITE)?;
    key.write(STATE, "enrolled")?;
    key.delete(TOKEN)
}
