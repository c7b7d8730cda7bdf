//! The pages as a browser shows them.

use lockgate_tests::browser::{self, Browser, Shown};
use lockgate_tests::{Gateway, Upstream};

use super::{STRANGER, asked, folder, get, link, session};

/// All places of a document that begin and end so, without these.
fn all<'a>(document: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    document.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(inner, _)| inner).collect()
}

/// Where the link leads that says so.
fn led(document: &str, said: &str) -> String {
    let found = all(document, "<a href=\"", "</a>").into_iter().find_map(|link| {
        let (target, text) = link.split_once("\">")?;
        (text == said).then(|| target.replace("&amp;", "&"))
    });
    found.unwrap_or_else(|| panic!("nothing leads to {said} in {document}"))
}

/// What a stranger calls themselves, as text of a document and as a value in it.
fn as_text() -> String {
    STRANGER.replace('<', "&lt;").replace('>', "&gt;")
}

/// Nothing that runs or comes from elsewhere, nor was the browser told to have any.
fn assert_quiet(shown: &Shown) {
    assert_eq!(shown.complaints, [""; 0]);
    let values = [as_text(), as_text().replace('"', "&quot;"), STRANGER.replace('"', "&quot;")];
    let document = values.iter().fold(shown.document.clone(), |document, value| document.replace(value, ""));
    let never =
        ["<script", "<img", "<iframe", "<object", "javascript:", " src=", " style=", " onerror=", "@import", "url("];
    for never in never {
        assert!(!document.contains(never), "{never} in {document}");
    }
}

#[test]
fn a_browser_that_was_let_in_sees_true_numbers_and_narrows_them_by_links() {
    let upstream = Upstream::echo();
    let gateway = asked(&upstream);
    let browser = Browser::new();
    let home = browser.visit(&link(&gateway));
    assert_quiet(&home);
    assert!(home.document.contains("<dt>Requests</dt><dd><b>47</b>"), "{}", home.document);
    assert!(
        home.document.contains("<b>10.6&nbsp;%</b>") || home.document.contains("<b>11&nbsp;%</b>"),
        "{}",
        home.document
    );

    let url = |target: &str| format!("http://{}{target}", gateway.admin_address());
    let target = led(&home.document, "shop");
    assert_eq!(target, "/?where=consumer%3Dshop");
    let narrowed = browser.visit(&url(&target));
    assert_quiet(&narrowed);
    assert!(narrowed.document.contains("<b>35</b>") && narrowed.document.contains("<span>consumer=shop</span>"));
    let target = led(&narrowed.document, "upstream_connect");
    assert_eq!(target, "/?where=consumer%3Dshop&where=class%3Dupstream_connect");
    let errors = browser.visit(&url(&target));
    assert!(errors.document.contains("<dt>Requests</dt><dd><b>5</b>"), "{}", errors.document);
    // And out again, by taking conditions away.
    let out = all(&errors.document, "<span>consumer=shop</span><a href=\"", "\"")[0].replace("&amp;", "&");
    assert_eq!(out, "/?where=class%3Dupstream_connect");

    let request = all(&errors.document, "<a href=\"/request?", "\"")[0].replace("&amp;", "&");
    let request = browser.visit(&url(&format!("/request?{request}")));
    assert_quiet(&request);
    for said in [
        "GET /gone: 502",
        "The upstream is to blame (upstream_connect)",
        "Where the time went",
        "What each policy said",
        "<dd>pets</dd>",
        "<dd>gone</dd>",
    ] {
        assert!(request.document.contains(said), "{said} in {}", request.document);
    }
    let calls = browser.visit(&url(&led(&home.document, "who")));
    assert_quiet(&calls);
    for said in ["<span>policy=who</span>", "<dt>Calls of policies</dt><dd><b>47</b>", "What policies said"] {
        assert!(calls.document.contains(said), "{said} in {}", calls.document);
    }
    let around = led(&request.document, "All of class upstream_connect about that time");
    assert!(browser.visit(&url(&around)).document.contains("<dt>Requests</dt><dd><b>5</b>"));
}

#[test]
fn what_strangers_call_themselves_is_text_on_every_page() {
    let upstream = Upstream::echo();
    let gateway = asked(&upstream);
    let browser = Browser::new();
    let url = |target: &str| format!("http://{}{target}", gateway.admin_address());
    let home = browser.visit(&link(&gateway));
    assert_quiet(&home);
    let narrowed = browser.visit(&url(&led(&home.document, &as_text())));
    assert_quiet(&narrowed);
    assert!(narrowed.document.contains("<dt>Requests</dt><dd><b>12</b>"), "{}", narrowed.document);
    assert!(narrowed.document.contains(&format!("<span>consumer={}</span>", as_text())), "{}", narrowed.document);
    // What is wrong is said in place, as text too.
    let wrong =
        browser.visit(&url("/?from=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%3Cscript%3Ealert(1)%3C/script%3E"));
    assert_quiet(&wrong);
    assert!(wrong.document.contains("is no time") && wrong.document.contains("&lt;script&gt;"), "{}", wrong.document);
}

