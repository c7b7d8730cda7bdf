//! `lockgate health`: ask a running gateway whether it takes requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use super::out;

/// How long a gateway is waited for. Whoever asks has a limit of its own, often this one.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest answer that is looked at.
const MAX_ANSWER: usize = 1024;

const EXAMPLES: &str = "\
Examples:
  lockgate health                            is 127.0.0.1:8081 ready? exit status 1 if not
  lockgate health --admin 127.0.0.1:9001     where [admin] address is another
  lockgate health --live                     does it run at all? true while it drains, too";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What `[admin] address` of the gateway is
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8081))]
    admin: SocketAddr,
    /// Ask whether it runs, not whether it takes requests
    #[arg(long)]
    live: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let path = if args.live { "/healthz" } else { "/readyz" };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(args.admin, path)).await });
    let asked = asked.unwrap_or_else(|_| Err(anyhow!("no answer within {} s", PATIENCE.as_secs())));
    let (status, said) = match &asked {
        Ok((status, said)) => (Some(status.as_u16()), said.trim().to_owned()),
        Err(error) => (None, format!("{error:#}")),
    };
    let well = status == Some(StatusCode::OK.as_u16());
    if args.json {
        out::line(&json!({ "ok": well, "path": path, "status": status, "said": said }).to_string());
    } else if well {
        out::line(&said);
    } else {
        out::error(&format!("the gateway at {}: {said}", args.admin));
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The status and the text of an answer of the admin listener.
async fn ask(admin: SocketAddr, path: &str) -> anyhow::Result<(StatusCode, String)> {
    let stream = TcpStream::connect(admin).await.context("cannot be connected to")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header(HOST, admin.to_string()).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await.context("gives no answer")?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| anyhow!("gives no answer that can be read: {error}"))?;
    Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
}
