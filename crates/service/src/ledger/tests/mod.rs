//! One suite for both databases, and what each of them alone has to bear.

mod conformance;
mod devices;
mod faults;
mod postgres;
mod postgres_tls;
mod processes;
mod samples;
