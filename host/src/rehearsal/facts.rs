//! What a file tells of an exchange besides its messages: who asks, when, by which route, and what others found out before.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use toml::value::{Datetime, Offset};

use super::lines::{Faults, Line};
use crate::near::nearest;
use crate::route::PathPattern;
use crate::serve;
use crate::tls::ClientCertificate;

/// Attributes an exchange can have to begin with.
const MOST_ATTRIBUTES: usize = 32;
const KEY: &str = "facts";
const NAMES: [&str; 8] = [
    "client",
    "scheme",
    "time",
    "route",
    "attribute NAME",
    "certificate thumbprint",
    "certificate subject",
    "certificate name",
];

/// What is told; the rest is as below.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) client: IpAddr,
    pub(crate) unix_ms: u64,
    /// The pattern of a route that leads where all others do.
    pub(crate) route: Option<String>,
    pub(crate) facts: serve::Facts,
}

impl Default for Told {
    /// An address of the documentation (RFC 5737), and midnight in UTC at the beginning of 2026.
    fn default() -> Self {
        let client = Ipv4Addr::new(192, 0, 2, 1).into();
        Self { client, unix_ms: 1_767_225_600_000, route: None, facts: serve::Facts::default() }
    }
}

impl Told {
    pub(super) fn read(lines: &[Line<'_>], faults: &mut Faults) -> Self {
        let mut told = Self::default();
        let mut known: Vec<&str> = Vec::new();
        for line in lines.iter().filter(|line| !line.is_blank() && !line.is_remark()) {
            let Some((name, value)) = line.text.split_once(':') else {
                faults.add(line.number, KEY, "is no fact", "write `client: 192.0.2.7`");
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            if known.contains(&name) && name != "certificate name" {
                faults.add(line.number, KEY, format!("says `{name}` again"), "say it once");
            }
            known.push(name);
            if let Err((reason, advice)) = told.take(name, value) {
                faults.add(line.number, KEY, reason, advice);
            }
        }
        told
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), (String, String)> {
        let wrong = |advice: &str| (format!("has no `{name}` that can be understood"), advice.to_owned());
        match name {
            "client" => self.client = value.parse().map_err(|_| wrong("write an address, `192.0.2.7`"))?,
            "scheme" if ["http", "https"].contains(&value) => self.facts.https = value == "https",
            "scheme" => return Err(wrong("write `http` or `https`")),
            "time" => self.unix_ms = unix_ms(value).ok_or_else(|| wrong("write `2026-01-31T12:00:00Z`"))?,
            "route" => {
                let pattern: Result<PathPattern, _> = value.parse();
                pattern
                    .map_err(|error| (format!("has a `route` that is none: {error}"), "write `/pets/{id}`".into()))?;
                self.route = Some(value.to_owned());
            }
            "certificate thumbprint" => self.certificate().thumbprint = value.to_owned(),
            "certificate subject" => self.certificate().subject = value.to_owned(),
            "certificate name" => self.certificate().names.push(value.to_owned()),
            _ => match name.strip_prefix("attribute ") {
                Some(_) if self.facts.attributes.len() >= MOST_ATTRIBUTES => {
                    return Err((format!("tells more than {MOST_ATTRIBUTES} attributes"), "tell fewer".to_owned()));
                }
                Some(name) if !name.trim().is_empty() => {
                    self.facts.attributes.push((name.trim().to_owned(), value.to_owned()));
                }
                _ => {
                    let near = nearest(name, NAMES).map(|near| format!("did you mean `{near}`?"));
                    let advice = near.unwrap_or_else(|| format!("there are {}", NAMES.join(", ")));
                    return Err((format!("says `{name}`, which is no fact"), advice));
                }
            },
        }
        Ok(())
    }

    fn certificate(&mut self) -> &mut ClientCertificate {
        Rc::make_mut(self.facts.certificate.get_or_insert_default())
    }
}

/// Milliseconds since 1970 of a time as RFC 3339 writes it; without an offset it is in UTC.
fn unix_ms(text: &str) -> Option<u64> {
    let Datetime { date: Some(date), time, offset } = text.parse().ok()? else { return None };
    let (year, month, day) = (i64::from(date.year), i64::from(date.month), i64::from(date.day));
    // The year begins in March, so that the day that is there now and then comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day;
    // Of 1970-01-01.
    let days = days - 719_469;
    let of_day = time.map_or(0, |time| {
        let seconds = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + time.second.map_or(0, i64::from);
        seconds * 1000 + i64::from(time.nanosecond.unwrap_or_default() / 1_000_000)
    });
    let minutes = match offset {
        Some(Offset::Custom { minutes }) => i64::from(minutes),
        Some(Offset::Z) | None => 0,
    };
    u64::try_from(days * 86_400_000 + of_day - minutes * 60_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_one_of_rfc_3339_since_1970() {
        assert_eq!(unix_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(unix_ms("2000-02-29T12:30:15.250Z"), Some(951_827_415_250));
        assert_eq!(unix_ms("2026-01-01T01:00:00+01:00"), Some(Told::default().unix_ms));
        assert_eq!(unix_ms("2026-01-01"), Some(Told::default().unix_ms));
        for text in ["", "12:00:00", "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "now"] {
            assert_eq!(unix_ms(text), None, "{text}");
        }
    }
}
