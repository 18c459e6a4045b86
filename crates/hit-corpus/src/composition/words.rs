//! Words of titles: folded characters, tokens, and which spellings are one word.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A piece of a title.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// Letters, in their case; `dot` if a full stop follows. `F#` and `Bb` are words.
    Word { text: String, dot: bool },
    /// Digits; a letter behind them (`81a`) is dropped.
    Number(u32),
    /// `1st`, `2eme`.
    Ordinal,
    /// Any other character but space, full stop and quotes.
    Mark(char),
}

/// Names of the forms, each with its spellings and abbreviations; plurals with `s` need no entry.
const FORMS: &[(&str, &[&str])] = &[
    ("bagatelle", &["bagatellen"]),
    ("ballade", &["ballad", "ballata"]),
    ("barcarolle", &["barcarola"]),
    ("berceuse", &[]),
    ("capriccio", &["caprice"]),
    ("chaconne", &["ciaccona"]),
    ("concerto", &["konzert", "conc"]),
    ("dance", &["danse", "tanz", "tanze"]),
    ("duet", &["duett", "duetto"]),
    ("ecossaise", &["ecossaisen"]),
    ("etude", &["etuden", "studie", "studien", "study", "etud"]),
    ("fantasy", &["fantasia", "fantasie", "fantasien", "fantaisie", "phantasie", "phantasy"]),
    ("fugue", &["fuge", "fugen", "fuga"]),
    ("impromptu", &[]),
    ("intermezzo", &["intermezzi"]),
    ("invention", &["inventio", "inventionen"]),
    ("march", &["marche", "marsch", "marcia"]),
    ("mazurka", &["mazurek"]),
    ("minuet", &["menuet", "menuett", "minuetto"]),
    ("moment", &[]),
    ("nocturne", &["notturno"]),
    ("overture", &["ouverture"]),
    ("partita", &["partiten"]),
    ("piece", &["stuck", "stucke", "stueck", "stuecke"]),
    ("polonaise", &["polacca"]),
    ("prelude", &["preludio", "preludium", "praeludium", "praludium", "praludien", "preludien"]),
    ("rhapsody", &["rhapsodie", "rapsodie", "rapsodia", "rhapsodien"]),
    ("romance", &["romanze", "romanzen"]),
    ("rondo", &["rondeau"]),
    ("scherzo", &["scherzi"]),
    ("sonata", &["sonate", "sonaten", "son"]),
    ("sonatina", &["sonatine", "sonatinen"]),
    ("song", &["lied", "lieder"]),
    ("suite", &["suiten"]),
    ("theme", &["thema", "tema"]),
    ("toccata", &["tokkata", "toccaten"]),
    ("variation", &["variationen", "variazioni", "var"]),
    ("waltz", &["waltze", "valse", "walzer"]),
];

/// Other words with more than one spelling in titles.
const SPELLINGS: &[(&str, &str)] = &[
    ("spanish", "espagnole"),
    ("musicaux", "musical"),
    ("elegie", "elegy"),
    ("arabeske", "arabesque"),
    ("humoreske", "humoresque"),
];

/// Words that say nothing about which piece it is: articles and prepositions of four languages, counts, remarks.
const STOPS: &[&str] = &[
    "the",
    "of",
    "in",
    "on",
    "from",
    "for",
    "by",
    "to",
    "at",
    "and",
    "with",
    "op",
    "opus",
    "und",
    "der",
    "die",
    "das",
    "dem",
    "den",
    "des",
    "von",
    "et",
    "de",
    "du",
    "del",
    "della",
    "di",
    "la",
    "le",
    "les",
    "il",
    "lo",
    "un",
    "une",
    "au",
    "aux",
    "sur",
    "pour",
    "ein",
    "eine",
    "no",
    "nos",
    "nr",
    "complete",
    "komplett",
    "selection",
    "excerpt",
    "edition",
    "version",
    "arr",
    "arrangement",
    "arranged",
    "transcribed",
    "missing",
    "opening",
    "posthumou",
    "posth",
    "movement",
    "mov",
    "mvt",
    "movt",
    "satz",
    "major",
    "minor",
    "maj",
    "min",
    "dur",
    "moll",
    "flat",
    "sharp",
    "first",
    "second",
    "third",
    "fourth",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "twelve",
    "fifteen",
    "sixteen",
    "twenty",
    "thirty",
    "deux",
    "troi",
    "quatre",
    "cinq",
    "zwei",
    "drei",
    "vier",
    "sech",
    "zwolf",
];

