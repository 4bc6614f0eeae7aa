//! Paths: the canonical spelling, the lenient one, and what the rules say.

use farthing::route::{
    Matched,
    path::{self, Spelling},
    rule,
};

use super::world;

pub(super) fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let _ = path::split(text);
    let _ = path::split(&format!("https://news.example{text}"));
    let (canonical, spelling) = path::canonical(text);
    let folded = path::folded(text);
    assert!(folded.starts_with('/') && !folded.contains("//") && !folded.contains('\\'));
    let stem = path::stem(&folded);
    assert!(folded.starts_with(stem) || stem == "/");
    match spelling {
        Spelling::Ambiguous => {}
        Spelling::Canonical => assert_eq!(canonical, text),
        Spelling::Redirect => {
            assert_ne!(canonical, text);
            assert_eq!(
                path::canonical(&canonical).1,
                Spelling::Canonical,
                "a redirect leads somewhere"
            );
        }
    }
    if spelling != Spelling::Ambiguous {
        assert_eq!(path::folded(&canonical), folded, "both spellings are protected alike");
        assert!(canonical.bytes().all(|b| (33..127).contains(&b)));
    }
    decided(text);
}

fn decided(text: &str) {
    match rule::decide(&world::config().routes, "GET", text) {
        Matched::Free(_) => {
            // threat D1: no server that reads it in one of the usual ways finds a priced page under it
            for read in [
                text.to_owned(),
                lower(text),
                decoded(text),
                lower(&decoded(text)),
                without_parameters(text),
            ] {
                for priced in ["/articles/x", "/calls/x", "/articles/a/b"] {
                    assert_ne!(read, priced, "{text:?}");
                }
            }
        }
        Matched::Ambiguous => {}
        Matched::Redirect(to) => {
            assert!(to.starts_with('/') && !to.starts_with("//") && !to.contains('\\'), "{to}");
            assert_ne!(to, text);
            // at most one step more: the slash
            if let Matched::Redirect(again) = rule::decide(&world::config().routes, "GET", &to) {
                assert!(
                    !matches!(rule::decide(&world::config().routes, "GET", &again), Matched::Redirect(_)),
                    "{text:?}"
                );
            }
        }
        Matched::Method(_) => panic!("no rule has methods"),
        Matched::Priced(..) => assert_eq!(path::canonical(text).1, Spelling::Canonical),
    }
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

fn without_parameters(text: &str) -> String {
    let segment = |segment: &str| segment.split(';').next().unwrap_or_default().to_owned();
    text.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
