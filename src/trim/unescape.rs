//! What a text says once the escapes of JSON, JavaScript, HTML and URLs are resolved, all in one go: where they are stacked, it is
//! called again. Resolving too much harms nothing here, as every stage of a text is looked at.

use core::cell::Cell;

use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// How often something may be escaped; what goes deeper cannot be told and counts as hiding something.
pub(super) const LEVELS: usize = 8;

/// The text with one level of escapes resolved; none if there are none. It is always shorter.
pub(super) fn unescape(text: &str) -> Option<String> {
    let next = |rest: &str| rest.bytes().position(|byte| matches!(byte, b'&' | b'\\' | b'%'));
    next(text)?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut any = false;
    while let Some(at) = next(rest) {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let read = match escape.as_bytes().first() {
            Some(b'&') => entity(escape, &mut out),
            Some(b'%') => percent(escape, &mut out),
            _ => backslash(escape, &mut out),
        };
        any |= read > 0;
        let read = read.max(1);
        if read == 1 {
            // it is what it is
            out.push_str(escape.get(..1).unwrap_or_default());
        }
        rest = escape.get(read..).unwrap_or_default();
    }
    out.push_str(rest);
    any.then_some(out)
}

fn code(digits: &str, radix: u32) -> Option<char> {
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32)
}

/// The digits at the beginning of a text, at most so many.
fn digits(text: &str, radix: u32, most: usize) -> &str {
    let length = text.chars().take(most).take_while(|c| c.is_digit(radix)).count();
    text.get(..length).unwrap_or_default()
}

/// `&…;`: how many bytes of the text it takes, 0 if it is none.
fn entity(text: &str, out: &mut String) -> usize {
    let name = text.get(1..).unwrap_or_default();
    let ended = |length: usize| {
        let semicolon = name.as_bytes().get(length) == Some(&b';');
        length.saturating_add(1).saturating_add(usize::from(semicolon))
    };
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let (number, radix, before) = hex.map_or((number, 10, 1_usize), |hex| (hex, 16, 2));
        let number = digits(number, radix, 10);
        if number.is_empty() {
            return 0;
        }
        out.push(code(number, radix).unwrap_or(' '));
        return ended(number.len().saturating_add(before));
    }
    let length = name.bytes().take(32).take_while(u8::is_ascii_alphanumeric).count();
    let word = name.get(..length).unwrap_or_default();
    let closed = name.as_bytes().get(length) == Some(&b';');
    if closed && !word.is_empty() {
        named(word, out);
        return ended(length);
    }
    // the old ones need no semicolon
    for old in ["nbsp", "amp", "lt", "gt", "quot", "shy"] {
        if word.starts_with(old) {
            named(old, out);
            return ended(old.len());
        }
    }
    if accented(word).is_some() {
        named(word, out);
        return ended(length);
    }
    0
}

/// What the six hundred names of marks stand for is a gap between words; those of letters are told by how they are formed.
fn named(name: &str, out: &mut String) {
    match name {
        "amp" => out.push('&'),
        "lt" => out.push('<'),
        "gt" => out.push('>'),
        "quot" => out.push('"'),
        "apos" => out.push('\''),
        "bsol" => out.push('\\'),
        "percnt" => out.push('%'),
        "shy" | "zwj" | "zwnj" | "wj" | "lrm" | "rlm" | "NoBreak" | "ZeroWidthSpace" | "InvisibleComma" => {}
        _ => out.push_str(accented(name).unwrap_or(" ")),
    }
}

/// The base letter, or letters, of an accented one's name: `eacute`, `AElig`.
fn accented(name: &str) -> Option<&str> {
    const ACCENTS: &[&str] = &[
        "acute", "grave", "circ", "tilde", "uml", "ring", "cedil", "slash", "caron", "breve", "macr", "ogon", "dot", "strok",
        "dblac", "midot", "nodot",
    ];
    let (letter, accent) = name.split_at_checked(1)?;
    if letter.bytes().all(|byte| byte.is_ascii_alphabetic()) && ACCENTS.contains(&accent) {
        return Some(letter);
    }
    match name {
        // as the table of letters has them
        "szlig" => Some("ss"),
        "AElig" | "aelig" => Some("a"),
        "OElig" | "oelig" => Some("o"),
        "ETH" | "eth" => Some("d"),
        "THORN" | "thorn" => Some("t"),
        "imath" => Some("i"),
        "fflig" => Some("ff"),
        "filig" => Some("fi"),
        "fllig" => Some("fl"),
        _ => None,
    }
}

/// `%20`, `%E2%80%99`, and `%u2019` of old scripts.
fn percent(text: &str, out: &mut String) -> usize {
    if let Some(hex) = text.get(1..).and_then(|rest| rest.strip_prefix(['u', 'U'])) {
        let hex = digits(hex, 16, 4);
        if hex.len() == 4 {
            out.push(code(hex, 16).unwrap_or(' '));
            return 6;
        }
    }
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(hex) = rest
        .strip_prefix('%')
        .map(|rest| digits(rest, 16, 2))
        .filter(|hex| hex.len() == 2)
    {
        bytes.extend(u8::from_str_radix(hex, 16));
        rest = rest.get(3..).unwrap_or_default();
    }
    out.push_str(&String::from_utf8_lossy(&bytes));
    bytes.len().saturating_mul(3)
}

