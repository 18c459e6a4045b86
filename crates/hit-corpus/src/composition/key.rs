//! Keys as titles spell them: `C-sharp Minor`, `Bb`, `F# min`, `h-moll`, `si bemol majeur`.

use super::words::Token;

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    /// `A` to `G`: the note without its accidental, to tell C sharp from D flat.
    pub letter: char,
    /// 0 for C to 11 for B.
    pub pitch: u8,
    /// `None` if the title leaves it open.
    pub minor: Option<bool>,
}

impl Key {
    /// Whether both may be one key. A mode left open is any, but then the spelling counts: "in Db" is not C-sharp minor,
    /// while D-flat major is C-sharp major.
    pub(super) fn agrees(self, other: Self) -> bool {
        let either = self.minor.is_none() || other.minor.is_none();
        let mode = if either { self.letter == other.letter } else { self.minor == other.minor };
        self.pitch == other.pitch && mode
    }
}

/// A name of a note, and what may follow it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tongue {
    English,
    German,
    Roman,
}

const GERMAN: [(&str, char, u8); 17] = [
    ("ces", 'C', 11),
    ("cis", 'C', 1),
    ("des", 'D', 1),
    ("dis", 'D', 3),
    ("es", 'E', 3),
    ("eis", 'E', 5),
    ("fes", 'F', 4),
    ("fis", 'F', 6),
    ("ges", 'G', 6),
    ("gis", 'G', 8),
    ("as", 'A', 8),
    ("ais", 'A', 10),
    ("b", 'B', 10),
    ("bes", 'B', 10),
    ("h", 'B', 11),
    ("hes", 'B', 10),
    ("his", 'B', 0),
];
const ROMAN: [(&str, char, u8); 8] = [
    ("ut", 'C', 0),
    ("do", 'C', 0),
    ("re", 'D', 2),
    ("mi", 'E', 4),
    ("fa", 'F', 5),
    ("sol", 'G', 7),
    ("la", 'A', 9),
    ("si", 'B', 11),
];

fn natural(c: char) -> Option<(char, u8)> {
    let c = c.to_ascii_uppercase();
    ROMAN.iter().find(|(_, letter, _)| *letter == c).map(|(_, letter, pitch)| (*letter, *pitch))
}

/// The key that begins at `at`, and the place behind it. A letter alone is one only behind `in` and before no word.
pub(super) fn key_at(tokens: &[Token], at: usize) -> Option<(Key, usize)> {
    let text = spelt(tokens, at)?;
    let read = |tongue| read(tokens, at, text, tongue);
    read(Tongue::German).or_else(|| read(Tongue::Roman)).or_else(|| read(Tongue::English))
}

fn spelt(tokens: &[Token], at: usize) -> Option<&str> {
    match tokens.get(at)? {
        Token::Word { text, .. } => Some(text),
        _ => None,
    }
}

fn read(tokens: &[Token], at: usize, text: &str, tongue: Tongue) -> Option<(Key, usize)> {
    let lower = text.to_lowercase();
    let named = |names: &[(&str, char, u8)]| {
        names.iter().find(|(name, ..)| *name == lower).map(|(_, letter, pitch)| (*letter, *pitch))
    };
    let chars: Vec<char> = text.chars().collect();
    let ((letter, pitch), sign) = match (tongue, chars.as_slice()) {
        (Tongue::German, &[c]) if lower != "b" && lower != "h" => (natural(c)?, 0),
        (Tongue::German, _) => (named(&GERMAN)?, 0),
        (Tongue::Roman, _) => (named(&ROMAN)?, 0),
        (Tongue::English, &[c]) => (natural(c)?, 0),
        (Tongue::English, &[c, '#']) => (natural(c)?, 1),
        (Tongue::English, &[c, 'b']) if c.is_uppercase() => (natural(c)?, 11),
        _ => return None,
    };
    let (step, next) = accidental(tokens, at + 1);
    let (pitch, signed) = ((pitch + sign + step) % 12, sign + step > 0);
    match mode(tokens, next) {
        Some((_, spoken, _)) if (spoken == Tongue::German) != (tongue == Tongue::German) => None,
        Some((minor, spoken, end)) if tongue != Tongue::Roman || spoken == Tongue::Roman => {
            Some((Key { letter, pitch, minor: Some(minor) }, end))
        }
        _ if tongue != Tongue::English => None,
        _ if signed || alone(tokens, at, next) => Some((Key { letter, pitch, minor: None }, next)),
        _ => None,
    }
}

/// Semitones up, mod 12, and the place behind the sign.
fn accidental(tokens: &[Token], at: usize) -> (u8, usize) {
    let dashed = usize::from(tokens.get(at) == Some(&Token::Mark('-')));
    match spelt(tokens, at + dashed).map(str::to_lowercase).as_deref() {
        Some("flat" | "bemol" | "bemolle") => (11, at + dashed + 1),
        Some("sharp" | "diese" | "diesis") => (1, at + dashed + 1),
        _ => (0, at),
    }
}

/// Whether it is minor, the language of the word, and the place behind it.
fn mode(tokens: &[Token], at: usize) -> Option<(bool, Tongue, usize)> {
    let dashed = usize::from(tokens.get(at) == Some(&Token::Mark('-')));
    let (minor, tongue) = match spelt(tokens, at + dashed)?.to_lowercase().as_str() {
        "major" | "maj" => (false, Tongue::English),
        "minor" | "min" => (true, Tongue::English),
        "dur" => (false, Tongue::German),
        "moll" => (true, Tongue::German),
        "majeur" | "maggiore" => (false, Tongue::Roman),
        "mineur" | "minore" => (true, Tongue::Roman),
        _ => return None,
    };
    Some((minor, tongue, at + dashed + 1))
}

fn alone(tokens: &[Token], at: usize, next: usize) -> bool {
    let behind_in = at.checked_sub(1).and_then(|before| spelt(tokens, before)).is_some_and(|text| text == "in");
    let catalogued = matches!(tokens.get(next + 1), Some(Token::Number(_)));
    behind_in && (catalogued || !matches!(tokens.get(next), Some(Token::Word { .. })))
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let letter = self.letter.to_ascii_lowercase();
        let up = natural(self.letter).map_or(0, |(_, pitch)| (self.pitch + 12 - pitch) % 12);
        let sign = match up {
            0 => "",
            1 => " sharp",
            11 => " flat",
            _ => " with several signs",
        };
        let name = format!("{letter}{sign}");
        match self.minor {
            Some(true) => write!(f, "in {name} minor"),
            Some(false) => write!(f, "in {name} major"),
            None => write!(f, "in {name}"),
        }
    }
}

#[cfg(test)]
mod tests;
