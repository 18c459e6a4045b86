//! Facts about the machine and the checkout: for provenance and `doctor`, never for a key.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// What the machine is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hardware {
    /// Name of the processor, if it says so.
    pub cpu: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Main memory, bytes.
    pub memory_bytes: Option<u64>,
    /// GPUs, as `name (memory)`.
    pub gpus: Vec<String>,
    /// Operating system and architecture.
    pub system: String,
}

impl Hardware {
    /// Looks.
    pub fn detect(gpus: Vec<String>) -> Self {
        Self {
            cpu: proc_value("/proc/cpuinfo", "model name"),
            cores: cores(),
            memory_bytes: memory_bytes(),
            gpus,
            system: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Main memory, bytes.
pub fn memory_bytes() -> Option<u64> {
    let value = proc_value("/proc/meminfo", "MemTotal")?;
    value.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Value after the first `name :` in a file of the form that /proc uses.
fn proc_value(path: &str, name: &str) -> Option<String> {
    let text = fs_err::read_to_string(path).ok()?;
    value_of(&text, name)
}

fn value_of(text: &str, name: &str) -> Option<String> {
    let fits =
        |line: &str| line.split_once(':').filter(|(key, _)| key.trim() == name).map(|(_, v)| v.trim().to_owned());
    text.lines().find_map(fits)
}

/// Where the processor counts the energy it has used, one folder a package.
const POWERCAP: &str = "/sys/class/powercap";

/// Energy that the processor packages have used since some start, joules; none where the kernel does not tell.
pub fn energy_joules() -> Option<f64> {
    let mut joules = None;
    for entry in fs_err::read_dir(POWERCAP).ok()?.flatten() {
        // `intel-rapl:0` is a package, `intel-rapl:0:1` a part of it.
        let name = entry.file_name();
        if name.to_string_lossy().matches(':').count() == 1
            && let Ok(text) = fs_err::read_to_string(entry.path().join("energy_uj"))
            && let Ok(microjoules) = text.trim().parse::<f64>()
        {
            joules = Some(joules.unwrap_or(0.0) + microjoules / 1e6);
        }
    }
    joules
}

/// Free space where `path` lies or would lie, bytes.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|path| path.exists())?;
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let text = output_of(Command::new("df").arg("-Pk").arg(there))?;
    text.lines().last()?.split_whitespace().nth(3)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Standard output of a command that ends well.
pub fn output_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first file whose name starts with `stem` where the loader looks for libraries, or in one of `further` folders.
pub fn find_library(stem: &str, further: &[PathBuf]) -> Option<PathBuf> {
    let listed =
        output_of(Command::new("ldconfig").arg("-p")).or_else(|| output_of(Command::new("/sbin/ldconfig").arg("-p")));
    let known = listed.as_deref().and_then(|text| in_cache(text, stem));
    known.or_else(|| {
        let path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(further.iter().cloned()).collect();
        folders.iter().find_map(|folder| in_folder(folder, stem))
    })
}

fn in_cache(ldconfig: &str, stem: &str) -> Option<PathBuf> {
    let line = ldconfig.lines().find(|line| line.trim_start().starts_with(stem))?;
    line.split_once("=> ").map(|(_, path)| PathBuf::from(path.trim()))
}

fn in_folder(folder: &Path, stem: &str) -> Option<PathBuf> {
    let mut names: Vec<PathBuf> = fs_err::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    names.sort();
    names.into_iter().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(stem)))
}

/// The commit that is checked out, and whether tracked files differ from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkout {
    /// Hash of the commit.
    pub commit: String,
    /// Whether tracked files differ; unknown without a git program.
    pub changed: Option<bool>,
}

impl Checkout {
    /// The checkout that `root` is in. The commit is read without a git program.
    pub fn detect(root: &Path) -> Option<Self> {
        let git = root.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
        let commit = head(&git)?;
        let status = ["status", "--porcelain", "--untracked-files=no"];
        let changed = output_of(Command::new("git").arg("-C").arg(root).args(status)).map(|text| !text.is_empty());
        Some(Self { commit, changed })
    }
}

/// The commit that `.git/HEAD` stands for.
fn head(git: &Path) -> Option<String> {
    let git = if git.is_file() { worktree(git)? } else { git.to_owned() };
    let head = fs_err::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    let common = fs_err::read_to_string(git.join("commondir")).map_or_else(|_| git.clone(), |dir| git.join(dir.trim()));
    for base in [&git, &common] {
        if let Ok(hash) = fs_err::read_to_string(base.join(name)) {
            return Some(hash.trim().to_owned());
        }
    }
    let packed = fs_err::read_to_string(common.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' ').map(str::to_owned))
}

