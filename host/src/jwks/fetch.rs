//! One fetch: the set itself, or first the document that says where it is.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use super::Settings;
use crate::config::{PublishedAt, document_of};
use crate::egress::{Call, Egress, EgressError};
use crate::keys::{KeyError, KeySet};

/// A fetch came to nothing. Nothing of what was received is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the service [egress.{service}] gave no answer")]
    Call { service: String, source: EgressError },
    #[error("the service [egress.{service}] answered with status {status}")]
    Status { service: String, status: StatusCode },
    #[error("{what} is below the URL of no service that is named in `egress`")]
    Elsewhere { what: &'static str },
    #[error("the document at `.well-known/openid-configuration` is no such document")]
    NoDocument,
    /// OpenID Connect Discovery 1.0 section 4.3.
    #[error("the document is of another issuer")]
    OtherIssuer,
    #[error("what was fetched cannot be used")]
    Keys(#[from] KeyError),
}

/// What is needed of a document.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// The set, and the text it was made of.
pub(super) async fn fetch(settings: &Settings) -> Result<(KeySet, Bytes), FetchError> {
    let (service, target) = match &settings.at {
        PublishedAt::Target(target) => {
            let service = settings.services.first().ok_or(FetchError::Elsewhere { what: "the key set" })?;
            (service, target.clone())
        }
        PublishedAt::Issuer(issuer) => discover(settings, issuer).await?,
    };
    let text = get(service, target).await?;
    Ok((KeySet::published(&text)?, text))
}

async fn discover<'a>(settings: &'a Settings, issuer: &str) -> Result<(&'a Arc<Egress>, String), FetchError> {
    let (service, target) =
        below(settings, &document_of(issuer)).ok_or(FetchError::Elsewhere { what: "the issuer" })?;
    let text = get(service, target).await?;
    let document: Document = serde_json::from_slice(&text).map_err(|_| FetchError::NoDocument)?;
    if document.issuer != issuer {
        return Err(FetchError::OtherIssuer);
    }
    below(settings, &document.jwks_uri).ok_or(FetchError::Elsewhere { what: "the `jwks_uri` of the document" })
}

/// The service a URL belongs to, and what to ask it for.
fn below<'a>(settings: &'a Settings, url: &str) -> Option<(&'a Arc<Egress>, String)> {
    settings.services.iter().find_map(|service| Some((service, service.below(url)?.to_owned())))
}

async fn get(service: &Egress, target: String) -> Result<Bytes, FetchError> {
    let accept = ("accept".to_owned(), Bytes::from_static(b"application/jwk-set+json, application/json"));
    let call = Call { method: "GET".to_owned(), target, fields: vec![accept], body: Bytes::new() };
    let name = || service.name().to_owned();
    let reply = service.send(call).await.map_err(|source| FetchError::Call { service: name(), source })?;
    match reply.status {
        StatusCode::OK => Ok(reply.body),
        status => Err(FetchError::Status { service: name(), status }),
    }
}
