//! A page as a row of tokens, each with its own text; no tree. What browsers and this might read differently decides
//! nothing here: the page that comes out is looked through once more as a whole.

use alloc::vec::Vec;

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// As it stands in the page, from its first byte to its last.
    pub(super) text: &'a str,
    pub(super) kind: Kind<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// Between tags, entities as they are written.
    Text,
    /// `<!--…-->` and everything else that browsers make a comment of; what stands in it.
    Comment(&'a str),
    /// `<!doctype …>`.
    Doctype,
    /// A start tag: its name as it is written.
    Open { name: &'a str, attributes: Vec<Attribute<'a>> },
    /// An end tag.
    Close(&'a str),
    /// What stands in an element without markup, like a script; the element's name.
    Raw(&'a str),
}

/// One attribute of a start tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    /// With the white space before it, name, equals sign and quotes.
    pub(super) whole: &'a str,
    pub(super) name: &'a str,
    /// Without the quotes, entities as they are written.
    pub(super) value: &'a str,
}

impl Token<'_> {
    /// Whether it is a start tag of this name, in lower case.
    pub(super) fn opens(&self, wanted: &str) -> bool {
        matches!(self.kind, Kind::Open { name, .. } if name.eq_ignore_ascii_case(wanted))
    }

    /// Whether it is an end tag of this name, in lower case.
    pub(super) fn closes(&self, wanted: &str) -> bool {
        matches!(self.kind, Kind::Close(name) if name.eq_ignore_ascii_case(wanted))
    }

    /// The value of an attribute of a start tag.
    pub(super) fn attribute(&self, wanted: &str) -> Option<&str> {
        let Kind::Open { attributes, .. } = &self.kind else {
            return None;
        };
        let mut found = attributes
            .iter()
            .filter(|attribute| attribute.name.eq_ignore_ascii_case(wanted));
        found.next().map(|attribute| attribute.value)
    }
}

/// Whether one of these, with spaces between, is the name, whatever its case.
pub(super) fn is_one_of(name: &str, names: &str) -> bool {
    let mut all = names.as_bytes().split(|byte| *byte == b' ');
    all.any(|other| other.eq_ignore_ascii_case(name.as_bytes()))
}

/// Elements without an end tag.
pub(super) fn is_void(name: &str) -> bool {
    is_one_of(name, "area base br col embed hr img input link meta param source track wbr")
}

/// Elements whose end tag may be left out.
pub(super) fn closes_itself(name: &str) -> bool {
    is_one_of(
        name,
        "p li dt dd tr td th thead tbody tfoot option optgroup colgroup caption rt rp html head body",
    )
}

/// Elements that end an open paragraph when they begin.
pub(super) fn ends_paragraph(name: &str) -> bool {
    is_one_of(
        name,
        "address article aside blockquote center details dialog dir div dl dt dd li fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr main menu nav ol p pre search section summary table ul",
    )
}

/// Elements inside a line of text: they part no words.
pub(super) fn is_inline(name: &str) -> bool {
    is_one_of(
        name,
        "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark q s samp small span strike strong sub sup time tt u var wbr",
    )
}

/// Elements whose content is no markup.
fn is_raw(name: &str) -> bool {
    is_one_of(name, "script style textarea title xmp iframe noembed noframes plaintext")
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r' | 0x0c)
}

/// The tokens of a page. Their texts, one after the other, are the page.
pub(super) fn tokens(page: &str) -> Vec<Token<'_>> {
    let mut reader = Reader {
        page,
        at: 0,
        foreign: 0,
        raw: None,
    };
    let mut tokens = Vec::new();
    while let Some(token) = reader.next() {
        tokens.push(token);
    }
    tokens
}

