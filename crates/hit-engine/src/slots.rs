//! Devices and who has a place on them: the next stage goes where the fewest run.

/// The devices of a run, in the order in which they are first named, with the stages that each may hold and holds.
///
/// Results do not depend on any of this: neither the number of slots nor the device is part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slots(Vec<Device>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Device {
    name: String,
    slots: usize,
    taken: usize,
}

impl Slots {
    /// A slot for each time that a device is named; one on the CPU if none is.
    pub(crate) fn new(names: &[String]) -> Self {
        let mut devices: Vec<Device> = Vec::new();
        for name in names {
            match devices.iter_mut().find(|device| device.name == *name) {
                Some(device) => device.slots += 1,
                None => devices.push(Device { name: name.clone(), slots: 1, taken: 0 }),
            }
        }
        if devices.is_empty() {
            devices.push(Device { name: "cpu".to_owned(), slots: 1, taken: 0 });
        }
        Self(devices)
    }

    /// Whether a stage can be placed.
    pub(crate) fn any_free(&self) -> bool {
        self.0.iter().any(Device::is_free)
    }

    /// A slot on the device that holds the fewest stages, among equals on the one named first; none if all are taken.
    pub(crate) fn take(&mut self) -> Option<String> {
        let device = self.0.iter_mut().filter(|device| device.is_free()).min_by_key(|device| device.taken)?;
        device.taken += 1;
        Some(device.name.clone())
    }

    /// Gives back what [`Slots::take`] gave.
    pub(crate) fn give_back(&mut self, name: &str) {
        if let Some(device) = self.0.iter_mut().find(|device| device.name == name) {
            device.taken = device.taken.saturating_sub(1);
        }
    }

    /// How many stages may share that device.
    pub(crate) fn on(&self, name: &str) -> usize {
        self.0.iter().find(|device| device.name == name).map_or(0, |device| device.slots)
    }
}

impl Device {
    fn is_free(&self) -> bool {
        self.taken < self.slots
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// `each` slots on each of `gpus` devices, named device by device or all devices in turn.
    fn names(gpus: usize, each: usize, in_turn: bool) -> Vec<String> {
        let name = |n: usize| format!("cuda:{n}");
        let number = |n: usize| if in_turn { n % gpus } else { n / each };
        (0..gpus * each).map(|n| name(number(n))).collect()
    }

    fn taken(slots: &Slots) -> Vec<usize> {
        slots.0.iter().map(|device| device.taken).collect()
    }

    #[test]
    fn the_first_stages_go_to_different_devices() {
        for in_turn in [false, true] {
            let mut slots = Slots::new(&names(2, 2, in_turn));
            let order: Vec<String> = std::iter::from_fn(|| slots.take()).collect();
            assert_eq!(order, ["cuda:0", "cuda:1", "cuda:0", "cuda:1"], "named in turn: {in_turn}");
            assert!(!slots.any_free());
        }
    }

    #[test]
    fn the_emptier_device_is_taken_first_whatever_was_given_back_last() {
        let mut slots = Slots::new(&names(2, 2, true));
        while slots.take().is_some() {}
        for name in ["cuda:1", "cuda:1", "cuda:0"] {
            slots.give_back(name);
        }
        let order: Vec<String> = std::iter::from_fn(|| slots.take()).collect();
        assert_eq!(order, ["cuda:1", "cuda:0", "cuda:1"]);
    }

    #[test]
    fn devices_may_hold_different_numbers() {
        let mut slots = Slots::new(&["cuda:1", "cuda:0", "cuda:1", "cuda:1"].map(str::to_owned));
        assert_eq!((slots.on("cuda:1"), slots.on("cuda:0"), slots.on("cuda:2")), (3, 1, 0));
        let order: Vec<String> = std::iter::from_fn(|| slots.take()).collect();
        assert_eq!(order, ["cuda:1", "cuda:0", "cuda:1", "cuda:1"]);
    }

    #[test]
    fn without_devices_there_is_one_slot_on_the_cpu() {
        let mut slots = Slots::new(&[]);
        assert_eq!((slots.take().as_deref(), slots.take()), (Some("cpu"), None));
        slots.give_back("cuda:7");
        assert!(!slots.any_free(), "a device that is not there gives nothing back");
        slots.give_back("cpu");
        slots.give_back("cpu");
        assert_eq!((slots.take().is_some(), slots.take()), (true, None), "nothing is given back twice");
    }

    proptest! {
        /// Stages come and go in any order; `ends` says each time which of the running ones ends next, or that one comes.
        #[test]
        fn no_device_holds_too_many_and_the_emptiest_is_taken(
            gpus in 1usize..5,
            each in 1usize..5,
            in_turn: bool,
            ends in prop::collection::vec(prop::option::of(0usize..64), 0..200),
        ) {
            let mut slots = Slots::new(&names(gpus, each, in_turn));
            let mut twin = slots.clone();
            let mut running: Vec<String> = Vec::new();
            for end in ends {
                match end {
                    Some(which) if !running.is_empty() => {
                        let name = running.swap_remove(which % running.len());
                        slots.give_back(&name);
                        twin.give_back(&name);
                    }
                    _ => {
                        let (before, free) = (taken(&slots), slots.any_free());
                        let name = slots.take();
                        prop_assert_eq!(&name, &twin.take(), "the same history, another place");
                        prop_assert_eq!(name.is_some(), free);
                        prop_assert_eq!(free, running.len() < gpus * each, "a free slot is not left empty");
                        if let Some(name) = name {
                            let number: usize = name.strip_prefix("cuda:").unwrap().parse().unwrap();
                            prop_assert_eq!(Some(&before[number]), before.iter().min(), "{} of {:?}", name, before);
                            running.push(name);
                        }
                    }
                }
                let mut count: BTreeMap<&str, usize> = BTreeMap::new();
                for name in &running {
                    *count.entry(name).or_default() += 1;
                }
                prop_assert!(count.values().all(|&n| n <= each), "{:?}", count);
                prop_assert_eq!(taken(&slots).iter().sum::<usize>(), running.len());
            }
        }

        /// Work waits all the time, and `jobs` stages run at once: whoever ends, the devices stay even.
        #[test]
        fn while_work_waits_devices_differ_by_at_most_one(
            gpus in 1usize..6,
            each in 1usize..5,
            jobs in 1usize..24,
            ends in prop::collection::vec(0usize..64, 0..200),
        ) {
            let mut slots = Slots::new(&names(gpus, each, false));
            let mut running: Vec<String> = Vec::new();
            for end in ends {
                while running.len() < jobs && let Some(name) = slots.take() {
                    running.push(name);
                }
                let taken = taken(&slots);
                let (least, most) = (taken.iter().min().unwrap(), taken.iter().max().unwrap());
                prop_assert!(most - least <= 1, "{:?}", taken);
                prop_assert_eq!(running.len(), jobs.min(gpus * each));
                slots.give_back(&running.swap_remove(end % running.len()));
            }
        }
    }
}
