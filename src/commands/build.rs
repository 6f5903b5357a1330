//! `stampwright build`: bases. Also what `make` starts from: agents are checked first, and every base is taken apart
//! again and compared with what went in before it is put in its place.

use std::path::PathBuf;

use container::at::FileAt;
use installer::agent::{self, Agent, Expected};
use installer::format::{Format, Job};
use installer::product::AgentFile;
use installer::proof::{Contents, hex};
use installer::{Epoch, Kind, Payload, Product, Report, formats};
use serde::Serialize;

use super::{intune, kit};
use crate::cli::{Build, ProductArgs};
use crate::doors;
use crate::failure::Failure;
use crate::once::Once;
use crate::output::{self, Pending, Readers};
use crate::progress::Line;
use crate::receipt::{self, Packed, Receipt, TOOL};
use crate::source;

/// What one command made.
#[derive(Debug, Serialize)]
pub struct Made {
    pub files: Vec<Receipt>,
    /// What wraps an installer for one management system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wrapped: Vec<intune::Receipt>,
    /// What goes with an installer in a management system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kits: Vec<kit::Receipt>,
}

pub fn run(args: &Build) -> Result<(), Failure> {
    let plan = Plan::new(&args.product)?;
    let mut made = Made { files: Vec::new(), wrapped: Vec::new(), kits: Vec::new() };
    for item in plan.items()? {
        let built = plan.build(&item)?;
        if args.product.json {
            made.files.push(built.receipt(&item)?);
        }
        built.pending.finish(Readers::All)?;
        eprintln!("built {}", item.path.display());
    }
    if args.product.json { receipt::print(&made) } else { Ok(()) }
}

/// What the command line asks for, read and checked.
pub struct Plan {
    product: Product,
    kinds: Vec<Kind>,
    folder: PathBuf,
    epoch: Epoch,
    allow_unsigned_agent: bool,
}

/// One installer to be made.
pub struct Item<'a> {
    pub format: &'static dyn Format,
    pub agent: &'a AgentFile,
    pub path: PathBuf,
    facts: Agent,
    payload: Payload,
}

/// A base that was built and proven, not yet in its place.
pub struct Built {
    pub pending: Pending,
    pub bytes: FileAt,
    pub report: Report,
    pub packed: Packed,
}

impl Plan {
    pub fn new(args: &ProductArgs) -> Result<Self, Failure> {
        let mut product = source::product(&args.product)?;
        if let Some(path) = &args.issuer_keys {
            let jwks = source::jwks(path)?;
            product = product.with_issuer_keys(jwks).map_err(|error| Failure::from(error).about(path))?;
        }
        let kinds: Vec<Kind> = args.format.iter().map(|name| Kind::from(*name)).collect();
        for kind in &kinds {
            if product.agents_for(kind.platform()).next().is_none() {
                let message = format!("the product has no agent for {}, so no {}", kind.platform(), kind.extension());
                return Err(Failure::wrong(message));
            }
        }
        output::folder(&args.output)?;
        Ok(Self {
            product,
            kinds,
            folder: args.output.clone(),
            epoch: doors::epoch()?,
            allow_unsigned_agent: args.allow_unsigned_agent,
        })
    }

    /// The installers, in the order of the formats. Every agent is checked and every payload settled before the first one is built.
    pub fn items(&self) -> Result<Vec<Item<'_>>, Failure> {
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
                items.push(Item { format, agent, path, facts, payload });
            }
        }
        Ok(items)
    }

    pub const fn product(&self) -> &Product {
        &self.product
    }

    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn check_agent(&self, agent: &AgentFile) -> Result<Agent, Failure> {
        let expected =
            Expected { platform: agent.platform, arch: agent.arch, allow_unsigned: self.allow_unsigned_agent };
        Ok(agent::check(&agent.path, expected)?)
    }

    /// Builds one base beside its place and proves it.
    pub fn build(&self, item: &Item<'_>) -> Result<Built, Failure> {
        let mut pending = Pending::create(&item.path)?;
        {
            let line = Line::new(format!("building {}", item.path.display()), item.payload.total_bytes());
            let job = Job {
                product: &self.product,
                agent: item.agent,
                payload: &item.payload,
                epoch: self.epoch,
                progress: &line,
            };
            item.format.build(&job, pending.file())?;
        }
        let bytes = FileAt::new(pending.reopen()?).map_err(Failure::io("read back", &item.path))?;
        let (report, packed) = prove(item, &bytes)?;
        Ok(Built { pending, bytes, report, packed })
    }
}

impl Item<'_> {
    /// The file that was checked.
    fn executable(&self) -> PathBuf {
        match &self.facts.executable {
            Some(inside) => self.agent.path.join(inside),
            None => self.agent.path.clone(),
        }
    }
}

impl Built {
    fn receipt(&self, item: &Item<'_>) -> Result<Receipt, Failure> {
        Ok(Receipt {
            tool: TOOL,
            file: item.path.display().to_string(),
            digest: receipt::digest(&self.bytes, &item.path)?,
            base: None,
            inspection: item.format.inspect(&self.bytes)?,
            agent: Some(self.packed.clone()),
            checks: Some(self.report.checks()),
        })
    }
}

/// Takes a base apart and compares it with what went in.
fn prove(item: &Item<'_>, bytes: &FileAt) -> Result<(Report, Packed), Failure> {
    let mut report = Report::new();
    let modes = item.format.has_modes();
    // Both read the whole payload and neither needs the other.
    let beside = std::thread::scope(|scope| {
        let beside = scope.spawn(|| Contents::beside(&item.payload, &*item.format.open(bytes)?));
        item.format.verify(bytes, &mut report)?;
        beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    beside.check(modes, &mut report);
    match beside.digest_of(&item.executable()) {
        Some(digest) if report.is_ok() => Ok((report, Packed { agent: item.facts.clone(), sha256: hex(&digest) })),
        _ => {
            super::verify::print(&report, &item.path);
            let path = item.path.display();
            Err(Failure::wrong(format!("{path} does not hold what went in; it was not written")))
        }
    }
}
