//! `check --record` shows the request that a record would be sent by.

use super::process::{Ended, tidegate};

const TOP: &str = "
flow: previewed
params: { api: { default: https://api.example } }
source: { http: { url: 'https://shop.example', cursor: { by: id }, pagination: none } }
";

/// What is said of this record by a flow with this end.
fn previewed(flow: &str, record: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let (file, given) = (folder.path().join("flow.yaml"), folder.path().join("record.json"));
    std::fs::write(&file, format!("{TOP}{flow}")).unwrap();
    std::fs::write(&given, record).unwrap();
    tidegate([
        "check".to_owned(),
        file.display().to_string(),
        "--record".into(),
        given.display().to_string(),
    ])
    .secret("token", "a-secret-token")
    .run()
}

fn says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(ended.stdout.contains(part), "`{part}` is not in {ended:?}");
    }
    assert!(!format!("{ended:?}").contains("a-secret-token"), "{ended:?}");
}

const RECORD: &str = r#"{"id":7,"name":"Ada & Co","revision":3,"gone":true}"#;

#[test]
fn a_single_request() {
    let ended = previewed(
        "transform: { map: { number: id, title: name } }
destination:
  http:
    url: ${params.api}/customers/${record.id}?token=${secrets.token}
    method: PUT
    headers: { If-Match: 'W/${record.revision}', X-Token: '${secrets.token}' }
    auth: { bearer: '${secrets.token}' }
    idempotency_key: Idempotency-Key
",
        RECORD,
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    says(
        &ended,
        &[
            "PUT https://api.example/customers/7?token=***\n",
            "if-match: W/3\n",
            "x-token: ***\n",
            "idempotency-key: previewed/default/7.",
            "(and the credentials of `auth`)\n",
            "\n\n{\"number\":7,\"title\":\"Ada & Co\"}\n",
        ],
    );
}

#[test]
fn a_bulk() {
    let ended = previewed(
        "transform: { map: { number: id } }
destination:
  http:
    url: ${params.api}/bulk
    batch: { size: 10, field: data.rows, key_field: key, results: { path: results, status: status } }
",
        RECORD,
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    says(
        &ended,
        &[
            "POST https://api.example/bulk\n",
            r#"{"data":{"rows":[{"number":7,"key":"previewed/default/7."#,
        ],
    );
}

#[test]
fn a_form() {
    let ended = previewed(
        "transform: { map: { number: id, title: name } }
destination: { http: { url: '${params.api}/form', body: form } }
",
        RECORD,
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    says(
        &ended,
        &["content-type: application/x-www-form-urlencoded\n", "\n\nnumber=7&title=Ada+%26+Co\n"],
    );
}

#[test]
fn a_deletion() {
    let flow = "transform: { map: { number: { path: number, when_absent: refuse } } }
destination:
  http:
    url: ${params.api}/customers
    delete: { when: gone, url: '${params.api}/customers/${record.id}' }
";
    let ended = previewed(flow, RECORD);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    says(&ended, &["DELETE https://api.example/customers/7\n"]);
    assert!(!ended.stdout.contains("\n\n{\"number\""), "a deletion has no body: {ended:?}");
    says(
        &previewed(flow, r#"{"id":7,"number":1,"gone":false}"#),
        &["POST https://api.example/customers\n"],
    );
}

#[test]
fn the_first_request_of_an_upsert() {
    let ended = previewed(
        "destination:
  http:
    url: ${params.api}/customers
    upsert:
      create: { url: '${params.api}/customers' }
      update: { url: '${params.api}/customers/${record.id}' }
      when: { status: 409 }
",
        RECORD,
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    says(&ended, &["POST https://api.example/customers\n"]);
}

#[test]
fn a_record_that_would_be_parked_for_its_header_is_told_so() {
    let ended = previewed(
        "destination:
  http:
    url: ${params.api}/customers
    headers: { If-Match: '${record.etag}' }
",
        RECORD,
    );
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("this record would be parked") && ended.stderr.contains("etag"),
        "{ended:?}"
    );
}

#[test]
fn a_parameter_that_is_lacking_is_named() {
    let ended = previewed(
        "transform: { map: { number: id, tenant: { value: '${params.tenant}' } } }
destination: { http: { url: '${params.api}/customers' } }
",
        RECORD,
    );
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("`tenant`"), "{ended:?}");
}
