//! The cookies of this policy: found among those of a request, taken off it, set and cleared (RFC 6265bis).

use crate::config::Config;
use lockgate_sdk::Head;
use std::str;

/// Longest name and value of a cookie that is set or read. Browsers keep 4096 bytes, attributes included.
pub(crate) const MAX_COOKIE: usize = 3800;
/// Logins that may be under way in one browser; where more are begun, the oldest end.
pub(crate) const MAX_LOGINS: usize = 4;
/// Most cookies cleared by one answer.
const MAX_CLEARED: usize = 32;

/// What the cookies are called.
pub(crate) struct CookieNames {
    session: String,
    /// What the names for logins begin with; the id follows.
    login: String,
    is_secure: bool,
}

/// Our cookies of a request.
#[derive(Default)]
pub(crate) struct Cookies<'a> {
    /// The session, if there is exactly one: of two nobody knows which was meant.
    pub(crate) session: Option<&'a str>,
    /// Ids and values of logins, oldest first, as browsers send them.
    pub(crate) logins: Vec<(&'a str, &'a str)>,
}

impl CookieNames {
    pub(crate) fn new(config: &Config) -> Self {
        let is_secure = config.url.is_secure();
        // A cookie of this prefix comes from this host and from no other of the domain.
        let name = format!("{}{}", if is_secure { "__Host-" } else { "" }, config.cookie.as_str());
        Self { login: format!("{name}-login-"), session: name, is_secure }
    }

    pub(crate) fn read<'a>(&self, head: &Head<'a>) -> Cookies<'a> {
        let mut cookies = Cookies::default();
        let mut sessions = 0;
        let pairs = head.all("cookie").flat_map(crumbs).filter_map(|crumb| Some((name(crumb)?, crumb)));
        for (name, crumb) in pairs.filter(|(name, crumb)| self.is_ours(name) && crumb.len() <= MAX_COOKIE) {
            let Some(value) = value(crumb) else { continue };
            match name.strip_prefix(self.login.as_str()) {
                Some(id) => cookies.logins.push((id, value)),
                None => {
                    sessions += 1;
                    cookies.session = Some(value).filter(|_| sessions == 1);
                }
            }
        }
        cookies
    }

    /// The `cookie` fields of a request without ours; others stay as they are, byte for byte.
    pub(crate) fn others<'a>(&self, head: &Head<'a>) -> impl Iterator<Item = Vec<u8>> + use<'a, '_> {
        head.all("cookie").filter_map(|field| {
            let is_other = |crumb: &&[u8]| !name(crumb).is_some_and(|name| self.is_ours(name));
            let mut kept = Vec::with_capacity(field.len());
            for (at, crumb) in field.split(|&byte| byte == b';').filter(is_other).enumerate() {
                if at > 0 {
                    kept.push(b';');
                }
                kept.extend_from_slice(if at == 0 { crumb.trim_ascii_start() } else { crumb });
            }
            (!kept.is_empty()).then_some(kept)
        })
    }

    pub(crate) fn set_session(&self, value: &str, seconds: u64) -> Option<String> {
        self.set(&self.session, value, seconds)
    }

    pub(crate) fn set_login(&self, id: &str, value: &str, seconds: u64) -> Option<String> {
        self.set(&format!("{}{id}", self.login), value, seconds)
    }

    pub(crate) fn clear_session(&self) -> String {
        self.field(&self.session, "", 0)
    }

    pub(crate) fn clear_login(&self, id: &str) -> String {
        self.field(&format!("{}{id}", self.login), "", 0)
    }

    /// What ends the oldest logins, so that there is room for one more.
    pub(crate) fn clear_oldest(&self, cookies: &Cookies<'_>) -> Vec<String> {
        let many = (cookies.logins.len() + 1).saturating_sub(MAX_LOGINS).min(MAX_CLEARED);
        cookies.logins.iter().take(many).map(|(id, _)| self.clear_login(id)).collect()
    }

    fn is_ours(&self, name: &str) -> bool {
        name == self.session || name.starts_with(&self.login)
    }

    /// The value of `set-cookie`; none where no browser would keep it.
    fn set(&self, name: &str, value: &str, seconds: u64) -> Option<String> {
        (name.len() + 1 + value.len() <= MAX_COOKIE).then(|| self.field(name, value, seconds))
    }

    /// Lax, since a visitor who comes from the provider, or by a link, has to be known.
    fn field(&self, name: &str, value: &str, seconds: u64) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }
}

fn crumbs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|&byte| byte == b';')
}

