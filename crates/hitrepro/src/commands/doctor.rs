//! `doctor`: what is there, what is missing, and what to do about it.

use std::path::{Path, PathBuf};
use std::process::Command;

use hit_model::Gpu;
use hit_report::latex;
use serde::Serialize;

use crate::Error;
use crate::cli::{Format, Options};
use crate::config::{CorpusKind, DeviceChoice};
use crate::exit::Exit;
use crate::output::{print, print_json, put, shown};
use crate::project::Project;
use crate::system::{Hardware, find_library, free_bytes, output_of, size_text};

/// Less memory than this, and the smoke run may not fit.
const MEMORY_BYTES: u64 = 3 << 30;
/// Free disk that the cache of small models takes.
const SMALL_DISK_BYTES: u64 = 2 << 30;
/// Free disk that the cache of a full campaign takes: about 13 GB of audio, and 0.3 GB for each evaluated epoch of each run.
const FULL_DISK_BYTES: u64 = 70 << 30;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There and fit for use.
    Ok,
    /// Not there, and not needed.
    Absent,
    /// Needed, or better had, and not there.
    Missing,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked for.
    pub what: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Ok, found: found.into(), advice: None }
    }

    fn other(what: &'static str, state: State, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, state, found: found.into(), advice: Some(advice.into()) }
    }
}

/// Looks at the machine and at what the profile needs. Ends with [`Exit::CorpusMissing`] if that is what is missing.
///
/// # Errors
/// [`Error`], if the configuration cannot be read.
pub fn doctor(options: &Options) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let mut findings = machine(&project.cache(), project.profile.device);
    findings.extend(gpu());
    findings.extend(sharing(&project));
    findings.push(tex());
    let corpus = corpus(&project);
    let missing = corpus.iter().any(|finding| finding.what == "corpus" && finding.state == State::Missing);
    findings.extend(corpus);
    findings.push(cache(&project.cache()));
    match options.format {
        Format::Json => print_json(&findings)?,
        _ => print(&text(&findings))?,
    }
    Ok(if missing { Exit::CorpusMissing } else { Exit::Ok })
}

fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.what.len()).max().unwrap_or_default();
    let mut out = String::new();
    for finding in findings {
        let mark = match finding.state {
            State::Ok => "ok     ",
            State::Absent => "-      ",
            State::Missing => "MISSING",
        };
        put(&mut out, format_args!("{mark}  {:width$}  {}\n", finding.what, finding.found));
        if let Some(advice) = &finding.advice {
            put(&mut out, format_args!("         {:width$}  -> {advice}\n", ""));
        }
    }
    out
}

fn machine(cache: &Path, device: DeviceChoice) -> Vec<Finding> {
    let needed = if device == DeviceChoice::Cpu { SMALL_DISK_BYTES } else { FULL_DISK_BYTES };
    let hardware = Hardware::detect(Vec::new());
    let cpu = hardware.cpu.unwrap_or_else(|| "unknown processor".to_owned());
    let mut findings = vec![Finding::ok("cpu", format!("{cpu}, {} cores, {}", hardware.cores, hardware.system))];
    findings.push(match hardware.memory_bytes {
        None => Finding::other("memory", State::Absent, "unknown", "the smoke profile needs about 3 GiB"),
        Some(bytes) if bytes < MEMORY_BYTES => Finding::other(
            "memory",
            State::Missing,
            size_text(bytes),
            "the smoke profile needs about 3 GiB; try --jobs 1",
        ),
        Some(bytes) => Finding::ok("memory", size_text(bytes)),
    });
    findings.push(match free_bytes(cache) {
        None => Finding::other("disk", State::Absent, "unknown", format!("make sure that {} has room", shown(cache))),
        Some(bytes) if bytes < needed => {
            let needed = size_text(needed);
            let advice = format!(
                "this profile may need {needed} of cache; `hitrepro gc` frees space, --cache puts it elsewhere"
            );
            Finding::other("disk", State::Missing, format!("{} free", size_text(bytes)), advice)
        }
        Some(bytes) => Finding::ok("disk", format!("{} free", size_text(bytes))),
    });
    findings
}

