//! A difference for a terminal.

use std::fmt::Write as _;

use super::{Agreement, Diff, Difference, Only, Side, Tolerance, Value};

/// Columns of the terminal.
const WIDTH: usize = 120;
/// Columns of a number and of a measurement's name.
const NUMBER: usize = 14;
const NAME: usize = WIDTH - 4 * (NUMBER + 1) - 2;

pub(super) fn text(diff: &Diff, most: usize) -> String {
    let mut out = String::new();
    for (name, side) in [("A", &diff.a), ("B", &diff.b)] {
        line(&mut out, &format!("{name}  {}", folder(side)));
    }
    line(&mut out, &format!("   tolerance: {}", tolerance(diff.tolerance)));
    heading(&mut out, "measurements");
    let only = &diff.measurements_only;
    for (n, what) in [
        (diff.same, "the same in every digit"),
        (diff.within, "within the tolerance"),
        (diff.different.len(), "different"),
        (only.a.len(), "only in A"),
        (only.b.len(), "only in B"),
    ] {
        if n > 0 || what.starts_with("the same") {
            line(&mut out, &format!("  {n:>7}  {what}"));
        }
    }
    differences(&mut out, diff, most);
    missing(&mut out, "measurements", only, most);
    claims(&mut out, diff, most);
    files(&mut out, diff, most);
    causes(&mut out, diff, most);
    out.push('\n');
    line(&mut out, conclusion(diff));
    out
}

fn conclusion(diff: &Diff) -> &'static str {
    match diff.agreement {
        Agreement::Same if diff.files_different.is_empty() => "The two agree in every measurement and file.",
        Agreement::Same => "The two agree in every measurement; files made from them differ.",
        Agreement::Within => "The two agree within the tolerance.",
        Agreement::Different => "The two differ.",
        Agreement::Flipped => "The two differ in what they say of the claims.",
    }
}

fn folder(side: &Side) -> String {
    let profile = side.profile.as_ref().map(|profile| format!(", profile {profile}")).unwrap_or_default();
    format!("{}{profile}, {} measurements", side.folder, side.measurements)
}

fn tolerance(tolerance: Tolerance) -> String {
    if tolerance == Tolerance::default() {
        return "none, only the same number agrees".to_owned();
    }
    let Tolerance { points, relative } = tolerance;
    format!("{points} points for % and pp, relative {relative} for everything else, of {} at least", Tolerance::FLOOR)
}

fn differences(out: &mut String, diff: &Diff, most: usize) {
    if diff.different.is_empty() {
        return;
    }
    heading(out, "different measurements, worst first");
    let head = ["A", "B", "B − A", "what"].map(|name| format!(" {name:>NUMBER$}")).concat();
    line(out, &format!("  {:<NAME$}{head}", "measurement"));
    for row in diff.different.iter().take(most) {
        let cells = [number(&row.a), number(&row.b), delta(row), what(row)];
        let cells = cells.map(|cell| format!(" {:>NUMBER$}", cut(&cell, NUMBER))).concat();
        line(out, &format!("  {:<NAME$}{cells}", cut(&label(row), NAME)));
    }
    rest(out, diff.different.len(), most);
}

fn label(row: &Difference) -> String {
    super::name(&row.stage, &row.arm, &row.schedule, row.seed, &row.condition, &row.metric)
}

fn number(value: &Value) -> String {
    format!("{} {}", short(value.value), value.unit).trim_end().to_owned()
}

fn delta(row: &Difference) -> String {
    let delta = row.b.value - row.a.value;
    if delta == 0.0 { "0".to_owned() } else { format!("{}{}", if delta > 0.0 { "+" } else { "" }, short(delta)) }
}

fn what(row: &Difference) -> String {
    match row.what {
        "n" => {
            let n = |value: &Value| value.n.map_or_else(|| "-".to_owned(), |n| n.to_string());
            format!("n {} → {}", n(&row.a), n(&row.b))
        }
        "unit" => format!("unit {} → {}", row.a.unit, row.b.unit),
        "interval" if row.a.interval.is_some() != row.b.interval.is_some() => {
            format!("interval in {}", if row.a.interval.is_some() { "A" } else { "B" })
        }
        what => what.to_owned(),
    }
}

/// Five significant digits.
fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (0..9).find(|decimals| size * 10_f64.powi(*decimals) >= 1e4).unwrap_or(9) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn missing(out: &mut String, what: &str, only: &Only, most: usize) {
    for (name, list) in [("A", &only.a), ("B", &only.b)] {
        if list.is_empty() {
            continue;
        }
        heading(out, &format!("{what} only in {name}"));
        list.iter().take(most).for_each(|entry| line(out, &format!("  {entry}")));
        rest(out, list.len(), most);
    }
}

fn claims(out: &mut String, diff: &Diff, most: usize) {
    if diff.claims_same == 0 && diff.claims_flipped.is_empty() && diff.claims_only == Only::default() {
        return;
    }
    heading(out, "claims");
    line(out, &format!("  {:>7}  come out the same", diff.claims_same));
    line(out, &format!("  {:>7}  come out otherwise", diff.claims_flipped.len()));
    for flip in diff.claims_flipped.iter().take(most) {
        line(out, &format!("  {}: {} → {}  {}", flip.id, flip.a.words(), flip.b.words(), flip.text));
    }
    rest(out, diff.claims_flipped.len(), most);
    missing(out, "claims", &diff.claims_only, most);
}

