//! Interval arithmetic: every number that rounds to the operands lands in the result.

use proptest::prelude::*;

use crate::Verdict::{CannotTell, Consistent, Inconsistent};
use crate::range::{Range, Relation, show, show_range};

/// A range and a number in it.
fn inside() -> impl Strategy<Value = (Range, f64)> {
    (-100.0..100.0_f64, 0.0..2.0_f64, -1.0..1.0_f64).prop_map(|(at, half, share)| {
        let range = Range::around(at, half);
        (range, (at + half * share).clamp(range.lo, range.hi))
    })
}

fn holds(range: Range, x: f64) -> bool {
    range.lo <= x && x <= range.hi
}

proptest! {
    #[test]
    fn results_of_inner_numbers_lie_inside((a, x) in inside(), (b, y) in inside()) {
        prop_assert!(holds(a.plus(b), x + y));
        prop_assert!(holds(a.minus(b), x - y));
        prop_assert!(holds(a.times(b), x * y));
        prop_assert!(holds(a.absolute(), x.abs()));
        prop_assert!(holds(a.negated(), -x));
        let quotient = a.over(b);
        prop_assert!(!quotient.is_known() || holds(quotient, x / y));
        prop_assert_eq!(quotient.is_known(), b.lo > 0.0 || b.hi < 0.0);
        let root = a.absolute().rising(f64::sqrt);
        prop_assert!(holds(root, x.abs().sqrt()));
    }

    #[test]
    fn a_verdict_is_true_of_every_inner_pair((a, x) in inside(), (b, y) in inside()) {
        for (relation, truth) in [
            (Relation::Below, x < y),
            (Relation::AtMost, x <= y),
            (Relation::Above, x > y),
            (Relation::AtLeast, x >= y),
        ] {
            match relation.holds(a, b) {
                Consistent => prop_assert!(truth, "{relation:?} {a:?} {b:?}"),
                Inconsistent => prop_assert!(!truth, "{relation:?} {a:?} {b:?}"),
                CannotTell => {}
            }
        }
        if Relation::Equal.holds(a, b) == Inconsistent {
            prop_assert!(x != y);
            prop_assert_eq!(Relation::Unequal.holds(a, b), Consistent);
        }
    }

    #[test]
    fn order_of_exact_numbers_is_decided(x in -1e6..1e6_f64, y in -1e6..1e6_f64) {
        let (a, b) = (Range::exact(x), Range::exact(y));
        for relation in [Relation::Below, Relation::AtMost, Relation::Above, Relation::AtLeast, Relation::Unequal] {
            prop_assert_ne!(relation.holds(a, b), CannotTell);
        }
        prop_assert_eq!(Relation::Below.holds(a, b), Relation::Above.holds(b, a));
    }
}

#[test]
fn the_ends_of_a_rounding_interval_belong_to_it() {
    // 0.85 printed to two digits may be 0.845 or 0.855
    let printed = Range::around(0.85, 0.005);
    assert_eq!(Relation::Equal.holds(printed, Range::exact(0.845)), Consistent);
    assert_eq!(Relation::Equal.holds(printed, Range::exact(0.855)), Consistent);
    assert_eq!(Relation::Equal.holds(printed, Range::exact(0.8551)), Inconsistent);
    assert_eq!(Relation::Above.holds(printed, Range::exact(0.85)), CannotTell);
}

#[test]
fn cancellation_does_not_make_a_difference_of_nothing() {
    let sum = Range::exact(0.1).plus(Range::exact(0.2)).minus(Range::exact(0.3));
    assert_eq!(Relation::Equal.holds(sum, Range::exact(0.0)), Consistent);
    assert_eq!(Relation::Below.holds(sum, Range::exact(1e-6)), Consistent);
}

#[test]
fn what_is_not_known_is_not_judged() {
    let unknown = Range::exact(1.0).over(Range::around(0.0, 1.0));
    for (_, relation) in Relation::ALL {
        assert_eq!(relation.holds(unknown, Range::exact(1.0)), CannotTell, "{relation:?}");
    }
    let huge = Range::exact(1e308).times(Range::exact(1e308));
    assert_eq!(Relation::Equal.holds(huge, Range::exact(1.0)), CannotTell);
    assert!(!Range::exact(-1.0).rising(f64::sqrt).is_known());
}

#[test]
fn numbers_are_written_without_noise() {
    for (value, text) in [
        (0.1 + 0.2, "0.3"),
        (84.0, "84"),
        (-0.00001, "-1.000e-5"),
        (-1e-20 * 0.0, "0"),
        (0.00059, "5.900e-4"),
        (2400.0, "2400"),
        (39.642_49, "39.6425"),
        (f64::NAN, "undefined"),
        (1e20, "1.000e20"),
    ] {
        assert_eq!(show(value), text);
    }
    assert_eq!(show_range(Range::around(1.5, 0.05)), "1.5 (1.45 to 1.55)");
    assert_eq!(show_range(Range::exact(3.90625)), "3.9062");
    assert_eq!(show_range(Range::exact(0.1).plus(Range::exact(0.2))), "0.3");
}
