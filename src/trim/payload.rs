//! What frameworks send along to draw the page a second time: whatever form it has, it holds the whole article.

use super::html::{Token, is_one_of};

/// Ids of scripts that hold data.
const IDS: &str = "__NEXT_DATA__ __NUXT_DATA__ ng-state serverApp-state";
/// Attributes of scripts that hold data.
const ATTRIBUTES: &[&str] = &["data-nuxt-data", "data-sveltekit-fetched", "data-nuxt-state"];
/// What scripts begin with, or do, that hold data.
const WORDS: &[&str] = &[
    // Next
    "__next_f",
    "__NEXT_DATA__",
    // Nuxt
    "__NUXT__",
    // SvelteKit
    "__sveltekit_",
    // Gatsby
    "window.pageData",
    "window.___pageData",
    // Remix, React Router, and what stores are called
    "__remixContext",
    "__reactRouterContext",
    "__APOLLO_STATE__",
    "__INITIAL_STATE__",
    "__PRELOADED_STATE__",
];
/// Where scripts are that read such data. Without it they would take the page apart, and the card with it.
const READERS: &[&str] = &["/_next/static/", "/_nuxt/"];

/// Whether a script goes whole: `tag` is its start tag, `content` what is in it.
pub(super) fn is_payload(tag: &Token<'_>, content: &str) -> bool {
    tag.attribute("id").is_some_and(|id| is_one_of(id, IDS))
        || ATTRIBUTES.iter().any(|name| tag.attribute(name).is_some())
        || tag
            .attribute("src")
            .is_some_and(|src| READERS.iter().any(|path| src.contains(path)))
        || WORDS.iter().any(|word| content.contains(word))
}

/// Whether an attribute goes whole: an island of Astro is drawn again from its `props`, by what `client` says.
pub(super) fn is_payload_attribute(element: &str, name: &str) -> bool {
    element.eq_ignore_ascii_case("astro-island") && is_one_of(name, "props client opts")
}
