//! Pages about finished requests: true numbers, for a browser that was let in, which changes nothing and runs no script; and the same for programs.

mod pages;

use lockgate_tests::{Gateway, Request, Response, Upstream, eventually};
use serde_json::Value;

use crate::pets::{ask, folder};

/// What somebody calls themselves who means harm.
const STRANGER: &str = "\"><img src=x onerror=alert(1)><script>alert(1)</script>";

/// A gateway that has answered 30 requests of a shop, 12 of somebody who means harm and 5 that failed.
fn asked(upstream: &Upstream) -> Gateway {
    let gateway = folder(upstream).start();
    for (times, target, consumer) in [(30, "/pets/1", "shop"), (12, "/pets/2", STRANGER), (5, "/gone", "shop")] {
        ask(&gateway, times, target, consumer);
    }
    eventually("all of it is on the disk", || {
        let asked = gateway.ask("/report");
        (asked.status == 200 && asked.json()["total"]["requests"] == 47).then_some(())
    });
    gateway
}

/// A link to the pages.
fn link(gateway: &Gateway) -> String {
    let finished = gateway.verb(&["dashboard"]);
    finished.assert(0, &["/login?code="]);
    finished.stdout.trim().to_owned()
}

/// What a browser that was let in shows with each request.
fn session(gateway: &Gateway) -> String {
    let link = link(gateway);
    let answer = gateway.admin(&Request::get(&link[link.find("/login").unwrap()..]));
    answer.assert_status(303);
    answer.field("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn get(gateway: &Gateway, cookie: &str, target: &str) -> Response {
    gateway.admin(&Request::get(target).field("cookie", cookie))
}

#[test]
fn a_link_lets_in_once() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let link = link(&gateway);
    let (host, path) = link.strip_prefix("http://").unwrap().split_at(link.find("/login").unwrap() - "http://".len());
    assert_eq!(host, gateway.admin_address().to_string());
    assert!(path.strip_prefix("/login?code=").is_some_and(|code| code.len() >= 32), "{path}");
    let first = gateway.admin(&Request::get(path));
    first.assert_status(303);
    assert_eq!(first.field("location"), Some("/"));
    let cookie = first.field("set-cookie").unwrap();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    for target in [path, "/login", "/login?code=", "/login?code=x"] {
        let spent = gateway.admin(&Request::get(target));
        spent.assert_status(403);
        assert!(spent.field("set-cookie").is_none() && spent.text().contains("lockgate dashboard"), "{target}");
    }
    // Who is in already may load it again.
    let again = get(&gateway, cookie.split(';').next().unwrap(), path);
    assert_eq!((again.status, again.field("set-cookie")), (303, None));
    gateway.admin(&Request::new("POST", "/login-link").field("content-length", "0")).assert_status(401);
    gateway.admin(&Request::new("HEAD", path)).assert_status(405);
    gateway.verb(&["dashboard", "--json"]).assert(0, &["\"seconds\":60"]);
}

#[test]
fn a_session_opens_what_is_read_about_requests_and_changes_nothing() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let cookie = session(&gateway);
    for target in ["/", "/?from=-1h", "/request?id=1", "/report", "/samples"] {
        let refused = gateway.admin(&Request::get(target));
        refused.assert_status(401);
        if !["/report", "/samples"].contains(&target) {
            assert!(refused.text().contains("lockgate dashboard"));
        }
        assert_ne!(get(&gateway, &cookie, target).status, 401, "{target}");
        gateway.admin(&Request::get(target).field("cookie", &format!("{cookie}0"))).assert_status(401);
        // A page of another port is of the same site.
        let other = Request::get(target).field("cookie", &cookie).field("sec-fetch-site", "same-site");
        gateway.admin(&other).assert_status(401);
        gateway
            .admin(&Request::get(target).field("cookie", &cookie).field("host", "rebound.example"))
            .assert_status(403);
    }
    for target in ["/metrics", "/status", "/history", "/consumers", "/applications", "/keys", "/rollouts"] {
        get(&gateway, &cookie, target).assert_status(401);
    }
    let posts = ["/reload", "/announce", "/consumers", "/rollouts/promote", "/rollouts/abort", "/login-link"];
    for target in posts {
        let post = Request::new("POST", target).field("cookie", &cookie).field("content-length", "0");
        gateway.admin(&post).assert_status(401);
    }
    for target in ["/", "/report", "/samples", "/request?id=1"] {
        let post = Request::new("POST", target).field("cookie", &cookie).field("content-length", "0");
        gateway.admin(&post).assert_status(405);
    }
}

