//! AdamW's update of one parameter (Loshchilov, Hutter 2019), as PyTorch computes it.

use burn::tensor::Tensor;

use crate::cube;
use crate::host::{Host, Of, by_rows, host, is_host};

/// First and second moment of a parameter, flat.
#[derive(Clone)]
pub struct Moments {
    /// Running mean of gradients.
    pub first: Tensor<1>,
    /// Running mean of squared gradients.
    pub second: Tensor<1>,
}

/// Numbers of an update.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Learning rate.
    pub rate: f64,
    /// Weight decay, decoupled.
    pub decay: f64,
    /// 1-based step, which the moments' bias is corrected for.
    pub step: u64,
}

/// The parameter and its moments after a step along `grad`·`clip`. `value`, `grad`: `[n]`; `clip`: `[1]`; without moments they begin at 0.
pub fn adamw(
    value: Tensor<1>,
    grad: Tensor<1>,
    clip: &Tensor<1>,
    moments: Option<Moments>,
    update: Update,
) -> (Tensor<1>, Moments) {
    let n = value.dims()[0];
    let zeros = || Tensor::zeros([n], &value.device());
    let moments = moments.unwrap_or_else(|| Moments { first: zeros(), second: zeros() });
    let by = update.factors();
    if is_host(&value) {
        on_host(value, grad, clip, moments, &by)
    } else {
        cube::adamw(value, grad, clip, moments, &by)
    }
}

/// What a step multiplies with.
pub(crate) struct Factors {
    pub beta1: f32,
    pub rest1: f32,
    pub beta2: f32,
    pub rest2: f32,
    /// Root of the bias of the second moment.
    pub root: f32,
    pub epsilon: f32,
    pub stay: f32,
    /// Learning rate over the bias of the first.
    pub rate: f32,
}

impl Update {
    fn factors(&self) -> Factors {
        let Self { beta1, beta2, epsilon, rate, decay, .. } = *self;
        let [unbias1, unbias2] = [beta1, beta2].map(|beta| 1.0 - libm::pow(beta, self.step as f64));
        Factors {
            beta1: beta1 as f32,
            rest1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            rest2: (1.0 - beta2) as f32,
            root: unbias2.sqrt() as f32,
            epsilon: epsilon as f32,
            stay: (1.0 - rate * decay) as f32,
            rate: (rate / unbias1) as f32,
        }
    }
}

fn on_host(
    value: Tensor<1>,
    grad: Tensor<1>,
    clip: &Tensor<1>,
    moments: Moments,
    by: &Factors,
) -> (Tensor<1>, Moments) {
    let clip = host(clip.clone())[0];
    let n = value.dims()[0];
    let (mut value, grad) = (Host::new(value), Host::new(grad));
    let (mut first, mut second) = (Host::new(moments.first), Host::new(moments.second));
    let &Factors { beta1, rest1, beta2, rest2, root: root_of_unbias2, epsilon, stay, rate } = by;
    let moments = (Of(first.values_mut(), 1), Of(second.values_mut(), 1));
    let all = (Of(value.values_mut(), 1), Of(grad.values(), 1), moments);
    by_rows(
        n,
        1,
        all,
        #[inline(always)]
        |_, (value, grad, (first, second))| {
            let moments = first.0.iter_mut().zip(second.0);
            for ((value, grad), (first, second)) in value.0.iter_mut().zip(grad.0).zip(moments) {
                let grad = grad * clip;
                *first = *first * beta1 + grad * rest1;
                *second = *second * beta2 + grad * grad * rest2;
                let root = second.sqrt() / root_of_unbias2 + epsilon;
                *value = *value * stay - *first / root * rate;
            }
        },
    );
    (value.tensor(), Moments { first: first.tensor(), second: second.tensor() })
}
