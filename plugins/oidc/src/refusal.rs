//! Why a visitor is not let through, and the answer that says so: a page to whoever looks at one, a problem to programs.

use crate::page::Page;
use crate::service::Unanswered;
use crate::url::{LocalPath, ReturnTo};
use lockgate_sdk::{Failure, Problem, Response};

/// What types of problems begin with; the kind follows.
const TYPES: &str = "urn:problem-type:lockgate:";

/// Why a visitor is not let through.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    LoginNeeded,
    CrossSite,
    ClaimNotPermitted,
    MethodNotPermitted,
    CallbackMalformed,
    StateUnknown,
    StateMismatch,
    LoginExpired,
    IssuerMismatch,
    LoginRefused,
    CodeRefused,
    IdTokenInvalid,
    NonceMismatch,
    SessionTooLong,
}

/// Status, kind, title and text of a refusal. Titles tell refusals apart for whoever hears them read.
struct Account {
    status: u16,
    kind: &'static str,
    title: &'static str,
    text: &'static str,
}

impl Refusal {
    fn account(self) -> Account {
        let of = |status, kind, title, text| Account { status, kind, title, text };
        match self {
            Self::LoginNeeded => of(401, "login_needed", "Please sign in", "You have to sign in for this."),
            Self::CrossSite => {
                of(403, "cross_site", "Not from another site", "This can be done from a page of this site only.")
            }
            Self::ClaimNotPermitted => {
                of(403, "claim_not_permitted", "No access", "Your account does not permit this.")
            }
            Self::MethodNotPermitted => {
                of(405, "method_not_permitted", "Not possible this way", "This address is not used in this way.")
            }
            Self::CallbackMalformed => of(
                400,
                "callback_malformed",
                "Sign-in not understood",
                "The answer to the sign-in cannot be understood.",
            ),
            Self::StateUnknown => of(
                400,
                "state_unknown",
                "Sign-in not begun here",
                "This browser has not begun this sign-in, or it is completed already. Cookies are needed for it.",
            ),
            Self::StateMismatch => {
                of(400, "state_mismatch", "Sign-in does not match", "The answer is to another sign-in than this one.")
            }
            Self::LoginExpired => {
                of(400, "login_expired", "Sign-in took too long", "The sign-in was not completed in time.")
            }
            Self::IssuerMismatch => {
                of(400, "issuer_mismatch", "Sign-in from elsewhere", "The answer is not from where you were sent.")
            }
            Self::LoginRefused => {
                of(403, "login_refused", "Sign-in refused", "The sign-in was cancelled, or you may not sign in here.")
            }
            Self::CodeRefused => {
                of(400, "code_refused", "Sign-in not confirmed", "The sign-in was used already, or is too old.")
            }
            Self::IdTokenInvalid => {
                of(400, "id_token_invalid", "Sign-in not valid", "What was said about you cannot be trusted.")
            }
            Self::NonceMismatch => of(
                400,
                "nonce_mismatch",
                "Sign-in of another time",
                "What was said about you belongs to another sign-in.",
            ),
            Self::SessionTooLong => {
                of(500, "session_too_long", "Sign-in not kept", "There is more to say of you than a browser keeps.")
            }
        }
    }
}

/// A refusal, with what the answer has to say besides.
pub(crate) struct Refused {
    why: Refusal,
    /// Where a visitor can go on, and what that is called.
    onward: (String, &'static str),
    fields: Vec<(&'static str, String)>,
}

impl From<Refusal> for Refused {
    fn from(why: Refusal) -> Self {
        Self { why, onward: ("/".to_owned(), "Try again"), fields: Vec::new() }
    }
}

impl Refused {
    /// Trying again leads there.
    pub(crate) fn back_to(mut self, target: &ReturnTo) -> Self {
        target.as_str().clone_into(&mut self.onward.0);
        self
    }

    /// To try again would be in vain, unless it is as somebody else.
    pub(crate) fn or_sign_out(mut self, logout: &LocalPath) -> Self {
        self.onward = (logout.as_str().to_owned(), "Sign out");
        self
    }

    pub(crate) fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    pub(crate) fn answer(self, as_page: bool) -> Response {
        let Account { status, kind, title, text } = self.why.account();
        let response = if as_page {
            Page { title, text }.with_link(status, &self.onward.0, self.onward.1)
        } else {
            let kind = format!("{TYPES}{kind}");
            Problem::new(status, title).kind(&kind).detail(text).into()
        };
        let response = match status {
            // No registered scheme is about cookies, and RFC 9110 section 15.5.2 wants one.
            401 => response.field("www-authenticate", "Cookie realm=\"login\""),
            _ => response,
        };
        self.fields.into_iter().fold(private(response), |response, (name, value)| response.field(name, value))
    }
}

/// What ends a hook before its time.
pub(crate) enum Halt {
    Refused(Refused),
    Failed(Failure),
}

impl Halt {
    /// The same, a refusal with more to say.
    pub(crate) fn map(self, more: impl FnOnce(Refused) -> Refused) -> Self {
        match self {
            Self::Refused(refused) => Self::Refused(more(refused)),
            Self::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl From<Refused> for Halt {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Refusal> for Halt {
    fn from(why: Refusal) -> Self {
        Self::Refused(why.into())
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Unanswered> for Halt {
    fn from(unanswered: Unanswered) -> Self {
        Self::Failed(unanswered.into())
    }
}

/// An answer about one visitor, which no cache keeps and whose address no other site is told.
pub(crate) fn private(response: Response) -> Response {
    response.field("cache-control", "no-store").field("referrer-policy", "no-referrer")
}
