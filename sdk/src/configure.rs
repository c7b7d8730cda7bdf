//! From the operator's configuration to a policy, with every fault named by its place.

use crate::{ConfigError, Policy};
use serde_path_to_error::Deserializer as Tracking;

/// Deserialise and check a policy.
pub(crate) fn configure<P: Policy>(config_json: &[u8]) -> Result<P, Vec<ConfigError>> {
    let policy: P = parse(config_json).map_err(|fault| vec![fault])?;
    policy.check()?;
    Ok(policy)
}

fn parse<P: Policy>(config_json: &[u8]) -> Result<P, ConfigError> {
    let mut json = serde_json::Deserializer::from_slice(config_json);
    let mut track = serde_path_to_error::Track::new();
    let policy = P::deserialize(Tracking::new(&mut json, &mut track)).map_err(|error| {
        let path = track.path().to_string();
        ConfigError::new(known_part(&path), message(&error))
    })?;
    json.end().map_err(|error| ConfigError::new("", message(&error)))?;
    Ok(policy)
}

/// Without what the tracker writes for the whole (`.`) and for a key it could not read (`?`).
fn known_part(path: &str) -> &str {
    path.trim_end_matches(['.', '?'])
}

/// Without the position that `serde_json` adds: the operator wrote TOML, and would look for it in vain.
fn message(error: &serde_json::Error) -> String {
    let mut message = error.to_string();
    if let Some(end) = message.rfind(" at line ") {
        message.truncate(end);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interest;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Limits {
        rules: Vec<Rule>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rule {
        most: u8,
    }

    impl Policy for Limits {
        fn interest(&self) -> Interest {
            Interest::new()
        }

        fn check(&self) -> Result<(), Vec<ConfigError>> {
            let faults: Vec<_> = (0..)
                .zip(&self.rules)
                .filter(|(_, rule)| rule.most == 0)
                .map(|(index, _): (u32, _)| ConfigError::new(format!("rules[{index}].most"), "must be at least 1"))
                .collect();
            if faults.is_empty() { Ok(()) } else { Err(faults) }
        }
    }

    #[test]
    fn faults_are_named_by_their_place() {
        let cases = [
            (r#"{"rules":[{"most":1},{"most":"x"}]}"#, "rules[1].most", "invalid type: string \"x\", expected u8"),
            (r#"{"rules":[{"most":1,"least":2}]}"#, "rules[0].least", "unknown field `least`, expected `most`"),
            (r#"{}"#, "", "missing field `rules`"),
            (r#"{"rules":[]} x"#, "", "trailing characters"),
            (r#"{"#, "", "EOF while parsing an object"),
        ];
        for (config, path, message) in cases {
            let faults = configure::<Limits>(config.as_bytes()).unwrap_err();
            assert_eq!(faults, [ConfigError::new(path, message)], "{config}");
        }
    }

    #[test]
    fn all_faults_found_by_check_are_reported() {
        let faults = configure::<Limits>(br#"{"rules":[{"most":0},{"most":1},{"most":0}]}"#).unwrap_err();
        let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, ["rules[0].most", "rules[2].most"]);
    }

    #[test]
    fn a_right_configuration_becomes_a_policy() {
        let limits = configure::<Limits>(br#"{"rules":[{"most":3}]}"#).unwrap();
        assert_eq!(limits.rules[0].most, 3);
    }
}
