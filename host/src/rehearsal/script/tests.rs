//! Files of exchanges that are read, refused and written.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Script, Vec<ConfigFault>> {
    Script::parse(Path::new("x/a.http"), text.to_owned())
}

const WHOLE: &str = "\
# A remark.
config: greet.json

### One
# of it
POST /pets?limit=2 HTTP/1.1
Host: pets.test
accept: a
accept: b

{
  \"a\": 1
}

--- facts
client: 2001:db8::1
scheme: https
time: 2026-01-01T00:00:01Z
route: /pets/{id}
attribute auth.sub: ann
certificate name: dns:a
certificate name: dns:b

--- upstream
HTTP/1.1 404 Not Found
x-a: 1

\\### no title

--- service idp
unreachable
--- service idp
200

>>> verdict
request: pass


### Two
GET /
";

#[test]
fn a_file_is_read_as_it_is_meant() {
    let script = parse(WHOLE).unwrap();
    assert_eq!(script.config.as_deref(), Some(Path::new("x/greet.json")));
    let [one, two] = script.scenes.as_slice() else { panic!("{script:?}") };
    assert_eq!((one.title.as_str(), one.line), ("One", 4));
    assert_eq!((one.asked.method.as_str(), one.asked.target.to_string().as_str()), ("POST", "/pets?limit=2"));
    assert_eq!(one.asked.fields["host"], "pets.test");
    assert_eq!(one.asked.fields.get_all("accept").iter().count(), 2);
    assert_eq!(one.asked.body, "{\n  \"a\": 1\n}");
    assert_eq!((one.told.client.to_string().as_str(), one.told.unix_ms), ("2001:db8::1", 1_767_225_601_000));
    assert!(one.told.facts.https);
    assert_eq!(one.told.facts.attributes, [("auth.sub".to_owned(), "ann".to_owned())]);
    assert_eq!(one.told.facts.certificate.as_ref().unwrap().names, ["dns:a", "dns:b"]);
    let Answer::Said { status, fields, body } = &one.upstream else { panic!("{one:?}") };
    assert_eq!((status.as_u16(), &fields["x-a"], &body[..]), (404, &"1".parse().unwrap(), &b"### no title"[..]));
    assert!(matches!(one.services[..], [(_, Answer::Unreachable), (_, Answer::Said { .. })]), "{one:?}");
    assert_eq!(one.expected.as_deref(), Some(">>> verdict\nrequest: pass\n"));
    assert_eq!((two.asked.fields["host"].to_str().unwrap(), two.expected.as_deref()), ("localhost", None));
}

#[test]
fn all_faults_are_told_at_once_each_with_its_line() {
    let text = "nonsense\n### \nGET\n\n### Two\nGET pets\ncontent-length: 1\nno field\n\n--- facts\nclient: me\nclient: me\n\
                tiem: 1\n--- upstrem\n--- upstream\nteapot\n--- service a\n### Three\n";
    let faults = parse(text).unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| fault.line.unwrap()).collect();
    assert_eq!(lines, [1, 2, 3, 6, 7, 8, 11, 12, 12, 13, 14, 16, 17, 18], "{faults:#?}");
    let all: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    for said in ["did you mean `time`?", "did you mean `--- upstream`?", "x/a.http:18: request: is missing"] {
        assert!(all.contains(said), "{said}\n{all}");
    }
    assert!(parse("").unwrap_err()[0].reason.contains("no exchange"));
}

#[test]
fn outcomes_are_written_where_they_belong_and_nothing_else_changes() {
    let script = parse(WHOLE).unwrap();
    let same = [">>> verdict\nrequest: pass\n", ">>> verdict\n"];
    let written = script.with(same.into_iter());
    assert_eq!(written, format!("{WHOLE}\n>>> verdict\n"));
    let again = parse(&written).unwrap();
    assert_eq!(again.with(same.into_iter()), written);
    assert_eq!(again.scenes[1].expected.as_deref(), Some(same[1]));
    let other = script.with([">>> verdict\nrequest: edit\n", ">>> verdict\n"].into_iter());
    assert_eq!(other, written.replace("request: pass", "request: edit"));
    let windows = parse(&WHOLE.replace('\n', "\r\n")).unwrap();
    assert_eq!(windows.scenes[0].expected.as_deref(), Some(same[0]));
    assert_eq!(windows.with(same.into_iter()), written.replace('\n', "\r\n"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text: String) {
        let _ = parse(&text);
    }

    #[test]
    fn lines_in_any_order_are_read_or_refused(at in proptest::collection::vec((0..60_usize, 0..9_usize), 0..80)) {
        let lines: Vec<_> = WHOLE.lines().chain(["", "< x", "< base64:?", "###", "--- ", ">>> ", "\\", "GET /"]).collect();
        let pick = |(line, cut): &(usize, usize)| lines[line % lines.len()].chars().skip(*cut % 3 * (cut / 3)).collect::<String>();
        let text = at.iter().map(pick).collect::<Vec<_>>().join("\n");
        if let Ok(script) = parse(&text) {
            let outcomes = vec![">>> verdict\n"; script.scenes.len()];
            let written = script.with(outcomes.iter().copied());
            let again = parse(&written).unwrap();
            prop_assert_eq!(again.with(outcomes.iter().copied()), written);
        }
    }
}
