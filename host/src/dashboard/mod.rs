//! Pages about finished requests: what came, how long it took, what failed and who is to blame. No scripts, nothing from elsewhere.

mod address;
mod chart;
mod message;
mod overview;
mod request;
mod tables;
#[cfg(test)]
mod tests;
mod words;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use sha2::{Digest as _, Sha256};

use crate::report::{Asked, Interrupt, Query, Reader, StoreError};

pub(crate) use address::read as read_address;
pub(crate) use message::{Message, Why};

/// Of all pages.
const STYLE: &str = include_str!("../../templates/dashboard/style.css");
/// What a question may say in a URL.
pub(crate) const QUESTION: [&str; 6] = ["by", "from", "to", "step", "where", "limit"];

/// What browsers may do with the pages: show them, with this style, and ask the gateway for others.
pub(crate) static POLICY: LazyLock<String> =
    LazyLock::new(|| format!("{}; form-action 'self'; frame-ancestors 'none'", policy()));
/// With a page that is a file: show it.
static FILE_POLICY: LazyLock<String> = LazyLock::new(|| format!("{}; form-action 'none'", policy()));

fn policy() -> String {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'")
}

/// Where account of requests is kept.
#[derive(Clone)]
pub(crate) struct Place {
    /// The state directory, if there is one.
    pub(crate) state: Option<PathBuf>,
    /// Whether this gateway writes there.
    pub(crate) is_kept: bool,
}

/// A page.
pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    pub(crate) html: String,
}

impl Shown {
    fn new(status: StatusCode, html: askama::Result<String>) -> Self {
        match html {
            Ok(html) => Self { status, html },
            Err(error) => {
                tracing::error!(%error, "a page cannot be made");
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, html: String::new() }
            }
        }
    }
}

impl Place {
    pub(crate) fn reader(&self, interrupt: &Interrupt) -> Result<Reader, Why> {
        let state = self.state.as_ref().ok_or(Why::NotKept)?;
        Reader::open_for(state, interrupt.clone()).map_err(|error| self.why(error))
    }

    fn why(&self, error: StoreError) -> Why {
        match error {
            StoreError::Missing(_) if self.is_kept => Why::NothingYet,
            StoreError::Missing(_) => Why::NotKept,
            error => Why::Unreadable(error.to_string()),
        }
    }

    /// The page that answers what the query of a URL asks. It reads the disk.
    pub(crate) fn overview(&self, query: &str, interrupt: &Interrupt) -> Shown {
        let now = SystemTime::now();
        let (asked, [], mut faults) = read_address(query, &QUESTION, []);
        let parsed = Query::parse(&asked, now).map_err(|more| faults.extend(more)).ok();
        let query = match parsed {
            Some(query) if faults.is_empty() => query,
            _ => return Shown::new(StatusCode::BAD_REQUEST, overview::refused(&asked, &faults)),
        };
        let read = self
            .reader(interrupt)
            .and_then(|reader| overview::read(&reader, &asked, &query).map_err(|error| self.why(error)));
        match read {
            Ok(read) => Shown::new(StatusCode::OK, overview::page(&read, &asked, now, self.is_kept)),
            Err(why) => Message::of(why).shown(),
        }
    }

    /// The page of one request, which the query of a URL names.
    pub(crate) fn request(&self, query: &str, interrupt: &Interrupt) -> Shown {
        let (_, [id, time], faults) = read_address(query, &[], ["id", "time"]);
        let time = time.map(|time| time.parse().ok());
        let (Some(id), true, false) = (id, faults.is_empty(), time == Some(None)) else {
            return Message::of(Why::NoName).shown();
        };
        let read = self
            .reader(interrupt)
            .and_then(|reader| reader.sample(&id, time.flatten()).map_err(|error| self.why(error)));
        match read {
            Err(why) => Message::of(why).shown(),
            Ok(found) => match found.samples.first() {
                Some(sample) => Shown::new(StatusCode::OK, request::page(sample)),
                None => Message::of(Why::NotAmongThem { id, unread: found.unread }).shown(),
            },
        }
    }
}

/// The overview as a file that needs nothing else.
pub(crate) fn file(reader: &Reader, asked: &Asked, query: &Query, now: SystemTime) -> anyhow::Result<String> {
    let read = overview::read(reader, asked, query)?;
    Ok(overview::file(&read, asked, now)?)
}
