//! Reviewer's reproduction.
#![allow(clippy::all, clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]
use base64::{Engine, engine::general_purpose::STANDARD};
use farthing::trim::{Part, trim};

#[test]
fn utf16() {
    let premium: String = (0..60).map(|n| format!("premiumword{n} ")).collect();
    let le: Vec<u8> = premium.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let be: Vec<u8> = premium.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let short: String = (0..60).map(|n| format!("w{n}\u{1}")).collect();
    for (what, data, text) in [
        ("utf-8", premium.clone().into_bytes(), &premium),
        ("utf-16le", le, &premium),
        ("utf-16be", be, &premium),
        ("short words, U+0001 between", short.clone().into_bytes(), &short.replace('\u{1}', " ")),
    ] {
        let blob = STANDARD.encode(data);
        let page = format!("<!doctype html><html><head><title>x</title></head><body><p>free words before the fold</p><!--N(--><div>{text}</div><!--N)--><script>var all = decode(\"{blob}\");</script></body></html>");
        let part = Part::Selector("div".into());
        let result = trim(&page, &part, "N");
        match result {
            Ok(trimmed) => {
                let all = trimmed.before + &trimmed.after;
                println!("{what}: served; blob in it: {}; text in it: {}", all.contains(&blob), all.contains("premiumword7"));
            }
            Err(error) => println!("{what}: not served: {error:?}"),
        }
    }
}

#[test]
#[ignore]
fn cost() {
    let premium: String = (0..60).map(|n| format!("premiumword{n} ")).collect();
    let n = 1_900_000;
    for (what, filler) in [
        ("words", "word ".repeat(n / 5)),
        ("escaped words", "word &amp;amp;amp;amp;amp; ".repeat(n / 26)),
        ("base64 of text", STANDARD.encode("some words of a text ".repeat(n / 28))),
        ("base64 of escaped text", STANDARD.encode("w &amp;amp;amp;amp;amp; ".repeat(n / 32))),
        ("one-letter words", "a ".repeat(n / 2)),
        ("percent", "%25252541 ".repeat(n / 10)),
        ("attributes", "<a b=\"&amp;amp;amp; c d e f g\">x</a>".repeat(n / 36)),
        ("json-ld", format!("<script type=application/ld+json>[{}\"x\"]</script>", "{\"a\":\"b c d\"},".repeat(n / 14))),
        ("scripts", "<script>\"a b c d e\"</script>".repeat(n / 28)),
        ("nested arrays", format!("<script type=application/json>{}{}</script>", "[".repeat(n / 2), "]".repeat(n / 2))),
    ] {
        let page = format!("<!doctype html><html><head><title>x</title></head><body><p>free</p><!--N(--><div>{premium}</div><!--N)-->{filler}</body></html>");
        let begin = std::time::Instant::now();
        let result = trim(&page, &Part::Selector("div".into()), "N").map(|_| ());
        println!("{what}: {} bytes, {:?}, {result:?}", page.len(), begin.elapsed());
    }
}
