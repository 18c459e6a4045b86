//! What a window costs, counted from the architecture: nothing is run.

/// Size of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// Samples of its audio.
    pub n_samples: usize,
    /// Frames of its audio descriptors.
    pub n_frames: usize,
    /// Its notes.
    pub n_notes: usize,
}

/// Cost of embedding one window, audio and MIDI, in evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Tokens that the audio Transformer sees.
    pub audio_tokens: usize,
    /// Floating-point operations of its convolutions and matrix products, a multiplication and an addition being two.
    /// Normalisations, activations and softmax are left out: less than a hundredth at the published sizes.
    pub flops: u64,
}

/// Operations of `rows` rows through a matrix of `inputs` × `outputs`.
pub(crate) fn flops(rows: usize, inputs: usize, outputs: usize) -> u64 {
    2 * rows as u64 * inputs as u64 * outputs as u64
}
