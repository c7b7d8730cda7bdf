//! `lockgate key`: the keys of applications.

use std::io::Read;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};

use super::admin::Gateway;
use super::holder;
use super::life::life;
use super::out;
use crate::consumers::{
    Act, Application, Bounds, Description, Done, Env, Holder, KeyId, KeyState, KeyView, LONGEST_LIFE, LONGEST_OVERLAP,
};

/// Bytes that are read where a key is wanted.
const LONGEST_INPUT: u64 = 64 << 10;

const EXAMPLES: &str = "\
Examples:
  KEY=$(lockgate key add shop/web)                  a key, which nobody can tell again
  lockgate key add shop/web --expires 90d --to petstore/listPets --method GET --from 192.0.2.0/24
                                                    one that is good for this only
  lockgate key list shop                            its keys: what they are good for, when they were used last
  lockgate key list --unused 30d                    keys that are good, and that nobody used for so long
  lockgate key rotate 4n9q0h2k7w1xd5cz              another for the same; both are good for a day
  lockgate key revoke 4n9q0h2k7w1xd5cz              refused from the next request on
  lockgate key revoke - < found                     the same for a key that stands in a file

A key is `lg_<environment>_<id>_<secret>_<checksum>`. Its id is no secret, and names it in lists, logs and in the history;
where an id is wanted, `-` has it, or the whole key, read from standard input. An application has two keys at most
that are good for an environment.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Print the keys of all consumers, of one, or of one application
    List(List),
    /// Make a key and print it, once
    Add(Box<Add>),
    /// Make a key that takes the place of another, and print it, once
    Rotate(Rotate),
    /// Have a key be refused from the next request on
    Revoke {
        #[command(flatten)]
        key: Key,
    },
}

#[derive(clap::Args)]
struct List {
    /// Only those of this one
    #[arg(value_name = "CONSUMER[/APPLICATION]")]
    of: Option<Holder>,
    /// Only those that are good and were not used for so long, nor made since
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    unused: Option<Duration>,
    #[command(flatten)]
    gateway: Gateway,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Add {
    /// The consumer, and the name of its application
    #[arg(value_name = "CONSUMER/APPLICATION")]
    application: Application,
    /// Stands in the key, and policies are told
    #[arg(long = "env", value_name = "NAME", default_value = "live")]
    environment: Env,
    /// When it ends, as 90d; without it the key does not expire
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires: Option<Duration>,
    /// An API or an operation it is good for, and no other; again for each
    #[arg(long, value_name = "API[/OPERATION]")]
    to: Vec<String>,
    /// A method it is good for, and no other; again for each
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// An address or a network it is good from, and no other; again for each
    #[arg(long, value_name = "NETWORK")]
    from: Vec<String>,
    /// A line for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: Description,
    #[command(flatten)]
    gateway: Gateway,
    /// Print what came of it as JSON, the key among it
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Rotate {
    #[command(flatten)]
    key: Key,
    /// How long both are good, up to 90d; `0s` ends the old one now
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = overlap)]
    overlap: Duration,
    /// When the new one ends, as 90d; without it after as long as the old one was made for
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires: Option<Duration>,
    /// Print what came of it as JSON, the key among it
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Key {
    /// The id of the key, or `-` to read it, or the whole key, from standard input
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    gateway: Gateway,
}

impl Key {
    /// The id. What was written may be a key, and is not repeated in any error.
    fn id(&self) -> anyhow::Result<KeyId> {
        if self.key != "-" {
            return Ok(KeyId::of_text(&self.key)?);
        }
        let mut text = String::new();
        std::io::stdin().take(LONGEST_INPUT).read_to_string(&mut text).context("standard input cannot be read")?;
        // A key may stand in a line with other things, where it was found.
        let is_end = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
        let mut keys: Vec<_> = text.split(is_end).filter(|word| word.starts_with("lg_")).collect();
        keys.dedup();
        match keys[..] {
            [] if text.trim().is_empty() => bail!("standard input is empty"),
            [] => Ok(KeyId::of_text(text.trim())?),
            [key] => Ok(KeyId::of_text(key)?),
            [..] => bail!("there are {} keys on standard input; give them one after the other", keys.len()),
        }
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::List(args) => list(&args)?,
        Verb::Add(args) => {
            let Add { application, environment, expires, to, methods, from, note, gateway, json } = *args;
            let (bounds, expires_in) = (Bounds::new(to, methods, from)?, expires.map(|it| it.as_secs()));
            let act = Act::MakeKey { application, environment, note, bounds, expires_in };
            show(&holder::act(&gateway, &act)?, json, "")?;
        }
        Verb::Rotate(Rotate { key: named, overlap, expires, json }) => {
            let (key, overlap, expires_in) = (named.id()?, overlap.as_secs(), expires.map(|it| it.as_secs()));
            let done = holder::act(&named.gateway, &Act::RotateKey { key, overlap, expires_in })?;
            let ends = holder::time(done.before_expires);
            show(&done, json, &format!("; {key} is good until {ends}"))?;
        }
        Verb::Revoke { key: named } => {
            let key = named.id()?;
            let done = holder::act(&named.gateway, &Act::RevokeKey { key })?;
            let when = if done.entry.is_some() { "is revoked" } else { "was revoked before" };
            out::line(&format!("{key} of {} {when}: the next request with it is refused", done.of));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The key alone where results go, so that a script can take it from there.
fn show(done: &Done, json: bool, more: &str) -> anyhow::Result<()> {
    if json {
        out::line(&serde_json::to_string(done)?);
        return Ok(());
    }
    out::line(done.secret.as_deref().unwrap_or_default());
    let expires =
        done.expires.map_or_else(|| "does not expire".to_owned(), |at| format!("expires {}", holder::time(Some(at))));
    let id = done.key.map(|key| key.to_string()).unwrap_or_default();
    out::progress(&format!(
        "This is shown once: keep it where secrets are kept. Its id is {id}, and it {expires}{more}."
    ));
    Ok(())
}

fn list(args: &List) -> anyhow::Result<()> {
    let mut keys = args.gateway.list("keys", "key", args.of.as_ref())?;
    if let Some(unused) = args.unused {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = now.saturating_sub(unused).as_secs();
        keys.retain(|key| {
            let time = |name: &str| key[name].as_u64().unwrap_or_default();
            key["state"] == "active" && time("used").max(time("created")) < since
        });
    }
    let heads = ["KEY", "APPLICATION", "ENV", "STATE", "MADE", "EXPIRES", "USED", "GOOD FOR", "NOTE"];
    holder::list(keys, args.json, heads, |it: KeyView| {
        let state = match it.state {
            KeyState::Active => "active".to_owned(),
            KeyState::Disabled => "disabled".to_owned(),
            KeyState::Expired => "expired".to_owned(),
            KeyState::Revoked => format!("revoked {}", holder::time(it.revoked)),
        };
        let [made, expires, used] = [Some(it.created), it.expires, it.used].map(holder::time);
        let (key, application, environment) =
            (it.key.to_string(), it.application.to_string(), it.environment.to_string());
        [key, application, environment, state, made, expires, used, it.bounds.to_string(), it.note.to_string()]
            .map(|cell| out::plain(&cell))
    })
}

fn lifetime(text: &str) -> Result<Duration, String> {
    life(text, LONGEST_LIFE)
}

fn overlap(text: &str) -> Result<Duration, String> {
    if text == "0s" {
        Ok(Duration::ZERO)
    } else {
        life(text, LONGEST_OVERLAP).map_err(|advice| advice.replace("1s", "0s"))
    }
}
