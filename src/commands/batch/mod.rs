//! `stampwright stamp BASE --batch LIST`: one base, a list of devices or tenants, an installer for each.
//!
//! ```text
//!   list ──table──▶ rows ──┬─folder──▶ DIR/NAME/FILE, manifest.jsonl, manifest.csv    resumable
//!        all mistakes      └─archive─▶ one ZIP stream with the same in it
//! ```
//!
//! The list is checked whole before anything is written. A row is stamped as `stamp` does it, on all cores: the result is
//! read back through the splice, then written, the kept ranges copied by the kernel. The manifest says which file carries
//! which token by the token's fingerprint; tokens are in the installers and nowhere else.

mod archive;
mod disk;
mod folder;
mod journal;
mod minter;
mod names;
mod table;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use container::ReadAt;
use container::at::FileAt;
use installer::format::TokenSummary;
use installer::splice::Splice;
use installer::stamp::Base;
use installer::{Claims, Token, TokenPolicy};
use serde::Serialize;
use zeroize::Zeroizing;

use self::journal::Entry;
use self::minter::{Minter, MinterArgs};
use self::table::{Mapping, Problem, Row, Table, Wanted};
use crate::cli::Stamp;
use crate::doors;
use crate::failure::Failure;
use crate::output::{Pending, Readers};
use crate::receipt::{self, TOOL};
use crate::signer::{self, Signer, Way};
use crate::source;

/// The options of a batch.
#[derive(Debug, Args)]
pub struct BatchArgs {
    /// Stamp once for each row of this list (CSV with columns token[, name]); - is standard input. OUT is then a
    /// folder, which gets NAME/FILE for each row and a manifest; the same command goes on after an interruption
    #[arg(long, value_name = "LIST", group = "TokenArgs", conflicts_with = "receipt", value_hint = ValueHint::FilePath)]
    pub batch: Option<PathBuf>,
    /// The header that a column has in the list, e.g. --column "name=Device Name"
    #[arg(long = "column", value_name = "COLUMN=HEADER", requires = "batch")]
    pub columns: Vec<Mapping>,
    /// OUT is one ZIP archive instead of a folder; so it is when OUT ends in .zip or is -
    #[arg(long, requires = "batch")]
    pub zip: bool,
    /// Leave the files' SHA-256 out of the manifest: it costs more than the stamping
    #[arg(long, requires = "batch")]
    pub no_digests: bool,
    #[command(flatten)]
    pub minter: MinterArgs,
}

/// No list is this long: a million rows with tokens of 500 bytes.
const LIST_LIMIT_BYTES: u64 = 512 << 20;
/// More mistakes than these are counted and not printed.
const PRINTED_PROBLEMS: usize = 100;
/// A stamp may be longer than its base by its token and what a format puts around it.
const GROWTH_BYTES: u64 = 16 << 10;

/// Everything that stamping a row needs.
pub struct Batch {
    base: Base<FileAt>,
    /// Where the base is.
    path: PathBuf,
    base_sha256: String,
    /// The name that each installer has.
    file_name: String,
    /// The list's name, for messages.
    list: PathBuf,
    rows: Vec<Row>,
    digests: bool,
    /// Makes the tokens of a list of devices.
    minter: Option<Minter>,
    way: Option<Way>,
}

/// What was done.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Done {
    /// How many installers there are now.
    pub files: usize,
    /// How many of them were stamped by this run.
    pub stamped: usize,
    /// How many were there from an earlier run.
    pub found: usize,
    pub bytes: u64,
}

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

/// Stamps once for each row of the list at `list`.
pub fn run(args: &Stamp, list: &Path) -> Result<(), Failure> {
    let to_stdout = args.output == Path::new("-");
    if to_stdout && args.json {
        return Err(Failure::usage("the archive and the summary cannot both go to standard output"));
    }
    let about = |failure: Failure| failure.about(&args.base);
    let base = Base::open(source::installer(&args.base)?, args.options()?).map_err(|error| about(error.into()))?;
    let base = args.prepared.pin(base, &args.base)?;
    let way = Way::of(&args.signing)?;
    if matches!(way, Some(Way::Command(_))) {
        return Err(Failure::usage("--sign-file-command signs one file; a list needs a key or --sign-command"));
    }
    signer::check_base(&base, Way::signer(way.as_ref()), args.resign).map_err(about)?;
    let minter = Minter::open(&args.batch.minter, base.policy().product(), args.signing.allow_open_key)?;
    let table = read_list(list, &base, minter.as_ref(), args)?;
    let file_name = args.base.file_name().and_then(|name| name.to_str());
    let file_name = file_name.ok_or_else(|| about(Failure::wrong("the base's name is not UTF-8")))?.to_owned();
    let base_sha256 = receipt::digest(base.bytes(), &args.base)?.sha256;
    let (passed_over, same_token) = (table.passed_over, table.same_token);
    let batch = Arc::new(Batch {
        base,
        path: args.base.clone(),
        base_sha256,
        file_name,
        list: name_of(list),
        rows: table.rows,
        digests: !args.batch.no_digests,
        minter,
        way,
    });
    if same_token > 0 {
        eprintln!("note: {same_token} rows have the token of an earlier row");
    }
    let is_archive = args.batch.zip || to_stdout || args.output.extension().is_some_and(|end| end == "zip");
    let done =
        if is_archive { to_archive(&batch, &args.output)? } else { folder::run(Arc::clone(&batch), &args.output)? };
    let plural = if done.files == 1 { "installer" } else { "installers" };
    let others = if passed_over > 0 { format!("; rows for other platforms: {passed_over}") } else { String::new() };
    let Done { files, stamped, found, bytes } = done;
    eprintln!("{}: {files} {plural}, {bytes} bytes: {stamped} stamped, {found} found{others}", args.output.display());
    if !args.json {
        return Ok(());
    }
    let output = args.output.display().to_string();
    receipt::print(&Document { tool: TOOL, output, base_sha256: batch.base_sha256.clone(), done, passed_over })
}