/// Names of the GPUs, as the driver's own tool tells them.
pub fn gpu_names() -> Vec<String> {
    let query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"];
    let text = output_of(Command::new("nvidia-smi").args(query)).unwrap_or_default();
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

fn gpu() -> Vec<Finding> {
    let usable = Gpu::Cuda.count();
    let names = gpu_names();
    let driver = find_library("libcuda.so.1", &[]);
    let nvrtc = find_library("libnvrtc.so", &cuda_folders());
    let mut findings = vec![match (usable, driver.as_ref()) {
        (0, None) => Finding::other(
            "gpu",
            State::Absent,
            "no NVIDIA driver (libcuda.so.1); models run on the CPU",
            "nothing to do for the small profiles; `reference` wants a GPU with its driver",
        ),
        (0, Some(_)) => Finding::other(
            "gpu",
            State::Missing,
            "a driver is there, but no device can be used; models run on the CPU",
            "see whether nvidia-smi shows a device and whether this user, or container, may use it",
        ),
        (n, _) => Finding::ok("gpu", format!("{n} usable: {}", names.join("; "))),
    }];
    findings.push(match (nvrtc, usable) {
        (Some(path), _) => Finding::ok("nvrtc", shown(&path)),
        (None, 0) => Finding::other("nvrtc", State::Absent, "no libnvrtc", "only needed with a GPU"),
        (None, _) => Finding::other(
            "nvrtc",
            State::Missing,
            "no libnvrtc, which compiles GPU kernels",
            "install CUDA's run-time compiler (cuda-nvrtc-12, or the Python package nvidia-cuda-nvrtc-cu12) and put its folder \
             into LD_LIBRARY_PATH",
        ),
    });
    if usable > 0 {
        findings.push(headers(toolkit().as_deref()));
    }
    findings.push(match Gpu::Wgpu.count() {
        0 => Finding::other("wgpu", State::Absent, "no Vulkan device", "only needed for --device wgpu"),
        n => Finding::ok("wgpu", format!("{n} usable by --device wgpu; a software driver counts as one")),
    });
    findings
}

/// What kernels include: those of products in bf16 the last two.
const HEADERS: [&str; 4] = ["cuda_fp16.h", "cuda_bf16.h", "mma.h", "crt/mma.h"];

/// Where kernels are compiled against: the folder of a CUDA toolkit, as cubecl looks for it.
fn toolkit() -> Option<PathBuf> {
    let defaults = ["/usr/local/cuda", "/opt/cuda"].map(PathBuf::from);
    std::env::var_os("CUDA_PATH").map(PathBuf::from).or_else(|| defaults.into_iter().find(|path| path.exists()))
}

fn headers(toolkit: Option<&Path>) -> Finding {
    let advice = "install a CUDA toolkit, or the Python packages nvidia-cuda-runtime, nvidia-cuda-crt and nvidia-cuda-cccl, \
                  and let CUDA_PATH name the folder that has `include`";
    let Some(toolkit) = toolkit else {
        return Finding::other("headers", State::Missing, "no CUDA toolkit, whose headers kernels include", advice);
    };
    let include = toolkit.join("include");
    match HEADERS.into_iter().find(|name| !include.join(name).exists()) {
        Some(name) => Finding::other("headers", State::Missing, format!("{} has no {name}", shown(&include)), advice),
        None => Finding::ok("headers", shown(&include)),
    }
}

/// How many models a GPU would be given at once; nothing where they run on the CPU.
fn sharing(project: &Project) -> Option<Finding> {
    let words = project.sharing(&project.compute().ok()?)?;
    let more =
        if project.options.slots_per_gpu.is_none() { "; small ones may share it: --slots-per-gpu N" } else { "" };
    Some(Finding::ok("models", words + more))
}

/// Where CUDA is usually installed, beyond the loader's own list.
fn cuda_folders() -> Vec<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let roots = ["CUDA_PATH", "CUDA_HOME"]
        .into_iter()
        .filter_map(from)
        .chain([PathBuf::from("/usr/local/cuda"), PathBuf::from("/opt/cuda")]);
    roots.flat_map(|root| ["lib64", "lib", "targets/x86_64-linux/lib"].map(|below| root.join(below))).collect()
}

fn tex() -> Finding {
    match latex::find_engine() {
        Some(engine) => Finding::ok("latex", format!("{} ({})", engine.program.display(), engine.version)),
        None => Finding::other("latex", State::Missing, "neither pdflatex nor tectonic", latex::ADVICE),
    }
}

