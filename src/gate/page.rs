//! Answers for people: our own 402 page, and a plain page for every other problem.

use alloc::{borrow::ToOwned, format, string::String};

use super::{
    answer::{self, Answer, Offer},
    card::{Card, Sale},
    wider,
};
use crate::{
    ledger::Refused,
    offer::Refusal,
    problem::Problem,
    route::Route,
    trim::{self, Trimmed},
    x402::header,
};

/// The 402 page with its places to fill, and the policy it is served under.
#[derive(Debug)]
pub(super) struct Template {
    html: String,
    csp: String,
    card: Card,
}

/// The scripts of a page that is not ours.
pub(super) struct Scripts<'a> {
    /// The origin that the page is on.
    pub(super) site: &'a str,
    /// What the page's policy wants them to have.
    pub(super) nonce: Option<&'a str>,
    /// The demo's.
    pub(super) demo: Option<&'a str>,
}

/// A button where the 402 page has none.
const BUTTON: &str = "\
    button{font:600 1.0625rem/1.2 system-ui,sans-serif;padding:.875rem 1.75rem;margin-bottom:2rem;border:0;border-radius:10px;cursor:pointer;\
    background:light-dark(#22201c,#ece8e1);color:light-dark(#faf8f3,#171614)}";

/// How many articles a reader has left of a bundle, and a nonce for the style of the button that opens one.
pub(super) struct Left {
    pub(super) articles: u32,
    pub(super) nonce: String,
}

impl Template {
    pub(super) fn new(html: &str, csp: &str) -> Self {
        Self {
            html: html.to_owned(),
            csp: csp.to_owned(),
            card: Card::default(),
        }
    }

    /// With the card that the build made.
    pub(super) fn with_card(&mut self, card: Card) {
        self.card = card;
    }

    /// The card's style as a policy names it.
    pub(super) fn style(&self) -> &str {
        self.card.style()
    }

    /// The page that offers an article.
    pub(super) fn offer(&self, offer: &Offer<'_>, route: &Route, demo: Option<&str>, left: Option<&Left>) -> Answer {
        let first = offer.accepts.first();
        let content = answer::payment_required(offer, Problem::PaymentRequired.slug());
        let embedded = answer::embedded(offer);
        let host = offer.info.url.split('/').nth(2).unwrap_or_default();
        let untitled = self.card.say("untitled");
        let title = if route.description.is_empty() {
            untitled
        } else {
            escape(&route.description)
        };
        let script = demo
            .map(|path| format!("<script type=\"module\" src=\"{path}\"></script>"))
            .unwrap_or_default();
        let html = fill(&self.html, |name| match name {
            "lang" => self.card.lang().to_owned(),
            "dir" => self.card.dir().to_owned(),
            "card" => self.card.html(&Sale {
                route,
                network: first.map(|offer| offer.network),
                offer: &embedded,
                mode: "page",
                class: "",
            }),
            "site" => escape(host),
            "title" => title.clone(),
            "price" => escape(&route.price),
            "offer" => embedded.clone(),
            "lead" => left.map_or_else(
                || ["<p>", &self.card.say("lead"), "</p>"].concat(),
                |left| spend(offer.info.url, left),
            ),
            // our own markup, from a path that the config check holds free of quotes
            "demo" => script.clone(),
            _ => String::new(),
        });
        let own = route.teaser.as_ref().filter(|teaser| teaser.part.is_none());
        let status = own.map_or(Problem::PaymentRequired.status(), |teaser| teaser.status);
        let mut answer = self.page(status, html);
        if let Some(left) = left {
            allow(&mut answer, &left.nonce);
        }
        answer.headers.push((header::PAYMENT_REQUIRED, content));
        answer
    }

    /// The publisher's own page, with the offer in the place of what was taken out.
    pub(super) fn teaser(&self, offer: &Offer<'_>, route: &Route, page: Trimmed, scripts: &Scripts<'_>) -> Answer {
        let site = escape(scripts.site);
        let nonce = scripts.nonce.map(|nonce| format!(" nonce=\"{nonce}\"")).unwrap_or_default();
        let first = offer.accepts.first();
        let mut html = page.before;
        html += &self.card.script(&site, &nonce);
        if let Some(path) = scripts.demo {
            html.extend(["<script type=\"module\" src=\"", &site, path, "\"", &nonce, "></script>"]);
        }
        if !page.described {
            let url = serde_json::to_string(offer.info.url)
                .unwrap_or_default()
                .replace('<', "\\u003c");
            html.extend([
                "<script type=\"application/ld+json\">{\"@context\":\"https://schema.org\",\"@type\":\"Article\",\"mainEntityOfPage\":",
                &url,
                ",",
                &trim::not_free(),
                "}</script>",
            ]);
        }
        html += &self.card.html(&Sale {
            route,
            network: first.map(|offer| offer.network),
            offer: &answer::embedded(offer),
            mode: "teaser",
            class: trim::CLASS,
        });
        html += &page.after;
        let mut headers = answer::private();
        headers.push(("Content-Type", "text/html; charset=utf-8".to_owned()));
        headers.push((
            header::PAYMENT_REQUIRED,
            answer::payment_required(offer, Problem::PaymentRequired.slug()),
        ));
        Answer {
            status: 200,
            headers,
            body: html,
        }
    }

