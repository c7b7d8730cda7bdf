//! The `analytics` policy: takes personal data out of the account of requests before it is kept.

mod config;
mod pseudonym;

use lockgate_sdk::prelude::*;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use config::{ClientPart, Config, Rotate, WhoPart};
use pseudonym::Period;

/// The policy; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Analytics(Config);

/// What becomes of a column.
enum Part<'c> {
    Keep,
    Drop,
    Pseudonym,
    Groups(&'c [config::Group]),
    Region,
}

impl Analytics {
    fn parts(&self) -> [(&'static str, Part<'_>); 3] {
        let who = |part| match part {
            &WhoPart::Keep => Part::Keep,
            WhoPart::Drop => Part::Drop,
            WhoPart::Pseudonym => Part::Pseudonym,
            WhoPart::Groups(groups) => Part::Groups(groups),
        };
        let client = match self.0.client {
            ClientPart::Network => Part::Keep,
            ClientPart::Region => Part::Region,
            ClientPart::Drop => Part::Drop,
            ClientPart::Pseudonym => Part::Pseudonym,
        };
        [("client", client), ("consumer", who(&self.0.consumer)), ("application", who(&self.0.application))]
    }
}

impl Policy for Analytics {
    fn interest(&self) -> Interest {
        let mut interest = Interest::new();
        for (column, part) in self.parts() {
            interest = match part {
                Part::Keep => interest,
                Part::Drop => interest.record_write(column),
                Part::Pseudonym | Part::Groups(_) | Part::Region => interest.record_read(column).record_write(column),
            };
        }
        if let Some(pseudonyms) = &self.0.pseudonyms {
            interest = interest.sign(&pseudonyms.key);
            if pseudonyms.rotate != Rotate::Never {
                interest = interest.record_read("ended-ms");
            }
        }
        interest
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let parts = self.parts();
        let mut wanted = parts.iter().filter(|(_, part)| matches!(part, Part::Pseudonym)).peekable();
        let mut faults = Vec::new();
        match &self.0.pseudonyms {
            Some(_) if wanted.peek().is_none() => {
                faults.push(ConfigError::new("pseudonyms", "is for nothing: no part is `pseudonym`"));
            }
            Some(pseudonyms) if pseudonyms.key.is_empty() => {
                faults.push(ConfigError::new("pseudonyms.key", "must be the NAME of a `[keys.NAME]` with `hmac`"));
            }
            Some(_) => {}
            None => faults.extend(wanted.map(|(column, _)| {
                ConfigError::new(*column, "needs the key of pseudonyms: write `pseudonyms = { key = \"NAME\" }`")
            })),
        }
        if faults.is_empty() && parts.iter().all(|(_, part)| matches!(part, Part::Keep)) {
            faults.push(ConfigError::new(
                "",
                "changes nothing: say in `client`, `consumer` or `application` what is kept of it",
            ));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl Observer for Analytics {
    fn on_records(&self, records: &mut Records) -> Result<(), Failure> {
        for (column, part) in self.parts() {
            match part {
                Part::Keep => {}
                Part::Drop => records.write(column, std::iter::empty::<Option<String>>()),
                Part::Region => records.rewrite(column, |address| Ok::<_, Failure>(region(address)))?,
                Part::Groups(groups) => records.rewrite(column, |name| {
                    let group = groups.iter().find(|group| group.has(name));
                    Ok::<_, Failure>(group.map(|group| Cow::Borrowed(group.name.as_str())))
                })?,
                Part::Pseudonym => self.pseudonymise(column, records)?,
            }
        }
        Ok(())
    }
}

impl Analytics {
    fn pseudonymise(&self, column: &'static str, records: &mut Records) -> Result<(), Failure> {
        let Some(pseudonyms) = &self.0.pseudonyms else { return Err(Failure::Internal) };
        if pseudonyms.rotate == Rotate::Never {
            return records.rewrite(column, |value| {
                pseudonym::of(&pseudonyms.key, column, Period::Always, value).map(|it| Some(it.into()))
            });
        }
        // Nearly all records of a batch are of one period: each value is made a pseudonym once for each.
        let mut known = std::collections::HashMap::new();
        let rows: Vec<_> = (0..records.len())
            .map(|at| {
                let Some(value) = records.get(at, column) else { return Ok(None) };
                let period = Period::of(pseudonyms.rotate, records.get(at, "ended-ms")).ok_or(Failure::Internal)?;
                if let Some(made) = known.get(&(period, value)) {
                    return Ok(Some(String::clone(made)));
                }
                let made = pseudonym::of(&pseudonyms.key, column, period, value)?;
                known.insert((period, value), made.clone());
                Ok(Some(made))
            })
            .collect::<Result<_, Failure>>()?;
        records.write(column, rows);
        Ok(())
    }
}

/// The wider network of an address. What is none is not kept: it was no address that came in.
fn region(address: &str) -> Option<Cow<'static, str>> {
    let address: IpAddr = address.parse().ok()?;
    Some(match address.to_canonical() {
        IpAddr::V4(four) => {
            let [a, b, ..] = four.octets();
            format!("{a}.{b}.0.0/16").into()
        }
        IpAddr::V6(six) => {
            let [a, b, ..] = six.segments();
            format!("{}/32", Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)).into()
        }
    })
}

lockgate_sdk::export!(Analytics: Observer);
