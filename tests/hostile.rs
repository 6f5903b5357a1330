//! Bad input, for every reader: an error or a clean success, within a second, under 64 MiB, and never a panic.
//!
//! Good files (the installers of the small product, and what is inside them) are cut short, zeroed in places, changed in
//! single bits, given lengths that lie, and continued. The work is done in processes of their own, one for each reader,
//! so that their memory can be measured: the address space may not grow by more than the limit.
//! What fuzzing finds is added to `fuzz/corpus-regressions/READER/`, by a name that says what is wrong with it, beside inputs that harm other
//! programs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::support::readers::{self, Reader};
use crate::support::{both, kit_readers, output};

const LONGEST: Duration = Duration::from_secs(1);
/// What a reader may take beyond what the process has before it starts.
const MAX_BYTES: u64 = 64 << 20;
/// Which reader a process of its own is for.
const VARIABLE: &str = "STAMPWRIGHT_HOSTILE_READER";

fn all() -> impl Iterator<Item = &'static Reader> {
    readers::READERS.iter().chain(kit_readers::READERS)
}

#[test]
fn every_reader_holds_against_bad_input() {
    let mut failures = String::new();
    for reader in all() {
        let done = alone(reader.name);
        if !done.status.success() {
            failures.push_str(&format!("{}: {}\n{}\n", reader.name, done.status, both(&done)));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn a_reader_that_does_not_hold_is_found() {
    for (name, words) in [("greedy", "bytes of memory"), ("slow", "s for Ok(Ok"), ("panicking", "the reader panics")] {
        let done = alone(name);
        assert!(!done.status.success(), "{name} goes unnoticed");
        assert!(both(&done).contains(words), "{name}: {}", both(&done));
    }
}

/// Readers that break the rules, each in its way, but not on the good file that they start from.
const BROKEN: [Reader; 3] = [
    Reader { name: "greedy", read: |b| good(b).or_else(|_| nothing(vec![0_u8; MAX_BYTES as usize])), samples: letters },
    Reader { name: "slow", read: |b| good(b).or_else(|_| slow()), samples: letters },
    Reader { name: "panicking", read: |b| good(b).map_err(|_| panic!("as it is meant to")), samples: letters },
];

fn letters() -> Vec<Vec<u8>> {
    vec![b"good".to_vec()]
}

fn good(bytes: &[u8]) -> Result<(), String> {
    if bytes == b"good" { Ok(()) } else { Err("it is not good".into()) }
}

fn nothing(memory: Vec<u8>) -> Result<(), String> {
    std::hint::black_box(memory);
    Ok(())
}

fn slow() -> Result<(), String> {
    let clock = Clock::start();
    while clock.elapsed() < LONGEST {}
    Ok(())
}

/// Holds one reader against bad input, in a process of its own.
fn alone(reader: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "hostile::one_reader", "--ignored", "--test-threads=1", "--nocapture"]);
    // Reserved but unused arenas would count as address space.
    command.env(VARIABLE, reader).env("MALLOC_ARENA_MAX", "1");
    output(&mut command)
}

#[test]
#[ignore = "the tests above run it, in a process of its own"]
fn one_reader() {
    let name = std::env::var(VARIABLE).expect("the reader's name is in the environment");
    let reader = all().chain(&BROKEN).find(|reader| reader.name == name).expect("there is such a reader");
    let samples = (reader.samples)();
    assert!(!samples.is_empty(), "there is nothing to start from");
    for sample in &samples {
        let good = (reader.read)(sample);
        assert!(good.is_ok() || name == "manifest", "a good file of {} bytes: {good:?}", sample.len());
    }
    let mut judge = Judge::new(reader);
    for (name, bytes) in regressions(reader.name) {
        judge.try_one(&name, &bytes);
    }
    for (n, sample) in samples.iter().enumerate() {
        for (what, variant) in variants(sample) {
            judge.try_one(&format!("file {n} of {} bytes, {what}", sample.len()), &variant());
        }
    }
    assert!(judge.tried > 100, "only {} inputs were tried", judge.tried);
}

/// The kept bad inputs of a reader: path and content.
fn regressions(reader: &str) -> Vec<(String, Vec<u8>)> {
    let folder = crate::support::root().join("fuzz/corpus-regressions").join(reader);
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = files.map(|file| file.unwrap().path());
    files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn every_kept_input_has_its_reader_and_is_refused() {
    let folder = crate::support::root().join("fuzz/corpus-regressions");
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let reader = all().find(|reader| reader.name == name).unwrap_or_else(|| panic!("{name} is no reader"));
        for (path, bytes) in regressions(reader.name) {
            assert!((reader.read)(&bytes).is_err(), "{path} is taken");
            inputs += 1;
        }
    }
    assert!(inputs >= 13, "only {inputs} inputs are kept");
}

#[test]
#[ignore = "cargo xtask fuzz runs it: fuzzing starts from good files"]
fn seeds() {
    let corpus = crate::support::root().join("fuzz/corpus");
    for reader in all() {
        let folder = corpus.join(reader.name);
        std::fs::create_dir_all(&folder).unwrap();
        for (n, sample) in (reader.samples)().iter().enumerate() {
            std::fs::write(folder.join(format!("good-{n}")), sample).unwrap();
        }
    }
}

/// Runs one reader and measures it.
struct Judge<'a> {
    reader: &'a Reader,
    /// Address space before the first bad input.
    before: Option<u64>,
    tried: u32,
}

