//! Finds numbers typed into templates. There should be none: numbers come from measurements, facts or published values.

/// A number that somebody typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedNumber {
    /// Line, from 1.
    pub line: usize,
    /// The word it stands in.
    pub word: String,
}

/// Commands whose arguments are about layout or are names, and may hold digits.
const LAYOUT: [&str; 22] = [
    "documentclass",
    "usepackage",
    "input",
    "includegraphics",
    "label",
    "ref",
    "pageref",
    "vspace",
    "hspace",
    "setlength",
    "addtolength",
    "geometry",
    "begin",
    "hypersetup",
    "definecolor",
    "setcounter",
    "PassOptionsToPackage",
    "rule",
    "titlespacing",
    "fontsize",
    "pdfinfo",
    "cmidrule",
];

/// The numbers typed into the text of a template with `<% %>`, `<< >>` and `<# #>`.
///
/// Allowed are digits in comments, in the arguments of layout commands, in lengths (`3pt`, `0.8\textwidth`), in names
/// (`D0`, `A4`, `R@10`, `d4a4`), in quoted keys inside `<< >>`, and in `\hit...` assignments of TeX registers
/// (`\pdfinfoomitdate=1`).
pub fn typed_numbers(template: &str) -> Vec<TypedNumber> {
    let text = blank(template);
    let mut found = Vec::new();
    for (idx, line) in text.lines().enumerate() {
        for word in numbers_in(line) {
            found.push(TypedNumber { line: idx + 1, word });
        }
    }
    found
}

/// The template with everything that may hold digits replaced by spaces, lines kept.
fn blank(template: &str) -> String {
    let mut chars: Vec<char> = template.chars().collect();
    blank_between(&mut chars, "<#", "#>", |_| true);
    blank_between(&mut chars, "<<", ">>", harmless);
    blank_between(&mut chars, "<%", "%>", harmless);
    blank_comments(&mut chars);
    blank_commands(&mut chars);
    chars.into_iter().collect()
}

/// Blanks `open ... close` where `allowed` says so of the text between; keeps it (and its digits) otherwise.
fn blank_between(chars: &mut [char], open: &str, close: &str, allowed: fn(&str) -> bool) {
    let (open, close): (Vec<char>, Vec<char>) = (open.chars().collect(), close.chars().collect());
    let mut at = 0;
    while at + 2 <= chars.len() {
        if chars[at..at + 2] != open[..] {
            at += 1;
            continue;
        }
        let end = (at + 2..chars.len().saturating_sub(1)).find(|&i| chars[i..i + 2] == close[..]);
        let end = end.map_or(chars.len(), |i| i + 2);
        let inside: String = chars[at + 2..end].iter().collect();
        if allowed(&inside) {
            erase(&mut chars[at..end]);
        } else {
            // the text stays, its delimiters go: `<%` must not look like a comment later
            erase(&mut chars[at..at + 2]);
            erase(&mut chars[end - 2..end]);
        }
        at = end;
    }
}

/// Whether an expression prints no number of its own: digits only in names and in quoted keys with a letter.
fn harmless(expression: &str) -> bool {
    let pieces: Vec<&str> = expression.split('"').collect();
    let quoted_fine = pieces.iter().skip(1).step_by(2).all(|key| !key.starts_with(|c: char| c.is_ascii_digit()));
    quoted_fine && pieces.iter().step_by(2).all(|code| numbers_in(code).is_empty())
}

fn blank_comments(chars: &mut [char]) {
    let mut at = 0;
    while at < chars.len() {
        if chars[at] == '%' && (at == 0 || chars[at - 1] != '\\') {
            let end = (at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len());
            erase(&mut chars[at..end]);
            at = end;
        }
        at += 1;
    }
}

/// Blanks the bracketed arguments that follow a layout command, and `\register=1`.
fn blank_commands(chars: &mut [char]) {
    let mut at = 0;
    while at < chars.len() {
        if chars[at] != '\\' {
            at += 1;
            continue;
        }
        let end = (at + 1..chars.len()).find(|&i| !chars[i].is_ascii_alphabetic()).unwrap_or(chars.len());
        let name: String = chars[at + 1..end].iter().collect();
        at = end;
        if name.starts_with("pdf") && chars.get(at) == Some(&'=') {
            while at < chars.len() && !chars[at].is_whitespace() {
                erase(&mut chars[at..=at]);
                at += 1;
            }
        } else {
            // a definition's name and number of arguments are layout; its body is text
            let limit = match name.as_str() {
                "newcommand" | "renewcommand" => 2,
                name if LAYOUT.contains(&name) => usize::MAX,
                _ => 0,
            };
            for _ in 0..limit {
                let Some(end) = argument(chars, at) else { break };
                if limit == 2 && chars[at] == '{' && chars.get(at + 1) != Some(&'\\') {
                    break;
                }
                erase(&mut chars[at..end]);
                at = end;
            }
        }
    }
}

