//! Text and numbers as LaTeX writes them, and the engine that sets them.

use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// `text` with every character that LaTeX would act on escaped.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            // Two in a row would be set as a dash.
            '-' if out.ends_with('-') => out.push_str("{}-"),
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '|' => out.push_str("\\textbar{}"),
            '−' => out.push_str("$-$"),
            '×' => out.push_str("$\\times$"),
            '→' => out.push_str("$\\rightarrow$"),
            'Δ' => out.push_str("$\\Delta$"),
            'σ' => out.push_str("$\\sigma$"),
            '≤' => out.push_str("$\\leq$"),
            '≥' => out.push_str("$\\geq$"),
            '⁻' => out.push_str("$^-$"),
            '⁺' => out.push_str("$^+$"),
            '†' => out.push_str("$^\\dagger$"),
            c if c.is_ascii_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With this many decimals.
    Fixed(usize),
    /// The same with its sign, plus included: differences.
    Signed(usize),
    /// A count: no decimals, digits grouped by three.
    Count,
    /// A p value: two significant digits, below 0.001 as a power of ten.
    PValue,
    /// As short as it reads back to the same number, below 0.001 and from a million on as a power of ten: settings.
    Shortest,
    /// This many significant digits, below 0.001 and from a million on as a power of ten.
    Significant(usize),
}

impl Format {
    /// The format for a quantity: percentages and their differences with one decimal, differences with a sign, counts
    /// grouped, p values as such, everything else with two decimals.
    pub fn of(metric: &str, unit: &str) -> Self {
        let difference = metric.starts_with("delta") || metric.starts_with("worst_minus");
        match unit {
            _ if metric == "p" || metric.ends_with("_p") => Self::PValue,
            "%" | "pp" if difference => Self::Signed(1),
            "%" | "pp" => Self::Fixed(1),
            "params" | "epoch" | "epochs" => Self::Count,
            "" if matches!(metric, "epoch" | "excludes_chance") => Self::Count,
            _ if difference => Self::Signed(2),
            _ if metric.starts_with("mean_rank") => Self::Fixed(1),
            _ if metric.starts_with("mrr") => Self::Fixed(3),
            _ => Self::Fixed(2),
        }
    }

    /// The number in plain text, ASCII minus.
    pub fn plain(self, value: f64) -> String {
        if !value.is_finite() {
            return "undefined".to_owned();
        }
        match self {
            Self::Fixed(decimals) => fixed(value, decimals),
            Self::Signed(decimals) => {
                let text = fixed(value, decimals);
                if value > 0.0 && text.contains(|c: char| matches!(c, '1'..='9')) { format!("+{text}") } else { text }
            }
            Self::Count => fixed(value, 0),
            Self::PValue => p_value(value),
            Self::Significant(digits) => significant(value, digits),
            Self::Shortest if value == 0.0 => "0".to_owned(),
            Self::Shortest if (0.001..1e6).contains(&value.abs()) => format!("{value}"),
            Self::Shortest => format!("{value:e}"),
        }
    }

    /// The number in LaTeX: true minus, thin spaces between groups of a count, powers of ten.
    pub fn tex(self, value: f64) -> String {
        let plain = self.plain(value);
        if self == Self::Count {
            return grouped(&plain);
        }
        match plain.split_once('e') {
            Some(("1", exponent)) if self == Self::Shortest => format!("$10^{{{exponent}}}$"),
            Some((mantissa, exponent)) if value.is_finite() => {
                format!("${mantissa}\\times10^{{{exponent}}}$")
            }
            _ => plain.replace('+', "$+$").replace('-', "$-$"),
        }
    }
}

/// An interval in LaTeX, `[low, high]`.
pub fn interval(format: Format, (low, high): (f64, f64)) -> String {
    format!("[{}, {}]", format.tex(low), format.tex(high))
}

fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if !rest.contains(|c: char| matches!(c, '1'..='9')) => rest.to_owned(),
        _ => text,
    }
}

fn p_value(value: f64) -> String {
    match value {
        p if p >= 0.1 => fixed(p, 2),
        p if p >= 0.01 => fixed(p, 3),
        p if p >= 0.001 => fixed(p, 4),
        0.0 => "0".to_owned(),
        p => format!("{p:.1e}"),
    }
}

fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    // of the rounded number, so that 9.99 with two digits counts as 10
    let exponent: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    if !(-3..6).contains(&exponent) {
        return scientific;
    }
    fixed(value, usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0))
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("$-$", rest));
    if digits.len() <= 4 {
        return format!("{sign}{digits}");
    }
    let head = digits.len() % 3;
    let mut groups: Vec<&str> = Vec::new();
    if head > 0 {
        groups.push(&digits[..head]);
    }
    groups.extend((head..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    format!("{sign}{}", groups.join("\\,"))
}

/// A LaTeX program on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// How to call it: `pdflatex` or `tectonic`, found through the search path.
    pub program: PathBuf,
    /// First line of its version text; part of the key of the PDF.
    pub version: String,
}

/// The first engine that answers: `pdflatex`, then `tectonic`.
///
/// `latexmk` is not tried: it would call pdflatex, and the passes are counted here (the document has no bibliography
/// run), so it could only add its own version to what the PDF depends on.
pub fn find_engine() -> Option<Engine> {
    ["pdflatex", "tectonic"].into_iter().find_map(|program| engine(program.into()))
}

/// What to do where there is no engine; one sentence.
pub const ADVICE: &str = "no LaTeX engine was found, so the document ends as .tex; on Debian: apt-get install \
                          --no-install-recommends texlive-latex-recommended texlive-fonts-recommended lmodern";