impl<'a> Judge<'a> {
    fn new(reader: &'a Reader) -> Self {
        let before = status("VmPeak");
        assert!(before.is_some() || cfg!(not(target_os = "linux")), "memory cannot be measured");
        Self { reader, before, tried: 0 }
    }

    fn try_one(&mut self, what: &str, bytes: &[u8]) {
        let start = Clock::start();
        let result = catch_unwind(AssertUnwindSafe(|| (self.reader.read)(bytes)));
        let took = start.elapsed();
        assert!(result.is_ok(), "{what}: the reader panics");
        assert!(took < LONGEST, "{what}: {took:?} for {result:?}");
        if let (Some(before), Some(now)) = (self.before, status("VmPeak")) {
            assert!(now - before < MAX_BYTES, "{what}: {} bytes of memory", now - before);
        }
        self.tried += 1;
    }
}

/// A line of `/proc/self/status`, in bytes; `None` where there is no such file.
fn status(key: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// The processor's time where that can be had: other work on the machine is not the reader's fault.
struct Clock(Option<u64>, Instant);

impl Clock {
    fn start() -> Self {
        Self(Self::busy_nanos(), Instant::now())
    }

    fn busy_nanos() -> Option<u64> {
        std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
    }

    fn elapsed(&self) -> Duration {
        match (self.0, Self::busy_nanos()) {
            (Some(before), Some(now)) => Duration::from_nanos(now - before),
            _ => self.1.elapsed(),
        }
    }
}

/// Makes one variant; made when it is needed, because there are thousands.
type Variant<'a> = (String, Box<dyn Fn() -> Vec<u8> + 'a>);

fn variants<'a>(good: &'a [u8]) -> Vec<Variant<'a>> {
    let mut out: Vec<Variant<'a>> = Vec::new();
    let mut add = |what: String, make: Box<dyn Fn() -> Vec<u8> + 'a>| out.push((what, make));
    for len in places(good.len(), 150) {
        add(format!("cut to {len}"), Box::new(move || good[..len].to_vec()));
    }
    for at in places(good.len(), 80) {
        add(format!("zeros from {at:#x}"), Box::new(move || changed(good, at, &[0; 512])));
        add(format!("zero word at {at:#x}"), Box::new(move || changed(good, at, &[0; 4])));
    }
    for at in places(good.len(), 250) {
        let bit = 1_u8 << (at % 8);
        add(format!("bit {bit:#04x} at {at:#x}"), Box::new(move || changed(good, at, &[good[at] ^ bit])));
    }
    for at in places(good.len(), 150).map(|at| at & !3) {
        for lie in [[0xff; 4], [0xff, 0xff, 0xff, 0x7f], [0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 1]] {
            add(format!("{lie:02x?} at {at:#x}"), Box::new(move || changed(good, at, &lie)));
        }
    }
    for at in numbers(good).take(200) {
        add(format!("nines at {at:#x}"), Box::new(move || nines(good, at)));
    }
    add("continued with zeros".into(), Box::new(move || [good, &[0; 1000]].concat()));
    add("twice".into(), Box::new(move || [good, good].concat()));
    out
}

/// Places in a file: the first ones densely, where headers are, then further and further apart, then the end.
fn places(len: usize, count: usize) -> impl Iterator<Item = usize> {
    let dense = count / 2;
    let step = (len / (count - dense)).max(1);
    let scattered = (0..count - dense).map(move |n| n * step + (n * 7919) % step);
    let last = (1..=24).filter_map(move |n| len.checked_sub(n));
    (0..dense).chain(scattered).chain(last).filter(move |at| *at < len)
}

/// Where decimal or octal numbers in text start: sizes in ar, tar, cpio and XML.
fn numbers(good: &[u8]) -> impl Iterator<Item = usize> {
    let digit = |at: usize| good.get(at).is_some_and(u8::is_ascii_digit);
    (0..good.len()).filter(move |&at| digit(at) && digit(at + 1) && (at == 0 || !digit(at - 1)))
}

fn nines(good: &[u8], at: usize) -> Vec<u8> {
    let mut bad = good.to_vec();
    for byte in bad[at..].iter_mut().take_while(|byte| byte.is_ascii_digit()) {
        *byte = b'9' - (*byte & 1) * 2; // nines and sevens: octal numbers stay octal half of the time
    }
    bad
}

fn changed(good: &[u8], at: usize, to: &[u8]) -> Vec<u8> {
    let mut bad = good.to_vec();
    for (byte, new) in bad[at..].iter_mut().zip(to) {
        *byte = *new;
    }
    bad
}
