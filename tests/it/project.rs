//! A project in a temporary folder: this repository's configuration and paper, a profile of seconds added.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// A few performances, one-layer models, a handful of steps: every stage of the campaign runs, no result means anything.
const TINY: &str = r#"
[profiles.tiny]
inherits = "smoke"
description = "every stage once, in seconds; for the tests"
published_protocol = false

[profiles.tiny.corpus.synthetic]
composers = 2
train = 4
validation = 4
test = 2
duration_s = 16.0

[profiles.tiny.model.audio]
cnn = [{ channels = 16, kernel = 400, stride = 400, padding = 0 }, { channels = 16, kernel = 8, stride = 8, padding = 0 }]
norm_groups = 4
d_model = 16
n_layers = 1
n_heads = 2
d_ff = 16

[profiles.tiny.model.midi]
pitch_dim = 8
velocity_dim = 4
duration_dim = 4
d_model = 16
n_layers = 1
n_heads = 2
d_ff = 16

[profiles.tiny.model.heads]
hidden = [16]
embedding_dim = 16

[profiles.tiny.train]
batches_per_epoch = 3
warmup_steps = 2
save_every_steps = 1

[profiles.tiny.retrieval]
n_queries = 12
pool_size = 16
n_hard = 4
n_semi_hard = 4
hard_trials = 20

[profiles.tiny.bootstrap]
resamples = 200

[profiles.tiny.campaign.foundation]
schedule = "cosine2"
evaluate = [2]

[profiles.tiny.campaign.screening]
schedule = "cosine2"
evaluate = [1, 2]

[profiles.tiny.campaign.confirmation]
runs = [
    { arm = "D0", schedule = "cosine2" },
    { arm = "D0", schedule = "trapez4" },
    { arm = "t3-wt", schedule = "trapez4" },
    { arm = "a4r", schedule = "cosine2" },
]
reference_schedule = "trapez4"

[profiles.tiny.campaign.confirmation.evaluate]
cosine2 = [2]

[profiles.tiny.campaign.controls]
schedule = "cosine2"
evaluate = [2]
batches = 2

[profiles.tiny.campaign.battery]
models = [{ arm = "D0", schedule = "trapez4" }, { arm = "a4r", schedule = "cosine2" }]
transpose_st = [-3, 3]
shift_samples = [4000]
snr_db = [10.0]
velocity = [0.5]
octave_st = [12]

[profiles.tiny.campaign.replication]
schedule = "cosine2"
seeds = [1, 2]
evaluate = [1, 2]
"#;

/// Root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}

/// A project that a test may change as it likes.
pub struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    /// Configuration and paper, nothing computed.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let config = fs_err::read_to_string(repository().join("pipeline.toml")).unwrap();
        fs_err::write(dir.path().join("pipeline.toml"), config + TINY).unwrap();
        copy(&repository().join("paper"), &dir.path().join("paper"));
        Self { dir }
    }

    /// A copy of a project in which `all` has run once: the campaign is computed once for all tests.
    pub fn computed() -> Self {
        static DONE: OnceLock<Project> = OnceLock::new();
        let done = DONE.get_or_init(|| {
            let project = Self::new();
            project.json(&["all"]);
            project
        });
        let dir = tempfile::tempdir().expect("a temporary folder");
        copy(done.dir.path(), dir.path());
        Self { dir }
    }

    /// A path in the project.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Reads a file of the project.
    pub fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces text in a file of the project.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} does not contain {from:?}");
        fs_err::write(self.path(name), text.replacen(from, to, 1)).unwrap();
    }

    /// The command, in the project's folder, on the CPU, with the tiny profile.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hitrepro-it"));
        command.current_dir(self.dir.path()).args(args).args(["--device", "cpu", "--jobs", "2"]);
        if !args.contains(&"--profile") {
            command.args(["--profile", "tiny"]);
        }
        command
    }

    /// Runs the command.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary starts")
    }

    /// Runs the command, which must succeed, and returns its JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--format", "json"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?} ended with {}:\n{stderr}", output.status);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?} printed no JSON: {error}"))
    }

    /// Every file of the results with its bytes, but for `provenance.json`.
    pub fn results(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path("results/tiny");
        let mut files = BTreeMap::new();
        walk(&root, &mut |path| {
            if !path.ends_with("provenance.json") {
                files.insert(path.strip_prefix(&root).unwrap().to_owned(), fs_err::read(path).unwrap());
            }
        });
        files
    }
}

/// What stderr said.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that two results are the same, naming the files that are not.
pub fn assert_same(first: &BTreeMap<PathBuf, Vec<u8>>, second: &BTreeMap<PathBuf, Vec<u8>>) {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(first), names(second));
    assert!(!first.is_empty(), "no results at all");
    let different: Vec<_> =
        first.iter().filter(|(name, bytes)| second[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(different.is_empty(), "these files differ: {different:?}");
}

/// Calls `each` with every file below `dir`.
pub fn walk(dir: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs_err::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() { walk(&entry.path(), each) } else { each(&entry.path()) }
    }
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), &target).unwrap();
        }
    }
}
