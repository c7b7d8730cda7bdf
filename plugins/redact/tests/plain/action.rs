//! What each action makes of a text.

use sha2::{Digest, Sha256};
use std::net::IpAddr;

pub(crate) const MASK: &str = "***";

/// From the strictest to the most lenient.
const TABLE: [&str; 8] = ["block", "remove", "null", "mask", "hash", "pseudonym", "truncate", "partial"];

#[derive(Clone, Debug)]
pub(crate) enum Action {
    Block,
    Remove,
    Null,
    Mask,
    Hash,
    Pseudonym,
    Truncate(Coarse),
    Partial { first: usize, last: usize, keep_domain: bool },
}

#[derive(Clone, Debug)]
pub(crate) enum Coarse {
    Year,
    Month,
    Address { v4: u32, v6: u32 },
    Decimal(usize),
    Text(usize),
}

impl Action {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Remove => "remove",
            Self::Null => "null",
            Self::Mask => "mask",
            Self::Hash => "hash",
            Self::Pseudonym => "pseudonym",
            Self::Truncate(_) => "truncate",
            Self::Partial { .. } => "partial",
        }
    }

    pub(crate) fn leniency(&self) -> usize {
        TABLE.iter().position(|word| *word == self.word()).unwrap()
    }

    /// Whether it is done to each value inside of an object or array.
    pub(crate) fn is_done_inside(&self) -> bool {
        self.leniency() >= Self::Mask.leniency()
    }
}

/// What takes the place of a text of a class, for a consumer where pseudonyms are of one.
pub(crate) fn replaced(action: &Action, class: &str, consumer: &str, text: &str) -> String {
    match action {
        Action::Hash => format!("h_{}", token(&Sha256::digest(parts(["", class, text])))),
        Action::Pseudonym => format!("p_{}", token(&signed(&parts([consumer, class, text])))),
        Action::Truncate(coarse) => truncated(coarse, text).unwrap_or_else(|| MASK.to_owned()),
        Action::Partial { first, last, keep_domain } => partial(*first, *last, *keep_domain, text),
        Action::Block | Action::Remove | Action::Null | Action::Mask => MASK.to_owned(),
    }
}

/// The keyed digest that tests sign with.
pub(crate) fn signed(message: &[u8]) -> Vec<u8> {
    Sha256::digest([b"a key of tests", message].concat()).to_vec()
}

/// Each part behind its length in eight bytes.
fn parts(parts: [&str; 3]) -> Vec<u8> {
    parts.iter().flat_map(|part| [&(part.len() as u64).to_be_bytes(), part.as_bytes()].concat()).collect()
}

/// The first 128 bits in base32, in lower case and without padding.
fn token(digest: &[u8]) -> String {
    let bits: String = digest[..16].iter().map(|byte| format!("{byte:08b}")).collect();
    let letters: Vec<char> = ('a'..='z').chain('2'..='7').collect();
    let letter =
        |five: &[u8]| letters[usize::from_str_radix(&format!("{:0<5}", String::from_utf8_lossy(five)), 2).unwrap()];
    bits.as_bytes().chunks(5).map(letter).collect()
}

fn partial(first: usize, last: usize, keep_domain: bool, text: &str) -> String {
    let is_domain = |domain: &str| {
        domain.contains('.') && domain.chars().all(|letter| letter.is_alphanumeric() || letter == '.' || letter == '-')
    };
    if let Some((name, domain)) = text.rsplit_once('@').filter(|(_, domain)| keep_domain && is_domain(domain)) {
        return format!("{}@{domain}", partial(first, last, false, name));
    }
    let letters: Vec<char> = text.chars().collect();
    if 2 * (first + last) > letters.len() {
        return MASK.to_owned();
    }
    let (beginning, end) = (&letters[..first], &letters[letters.len() - last..]);
    beginning.iter().chain(&['*', '*', '*']).chain(end).collect()
}

fn truncated(coarse: &Coarse, text: &str) -> Option<String> {
    match coarse {
        Coarse::Year => is_date(text).then(|| text[..4].to_owned()),
        Coarse::Month => is_date(text).then(|| text[..text.len().min(7)].to_owned()),
        Coarse::Address { v4, v6 } => Some(match text.parse::<IpAddr>().ok()?.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4((u32::from(address) >> (32 - v4) << (32 - v4)).into()).to_string(),
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> (128 - v6) << (128 - v6)).into()).to_string(),
        }),
        Coarse::Decimal(places) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let digits = whole.strip_prefix('-').unwrap_or(whole);
            let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let is_one = are_digits(digits) && are_digits(fraction) && (digits == "0" || !digits.starts_with('0'));
            is_one.then(|| match text.split_once('.') {
                Some((whole, fraction)) if *places > 0 => {
                    format!("{whole}.{}", &fraction[..fraction.len().min(*places)])
                }
                _ => whole.to_owned(),
            })
        }
        Coarse::Text(letters) => Some(text.chars().take(*letters).collect::<String>().trim_end().to_owned()),
    }
}

/// A year, month or day, or that with a time as RFC 3339 writes it.
fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    let shapes = ["0000", "0000-00", "0000-00-00", "0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000+00:00"];
    let number = |at: usize| text.get(at..at + 2).map_or(1, |digits| digits.parse().unwrap());
    shapes.contains(&&*shape) && (1..=12).contains(&number(5)) && (1..=28).contains(&number(8))
}