fn files(out: &mut String, diff: &Diff, most: usize) {
    heading(out, "files");
    line(out, &format!("  {:>7}  with the same digest", diff.files_same));
    if diff.files_different.is_empty() && diff.files_only == Only::default() {
        return;
    }
    line(out, &format!("  {:>7}  with another", diff.files_different.len()));
    diff.files_different.iter().take(most).for_each(|path| line(out, &format!("  {path}")));
    rest(out, diff.files_different.len(), most);
    missing(out, "files", &diff.files_only, most);
}

fn causes(out: &mut String, diff: &Diff, most: usize) {
    if !diff.facts.is_empty() {
        heading(out, "what differs between the runs");
        for fact in &diff.facts {
            for (side, value) in [("A", &fact.a), ("B", &fact.b)] {
                let what = if side == "A" { fact.what } else { "" };
                line(out, &format!("  {what:<9} {side}  {}", if value.is_empty() { "not stated" } else { value }));
            }
        }
    }
    let Some(stages) = diff.stages.as_ref().filter(|stages| stages.different + stages.only_a + stages.only_b > 0)
    else {
        return;
    };
    heading(out, "stages");
    for (n, what) in [
        (stages.same, "with the same outputs"),
        (stages.different, "with others"),
        (stages.only_a, "only in A"),
        (stages.only_b, "only in B"),
    ] {
        line(out, &format!("  {n:>7}  {what}"));
    }
    if stages.roots.is_empty() {
        return;
    }
    heading(out, "first stages to differ, and why");
    for root in stages.roots.iter().take(most) {
        let more = root.stages.len().saturating_sub(1);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        line(out, &format!("  {}{more}", root.stages.first().map_or("", String::as_str)));
        line(out, &format!("      {}", root.why));
    }
    rest(out, stages.roots.len(), most);
}

fn heading(out: &mut String, text: &str) {
    out.push('\n');
    line(out, text);
}

fn rest(out: &mut String, n: usize, most: usize) {
    if n > most {
        line(out, &format!("  ... and {} more (--format json lists all)", n - most));
    }
}

/// A line of at most [`WIDTH`] columns, without anything that moves a terminal's cursor.
fn line(out: &mut String, text: &str) {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    writeln!(out, "{}", cut(plain.trim_end(), WIDTH)).expect("writing to a string");
}

/// At most `width` characters; what is left out is marked.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_cut_keeps_its_start(text in ".{0,30}", width in 1_usize..40) {
            let cut = cut(&text, width);
            prop_assert!(cut.chars().count() <= width);
            prop_assert!(cut == text || text.starts_with(cut.trim_end_matches('…')));
        }

        #[test]
        fn short_numbers_are_close(value in -1e8..1e8) {
            let read: f64 = short(value).parse().unwrap();
            prop_assert!((read - value).abs() <= value.abs() * 1e-3 + 1e-9, "{value}: {}", short(value));
        }

        #[test]
        fn lines_are_plain(text in prop::collection::vec(any::<char>(), 0..200)) {
            let mut out = String::new();
            line(&mut out, &text.into_iter().collect::<String>());
            prop_assert_eq!(out.matches('\n').count(), 1);
            prop_assert!(out.trim_end_matches('\n').chars().all(|c| !c.is_control()));
        }
    }

    #[test]
    fn numbers_have_five_digits() {
        for (value, text) in [
            (0.0, "0"),
            (52.5, "52.5"),
            (45.282_784, "45.283"),
            (-16.0, "-16"),
            (12_345.6, "12346"),
            (229_176.0, "229176"),
            (6.431e-9, "6.431e-9"),
            (0.095_659, "0.095659"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn a_hostile_folder_cannot_write_to_the_terminal() {
        let mut out = String::new();
        line(&mut out, "A  \u{1b}[2Jx\r\ny");
        assert_eq!(out, "A   [2Jx  y\n");
    }

    #[test]
    fn tolerances_are_said() {
        assert_eq!(tolerance(Tolerance::default()), "none, only the same number agrees");
        let some = Tolerance { points: 0.5, relative: 0.01 };
        assert_eq!(tolerance(some), "0.5 points for % and pp, relative 0.01 for everything else, of 0.1 at least");
    }

    #[test]
    fn what_differs_is_told_in_a_word_or_three() {
        let value = |n, interval| Value { value: 1.0, interval, unit: "%".into(), n };
        let row = |kind, a, b| Difference {
            stage: "t".into(),
            arm: "D0".into(),
            schedule: String::new(),
            seed: None,
            condition: String::new(),
            metric: "s".into(),
            a,
            b,
            what: kind,
            distance: 0.0,
            source: None,
        };
        let some = Some((0.0, 2.0));
        assert_eq!(what(&row("n", value(None, None), value(Some(3), None))), "n - → 3");
        assert_eq!(what(&row("interval", value(None, some), value(None, None))), "interval in A");
        assert_eq!(what(&row("interval", value(None, None), value(None, some))), "interval in B");
        assert_eq!(what(&row("interval", value(None, some), value(None, some))), "interval");
        assert_eq!(what(&row("value", value(None, None), value(None, None))), "value");
        assert_eq!(label(&row("n", value(None, None), value(None, None))), "t/D0 s");
        assert_eq!(delta(&row("n", value(None, None), Value { value: 2.5, ..value(None, None) })), "+1.5");
    }
}