pub(crate) fn engine(program: PathBuf) -> Option<Engine> {
    let output = Command::new(&program).arg("--version").output().ok().filter(|output| output.status.success())?;
    let version = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    (!version.is_empty()).then_some(Engine { program, version })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_latex_acts_on_survives_escaping() {
        let escaped = escape(r"a&b%c$d#e_f{g}h~i^j\k<l>");
        assert_eq!(
            escaped,
            r"a\&b\%c\$d\#e\_f\{g\}h\textasciitilde{}i\textasciicircum{}j\textbackslash{}k\textless{}l\textgreater{}"
        );
        assert_eq!(escape("line\nbreak\u{7}"), "line break ");
        assert_eq!(escape("Frédéric − 3 × 4"), "Frédéric $-$ 3 $\\times$ 4");
        assert_eq!(escape("Δ⁻, Δ⁺ of a†"), "$\\Delta$$^-$, $\\Delta$$^+$ of a$^\\dagger$");
    }

    #[test]
    fn numbers_have_fixed_decimals_and_a_true_minus() {
        assert_eq!(Format::Fixed(1).tex(-0.25), "$-$0.2");
        assert_eq!(Format::Fixed(1).tex(-0.04), "0.0");
        assert_eq!(Format::Fixed(2).plain(3.509), "3.51");
        assert_eq!(Format::Signed(1).tex(8.84), "$+$8.8");
        assert_eq!(Format::Signed(1).tex(-7.8), "$-$7.8");
        assert_eq!(Format::Signed(1).tex(0.04), "0.0");
        assert_eq!(Format::Count.tex(74_194_432.0), "74\\,194\\,432");
        assert_eq!(Format::Count.tex(1_000_000.0), "1\\,000\\,000");
        assert_eq!(Format::Count.tex(1000.0), "1000");
        assert_eq!(Format::Fixed(1).tex(f64::NAN), "undefined");
    }

    #[test]
    fn p_values_keep_two_digits() {
        let cases =
            [(0.127, "0.13"), (0.0604, "0.060"), (0.0034, "0.0034"), (0.00059, "$5.9\\times10^{-4}$"), (1.0, "1.00")];
        for (value, expected) in cases {
            assert_eq!(Format::PValue.tex(value), expected);
        }
        assert_eq!(Format::PValue.plain(0.00059), "5.9e-4");
        assert_eq!(Format::PValue.plain(0.0), "0");
    }

    #[test]
    fn significant_digits_are_kept_and_counted_after_rounding() {
        let cases = [
            (0.994_680_9, "0.9947"),
            (1.0, "1.000"),
            (9.999_96, "10.00"),
            (241_847.3, "241847"),
            (0.001, "0.001000"),
            (5.96e-9, "$5.960\\times10^{-9}$"),
            (-2.5e-17, "$-2.500\\times10^{-17}$"),
            (1_000_000.0, "$1.000\\times10^{6}$"),
            (0.0, "0"),
        ];
        for (value, expected) in cases {
            assert_eq!(Format::Significant(4).tex(value), expected, "{value}");
        }
        assert_eq!(Format::Significant(1).plain(0.26), "0.3");
    }

    #[test]
    fn settings_are_written_as_somebody_would_set_them() {
        let cases = [
            (5e-6, "$5\\times10^{-6}$"),
            (1e-4, "$10^{-4}$"),
            (0.1, "0.1"),
            (1024.0, "1024"),
            (0.02, "0.02"),
            (0.0, "0"),
            (-0.5, "$-$0.5"),
        ];
        for (value, expected) in cases {
            assert_eq!(Format::Shortest.tex(value), expected, "{value}");
        }
        assert_eq!(Format::Shortest.plain(1e-4), "1e-4");
    }

    #[test]
    fn the_unit_decides_the_format() {
        assert_eq!(Format::of("s", "%"), Format::Fixed(1));
        assert_eq!(Format::of("delta_s", "pp"), Format::Signed(1));
        assert_eq!(Format::of("s_sd", "pp"), Format::Fixed(1));
        assert_eq!(Format::of("welch_p", ""), Format::PValue);
        assert_eq!(Format::of("holm_p", ""), Format::PValue);
        assert_eq!(Format::of("cohen_d", ""), Format::Fixed(2));
        assert_eq!(Format::of("", "params"), Format::Count);
        assert_eq!(Format::of("epoch", ""), Format::Count);
        assert_eq!(Format::of("epoch", "epoch"), Format::Count);
    }

    #[test]
    fn intervals_are_bracketed() {
        assert_eq!(interval(Format::Signed(1), (-1.0, 2.0)), "[$-$1.0, $+$2.0]");
    }

    proptest! {
        #[test]
        fn escaping_works_letter_by_letter_and_keeps_braces_balanced(a in ".{0,20}", b in ".{0,20}") {
            // A letter stands between, as two hyphens are not set like one and one.
            let joined = escape(&format!("{a}x{b}"));
            prop_assert_eq!(&joined, &(escape(&a) + "x" + &escape(&b)));
            let plain = joined.replace("\\{", "").replace("\\}", "");
            prop_assert_eq!(plain.matches('{').count(), plain.matches('}').count());
            prop_assert!(!plain.replace("\\%", "").contains('%'), "a comment would swallow the rest of the line");
        }

        #[test]
        fn printed_numbers_are_the_rounded_ones(value in -1e6..1e6, decimals in 0_usize..4) {
            let plain = Format::Fixed(decimals).plain(value);
            let back: f64 = plain.parse().unwrap();
            prop_assert!((back - value).abs() <= 0.500_001 * 0.1_f64.powi(decimals as i32), "{plain} for {value}");
            prop_assert!(back != 0.0 || !plain.starts_with('-'), "no negative zero");
            let tex = Format::Signed(decimals).tex(value);
            prop_assert!(!tex.replace("$-$", "").contains('-'), "a hyphen is no minus: {tex}");
        }

        #[test]
        fn significant_digits_stay_close(mantissa in 1.0..10.0_f64, exponent in -12_i32..9, digits in 1_usize..6) {
            let value = mantissa * 10_f64.powi(exponent);
            let back: f64 = Format::Significant(digits).plain(value).parse().unwrap();
            prop_assert!((back - value).abs() <= 0.501 * 10_f64.powi(exponent + 1 - digits as i32), "{back} for {value}");
        }

        #[test]
        fn groups_of_a_count_are_its_digits(value in 0_u64..1_000_000_000_000) {
            let tex = Format::Count.tex(value as f64);
            prop_assert_eq!(tex.replace("\\,", ""), value.to_string());
            prop_assert!(tex.split("\\,").skip(1).all(|group| group.len() == 3));
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_no_engine() {
        assert_eq!(engine("no-such-engine-here".into()), None);
    }
}
