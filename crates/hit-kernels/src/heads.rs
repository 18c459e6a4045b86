//! Tokens between rows, as linear maps have them, and heads, as attention has them.
//!
//! Rows `[batch·tokens, n·heads·width]` have `n` maps side by side; heads are `[batch, heads, tokens, width]`. To go from one to the other takes every
//! value to another place, so whatever else is to be done to it is done on the way.

use burn::tensor::{FloatDType, Tensor};

use crate::host::{Host, Of, by_rows, is_host, sum, tensor};
use crate::{Precision, cube};

/// Sizes of heads.
#[derive(Clone, Copy)]
pub(crate) struct Split {
    pub batch: usize,
    pub heads: usize,
    pub tokens: usize,
    pub width: usize,
}

impl Split {
    /// Dimensions of `n` maps, one after the other.
    pub(crate) fn dims(self, n: usize) -> [usize; 4] {
        [n * self.batch, self.heads, self.tokens, self.width]
    }

    /// Number of rows.
    pub(crate) fn rows(self) -> usize {
        self.batch * self.tokens
    }

    /// Width of a map.
    pub(crate) fn of_map(self) -> usize {
        self.heads * self.width
    }

    /// Heads of each map, as products take them: `rows` and `bias`, `[n·heads·width]`, the first map times `scale`.
    pub(crate) fn heads(
        self,
        rows: Tensor<2>,
        bias: Tensor<1>,
        scale: f64,
        precision: Precision,
    ) -> impl Iterator<Item = Tensor<4>> {
        let n = rows.dims()[1] / self.of_map();
        let heads = if is_host(&rows) {
            self.heads_on_host(rows, bias, scale as f32)
        } else {
            cube::heads(rows, bias, self, scale as f32)
        };
        let heads = precision.factor(heads);
        (0..n).map(move |map| heads.clone().narrow(0, map * self.batch, self.batch))
    }

    /// Heads of gradients `grad` of one map, as products take them, and those gradients times the map, added up for each head of a
    /// token: `[batch, heads, tokens, 1]`.
    pub(crate) fn heads_along(self, grad: Tensor<2>, map: Tensor<2>, precision: Precision) -> [Tensor<4>; 2] {
        let [heads, along] = if is_host(&grad) {
            let (grad, map) = (grad.cast(FloatDType::F32), map.cast(FloatDType::F32));
            let along = self.along_on_host(grad.clone(), map);
            let none = tensor(vec![0.0; self.of_map()], [self.of_map()]);
            [self.heads_on_host(grad, none, 1.0), along]
        } else {
            cube::heads_along(grad, map, self)
        };
        [precision.factor(heads), along]
    }

    /// Rows of maps from heads, as products take them, the first map times `scale`. `maps`: each map's heads, in portions of samples.
    pub(crate) fn rows_of(self, maps: &[Vec<Tensor<4>>], scale: f64, precision: Precision) -> Tensor<2> {
        precision.factor(if is_host(&maps[0][0]) {
            self.rows_on_host(maps, scale as f32)
        } else {
            cube::rows_of(maps, self, scale as f32)
        })
    }

    /// Place of a head's first value in rows of `n` maps, from its number among the heads of all maps.
    fn place(self, head: usize, n: usize) -> usize {
        let (at, token) = (head / self.tokens, head % self.tokens);
        let (at, head) = (at / self.heads, at % self.heads);
        let (map, sample) = (at / self.batch, at % self.batch);
        (sample * self.tokens + token) * n * self.of_map() + map * self.of_map() + head * self.width
    }

    fn heads_on_host(self, rows: Tensor<2>, bias: Tensor<1>, scale: f32) -> Tensor<4> {
        let n = rows.dims()[1] / self.of_map();
        let (rows, bias) = (Host::new(rows.cast(FloatDType::F32)), Host::new(bias));
        let (rows, bias) = (rows.values(), bias.values());
        let mut heads = vec![0.0; rows.len()];
        by_rows(
            rows.len() / self.width,
            self.width,
            Of(&mut *heads, self.width),
            #[inline(always)]
            |first, heads| {
                for (head, values) in (first..).zip(heads.0.chunks_exact_mut(self.width)) {
                    let place = self.place(head, n);
                    let column = place % bias.len();
                    let scale = if column < self.of_map() { scale } else { 1.0 };
                    let found = &rows[place..place + self.width];
                    for ((value, x), bias) in values.iter_mut().zip(found).zip(&bias[column..column + self.width]) {
                        *value = (x + bias) * scale;
                    }
                }
            },
        );
        tensor(heads, self.dims(n))
    }

    fn along_on_host(self, grad: Tensor<2>, map: Tensor<2>) -> Tensor<4> {
        let (grad, map) = (Host::new(grad), Host::new(map));
        let (grad, map) = (grad.values(), map.values());
        let mut along = vec![0.0; grad.len() / self.width];
        by_rows(
            along.len(),
            self.width,
            Of(&mut *along, 1),
            #[inline(always)]
            |first, along| {
                for (head, along) in (first..).zip(along.0) {
                    let place = self.place(head, 1);
                    *along = sum(self.width, |i| grad[place + i] * map[place + i]);
                }
            },
        );
        tensor(along, [self.batch, self.heads, self.tokens, 1])
    }

    fn rows_on_host(self, maps: &[Vec<Tensor<4>>], scale: f32) -> Tensor<2> {
        let samples = maps[0][0].dims()[0];
        let of_portion = |heads: &Tensor<4>| Host::new(heads.clone().cast(FloatDType::F32));
        let maps: Vec<Vec<Host>> = maps.iter().map(|map| map.iter().map(of_portion).collect()).collect();
        let all = maps.len() * self.of_map();
        let mut rows = vec![0.0; self.rows() * all];
        by_rows(
            self.rows(),
            all,
            Of(&mut *rows, all),
            #[inline(always)]
            |first, rows| {
                for (row, values) in (first..).zip(rows.0.chunks_exact_mut(all)) {
                    let (sample, token) = (row / self.tokens, row % self.tokens);
                    for (at, values) in values.chunks_exact_mut(self.width).enumerate() {
                        let (map, head) = (at / self.heads, at % self.heads);
                        let scale = if map == 0 { scale } else { 1.0 };
                        let head = (sample % samples * self.heads + head) * self.tokens + token;
                        let found = &maps[map][sample / samples].values()[head * self.width..][..self.width];
                        for (value, x) in values.iter_mut().zip(found) {
                            *value = x * scale;
                        }
                    }
                }
            },
        );
        tensor(rows, [self.rows(), all])
    }
}
