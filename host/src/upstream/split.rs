//! Which of several upstreams a request goes to: by a field that names one, by a lot its client keeps, or by chance.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::lots::{self, crumbs, hash, mix};
use crate::config::{HashKey, Sticky};
use crate::telemetry::metrics::{Asking, SplitMetrics};

/// Several upstreams and what each takes.
#[derive(Debug)]
pub(crate) struct Split {
    arms: Vec<Arm>,
    sticky: Option<Sticky>,
    override_field: Option<HeaderName>,
}

/// One of the upstreams.
#[derive(Debug)]
pub(crate) struct Arm {
    name: Box<str>,
    slot: usize,
    weight: u32,
    /// Of its name, so that it keeps its keys whatever its place is.
    identity: u64,
    metrics: SplitMetrics,
}

/// Where a request goes. It is counted when this is dropped.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    /// The name of the upstream in its API.
    pub(crate) name: &'a str,
    /// Its place in the worker's list.
    pub(crate) slot: usize,
    pub(crate) by: ChosenBy,
    /// To be kept by the client.
    new_lot: Option<(Lot, &'a str, Option<Duration>)>,
    asking: Asking<'a>,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChosenBy {
    Override,
    /// What keeps requests at one upstream.
    Sticky,
    /// Nothing that the request had.
    Chance,
}

/// What a client draws once and keeps in a cookie: four hexadecimal digits that name no upstream and lead only where
/// the weights do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lot(u16);

impl Split {
    pub(crate) fn new(arms: Vec<Arm>, sticky: Option<Sticky>, override_field: Option<HeaderName>) -> Self {
        Self { arms, sticky, override_field }
    }

    /// Choose. What of the head is meant for nobody but the gateway is removed. `chance` decides where nothing else
    /// does. None without arms that have a weight.
    pub(crate) fn choose(
        &self,
        headers: &mut HeaderMap,
        path: &str,
        client: Option<IpAddr>,
        chance: u64,
    ) -> Option<Choice<'_>> {
        let named = self.override_field.as_ref().and_then(|field| self.named(field, headers));
        let (key, new_lot) = match &self.sticky {
            None => (None, None),
            Some(Sticky { key: HashKey::Cookie(name), max_age }) => match take_lot(headers, name) {
                Some(lot) => (Some(lot.key()), None),
                None => (None, Some((Lot::draw(chance), name.as_str(), *max_age))),
            },
            Some(Sticky { key, .. }) => (lots::key(key, headers, path, client), None),
        };
        if let Some(arm) = named {
            return Some(arm.chosen(ChosenBy::Override, None));
        }
        let by = if key.is_some() { ChosenBy::Sticky } else { ChosenBy::Chance };
        let key = key.or(new_lot.as_ref().map(|(lot, ..)| lot.key())).unwrap_or(chance);
        let lots = self.arms.iter().enumerate().map(|(at, arm)| (at, arm.identity, arm.weight));
        let arm = self.arms.get(lots::winner(key, lots)?)?;
        Some(arm.chosen(by, new_lot))
    }

    /// The field that may name an arm, on which answers depend then.
    pub(crate) fn override_field(&self) -> Option<&HeaderName> {
        self.override_field.as_ref()
    }

    /// The arms by name and weight.
    pub(crate) fn arms(&self) -> impl Iterator<Item = (&str, u32)> {
        self.arms.iter().map(|arm| (&*arm.name, arm.weight))
    }

    /// The arm a field names that stands once; the field is removed.
    fn named(&self, field: &HeaderName, headers: &mut HeaderMap) -> Option<&Arm> {
        let mut values = headers.get_all(field).iter();
        let (value, more) = (values.next()?, values.next());
        let arm = self.arms.iter().find(|arm| arm.name.as_bytes() == value.as_bytes()).filter(|_| more.is_none());
        headers.remove(field);
        arm
    }
}

impl Arm {
    pub(crate) fn new(name: &str, slot: usize, weight: u32, metrics: SplitMetrics) -> Self {
        Self { name: name.into(), slot, weight, identity: hash(name.as_bytes()), metrics }
    }

    fn chosen<'a>(&'a self, by: ChosenBy, new_lot: Option<(Lot, &'a str, Option<Duration>)>) -> Choice<'a> {
        Choice { name: &self.name, slot: self.slot, by, new_lot, asking: self.metrics.begin() }
    }
}

impl Choice<'_> {
    /// The upstream has answered.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.asking.answered(status);
    }

    /// The cookie that keeps the client where it is now, if it is to be given one.
    pub(crate) fn set_cookie(&self, https: bool) -> Option<HeaderValue> {
        let (lot, name, max_age) = self.new_lot.as_ref()?;
        let age = max_age.map(|age| format!("; Max-Age={}", age.as_secs())).unwrap_or_default();
        let secure = if https { "; Secure" } else { "" };
        HeaderValue::try_from(format!("{name}={lot}{age}; Path=/; HttpOnly; SameSite=Lax{secure}")).ok()
    }
}

impl ChosenBy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Sticky => "sticky",
            Self::Chance => "chance",
        }
    }
}

impl Lot {
    fn draw(chance: u64) -> Self {
        // The upper bits, which are as good as any once they are mixed.
        Self(u16::try_from(mix(chance) >> 48).unwrap_or_default())
    }

