//! How many stages run at once, and on which device: the engine's options, and the words for them.

use hit_engine::RunOptions;

/// Most models that one GPU is given at once.
pub const MAX_SLOTS_PER_GPU: i64 = 16;

/// How to run on these devices (each named once) with so many cores.
///
/// On a CPU every job has a slot and an equal share of the cores, and `slots_per_gpu` has no effect. A GPU takes `slots_per_gpu`
/// stages at a time; if no number of jobs is given there are at least as many as slots, so that none is left empty for
/// want of cores.
pub fn run_options(devices: &[String], jobs: Option<usize>, slots_per_gpu: usize, cores: usize) -> RunOptions {
    let slots = slots_per_gpu.max(1);
    let jobs = if on_gpu(devices) {
        jobs.unwrap_or(cores.max(devices.len() * slots)).max(1)
    } else {
        jobs.unwrap_or(cores).max(1)
    };
    let devices = if on_gpu(devices) {
        (0..slots).flat_map(|_| devices).cloned().collect()
    } else {
        vec!["cpu".to_owned(); jobs]
    };
    RunOptions { jobs, devices, threads_per_stage: (cores / jobs).max(1), keep_going: true }
}

/// How many models a GPU is given at once under these options; none on a CPU.
pub fn slots_per_gpu(devices: &[String], options: &RunOptions) -> Option<usize> {
    on_gpu(devices).then(|| options.devices.len() / devices.len())
}

/// How many models run at once on what: `up to 2 models at once on each of cuda:0, cuda:1`; none on a CPU, where a model is a
/// stage like any other.
pub fn words(devices: &[String], options: &RunOptions) -> Option<String> {
    let slots = slots_per_gpu(devices, options)?;
    let each = if devices.len() > 1 { "each of " } else { "" };
    let number = if slots == 1 { "one model at a time".to_owned() } else { format!("up to {slots} models at once") };
    let held = if options.jobs < options.devices.len() {
        format!(" (--jobs allows {} in all)", options.jobs)
    } else {
        String::new()
    };
    Some(format!("{number} on {each}{}{held}", devices.join(", ")))
}

fn on_gpu(devices: &[String]) -> bool {
    !devices.is_empty() && devices.iter().all(|device| device != "cpu")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn gpus(n: usize) -> Vec<String> {
        (0..n).map(|number| format!("cuda:{number}")).collect()
    }

    fn cpu() -> Vec<String> {
        vec!["cpu".to_owned()]
    }

    #[test]
    fn cores_are_shared_among_jobs() {
        let shape = |devices: &[String], jobs, slots, cores| {
            let options = run_options(devices, jobs, slots, cores);
            (options.jobs, options.devices.len(), options.threads_per_stage)
        };
        assert_eq!(shape(&cpu(), None, 1, 2), (2, 2, 1));
        assert_eq!(shape(&cpu(), Some(1), 1, 8), (1, 1, 8));
        assert_eq!(shape(&cpu(), Some(3), 1, 8), (3, 3, 2));
        assert_eq!(shape(&cpu(), Some(9), 1, 2), (9, 9, 1));
        assert_eq!(shape(&cpu(), None, 4, 2), (2, 2, 1), "on a CPU slots of GPUs mean nothing");
        assert_eq!(shape(&gpus(1), None, 1, 16), (16, 1, 1));
        assert_eq!(shape(&gpus(1), None, 4, 16), (16, 4, 1));
        assert_eq!(shape(&gpus(2), None, 4, 2), (8, 8, 1), "a job for each slot");
        assert_eq!(shape(&gpus(2), Some(3), 4, 6), (3, 8, 2), "unless jobs are stated");
    }

    #[test]
    fn every_gpu_is_named_before_one_is_named_again() {
        assert_eq!(run_options(&gpus(2), None, 2, 4).devices, ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]);
        assert_eq!(run_options(&["cuda:3".to_owned()], None, 2, 4).devices, ["cuda:3", "cuda:3"]);
    }

    #[test]
    fn words_say_how_many_run_on_what() {
        let said = |devices: &[String], jobs, slots| words(devices, &run_options(devices, jobs, slots, 8));
        assert_eq!(said(&cpu(), None, 3), None);
        assert_eq!(said(&gpus(1), None, 1).unwrap(), "one model at a time on cuda:0");
        assert_eq!(said(&gpus(2), None, 1).unwrap(), "one model at a time on each of cuda:0, cuda:1");
        assert_eq!(said(&gpus(1), None, 3).unwrap(), "up to 3 models at once on cuda:0");
        assert_eq!(said(&gpus(2), None, 2).unwrap(), "up to 2 models at once on each of cuda:0, cuda:1");
        assert_eq!(
            said(&gpus(2), Some(3), 2).unwrap(),
            "up to 2 models at once on each of cuda:0, cuda:1 (--jobs allows 3 in all)"
        );
    }

    proptest! {
        #[test]
        fn every_gpu_has_its_slots_and_every_job_a_thread(
            n in 1usize..9,
            jobs in prop::option::of(1usize..40),
            slots in 1usize..17,
            cores in 1usize..130,
        ) {
            let names = gpus(n);
            let options = run_options(&names, jobs, slots, cores);
            let mut count: BTreeMap<&str, usize> = BTreeMap::new();
            for device in &options.devices {
                *count.entry(device).or_default() += 1;
            }
            prop_assert_eq!(count, names.iter().map(|name| (name.as_str(), slots)).collect::<BTreeMap<_, _>>());
            prop_assert_eq!(slots_per_gpu(&names, &options), Some(slots));
            prop_assert!(options.threads_per_stage >= 1 && (options.jobs > cores || options.threads_per_stage * options.jobs <= cores));
            prop_assert_eq!(options.jobs, jobs.unwrap_or(cores.max(n * slots)));
        }
    }
}
