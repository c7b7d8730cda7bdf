//! Reading an answer: what of it is for the caller, decoded and bounded.

use http::header::{CONTENT_LENGTH, HeaderMap, SET_COOKIE};
use http::response::Parts;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::decode::Decoding;
use super::error::ProtocolError;
use super::{Egress, EgressError, Reply};
use crate::exchange::hygiene::strip_hop_by_hop;
use crate::upstream::is_framed_once;

/// Pieces that are decoded at once: what a few hundred bytes can become is more than one thread should do without a
/// pause.
const PIECE: usize = 4 * 1024;
/// Fields about a body as it was sent.
const OF_ENCODED: [&str; 4] = ["content-encoding", "content-digest", "content-md5", "digest"];

impl Egress {
    pub(super) async fn read(&self, head: Parts, mut incoming: Incoming) -> Result<Reply, EgressError> {
        let (status, mut fields) = (head.status, head.headers);
        if !is_framed_once(&fields) {
            return Err(ProtocolError::Framing.into());
        }
        if !(200..600).contains(&status.as_u16()) {
            return Err(ProtocolError::Status.into());
        }
        let mut decoder = Decoding::new(&fields, self.settings.terms.max_response)?;
        if incoming.size_hint().lower() > decoder.left() {
            return Err(EgressError::TooLarge);
        }
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            for piece in data.chunks(PIECE) {
                decoder.write(piece)?;
                if !decoder.is_identity() {
                    tokio::task::yield_now().await;
                }
            }
        }
        self.clean(&mut fields, decoder.is_identity())?;
        Ok(Reply { status, fields, body: decoder.finish()?.into() })
    }

    /// Leave what the caller may see. Cookies are a credential of the account that all callers share, given in return
    /// for ours, so they are for no caller, as is a field by the name of one of ours: some services repeat what they
    /// are sent.
    fn clean(&self, fields: &mut HeaderMap, is_identity: bool) -> Result<(), EgressError> {
        strip_hop_by_hop(fields).map_err(|_| ProtocolError::Framing)?;
        fields.remove(CONTENT_LENGTH);
        fields.remove(SET_COOKIE);
        for name in self.settings.credentials.keys() {
            fields.remove(name);
        }
        if !is_identity {
            for name in OF_ENCODED {
                fields.remove(name);
            }
        }
        Ok(())
    }
}
