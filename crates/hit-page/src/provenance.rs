//! When, where and how long: `provenance.json` among the results.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Volatile facts about the run that wrote the results. A fact that the file does not state is none.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// Profile.
    pub profile: String,
    /// Begin, UTC.
    pub started: Option<String>,
    /// End, UTC.
    pub finished: Option<String>,
    /// Wall time of the last run, seconds.
    pub seconds: Option<f64>,
    /// Stages that it executed.
    pub executed: Option<u64>,
    /// Stages that it found in the cache.
    pub cached: Option<u64>,
    /// Numeric backend.
    pub backend: Option<String>,
    /// Devices that models ran on.
    pub devices: Vec<String>,
    /// Models that shared one GPU; none if they ran on a CPU.
    pub slots_per_gpu: Option<u64>,
    /// Stages at once.
    pub jobs: Option<u64>,
    /// Threads of a stage.
    pub threads_per_stage: Option<u64>,
    /// Version of the program.
    pub hitrepro: Option<String>,
    /// Compiler.
    pub rust: Option<String>,
    /// Energy of the processor meanwhile, joules.
    pub energy_joules: Option<f64>,
    /// Version control.
    pub checkout: Option<Checkout>,
    /// The machine.
    pub hardware: Option<Hardware>,
    /// LaTeX.
    pub latex: Option<String>,
    /// Seconds of every stage, each from the run that executed it.
    pub stage_seconds: BTreeMap<String, f64>,
}

/// State of the source tree.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Checkout {
    /// Commit.
    pub commit: Option<String>,
    /// Whether files differed from it.
    pub changed: bool,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hardware {
    /// Processor.
    pub cpu: Option<String>,
    /// Its cores.
    pub cores: Option<u64>,
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// Graphics processors.
    pub gpus: Vec<String>,
    /// Operating system and architecture.
    pub system: Option<String>,
}

impl Hardware {
    /// In one line: `AMD EPYC, 2 cores, 23.5 GiB, linux-x86_64`.
    pub fn words(&self) -> String {
        const GIB: f64 = (1_u64 << 30) as f64;
        let mut parts: Vec<String> = self.cpu.iter().cloned().collect();
        parts.extend(self.cores.map(|cores| format!("{cores} cores")));
        parts.extend(self.memory_bytes.map(|bytes| format!("{:.1} GiB", bytes as f64 / GIB)));
        parts.extend(self.gpus.iter().cloned());
        parts.extend(self.system.clone());
        parts.join(", ")
    }
}

impl Checkout {
    /// In one line: the commit, and whether it is all of the truth.
    pub fn words(&self) -> String {
        let commit = self.commit.as_deref().unwrap_or("unknown");
        if self.changed { format!("{commit}, with changes that are not in it") } else { commit.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_state_nothing_and_more() {
        let read = |text: &str| serde_json::from_str::<Provenance>(text);
        assert_eq!(read("{}").unwrap(), Provenance::default());
        let some =
            read(r#"{"profile": "smoke", "new": [1], "energy_joules": null, "stage_seconds": {"a": 1.5}}"#).unwrap();
        assert_eq!((some.profile.as_str(), some.energy_joules, some.stage_seconds["a"]), ("smoke", None, 1.5));
        for bad in ["", "{\"jobs\": -1}", "{\"stage_seconds\": {\"a\": \"x\"}}", "{\"hardware\": 3}"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn machines_and_commits_in_words() {
        assert_eq!(Hardware::default().words(), "");
        let gpus = vec!["H100".to_owned()];
        let machine = Hardware { cores: Some(16), memory_bytes: Some(3 << 30), gpus, ..Hardware::default() };
        assert_eq!(machine.words(), "16 cores, 3.0 GiB, H100");
        assert_eq!(Checkout::default().words(), "unknown");
        let changed = Checkout { commit: Some("abc".into()), changed: true };
        assert_eq!(changed.words(), "abc, with changes that are not in it");
    }
}
