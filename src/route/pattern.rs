//! Patterns over paths: which paths a rule is about, and which article a part belongs to.

use alloc::{borrow::Cow, string::String, vec::Vec};

use super::path::{self, Spelling};

/// A path pattern: `*` stands for any run of characters, slashes included; at the end of the
/// pattern it stands for at least one.
/// ```
/// use farthing::route::pattern::Pattern;
/// assert!(Pattern::new("/articles/*").is_some());
/// // servers disagree on what this names
/// assert_eq!(Pattern::new("/articles%2F*"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<String>,
    folded: Vec<String>,
}

impl Pattern {
    /// Reads a pattern in the spelling that paths have; none where servers disagree on it.
    ///
    /// Both its readings are made by the functions that read paths, so that a pattern with an accent
    /// or an escape protects what it names.
    pub fn new(text: &str) -> Option<Self> {
        let (canonical, spelling) = path::canonical(text);
        let parts = |text: &str| text.split('*').map(Into::into).collect();
        (spelling != Spelling::Ambiguous).then(|| Self {
            parts: parts(&canonical),
            folded: parts(&path::folded(&canonical)),
        })
    }

    /// As it is written, in the canonical spelling.
    pub fn text(&self) -> String {
        self.parts.join("*")
    }

    /// Whether it names this canonical path.
    pub fn matches(&self, path: &str) -> bool {
        glob(&self.parts, path)
    }

    /// Whether the most lenient of servers might take a path for one that it names, by its folded form.
    pub fn matches_folded(&self, folded: &str) -> bool {
        let stem = path::stem(folded);
        let same_page = matches!(self.folded.as_slice(), [only] if path::stem(only) == stem);
        same_page || glob(&self.folded, folded) || glob(&self.folded, stem)
    }
}

fn glob(parts: &[String], text: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return false;
    };
    let Some(mut text) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    let Some((last, middle)) = rest.split_last() else {
        return text.is_empty();
    };
    for part in middle {
        match text.split_once(part.as_str()) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    // "/articles/*" is about what lies below, not about "/articles/" itself
    text.ends_with(last.as_str()) && !(text.is_empty() && last.is_empty())
}

/// The paths of an article's parts (media, data routes of a framework, comments), and how an article's path is made of one:
/// `{1}` stands for what the first star of the article's pattern stands for, `*` for any run of characters.
///
/// ```
/// use farthing::route::pattern::Part;
/// let part = Part::new("/_next/data/*/articles/{1}.json", "/articles/*").unwrap();
/// assert_eq!(part.article("/_next/data/b1/articles/x.json").as_deref(), Some("/articles/x"));
/// assert_eq!(part.article("/_next/data/b1/other/x.json"), None);
/// // which article would this be of?
/// assert_eq!(Part::new("/media/*", "/articles/*"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    exact: Template,
    folded: Template,
}

/// Literals with something between each two, and what an article is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template {
    /// One more than the gaps.
    literals: Vec<String>,
    /// Which star of the article each gap stands for, from 0; none for a star of its own.
    gaps: Vec<Option<usize>>,
    /// The article's pattern, split at its stars.
    article: Vec<String>,
}

