//! Why a message does not go on, and the answer that says so.

use lockgate_sdk::{Direction, Failure, Problem, Response, Verdict};

/// What types of problems begin with; the kind follows.
const TYPES: &str = "urn:problem-type:lockgate:";

/// Why a message does not go on: its kind, for programs, and a text for people, which never holds a part of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The message contradicts itself or cannot be understood.
    Malformed(&'static str, &'static str),
    /// There is no signature that is accepted; which would be is told.
    NotAccepted(&'static str, &'static str),
    /// It is not said how long the body is, so that it could have been taken away.
    LengthMissing,
    /// What has to be kept until the body or the response is there is too long.
    TooLong,
    /// Something that is asked does not answer.
    Unavailable,
    /// The gateway does not give what the configuration needs.
    Internal,
}

impl Refusal {
    /// The verdict for it. What an upstream sent is a bad gateway to the client, whatever is wrong with it.
    pub(crate) fn verdict<E>(self, direction: Direction, wanted: Option<String>) -> Verdict<E> {
        let (status, title, kind, detail) = match self {
            Self::Malformed(kind, why) => (400, "Bad Request", kind, why),
            Self::NotAccepted(kind, why) => (401, "Unauthorized", kind, why),
            Self::LengthMissing => {
                (411, "Length Required", "length_missing", "the length of the content is not stated")
            }
            Self::TooLong => (
                431,
                "Request Header Fields Too Large",
                "components_too_long",
                "what is covered is too long to be kept",
            ),
            Self::Unavailable => return Failure::Dependency.into(),
            Self::Internal => return Failure::Internal.into(),
        };
        let (status, title, detail) = match direction {
            Direction::Request => (status, title, detail.to_owned()),
            Direction::Response => (502, "Bad Gateway", format!("the response cannot be passed on: {detail}")),
        };
        let kind = format!("{TYPES}{kind}");
        let response = Response::from(Problem::new(status, title).kind(&kind).detail(&detail));
        match wanted.filter(|_| status == 401) {
            Some(wanted) => response.field("accept-signature", wanted).into(),
            None => response.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(refusal: Refusal, direction: Direction) -> Response {
        let verdict: Verdict = refusal.verdict(direction, Some("sig1=()".to_owned()));
        verdict.response().unwrap().clone()
    }

    #[test]
    fn clients_are_told_what_is_wrong_and_what_is_wanted() {
        for (refusal, status, wanted) in [
            (Refusal::NotAccepted("signature_missing", "no"), 401, &["sig1=()"][..]),
            (Refusal::Malformed("signature_malformed", "no"), 400, &[]),
            (Refusal::LengthMissing, 411, &[]),
            (Refusal::TooLong, 431, &[]),
        ] {
            let response = answer(refusal, Direction::Request);
            assert_eq!(response.status_code(), status);
            assert_eq!(response.values("accept-signature"), wanted);
            assert_eq!(response.values("content-type"), ["application/problem+json"]);
            assert!(response.text().starts_with(r#"{"type":"urn:problem-type:lockgate:"#), "{}", response.text());
            assert_eq!(answer(refusal, Direction::Response).status_code(), 502);
            assert!(answer(refusal, Direction::Response).values("accept-signature").is_empty());
        }
    }

    #[test]
    fn what_is_nobodys_message_is_a_failure() {
        let failure = |refusal: Refusal| -> Verdict { refusal.verdict(Direction::Request, None) };
        assert_eq!(failure(Refusal::Unavailable).failure(), Some(Failure::Dependency));
        assert_eq!(failure(Refusal::Internal).failure(), Some(Failure::Internal));
    }
}
