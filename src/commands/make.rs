//! `stampwright make`: build, stamp and verify, all in one.

use std::path::Path;

use container::at::FileAt;
use installer::stamp::{Base, OpenOptions};
use installer::{Kind, Report, Token};

use super::build::{Built, Item, Made, Plan};
use super::{intune, kit, sign};
use crate::cli::Make;
use crate::doors;
use crate::failure::Failure;
use crate::issued::Issued;
use crate::once::Once;
use crate::output::{Pending, Readers};
use crate::receipt::{self, Packed, Receipt, TOOL};
use crate::signer::{self, Way};
use crate::source;

pub fn run(args: &Make) -> Result<(), Failure> {
    let way = Way::of(&args.signing)?;
    let token = source::token(&args.token)?;
    let plan = Plan::new(&args.product)?;
    Issued::for_product(plan.product())?.check(&token)?;
    let items = plan.items()?;
    if let Some(signer) = Way::signer(way.as_ref()) {
        for item in &items {
            signer.check(item.format.kind()).map_err(|failure| failure.about(&item.path))?;
        }
    }
    kit::check_places(&args.kit, items.iter().map(|item| (item.path.as_path(), item.format.kind())))?;
    let mut made = Made { files: Vec::new(), wrapped: Vec::new(), kits: Vec::new() };
    for item in items {
        let built = plan.build(&item)?;
        let stamped = Stamped::new(&item, built, &token, way.as_ref())?;
        // What wraps an installer is made before the installer appears: both or neither.
        let wrapped = match item.format.kind() {
            Kind::Pkg => Some(intune::wrap(&stamped.pending, &item.path, plan.epoch())?),
            Kind::Msi | Kind::Deb => None,
        };
        if args.product.json {
            made.files.push(stamped.receipt(&item)?);
        }
        stamped.pending.finish(Readers::Owner)?;
        eprintln!("made {}", item.path.display());
        if let Some((pending, receipt)) = wrapped {
            pending.finish(Readers::Owner)?;
            eprintln!("made {}", receipt.file);
            made.wrapped.push(receipt);
        }
        made.kits.extend(kit::beside(&item.path, item.format.kind(), &args.kit, plan.epoch())?);
    }
    if args.product.json { receipt::print(&made) } else { Ok(()) }
}

/// A stamp beside its place, verified.
struct Stamped {
    pending: Pending,
    written: FileAt,
    base: Base<FileAt>,
    packed: Packed,
    checks: u32,
}

impl Stamped {
    /// Stamps a base, writes the stamp beside its place and verifies the file that was written.
    fn new(item: &Item<'_>, built: Built, token: &Token, way: Option<&Way>) -> Result<Self, Failure> {
        let base = Base::open(built.bytes, OpenOptions::default())?;
        let accepted = base.accept(token.clone(), doors::now())?;
        let splice = signer::stamp(&base, &accepted, Way::signer(way))?;
        let mut pending = Pending::create(&item.path)?;
        splice.write_to_file(base.bytes().file(), pending.file()).map_err(Failure::io("write", &item.path))?;
        if let Some(Way::Command(words)) = way {
            let stamped = pending;
            pending = Pending::create(&item.path)?;
            sign::by_command(words, stamped.path(), item.format, &mut pending)?;
        }
        let written = FileAt::new(pending.reopen()?).map_err(Failure::io("read back", &item.path))?;
        let report = verify(item, &written, token, &item.path)?;
        if way.is_some() {
            sign::read_back(item.format, &written, &item.path)?;
        }
        let checks = built.report.checks() + report.checks();
        Ok(Self { pending, written, base, packed: built.packed, checks })
    }

    fn receipt(&self, item: &Item<'_>) -> Result<Receipt, Failure> {
        Ok(Receipt {
            tool: TOOL,
            file: item.path.display().to_string(),
            digest: receipt::digest(&self.written, &item.path)?,
            base: Some(receipt::digest(self.base.bytes(), &item.path)?),
            inspection: item.format.inspect(&self.written)?,
            agent: Some(self.packed.clone()),
            checks: Some(self.checks),
        })
    }
}

fn verify(item: &Item<'_>, written: &FileAt, token: &Token, path: &Path) -> Result<Report, Failure> {
    let mut report = Report::new();
    item.format.verify(written, &mut report)?;
    let found = item.format.token(written)?;
    report.check(found.as_ref() == Some(token), "token-differs", "token", || format!("must be {token}"));
    if !report.is_ok() {
        super::verify::print(&report, path);
        return Err(Failure::wrong(format!("{} does not verify; it was not written", path.display())));
    }
    Ok(report)
}
