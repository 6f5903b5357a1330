//! Every cause that `doctor` knows, the deepest first: what stands higher explains what stands lower.

use super::finding::Finding;

/// Name, sentence, what to do.
type Cause = (&'static str, &'static str, &'static str);

const CAUSES: [Cause; 56] = [
    ("not-administrator", "doctor may not look at the agent's files", "run it as root, or from an elevated prompt"),
    ("service-missing", "the agent's service is not installed", "install the package again"),
    ("service-disabled", "the agent's service is disabled", "enable the service"),
    ("service-crashing", "the agent's service ends again and again", "look at its log, then install the package again"),
    ("service-stopped", "the agent's service is not running", "start the service"),
    (
        "background-item-off",
        "the agent is turned off in the list of background items",
        "turn it on in System Settings, Login Items & Extensions, or allow it by a profile",
    ),
    ("agent-unsigned", "the agent's program is not signed", "install the vendor's package again"),
    ("agent-changed", "the agent's program was changed after it was signed", "install the vendor's package again"),
    (
        "agent-not-notarized",
        "Gatekeeper refuses the agent: Apple has not notarized it",
        "install the vendor's current package",
    ),
    (
        "agent-rejected",
        "Gatekeeper refuses the agent",
        "look at the evidence; a profile of the administrator may forbid it",
    ),
    ("agent-missing", "the agent's program is not there", "install the package again"),
    ("disk-full", "the disk of the agent's folder is full", "make room; the agent goes on by itself"),
    ("folder-unwritable", "the agent cannot write its own folder", "give the folder back to root or SYSTEM"),
    (
        "state-damaged",
        "a file of the agent's state is damaged",
        "stop the service, remove the named file and the enrollment state, start it, then install a package with a token",
    ),
    (
        "policy-damaged",
        "the administrator's policy cannot be read, and may pin the device to a tenant",
        "mend or remove it; until then the device does not enroll",
    ),
    ("clock-wrong", "the device's clock is wrong", "set the clock, or let it be set from the network"),
    ("dns", "the server's name is not found", "check the device's DNS, and whether the name is blocked"),
    ("port-refused", "the connection is refused", "check the firewall and that the server is up"),
    (
        "port-blocked",
        "nothing comes back from the server's port",
        "allow outgoing connections to the server, or set a proxy by policy",
    ),
    ("connection-reset", "the connection is cut", "look for a firewall or proxy that inspects it"),
    (
        "root-in-user-store",
        "the certificate's issuer is not trusted, and users have roots in their own stores that the machine does not have",
        "put the root of the inspecting proxy into the machine's store: a service does not see a user's",
    ),
    (
        "tls-inspected",
        "the proxy inspects TLS, and this device does not trust its root",
        "put the proxy's root into the machine's store, or exempt the server; an agent with roots of its own needs the exemption",
    ),
    (
        "tls-untrusted",
        "the certificate's issuer is not trusted: TLS is inspected on the way, or a root is missing",
        "put the root of the inspecting proxy into the machine's store, or exempt the server",
    ),
    (
        "tls-expired",
        "the server's certificate has expired by this device's clock",
        "check the device's clock, then the server's certificate",
    ),
    (
        "clock-or-tls-not-yet-valid",
        "the server's certificate is not yet valid by this device's clock",
        "set the device's clock",
    ),
    ("tls-other-name", "another server answers at this address", "check DNS and proxies"),
    ("tls", "the TLS handshake fails", "look for a proxy that allows old protocols only"),
    (
        "proxy-auth",
        "the proxy asks for a name and password",
        "exempt the server, or set a proxy with Basic credentials by policy",
    ),
    ("proxy", "the proxy does not connect", "check the proxy's address in policy and environment"),
    (
        "captive-portal",
        "a portal or a block page answers in the server's place",
        "sign in to the network, or exempt the server",
    ),
    (
        "no-enrollment-server",
        "the server answers and knows nothing of enrollment",
        "check the server's address, and that enrollment is switched on there",
    ),
    ("server-unavailable", "the server is not available now", "wait: the agent asks again by itself"),
    ("server-protocol", "the answer cannot be understood", "check the versions of agent and server"),
    ("network-error", "the connection fails for a reason of the system", "look at the evidence and the agent's log"),
    (
        "mdm-not-enrolled",
        "there is no enrollment token, and no management system that could bring one by a profile",
        "enroll the Mac in the management system, or install a stamped package",
    ),
    ("token-missing", "there is no enrollment token on the device", "install a stamped package"),
    ("token-unverifiable", "the token on the device is none of this product's issuer", "download the installer again"),
    ("token-unknown", "the server does not know the token", "download a new installer"),
    ("token-expired", "the token has expired", "download a new installer"),
    ("token-revoked", "the token was revoked", "download a new installer"),
    (
        "token-exhausted",
        "the token has enrolled as many devices as it may",
        "raise its uses, or download a new installer",
    ),
    ("wrong-product", "the token is for another product", "download this product's installer"),
    (
        "wrong-tenant",
        "the token or the record is of another tenant than the device is pinned to",
        "install that tenant's package, or change the policy",
    ),
    ("agent-too-old", "the token asks for a newer agent", "install the current version"),
    ("serial-mismatch", "the token is bound to another device", "download an installer for this device"),
    ("not-pre-enrolled", "the device is not on the tenant's list", "add its serial number to the list"),
    ("allocation-exhausted", "the tenant's allocation is used up", "retire devices, or raise the allocation"),
    (
        "device-cloned",
        "the device's identity is in use on another device",
        "install a package with a token on this device",
    ),
    ("device-retired", "the device was retired", "install a package with a new token to bring it back"),
    ("denied", "an admin has refused this device", "ask the admin"),
    ("approval-waiting", "the device waits for an admin's approval", "approve it in the console"),
    ("re-association-waiting", "the server asks whether this is a device that it knows", "answer in the console"),
    ("not-enrolled", "the device is not enrolled yet", "wait a minute while the service runs; else look at its log"),
    (
        "no-check-in",
        "the device is enrolled and has not checked in for long",
        "see the other findings; else restart the service",
    ),
    (
        "partially-enrolled",
        "the device has its identity, and the server does not know that yet",
        "wait a minute; else see the other findings",
    ),
    (
        "queue-full",
        "the queue of records is nearly full; when it is, the oldest of the least worth are dropped",
        "see the other findings: the queue empties once the server is reached",
    ),
];

/// A finding of that name.
pub(super) fn finding(id: &str, evidence: Vec<String>) -> Finding {
    let other = ("refused", "the server refuses for a reason that this agent does not know", "look at the evidence");
    let (id, cause, action) = CAUSES.iter().copied().find(|(known, ..)| *known == id).unwrap_or(other);
    Finding { id, cause, evidence, action }
}

/// Its place: what stands higher explains what stands lower.
pub(super) fn rank(id: &str) -> usize {
    CAUSES.iter().position(|(known, ..)| *known == id).unwrap_or(CAUSES.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Cause as Network;

    #[test]
    fn each_cause_has_one_name() {
        let names: std::collections::BTreeSet<_> = CAUSES.iter().map(|(id, ..)| id).collect();
        assert_eq!(names.len(), CAUSES.len());
    }

    #[test]
    fn every_cause_of_the_network_is_known() {
        let causes = [
            Network::Dns,
            Network::Refused,
            Network::Timeout,
            Network::Reset,
            Network::TlsUntrusted,
            Network::TlsInspected,
            Network::TlsExpired,
            Network::TlsNotYetValid,
            Network::TlsName,
            Network::Tls,
            Network::ProxyAuth,
            Network::Proxy,
            Network::CaptivePortal,
            Network::NotEnrollment,
            Network::Unavailable,
            Network::Protocol,
            Network::System,
        ];
        for cause in causes {
            assert!(rank(cause.name()) < CAUSES.len(), "{}", cause.name());
        }
        assert_eq!(finding("from-the-future", vec![]).id, "refused");
    }
}