#[test]
fn a_page_can_be_read_without_eyes_or_mouse() {
    let upstream = Upstream::echo();
    let gateway = asked(&upstream);
    let document = Browser::new().visit(&link(&gateway)).document;
    for said in [
        "<html lang=\"en\">",
        "<main id=\"main\"",
        "<header ",
        "<footer>",
        "<nav aria-label=\"Span of time\">",
        "<a class=\"skip\" href=\"#main\">",
        "aria-current=\"true\">24 hours<",
    ] {
        assert_eq!(document.matches(said).count(), 1, "{said} in {document}");
    }
    assert_eq!(document.matches("<h1>").count(), 1);
    let tables = all(&document, "<table>", "</table>");
    assert!(tables.len() >= 6, "{document}");
    for table in tables {
        assert!(table.trim_start().starts_with("<caption>") && table.contains("<th scope=\"col\">"), "{table}");
        let rows = table.matches("<tr>").count() - 1;
        assert!(rows > 0 && table.matches("<th scope=\"row\">").count() == rows, "{table}");
    }
    // Shapes have a name and are told, or are beside what tells the same.
    for shape in all(&document, "<svg", "</svg>") {
        let (tag, inner) = shape.split_once('>').unwrap();
        let is_told = tag.contains("role=\"img\"") && inner.contains("<title id=") && inner.contains("<desc id=");
        assert!(tag.contains("aria-hidden=\"true\"") || is_told, "{shape}");
    }
    for (at, _) in
        document.match_indices("<input ").filter(|(at, _)| !document[*at..].starts_with("<input type=\"hidden\""))
    {
        let before = &document[..at];
        assert!(
            before.rfind("<label>") > before.rfind("</label>"),
            "an input without a label: {}",
            &document[at..at + 80]
        );
    }
    // What labels another thing is there.
    for name in all(&document, "aria-labelledby=\"", "\"").iter().flat_map(|names| names.split(' ')) {
        assert_eq!(document.matches(&format!(" id=\"{name}\"")).count(), 1, "{name}");
    }
    for scrolls in all(&document, "class=\"scroll\"", ">") {
        assert!(scrolls.contains("tabindex=\"0\"") && scrolls.contains("role=\"region\""));
    }
}

#[test]
fn a_browser_is_told_to_run_nothing_keep_nothing_and_tell_nobody() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let cookie = session(&gateway);
    for answer in [get(&gateway, &cookie, "/"), get(&gateway, "", "/"), get(&gateway, "", "/login?code=x")] {
        let policy = answer.field("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        for part in ["form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
        }
        for (field, value) in
            [("referrer-policy", "same-origin"), ("x-content-type-options", "nosniff"), ("cache-control", "no-store")]
        {
            assert_eq!(answer.field(field), Some(value));
        }
    }
}

#[test]
fn the_report_as_a_page_is_one_file_that_asks_for_nothing() {
    let upstream = Upstream::echo();
    let gateway = asked(&upstream);
    let (state, file) = (gateway.state("").display().to_string(), gateway.root().join("report.html"));
    let words = ["report", "--state", &state, "--where", "consumer=shop", "--html"];
    gateway.run(&[&words[..], &[file.to_str().unwrap()]].concat()).assert(0, &[]);
    let shown = browser::show(&file);
    assert_quiet(&shown);
    assert!(shown.document.contains("<b>35</b>") && shown.document.contains("<span>consumer=shop</span>"));
    let led: Vec<_> = all(&shown.document, "href=\"", "\"").into_iter().filter(|to| !to.starts_with('#')).collect();
    assert_eq!(led, ["data:,"]);
    assert!(!shown.document.contains("<form") && shown.document.contains("Content-Security-Policy"));
    let printed = gateway.run(&[&words[..], &["-"]].concat());
    printed.assert(0, &["<!DOCTYPE html>", "</html>"]);
    gateway.run(&["report", "--state", &state, "--by", "colour", "--html", "-"]).assert(2, &["colour"]);
}

#[test]
fn a_page_with_nothing_to_show_says_why_and_what_to_do() {
    let upstream = Upstream::echo();
    let said = |gateway: &Gateway, target: &str, status: u16| {
        let page = gateway.ask(target);
        page.assert_status(status);
        page.text()
    };
    let off = Gateway::folder().proxy(&upstream).start();
    assert!(said(&off, "/", 200).contains("<code>[analytics]</code>"));
    let on = folder(&upstream).start();
    assert!(said(&on, "/", 200).contains("No request is on record yet"));
    let asked = asked(&upstream);
    assert!(said(&asked, "/request?id=unknown", 404).contains("is not among those that are kept"));
    assert!(said(&on, "/request", 400).contains("/request?id=ID"));
    let wrong = said(&on, "/?by=opration&where=status%3D503&colour=red", 400);
    for advice in ["did you mean `operation`?", "write `code=503`", "there is no parameter"] {
        assert!(wrong.contains(advice), "{advice} in {wrong}");
    }
    let nothing = said(&asked, "/?from=-1h&where=consumer%3Dnobody", 200);
    assert!(nothing.contains("/?from=-24h&#38;where=consumer%3Dnobody\">the last 24 hours</a>"), "{nothing}");
}
