//! Expressions and statements over published values: their grammar.
//!
//! ```text
//! statement = clause { "and" clause }
//! clause    = ("rising" | "falling") "(" expression ")" | expression { relation expression }
//! relation  = "<" | "<=" | ">" | ">=" | "=" | "!="
//! expression, product = sums and products of: number, path pattern, function "(" ... ")", "(" expression ")", "-" ...
//! ```
//!
//! A path may contain `-`, so an operator stands between spaces.

use crate::pattern::Pattern;
use crate::range::Relation;

/// Deepest nesting of parentheses.
const DEEPEST: usize = 32;
/// Longest statement, in tokens.
const LONGEST: usize = 1000;

/// A number, or a list of numbers, made of published ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Number(f64, String),
    Path(Pattern),
    Negated(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Call(Function, Vec<Expr>),
    List(Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

impl Operator {
    pub fn sign(self) -> char {
        match self {
            Self::Plus => '+',
            Self::Minus => '-',
            Self::Times => '*',
            Self::Over => '/',
        }
    }
}

/// Functions of expressions. The first five make one number of a list, the next two count facts, the others go by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Min,
    Max,
    Mean,
    Sum,
    Sd,
    Count,
    Distinct,
    Abs,
    Sqrt,
    Log2,
    Floor,
}

impl Function {
    const ALL: [(&'static str, Self); 11] = [
        ("min", Self::Min),
        ("max", Self::Max),
        ("mean", Self::Mean),
        ("sum", Self::Sum),
        ("sd", Self::Sd),
        ("count", Self::Count),
        ("distinct", Self::Distinct),
        ("abs", Self::Abs),
        ("sqrt", Self::Sqrt),
        ("log2", Self::Log2),
        ("floor", Self::Floor),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, function)| *function == self).map_or("?", |(name, _)| name)
    }
}

/// One clause of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Clause {
    Chain(Expr, Vec<(Relation, Expr)>),
    Rising(Expr),
    Falling(Expr),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64, String),
    Word(String),
    Sign(char),
    Relation(Relation),
}

/// Reads an expression.
pub(crate) fn expression(text: &str) -> Result<Expr, String> {
    let mut parser = Parser::new(text)?;
    let expr = parser.sum(0)?;
    parser.end()?;
    Ok(expr)
}

