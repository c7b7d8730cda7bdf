//! `lockgate token`: a JWT signed with a generated key, for trying things out.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::generated::Generated;
use super::life::life;
use super::{DEFAULT_FOLDER, out};
use crate::config::{ChainEntry, Config};
use crate::keys::file;

/// Longest life of a token.
const MAX_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

const EXAMPLES: &str = "\
Examples:
  lockgate token --subject alice --expires 15m
  lockgate token --claim scope=\"orders:read\" --claim level=3
  lockgate token --type at+jwt --claim client_id=app --claim jti=t1
  lockgate token --policies own --key partners";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder with gateway.toml and the APIs
    #[arg(long, default_value = DEFAULT_FOLDER, value_name = "DIR")]
    policies: PathBuf,
    /// Which [keys.NAME] with `generate` signs; needed only if there are several
    #[arg(long)]
    key: Option<String>,
    /// Whom the token is for
    #[arg(long, default_value = "demo")]
    subject: String,
    /// Type of the token, such as `at+jwt` for an access token (RFC 9068)
    #[arg(long, default_value = "JWT", value_name = "TYPE")]
    r#type: String,
    /// Another claim; the value is taken as JSON where it is, else as text
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, Value)>,
    /// Life of the token, such as 90s, 15m, 1h or 7d
    #[arg(long, default_value = "1h", value_parser = |text: &str| life(text, MAX_LIFE))]
    expires: Duration,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some(Generated { config, name, key }) =
        Generated::find(&args.policies, args.key.as_deref(), file::load_or_generate)?
    else {
        return Ok(ExitCode::FAILURE);
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut claims = Map::new();
    // Whom the policies that check tokens of this key expect to have made them, and for whom.
    if let Some(checked) = checking(&config, &name) {
        for (claim, setting) in [("iss", "issuer"), ("aud", "audience")] {
            let expected = checked.config.get(setting);
            let expected = expected.map(|value| value.get(0).unwrap_or(value)).filter(|value| value.is_string());
            claims.extend(expected.map(|value| (claim.to_owned(), value.clone())));
        }
    }
    claims.insert("sub".into(), args.subject.into());
    claims.insert("iat".into(), now.into());
    claims.insert("exp".into(), (now + args.expires.as_secs()).into());
    claims.extend(args.claim);
    let header = json!({ "alg": key.algorithm().name(), "typ": args.r#type, "kid": key.key_id() });
    let encode = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
    let signed =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(Value::Object(claims).to_string().as_bytes()));
    let signature = key.sign(signed.as_bytes())?;
    out::line(&format!("{signed}.{}", encode(&signature)));
    Ok(ExitCode::SUCCESS)
}

/// The first chain entry that checks tokens with this key.
fn checking<'a>(config: &'a Config, key: &str) -> Option<&'a ChainEntry> {
    let routes = config.apis.iter().flat_map(|api| &api.routes).flat_map(|route| &route.chain);
    let entries = config.chain.iter().chain(config.apis.iter().flat_map(|api| &api.chain)).chain(routes);
    let mut entries = entries.filter(|entry| entry.config.get("keys").and_then(Value::as_str) == Some(key));
    entries.next()
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}
