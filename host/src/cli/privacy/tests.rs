//! Tests of reports, on the example of PRIVACY.md and on others.

use std::path::Path;

use super::gather::report;
use super::markdown;
use super::report::{Passing, Report};
use crate::config::{Config, PolicySource, Tree};

/// The texts between fences of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    text.split(&open).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

fn handbook() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/PRIVACY.md")).unwrap()
}

/// The files of the example, each with its path in its first line, and something replaced in them.
fn example(from: &str, to: &str) -> Config {
    let text = handbook();
    let blocks: Vec<_> = [blocks(&text, "yaml"), blocks(&text, "toml")].concat();
    assert_eq!(blocks.len(), 3);
    let files = blocks.into_iter().map(|block| {
        let (path, _) = block.strip_prefix("# ").unwrap().split_once('\n').unwrap();
        // Whichever policy it is: what counts here is what it is called.
        (path.to_owned(), block.replace(from, to).replace("builtin:redact", "builtin:cors"))
    });
    let mut config = Config::parse(&Tree::from_files(files)).unwrap_or_else(|faults| panic!("{faults:#?}"));
    for policy in config.policies.values_mut() {
        policy.source = PolicySource::Builtin("redact".to_owned());
    }
    config
}

/// `route part place because` of each.
fn texts(all: &[Passing]) -> Vec<String> {
    let text = |it: &Passing| {
        let field = it.field.as_ref().map(|field| format!("{} {}", field.part, field.at)).unwrap_or_default();
        format!("{} {field}: {}", it.route.as_deref().unwrap_or_default(), it.because)
    };
    all.iter().map(text).collect()
}

fn gaps(report: &Report) -> Vec<String> {
    texts(&report.gaps)
}

