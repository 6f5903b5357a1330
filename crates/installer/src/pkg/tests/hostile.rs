//! Untrusted input: an error, never a panic.

use super::*;

/// Asks everything of a file that can be asked.
fn all(file: &Vec<u8>) {
    let _ = Pkg.token(file);
    let _ = Pkg.inspect(file);
    let _ = Pkg.stamper(file).map(drop);
    let _ = Pkg.verify(file, &mut Report::new());
}

#[test]
fn every_cut_is_refused() {
    let file = stamp(&base(), "a-token");
    for len in (0..file.len()).step_by(97) {
        let cut = file[..len].to_vec();
        assert!(Pkg.token(&cut).is_err(), "{len}");
        assert!(Pkg.inspect(&cut).is_err(), "{len}");
        assert!(Pkg.stamper(&cut).is_err(), "{len}");
        assert!(Pkg.verify(&cut, &mut Report::new()).is_err(), "{len}");
    }
}

#[test]
fn flipped_and_zeroed_bytes_are_survived() {
    let file = stamp(&base(), "a-token");
    for at in (0..file.len()).step_by(31) {
        let mut bad = file.clone();
        bad[at] ^= 1 << (at % 8);
        all(&bad);
        let end = (at + 64).min(bad.len());
        bad[at..end].fill(0);
        all(&bad);
    }
}

/// Damage below the checksums: each member is damaged and packed again.
#[test]
fn damaged_members_are_survived() {
    let file = stamp(&base(), "a-token");
    for member in ["Distribution", "PackageInfo", "Bom", "Payload", "Scripts"] {
        for n in 0..60 {
            let bad = super::findings::edited(&file, |name, mut content| {
                if name == member {
                    let at = n * content.len() / 60;
                    content[at] ^= 1 << (n % 8);
                }
                Some(content)
            });
            all(&bad);
        }
    }
}
