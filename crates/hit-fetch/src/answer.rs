//! What the head of an answer means for the bytes that are there already (RFC 9110, sections 13 to 15).

use crate::error::Error;
use crate::transfer::Answer;

/// What is there and what is known about the whole.
#[derive(Clone, Default, Debug)]
pub(crate) struct Held {
    /// Bytes that are there; the request asked for those that follow.
    pub(crate) have: u64,
    /// Size of the whole by the configuration, bytes.
    pub(crate) configured: Option<u64>,
    /// Size of the whole by the answers so far, bytes.
    pub(crate) told: Option<u64>,
    /// Entity tag of the answers so far.
    pub(crate) etag: Option<String>,
}

/// What to do with an answer.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The bytes that follow go behind those that are there; the whole has so many, if that is known.
    Append(Option<u64>),
    /// The bytes that follow are the whole from its start.
    Afresh(Option<u64>),
    /// Everything is there already.
    Whole,
    /// What is there is of no use: ask again from the start.
    Again(&'static str),
    /// Try later; the server may say after how many seconds.
    Later(String, Option<u64>),
    /// Give up.
    Refuse(Box<Error>),
}

/// Judges an answer.
pub(crate) fn judge(answer: &Answer, held: &Held) -> Verdict {
    match answer.status {
        200 => match size_fault(answer, held, answer.length) {
            Some(fault) => fault,
            None => Verdict::Afresh(answer.length),
        },
        206 => judge_part(answer, held),
        416 if held.have > 0 => {
            let whole = answer.content_range.as_deref().and_then(unsatisfied);
            if let Some(fault) = size_fault(answer, held, whole) {
                fault
            } else if whole == Some(held.have) {
                Verdict::Whole
            } else {
                Verdict::Again("the server knows no such part of the file")
            }
        }
        408 | 425 | 429 | 500..=599 => Verdict::Later(format!("status {}", answer.status), answer.retry_after),
        status => Verdict::Refuse(Box::new(Error::Status { url: answer.url.clone(), status })),
    }
}

fn judge_part(answer: &Answer, held: &Held) -> Verdict {
    let Some((first, total)) = answer.content_range.as_deref().and_then(satisfied) else {
        return wrong_part(held, "the server does not say which part it sends");
    };
    if let Some(fault) = size_fault(answer, held, total) {
        return fault;
    }
    if first != held.have {
        return wrong_part(held, "the server sends another part than was asked for");
    }
    let differs = |old: &Option<String>, new: &Option<String>| old.is_some() && new.is_some() && old != new;
    if differs(&held.etag, &answer.etag) || (held.told.is_some() && total.is_some() && held.told != total) {
        return wrong_part(held, "the file on the server has changed");
    }
    Verdict::Append(total.or(held.told))
}

/// Asking again from the start only helps if that is not what was asked for already.
fn wrong_part(held: &Held, why: &'static str) -> Verdict {
    if held.have > 0 { Verdict::Again(why) } else { Verdict::Later(why.to_owned(), None) }
}

fn size_fault(answer: &Answer, held: &Held, found: Option<u64>) -> Option<Verdict> {
    let (expected, found) = (held.configured?, found?);
    let fault = || Verdict::Refuse(Box::new(Error::WrongSize { url: answer.url.clone(), expected, found }));
    (expected != found).then(fault)
}

/// First byte and size of the whole in `bytes 100-199/1000` or `bytes 100-199/*`.
fn satisfied(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = bytes_unit(text)?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (number(first)?, number(last)?);
    let total = if total.trim() == "*" { None } else { Some(number(total)?) };
    (first <= last && total.is_none_or(|total| last < total)).then_some((first, total))
}

/// Size of the whole in `bytes */1000`.
fn unsatisfied(text: &str) -> Option<u64> {
    number(bytes_unit(text)?.trim().strip_prefix("*/")?)
}