/// `\n`, `\"`, `\x41`, `\u0041`, `\u{41}`.
fn backslash(text: &str, out: &mut String) -> usize {
    let rest = text.get(1..).unwrap_or_default();
    let Some(c) = rest.chars().next() else {
        return 0;
    };
    let after = rest.get(c.len_utf8()..).unwrap_or_default();
    match c {
        'n' | 'r' | 't' | 'b' | 'f' | 'v' => out.push(' '),
        'x' => {
            let hex = digits(after, 16, 2);
            if hex.len() == 2 {
                out.push(code(hex, 16).unwrap_or(' '));
                return 4;
            }
            out.push(c);
        }
        'u' => {
            if let Some(braced) = after.strip_prefix('{') {
                let hex = digits(braced, 16, 6);
                if braced.as_bytes().get(hex.len()) == Some(&b'}') {
                    out.push(code(hex, 16).unwrap_or(' '));
                    return hex.len().saturating_add(4);
                }
            }
            let hex = digits(after, 16, 4);
            if hex.len() == 4 {
                let low = after
                    .get(4..)
                    .and_then(|rest| rest.strip_prefix("\\u"))
                    .map(|rest| digits(rest, 16, 4));
                let number = |hex: &str| u16::from_str_radix(hex, 16).unwrap_or_default();
                let units = [number(hex), low.map(number).unwrap_or_default()];
                if (0xd800..0xdc00).contains(&units[0])
                    && let Some(Ok(c)) = char::decode_utf16(units).next()
                {
                    out.push(c);
                    return 12;
                }
                out.push(code(hex, 16).unwrap_or(' '));
                return 6;
            }
            out.push(c);
        }
        c => out.push(c),
    }
    c.len_utf8().saturating_add(1)
}

/// How much is looked at for one page, in bytes: whoever writes on a page shall not make it cost seconds (threat B8). What is not looked at
/// counts as hiding something.
#[derive(Debug)]
pub(super) struct Work(Cell<usize>);

impl Work {
    /// For a page of so many bytes. A page is looked at twice, whole and in parts, and as often as things are escaped in it.
    pub(super) fn of(page: usize) -> Self {
        const TIMES: usize = 24;
        const LEAST: usize = 1 << 20;
        Self(Cell::new(page.saturating_mul(TIMES).saturating_add(LEAST)))
    }

    /// Whether so many bytes more may be looked at.
    fn takes(&self, bytes: usize) -> bool {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.unwrap_or_default());
        left.is_some()
    }
}

/// What can be read of bytes: pictures and fonts say nothing, and would be looked at for long.
fn readable(bytes: &[u8], out: &mut String) {
    /// Shorter pieces between what is no text are chance.
    const SHORTEST: usize = 5;
    // every second byte of UTF-16 is a zero in most languages of Europe, the first or the second
    let zeros = bytes.iter().filter(|byte| **byte == 0).count();
    if zeros > 0 && zeros.saturating_mul(4) >= bytes.len() {
        let orders: [fn([u8; 2]) -> u16; 2] = [u16::from_le_bytes, u16::from_be_bytes];
        for (skip, unit) in [(0, orders[0]), (0, orders[1]), (1, orders[0]), (1, orders[1])] {
            // of the last one a zero may be cut off
            let (pairs, last) = bytes.get(skip..).unwrap_or_default().as_chunks();
            let units = pairs.iter().map(|pair| unit(*pair));
            let units = units.chain(last.iter().map(|byte| u16::from(*byte)));
            out.extend(char::decode_utf16(units).map(|c| c.unwrap_or(' ')));
            out.push(' ');
        }
    }
    for chunk in bytes.utf8_chunks() {
        let piece = chunk.valid();
        if piece.bytes().filter(|byte| *byte != 0).count() >= SHORTEST {
            out.push_str(piece);
            out.push(' ');
        }
    }
}

/// What base64 in a text may say, read from each of its offsets, with gaps between; none if there is nothing that could be any.
/// Base64 in base64 is not read.
pub(super) fn base64(text: &str) -> Option<String> {
    /// Shorter ones hide no run of six words.
    const SHORTEST: usize = 24;
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte.wrapping_sub(b'A')),
        b'a'..=b'z' => Some(byte.wrapping_sub(b'a').wrapping_add(26)),
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0').wrapping_add(52)),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let mut out: Option<String> = None;
    for run in text
        .as_bytes()
        .split(|byte| value(*byte).is_none())
        .filter(|run| run.len() >= SHORTEST)
    {
        let out = out.get_or_insert_default();
        for skip in 0..4 {
            let digits = run.get(skip..).unwrap_or_default().chunks_exact(4);
            let last = digits.remainder();
            let mut bytes = Vec::with_capacity(run.len());
            for chunk in digits.chain([last]) {
                let word = chunk
                    .iter()
                    .fold(0_u32, |word, byte| word << 6 | u32::from(value(*byte).unwrap_or_default()));
                // four make three bytes, three make two, two make one
                let [_, a, b, c] = match chunk.len() {
                    4 => word,
                    3 => word << 6,
                    2 => word << 12,
                    _ => continue,
                }
                .to_be_bytes();
                bytes.extend([a, b, c].iter().take(chunk.len().saturating_sub(1)));
            }
            readable(&bytes, out);
        }
    }
    out
}