#[test]
fn who_signs_out_is_out_and_no_other_page_can_have_that_done() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let (cookie, other) = (session(&gateway), session(&gateway));
    let page = get(&gateway, &cookie, "/?from=-1h");
    assert_eq!(page.field("referrer-policy"), Some("same-origin"), "or browsers hide whose form it is");
    assert!(page.field("content-security-policy").unwrap().contains("form-action 'self'"));
    get(&gateway, &cookie, "/logout").assert_status(405);
    let post = || Request::new("POST", "/logout").field("cookie", &cookie).field("content-length", "0");
    let foreign =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "http://evil.example")];
    for (field, value) in foreign.into_iter().chain([("origin", "null"), ("host", "rebound.example")]) {
        let refused = gateway.admin(&post().field(field, value));
        assert!([401, 403].contains(&refused.status), "{field}: {value}: {}", refused.status);
        assert_ne!(get(&gateway, &cookie, "/report").status, 401, "{field}: {value}");
    }
    let own = format!("http://{}", gateway.admin_address());
    let out = gateway.admin(&post().field("sec-fetch-site", "same-origin").field("origin", &own));
    assert_eq!((out.status, out.field("location")), (303, Some("/")));
    let forgotten = out.field("set-cookie").unwrap();
    assert!(forgotten.starts_with(cookie.split('=').next().unwrap()) && forgotten.contains("=; "), "{forgotten}");
    assert!(forgotten.ends_with("; Max-Age=0"), "{forgotten}");
    for target in ["/", "/report", "/samples", "/request?id=1"] {
        get(&gateway, &cookie, target).assert_status(401);
        assert_ne!(get(&gateway, &other, target).status, 401, "another browser is in still");
    }
    gateway.admin(&post()).assert_status(401);
}

#[test]
fn programs_are_told_what_the_command_line_says() {
    let upstream = Upstream::echo();
    let gateway = asked(&upstream);
    let state = gateway.state("").display().to_string();
    let span = ["--from", "-2h", "--by", "operation,class", "--limit", "1"];
    let said = |format: &str| gateway.run(&[&["report", format, "--state", &state][..], &span].concat()).stdout;
    let target = "/report?from=-2h&by=operation&by=class&limit=1";
    // What passes of the time is in `per_second`.
    let same = |text: &str| -> Value {
        let mut value: Value = serde_json::from_str(text).unwrap();
        value["total"]["per_second"] = Value::Null;
        value["points"] = value["points"].as_array().unwrap().len().into();
        for table in value["tables"].as_array_mut().unwrap() {
            for row in table["rows"].as_array_mut().unwrap() {
                row["per_second"] = Value::Null;
            }
            table["other"]["per_second"] = Value::Null;
        }
        value
    };
    assert_eq!(same(&gateway.ask(target).text()), same(&said("--json")));
    let (whole, csv) = (said("--csv"), |answer: Response| {
        assert_eq!(answer.field("content-type"), Some("text/csv; charset=utf-8; header=present"));
        answer.text()
    });
    let token = gateway.admin_token();
    let accepted = csv(gateway.admin(&Request::get(target).bearer(&token).field("accept", "text/csv")));
    for text in [accepted, csv(gateway.ask(&format!("{target}&format=csv")))] {
        assert_eq!(text.lines().next(), whole.lines().next());
        assert!(text.contains("operation,pets/getPet,42,0,"), "{text}");
    }

    let samples = gateway.ask("/samples?where=blame=upstream&limit=3").json();
    assert_eq!(samples["samples"].as_array().unwrap().len(), 3);
    let sample = &samples["samples"][0];
    assert_eq!(
        (&sample["operation"], &sample["status"], &sample["class"]),
        (&"gone".into(), &502.into(), &"upstream_connect".into())
    );

    for (target, said) in [
        ("/report?by=colour&from=yesterdayish&form=-1h", &["colour", "yesterdayish", "did you mean `from`?"][..]),
        ("/report?where=operation=a&where=consumer=b", &["cannot both be asked about"]),
        ("/report?from=-9000d", &["nothing is kept for more than"]),
        ("/report?format=xml", &["write `json` or `csv`"]),
        ("/samples?by=class", &["there is no parameter"]),
    ] {
        let refused = gateway.ask(target);
        refused.assert_status(400);
        assert_eq!(refused.field("content-type"), Some("application/problem+json"));
        let problem = refused.json();
        assert_eq!(problem["faults"].as_array().unwrap().len(), said.len(), "{problem}");
        for word in said {
            assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
        }
    }
}

#[test]
fn no_value_of_a_question_is_anything_but_a_value() {
    let upstream = Upstream::echo();
    let gateway = asked(&upstream);
    let count = |target: &str| gateway.ask(target).json()["total"]["requests"].clone();
    assert_eq!(count("/report?where=consumer=shop"), 35);
    let sql = "consumer%3Dshop'%20OR%201%3D1%20--";
    assert_eq!(count(&format!("/report?where={sql}")), 0);
    assert_eq!(gateway.ask(&format!("/samples?where={sql}")).json()["samples"], serde_json::json!([]));
    let page = gateway.ask(&format!("/?where={sql}"));
    page.assert_status(200);
    assert!(page.text().contains("No request is on record of which this holds"));
    gateway.ask("/request?id='%20OR%201%3D1%20--").assert_status(404);
}
