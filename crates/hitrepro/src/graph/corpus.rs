//! From performances to splits, and from splits to descriptors.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hit_corpus::{Dataset, Listing, OnBad, Render, SPLITS, Segment, listing, maestro};
use hit_descriptors::Describe;
use hit_engine::Node;
use hit_schema::AudioSource;
use hit_stage::Digest;

use super::{BuildError, Wiring};
use crate::config::CorpusKind;

/// A performance of a corpus on disk, before anything of it is read.
struct Piece {
    id: String,
    composer: String,
    title: String,
    split: String,
    year: Option<u16>,
    duration_s: Option<f64>,
    midi: PathBuf,
    /// `None`: to be rendered, or missing.
    audio: Option<PathBuf>,
    /// Where the audio would be.
    rendered: bool,
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
                    midi: PathBuf::new(),
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
        let stated = self.profile.corpus.path.as_ref().map(|path| self.root.join(path));
        let path = self.options.corpus_path.clone().or(stated);
        if let Some(path) = path.as_ref().filter(|path| path.is_dir()) {
            let piece = |row: maestro::Listed| Piece {
                id: row.id,
                composer: row.composer,
                title: row.title,
                split: row.split,
                year: row.year,
                duration_s: row.duration_s,
                midi: row.midi,
                rendered: row.audio.is_none() && self.profile.corpus.source == CorpusKind::Rendered,
                audio: row.audio,
                recorded: None,
            };
            return Ok(maestro::listing(path)?.into_iter().map(piece).collect());
        }
        if let Some(csv) = &self.options.recorded_listing {
            return Ok(listing::read(csv)?.into_iter().map(|row| recorded(&row)).collect());
        }
        let profile = self.name.to_owned();
        Err(path.map_or(BuildError::NoCorpusPath(profile.clone()), |path| BuildError::CorpusMissing { profile, path }))
    }

    fn piece(&mut self, piece: Piece) -> Result<(), BuildError> {
        let corpus = &self.profile.corpus;
        let (midi_digest, audio_digest) = piece.recorded.unzip();
        let (id, midi, audio) = (piece.id.clone(), piece.midi.clone(), piece.audio.clone());
        if piece.rendered {
            let (Some(spec), Some(font)) = (&corpus.render, &corpus.soundfont) else {
                unreachable!("the configuration is checked: a rendered corpus has both")
            };
            let render = format!("render/{id}");
            let node = Node::new(&render, Render { id, spec: spec.clone() })
                .group("corpus")
                .external("midi", &midi, midi_digest)
                .external("soundfont", self.root.join(font), spec.soundfont_sha256.parse().ok());
            self.add(node);
            let stage = self.segment(piece, AudioSource::Rendered);
            self.add(stage.external("midi", midi, midi_digest).input("audio", render, "audio"));
            return Ok(());
        }
        let stage = self.segment(piece, AudioSource::Recorded).external("midi", midi.clone(), midi_digest);
        let node = match audio {
            Some(audio) => stage.external("audio", audio, audio_digest),
            // The stage records the performance as skipped, with the reason.
            None if corpus.on_bad == OnBad::Skip => stage,
            None => return Err(BuildError::NoAudio { id, path: midi }),
        };
        self.add(node);
        Ok(())
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
    }

    fn used_descriptors(&self) -> BTreeSet<String> {
        let campaign = &self.profile.campaign;
        let arms = campaign.screening.arms.iter().chain(&campaign.replication.arms).chain([&campaign.foundation.arm]);
        arms.flat_map(|arm| &self.config.arms[arm].injections).map(|injection| injection.descriptor.clone()).collect()
    }
}

/// Id of the stage that makes a split.
pub(super) fn dataset(split: &str) -> String {
    format!("dataset/{split}")
}

/// Id of the stage that computes a descriptor of a split.
pub(super) fn features(descriptor: &str, split: &str) -> String {
    format!("descriptor/{descriptor}/{split}")
}

/// A row of `corpus.csv`: its files are known by digest only.
fn recorded(row: &hit_schema::Performance) -> Piece {
    let nowhere = |kind: &str| Path::new("recorded").join(kind).join(&row.id);
    let rendered = row.audio == AudioSource::Rendered;
    Piece {
        id: row.id.clone(),
        composer: row.composer.clone(),
        title: row.title.clone(),
        split: row.split.clone(),
        year: row.year,
        duration_s: Some(row.duration_s),
        midi: nowhere("midi"),
        audio: (!rendered).then(|| nowhere("audio")),
        rendered,
        recorded: Some((row.midi_sha256, row.audio_sha256)),
    }
}
