//! Text of every codepage, and a string pool in it.
#![no_main]

use container::msidb::{Codepage, Pool};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(([low, high], rest)) = data.split_first_chunk() else { return };
    let Some(codepage) = Codepage::from_number(u16::from_le_bytes([*low, *high]).into()) else { return };
    let text = codepage.decode(rest);
    // What was decoded without a loss can be said again, and is then the same text.
    if let Ok(bytes) = codepage.encode(&text) {
        assert_eq!(codepage.decode(&bytes), text);
    }
    let Some((pool, data)) = rest.split_at_checked(rest.len() / 2) else { return };
    let words = [&codepage.number().to_le_bytes(), pool].concat();
    if let Ok(pool) = Pool::read(&words, data.to_vec()) {
        for id in pool.ids() {
            let _ = (pool.text(id), pool.references(id), pool.is_marked(id));
        }
    }
});
