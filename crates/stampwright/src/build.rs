//! Building bases: agents are checked first, and every base is taken apart again and compared with what went in before it is put in
//! its place.

use std::path::{Path, PathBuf};

use container::read_at::FileAt;
use installer::agent::{self, Agent, Expected};
use installer::format::{Format, Job};
use installer::product::AgentFile;
use installer::proof::{Contents, hex};
use installer::{Epoch, Kind, Payload, Product, Report, formats};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::kits::KitReceipt;
use crate::observer::{Activity, Event, Observer, Unit};
use crate::output::{self, Pending, Readers};
use crate::receipt::{FileDigest, Packed, Receipt, TOOL};
use crate::wrap::Wrapped;

/// What becomes of an agent without a code signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnsignedAgent {
    /// It is refused.
    #[default]
    Refuse,
    /// It is taken: tests and prototypes.
    Allow,
}

/// What was made of a product.
#[derive(Debug, Default, Serialize)]
pub struct Made {
    /// The installers.
    pub files: Vec<Receipt>,
    /// What wraps an installer for one management system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wrapped: Vec<Wrapped>,
    /// What goes with an installer in a management system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kits: Vec<KitReceipt>,
}

/// What is to be built of a product, checked.
#[derive(Debug)]
pub struct BuildPlan {
    product: Product,
    kinds: Vec<Kind>,
    folder: PathBuf,
    epoch: Epoch,
    unsigned: UnsignedAgent,
    receipts: bool,
}

/// One installer to be built. Its agent is checked and its payload settled.
pub struct BuildItem<'a> {
    format: &'static dyn Format,
    agent: &'a AgentFile,
    path: PathBuf,
    facts: Agent,
    payload: Payload,
}

/// A base that was built and proven, not yet in its place.
pub(crate) struct Built {
    pub(crate) pending: Pending,
    pub(crate) bytes: FileAt,
    pub(crate) report: Report,
    pub(crate) packed: Packed,
}

impl BuildPlan {
    /// A product's installers of these kinds (none: of all kinds that it has agents for), to be put into a folder. The folder is made.
    pub fn new(
        product: Product,
        kinds: Vec<Kind>,
        folder: &Path,
        epoch: Epoch,
        unsigned: UnsignedAgent,
    ) -> Result<Self> {
        for kind in &kinds {
            if product.agents_for(kind.platform()).next().is_none() {
                let message = format!("the product has no agent for {}, so no {}", kind.platform(), kind.extension());
                return Err(Error::wrong(message));
            }
        }
        output::folder(folder)?;
        Ok(Self { product, kinds, folder: folder.to_path_buf(), epoch, unsigned, receipts: true })
    }

    /// Without receipts: they cost a pass over each installer for its digest.
    #[must_use]
    pub const fn without_receipts(mut self) -> Self {
        self.receipts = false;
        self
    }

    pub(crate) const fn wants_receipts(&self) -> bool {
        self.receipts
    }

    /// The installers, in the order of the formats. Every agent is checked and every payload settled before the first one is built.
    pub fn items(&self) -> Result<Vec<BuildItem<'_>>> {
        let mut items = Vec::new();
        for format in formats::FORMATS {
            let kind = format.kind();
            if !self.kinds.is_empty() && !self.kinds.contains(&kind) {
                continue;
            }
            for agent in self.product.agents_for(kind.platform()) {
                let path = self.folder.join(self.product.file_name(agent, kind.extension()));
                let facts = self.check_agent(agent)?;
                let payload = format.payload(&self.product, agent)?;
                items.push(BuildItem { format, agent, path, facts, payload });
            }
        }
        Ok(items)
    }

    /// The product.
    #[must_use]
    pub const fn product(&self) -> &Product {
        &self.product
    }

    pub(crate) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn check_agent(&self, agent: &AgentFile) -> Result<Agent> {
        let allow_unsigned = self.unsigned == UnsignedAgent::Allow;
        let expected = Expected { platform: agent.platform, arch: agent.arch, allow_unsigned };
        Ok(agent::check(&agent.path, expected)?)
    }

    /// Builds one base beside its place and proves it.
    pub(crate) fn build(&self, item: &BuildItem<'_>, observer: &dyn Observer) -> Result<Built> {
        let mut pending = Pending::create(&item.path)?;
        {
            let work = format!("building {}", item.path.display());
            let activity = Activity::new(observer, &work, item.payload.total_bytes(), Unit::Bytes);
            let job = Job {
                product: &self.product,
                agent: item.agent,
                payload: &item.payload,
                epoch: self.epoch,
                progress: &activity,
            };
            item.format.build(&job, pending.file())?;
        }
        let bytes = FileAt::new(pending.reopen()?).map_err(Error::io("read back", &item.path))?;
        let (report, packed) = item.prove(&bytes, observer)?;
        Ok(Built { pending, bytes, report, packed })
    }
}

/// Builds the bases of a product. A base that does not hold what went in is not written.
pub fn build(plan: &BuildPlan, observer: &dyn Observer) -> Result<Made> {
    let mut made = Made::default();
    for item in plan.items()? {
        let built = plan.build(&item, observer)?;
        if plan.receipts {
            made.files.push(built.receipt(&item)?);
        }
        built.pending.finish(Readers::All)?;
        observer.notice(&Event::Made { verb: "built", path: &item.path });
    }
    Ok(made)
}

impl BuildItem<'_> {
    /// Where it will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its format.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.format.kind()
    }

    pub(crate) const fn format(&self) -> &'static dyn Format {
        self.format
    }

    /// The file that was checked.
    fn executable(&self) -> PathBuf {
        match &self.facts.executable {
            Some(inside) => self.agent.path.join(inside),
            None => self.agent.path.clone(),
        }
    }

    /// Takes a base apart and compares it with what went in.
    fn prove(&self, bytes: &FileAt, observer: &dyn Observer) -> Result<(Report, Packed)> {
        let mut report = Report::new();
        let modes = self.format.has_modes();
        let opened = self.format.open(bytes)?;
        // Both read the whole payload and neither needs the other.
        let beside = std::thread::scope(|scope| {
            let beside = scope.spawn(|| Contents::beside(&self.payload, &*opened));
            opened.verify(&mut report)?;
            beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        beside.check(modes, &mut report);
        match beside.digest_of(&self.executable()) {
            Some(digest) if report.is_ok() => Ok((report, Packed { agent: self.facts.clone(), sha256: hex(&digest) })),
            _ => {
                observer.notice(&Event::Verified { path: &self.path, report: &report });
                let path = self.path.display();
                Err(Error::wrong(format!("{path} does not hold what went in; it was not written")))
            }
        }
    }
}

impl Built {
    fn receipt(&self, item: &BuildItem<'_>) -> Result<Receipt> {
        Ok(Receipt {
            tool: TOOL,
            file: item.path.display().to_string(),
            digest: FileDigest::read(&self.bytes, &item.path)?,
            base: None,
            described: item.format.open(&self.bytes)?.inspect()?.into(),
            agent: Some(self.packed.clone()),
            checks: Some(self.report.checks()),
        })
    }
}
