#[allow(dead_code, unreachable_pub, reason = "other tests have it as a module of theirs, and use other parts")]
#[path = "../../../../tests/support/object_store.rs"]
mod object_store;

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

fn settings(endpoint: Option<&str>) -> Settings {
    Settings {
        bucket: "bases".to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint: endpoint.map(str::to_owned),
        address_style: None,
        authorities: None,
        timeout: Duration::from_secs(5),
    }
}

#[test]
fn the_endpoint_is_awss_or_the_one_that_is_named() {
    let url = |settings: &Settings| settings.open().unwrap().0.object_url("a/b c.msi").unwrap().to_string();
    assert_eq!(url(&settings(None)), "https://bases.s3.eu-central-1.amazonaws.com/a/b%20c.msi");
    let dotted = Settings { bucket: "my.bases".to_owned(), ..settings(None) };
    assert_eq!(url(&dotted), "https://s3.eu-central-1.amazonaws.com/my.bases/a/b%20c.msi");
    assert_eq!(url(&settings(Some("https://s3.example.com"))), "https://s3.example.com/bases/a/b%20c.msi");
    assert_eq!(url(&settings(Some("https://example.com/s3"))), "https://example.com/s3/bases/a/b%20c.msi");
    assert_eq!(url(&settings(Some("http://127.0.0.1:9000"))), "http://127.0.0.1:9000/bases/a/b%20c.msi");
    let virtual_of = |endpoint| Settings { address_style: Some(AddressStyle::Virtual), ..settings(Some(endpoint)) };
    assert_eq!(url(&virtual_of("https://example.com/s3")), "https://bases.example.com/s3/a/b%20c.msi");
    assert_eq!(url(&virtual_of("http://localhost:9000")), "http://bases.localhost:9000/a/b%20c.msi");
}

#[test]
fn what_would_send_a_token_in_the_clear_or_elsewhere_is_refused() {
    for wrong in [
        "http://s3.example.com",
        "ftp://localhost",
        "s3.example.com",
        "https://user:hunter2@s3.example.com",
        "https://s3.example.com/?x=1",
        "https://s3.example.com/#x",
    ] {
        let error = settings(Some(wrong)).open().err().unwrap();
        assert!(!format!("{error}{error:?}").contains("hunter2"), "{wrong}: {error}");
    }
    for (endpoint, bucket) in
        [(Some("http://127.0.0.1:9000"), "bases"), (Some("https://[::1]"), "bases"), (None, "my.bases")]
    {
        let settings =
            Settings { bucket: bucket.to_owned(), address_style: Some(AddressStyle::Virtual), ..settings(endpoint) };
        let error = settings.open().err().unwrap();
        assert!(error.to_string().starts_with("the store's address style must be path: "), "{error}");
    }
    for region in ["", "eu central", "EU"] {
        assert!(Settings { region: region.to_owned(), ..settings(None) }.open().is_err(), "{region}");
    }
    for authorities in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        let settings = Settings { authorities: Some(authorities.as_bytes().to_vec()), ..settings(None) };
        assert!(matches!(settings.open(), Err(BucketError::Authorities)), "{authorities}");
    }
}

/// The same addresses as AWS's own client asks: of every kind of region, with and without an endpoint, in each style.
#[test]
fn a_bucket_has_the_address_that_awss_client_asks() {
    let Some(python) = object_store::python() else { return };
    let (mut asked, mut ours) = (String::new(), Vec::new());
    let regions = [
        "us-east-1",
        "eu-central-1",
        "us-gov-west-1",
        "cn-north-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
    ];
    let endpoints =
        [None, Some("https://s3.example.com"), Some("https://example.com:8443/s3"), Some("http://localhost:9000")];
    let styles = [(None, "auto"), (Some(AddressStyle::Path), "path"), (Some(AddressStyle::Virtual), "virtual")];
    for (region, bucket) in regions.iter().flat_map(|region| [(region, "bases"), (region, "my.bases")]) {
        for (endpoint, (address_style, style)) in
            endpoints.iter().flat_map(|endpoint| styles.map(|style| (endpoint, style)))
        {
            // That one is refused here; AWS's client takes the path without a word.
            if bucket.contains('.') && style == "virtual" {
                continue;
            }
            let settings = Settings {
                bucket: bucket.to_owned(),
                region: (*region).to_owned(),
                address_style,
                ..settings(*endpoint)
            };
            ours.push(settings.open().unwrap().0.object_url("a/b c+ü.msi").unwrap().to_string());
            asked.push_str(&format!("{region} {} {style} {bucket}\n", endpoint.unwrap_or("-")));
        }
    }
    let mut client = Command::new(python);
    client.args(["-c", include_str!("../../tests/addresses.py"), "a/b c+ü.msi"]);
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    client.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let said = client.wait_with_output().unwrap();
    assert!(said.status.success());
    let theirs = String::from_utf8(said.stdout).unwrap();
    assert_eq!(ours.len(), regions.len() * endpoints.len() * 5);
    for ((ours, theirs), asked) in ours.iter().zip(theirs.lines()).zip(asked.lines()) {
        assert_eq!(ours, theirs, "{asked}");
    }
    assert_eq!(theirs.lines().count(), ours.len());
}
