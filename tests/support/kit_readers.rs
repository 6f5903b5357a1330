//! The readers of what is in a kit, as [`readers`] has those of installers.

use std::io::Cursor;

use installer::{Epoch, Kind, Token};
use kit::intune::intunewin::{Keys, Source};
use kit::windows::Windows;
use kit::{gpo, intune};

use super::kits::TOKEN;
use super::readers::{self, Drain, Reader};

/// All of them.
pub const READERS: &[Reader] = &[
    Reader { name: "intunewin", read: intunewin, samples: intunewins },
    Reader { name: "intunewin_content", read: setup_folder, samples: setup_folders },
    Reader { name: "intunemac", read: intunemac, samples: intunemacs },
    Reader { name: "transform", read: transform, samples: transforms },
];

/// What the wrapped files of the samples are called.
const SETUP: &str = "Example-Agent.msi";

fn intunewin(bytes: &[u8]) -> Result<(), String> {
    intune::intunewin::read(&bytes, &mut Drain).map(drop).map_err(|error| error.to_string())
}

fn intunewins() -> Vec<Vec<u8>> {
    readers::of(Kind::Msi).iter().map(wrapped).map(|(file, _)| file).collect()
}

fn setup_folder(bytes: &[u8]) -> Result<(), String> {
    intune::intunewin::content(&bytes, SETUP, &mut Drain).map(drop).map_err(|error| error.to_string())
}

fn setup_folders() -> Vec<Vec<u8>> {
    readers::of(Kind::Msi).iter().map(wrapped).map(|(_, content)| content).collect()
}

/// An archive and its unencrypted content.
fn wrapped(msi: &Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let windows = Windows::read(msi, SETUP).unwrap();
    let sources = [Source { name: SETUP, content: msi }];
    let (keys, mut scratch, mut out) = (Keys::new(&[7; Keys::BYTES]), Cursor::default(), Cursor::default());
    intune::intunewin::write(&windows, &sources, &keys, Epoch::DEFAULT, &mut scratch, &mut out).unwrap();
    (out.into_inner(), scratch.into_inner())
}

fn intunemac(bytes: &[u8]) -> Result<(), String> {
    intune::intunemac::read(&bytes, &mut std::io::sink()).map(drop).map_err(|error| error.to_string())
}

fn intunemacs() -> Vec<Vec<u8>> {
    let wrap = |pkg: &Vec<u8>| {
        let mut out = Cursor::new(Vec::new());
        let facts = installer::pkg::facts(pkg).unwrap();
        intune::intunemac::write(pkg, &facts, "Example-Agent.pkg", Epoch::DEFAULT, &mut out).unwrap();
        out.into_inner()
    };
    readers::of(Kind::Pkg).iter().map(wrap).collect()
}

fn transform(bytes: &[u8]) -> Result<(), String> {
    gpo::transform::read(&bytes).map(drop).map_err(|error| error.to_string())
}

fn transforms() -> Vec<Vec<u8>> {
    let token = Token::parse(TOKEN.as_bytes()).unwrap();
    let write = |msi: &Vec<u8>| gpo::transform::write(&Windows::read(msi, SETUP).unwrap(), &token).unwrap().to_vec();
    readers::of(Kind::Msi).iter().map(write).collect()
}
