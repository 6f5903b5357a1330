//! Everything that this format can know of an installer by itself.

mod documents;
mod members;
mod payload;
mod scripts;

use super::installed::Tree;
use super::opened::Opened;
use crate::format::ReadError;
use crate::preserve;
use crate::report::Report;

/// Checks everything. What another tool has built and this one has prepared is not held to our own rules.
pub(super) fn verify(pkg: &Opened<'_>, prepared: bool, report: &mut Report) -> Result<(), ReadError> {
    members::check(pkg, prepared, report)?;
    if prepared && !is_ours(pkg) {
        let message = "another tool has built it: only its members, its signatures and its slot are checked";
        report.note("pkg-foreign", "package", message);
        return Ok(());
    }
    if prepared && pkg.keys_in_scripts()?.is_none() {
        preserve::unread(report);
    }
    if !report.check(pkg.components.len() == 1, "pkg-one-component", "table of contents", || {
        format!(
            "there are {} components, must be one: a managed installation takes a single application",
            pkg.components.len()
        )
    }) {
        return Ok(());
    }
    let component = pkg.component()?;
    let info = pkg.package_info(component)?;
    let tree = Tree::read(pkg, component)?;
    documents::package_info(&info, &tree, report);
    if report.check(pkg.has("Distribution"), "pkg-distribution", "table of contents", || {
        "Distribution is missing: only product archives are installed by management systems".to_owned()
    }) {
        documents::distribution(&pkg.distribution()?, &info, &tree, component, report);
    }
    payload::modes(&tree, report);
    payload::bill(&pkg.bom()?, &tree, report);
    scripts::check(pkg, &info, &tree, report)
}

/// Whether this tool has built it, any version of it.
fn is_ours(pkg: &Opened<'_>) -> bool {
    let info = pkg.component().ok().and_then(|component| pkg.package_info(component).ok());
    info.is_some_and(|info| info.generator.starts_with("Stampwright-"))
}
