//! A corpus in MAESTRO's layout on disk: good, bad in every way that people meet, and missing.

use std::fmt::Write as _;
use std::path::PathBuf;

use hit_corpus::SyntheticSpec;
use hit_stage::{Context, Stage};

use crate::project::{Project, stderr};

/// The tiny profile on a corpus from disk.
const ON_DISK: &str = r#"
[profiles.disk]
inherits = "tiny"
description = "the tiny profile on a corpus from disk; for the tests"

[profiles.disk.corpus]
source = "maestro"
label = "fixture"
on_bad = "fail"

[profiles.lenient]
inherits = "disk"
description = "the same, leaving out what cannot be read"

[profiles.lenient.corpus]
on_bad = "skip"
"#;

/// A project with a corpus in a folder of its own.
pub struct OnDisk {
    /// The project.
    pub project: Project,
    /// The folder.
    pub corpus: PathBuf,
}

impl OnDisk {
    /// Ten performances as MIDI and wav files with the official table.
    pub fn new() -> Self {
        let project = Project::new();
        let config = project.read("pipeline.toml") + ON_DISK;
        fs_err::write(project.path("pipeline.toml"), config).unwrap();
        let corpus = project.path("corpus");
        let spec = SyntheticSpec {
            seed: 7,
            composers: 2,
            train: 4,
            validation: 4,
            test: 2,
            duration_s: 16.0,
            sample_rate_hz: 24_000,
            noise_db: -60.0,
        };
        let mut table =
            String::from("canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\r\n");
        for (idx, performance) in spec.performances().unwrap().into_iter().enumerate() {
            let staging = project.path("staging").join(idx.to_string());
            let mut cx = Context::new(&staging, project.path("scratch"));
            performance.stage.run(&mut cx).unwrap();
            fs_err::create_dir_all(corpus.join("2004")).unwrap();
            for (output, extension) in [("midi", "midi"), ("audio", "wav")] {
                fs_err::copy(staging.join(output), corpus.join(format!("2004/p{idx}.{extension}"))).unwrap();
            }
            let (composer, title, split) = (performance.composer, performance.title, performance.split);
            let files = format!("2004/p{idx}.midi,2004/p{idx}.wav");
            writeln!(table, "{composer},\"{title}, No. {idx}\",{split},2004,{files},16.0\r").unwrap();
        }
        fs_err::write(corpus.join("maestro-v3.0.0.csv"), table).unwrap();
        Self { project, corpus }
    }

    fn args<'a>(&'a self, verb: &'a str, profile: &'a str) -> Vec<&'a str> {
        vec![verb, "--profile", profile, "--corpus", self.corpus.to_str().unwrap()]
    }

    fn edit_table(&self, from: &str, to: &str) {
        self.project.edit("corpus/maestro-v3.0.0.csv", from, to);
    }

    /// Names of the first two training performances, as their files have them.
    fn train(&self) -> [String; 2] {
        let table = self.project.read("corpus/maestro-v3.0.0.csv");
        let mut rows = table.lines().filter(|row| row.contains(",train,"));
        [(); 2].map(|()| rows.next().unwrap().split("2004/").nth(1).unwrap().split('.').next().unwrap().to_owned())
    }

    fn truncate(&self, file: &str) {
        let path = self.corpus.join(file);
        let bytes = fs_err::read(&path).unwrap();
        fs_err::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
}

#[test]
fn a_corpus_on_disk_runs_and_is_verified_after_it_is_gone() {
    let disk = OnDisk::new();
    let summary = disk.project.json(&disk.args("all", "disk"));
    assert!(summary["executed"].as_u64().unwrap() > 40, "{summary}");
    let listing = disk.project.read("results/disk/corpus.csv");
    assert_eq!(listing.lines().count(), 11, "{listing}");
    fs_err::remove_dir_all(&disk.corpus).unwrap();
    fs_err::remove_dir_all(disk.project.path("cache")).unwrap();
    let output = disk.project.run(&["verify", "--profile", "disk"]);
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
}

#[test]
fn a_bad_performance_stops_a_strict_profile_and_is_counted_by_a_lenient_one() {
    let disk = OnDisk::new();
    let [first, second] = disk.train();
    disk.truncate(&format!("2004/{first}.midi"));
    fs_err::remove_file(disk.corpus.join(format!("2004/{second}.wav"))).unwrap();

    let output = disk.project.run(&disk.args("all", "lenient"));
    assert!(output.status.success(), "{}", stderr(&output));
    let listing = disk.project.read("results/lenient/corpus.csv");
    let skipped: Vec<_> = listing.lines().skip(1).filter(|line| !line.ends_with(',')).collect();
    assert_eq!(skipped.len(), 2, "{listing}");
    // Verification needs neither cache nor corpus, and knows which rows had no audio.
    let output = disk.project.run(&["verify", "--profile", "lenient"]);
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));

    let output = disk.project.run(&disk.args("all", "disk"));
    assert!(matches!(output.status.code(), Some(2 | 3 | 6)), "{:?}", output.status);
    assert!(stderr(&output).contains(&second), "{}", stderr(&output));
    assert!(!disk.project.path("results/disk/measurements.csv").exists());
}

#[test]
fn a_missing_midi_file_is_skipped_only_if_the_profile_says_so() {
    let disk = OnDisk::new();
    let [first, _] = disk.train();
    fs_err::remove_file(disk.corpus.join(format!("2004/{first}.midi"))).unwrap();
    let output = disk.project.run(&disk.args("plan", "disk"));
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains(&first), "{}", stderr(&output));
    let output = disk.project.run(&disk.args("stage", "lenient"));
    assert_eq!(output.status.code(), Some(2), "a stage needs a name");
    let output = disk.project.run(&[disk.args("stage", "lenient"), vec!["corpus"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_truncated_recording_names_its_file() {
    let disk = OnDisk::new();
    disk.truncate("2004/p5.wav");
    let output = disk.project.run(&disk.args("all", "disk"));
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let text = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("p5"), "{text}");
}

#[test]
fn a_wrong_table_names_row_and_column() {
    for (from, to, needles) in [
        ("duration\r", "length\r", vec!["duration"]),
        ("2004/p2.midi", "../../p2.midi", vec!["p2.midi"]),
        (",train,", ",training,", vec!["training"]),
    ] {
        let disk = OnDisk::new();
        disk.edit_table(from, to);
        let output = disk.project.run(&disk.args("plan", "disk"));
        assert!(!output.status.success(), "{from} -> {to} was accepted");
        let text = stderr(&output);
        for needle in needles {
            assert!(text.contains(needle), "{needle:?} is missing in:\n{text}");
        }
    }
}

#[test]
fn a_missing_corpus_has_its_own_exit_code_and_says_what_to_do() {
    let project = Project::new();
    let output = project.run(&["all", "--profile", "small", "--corpus", "nowhere"]);
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    assert!(stderr(&output).contains("--corpus"), "{}", stderr(&output));
}
