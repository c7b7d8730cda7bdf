//! Masks: a text whose middle is gone, or all of it.

/// How much of a text is left to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// Characters of the beginning.
    pub first: usize,
    /// Characters of the end.
    pub last: usize,
    /// Whether of an e-mail address the domain is left whole, and the rest counts for what is before it.
    pub keep_domain: bool,
}

impl Partial {
    /// The text with a mask instead of what is not to be seen, which says nothing of its length. Never is more than half
    /// of the characters left: a text too short for that is masked whole.
    ///
    /// ```
    /// use lockgate_plugin_redact::act::mask::Partial;
    ///
    /// let ends = Partial { first: 1, last: 2, keep_domain: true };
    /// assert_eq!(ends.mask("4111111111111111", "***"), "4***11");
    /// assert_eq!(ends.mask("jane.doe@example.com", "***"), "j***oe@example.com");
    /// assert_eq!(ends.mask("jane", "***"), "***");
    /// ```
    pub fn mask(&self, text: &str, with: &str) -> String {
        let (text, domain) = match text.rsplit_once('@') {
            Some((local, domain)) if self.keep_domain && is_domain(domain) => (local, Some(domain)),
            _ => (text, None),
        };
        let (first, last) = self.seen(text);
        match domain {
            Some(domain) => [first, with, last, "@", domain].concat(),
            None => [first, with, last].concat(),
        }
    }

    /// The parts of a text that are left.
    fn seen<'t>(&self, text: &'t str) -> (&'t str, &'t str) {
        let most = text.chars().count() / 2;
        if self.first.saturating_add(self.last) > most {
            return ("", "");
        }
        let first = text.char_indices().nth(self.first).map_or(0, |(at, _)| at);
        let last = match self.last.checked_sub(1) {
            Some(behind) => text.char_indices().nth_back(behind).map_or(text.len(), |(at, _)| at),
            None => text.len(),
        };
        let first = text.get(..first).unwrap_or_default();
        let rest = text.get(first.len()..).unwrap_or_default();
        let last = text.get(last..).unwrap_or_default();
        (without_torn_end(first, rest), last.trim_start_matches(is_mark))
    }
}

/// What stands behind an `@` in an e-mail address, rather than behind one in any other text.
fn is_domain(text: &str) -> bool {
    text.contains('.') && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-'))
}

/// The beginning of a text without its last character, where that goes on in what follows.
fn without_torn_end<'t>(first: &'t str, rest: &str) -> &'t str {
    let mut kept = first;
    let mut is_torn = rest.starts_with(is_mark);
    while is_torn || kept.ends_with(JOINER) {
        let Some((at, letter)) = kept.char_indices().next_back() else { break };
        is_torn = is_mark(letter);
        kept = kept.get(..at).unwrap_or_default();
    }
    kept
}

/// Joins two characters into one, as in the pictures of families.
const JOINER: char = '\u{200d}';

/// Belongs to the character before it: accents of their own, joiners, variants and shades of pictures. Not all that
/// Unicode has, whose tables would be larger than the rest of this policy.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | JOINER | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::Partial;
    use proptest::prelude::*;

    fn partial(first: usize, last: usize) -> Partial {
        Partial { first, last, keep_domain: false }
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert_eq!(partial(2, 1).mask("Grüße", "…"), "…", "three of five are more than half");
        assert_eq!(partial(1, 1).mask("Grüße", "…"), "G…e");
        assert_eq!(partial(0, 3).mask("日本語の文章", "*"), "*の文章");
        assert_eq!(partial(0, 0).mask("anything", "*"), "*");
        assert_eq!(partial(0, 0).mask("", "*"), "*");
        assert_eq!(partial(usize::MAX, 1).mask("anything", "*"), "*");
    }

    #[test]
    fn what_makes_one_character_is_not_torn() {
        assert_eq!(partial(1, 0).mask("e\u{301}tude", "*"), "*");
        assert_eq!(partial(2, 0).mask("e\u{301}tude", "*"), "e\u{301}*");
        assert_eq!(partial(2, 0).mask("ae\u{301}tude", "*"), "a*");
        assert_eq!(partial(0, 2).mask("caf\u{65}\u{301}s", "*"), "*s");
        assert_eq!(partial(2, 0).mask("👩\u{200d}👧 and", "*"), "*");
    }

    #[test]
    fn only_of_an_address_the_domain_is_kept() {
        let mask = |text: &str| Partial { first: 1, last: 0, keep_domain: true }.mask(text, "***");
        assert_eq!(mask("jane@example.com"), "j***@example.com");
        assert_eq!(mask("j@example.com"), "***@example.com");
        assert_eq!(mask("call me @ home, or not"), "c***");
        assert_eq!(mask("a@b@example.com"), "a***@example.com");
        assert_eq!(partial(1, 0).mask("jane@example.com", "***"), "j***");
    }

    proptest! {
        #[test]
        fn no_more_is_left_than_was_asked_for_and_never_more_than_half(
            text in "\\PC{0,40}", first in 0..12_usize, last in 0..12_usize,
        ) {
            let masked = partial(first, last).mask(&text, "\u{0}");
            let (seen_first, seen_last) = masked.split_once('\u{0}').unwrap();
            prop_assert!(text.starts_with(seen_first) && text.ends_with(seen_last));
            let (left, right) = (seen_first.chars().count(), seen_last.chars().count());
            prop_assert!(left <= first && right <= last);
            prop_assert!(2 * (left + right) <= text.chars().count());
        }
    }
}
