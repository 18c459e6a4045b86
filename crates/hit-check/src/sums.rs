//! Published digests: lists in the corpus folder, and the MD5 of MAESTRO's MIDI files.
//!
//! A list is a file in the corpus folder itself (not below it) that is called `MD5SUMS`, `SHA256SUMS`, with or without
//! `.txt` and whatever the case, or ends in `.md5` or `.sha256`. It is read as `md5sum` and `sha256sum` write it
//! (`digest  name`, `digest *name`) or as BSD's tools do (`MD5 (name) = digest`). Names are paths below the folder.
//!
//! [`MAESTRO_MIDI`] holds for a table that is called `maestro-v3.0.0.csv` or `.json`: the MD5 of the 1,099 MIDI files of
//! the official train and validation splits. **The 177 MIDI files of the official test split are not in it**, nor any
//! audio; they pass unverified unless a list in the folder names them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use md5::{Digest as _, Md5};

use crate::report::{Finding, Kind, Severity};

/// MD5 of the MIDI files of MAESTRO v3.0.0's train and validation splits, as `md5sum` writes it, sorted by path.
pub const MAESTRO_MIDI: &str = include_str!("maestro-v3.0.0.md5");

/// Longest list that is read, bytes.
const MAX_LIST: u64 = 64 << 20;
/// Bad lines of a list that are reported singly.
const MAX_BAD: usize = 5;

/// A digest that a file should have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sum {
    /// Path below the corpus folder.
    pub file: String,
    /// Lower-case hexadecimal: 32 digits of MD5, 64 of SHA-256.
    pub digest: String,
    /// What says so: the list's file name and line.
    pub source: String,
}

/// Digests of the files that MAESTRO's table names, for the rows that are in the built-in list.
pub(crate) fn built_in<'a>(table: &str, midi: impl Iterator<Item = &'a str>) -> Vec<Sum> {
    if !table.starts_with("maestro-v3.0.0.") {
        return Vec::new();
    }
    let known: BTreeMap<&str, &str> =
        MAESTRO_MIDI.lines().filter_map(|line| line.split_once("  ").map(|(digest, file)| (file, digest))).collect();
    let sum = |file: &str| {
        let source = "MAESTRO v3.0.0".to_owned();
        known.get(file).map(|digest| Sum { file: file.to_owned(), digest: (*digest).to_owned(), source })
    };
    midi.filter_map(sum).collect()
}

/// Reads the lists in the corpus folder, by name; a file that two lists name is verified by both.
///
/// # Errors
/// Those of reading the folder.
pub(crate) fn lists(root: &Path) -> std::io::Result<(Vec<Sum>, Vec<Finding>)> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(root)? {
        names.extend(entry?.file_name().into_string());
    }
    names.retain(|name| is_list(name) && root.join(name).is_file());
    names.sort();
    let (mut sums, mut findings) = (Vec::new(), Vec::new());
    for name in names {
        let mut bytes = Vec::new();
        let opened = fs_err::File::open(root.join(&name)).and_then(|file| file.take(MAX_LIST).read_to_end(&mut bytes));
        if let Err(error) = opened {
            let advice = "check its permissions; no file was verified by it";
            findings.push(Finding::new(Kind::DigestLine, Severity::Warning, error.to_string(), advice).in_file(name));
            continue;
        }
        let (found, bad) = parse(&name, &String::from_utf8_lossy(&bytes));
        sums.extend(found);
        let advice = "write the list with md5sum or sha256sum, in the corpus folder";
        for what in bad.iter().take(MAX_BAD) {
            findings.push(Finding::new(Kind::DigestLine, Severity::Warning, what, advice).in_file(&name));
        }
        if bad.len() > MAX_BAD {
            let what = format!("{} more lines cannot be used", bad.len() - MAX_BAD);
            findings.push(Finding::new(Kind::DigestLine, Severity::Warning, what, advice).in_file(&name));
        }
    }
    Ok((sums, findings))
}

fn is_list(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let whole = ["md5sums", "sha256sums", "md5sums.txt", "sha256sums.txt"].contains(&name.as_str());
    whole || [".md5", ".sha256"].iter().any(|ending| name.ends_with(ending))
}

/// Lines of a list to digests, and what is wrong with the others. Empty lines and comments (`#`, `;`) are nothing.
pub fn parse(list: &str, text: &str) -> (Vec<Sum>, Vec<String>) {
    let (mut sums, mut bad) = (Vec::new(), Vec::new());
    for (number, line) in text.trim_start_matches('\u{FEFF}').lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let source = format!("{list}, line {}", number + 1);
        match parse_line(line) {
            Some((digest, file)) if is_inside(&file) => sums.push(Sum { file, digest, source }),
            Some((_, file)) => bad.push(format!("line {}: `{file}` is not a path below the folder", number + 1)),
            None => bad.push(format!("line {}: it is not `digest  name` with an MD5 or SHA-256", number + 1)),
        }
    }
    (sums, bad)
}

fn parse_line(line: &str) -> Option<(String, String)> {
    let (digest, name) = match line.split_once(" (").filter(|(tool, _)| ["MD5", "SHA256"].contains(tool)) {
        Some((_, rest)) => {
            let (name, digest) = rest.rsplit_once(") = ")?;
            (digest, name.to_owned())
        }
        None => named(line)?,
    };
    let is_hex = digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_right = [32, 64].contains(&digest.len()) && is_hex && !name.is_empty();
    is_right.then(|| (digest.to_ascii_lowercase(), name.trim_start_matches("./").to_owned()))
}

/// `digest  name` or `digest *name`; a line that starts with `\` has backslashes and line ends in its name escaped.
fn named(line: &str) -> Option<(&str, String)> {
    let (line, is_escaped) = line.strip_prefix('\\').map_or((line, false), |line| (line, true));
    let (digest, name) = line.split_once(' ')?;
    let name = name.strip_prefix(['*', ' ']).unwrap_or(name);
    Some((digest, if is_escaped { name.replace("\\n", "\n").replace("\\\\", "\\") } else { name.to_owned() }))
}

fn is_inside(file: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    file.split('/').all(plain) && !file.contains(['\\', '\0', ':'])
}

/// Verifies one file; `None` if it is right.
pub(crate) fn verify(root: &Path, sum: &Sum) -> Option<Finding> {
    let path = root.join(&sum.file);
    let finding = |kind, what: String, advice: &str| {
        Some(Finding::new(kind, Severity::Error, what, advice).in_file(sum.file.clone()))
    };
    if !path.is_file() {
        let what = format!("{} names it, and it is not there", sum.source);
        return finding(Kind::DigestMissing, what, "get the file");
    }
    match digest(&path, sum.digest.len() == 32) {
        Ok(found) if found == sum.digest => None,
        Ok(found) => {
            let name = if sum.digest.len() == 32 { "MD5" } else { "SHA-256" };
            let what = format!("its {name} is {found}, not {} as {} says", sum.digest, sum.source);
            finding(Kind::DigestDiffers, what, "the file is damaged or another version: get it again")
        }
        Err(error) => finding(Kind::DigestDiffers, error.to_string(), "check its permissions and the disk"),
    }
}

/// Digest of a file as lower-case hexadecimal, read in pieces.
fn digest(path: &Path, is_md5: bool) -> std::io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    if !is_md5 {
        return hit_stage::Digest::of_reader(file).map(|(digest, _)| digest.to_string());
    }
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => md5.update(&buffer[..n]),
        }
    }
    let mut text = String::new();
    for byte in md5.finalize() {
        write!(text, "{byte:02x}").expect("text can be written to a string");
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
