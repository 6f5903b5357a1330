//! Building bases: agents are checked first, and every base is taken apart again and compared with what went in before it is put in
//! its place.

use std::io;
use std::path::{Path, PathBuf};

use container::ReadAt;
use container::read_at::FileAt;
use installer::agent::{self, Agent, Expected};
use installer::format::{Format, Job, Progress};
use installer::product::AgentFile;
use installer::proof::{Contents, hex};
use installer::{Epoch, Finding, Kind, Payload, Product, Report, formats};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::kits::KitReceipt;
use crate::observer::{Activity, Event, Observer, Unit};
use crate::output::{self, Files, Pending, Readers};
use crate::own_program;
use crate::receipt::{FileDigest, Packed, Receipt, TOOL};
use crate::sign::SigningMethod;
use crate::wrap::{self, Wrapped};

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
    inputs: Vec<PathBuf>,
}

/// One installer to be built. Its agent is checked and its payload settled.
pub struct BuildItem<'a> {
    format: &'static dyn Format,
    agent: &'a AgentFile,
    path: PathBuf,
    facts: Agent,
    /// With the files of the agent's architecture.
    product: Product,
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
    /// A product's installers of these kinds (none: of all kinds that it has agents for), to be put into a folder, which is made with the first of
    /// them.
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
        Ok(Self { product, kinds, folder: folder.to_path_buf(), epoch, unsigned, receipts: true, inputs: Vec::new() })
    }

    /// Without receipts: they cost a pass over each installer for its digest.
    #[must_use]
    pub const fn without_receipts(mut self) -> Self {
        self.receipts = false;
        self
    }

    /// With other files that the call reads: none of them may be overwritten.
    #[must_use]
    pub fn reading<'p>(mut self, paths: impl IntoIterator<Item = &'p Path>) -> Self {
        self.inputs.extend(paths.into_iter().map(Path::to_path_buf));
        self
    }

    pub(crate) const fn wants_receipts(&self) -> bool {
        self.receipts
    }

    /// The installers, in the order of the formats. Every agent is checked and every payload settled before the first one is built.
    pub(crate) fn items(&self) -> Result<Vec<BuildItem<'_>>> {
        self.survey().into_iter().collect()
    }

    /// The same with everything that keeps an installer from being built, not only the first thing.
    pub(crate) fn survey(&self) -> Vec<Result<BuildItem<'_>>> {
        let mut items = Vec::new();
        for format in formats::FORMATS {
            let kind = format.kind();
            if !self.kinds.is_empty() && !self.kinds.contains(&kind) {
                continue;
            }
            for agent in self.product.agents_for(kind.platform()) {
                let path = self.folder.join(self.product.file_name(agent, kind.extension()));
                items.push(self.check_agent(agent).and_then(|facts| {
                    let product = self.product.for_agent(agent);
                    let payload = format.payload(&product, agent)?;
                    Ok(BuildItem { format, agent, path, facts, product, payload })
                }));
            }
        }
        items
    }

    /// Before anything is built: no installer may take the place of what goes into one, and each can be written.
    pub(crate) fn check_outputs(&self, items: &[BuildItem<'_>], wraps: bool) -> Result<()> {
        let wrapped = items.iter().filter(|item| wraps && wrap::wraps(&self.product, item.kind()));
        let wrapped: Vec<PathBuf> = wrapped.map(|item| wrap::path(&item.path)).collect();
        let sources = items.iter().flat_map(|item| item.payload.files()).filter_map(|(.., source)| source.path());
        let files = sources.fold(Files::new(), Files::reads);
        let files = self.inputs.iter().map(PathBuf::as_path).fold(files, Files::reads);
        output::folder(&self.folder)?;
        let outputs = items.iter().map(BuildItem::path).chain(wrapped.iter().map(PathBuf::as_path));
        outputs.fold(files, Files::writes).check()
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
                product: &item.product,
                agent: item.agent,
                payload: &item.payload,
                epoch: self.epoch,
                progress: &activity,
            };
            item.format.build(&job, pending.file())?;
        }
        let bytes = FileAt::new(pending.reopen()?).map_err(Error::io("read back", &item.path))?;
        let (report, packed) = std::thread::scope(|scope| {
            // The disk has it by the time it is proven. What fails here fails again, and is told, when the file is put in its place.
            scope.spawn(|| bytes.file().sync_data());
            item.prove(&bytes, observer)
        })?;
        Ok(Built { pending, bytes, report, packed })
    }
}

