//! Symbolic links that are installed beside the agent: every `[[file]]` table with `link` instead of `source`.

use super::check::Checker;
use super::definition::ExtraLink;
use super::manifest::{At, FileSection, Platform};
use super::names::line_problem;

/// The longest path, without its NUL: Linux' PATH_MAX, and that of macOS (`sys/syslimits.h`).
const fn max_target_bytes(platform: Platform) -> usize {
    if matches!(platform, Platform::Macos) { 1023 } else { 4095 }
}

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
        let mut must = None;
        if section.source.is_some() {
            must = Some("is there beside source: a table is for files or for a link");
        } else if platform == Platform::Windows {
            must = Some("is for macOS and Linux only");
        } else if section.mode.is_some() || section.config || section.optional {
            must = Some("is there beside mode, config or optional, which a link does not have");
        } else if line_problem(target).is_some() || target.len() > max_target_bytes(platform) {
            must =
                Some("must be a path of 1 to 200 characters, without control characters and white space at its ends");
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
