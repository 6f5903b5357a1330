//! What a device says when it wants to be enrolled.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::fingerprint::{self, Fingerprint};
use crate::identity::{KEY, Previous};
use crate::key::DeviceKey;
use crate::kit::Kit;
use crate::product::Places;
use crate::system;
use crate::token::Token;

/// Who asks to be enrolled by a file.
pub(crate) struct Applicant {
    pub(crate) key: DeviceKey,
    pub(crate) device_id: Option<String>,
    pub(crate) fingerprint: Fingerprint,
}

impl Applicant {
    /// As another process has left it, which has the folder.
    pub(crate) fn of_running(kit: &Kit) -> Result<Self> {
        let path = kit.places.file(KEY);
        let key = DeviceKey::load(&path)?.ok_or(Error::State { path, reason: "is not there yet" })?;
        let identity = kit.places.identity()?.filter(|identity| identity.jkt == key.thumbprint());
        let fingerprint = fingerprint::of_this_machine(&kit.vendor_key);
        Ok(Self { key, device_id: identity.map(|identity| identity.device_id), fingerprint })
    }

    /// The request without a token.
    pub(crate) fn request(&self, kit: &Kit) -> Result<Value> {
        request(kit, &self.key, self.device_id.as_deref(), &self.fingerprint, None)
    }
}

/// The request (docs/enrollment.md). `device_id` is the record of this key, if it had one.
pub(super) fn request(
    kit: &Kit,
    key: &DeviceKey,
    device_id: Option<&str>,
    fingerprint: &Fingerprint,
    token: Option<&Token>,
) -> Result<Value> {
    let product = &kit.product;
    let mut request = json!({
        "key": key.jwk(),
        "agent": {
            "product": product.name, "version": product.version_text(),
            "os": std::env::consts::OS, "arch": std::env::consts::ARCH,
        },
        "hostname": system::host_name(),
        "hardware_fingerprint": fingerprint,
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let (Some(fields), Some(value)) = (request.as_object_mut(), value) {
            fields.insert(name.to_owned(), value);
        }
    };
    set("token", token.map(|token| token.secret().into()));
    set("expected_tenant", kit.expected_tenant()?.map(Value::from));
    set("previous", proof_of_previous(&kit.places, key, device_id)?);
    Ok(request)
}

/// The old key signs for the new one: `agent-previous-1`, the record's id and the new key's thumbprint, a line each.
fn proof_of_previous(places: &Places, key: &DeviceKey, device_id: Option<&str>) -> Result<Option<Value>> {
    let Some(Previous { device_id, copied }) = places.previous()? else {
        // The same key asks again: its signature is proof enough.
        return Ok(device_id.map(|device_id| json!({ "device_id": device_id, "copied": false })));
    };
    let message = format!("agent-previous-1\n{device_id}\n{}", key.thumbprint());
    let proof = match DeviceKey::load(&places.previous_key())? {
        Some(old) => Some(URL_SAFE_NO_PAD.encode(old.sign(message.as_bytes())?)),
        None => None,
    };
    Ok(Some(json!({ "device_id": device_id, "copied": copied, "proof": proof })))
}
