//! dpkg, in a Debian.

use installer::format::Kind;
use serde_json::json;

use super::super::boot::debian;
use super::Vendor;
use crate::support::{judge, output, program};

const STEPS: &str = r#"
dpkg -i /test/first.deb; say first.status "$?"
enrolled first
say first.key "$(stat -c '%a %U' $state/device.key)"
say first.doctor "$($(program) doctor > /test/doctor.txt; echo $?)"
say first.beside "$($(program) once 2>&1 | grep -c 'another process of this agent is running')"
id=$(status device_id)

rm $state/outcome.json
systemctl restart enrolled-agent
until_is checked-in $state/outcome.json
say second.same "$(is_same)"
say second.checked "$(grep -c checked-in $state/outcome.json)"

systemctl stop enrolled-agent
$(program) reset --for-imaging; say reset.status "$?"
dpkg -i /test/revoked.deb; say revoked.status "$?"
until_is blocked $state/outcome.json
say revoked.active "$(systemctl is-active enrolled-agent)"
say revoked.token "$(stat -c %a $token)"
$(program) doctor --bundle /test/bundle.json; say revoked.doctor "$?"
"#;

#[test]
fn a_stamped_deb_becomes_a_device_in_the_list() {
    let (Some(nspawn), Some(debian), Some(vendor)) = (judge("systemd-nspawn"), debian(), Vendor::new(Kind::Deb)) else {
        return;
    };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    // Two tokens, each in an installer of the service; the second one is revoked after that.
    let (first, revoked) = (vendor.stamp("first.deb"), vendor.stamp("revoked.deb"));
    vendor.revoke(&revoked);

    let said = vendor.boot(&debian, &nspawn, STEPS, &[&first, &revoked]);
    said.is_enrolled("first");
    for (key, expected) in [
        ("first.key", "600 root"),
        ("first.doctor", "0"),
        ("first.beside", "1"),
        ("second.same", "yes"),
        ("second.checked", "1"),
        ("reset.status", "0"),
        ("revoked.status", "0"),
        ("revoked.active", "active"),
        ("revoked.token", "600"),
        ("revoked.doctor", "1"),
    ] {
        said.is(key, expected);
    }
    let devices = vendor.devices();
    assert_eq!((devices.len(), &devices[0]["token_id"]), (1, &json!(first.id)), "{devices:?}");
    assert!(devices[0]["last_seen"].is_number() && devices[0]["tenant"] == "acme", "{devices:?}");
    assert_eq!((vendor.uses(&first), vendor.uses(&revoked)), (json!(1), json!(0)));
    let desk = output(program().arg("doctor").arg(vendor.path("bundle.json")));
    let desk = String::from_utf8_lossy(&desk.stdout).into_owned();
    assert!(desk.contains("cause: the token was revoked [token-revoked]"), "{desk}");
}