/// Letters that have no canonical decomposition, and signs written in many ways.
fn plain(c: char, to: &mut String) {
    match c {
        'ß' => to.push_str("ss"),
        'æ' | 'Æ' => to.push_str("ae"),
        'œ' | 'Œ' => to.push_str("oe"),
        'ø' => to.push('o'),
        'Ø' => to.push('O'),
        'ł' => to.push('l'),
        'Ł' => to.push('L'),
        'đ' => to.push('d'),
        '‐'..='―' | '−' => to.push('-'),
        '‘' | '’' | '‚' | '‛' | '`' | '´' => to.push('\''),
        '“' | '”' | '„' | '«' | '»' => to.push('"'),
        '♯' => to.push('#'),
        '♭' => to.push('b'),
        _ => to.push(c),
    }
}

/// The text without accents and ligatures, with one kind of dash and quote; case is kept.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        plain(c, &mut folded);
    }
    folded
}

/// The tokens of a title. `whole` says which run of letters must not be taken apart where its case changes (`WoO`).
pub(super) fn tokens(text: &str, whole: impl Fn(&str) -> bool) -> Vec<Token> {
    let chars: Vec<char> = fold(text).chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let end = |fits: fn(char) -> bool| chars[at..].iter().position(|c| !fits(*c)).map_or(chars.len(), |n| at + n);
        let next = if chars[at].is_ascii_digit() {
            number(&chars, at, end(|c| c.is_ascii_digit()), &mut tokens)
        } else if chars[at].is_alphabetic() {
            word(&chars, at, end(char::is_alphabetic), &whole, &mut tokens)
        } else {
            if !chars[at].is_whitespace() && !"\"'.".contains(chars[at]) {
                tokens.push(Token::Mark(chars[at]));
            }
            at + 1
        };
        at = next;
    }
    tokens
}

fn number(chars: &[char], from: usize, to: usize, tokens: &mut Vec<Token>) -> usize {
    let after = chars[to..].iter().take_while(|c| c.is_alphabetic()).count();
    let suffix: String = chars[to..to + after].iter().collect::<String>().to_lowercase();
    // `1st`, `2e`; but `300e` is a number of Koechel's.
    let counts = to - from < 3 && ["st", "nd", "rd", "th", "e", "er", "eme", "ere"].contains(&suffix.as_str());
    if counts {
        tokens.push(Token::Ordinal);
        return to + after;
    }
    let digits: String = chars[from..to].iter().collect();
    match digits.parse() {
        Ok(value) => tokens.push(Token::Number(value)),
        Err(_) => tokens.push(Token::Word { text: digits, dot: false }),
    }
    if after == 1 { to + 1 } else { to }
}

fn word(chars: &[char], from: usize, to: usize, whole: &impl Fn(&str) -> bool, tokens: &mut Vec<Token>) -> usize {
    let run: String = chars[from..to].iter().collect();
    let possessive = from > 0 && chars[from - 1] == '\'' && run == "s";
    if possessive {
        return to;
    }
    let sharp = run.len() == 1 && "ABCDEFGabcdefg".contains(&run) && chars.get(to) == Some(&'#');
    if sharp {
        tokens.push(Token::Word { text: format!("{run}#"), dot: false });
        return to + 1;
    }
    let parts = if whole(&run.to_lowercase()) { vec![run] } else { apart(&run) };
    let last = parts.len() - 1;
    for (place, text) in parts.into_iter().enumerate() {
        tokens.push(Token::Word { text, dot: place == last && chars.get(to) == Some(&'.') });
    }
    to
}

