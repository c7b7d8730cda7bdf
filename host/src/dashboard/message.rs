//! Pages that say why there is no other.

use askama::Template;
use http::StatusCode;

use super::{STYLE, Shown};

/// Why a page is not what was asked for.
pub(crate) enum Why {
    /// Nobody has signed in.
    SignedOut,
    /// The link has let somebody in, or is too old.
    Spent,
    NotKept,
    NothingYet,
    Unreadable(String),
    /// Others are asking.
    Busy,
    TooLong,
    NoName,
    NotAmongThem {
        id: String,
        unread: Vec<String>,
    },
}

#[derive(Template)]
#[template(path = "dashboard/message.html")]
pub(crate) struct Message {
    status: StatusCode,
    policy: Option<&'static str>,
    title: &'static str,
    lines: Vec<String>,
    /// To be typed or written somewhere.
    code: Option<&'static str>,
    /// Whether other pages are there to be seen.
    has_more: bool,
}

impl Message {
    pub(crate) fn of(why: Why) -> Self {
        const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
        match why {
            Why::SignedOut => Self::only(
                StatusCode::UNAUTHORIZED,
                "Nobody has signed in here",
                "Run this where the gateway runs, and open the link it prints. Name the state directory with --state if it is not the usual one.",
                "lockgate dashboard",
            ),
            Why::Spent => Self::only(
                StatusCode::FORBIDDEN,
                "This link opens nothing any more",
                "A link lets in one browser, once, within a minute. Run this for another.",
                "lockgate dashboard",
            ),
            Why::NotKept => Self::only(
                StatusCode::OK,
                "No account of requests is kept",
                "Write this table into gateway.toml, though it be empty, and start the gateway again. It needs a state directory.",
                "[analytics]",
            ),
            Why::NothingYet => Self::new(
                StatusCode::OK,
                "No request is on record yet",
                "What is counted is put on the disk every five seconds. Send a request through the gateway, and load this page again.",
            ),
            Why::Unreadable(error) => Self::new(UNAVAILABLE, "What is on record cannot be read", error),
            Why::Busy => Self::new(
                UNAVAILABLE,
                "Others are asking",
                "Only two questions are answered at once. Load this page again in a moment.",
            ),
            Why::TooLong => Self::new(
                UNAVAILABLE,
                "This takes too long",
                "The question was ended. Ask about a shorter span, or with more conditions; lockgate report waits as long as it takes.",
            ),
            Why::NoName => Self::new(
                StatusCode::BAD_REQUEST,
                "Which request?",
                "The address must be /request?id=ID, and perhaps &time=MICROSECONDS since 1970.",
            ),
            Why::NotAmongThem { id, unread } => {
                let first = format!(
                    "The request {id} is not among those that are kept one by one: errors and the slowest of each operation, up to a bound for each minute, for 14 days. It may come within seconds."
                );
                let mut message = Self::new(StatusCode::NOT_FOUND, "This request is not kept", first);
                message.lines.extend(unread);
                message
            }
        }
    }

    /// With a way to other pages.
    fn new(status: StatusCode, title: &'static str, line: impl Into<String>) -> Self {
        Self { status, policy: None, title, lines: vec![line.into()], code: None, has_more: true }
    }

    /// Where there are no other pages before something is done.
    fn only(status: StatusCode, title: &'static str, line: &str, code: &'static str) -> Self {
        Self { code: Some(code), has_more: false, ..Self::new(status, title, line) }
    }

    pub(crate) fn shown(&self) -> Shown {
        Shown::new(self.status, self.render())
    }

    /// The same in one line, for programs.
    pub(crate) fn line(&self) -> String {
        let lines = self.lines.iter().map(String::as_str).chain(self.code).filter(|line| !line.is_empty());
        std::iter::once(self.title).chain(lines).collect::<Vec<_>>().join(": ")
    }
}
