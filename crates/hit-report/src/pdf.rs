//! LaTeX to PDF, with the same bytes wherever and whenever it runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use hit_stage::{Context, Stage, StageError};
use serde::Serialize;

use crate::error::Error;
use crate::latex::{self, Engine};

/// Passes after which references are taken to be what they are.
const MAX_PASSES: usize = 5;

/// Stage `pdf`: input tree `tree` (what stage `tex` makes), output `pdf`.
///
/// The engine's version is part of the key, for other versions set other bytes. Dates in the PDF are those of
/// `SOURCE_DATE_EPOCH`, which is fixed here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pdf {
    /// First line of the engine's version text.
    pub engine: String,
    /// How to call it; not part of the key.
    #[serde(skip)]
    pub program: PathBuf,
}

impl Pdf {
    /// The stage for an engine found by [`latex::find_engine`].
    pub fn new(engine: &Engine) -> Self {
        Self { engine: engine.version.clone(), program: engine.program.clone() }
    }
}

impl Stage for Pdf {
    const KIND: &'static str = "pdf";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["pdf"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let found = latex::engine(self.program.clone()).map_or_else(|| "none".to_owned(), |engine| engine.version);
        if found != self.engine {
            return Err(Error::Engine { planned: self.engine.clone(), found }.into());
        }
        let scratch = cx.scratch()?.to_owned();
        for (name, file) in &cx.tree("tree")?.0 {
            let path = scratch.join(name);
            if let Some(folder) = path.parent() {
                fs_err::create_dir_all(folder)?;
            }
            fs_err::copy(&file.path, &path)?;
        }
        compile(&self.program, &scratch, || cx.checkpoint())?;
        cx.write("pdf", fs_err::read(scratch.join("main.pdf"))?)
    }
}

/// Compiles `main.tex` in `folder`: until the auxiliary file stays as it is, for engines that do not see to that.
fn compile(program: &Path, folder: &Path, go_on: impl Fn() -> Result<(), StageError>) -> Result<(), StageError> {
    let tectonic = program.file_stem().is_some_and(|name| name == "tectonic");
    let mut before = Vec::new();
    for _ in 0..MAX_PASSES {
        go_on()?;
        pass(program, folder, tectonic)?;
        let aux = if tectonic { Vec::new() } else { fs_err::read(folder.join("main.aux"))? };
        if aux == before {
            break;
        }
        before = aux;
    }
    Ok(())
}

fn pass(program: &Path, folder: &Path, tectonic: bool) -> Result<(), StageError> {
    let mut command = Command::new(program);
    if tectonic {
        command.args(["--keep-logs", "--untrusted", "main.tex"]);
    } else {
        command.args([
            "-interaction=nonstopmode",
            "-halt-on-error",
            "-file-line-error",
            "-no-shell-escape",
            "main.tex",
        ]);
    }
    command.current_dir(folder).env("SOURCE_DATE_EPOCH", "0").env("FORCE_SOURCE_DATE", "1").env("TZ", "UTC");
    // lines of the log are broken at 79 columns otherwise, in the middle of file names
    command.env("max_print_line", "1000");
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let log = fs_err::read(folder.join("main.log")).unwrap_or(output.stdout);
    Err(Error::Latex(error_lines(&String::from_utf8_lossy(&log))).into())
}

