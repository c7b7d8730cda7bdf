//! Asking the admin listener of a running gateway.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::request::Builder;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::consumers::{Act, Holder};
use crate::record::Announcement;
use crate::reload::beginning;
use crate::state::{StateDir, random_token};
use crate::token::{self, Token};

/// How long a gateway is waited for. Whoever asks has a limit of its own, often this one.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it is waited for when it writes to a disk that may be slow.
const ACTING: Duration = Duration::from_secs(30);
/// How long it is waited for when it builds: longer than two builds may take.
const LONG_PATIENCE: Duration = Duration::from_secs(30 * 60);
/// Entries of a list that are asked for at once; a gateway gives no more.
const PAGE: usize = 1000;
/// Longest answer that is looked at.
const MAX_ANSWER: usize = 64 << 20;

/// Nobody knows what came of what was asked.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0} s")]
struct NoAnswer(u64);

/// Where the listener is.
#[derive(clap::Args)]
pub(super) struct Listener {
    /// What `[admin] address` of the gateway is
    #[arg(long = "admin", value_name = "ADDRESS:PORT", default_value_t = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8081))]
    pub(super) address: SocketAddr,
}

/// A gateway that is asked what only its operator may ask.
#[derive(clap::Args)]
pub(super) struct Gateway {
    #[command(flatten)]
    listener: Listener,
    /// The state directory of the gateway, where the file admin-token is [default: $STATE_DIRECTORY, or else .lockgate]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Gateway {
    pub(super) fn state(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(StateDir::default_path)
    }

    /// The folder it follows, absolute.
    pub(super) fn folder(&self) -> anyhow::Result<PathBuf> {
        #[derive(Deserialize)]
        struct Said {
            folder: PathBuf,
        }
        Ok(understood::<Said>(&self.status()?)?.folder)
    }

    /// What it says of itself, as JSON text.
    pub(super) fn status(&self) -> anyhow::Result<String> {
        self.ask(Request::get("/status"), PATIENCE)
    }

    /// Have it look at its folder, and what it says when what came of that serves, as JSON text.
    pub(super) fn reload(&self) -> anyhow::Result<String> {
        self.ask(Request::post("/reload"), LONG_PATIENCE)
    }

    /// Tell it why contents come that are about to be put into its folder.
    pub(super) fn announce(&self, announcement: &Announcement) -> anyhow::Result<()> {
        self.ask(Request::post(format!("/announce?{announcement}")), PATIENCE).map(drop)
    }

    /// A link that lets one browser look at its pages, as JSON text.
    pub(super) fn link(&self) -> anyhow::Result<String> {
        self.ask(Request::post("/login-link"), PATIENCE)
    }

    /// What it has on record, as JSON text.
    pub(super) fn history(&self, most: u16) -> anyhow::Result<String> {
        self.ask(Request::get(format!("/history?n={most}")), PATIENCE)
    }

    /// What it watches for, as JSON text.
    pub(super) fn alerts(&self) -> anyhow::Result<String> {
        self.ask(Request::get("/alerts"), PATIENCE)
    }

    /// Follow what it goes on to say, line by line. `begun` is called when it has begun to.
    pub(super) fn follow(
        &self,
        target: &str,
        begun: impl FnOnce(),
        line: impl FnMut(&str) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<End> {
        let (token, address) = (self.token()?, self.listener.address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let followed = follow(address, Request::get(target), &token, begun, line);
        runtime.block_on(followed).with_context(|| format!("the gateway at {address}"))
    }

    /// New versions of policies, as JSON text.
    pub(super) fn rollouts(&self) -> anyhow::Result<String> {
        self.ask(Request::get("/rollouts"), PATIENCE)
    }

    /// Have it `promote` or `abort` a version of a policy: the newest, or the one whose digest begins so. Returns what
    /// it says.
    pub(super) fn decide(&self, what: &str, policy: &str, digest: Option<&str>) -> anyhow::Result<String> {
        let is_name = policy.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        ensure!(is_name && !policy.is_empty(), "{policy:?} is no name of a policy");
        let digest = digest.map(|digest| {
            let why = || {
                format!(
                    "{digest:?} is no digest, of which eight digits of what `lockgate rollout status` shows are enough"
                )
            };
            beginning(digest).map(|digest| format!("&digest={digest}")).with_context(why)
        });
        let digest = digest.transpose()?.unwrap_or_default();
        self.ask(Request::post(format!("/rollouts/{what}?policy={policy}{digest}")), LONG_PATIENCE)
    }

    /// Do something to a consumer, an application or a key. Returns what came of it, as JSON text.
    pub(super) fn act(&self, act: &Act) -> anyhow::Result<String> {
        let asked = self.send(Request::post("/consumers"), serde_json::to_vec(act)?.into(), ACTING);
        asked.map_err(|error| match error.chain().any(|cause| cause.is::<NoAnswer>()) {
            true => error.context("it may have been done all the same, which `lockgate history` says"),
            false => error,
        })
    }

    /// All entries of a list, `consumers`, `applications` or `keys`, as JSON; `id` names the field they are ordered by.
    pub(super) fn list(&self, list: &str, id: &str, of: Option<&Holder>) -> anyhow::Result<Vec<Value>> {
        #[derive(Deserialize)]
        struct Said {
            entries: Vec<Value>,
        }
        let of = of.map(|of| format!("&of={of}")).unwrap_or_default();
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.ask(Request::get(format!("/{list}?n={PAGE}{of}&after={after}")), PATIENCE)?;
            let entries = understood::<Said>(&page)?.entries;
            let last = entries.last().filter(|_| entries.len() == PAGE).and_then(|entry| entry[id].as_str());
            let last = last.map(str::to_owned);
            all.extend(entries);
            match last {
                Some(last) => after = last,
                None => return Ok(all),
            }
        }
    }

    fn ask(&self, request: Builder, patience: Duration) -> anyhow::Result<String> {
        self.send(request, Bytes::new(), patience)
    }

    fn token(&self) -> anyhow::Result<Token> {
        let file = self.state().join("admin-token");
        let token = std::fs::read_to_string(&file).with_context(|| {
            format!("cannot read {}; name the state directory of the gateway with --state", file.display())
        })?;
        Ok(Token::new(token.trim().to_owned()))
    }

    fn send(&self, request: Builder, body: Bytes, patience: Duration) -> anyhow::Result<String> {
        let token = self.token()?;
        let (address, answer) = (self.listener.address, self.listener.ask(request, body, Some(&token), patience));
        match answer.with_context(|| format!("the gateway at {address}"))? {
            (StatusCode::OK, said) => Ok(said),
            (StatusCode::CONFLICT, said) => bail!("{}", said.trim()),
            (status, said) => bail!("the gateway at {address} answers {status}: {}", said.trim()),
        }
    }
}

/// What a gateway said.
pub(super) fn understood<T: DeserializeOwned>(said: &str) -> anyhow::Result<T> {
    serde_json::from_str(said).context("the gateway is of another version, and says what is not understood")
}

impl Listener {
    /// The status and the text of the answer to GET on a path that is open.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<(StatusCode, String)> {
        self.ask(Request::get(path), Bytes::new(), None, PATIENCE)
    }

