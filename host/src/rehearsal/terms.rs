//! What a policy is granted while it is tried out, and what there is for it, in the words of `gateway.toml`.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use toml::{Table, toml};

use crate::near::nearest;

/// Sections of a `gateway.toml` that a policy may need besides its own.
const SECTIONS: [&str; 6] = ["egress", "keys", "limiter", "secret", "store", "tls"];
/// What says of a limiter that others count with it: in a rehearsal nobody does.
const SHARES: [&str; 5] = ["redis", "user", "password", "tls", "timeout"];

/// What a policy is granted and what there is for it, in the words of `gateway.toml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    /// `[policy.NAME]`, but for what its component is.
    pub(super) policy: Table,
    pub(super) sections: Table,
    /// Files that are named there, by their path from `gateway.toml`.
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
}

impl Terms {
    /// From a `gateway.toml`, or a piece of one: what it says of this policy, or of the only one, and what that may
    /// name.
    pub(crate) fn read(file: &Path, name: &str) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let all: Table = text.parse().with_context(|| format!("{} is no TOML", file.display()))?;
        let policies = all.get("policy").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        let only = policies.iter().next().filter(|_| policies.len() == 1);
        let policy = policies.get_key_value(name).or(only).and_then(|(_, policy)| policy.as_table());
        let Some(mut policy) = policy.cloned() else {
            let known = nearest(name, policies.keys().map(String::as_str));
            let advice =
                known.map_or_else(|| format!("write [policy.{name}]"), |known| format!("is it [policy.{known}]?"));
            bail!("{} says nothing of `{name}`; {advice}", file.display());
        };
        policy.retain(|key, _| !["source", "digest"].contains(&key));
        let mut sections: Table = all.into_iter().filter(|(key, _)| SECTIONS.contains(&key.as_str())).collect();
        let limiters = sections.get_mut("limiter").and_then(toml::Value::as_table_mut);
        let limiters = limiters.into_iter().flatten().filter_map(|(_, limiter)| limiter.as_table_mut());
        limiters.for_each(|limiter| limiter.retain(|key, _| !SHARES.contains(&key)));
        let files = named(&sections, file.parent().unwrap_or(Path::new("")))?;
        Ok(Self { policy, sections, files })
    }

    /// Grants in place of those that are there.
    pub(crate) fn grant(&mut self, words: &[String]) {
        let words: Vec<_> = words.iter().map(|word| toml::Value::from(word.as_str())).collect();
        self.policy.insert("grant".to_owned(), words.into());
    }

    /// Whether it is said what is granted.
    pub(crate) fn grants(&self) -> bool {
        self.policy.contains_key("grant")
    }

    /// Put words in the place of secrets that services are sent, for what is sent is shown. They can be a user and a
    /// password, too.
    pub(super) fn hide_secrets(&mut self, folder: &Path) {
        let services = self.sections.get("egress").map(ToString::to_string).unwrap_or_default();
        let Some(secrets) = self.sections.get_mut("secret").and_then(toml::Value::as_table_mut) else { return };
        for (name, secret) in secrets {
            let word = format!("secret:{name}");
            if services.contains(&format!("\"{word}\"")) {
                let path = Path::new("secrets").join(name);
                *secret =
                    Table::from_iter([("file".to_owned(), folder.join(&path).display().to_string().into())]).into();
                self.files.push((path, word.into_bytes()));
            }
        }
    }

    /// Let there be a service of this name that is never reached by the network.
    pub(crate) fn imagine_service(&mut self, name: &str) {
        let services = self.sections.entry("egress").or_insert_with(|| Table::new().into());
        let imagined = toml! {
            url = "http://localhost:9"
            paths = ["/*"]
            methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
            private_ips = true
        };
        if let Some(services) = services.as_table_mut() {
            services.entry(name).or_insert_with(|| imagined.into());
        }
    }
}

/// The files that values such as `file:keys.json` name. Others are told of as missing by whoever reads the folder.
fn named(sections: &Table, folder: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let (mut open, mut files): (Vec<_>, Vec<_>) = (sections.values().collect(), Vec::new());
    while let Some(value) = open.pop() {
        match value {
            toml::Value::Table(table) => open.extend(table.values()),
            toml::Value::Array(items) => open.extend(items),
            toml::Value::String(text) => {
                let Some(path) = text.strip_prefix("file:").map(Path::new) else { continue };
                let stays = path.components().all(|part| matches!(part, Component::Normal(_)));
                if stays && folder.join(path).is_file() {
                    let bytes = fs::read(folder.join(path)).with_context(|| format!("{text} cannot be read"))?;
                    files.push((path.to_owned(), bytes));
                }
            }
            _ => {}
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, name: &str) -> anyhow::Result<Terms> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("g.toml"), text).unwrap();
        fs::write(folder.path().join("keys.json"), "{}").unwrap();
        Terms::read(&folder.path().join("g.toml"), name)
    }

    #[test]
    fn of_a_configuration_what_the_policy_needs_is_taken_with_the_files_that_names() {
        let text = "[listen.a]\naddress = 'x'\n[keys.idp]\njwks = 'file:keys.json'\n[keys.other]\njwks = 'file:../keys.json'\n\
                    [policy.a]\nsource = 'file:a.wasm'\ndigest = 'x'\ngrant = ['respond']\nlimits.cpu = '1ms'\n[policy.b]\n";
        let terms = read(text, "a").unwrap();
        assert_eq!(terms.policy.keys().collect::<Vec<_>>(), ["grant", "limits"]);
        assert_eq!(terms.sections.keys().collect::<Vec<_>>(), ["keys"]);
        assert_eq!(terms.files, [("keys.json".into(), b"{}".to_vec())]);
        assert!(terms.grants() && !read(text, "b").unwrap().grants());
        let named = text.replace("[policy.a]", "[policy.auth]");
        assert!(read(&named, "auht").unwrap_err().to_string().contains("is it [policy.auth]?"));
        assert!(read("[policy.only]\ngrant = []", "a").unwrap().grants());
        assert!(read("", "a").unwrap_err().to_string().contains("write [policy.a]"));
    }

    #[test]
    fn secrets_that_services_are_sent_are_not_read() {
        let text = "[secret.a]\nenv = 'A'\n[secret.b]\nenv = 'B'\n[egress.x]\nbearer = 'secret:a'\n[policy.p]\n";
        let mut terms = read(text, "p").unwrap();
        terms.hide_secrets(Path::new("/stage"));
        let secrets = terms.sections["secret"].to_string();
        assert!(
            secrets.contains("/stage/secrets/a") && !secrets.contains("\"A\"") && secrets.contains("\"B\""),
            "{secrets}"
        );
        assert_eq!(terms.files, [("secrets/a".into(), b"secret:a".to_vec())]);
    }
}
