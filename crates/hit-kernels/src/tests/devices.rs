//! Every kernel, value and gradients, on every GPU there is against main memory, where the other tests compare with float64.
//!
//! Where there is no GPU this says so on stderr and checks nothing. Mesa's lavapipe is one to Vulkan, and continuous integration has it.

use std::io::Write as _;

use burn::tensor::{Device, DeviceType, FloatDType, Tensor};

use super::attention::layer;
use super::reference::{Sizes, composed, cpu, distance, gpu_factors, noise, wide};
use crate::cube;
use crate::heads::Split;
use crate::host::tensor;
use crate::sums::column_sums;
use crate::{
    Attending, Mask, Moments, Precision, TwoMaps, Update, adamw, dropout, feed_forward, gelu, group_norm, host,
    layer_norm, linear, matmul, sum_of_squares,
};

/// Of inputs that are flat, a flat value.
type Function = Box<dyn Fn(&[Tensor<1>]) -> Tensor<1>>;

/// A kernel, and what it is to be the same as in main memory.
struct Case {
    name: String,
    sizes: Vec<usize>,
    kernel: Function,
    reference: Function,
    /// Largest distance of values and of gradients, over the largest value (1 at least).
    tolerance: f64,
}

impl Case {
    fn new(name: String, sizes: &[usize], function: impl Fn(&[Tensor<1>]) -> Tensor<1> + Clone + 'static) -> Self {
        let reference = Box::new(function.clone());
        Self { name, sizes: sizes.to_vec(), kernel: Box::new(function), reference, tolerance: 5e-6 }
    }

    /// With another tolerance.
    fn within(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// Value and gradients there, of inputs that are the same everywhere.
    fn run(&self, function: &Function, device: &Device) -> Vec<Vec<f64>> {
        let there = |name: &str, n| there(device, noise(name, n), [n]);
        let leaf = |(i, n): (usize, &usize)| there(&format!("{}, {i}", self.name), *n).autodiff().require_grad();
        let inputs: Vec<Tensor<1>> = self.sizes.iter().enumerate().map(leaf).collect();
        let value = function(&inputs);
        let n = value.dims()[0];
        let gradients = (value.clone() * there("weigh", n)).reshape([1, n]).sum_dim(1).backward();
        let of_inputs = inputs.iter().map(|input| wide(&input.grad(&gradients).expect("a leaf has a gradient")));
        std::iter::once(wide(&value)).chain(of_inputs).collect()
    }
}

/// A tensor on a device; on a GPU in a buffer that is longer, and whose rows have gaps, as CUDA's have.
fn there<const D: usize>(device: &Device, values: Vec<f32>, dims: [usize; D]) -> Tensor<D> {
    if *device == cpu() {
        return tensor(values, dims);
    }
    let width = dims[D - 1];
    let mut wider = dims;
    wider[D - 1] = width + 3;
    let gap = [7e7f32; 3];
    let values = values.chunks(width).flat_map(|row| [row, &gap].concat()).collect();
    cube::first_of_rows(Tensor::from_data(tensor(values, wider).to_data(), device), width)
}

/// The GPUs of this machine; says so where there is none.
fn gpus(what: &str) -> Vec<Device> {
    let kinds = [DeviceType::Cuda, DeviceType::Wgpu];
    let gpus: Vec<Device> = kinds.into_iter().flat_map(|kind| Device::enumerate(kind).into_vec()).collect();
    if gpus.is_empty() {
        // Past the test harness, which shows what a test prints only if it fails.
        std::io::stderr().write_all(format!("SKIPPED: no GPU, by CUDA or Vulkan: {what}\n").as_bytes()).unwrap();
    }
    gpus
}

/// Precisions that a device can multiply in.
fn precisions(device: &Device) -> impl Iterator<Item = Precision> {
    let all = [Precision::F32, Precision::Tf32, Precision::Bf16, Precision::F16];
    all.into_iter().filter(|precision| device.supports_dtype(precision.storage()))
}

fn flat<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let n: usize = x.dims().iter().product();
    x.reshape([n])
}

