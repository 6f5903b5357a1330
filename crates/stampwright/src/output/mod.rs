//! What is written, by the same rules wherever it goes.
//!
//! A file appears whole or not at all: it is written beside its place under another name, synced, then renamed. What is there already decides:
//!
//! | what is at the path | what becomes of it |
//! |---|---|
//! | nothing, or a file | it is replaced by a rename |
//! | a link | it stays; what it leads to is replaced |
//! | a FIFO, a device, `/dev/stdout`, `/dev/fd/3`, `-` | it is written to, when all is ready and read back |
//! | a terminal, and the output is no text | it is refused |
//! | a folder | it is refused |
//! | an input, or another output of the call | [`Files::check`] refuses it |
//!
//! What a killed run leaves is called `.stampwright-…`, and goes with the next run that writes to the folder.

mod files;
mod folder;
mod opened;
mod pending;
mod place;
mod readers;
mod temporary;

pub use files::Files;
pub(crate) use folder::refuse_stream;
pub use folder::{PendingFolder, folder};
pub use opened::Opened;
pub use pending::Pending;
pub use place::is_stdout;
pub(crate) use place::is_stream;
pub use readers::Readers;
