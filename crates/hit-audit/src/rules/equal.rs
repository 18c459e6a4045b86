//! `equal` and its short forms: a printed number is what others make it.

use super::fields::{Fields, decimals};
use super::{Outcome, numeral};
use crate::Verdict;
use crate::book::{Book, Found};
use crate::eval::{Scope, pairs, show_all};
use crate::expr::{Expr, Function, Operator};
use crate::pattern::Pattern;
use crate::published::half_unit;
use crate::range::{Range, Relation};

#[derive(Clone, Debug)]
pub(super) struct Equal {
    value: Pattern,
    is: Expr,
    decimals: Option<i32>,
    about: Option<f64>,
}

impl Equal {
    pub fn parse(name: &str, fields: &mut Fields) -> Result<Self, String> {
        let value = fields.pattern("value")?;
        let is = match name {
            "equal" => fields.expr("is")?,
            "delta" => binary(Operator::Minus, fields)?,
            "ratio" => binary(Operator::Over, fields)?,
            "minimum" => Expr::Call(Function::Min, fields.exprs("of")?),
            "maximum" => Expr::Call(Function::Max, fields.exprs("of")?),
            "mean" => Expr::Call(Function::Mean, fields.exprs("of")?),
            _ => Expr::Call(Function::Sum, fields.exprs("of")?),
        };
        let decimals = fields.optional_number("decimals")?.map(decimals).transpose()?;
        let about = fields.optional_number("about")?;
        if about.is_some_and(|share| share < 0.0) || (about.is_some() && decimals.is_some()) {
            return Err("`about` is a relative tolerance, not negative, and goes without `decimals`".to_owned());
        }
        Ok(Self { value, is, decimals, about })
    }

    pub fn apply(&self, book: &Book) -> Result<Vec<Outcome>, String> {
        let bound = self.value.bind(book)?;
        bound.into_iter().map(|(found, bindings)| self.outcome(book, &found, &bindings)).collect()
    }

    fn outcome(&self, book: &Book, found: &Found, bindings: &[String]) -> Result<Outcome, String> {
        let mut scope = Scope::new(book, bindings);
        scope.note(found);
        let (range, text) = numeral(book, found)?;
        let range = match (self.decimals, self.about) {
            (Some(digits), _) => Range::around(range.at, half_unit(digits)),
            (_, Some(share)) => Range::around(range.at, share * range.at.abs()),
            _ => range,
        };
        let computed = scope.eval(&self.is)?;
        let verdict = pairs(&[range], &computed)?
            .into_iter()
            .fold(Verdict::Consistent, |verdict, (value, other)| verdict.and(Relation::Equal.holds(value, other)));
        let shown = show_all(&computed);
        let sign = if verdict == Verdict::Inconsistent { "not" } else { "printed" };
        Ok(Outcome {
            instance: found.path.clone(),
            verdict,
            working: format!("{} = {shown}, {sign} {text}", scope.write(&self.is)?),
            printed: text,
            computed: shown,
            used: scope.used,
        })
    }
}

fn binary(operator: Operator, fields: &mut Fields) -> Result<Expr, String> {
    let (of, to) = (fields.expr("of")?, fields.expr("to")?);
    let side = |expr: Expr| if matches!(expr, Expr::Binary(..)) { Expr::List(vec![expr]) } else { expr };
    Ok(Expr::Binary(operator, Box::new(side(of)), Box::new(side(to))))
}
