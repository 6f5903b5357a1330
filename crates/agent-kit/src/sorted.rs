//! Short lists that are kept in order. The standard library's sort is 4 KiB of code for each type that it sorts, and these have a dozen entries.

use std::cmp::Ordering;

/// Puts an entry where it belongs: behind all that are less or equal.
pub(crate) fn insert_by<T>(list: &mut Vec<T>, entry: T, order: impl Fn(&T, &T) -> Ordering) {
    let at = list.iter().take_while(|other| order(other, &entry).is_le()).count();
    list.insert(at, entry);
}

#[cfg(test)]
mod tests {
    use super::insert_by;

    proptest::proptest! {
        #[test]
        fn the_order_is_that_of_a_stable_sort(entries: Vec<(u8, u32)>) {
            let mut list = Vec::new();
            entries.iter().for_each(|entry| insert_by(&mut list, *entry, |one, other| one.0.cmp(&other.0)));
            let mut expected = entries;
            expected.sort_by_key(|entry| entry.0);
            proptest::prop_assert_eq!(list, expected);
        }
    }
}
