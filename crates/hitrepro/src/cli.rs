//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hit_model::{Gpu, Precision};

use crate::exit::Exit;
use crate::sharing::MAX_SLOTS_PER_GPU;

/// Reproduces "Descriptor-Injected Cross-Modal Learning": from audio and MIDI to a PDF whose every number was computed here.
#[derive(Parser, Debug)]
#[command(name = "hitrepro", version, after_help = Exit::help(), propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub options: Options,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Options of every command")]
pub struct Options {
    /// Profile of pipeline.toml; its `default_profile` if not given.
    #[arg(long, short, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Folder of the corpus (MAESTRO's layout), instead of the profile's.
    #[arg(long, global = true, value_name = "PATH")]
    pub corpus: Option<PathBuf>,
    /// Only these stages and what they need: id, kind, group or a pattern with `*`; may be repeated.
    #[arg(long, global = true, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// Where models run: `auto` (a GPU of NVIDIA if there is one), `cpu`, `cuda` (every GPU), `cuda:N`, `wgpu` or `wgpu:N`.
    #[arg(long, global = true, value_name = "DEVICE", default_value = "auto")]
    pub device: Device,
    /// Stages at once; the number of CPU cores if not given.
    #[arg(long, short, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Models that share one GPU, so that small ones do not leave it idle; 1 if not given. In no stage's key.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_SLOTS_PER_GPU))]
    pub slots_per_gpu: Option<u16>,
    /// For people, for programs (JSON on stdout), or a language of `graph`.
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// No progress on stderr.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// The configuration; pipeline.toml in this folder or the nearest above it if not given.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the cache; `cache` beside the configuration if not given.
    #[arg(long, global = true, value_name = "PATH")]
    pub cache: Option<PathBuf>,
    /// Folder of the results, one folder a profile in it; `results` beside the configuration if not given.
    #[arg(long, global = true, value_name = "PATH")]
    pub results: Option<PathBuf>,
}

/// Form of what goes to stdout.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables and sentences.
    Human,
    /// JSON, a documented contract.
    Json,
    /// Graphviz; `graph` only.
    Dot,
    /// Mermaid, which Markdown pages show; `graph` only.
    Mermaid,
    /// Arrays under PyTorch's names; `export` only.
    Safetensors,
}

