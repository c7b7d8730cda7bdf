//! Owns tests of what routes lead to: splits, redirects, fixed answers, and what upstreams are asked for instead.

use http::StatusCode;

use crate::config::{Arm, Backend, HashKey, HostUse, QueryUse, Route};

use super::{LISTEN, PETS, api, assert_fault, parse};

fn route(text: &str) -> Result<Route, Vec<String>> {
    let more = "[upstream.canary]\ntargets = ['http://127.0.0.1:9002']\n";
    let text = format!("{PETS}{more}[[route]]\nname = 'a'\nmatch.path = '/a/{{id}}/{{*rest}}'\n{text}\n");
    api(&text).map(|mut api| api.routes.remove(0))
}

#[test]
fn a_redirect_has_a_place_a_status_and_a_use_of_the_query() {
    let redirect = |text: &str| match route(&format!("redirect = {{ {text} }}")).unwrap().backend {
        Backend::Redirect(redirect) => redirect,
        other => panic!("{other:?}"),
    };
    let plain = redirect("to = '/b/{*rest}'");
    assert_eq!((plain.status, plain.query), (StatusCode::TEMPORARY_REDIRECT, QueryUse::Keep));
    assert_eq!(plain.location.to_string(), "/b/{*rest}");
    let full = redirect("to = 'https://b.example/{id}?x={*rest}#y', status = 302, query = 'drop'");
    assert_eq!((full.status, full.query), (StatusCode::FOUND, QueryUse::Drop));
    assert_eq!(full.location.to_string(), "https://b.example/{id}?x={*rest}#y");
    let cases = [
        (
            "to = '/b/{name}'",
            "redirect.to: uses `{name}`, which is no parameter of `/a/{id}/{*rest}`; known there: `{id}`, `{*rest}`",
        ),
        ("to = '/b/{*id}'", "redirect.to: uses `{*id}`"),
        ("to = 'b'", "a redirect leads to a path that begins with `/`, or to a URL"),
        ("to = '//evil'", "write `/evil`"),
        ("to = '/b', status = 200", "redirect.status: is 200; write 301, 302, 303, 307 or 308"),
        ("to = '/b', status = '308'", "redirect.status: is a string"),
        ("to = '/a/{id}/{*rest}'", "redirect.to: leads back to this route, without end; name another path, or a host"),
        ("to = '/b', query = 'add'", "redirect.query: \"add\" is not valid"),
        ("status = 301", "redirect.to: is missing"),
    ];
    for (text, fault) in cases {
        assert_fault(route(&format!("redirect = {{ {text} }}")), fault);
    }
    let alone = format!("{PETS}[[route]]\nname = 'a'\nmatch.path = '/a'\nredirect = {{ to = '/{{id}}' }}");
    assert_fault(api(&alone), "which is no parameter of `/a`; leave it out, or put it into `match.path` too");
}

#[test]
fn a_redirect_to_its_own_path_has_to_lead_to_another_request() {
    let redirect = |matching: &str, text: &str| {
        api(&format!(
            "{PETS}[[route]]\nname = 'a'\nmatch = {{ path = '/a'{matching} }}\nredirect = {{ to = {text} }}\n"
        ))
    };
    let endless = [
        ("", "'/a', status = 303"),
        (", methods = ['POST']", "'/a', status = 308"),
        (", methods = ['GET', 'POST']", "'/a', status = 303"),
        (", query = { old = true }", "'/a'"),
        (", scheme = 'http'", "'/a'"),
    ];
    for (matching, text) in endless {
        assert_fault(redirect(matching, text), "route[0].redirect.to: leads back to this route, without end");
    }
    let fine = [
        ("", "'/a/'"),
        ("", "'https://a.example/a'"),
        ("", "'/a?new'"),
        (", methods = ['POST']", "'/a', status = 303"),
        (", query = { old = true }", "'/a', query = 'drop'"),
    ];
    for (matching, text) in fine {
        assert!(redirect(matching, text).is_ok(), "{matching} {text}");
    }
}

