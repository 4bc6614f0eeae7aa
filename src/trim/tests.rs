//! What an attacker would look for in a trimmed page, looked for by other means than those that trimmed it.

use core::ops::Range;

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use proptest::prelude::*;

use super::*;

const WORDS: &[&str] = &[
    "harbour", "keeper", "lantern", "rowed", "quietly", "the", "of", "a", "storm", "nobody", "counted", "boats", "café", "été",
    "straße", "winter", "salt", "twelve", "1911", "and", "rope", "don’t", "œuvre", "ledger", "island", "tide", "never", "again",
    "light", "it",
];

fn sentence(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words: Vec<_> = (0..length).map(|_| WORDS[usize::try_from(next() % 30).unwrap()]).collect();
    words.join(" ")
}

fn premium_text() -> String {
    sentence(7, 120)
}

fn article(head: &str, teaser: &str, premium: &str, tail: &str) -> String {
    format!(
        "<!doctype html><html><head><title>Keepers</title>{head}</head><body><article><h1>Keepers</h1>{teaser}<!--farthing--><p>{premium}</p>\
         <!--/farthing--></article>{tail}</body></html>"
    )
}

fn marker() -> Part {
    Part::Marker("farthing".to_owned())
}

fn trimmed(page: &str) -> String {
    let trimmed = trim(page, &marker(), "").unwrap();
    trimmed.before + "[card]" + &trimmed.after
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn json_ascii(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn html_attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

fn html_numeric(text: &str) -> String {
    text.chars().map(|c| format!("&#{};", u32::from(c))).collect()
}

fn html_hex(text: &str) -> String {
    text.chars().map(|c| format!("&#x{:X};", u32::from(c))).collect()
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn form(text: &str) -> String {
    percent(text).replace("%20", "+")
}

fn base64(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>())
}

fn upper(text: &str) -> String {
    text.to_uppercase().replace(' ', "\u{a0} \n")
}

fn tagged(text: &str) -> String {
    text.split(' ').map(|word| format!("<b>{word}</b> ")).collect()
}

type Disguise = fn(&str) -> String;
const DISGUISES: &[(&str, Disguise)] = &[
    ("plain", str::to_owned),
    ("json", json),
    ("json ascii", json_ascii),
    ("html attribute", html_attribute),
    ("html numeric", html_numeric),
    ("html hex", html_hex),
    ("percent", percent),
    ("form", form),
    ("base64", base64),
    ("base64 of utf-16le", |text| utf16(text, u16::to_le_bytes)),
    ("base64 of utf-16be", |text| utf16(text, u16::to_be_bytes)),
    ("base64 with controls", |text| base64(&text.replace(' ', "\u{1}"))),
    ("upper", upper),
    ("tagged", tagged),
];

/// Where something may hide: the page's head, teaser zone and tail.
type Place = fn(&str) -> [String; 3];
const PLACES: &[(&str, Place)] = &[
    ("script", |text| {
        [
            format!("<script>var body = \"{text}\";</script>"),
            String::new(),
            String::new(),
        ]
    }),
    ("json script", |text| {
        [
            String::new(),
            String::new(),
            format!("<script type=application/json>{{\"b\":[\"{text}\"]}}</script>"),
        ]
    }),
    ("attribute", |text| {
        [
            String::new(),
            format!("<div class=x data-full=\"{text}\" id=y>ok</div>"),
            String::new(),
        ]
    }),
    ("meta", |text| {
        [
            format!("<meta property=\"og:description\" content=\"{text}\">"),
            String::new(),
            String::new(),
        ]
    }),
    ("comment", |text| {
        [String::new(), String::new(), format!("<!-- print: {text} -->")]
    }),
    ("template", |text| {
        [String::new(), String::new(), format!("<template><p>{text}</p></template>")]
    }),
    ("noscript", |text| {
        [
            String::new(),
            String::new(),
            format!("<noscript><div>{text}</div></noscript>"),
        ]
    }),
    ("hidden div", |text| {
        [String::new(), format!("<div hidden><p>{text}</p></div>"), String::new()]
    }),
    ("hidden paragraph", |text| {
        [String::new(), format!("<p style=\"display:none\">{text}</p>"), String::new()]
    }),
    ("textarea", |text| {
        [String::new(), String::new(), format!("<textarea>{text}</textarea>")]
    }),
    ("style", |text| {
        [
            format!("<style>p::after{{content:\"{text}\"}}</style>"),
            String::new(),
            String::new(),
        ]
    }),
    ("srcdoc", |text| {
        [
            String::new(),
            String::new(),
            format!("<iframe srcdoc=\"&lt;p>{text}&lt;/p>\"></iframe>"),
        ]
    }),
    ("json-ld", |text| {
        let head = format!(
            "<script type=\"application/ld+json\">{{\"@type\":\"NewsArticle\",\"headline\":\"K\",\"text\":\"{text}\"}}</script>"
        );
        [head, String::new(), String::new()]
    }),
    ("attribute names", |text| {
        [String::new(), String::new(), format!("<i {text}>")]
    }),
    ("unclosed comment", |text| {
        [String::new(), String::new(), format!("<!-- {text}")]
    }),
    ("unclosed tag", |text| {
        [String::new(), String::new(), format!("<p title=\"{text}")]
    }),
    ("title", |text| {
        [format!("<title>{text}</title>"), String::new(), String::new()]
    }),
    ("svg", |text| {
        [
            String::new(),
            String::new(),
            format!("<svg><desc>{text}</desc><title>{text}</title></svg>"),
        ]
    }),
];

/// Letters and digits alone, in a row: what is left when nobody cares about words.
fn letters(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A page with a secret in it keeps neither the secret nor anything made of it.
fn assert_gone(page: &str, secret: &str, why: &str) {
    match trim(page, &marker(), "") {
        Ok(trimmed) => {
            let all = trimmed.before + &trimmed.after;
            for (name, disguise) in DISGUISES {
                let words: Vec<_> = secret.split(' ').collect();
                for run in words.windows(6) {
                    let run = disguise(&run.join(" "));
                    // base64 of a part is no part of base64
                    assert!(
                        name.starts_with("base64") || !all.contains(run.trim()),
                        "{why}: {name}: {run} in {all}"
                    );
                    assert!(!letters(&all).contains(&letters(&run)), "{why}: {name}: {run} in {all}");
                }
                assert!(!all.contains(&disguise(secret)), "{why}: {name}");
            }
        }
        Err(error) => assert_eq!(error, Untrimmed::Left, "{why}"),
    }
}

#[test]
fn f9_every_hiding_place_in_every_disguise_is_emptied() {
    let premium = premium_text();
    let secret = premium.split(' ').skip(40).take(20).collect::<Vec<_>>().join(" ");
    let mut whole = 0;
    for (place, put) in PLACES {
        for (name, disguise) in DISGUISES {
            if *place == "attribute names" && *name == "tagged" {
                continue;
            }
            let [head, teaser, tail] = put(&disguise(&secret));
            let page = article(
                &head,
                &format!("<p>Free to read.</p>{teaser}"),
                &html_attribute(&premium),
                &tail,
            );
            assert_gone(&page, &secret, &format!("{place}, {name}"));
            whole += usize::from(trim(&page, &marker(), "").is_ok());
        }
    }
    // nearly all of them keep their page
    assert!(whole > PLACES.len() * DISGUISES.len() * 9 / 10, "{whole}");
}

#[test]
fn s1_a_page_without_hiding_places_stays_as_it_is() {
    let premium = premium_text();
    let head = "<meta name=description content=\"Of keepers &amp; boats\"><script>var x = \"a\\nb\";</script><style>p{color:red}</style>";
    let page = article(
        head,
        "<p class='a' data-x=\"{&quot;a&quot;:1}\">Free <b>to</b> read.</p>",
        &premium,
        "<!-- a --><p>Imprint</p>",
    );
    let (before, rest) = page.split_once("<!--farthing-->").unwrap();
    let (_, after) = rest.split_once("<!--/farthing-->").unwrap();
    let trimmed = trim(&page, &marker(), "").unwrap();
    assert_eq!(
        (trimmed.before.as_str(), trimmed.after.as_str(), trimmed.described),
        (before, after, false)
    );
}

#[test]
fn f9_words_apart_by_tags_are_found_over_the_tags() {
    let premium = premium_text();
    let words: Vec<_> = premium.split(' ').skip(10).take(12).collect();
    let apart: String = words.iter().map(|word| format!("<span>{word}</span>")).collect();
    let cap = premium.split(' ').skip(10).take(12).collect::<Vec<_>>().join(" ");
    let (first, rest) = cap.split_at(1);
    let lines: String = words.iter().map(|word| format!("<div>{word}</div>\n")).collect();
    for copy in [apart, format!("<p><span class=cap>{first}</span>{rest}</p>"), lines] {
        let page = article("", "<p>Free.</p>", &premium, &copy);
        let left = trimmed(&page);
        assert!(
            !letters(&left.replace('<', " <")).contains(&letters(&words[1..7].join(""))),
            "{left}"
        );
        for word in words.iter().filter(|word| word.len() > 4) {
            assert!(!left.contains(*word), "{word}: {left}");
        }
    }
}

#[test]
fn known_payloads_go_whole_however_they_are_written() {
    let premium = premium_text();
    for script in [
        "<script id=\"__NEXT_DATA__\" type=\"application/json\">{\"p\":[1]}</script>",
        "<script>self.__next_f.push([1,\"a\"])</script>",
        "<script>window.__NUXT__=(function(a){return {a}})(1)</script>",
        "<script type=\"application/json\" id=\"__NUXT_DATA__\">[1]</script>",
        "<script>{__sveltekit_1x={base:\"\"};}</script>",
        "<script type=\"application/json\" data-sveltekit-fetched data-url=\"/a\">{}</script>",
        "<script>window.pageData={}</script>",
        "<script src=\"/_next/static/chunks/main-1.js\" defer=\"\"></script>",
        "<SCRIPT src='/_nuxt/entry.js' type=module></SCRIPT>",
    ] {
        let left = trimmed(&article(script, "<p>Free.</p>", &premium, script));
        assert!(!left.to_lowercase().contains("<script"), "{left}");
    }
    let island = "<astro-island uid=\"1\" props=\"{&quot;a&quot;:[0,1]}\" client=\"load\" ssr=\"\"><p>Menu</p></astro-island>";
    let left = trimmed(&article("", island, &premium, ""));
    assert!(left.contains("<astro-island uid=\"1\" ssr=\"\"><p>Menu</p>"), "{left}");
}

#[test]
fn what_the_premium_part_quotes_from_the_teaser_stays() {
    let teaser = "Twelve boats left the harbour and eleven of them came home before dark.";
    let premium = format!("{} They had told me: {teaser} {}", sentence(3, 60), sentence(4, 60));
    let head = format!("<meta name=description content=\"{teaser}\">");
    let left = trimmed(&article(&head, &format!("<p>{teaser}</p>"), &premium, "<p>Imprint</p>"));
    assert_eq!(left.matches(teaser).count(), 2, "{left}");
    // but not as a copy of it all, wherever it stands
    let left = trimmed(&article(&head, &format!("<p>{teaser}</p><p>{premium}</p>"), &premium, ""));
    assert!(!left.contains("Twelve"), "{left}");
    // and not from outside the article
    let page = format!("<p>{teaser}</p>{}", article("", "<p>Free.</p>", &premium, ""));
    assert!(!trimmed(&page).contains("Twelve"));
}

#[test]
fn parts_are_found_by_marks_and_by_paragraphs() {
    let premium = premium_text();
    let page =
        format!("<article><p>a</p><!--n(--><div class=p>{premium}</div><!--n)--><p>b</p><!--n(--><img><!--n)--></article>");
    let part = Part::Selector(".p".to_owned());
    let trimmed = trim(&page, &part, "n").unwrap();
    assert_eq!(
        (trimmed.before.as_str(), trimmed.after.as_str()),
        ("<article><p>a</p>", "<p>b</p></article>")
    );
    let three = Part::Paragraphs {
        count: 2,
        within: "article".to_owned(),
    };
    for (inside, before, after) in [
        (
            "<div><h2>x</h2><p>a</p><p>b</p><ul><li>{}</ul></div><footer>f</footer>",
            "<div><h2>x</h2><p>a</p><p>b</p>",
            "</div>",
        ),
        ("<p>a<p>b<p>{}", "<p>a<p>b</p>", ""),
        ("<p>a<p>b<div>{}</div>", "<p>a<p>b</p>", ""),
        (
            "<div><p>a</p><blockquote><p>b <i>c</i></blockquote><p>{}</div>",
            "<div><p>a</p><blockquote><p>b <i>c</i></p>",
            "</blockquote></div>",
        ),
    ] {
        let page = format!(
            "<body><!--n(--><article>{}</article><!--n)--><nav>",
            inside.replace("{}", &premium)
        );
        let trimmed = trim(&page, &three, "n").unwrap();
        assert_eq!(trimmed.before, format!("<body><article>{before}"), "{inside}");
        assert_eq!(trimmed.after, format!("{after}</article><nav>"), "{inside}");
    }
    // an unfinished half outside
    let page = format!("<main><section><!--farthing--></section><section><p>{premium}<!--/farthing--></p></section></main>");
    assert_eq!(
        super::tests::trimmed(&page),
        "<main><section>[card]</section><section></p></section></main>"
    );
}

#[test]
fn what_cannot_be_told_is_not_trimmed() {
    let premium = premium_text();
    let named = |page: &str| trim(page, &marker(), "").unwrap_err();
    assert_eq!(named("<p>a</p>"), Untrimmed::NoPart);
    assert_eq!(named(&format!("<!--farthing-->{premium}")), Untrimmed::Unclosed);
    assert_eq!(named(&format!("{premium}<!--/farthing-->")), Untrimmed::Unclosed);
    assert_eq!(named("<!--farthing-->a few words<!--/farthing-->"), Untrimmed::TooShort);
    assert_eq!(
        named(&format!("<!--farthing--><script>{premium}</script><!--/farthing-->")),
        Untrimmed::TooShort
    );
    assert_eq!(
        named(&format!("<script><!--farthing-->{premium}<!--/farthing--></script>")),
        Untrimmed::NoPart
    );
    let few = Part::Paragraphs {
        count: 3,
        within: "article".to_owned(),
    };
    let page = "<!--n(--><article><p>a</p><p>b</p></article><!--n)-->";
    assert_eq!(trim(page, &few, "n").unwrap_err(), Untrimmed::NoPart);
}

#[test]
fn addresses_of_other_forms_of_the_article_are_not_told() {
    let head = "<link rel=amphtml href=/amp><link rel='alternate' type=\"application/json\" href=/wp-json/1>\
                <link rel=\"alternate nofollow\" type=text/markdown href=/x.md>\
                <link rel=alternate type=application/rss+xml href=/feed><link rel=alternate hreflang=fr href=/fr><link rel=canonical href=/x>";
    let left = trimmed(&article(head, "<p>Free.</p>", &premium_text(), ""));
    assert!(left.contains("</title><link rel=alternate type=application/rss+xml href=/feed><link rel=alternate hreflang=fr href=/fr><link rel=canonical href=/x></head>"), "{left}");
}

/// A way to write a text: some disguises over one another, base64 once at most; capitals are no letters of an escape.
fn disguises() -> impl Strategy<Value = Vec<usize>> {
    let number = |wanted: &str| DISGUISES.iter().position(|(name, _)| *name == wanted).unwrap();
    let (base64, upper) = (number("base64")..number("upper"), number("upper"));
    let over = prop::collection::vec(0..DISGUISES.len() - 1, 0..4);
    let fine = move |over: &Vec<usize>| {
        let times = |wanted: &Range<usize>, from: usize| over.iter().skip(from).filter(|index| wanted.contains(*index)).count();
        times(&base64, 0) < 2 && times(&(upper..upper + 1), 1) == 0
    };
    over.prop_filter("read by nobody", fine)
}

proptest! {
    #![proptest_config(crate::cases(300))]

    /// Whatever is done to a part of the premium text, and wherever it is put, no six words of it are left.
    #[test]
    fn f9_no_run_survives(seed in 1_u64.., from in 0_usize..100, length in 6_usize..40, place in 0..PLACES.len(), over in disguises()) {
        let premium = sentence(seed, 140);
        let secret = premium.split(' ').skip(from).take(length).collect::<Vec<_>>().join(" ");
        let mut text = secret.clone();
        for index in &over {
            text = DISGUISES[*index].1(&text);
            if text.len() > 40_000 {
                break;
            }
        }
        let [head, teaser, tail] = PLACES[place].1(&text);
        let page = article(&head, &format!("<p>Free to read.</p>{teaser}"), &html_attribute(&premium), &tail);
        match trim(&page, &marker(), "") {
            Ok(trimmed) => {
                let all = trimmed.before + &trimmed.after;
                // as it was written, in part or whole
                let mut layer = secret.clone();
                for index in &over {
                    layer = DISGUISES[*index].1(&layer);
                }
                prop_assert!(!all.contains(layer.trim()), "{:?} {} {}", over, PLACES[place].0, all);
                prop_assert!(!letters(&all).contains(&letters(&secret)), "{:?} {} {}", over, PLACES[place].0, all);
            }
            Err(error) => prop_assert_eq!(error, Untrimmed::Left),
        }
    }

    /// Whatever a page is, it is trimmed or refused, never with the premium part in it.
    #[test]
    fn odd_pages_are_trimmed_or_refused(
        before in "(<[a-z]{1,3}( [a-z]=\"?[a-z]?)?>|</[a-z]>|[a-z ]|<!--|-->|<script>|</script>|&amp;|\"){0,30}",
        inside in "(<[a-z]{1,3}>|</[a-z]>|[a-z ]|<!--|-->|<p>|&amp;){0,20}",
    ) {
        let premium = premium_text();
        let page = format!("{before}<!--farthing-->{inside}<p>{premium}<!--/farthing-->{inside}");
        if let Ok(trimmed) = trim(&page, &marker(), "") {
            let all = letters(&(trimmed.before + &trimmed.after));
            let words: Vec<_> = premium.split(' ').collect();
            for run in words.windows(6) {
                prop_assert!(!all.contains(&letters(&run.concat())), "{}", all);
            }
        }
    }
}

/// Whatever is not closed is looked for once: a page of 2 MiB of beginnings takes no longer than another.
#[test]
fn pages_of_beginnings_take_no_longer() {
    let premium = premium_text();
    for beginning in [
        "<!---->",
        "<",
        "<!",
        "</",
        "<a",
        "<p title=\"",
        "<script>",
        "<title>",
        "&",
        "%",
        "\\",
        "<!--a--!>",
        "<svg>",
        "<p>",
    ] {
        let many = beginning.repeat(200_000);
        let start = std::time::Instant::now();
        let _ = trim(&article(&many, "<p>Free.</p>", &premium, ""), &marker(), "");
        let _ = trim(&article("", "<p>Free.</p>", &premium, &many), &marker(), "");
        assert!(start.elapsed().as_secs() < 20, "{beginning}: {:?}", start.elapsed());
    }
}

#[test]
fn a_large_page_is_trimmed() {
    let premium = sentence(5, 8000);
    let paragraphs = (0..2000_u64).map(|n| format!("<p class=\"c{n}\" data-n='{n}'>{}</p>", sentence(n + 100, 30)));
    let page = article("", &format!("<div>{}</div>", paragraphs.collect::<String>()), &premium, "");
    assert!(page.len() > 400_000);
    assert!(!trimmed(&page).contains(&premium[..200]));
}