    /// With a token whoever answers has to prove that it is theirs before they see it.
    fn ask(
        &self,
        request: Builder,
        body: Bytes,
        token: Option<&Token>,
        patience: Duration,
    ) -> anyhow::Result<(StatusCode, String)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let asked = ask(self.address, request, body, token);
        let asked = runtime.block_on(async { tokio::time::timeout(patience, asked).await });
        asked.unwrap_or_else(|_| Err(NoAnswer(patience.as_secs()).into()))
    }
}

/// How following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The gateway said so.
    Said,
    /// Whoever reads has had enough.
    Enough,
}

/// Until the gateway ends it, the reader has had enough or Ctrl-C is pressed.
async fn follow(
    admin: SocketAddr,
    request: Builder,
    token: &Token,
    begun: impl FnOnce(),
    mut line: impl FnMut(&str) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<End> {
    let mut enough = pin!(tokio::signal::ctrl_c());
    let asked = tokio::time::timeout(PATIENCE, begin(admin, request, Bytes::new(), Some(token)));
    let response = tokio::select! {
        asked = asked => asked.unwrap_or_else(|_| Err(NoAnswer(PATIENCE.as_secs()).into()))?,
        _ = &mut enough => return Ok(End::Enough),
    };
    match response.status() {
        StatusCode::OK => begun(),
        StatusCode::CONFLICT => bail!("{}", text(response).await?.trim()),
        status => bail!("answers {status}: {}", text(response).await?.trim()),
    }
    let (mut body, mut said) = (response.into_body(), Vec::new());
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            _ = &mut enough => return Ok(End::Enough),
        };
        let Some(frame) = frame else { return Ok(End::Said) };
        said.extend_from_slice(&frame.context("breaks off")?.into_data().unwrap_or_default());
        let mut from = 0;
        while let Some(end) = said.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            if line(&String::from_utf8_lossy(&said[from..from + end]))?.is_break() {
                return Ok(End::Enough);
            }
            from += end + 1;
        }
        said.drain(..from);
        ensure!(said.len() <= MAX_ANSWER, "says a line without an end");
    }
}

async fn ask(
    admin: SocketAddr,
    request: Builder,
    body: Bytes,
    token: Option<&Token>,
) -> anyhow::Result<(StatusCode, String)> {
    let response = begin(admin, request, body, token).await?;
    let status = response.status();
    Ok((status, text(response).await?))
}

/// The answer, of which the body is still to come.
async fn begin(
    admin: SocketAddr,
    request: Builder,
    body: Bytes,
    token: Option<&Token>,
) -> anyhow::Result<Response<Incoming>> {
    let stream = TcpStream::connect(admin)
        .await
        .context("cannot be connected to; does it run, and is this the address of its [admin], which --admin names?")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = match token {
        Some(token) => {
            prove(&mut sender, admin, token).await?;
            request.header(AUTHORIZATION, token.bearer())
        }
        None => request,
    };
    let request = request.header(HOST, admin.to_string()).body(Full::new(body))?;
    sender.send_request(request).await.context("gives no answer")
}

/// While the gateway is down anybody on this machine can listen in its place: whoever answers shows first, on this
/// connection, that they know the token.
async fn prove(sender: &mut SendRequest<Full<Bytes>>, admin: SocketAddr, token: &Token) -> anyhow::Result<()> {
    let challenge = random_token()?;
    let request = Request::get("/healthz").header(HOST, admin.to_string()).header(token::CHALLENGE, &challenge);
    let response = sender.send_request(request.body(Full::default())?).await.context("gives no answer")?;
    let proof = response.headers().get(token::PROOF).cloned();
    // To its end, so that the connection is free.
    text(response).await?;
    let wanted = token.proof(challenge.as_bytes(), admin);
    let is_it = proof.zip(wanted).is_some_and(|(proof, wanted)| proof.as_bytes() == wanted.as_bytes());
    ensure!(
        is_it,
        "does not know the token of this state directory; name the right one with --state, or the address with --admin"
    );
    sender.ready().await.context("gives no answer")
}

async fn text(response: Response<Incoming>) -> anyhow::Result<String> {
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| anyhow!("gives no answer that can be read: {error}"))?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}
