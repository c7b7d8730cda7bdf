//! Sending a request whose body may take its time: the wait for the first byte begins when the body has been sent.

use std::cell::{Cell, RefCell};
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::exchange::{Body, BodyError, Fault};
use crate::upstream::{Asked, Connections, Sent, Source};

/// Send `request` and wait for the head of its response.
pub(super) async fn send(
    connections: &Rc<Connections>,
    request: &mut Request<Body>,
    asked: Asked<'_>,
) -> Result<Response<Body>, Fault> {
    match request.body() {
        Body::Empty | Body::Full(_) => connections.send(request, Sent::AtOnce, asked).await,
        Body::Incoming(..) | Body::Stream(_) => {
            let (sender, receiver) = oneshot::channel();
            let failed = Rc::new(RefCell::new(None));
            let source = Rc::new(Cell::new(Source::Waits));
            let body = mem::take(request.body_mut());
            let upload = Upload { body, done: Some(sender), failed: failed.clone(), source: source.clone() };
            *request.body_mut() = Body::stream(upload);
            let sent = Sent::Later { done: Some(receiver), source: source.clone() };
            let answered = connections.send(request, sent, asked).await;
            // A body that could not be read is why the upstream did not get it, not the upstream's fault.
            answered.map_err(|fault| failed.take().map_or(fault, Fault::unread))
        }
    }
}

/// A request to go on with another protocol. It has no body: what the client sends next is of that protocol.
pub(super) fn upgrade(mut request: Request<Body>, protocol: &str) -> Request<Body> {
    if let Ok(protocol) = HeaderValue::from_str(protocol) {
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(UPGRADE, protocol);
    }
    *request.body_mut() = Body::Empty;
    request
}

/// A body that says when it has been read to its end.
struct Upload {
    body: Body,
    done: Option<oneshot::Sender<()>>,
    failed: Rc<RefCell<Option<BodyError>>>,
    source: Rc<Cell<Source>>,
}

impl Upload {
    fn finished(&mut self) {
        if let Some(done) = self.done.take() {
            // Nobody waits any more when the response came first.
            let _ = done.send(());
        }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        this.source.set(match &polled {
            Poll::Pending => Source::Waits,
            Poll::Ready(Some(Err(_))) => Source::Broken,
            Poll::Ready(_) => Source::Flows,
        });
        if let Poll::Ready(Some(Err(error))) = polled {
            this.finished();
            *this.failed.borrow_mut() = Some(error);
            return Poll::Ready(Some(Err(BodyError::Departed)));
        }
        match &polled {
            Poll::Ready(Some(Ok(_))) if !this.body.is_end_stream() => {}
            Poll::Ready(_) => this.finished(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
