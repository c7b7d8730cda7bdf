//! What a token says it is bound to (RFC 7800), and whether whoever sent it has that.

use lockgate_sdk::Head;
use lockgate_tokens::{Claims, Refusal};
use serde_json::Value;

/// The fact that a token bound to a certificate is held against; no field of the request could stand for it.
pub(crate) const CERTIFICATE: &str = ":client-certificate";

const MALFORMED: Refusal = Refusal::Token("token_malformed", "the binding of the token is malformed");

/// Members of `cnf` that can be confirmed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Binding<'a> {
    /// `jkt`: the thumbprint of a key (RFC 9449 section 6.1).
    pub(crate) key: Option<&'a str>,
    /// `x5t#S256`: the digest of a certificate (RFC 8705 section 3.1).
    certificate: Option<&'a str>,
    /// Whether `cnf` is there and names neither.
    is_other: bool,
}

impl<'a> Binding<'a> {
    /// Read `cnf`.
    pub(crate) fn of(claims: &'a Claims) -> Result<Self, Refusal> {
        let Some(confirmation) = claims.member("cnf") else {
            return Ok(Self::default());
        };
        let members = confirmation.as_object().ok_or(MALFORMED)?;
        let thumbprint = |name| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(MALFORMED),
        };
        let (key, certificate) = (thumbprint("jkt")?, thumbprint("x5t#S256")?);
        Ok(Self { key, certificate, is_other: key.is_none() && certificate.is_none() })
    }

    /// Whether it is confirmed by the key `shown` with a proof, none without one, and by the certificate of the connection.
    pub(crate) fn check(&self, shown: Option<&str>, head: &Head<'_>, is_required: bool) -> Result<(), Refusal> {
        if self.is_other {
            return Err(Refusal::Token("binding_not_supported", "the token is bound in a way that is not supported"));
        }
        match (self.key, shown) {
            (Some(bound), Some(shown)) if bound != shown => {
                return Err(Refusal::Token("token_bound_to_other_key", "the token is bound to another key"));
            }
            (Some(_), None) => {
                return Err(Refusal::Token("token_bound", "the token is bound to a key and needs a proof"));
            }
            (None, Some(_)) => {
                return Err(Refusal::Token("token_not_bound", "the token is not bound to a key"));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        match (self.certificate, head.text(CERTIFICATE)) {
            (Some(_), None) => Err(Refusal::Token("certificate_missing", "the token is bound to a certificate")),
            (Some(bound), Some(shown)) if bound != shown => {
                Err(Refusal::Token("certificate_other", "the token is bound to another certificate"))
            }
            (None, _) if is_required && self.key.is_none() => {
                Err(Refusal::Token("token_not_bound", "the token is bound to neither key nor certificate"))
            }
            _ => Ok(()),
        }
    }
}
