//! The policy as the gateway sees it.
#![allow(clippy::panic, reason = "a helper fails the test that calls it")]

use lockgate_plugin_analytics::Analytics;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;

const DAY: u64 = 86_400_000;

fn policy(config: &str) -> Analytics {
    testing::configure(config).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// A MAC that tells all there is to tell apart.
fn sign_as_told() {
    testing::crypto::sign_with(|signing| {
        let mut mac = [0_u8; 32];
        for (at, byte) in signing.keys.bytes().chain(signing.message.iter().copied()).enumerate() {
            mac[at % 8] = mac[at % 8].wrapping_mul(31).wrapping_add(byte);
        }
        Ok(mac.to_vec())
    });
}

/// Five requests of two clients, the last three a day later.
fn records() -> Records {
    let ended: Vec<String> = [3, 4, DAY + 3, DAY + 4, DAY + 5].iter().map(ToString::to_string).collect();
    Records::of(5)
        .with("client", [Some("192.0.2.1"), Some("2001:db8:7::1"), Some("192.0.2.1"), None, Some("192.0.2.1")])
        .with("consumer", [Some("ann"), Some("partner-a"), Some("ann"), Some("bob"), None])
        .with("application", [Some("shop"), None, Some("shop"), Some("ann"), None])
        .with("ended-ms", ended.iter().map(|text| Some(text.as_str())))
}

fn observed(config: &str) -> Records {
    let mut records = records();
    assert_eq!(policy(config).on_records(&mut records), Ok(()));
    records
}

fn column(records: &Records, name: &str) -> Vec<Option<String>> {
    records.values(name).map(|value| value.map(str::to_owned)).collect()
}

fn texts(texts: [Option<&str>; 5]) -> Vec<Option<String>> {
    texts.into_iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn what_is_dropped_is_nowhere_and_the_rest_stays_as_it_was() {
    let observed = observed(r#"{"client":"drop","application":"drop"}"#);
    assert_eq!(column(&observed, "client"), texts([None; 5]));
    assert_eq!(column(&observed, "application"), texts([None; 5]));
    assert_eq!(column(&observed, "consumer"), column(&records(), "consumer"));
}

#[test]
fn a_region_is_wider_than_the_network_the_gateway_would_keep() {
    let observed = observed(r#"{"client":"region"}"#);
    let (four, six) = (Some("192.0.0.0/16"), Some("2001:db8::/32"));
    assert_eq!(column(&observed, "client"), texts([four, six, four, None, four]));
}

#[test]
fn groups_take_the_place_of_names_and_who_is_in_none_is_nobody() {
    let observed = observed(r#"{"consumer":{"own":["ann"],"partners":["partner-*"]}}"#);
    assert_eq!(column(&observed, "consumer"), texts([Some("own"), Some("partners"), Some("own"), None, None]));
}

#[test]
fn a_pseudonym_is_the_same_for_the_same_and_tells_columns_and_keys_apart() {
    sign_as_told();
    let config = r#"{"consumer":"pseudonym","application":"pseudonym","pseudonyms":{"key":"own"}}"#;
    let observed_own = observed(config);
    let (consumers, applications) = (column(&observed_own, "consumer"), column(&observed_own, "application"));
    assert_eq!(consumers[0], consumers[2]);
    assert!(consumers[0] != consumers[1] && consumers[0] != consumers[3] && consumers[4].is_none());
    // `ann` is a consumer in the first and an application in the fourth.
    assert_ne!(consumers[0], applications[3]);
    assert!(consumers.iter().flatten().all(|name| name.len() == 16 && !name.contains("ann")), "{consumers:?}");
    let other = observed(&config.replace("\"own\"", "\"other\""));
    assert_ne!(column(&other, "consumer")[0], consumers[0]);
}

#[test]
fn a_pseudonym_that_rotates_holds_for_a_day_or_a_week() {
    sign_as_told();
    let config = r#"{"client":"pseudonym","pseudonyms":{"key":"own","rotate":"daily"}}"#;
    let daily = column(&observed(config), "client");
    assert!(daily[0] != daily[2] && daily[2] == daily[4] && daily[3].is_none(), "{daily:?}");
    // Thursday and Friday are of one week.
    let weekly = column(&observed(&config.replace("daily", "weekly")), "client");
    assert!(weekly[0] == weekly[2] && weekly[0] != daily[0], "{weekly:?}");
    let mut sunday_and_monday = Records::of(2).with("client", [Some("192.0.2.1"), Some("192.0.2.1")]).with(
        "ended-ms",
        [Some((4 * DAY - 1).to_string()), Some((4 * DAY).to_string())].each_ref().map(Option::as_deref),
    );
    policy(&config.replace("daily", "weekly")).on_records(&mut sunday_and_monday).unwrap();
    assert_ne!(sunday_and_monday.get(0, "client"), sunday_and_monday.get(1, "client"));
}

#[test]
fn without_its_key_it_fails_and_nothing_is_made_up() {
    testing::crypto::sign_with(|_| Err(crypto::SignError::Unavailable));
    let config = r#"{"client":"pseudonym","pseudonyms":{"key":"own"}}"#;
    assert_eq!(policy(config).on_records(&mut records()), Err(Failure::Dependency));
}

#[test]
fn it_asks_for_what_it_needs_and_no_more() {
    for (config, grants) in [
        (r#"{"client":"drop"}"#, &["record-write:client"][..]),
        (r#"{"client":"region"}"#, &["record-read:client", "record-write:client"]),
        (
            r#"{"consumer":"pseudonym","pseudonyms":{"key":"own","rotate":"daily"}}"#,
            &["record-read:consumer", "record-write:consumer", "record-read:ended-ms", "sign:own"],
        ),
    ] {
        testing::assert_grants(&policy(config).interest(), grants.iter().copied());
        let manifest: toml::Table = include_str!("../plugin.toml").parse().unwrap();
        let declared = manifest["declares"].as_array().unwrap().iter().map(|it| it["power"].as_str().unwrap());
        testing::assert_declared(&policy(config).interest(), declared);
    }
}

#[test]
fn what_makes_no_sense_is_a_fault_that_says_what_to_write() {
    for (config, path, message) in [
        ("{}", "", "changes nothing"),
        (r#"{"client":"hash"}"#, "client", "`network`, `region`, `drop` or `pseudonym`"),
        (r#"{"consumer":"hash"}"#, "consumer", "`keep`, `drop`, `pseudonym`, or a table of groups"),
        (r#"{"consumer":{}}"#, "consumer", "a table of groups"),
        (r#"{"consumer":{"a":"ann"}}"#, "consumer", "a table of groups"),
        (r#"{"consumer":{"":["ann"]}}"#, "consumer", "1 to 64 bytes"),
        (r#"{"client":"pseudonym"}"#, "client", "pseudonyms = { key = \"NAME\" }"),
        (r#"{"client":"drop","pseudonyms":{"key":"own"}}"#, "pseudonyms", "is for nothing"),
        (r#"{"client":"pseudonym","pseudonyms":{"key":""}}"#, "pseudonyms.key", "`[keys.NAME]`"),
        (r#"{"client":"pseudonym","pseudonyms":{"key":"k","rotate":"yearly"}}"#, "pseudonyms.rotate", "`weekly`"),
    ] {
        let faults = testing::configure::<Analytics>(config).unwrap_err();
        assert_eq!(faults[0].path, path, "{config}: {faults:?}");
        assert!(faults[0].message.contains(message), "{config}: {faults:?}");
    }
}

#[test]
fn the_readme_shows_a_configuration_that_works_with_its_grants() {
    let readme = include_str!("../README.md");
    let (_, example) = readme.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let example: toml::Table = example.parse().unwrap();
    let config = &example["analytics"]["chain"].as_array().unwrap()[0]["config"];
    let json = testing::configure::<Analytics>(&to_json(config).unwrap());
    let granted = example["policy"]["analytics"]["grant"].as_array().unwrap().iter().filter_map(|it| it.as_str());
    testing::assert_grants(&json.unwrap().interest(), granted);
}

/// Tables of texts and lists of texts.
fn to_json(value: &toml::Value) -> Option<String> {
    Some(match value {
        toml::Value::String(text) => format!("{text:?}"),
        toml::Value::Array(items) => format!("[{}]", items.iter().map(to_json).collect::<Option<Vec<_>>>()?.join(",")),
        toml::Value::Table(table) => {
            let pairs = table.iter().map(|(key, value)| Some(format!("{key:?}:{}", to_json(value)?)));
            format!("{{{}}}", pairs.collect::<Option<Vec<_>>>()?.join(","))
        }
        _ => return None,
    })
}
