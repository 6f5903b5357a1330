//! What can be known of a package without running it: every rule of Windows Installer, of Group Policy and of our own that tables can break.
//!
//! | file | rules about |
//! |---|---|
//! | `structure` | the compound file, the string pool, which streams there are |
//! | `identity` | summary information, codes, versions, properties |
//! | `content` | the digests and the padding of a package of ours |
//! | `validation` | what `_Validation` says of each column: keys, ranges, categories (ICE03, ICE06) |
//! | `files` | folders, components, files, and the cabinet's content (ICE18, 21, 30, 60, 71, 80) |
//! | `machine` | the machine's PATH, values of the registry (ICE65, 02) |
//! | `reader` | the issuer's keys, their copies, and the one custom action that is a program |
//! | `token` | the token's one place, who reads it, what a repair does to it; the service |
//! | `foreign` | what another tool has built: no more than Windows Installer's own rules |
//! | `sequences` | order, upgrades, custom actions (ICE61, 63, 77, 82, 84) |
//!
//! The ids are stable names. Nothing here knows how a base is written: the rules are read off the tables, by names and numbers of
//! the reference.

mod content;
mod files;
mod foreign;
mod identity;
mod machine;
mod maker;
mod sequences;
mod structure;
mod tables;
mod token;
mod token_reader;
mod validation;

use container::ReadAt;

use crate::format::ReadError;
use crate::prepare;
use crate::report::Report;

use self::maker::Maker;
use self::tables::Tables;
use super::read::Installer;

/// Checks everything. What another tool has built is not held to our own rules.
pub(super) fn verify(
    installer: &Installer<'_>,
    file: &dyn ReadAt,
    prepared: bool,
    report: &mut Report,
) -> Result<(), ReadError> {
    let tables = Tables::read(installer)?;
    if !installer.is_ours()? {
        return foreign::check(installer, &tables, report);
    }
    if prepared && installer.issuer_keys()?.is_none() {
        prepare::unread(report);
    }
    structure::check(installer, &tables, Maker::Stampwright, report)?;
    identity::check(installer, &tables, report);
    validation::check(&tables, Maker::Stampwright, report);
    files::check(installer, &tables, report)?;
    machine::check(&tables, report);
    token::check(installer, &tables, report)?;
    token_reader::check(installer, &tables, report)?;
    sequences::check(&tables, report);
    if tables.property(super::identity::LAYOUT_PROPERTY).is_some() {
        content::digests(installer, &tables, report)?;
        content::padding(file, installer, report)?;
    }
    Ok(())
}
