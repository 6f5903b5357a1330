//! The table of paths, and the document of the interface against it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

#[test]
fn a_pattern_has_no_secret_in_it() {
    assert_eq!(pattern("/d/SECRET"), "/d/{secret}");
    assert_eq!(pattern("/v1/tokens/x/revoke"), "/v1/tokens/{id}/revoke");
    assert_eq!(pattern("/v1/tokens"), "/v1/tokens");
    assert_eq!(pattern("/download/SECRET"), "/download/{token}");
    assert_eq!(pattern("/v1/devices/dev-1/checkins"), "/v1/devices/{id}/checkins");
    assert_eq!(pattern("/v1/enrollments/KEY/answer"), "/v1/enrollments/{key}/answer");
    for other in ["/d/", "/d/a/b", "/v1/tokens/x/y", "", "//", "/v1/tokens/"] {
        assert_eq!(pattern(other), "other", "{other}");
    }
}

#[test]
fn the_document_has_every_path_and_no_other() {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut said = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if method != "parameters" {
                said.insert((path.clone(), method.to_uppercase()));
                assert!(
                    !operation["responses"].as_object().unwrap().is_empty() && operation["summary"].is_string(),
                    "{path}"
                );
            }
        }
    }
    let mut served = BTreeSet::new();
    for (path, methods, _) in ROUTES.iter().filter(|(path, _, _)| *path != "/favicon.ico") {
        served.extend(methods.iter().map(|method| ((*path).to_owned(), (*method).to_owned())));
    }
    assert_eq!(said, served);
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                members.values().for_each(|member| walk(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, document)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    walk(&document, &document);
    // Every type of a problem is in it.
    let types = document.pointer("/components/schemas/Problem/properties/type/enum").unwrap();
    let said: BTreeSet<_> = types.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    let known: BTreeSet<_> =
        Type::ALL.into_iter().map(|kind| format!("urn:stampwright:problem:{}", kind.row().0)).collect();
    assert_eq!(said, known);
}
