//! What is believed of what proxies say, and what is not.

use proptest::prelude::*;

use super::*;

fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// Proxies are at 10.0.0.0/8 and fd00::/8.
fn is_proxy(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[0] == 10,
        IpAddr::V6(address) => address.octets()[0] == 0xfd,
    }
}

fn x_forwarded(values: &[&str]) -> Way {
    Way::x_forwarded(&headers(&X_FORWARDED_FOR, values), is_proxy)
}

fn forwarded(values: &[&str]) -> Way {
    Way::forwarded(&headers(&FORWARDED, values), is_proxy)
}

fn client(way: &Way) -> String {
    way.client().map_or_else(|| "-".to_owned(), |client| client.to_string())
}

fn addresses(way: &Way) -> String {
    let mut out = String::new();
    way.write_addresses(&mut out);
    out
}

fn elements(way: &Way) -> String {
    let mut out = String::new();
    way.write_elements(&mut out);
    out
}

#[test]
fn the_client_is_the_first_address_from_the_right_that_is_no_proxy() {
    let cases: [(&[&str], &str, &str); 18] = [
        (&[], "-", ""),
        (&[""], "-", ""),
        (&["203.0.113.7"], "203.0.113.7", "203.0.113.7, "),
        (&["198.51.100.1, 203.0.113.7"], "203.0.113.7", "203.0.113.7, "),
        (&["198.51.100.1, 203.0.113.7, 10.0.0.1"], "203.0.113.7", "203.0.113.7, 10.0.0.1, "),
        (&["198.51.100.1, 203.0.113.7", "10.0.0.1,10.0.0.2"], "203.0.113.7", "203.0.113.7, 10.0.0.1, 10.0.0.2, "),
        (&["10.0.0.3, 10.0.0.1"], "10.0.0.3", "10.0.0.3, 10.0.0.1, "),
        (&["203.0.113.7:1234"], "203.0.113.7", "203.0.113.7, "),
        (&["2001:db8::1"], "2001:db8::1", "2001:db8::1, "),
        (&["[2001:db8::1]"], "2001:db8::1", "2001:db8::1, "),
        (&["[2001:db8::1]:443, fd00::1"], "2001:db8::1", "2001:db8::1, fd00::1, "),
        (&["203.0.113.7, ::ffff:10.0.0.1"], "203.0.113.7", "203.0.113.7, 10.0.0.1, "),
        (&["203.0.113.7, , 10.0.0.1,"], "203.0.113.7", "203.0.113.7, 10.0.0.1, "),
        // What is no address ends the way: who wrote it is the last who is believed.
        (&["203.0.113.7, unknown, 10.0.0.1"], "10.0.0.1", "10.0.0.1, "),
        (&["203.0.113.7, 10.0.0.256, 10.0.0.1"], "10.0.0.1", "10.0.0.1, "),
        (&["203.0.113.7, _hidden"], "-", ""),
        (&["203.0.113.7, fe80::1%eth0"], "-", ""),
        (&["203.0.113.7 10.0.0.1"], "-", ""),
    ];
    for (values, expected, way) in cases {
        let found = x_forwarded(values);
        assert_eq!((client(&found).as_str(), addresses(&found).as_str()), (expected, way), "{values:?}");
    }
}

#[test]
fn forwarded_is_read_as_rfc_7239_says() {
    let cases: [(&[&str], &str, &str); 20] = [
        (&["for=203.0.113.7"], "203.0.113.7", "for=203.0.113.7, "),
        (&["For=\"203.0.113.7\""], "203.0.113.7", "For=\"203.0.113.7\", "),
        (&["for=\"203.0.113.7:80\""], "203.0.113.7", "for=\"203.0.113.7:80\", "),
        (&["for=\"203.0.113.7:_p\""], "203.0.113.7", "for=\"203.0.113.7:_p\", "),
        (&["for=\"[2001:db8::1]\""], "2001:db8::1", "for=\"[2001:db8::1]\", "),
        (&["for=\"[2001:db8::1]:4711\""], "2001:db8::1", "for=\"[2001:db8::1]:4711\", "),
        (&["for=\"203.0.113.\\7\""], "203.0.113.7", "for=\"203.0.113.\\7\", "),
        (&["for=1.1.1.1, for=203.0.113.7;by=_x, for=10.0.0.1"], "203.0.113.7", "for=203.0.113.7;by=_x, for=10.0.0.1, "),
        (&["for=1.1.1.1", "for=203.0.113.7", "for=10.0.0.1"], "203.0.113.7", "for=203.0.113.7, for=10.0.0.1, "),
        (&["for=203.0.113.7;ext=\"a, b;\\\"c\""], "203.0.113.7", "for=203.0.113.7;ext=\"a, b;\\\"c\", "),
        (&["proto=http; for=203.0.113.7 ;;"], "203.0.113.7", "proto=http; for=203.0.113.7 ;;, "),
        // A proxy that tells no address is believed, and what is before it is not.
        (&["for=203.0.113.7, for=_hidden, for=10.0.0.1"], "10.0.0.1", "for=_hidden, for=10.0.0.1, "),
        (&["for=203.0.113.7, for=unknown"], "-", "for=unknown, "),
        (&["for=203.0.113.7, proto=https"], "-", "proto=https, "),
        // Malformed.
        (&["for=203.0.113.7, for = 10.0.0.1"], "-", ""),
        (&["for=203.0.113.7, for=[fd00::1]"], "-", ""),
        (&["for=203.0.113.7, for=\"fd00::1\""], "-", ""),
        (&["for=203.0.113.7, for=10.0.0.1;for=10.0.0.2"], "-", ""),
        (&["for=203.0.113.7, for=10.0.0.1 by=_x, for=10.0.0.3"], "10.0.0.3", "for=10.0.0.3, "),
        (&["for=\"203.0.113.7, for=10.0.0.1"], "10.0.0.1", "for=10.0.0.1, "),
    ];
    for (values, expected, way) in cases {
        let found = forwarded(values);
        assert_eq!((client(&found).as_str(), elements(&found).as_str()), (expected, way), "{values:?}");
    }
}