/// The folder that the `.git` file of a worktree points to.
fn worktree(file: &Path) -> Option<PathBuf> {
    let text = fs_err::read_to_string(file).ok()?;
    let target = text.trim().strip_prefix("gitdir: ")?;
    Some(file.parent()?.join(target))
}

/// A moment as `2026-11-23T05:54:50Z`.
pub fn timestamp(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let rest = seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Year, month and day of the day that many days after 1970-01-01, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years are counted from March, so that the leap day is the last of its year; an era is 400 years.
    let shifted = days + 719_468;
    let (era, in_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Bytes for people: `1.5 GiB`.
pub fn size_text(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// A duration for people: `3.2 s`, `4 min 05 s`, `2 h 10 min`.
pub fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_795_413_290, "2026-11-23T05:54:50Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = civil(0);
        for day in 1..60_000 {
            let now = civil(day);
            let next_day = now == (before.0, before.1, before.2 + 1);
            let next_month = now == (before.0, before.1 + 1, 1) && before.2 >= 28;
            let next_year = now == (before.0 + 1, 1, 1) && (before.1, before.2) == (12, 31);
            assert!(next_day || next_month || next_year, "{before:?} {now:?}");
            before = now;
        }
    }

    proptest! {
        #[test]
        fn sizes_and_durations_have_a_number_and_a_unit(n: u64) {
            for text in [size_text(n), duration_text(Duration::from_secs(n))] {
                let (number, unit) = text.split_once(' ').unwrap();
                prop_assert!(number.parse::<f64>().is_ok() && !unit.is_empty(), "{text}");
            }
        }

        #[test]
        fn timestamps_sort_as_time_does(a in 0u64..200_000_000_000, b in 0u64..200_000_000_000) {
            let text = |seconds| timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }
    }

    #[test]
    fn texts() {
        assert_eq!(size_text(1023), "1023 B");
        assert_eq!(size_text(1536), "1.5 KiB");
        assert_eq!(size_text(5 << 30), "5.0 GiB");
        assert_eq!(duration_text(Duration::from_millis(3240)), "3.2 s");
        assert_eq!(duration_text(Duration::from_secs(245)), "4 min 05 s");
        assert_eq!(duration_text(Duration::from_mins(130)), "2 h 10 min");
        assert_eq!(value_of("a\t: b: c\nx : y", "a").as_deref(), Some("b: c"));
        assert_eq!(value_of("model name\t: CPU", "model"), None);
    }

    #[test]
    fn libraries_are_found_in_the_loaders_list() {
        let text =
            "1 libs found\n\tlibcuda.so.1 (libc6,x86-64) => /usr/lib/libcuda.so.1\n\tlibc.so.6 => /lib/libc.so.6\n";
        assert_eq!(in_cache(text, "libcuda.so.1"), Some(PathBuf::from("/usr/lib/libcuda.so.1")));
        assert_eq!(in_cache(text, "libnvrtc.so"), None);
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("libnvrtc.so.12"), "").unwrap();
        assert_eq!(in_folder(dir.path(), "libnvrtc.so"), Some(dir.path().join("libnvrtc.so.12")));
        assert_eq!(in_folder(&dir.path().join("none"), "libnvrtc.so"), None);
    }

    #[test]
    fn commits_are_read_in_each_form() {
        let dir = tempfile::tempdir().unwrap();
        let git = dir.path().join(".git");
        fs_err::create_dir_all(git.join("refs/heads")).unwrap();
        let read = || head(&git);
        assert_eq!(read(), None);
        fs_err::write(git.join("HEAD"), "aaaa\n").unwrap();
        assert_eq!(read().as_deref(), Some("aaaa"));
        fs_err::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(read(), None);
        fs_err::write(git.join("packed-refs"), "# pack-refs\nbbbb refs/heads/other\ncccc refs/heads/main\n").unwrap();
        assert_eq!(read().as_deref(), Some("cccc"));
        fs_err::write(git.join("refs/heads/main"), "dddd\n").unwrap();
        assert_eq!(read().as_deref(), Some("dddd"));
        let tree = dir.path().join("tree");
        fs_err::create_dir_all(&tree).unwrap();
        fs_err::write(tree.join(".git"), "gitdir: ../.git\n").unwrap();
        assert_eq!(head(&tree.join(".git")).as_deref(), Some("dddd"));
        assert!(Checkout::detect(&dir.path().join("tree/deep")).is_some_and(|checkout| checkout.commit == "dddd"));
    }
}
