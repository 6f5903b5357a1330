//! What a stamp costs inside a process that serves many: opening a base, stamping it, and the memory for both.
//!
//! `cargo bench --bench stamp -- BASE…` prints one JSON document a line. Memory is the heap's peak while a base is opened
//! and stamped, beyond what there was before. A stamp that costs more than the limits that we promise is an error.
//!
//! `--token-file=F` stamps another token, `--issuer-keys=F` asserts the keys for it, for a prepared base; `--resign` signs each stamp anew, by a
//! signer that answers at once: what its key needs comes on top.
#![allow(missing_docs, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark's edge")]

use std::error::Error;
use std::fs::{self, File};
use std::time::{Duration, Instant};

use container::read_at::FileAt;
use installer::signature::{Imprint, SignImprint, SignatureBytes, SignatureError};
use installer::splice::PrefixDigests;
use installer::stamp::{Base, OpenOptions};
use installer::{AcceptedToken, IssuerKeys, Token};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const OPENS: u32 = 200;
const STAMPS: u32 = 1000;
const DIGESTS: u32 = 50;
/// Heap beyond the base, for opening and stamping together.
const MAX_HEAP_BYTES: usize = 1 << 20;
/// New bytes of a stamp.
const MAX_PATCH_BYTES: u64 = 64 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name));
    let token = match option("--token-file=") {
        Some(path) => Token::parse(&fs::read(path)?)?,
        None => Token::parse("demo.".repeat(80).as_bytes())?,
    };
    let keys = option("--issuer-keys=").map(fs::read).transpose()?;
    let keys = keys.map(|jwks| IssuerKeys::parse(&jwks)).transpose()?;
    let resign = arguments.iter().any(|argument| argument == "--resign");
    for path in arguments.iter().filter(|argument| !argument.starts_with("--")) {
        measure(path, &token, keys.as_ref(), resign)?;
    }
    Ok(())
}

/// Answers at once.
struct Instantly([Vec<u8>; 2]);

impl SignImprint for Instantly {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.0
    }

    fn rsa_len(&self) -> usize {
        256
    }

    fn max_cms_len(&self) -> usize {
        5000
    }

    fn sign_imprint(&self, imprint: &Imprint) -> Result<SignatureBytes, SignatureError> {
        let rsa = matches!(imprint, Imprint::Toc { .. }).then(|| vec![1; 256]);
        Ok(SignatureBytes { cms: vec![0x30; 4500], rsa })
    }
}

fn measure(path: &str, token: &Token, keys: Option<&IssuerKeys>, resign: bool) -> Result<(), Box<dyn Error>> {
    let signer = Instantly([vec![0x30; 1500], vec![0x30; 1200]]);
    let open = || -> Result<_, Box<dyn Error>> {
        let base = Base::open(FileAt::new(File::open(path)?)?, OpenOptions { restamp: true, issuer_keys: None })?;
        Ok(match keys {
            Some(keys) => base.pinned(keys.clone()),
            None => base,
        })
    };
    let stamp = |base: &Base<FileAt>, token: &AcceptedToken| match resign {
        true => base.stamp_signed(token, &signer),
        false => base.stamp(token),
    };
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let base = open()?;
    let accepted = base.accept(token.clone(), 0)?;
    let splice = stamp(&base, &accepted)?;
    let heap_bytes = HEAP.peak_usage().saturating_sub(before);
    if heap_bytes > MAX_HEAP_BYTES || (!resign && splice.put_bytes() > MAX_PATCH_BYTES) {
        return Err(format!("{path}: {heap_bytes} bytes of heap, {} new bytes", splice.put_bytes()).into());
    }
    let opened = per_round(OPENS, || open().map(drop))?;
    let stamped = per_round(STAMPS, || stamp(&base, &accepted).map(drop).map_err(Into::into))?;
    // What follows from the states that are kept with an open base; the first digest makes them.
    let digests = PrefixDigests::default();
    digests.sha256(&splice, base.bytes())?;
    // By the wall: a few of them are over before the kernel has counted anything.
    let begin = Instant::now();
    for _ in 0..DIGESTS {
        digests.sha256(&splice, base.bytes())?;
    }
    let hashed = begin.elapsed() / DIGESTS;
    let document = serde_json::json!({
        "base": path,
        "bytes": splice.len(),
        "open_us": micros(opened),
        "stamp_us": micros(stamped),
        "sha256_us": micros(hashed),
        "put_bytes": splice.put_bytes(),
        "heap_kib": heap_bytes / 1024,
    });
    println!("{document}");
    Ok(())
}

/// CPU time of one round: other programs' turns on a busy machine do not count.
fn per_round(rounds: u32, mut round: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let (wall, begin) = (Instant::now(), on_cpu());
    for _ in 0..rounds {
        round()?;
    }
    let spent = match (begin, on_cpu()) {
        (Some(begin), Some(end)) => end.saturating_sub(begin),
        _ => wall.elapsed(),
    };
    Ok(spent / rounds)
}

/// What this thread has had of a CPU, where the kernel says it (proc(5), schedstat).
fn on_cpu() -> Option<Duration> {
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
