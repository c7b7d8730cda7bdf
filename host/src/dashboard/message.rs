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
        let message = |status, title, line: &str| Self {
            status,
            policy: None,
            title,
            lines: vec![line.to_owned()],
            code: None,
            has_more: true,
        };
        match why {
            Why::SignedOut => Self {
                code: Some("lockgate dashboard"),
                has_more: false,
                ..message(
                    StatusCode::UNAUTHORIZED,
                    "Nobody has signed in here",
                    "Run this where the gateway runs, and open the link it prints. Name the state directory with --state if it is not the usual one.",
                )
            },
            Why::Spent => Self {
                code: Some("lockgate dashboard"),
                has_more: false,
                ..message(
                    StatusCode::FORBIDDEN,
                    "This link opens nothing any more",
                    "A link lets in one browser, once, within a minute. Run this for another.",
                )
            },
            Why::NotKept => Self {
                code: Some("[analytics]"),
                has_more: false,
                ..message(
                    StatusCode::OK,
                    "No account of requests is kept",
                    "Write this table into gateway.toml, though it be empty, and start the gateway again. It needs a state directory.",
                )
            },
            Why::NothingYet => message(
                StatusCode::OK,
                "No request is on record yet",
                "What is counted is put on the disk every five seconds. Send a request through the gateway, and load this page again.",
            ),
            Why::Unreadable(error) => Self {
                lines: vec![error],
                ..message(StatusCode::SERVICE_UNAVAILABLE, "What is on record cannot be read", "")
            },
            Why::Busy => message(
                StatusCode::SERVICE_UNAVAILABLE,
                "Others are asking",
                "Only two questions are answered at once. Load this page again in a moment.",
            ),
            Why::TooLong => message(
                StatusCode::SERVICE_UNAVAILABLE,
                "This takes too long",
                "The question was ended. Ask about a shorter span, or with more conditions; lockgate report waits as long as it takes.",
            ),
            Why::NoName => message(
                StatusCode::BAD_REQUEST,
                "Which request?",
                "The address must be /request?id=ID, and perhaps &time=MICROSECONDS since 1970.",
            ),
            Why::NotAmongThem { id, unread } => {
                let first = format!(
                    "The request {id} is not among those that are kept one by one: errors and the slowest of each operation, up to a bound for each minute, for 14 days. It may come within seconds."
                );
                Self {
                    lines: std::iter::once(first).chain(unread).collect(),
                    ..message(StatusCode::NOT_FOUND, "This request is not kept", "")
                }
            }
        }
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