fn bytes_unit(text: &str) -> Option<&str> {
    let (unit, rest) = text.trim().split_once(' ')?;
    unit.eq_ignore_ascii_case("bytes").then_some(rest)
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    // `parse` alone would take a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, range: &str) -> Answer {
        Answer { status, content_range: Some(range.to_owned()), ..Answer::default() }
    }

    fn held(have: u64) -> Held {
        Held { have, ..Held::default() }
    }

    #[test]
    fn ranges_are_read_strictly() {
        assert_eq!(satisfied("bytes 100-199/1000"), Some((100, Some(1000))));
        assert_eq!(satisfied("Bytes 0-0/*"), Some((0, None)));
        let wrong =
            ["bytes 1-0/9", "bytes 0-9/9", "items 0-1/9", "bytes +1-2/9", "bytes 1/9", "bytes */9", "", "bytes"];
        for text in wrong {
            assert_eq!(satisfied(text), None, "{text}");
        }
        assert_eq!(unsatisfied("bytes */47"), Some(47));
        assert_eq!(unsatisfied("bytes 1-2/47"), None);
    }

    #[test]
    fn a_part_must_be_the_one_asked_for() {
        assert!(matches!(judge(&answer(206, "bytes 5-9/10"), &held(5)), Verdict::Append(Some(10))));
        assert!(matches!(judge(&answer(206, "bytes 0-9/10"), &held(5)), Verdict::Again(_)));
        assert!(matches!(judge(&answer(206, "nonsense"), &held(5)), Verdict::Again(_)));
        assert!(matches!(judge(&answer(206, "nonsense"), &held(0)), Verdict::Later(..)));
        let changed = Held { told: Some(11), ..held(5) };
        assert!(matches!(judge(&answer(206, "bytes 5-9/10"), &changed), Verdict::Again(_)));
        let tagged = Held { etag: Some("\"a\"".into()), ..held(5) };
        let other = Answer { etag: Some("\"b\"".into()), ..answer(206, "bytes 5-9/10") };
        assert!(matches!(judge(&other, &tagged), Verdict::Again(_)));
    }

    #[test]
    fn beyond_the_end_is_either_whole_or_nothing() {
        assert!(matches!(judge(&answer(416, "bytes */5"), &held(5)), Verdict::Whole));
        assert!(matches!(judge(&answer(416, "bytes */4"), &held(5)), Verdict::Again(_)));
        assert!(matches!(judge(&answer(416, "bytes */0"), &held(0)), Verdict::Refuse(_)));
    }

    #[test]
    fn another_size_than_configured_is_refused_at_once() {
        let sized = Held { configured: Some(10), ..held(5) };
        let whole = Answer { status: 200, length: Some(11), ..Answer::default() };
        assert!(matches!(judge(&whole, &sized), Verdict::Refuse(_)));
        assert!(matches!(judge(&answer(206, "bytes 5-10/11"), &sized), Verdict::Refuse(_)));
        assert!(matches!(judge(&answer(416, "bytes */5"), &sized), Verdict::Refuse(_)));
        assert!(matches!(judge(&answer(206, "bytes 5-9/*"), &sized), Verdict::Append(None)));
    }

    #[test]
    fn only_troubles_of_the_server_are_worth_waiting_for() {
        for status in [408, 429, 500, 503] {
            assert!(matches!(judge(&answer(status, ""), &held(0)), Verdict::Later(..)));
        }
        for status in [304, 401, 403, 404, 410, 204] {
            assert!(matches!(judge(&answer(status, ""), &held(0)), Verdict::Refuse(_)));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_appended_but_the_bytes_that_follow(
            status in 100u16..600, first in 0u64..20, last in 0u64..20, total in 0u64..20, have in 0u64..20,
        ) {
            let verdict = judge(&answer(status, &format!("bytes {first}-{last}/{total}")), &held(have));
            if let Verdict::Append(_) = verdict {
                prop_assert!(status == 206 && first == have && first <= last && last < total);
            }
        }

        #[test]
        fn any_header_is_read_without_panic(text: String) {
            let _ = (satisfied(&text), unsatisfied(&text));
        }
    }
}
