//! Mixture of bottleneck adapters after every layer: the mixtures that made the published numbers.

use hit_model::{
    Batch, Declarations, Error, Init, Injection, Linear, Pass, Side, Tensor, WindowSize, activation::softmax,
    feed_forward,
};
use serde::Deserialize;

use crate::{Mixture, Site, beside_summary, mean_weights, one_hot_of_largest};

/// What profile and arm state.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Experts after each layer (2).
    pub n_experts: usize,
    /// Width of the encoder divided by the width of an expert's bottleneck (4).
    pub bottleneck: usize,
    /// Width of the router's hidden layer (64).
    pub router_hidden: usize,
    /// Weight of the load-balance term (0.01).
    pub balance: f64,
    /// Weight of the entropy term (0; `moe-a4-v3` 0.01).
    pub entropy: f64,
    /// How a token's experts are chosen.
    pub routing: Routing,
    /// Standard deviation of the noise on the router's logits in the first epoch (0; from v2 on 0.5).
    pub noise_start: f64,
    /// That of the last epoch (0; from v2 on 0.05).
    pub noise_end: f64,
    /// Standard deviation of the initial values of the experts' output layers (0; from v2 on 0.02).
    pub expert_std: f64,
}

/// How the experts of a token are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Routing {
    /// All, by the softmax of the router.
    Soft,
    /// The first alone; the gradient is that of the softmax (straight-through).
    Top1,
}

/// h ← h + Σ_e w_e·Expert_e(h) after each layer; w from the token beside the descriptor's summary.
///
/// Expert: Linear(d→d/4)-GELU-Linear(d/4→d). Router: Linear(d+k→64)-GELU-Linear(64→experts), softmax, all by token. Terms of the loss,
/// means over the layers: `balance`·E·Var_e(mean load), with the sample variance over the E experts and the load averaged over
/// tokens that are no padding, and `entropy`·(mean entropy of w); both are of the softmax, also where one expert is chosen. Arrays below `inject.<side>.<descriptor>.moe.<layer>`:
/// `router.0`, `router.2`, `experts.<e>.0`, `experts.<e>.2`.
pub struct Adapters {
    descriptor: String,
    side: Side,
    share: f64,
    options: Options,
    layers: Vec<Layer>,
}

struct Layer {
    name: String,
    router: [Linear; 2],
    experts: Vec<[Linear; 2]>,
}

impl Mixture for Adapters {
    fn new(site: &Site) -> Result<Self, Error> {
        let options: Options = site.arm.options()?;
        let width = site.model.width(site.spec.side);
        for (name, n) in [("n_experts", options.n_experts), ("router_hidden", options.router_hidden)] {
            if n == 0 {
                return Err(site.arm.bad_option(format!("`{name}` is at least 1")));
            }
        }
        if options.bottleneck == 0 || !width.is_multiple_of(options.bottleneck) {
            return Err(site
                .arm
                .bad_option(format!("`bottleneck` {} does not divide {width} dims", options.bottleneck)));
        }
        let amounts = [
            ("noise_start", options.noise_start),
            ("noise_end", options.noise_end),
            ("expert_std", options.expert_std),
            ("balance", options.balance),
            ("entropy", options.entropy),
        ];
        if let Some((name, _)) = amounts.iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return Err(site.arm.bad_option(format!("`{name}` is a finite number, 0 or more")));
        }
        let name = |layer: usize| format!("inject.{}.{}.moe.{layer}", site.spec.side.name(), site.spec.descriptor);
        let (hidden, narrow) = (options.router_hidden, width / options.bottleneck);
        let layer = |name: String| Layer {
            router: [
                Linear::new(format!("{name}.router.0"), width + site.spec.dims, hidden),
                Linear::new(format!("{name}.router.2"), hidden, options.n_experts),
            ],
            experts: (0..options.n_experts)
                .map(|e| {
                    let part = |idx: usize| format!("{name}.experts.{e}.{idx}");
                    [Linear::new(part(0), width, narrow), Linear::new(part(2), narrow, width)]
                })
                .collect(),
            name,
        };
        let layers = (0..site.model.n_layers(site.spec.side)).map(|idx| layer(name(idx))).collect();
        let (descriptor, side) = (site.spec.descriptor.clone(), site.spec.side);
        Ok(Self { descriptor, side, share: site.share, options, layers })
    }
}