impl Part {
    /// Reads a template for the parts of the articles that a pattern names; none where servers disagree on it, or where it does not
    /// say which article.
    pub fn new(text: &str, article: &str) -> Option<Self> {
        let mut literals = Vec::from([String::new()]);
        let mut gaps = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['*', '{']) {
            let (before, gap) = rest.split_at_checked(at)?;
            literals.last_mut()?.push_str(before);
            let after = match gap.strip_prefix('{') {
                None => {
                    gaps.push(None);
                    gap.strip_prefix('*')?
                }
                Some(gap) => {
                    let (number, after) = gap.split_once('}')?;
                    let number: usize = number.parse().ok()?;
                    gaps.push(Some(number.checked_sub(1)?));
                    after
                }
            };
            literals.push(String::new());
            rest = after;
        }
        literals.last_mut()?.push_str(rest);
        let stars = article.split('*').count().checked_sub(1)?;
        let whole = (0..stars).all(|star| gaps.contains(&Some(star)));
        let known = gaps.iter().flatten().all(|star| *star < stars);
        // gaps that touch could be told apart in several ways
        let apart = literals.iter().skip(1).rev().skip(1).all(|literal| !literal.is_empty());
        let template = |read: &dyn Fn(&str) -> Option<String>| {
            Some(Template {
                literals: split(&read(&literals.join("*"))?),
                gaps: gaps.clone(),
                article: split(&read(article)?),
            })
        };
        let canonical = |text: &str| match path::canonical(text) {
            (_, Spelling::Ambiguous) => None,
            (text, _) => Some(text.into_owned()),
        };
        let part = Self {
            exact: template(&canonical)?,
            folded: template(&|text| Some(path::folded(&canonical(text)?)))?,
        };
        (stars > 0 && whole && known && apart).then_some(part)
    }

    /// The path of the article that this canonical path is a part of.
    pub fn article(&self, path: &str) -> Option<String> {
        self.exact.article(path).map(|(article, _)| article)
    }

    /// The folder that holds parts of this one's article alone, where there is one; the path itself otherwise.
    /// ```
    /// use farthing::route::pattern::Part;
    /// let part = Part::new("/media/{1}/*", "/articles/*").unwrap();
    /// assert_eq!(part.folder("/media/x/a/b.mp3"), Some("/media/x"));
    /// let part = Part::new("/data/{1}.json", "/articles/*").unwrap();
    /// assert_eq!(part.folder("/data/x.json"), Some("/data/x.json"));
    /// ```
    pub fn folder<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (_, end) = self.exact.article(path)?;
        let (folder, rest) = path.split_at_checked(end)?;
        Some(if rest.starts_with('/') { folder } else { path })
    }

    /// The folder, or the path, that all of this canonical article's parts by this template have in common and no other article's;
    /// none where there is no such thing.
    /// ```
    /// use farthing::route::pattern::Part;
    /// let part = Part::new("/media/{1}/*", "/articles/*").unwrap();
    /// assert_eq!(part.home("/articles/x").as_deref(), Some("/media/x"));
    /// let part = Part::new("/data/{1}.json", "/articles/*").unwrap();
    /// assert_eq!(part.home("/articles/x").as_deref(), Some("/data/x.json"));
    /// let part = Part::new("/media/{1}-*.jpg", "/articles/*").unwrap();
    /// assert_eq!(part.home("/articles/x"), None);
    /// ```
    pub fn home(&self, article: &str) -> Option<String> {
        let Template {
            literals,
            gaps,
            article: own,
        } = &self.exact;
        let stars = stars(own, article)?;
        let free = gaps.iter().position(Option::is_none).unwrap_or(gaps.len());
        let (named, others) = gaps.split_at_checked(free)?;
        if others.iter().any(Option::is_some) {
            return None;
        }
        let mut home = String::new();
        for (literal, gap) in literals.iter().zip(named) {
            home.push_str(literal);
            home.push_str(stars.get((*gap)?)?);
        }
        let end = literals.get(free)?;
        match others {
            [] => home.push_str(end),
            _ if !end.starts_with('/') => return None,
            _ => {}
        }
        // several stars can be told apart in several ways: it has to lead back
        let below = if others.is_empty() {
            home.clone()
        } else {
            [&home, end, "x"].concat()
        };
        let whole = others.len() > 1 || self.article(&below).as_deref() == Some(article);
        whole.then_some(home)
    }

    /// The same for a folded path, in folded form.
    pub fn article_folded(&self, folded: &str) -> Option<String> {
        let article = |path: &str| self.folded.article(path).map(|(article, _)| article);
        article(folded).or_else(|| article(path::stem(folded)))
    }
}

impl Template {
    /// The article's path, and where in this one the last text ends that it is made of.
    fn article(&self, path: &str) -> Option<(String, usize)> {
        let (first, rest) = self.literals.split_first()?;
        let mut text = path.strip_prefix(first.as_str())?;
        let mut found: Vec<Cow<'_, str>> = Vec::new();
        found.resize(self.article.len().checked_sub(1)?, Cow::Borrowed(""));
        let mut end = 0;
        for (index, (literal, gap)) in rest.iter().zip(&self.gaps).enumerate() {
            let last = rest.len() == index.saturating_add(1);
            let (value, after) = if last {
                (text.strip_suffix(literal.as_str())?, "")
            } else {
                text.split_once(literal.as_str())?
            };
            if gap.is_some() {
                end = path.len().checked_sub(after.len())?.checked_sub(literal.len())?;
            }
            text = after;
            let star = gap.and_then(|star| found.get_mut(star));
            match star {
                _ if value.is_empty() => return None,
                Some(star) if star.is_empty() => *star = Cow::Borrowed(value),
                // the same star twice has to be the same text
                Some(star) if *star != value => return None,
                _ => {}
            }
        }
        let mut article = String::new();
        for (index, literal) in self.article.iter().enumerate() {
            article.push_str(literal);
            article.push_str(found.get(index).map_or("", |text| text));
        }
        Some((article, end))
    }
}

