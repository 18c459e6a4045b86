//! The stored audio and tokens of a split, read a window at a time.

use std::borrow::Cow;
use std::path::Path;

use hit_stage::OpenTree;

use crate::{Block, BlockWriter, Error, SplitIndex, Token, TokenBlock};

/// Audio and tokens of every window of a split.
pub struct Segments {
    index: SplitIndex,
    windows: Vec<(usize, usize)>,
    audio: Vec<Option<Block>>,
    tokens: Vec<TokenBlock>,
}

impl Segments {
    const AUDIO: &'static str = "audio";

    /// Writes the audio of one performance, mono, −1..=1, at the sample rate of its index.
    ///
    /// # Errors
    /// As [`BlockWriter::write`].
    pub fn write_audio(path: &Path, samples: &[f32]) -> Result<(), Error> {
        BlockWriter::new(Self::AUDIO, &()).f32("samples", &[samples.len()], samples).write(path)
    }

    /// Opens a split: `segments` holds `audio/<id>` and `tokens/<id>` for each performance with windows.
    ///
    /// # Errors
    /// [`Error::Format`] if a performance is missing or has another number of windows, [`Error::Io`].
    pub fn open(index: SplitIndex, segments: &OpenTree) -> Result<Self, Error> {
        let mut audio = Vec::new();
        let mut tokens = Vec::new();
        for performance in &index.performances {
            if performance.n_windows == 0 {
                audio.push(None);
                tokens.push(TokenBlock::default());
                continue;
            }
            let path = |kind: &str| {
                let name = format!("{kind}/{}", performance.id);
                segments.path(&name).ok_or_else(|| Error::format(&name, "segments", "the tree has no such file"))
            };
            let block = TokenBlock::read(path("tokens")?)?;
            if block.n_windows() != performance.n_windows {
                let what = format!("{} windows instead of {}", block.n_windows(), performance.n_windows);
                return Err(Error::format(path("tokens")?, "tokens", what));
            }
            audio.push(Some(Block::open(path("audio")?, Self::AUDIO)?));
            tokens.push(block);
        }
        let windows = index.windows();
        Ok(Self { index, windows, audio, tokens })
    }

    /// The performances and how they are cut.
    pub fn index(&self) -> &SplitIndex {
        &self.index
    }

    /// Number of windows.
    pub fn n_windows(&self) -> usize {
        self.windows.len()
    }

    /// Audio of window `w`: exactly [`crate::WindowSpec::window_samples`] samples, zeros past the end (spec 1.4).
    ///
    /// # Errors
    /// [`Error::Format`] if the file cannot be read.
    ///
    /// # Panics
    /// If there is no window `w`.
    pub fn audio(&self, w: usize) -> Result<Cow<'_, [f32]>, Error> {
        let (performance, k) = self.windows[w];
        let n = self.index.windows.window_samples();
        let block = self.audio[performance].as_ref().expect("a performance with windows has audio");
        let stored = block.shape("samples")?[0];
        let start = self.index.windows.start_sample(k).min(stored);
        let samples = block.f32_range("samples", start, n.min(stored - start))?;
        if samples.len() == n {
            return Ok(Cow::Borrowed(samples));
        }
        let mut padded = samples.to_vec();
        padded.resize(n, 0.0);
        Ok(Cow::Owned(padded))
    }

    /// Tokens of window `w`, sorted by (onset, pitch); never empty.
    pub fn tokens(&self, w: usize) -> &[Token] {
        let (performance, k) = self.windows[w];
        self.tokens[performance].row(k)
    }
}