/// What stands before `=`, where it can be a name of ours.
fn name(crumb: &[u8]) -> Option<&str> {
    let end = crumb.iter().position(|&byte| byte == b'=')?;
    str::from_utf8(crumb.get(..end)?.trim_ascii()).ok()
}

fn value(crumb: &[u8]) -> Option<&str> {
    let start = crumb.iter().position(|&byte| byte == b'=')? + 1;
    str::from_utf8(crumb.get(start..)?.trim_ascii()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::Facts;
    use proptest::prelude::*;

    fn names() -> CookieNames {
        let config =
            r#"{"issuer":"https://idp","service":"idp","client_id":"shop","keys":"idp","seal":"s","url":"https://a"}"#;
        CookieNames::new(&serde_json::from_str(config).unwrap())
    }

    fn others(fields: &[&[u8]]) -> Vec<String> {
        let facts = fields.iter().fold(Facts::request(), |facts, field| facts.field("cookie", field)).build();
        let kept: Vec<_> = names().others(&facts.head()).collect();
        kept.into_iter().map(|field| String::from_utf8_lossy(&field).into_owned()).collect()
    }

    #[test]
    fn ours_are_taken_off_and_others_stay_as_they_are() {
        let cases: [(&[u8], &[&str]); 9] = [
            (b"a=1; __Host-lockgate=x; b=2", &["a=1; b=2"]),
            (b"__Host-lockgate=x; b=2", &["b=2"]),
            (b"a=1;__Host-lockgate-login-abc=x;b=\"2 3\"", &["a=1;b=\"2 3\""]),
            (b"__Host-lockgate=x", &[]),
            (b"__Host-lockgate=x; __Host-lockgate = y ;\t__Host-lockgate-login-=", &[]),
            (b"a=1;; b", &["a=1;; b"]),
            (b"__host-lockgate=x; lockgate=y", &["__host-lockgate=x; lockgate=y"]),
            (b"__Host-lockgates=x; __Host-lockgate", &["__Host-lockgates=x; __Host-lockgate"]),
            (b"", &[]),
        ];
        for (field, kept) in cases {
            assert_eq!(others(&[field]), kept, "{}", field.escape_ascii());
        }
        assert_eq!(others(&[b"a=1", b"__Host-lockgate=x", b"b=2"]), ["a=1", "b=2"]);
    }

    #[test]
    fn a_session_that_is_there_twice_is_none() {
        let read = |field: &str| {
            let facts = Facts::request().field("cookie", field).build();
            let names = names();
            let cookies = names.read(&facts.head());
            (cookies.session.map(str::to_owned), cookies.logins.len())
        };
        assert_eq!(read("__Host-lockgate=x; __Host-lockgate-login-a=b"), (Some("x".to_owned()), 1));
        for field in ["__Host-lockgate=x; __Host-lockgate=x", "__Host-lockgate=x; __Host-lockgate=y; __Host-lockgate=z"]
        {
            assert_eq!(read(field), (None, 0));
        }
        assert_eq!(read(&format!("__Host-lockgate={}", "x".repeat(MAX_COOKIE))), (None, 0), "too long");
    }

    #[test]
    fn a_cookie_no_browser_would_keep_is_not_set() {
        let names = names();
        let longest = MAX_COOKIE - "__Host-lockgate=".len();
        let set = names.set_session(&"x".repeat(longest), 60).unwrap();
        assert!(set.ends_with("; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"));
        assert!(set.len() <= 4096, "{} bytes are no state of an exchange", set.len());
        assert_eq!(names.set_session(&"x".repeat(longest + 1), 60), None);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_what_is_not_ours_comes_through(
            fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4),
        ) {
            let facts = fields.iter().fold(Facts::request(), |facts, field| facts.field("cookie", field)).build();
            let names = names();
            names.read(&facts.head());
            let kept: Vec<_> = names.others(&facts.head()).collect();
            let expected: Vec<_> = fields.iter().map(|field| field.trim_ascii_start().to_vec()).filter(|f| !f.is_empty()).collect();
            prop_assert_eq!(kept, expected);
        }

        #[test]
        fn ours_are_found_wherever_they_stand(
            before in "[a-z]{1,4}=[ -:<-~]{0,9}", after in "[a-z]{1,4}=[ -:<-~]{0,9}", id in "[A-Za-z0-9_-]{0,8}",
            space in " {0,2}",
        ) {
            let field = format!("{before};{space}__Host-lockgate-login-{id}=v;{space}{after}");
            prop_assert_eq!(others(&[field.as_bytes()]), [format!("{before};{space}{after}")]);
        }
    }
}
