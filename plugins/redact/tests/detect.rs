//! Detectors all together: what they leave alone, what they never leave, and how they put together what they find.

use lockgate_plugin_redact::detect::{Detectors, Found, Kind, Kinds};
use proptest::prelude::*;

/// What a configuration gets that names no weak kind.
fn strong() -> Detectors {
    Detectors::new(Kind::ALL.iter().copied().filter(|kind| !kind.is_weak()).collect())
}

fn all() -> Detectors {
    Detectors::new(Kind::ALL.iter().copied().collect())
}

fn find(detectors: &Detectors, text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    detectors.find(text, &mut found);
    found
}

/// One of each kind.
const ONE_OF_EACH: [(Kind, &str); 38] = [
    (Kind::Email, "jane.doe@example.com"),
    (Kind::Phone, "+49 30 1234567"),
    (Kind::Iban, "GB29 NWBK 6016 1331 9268 19"),
    (Kind::PaymentCard, "4111-1111-1111-1111"),
    (Kind::IpAddress, "192.0.2.17"),
    (Kind::MacAddress, "00:1a:2b:3c:4d:5e"),
    (Kind::Jwt, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJqYW5lIn0.c2ln"),
    (Kind::ApiKey, "AKIAIOSFODNN7EXAMPLE"),
    (Kind::PrivateKey, "-----BEGIN PRIVATE KEY-----\nMHcCAQ\n-----END PRIVATE KEY-----"),
    (Kind::AuAbn, "51 824 753 556"),
    (Kind::AuAcn, "005 499 981"),
    (Kind::AuMedicare, "2123 45670 1"),
    (Kind::AuTfn, "876 543 210"),
    (Kind::BeNrn, "85.07.30-033.28"),
    (Kind::BrCpf, "529.982.247-25"),
    (Kind::ChAhv, "756.9217.0769.85"),
    (Kind::DeIdCard, "L01X00T44"),
    (Kind::DeTaxId, "86095742719"),
    (Kind::EsDni, "12345678Z"),
    (Kind::EsNie, "X-9613851-N"),
    (Kind::FiHetu, "131052-308T"),
    (Kind::FrNir, "2 55 08 14 168 025 38"),
    (Kind::InAadhaar, "2341 2341 2346"),
    (Kind::InGstin, "27AAPFU0939F1ZV"),
    (Kind::InPan, "AAAPL1234C"),
    (Kind::ItCodiceFiscale, "RSSMRA85T10A562S"),
    (Kind::KrRrn, "800101-1234567"),
    (Kind::NlBsn, "111222333"),
    (Kind::NoFodselsnummer, "15108695088"),
    (Kind::PlPesel, "44051401359"),
    (Kind::SePersonnummer, "811218-9876"),
    (Kind::SgNric, "S2740116C"),
    (Kind::ThTnin, "1-2345-67890-12-1"),
    (Kind::TrTckn, "10000000146"),
    (Kind::UkNhs, "221 395 1837"),
    (Kind::UkNino, "AB 12 34 56 C"),
    (Kind::UsItin, "911-70-1234"),
    (Kind::UsSsn, "078-05-1123"),
];

#[test]
fn each_kind_is_found_alone_and_only_where_it_is_asked_for() {
    assert_eq!(ONE_OF_EACH.len(), Kind::ALL.len());
    for (kind, text) in ONE_OF_EACH {
        let only = Detectors::new([kind].into_iter().collect());
        assert_eq!(find(&only, text), [Found { kind, start: 0, end: text.len() }], "{text}");
        assert_eq!(only.has(text), Some(kind));
        let none = Detectors::new(Kinds::default());
        assert_eq!(find(&none, text), []);
        let others = Detectors::new(Kind::ALL.iter().copied().filter(|other| *other != kind).collect());
        assert!(find(&others, text).iter().all(|hit| hit.kind != kind), "{text}");
    }
}

#[test]
fn what_only_looks_like_a_number_of_somebody_is_left_alone() {
    for text in [
        // Numbers of orders, invoices, articles, parcels.
        "order 10023457",
        "INV-2024-000123",
        "2024/0012345",
        "SKU 123-456-789",
        "ISBN 978-3-16-148410-0",
        "0-306-40615-2",
        "4006381333931",
        "1Z999AA10123456784",
        "PO#4500012345",
        "112-1234567-1234567",
        "RF18539007547034",
        // Dates and times.
        "2024-05-06",
        "06.05.2024",
        "05/06/2024",
        "20240506",
        "2024-05-06T12:30:45.123456789Z",
        "2024-05-06T12:30:45+02:00",
        "20240506T123045Z",
        "1715000000",
        "1715000000123",
        "1715000000123456",
        "12:30",
        "12:30:45",
        "P3Y6M4DT12H30M5S",
        "2024-W19-1",
        "Mon, 06 May 2024 12:30:45 GMT",
        // Identifiers and hashes.
        "550e8400-e29b-41d4-a716-446655440000",
        "00000000-0000-0000-0000-000000000000",
        "d41d8cd98f00b204e9800998ecf8427e",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "abc1234",
        "12345678",
        "507f1f77bcf86cd799439011",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "cus_4QFJOjw2pOmAGJ",
        "W/\"0815\"",
        "sha256:9f86d081884c7d65",
        "1288834974657",
        // Versions, sizes, amounts, coordinates, ratios.
        "1.2.3",
        "v1.24.3-rc.1",
        "12.0.1+build.5",
        "Chrome/120.0.0.0 Safari/537.36",
        "1920x1080",
        "16:9",
        "1,234,567.89",
        "1.234.567,89",
        "0.1234567890123",
        "52.520008,13.404954",
        "-122.4194155",
        "3.14159265358979",
        "6.02214076e23",
        "99.95 EUR",
        "100%",
        "1e10",
        "0x7fffffff",
        "1_000_000_000",
        // Paths, names, fields.
        "/v1/users/1234567/orders/89",
        "application/vnd.api+json",
        "std::collections::HashMap",
        "#ff0000",
        "rgba(255, 0, 0, 0.5)",
        "user_id_12345678",
        "Mozilla/5.0 (X11; Linux x86_64)",
        "max-age=31536000",
        "bytes=0-1023",
        "utf-8",
        "eyJ",
        "AKIA",
        "@mention",
        "C++ 17",
        "a@b",
        "1-2-3-4-5-6",
        "(2024) 01-02",
        "10 20 30 40 50 60 70",
        "1 2 3 4 5 6 7 8 9 10",
        "000000000000",
        "999-99-9999 9",
    ] {
        assert_eq!(find(&strong(), text), [], "{text}");
    }
}

#[test]
fn strong_kinds_hardly_ever_take_a_random_number_for_one_and_weak_ones_do() {
    // Knuth's generator, so that the numbers are the same each time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let numbers: Vec<Vec<String>> = (8..=16)
        .map(|length| {
            (0..20_000).map(|_| (0..length).map(|_| char::from(b'0' + (random() % 10) as u8)).collect()).collect()
        })
        .collect();
    // Letters are in every one of these, so no number is taken for one.
    let have_letters = [Kind::DeIdCard];
    for kind in Kind::ALL.iter().copied().filter(|kind| kind.is_national_id() && !have_letters.contains(kind)) {
        let detector = Detectors::new([kind].into_iter().collect());
        let taken = numbers.iter().map(|some| some.iter().filter(|text| detector.has(text).is_some()).count()).max();
        assert_eq!(taken.unwrap() > 20_000 / 50, kind.is_weak(), "{kind:?} takes {taken:?} of 20000");
    }
}

#[test]
fn what_overlaps_is_joined_under_the_longest() {
    for (text, kind, span) in [
        ("4111 1111 1111 1111@example.com", Kind::PaymentCard, "4111 1111 1111 1111@example.com"),
        ("to 4111111111111111@example.com", Kind::Email, "4111111111111111@example.com"),
        ("+49301234567@example.com now", Kind::Email, "+49301234567@example.com"),
        ("jane@example.com.192.0.2.17", Kind::Email, "jane@example.com"),
    ] {
        let found = find(&all(), text);
        assert_eq!((found[0].kind, &text[found[0].start..found[0].end]), (kind, span), "{found:?}");
    }
}

#[test]
fn more_is_found_behind_what_was_found_before() {
    let mut found = vec![Found { kind: Kind::Jwt, start: 3, end: 90 }];
    all().find("078-05-1123, jane@example.com", &mut found);
    let kinds: Vec<_> = found.iter().map(|hit| hit.kind).collect();
    assert_eq!(kinds, [Kind::Jwt, Kind::UsSsn, Kind::Email]);
}

/// Texts that would take minutes if anything were read again and again.
#[test]
fn no_text_takes_longer_than_its_length() {
    for part in [
        "a@",
        "1 ",
        "1-",
        "12.",
        "+1",
        "00",
        "(0",
        "sk-",
        "sk_live_",
        "eyJ",
        "eyJ.",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "f:",
        ":",
        "::",
        "a.",
        "I",
        "AKIA",
        "AIza",
        "AB 12 ",
        "DE12 ",
        "4111 ",
        "x",
        "1",
        "-",
        "_",
        "@",
        "é1",
        "a:1-",
    ] {
        let text = part.repeat(500_000 / part.len());
        find(&all(), &text);
    }
}

/// Whatever stands beside a number in a sentence, in a list, in quotes, in a query.
fn beside() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "", " ", ", ", "\"", "'", "(", ")", ": ", "=", "\n", "/", ";", "&", "|", "\u{a0}", "、", "ä ", "<", ">",
    ])
}

proptest! {
    #[test]
    fn what_is_found_is_in_order_apart_and_between_characters(text in "([ -~]{0,12}|\\PC{0,4}|[0-9 .@:+-]{0,20}|[0-9A-Fa-f:.]{0,20}){0,6}") {
        let found = find(&all(), &text);
        prop_assert!(found.iter().all(|hit| hit.start < hit.end && text.get(hit.start..hit.end).is_some()));
        prop_assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start));
        prop_assert_eq!(all().has(&text), found.first().map(|first| first.kind));
    }

    #[test]
    fn nothing_of_it_is_left_whatever_stands_beside(one in prop::sample::select(ONE_OF_EACH.to_vec()), before in beside(), after in beside()) {
        let (kind, number) = one;
        let text = format!("{before}{number}{after}");
        let only = Detectors::new([kind].into_iter().collect());
        let (start, end) = (before.len(), before.len() + number.len());
        prop_assert!(find(&only, &text).iter().any(|hit| hit.start <= start && end <= hit.end), "{}", text);
        let mut inside = find(&all(), &text).into_iter();
        prop_assert!(inside.any(|hit| hit.start <= start && end <= hit.end), "{}", text);
    }
}