    fn read(text: &[u8]) -> Option<Self> {
        let is_ours = text.len() == 4 && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_ours.then(|| u16::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok().map(Self))?
    }

    fn key(self) -> u64 {
        u64::from(self.0)
    }
}

impl fmt::Display for Lot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04x}", self.0)
    }
}

/// Take the cookie of this name out of a head; what is no lot goes too.
fn take_lot(headers: &mut HeaderMap, name: &str) -> Option<Lot> {
    let is_other = |crumb: &&[u8]| lots::value(crumb, name).is_none();
    let all = || headers.get_all(COOKIE).iter().flat_map(|cookies| crumbs(cookies.as_bytes()));
    if all().all(|crumb| is_other(&crumb)) {
        return None;
    }
    let lot = all().find_map(|crumb| Lot::read(lots::value(crumb, name)?));
    let others = all().filter(|crumb| !crumb.is_empty() && is_other(crumb)).collect::<Vec<_>>().join(&b"; "[..]);
    headers.remove(COOKIE);
    if let Ok(others) = HeaderValue::from_bytes(&others)
        && !others.is_empty()
    {
        headers.insert(COOKIE, others);
    }
    lot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    fn split(arms: &[(&str, u32)], sticky: Option<&str>) -> Split {
        let metrics = Metrics::new("0", "0");
        let arm = |(slot, (name, weight)): (usize, &(&str, u32))| {
            Arm::new(name, slot, *weight, metrics.split("a", "r", name))
        };
        let arms = arms.iter().enumerate().map(arm).collect();
        let sticky = sticky.map(|key| Sticky { key: key.parse().unwrap(), max_age: None });
        Split::new(arms, sticky, Some(HeaderName::from_static("x-canary")))
    }

    fn head(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_field_names_an_arm_of_any_weight_and_goes_no_further() {
        let split = split(&[("stable", 1), ("dark", 0)], None);
        let chosen = |values: &[&str]| {
            let fields: Vec<_> = values.iter().map(|value| ("x-canary", *value)).collect();
            let mut headers = head(&fields);
            let choice = split.choose(&mut headers, "/", None, 7).unwrap();
            assert!(headers.is_empty());
            (choice.name.to_owned(), choice.by)
        };
        assert_eq!(chosen(&["dark"]), ("dark".to_owned(), ChosenBy::Override));
        for unknown in [&["Dark"][..], &[""], &["a/dark"], &["dark", "dark"], &["dark", "x"], &[]] {
            assert_eq!(chosen(unknown), ("stable".to_owned(), ChosenBy::Chance), "{unknown:?}");
        }
    }

    #[test]
    fn a_lot_is_drawn_once_and_taken_out_of_the_cookies() {
        let split = split(&[("stable", 1), ("canary", 1)], Some("cookie:lot"));
        let mut first = head(&[("cookie", "a=1; lot=nonsense")]);
        let choice = split.choose(&mut first, "/", None, 3).unwrap();
        assert_eq!((choice.by, &first["cookie"]), (ChosenBy::Chance, &"a=1".parse::<HeaderValue>().unwrap()));
        let set = choice.set_cookie(true).unwrap().to_str().unwrap().to_owned();
        let lot = set.split(';').next().unwrap();
        assert_eq!(set, format!("{lot}; Path=/; HttpOnly; SameSite=Lax; Secure"));
        assert!(!set.contains("stable") && !set.contains("canary"), "{set}");
        let mut second = head(&[("cookie", "b=2"), ("cookie", &format!("c=3;{lot}; mylot=0000"))]);
        let again = split.choose(&mut second, "/", None, 4).unwrap();
        assert_eq!((again.name, again.by), (choice.name, ChosenBy::Sticky));
        assert_eq!(again.set_cookie(true), None);
        let cookies: Vec<_> = second.get_all("cookie").iter().collect();
        assert_eq!(cookies, ["b=2; c=3; mylot=0000"]);
        let mut alone = head(&[("cookie", lot)]);
        split.choose(&mut alone, "/", None, 5).unwrap();
        assert!(alone.is_empty());
    }

    #[test]
    fn lots_are_shared_by_weight_and_none_leads_to_an_arm_without_one() {
        let split = split(&[("stable", 95), ("canary", 5), ("dark", 0)], Some("cookie:lot"));
        let mut counts = [0_u32; 3];
        for lot in 0..=u16::MAX {
            let mut headers = head(&[("cookie", &format!("lot={lot:04x}"))]);
            counts[split.choose(&mut headers, "/", None, 0).unwrap().slot] += 1;
        }
        assert_eq!(counts[2], 0);
        // 5 % of 65 536 is 3277, give or take 6 * 56.
        assert!((2_941..3_613).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn without_what_is_sticky_chance_decides() {
        let split = split(&[("stable", 1), ("canary", 1)], Some("header:x-user"));
        let slots = |fields: &[(&'static str, &str)]| -> Vec<_> {
            (0..100).map(|chance| split.choose(&mut head(fields), "/", None, chance).unwrap().slot).collect()
        };
        let ann = slots(&[("x-user", "ann")]);
        assert!(ann.iter().all(|slot| *slot == ann[0]));
        let nobody = slots(&[]);
        assert!(nobody.contains(&0) && nobody.contains(&1));
    }
}
