//! A project on disk and what the options select of it: configuration, profile, folders, device, graph, engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hit_engine::{Code, Engine, Graph, RunOptions, Selection};
use hit_model::Gpu;

use crate::Error;
use crate::cli::{Device, Options};
use crate::config::{Config, CorpusKind, DeviceChoice, Profile};
use crate::graph::{self, BuildError, BuildOptions};
use crate::interrupt::cancel_on_interrupt;
use crate::progress::Reporter;
use crate::sharing;
use crate::system::cores;

/// Name of the configuration.
pub const CONFIG: &str = "pipeline.toml";
/// Name of the listing of the corpus among the results; with it a graph can be built where there is no corpus.
pub const LISTING: &str = "corpus.csv";

/// What a command works on.
pub struct Project {
    /// Folder that the configuration is in.
    pub root: PathBuf,
    /// The configuration.
    pub config: Config,
    /// Name of the profile.
    pub name: String,
    /// The profile.
    pub profile: Profile,
    /// The options given.
    pub options: Options,
}

/// Where models run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compute {
    /// One name a GPU (`cuda:0`, `wgpu:0`), or `cpu`.
    pub devices: Vec<String>,
    /// Numeric backend, part of the keys of stages with tensors: `flex`, `cuda` or `wgpu`.
    pub backend: String,
}

