//! The tables of an MSI.
#![no_main]

use container::cfb::read::Compound;
use container::msidb::{Database, export};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(file) = Compound::open(data) else { return };
    let stream = |name: &str, limit: usize| {
        let name: Vec<u16> = name.encode_utf16().collect();
        file.find(&name).map(|entry| file.read(entry, limit)).transpose()
    };
    let Ok(database) = Database::open(stream) else { return };
    for name in database.tables() {
        if let Ok(Some(table)) = database.table(name) {
            let _ = export::archive(&table, database.pool());
        }
    }
    let _ = database.check();
});