fn to_archive(batch: &Arc<Batch>, path: &Path) -> Result<Done, Failure> {
    if path == Path::new("-") {
        return archive::run(batch, &mut std::io::stdout().lock(), path);
    }
    let mut pending = Pending::create(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let needed = (batch.rows.len() as u64).saturating_mul(batch.most_bytes());
    let free = disk::free(folder).map_err(Failure::io("ask for free space in", folder))?;
    if let Some(free) = free.filter(|free| free.bytes < needed) {
        let message = format!("{}: needs {needed} bytes, {} are free", path.display(), free.bytes);
        return Err(Failure::machine(message).hint("nothing was written"));
    }
    let done = archive::run(batch, pending.file(), path)?;
    pending.finish(Readers::Owner)?;
    Ok(done)
}

/// Reads the list and checks all of it.
fn read_list(list: &Path, base: &Base<FileAt>, minter: Option<&Minter>, args: &Stamp) -> Result<Table, Failure> {
    let name = name_of(list);
    let mut bytes = Zeroizing::new(Vec::new());
    let limit = LIST_LIMIT_BYTES + 1;
    if list == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(list).map_err(Failure::io("open", list))?.take(limit).read_to_end(&mut bytes)
    }
    .map_err(Failure::io("read", &name))?;
    if bytes.len() as u64 == limit {
        return Err(Failure::wrong(format!("{}: longer than {LIST_LIMIT_BYTES} bytes", name.display())));
    }
    let (policy, now) = (base.policy(), doors::now());
    let wanted = Wanted {
        columns: &args.batch.columns,
        is_minting: minter.is_some(),
        platform: base.format().kind().platform(),
    };
    let table = table::read(&bytes, wanted).map_err(|problems| refuse(&name, &problems))?;
    // What a base would not take is known before anything is written.
    if let Some(minter) = minter {
        policy.check(&minter.mint("trial")?, now)?;
    }
    let problems: Vec<Problem> = table.rows.iter().filter_map(|row| claims_problem(row, policy, now)).collect();
    if problems.is_empty() { Ok(table) } else { Err(refuse(&name, &problems)) }
}

/// A signed token must be of use: not expired, for this product, for the row's device.
fn claims_problem(row: &Row, policy: &TokenPolicy, now: u64) -> Option<Problem> {
    let problem = |message: String| Some(Problem { line: row.line, message });
    let claims = match policy.check(row.token.as_ref()?, now) {
        Ok(claims) => claims?,
        Err(error) => return problem(error.to_string()),
    };
    match (&claims.serial, &row.serial) {
        (Some(theirs), Some(ours)) if theirs != ours => {
            problem("the token is for another serial number than the row".to_owned())
        }
        _ => None,
    }
}

/// Prints every mistake by its line, and gives the sentence that ends the program.
fn refuse(list: &Path, problems: &[Problem]) -> Failure {
    for problem in problems.iter().take(PRINTED_PROBLEMS) {
        eprintln!("error: {}: {problem}", list.display());
    }
    let more = problems.len().saturating_sub(PRINTED_PROBLEMS);
    if more > 0 {
        eprintln!("error: {}: and {more} more", list.display());
    }
    let plural = if problems.len() == 1 { "mistake" } else { "mistakes" };
    Failure::wrong(format!("{}: {} {plural}; nothing was written", list.display(), problems.len()))
}

fn name_of(list: &Path) -> PathBuf {
    if list == Path::new("-") { PathBuf::from("standard input") } else { list.to_path_buf() }
}

impl Batch {
    /// The row's path in the folder or archive.
    fn path(&self, row: &Row) -> String {
        format!("{}/{}", row.name, self.file_name)
    }

    /// No stamp is longer.
    fn most_bytes(&self) -> u64 {
        let signature = Way::signer(self.way.as_ref()).map_or(0, Signer::most_bytes);
        self.base.bytes().len().saturating_add(GROWTH_BYTES).saturating_add(signature)
    }

    /// The row's token.
    fn token(&self, row: &Row) -> Result<Token, Failure> {
        let missing = || Failure::wrong(format!("line {}: has no token", row.line));
        match (&row.token, &self.minter, &row.serial) {
            (Some(token), ..) => Ok(token.clone()),
            (None, Some(minter), Some(serial)) => minter.mint(serial),
            _ => Err(missing()),
        }
    }

    /// The base with this token in it, read back.
    fn stamp(&self, token: &Token) -> Result<Splice, Failure> {
        let token = self.base.accept(token.clone(), doors::now())?;
        signer::stamp(&self.base, &token, Way::signer(self.way.as_ref()))
            .map_err(|error| Failure::from(error).about(&self.path))
    }

    /// The manifest's line for a row.
    fn entry(&self, row: &Row, token: &Token, splice: &Splice, sha256: Option<String>) -> Entry {
        let claims = Claims::of(token).ok().flatten();
        Entry {
            line: row.line,
            name: row.name.clone(),
            serial_number: row.serial.clone(),
            file: self.path(row),
            size: splice.len(),
            sha256,
            token_fingerprint: TokenSummary::from(token).fingerprint,
            token_expires: claims.as_ref().map(|claims| claims.expires),
            token_id: claims.map(|claims| claims.id),
            base_sha256: self.base_sha256.clone(),
        }
    }
}