impl Project {
    /// Finds and reads the configuration, and picks the profile.
    ///
    /// # Errors
    /// There is none, it is wrong, or it has no such profile; or options contradict it or each other.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let path = match &options.config {
            Some(path) => path.clone(),
            None => find_config(&std::env::current_dir()?)?,
        };
        let config = Config::load(&path)?;
        let (name, profile) = config.profile(options.profile.as_deref())?;
        if options.corpus.is_some() && profile.corpus.source == CorpusKind::Synthetic {
            let others = config.profiles.iter().filter(|(_, other)| other.corpus.source != CorpusKind::Synthetic);
            let others: Vec<&str> = others.map(|(name, _)| name.as_str()).collect();
            return Err(Error::Usage(format!(
                "profile `{name}` makes its own corpus, so --corpus means nothing to it; profiles that read one: {}",
                others.join(", ")
            )));
        }
        if options.slots_per_gpu.is_some() && options.device == Device::Cpu {
            // `auto` may come to a CPU as well: there the option waits for a machine with a GPU.
            let advice = "--slots-per-gpu means nothing with --device cpu: leave it out; on a CPU --jobs says how many stages run at once";
            return Err(Error::Usage(advice.to_owned()));
        }
        let root = config.root().to_owned();
        let (name, profile) = (name.to_owned(), profile.clone());
        Ok(Self { root, config, name, profile, options: options.clone() })
    }

    /// Folder of the profile's results.
    pub fn results(&self) -> PathBuf {
        self.options.results.clone().unwrap_or_else(|| self.root.join("results")).join(&self.name)
    }

    /// Folder of the cache.
    pub fn cache(&self) -> PathBuf {
        self.options.cache.clone().unwrap_or_else(|| self.root.join("cache"))
    }

    /// Folder of the corpus, if the profile reads one: `--corpus`, else the profile's, relative to the project.
    pub fn corpus(&self) -> Option<PathBuf> {
        let stated = self.profile.corpus.path.as_ref().map(|path| self.root.join(path));
        self.options.corpus.clone().or(stated).filter(|_| self.profile.corpus.source != CorpusKind::Synthetic)
    }

    /// The SoundFont of the profile.
    pub fn soundfont(&self) -> Option<PathBuf> {
        self.profile.corpus.soundfont.as_ref().map(|path| self.root.join(path))
    }

    /// Where models would run.
    ///
    /// # Errors
    /// [`Error::Device`] if the device asked for is not there.
    pub fn compute(&self) -> Result<Compute, Error> {
        let device = match (self.options.device, self.profile.device) {
            (Device::Auto, DeviceChoice::Cpu) => Device::Cpu,
            (asked, _) => asked,
        };
        compute(device, Gpu::count)
    }

    /// The graph of the profile.
    ///
    /// # Errors
    /// The corpus is missing or wrong, or the graph is not sound.
    pub fn graph(&self, compute: &Compute) -> Result<Graph, Error> {
        self.graph_for(compute, hit_report::latex::find_engine())
    }

    /// The graph of the profile as it is with that LaTeX engine, or with none.
    ///
    /// # Errors
    /// As [`Project::graph`].
    pub fn graph_for(&self, compute: &Compute, latex: Option<hit_report::latex::Engine>) -> Result<Graph, Error> {
        let options = BuildOptions { latex, ..self.build_options(compute) };
        Ok(graph::build(&self.config, &self.name, &self.profile, &options)?)
    }

    /// The graph of the campaign, to be looked at: without LaTeX, and where the corpus cannot be used without its performances, then
    /// with what is wrong with it.
    ///
    /// # Errors
    /// The graph is not sound.
    pub fn graph_to_show(&self, compute: &Compute) -> Result<(Graph, Option<BuildError>), Error> {
        let build = |options: &BuildOptions| graph::build(&self.config, &self.name, &self.profile, options);
        let options = self.build_options(compute);
        match build(&options) {
            Ok(graph) => Ok((graph, None)),
            Err(error) if error.is_of_the_corpus() => {
                Ok((build(&BuildOptions { no_corpus: true, ..options })?, Some(error)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn build_options(&self, compute: &Compute) -> BuildOptions {
        let listing = self.results().join(LISTING);
        BuildOptions {
            corpus_path: self.corpus(),
            latex: None,
            recorded_listing: listing.exists().then_some(listing),
            backend: compute.backend.clone(),
            no_corpus: false,
        }
    }

    /// The engine over the cache.
    pub fn engine(&self, compute: &Compute) -> Engine {
        Engine::new(self.cache(), code(), compute.backend.clone()).with_facts(facts())
    }

    /// Reads the files of the corpus that are new, telling how far it is: a plan would do so in silence. Returns whether that
    /// was stopped.
    pub fn read_corpus(&self, engine: &Engine, graph: &Graph, selection: &Selection) -> bool {
        let (reporter, cancel) = (Reporter::new(0, self.options.quiet), cancel_on_interrupt(self.options.quiet));
        engine.hash_files(graph, selection, cores(), &reporter, &cancel);
        reporter.finish();
        cancel.requested()
    }

    /// The stages that `names` (everything if empty) and `--only` both select, and what they need.
    ///
    /// # Errors
    /// A pattern selects nothing, or the two have no stage in common.
    pub fn selection(&self, graph: &Graph, names: &[String]) -> Result<Selection, Error> {
        let named = if names.is_empty() { graph.all() } else { graph.select(names)? };
        if self.options.only.is_empty() {
            return Ok(named);
        }
        let only = graph.select(&self.options.only)?;
        let targets: Vec<&String> = only.targets.intersection(&named.targets).collect();
        if targets.is_empty() {
            let (only, names) = (self.options.only.join(", "), names.join(", "));
            return Err(Error::Usage(format!("no stage is selected by both `{names}` and `--only {only}`")));
        }
        Ok(graph.select(&targets)?)
    }

    /// Whether everything is selected, so that results can be written.
    pub fn whole(&self, graph: &Graph, selection: &Selection) -> bool {
        selection.ids.len() == graph.nodes().len()
    }

    /// How to run: jobs, device slots, threads.
    pub fn run_options(&self, compute: &Compute) -> RunOptions {
        let (jobs, slots) = (self.options.jobs.map(usize::from), self.options.slots_per_gpu.map_or(1, usize::from));
        sharing::run_options(&compute.devices, jobs, slots, cores())
    }

    /// How many models run at once on which GPU, in words; none if they run on the CPU.
    pub fn sharing(&self, compute: &Compute) -> Option<String> {
        sharing::words(&compute.devices, &self.run_options(compute))
    }
}

/// The nearest configuration in `from` or above it.
fn find_config(from: &Path) -> Result<PathBuf, Error> {
    let found = from.ancestors().map(|folder| folder.join(CONFIG)).find(|path| path.is_file());
    found.ok_or_else(|| Error::NoProject(from.to_owned()))
}

/// What `device` comes to where there are `count` GPUs of a kind. Only the kind that was asked for is looked for.
fn compute(device: Device, count: impl Fn(Gpu) -> usize) -> Result<Compute, Error> {
    let on = |devices: Vec<String>| {
        let backend = hit_model::backend_name(&devices[0]).to_owned();
        Ok(Compute { devices, backend })
    };
    let all = |gpu: Gpu| (0..count(gpu)).map(|number| gpu.device(number)).collect::<Vec<_>>();
    let lacking = |gpu: Gpu, there: &[String]| {
        let what = match (there, gpu) {
            ([], Gpu::Cuda) => {
                "no CUDA device can be used (`hitrepro doctor` says why); --device cpu always can".to_owned()
            }
            ([], Gpu::Wgpu) => "no device of wgpu (Vulkan) can be used; --device cpu always can".to_owned(),
            ([one], _) => format!("there are: {one} only"),
            (more, _) => format!("there are: {}", more.join(", ")),
        };
        Err(Error::Device { asked: device.to_string(), what })
    };
    let (gpu, number) = match device {
        Device::Cpu => return on(vec!["cpu".to_owned()]),
        Device::Auto => {
            let there = all(Gpu::Cuda);
            return on(if there.is_empty() { vec!["cpu".to_owned()] } else { there });
        }
        Device::Gpu(gpu, number) => (gpu, number),
    };
    let there = all(gpu);
    match number {
        None if !there.is_empty() => on(there),
        Some(number) if number < there.len() => on(vec![gpu.device(number)]),
        _ => lacking(gpu, &there),
    }
}

pub use crate::code::CODE;

/// The code digests that the build script made.
pub fn code() -> Code {
    Code::new(CODE)
}

/// Versions, for the records of stages.
fn facts() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("cpu".to_owned(), crate::system::Hardware::detect(Vec::new()).cpu.unwrap_or_default()),
        ("hitrepro".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("rustc".to_owned(), env!("HITREPRO_RUSTC").to_owned()),
        ("system".to_owned(), format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)),
    ])
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::exit::Exit;

    /// The project's file in a temporary folder, with these words on the command line.
    pub(crate) fn project(dir: &Path, words: &[&str]) -> Result<Project, Error> {
        let paper = dir.join("paper");
        fs_err::create_dir_all(paper.join("templates"))?;
        for file in ["published.toml", "compare.toml", "templates/main.tex.tera"] {
            fs_err::write(paper.join(file), "")?;
        }
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipeline.toml"));
        fs_err::write(dir.join(CONFIG), text).unwrap();
        let file = dir.join(CONFIG);
        let fixed = ["hitrepro", "status", "--config", file.to_str().unwrap()];
        Project::open(&Cli::try_parse_from(fixed.iter().chain(words)).unwrap().options)
    }

    #[test]
    fn devices_follow_what_is_there() {
        let names = |device, gpus| compute(device, |_| gpus).map(|compute| compute.devices.join(" "));
        let [cuda, wgpu] = Gpu::ALL.map(|gpu| move |number| Device::Gpu(gpu, number));
        assert_eq!(names(Device::Auto, 0).unwrap(), "cpu");
        assert_eq!(names(Device::Auto, 2).unwrap(), "cuda:0 cuda:1");
        assert_eq!(names(Device::Cpu, 2).unwrap(), "cpu");
        assert_eq!(names(cuda(None), 2).unwrap(), "cuda:0 cuda:1");
        assert_eq!(names(cuda(Some(1)), 2).unwrap(), "cuda:1");
        assert_eq!(names(wgpu(None), 1).unwrap(), "wgpu:0");
        assert_eq!(compute(wgpu(Some(0)), |_| 1).unwrap().backend, "wgpu");
        let only_wgpu = |gpu| usize::from(gpu == Gpu::Wgpu);
        assert_eq!(compute(Device::Auto, only_wgpu).unwrap().backend, "flex", "`auto` takes no such device");
        for (device, gpus) in
            [(cuda(None), 0), (cuda(Some(0)), 0), (cuda(Some(2)), 2), (wgpu(None), 0), (wgpu(Some(1)), 1)]
        {
            let error = names(device, gpus).unwrap_err();
            assert_eq!(error.exit(), crate::exit::Exit::Usage, "{error}");
        }
    }

    #[test]
    fn models_share_a_gpu_as_the_option_says_and_only_there() {
        let dir = tempfile::tempdir().unwrap();
        let gpu = Compute { devices: vec!["cuda:0".into(), "cuda:1".into()], backend: "cuda".into() };
        let cpu = Compute { devices: vec!["cpu".into()], backend: "flex".into() };
        let slots = |words: &[&str], compute| {
            project(dir.path(), words).map(|project| project.run_options(compute).devices.len())
        };
        assert_eq!(slots(&[], &gpu).unwrap(), 2);
        assert_eq!(slots(&["--slots-per-gpu", "3"], &gpu).unwrap(), 6);
        assert_eq!(slots(&["--slots-per-gpu", "3", "--jobs", "2"], &cpu).unwrap(), 2, "`auto` that came to a CPU");
        let words = |words: &[&str], compute| project(dir.path(), words).unwrap().sharing(compute);
        assert_eq!(words(&[], &cpu), None);
        assert_eq!(words(&["--slots-per-gpu", "2"], &gpu).unwrap(), "up to 2 models at once on each of cuda:0, cuda:1");
        let refused = slots(&["--device", "cpu", "--slots-per-gpu", "2"], &cpu).unwrap_err();
        assert_eq!(refused.exit(), Exit::Usage);
        assert!(refused.to_string().contains("--jobs"), "{refused}");
    }

    #[test]
    fn the_configuration_is_found_from_below() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        fs_err::create_dir_all(&deep).unwrap();
        fs_err::write(dir.path().join(CONFIG), "").unwrap();
        assert_eq!(find_config(&deep).unwrap(), dir.path().join(CONFIG));
    }

    #[test]
    fn folders_stand_beside_the_configuration_unless_named() {
        let dir = tempfile::tempdir().unwrap();
        let plain = project(dir.path(), &[]).unwrap();
        assert_eq!((plain.name.as_str(), plain.root.as_path()), ("smoke", dir.path()));
        assert_eq!(plain.results(), dir.path().join("results/smoke"));
        assert_eq!(plain.cache(), dir.path().join("cache"));
        let named = project(dir.path(), &["--results", "/r", "--cache", "/c", "--profile", "paper"]).unwrap();
        assert_eq!(named.results(), Path::new("/r/paper"));
        assert_eq!(named.cache(), Path::new("/c"));
    }

    #[test]
    fn the_corpus_is_the_profiles_or_the_one_given() {
        let dir = tempfile::tempdir().unwrap();
        let corpus = |words: &[&str]| project(dir.path(), words).map(|project| project.corpus());
        assert_eq!(corpus(&[]).unwrap(), None, "a synthetic corpus is in no folder");
        assert_eq!(corpus(&["--profile", "reference"]).unwrap(), Some(dir.path().join("data/maestro-v3.0.0")));
        assert_eq!(corpus(&["--profile", "small", "--corpus", "/m"]).unwrap(), Some("/m".into()));
        let error = corpus(&["--corpus", "/m"]).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("small"), "it names profiles that read one: {error}");
    }

    #[test]
    fn profiles_and_files_that_are_not_there_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(project(dir.path(), &["--profile", "smal"]).err().map(|error| error.exit()), Some(Exit::Usage));
        assert!(matches!(find_config(Path::new("/")), Err(Error::NoProject(_))));
        let options = Cli::try_parse_from(["hitrepro", "all", "--config", "/none/pipeline.toml"]).unwrap().options;
        assert!(matches!(Project::open(&options), Err(Error::Io(_))));
    }

    #[test]
    fn every_stage_belongs_to_a_crate_whose_code_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path(), &["--device", "cpu"]).unwrap();
        let compute = project.compute().unwrap();
        let graph = project.graph(&compute).unwrap();
        let selection = project.selection(&graph, &[]).unwrap();
        assert!(project.whole(&graph, &selection));
        let plan = project.engine(&compute).plan(&graph, &selection).unwrap();
        assert_eq!(plan.rows.len(), graph.nodes().len());
        assert!(!dir.path().join("cache").exists(), "planning leaves no trace");
    }
}
