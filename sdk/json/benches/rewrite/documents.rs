//! Documents of about 1 MiB, such as APIs answer with.

use serde_json::{Value, json};

const LENGTH: usize = 1 << 20;

pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let orders = fill("orders", order);
    let bundle = fill("entry", patient);
    let payments = fill("payments", payment);
    let texts = fill("documents", document);
    vec![
        ("orders", compact(&orders)),
        ("orders, indented", serde_json::to_vec_pretty(&orders).unwrap()),
        ("patients", compact(&bundle)),
        ("patients, indented", serde_json::to_vec_pretty(&bundle).unwrap()),
        ("payments", compact(&payments)),
        ("long texts", compact(&texts)),
    ]
}

fn compact(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// As many records as make up the length.
fn fill(name: &str, record: fn(usize) -> Value) -> Value {
    let length = compact(&record(1000)).len();
    let records: Vec<_> = (0..LENGTH / length).map(record).collect();
    json!({ name: records })
}

fn order(index: usize) -> Value {
    let line = |line: usize| {
        json!({
            "sku": format!("SKU-{:05}-{line}", index * 7 % 100_000), "quantity": line + 1, "price": 19.9 + line as f64,
            "currency": "EUR", "tags": ["new", "garden", "sale"], "dimensions": {"w": 12, "h": 30, "d": 4.5},
        })
    };
    json!({
        "id": 100_000 + index, "status": "shipped", "created": "2026-03-04T10:22:31Z", "paid": true,
        "customer": {
            "id": format!("c-{index:06}"), "email": format!("customer{index}@example.com"), "phone": "+49 30 1234567",
            "address": {"street": "Lindenallee 12", "city": "Köln", "zip": "50667", "country": "DE"},
        },
        "lines": [line(0), line(1), line(2)],
        "shipping": {"carrier": "DHL", "service": "express", "cost": 4.99, "events": [
            {"at": "2026-03-04T12:00:00Z", "what": "picked up"}, {"at": "2026-03-05T08:10:00Z", "what": "delivered"},
        ]},
        "note": null,
    })
}

fn patient(index: usize) -> Value {
    json!({
        "fullUrl": format!("https://example.org/fhir/Patient/{index}"),
        "resource": {
            "resourceType": "Patient", "id": format!("{index}"), "meta": {"versionId": "3", "lastUpdated": "2026-01-05T09:00:00.000+01:00"},
            "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>A patient of the ward</p></div>"},
            "identifier": [{"use": "usual", "system": "urn:oid:1.2.36.146.595.217.0.1", "value": format!("{:08}", index * 31)}],
            "active": true,
            "name": [{"use": "official", "family": "Chalmers", "given": ["Peter", "James"]}, {"use": "usual", "given": ["Jim"]}],
            "telecom": [{"system": "phone", "value": "(03) 5555 6473", "use": "work", "rank": 1}],
            "gender": "male", "birthDate": "1974-12-25", "deceasedBoolean": false,
            "address": [{"use": "home", "line": ["534 Erewhon St"], "city": "PleasantVille", "postalCode": "3999"}],
        },
        "search": {"mode": "match", "score": 1},
    })
}

fn payment(index: usize) -> Value {
    json!({
        "id": format!("pay_{index:012}"), "amount": 1000 + index % 9000, "currency": "EUR", "captured": index.is_multiple_of(3),
        "iban": format!("DE89{:018}", index * 12_345), "holder": "Erika Mustermann", "risk": 0.0135, "method": "sepa_debit",
        "debtor": {"bic": "COBADEFFXXX", "country": "DE"}, "created": 1_772_000_000 + index,
    })
}

fn document(index: usize) -> Value {
    let words =
        "Of the articles that were sent to us last week, most are about gardens, and some about what grows there. ";
    json!({
        "id": index, "author": "Grace Hopper", "title": "On gardens",
        "body": format!("{}\n\n\"{}\"\n", words.repeat(12), words.repeat(9)), "language": "en",
    })
}
