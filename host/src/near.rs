//! What somebody may have meant who wrote something that is not known.

/// The one of `names` that `word` is most likely a slip of, if any is near enough: two letters of three have to stand,
/// of the shorter of both. Of short words many are near.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.into_iter().min_by_key(|name| strsim::damerau_levenshtein(name, word))?;
    let shorter = near.chars().count().min(word.chars().count());
    (strsim::damerau_levenshtein(near, word) <= shorter / 3).then_some(near)
}

/// Advice about a name that is not declared: the nearest that is, or else to `declare` it.
pub(crate) fn advice<'a>(word: &str, names: impl IntoIterator<Item = &'a str>, declare: &str) -> String {
    nearest(word, names).map_or_else(|| declare.to_owned(), |name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_known_and_another_word_is_not() {
        let names = ["check", "run", "upstream"];
        for (word, near) in
            [("chek", Some("check")), ("rum", Some("run")), ("own", None), ("upsraem", Some("upstream")), ("", None)]
        {
            assert_eq!(nearest(word, names), near, "{word}");
        }
    }

    #[test]
    fn of_short_words_few_are_slips() {
        for (word, names, near) in [
            ("foo", &["from", "to", "step"][..], None),
            ("log", &["limit", "format", "by"], None),
            ("age", &["api", "code", "hook"], None),
            ("b", &["a"], None),
            ("or", &["ip", "cors"], None),
            ("jtw", &["jwt", "cors"], Some("jwt")),
            ("apis", &["api", "hook"], Some("api")),
            ("form", &["from", "to", "format"], Some("from")),
            ("cros", &["cors", "jwt"], Some("cors")),
            ("consumr", &["consumer", "code"], Some("consumer")),
        ] {
            assert_eq!(nearest(word, names.iter().copied()), near, "{word}");
        }
    }
}
