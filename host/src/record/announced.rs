//! Why contents that are about to be put into the folder come: said beforehand, since the folder is followed at once.

use std::fmt;
use std::time::{Duration, Instant};

use super::Why;
use crate::content::Digest;

/// What did not come to serve within this time is not waited for any more. Whoever announces waits no longer.
const LIFE: Duration = Duration::from_secs(600);

/// Contents, by the digest of their manifest, and what they come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) why: Why,
    pub(crate) contents: Digest,
}

impl Announcement {
    /// From a query, as it is shown; none where it is anything else.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        let (rest, contents) = query.rsplit_once("&contents=")?;
        let why = match rest.strip_prefix("why=")?.split_once("&of=") {
            None if rest == "why=apply" => Why::Apply,
            Some(("rollback", of)) => Why::Rollback { of: of.parse().ok()? },
            _ => return None,
        };
        Some(Self { why, contents: contents.parse().ok()? })
    }
}

impl fmt::Display for Announcement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::Rollback { of } => write!(out, "why=rollback&of={of}")?,
            // Others are not announced.
            Why::Start
            | Why::Folder
            | Why::Apply
            | Why::TakenBack { .. }
            | Why::Promoted { .. }
            | Why::Aborted { .. }
            | Why::Consumers { .. } => out.write_str("why=apply")?,
        }
        write!(out, "&contents={}", self.contents)
    }
}

/// The last announcement, until what it is about serves.
#[derive(Default)]
pub(super) struct Announced(Option<(Announcement, Instant)>);

impl Announced {
    pub(super) fn put(&mut self, announcement: Announcement) {
        self.0 = Some((announcement, Instant::now()));
    }

    /// What these contents were said to come by.
    pub(super) fn take(&mut self, contents: Digest) -> Option<Why> {
        let (announcement, _) = self.0.take_if(|(it, at)| it.contents == contents && at.elapsed() < LIFE)?;
        Some(announcement.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_understood_and_nothing_else_is() {
        let contents = Digest::of(b"a");
        for why in [Why::Apply, Why::Rollback { of: 7 }] {
            let announcement = Announcement { why, contents };
            assert_eq!(Announcement::parse(&announcement.to_string()), Some(announcement));
        }
        for wrong in [
            String::new(),
            "why=apply".to_owned(),
            format!("why=start&contents={contents}"),
            format!("why=rollback&contents={contents}"),
            format!("why=rollback&of=-1&contents={contents}"),
            format!("why=apply&of=1&contents={contents}"),
            format!("why=apply&contents={}", contents.hex()),
            format!("why=apply&contents={contents}0"),
            format!("why=apply&contents={contents}&contents={contents}"),
        ] {
            assert_eq!(Announcement::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_what_was_announced_is_taken_and_only_once() {
        let mut announced = Announced::default();
        announced.put(Announcement { why: Why::Apply, contents: Digest::of(b"a") });
        assert_eq!(announced.take(Digest::of(b"b")), None);
        assert_eq!(announced.take(Digest::of(b"a")), Some(Why::Apply));
        assert_eq!(announced.take(Digest::of(b"a")), None);
    }
}