/// Reads a statement.
pub(crate) fn statement(text: &str) -> Result<Vec<Clause>, String> {
    let mut parser = Parser::new(text)?;
    let mut clauses = vec![parser.clause()?];
    while parser.take_word("and") {
        clauses.push(parser.clause()?);
    }
    parser.end()?;
    Ok(clauses)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        if tokens.len() > LONGEST {
            return Err(format!("a statement of {} parts; at most {LONGEST} are read, so split it", tokens.len()));
        }
        Ok(Self { text, tokens, at: 0 })
    }

    fn fault(&self, expected: &str) -> String {
        let place = self.tokens.get(self.at).map_or("the end".to_owned(), |token| format!("{token:?}"));
        format!("`{}`: {expected} is expected at {place}", self.text)
    }

    fn end(&self) -> Result<(), String> {
        if self.at == self.tokens.len() { Ok(()) } else { Err(self.fault("an operator between spaces, or the end")) }
    }

    fn take_sign(&mut self, sign: char) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found == word);
        self.at += usize::from(found);
        found
    }

    fn clause(&mut self) -> Result<Clause, String> {
        for (word, make) in [("rising", Clause::Rising as fn(Expr) -> Clause), ("falling", Clause::Falling)] {
            if self.take_word(word) {
                return Ok(make(self.atom(0)?));
            }
        }
        let (first, mut rest) = (self.sum(0)?, Vec::new());
        while let Some(Token::Relation(relation)) = self.tokens.get(self.at) {
            let relation = *relation;
            self.at += 1;
            rest.push((relation, self.sum(0)?));
        }
        if rest.is_empty() { Err(self.fault("a relation such as `<=`")) } else { Ok(Clause::Chain(first, rest)) }
    }

    fn sum(&mut self, depth: usize) -> Result<Expr, String> {
        let mut left = self.product(depth)?;
        loop {
            let operator = match self.tokens.get(self.at) {
                Some(Token::Sign('+')) => Operator::Plus,
                Some(Token::Sign('-')) => Operator::Minus,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(operator, Box::new(left), Box::new(self.product(depth)?));
        }
    }

    fn product(&mut self, depth: usize) -> Result<Expr, String> {
        let mut left = self.atom(depth)?;
        loop {
            let operator = match self.tokens.get(self.at) {
                Some(Token::Sign('*')) => Operator::Times,
                Some(Token::Sign('/')) => Operator::Over,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(operator, Box::new(left), Box::new(self.atom(depth)?));
        }
    }

    fn atom(&mut self, depth: usize) -> Result<Expr, String> {
        if depth > DEEPEST {
            return Err(self.fault(&format!("nesting of at most {DEEPEST} levels")));
        }
        if self.take_sign('-') {
            return Ok(Expr::Negated(Box::new(self.atom(depth + 1)?)));
        }
        if self.take_sign('(') {
            return self.list(depth).map(Expr::List);
        }
        let token = self.tokens.get(self.at).cloned();
        match token {
            Some(Token::Number(value, text)) => {
                self.at += 1;
                Ok(Expr::Number(value, text))
            }
            Some(Token::Word(word)) => {
                self.at += 1;
                if self.take_sign('(') { self.call(&word, depth) } else { Pattern::parse(&word).map(Expr::Path) }
            }
            _ => Err(self.fault("a number, a path or a function")),
        }
    }

    fn call(&mut self, name: &str, depth: usize) -> Result<Expr, String> {
        let Some((_, function)) = Function::ALL.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = Function::ALL.iter().map(|(known, _)| *known).collect();
            return Err(format!("`{name}` is no function; there are {}", known.join(", ")));
        };
        let arguments = self.list(depth)?;
        let counts = matches!(function, Function::Count | Function::Distinct);
        if counts && arguments.iter().any(|argument| !matches!(argument, Expr::Path(_))) {
            return Err(format!("`{name}` counts facts, so it takes paths only"));
        }
        Ok(Expr::Call(*function, arguments))
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Expr>, String> {
        let mut items = vec![self.sum(depth + 1)?];
        while self.take_sign(',') {
            items.push(self.sum(depth + 1)?);
        }
        if self.take_sign(')') { Ok(items) } else { Err(self.fault("`)` or `,`")) }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let (token, length) = if let Some((sign, relation)) = Relation::ALL.iter().find(|(s, _)| rest.starts_with(s)) {
            (Token::Relation(*relation), sign.len())
        } else if c.is_ascii_digit() {
            number(rest)?
        } else if matches!(c, '+' | '-' | '/' | '(' | ')' | ',') || (c == '*' && !starts_path(rest)) {
            (Token::Sign(c), 1)
        } else {
            word(text, rest)?
        };
        all.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(all)
}

/// Whether a star begins a path (`*.S`) and is not a sign between spaces.
fn starts_path(rest: &str) -> bool {
    rest[1..].starts_with(|c: char| !c.is_whitespace() && c != '(')
}

fn number(rest: &str) -> Result<(Token, usize), String> {
    let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(rest.len());
    let text = &rest[..length];
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Number(value, text.to_owned()), length)),
        _ => Err(format!("`{text}` is no number; a path does not start with a digit")),
    }
}

fn word(text: &str, rest: &str) -> Result<(Token, usize), String> {
    let mut open = false;
    let mut length = rest.len();
    for (at, c) in rest.char_indices() {
        open = (open || c == '{') && c != '}';
        let of_word = c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '*' | '?' | '{' | '}' | '[' | ']') || open;
        if !of_word {
            length = at;
            break;
        }
    }
    if length == 0 {
        return Err(format!("`{text}` has a sign that means nothing here, before `{rest}`"));
    }
    Ok((Token::Word(rest[..length].to_owned()), length))
}
