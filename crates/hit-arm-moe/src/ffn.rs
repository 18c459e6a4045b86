//! Mixture of feed-forward parts in the last layer: what the paper prints (App. C.2).

use hit_model::{
    Batch, Declarations, Error, Init, Injection, Linear, Pass, Precision, Side, Tensor, WindowSize,
    activation::softmax, feed_forward, matmul,
};
use serde::Deserialize;

use crate::{Mixture, Site, beside_summary, mean_weights, one_hot_of_largest};

/// What profile and arm state.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Experts (the paper prints 4 or 8).
    pub n_experts: usize,
    /// Experts that a token goes to (2).
    pub top_k: usize,
    /// Weight of the load-balance term (the paper names none; 0.01).
    pub balance: f64,
}

/// FFN(x) ← Σ over the `top_k` experts of a token of w_e·FFN_e(x), in the last layer; w is the softmax of a linear gate,
/// renormalised over the chosen.
///
/// The gate sees the token beside the descriptor's summary, as the router of the other mixtures does; for A4, whose summary
/// is zero, this is the printed W_g·x. The first expert is the layer's own feed-forward part, so a model without the
/// mixture can be continued. All experts compute all tokens, and the weights of those not chosen are 0. The loss grows by
/// `balance`·E·Σ_e f_e·P_e (Fedus, Zoph, Shazeer 2022): f_e is the share of tokens whose first choice is e, P_e the mean
/// probability. Arrays below `inject.<side>.moe_ffn`: `gate.weight`, `experts.<e>.linear1`, `.linear2` from e = 1 on.
pub struct FeedForwardExperts {
    descriptor: String,
    side: Side,
    share: f64,
    options: Options,
    layer: usize,
    gate: Linear,
    dropout: f64,
    others: Vec<(String, [Linear; 2])>,
}

impl Mixture for FeedForwardExperts {
    fn new(site: &Site) -> Result<Self, Error> {
        let options: Options = site.arm.options()?;
        if options.n_experts == 0 {
            return Err(site.arm.bad_option("`n_experts` is at least 1"));
        }
        if !(1..=options.n_experts).contains(&options.top_k) {
            return Err(site.arm.bad_option("`top_k` is at least 1 and at most `n_experts`"));
        }
        if !(options.balance.is_finite() && options.balance >= 0.0) {
            return Err(site.arm.bad_option("`balance` is a finite number, 0 or more"));
        }
        let side = site.spec.side;
        let (width, d_ff, dropout) = match side {
            Side::Audio => (site.model.audio.d_model, site.model.audio.d_ff, site.model.audio.dropout),
            Side::Midi => (site.model.midi.d_model, site.model.midi.d_ff, site.model.midi.dropout),
        };
        let n_layers = site.model.n_layers(side);
        let Some(layer) = n_layers.checked_sub(1) else {
            return Err(site.arm.wrong(format!("the {} encoder has no layer to put experts in", side.name())));
        };
        let name = format!("inject.{}.moe_ffn", side.name());
        let expert = |e: usize| {
            let name = format!("{name}.experts.{e}");
            let linears = [
                Linear::new(format!("{name}.linear1"), width, d_ff),
                Linear::new(format!("{name}.linear2"), d_ff, width),
            ];
            (name, linears)
        };
        Ok(Self {
            descriptor: site.spec.descriptor.clone(),
            side,
            share: site.share,
            layer,
            gate: Linear::new(format!("{name}.gate"), width + site.spec.dims, options.n_experts),
            dropout,
            others: (1..options.n_experts).map(expert).collect(),
            options,
        })
    }
}

impl FeedForwardExperts {
    fn weights(&self, pass: &Pass, batch: &Batch, x: &Tensor<2>) -> Tensor<2> {
        let seen = beside_summary(batch, &self.descriptor, self.side, x);
        let gate = pass.weights.get::<2>(&format!("{}.weight", self.gate.name));
        let all = softmax(matmul(seen, gate.transpose(), Precision::F32), 1);
        let first = one_hot_of_largest(&all);
        let mut chosen = first.clone();
        for _ in 1..self.options.top_k {
            // Probabilities are at most 1, so those chosen before fall below all others.
            chosen = chosen.clone() + one_hot_of_largest(&(all.clone().without_autodiff() - chosen * 2.0));
        }
        if pass.is_training() && self.options.balance > 0.0 {
            let mean = mean_weights(batch, self.side, x.dims()[0]);
            let share = |of: Tensor<2>| (of * mean.clone()).sum_dim(0);
            let term = (share(first) * share(all.clone())).sum_dim(1).reshape([1]);
            pass.penalise(term * (self.options.balance * self.share * self.options.n_experts as f64));
        }
        let kept = all * chosen;
        kept.clone() / kept.sum_dim(1)
    }
}

impl Injection for FeedForwardExperts {
    fn declare(&self, declarations: &mut Declarations) {
        let Linear { name, inputs, outputs } = &self.gate;
        declarations.parameter(format!("{name}.weight"), &[*outputs, *inputs], Init::Fan(*inputs));
        for linear in self.others.iter().flat_map(|(_, linears)| linears) {
            linear.declare(declarations);
        }
    }

    fn feed_forward(
        &self,
        pass: &Pass,
        batch: &Batch,
        layer: usize,
        x: &Tensor<2>,
        own: &dyn Fn(Tensor<2>) -> Tensor<2>,
    ) -> Option<Tensor<2>> {
        if layer != self.layer {
            return None;
        }
        let weights = self.weights(pass, batch, x);
        let weight = |e: usize| weights.clone().narrow(1, e, 1);
        let others = self.others.iter().enumerate().map(|(e, (name, [first, last]))| {
            let y = feed_forward(pass, x.clone(), [first, last], self.dropout, &format!("{name}.dropout"));
            y * weight(e + 1)
        });
        Some(others.fold(own(x.clone()) * weight(0), |sum, part| sum + part))
    }

    fn cost(&self, _: &WindowSize, tokens: usize) -> Result<(u64, usize), Error> {
        let experts = self.others.iter().flat_map(|(_, linears)| linears).map(|linear| linear.flops(tokens));
        Ok((self.gate.flops(tokens) + experts.sum::<u64>(), tokens))
    }
}
