//! From performances to splits, and from splits to descriptors.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hit_corpus::{Dataset, Listing, OnBad, Render, SPLITS, Segment, composition, listing, maestro};
use hit_descriptors::{Describe, Examine};
use hit_engine::Node;
use hit_schema::{AudioSource, Performance};
use hit_stage::Digest;

use super::{BuildError, Wiring};
use crate::config::{CorpusKind, SplitRule};

/// A performance of a corpus on disk, before anything of it is read.
struct Piece {
    id: String,
    composer: String,
    title: String,
    split: String,
    year: Option<u16>,
    duration_s: Option<f64>,
    /// Where its MIDI is, or should be.
    named: PathBuf,
    /// `None`: missing, or made by another stage.
    midi: Option<PathBuf>,
    /// `None`: missing, or made by another stage.
    audio: Option<PathBuf>,
    /// Whether its audio is rendered from its MIDI.
    rendered: bool,
    /// Digests of MIDI and audio in earlier results.
    recorded: Option<(Digest, Digest)>,
}

impl Wiring<'_> {
    /// One `segment` per performance, one `dataset` per split, and the listing of all.
    pub(super) fn corpus(&mut self) -> Result<(), BuildError> {
        let segments = match self.profile.corpus.source {
            CorpusKind::Synthetic => self.synthetic()?,
            CorpusKind::Maestro | CorpusKind::Rendered => self.on_disk()?,
        };
        let mut corpus = Node::new("corpus", Listing {}).group("corpus").export("listing", "corpus.csv");
        for split in SPLITS {
            let windows = self.profile.corpus.windows.clone();
            let mut node = Node::new(dataset(split), Dataset { split: split.to_owned(), windows })
                .group("corpus")
                .export("index", format!("splits/{split}.json"));
            for (id, _) in segments.iter().filter(|(_, of)| of == split) {
                for output in ["audio", "tokens", "meta"] {
                    node = node.input(format!("{id}/{output}"), format!("segment/{id}"), output);
                }
            }
            self.add(node);
            corpus = corpus.input(split, dataset(split), "index");
        }
        self.add(corpus);
        Ok(())
    }

    /// Returns (id, split) of every performance, as its siblings do.
    fn synthetic(&mut self) -> Result<Vec<(String, String)>, BuildError> {
        let Some(spec) = &self.profile.corpus.synthetic else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for performance in spec.performances()? {
            let id = performance.id.clone();
            let stage = self.segment(
                Piece {
                    id: id.clone(),
                    composer: performance.composer.clone(),
                    title: performance.title.clone(),
                    split: performance.split.clone(),
                    year: None,
                    duration_s: None,
                    named: PathBuf::new(),
                    midi: None,
                    audio: None,
                    rendered: false,
                    recorded: None,
                },
                AudioSource::Synthetic,
            );
            let synth = format!("synth/{id}");
            self.add(stage.input("midi", &synth, "midi").input("audio", &synth, "audio"));
            all.push((id, performance.split.clone()));
            self.add(Node::new(synth, performance.stage).group("corpus"));
        }
        Ok(all)
    }

    fn on_disk(&mut self) -> Result<Vec<(String, String)>, BuildError> {
        let mut all = Vec::new();
        for piece in self.pieces()? {
            all.push((piece.id.clone(), piece.split.clone()));
            self.piece(piece)?;
        }
        Ok(all)
    }

    /// The corpus as it lies on disk, or as earlier results recorded it.
    fn pieces(&self) -> Result<Vec<Piece>, BuildError> {
        if self.options.no_corpus {
            return Ok(Vec::new());
        }
        let stated = self.profile.corpus.path.as_ref().map(|path| self.root.join(path));
        let path = self.options.corpus_path.clone().or(stated);
        if let Some(path) = path.as_ref().filter(|path| path.is_dir()) {
            // Earlier results know files by digest only, where an empty one is as none: let it be none from the start.
            let skip = self.profile.corpus.on_bad == OnBad::Skip;
            let used = |file: &PathBuf| !(skip && is_empty(file));
            let piece = |row: maestro::Listed| Piece {
                id: row.id,
                composer: row.composer,
                title: row.title,
                split: row.split,
                year: row.year,
                duration_s: row.duration_s,
                named: path.join(row.midi_filename),
                midi: row.midi.filter(used),
                rendered: row.audio.is_none() && self.profile.corpus.source == CorpusKind::Rendered,
                audio: row.audio.filter(used),
                recorded: None,
            };
            let mut rows = maestro::listing(path)?;
            if self.profile.corpus.split == SplitRule::ByComposition {
                composition::by_composition(&mut rows)?;
            }
            return Ok(rows.into_iter().map(piece).collect());
        }
        if let Some(csv) = &self.options.recorded_listing {
            let source = self.profile.corpus.source;
            return Ok(listing::read(csv)?.into_iter().map(|row| recorded(&row, source)).collect());
        }
        let profile = self.name.to_owned();
        Err(path.map_or(BuildError::NoCorpusPath(profile.clone()), |path| BuildError::CorpusMissing { profile, path }))
    }

    fn piece(&mut self, piece: Piece) -> Result<(), BuildError> {
        let corpus = &self.profile.corpus;
        let (id, midi, audio, rendered) = (piece.id.clone(), piece.midi.clone(), piece.audio.clone(), piece.rendered);
        // What earlier results lack they have skipped; that the profile skips no more is for `verify` to find.
        if corpus.on_bad == OnBad::Fail && piece.recorded.is_none() {
            let path = piece.named.clone();
            if midi.is_none() {
                return Err(BuildError::NoMidi { id, path });
            }
            if audio.is_none() && !rendered {
                return Err(BuildError::NoAudio { id, path });
            }
        }
        let (midi_digest, audio_digest) = piece.recorded.unzip();
        // The stage records a performance that lacks a file as skipped, with the reason.
        let mut node = self.segment(piece, if rendered { AudioSource::Rendered } else { corpus.audio });
        if let Some(audio) = audio {
            node = node.external("audio", audio, audio_digest);
        }
        if let Some(midi) = midi {
            if rendered {
                node = node.input("audio", self.render(&id, &midi, midi_digest), "audio");
            }
            node = node.external("midi", midi, midi_digest);
        }
        self.add(node);
        Ok(())
    }

    /// Adds the stage that renders a performance, and returns its id.
    fn render(&mut self, id: &str, midi: &Path, midi_digest: Option<Digest>) -> String {
        let corpus = &self.profile.corpus;
        let (Some(spec), Some(font)) = (&corpus.render, &corpus.soundfont) else {
            unreachable!("the configuration is checked: a rendered corpus has both")
        };
        let render = format!("render/{id}");
        let stage = Render { id: id.to_owned(), spec: spec.clone(), on_bad: corpus.on_bad };
        let node = Node::new(&render, stage).group("corpus").external("midi", midi, midi_digest).external(
            "soundfont",
            self.root.join(font),
            spec.soundfont_sha256.parse().ok(),
        );
        self.add(node);
        render
    }

    fn segment(&self, piece: Piece, audio: AudioSource) -> Node {
        let corpus = &self.profile.corpus;
        let stage = Segment {
            id: piece.id.clone(),
            composer: piece.composer,
            title: piece.title,
            split: piece.split,
            year: piece.year,
            duration_s: piece.duration_s,
            audio,
            windows: corpus.windows.clone(),
            durations: corpus.durations,
            on_bad: corpus.on_bad,
        };
        Node::new(format!("segment/{}", piece.id), stage).group("corpus")
    }

    /// The descriptors that some arm of the campaign reads, for every split.
    pub(super) fn descriptors(&mut self) {
        for descriptor in self.used_descriptors() {
            for split in SPLITS {
                let stage = Describe { descriptor: descriptor.clone(), variant: self.profile.variant };
                let node = Node::new(features(&descriptor, split), stage)
                    .group("descriptors")
                    .input("index", dataset(split), "index")
                    .input("segments", dataset(split), "segments");
                self.add(node);
            }
        }
        let descriptors: Vec<String> = self.used_descriptors().into_iter().collect();
        let mut node = Node::new(EXAMINE, Examine { descriptors: descriptors.clone(), variant: self.profile.variant })
            .group("descriptors")
            .input("index", dataset("validation"), "index")
            .input("segments", dataset("validation"), "segments")
            .export("observations", "descriptors.csv");
        for descriptor in &descriptors {
            node = node.input(format!("features/{descriptor}"), features(descriptor, "validation"), "features");
        }
        self.add(node);
    }

    pub(super) fn used_descriptors(&self) -> BTreeSet<String> {
        let arms = self.profile.campaign.arms();
        arms.flat_map(|arm| &self.config.arms[arm].injections).map(|injection| injection.descriptor.clone()).collect()
    }
}

