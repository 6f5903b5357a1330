//! Windows: a service of its own process.
//!
//! `main` hands its thread to the dispatcher; the service control manager calls `ServiceMain` on a thread of its own, and the control
//! handler on the dispatcher's. Both get no context from us, so the kit waits in a static.
//! (Microsoft, "Writing a Service Program's main Function", "Writing a ServiceMain Function", "Writing a Control Handler Function".)

mod ffi;
mod service;

pub(crate) use service::serve;
