//! Bodies without a connection: every byte, the end that is held back, and how it is told.

use std::fs;
use std::path::Path;
use std::sync::mpsc;

use http_body_util::BodyExt;

use super::*;

/// Bytes without the marker of stand-ins, so that a stand-in is seen.
pub(crate) fn content(len: usize) -> Vec<u8> {
    (0..len)
        .map(|n| (n * 7 + n / 251) as u8)
        .map(|byte| if byte == crate::connection::stand_in::MARKER { 0 } else { byte })
        .collect()
}

pub(crate) fn base(folder: &Path, len: usize) -> (Arc<BaseFile>, Vec<u8>) {
    let path = folder.join("base");
    fs::write(&path, content(len)).unwrap();
    (Arc::new(BaseFile::open(&path, Arc::default()).unwrap()), content(len))
}

/// What a stamp of a pkg looks like: new bytes at the front, most of the base, new bytes at the end.
pub(crate) fn pieces(len: u64) -> Vec<Source> {
    vec![
        Source::Put(Bytes::from_static(b"head")),
        Source::Kept(10..len - 100),
        Source::Put(Bytes::from_static(b"tail with a token")),
    ]
}

pub(crate) fn expected(content: &[u8]) -> Vec<u8> {
    [b"head", &content[10..content.len() - 100], b"tail with a token"].concat()
}

pub(crate) fn download(
    file: &Arc<BaseFile>,
    pieces: Vec<Source>,
    queue: Option<Queue>,
) -> (Download, mpsc::Receiver<End>) {
    let (tell, told) = mpsc::channel();
    let on_end = Box::new(move |end| tell.send(end).unwrap_or_default());
    (Download::of_pieces(file.clone(), pieces, queue, on_end), told)
}

fn collect(body: Download) -> io::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    Ok(runtime.block_on(body.collect())?.to_bytes().to_vec())
}

#[test]
fn without_a_queue_a_body_reads_the_base() {
    let folder = tempfile::tempdir().unwrap();
    let (file, content) = base(folder.path(), 300_000);
    let (body, told) = download(&file, pieces(300_000), None);
    let wanted = expected(&content);
    assert_eq!(body.size_hint().exact(), Some(wanted.len() as u64));
    assert_eq!(collect(body).unwrap(), wanted);
    assert_eq!(told.recv().unwrap(), End { sent: wanted.len() as u64, why: Why::Done });

    // A range that ends within the base.
    let (body, _) = download(&file, vec![Source::Kept(5..200_000)], None);
    assert_eq!(collect(body).unwrap(), content[5..200_000]);
    let (body, _) = download(&file, vec![], None);
    assert!(body.is_end_stream() && collect(body).unwrap().is_empty());
}

#[test]
fn a_base_that_changes_meanwhile_never_gives_a_whole_body() {
    let folder = tempfile::tempdir().unwrap();
    for ends_with_the_base in [false, true] {
        let (file, content) = base(folder.path(), 300_000);
        let pieces = if ends_with_the_base { vec![Source::Kept(0..300_000)] } else { pieces(300_000) };
        let (mut body, told) = download(&file, pieces, None);
        let mut got = body.next().unwrap().unwrap().to_vec();
        fs::write(folder.path().join("base"), content).unwrap();
        let error = loop {
            match body.next() {
                Ok(Some(bytes)) => got.extend(bytes),
                Ok(None) => panic!("the body is whole"),
                Err(error) => break error,
            }
        };
        assert!(crate::store::is_change(&error), "{error}");
        body.progress.failed(&error);
        drop(body);
        assert_eq!(told.recv().unwrap().why, Why::BaseChanged);
    }
}

#[test]
fn a_body_that_is_dropped_tells_how_far_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = base(folder.path(), 300_000);
    let (body, told) = download(&file, pieces(300_000), None);
    drop(body);
    assert_eq!(told.recv().unwrap(), End { sent: 0, why: Why::ClientGone });

    // Stand-ins that were never sent do not count.
    let queue = Queue::default();
    let (mut body, told) = download(&file, pieces(300_000), Some(queue.clone()));
    for _ in 0..3 {
        body.next().unwrap().unwrap();
    }
    drop(body);
    assert!(told.try_recv().is_err(), "the connection may still send");
    drop(queue);
    assert_eq!(told.recv().unwrap().why, Why::ClientGone);
}
