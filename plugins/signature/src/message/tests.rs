//! Values of components, against the examples of RFC 9421 section 2 and what it forbids.

use super::*;
use lockgate_sdk::testing::Facts;
use serde_json::json;

/// The value of one component of a request.
fn value(facts: Facts, component: &str) -> Option<String> {
    let owned = facts.build();
    let head = owned.head();
    let kinds: Kinds = serde_json::from_value(json!({"example-dict": "dictionary", "x-item": "item"})).unwrap();
    let message = Message { head: &head, origin: None, kinds: &kinds, request: &RequestValues::new() };
    let mut out = String::new();
    message.write(&Component::try_from(component.to_owned()).unwrap(), &mut out).ok()?;
    Some(out)
}

fn fields(lines: &[(&str, &str)]) -> Facts {
    lines.iter().fold(Facts::request(), |facts, (name, line)| facts.field(name, line))
}

fn request() -> Facts {
    Facts::request()
        .method("POST")
        .path("/path")
        .query("param=value")
        .field(":scheme", "https")
        .field(":authority", "www.example.com")
}

#[test]
fn fields_are_joined_trimmed_and_unfolded() {
    let lines = [
        ("host", "www.example.com"),
        ("x-ows-header", "   Leading and trailing whitespace.   "),
        ("x-obs-fold-header", "Obsolete\r\n    line folding."),
        ("cache-control", "max-age=60"),
        ("cache-control", "   must-revalidate"),
        ("example-dict", " a=1,    b=2;x=1;y=2,   c=(a   b   c)"),
        ("x-empty-header", ""),
    ];
    for (name, expected) in [
        ("host", "www.example.com"),
        ("x-ows-header", "Leading and trailing whitespace."),
        ("x-obs-fold-header", "Obsolete line folding."),
        ("cache-control", "max-age=60, must-revalidate"),
        ("example-dict", "a=1,    b=2;x=1;y=2,   c=(a   b   c)"),
        ("example-dict;sf", "a=1, b=2;x=1;y=2, c=(a b c)"),
        ("x-empty-header", ""),
    ] {
        assert_eq!(value(fields(&lines), name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(value(fields(&lines), "date"), None);
    let folded = [("example-dict", "a=1,\r\n  b=(2\r\n 3)")];
    assert_eq!(value(fields(&folded), "example-dict;sf").as_deref(), Some("a=1, b=(2 3)"));
    assert_eq!(value(fields(&folded), "example-dict;key=\"b\"").as_deref(), Some("(2 3)"));
}

#[test]
fn members_of_dictionaries_have_their_one_form() {
    let lines = [("example-dict", "  a=1, b=2;x=1;y=2, c=(a   b    c)"), ("example-dict", "d")];
    for (key, expected) in [("a", "1"), ("d", "?1"), ("b", "2;x=1;y=2"), ("c", "(a b c)")] {
        let component = format!("example-dict;key=\"{key}\"");
        assert_eq!(value(fields(&lines), &component).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(value(fields(&lines), "example-dict;key=\"e\""), None);
    assert_eq!(value(fields(&[("example-dict", "a=1, b==")]), "example-dict;key=\"a\""), None);
}

#[test]
fn the_strict_form_needs_a_known_type_and_a_value_of_it() {
    assert_eq!(value(fields(&[("x-item", " 1.0;a ")]), "x-item;sf").as_deref(), Some("1.0;a"));
    assert_eq!(value(fields(&[("x-item", "1, 2")]), "x-item;sf"), None);
    assert_eq!(value(fields(&[("x-item", "1"), ("x-item", "2")]), "x-item;sf"), None);
    assert_eq!(value(fields(&[("x-unknown", "1")]), "x-unknown;sf"), None);
}

#[test]
fn wrapped_lines_are_told_from_one_line() {
    let two = [("example-header", "value, with, lots"), ("example-header", " of, commas ")];
    let one = [("example-header", "value, with, lots, of, commas")];
    let wrapped = |lines: &[_]| value(fields(lines), "example-header;bs").unwrap();
    assert_eq!(wrapped(&two), ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:");
    assert_eq!(wrapped(&one), ":dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:");
    assert_eq!(value(fields(&two), "example-header"), value(fields(&one), "example-header"));
    assert_eq!(value(fields(&[]), "example-header;bs"), None);
}

#[test]
fn bytes_that_are_no_ascii_can_only_be_wrapped() {
    for line in [&b"caf\xc3\xa9"[..], b"\xff", b"a\0b", b"a\rb", b"\x7f"] {
        let facts = || Facts::request().field("x", line);
        assert_eq!(value(facts(), "x"), None, "{line:?}");
        assert!(value(facts(), "x;bs").is_some());
    }
}

#[test]
fn derived_components_are_those_of_the_request() {
    for (component, expected) in [
        ("@method", "POST"),
        ("@target-uri", "https://www.example.com/path?param=value"),
        ("@authority", "www.example.com"),
        ("@scheme", "https"),
        ("@request-target", "/path?param=value"),
        ("@path", "/path"),
        ("@query", "?param=value"),
    ] {
        assert_eq!(value(request(), component).as_deref(), Some(expected), "{component}");
    }
}

#[test]
fn no_query_and_an_empty_one_are_told_apart_by_the_target_only() {
    let without = || Facts::request().path("/");
    let empty = || Facts::request().path("/").query("");
    assert_eq!(value(without(), "@query").as_deref(), Some("?"));
    assert_eq!(value(empty(), "@query").as_deref(), Some("?"));
    assert_eq!(value(without(), "@request-target").as_deref(), Some("/"));
    assert_eq!(value(empty(), "@request-target").as_deref(), Some("/?"));
    assert_eq!(value(without(), "@query-param;name=\"a\""), None);
}

#[test]
fn an_authority_is_in_lower_case_and_without_its_usual_port() {
    for (scheme, authority, expected) in [
        ("https", "WWW.Example.com:443", "www.example.com"),
        ("http", "www.example.com:80", "www.example.com"),
        ("https", "www.example.com:8443", "www.example.com:8443"),
    ] {
        let facts = Facts::request().field(":scheme", scheme).field(":authority", authority);
        assert_eq!(value(facts, "@authority").as_deref(), Some(expected));
    }
}

#[test]
fn query_parameters_are_decoded_and_encoded_again() {
    let query = "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&qux=&plus=a%2Bb";
    for (name, expected) in [
        ("var", "this%20is%20a%20big%0Amultiline%20value"),
        ("bar", "with%20plus%20whitespace"),
        ("fa%C3%A7ade%22%3A%20", "something"),
        ("qux", ""),
        ("plus", "a%2Bb"),
    ] {
        let component = format!("@query-param;name=\"{name}\"");
        assert_eq!(value(Facts::request().query(query), &component).as_deref(), Some(expected), "{name}");
    }
}

#[test]
fn a_query_parameter_that_is_there_twice_or_no_utf8_cannot_be_covered() {
    for query in ["a=1&a=1", "a=1&b=2&%61=2", "a=%FF", "b=1", "", "A=1"] {
        assert_eq!(value(Facts::request().query(query), "@query-param;name=\"a\""), None, "{query}");
    }
}
