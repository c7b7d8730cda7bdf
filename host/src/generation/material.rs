//! What files of the folder and secrets hold, read when a generation is built.

use std::io::Read;

use http::HeaderValue;

use crate::config::{Config, Material, SecretSource};

/// Largest secret, in bytes.
const MAX_SECRET: u64 = 256 * 1024;
const TOO_LARGE: &str = "secrets have at most 256 KiB; is it the right file?";

/// The bytes of a file or a secret; the error is a reason and an advice.
pub(super) fn bytes(config: &Config, material: &Material) -> Result<Vec<u8>, (String, &'static str)> {
    match material {
        Material::File(file) => Ok(file.content.to_vec()),
        Material::Secret(name) => secret(config, name),
    }
}

/// The value of a secret. Only its name may ever be shown.
pub(super) fn secret(config: &Config, name: &str) -> Result<Vec<u8>, (String, &'static str)> {
    let Some(declared) = config.secrets.get(name) else {
        return Err((format!("there is no secret `{name}`"), "declare it as [secret.NAME] in gateway.toml"));
    };
    match &declared.source {
        SecretSource::Env(variable) => {
            std::env::var_os(variable).map(std::os::unix::ffi::OsStringExt::into_vec).ok_or_else(|| {
                (
                    format!("the environment variable {variable} of secret `{name}` is not set"),
                    "set it before the gateway starts",
                )
            })
        }
        SecretSource::File(path) => {
            let mut value = Vec::new();
            let read = std::fs::File::open(path).and_then(|file| file.take(MAX_SECRET + 1).read_to_end(&mut value));
            read.map_err(|error| {
                (
                    format!("the file of secret `{name}` cannot be read: {error}"),
                    "make it readable for the gateway's user",
                )
            })?;
            if value.len() as u64 > MAX_SECRET {
                return Err((format!("the file of secret `{name}` is too large"), TOO_LARGE));
            }
            // Editors end files with a line end that is not part of the secret. Any more of them are.
            if value.pop_if(|byte| *byte == b'\n').is_some() {
                value.pop_if(|byte| *byte == b'\r');
            }
            Ok(value)
        }
    }
}

/// The value of a field that is made of a secret; nothing that prints fields shows it.
pub(super) fn header(value: Vec<u8>, secret: &str) -> Result<HeaderValue, (String, &'static str)> {
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        (
            format!("the secret `{secret}` cannot stand in a header field"),
            "it may have one line of printable characters",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tree;

    fn config(more: &str) -> Config {
        Config::parse(&Tree::from_files([("gateway.toml", format!("[listen.a]\naddress = '127.0.0.1:1'\n{more}"))]))
            .unwrap()
    }

    #[test]
    fn a_secret_loses_one_line_end_and_is_never_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let config = config(&format!("[secret.s]\nfile = '{}'\n", path.display()));
        for (held, value) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\r", "a\r"), ("\n", "")] {
            std::fs::write(&path, held).unwrap();
            assert_eq!(secret(&config, "s").unwrap(), value.as_bytes(), "{held:?}");
        }
        let longest = vec![b'a'; MAX_SECRET as usize];
        std::fs::write(&path, &longest).unwrap();
        assert_eq!(secret(&config, "s").unwrap(), longest);
        std::fs::write(&path, [longest, b"\n".to_vec()].concat()).unwrap();
        assert_eq!(secret(&config, "s").unwrap_err().1, TOO_LARGE);
    }
}