/// Words written as one: `WTKII`, `BII` (book two), `SuiteBergamasque`, `DMin`.
fn apart(run: &str) -> Vec<String> {
    let chars: Vec<char> = run.chars().collect();
    let mut parts = vec![String::new()];
    for (place, &c) in chars.iter().enumerate() {
        let low = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_lowercase());
        if place > 0 && c.is_uppercase() && (low(place.checked_sub(1)) || low(Some(place + 1))) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.into_iter().flat_map(book).collect()
}

fn book(part: String) -> Vec<String> {
    for (head, said) in [("WTC", "WTC"), ("WTK", "WTC"), ("B", "Book")] {
        if let Some(rest) = part.strip_prefix(head).filter(|rest| ["I", "II", "III"].contains(rest)) {
            return vec![said.to_owned(), rest.to_owned()];
        }
    }
    vec![part]
}

/// The one spelling of a word; `None` if it says nothing. A word that was cut short ends in a full stop.
pub(super) fn canonical(text: &str, dot: bool) -> Option<String> {
    let lower = text.to_lowercase();
    let single = singular(&lower);
    if let Some(form) = form_of(&lower).or_else(|| form_of(single)) {
        return Some(form.to_owned());
    }
    if STOPS.contains(&lower.as_str()) || STOPS.contains(&single) || lower.chars().count() == 1 {
        return None;
    }
    if let Some((_, said)) = SPELLINGS.iter().find(|(spelt, _)| *spelt == single) {
        return Some((*said).to_owned());
    }
    let umlaut = single.replace("ae", "a").replace("oe", "o").replace("ue", "u");
    // A sentence may end in any word: only a short one before a full stop may be cut.
    if dot && (3..=5).contains(&umlaut.chars().count()) { Some(umlaut + ".") } else { Some(umlaut) }
}

fn singular(word: &str) -> &str {
    let fits = word.chars().count() > 3 && !word.ends_with("ss");
    word.strip_suffix('s').filter(|_| fits).unwrap_or(word)
}

fn form_of(word: &str) -> Option<&'static str> {
    let found = FORMS.iter().find(|(form, spelt)| *form == word || spelt.contains(&word));
    found.map(|(form, _)| *form)
}

/// Whether a canonical word is the name of a form, which many pieces share.
pub(super) fn is_form(word: &str) -> bool {
    FORMS.iter().any(|(form, _)| same(form, word))
}

/// Whether two canonical words are one: equal; one cut short (`prel.`); or long, with equal beginnings, and one letter
/// or only the ending different (`islamei`, `islamey`; `transcendental`, `transcendante`).
pub(super) fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let cut = |cut: &str, full: &str| cut.strip_suffix('.').is_some_and(|stem| full.starts_with(stem));
    if a.ends_with('.') || b.ends_with('.') {
        return cut(a, b) || cut(b, a);
    }
    let common = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let (long_a, long_b) = (a.chars().count(), b.chars().count());
    common >= 8 || (common >= 3 && long_a.min(long_b) >= 6 && one_edit(a, b, common))
}

/// Whether the rests behind `common` equal characters differ by one letter changed, added or left out.
fn one_edit(a: &str, b: &str, common: usize) -> bool {
    let rest = |word: &str, skip: usize| word.chars().skip(common + skip).collect::<String>();
    rest(a, 1) == rest(b, 1) || rest(a, 0) == rest(b, 1) || rest(a, 1) == rest(b, 0)
}

/// A number below 40 in Roman capitals.
pub(super) fn roman(text: &str) -> Option<u32> {
    let tens = text.chars().take_while(|c| *c == 'X').count();
    let unit = match text.get(tens..)? {
        "" if tens > 0 => 0,
        "I" => 1,
        "II" => 2,
        "III" => 3,
        "IV" => 4,
        "V" => 5,
        "VI" => 6,
        "VII" => 7,
        "VIII" => 8,
        "IX" => 9,
        _ => return None,
    };
    u32::try_from(tens).ok().filter(|tens| *tens < 4).map(|tens| tens * 10 + unit)
}

#[cfg(test)]
mod tests;
