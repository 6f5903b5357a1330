//! Symbolic links that are installed beside the agent: every `[[file]]` table with `link` instead of `source`.

use super::check::Checker;
use super::definition::ExtraLink;
use super::manifest::{At, FileSection, Platform};
use super::names::line_problem;

impl Checker<'_, '_> {
    /// The link that a table stands for; what only files have is refused beside it.
    pub(super) fn link(
        &mut self,
        n: usize,
        section: &FileSection,
        link: &At<String>,
        folder: &str,
    ) -> Option<ExtraLink> {
        let key = format!("file[{n}].link");
        let platform = *section.platform.get_ref();
        let target = link.get_ref();
        let must;
        if section.source.is_some() {
            must = Some("is there beside source: a table is for files or for a link");
        } else if platform == Platform::Windows {
            must = Some("is for macOS and Linux only");
        } else if section.mode.is_some() || section.config || section.optional {
            must = Some("is there beside mode, config or optional, which a link does not have");
        } else {
            must = line_problem(target);
        }
        if let Some(must) = must {
            self.wrong(&key, link, must, None);
            return None;
        }
        let destination = self.destination(&format!("file[{n}].destination"), section, None, folder)?;
        let arch = section.arch.as_ref().map(|at| *at.get_ref());
        Some(ExtraLink { platform, arch, destination, target: target.clone() })
    }
}
