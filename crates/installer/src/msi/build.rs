//! Building a base.

use std::io::Write;

use container::cfb::MSI_CLSID;
use container::cfb::layout::Stream;
use container::cfb::write::{WriteError, Writer};
use container::msidb::name::{SUMMARY_INFORMATION, data_stream_name};

use crate::format::{BuildError, Job, Output};

use super::files::{self, CabinetFile, Code};
use super::identity::{self, Codes};
use super::tables::Tables;
use super::text::Codepages;
use super::token_reader::{self, Binary};
use super::{cabinet, config, content, database, machine, sequences, service, token, upgrade};

/// Writes a base: the cabinet first, where no stamp touches it, then everything else.
pub(super) fn build(job: &Job<'_>, out: &mut dyn Output) -> Result<(), BuildError> {
    let plan = plan(job)?;
    assemble(job, &plan, out)
}

/// Everything that a base is made of.
pub(super) struct Plan<'a> {
    pub(super) tables: Tables,
    /// In the cabinet's order.
    pub(super) files: Vec<CabinetFile<'a>>,
    pub(super) codes: Codes,
    /// The streams of the table Binary.
    pub(super) binaries: Vec<Binary>,
}

pub(super) fn assemble(job: &Job<'_>, plan: &Plan<'_>, mut out: &mut dyn Output) -> Result<(), BuildError> {
    let codepages = Codepages::choose(&plan.tables, &identity::summary_texts(job.product).map(|(_, text)| text));
    let mut streams = database::streams(&plan.tables, codepages.strings)?;
    streams.push((SUMMARY_INFORMATION.to_owned(), identity::summary(job, &plan.codes, codepages)?));
    content::fill(&mut streams, &plan.binaries)?;
    let mut writer = Writer::new(&mut out, MSI_CLSID).map_err(BuildError::write("write the compound file"))?;
    // Two kinds of errors: the compound file's own, and whatever went wrong in the cabinet.
    writer
        .bulk(&utf16(&data_stream_name(super::ids::CABINET)), |stream| Ok(cabinet::write(job, &plan.files, stream)))
        .map_err(BuildError::write("write the compound file"))??;
    // What no stamp changes lies before what a stamp writes anew.
    for (key, bytes) in &plan.binaries {
        writer
            .bulk(&utf16(&data_stream_name(&format!("Binary.{key}"))), |stream| stream.write_all(bytes))
            .map_err(BuildError::write("write the compound file"))?;
    }
    let names: Vec<Vec<u16>> = streams.iter().map(|(name, _)| utf16(name)).collect();
    let streams: Vec<Stream<'_>> = names.iter().zip(&streams).map(|(name, (_, data))| Stream { name, data }).collect();
    writer.finish(&streams).map_err(|error| match error {
        WriteError::Io(source) => BuildError::Write { verb: "write the compound file", source },
        WriteError::Refusal(refusal) => BuildError::Product {
            field: "product",
            problem: format!("does not fit into an MSI: {refusal}"),
            hint: None,
        },
    })?;
    Ok(())
}

/// Decides everything.
pub(super) fn plan<'a>(job: &Job<'a>) -> Result<Plan<'a>, BuildError> {
    let product = job.product;
    // The manifest's check demands it for Windows.
    let upgrade_code = product.upgrade_code().ok_or(BuildError::Product {
        field: "windows.upgrade-code",
        problem: "is missing".to_owned(),
        hint: None,
    })?;
    let code = Code { upgrade_code, arch: job.agent.arch };
    let mut tables = Tables::new();
    identity::add(&mut tables, product, upgrade_code);
    let files = files::add(&mut tables, job, &code)?;
    token::add(&mut tables, product, &code)?;
    config::add_purge(&mut tables, product, &files::install_folder(product), |path| files::folder_key(product, path));
    if let Some(service) = product.service() {
        service::add(&mut tables, service)?;
    }
    machine::add(&mut tables, product, &code);
    upgrade::add(&mut tables, product, upgrade_code)?;
    let binaries = token_reader::add(&mut tables, job)?;
    sequences::add(&mut tables, product.token_required(), product.issuer_keys().is_some());
    let codes = Codes::derive(&tables, &files, job.epoch);
    content::add(&mut tables);
    identity::add_codes(&mut tables, &codes);
    Ok(Plan { tables, files, codes, binaries })
}

fn utf16(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}
