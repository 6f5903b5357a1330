//! Everything that this format can know of an installer by itself.

mod documents;
mod members;
mod payload;
mod scripts;

use container::bom;

use super::payload_tree::PayloadTree;
use super::reader::PackageReader;
use crate::format::ReadError;
use crate::prepare;
use crate::report::Report;

/// Checks everything. What another tool has built is not held to our own rules.
pub(super) fn verify(pkg: &PackageReader<'_>, prepared: bool, report: &mut Report) -> Result<(), ReadError> {
    let is_ours = pkg.is_ours() || pkg.components.is_empty();
    members::check(pkg, prepared, is_ours, report)?;
    if !is_ours {
        return foreign(pkg, report);
    }
    if prepared && pkg.keys_in_scripts()?.is_none() {
        prepare::unread(report);
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
    let tree = PayloadTree::read(pkg, component)?;
    documents::package_info(&info, &tree, report);
    if report.check(pkg.has("Distribution"), "pkg-distribution", "table of contents", || {
        "Distribution is missing: only product archives are installed by management systems".to_owned()
    }) {
        documents::distribution(&pkg.distribution()?, &info, &tree, component, report);
    }
    payload::modes(&tree, report);
    payload::bill(&pkg.bom_of(component)?, &tree, report);
    scripts::check(pkg, &info, &tree, report)
}

/// What can be said of another tool's package: that it can be read, each of its components, to the last file.
fn foreign(pkg: &PackageReader<'_>, report: &mut Report) -> Result<(), ReadError> {
    let message = "not built by Stampwright: its members, its signatures and its slot are checked, not our own rules";
    report.note("pkg-foreign", "package", message);
    if pkg.has("Distribution") {
        pkg.distribution()?;
    } else {
        let message = "Distribution is missing: a component package; management systems install product archives only";
        report.warning("pkg-distribution", "table of contents", message);
    }
    for component in &pkg.components {
        pkg.package_info(component)?;
        let read = PayloadTree::read(pkg, component);
        report.check(read.is_ok(), "pkg-payload", format!("{component}Payload"), || {
            read.as_ref().err().map(ToString::to_string).unwrap_or_default()
        });
        let path = format!("{component}Bom");
        if pkg.has(&path) {
            let bill = pkg.bom_of(component).map(|bytes| bom::read(&bytes).map(drop));
            let wrong = match bill {
                Ok(read) => read.err().map(|error| error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            report.check(wrong.is_none(), "pkg-bom", path, || wrong.unwrap_or_default());
        }
    }
    Ok(())
}
