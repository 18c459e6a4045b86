//! What linear interpolation keeps.

use proptest::prelude::*;

use super::support::*;
use crate::*;

proptest! {
    #[test]
    fn rows_are_weighted_means_of_neighbours(from in 1usize..60, to in 1usize..60) {
        let matrix = host(interpolation(from, to, &cpu()));
        for row in matrix.chunks_exact(from) {
            prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            prop_assert!(row.iter().all(|&w| w >= 0.0) && row.iter().filter(|&&w| w > 0.0).count() <= 2);
        }
        if from == to {
            let identity = (0..from * from).map(|i| f32::from(u8::from(i % (from + 1) == 0)));
            prop_assert_eq!(matrix, identity.collect::<Vec<_>>());
        }
    }

    #[test]
    fn order_and_range_are_kept(from in 2usize..60, to in 1usize..60) {
        let matrix = host(interpolation(from, to, &cpu()));
        let at: Vec<f32> = matrix.chunks_exact(from).map(|row| row.iter().zip(0u8..).map(|(w, i)| w * f32::from(i)).sum()).collect();
        prop_assert!(at.is_sorted());
        prop_assert!(at[0] >= 0.0 && at[to - 1] <= from as f32 - 1.0 + 1e-4);
        // Half-pixel centres are symmetric: the first is as far from the start as the last from the end.
        prop_assert!((at[0] - (from as f32 - 1.0 - at[to - 1])).abs() < 1e-3);
    }
}