/// Id of the stage that measures what the definitions of the descriptors imply.
pub(super) const EXAMINE: &str = "examine";

/// Id of the stage that makes a split.
pub(super) fn dataset(split: &str) -> String {
    format!("dataset/{split}")
}

/// Id of the stage that computes a descriptor of a split.
pub(super) fn features(descriptor: &str, split: &str) -> String {
    format!("descriptor/{descriptor}/{split}")
}

/// Whether the file is there and holds nothing.
fn is_empty(path: &Path) -> bool {
    fs_err::metadata(path).is_ok_and(|file| file.len() == 0)
}

/// A row of `corpus.csv`: its files are known by digest only, a missing one by the digest of nothing.
fn recorded(row: &Performance, source: CorpusKind) -> Piece {
    let nowhere = |kind: &str| Path::new("recorded").join(kind).join(&row.id);
    let file = |kind: &str, digest: Digest| (digest != Digest::of(b"")).then(|| nowhere(kind));
    // A corpus on disk may state that its audio was rendered; that audio is read, not made.
    let rendered = row.audio == AudioSource::Rendered && source == CorpusKind::Rendered;
    Piece {
        id: row.id.clone(),
        composer: row.composer.clone(),
        title: row.title.clone(),
        split: row.split.clone(),
        year: row.year,
        // A performance that was skipped and whose duration the table does not state is listed with 0.
        duration_s: Some(row.duration_s).filter(|&seconds| seconds > 0.0),
        named: nowhere("midi"),
        midi: file("midi", row.midi_sha256),
        audio: file("audio", row.audio_sha256).filter(|_| !rendered),
        rendered,
        recorded: Some((row.midi_sha256, row.audio_sha256)),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use hit_engine::{Graph, Source};

    use super::*;
    use crate::Error;
    use crate::project::{Compute, LISTING, Project, tests::project};

    /// Name, whether MIDI and audio have content (`None`: no file).
    type Row = (&'static str, Option<bool>, Option<bool>);

    /// One performance of every kind, good and bad.
    const ROWS: [Row; 7] = [
        ("good", Some(true), Some(true)),
        ("empty-audio", Some(true), Some(false)),
        ("empty-both", Some(false), Some(false)),
        ("empty-midi", Some(false), Some(true)),
        ("neither", None, None),
        ("no-audio", Some(true), None),
        ("no-midi", None, Some(true)),
    ];

    const HEADER: &str = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n";

    fn corpus(dir: &Path, rows: &[Row]) -> PathBuf {
        let root = dir.join("corpus");
        fs_err::create_dir_all(root.join("2004")).unwrap();
        let mut table = HEADER.to_owned();
        for &(name, midi, audio) in rows {
            writeln!(table, "A,B,train,2004,2004/{name}.midi,2004/{name}.wav,20.0").unwrap();
            for (extension, held) in [("midi", midi), ("wav", audio)] {
                if let Some(full) = held {
                    let text = if full { extension } else { "" };
                    fs_err::write(root.join("2004").join(name).with_extension(extension), text).unwrap();
                }
            }
        }
        fs_err::write(root.join("maestro-v3.0.0.csv"), table).unwrap();
        root
    }

    fn open(dir: &Path, profile: &str, on_bad: OnBad) -> Project {
        let folder = dir.join("corpus");
        let mut project = project(dir, &["--profile", profile, "--corpus", folder.to_str().unwrap()]).unwrap();
        project.profile.corpus.on_bad = on_bad;
        project
    }

    fn graph(project: &Project) -> Result<Graph, Error> {
        project.graph_for(&Compute { devices: vec!["cpu".to_owned()], backend: "flex".to_owned() }, None)
    }

    /// Stages that read the corpus, their parameters, and what they read; not where it lies.
    fn wiring(graph: &Graph) -> Vec<String> {
        let reads = |node: &Node| ["segment/", "render/"].iter().any(|kind| node.id.starts_with(kind));
        let source = |source: &Source| match source {
            Source::Output { stage, output } => format!("{stage}:{output}"),
            _ => "file".to_owned(),
        };
        let line = |node: &Node| {
            let inputs = node.inputs.iter().map(|(name, from)| format!("{name}={}", source(from)));
            format!("{} {} {}", node.id, inputs.collect::<Vec<_>>().join(" "), node.stage.params())
        };
        graph.nodes().iter().filter(|node| reads(node)).map(line).collect()
    }

    fn inputs(graph: &Graph, name: &str) -> Vec<String> {
        graph.node(&format!("segment/2004/{name}")).unwrap().inputs.keys().cloned().collect()
    }

    #[test]
    fn a_performance_that_lacks_a_file_is_wired_without_it() {
        let dir = tempfile::tempdir().unwrap();
        corpus(dir.path(), &ROWS);
        let small = graph(&open(dir.path(), "small", OnBad::Skip)).unwrap();
        assert_eq!(inputs(&small, "good"), ["audio", "midi"]);
        assert_eq!(inputs(&small, "no-audio"), ["midi"]);
        assert_eq!(inputs(&small, "empty-audio"), ["midi"]);
        assert_eq!(inputs(&small, "no-midi"), ["audio"]);
        assert_eq!(inputs(&small, "empty-midi"), ["audio"]);
        assert!(inputs(&small, "neither").is_empty() && inputs(&small, "empty-both").is_empty());

        let rendered = graph(&open(dir.path(), "rendered", OnBad::Skip)).unwrap();
        assert_eq!(inputs(&rendered, "no-audio"), ["audio", "midi"]);
        assert!(inputs(&rendered, "neither").is_empty());
        let renders = rendered.nodes().iter().filter(|node| node.id.starts_with("render/"));
        let renders: Vec<&Node> = renders.collect();
        assert_eq!(renders.len(), 1);
        assert_eq!(renders[0].stage.params()["on_bad"], "skip");
    }

    #[test]
    fn a_strict_profile_names_what_is_missing() {
        for (row, what, file) in [
            (("x", None, Some(true)), "has no MIDI at", "x.midi"),
            (("x", None, None), "has no MIDI at", "x.midi"),
            (("x", Some(true), None), "has no audio at", "x.midi"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = corpus(dir.path(), &[ROWS[0], row]).join("2004").join(file);
            let error = graph(&open(dir.path(), "small", OnBad::Fail)).err().unwrap().to_string();
            assert!(error.starts_with("2004/x ") && error.contains(what), "{error}");
            assert!(error.contains(&path.display().to_string()) && error.contains("on_bad"), "{error}");
        }
        // A file without content is there: the stage that reads it says what is wrong.
        let dir = tempfile::tempdir().unwrap();
        corpus(dir.path(), &ROWS[..4]);
        let strict = graph(&open(dir.path(), "small", OnBad::Fail)).unwrap();
        assert_eq!(inputs(&strict, "empty-both"), ["audio", "midi"]);
    }

    /// The row of `corpus.csv` that `segment` gives for a row of the table.
    fn listed(row: &Row, project: &Project) -> Performance {
        let &(name, midi, audio) = row;
        let rendered = audio.is_none() && project.profile.corpus.source == CorpusKind::Rendered;
        let digest = |held: Option<bool>, text: &str| Digest::of(if held == Some(true) { text } else { "" }.as_bytes());
        Performance {
            id: format!("2004/{name}"),
            composer: "A".to_owned(),
            title: "B".to_owned(),
            split: "train".to_owned(),
            year: Some(2004),
            duration_s: 20.0,
            n_windows: 0,
            n_notes: 0,
            audio: if rendered { AudioSource::Rendered } else { project.profile.corpus.audio },
            midi_sha256: digest(midi, "midi"),
            audio_sha256: if rendered && midi == Some(true) { Digest::of(b"made") } else { digest(audio, "wav") },
            skipped: None,
        }
    }

    /// What `verify` rebuilds without the corpus has the stages and inputs that the run had, also where audio on disk
    /// is stated to be rendered.
    #[test]
    fn earlier_results_give_the_same_wiring() {
        for profile in ["small", "small-rendered", "rendered"] {
            let dir = tempfile::tempdir().unwrap();
            let folder = corpus(dir.path(), &ROWS);
            let project = open(dir.path(), profile, OnBad::Skip);
            let live = wiring(&graph(&project).unwrap());
            assert!(live.len() >= ROWS.len(), "{live:?}");

            let mut rows: Vec<Performance> = ROWS.iter().map(|row| listed(row, &project)).collect();
            rows.sort_by(|a, b| a.id.cmp(&b.id));
            fs_err::create_dir_all(project.results()).unwrap();
            fs_err::write(project.results().join(LISTING), listing::to_csv(&rows).unwrap()).unwrap();
            fs_err::remove_dir_all(folder).unwrap();
            assert_eq!(wiring(&graph(&project).unwrap()), live, "{profile}");

            // A profile that became strict gives a graph that differs, not an error about a corpus that is not here.
            let strict = open(dir.path(), profile, OnBad::Fail);
            assert_ne!(wiring(&graph(&strict).unwrap()), live, "{profile}");
        }
    }
}