/// Whether a text, or anything that it says once it is unescaped, has what `found` looks for; or there is too much of it to tell.
pub(super) fn any_form(text: &str, work: &Work, found: &dyn Fn(&str) -> bool) -> bool {
    forms(text, true, work, found)
}

fn forms(text: &str, encoded: bool, work: &Work, found: &dyn Fn(&str) -> bool) -> bool {
    let mut form = None;
    for _ in 0..LEVELS {
        let now = form.as_deref().unwrap_or(text);
        if !work.takes(now.len()) || found(now) || encoded && base64(now).is_some_and(|inner| forms(&inner, false, work, found)) {
            return true;
        }
        match unescape(now) {
            Some(next) => form = Some(next),
            None => return false,
        }
    }
    true
}

/// A text with its entities resolved, and whatever else is escaped in it.
pub(super) fn plain(text: &str) -> String {
    unescape(text).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_level_of_every_kind_of_escape_is_resolved() {
        for (text, want) in [
            ("a&amp;b &lt;p&gt; &quot;c&quot;", Some("a&b <p> \"c\"")),
            ("&#104;&#x69; &#104i &#; &#x;", Some("hi hi &#; &#x;")),
            (
                "caf&eacute; Stra&szlig;e &OElig;uvre caf&eacute",
                Some("cafe Strasse ouvre cafe"),
            ),
            ("a&nbsp;b&mdash;c&rsquo;d&shy;e", Some("a b c de")),
            ("a&nbspb &ampc &copy", Some("a b &c &copy")),
            ("a & b &; AT&T", None),
            ("%41%20b%E2%80%99%C3%A9 100% %4 %u0041", Some("A b’é 100% %4 A")),
            ("a%e9b", Some("a\u{fffd}b")),
            (
                r#"a\nb\u0041\x41\u{1F600}\ud83d\ude00\"\/\\ \u12"#,
                Some("a bAA😀😀\"/\\ u12"),
            ),
            (r"\ud83d x \", Some("  x \\")),
            (r"\\u0041", Some(r"\u0041")),
            ("%2541", Some("%41")),
            ("&amp;amp;", Some("&amp;")),
            ("plain", None),
            ("é%", None),
        ] {
            assert_eq!(unescape(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn base64_is_read_at_every_offset() {
        for text in [
            "data:,eyJib2R5IjoiVGhlIGxhbXAgd2FzIGxpdCBhdCBkdXNrIn0=",
            "xeyJib2R5IjoiVGhlIGxhbXAgd2FzIGxpdCBhdCBkdXNrIn0",
            "xxeyJib2R5IjoiVGhlIGxhbXAgd2FzIGxpdCBhdCBkdXNrIn0",
            "xxxeyJib2R5IjoiVGhlIGxhbXAgd2FzIGxpdCBhdCBkdXNrIn0",
        ] {
            assert!(base64(text).unwrap().contains("The lamp was lit at dusk"), "{text}");
        }
        assert_eq!(base64("nothing of that kind here"), None);
    }

    #[test]
    fn what_is_escaped_again_and_again_counts_as_found() {
        let mut text = String::from("&");
        for _ in 0..LEVELS {
            text = text.replace('&', "&amp;");
        }
        assert!(any_form(&text, &Work::of(0), &|_| false));
        assert!(!any_form("&amp;amp;", &Work::of(0), &|_| false));
    }

    #[test]
    fn b8_a_picture_says_nothing() {
        // what compresses well is no picture: bytes as a cipher makes them
        let mut state = 7_u32;
        let bytes: Vec<u8> = core::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(60_000)
        .collect();
        use base64::{Engine, engine::general_purpose::STANDARD};
        let said = base64(&STANDARD.encode(&bytes)).unwrap();
        assert!(said.len() < 60_000, "{} of 240,000", said.len());
    }

    #[test]
    fn b8_what_would_be_looked_at_without_end_counts_as_found() {
        let looked = Cell::new(0_usize);
        let look = |text: &str| {
            looked.set(looked.get() + text.len());
            false
        };
        use base64::{Engine, engine::general_purpose::STANDARD};
        let inner = STANDARD.encode("word &amp;amp;amp;amp;amp;amp; ".repeat(20_000));
        let text = [&inner, " &amp;amp;amp;amp;amp;amp;"].concat();
        // the naive look has no end but that of the levels
        forms(&text, true, &Work(Cell::new(usize::MAX)), &look);
        assert!(looked.take() > 24 * text.len() + (1 << 20));
        assert!(any_form(&text, &Work::of(text.len()), &look));
        assert!(looked.get() <= 24 * text.len() + (1 << 20));
    }
}
