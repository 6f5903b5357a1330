//! `stampwright inspect`: what an installer is, and whose.

use std::fmt::Write as _;

use container::ReadAt;
use installer::format::Inspection;
use installer::formats;
use serde::Serialize;

use crate::cli::Inspect;
use crate::failure::Failure;
use crate::receipt::{self, FileDigest};
use crate::{issued, source};

#[derive(Debug, Serialize)]
struct Document {
    file: String,
    #[serde(flatten)]
    digest: FileDigest,
    #[serde(flatten)]
    inspection: Inspection,
}

pub fn run(args: &Inspect) -> Result<(), Failure> {
    let file = source::installer(&args.file)?;
    let inspection = inspect(&file).map_err(|failure| failure.about(&args.file))?;
    let digest = receipt::digest(&file, &args.file)?;
    if args.json {
        return receipt::print(&Document { file: args.file.display().to_string(), digest, inspection });
    }
    eprint!("{}", text(&inspection, &digest));
    Ok(())
}

fn inspect(file: &dyn ReadAt) -> Result<Inspection, Failure> {
    Ok(formats::recognise(file)?.inspect(file)?)
}

fn text(inspection: &Inspection, digest: &FileDigest) -> String {
    let token = inspection.token.as_ref().map_or_else(
        || "none: a base".to_owned(),
        |token| format!("{} bytes, fingerprint {}", token.len, token.fingerprint),
    );
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<22} {value}");
    };
    line("product", &inspection.product);
    line("version", &inspection.version);
    line("format", inspection.kind.extension());
    line("architecture", &inspection.arch);
    line("token", &token);
    for (name, value) in issued::lines(inspection) {
        line(name, &value);
    }
    line("signature", if inspection.signed { "there is one" } else { "none" });
    for (name, value) in &inspection.details {
        line(name, value);
    }
    line("size", &digest.size.to_string());
    line("sha256", &digest.sha256);
    out
}