    /// The page of a gift: what it is, and a button. No script, and a form that leads to the same address.
    pub(super) fn gift(&self, site: &str, route: &Route, nonce: &str) -> Answer {
        let host = escape(site.split_once("://").map_or(site, |(_, host)| host));
        let title = match route.description.as_str() {
            "" => "An article for you".into(),
            title => escape(title),
        };
        let price = escape(&route.price);
        let main = format!(
            "<p>A gift for you: reading this would cost {price}.</p>\
             <form method=\"post\">{}<button>Read it</button></form>",
            style(nonce)
        );
        let head = "<meta name=\"robots\" content=\"noindex\">";
        let mut answer = self.page(200, self.plain(head, &title, Some(&host), &main));
        allow(&mut answer, nonce);
        answer
    }

    /// A plain page for any other problem.
    pub(super) fn problem(&self, refusal: &Refusal, refused: Option<&Refused>, status: Option<&str>) -> Answer {
        let kind = refusal.problem;
        let head = ["<meta name=\"problem\" content=\"", kind.slug(), "\">"].concat();
        let main = ["<p>", &escape(refusal.detail.unwrap_or_else(|| kind.advice())), "</p>"].concat();
        let html = self.plain(&head, &escape(kind.title()), None, &main);
        let mut answer = self.page(kind.status(), html);
        answer::extra_headers(&mut answer.headers, kind, refused, status);
        answer
    }

    /// A page without an offer, in the 402 page's style, which its policy knows by hash.
    fn plain(&self, head: &str, title: &str, host: Option<&str>, main: &str) -> String {
        let style = self.html.find("<style>").zip(self.html.find("</style>"));
        let style = style.and_then(|(from, to)| self.html.get(from..to)).unwrap_or("<style>");
        let (of, top) = match host {
            Some(host) => (
                [" · ", host].concat(),
                ["<header><a href=\"/\">", host, "</a></header>"].concat(),
            ),
            None => <(String, String)>::default(),
        };
        [
            "<!doctype html><html lang=\"en\">",
            head,
            "<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><title>",
            title,
            &of,
            "</title>",
            style,
            "</style>",
            &top,
            "<main><h1>",
            title,
            "</h1>",
            main,
            "</main></html>",
        ]
        .concat()
    }

    fn page(&self, status: u16, html: String) -> Answer {
        let mut headers = answer::private();
        headers.push(("Content-Type", "text/html; charset=utf-8".to_owned()));
        headers.push(("Content-Security-Policy", self.csp.clone()));
        headers.push(("X-Content-Type-Options", "nosniff".to_owned()));
        headers.push(("Referrer-Policy", "same-origin".to_owned()));
        Answer {
            status,
            headers,
            body: html,
        }
    }
}

/// A form for a reader who has articles left of a bundle.
fn spend(resource: &str, left: &Left) -> String {
    let articles = match left.articles {
        1 => "one article".to_owned(),
        number => format!("{number} articles"),
    };
    format!(
        "<form method=\"post\" action=\"{}\">{}<p>You have {articles} left.</p><button>Open this one</button></form>",
        wider::spend_path(resource),
        style(&left.nonce)
    )
}

fn style(nonce: &str) -> String {
    ["<style nonce=\"", nonce, "\">", BUTTON, "</style>"].concat()
}

/// Lets a page have a style with this nonce besides the one that its policy names.
fn allow(answer: &mut Answer, nonce: &str) {
    for (name, value) in &mut answer.headers {
        if *name == "Content-Security-Policy" {
            *value = value.replace("style-src ", &["style-src 'nonce-", nonce, "' "].concat());
        }
    }
}

/// Fills `{{name}}` places; text that comes in is not looked at again.
pub(super) fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(template.len().saturating_add(2048));
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            rest = after;
            break;
        };
        out.push_str(&value(name.trim()));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Text that is safe between tags and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
