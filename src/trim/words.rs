//! Texts as runs of words: what two texts have in common, however each of them is written.

use alloc::{string::String, vec::Vec};

/// What a run weighs: six words, or twelve letters of a script that writes no spaces.
const RUN: u32 = 12;
/// A word's share of it.
const WORD: u32 = 2;

/// Base letters from U+00C0 to U+017F, so that é is e, be it one character or two. A space parts words.
const LATIN: &str = concat!(
    "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty",
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll",
    "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs",
);

enum Folded {
    /// As if it were not there.
    Nothing,
    /// Between words.
    Gap,
    /// Part of a word.
    Letter(char),
    /// Two of them: ß, which is SS in capitals.
    Twice(char),
    /// A word of its own, of scripts that write no spaces.
    Alone(char),
}

fn fold(c: char) -> Folded {
    if c.is_ascii() {
        // browsers leave it out
        if c == '\0' {
            return Folded::Nothing;
        }
        return match c.is_ascii_alphanumeric() {
            true => Folded::Letter(c.to_ascii_lowercase()),
            false => Folded::Gap,
        };
    }
    match u32::from(c) {
        // soft hyphen, marks of direction and width, accents and variants that stand for themselves
        0xad | 0x300..=0x36f | 0x61c | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2069 | 0xfe00..=0xfe0f | 0xfeff => {
            Folded::Nothing
        }
        0xdf | 0x1e9e => Folded::Twice('s'),
        code @ 0xc0..=0x17f => {
            let at = usize::try_from(code.saturating_sub(0xc0)).unwrap_or_default();
            match LATIN.as_bytes().get(at).copied().map(char::from) {
                Some(' ') | None => Folded::Gap,
                Some(letter) => Folded::Letter(letter),
            }
        }
        // Thai, Lao, Tibetan, Myanmar, Khmer; kana and Han in all their blocks
        0xe00..=0x109f
        | 0x1780..=0x17ff
        | 0x3005..=0x30ff
        | 0x31f0..=0x31ff
        | 0x3400..=0x9fff
        | 0xf900..=0xfaff
        | 0xff66..=0xff9f
        | 0x20000..=0x3ffff
            if c.is_alphanumeric() =>
        {
            Folded::Alone(c)
        }
        _ if c.is_alphanumeric() => Folded::Letter(c.to_lowercase().next().unwrap_or(c)),
        _ => Folded::Gap,
    }
}

/// A word, and where it stands.
#[derive(Clone, Copy)]
struct Word {
    hash: u64,
    weight: u32,
    first: usize,
    last: usize,
}

/// A run of words: its digest, and where it begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) hash: u64,
    pub(super) first: usize,
    pub(super) last: usize,
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Takes a text character by character, and gives its runs.
pub(super) struct Runs {
    /// The word under way: its hash, where it began, where it was last seen.
    word: Option<(u64, usize, usize)>,
    window: Vec<Word>,
    weight: u32,
}

impl Runs {
    pub(super) fn new() -> Self {
        Self {
            word: None,
            window: Vec::with_capacity(16),
            weight: 0,
        }
    }

    /// The next character, which stands at `place`.
    pub(super) fn push(&mut self, c: char, place: usize, found: &mut dyn FnMut(Run)) {
        match fold(c) {
            Folded::Nothing => {}
            Folded::Gap => self.gap(found),
            Folded::Letter(letter) => self.letter(letter, place),
            Folded::Twice(letter) => {
                self.letter(letter, place);
                self.letter(letter, place);
            }
            Folded::Alone(c) => {
                self.gap(found);
                let hash = (SEED ^ u64::from(u32::from(c))).wrapping_mul(PRIME);
                self.add(hash, 1, place, place, found);
            }
        }
    }

    fn letter(&mut self, letter: char, place: usize) {
        let (hash, first, _) = self.word.unwrap_or((SEED, place, place));
        let hash = (hash ^ u64::from(u32::from(letter))).wrapping_mul(PRIME);
        self.word = Some((hash, first, place));
    }

