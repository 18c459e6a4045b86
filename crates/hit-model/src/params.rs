//! Named arrays: what a model declares, and where their values are kept.
//!
//! Names and layouts are PyTorch's: Linear weights `[outputs, inputs]`, Conv weights `[outputs, inputs, taps]`, attention's
//! packed `in_proj_weight` `[3·d, d]` (query, key, value). On the device every array is flat; [`Weights::get`]
//! gives it its shape, which costs nothing, and an optimiser need not know ranks.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use hit_kernels::{Precision, host};
use hit_schema::{Checkpoint, CheckpointMeta, ParamArray};

use crate::Error;
use crate::init::{Init, initial};

/// What an array is to training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Changed by the optimiser, unless frozen.
    Parameter,
    /// Running statistics of a BatchNorm: kept in checkpoints, not counted as parameters.
    Statistic,
}

/// Name, shape and beginning of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// Dotted name, for example `audio.layers.0.linear1.weight`.
    pub name: String,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// How it starts.
    pub init: Init,
    /// What it is to training.
    pub kind: Kind,
}

impl ParamSpec {
    /// Number of values.
    #[expect(clippy::len_without_is_empty, reason = "an array of no values is refused by the specs")]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The arrays of a model in the order of its layers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declarations(Vec<ParamSpec>);

impl Declarations {
    /// Adds a parameter.
    pub fn parameter(&mut self, name: impl Into<String>, shape: &[usize], init: Init) {
        self.0.push(ParamSpec { name: name.into(), shape: shape.to_vec(), init, kind: Kind::Parameter });
    }

    /// Adds a running statistic.
    pub fn statistic(&mut self, name: impl Into<String>, shape: &[usize], init: Init) {
        self.0.push(ParamSpec { name: name.into(), shape: shape.to_vec(), init, kind: Kind::Statistic });
    }

    /// All of them.
    pub fn specs(&self) -> &[ParamSpec] {
        &self.0
    }
}

/// Whether `name` is `prefix` or lies below it: `audio.layers.1` covers `audio.layers.1.norm1.bias`, not `audio.layers.10`.
pub fn has_prefix(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[derive(Clone)]
struct Array {
    spec: ParamSpec,
    value: Tensor<1>,
    trained: bool,
}

/// The values of a model's arrays on a device, and in what precision products with them are computed.
#[derive(Clone)]
pub struct Weights {
    arrays: BTreeMap<String, Array>,
    device: Device,
    precision: Precision,
}

impl Weights {
    /// Fresh values under the run's root seed; parameters below a `frozen` prefix take no part in the backward pass.
    ///
    /// # Panics
    /// If two arrays have one name: a bug of the model.
    pub fn initial(declarations: &Declarations, root: u64, frozen: &[String], device: &Device) -> Self {
        let mut weights = Self::none(device);
        for spec in declarations.specs() {
            let trained = spec.kind == Kind::Parameter && !frozen.iter().any(|prefix| has_prefix(&spec.name, prefix));
            let value = weights.upload(initial(spec, root), trained);
            let before = weights.arrays.insert(spec.name.clone(), Array { spec: spec.clone(), value, trained });
            assert!(before.is_none(), "two arrays are called `{}`", spec.name);
        }
        weights
    }

    /// The values of a checkpoint, none of them trained.
    ///
    /// # Errors
    /// [`Error::MissingArray`], [`Error::UnknownArray`], [`Error::ArrayShape`].
    pub fn of_checkpoint(declarations: &Declarations, checkpoint: &Checkpoint, device: &Device) -> Result<Self, Error> {
        let mut weights = Self::none(device);
        for spec in declarations.specs() {
            let Some(array) = checkpoint.params.get(&spec.name) else {
                return Err(Error::MissingArray { name: spec.name.clone() });
            };
            check_shape(spec, array)?;
            let value = weights.upload(array.values.clone(), false);
            weights.arrays.insert(spec.name.clone(), Array { spec: spec.clone(), value, trained: false });
        }
        match checkpoint.params.keys().find(|name| !weights.arrays.contains_key(*name)) {
            Some(name) => Err(Error::UnknownArray { name: name.clone() }),
            None => Ok(weights),
        }
    }

    fn none(device: &Device) -> Self {
        Self { arrays: BTreeMap::new(), device: device.clone(), precision: Precision::F32 }
    }

    /// The same, with products in that precision: single if nothing is said.
    #[must_use]
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Takes over the arrays of a checkpoint; arrays that it lacks keep their values (a new arm on an old foundation).
    ///
    /// # Errors
    /// [`Error::UnknownArray`], [`Error::ArrayShape`]; nothing is changed then.
    pub fn load(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        for (name, array) in &checkpoint.params {
            let own = self.arrays.get(name).ok_or_else(|| Error::UnknownArray { name: name.clone() })?;
            check_shape(&own.spec, array)?;
        }
        for (name, array) in &checkpoint.params {
            self.set(name, self.upload(array.values.clone(), false));
        }
        Ok(())
    }

    /// All arrays as a checkpoint.
    pub fn checkpoint(&self, meta: CheckpointMeta) -> Checkpoint {
        let array = |a: &Array| ParamArray { shape: a.spec.shape.clone(), values: host(a.value.clone()) };
        Checkpoint { meta, params: self.arrays.iter().map(|(name, a)| (name.clone(), array(a))).collect() }
    }

    /// The same values without gradients, for evaluation.
    #[must_use]
    pub fn untracked(&self) -> Self {
        let mut other = self.clone();
        for array in other.arrays.values_mut() {
            array.value = array.value.clone().without_autodiff();
            array.trained = false;
        }
        other
    }

    /// An array in its shape.
    ///
    /// # Panics
    /// If the model did not declare it with rank `D`: a bug of the model.
    pub fn get<const D: usize>(&self, name: &str) -> Tensor<D> {
        let array = self.array(name);
        let shape: [usize; D] = array.spec.shape.as_slice().try_into().expect("the rank that was declared");
        array.value.clone().reshape(shape)
    }

    /// An array as it is kept: flat, and a leaf of the graph if it is trained.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn flat(&self, name: &str) -> &Tensor<1> {
        &self.array(name).value
    }

    /// Replaces the values of an array; whether it is trained stays.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn set(&mut self, name: &str, value: Tensor<1>) {
        let array = self.arrays.get_mut(name).unwrap_or_else(|| panic!("the model has no array `{name}`"));
        let value = value.without_autodiff();
        array.value = if array.trained { value.autodiff().require_grad() } else { value };
    }

    /// Names of the parameters that are trained, sorted.
    pub fn trained(&self) -> impl Iterator<Item = &str> {
        self.arrays.values().filter(|array| array.trained).map(|array| array.spec.name.as_str())
    }

    /// Names of all arrays, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// Precision of products.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Where they are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    fn array(&self, name: &str) -> &Array {
        self.arrays.get(name).unwrap_or_else(|| panic!("the model has no array `{name}`"))
    }

    fn upload(&self, values: Vec<f32>, trained: bool) -> Tensor<1> {
        let n = values.len();
        let value = Tensor::from_data(TensorData::new(values, [n]), &self.device);
        if trained { value.autodiff().require_grad() } else { value }
    }
}

fn check_shape(spec: &ParamSpec, array: &ParamArray) -> Result<(), Error> {
    if spec.shape == array.shape {
        return Ok(());
    }
    Err(Error::ArrayShape { name: spec.name.clone(), expected: spec.shape.clone(), found: array.shape.clone() })
}
