//! Writes tar headers, in the GNU form that dpkg-deb itself writes (tar(5), "GNU Tar Archives").
//!
//! Names start with `./` as dpkg-deb's do: the `tar` crate drops that, so it only reads here.

use std::io::{self, Write};

/// The size of a tar block.
pub(super) const BLOCK_BYTES: usize = 512;
/// An archive ends with two blocks of zeros.
pub(super) const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];
/// Eleven octal digits.
pub(super) const MAX_FILE_BYTES: u64 = (1 << 33) - 1;
/// The name field, with its final NUL.
const NAME_BYTES: usize = 100;

/// What an entry is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Folder,
    File(u64),
    Link(&'a str),
}

/// Writes an entry's header; the file's bytes and [`padding`] follow. `path` has no `./` and no final `/`; an empty
/// one is the root.
pub(super) fn header(out: &mut impl Write, path: &str, kind: Kind<'_>, mode: u32, mtime: u64) -> io::Result<()> {
    let (slash, size, target, type_flag) = match kind {
        Kind::Folder => ("/", 0, "", b'5'),
        Kind::File(size) => ("", size, "", b'0'),
        Kind::Link(target) => ("", 0, target, b'2'),
    };
    let name = if path.is_empty() { "./".to_owned() } else { format!("./{path}{slash}") };
    for (text, flag) in [(target, b'K'), (name.as_str(), b'L')] {
        if text.len() >= NAME_BYTES {
            long(out, text, flag)?;
        }
    }
    out.write_all(&block(&name, size, target, type_flag, mode, mtime)?)
}

/// The zeros after a file of that length.
pub(super) fn padding(len: u64) -> &'static [u8] {
    let over = (len % BLOCK_BYTES as u64) as usize;
    END.get(..(BLOCK_BYTES - over) % BLOCK_BYTES).unwrap_or_default()
}

/// A name that does not fit: an entry of its own before the entry that it is for.
fn long(out: &mut impl Write, text: &str, flag: u8) -> io::Result<()> {
    let size = text.len() as u64 + 1;
    out.write_all(&block("././@LongLink", size, "", flag, 0o644, 0)?)?;
    out.write_all(text.as_bytes())?;
    out.write_all(&[0])?;
    out.write_all(padding(size))
}

fn block(name: &str, size: u64, target: &str, flag: u8, mode: u32, mtime: u64) -> io::Result<[u8; BLOCK_BYTES]> {
    let mut block = [0; BLOCK_BYTES];
    text(&mut block, 0, NAME_BYTES, name);
    octal(&mut block, 100, 7, mode.into())?;
    octal(&mut block, 108, 7, 0)?;
    octal(&mut block, 116, 7, 0)?;
    octal(&mut block, 124, 11, size)?;
    octal(&mut block, 136, 11, mtime)?;
    text(&mut block, 148, 8, "        ");
    put(&mut block, 156, &[flag]);
    text(&mut block, 157, NAME_BYTES, target);
    put(&mut block, 257, b"ustar  \0");
    put(&mut block, 265, b"root");
    put(&mut block, 297, b"root");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut block, 148, 6, sum)?;
    // The checksum is the one field that ends with NUL and space.
    put(&mut block, 154, b"\0 ");
    Ok(block)
}

/// As much of the text as fits; a long name's beginning stands in its entry as well.
fn text(block: &mut [u8; BLOCK_BYTES], at: usize, width: usize, text: &str) {
    put(block, at, text.as_bytes().get(..width).unwrap_or(text.as_bytes()));
}

fn octal(block: &mut [u8; BLOCK_BYTES], at: usize, digits: usize, number: u64) -> io::Result<()> {
    let text = format!("{number:0digits$o}");
    if text.len() > digits {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a number does not fit a tar header"));
    }
    put(block, at, text.as_bytes());
    Ok(())
}

fn put(block: &mut [u8; BLOCK_BYTES], at: usize, bytes: &[u8]) {
    if let Some(field) = block.get_mut(at..at + bytes.len()) {
        field.copy_from_slice(bytes);
    }
}