fn products(precision: Precision) -> Vec<Case> {
    // The order of a product's sums is the device's. What is rounded, factors and narrow products, may fall either way next to the
    // middle of two numbers.
    let narrow = if precision.storage() == FloatDType::F32 { 0.0 } else { precision.epsilon() };
    let tolerance = move |k: usize| narrow + (5e-6 + precision.epsilon() / 256.0) * (k as f64).sqrt().max(1.0);
    let mut cases = Vec::new();
    for [rows, inputs, outputs] in [[1, 1, 1], [3, 5, 7], [1, 64, 33], [188, 17, 130]] {
        let name = format!("linear {rows} {inputs} {outputs} {}", precision.name());
        let sizes = [rows * inputs, outputs * inputs, outputs];
        let case = Case::new(name, &sizes, move |x| {
            let (values, weight) = (x[0].clone().reshape([rows, inputs]), x[1].clone().reshape([outputs, inputs]));
            flat(linear(values, weight, x[2].clone(), precision))
        });
        cases.push(case.within(tolerance(inputs.max(outputs).max(rows))));
    }
    for [batch, n, k, m] in [[1, 1, 1, 1], [2, 3, 31, 5], [3, 188, 8, 188]] {
        let name = format!("matmul {batch} {n} {k} {m} {}", precision.name());
        let case = Case::new(name, &[batch * n * k, batch * k * m], move |x| {
            flat(matmul(x[0].clone().reshape([batch, n, k]), x[1].clone().reshape([batch, k, m]), precision))
        });
        cases.push(case.within(tolerance(n.max(k).max(m))));
    }
    cases
}

fn rows() -> Vec<Case> {
    let mut cases = vec![Case::new("gelu".into(), &[3 * 67], |x| gelu(x[0].clone() * 3.0))];
    // Rows longer than a cube, and more of them than one side of a grid has cubes.
    for [n, width] in [[1, 1], [3, 5], [1, 64], [188, 67], [2, 300], [66_000, 3]] {
        let case = Case::new(format!("layer_norm {n} {width}"), &[n * width, width, width], move |x| {
            flat(layer_norm(x[0].clone().reshape([n, width]), x[1].clone(), x[2].clone(), 1e-5))
        });
        // Sums of many rows in main memory have errors of their own.
        cases.push(case.within(5e-6 + 1e-10 * n as f64));
    }
    for [batch, time, channels, groups] in [[1, 1, 2, 1], [2, 9, 6, 3], [1, 188, 8, 4]] {
        let name = format!("group_norm {batch} {time} {channels} {groups}");
        cases.push(Case::new(name, &[batch * time * channels, channels, channels], move |x| {
            let input = x[0].clone().reshape([batch, time, channels]) * 4.0;
            flat(group_norm(input, groups, x[1].clone(), x[2].clone(), 1e-5))
        }));
    }
    cases
}

fn dropouts() -> Vec<Case> {
    let mut cases = Vec::new();
    for (p, [n, width]) in [(0.1, [1, 1]), (0.1, [188, 67]), (0.5, [33, 64])] {
        let mask = Mask { p, key: 0x9abc_def0_1234_5678 };
        let kernel = move |x: &[Tensor<1>]| flat(dropout(x[0].clone().reshape([n, width]), mask));
        let factors = move || tensor(gpu_factors(mask, 0, n * width), [n * width]);
        let case = Case::new(format!("dropout {p} {n} {width}"), &[n * width], kernel).within(0.0);
        cases.push(Case { reference: Box::new(move |x| x[0].clone() * factors()), ..case });
    }
    cases
}

