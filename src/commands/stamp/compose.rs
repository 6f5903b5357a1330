//! One installer that an S3-compatible store puts together.

use std::path::Path;

use stampwright::output;
use stampwright::s3::Address;
use stampwright::{Error, Result, Stamp as Stamped};

use super::args::Stamp;
use super::receipt::{give, receipt_file};
use crate::print::{self, Results};

pub fn run(args: &Stamp, stamp: &Stamped, to: &Address) -> Result<()> {
    let base = args.store.base_object.as_ref().ok_or_else(|| Error::usage("--to needs --base-object"))?;
    let open_key = args.signing.open_key();
    let (bases, bucket) = (args.store.bucket(&base.bucket, open_key)?, args.store.bucket(&to.bucket, open_key)?);
    // The receipt comes first: if it cannot be made, there is no installer without one.
    let address = to.to_string();
    let file = receipt_file(args)?;
    let receipt = match file.is_some() || args.json {
        true => Some(stamp.receipt()?.named(Path::new(&address))),
        false => None,
    };
    let composed = stamp.compose(&bases, &base.key, &bucket, &to.key)?;
    if !args.json {
        let line = format!(
            "{address}: {} bytes, of which {} were copied inside the store and {} sent",
            composed.size, composed.copied, composed.sent
        );
        let is_stdout = args.receipt.as_deref().is_some_and(output::is_stdout);
        print::result(line, Results::beside(is_stdout));
    }
    match receipt {
        Some(receipt) => give(&receipt, file, args.json),
        None => Ok(()),
    }
}
