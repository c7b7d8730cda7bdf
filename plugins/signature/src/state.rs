//! What is carried from one hook to a later one: at most 4 KiB, which is the most the gateway keeps.

use crate::message::RequestValues;
use crate::refusal::Refusal;
use crate::sign::Draft;
use serde::{Deserialize, Serialize};

const MAX_STATE: usize = 4 * 1024;

/// What later hooks of an exchange have to know. It holds parts of messages, so it cannot be shown.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// What the head at hand states of its body, which is to be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// The signature of the head at hand, which waits for its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) draft: Option<Draft>,
    /// Of the request, for the signature that is verified on its response.
    #[serde(default, skip_serializing_if = "RequestValues::is_empty")]
    pub(crate) to_verify: RequestValues,
    /// Of the request, for the signature that its response is given.
    #[serde(default, skip_serializing_if = "RequestValues::is_empty")]
    pub(crate) to_sign: RequestValues,
}

impl State {
    /// What an earlier hook carried. Nothing is none of all.
    pub(crate) fn decode(carried: &[u8]) -> Result<Self, Refusal> {
        if carried.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(carried).map_err(|_| Refusal::Internal)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let bytes = serde_json::to_vec(self).map_err(|_| Refusal::Internal)?;
        if bytes.len() > MAX_STATE { Err(Refusal::TooLong) } else { Ok(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_is_read_again_up_to_4_kib() {
        let with = |length: usize| State { digest: Some("d".repeat(length)), ..State::default() };
        let frame = with(0).encode().unwrap().len();
        let most = with(MAX_STATE - frame);
        assert!(State::decode(&most.encode().unwrap()) == Ok(most));
        assert_eq!(with(MAX_STATE - frame + 1).encode(), Err(Refusal::TooLong));
        assert!(State::decode(b"") == Ok(State::default()));
        assert!(State::decode(b"x") == Err(Refusal::Internal));
    }
}