#[test]
fn a_fixed_answer_has_what_an_answer_has() {
    let respond = |text: &str| match route(&format!("respond = {{ {text} }}")).unwrap().backend {
        Backend::Respond(respond) => respond,
        other => panic!("{other:?}"),
    };
    let text = respond("status = 503, body = 'closed', headers = { Retry-After = '5', link = ['</a>', '</b>'] }");
    assert_eq!((text.status.as_u16(), &text.body[..]), (503, &b"closed"[..]));
    assert_eq!(text.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!((&text.headers["retry-after"], text.headers.get_all("link").iter().count()), (&"5".parse().unwrap(), 2));
    let empty = respond("");
    assert_eq!((empty.status, empty.body.len(), empty.headers.len()), (StatusCode::OK, 0, 0));
    let cases = [
        ("status = 199", "respond.status: is 199"),
        ("status = 600", "respond.status: is 600"),
        ("body = 'a', file = 'api.toml', content_type = 'text/plain'", "respond.file: is a second body"),
        ("status = 204, body = 'a'", "respond.body: goes with the status 204, which has no body"),
        ("status = 304, body = 'a'", "goes with the status 304"),
        ("content_type = 'text/plain'", "respond.content_type: has no meaning without a body"),
        ("file = 'api.toml'", "respond.content_type: is missing"),
        (
            "file = 'absent', content_type = 'text/plain'",
            "respond.file: names \"absent\", which is no file of the API's folder",
        ),
        ("file = '../gateway.toml', content_type = 'text/plain'", "which is no file of the API's folder"),
        ("file = '/etc/passwd', content_type = 'text/plain'", "which is no file of the API's folder"),
        ("headers = { 'a b' = '' }", "headers.\"a b\": is no name of a header field"),
        ("headers = { a = \"b\\r\\nc: d\" }", "headers.a: \"b\\r\\nc: d\" does not fit"),
        ("headers = { a = ['b', 3] }", "headers.a[1]: is an integer"),
        ("headers = { a = '', A = '' }", "is there twice, in other letters"),
        (
            "headers = { content-type = 'a/b' }",
            "headers.content-type: has a key of its own; write it as `content_type`",
        ),
        ("headers = { content-length = '5' }", "headers.content-length: belongs to the connection or to framing"),
        ("headers = { Transfer-Encoding = 'chunked' }", "belongs to the connection or to framing"),
        ("headers = { connection = 'close' }", "belongs to the connection or to framing"),
        ("headers = { content_length = '5' }", "belongs to the connection or to framing"),
    ];
    for (text, fault) in cases {
        assert_fault(route(&format!("respond = {{ {text} }}")), fault);
    }
    let many: String = (0..65).map(|number| format!("f{number} = '', ")).collect();
    assert_fault(route(&format!("respond = {{ headers = {{ {many} }} }}")), "respond.headers: has more than 64 fields");
}

#[test]
fn a_file_of_a_fixed_answer_is_small_and_of_the_own_folder() {
    let with = |bytes: &[u8]| {
        let text = "name = 'a'\nversion = '1'\n[[route]]\nname = 'a'\nmatch.path = '/'\nrespond = { file = 'page', content_type = 'a/b' }\n";
        let files = [("gateway.toml", LISTEN.as_bytes()), ("a/api.toml", text.as_bytes()), ("a/page", bytes)];
        let tree = crate::config::Tree::from_files(files);
        crate::config::Config::parse(&tree).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let config = with(&vec![b'a'; 1 << 20]).unwrap();
    let Backend::Respond(respond) = &config.apis[0].routes[0].backend else { panic!() };
    assert_eq!((respond.body.len(), &respond.headers["content-type"]), (1 << 20, &"a/b".parse().unwrap()));
    assert_fault(with(&vec![b'a'; (1 << 20) + 1]), "a/api.toml:6: route[0].respond.file: is larger than 1MiB");
}

#[test]
fn a_rewrite_names_a_path_and_a_host() {
    let rewrite = |text: &str| route(&format!("upstream = 'pets'\nrewrite = {{ {text} }}")).unwrap().rewrite.unwrap();
    let path = rewrite("path = '/b/{id}?x={*rest}'");
    assert_eq!(
        (path.path.unwrap().to_string().as_str(), path.host, path.query),
        ("/b/{id}?x={*rest}", HostUse::Keep, QueryUse::Keep)
    );
    let host = rewrite("host = 'b.example:81', query = 'drop'");
    assert_eq!((host.path, host.host), (None, HostUse::Named("b.example:81".parse().unwrap())));
    assert_eq!(rewrite("host = 'target'").host, HostUse::Target);
    for host in ["pets:80", "[::1]", "10.0.0.1"] {
        assert_eq!(rewrite(&format!("host = '{host}'")).host, HostUse::Named(host.parse().unwrap()));
    }
    let cases = [
        ("path = '/b/{name}'", "rewrite.path: uses `{name}`, which is no parameter of `/a/{id}/{*rest}`"),
        ("path = 'b'", "rewrite.path: \"b\" is not valid: the path does not begin with `/`"),
        ("path = '/b#c'", "rewrite.path: \"/b#c\" is not valid"),
        ("host = 'a b'", "rewrite.host: \"a b\" is not valid"),
        ("host = 'http://b.example'", "rewrite.host: \"http://b.example\" is not valid"),
        ("path = '/b', hots = 'b'", "did you mean `host`?"),
        ("host = 'keep'", "rewrite: changes nothing"),
        ("host = 'Keep'", "rewrite.host: \"Keep\" is not valid: it is neither `keep` nor `target`"),
        ("host = 'targt'", "write a host like that with its port; write \"keep\", \"target\" or a host name"),
        ("host = 'target.'", "it is neither `keep` nor `target`"),
    ];
    for (text, fault) in cases {
        assert_fault(route(&format!("upstream = 'pets'\nrewrite = {{ {text} }}")), fault);
    }
}

#[test]
fn what_follows_from_a_fault_is_not_said_beside_it() {
    let cases = [
        ("split = { to = [{ upstream = 'pets' }], sticky = 'session', max_age = '1h' }", "split.sticky:"),
        ("split = { to = [{ upstream = 'pets', weight = 0 }, 'canary'] }", "split.to[1]:"),
        ("respond = { file = 'api.toml', content_type = 3 }", "respond.content_type:"),
        ("respond = { file = 3, content_type = 'text/plain' }", "respond.file:"),
    ];
    for (text, fault) in cases {
        let faults = route(text).unwrap_err();
        assert!(faults.len() == 1 && faults[0].contains(fault), "{text}: {faults:?}");
    }
    let targets = "name = 'a'\nversion = '1'\n[upstream.a]\ntargets = [{ url = 'http://a', weight = 0 }, 'b']\n";
    let faults = api(targets).unwrap_err();
    assert!(faults.len() == 1 && faults[0].contains("targets[1]"), "{faults:?}");
}

#[test]
fn what_is_for_upstreams_has_no_meaning_elsewhere() {
    for backend in ["redirect = { to = '/b' }", "respond = {}", "responder = 'cors'"] {
        assert_fault(
            route(&format!("{backend}\nrewrite = {{ path = '/b' }}")),
            "rewrite: has no meaning where no upstream is asked",
        );
        assert_fault(
            route(&format!("{backend}\nupgrades = ['websocket']")),
            "upgrades: has no meaning where no upstream is asked",
        );
    }
    assert_fault(route("upstream = 'pets'\nrespond = {}"), "route[0]: is of several kinds at once");
    assert_fault(
        route("upstream = 'pets'\nsplit = { to = [{ upstream = 'pets' }] }"),
        "route[0]: is of several kinds at once",
    );
}

#[test]
fn a_split_has_arms_and_what_decides_between_them() {
    let text = "to = [{ upstream = 'pets', weight = 95 }, { upstream = 'canary' }], sticky = 'cookie:lot', max_age = '24h', override = 'header:X-Canary'";
    let with_rewrite =
        route(&format!("split = {{ {text} }}\nrewrite = {{ path = '/b' }}\nupgrades = ['websocket']")).unwrap();
    let Backend::Split(split) = &with_rewrite.backend else { panic!() };
    let arm = |upstream: &str, weight| Arm { upstream: upstream.into(), weight };
    assert_eq!((&split.arms[..], with_rewrite.arms()), (&[arm("pets", 95), arm("canary", 1)][..], &split.arms[..]));
    let sticky = split.sticky.as_ref().unwrap();
    assert_eq!((&sticky.key, sticky.max_age.unwrap().as_secs()), (&HashKey::Cookie("lot".into()), 86_400));
    assert_eq!(split.override_field.as_ref().unwrap(), "x-canary");
    let cases = [
        ("to = []", "split.to: is empty; name at least one upstream"),
        (
            "to = [{ upstream = 'pets', weight = 0 }]",
            "split.to: has no weight at all; give one upstream a weight above 0",
        ),
        (
            "to = [{ upstream = 'absent' }]",
            "split.to[0].upstream: names the upstream \"absent\", which is not declared",
        ),
        ("to = [{ upstream = 'pets' }, { upstream = 'pets' }]", "split.to[1].upstream: names \"pets\" a second time"),
        ("to = [{ upstream = 'pest' }]", "which is not declared; did you mean `pets`?"),
        ("to = ['pets']", "split.to[0]: is a string"),
        ("to = [{ upstream = 'pets', weight = -1 }]", "weight: is -1"),
        ("to = [{ upstream = 'pets' }], sticky = 'cookie:a b'", "split.sticky: \"cookie:a b\" is not valid"),
        ("to = [{ upstream = 'pets' }], sticky = 'session'", "split.sticky: \"session\" is not valid"),
        (
            "to = [{ upstream = 'pets' }], sticky = 'client', max_age = '1h'",
            "split.max_age: has no meaning without a cookie",
        ),
        ("to = [{ upstream = 'pets' }], override = 'x-canary'", "split.override: \"x-canary\" is not valid"),
        ("sticky = 'client'", "split.to: is missing"),
        (
            "to = [{ upstream = 'pets' }], sticky = 'header:x-real-ip'",
            "split.sticky: \"header:x-real-ip\" is not valid: what clients send in that field is removed first, so it tells none apart; `client` is their address",
        ),
    ];
    for (text, fault) in cases {
        assert_fault(route(&format!("split = {{ {text} }}")), fault);
    }
    let taken = ["Host", "cookie", "authorization", "expect", "content-type", "te", "connection", "content_length"];
    for field in taken.into_iter().chain(["forwarded", "x-forwarded-for", "x_real_ip", "lockgate-debug"]) {
        let text = format!("to = [{{ upstream = 'pets' }}], override = 'header:{field}'");
        let fault = "is not valid: requests live on that field, or the gateway removes it first; take one of your own, `header:x-canary`";
        assert_fault(route(&format!("split = {{ {text} }}")), fault);
    }
    let ups: String = (0..17).map(|at| format!("[upstream.u{at}]\ntargets = ['http://a']\n")).collect();
    let arms: String = (0..17).map(|at| format!("{{ upstream = 'u{at}' }},")).collect();
    let text =
        format!("name = 'a'\nversion = '1'\n{ups}[[route]]\nname = 'a'\nmatch.path = '/'\nsplit = {{ to = [{arms}] }}");
    assert_fault(parse(&[("gateway.toml", LISTEN), ("a/api.toml", &text)]), "split.to: has more than 16 upstreams");
}