/// End of the bracketed argument that starts at `at`, if one does.
fn argument(chars: &[char], at: usize) -> Option<usize> {
    let close = match chars.get(at)? {
        '*' => return Some(at + 1),
        '[' => ']',
        '{' => '}',
        _ => return None,
    };
    let mut depth = 0;
    for (idx, c) in chars.iter().enumerate().skip(at) {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (*c == close).then_some(idx + 1);
        }
    }
    None
}

fn erase(chars: &mut [char]) {
    for c in chars {
        if *c != '\n' {
            *c = ' ';
        }
    }
}

/// Words of a line that hold a number: digits that do not belong to a name and are not a length.
fn numbers_in(line: &str) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if !chars[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let word_start = (0..at).rev().take_while(|&i| is_name(chars[i])).last().unwrap_or(at);
        let in_name = word_start < at && (chars[word_start].is_alphabetic() || chars[word_start] == '@');
        let end = (at..chars.len()).find(|&i| !(chars[i].is_ascii_digit() || chars[i] == '.')).unwrap_or(chars.len());
        let word_end = (end..chars.len()).find(|&i| !is_name(chars[i])).unwrap_or(chars.len());
        let unit: String = chars[end..word_end].iter().collect();
        let length = ["pt", "mm", "cm", "em", "ex", "in", "fil", "fill"].contains(&unit.as_str())
            || chars[end..].starts_with(&['\\', 't', 'e', 'x', 't'])
            || chars[end..].starts_with(&['\\', 'l', 'i', 'n', 'e']);
        let parameter = at > 0 && chars[at - 1] == '#';
        if !in_name && !length && !parameter {
            found.push(chars[word_start..word_end].iter().collect());
        }
        at = word_end.max(at + 1);
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '@'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use std::path::Path;

    #[test]
    fn typed_numbers_are_found_with_their_line() {
        let words = |text: &str| typed_numbers(text).into_iter().map(|n| (n.line, n.word)).collect::<Vec<_>>();
        assert_eq!(words("fine\nS is 84.0 here"), [(2, "84.0".to_owned())]);
        assert_eq!(words("gain of 8.8\\,pp\n\nover 5 seeds").len(), 2);
        assert_eq!(words("\\textbf{42}").len(), 1);
        assert_eq!(words("$3\\times$").len(), 1);
        assert_eq!(words("<< 84.0 >>").len(), 1, "a literal in an expression");
        assert_eq!(words("<< \"84.0\" >>").len(), 1, "a quoted literal");
        assert_eq!(words("<% set x = 5 %>").len(), 1);
        assert_eq!(words("\\newcommand{\\gain}{8.8}").len(), 1, "a definition hides no number");
        assert_eq!(words("after 100\\% % 7").len(), 1, "an escaped percent sign starts no comment");
    }

    proptest! {
        #[test]
        fn a_number_in_a_sentence_is_found_wherever_it_stands(
            before in "[a-z ,.]{0,30}", number in "[0-9]{1,3}(\\.[0-9]{1,2})?", after in "( [a-z ,.]{0,30})?", lines in 0_usize..4,
        ) {
            let text = format!("{}{before} {number}{after}", "\n".repeat(lines));
            let found = typed_numbers(&text);
            prop_assert_eq!(found.len(), 1, "{:?}", &found);
            prop_assert_eq!(found[0].line, lines + 1);
        }

        #[test]
        fn any_text_is_scanned_without_a_panic(text in "[<>%#\"{}\\[\\]a-z0-9=. \n\\\\]{0,80}") {
            let lines = text.lines().count();
            prop_assert!(typed_numbers(&text).iter().all(|number| number.line <= lines));
        }
    }

    #[test]
    fn layout_names_comments_and_keys_are_fine() {
        for text in [
            "\\documentclass[11pt,a4paper]{article}",
            "\\vspace{3pt}\\includegraphics[width=0.8\\textwidth]{figures/f1.pdf}",
            "arms D0, A4 and d4a4 by R@10",
            "<< n(key=\"replication.d4a4.s.mean\") >> and << p(key=\"table12_multiseed.D0.mean\") >>",
            "<% for arm in facts.arms %><< loop.index0 >><% endfor %>",
            "<# version 2 #> % and 3",
            "\\begin{tabular}{p{30mm}l}",
            "a skip of 2mm and 0.5\\linewidth",
            "\\pdfinfoomitdate=1 \\pdfsuppressptexinfo=-1",
            "\\newcommand{\\x}[1]",
        ] {
            let found = typed_numbers(text);
            assert!(found.is_empty(), "{text}: {found:?}");
        }
    }

    #[test]
    fn no_number_is_typed_into_a_template() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../paper/templates"));
        let mut n_templates = 0;
        let mut report = Vec::new();
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = fs_err::read_to_string(&path).unwrap();
            n_templates += 1;
            for number in typed_numbers(&text) {
                report.push(format!("{}:{}: `{}`", path.display(), number.line, number.word));
            }
        }
        assert!(n_templates > 0);
        assert!(report.is_empty(), "numbers typed into templates; use n(), p() or facts:\n{}", report.join("\n"));
    }
}