/// Their dropout in main memory draws otherwise.
fn feed_forwards(precision: Precision) -> Vec<Case> {
    let mut cases = Vec::new();
    for [rows, width, hidden, outputs] in [[1, 1, 1, 1], [3, 5, 7, 2], [188, 17, 130, 9]] {
        for mask in [None, Some(Mask { p: 0.1, key: 5 << 40 | 7 })] {
            let shaped = move |x: &[Tensor<1>]| {
                let (weight1, weight2) =
                    (x[1].clone().reshape([hidden, width]), x[3].clone().reshape([outputs, hidden]));
                (x[0].clone().reshape([rows, width]), weight1, weight2)
            };
            let kernel = move |x: &[Tensor<1>]| {
                let (values, weight1, weight2) = shaped(x);
                let maps = TwoMaps { weight1, bias1: x[2].clone(), weight2, bias2: x[4].clone() };
                flat(feed_forward(values, maps, mask, precision))
            };
            let reference = move |x: &[Tensor<1>]| {
                let (values, weight1, weight2) = shaped(x);
                let between = gelu(linear(values, weight1, x[2].clone(), precision));
                let factors = mask.map(|mask| tensor(gpu_factors(mask, 0, rows * hidden), [rows, hidden]));
                let dropped = match factors {
                    Some(factors) => between * factors,
                    None => between,
                };
                flat(linear(dropped, weight2, x[4].clone(), precision))
            };
            let name = format!("feed_forward {rows} {width} {hidden} {outputs} {mask:?} {}", precision.name());
            let sizes = [rows * width, hidden * width, hidden, outputs * hidden, outputs];
            let case = Case::new(name, &sizes, kernel).within(2e-5 + precision.epsilon() * 6.0);
            cases.push(Case { reference: Box::new(reference), ..case });
        }
    }
    cases
}

/// In main memory, from burn's own softmax and gradients: its dropout there draws otherwise.
fn attentions(precision: Precision) -> Vec<Case> {
    let sizes = |batch, heads, tokens, others, width| Sizes { batch, heads, tokens, others, width };
    let shapes = [
        sizes(1, 1, 1, None, 1),
        sizes(2, 2, 5, Some(3), 4),
        sizes(3, 1, 4, Some(17), 2),
        sizes(1, 2, 1, Some(188), 8),
        sizes(2, 4, 188, None, 16),
    ];
    let mut cases = Vec::new();
    for sizes in shapes {
        for mask in [None, Some(Mask { p: 0.1, key: 5 << 40 | 7 })] {
            for padded in [false, true] {
                let (batch, keys) = (sizes.batch, sizes.keys());
                // All but the first key of the last sample are padding, and half of those of the others.
                let there = move |sample: usize| if sample + 1 == batch { 1 } else { keys.div_ceil(2) };
                let bias = move |i: usize| if i % keys >= there(i / keys) { -1e30 } else { 0.0 };
                let padding = move || padded.then(|| (0..batch * keys).map(bias).collect::<Vec<f32>>());
                let reference = move |x: &[Tensor<1>]| {
                    let n = sizes.n_scores();
                    let factors = mask.map(|mask| tensor::<1>(gpu_factors(mask, 0, n), [n]));
                    let bias = padding().map(|bias| tensor(bias, [batch, 1, 1, keys]));
                    flat(composed(x, sizes, bias, factors, precision))
                };
                // At once or in portions; weights kept or made again.
                for (at_once, kept) in [(usize::MAX, usize::MAX), (1, 0)] {
                    let how = Attending::new(mask, precision).in_portions(at_once, kept);
                    let name = format!("{sizes:?} {mask:?} {padded} {kept} {}", precision.name());
                    let kernel = move |x: &[Tensor<1>]| flat(layer(x, sizes, padding(), how));
                    let case = Case::new(name, &sizes.inputs(), kernel).within(2e-5 + precision.epsilon() * 6.0);
                    cases.push(Case { reference: Box::new(reference), ..case });
                }
            }
        }
    }
    cases
}

fn check(device: &Device, cases: &[Case]) {
    let main = cpu();
    for case in cases {
        let (found, expected) = (case.run(&case.kernel, device), case.run(&case.reference, &main));
        for (which, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let off = distance(found, expected);
            assert!(off <= case.tolerance, "{} on {device:?}: {off:e} in {which} (0: value)", case.name);
        }
        assert_eq!(case.run(&case.kernel, device), found, "{} on {device:?}: the same bits twice", case.name);
    }
}

#[test]
fn products_there_are_those_of_main_memory() {
    for device in gpus("products of matrices") {
        precisions(&device).for_each(|precision| check(&device, &products(precision)));
    }
}

#[test]
fn rows_there_are_those_of_main_memory() {
    for device in gpus("GELU, LayerNorm, GroupNorm, dropout") {
        check(&device, &rows());
        check(&device, &dropouts());
    }
}

