//! Dual encoders of audio and MIDI in burn (spec sections 3 and 4).
//!
//! A model is a list of named arrays ([`Declarations`]) and a function of them ([`Model`]). The arrays live in
//! [`Weights`], under the names PyTorch would give them; layers hold names and sizes only. So the parameters of an arm can be
//! counted without allocating one, arms share the initial values of shared names, freezing is a property of an
//! array, and an optimiser is a map from names to arrays.
//!
//! How descriptors enter the encoders is not decided here: families ([`Family`]) bring [`Injection`]s.

mod arm;
mod attention;
mod audio;
mod batch;
mod conv;
mod cost;
mod count;
pub mod d0;
mod device;
mod dual;
mod embed;
mod heads;
mod init;
mod layers;
mod midi;
mod params;
mod pass;
mod random;
mod resample;
mod source;
mod spec;
mod transformer;

pub use arm::{ArmSpec, Compared, Family, InjectionSpec, Mechanism, Model, Options, Outputs, Side, check_side};
pub use attention::Attention;
pub use audio::AudioEncoder;
pub use batch::{Batch, HostBatch, NOTE_MULTIPLE, Rows};
pub use conv::conv1d;
pub use cost::{Cost, WindowSize};
pub use count::{Counts, counts};
pub use device::{Gpu, backend_name, device, device_in, release};
pub use dual::{DualEncoder, Injection, Injections, Padding, Sequence};
pub use embed::{activations, embed};
pub use heads::Head;
pub use init::{Init, initial};
pub use layers::{BN_EPSILON, BN_MOMENTUM, BatchNorm, LN_EPSILON, LayerNorm, Linear, feed_forward};
pub use midi::{MidiEncoder, sinusoid};
pub use params::{Declarations, Kind, ParamSpec, Weights, has_prefix};
pub use pass::{Noted, Pass};
pub use resample::{interpolation, resample};
pub use source::Source;
pub use spec::{AudioSpec, ConvSpec, FinalNorm, HeadSpec, MidiSpec, ModelSpec, N_PITCHES, N_VELOCITIES};
pub use transformer::{Order, TransformerLayer};

// What trainers and families need of the kernels and of burn, so that both are named in one place.
pub use hit_kernels::{Precision, host, matmul};

pub use burn::tensor::{Device, Gradients, Int, Tensor, TensorData, activation};

#[cfg(test)]
mod tests;

/// What can be wrong with a model, its parameters or its data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value of a spec that cannot be.
    #[error("{field}: {what}")]
    Spec {
        /// Path of the field, for example `model.audio.n_heads`.
        field: String,
        /// What is wrong and what would be right.
        what: String,
    },
    /// An arm that its family cannot build.
    #[error("an arm of family `{family}`: {what}")]
    Arm {
        /// Family id.
        family: String,
        /// What is wrong.
        what: String,
    },
    /// Options that the family of an arm cannot read.
    #[error("the options of family `{family}`: {what}")]
    Options {
        /// Family id.
        family: String,
        /// What is wrong.
        what: String,
    },
    /// An array that a checkpoint lacks.
    #[error("the checkpoint has no array `{name}`, which the model needs")]
    MissingArray {
        /// Its name.
        name: String,
    },
    /// An array of a checkpoint that the model does not know.
    #[error("the checkpoint's array `{name}` has no place in the model")]
    UnknownArray {
        /// Its name.
        name: String,
    },
    /// An array of another shape than the model's.
    #[error("the checkpoint's array `{name}` has shape {found:?}, the model needs {expected:?}")]
    ArrayShape {
        /// Its name.
        name: String,
        /// Shape the model declares.
        expected: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },
    /// A device that is not there.
    #[error("there is no device `{name}`; there are: {available}")]
    NoDevice {
        /// Name asked for.
        name: String,
        /// Names that would do.
        available: String,
    },
    /// Numbers that a device does not compute in.
    #[error(
        "device `{device}` has no products in {precision}: take `f32` or `tf32` (`--precision` or the profile's model.precision)"
    )]
    NoPrecision {
        /// Name of the device.
        device: String,
        /// Precision asked for.
        precision: &'static str,
    },
    /// Features that do not fit the arm or the split.
    #[error("features of descriptor `{descriptor}`: {what}")]
    Features {
        /// Descriptor id.
        descriptor: String,
        /// What is wrong.
        what: String,
    },
    /// Embeddings that are not numbers.
    #[error("windows {first}..{end} of split `{split}` have embeddings that are not finite: the model has diverged")]
    NotFinite {
        /// Split.
        split: String,
        /// First window of the batch.
        first: usize,
        /// End of the batch.
        end: usize,
    },
    /// An artifact could not be read or written.
    #[error(transparent)]
    Data(#[from] hit_schema::Error),
}

impl From<Error> for hit_stage::StageError {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

impl Error {
    pub(crate) fn spec(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Spec { field: field.into(), what: what.into() }
    }
}