impl Adapters {
    /// Standard deviation of the router's noise: linear over the epochs.
    fn noise(&self, pass: &Pass) -> f64 {
        let Options { noise_start, noise_end, .. } = self.options;
        noise_start + (noise_end - noise_start) * pass.progress()
    }

    /// Notes the terms of the loss of a layer. `logits` and their softmax: `[rows, experts]`.
    fn penalise(&self, pass: &Pass, batch: &Batch, logits: &Tensor<2>, soft: &Tensor<2>) {
        let [rows, experts] = soft.dims();
        let mean = mean_weights(batch, self.side, rows);
        let share = self.share / self.layers.len() as f64;
        if self.options.balance > 0.0 && experts > 1 {
            let load = (soft.clone() * mean.clone()).sum_dim(0);
            let centred = load.clone() - load.mean_dim(1);
            let variance = (centred.clone() * centred).sum_dim(1) / (experts - 1) as f64;
            pass.penalise(variance.reshape([1]) * (self.options.balance * share * experts as f64));
        }
        if self.options.entropy > 0.0 {
            let peak = logits.clone().without_autodiff().max_dim(1);
            let shifted = logits.clone() - peak;
            let log = shifted.clone() - shifted.exp().sum_dim(1).log();
            let entropy = -(log.clone().exp() * log).sum_dim(1);
            pass.penalise((entropy * mean).sum_dim(0).reshape([1]) * (self.options.entropy * share));
        }
    }
}

impl Injection for Adapters {
    fn declare(&self, declarations: &mut Declarations) {
        for layer in &self.layers {
            layer.router.iter().for_each(|linear| linear.declare(declarations));
            for [first, last] in &layer.experts {
                first.declare(declarations);
                last.declare_with(declarations, Init::Normal(self.options.expert_std), Init::Constant(0.0));
            }
        }
    }

    fn after_layer(&self, pass: &Pass, batch: &Batch, layer: usize, hidden: Tensor<3>) -> Tensor<3> {
        let Layer { name, router: [first, last], experts } = &self.layers[layer];
        let dims @ [n, tokens, width] = hidden.dims();
        let rows = hidden.reshape([n * tokens, width]);
        let seen = beside_summary(batch, &self.descriptor, self.side, &rows);
        let logits = feed_forward(pass, seen, [first, last], 0.0, name);
        let logits = pass.noise(logits, self.noise(pass), &format!("{name}.router"));
        let soft = softmax(logits.clone(), 1);
        if pass.is_training() {
            self.penalise(pass, batch, &logits, &soft);
        }
        let weights = match self.options.routing {
            Routing::Soft => soft,
            // soft − soft is exactly 0: this changes the value and keeps the gradient.
            Routing::Top1 => soft.clone() - soft.clone().without_autodiff() + one_hot_of_largest(&soft),
        };
        let mixed = experts.iter().enumerate().map(|(e, [first, last])| {
            let out = feed_forward(pass, rows.clone(), [first, last], 0.0, name);
            out * weights.clone().narrow(1, e, 1)
        });
        let sum = mixed.fold(rows.clone(), |sum, part| sum + part);
        sum.reshape(dims)
    }

    fn cost(&self, _: &WindowSize, tokens: usize) -> Result<(u64, usize), Error> {
        let of = |pair: &[Linear; 2]| pair.iter().map(|linear| linear.flops(tokens)).sum::<u64>();
        let layer = |layer: &Layer| of(&layer.router) + layer.experts.iter().map(of).sum::<u64>();
        Ok((self.layers.iter().map(layer).sum(), tokens))
    }
}