fn corpus(project: &Project) -> Vec<Finding> {
    let spec = &project.profile.corpus;
    let about = format!("profile {}: {}", project.name, spec.label);
    if spec.source == CorpusKind::Synthetic {
        return vec![Finding::ok("corpus", format!("{about} (made here, nothing to download)"))];
    }
    let mut findings = vec![listed(project, &about)];
    if spec.source == CorpusKind::Rendered {
        findings.push(soundfont(project));
    }
    findings
}

const GET_MAESTRO: &str = "get MAESTRO v3.0.0 from its makers (https://magenta.tensorflow.org/datasets/maestro), unpack it and \
                           name its folder with --corpus or as `corpus.path` of the profile";

fn listed(project: &Project, about: &str) -> Finding {
    let Some(path) = project.corpus() else {
        return Finding::other("corpus", State::Missing, format!("{about}: no folder is named"), GET_MAESTRO);
    };
    let rows = match hit_corpus::maestro::listing(&path) {
        Ok(rows) => rows,
        Err(error) => return Finding::other("corpus", State::Missing, format!("{about}: {error}"), GET_MAESTRO),
    };
    let silent = rows.iter().filter(|row| row.audio.is_none()).count();
    let unwritten = rows.iter().filter(|row| row.midi.is_none()).count();
    let found = format!(
        "{about}: {} performances in {}, {silent} of them without audio, {unwritten} without MIDI",
        rows.len(),
        shown(&path)
    );
    if unwritten > 0 {
        let advice = "rows without MIDI cannot be used: add the files; a profile whose corpus has `on_bad = \"skip\"` \
                      leaves them out and counts them";
        return Finding::other("corpus", State::Missing, found, advice);
    }
    if silent > 0 && project.profile.corpus.source == CorpusKind::Maestro {
        let advice =
            "these rows cannot be used; a profile whose corpus has `source = \"rendered\"` renders them from MIDI";
        return Finding::other("corpus", State::Missing, found, advice);
    }
    Finding::ok("corpus", found)
}

fn soundfont(project: &Project) -> Finding {
    let advice = "on Debian: apt-get install fluid-soundfont-gm (or musescore-general-soundfont-lossless, timgm6mb-soundfont), then name \
                  the file as `corpus.soundfont` and its SHA-256 as `corpus.render.soundfont_sha256`";
    let Some(path) = project.soundfont() else {
        return Finding::other("soundfont", State::Missing, "none is named", advice);
    };
    let Ok(file) = fs_err::File::open(&path) else {
        return Finding::other("soundfont", State::Missing, format!("there is no {}", shown(&path)), advice);
    };
    let stated = project.profile.corpus.render.as_ref().map(|render| render.soundfont_sha256.clone());
    match (hit_stage::Digest::of_reader(file), stated) {
        (Err(error), _) => Finding::other("soundfont", State::Missing, error.to_string(), advice),
        (Ok((digest, _)), Some(stated)) if digest.to_string() != stated => {
            let found = format!("{} has SHA-256 {digest}, the profile states {stated}", shown(&path));
            Finding::other("soundfont", State::Missing, found, advice)
        }
        (Ok((_, size)), _) => Finding::ok("soundfont", format!("{} ({})", shown(&path), size_text(size))),
    }
}

