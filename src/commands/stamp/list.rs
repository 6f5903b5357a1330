//! `stampwright stamp BASE --batch LIST`: one base, a list of devices or tenants, an installer for each.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use stampwright::issuer::Issuer;
use stampwright::list::{self, Done, List, ListOptions, Minter};
use stampwright::receipt::TOOL;
use stampwright::{Base, Error, Result, SigningMethod, input, output};

use super::args::Stamp;
use crate::env;
use crate::print::{self, Results};
use crate::terminal::Terminal;

#[derive(Debug, Serialize)]
struct Document {
    tool: &'static str,
    output: String,
    base_sha256: String,
    #[serde(flatten)]
    done: Done,
    /// Rows for other platforms.
    passed_over: usize,
}

/// Stamps once for each row of the list.
pub fn run(args: &Stamp, list: &Path, open: impl Fn(&Stamp) -> Result<Base>) -> Result<()> {
    let Some(output) = &args.output else { return Err(Error::usage("a list needs -o: a folder or an archive")) };
    let to_stdout = output::is_stdout(output);
    let is_archive = args.batch.zip || to_stdout || output.extension().is_some_and(|end| end == "zip");
    if is_archive {
        args.files().check()?;
    }
    if to_stdout && args.json {
        return Err(Error::usage("the archive and the summary cannot both go to standard output"));
    }
    let base = open(args)?;
    let signer = match args.signing.method(args.token.token_env.as_deref())? {
        Some(SigningMethod::Command(_)) => {
            return Err(Error::usage("--sign-file-command signs one file; a list needs a key or --sign-command"));
        }
        Some(SigningMethod::Key(signer)) => Some(signer),
        None => None,
    };
    if let Some(signer) = &signer {
        base.check_signer(signer)?;
        if let Some(finding) = signer.ending(base.kind()) {
            print::finding(&finding, &args.base);
        }
    }
    let results = Results::beside(args.json || to_stdout);
    let terminal = Terminal::new(results);
    let minter = minter(args, &base)?;
    let (bytes, name) = if list == Path::new("-") {
        let name = Path::new("standard input");
        (list::read_bytes(std::io::stdin().lock(), name)?, name)
    } else {
        (list::read_file(list)?, list)
    };
    let file_name = args.base.file_name().and_then(|name| name.to_str());
    let file_name = file_name.ok_or_else(|| Error::wrong("the base's name is not UTF-8").about(&args.base))?;
    let options = ListOptions {
        name,
        columns: &args.batch.columns,
        file_name: file_name.to_owned(),
        digests: !args.batch.no_digests,
        minter,
        signer,
        release: args.release,
        now: env::now(),
    };
    let list = Arc::new(List::check(base, &bytes, options, &terminal)?);
    drop(bytes);
    let done = if is_archive { list.to_archive(output, &terminal)? } else { list.to_folder(output, &terminal)? };
    report(&list, output, done, args.json, results)
}

fn report(list: &List, output: &Path, done: Done, json: bool, results: Results) -> Result<()> {
    let Done { files, stamped, found, bytes } = done;
    let passed_over = list.passed_over();
    let plural = if files == 1 { "installer" } else { "installers" };
    let others = if passed_over > 0 { format!("; rows for other platforms: {passed_over}") } else { String::new() };
    let output = output.display();
    print::result(
        format_args!("{output}: {files} {plural}, {bytes} bytes: {stamped} stamped, {found} found{others}"),
        results,
    );
    if !json {
        return Ok(());
    }
    let base_sha256 = list.base_sha256().to_owned();
    print::json(&Document { tool: TOOL, output: output.to_string(), base_sha256, done, passed_over })
}

/// Who mints the tokens of a list of devices. `None`: the list has tokens.
fn minter(args: &Stamp, base: &Base) -> Result<Option<Minter>> {
    let args_of_minter = &args.batch.minter;
    let (Some(path), Some(tenant)) = (&args_of_minter.issuer_private_key, &args_of_minter.tenant) else {
        return Ok(None);
    };
    let bytes = input::private_key(path, args.signing.open_key())?;
    let issuer = Issuer::from_pem(&bytes).map_err(|error| error.about(path))?;
    let product = args_of_minter.product_name.as_deref().or(base.policy().product()).ok_or_else(|| {
        Error::usage("the base does not say which product it is of").hint("give --product, by its name in the manifest")
    })?;
    let issued = env::now();
    Ok(Some(Minter {
        issuer,
        tenant: tenant.clone(),
        product: product.to_owned(),
        least_agent: args_of_minter.least_agent.clone(),
        issued,
        expires: issued.saturating_add(args_of_minter.expires),
        entropy: Box::new(env::entropy),
    }))
}
