//! A property list in either form, and the list of an application's sealed files.
#![no_main]

use container::code_resources::CodeResources;
use container::property_list;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = property_list::parse("property list", data);
    if let Ok(list) = CodeResources::parse(data) {
        for path in list.seals().keys() {
            let _ = list.rule(path);
        }
    }
});
