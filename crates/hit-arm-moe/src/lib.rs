//! Families `moe` and `moe_ffn`: mixtures of experts that see a descriptor's summary (paper App. C.2, spec section 5).
//!
//! `moe` is what made the published numbers, `moe_ffn` what the paper prints.

mod adapters;
mod ffn;

pub use adapters::{Adapters, Routing};
pub use ffn::FeedForwardExperts;

use hit_model::{
    ArmSpec, Batch, DualEncoder, Error, Family, Injection, InjectionSpec, Mechanism, Model, ModelSpec, Side, Tensor,
    check_side,
};

/// Plug-in of the mixtures of adapters after every layer.
pub const FAMILY: Family = Family {
    id: "moe",
    crate_name: env!("CARGO_PKG_NAME"),
    mechanisms: &[Mechanism::new("moe", "its mean routes tokens to bottleneck adapters after every layer (run files)")],
    build: build::<Adapters>,
};

/// Plug-in of the mixture of feed-forward parts in the last layer.
pub const FFN_FAMILY: Family = Family {
    id: "moe_ffn",
    crate_name: env!("CARGO_PKG_NAME"),
    mechanisms: &[Mechanism::new(
        "moe_ffn",
        "its mean routes tokens to feed-forward parts of the last layer (App. C.2)",
    )],
    build: build::<FeedForwardExperts>,
};

/// Where a mixture stands.
pub(crate) struct Site<'a> {
    spec: &'a InjectionSpec,
    model: &'a ModelSpec,
    arm: &'a ArmSpec,
    /// Share of this side in the terms of the loss: they are averaged over the sides that have a mixture.
    share: f64,
}

/// An injection that is a mixture.
pub(crate) trait Mixture: Injection + Sized + 'static {
    fn new(site: &Site) -> Result<Self, Error>;
}

fn build<M: Mixture>(spec: &ModelSpec, arm: &ArmSpec) -> Result<Box<dyn Model>, Error> {
    check_side(arm, |_| true)?;
    let mut model = DualEncoder::new(spec);
    for injection in &arm.injections {
        let site = Site { spec: injection, model: spec, arm, share: 1.0 / arm.injections.len() as f64 };
        model = model.with(injection.side, Box::new(M::new(&site)?));
    }
    Ok(Box::new(model))
}

/// Each token beside the summary of the descriptor: `[batch·tokens, width + dims]`.
fn beside_summary(batch: &Batch, descriptor: &str, side: Side, tokens: &Tensor<2>) -> Tensor<2> {
    let summary = batch.summary(descriptor, side);
    let [n, dims] = summary.dims();
    let each = tokens.dims()[0] / n;
    let rows = summary.unsqueeze_dim::<3>(1).expand([n, each, dims]).reshape([n * each, dims]);
    // Parts of a concatenation must agree on whether they are in the graph's device.
    let rows = if tokens.is_autodiff() { rows.autodiff() } else { rows };
    Tensor::cat(vec![tokens.clone(), rows], 1)
}

/// Weights by which a mean over all tokens counts those that are no padding: `[batch·tokens, 1]`, of sum 1.
fn mean_weights(batch: &Batch, side: Side, n_tokens: usize) -> Tensor<2> {
    let valid = match side {
        Side::Audio => Tensor::ones([n_tokens, 1], &batch.device()),
        Side::Midi => batch.valid.clone().reshape([n_tokens, 1]),
    };
    let total = valid.clone().sum_dim(0);
    valid / total
}

/// Rows with a 1 where `x` is largest, the first of equals: `[rows, columns]`, out of the graph.
fn one_hot_of_largest(x: &Tensor<2>) -> Tensor<2> {
    let [rows, columns] = x.dims();
    let at = x.clone().without_autodiff().argmax(1);
    let device = at.device();
    let all = Tensor::<1, hit_model::Int>::arange(0..columns as i64, &device).unsqueeze::<2>().expand([rows, columns]);
    at.expand([rows, columns]).equal(all).float()
}
