//! Documents as people write them: a shop, a hospital, payments, categories in categories.

use serde_json::json;

use super::{classification, document, listed, read};

const SHOP: &str = r#"
openapi: 3.0.3
info: { title: Shop, version: 1.0.0 }
paths:
  /orders/{orderId}:
    get:
      operationId: getOrder
      parameters:
        - { name: orderId, in: path, required: true, schema: { type: string, format: uuid } }
      responses:
        '200':
          description: the order
          content:
            application/json:
              schema: { $ref: '#/components/schemas/Order' }
        default:
          description: what went wrong
          content:
            application/problem+json:
              schema: { $ref: '#/components/schemas/Problem' }
components:
  schemas:
    Problem: { type: object, properties: { title: { type: string } } }
    Order:
      type: object
      required: [id, lines]
      properties:
        id: { type: string }
        placed: { type: string, format: date-time }
        customer: { $ref: '#/components/schemas/Customer' }
        billing: { $ref: '#/components/schemas/Address' }
        shipping:
          allOf:
            - { $ref: '#/components/schemas/Address' }
            - type: object
              properties:
                instructions: { type: string, x-pii: true }
        lines:
          type: array
          items:
            type: object
            properties:
              sku: { type: string }
              engraving: { type: string, x-pii: true }
    Customer:
      type: object
      properties:
        id: { type: string }
        email:
          type: string
          x-data-classification: { category: contact, sensitivity: confidential, masking: { strategy: partial } }
        loyalty: { type: integer }
    Address:
      type: object
      x-data-classification: { category: contact, sensitivity: confidential }
      properties:
        street: { type: string }
        country: { type: string }
"#;

#[test]
fn an_order_within_which_things_stand_within_things() {
    let document = document(SHOP);
    assert_eq!(
        listed(&document, "getOrder"),
        [
            "200 body $.billing contact confidential",
            "200 body $.customer.email contact confidential",
            "200 body $.lines[*].engraving PII confidential",
            "200 body $.shipping contact confidential",
            "200 body $.shipping.instructions PII confidential",
        ]
    );
    let told = classification(&document, "getOrder");
    assert_eq!(told["operations"], json!({ "getOrder": { "responses": { "200": 0, "default": 1 } } }));
    let shapes = told["shapes"].as_array().unwrap();
    let order = &shapes[0];
    assert_eq!(shapes[1], json!({}), "nothing is classified in what goes wrong");
    assert_eq!(order["listed"], json!(["id", "placed"]), "addresses are classified, so the order is closed");
    let member = |name: &str| &shapes[order["members"][name].as_u64().unwrap() as usize];
    assert_eq!(member("customer")["listed"], json!(["id", "loyalty"]));
    assert_eq!(member("billing")["class"], 0);
    assert_eq!(
        member("billing")["listed"],
        json!(["country", "street"]),
        "one of its uses has a classified member besides"
    );
}

const PATIENT: &str = r##"{
  "openapi": "3.1.0",
  "info": { "title": "Clinic", "version": "4.0.1" },
  "paths": {
    "/Patient/{id}": {
      "parameters": [{ "name": "id", "in": "path", "required": true, "x-pii": "health", "schema": { "type": "string" } }],
      "get": {
        "operationId": "readPatient",
        "responses": { "200": { "description": "ok", "content": { "application/fhir+json": { "schema": { "$ref": "#/components/schemas/Patient" } } } } }
      },
      "put": {
        "operationId": "updatePatient",
        "requestBody": { "content": { "application/fhir+json": { "schema": { "$ref": "#/components/schemas/Patient" } } } },
        "responses": { "4XX": { "description": "no", "content": { "application/fhir+json": { "schema": { "$ref": "#/components/schemas/OperationOutcome" } } } } }
      }
    }
  },
  "components": { "schemas": {
    "Resource": { "type": "object", "properties": { "resourceType": { "type": "string" }, "id": { "type": "string" } } },
    "OperationOutcome": { "allOf": [{ "$ref": "#/components/schemas/Resource" }], "properties": { "issue": { "type": "array" } } },
    "Patient": {
      "allOf": [{ "$ref": "#/components/schemas/Resource" }],
      "properties": {
        "active": { "type": "boolean" },
        "identifier": { "type": "array", "items": { "$ref": "#/components/schemas/Identifier" } },
        "name": { "type": "array", "items": { "$ref": "#/components/schemas/HumanName" } },
        "birthDate": { "type": "string", "format": "date", "x-data-classification": { "category": "PII", "sensitivity": "restricted", "masking": { "strategy": "truncate" } } },
        "contained": { "type": "array", "items": { "oneOf": [{ "$ref": "#/components/schemas/Patient" }, { "$ref": "#/components/schemas/OperationOutcome" }] } },
        "extension": { "type": "array", "items": { "$ref": "#/components/schemas/Extension" } }
      }
    },
    "Identifier": { "type": "object", "properties": { "system": { "type": "string" }, "value": { "type": "string", "x-pii": "government-id" } } },
    "HumanName": { "type": "object", "properties": { "use": { "type": "string" }, "family": { "type": "string", "x-pii": true }, "given": { "type": "array", "items": { "type": "string", "x-pii": true } } } },
    "Extension": { "type": "object", "properties": { "url": { "type": "string" }, "extension": { "type": "array", "items": { "$ref": "#/components/schemas/Extension" } } },
      "patternProperties": { "^value": { "x-data-classification": { "category": "health", "sensitivity": "restricted" } } } }
  } }
}"##;

