//! Browsers that may look: links that let one in, once, and what each shows from then on. Of neither is more than a digest kept.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use http::header::{COOKIE, HeaderName};

use crate::state::random_token;

/// For how long a link lets in.
pub(super) const LINK: Duration = Duration::from_secs(60);
/// For how long a browser may look.
const SESSION: Duration = Duration::from_secs(12 * 3_600);
/// At once, of links and of sessions each; the oldest makes room.
const MOST: usize = 32;
/// How a browser says whose page has it ask.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[derive(Default)]
pub(super) struct Sessions {
    links: RefCell<Vec<Secret>>,
    sessions: RefCell<Vec<Secret>>,
}

struct Secret {
    digest: Vec<u8>,
    until: Instant,
}

impl Sessions {
    /// The code of a link.
    pub(super) fn link(&self, now: Instant) -> io::Result<String> {
        issue(&self.links, now, LINK)
    }

    /// What the browser shows from now on that comes with a code; none if that has let somebody in, or is too old.
    pub(super) fn begin(&self, code: &str, now: Instant) -> io::Result<Option<String>> {
        let found = find(&self.links.borrow(), code, now);
        let Some(at) = found else { return Ok(None) };
        self.links.borrow_mut().remove(at);
        issue(&self.sessions, now, SESSION).map(Some)
    }

    /// Whether a request is of a browser that may look, and it is no page of somebody else that has it ask.
    pub(super) fn admit(&self, headers: &HeaderMap, here: SocketAddr, now: Instant) -> bool {
        let is_own = headers.get(SITE).is_none_or(|site| site == "same-origin" || site == "none");
        is_own && shown(headers, here).any(|token| find(&self.sessions.borrow(), token, now).is_some())
    }

    /// Let nobody look any more with what a request shows.
    pub(super) fn end(&self, headers: &HeaderMap, here: SocketAddr) {
        for digest in shown(headers, here).map(hashed) {
            self.sessions.borrow_mut().retain(|session| session.digest != digest);
        }
    }
}

/// The tokens that a browser shows to this gateway.
fn shown(headers: &HeaderMap, here: SocketAddr) -> impl Iterator<Item = &str> {
    let name = name(here);
    let cookies = headers.get_all(COOKIE).iter().filter_map(|field| field.to_str().ok());
    let shown = cookies.flat_map(|field| field.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    shown.filter(move |(of, _)| *of == name).map(|(_, token)| token)
}

/// As the browser is to keep it: shown to this host alone, to no script, and not where another site leads here.
pub(super) fn cookie(token: &str, here: SocketAddr) -> String {
    format!("{}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}", name(here), SESSION.as_secs())
}

/// Have the browser forget it.
pub(super) fn no_cookie(here: SocketAddr) -> String {
    format!("{}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0", name(here))
}

/// Cookies of a host go to all its ports, so that of each gateway has a name of its own.
fn name(here: SocketAddr) -> String {
    format!("lockgate-{}", here.port())
}

fn issue(all: &RefCell<Vec<Secret>>, now: Instant, life: Duration) -> io::Result<String> {
    let token = random_token()?;
    let mut all = all.borrow_mut();
    all.retain(|secret| secret.until > now);
    let beyond = (all.len() + 1).saturating_sub(MOST);
    all.drain(..beyond);
    all.push(Secret { digest: hashed(&token), until: now + life });
    Ok(token)
}

fn find(all: &[Secret], token: &str, now: Instant) -> Option<usize> {
    let shown = hashed(token);
    all.iter().position(|it| verify_slices_are_equal(&it.digest, &shown).is_ok() && it.until > now)
}

fn hashed(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn here() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 8081))
    }

    fn shows(field: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(field).unwrap())])
    }

    #[test]
    fn a_link_lets_in_once_and_within_a_minute() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let (one, other) = (sessions.link(now).unwrap(), sessions.link(now).unwrap());
        assert!(one != other && one.len() >= 32);
        assert_eq!(sessions.begin(&other, now + LINK).unwrap(), None);
        assert!(sessions.begin(&one, now + LINK - Duration::from_millis(1)).unwrap().is_some());
        for code in [&one, "", &one[1..]] {
            assert_eq!(sessions.begin(code, now).unwrap(), None);
        }
    }

    #[test]
    fn a_session_is_of_one_gateway_of_its_own_pages_and_ends() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let token = sessions.begin(&sessions.link(now).unwrap(), now).unwrap().unwrap();
        let admits = |field: &str, now| sessions.admit(&shows(field), here(), now);
        let good = format!("lockgate-8081={token}");
        assert!(cookie(&token, here()).starts_with(&format!("{good}; HttpOnly; SameSite=Strict; Path=/; ")));
        assert!(admits(&good, now) && admits(&format!("a=b; lockgate-8081=old; {good}"), now));
        for wrong in
            [&format!("lockgate-8082={token}"), &format!("{good}0"), &good[..good.len() - 1], "lockgate-8081=", &token]
        {
            assert!(!admits(wrong, now), "{wrong}");
        }
        assert!(admits(&good, now + SESSION - Duration::from_secs(1)) && !admits(&good, now + SESSION));
        for (site, is_own) in [("none", true), ("same-origin", true), ("same-site", false), ("cross-site", false)] {
            let mut headers = shows(&good);
            headers.insert(SITE, HeaderValue::from_static(site));
            assert_eq!(sessions.admit(&headers, here(), now), is_own, "{site}");
        }
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let begin = || sessions.begin(&sessions.link(now).unwrap(), now).unwrap().unwrap();
        let first = begin();
        let admits = |token: &str| sessions.admit(&shows(&format!("lockgate-8081={token}")), here(), now);
        let all: Vec<_> = (1..MOST).map(|_| begin()).collect();
        assert!(admits(&first));
        begin();
        assert!(!admits(&first) && all.iter().all(|token| admits(token)));
    }
}