/// What to do.
#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Run everything and write the results, ending with the PDF.
    All,
    /// Run the named stages or groups (such as `replication`) and what they need.
    Stage {
        /// Stage ids, kinds, groups or patterns with `*`.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Say what would run, with one reason each; runs nothing.
    Plan {
        /// Stage ids, kinds, groups or patterns with `*`; everything if not given.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Also list stages that are up to date.
        #[arg(long)]
        all: bool,
    },
    /// Say which claims of the paper hold in the results, which do not, and which cannot be told.
    Claims,
    /// Walk from a result file, a claim, a stage or `stage:output` back to its inputs.
    Explain {
        /// A path below results/ (with `#` and the name of a number in it, if wanted), `claim/ID`, `table/5` and `figure/7` as the paper numbers
        /// them or by id, a stage id, `stage:output`, or a key of numbers.json such as `replication.d4a4.s.mean`.
        #[arg(value_name = "X")]
        what: String,
        /// Also list stages that were already shown, and every input of wide stages.
        #[arg(long)]
        full: bool,
    },
    /// How much is done: cached stages and stages to run, by kind.
    Status,
    /// List what there is.
    List {
        /// What to list.
        #[arg(value_enum, value_name = "WHAT")]
        what: Listed,
    },
    /// Check results/ against pipeline.lock, the lock against this program, and re-run the pure stages.
    Verify {
        /// Count what could not be checked as stale.
        #[arg(long)]
        strict: bool,
    },
    /// Delete from the cache what no lock and no profile needs.
    Gc {
        /// Only say what would be deleted.
        #[arg(long)]
        dry_run: bool,
    },
    /// Draw the stage graph: `--format mermaid` (if not given), `dot`, or `json` for its nodes and edges.
    Graph {
        /// Every stage, even if there are many of a kind.
        #[arg(long)]
        full: bool,
    },
    /// Hold the published numbers against each other: grids, sums, differences, tests, statements. Needs no results.
    Audit {
        /// Published values; paper/published.toml of the project if not given.
        #[arg(long, value_name = "FILE")]
        published: Option<PathBuf>,
        /// What the paper says about them; paper/audit.toml of the project if not given.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
    },
    /// Hold two results folders against each other: two machines, two commits, two seeds.
    Diff {
        /// A results folder, or a profile whose results are meant.
        #[arg(value_name = "A")]
        a: PathBuf,
        /// Another.
        #[arg(value_name = "B")]
        b: PathBuf,
        /// Difference of values in percent or points that counts as none.
        #[arg(long, value_name = "PP", default_value_t = 0.0)]
        points: f64,
        /// Relative difference of other values that counts as none; a value below 0.1 counts as 0.1.
        #[arg(long, value_name = "X", default_value_t = 0.0)]
        relative: f64,
        /// Every difference, not only the largest.
        #[arg(long)]
        all: bool,
    },
    /// Write the results as one HTML file, to read, sort and filter in a browser.
    Report {
        /// The file; `results/PROFILE.html` if not given.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Write the weights of a trained model to one file that other programs read (docs/pytorch.md).
    #[command(after_help = "Example: hitrepro export --format safetensors replication/d4a4@cosine30#42")]
    Export {
        /// A training run: `replication/d4a4@cosine30#42`, as `plan` shows it behind `train/`.
        #[arg(value_name = "RUN")]
        run: String,
        /// Epoch among those evaluated; the selected one if not given.
        #[arg(long, value_name = "N")]
        epoch: Option<usize>,
        /// File to write; a name made of RUN in this folder if not given. A file that is there stays.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Corpora on disk: get one, look whether one is whole.
    #[command(subcommand)]
    Data(Data),
    /// Measure training and embedding on this machine, and forecast what the profile takes on it. Needs no corpus.
    #[command(after_help = "Example: hitrepro bench --profile reference --device cuda:0")]
    Bench(Bench),
    /// Look at the machine: GPU, LaTeX, disk, corpus; what is there and what to do.
    Doctor,
}

/// What is measured.
#[derive(Args, Debug, Clone)]
pub struct Bench {
    /// Arms to measure; D0, d4a4 and a4r, those of them that the campaign has, if not given. The others are scaled by their operations.
    #[arg(value_name = "ARM")]
    pub arms: Vec<String>,
    /// Windows of a batch; the profile's if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    pub batch: Option<u16>,
    /// Numbers that matrices are multiplied in: f32, tf32 or bf16; the profile's if not given.
    #[arg(long, value_name = "P")]
    pub precision: Option<Precision>,
    /// Steps that count.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// Seconds for the steps of an arm: no more are begun after them, but for the first three.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u32))]
    pub seconds: u32,
    /// Notes of a window in the mean.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub notes: u32,
    /// Also print SHA-256 of the weights after N steps from the same start: equal bits are repeatable training.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub hash_after: Option<u32>,
}

/// What to do with a corpus on disk.
#[derive(Subcommand, Debug, Clone)]
pub enum Data {
    /// Hold a corpus against its table: files, lengths, levels, whether audio and MIDI belong together, digests, splits.
    #[command(after_help = "Ends with exit code 7 if a performance cannot be used as it is.")]
    Check {
        /// Folder of the corpus; that of --corpus or of the profile if not given.
        #[arg(value_name = "PATH")]
        path: Option<PathBuf>,
        /// Only the table, the files' names and sizes: nothing is decoded or hashed.
        #[arg(long)]
        quick: bool,
    },
    /// Download a corpus that pipeline.toml names, check its digest, unpack it. Goes on where it was stopped; replaces nothing that is there.
    Fetch {
        /// Id below `downloads` in pipeline.toml: `maestro`, `maestro-midi`.
        #[arg(value_name = "ID")]
        id: String,
        /// Folder to put it into; `data` beside the configuration if not given.
        #[arg(long, value_name = "PATH")]
        to: Option<PathBuf>,
        /// The archive, if it came by another way: it is checked and unpacked, and stays where it is.
        #[arg(long, value_name = "FILE")]
        archive: Option<PathBuf>,
    },
}

/// What `list` can list.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Model arms with their sizes and costs under the profile.
    Arms,
    /// Descriptors.
    Descriptors,
    /// Ways for a descriptor to enter a model, by family.
    Mechanisms,
    /// Learning-rate schedules.
    Schedules,
    /// Profiles.
    Profiles,
    /// Stages of the profile's graph.
    Stages,
    /// Tables of the report.
    Tables,
    /// Figures of the report.
    Figures,
    /// The JSON Schema of pipeline.toml.
    Schema,
}

/// Where models run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// A GPU of NVIDIA if there is one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// Every GPU that is reached so, or the one of that number.
    Gpu(Gpu, Option<usize>),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let gpu = |name: &str| Gpu::ALL.into_iter().find(|gpu| gpu.name() == name);
        let found = match text.split_once(':') {
            None if text == "auto" => Some(Self::Auto),
            None if text == "cpu" => Some(Self::Cpu),
            None => gpu(text).map(|gpu| Self::Gpu(gpu, None)),
            Some((name, number)) => {
                gpu(name).zip(number.parse::<u16>().ok()).map(|(gpu, number)| Self::Gpu(gpu, Some(number.into())))
            }
        };
        let names = "`auto`, `cpu`, `cuda`, `wgpu`, or one of the last two with a number, as in `cuda:0`, is expected";
        found.ok_or_else(|| names.to_owned())
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(gpu, None) => f.write_str(gpu.name()),
            Self::Gpu(gpu, Some(number)) => f.write_str(&gpu.device(*number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn devices_are_read_as_they_are_written(number in 0usize..65_536, text in "[a-z0-9:]{0,8}") {
            for gpu in Gpu::ALL {
                let device = Device::Gpu(gpu, Some(number));
                prop_assert_eq!(device.to_string().parse::<Device>(), Ok(device));
            }
            if let Ok(device) = text.parse::<Device>() {
                prop_assert_eq!(device.to_string().parse::<Device>(), Ok(device));
            }
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn devices() {
        for (text, device) in [
            ("auto", Device::Auto),
            ("cpu", Device::Cpu),
            ("cuda", Device::Gpu(Gpu::Cuda, None)),
            ("cuda:0", Device::Gpu(Gpu::Cuda, Some(0))),
            ("cuda:12", Device::Gpu(Gpu::Cuda, Some(12))),
            ("wgpu", Device::Gpu(Gpu::Wgpu, None)),
            ("wgpu:1", Device::Gpu(Gpu::Wgpu, Some(1))),
        ] {
            assert_eq!(text.parse(), Ok(device));
            assert_eq!(device.to_string(), text);
        }
        for bad in
            ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:99999999", "cpu:0", "auto:0", "wgpu:", "vulkan", "CPU"]
        {
            assert!(bad.parse::<Device>().is_err(), "{bad}");
        }
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        let before = Cli::try_parse_from(["hitrepro", "--profile", "x", "--quiet", "all"]).unwrap();
        let after = Cli::try_parse_from(["hitrepro", "all", "--quiet", "--profile", "x"]).unwrap();
        for cli in [before, after] {
            assert_eq!(cli.options.profile.as_deref(), Some("x"));
            assert!(cli.options.quiet && matches!(cli.command, Command::All));
        }
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in [
            "",
            "al",
            "stage",
            "list",
            "list arm",
            "all --jobs 0",
            "all --jobs x",
            "plan --device gpu",
            "explain",
            "all --slots-per-gpu 0",
            "all --slots-per-gpu 17",
            "all --slots-per-gpu x",
            "bench --batch 1",
            "bench --precision f16",
            "bench --steps 0",
            "bench --notes 0",
            "bench --hash-after 0",
            "bench --seconds -1",
        ] {
            let words = std::iter::once("hitrepro").chain(line.split_whitespace());
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }

    #[test]
    fn models_share_a_gpu_if_asked_to() {
        let slots = |words: &[&str]| {
            let words = ["hitrepro", "plan"].iter().chain(words);
            Cli::try_parse_from(words).unwrap().options.slots_per_gpu
        };
        assert_eq!(slots(&[]), None);
        assert_eq!(slots(&["--slots-per-gpu", "3"]), Some(3));
    }

    #[test]
    fn patterns_may_be_repeated() {
        let cli = Cli::try_parse_from(["hitrepro", "plan", "--only", "a*", "--only", "b", "train"]).unwrap();
        assert_eq!(cli.options.only, ["a*", "b"]);
        assert!(matches!(cli.command, Command::Plan { names, all: false } if names == ["train"]));
    }
}