    /// A word ends here, if there is one.
    pub(super) fn gap(&mut self, found: &mut dyn FnMut(Run)) {
        if let Some((hash, first, last)) = self.word.take() {
            self.add(hash, WORD, first, last, found);
        }
    }

    fn add(&mut self, hash: u64, weight: u32, first: usize, last: usize, found: &mut dyn FnMut(Run)) {
        self.window.push(Word {
            hash,
            weight,
            first,
            last,
        });
        self.weight = self.weight.saturating_add(weight);
        while self.weight >= RUN && !self.window.is_empty() {
            let mut run = 0_u64;
            let mut weight = 0_u32;
            let (mut from, mut to) = (last, last);
            for (index, word) in self.window.iter().enumerate() {
                if weight >= RUN {
                    break;
                }
                run = (run.rotate_left(5) ^ word.hash).wrapping_mul(MIX);
                weight = weight.saturating_add(word.weight);
                if index == 0 {
                    from = word.first;
                }
                to = word.last;
            }
            found(Run {
                hash: run,
                first: from,
                last: to,
            });
            let gone = self.window.remove(0);
            self.weight = self.weight.saturating_sub(gone.weight);
        }
    }
}

/// How much of a text's markup counts as what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tags {
    /// Tags are text as any other.
    Text,
    /// Every tag parts words.
    Part,
    /// Tags inside a line part no words.
    Join,
}

/// All runs of a text.
pub(super) fn runs_of(text: &str, tags: Tags, found: &mut dyn FnMut(Run)) {
    let mut runs = Runs::new();
    let mut rest = text;
    if tags == Tags::Text {
        rest.chars().for_each(|c| runs.push(c, 0, found));
        return runs.gap(found);
    }
    while let Some(at) = rest.find('<') {
        let (before, after) = rest.split_at(at);
        before.chars().for_each(|c| runs.push(c, 0, found));
        let after = after.get(1..).unwrap_or_default();
        let begins = after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        rest = match begins.then(|| after.find('>')) {
            Some(Some(end)) => {
                let name = after
                    .trim_start_matches('/')
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                    .next();
                if tags == Tags::Part || !name.is_some_and(super::html::is_inline) {
                    runs.gap(found);
                }
                after.get(end.saturating_add(1)..).unwrap_or_default()
            }
            // no tag ends any more
            Some(None) => {
                runs.gap(found);
                rest = after;
                break;
            }
            None => {
                runs.gap(found);
                after
            }
        };
    }
    rest.chars().for_each(|c| runs.push(c, 0, found));
    runs.gap(found);
}

/// Digests of runs, to look others up in.
pub(super) struct Set {
    /// A power of two of places; zero is a free one.
    places: Vec<u64>,
}

impl Set {
    /// The set of these.
    pub(super) fn of(hashes: &[u64]) -> Self {
        let size = hashes.len().saturating_mul(4).next_power_of_two().max(16);
        let mut set = Self {
            places: alloc::vec![0; size],
        };
        for hash in hashes {
            if let Some(free) = set.find(*hash)
                && let Some(place) = set.places.get_mut(free)
                && *place == 0
            {
                *place = *hash | 1;
            }
        }
        set
    }

    /// The place of a digest, or the free one where it would be.
    fn find(&self, hash: u64) -> Option<usize> {
        let key = hash | 1;
        let mask = self.places.len().checked_sub(1)?;
        let mut at = usize::try_from(key >> 32).unwrap_or_default() & mask;
        // a quarter of the places are taken at most
        while let Some(place) = self.places.get(at) {
            if *place == 0 || *place == key {
                return Some(at);
            }
            at = at.wrapping_add(1) & mask;
        }
        None
    }

    pub(super) fn has(&self, hash: u64) -> bool {
        let place = self.find(hash).and_then(|at| self.places.get(at));
        place.is_some_and(|place| *place != 0)
    }

