//! A check-in, and how it shows that a device's state was copied.
//!
//! Each answer hands out the next *generation*, and each check-in shows the last one that came. An answer may be lost, so the one before it
//! is taken as well; but then the one that was on its way is worth nothing any more. So of two copies that take turns, one shows a generation
//! that the other has made worthless, and so does a machine that was set back to a snapshot.

use crate::records::Device;
use crate::refusal::Refusal;

/// What a server does with a check-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckIn {
    /// The device gets this generation.
    Taken {
        /// The next generation.
        generation: u64,
        /// The one that is taken as well, in case the answer is lost.
        before: u64,
    },
    /// Refused.
    Refuse(Refusal),
}

/// Judges a check-in that shows `generation`.
#[must_use]
pub fn check_in(device: &Device, generation: u64) -> CheckIn {
    let next = device.generation.saturating_add(1);
    match generation {
        _ if device.retired => CheckIn::Refuse(Refusal::DeviceRetired),
        newest if newest == device.generation => CheckIn::Taken { generation: next, before: newest },
        before if before == device.generation_before => CheckIn::Taken { generation: next, before },
        _ => CheckIn::Refuse(Refusal::DeviceCloned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;

    fn device(generation: u64, generation_before: u64) -> Device {
        Device {
            id: "d".into(),
            tenant: "t".into(),
            key: "k".into(),
            enrolled: 0,
            confirmed: true,
            last_seen: None,
            retired: false,
            offline: false,
            fingerprint: Fingerprint::default(),
            generation,
            generation_before,
        }
    }

    /// What the server has afterwards, and what the device has got; nothing if it is refused.
    fn after(server: Device, shown: u64) -> Option<(Device, u64)> {
        match check_in(&server, shown) {
            CheckIn::Taken { generation, before } => {
                Some((Device { generation, generation_before: before, ..server }, generation))
            }
            CheckIn::Refuse(_) => None,
        }
    }

    #[test]
    fn the_newest_generation_is_right_and_a_lost_answer_is_forgiven() {
        let (server, lost) = after(device(5, 4), 5).unwrap();
        let (server, _) = after(server, 5).unwrap();
        let (server, got) = after(server, 5).unwrap();
        assert_eq!(check_in(&server, lost), CheckIn::Refuse(Refusal::DeviceCloned));
        assert!(after(server, got).is_some());
    }

    #[test]
    fn a_retired_device_is_told_so() {
        let retired = Device { retired: true, ..device(5, 4) };
        assert_eq!(check_in(&retired, 5), CheckIn::Refuse(Refusal::DeviceRetired));
    }

    /// Two machines go on from one state, in any order: one of them is found out at once.
    #[test]
    fn two_copies_of_a_state_are_found_out() {
        for order in [[0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 0]] {
            let (mut server, mut copies) = (device(7, 6), [7, 7]);
            let mut refused = false;
            for copy in order {
                match after(server.clone(), copies[copy]) {
                    Some((next, got)) => (server, copies[copy]) = (next, got),
                    None => refused = true,
                }
            }
            assert!(refused, "{order:?}");
        }
    }
}
