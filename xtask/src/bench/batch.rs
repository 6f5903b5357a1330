//! A list of tenants: one process for all of them, beside a shell loop of `cp` and `msibuild`, which is how it is done without us. The
//! loop puts the token into the table Property; it makes no new package code, verifies nothing and leaves no manifest.

use std::fmt::Write as _;
use std::fs;

use super::builds::Comparison;
use super::measure::{Way, in_turns};
use super::setup::{Bench, FOLDER};
use crate::failure::{AtPath, Result};

/// Installers of each way.
pub(super) const ROWS: usize = 200;

/// Stamps a list of the sample product's MSI.
pub(super) fn run(bench: &Bench<'_>) -> Result<Comparison> {
    eprintln!("stamping a list");
    let mut list = String::from("token,name\n");
    for row in 0..ROWS {
        // Writing to a string cannot fail.
        let _ = writeln!(list, "tenant-{row}.0123456789abcdef0123456789abcdef,tenant-{row}");
    }
    let path = bench.sh.current_dir().join(FOLDER).join("tenants.csv");
    fs::write(&path, list).at("write", &path)?;
    let program = bench.stampwright.display();
    let base = format!("{FOLDER}/msi/TheOneRMM-Agent.msi");
    let ours = |name: &str, more: &str| {
        way(name, &format!("{program} stamp {base} --batch {FOLDER}/tenants.csv -o $d/out {more}"))
    };
    let query = "INSERT INTO Property (Property, Value) VALUES ('ENROLLMENTTOKEN', 'tenant-$i.0123456789abcdef0123456789abcdef')";
    let others = format!(
        "mkdir $d/out; for i in $(seq 0 {}); do cp {base} $d/out/$i.msi; msibuild $d/out/$i.msi -q \"{query}\" || exit 1; done; sync -f $d",
        ROWS - 1
    );
    let ways = [
        ours("stampwright stamp --batch", ""),
        ours("the same, --no-digests", "--no-digests"),
        way("cp and msibuild, then sync", &others),
    ];
    // One turn each: what a turn writes would fill a disk.
    let measured = in_turns(bench.sh, &ways, 1)?;
    Ok(Comparison { title: "msi, MSZIP, 200 tenants", measured })
}

/// A way that fills a folder of its own. Its size stands in the length of a file without content; the folder goes.
fn way(name: &str, line: &str) -> Way {
    let output = format!("{FOLDER}/batch.size");
    let line = format!(
        "d=$(mktemp -d {FOLDER}/batch.XXXXXX); {line}; truncate -s $(du -sb $d/out | cut -f 1) {output}; rm -rf $d"
    );
    Way { name: name.to_owned(), line, output }
}
