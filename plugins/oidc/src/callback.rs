//! What brings a browser to the callback: the answer of the provider, or a login that has to be announced to it first.

use crate::refusal::Refusal;
use lockgate_sdk::Head;

/// Longest query read there, in bytes, and most parameters.
const MAX_QUERY: usize = 8 * 1024;
const MAX_PARAMETERS: usize = 16;

/// The parameter that names a login which has to be announced.
pub(crate) const BEGIN: &str = "begin";

/// Why somebody is here.
pub(crate) enum Arrival {
    /// The login with this state is to be announced to the provider.
    Begin(String),
    /// The provider answered (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207).
    Answered { state: String, issuer: Option<String>, outcome: Outcome },
}

/// What the provider answered.
pub(crate) enum Outcome {
    Code(String),
    /// Why, says nobody but the provider, whose words are not repeated.
    Error,
}

impl Arrival {
    /// By the query; what is there twice, or contradicts itself, is none.
    pub(crate) fn read(head: &Head<'_>) -> Result<Self, Refusal> {
        let query = head.query().filter(|query| query.len() <= MAX_QUERY).ok_or(Refusal::CallbackMalformed)?;
        let [mut begin, mut state, mut code, mut error, mut issuer] = [const { None }; 5];
        for (at, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            let place = match &*name {
                BEGIN => &mut begin,
                "state" => &mut state,
                "code" => &mut code,
                "error" => &mut error,
                "iss" => &mut issuer,
                _ => continue,
            };
            if at >= MAX_PARAMETERS || place.replace(value.into_owned()).is_some() {
                return Err(Refusal::CallbackMalformed);
            }
        }
        match (begin, state, code, error) {
            (Some(state), None, None, None) => Ok(Self::Begin(state)),
            (None, Some(state), Some(code), None) if !code.is_empty() => {
                Ok(Self::Answered { state, issuer, outcome: Outcome::Code(code) })
            }
            (None, Some(state), None, Some(_)) => Ok(Self::Answered { state, issuer, outcome: Outcome::Error }),
            _ => Err(Refusal::CallbackMalformed),
        }
    }
}
