//! Is an upstream itself, and traps when the body of a request asks for it.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Trap {}

impl Policy for Trap {
    fn interest(&self) -> Interest {
        Interest::new().request_read(":method")
    }
}

impl Responder for Trap {
    fn respond(&self, head: &Head<'_>, body: &[u8]) -> Result<Response, Failure> {
        match body {
            b"trap" => std::process::abort(),
            b"fail" => Err(Failure::Internal),
            _ => Ok(Response::new(200).body(format!("{} {}", head.method().unwrap_or("?"), body.len()))),
        }
    }
}

lockgate_sdk::export!(Trap: Responder);
