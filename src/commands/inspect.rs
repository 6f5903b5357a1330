//! `stampwright inspect`: what an installer is, and whose.

use std::fmt::Write as _;

use container::ReadAt;
use installer::format::Inspection;
use installer::formats;
use serde::Serialize;
use signing::verify::Trust;

use crate::cli::Inspect;
use crate::doors;
use crate::failure::Failure;
use crate::once::Once;
use crate::receipt::{self, FileDigest};
use crate::signatures::{self, Judged};
use crate::{issued, source};

#[derive(Debug, Serialize)]
struct Document {
    file: String,
    #[serde(flatten)]
    digest: FileDigest,
    #[serde(flatten)]
    inspection: Inspection,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Judged>,
}

pub fn run(args: &Inspect) -> Result<(), Failure> {
    let file = source::installer(&args.file)?;
    let roots = signatures::roots(&args.root)?;
    let trust = Trust { roots: &roots, now: doors::now() };
    let (inspection, signature) = inspect(&file, trust).map_err(|failure| failure.about(&args.file))?;
    let digest = receipt::digest(&file, &args.file)?;
    if args.json {
        return receipt::print(&Document { file: args.file.display().to_string(), digest, inspection, signature });
    }
    eprint!("{}", text(&inspection, &digest, signature.as_ref()));
    Ok(())
}

fn inspect(file: &dyn ReadAt, trust: Trust<'_>) -> Result<(Inspection, Option<Judged>), Failure> {
    let format = formats::recognise(file)?;
    Ok((format.inspect(file)?, signatures::judge(format, file, trust)?))
}

fn text(inspection: &Inspection, digest: &FileDigest, signature: Option<&Judged>) -> String {
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
    match signature {
        Some(judged) => judged.lines().iter().for_each(|(name, value)| line(name, value)),
        None => line("signature", if inspection.signed { "there is one" } else { "none" }),
    }
    for (name, value) in &inspection.details {
        line(name, value);
    }
    line("size", &digest.size.to_string());
    line("sha256", &digest.sha256);
    out
}