/// What stands for the stars between these texts.
fn stars<'a>(literals: &[String], path: &'a str) -> Option<Vec<&'a str>> {
    let (first, rest) = literals.split_first()?;
    let mut text = path.strip_prefix(first.as_str())?;
    let mut stars = Vec::new();
    for (index, literal) in rest.iter().enumerate() {
        let last = rest.len() == index.saturating_add(1);
        let (star, after) = if last {
            (text.strip_suffix(literal.as_str())?, "")
        } else {
            text.split_once(literal.as_str())?
        };
        stars.push(star);
        text = after;
    }
    Some(stars)
}

fn split(text: &str) -> Vec<String> {
    text.split('*').map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_which_article_they_belong_to() {
        let article = |template: &str, pattern: &str, path: &str| Part::new(template, pattern).unwrap().article(path);
        for (template, pattern, path, want) in [
            ("/media/{1}/*", "/articles/*", "/media/x/a.mp3", Some("/articles/x")),
            ("/media/{1}/*", "/articles/*", "/media/x/", None),
            ("/media/{1}/*", "/articles/*", "/media/x", None),
            ("/{2}/{1}.json", "/*/story/*", "/b/a.json", Some("/a/story/b")),
            ("/{1}/again/{1}", "/articles/*", "/x/again/x", Some("/articles/x")),
            ("/{1}/again/{1}", "/articles/*", "/x/again/y", None),
            (
                "/articles/{1}/comments",
                "/articles/*",
                "/articles/x/comments",
                Some("/articles/x"),
            ),
            ("/caf%c3%a9/{1}", "/articles/*", "/caf%C3%A9/x", Some("/articles/x")),
        ] {
            assert_eq!(article(template, pattern, path).as_deref(), want, "{template} {path}");
        }
        for (template, pattern) in [
            ("/media/*", "/articles/*"),
            ("/media/{2}", "/articles/*"),
            ("/media/{0}", "/articles/*"),
            ("/media/{1", "/articles/*"),
            ("/media/{x}", "/articles/*"),
            ("/media/*{1}", "/articles/*"),
            ("/media/{1}", "/articles/one"),
            ("/media;a/{1}", "/articles/*"),
        ] {
            assert_eq!(Part::new(template, pattern), None, "{template}");
        }
    }

    #[test]
    fn a_home_is_of_one_article() {
        for (template, pattern, article, want) in [
            ("/media/{1}/*", "/articles/*", "/articles/x", Some("/media/x")),
            ("/media/{1}/*", "/articles/*", "/elsewhere/x", None),
            ("/media/{1}/*/*", "/articles/*", "/articles/x", Some("/media/x")),
            ("/*/{1}/x", "/articles/*", "/articles/x", None),
            ("/{2}/{1}.json", "/*/story/*", "/a/story/b", Some("/b/a.json")),
            ("/m/{1}/{2}/*", "/a-*-*/", "/a-b-c-d/", Some("/m/b/c-d")),
            ("/{1}/again/{1}", "/articles/*", "/articles/x", Some("/x/again/x")),
        ] {
            let part = Part::new(template, pattern).unwrap();
            assert_eq!(part.home(article).as_deref(), want, "{template} {article}");
        }
    }

    #[test]
    fn d1_other_spellings_of_a_part_fold_to_its_article() {
        let part = Part::new("/Media/{1}/*", "/Articles/*").unwrap();
        assert_eq!(part.article("/Media/X/a.mp3").as_deref(), Some("/Articles/X"));
        for other in [
            "/media/x/a.mp3",
            "/MEDIA/X/A.MP3",
            "/x/..%2fmedia/x/a.mp3",
            "/media;v/x/a.mp3",
        ] {
            let folded = path::folded(other);
            assert_eq!(part.article_folded(&folded).as_deref(), Some("/articles/x"), "{other}");
        }
    }
}
