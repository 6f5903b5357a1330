//! The kit for Intune, Windows.

use std::io::Read;

use container::read_at::{Cursor, FileAt};
use installer::format::{Extracted, ReadError, Sink};
use installer::proof::sha256;
use installer::{Epoch, Token};
use serde::Serialize;

use super::graph;
use super::intunewin::{self, Keys, Source, WrapError, Written};
use crate::folder::{Folder, KitError, failed};
use crate::gpo::transform;
use crate::windows::Windows;

#[derive(Serialize)]
struct Page<'a> {
    product: &'a str,
    version: &'a str,
    file: &'a str,
    wrapped: &'a str,
    transform: Option<&'a str>,
    install: &'a str,
    uninstall: &'a str,
    product_code: &'a str,
    /// The key with the installed version, and the value's name.
    version_key: Option<String>,
    version_value: Option<&'a str>,
    is_arm: bool,
}

/// Writes the kit of an MSI: wrapped, and for a stamped one also as it is. `token` is for a base, and then lies in a
/// transform beside it.
pub fn write(
    folder: &mut Folder,
    msi: &Windows,
    file: &FileAt,
    token: Option<&Token>,
    keys: &Keys,
    epoch: Epoch,
) -> Result<(), KitError> {
    msi.needs_token(token.is_some())?;
    let transform = token.map(|token| transform::write(msi, token)).transpose()?;
    let name = token.map(|token| transform::name(msi, token));
    let mut sources = vec![Source { name: &msi.file_name, content: file }];
    if let (Some(name), Some(bytes)) = (&name, &transform) {
        sources.push(Source { name, content: &**bytes });
    }
    let wrapped = format!("{}.intunewin", msi.stem());
    let written = wrap(folder, msi, &sources, &wrapped, keys, epoch)?;
    let transform = name;

    let app = graph::win32_lob_app(msi, transform.as_deref());
    folder.json("intune/graph/win32LobApp.json", &app)?;
    let (plain, encrypted) = (written.unencrypted_bytes, Some(written.encrypted_bytes));
    let content = graph::content_file(intunewin::CONTENT_NAME, plain, encrypted, None);
    folder.json("intune/graph/win32LobApp.contentFile.json", &content)?;
    const COMMIT: &str = "intune/graph/win32LobApp.commit.json";
    let commit = graph::commit(&written.encryption);
    let document =
        |error: serde_json::Error| KitError::Document { path: COMMIT.to_owned(), problem: error.to_string() };
    folder.json(COMMIT, &commit.map_err(document)?)?;
    if transform.is_none() {
        folder.copy(&format!("intune/{}", msi.file_name), file)?;
        folder.json("intune/graph/windowsMobileMSI.json", &graph::windows_mobile_msi(msi))?;
        let manifest = graph::mobile_msi_manifest(msi);
        let content = graph::content_file(&msi.file_name, msi.facts.len_bytes, None, Some(&manifest));
        folder.json("intune/graph/windowsMobileMSI.contentFile.json", &content)?;
    }
    let line = |key: &str| {
        let problem =
            || KitError::Document { path: "intune/README.md".to_owned(), problem: format!("the app has no {key}") };
        app.get(key).and_then(serde_json::Value::as_str).ok_or_else(problem)
    };
    let page = Page {
        product: &msi.product,
        version: &msi.facts.product_version,
        file: &msi.file_name,
        wrapped: &wrapped,
        transform: transform.as_deref(),
        install: line("installCommandLine")?,
        uninstall: line("uninstallCommandLine")?,
        product_code: &msi.facts.product_code,
        version_key: msi.facts.version_value.as_ref().map(|(key, _)| format!(r"HKEY_LOCAL_MACHINE\{key}")),
        version_value: msi.facts.version_value.as_ref().map(|(_, value)| value.as_str()),
        is_arm: msi.arch() == "Arm64",
    };
    let template = include_str!("../../../../templates/kit/intune-windows.md.hbs");
    folder.page("intune/README.md", "kit/intune-windows.md.hbs", template, &page)
}

/// Wraps, and reads back: every file must come out as it went in.
fn wrap(
    folder: &mut Folder,
    msi: &Windows,
    sources: &[Source<'_>],
    name: &str,
    keys: &Keys,
    epoch: Epoch,
) -> Result<Written, KitError> {
    let path = format!("intune/{name}");
    let mut file = folder.create(&path)?;
    let written = folder.scratch(|_, scratch| {
        intunewin::write(msi, sources, keys, epoch, scratch, &mut file).map_err(|error| match error {
            WrapError::Template(error) => error.into(),
            WrapError::Io(error) => failed(&path)(error),
        })
    })?;
    file.sync_all().map_err(failed(&path))?;
    let mut check = Check { sources, right: 0 };
    let file = FileAt::new(file).map_err(failed(&path))?;
    let found = intunewin::read(&file, &mut check)?;
    if check.right != sources.len() || found.files != sources.len() || found.setup_file != msi.file_name {
        let problem = "the installer does not come out as it went in".to_owned();
        return Err(KitError::Document { path, problem });
    }
    Ok(written)
}

/// Compares what comes out with what went in.
struct Check<'a> {
    sources: &'a [Source<'a>],
    right: usize,
}

impl Sink for Check<'_> {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        let Some(source) = self.sources.iter().find(|source| source.name == entry.path) else { return Ok(()) };
        let digest = |content: &mut dyn Read| {
            sha256(content).map_err(|source| ReadError::Io { verb: "read back the installer", source })
        };
        if digest(content)? == digest(&mut Cursor::new(source.content))? {
            self.right += 1;
        }
        Ok(())
    }
}