#[test]
fn the_example_of_the_handbook_reports_what_the_handbook_says() {
    let text = markdown::text(&report(&example("", "")));
    let handbook = handbook();
    let lines = blocks(&handbook, "markdown");
    assert!(lines[0].lines().count() > 3);
    for line in lines[0].lines() {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn policies_are_told_what_the_handbook_shows() {
    let config = example("        born: { type: string, format: date, x-data-classification: restricted }\n", "");
    let told = &config.apis[0].routes[0].chain[0].config["classification"];
    let shown: serde_json::Value = serde_json::from_str(blocks(&handbook(), "json")[0]).unwrap();
    assert_eq!(told, &shown);
}

#[test]
fn what_is_stated_and_what_follows_from_files_is_there() {
    let report = report(&example("", ""));
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["format"], 1);
    assert_eq!((&value["controller"], &value["officer"]), (&"Store Ltd, 1 High Street, Dublin".into(), &().into()));
    let activity = &value["activities"][0];
    assert_eq!(activity["documents"], serde_json::json!(["store/openapi.yaml"]));
    assert_eq!(activity["upstreams"][0]["addresses"], serde_json::json!(["http://127.0.0.1:9000"]));
    assert_eq!(activity["upstreams"][0]["protection"], "without TLS");
    assert_eq!(activity["policies"][0]["redacts"], true);
    assert_eq!(activity["policies"][0]["config"], serde_json::json!({}), "without what was added");
    assert_eq!(value["listeners"][0]["name"], "public");
}

#[test]
fn gaps_are_what_no_policy_redacts_for_sure() {
    let iban = "returns body $.iban: no policy of its chain redacts".to_owned();
    assert_eq!(gaps(&report(&example("", ""))), std::slice::from_ref(&iban));
    let two =
        |because: &str| ["born", "email"].map(|name| format!("getOrder body $.customer.{name}: {because}")).to_vec();
    for (from, to, expected) in [
        (
            ", with = [\"classification\"] }",
            " }",
            two("`redact` redacts by rules of its own and not `with` the classification"),
        ),
        (
            "\"classification\"] }",
            "\"classification\"], on_error = \"skip\" }",
            two("`redact` redacts it, and is skipped when it fails"),
        ),
        (
            "policy = \"redact\", with = [\"classification\"]",
            "policy = \"redact\", with = [\"classification\"], on_error = \"reject\"",
            Vec::new(),
        ),
        (
            "schema: { type: string } }\n",
            "schema: { type: string, x-pii: true } }\n",
            vec!["getOrder path id: it stands in the path, which the access log keeps".to_owned()],
        ),
    ] {
        let all: Vec<_> = expected.into_iter().chain([iban.clone()]).collect();
        assert_eq!(gaps(&report(&example(from, to))), all, "{to}");
    }
    let public = example("x-pii: financial", "x-data-classification: public");
    assert_eq!(gaps(&report(&public)), Vec::<String>::new(), "what is public may be seen");
    let xml = example(
        "content: { application/json: { schema: { $ref: \"#/components/schemas/Return\" } } }",
        "content: { application/xml: { schema: { $ref: \"#/components/schemas/Return\" } } }",
    );
    let expected =
        "returns : something classified stands in requests of the type `application/xml`, where no policy finds it";
    assert_eq!(gaps(&report(&xml)), [expected]);
}

#[test]
fn what_no_document_describes_is_a_gap() {
    let unknown =
        example("name = \"returns\"\nmatch = { path = \"/returns\"", "name = \"returns\"\nmatch = { path = \"/other\"");
    assert_eq!(gaps(&report(&unknown)), ["returns : the document says nothing of this route"]);
    let mut none = example("", "");
    none.apis[0].openapi = None;
    assert_eq!(gaps(&report(&none)), [" : store/api.toml names no OpenAPI document, so nobody knows what passes"]);
    let text = markdown::text(&report(&none));
    assert!(
        text.contains("not known: there is no OpenAPI document") && text.contains("none: write `openapi` in api.toml")
    );
}

#[test]
fn the_gateways_own_chain_and_that_of_the_api_count_too() {
    let mut config = example("", "");
    let entry = config.apis[0].routes[0].chain[0].clone();
    config.apis[0].chain.push(entry);
    assert!(report(&config).gaps.is_empty());
    assert_eq!(report(&config).activities[0].policies.len(), 2);
    assert_eq!(config.apis[0].openapi.as_ref().unwrap().files(), [Path::new("store/openapi.yaml")]);
}

const WITH: &str = "with = [\"classification\"]";
const SENT_ON: &str = "it is sent on to the upstream as it is";

/// What passes and is no gap, where the chain of the route is the one of the API too.
fn passes_of_all(from: &str, to: &str) -> (Vec<String>, Vec<String>) {
    let mut config = example(from, to);
    let entry = config.apis[0].routes[0].chain[0].clone();
    config.apis[0].chain.push(entry);
    let report = report(&config);
    let text = markdown::text(&report);
    assert_eq!(text.contains("## What passes as it is"), !report.passes.is_empty(), "{text}");
    (gaps(&report), texts(&report.passes))
}

#[test]
fn what_callers_send_to_the_api_is_told_and_is_no_gap_where_only_answers_are_redacted() {
    let none = Vec::<String>::new();
    let iban = vec![format!("returns body $.iban: {SENT_ON}")];
    assert_eq!(passes_of_all("", ""), (none.clone(), iban.clone()));
    for on in ["request", "both"] {
        let configured = format!("{WITH}, config.classes.financial = {{ on = \"{on}\", action = \"mask\" }}");
        assert_eq!(passes_of_all(WITH, &configured), (none.clone(), none.clone()), "{on}");
    }
    let cookie = "parameters:\n        - { name: session, in: cookie, x-pii: credential }\n";
    let (gaps, passes) = passes_of_all("parameters:\n", cookie);
    assert_eq!((gaps, passes), (none, [vec![format!("getOrder cookie session: {SENT_ON}")], iban].concat()));
}

#[test]
fn what_is_internal_passes_by_default_and_not_where_something_is_said_of_it() {
    let (gaps, passes) = passes_of_all("x-data-classification: restricted", "x-data-classification: internal");
    assert_eq!((gaps.len(), &*passes[0]), (0, "getOrder body $.customer.born: what is internal passes by default"));
    let masked = "x-data-classification: { sensitivity: internal, masking: { strategy: remove } }";
    let (gaps, passes) = passes_of_all("x-data-classification: restricted", masked);
    assert_eq!((gaps.len(), passes.len()), (0, 1), "{passes:?}");
}

#[test]
fn an_answer_is_not_redacted_by_what_is_for_requests() {
    let configured = format!("{WITH}, config.classes.contact = {{ on = \"request\", action = \"mask\" }}");
    let (gaps, _) = passes_of_all(WITH, &configured);
    let expected = "getOrder body $.customer.email: the policy that redacts is configured to do so in requests only";
    assert_eq!(gaps, [expected]);
}
