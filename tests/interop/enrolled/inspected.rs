//! mitmproxy, which takes TLS apart as the proxies of companies do.

use std::fs;
use std::path::Path;

use installer::format::Kind;
use serde_json::json;

use super::networks::{Judge, NAME, device, vendor_with_tls};
use crate::support::{judges_folder, missing};

/// The name is not found without the proxy, so nothing goes past it; the proxy sends everything to the service.
const ADDON: &str = r#"
def server_connect(data):
    data.server.address = ("127.0.0.1", SERVICE)


def response(flow):
    print(flow.request.method, flow.request.path, flow.response.status_code, flush=True)
"#;

#[test]
fn mitmproxy_is_named_until_its_root_is_trusted() {
    let program = judges_folder().with_file_name("mitm-judges").join("venv/bin/mitmdump");
    if !program.is_file() {
        return missing("mitmproxy");
    }
    let Some(vendor) = vendor_with_tls() else { return };
    assert_eq!(vendor.kind, Kind::Deb);
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let port = vendor.server.url.rsplit(':').next().unwrap();
    let arguments = [
        "--listen-host=127.0.0.1",
        "--listen-port=PORT",
        "--set=confdir=FOLDER/ca",
        "--set=connection_strategy=lazy",
        // Its own way to the service: that one's root is none of the system's.
        "--set=ssl_insecure=true",
        "--quiet",
        "--scripts=FOLDER/conf",
    ];
    let proxy = Judge::start(&program, &arguments, &ADDON.replace("SERVICE", port), "");
    let policy = json!({ "Proxy": format!("http://127.0.0.1:{}", proxy.port) }).to_string();
    let behind = |name: &str, root: &Path| {
        let device = device(&vendor, name, NAME, root);
        device.write("policy.json", &policy);
        device
    };

    let wary = behind("wary", &vendor.server.path("tls-root.pem"));
    wary.is_out("tls-inspected (the proxy takes TLS apart, and this device does not trust its root)", "tls-inspected");
    let doctor = wary.agent(&["doctor"]);
    assert!(doctor.contains("cause: the proxy inspects TLS") && doctor.contains("tried http://127.0.0.1:"), "{doctor}");
    // It has seen no request, and so no token.
    assert_eq!(proxy.text("log"), "");
    assert_eq!(vendor.devices().len(), 0);

    let root = proxy.folder.path().join("ca/mitmproxy-ca-cert.pem");
    assert!(fs::read_to_string(&root).unwrap().contains("BEGIN CERTIFICATE"));
    // The signatures of requests go through it whole.
    behind("trusting", &root).enrolls();
    let log = proxy.text("log");
    assert!(log.contains("POST /v1/enrollments 201") && log.contains("/checkins 200"), "{log}");
    assert_eq!(vendor.devices().len(), 1);
}