#[test]
fn a_patient_who_may_contain_patients() {
    let document = read(&[("clinic/openapi.json", PATIENT)]).unwrap();
    let expected = [
        "body $.birthDate PII restricted",
        "body $.extension[*].* health restricted",
        "body $.identifier[*].value government-id confidential",
        "body $.name[*].family PII confidential",
        "body $.name[*].given[*] PII confidential",
    ];
    let mut read = vec!["path id health confidential".to_owned()];
    read.extend(expected.map(|field| format!("200 {field}")));
    assert_eq!(listed(&document, "readPatient"), read);
    assert_eq!(listed(&document, "updatePatient")[1..], expected, "nothing is classified in what goes wrong");
    let told = classification(&document, "readPatient");
    let shapes = told["shapes"].as_array().unwrap();
    let listed: Vec<_> = shapes.iter().filter_map(|shape| shape.get("listed")).collect();
    assert!(
        listed.contains(&&json!(["id", "resourceType"])),
        "what a resource has is listed for a patient: {listed:?}"
    );
}

const PAYMENTS: &str = r#"
openapi: 3.1.0
paths:
  /payments:
    post:
      operationId: pay
      requestBody:
        content:
          application/json: { schema: { $ref: '#/components/schemas/Payment' } }
          application/x-www-form-urlencoded: { schema: { $ref: '#/components/schemas/Payment' } }
      responses:
        '201':
          headers: { Location: { schema: { type: string } } }
          content: { application/json: { schema: { allOf: [{ $ref: '#/components/schemas/Payment' }, { properties: { status: { type: string } } }] } } }
components:
  schemas:
    Payment:
      type: object
      properties:
        amount: { type: integer }
        method: { $ref: '#/components/schemas/Method' }
      unevaluatedProperties: false
    Method:
      oneOf: [{ $ref: '#/components/schemas/Card' }, { $ref: '#/components/schemas/Iban' }]
      discriminator: { propertyName: type, mapping: { card: '#/components/schemas/Card', iban: Iban } }
    Card:
      type: object
      properties:
        type: { const: card }
        number: { type: string, x-data-classification: { category: financial, sensitivity: restricted, masking: { strategy: partial, keep_last: 4 } } }
        cvc: { type: string, x-data-classification: { category: credential, sensitivity: restricted, masking: { strategy: remove } } }
    Iban:
      type: object
      properties:
        type: { const: iban }
        iban: { type: string, x-data-classification: { category: financial } }
"#;

#[test]
fn a_payment_by_one_means_or_another() {
    let document = document(PAYMENTS);
    let body = [
        "body $.method.cvc credential restricted",
        "body $.method.number financial restricted",
        "body $.method.iban financial confidential",
    ];
    let mut expected = vec!["form method financial restricted".to_owned()];
    expected.extend(body.map(str::to_owned));
    expected.extend(body.map(|field| format!("201 {field}")));
    assert_eq!(listed(&document, "pay"), expected);
}

#[test]
fn categories_in_categories() {
    let text = r#"
openapi: 3.0.0
paths:
  /categories: { get: { operationId: list, responses: { 200: { content: { application/json: { schema: { type: array, items: { $ref: '#/components/schemas/Category' } } } } } } } }
components:
  schemas:
    Category:
      type: object
      properties:
        name: { type: string }
        keeper: { type: string, x-pii: contact }
        parent: { $ref: '#/components/schemas/Category' }
        children: { type: array, items: { $ref: '#/components/schemas/Category' } }
"#;
    let document = document(text);
    assert_eq!(listed(&document, "list"), ["200 body $[*].keeper contact confidential"]);
    assert_eq!(
        classification(&document, "list")["shapes"],
        json!([
            { "items": 1 },
            { "members": { "children": 0, "keeper": 2, "parent": 1 }, "closed": true, "listed": ["name"] },
            { "class": 0 },
        ])
    );
}
