//! What is left of a page around the cut: everything that shares a run of words with the premium part goes.

use alloc::{borrow::Cow, string::String, vec, vec::Vec};

use super::{
    cut::{self, Cut},
    html::{self, Kind, Token},
    json_ld, payload,
    unescape::{Work, any_form, plain},
    words::{Runs, Set, Tags},
};

/// A page, token by token.
pub(super) struct Cleaned<'a> {
    /// What becomes of each token; empty where it goes.
    pub(super) texts: Vec<Cow<'a, str>>,
    /// Whether JSON-LD says now that the article is not free.
    pub(super) described: bool,
}

pub(super) fn clean<'a>(tokens: &[Token<'a>], cut: &Cut, premium: &Set, nonce: &str, work: &Work) -> Cleaned<'a> {
    let mut gone = vec![false; tokens.len()];
    for range in &cut.ranges {
        gone.get_mut(range.clone()).unwrap_or_default().fill(true);
    }
    for index in &cut.kept {
        if let Some(gone) = gone.get_mut(*index) {
            *gone = false;
        }
    }
    for tags in [Tags::Part, Tags::Join] {
        for run in shared(tokens, &gone, premium, tags) {
            let texts = tokens.get(run.clone()).unwrap_or_default();
            for (token, gone) in texts.iter().zip(gone.get_mut(run).unwrap_or_default()) {
                *gone |= token.kind == Kind::Text;
            }
        }
    }
    let leaks = |text: &str| any_form(text, work, &|form| premium.shares(form));
    let mut cleaned = Cleaned {
        texts: Vec::with_capacity(tokens.len()),
        described: false,
    };
    let mut elements = tokens.iter().enumerate();
    while let Some((index, token)) = elements.next() {
        let whole = Cow::Borrowed(token.text);
        let text = match &token.kind {
            _ if gone.get(index) != Some(&false) || cut::is_mark(token, nonce) => Cow::Borrowed(""),
            Kind::Open { name, .. } if html::is_one_of(name, "script style") => {
                let next = |count: usize| tokens.get(index.saturating_add(count));
                let content = next(1).filter(|next| matches!(next.kind, Kind::Raw(_)));
                let end = next(if content.is_some() { 2 } else { 1 }).filter(|next| next.closes(name));
                let texts = script(token, content, end, &leaks, &mut cleaned.described);
                for _ in texts.iter().skip(1) {
                    elements.next();
                }
                cleaned.texts.extend(texts);
                continue;
            }
            Kind::Open { .. } if is_representation(token) => Cow::Borrowed(""),
            Kind::Open { name, attributes } => open(token, name, attributes, &leaks),
            // less than six words, or what they would be in base64
            _ if token.text.len() > 10 && leaks(token.text) => Cow::Borrowed(""),
            _ => whole,
        };
        cleaned.texts.push(text);
    }
    cleaned
}

/// Where the text of a page shares runs with the premium part, over its tags.
fn shared(tokens: &[Token<'_>], gone: &[bool], premium: &Set, tags: Tags) -> Vec<core::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let mut runs = Runs::new();
    let mut found = |run: super::words::Run| {
        if premium.has(run.hash) {
            ranges.push(run.first..run.last.saturating_add(1));
        }
    };
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            _ if gone.get(index) != Some(&false) => runs.gap(&mut found),
            Kind::Text => plain(token.text).chars().for_each(|c| runs.push(c, index, &mut found)),
            Kind::Open { name, .. } | Kind::Close(name) if tags == Tags::Part || !html::is_inline(name) => runs.gap(&mut found),
            _ => {}
        }
    }
    runs.gap(&mut found);
    ranges
}

/// Another form of the same article: who reads it there reads it under that address's own rule. Feeds are not of one article.
fn is_representation(token: &Token<'_>) -> bool {
    const FORMS: &str = "application/json application/activity+json text/markdown text/plain application/pdf";
    let rel = |wanted: &str| {
        let words = token.attribute("rel").unwrap_or_default().split_ascii_whitespace();
        words.into_iter().any(|word| word.eq_ignore_ascii_case(wanted))
    };
    let form = token
        .attribute("type")
        .is_some_and(|form| html::is_one_of(form.trim(), FORMS));
    token.opens("link") && (rel("amphtml") || rel("alternate") && form)
}

/// A start tag without the attributes that leak, and nothing of a description without its content.
fn open<'a>(token: &Token<'a>, name: &str, attributes: &[html::Attribute<'a>], leaks: &dyn Fn(&str) -> bool) -> Cow<'a, str> {
    let inner = token.text.get(1..).unwrap_or_default();
    let leaking = inner.len() > 11 && leaks(inner);
    let payload = |attribute: &&html::Attribute<'_>| payload::is_payload_attribute(name, attribute.name);
    if !leaking && !attributes.iter().any(|attribute| payload(&attribute)) {
        return Cow::Borrowed(token.text);
    }
    if leaking && html::is_one_of(name, "meta link base") {
        return Cow::Borrowed("");
    }
    let mut text = String::from("<");
    text.push_str(name);
    let kept = attributes
        .iter()
        .filter(|attribute| !(payload(attribute) || leaking && leaks(attribute.whole)));
    let end = if token.text.ends_with("/>") { " />" } else { ">" };
    let bare = text.clone();
    text.extend(kept.map(|attribute| attribute.whole.trim_start_matches('/')).map(|whole| {
        // a quoted attribute may stand without a space before it
        match whole.starts_with(|c: char| c.is_ascii_whitespace()) {
            true => Cow::Borrowed(whole),
            false => Cow::Owned([" ", whole].concat()),
        }
    }));
    let kept = text.get(1..).unwrap_or_default();
    let mut text = if leaks(kept) { bare } else { text };
    text.push_str(end);
    Cow::Owned(text)
}

/// A script or a style sheet: what becomes of its start tag, its content and its end tag, as far as they are there.
fn script<'a>(
    tag: &Token<'a>,
    content: Option<&Token<'a>>,
    end: Option<&Token<'a>>,
    leaks: &dyn Fn(&str) -> bool,
    described: &mut bool,
) -> Vec<Cow<'a, str>> {
    let text = content.map(|content| content.text).unwrap_or_default();
    let Kind::Open { name, attributes } = &tag.kind else {
        return Vec::new();
    };
    let parts = |tag: Cow<'a, str>, text: Cow<'a, str>, close: &'a str| {
        let text = content.is_some().then_some(text);
        let end = end.is_some().then_some(Cow::Borrowed(close));
        [Some(tag), text, end].into_iter().flatten().collect()
    };
    let nothing = || parts(Cow::Borrowed(""), Cow::Borrowed(""), "");
    let whole = |text| {
        parts(
            open(tag, name, attributes, leaks),
            text,
            end.map(|end| end.text).unwrap_or_default(),
        )
    };
    if payload::is_payload(tag, text) {
        return nothing();
    }
    let kind = tag.attribute("type").unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case("application/ld+json")
        && let Some((text, found)) = json_ld::describe(text, leaks)
        && !leaks(&text)
    {
        *described |= found;
        return whole(Cow::Owned(text));
    }
    match leaks(text) {
        true => nothing(),
        false => whole(Cow::Borrowed(text)),
    }
}