/// The lines of a log that say what is wrong: errors with the two lines that follow, or the end if there are none.
fn error_lines(log: &str) -> String {
    const MAX_LINES: usize = 20;
    let lines: Vec<&str> = log.lines().collect();
    let is_error = |line: &str| line.starts_with('!') || line.contains(".tex:");
    let mut kept: Vec<usize> =
        (0..lines.len()).filter(|&i| is_error(lines[i])).flat_map(|i| i..(i + 3).min(lines.len())).collect();
    kept.dedup();
    kept.sort_unstable();
    kept.dedup();
    if kept.is_empty() {
        kept = (lines.len().saturating_sub(MAX_LINES)..lines.len()).collect();
    }
    kept.into_iter().take(MAX_LINES).map(|i| lines[i]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hit_stage::{Digest, FileRef, OpenFile, OpenTree, Opened};

    fn context(root: &Path, main: &str) -> Context {
        let path = root.join("source.tex");
        fs_err::write(&path, main).unwrap();
        let file = FileRef { digest: Digest::of(main.as_bytes()), size: main.len() as u64 };
        let mut cx = Context::new(root.join("out"), root.join("scratch"));
        let tree = OpenTree([("main.tex".to_owned(), OpenFile { path, file })].into());
        cx.inputs.insert("tree".to_owned(), Opened::Tree(tree));
        cx
    }

    #[test]
    fn the_log_is_reduced_to_its_errors() {
        let log =
            "This is pdfTeX\n(./main.tex\n./main.tex:7: Undefined control sequence.\nl.7 \\foo\n        bar\nmore\n";
        assert_eq!(error_lines(log), "./main.tex:7: Undefined control sequence.\nl.7 \\foo\n        bar");
        assert_eq!(error_lines("a\nb"), "a\nb");
    }

    #[test]
    fn another_engine_than_planned_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let stage = Pdf { engine: "pdfTeX 0".to_owned(), program: "no-such-engine-here".into() };
        let error = stage.run(&mut context(dir.path(), "")).unwrap_err().to_string();
        assert!(error.contains("`pdfTeX 0`") && error.contains("`none`"), "{error}");
    }

    #[test]
    fn the_pdf_has_the_same_bytes_in_any_folder() {
        let Some(engine) = latex::find_engine() else {
            eprintln!("skipped: {}", latex::ADVICE);
            return;
        };
        let source = "\\documentclass{article}\\pdftrailerid{}\\begin{document}\\section{A}\\label{a}See \\ref{a}.\\end{document}";
        let make = || {
            let dir = tempfile::tempdir().unwrap();
            Pdf::new(&engine).run(&mut context(dir.path(), source)).unwrap();
            fs_err::read(dir.path().join("out/pdf")).unwrap()
        };
        let pdf = make();
        assert!(pdf.starts_with(b"%PDF"));
        assert_eq!(pdf, make());
    }

    #[test]
    fn latex_errors_reach_the_reader() {
        let Some(engine) = latex::find_engine() else {
            eprintln!("skipped: {}", latex::ADVICE);
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let source = "\\documentclass{article}\\begin{document}\n\\nosuchcommand\n\\end{document}";
        let error = Pdf::new(&engine).run(&mut context(dir.path(), source)).unwrap_err().to_string();
        assert!(error.contains("nosuchcommand"), "{error}");
    }

    #[test]
    fn a_request_to_stop_is_obeyed_between_passes() {
        let stop = || Err(StageError::Cancelled);
        let error = compile(Path::new("no-such-engine-here"), Path::new("."), stop).unwrap_err();
        assert!(matches!(error, StageError::Cancelled));
    }

    #[test]
    fn a_missing_program_is_an_io_error_and_not_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let error = pass(Path::new("no-such-engine-here"), dir.path(), false).unwrap_err();
        assert!(matches!(error, StageError::Io(_)), "{error}");
    }

    #[test]
    fn the_program_is_not_in_the_key_and_the_version_is() {
        let stage =
            |version: &str, program: &str| Pdf::new(&Engine { program: program.into(), version: version.to_owned() });
        let key = |stage: &Pdf| hit_stage::canonical_json(stage);
        assert_eq!(key(&stage("v1", "/usr/bin/pdflatex")), key(&stage("v1", "pdflatex")));
        assert_ne!(key(&stage("v1", "pdflatex")), key(&stage("v2", "pdflatex")));
    }

    #[test]
    fn a_long_log_is_cut() {
        let log = "./main.tex:3: error\n".repeat(100);
        assert_eq!(error_lines(&log).lines().count(), 20);
        let quiet = format!("{}the end\n", "line\n".repeat(100));
        assert!(error_lines(&quiet).ends_with("line\nthe end"));
    }
}
