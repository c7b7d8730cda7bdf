//! Requests over one HTTP/2 connection.

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::Request;
use tokio::task::spawn_local;

use crate::Outcome;
use crate::line::Stream;

/// No answer waits for the client to make room.
const WINDOW: u32 = (1 << 31) - 1;

#[derive(Clone)]
pub(crate) struct Http2 {
    requests: SendRequest<Bytes>,
    scheme: &'static str,
}

impl Http2 {
    pub(crate) async fn open(stream: Box<dyn Stream>, scheme: &'static str) -> Outcome<Self> {
        let mut builder = Builder::new();
        builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let (requests, connection) = builder.handshake(stream).await?;
        // It ends with the last sender, or with a fault that all requests on it get to hear.
        spawn_local(async move { drop(connection.await) });
        Ok(Self { requests, scheme })
    }

    /// The status of the answer, once its body is there.
    pub(crate) async fn get(&mut self, path: &str) -> Outcome<u16> {
        let request = Request::get(format!("{}://localhost{path}", self.scheme)).body(())?;
        let mut requests = self.requests.clone().ready().await?;
        let (response, _) = requests.send_request(request, true)?;
        let response = response.await?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        while let Some(data) = body.data().await {
            let length = data?.len();
            body.flow_control().release_capacity(length)?;
        }
        Ok(status)
    }
}
