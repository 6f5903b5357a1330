//! A disk image of an enrolled system, started as a second device: identity, key and machine id are the same, and so is the hardware, which
//! says nothing in a container. The generation finds it out.

use std::fs;
use std::process::Command;

use installer::format::Kind;
use serde_json::json;

use super::super::boot::debian;
use super::Vendor;
use crate::support::{both, judge, output};

/// The image is taken while the agent rests, and lacks the unit of these steps; then the original goes on.
const ORIGINAL: &str = r#"
dpkg -i /test/first.deb; say first.status "$?"
enrolled first
checks() {
    for n in 1 2; do
        rm $state/outcome.json; systemctl restart enrolled-agent; until_is checked-in $state/outcome.json
    done
}
systemctl stop enrolled-agent
say first.id "$(status device_id)"
say first.key "$(sha256sum < $state/device.key)"
rm $state/outcome.json
tar -C / --exclude=./test --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./run --exclude=./tmp --exclude=./usr/share/doc \
    --exclude=./etc/systemd/system/multi-user.target.wants/steps.service -cf /test/disk.tar .
systemctl start enrolled-agent
until_is checked-in $state/outcome.json
checks
enrolled second
id=$(status device_id)
say second.same "$id"
"#;

/// systemd has started the agent with the image; nothing else is done until it has found out.
const COPY: &str = r#"
until_is pending $state/outcome.json
say copy.state "$(cat $state/enrollment-state)"
say copy.said "$(journalctl -u enrolled-agent | grep -c "this is a copy of another device's state; a new key was made")"
say copy.rekeyed "$(sha256sum < $state/device.key)"
$(program) doctor > /test/doctor.txt; say copy.doctor "$?"
say copy.cause "$(sed -n 's/^cause:.*\[\(.*\)\]$/\1/p' /test/doctor.txt)"
say copy.evidence "$(sed -n 's/^  seen: this disk is a copy of the device //p' /test/doctor.txt)"
# An admin brings the installer that belongs to this device.
dpkg -i /test/second.deb; say new.status "$?"
enrolled new
say new.id "$(status device_id)"
say new.key "$(sha256sum < $state/device.key)"
say new.doctor "$($(program) doctor > /test/doctor.txt; echo $?)"
"#;

#[test]
fn a_cloned_root_is_refused_says_so_and_becomes_a_device_of_its_own() {
    let (Some(nspawn), Some(debian), Some(vendor)) = (judge("systemd-nspawn"), debian(), Vendor::new(Kind::Deb)) else {
        return;
    };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let (first, second) = (vendor.stamp("first.deb"), vendor.stamp("second.deb"));
    let original = vendor.boot(&debian, &nspawn, ORIGINAL, &[&first, &second]);
    original.is_enrolled("first");
    let (id, key) = (original.answers["first.id"].clone(), original.answers["first.key"].clone());
    assert!(id.starts_with("dev-"), "{id}");
    original.is("second.same", &id);

    let image = vendor.path("image");
    // What a running system mounts is empty in an image.
    ["proc", "sys", "dev", "run", "tmp"].iter().for_each(|name| fs::create_dir_all(image.join(name)).unwrap());
    let unpacked = output(Command::new("tar").arg("-C").arg(&image).arg("-xpf").arg(vendor.path("disk.tar")));
    assert!(unpacked.status.success(), "{}", both(&unpacked));
    fs::remove_file(vendor.path("disk.tar")).unwrap();
    fs::remove_file(vendor.path("result")).unwrap();
    let copy = vendor.boot(&image, &nspawn, COPY, &[&first, &second]);
    copy.is("copy.state", "pending");
    copy.is("copy.said", "1");
    copy.is("copy.doctor", "1");
    copy.is("copy.cause", "approval-waiting");
    copy.is("copy.evidence", &id);
    let rekeyed = copy.answers["copy.rekeyed"].clone();
    assert_ne!(rekeyed, key, "the copy has kept the key of the original");
    copy.is_enrolled("new");
    copy.is("new.key", &rekeyed);
    copy.is("new.doctor", "0");
    let own = copy.answers["new.id"].clone();
    assert_ne!(own, id);

    // Two records, each with its token; the original's is what it was.
    let devices = vendor.devices();
    let found: Vec<_> = devices.iter().map(|device| (&device["id"], &device["token_id"])).collect();
    let expected = [(json!(own), json!(second.id)), (json!(id), json!(first.id))];
    assert_eq!(found, expected.iter().map(|(id, token)| (id, token)).collect::<Vec<_>>());
    assert_eq!((vendor.uses(&first), vendor.uses(&second)), (json!(1), json!(1)));
}
