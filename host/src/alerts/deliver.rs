//! Telling one receiver of one alert, for as long as there is something to tell.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http::header::RETRY_AFTER;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::alert::Alert;
use super::link::{Due, Link, Sent};
use super::notice::Notice;
use crate::config::Receiver;
use crate::egress::{Call, Denial, EgressError, Reply};
use crate::exchange::Chain;
use crate::telemetry::metrics::NoticeOutcome;

/// A task that tells one receiver.
#[derive(Debug)]
pub(super) struct Teller {
    name: String,
    to: Receiver,
    task: JoinHandle<()>,
}

impl Teller {
    /// Tell once the one before has done so: of what was, nobody is to hear after what is. To be called where tasks can be spawned.
    pub(super) fn start(
        alert: Arc<Alert>,
        receiver: usize,
        before: Option<Self>,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let (name, to) = (alert.name().to_owned(), alert.settings().notify[receiver].clone());
        let task = tokio::task::spawn_local(async move {
            if let Some(before) = before {
                before.done().await;
            }
            keep(alert, receiver, ending).await;
        });
        Self { name, to, task }
    }

    pub(super) fn tells(&self, name: &str, receiver: &Receiver) -> bool {
        self.name == name && self.to == *receiver
    }

    pub(super) fn is_done(&self) -> bool {
        self.task.is_finished()
    }

    pub(super) async fn done(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, alert = self.name, "a receiver of an alert is told nothing any more");
        }
    }
}

/// Ends when the alert is over and its receiver knows what it has to, or the process ends and nothing is due.
async fn keep(alert: Arc<Alert>, receiver: usize, mut ending: watch::Receiver<bool>) {
    let Some(to) = alert.settings().notify.get(receiver).cloned() else { return };
    let (mut link, mut news) = (Link::new(alert.settings().repeat), alert.news());
    loop {
        let is_ending = *ending.borrow();
        let standing = *news.borrow_and_update();
        let (due, superseded) = link.due(&standing, Instant::now());
        if superseded {
            alert.count(NoticeOutcome::Superseded);
        }
        let matter = match due {
            Due::Tell(matter) => matter,
            Due::Nothing if standing.is_over => return,
            Due::Nothing | Due::At(_) if is_ending => return,
            later => {
                let until = async {
                    match later {
                        Due::At(at) => sleep_until(at.into()).await,
                        _ => std::future::pending().await,
                    }
                };
                tokio::select! {
                    changed = news.changed() => if changed.is_err() { return },
                    changed = ending.changed() => if changed.is_err() { return },
                    () = until => {}
                }
                continue;
            }
        };
        let notice = Notice::of(&alert, &standing, matter.is_repeated);
        let (sent, reason) = send(&alert, &to, &notice).await;
        let chance = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
        let was_failing = link.is_failing();
        let outcome = link.sent(matter, sent, Instant::now(), chance);
        alert.note(receiver, notice.state, outcome);
        let (name, service, state) = (alert.name(), &*to.service, notice.state);
        match outcome {
            NoticeOutcome::Failed if was_failing => {}
            NoticeOutcome::Failed => {
                tracing::warn!(
                    alert = name,
                    egress = service,
                    state,
                    reason,
                    "a receiver of an alert could not be told; it is tried again"
                );
            }
            NoticeOutcome::Expired | NoticeOutcome::Refused => {
                tracing::error!(alert = name, egress = service, state, reason, "a receiver of an alert is not told");
            }
            _ => {}
        }
    }
}

/// Try it once. Returns why it came to nothing, too.
async fn send(alert: &Alert, to: &Receiver, notice: &Notice) -> (Sent, String) {
    // It may have been removed with the alert.
    let Some(service) = alert.service(&to.service) else { return (Sent::Refused, "the service is gone".to_owned()) };
    let kind = ("content-type".to_owned(), Bytes::from_static(b"application/json"));
    let (target, body) = (to.target.clone(), notice.json().into());
    let call = Call { method: "POST".to_owned(), target, fields: vec![kind], body };
    match service.send(call).await {
        Ok(reply) => (judged(&reply), format!("it answered with status {}", reply.status.as_u16())),
        Err(error) => (failed(&error), Chain(&error).to_string()),
    }
}

/// What a status says.
fn judged(reply: &Reply) -> Sent {
    let status = reply.status;
    let may_later = status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::TOO_MANY_REQUESTS;
    if status.is_success() {
        Sent::Delivered
    } else if status.is_server_error() || may_later {
        let seconds = reply.fields.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Sent::Failed { may_be_heard: true, wait: seconds.map(Duration::from_secs) }
    } else {
        Sent::Refused
    }
}

fn failed(error: &EgressError) -> Sent {
    match error {
        // Where its name leads may be another address later.
        EgressError::Denied(Denial::Address(_) | Denial::Zone) => Sent::Failed { may_be_heard: false, wait: None },
        EgressError::Denied(_) => Sent::Refused,
        EgressError::Connect(_) | EgressError::Busy => Sent::Failed { may_be_heard: false, wait: None },
        EgressError::Timeout | EgressError::TooLarge | EgressError::Protocol(_) => {
            Sent::Failed { may_be_heard: true, wait: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_status_says_whether_it_was_heard_and_whether_it_may_be_later() {
        let judged = |status, retry_after: Option<&'static str>| {
            let fields: HeaderMap =
                retry_after.map(|it| (RETRY_AFTER, HeaderValue::from_static(it))).into_iter().collect();
            judged(&Reply { status: StatusCode::from_u16(status).unwrap(), fields, body: Bytes::new() })
        };
        for status in [200, 202, 204] {
            assert_eq!(judged(status, None), Sent::Delivered, "{status}");
        }
        for status in [302, 400, 401, 404, 410] {
            assert_eq!(judged(status, Some("7")), Sent::Refused, "{status}");
        }
        for (status, retry_after, wait) in [
            (408, None, None),
            (429, Some("7"), Some(7)),
            (500, None, None),
            (503, Some("Fri, 31 Dec 1999 23:59:59 GMT"), None),
        ] {
            let wait = wait.map(Duration::from_secs);
            assert_eq!(judged(status, retry_after), Sent::Failed { may_be_heard: true, wait }, "{status}");
        }
    }
}
