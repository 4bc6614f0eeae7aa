//! The publisher's content security policy, with room for the card.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// The policy with what the card needs (its own scripts and WebAssembly, requests to the site, and its style, which has this hash), and
/// the nonce that scripts have to have, if they have to. `ours` is the address of the card's own folder: no more of the site is let
/// in, for where scripts need a nonce, others may have put files there.
///
/// ```
/// let admit = |policy| farthing::trim::policy::admit(policy, "https://n.example/.farthing/", "'sha256-x'");
/// let (policy, nonce) = admit("default-src 'self'; script-src 'nonce-abc' 'strict-dynamic'; connect-src 'none'");
/// assert_eq!(
///     policy,
///     "default-src 'self'; script-src 'nonce-abc' 'strict-dynamic' https://n.example/.farthing/ 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self' 'sha256-x'"
/// );
/// assert_eq!(nonce.as_deref(), Some("abc"));
/// assert_eq!(admit("img-src *"), ("img-src *".into(), None));
/// // a hash would take back what this allows
/// assert_eq!(admit("style-src 'unsafe-inline'").0, "style-src 'unsafe-inline'");
/// ```
pub fn admit(policies: &str, ours: &str, style: &str) -> (String, Option<String>) {
    let mut nonce = None;
    // several headers of one name are one line with commas
    let admitted: Vec<String> = policies
        .split(',')
        .map(|policy| one(policy, ours, style, &mut nonce))
        .collect();
    (admitted.join(", "), nonce)
}

fn one<'a>(policy: &'a str, ours: &'a str, style: &'a str, nonce: &mut Option<String>) -> String {
    let directives = policy.split(';').map(str::trim).filter(|directive| !directive.is_empty());
    let mut all: Vec<(&'a str, Vec<&'a str>)> = directives
        .filter_map(|directive| {
            let mut words = directive.split_ascii_whitespace();
            Some((words.next()?, words.collect()))
        })
        .collect();
    let find = |all: &[(&str, Vec<&str>)], wanted: &str| all.iter().position(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let default = find(&all, "default-src")
        .and_then(|at| all.get(at))
        .map(|(_, sources)| sources.clone());
    let style = [style];
    let needs: [(&str, &[&str]); 5] = [
        ("script-src-elem", &[ours]),
        ("script-src", &[ours, "'wasm-unsafe-eval'"]),
        ("connect-src", &["'self'"]),
        ("style-src-elem", &style),
        ("style-src", &style),
    ];
    let is = |source: &&&str, wanted: &str| source.to_ascii_lowercase().starts_with(wanted);
    let inline = |sources: &[&str]| {
        let named = sources.iter().any(|source| is(&source, "'nonce-") || is(&source, "'sha"));
        sources.iter().any(|source| is(&source, "'unsafe-inline'")) && !named
    };
    for (name, sources) in needs {
        let styles = name.starts_with("style");
        let at = match (find(&all, name), &default) {
            (Some(at), _) if styles && all.get(at).is_some_and(|(_, own)| inline(own)) => continue,
            (Some(at), _) => at,
            (None, Some(default)) if styles && inline(default) => continue,
            // elements follow the directive for scripts, and for styles
            (None, Some(default)) if !name.ends_with("-elem") => {
                all.push((name, default.clone()));
                all.len().saturating_sub(1)
            }
            (None, _) => continue,
        };
        let Some((_, own)) = all.get_mut(at) else {
            continue;
        };
        let given = own
            .iter()
            .find_map(|source| source.strip_prefix("'nonce-")?.strip_suffix('\''));
        let plain = |given: &&str| {
            given
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/_-=".contains(&byte))
        };
        if let Some(given) = given.filter(plain).filter(|_| name.starts_with("script")) {
            nonce.get_or_insert_with(|| given.to_owned());
        }
        own.retain(|source| !source.eq_ignore_ascii_case("'none'"));
        let all_of_it = own.iter().any(|source| source.eq_ignore_ascii_case("'self'"));
        let lacks = |source: &&&'a str| !(own.contains(source) || all_of_it && **source == ours);
        let lacking: Vec<&'a str> = sources.iter().filter(lacks).copied().collect();
        own.extend(lacking);
    }
    let lines = all
        .iter()
        .map(|(name, sources)| [&[*name], sources.as_slice()].concat().join(" "));
    lines.collect::<Vec<_>>().join("; ")
}
