//! Verdicts as plain text.

use std::fmt::Write as _;

use crate::{Form, Outcome, Verdict};

/// Widest line.
const WIDTH: usize = 120;

/// A number for reading: one decimal for percents and points, else three digits.
pub(crate) fn short(value: f64, unit: &str) -> String {
    let text = match (unit, value.abs()) {
        ("%" | "pp", _) => format!("{value:.1}"),
        (_, 0.0) => "0".to_owned(),
        (_, size) if size >= 1e4 => format!("{value:.0}"),
        (_, size) if size >= 100.0 => format!("{value:.1}"),
        (_, size) if size >= 1.0 => format!("{value:.2}"),
        (_, size) if size >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    };
    let text = if text.trim_start_matches(['-', '0', '.']).is_empty() { text.replace('-', "") } else { text };
    if unit.is_empty() { text } else { format!("{text} {unit}") }
}

/// An interval for reading, with a space before it; empty if there is none.
pub(crate) fn range(interval: Option<(f64, f64)>, unit: &str) -> String {
    let bare = |value| short(value, unit).split(' ').next().unwrap_or_default().to_owned();
    interval.map(|(low, high)| format!(" [{}, {}]", bare(low), bare(high))).unwrap_or_default()
}

/// The verdicts under their headings, then how many came out how. At most 120 columns.
///
/// Rows of a campaign that may not stand beside the published values are marked with `~`.
pub fn render(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    let mut labels: Vec<&str> = Vec::new();
    for verdict in verdicts {
        if !labels.contains(&verdict.setting.label.as_str()) {
            labels.push(&verdict.setting.label);
            let marked = if verdict.setting.comparable { "" } else { "; ~: not comparable with the published values" };
            wrapped(&mut text, &format!("Claims against: {}{marked}", verdict.setting.label), 0);
        }
    }
    let mut group = None;
    for verdict in verdicts {
        if group != Some(&verdict.group) {
            text.push('\n');
            wrapped(&mut text, &verdict.group, 0);
            group = Some(&verdict.group);
        }
        row(&mut text, verdict);
    }
    if !verdicts.is_empty() {
        text.push('\n');
    }
    for outcome in Outcome::ALL {
        let count = verdicts.iter().filter(|verdict| verdict.outcome == outcome).count();
        let _ = writeln!(text, "{count:>4}  {}", outcome.words());
    }
    text
}

fn row(text: &mut String, verdict: &Verdict) {
    let mark = if verdict.setting.comparable { ' ' } else { '~' };
    let form = match verdict.form {
        Form::Published => "",
        Form::Weak => " (weak)",
        Form::Sound => " (sound)",
    };
    let head = format!("{mark} {:<18}{}{form}: {}", verdict.outcome.words(), verdict.id, verdict.text);
    wrapped(text, &head, 20);
    let unit = verdict.ours.as_ref().map_or("", |ours| ours.unit.as_str());
    let published = verdict.published.map(|value| format!("; published {}", short(value, unit))).unwrap_or_default();
    wrapped(text, &format!("{:20}{}{published} ({})", "", verdict.why, verdict.stated), 20);
}

/// Adds words in lines of at most [`WIDTH`] columns, all but the first with `indent` spaces before them.
fn wrapped(text: &mut String, words: &str, indent: usize) {
    let lead = words.len() - words.trim_start().len();
    let mut line = " ".repeat(lead);
    let mut fresh = true;
    for word in words[lead..].split(' ') {
        let mut word = word.to_owned();
        if !fresh && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = " ".repeat(indent);
            fresh = true;
        }
        if !fresh {
            line.push(' ');
        }
        // A word that fits in no line is cut.
        while line.chars().count() + word.chars().count() > WIDTH {
            let room = WIDTH - line.chars().count();
            let cut: String = word.chars().take(room).collect();
            let _ = writeln!(text, "{line}{cut}");
            word = word.chars().skip(room).collect();
            line = " ".repeat(indent);
        }
        line.push_str(&word);
        fresh = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}