struct Reader<'a> {
    page: &'a str,
    at: usize,
    /// How many SVG and MathML elements are open: scripts and titles are ordinary elements in there.
    foreign: usize,
    /// The element without markup that has just begun.
    raw: Option<&'a str>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.page.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, length: usize, kind: Kind<'a>) -> Token<'a> {
        let rest = self.rest();
        let text = rest.get(..length).unwrap_or(rest);
        self.at = self.at.saturating_add(text.len());
        Token { text, kind }
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        if let Some(name) = self.raw.take() {
            let length = raw_length(rest, name);
            if length > 0 {
                return Some(self.take(length, Kind::Raw(name)));
            }
        }
        match markup(rest) {
            Markup::None => {
                let mut length = 0_usize;
                loop {
                    let from = length.saturating_add(1);
                    match rest
                        .as_bytes()
                        .get(from..)
                        .and_then(|after| after.iter().position(|byte| *byte == b'<'))
                    {
                        None => break Some(self.take(rest.len(), Kind::Text)),
                        Some(more) => length = from.saturating_add(more),
                    }
                    if !matches!(rest.get(length..).map(markup), Some(Markup::None)) {
                        break Some(self.take(length, Kind::Text));
                    }
                }
            }
            Markup::Comment => {
                let (inner, length) = comment(rest);
                Some(self.take(length, Kind::Comment(inner)))
            }
            Markup::Bogus => {
                let length = rest.find('>').map_or(rest.len(), |end| end.saturating_add(1));
                let doctype = rest.get(2..9).is_some_and(|word| word.eq_ignore_ascii_case("doctype"));
                let inner = rest.get(1..length).unwrap_or_default();
                Some(self.take(length, if doctype { Kind::Doctype } else { Kind::Comment(inner) }))
            }
            Markup::Tag => Some(self.tag(rest)),
        }
    }

    fn tag(&mut self, rest: &'a str) -> Token<'a> {
        let end = rest.as_bytes().get(1) == Some(&b'/');
        let Some(tag) = Tag::read(rest, if end { 2 } else { 1 }) else {
            // a tag that never ends
            return self.take(rest.len(), Kind::Text);
        };
        let foreign = is_one_of(tag.name, "svg math");
        if end {
            if foreign {
                self.foreign = self.foreign.saturating_sub(1);
            }
            return self.take(tag.length, Kind::Close(tag.name));
        }
        let closed = rest.get(..tag.length).is_some_and(|text| text.ends_with("/>"));
        if foreign && !closed {
            self.foreign = self.foreign.saturating_add(1);
        }
        if self.foreign == 0 && is_raw(tag.name) {
            self.raw = Some(tag.name);
        }
        let (name, attributes) = (tag.name, tag.attributes);
        self.take(tag.length, Kind::Open { name, attributes })
    }
}

/// What a text begins with.
enum Markup {
    None,
    Tag,
    Comment,
    Bogus,
}

fn markup(text: &str) -> Markup {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'<') {
        return Markup::None;
    }
    match (bytes.get(1), bytes.get(2)) {
        (Some(b'!'), _) if text.starts_with("<!--") => Markup::Comment,
        (Some(b'!' | b'?'), _) => Markup::Bogus,
        (Some(b'/'), Some(next)) if next.is_ascii_alphabetic() => Markup::Tag,
        (Some(b'/'), Some(_)) => Markup::Bogus,
        (Some(next), _) if next.is_ascii_alphabetic() => Markup::Tag,
        _ => Markup::None,
    }
}

/// What is in a comment, and its length.
fn comment(text: &str) -> (&str, usize) {
    let inner = text.get(4..).unwrap_or_default();
    for (empty, length) in [(">", 5_usize), ("->", 6)] {
        if inner.starts_with(empty) {
            return ("", length);
        }
    }
    let mut from = 0_usize;
    let (length, around) = loop {
        let Some(dashes) = inner.get(from..).and_then(|rest| rest.find("--")) else {
            break (inner.len(), 4_usize);
        };
        let at = from.saturating_add(dashes);
        let after = inner.get(at.saturating_add(2)..).unwrap_or_default();
        if after.starts_with('>') {
            break (at, 7);
        }
        if after.starts_with("!>") {
            break (at, 8);
        }
        from = at.saturating_add(1);
    };
    (inner.get(..length).unwrap_or_default(), length.saturating_add(around))
}

/// How long the content of an element without markup is.
fn raw_length(text: &str, name: &str) -> usize {
    let bytes = text.as_bytes();
    let mut from = 0_usize;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("</")) {
        let at = from.saturating_add(found);
        let begin = at.saturating_add(2);
        let end = begin.saturating_add(name.len());
        let same = text.get(begin..end).is_some_and(|word| word.eq_ignore_ascii_case(name));
        let whole = bytes
            .get(end)
            .is_none_or(|byte| is_space(*byte) || matches!(byte, b'/' | b'>'));
        if same && whole && !name.eq_ignore_ascii_case("plaintext") {
            return at;
        }
        from = begin;
    }
    text.len()
}

/// A tag as it is read from its first byte.
struct Tag<'a> {
    name: &'a str,
    attributes: Vec<Attribute<'a>>,
    length: usize,
}