/// Sums longer than what some drivers loop: Mesa's leaves a loop after 65,535 rounds, without a word.
#[test]
fn long_sums_there_are_those_of_float64() {
    for device in gpus("sums") {
        let there = |values: &[f32], dims: [usize; 2]| there(&device, values.to_vec(), dims);
        for [rows, width] in [[1, 1], [64, 5], [65, 3], [4097, 2], [140_000, 17], [1, 70_000]] {
            let (x, y) = (noise("x", rows * width), noise("y", rows * width));
            let exact = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
                (0..width).map(|column| (0..rows).map(|row| of(row * width + column)).sum()).collect()
            };
            let near = |found: Tensor<1>, exact: &[f64]| distance(&wide(&found), exact) < 1e-5;
            let (of_x, of_y) = (there(&x, [rows, width]), there(&y, [rows, width]));
            let single = exact(&|k| f64::from(x[k]));
            assert!(near(column_sums(of_x.clone(), None), &single), "{rows} {width}");
            let product = exact(&|k| f64::from(x[k]) * f64::from(y[k]));
            assert!(near(column_sums(of_x.clone(), Some(of_y)), &product), "{rows} {width}");
            let squares: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            let of_x: Tensor<1> = of_x.reshape([rows * width]);
            let found = wide(&sum_of_squares(std::slice::from_ref(&of_x)))[0];
            assert!((found - squares).abs() < 1e-6 * squares, "{rows} {width}: {found} instead of {squares}");
            let found = wide(&sum_of_squares(&[of_x.clone(), there(&y[..1], [1, 1]).reshape([1]), of_x]))[0];
            let all = 2.0 * squares + f64::from(y[0]).powi(2);
            assert!((found - all).abs() < 1e-6 * all, "{rows} {width}, and others: {found} instead of {all}");
        }
    }
}

/// A part of a mask is that part; places beyond 32 bits begin again; what somebody else has is not written over.
#[test]
fn masks_there_are_those_described() {
    for device in gpus("masks") {
        let mask = Mask { p: 0.3, key: 0x9abc_def0_1234_5678 };
        let ones = there(&device, vec![1.0; 1000], [1000]);
        for first in [0, 1, 77, (1 << 32) - 500] {
            assert_eq!(host(mask.over(ones.clone(), first)), gpu_factors(mask, first, 1000), "{first}");
        }
        assert_eq!(host(ones), [1.0; 1000]);
    }
}

#[test]
fn feed_forward_there_is_that_of_main_memory() {
    for device in gpus("feed-forward parts") {
        precisions(&device).for_each(|precision| check(&device, &feed_forwards(precision)));
    }
}

#[test]
fn attention_there_is_that_of_main_memory() {
    for device in gpus("attention") {
        precisions(&device).for_each(|precision| check(&device, &attentions(precision)));
    }
}

/// Products on CUDA have gaps behind their rows, as a part of a wider tensor has.
#[test]
fn scores_may_have_gaps() {
    for device in gpus("scores with gaps") {
        let [n, heads, queries, keys] = [2, 3, 5, 7];
        let there = |name: &str, dims: [usize; 4]| {
            let n = dims.iter().product();
            Tensor::<4>::from_data(tensor::<4>(noise(name, n), dims).to_data(), &device)
        };
        let wide = |name: &str| there(name, [n, heads, queries, 9]);
        let part = |name: &str| cube::first_of_rows(wide(name), keys);
        let whole = |name: &str| wide(name).narrow(3, 0, keys);
        let of = || cube::Scores {
            key_bias: Some(there("bias", [n, 1, 1, keys])),
            mask: Some(Mask { p: 0.3, key: 7 }),
            first: 11,
            storage: FloatDType::F32,
        };
        assert_eq!([part("scores"), whole("scores")].map(|x| cube::read_rows(x).1), [9, keys]);
        let all = |scores: &dyn Fn(&str) -> Tensor<4>| {
            let [weights, row] = cube::softmax(scores("scores"), of());
            let along = there("along", [n, heads, queries, 1]);
            let [dropped, of_scores] =
                cube::softmax_back(scores("scores"), of(), row.clone(), scores("of weights"), along);
            [weights, row, dropped, of_scores].map(host)
        };
        assert_eq!(all(&part), all(&whole));
    }
}

