//! A check-in, and how it shows that a device's state was copied.
//!
//! Each answer hands out the next *generation*, and each check-in shows the last one that came. Two copies of one state cannot both show the
//! newest: the second one shows an older one, and so does a machine that was set back to a snapshot.

use crate::records::Device;
use crate::refusal::Refusal;

/// What a server does with a check-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckIn {
    /// The device gets this generation.
    Taken {
        /// The next generation.
        generation: u64,
    },
    /// Refused.
    Refuse(Refusal),
}

/// Judges a check-in that shows `generation`.
///
/// The newest generation is right, and so is the one before it as long as the newest was never shown: its answer may have been lost.
#[must_use]
pub fn check_in(device: &Device, generation: u64) -> CheckIn {
    if device.retired {
        return CheckIn::Refuse(Refusal::DeviceRetired);
    }
    let is_newest = generation == device.generation;
    let is_lost_answer = !device.generation_shown && generation.checked_add(1) == Some(device.generation);
    match (is_newest, is_lost_answer) {
        (true, _) => CheckIn::Taken { generation: device.generation.saturating_add(1) },
        // Again the one that was lost, not one more: else a device that never hears an answer would run out of the window.
        (false, true) => CheckIn::Taken { generation: device.generation },
        (false, false) => CheckIn::Refuse(Refusal::DeviceCloned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;

    fn device(generation: u64, generation_shown: bool) -> Device {
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
            generation_shown,
        }
    }

    #[test]
    fn the_newest_generation_is_right_and_a_lost_answer_is_forgiven() {
        assert_eq!(check_in(&device(5, false), 5), CheckIn::Taken { generation: 6 });
        assert_eq!(check_in(&device(5, false), 4), CheckIn::Taken { generation: 5 });
        assert_eq!(check_in(&device(5, true), 4), CheckIn::Refuse(Refusal::DeviceCloned));
        assert_eq!(check_in(&device(5, false), 3), CheckIn::Refuse(Refusal::DeviceCloned));
        assert_eq!(check_in(&device(5, false), 6), CheckIn::Refuse(Refusal::DeviceCloned));
    }

    #[test]
    fn a_retired_device_is_told_so() {
        let retired = Device { retired: true, ..device(5, true) };
        assert_eq!(check_in(&retired, 5), CheckIn::Refuse(Refusal::DeviceRetired));
    }

    /// Two machines go on from one state and take turns: the second one is found out at its first check-in after the first one's second.
    #[test]
    fn two_copies_of_a_state_are_found_out() {
        let (mut server, mut first, second) = (device(7, true), 7, 7);
        for _ in 0..2 {
            let CheckIn::Taken { generation } = check_in(&server, first) else { panic!("the first is refused") };
            server = Device { generation_shown: generation == server.generation, generation, ..server };
            first = generation;
        }
        assert_eq!(check_in(&server, second), CheckIn::Refuse(Refusal::DeviceCloned));
    }
}
