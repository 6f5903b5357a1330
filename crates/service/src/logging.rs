//! Logs: one JSON object a line, on standard error. No path, query or header of a request is in one, but its pattern and its key's public id.

use tracing_subscriber::filter::LevelFilter;

/// Logs from now on. A second call changes nothing.
pub(crate) fn start() {
    let lines = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .with_max_level(LevelFilter::INFO)
        .finish();
    // Somebody else logs already, as in tests.
    let _ = tracing::subscriber::set_global_default(lines);
}