/// Builds the bases of a product. A base that does not hold what went in is not written.
pub fn build(plan: &BuildPlan, observer: &dyn Observer) -> Result<Made> {
    build_with(plan, &|_| None, observer)
}

/// The same, with what an installer brings of its own signed (the custom actions of an MSI), which a signature of the base does not do. The bases
/// themselves are not signed.
pub fn build_with<'s>(
    plan: &BuildPlan,
    programs: &dyn Fn(Kind) -> Option<&'s SigningMethod>,
    observer: &dyn Observer,
) -> Result<Made> {
    let mut made = Made::default();
    let mut items = plan.items()?;
    plan.check_outputs(&items, false)?;
    warn_of_agents(&items, observer);
    for item in &mut items {
        item.sign_program(programs(item.kind()))?;
    }
    for item in items {
        let built = plan.build(&item, observer)?;
        if plan.receipts {
            made.files.push(built.receipt(&item)?);
        }
        built.pending.finish(Readers::All)?;
        observer.notice(&Event::Made { verb: "built", path: &item.path });
    }
    Ok(made)
}

/// What is worth knowing of the agents, which have passed; once, where one is in several installers.
pub(crate) fn agent_findings<'i>(items: impl IntoIterator<Item = &'i BuildItem<'i>>) -> Vec<(&'i Path, Finding)> {
    let mut found: Vec<(&Path, Finding)> = Vec::new();
    for item in items {
        let mut report = Report::new();
        item.facts.report(&mut report);
        for finding in report.findings() {
            let finding = (item.agent.path.as_path(), finding.clone());
            if !found.contains(&finding) {
                found.push(finding);
            }
        }
    }
    found
}

pub(crate) fn warn_of_agents(items: &[BuildItem<'_>], observer: &dyn Observer) {
    for (path, finding) in agent_findings(items) {
        observer.notice(&Event::Warned { path, finding: &finding });
    }
}

impl BuildItem<'_> {
    /// Where it will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Signs what the installer brings of its own.
    pub(crate) fn sign_program(&mut self, method: Option<&SigningMethod>) -> Result<()> {
        if let Some(method) = method {
            let signed = own_program::signed(self.product.clone(), self.format, self.agent.arch, method);
            self.product = signed.map_err(|error| error.about(&self.path))?;
        }
        Ok(())
    }

    /// The agent's file and the files beside it, as they were found.
    pub(crate) const fn parts(&self) -> (&AgentFile, &Payload) {
        (self.agent, &self.payload)
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
        let work = format!("reading back {}", self.path.display());
        // Two threads read it whole: neither needs the other.
        let activity = Activity::new(observer, &work, bytes.len().saturating_mul(2), Unit::Bytes);
        let watched = Watched { file: bytes, activity: &activity };
        let opened = self.format.open(&watched)?;
        let beside = std::thread::scope(|scope| {
            let beside = scope.spawn(|| Contents::beside(&self.payload, &*opened));
            opened.verify(&mut report)?;
            beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        drop(opened);
        drop(activity);
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

/// A file that says how much of it has been read.
struct Watched<'a> {
    file: &'a FileAt,
    activity: &'a Activity<'a>,
}

impl ReadAt for Watched<'_> {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, buf)?;
        self.activity.advance(buf.len() as u64);
        Ok(())
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
