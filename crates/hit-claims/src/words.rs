//! What decided a claim, in words.

use crate::estimate::Noise;
use crate::judge::{ROUNDING, Reach, Tested};
use crate::ledger::Term;
use crate::render::{range, short};
use crate::{Kind, Ours, Outcome, Power};

/// What decided: the value, what it was compared with, how the other comparisons came out, what could have been found.
/// `level` is that of the interval that decides.
pub(crate) fn why(one: &Tested<'_>, ours: &Ours, counts: &[Outcome], level: f64, power: Option<&Power>) -> String {
    let mut words = against(one, ours);
    if let Some(reach) = one.reach {
        words += &tolerance(one, reach, level);
    }
    if one.margin.noise == Noise::Unknown {
        words += "; its sampling error is not known, the point decides";
    }
    if counts.len() > 1 {
        words += &format_counts(counts);
    }
    if let Some(power) = power {
        words += "; ";
        words += &power_words(power, one);
    }
    words
}

fn against(one: &Tested<'_>, ours: &Ours) -> String {
    let (slot, unit) = (&one.comparison.slot, &ours.unit);
    let place: Vec<&str> = [&slot.arm, &slot.condition].into_iter().filter_map(|word| word.as_deref()).collect();
    let place = if place.is_empty() { String::new() } else { format!("{}: ", place.join(", ")) };
    // The margin of a value that stands for itself is the value, and its interval the one that decides.
    let interval = if one.comparison.than.is_none() { ours.margin_interval } else { ours.interval };
    let value = format!("{place}{}{}", short(ours.value, unit), range(interval, unit));
    let (Some((term, other)), Some(than)) = (&one.comparison.than, one.than) else { return value };
    if matches!(term, Term::Number(_)) && than == 0.0 {
        return value;
    }
    let named = other.arm.as_deref().filter(|_| other.arm != slot.arm);
    let named = named.or(other.condition.as_deref().filter(|_| other.condition != slot.condition));
    let named = named.map(|name| format!(" of {name}")).unwrap_or_default();
    let apart = &one.margin.unit;
    let margin = format!("{}{}", short(ours.margin, apart), range(ours.margin_interval, apart));
    format!("{value} against {}{named}, margin {margin}", short(than, unit))
}

/// Where value and interval of an equality lie.
fn tolerance(one: &Tested<'_>, reach: Reach, level: f64) -> String {
    let inside = one.outcome == Outcome::Holds;
    let value = if inside { "within the tolerance" } else { "outside of the tolerance" };
    let level = match one.margin.noise {
        Noise::None | Noise::Unknown => return format!("; {value}"),
        Noise::Stated(_) => String::new(),
        Noise::Interval(..) | Noise::Error(..) => format!("{:.0} % ", 100.0 * level),
    };
    let interval = match (reach, inside) {
        (Reach::Inside, _) | (Reach::Outside, false) => "interval too",
        (Reach::Alone, false) => "interval too, though not that of one comparison among several",
        (Reach::Across, false) => "interval reaches into it",
        (_, true) => "interval reaches beyond",
    };
    format!("; {value}, {level}{interval}")
}

fn format_counts(counts: &[Outcome]) -> String {
    let each = [Outcome::Holds, Outcome::DoesNotHold, Outcome::Inconclusive].map(|outcome| {
        let n = counts.iter().filter(|other| **other == outcome).count();
        let words = match (outcome, n) {
            (_, 0) => return None,
            (_, 1) => outcome.words(),
            (Outcome::Holds, _) => "hold",
            (Outcome::DoesNotHold, _) => "do not hold",
            _ => outcome.words(),
        };
        Some(format!("{n} {words}"))
    });
    let each: Vec<String> = each.into_iter().flatten().collect();
    format!("; the weakest of {} comparisons ({})", counts.len(), each.join(", "))
}

/// What was possible.
fn power_words(power: &Power, one: &Tested<'_>) -> String {
    let n: Vec<String> = power.n.iter().map(|(n, name)| format!("{n} {name}")).collect();
    let with = if n.is_empty() { String::new() } else { format!("with {} ", n.join(" and ")) };
    let effect = short(power.effect.unwrap_or_default(), &power.unit);
    // Against a constant, the margin is what is left to it and not the effect.
    let constant = matches!(one.comparison.than, Some((Term::Number(number), _)) if *number != 0.0);
    let noun = if constant { "margin" } else { "effect" };
    let first = match (power.kind, power.at_effect, one.paper_margin) {
        (Kind::Effect, Some(at), _) => {
            let article = if constant { "a" } else { "an" };
            format!("{with}{article} {noun} of the published size ({effect}) is found with probability {at:.2}")
        }
        (Kind::Agreement, at, _) => {
            format!("{with}agreement within {effect} is found with probability {:.2}", at.unwrap_or_default())
        }
        (Kind::Effect, None, Some(margin)) if margin.abs() <= ROUNDING => format!("the published {noun} is 0"),
        (Kind::Effect, None, Some(_)) => "the published values lie on the other side".to_owned(),
        (Kind::Effect, None, None) => format!("no published size stands beside this {noun}"),
    };
    let smallest = match power.kind {
        Kind::Effect => noun,
        Kind::Agreement => "tolerance",
    };
    let detectable = short(power.detectable, &power.unit);
    let with = if power.at_effect.is_none() { with.as_str() } else { "" };
    format!("{first}; {with}the smallest {smallest} found with {:.2} is {detectable}", power.target)
}