/// So have other products, whose rows kernels take to heads and back, shift and activate.
#[test]
fn rows_may_have_gaps() {
    for device in gpus("rows with gaps") {
        let of = Split { batch: 2, heads: 3, tokens: 5, width: 7 };
        let d = of.of_map();
        let there = |name: &str, dims: &[usize]| {
            let n = dims.iter().product();
            Tensor::<1>::from_data(tensor::<1>(noise(name, n), [n]).to_data(), &device)
        };
        let bias = |n: usize| there("bias", &[n]);
        let all = |has_gaps: bool| {
            let cut = |wide: Tensor<2>, width| {
                let part = cube::first_of_rows(wide.clone(), width);
                if has_gaps { part } else { wide.narrow(1, 0, width) }
            };
            let rows = |name: &str, width: usize| {
                cut(there(name, &[of.rows(), width + 3]).reshape([of.rows(), width + 3]), width)
            };
            // A map's heads in two portions of one sample.
            let heads = |name: &str| {
                let wide: Tensor<4> = there(name, &[of.rows() / 2, of.heads, of.width + 2]).reshape([1, 3, 5, 9]);
                if has_gaps { cube::first_of_rows(wide, of.width) } else { wide.narrow(3, 0, of.width) }
            };
            let map = |name: &str| vec![heads(name), heads(&format!("{name}, other"))];
            assert_eq!(cube::read_rows(rows("rows", d)).1, if has_gaps { d + 3 } else { d });
            assert_eq!(cube::read_rows(heads("heads")).1, if has_gaps { 9 } else { 7 });
            let [of_grad, along] = cube::heads_along(rows("grad", d), rows("map", d), of);
            let mask = Mask { p: 0.3, key: 7 };
            let weight = || there("weight", &[d]);
            let [y, normal, inverse] = cube::layer_norm(rows("rows", d), weight(), bias(d), 1e-5);
            vec![
                host(cube::heads(rows("rows", 3 * d), bias(3 * d), of, 0.3)),
                host(of_grad),
                host(along),
                host(cube::rows_of(&[map("q"), map("k")], of, 0.3)),
                host(cube::shifted(rows("rows", d), bias(d))),
                host(cube::activated(rows("rows", d), bias(d), Some(mask))),
                host(cube::activated_back(rows("grad", d), rows("rows", d), bias(d), Some(mask))),
                host(cube::gelu(rows("rows", d), false).0),
                host(cube::over(rows("rows", d), mask, 5)),
                host(y),
                host(cube::layer_norm_back(rows("grad", d), normal, inverse, weight())),
                host(column_sums(rows("rows", d), Some(rows("grad", d)))),
            ]
        };
        for (which, (gaps, none)) in all(true).into_iter().zip(all(false)).enumerate() {
            assert!(gaps == none, "{which} on {device:?}");
        }
    }
}

#[test]
fn the_optimiser_there_is_that_of_main_memory() {
    for device in gpus("AdamW") {
        let steps = |device: &Device| {
            let there = |name: &str, n| there(device, noise(name, n), [n]);
            let (n, mut moments) = (1234, None);
            let mut value = there("value", n);
            let mut sums = Vec::new();
            for step in 1..=3 {
                let update = Update { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rate: 0.01, decay: 0.1, step };
                let grad = there(&format!("grad {step}"), n);
                sums.extend(host(sum_of_squares(std::slice::from_ref(&grad))));
                let clip = Tensor::from_data([0.7f32], device);
                let kept: Moments;
                (value, kept) = adamw(value, grad, &clip, moments.take(), update);
                moments = Some(kept);
            }
            let Moments { first, second } = moments.expect("steps were made");
            let sums = sums.into_iter().map(f64::from).collect();
            [wide(&value), wide(&first), wide(&second), sums]
        };
        let (found, expected) = (steps(&device), steps(&cpu()));
        for (found, expected) in found.iter().zip(&expected) {
            let off = distance(found, expected);
            assert!(off < 2e-6, "{device:?}: {off:e}");
        }
        assert_eq!(steps(&device), found, "{device:?}: the same bits twice");
    }
}
