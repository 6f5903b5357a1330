//! The receipt of one stamp: a file, standard output, or both.

use stampwright::output::{Pending, Readers};
use stampwright::{Receipt, Result};

use super::args::Stamp;
use crate::print;

/// The receipt's file, before the installer is there.
pub fn receipt_file(args: &Stamp) -> Result<Option<Pending>> {
    args.receipt.as_deref().map(Pending::text).transpose()
}

/// Gives the receipt to whom it was promised.
pub fn give(receipt: &Receipt, file: Option<Pending>, json: bool) -> Result<()> {
    if let Some(mut pending) = file {
        pending.json(receipt)?;
        pending.finish(Readers::All)?;
    }
    if json { print::json(receipt) } else { Ok(()) }
}