impl<'a> Tag<'a> {
    /// The tag whose name begins at `begin`; none if it does not end.
    fn read(text: &'a str, begin: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let skip = |from: usize, pass: fn(u8) -> bool| {
            let rest = bytes.get(from..).unwrap_or_default();
            let length = rest.iter().position(|byte| !pass(*byte)).unwrap_or(rest.len());
            from.saturating_add(length)
        };
        let mut at = skip(begin, |byte| !is_space(byte) && !matches!(byte, b'/' | b'>'));
        let name = text.get(begin..at)?;
        let mut attributes = Vec::new();
        loop {
            let before = at;
            at = skip(at, |byte| is_space(byte) || byte == b'/');
            if bytes.get(at)? == &b'>' {
                let length = at.saturating_add(1);
                return Some(Self {
                    name,
                    attributes,
                    length,
                });
            }
            // an equals sign at its beginning is part of a name
            let from = at;
            at = skip(at.saturating_add(1), |byte| {
                !is_space(byte) && !matches!(byte, b'/' | b'>' | b'=')
            });
            let name = text.get(from..at)?;
            let mut value = "";
            let sign = skip(at, is_space);
            if bytes.get(sign) == Some(&b'=') {
                let begin = skip(sign.saturating_add(1), is_space);
                match bytes.get(begin)? {
                    quote @ (b'"' | b'\'') => {
                        let begin = begin.saturating_add(1);
                        let length = bytes.get(begin..)?.iter().position(|byte| byte == quote)?;
                        let end = begin.saturating_add(length);
                        value = text.get(begin..end)?;
                        at = end.saturating_add(1);
                    }
                    _ => {
                        at = skip(begin, |byte| !is_space(byte) && byte != b'>');
                        value = text.get(begin..at)?;
                    }
                }
            }
            let whole = text.get(before..at)?;
            attributes.push(Attribute { whole, name, value });
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};
    use proptest::prelude::*;

    use super::*;

    fn sketch(page: &str) -> String {
        let word = |token: &Token<'_>| match &token.kind {
            Kind::Text => format!("'{}'", token.text),
            Kind::Comment(inner) => format!("!{inner}!"),
            Kind::Doctype => "doctype".into(),
            Kind::Open { name, attributes } => {
                let attributes: Vec<_> = attributes.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
                format!("<{name} {}>", attributes.join(","))
            }
            Kind::Close(name) => format!("</{name}>"),
            Kind::Raw(name) => format!("{name}[{}]", token.text),
        };
        tokens(page).iter().map(word).collect::<Vec<_>>().join("")
    }

    #[test]
    fn pages_are_read_as_browsers_read_them() {
        for (page, want) in [
            ("<!DOCTYPE html><p>a", "doctype<p >'a'"),
            ("<p class='x y' hidden id=z/>", "<p class=x y,hidden=,id=z/>"),
            ("<a href=\"/x>y\" title = \"b\">t</A >", "<a href=/x>y,title=b>'t'</A>"),
            ("<a =x=1 \"b\" c='>'>", "<a =x=1,\"b\"=,c=>>"),
            ("1 < 2 <3 </ x>a</>b<?php ?>", "'1 < 2 <3 '!/ x>!'a'!/>!'b'!?php ?>!"),
            ("<!--a--b--!>c<!---->d<!-->e<!--->f<!--g", "!a--b!'c'!!'d'!!'e'!!'f'!g!"),
            (
                "<script>a<b>\"</script \"</SCRIPT><b>",
                "<script >script[a<b>\"]</script><b >",
            ),
            (
                "<script>a<b></scripty></SCRIPT ><b>",
                "<script >script[a<b></scripty>]</SCRIPT><b >",
            ),
            (
                "<title>a &amp; <b></title><textarea></textarea>",
                "<title >title[a &amp; <b>]</title><textarea ></textarea>",
            ),
            (
                "<svg><title>a<b></b></title><script/></svg><p>",
                "<svg ><title >'a'<b ></b></title><script ></svg><p >",
            ),
            ("<svg/><title><b></title>", "<svg ><title >title[<b>]</title>"),
            ("<style>a", "<style >style[a]"),
            ("a<p class=\"b", "'a''<p class=\"b'"),
            ("<plaintext><b></plaintext>", "<plaintext >plaintext[<b></plaintext>]"),
            ("<![CDATA[a]]>b", "!![CDATA[a]]>!'b'"),
        ] {
            assert_eq!(sketch(page), want, "{page}");
        }
    }

    proptest! {
        #![proptest_config(crate::cases(2000))]

        /// Whatever comes in, nothing is lost, doubled or moved.
        #[test]
        fn tokens_are_the_page(page in "([<>/!a-c \"'=é-]|<p|</p>|<!--|-->|<script>|</script>|<svg>){0,40}") {
            let all: String = tokens(&page).iter().map(|token| token.text).collect();
            prop_assert_eq!(all, page);
        }
    }
}