#[test]
fn the_scheme_is_what_was_said_of_the_client() {
    let with = |addresses: &str, schemes: &[&str]| {
        let mut all = headers(&X_FORWARDED_FOR, &[addresses]);
        all.extend(headers(&X_FORWARDED_PROTO, schemes));
        Way::x_forwarded(&all, is_proxy).https()
    };
    let way = "1.1.1.1, 203.0.113.7, 10.0.0.1";
    assert_eq!(with(way, &["https"]), Some(true), "one value is about the client");
    assert_eq!(with(way, &["HTTP"]), Some(false));
    assert_eq!(with(way, &["http, https, http"]), Some(true), "a list keeps step with the addresses");
    assert_eq!(with(way, &["http", "https", "http"]), Some(true));
    assert_eq!(with("", &["http, https"]), Some(true), "without addresses it is about the peer's client");
    assert_eq!(with(way, &["wss"]), None);
    assert_eq!(with(way, &[]), None);
    assert_eq!(forwarded(&["for=203.0.113.7;proto=https, for=10.0.0.1;proto=http"]).https(), Some(true));
    assert_eq!(forwarded(&["for=203.0.113.7, for=10.0.0.1;proto=https"]).https(), None);
    assert_eq!(forwarded(&["for=203.0.113.7;proto=http, for=_hidden;proto=\"https\""]).https(), Some(true));
    assert_eq!(forwarded(&["for=203.0.113.7;proto=ftp"]).https(), None);
}

#[test]
fn one_form_can_be_told_in_the_other() {
    assert_eq!(elements(&x_forwarded(&["2001:db8::1, 10.0.0.1"])), "for=\"[2001:db8::1]\", for=10.0.0.1, ");
    assert_eq!(addresses(&forwarded(&["for=\"[2001:db8::1]:8\";proto=http, for=_a"])), "");
    assert_eq!(addresses(&forwarded(&["for=\"[2001:db8::1]:8\";proto=http, for=10.0.0.1"])), "2001:db8::1, 10.0.0.1, ");
}

#[test]
fn a_way_is_not_followed_for_ever() {
    let many = ["10.0.0.1"; 100].join(", ");
    assert_eq!(x_forwarded(&[&format!("203.0.113.7, {many}")]).hops.len(), MAX_HOPS);
    let many = ["for=10.0.0.1"; 100].join(", ");
    let way = forwarded(&[&format!("for=203.0.113.7, {many}")]);
    assert_eq!((way.hops.len(), client(&way).as_str()), (MAX_HOPS, "10.0.0.1"));
    assert_eq!(client(&x_forwarded(&[&format!("203.0.113.7{}", ",".repeat(5000))])), "203.0.113.7");
}

#[test]
fn values_are_quoted_where_they_must_be() {
    for (value, shown) in [("a.example", "a.example"), ("a:80", "\"a:80\""), ("a\"\\", r#""a\"\\""#), ("", "\"\"")] {
        assert_eq!(Value(value).to_string(), shown);
    }
    for (node, shown) in [("192.0.2.1", "192.0.2.1"), ("::1", "\"[::1]\"")] {
        assert_eq!(Node(node.parse().ok()).to_string(), shown);
    }
    assert_eq!(Node(None).to_string(), "unknown");
}

proptest! {
    #[test]
    fn whatever_a_client_sends_what_a_proxy_adds_is_found(hostile in "[ -~]{0,60}", by in "[ -~]{0,20}") {
        let added = format!("{hostile}, for=\"[2001:db8::1]:7\";by={}", Value(&by));
        prop_assert_eq!(client(&forwarded(&[&added])), "2001:db8::1");
        let added = format!("{hostile}, 203.0.113.7");
        prop_assert_eq!(client(&x_forwarded(&[&added])), "203.0.113.7");
    }

    #[test]
    fn what_is_passed_on_is_read_alike(hostile in "(for=[0-9.\\[\\]:\"_a-]{0,12}[,;]? ?){0,6}") {
        let way = forwarded(&[&hostile]);
        let again = forwarded(&[&elements(&way)]);
        prop_assert_eq!(&again.hops, &way.hops);
        let way = x_forwarded(&[&hostile.replace("for=", "")]);
        prop_assert_eq!(&x_forwarded(&[&addresses(&way)]).hops, &way.hops);
    }

    #[test]
    fn no_bytes_make_it_panic(value in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED, value.clone());
            headers.insert(X_FORWARDED_FOR, value.clone());
            headers.insert(X_FORWARDED_PROTO, value);
            let _ = (Way::forwarded(&headers, is_proxy), Way::x_forwarded(&headers, is_proxy));
        }
    }
}
