//! Build, stamp and verify, all in one.

use std::path::Path;

use container::read_at::FileAt;
use installer::{AcceptedToken, Finding, Kind, Report, Severity, Token};

use crate::base::Base;
use crate::build::{BuildItem, BuildPlan, Built, Made, warn_of_agents};
use crate::error::{Error, Result};
use crate::kits::{self, KitOptions};
use crate::observer::{Entropy, Event, Observer};
use crate::output::{Pending, Readers};
use crate::policy;
use crate::receipt::{FileDigest, Packed, Receipt, TOOL};
use crate::sign::{self, SigningMethod};
use crate::system::System;
use crate::wrap;

/// What is made of a product, beside its installers.
#[derive(Clone, Copy)]
pub struct MakeOptions<'a> {
    /// The token that every installer gets.
    pub token: &'a Token,
    /// Who signs the installers of a format.
    pub signing: &'a dyn Fn(Kind) -> Option<&'a SigningMethod>,
    /// Kits for these management systems, each beside its installer as `FILE.kit`.
    pub kits: &'a [System],
    /// Seconds since 1970.
    pub now: u64,
    /// For the kits that need keys.
    pub entropy: &'a dyn Entropy,
}

/// Makes the stamped installers of a product. Nothing is built if the token, the signer or a kit does not fit.
pub fn make(plan: &BuildPlan, options: &MakeOptions<'_>, observer: &dyn Observer) -> Result<Made> {
    policy::for_product(plan.product())?.check(options.token, options.now)?;
    let mut items = plan.items()?;
    plan.check_outputs(&items, true)?;
    for item in &items {
        if let Some(signer) = SigningMethod::signer((options.signing)(item.kind())) {
            signer.check(item.format()).map_err(|error| error.about(item.path()))?;
        }
    }
    warn_of_agents(&items, observer);
    for item in &mut items {
        item.sign_program((options.signing)(item.kind()))?;
    }
    kits::check_places(options.kits, items.iter().map(|item| (item.path(), item.kind())))?;
    let kit = KitOptions {
        systems: options.kits,
        token: None,
        tenant: None,
        package_url: None,
        epoch: plan.epoch(),
        now: options.now,
        entropy: options.entropy,
    };
    let mut made = Made::default();
    for item in items {
        let built = plan.build(&item, observer)?;
        let stamped = Stamped::new(&item, built, options, observer)?;
        // What wraps an installer is made before the installer appears: both or neither.
        let wrapped = match wrap::wraps(plan.product(), item.kind()) {
            true => Some(wrap::wrap(&stamped.pending, item.path(), plan.epoch())?),
            false => None,
        };
        if plan.wants_receipts() {
            made.files.push(stamped.receipt(&item)?);
        }
        let warnings = stamped.report.findings().iter().filter(|finding| finding.severity == Severity::Warning);
        for finding in warnings.chain(&stamped.ending) {
            observer.notice(&Event::Warned { path: item.path(), finding });
        }
        stamped.pending.finish(Readers::Owner)?;
        observer.notice(&Event::Made { verb: "made", path: item.path() });
        if let Some((pending, wrapped)) = wrapped {
            pending.finish(Readers::Owner)?;
            observer.notice(&Event::Made { verb: "made", path: Path::new(&wrapped.file) });
            made.wrapped.push(wrapped);
        }
        made.kits.extend(kits::beside(item.path(), item.kind(), &kit, observer)?);
    }
    Ok(made)
}

/// A stamp beside its place, verified.
struct Stamped {
    pending: Pending,
    written: FileAt,
    base: Base,
    packed: Packed,
    report: Report,
    /// A signature that ends soon.
    ending: Option<Finding>,
    checks: u32,
}

impl Stamped {
    /// Stamps a base, writes the stamp beside its place and verifies the file that was written.
    fn new(item: &BuildItem<'_>, built: Built, options: &MakeOptions<'_>, observer: &dyn Observer) -> Result<Self> {
        let base = Base::options().open_pending(built.bytes, built.pending.path(), item.path())?;
        let token = base.accept(options.token.clone(), options.now)?;
        let signing = (options.signing)(item.kind());
        let stamp = match SigningMethod::signer(signing) {
            Some(signer) => base.stamp_signed(&token, signer)?,
            None => base.stamp(&token)?,
        };
        let mut pending = Pending::create(item.path())?;
        stamp.write_to_file(pending.file()).map_err(Error::io("write", item.path()))?;
        if let Some(SigningMethod::Command(command)) = signing {
            (pending, ..) = sign::sign_pending(command, &pending, item.format(), item.path(), options.now)?;
        }
        let written = FileAt::new(pending.reopen()?).map_err(Error::io("read back", item.path()))?;
        let report = verify(item, &written, &token, observer)?;
        let ending = match signing {
            Some(_) => sign::read_back(&*item.format().open(&written)?, item.path(), options.now)?.ending(),
            None => None,
        };
        let checks = built.report.checks() + report.checks();
        Ok(Self { pending, written, base, packed: built.packed, report, ending, checks })
    }

    fn receipt(&self, item: &BuildItem<'_>) -> Result<Receipt> {
        Ok(Receipt {
            tool: TOOL,
            file: item.path().display().to_string(),
            digest: FileDigest::read(&self.written, item.path())?,
            base: Some(FileDigest::read(self.base.bytes(), item.path())?),
            described: item.format().open(&self.written)?.inspect()?.into(),
            agent: Some(self.packed.clone()),
            checks: Some(self.checks),
        })
    }
}

fn verify(item: &BuildItem<'_>, written: &FileAt, token: &AcceptedToken, observer: &dyn Observer) -> Result<Report> {
    let mut report = Report::new();
    let opened = item.format().open(written)?;
    opened.verify(&mut report)?;
    let found = opened.token()?;
    let expected = token.token();
    report.check(found.as_ref() == Some(expected), "token-differs", "token", || format!("must be {expected}"));
    if report.is_ok() {
        return Ok(report);
    }
    observer.notice(&Event::Verified { path: item.path(), report: &report });
    Err(Error::wrong(format!("{} does not verify; it was not written", item.path().display())))
}
