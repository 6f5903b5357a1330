//! What the header says of the entries of a stripped archive, which have a number and no header of their own.

use std::collections::BTreeMap;

use super::files::File;
use super::header::Header;
use super::tag;
use crate::cpio::Entry;
use crate::reader::Malformed;

/// The entry of each file, in the header's order. Of a file with several names, the last one has the bytes (rpm, lib/rpmfi.c).
pub(super) fn entries(header: &Header, files: &[File]) -> Result<Vec<Entry>, Malformed> {
    let numbers = |tag| Ok::<_, Malformed>(header.numbers(tag)?.unwrap_or_default());
    let (inodes, devices) = (numbers(tag::FILEINODES)?, numbers(tag::FILEDEVICES)?);
    let inode = |at: usize| (devices.get(at).copied().unwrap_or_default(), inodes.get(at).copied());
    let mut names: BTreeMap<_, (u32, usize)> = BTreeMap::new();
    for (at, _) in files.iter().enumerate().filter(|(_, file)| file.is_regular() && !file.is_ghost()) {
        if let (device, Some(inode)) = inode(at) {
            let (count, last) = names.entry((device, inode)).or_default();
            (*count, *last) = (*count + 1, at);
        }
    }
    let entry = |(at, file): (usize, &File)| {
        let (device, number) = inode(at);
        let shared = number.and_then(|number| names.get(&(device, number))).filter(|_| file.is_regular());
        let (links, last) = shared.copied().unwrap_or((1, at));
        let has_bytes = file.is_symlink() || (file.is_regular() && last == at);
        Entry {
            path: file.path.clone(),
            // The last name's place stands for the file: numbers of two devices may be equal.
            inode: last as u64,
            mode: file.mode,
            uid: 0,
            gid: 0,
            links,
            mtime: file.mtime,
            size: if has_bytes { file.size } else { 0 },
            offset: 0,
        }
    };
    Ok(files.iter().enumerate().map(entry).collect())
}
