//! What a path names, and what the query of a list asks for.

/// A resource of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Pets,
    Pet(u64),
    Orders,
    Order(u64),
}

impl Resource {
    /// The resource of a path; none where there cannot be one.
    pub(crate) fn parse(base: &str, path: &str) -> Option<Self> {
        let rest = path.strip_prefix(base)?.strip_prefix('/')?;
        match rest.split_once('/') {
            None if rest == "pets" => Some(Self::Pets),
            None if rest == "orders" => Some(Self::Orders),
            Some(("pets", id)) => number(id).map(Self::Pet),
            Some(("orders", id)) => number(id).map(Self::Order),
            _ => None,
        }
    }

    /// What `Allow` says.
    pub(crate) fn methods(self) -> &'static str {
        match self {
            Self::Pets | Self::Orders => "GET, HEAD, POST",
            Self::Pet(_) => "GET, HEAD, PUT, DELETE",
            Self::Order(_) => "GET, HEAD",
        }
    }
}

/// What a list of pets is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageQuery {
    /// Most pets of the page.
    pub(crate) limit: usize,
    /// Pets with greater ids.
    pub(crate) after: u64,
    /// Pets of this species only.
    pub(crate) species: Option<String>,
}

impl PageQuery {
    /// Read a query; the error says what is wrong with it.
    pub(crate) fn parse(query: &str) -> Result<Self, &'static str> {
        let (mut limit, mut after, mut species) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let earlier = match name {
                "limit" => {
                    let count = number(value).filter(|count| *count <= 100);
                    let count = count.and_then(|count| usize::try_from(count).ok());
                    limit.replace(count.ok_or("`limit` is a number from 1 to 100.")?).is_some()
                }
                "after" => after.replace(number(value).ok_or("`after` is the id of a pet.")?).is_some(),
                "species" if is_species(value) => species.replace(value.to_owned()).is_some(),
                "species" => return Err("`species` is a word of small letters and `-`."),
                _ => return Err("Known here are `limit`, `after` and `species`."),
            };
            if earlier {
                return Err("A parameter stands there twice.");
            }
        }
        Ok(Self { limit: limit.unwrap_or(20), after: after.unwrap_or(0), species })
    }

    /// The query of the page that begins after `after`.
    pub(crate) fn with_after(&self, after: u64) -> String {
        let query = format!("limit={}&after={after}", self.limit);
        match &self.species {
            Some(species) => format!("{query}&species={species}"),
            None => query,
        }
    }
}

/// Whether a text is a species: such a word needs no escapes in a query.
pub(crate) fn is_species(text: &str) -> bool {
    let is_in = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    (1..=40).contains(&text.len()) && text.bytes().all(is_in)
}

/// A number from 1 in its one spelling, so that no resource has two paths.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_resource_or_none() {
        let cases = [
            ("/v1/pets", Some(Resource::Pets)),
            ("/v1/pets/7", Some(Resource::Pet(7))),
            ("/v1/orders", Some(Resource::Orders)),
            ("/v1/orders/18", Some(Resource::Order(18))),
            ("/v1", None),
            ("/v1/", None),
            ("/v1pets", None),
            ("/v1/pets/", None),
            ("/v1/pets/0", None),
            ("/v1/pets/07", None),
            ("/v1/pets/+7", None),
            ("/v1/pets/7/tags", None),
            ("/v1/pets/99999999999999999999", None),
            ("/v2/pets", None),
        ];
        for (path, resource) in cases {
            assert_eq!(Resource::parse("/v1", path), resource, "{path}");
        }
        assert_eq!(Resource::parse("", "/pets/7"), Some(Resource::Pet(7)));
    }

    #[test]
    fn a_query_is_read_and_written_again() {
        let query = PageQuery::parse("species=cat&limit=2").unwrap();
        assert_eq!((query.limit, query.after), (2, 0));
        assert_eq!(query.with_after(9), "limit=2&after=9&species=cat");
        assert_eq!(PageQuery::parse("").unwrap().limit, 20);
    }

    #[test]
    fn what_a_list_does_not_know_is_refused() {
        for query in [
            "limit=0",
            "limit=101",
            "limit=x",
            "limit",
            "after=-1",
            "species=",
            "species=a%20b",
            "sort=name",
            "limit=1&limit=2",
        ] {
            assert!(PageQuery::parse(query).is_err(), "{query}");
        }
    }
}
