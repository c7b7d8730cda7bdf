//! `egress`: requests to services the operator granted.

use std::sync::Arc;
use std::time::Duration;

use super::super::fields;
use super::super::occasion::Awaits;
use super::{HostState, wit};
use crate::egress::{Call, Egress, EgressError, Outcome, Question, Reply};

use wit::egress as api;

impl api::Host for HostState {
    async fn send(&mut self, egress: String, call: api::Call) -> wasmtime::Result<Result<api::Reply, api::Error>> {
        self.serving()?;
        let Some(service) = self.powers.egress.get(&egress).cloned() else { return Ok(Err(api::Error::Denied)) };
        let Some(call) = read(call)? else { return Ok(Err(api::Error::Denied)) };
        Ok(service.send(call).await.map(|reply| said(&reply)).map_err(|error| api::Error::from(&error)))
    }

    fn ask(
        &mut self,
        egress: String,
        call: api::Call,
        max_age_ms: u64,
    ) -> wasmtime::Result<Result<api::Answer, api::Error>> {
        self.serving()?;
        let Some(service) = self.powers.egress.get(&egress).cloned() else { return Ok(Err(api::Error::Denied)) };
        let question = Question::of(&call.method, &call.target, &call.fields, &call.body);
        let known = self.learned(&service, &question).or_else(|| {
            let max_age = Duration::from_millis(max_age_ms);
            service.remembered(&question, max_age).map(Ok)
        });
        Ok(match known {
            Some(Ok(answer)) => {
                let age_ms = u64::try_from(answer.age().as_millis()).unwrap_or(u64::MAX);
                Ok(api::Answer { reply: said(&answer.reply), age_ms })
            }
            Some(Err(error)) => Err(api::Error::from(&*error)),
            None => {
                let Some(call) = read(call)? else { return Ok(Err(api::Error::Denied)) };
                if self.occasion.is_patient && self.awaits.is_none() {
                    self.awaits = Some(Awaits::Answer(service, question, call, max_age_ms > 0));
                }
                Err(api::Error::Pending)
            }
        })
    }
}

impl HostState {
    /// What came of this question when this call was made before.
    fn learned(&self, service: &Arc<Egress>, question: &Question) -> Option<Outcome> {
        let learned = self.occasion.learned.as_ref()?;
        // The newest: a service may be asked again where its answer was of no use.
        let learned = learned.iter().rev().find(|it| it.question == *question && Arc::ptr_eq(&it.egress, service));
        learned.map(|learned| learned.outcome.clone())
    }
}

/// The call a guest describes; none where a name of a field is none.
fn read(call: api::Call) -> wasmtime::Result<Option<Call>> {
    let mut named = Vec::new();
    for entry in fields::entries(&call.fields) {
        let (name, value) = entry.map_err(wasmtime::Error::new)?;
        // What is no text is no name of a field.
        let Ok(name) = std::str::from_utf8(name) else { return Ok(None) };
        named.push((name.to_owned(), value.to_vec().into()));
    }
    Ok(Some(Call { method: call.method, target: call.target, fields: named, body: call.body.into() }))
}

fn said(reply: &Reply) -> api::Reply {
    let mut packed = Vec::new();
    for (name, value) in &reply.fields {
        fields::push(&mut packed, name.as_str().as_bytes(), value.as_bytes());
    }
    api::Reply { status: reply.status.as_u16(), fields: packed, body: reply.body.to_vec() }
}

impl From<&EgressError> for api::Error {
    fn from(error: &EgressError) -> Self {
        match error {
            EgressError::Denied(_) => Self::Denied,
            EgressError::Timeout => Self::Timeout,
            EgressError::Connect(_) => Self::Connect,
            EgressError::TooLarge => Self::TooLarge,
            EgressError::Protocol(_) => Self::Protocol,
            EgressError::Busy => Self::Busy,
        }
    }
}