fn cache(cache: &Path) -> Finding {
    if !cache.is_dir() {
        return Finding::ok("cache", format!("{} will be made", shown(cache)));
    }
    let size = output_of(Command::new("du").arg("-sk").arg(cache));
    let size = size.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    let size = size.map_or_else(|| "size unknown".to_owned(), |kib| size_text(kib * 1024));
    Finding::ok("cache", format!("{} ({size}); `hitrepro gc` frees what nothing needs", shown(cache)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_line_up_and_say_what_to_do() {
        let findings = [
            Finding::ok("cpu", "a processor"),
            Finding::other("latex", State::Missing, "none", "install it"),
            Finding::other("gpu", State::Absent, "none", "nothing to do"),
        ];
        insta::assert_snapshot!(text(&findings), @r"
        ok       cpu    a processor
        MISSING  latex  none
                        -> install it
        -        gpu    none
                        -> nothing to do
        ");
    }

    #[test]
    fn headers_that_are_not_there_are_named() {
        assert_eq!(headers(None).state, State::Missing);
        let dir = tempfile::tempdir().unwrap();
        let include = dir.path().join("include");
        fs_err::create_dir_all(include.join("crt")).unwrap();
        for name in HEADERS {
            let finding = headers(Some(dir.path()));
            assert!(finding.found.ends_with(&format!("has no {name}")), "{finding:?}");
            assert!(finding.advice.unwrap().contains("nvidia-cuda-crt"));
            fs_err::write(include.join(name), "").unwrap();
        }
        assert_eq!(headers(Some(dir.path())).state, State::Ok);
    }

    #[test]
    fn on_a_cpu_nothing_is_said_of_sharing() {
        let dir = tempfile::tempdir().unwrap();
        let project = crate::project::tests::project(dir.path(), &["--device", "cpu"]).unwrap();
        assert_eq!(sharing(&project), None);
    }

    #[test]
    fn a_machine_can_always_be_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let findings = machine(&dir.path().join("not/yet/there"), DeviceChoice::Cpu);
        assert_eq!(findings.iter().map(|finding| finding.what).collect::<Vec<_>>(), ["cpu", "memory", "disk"]);
        assert!(findings[2].found.ends_with("free"), "{findings:?}");
        assert_eq!(cache(&dir.path().join("none")).state, State::Ok);
        assert!(cache(dir.path()).found.contains("gc"));
    }

    /// What is found of the corpus of a profile in `folder`.
    fn corpus_of(profile: &str, folder: &Path) -> Vec<Finding> {
        let dir = tempfile::tempdir().unwrap();
        let words = ["--profile", profile, "--corpus", folder.to_str().unwrap()];
        corpus(&crate::project::tests::project(dir.path(), &words).unwrap())
    }

    #[test]
    fn a_corpus_is_looked_at_row_by_row() {
        let dir = tempfile::tempdir().unwrap();
        let missing = corpus_of("small", &dir.path().join("none"));
        assert_eq!((missing.len(), missing[0].state), (1, State::Missing));
        assert!(missing[0].advice.as_ref().is_some_and(|advice| advice.contains("--corpus")), "{missing:?}");

        let head = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n";
        let row = |n: usize| format!("A,B,train,2004,2004/{n}.midi,2004/{n}.wav,20.0\n");
        fs_err::write(dir.path().join("maestro-v3.0.0.csv"), format!("{head}{}{}", row(1), row(2))).unwrap();
        fs_err::create_dir(dir.path().join("2004")).unwrap();
        for name in ["1.midi", "2.midi", "1.wav"] {
            fs_err::write(dir.path().join("2004").join(name), "").unwrap();
        }
        let silent = corpus_of("small", dir.path());
        assert_eq!(silent[0].state, State::Missing);
        assert!(
            silent[0].found.contains("2 performances") && silent[0].found.contains("1 of them without audio"),
            "{silent:?}"
        );
        assert!(silent[0].advice.as_ref().is_some_and(|advice| advice.contains("rendered")), "{silent:?}");
        fs_err::write(dir.path().join("2004/2.wav"), "").unwrap();
        assert_eq!(corpus_of("small", dir.path())[0].state, State::Ok);
        fs_err::remove_file(dir.path().join("2004/1.midi")).unwrap();
        let unwritten = corpus_of("small", dir.path());
        assert_eq!(unwritten[0].state, State::Missing);
        assert!(unwritten[0].found.contains("0 of them without audio, 1 without MIDI"), "{unwritten:?}");
        assert!(unwritten[0].advice.as_ref().is_some_and(|advice| advice.contains("on_bad")), "{unwritten:?}");
    }

    #[test]
    fn a_soundfont_is_known_by_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let mut project = crate::project::tests::project(dir.path(), &["--profile", "rendered"]).unwrap();
        let font = dir.path().join("font.sf2");
        project.profile.corpus.soundfont = Some(font.to_string_lossy().into_owned());
        assert!(soundfont(&project).found.contains("there is no"));
        fs_err::write(&font, "font").unwrap();
        let other = soundfont(&project);
        assert!(other.state == State::Missing && other.found.contains("SHA-256"), "{other:?}");
        let digest = hit_stage::Digest::of(b"font").to_string();
        project.profile.corpus.render.as_mut().unwrap().soundfont_sha256 = digest;
        assert_eq!(soundfont(&project).state, State::Ok);
        project.profile.corpus.soundfont = None;
        assert_eq!(soundfont(&project).found, "none is named");
    }
}