    /// Whether a text has a run that is in here, its markup read in any way.
    pub(super) fn shares(&self, text: &str) -> bool {
        // six words of one letter, or twelve letters of three bytes
        if text.len() < 11 {
            return false;
        }
        let mut seen = false;
        let mut look = |tags| runs_of(text, tags, &mut |run| seen = seen || self.has(run.hash));
        look(Tags::Text);
        if text.contains('<') {
            look(Tags::Part);
            look(Tags::Join);
        }
        seen
    }
}

/// The digests of all runs of a text and of what it says once it is unescaped, its tags read in both ways.
pub(super) fn digests(text: &str, into: &mut Vec<u64>) {
    let mut form: Option<String> = None;
    for _ in 0..super::unescape::LEVELS {
        let now = form.as_deref().unwrap_or(text);
        for tags in [Tags::Part, Tags::Join] {
            runs_of(now, tags, &mut |run| into.push(run.hash));
            if !now.contains('<') {
                break;
            }
        }
        match super::unescape::unescape(now) {
            Some(next) => form = Some(next),
            None => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Set {
        let mut all = Vec::new();
        digests(text, &mut all);
        Set::of(&all)
    }

    #[test]
    fn six_words_are_a_run_and_five_are_none() {
        let premium = set("The lamp was lit at dusk, and nobody rowed out to see it.");
        assert_eq!(premium.places.iter().filter(|place| **place != 0).count(), 8);
        for (text, want) in [
            ("he said the lamp was lit at dusk", true),
            ("THE  LAMP\u{a0}was — lit: at\ndusk!", true),
            ("the lamp was lit at", false),
            ("the lamp was lit at noon", false),
            ("the lamp wasn't lit at dusk, and nobody came", false),
            ("<p>The <b>la</b>mp was lit at dusk</p>", true),
            ("<p>the</p><p>lamp</p><i>was</i><i>lit</i><i>at</i><b>dusk</b>", true),
            ("the la\u{ad}mp w\u{200b}as lit at dusk", true),
            ("a < b, the lamp was lit at dusk", true),
        ] {
            assert_eq!(premium.shares(text), want, "{text}");
        }
    }

    #[test]
    fn other_scripts_have_runs_of_their_own() {
        let accents = set("Où étaient passés les élèves du café?");
        assert!(accents.shares("ou e\u{301}taient passe\u{301}s les e\u{301}le\u{300}ves du cafe\u{301}"));
        let japanese = set("吾輩は猫である。名前はまだ無い。");
        assert!(japanese.shares("「輩は猫である。名前はまだ無」"));
        assert!(!japanese.shares("吾輩は猫である。名前は"));
        let greek = set("Μῆνιν ἄειδε θεὰ Πηληϊάδεω Ἀχιλῆος οὐλομένην");
        assert!(
            greek.shares(
                "ΜΗΝΙΝ ἄειδε θεὰ Πηληϊάδεω Ἀχιλῆος οὐλομένην"
                    .to_lowercase()
                    .replace("μηνιν", "μῆνιν")
                    .as_str()
            )
        );
        assert_eq!(LATIN.len(), 192);
        for (c, want) in [
            ('é', 'e'),
            ('Ž', 'z'),
            ('Ł', 'l'),
            ('ő', 'o'),
            ('ÿ', 'y'),
            ('ñ', 'n'),
            ('ı', 'i'),
        ] {
            assert!(matches!(fold(c), Folded::Letter(letter) if letter == want), "{c}");
        }
        assert!(set("auf der Straße am Meer entlang").shares("AUF DER STRASSE AM MEER ENTLANG"));
        assert!(matches!(fold('×'), Folded::Gap) && matches!(fold('÷'), Folded::Gap));
    }

    #[test]
    fn a_run_knows_where_it_stands() {
        let mut runs = Runs::new();
        let mut seen = Vec::new();
        for (place, c) in "a b cc d e f g".chars().enumerate() {
            runs.push(c, place, &mut |run| seen.push((run.first, run.last)));
        }
        runs.gap(&mut |run| seen.push((run.first, run.last)));
        assert_eq!(seen, [(0, 11), (2, 13)]);
    }
}
