//! Where the premium part is, and what before it is free.

use core::ops::Range;

use alloc::vec::Vec;

use super::{
    Part, Untrimmed,
    html::{self, Kind, Token},
};

/// Places in a page, by the numbers of its tokens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// What goes, in order.
    pub(super) ranges: Vec<Range<usize>>,
    /// Tags in there without which what is around them would not nest as it did.
    pub(super) kept: Vec<usize>,
    /// Whether the last free paragraph lacks its end tag.
    pub(super) unclosed: bool,
    /// Text that readers of the teaser see: it may be quoted in the premium part.
    pub(super) free: Vec<usize>,
}

pub(super) fn find(tokens: &[Token<'_>], part: &Part, nonce: &str) -> Result<Cut, Untrimmed> {
    let (opens, closes) = match part {
        Part::Marker(name) => (name.clone(), ["/", name].concat()),
        _ => ([nonce, "("].concat(), [nonce, ")"].concat()),
    };
    let found = between(tokens, &opens, &closes)?;
    let ranges: Vec<_> = match part {
        Part::Paragraphs { count, .. } => {
            let rests = found.into_iter().map(|range| after_paragraphs(tokens, range, *count));
            rests.flatten().collect()
        }
        _ => found,
    };
    let last = ranges.first().and_then(|range| tokens.get(range.start.checked_sub(1)?));
    let unclosed = matches!(part, Part::Paragraphs { .. }) && last.is_some_and(|token| !token.closes("p"));
    let Some(first) = ranges.first() else {
        return Err(Untrimmed::NoPart);
    };
    let free = free(tokens, first.start, matches!(part, Part::Paragraphs { .. }), nonce);
    let kept = ranges.iter().flat_map(|range| unbalanced(tokens, range)).collect();
    Ok(Cut {
        ranges,
        kept,
        unclosed,
        free,
    })
}

/// The outermost stretches from a comment that says `opens` to the one that says `closes`, both included.
fn between(tokens: &[Token<'_>], opens: &str, closes: &str) -> Result<Vec<Range<usize>>, Untrimmed> {
    let mut ranges = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (index, token) in tokens.iter().enumerate() {
        let Kind::Comment(inner) = token.kind else {
            continue;
        };
        if inner.trim() == opens {
            if depth == 0 {
                start = index;
            }
            depth = depth.saturating_add(1);
        } else if inner.trim() == closes {
            depth = depth.checked_sub(1).ok_or(Untrimmed::Unclosed)?;
            if depth == 0 {
                ranges.push(start..index.saturating_add(1));
            }
        }
    }
    match depth {
        0 => Ok(ranges),
        _ => Err(Untrimmed::Unclosed),
    }
}

/// What follows the end of the last free paragraph in a container; none if there is nothing.
fn after_paragraphs(tokens: &[Token<'_>], container: Range<usize>, count: u64) -> Option<Range<usize>> {
    let mut left = count;
    let mut inside: Option<Vec<&str>> = None;
    for index in container.clone() {
        let token = tokens.get(index)?;
        // elements that are open in the last free paragraph
        if let Some(open) = &mut inside {
            match token.kind {
                Kind::Open { name, .. } if html::ends_paragraph(name) => return Some(index..container.end),
                Kind::Open { name, .. } if !html::is_void(name) => open.push(name),
                Kind::Close(name) => match open.iter().rposition(|other| other.eq_ignore_ascii_case(name)) {
                    Some(at) => open.truncate(at),
                    None if name.eq_ignore_ascii_case("p") => return Some(index.saturating_add(1)..container.end),
                    None => return Some(index..container.end),
                },
                _ => {}
            }
        } else if token.opens("p") {
            left = left.saturating_sub(1);
            if left == 0 {
                inside = Some(Vec::new());
            }
        }
    }
    None
}

/// Tags in a stretch whose other half is outside of it.
fn unbalanced(tokens: &[Token<'_>], range: &Range<usize>) -> Vec<usize> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut kept = Vec::new();
    for index in range.clone() {
        match tokens.get(index) {
            Some(Token {
                kind: Kind::Open { name, .. },
                text,
            }) if !html::is_void(name) && !text.ends_with("/>") => open.push((name, index)),
            Some(Token {
                kind: Kind::Close(name), ..
            }) => match open.iter().rposition(|(other, _)| other.eq_ignore_ascii_case(name)) {
                Some(at) => open.truncate(at),
                None => kept.push(index),
            },
            _ => {}
        }
    }
    // an end tag that was left out does not come later
    let later = open.into_iter().filter(|(name, _)| !html::closes_itself(name));
    kept.extend(later.map(|(_, index)| index));
    kept
}

/// An open element on the way to a place in the page.
struct Element<'a> {
    name: &'a str,
    index: usize,
    /// Whether readers see what is directly in it.
    seen: bool,
}

/// The text that stands before the cut in the same article, in its paragraphs and headings: nothing that is hidden, and nothing in a
/// box of its own, which may be. In `marked`, the article is what is marked.
fn free(tokens: &[Token<'_>], cut: usize, marked: bool, nonce: &str) -> Vec<usize> {
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut article = None;
    let before = tokens.get(..cut).unwrap_or_default();
    for (index, token) in before.iter().enumerate() {
        match token.kind {
            Kind::Comment(_) if marked && is_mark(token, nonce) => article = Some(index.saturating_add(1)),
            Kind::Open { name, .. } => step_in(&mut open, name, index, true),
            Kind::Close(name) => step_out(&mut open, name),
            _ => {}
        }
    }
    let is_article = |element: &&Element<'_>| html::is_one_of(element.name, "article main") || Some(element.index) == article;
    let inner = open.iter().rev().find(is_article).or_else(|| open.last());
    let start = inner.map_or(0, |element| element.index);
    let chain: Vec<usize> = open
        .iter()
        .map(|element| element.index)
        .filter(|index| *index >= start)
        .collect();

    let mut free = Vec::new();
    let mut open: Vec<Element<'_>> = Vec::new();
    for (index, token) in before.iter().enumerate().skip(start) {
        match token.kind {
            Kind::Open { name, .. } => {
                let hidden = ["hidden", "aria-hidden", "inert", "style"]
                    .iter()
                    .any(|name| token.attribute(name).is_some());
                let around = open.last().is_none_or(|element| element.seen);
                let seen = chain.contains(&index) || around && !hidden && shows(name);
                step_in(&mut open, name, index, seen);
                free.push(index);
            }
            Kind::Close(name) => {
                step_out(&mut open, name);
                free.push(index);
            }
            Kind::Text if open.last().is_some_and(|element| element.seen) => free.push(index),
            _ => {}
        }
    }
    free
}

/// Elements that show what is in them, and are no boxes that could be there for another reason.
fn shows(name: &str) -> bool {
    const SHOW: &str = "p h1 h2 h3 h4 h5 h6 header hgroup blockquote figure figcaption ul ol li";
    html::is_inline(name) || html::is_one_of(name, SHOW)
}

fn step_in<'a>(open: &mut Vec<Element<'a>>, name: &'a str, index: usize, seen: bool) {
    let in_paragraph = open.last().is_some_and(|element| element.name.eq_ignore_ascii_case("p"));
    if in_paragraph && html::ends_paragraph(name) {
        open.pop();
    }
    if !html::is_void(name) {
        open.push(Element { name, index, seen });
    }
}

fn step_out(open: &mut Vec<Element<'_>>, name: &str) {
    if let Some(at) = open.iter().rposition(|element| element.name.eq_ignore_ascii_case(name)) {
        open.truncate(at);
    }
}

/// Whether it is a comment that was put before or after what the selector matches.
pub(super) fn is_mark(token: &Token<'_>, nonce: &str) -> bool {
    matches!(token.kind, Kind::Comment(inner) if !nonce.is_empty() && inner.starts_with(nonce))
}
