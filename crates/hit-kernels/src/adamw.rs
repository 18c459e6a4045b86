//! AdamW's update of one parameter (Loshchilov, Hutter 2019), as PyTorch computes it.

use burn::tensor::Tensor;

use crate::host::{Host, Of, by_rows, host, is_host, sum, tensor, vectorised};

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
    if is_host(&value) {
        on_host(value, grad, clip, moments, update)
    } else {
        on_device(value, grad, clip, moments, update)
    }
}

impl Update {
    /// 1 − β^step of both.
    fn unbiased(&self) -> [f64; 2] {
        [self.beta1, self.beta2].map(|beta| 1.0 - libm::pow(beta, self.step as f64))
    }
}

fn on_device(
    value: Tensor<1>,
    grad: Tensor<1>,
    clip: &Tensor<1>,
    moments: Option<Moments>,
    update: Update,
) -> (Tensor<1>, Moments) {
    let Update { beta1, beta2, epsilon, rate, decay, .. } = update;
    let [unbias1, unbias2] = update.unbiased();
    let grad = grad * clip.clone();
    let square = grad.clone() * grad.clone() * (1.0 - beta2);
    let mean = grad * (1.0 - beta1);
    let (first, second) = match moments {
        Some(Moments { first, second }) => (first * beta1 + mean, second * beta2 + square),
        None => (mean, square),
    };
    let root = second.clone().sqrt() / unbias2.sqrt() + epsilon;
    let change = first.clone() / root * (rate / unbias1);
    (value * (1.0 - rate * decay) - change, Moments { first, second })
}

fn on_host(
    value: Tensor<1>,
    grad: Tensor<1>,
    clip: &Tensor<1>,
    moments: Option<Moments>,
    update: Update,
) -> (Tensor<1>, Moments) {
    let Update { beta1, beta2, epsilon, rate, decay, .. } = update;
    let [unbias1, unbias2] = update.unbiased();
    let clip = host(clip.clone())[0];
    let n = value.dims()[0];
    let (mut value, grad) = (Host::new(value), Host::new(grad));
    let zeros = || tensor(vec![0.0; n], [n]);
    let Moments { first, second } = moments.unwrap_or_else(|| Moments { first: zeros(), second: zeros() });
    let (mut first, mut second) = (Host::new(first), Host::new(second));
    let [beta1_f, beta2_f, rest1, rest2] = [beta1, beta2, 1.0 - beta1, 1.0 - beta2].map(|x| x as f32);
    let [root_of_unbias2, epsilon] = [unbias2.sqrt(), epsilon].map(|x| x as f32);
    let [stay, step] = [1.0 - rate * decay, rate / unbias1].map(|x| x as f32);
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
                *first = *first * beta1_f + grad * rest1;
                *second = *second * beta2_f + grad * grad * rest2;
                let root = second.sqrt() / root_of_unbias2 + epsilon;
                *value = *value * stay - *first / root * step;
            }
        },
    );
    (value.tensor(), Moments { first: first.tensor(), second: second.tensor() })
}

/// Σ x², `[1]`, added in a fixed order: burn's full sums use atomics on CUDA, whose order is not.
pub fn sum_of_squares(x: &Tensor<1>) -> Tensor<1> {
    let n = x.dims()[0];
    if is_host(x) {
        let x = Host::new(x.clone());
        let values = x.values();
        return tensor(
            vec![vectorised(
                #[inline(always)]
                || sum(n, |i| values[i] * values[i]),
            )],
            [1],
        );
    }
    (x.clone() * x.clone()).reshape([1, n]).sum_dim(1).reshape([1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::reference::{distance, plain, wide};

    type Step = fn(Tensor<1>, Tensor<1>, &Tensor<1>, Option<Moments>, Update) -> (Tensor<1>, Moments);

    /// What runs on other devices, on this one.
    #[test]
    fn loops_and_tensor_operations_are_the_same_formula() {
        let update = Update { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rate: 0.01, decay: 0.1, step: 3 };
        let (n, clip) = (37, tensor(vec![0.7], [1]));
        let moments = Moments { first: plain("first", [n]), second: plain("second", [n]).abs() };
        for moments in [None, Some(moments)] {
            let each = |f: Step| {
                let (value, kept) = f(plain("value", [n]), plain("grad", [n]), &clip, moments.clone(), update);
                [value, kept.first, kept.second].map(|x| wide(&x))
            };
            for (loops, operations) in each(on_host).iter().zip(&each(on_device)) {
                assert!(distance(loops, operations) < 1e-6);
            }
        }
    }
}
