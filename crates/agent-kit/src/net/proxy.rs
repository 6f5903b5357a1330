//! Which ways to the server there are. Each is tried in order, and the one that worked is kept.
//!
//! 1. the administrator's policy; 2. `HTTPS_PROXY`, unless `NO_PROXY` names the server; 3. on Windows the proxy of the machine (with
//!    `ProxySettingsPerUser` = 0); 4. directly. A service does not see the proxy of a user, and scripts (PAC, WPAD) are not run.

use crate::error::{Error, Result};
use crate::product::Policy;
use crate::slot::Slot;
use crate::{durable, system};

/// The most bytes of a policy.
const MAX_BYTES: u64 = 64 * 1024;

/// A way to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// Where it comes from: `policy`, `environment`, `system`, `direct`.
    pub(crate) from: &'static str,
    /// The proxy's address, as it was given.
    pub(crate) proxy: Option<String>,
}

impl Route {
    /// The proxy without a name and password, for people.
    pub(crate) fn shown(&self) -> String {
        match &self.proxy {
            None => "direct".to_owned(),
            Some(proxy) => {
                let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                format!("{scheme}://{host} ({})", self.from)
            }
        }
    }
}

/// What an administrator has set on the device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    pub(crate) proxy: Option<String>,
    pub(crate) expected_tenant: Option<String>,
}

/// Reads the administrator's settings. Nothing is left out of a policy that cannot be understood: it may have pinned the device to a tenant.
pub(crate) fn settings(policy: &Policy) -> Result<Settings> {
    match policy {
        Policy::File(path) => {
            let Some(bytes) = durable::read(path, MAX_BYTES)? else { return Ok(Settings::default()) };
            let wrong = |reason| Error::State { path: path.clone(), reason };
            let object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(&bytes).map_err(|_| wrong("the policy is not a JSON object"))?;
            let value = |name: &str| match object.get(name) {
                None | Some(serde_json::Value::Null) => Ok(None),
                Some(serde_json::Value::String(text)) => Ok(Some(text.clone())),
                Some(_) => Err(wrong("a value of the policy is not text")),
            };
            Ok(Settings { proxy: value("Proxy")?, expected_tenant: value("ExpectedTenant")? })
        }
        Policy::Registry(key) => {
            let value = |name: &'static str| Slot::Registry { key: key.clone(), value: name }.read();
            Ok(Settings { proxy: value("Proxy")?, expected_tenant: value("ExpectedTenant")? })
        }
    }
}

/// The ways to `host`, best first.
pub(crate) fn routes(policy: &Policy, host: &str) -> Vec<Route> {
    let variable = |names: [&str; 2]| names.into_iter().find_map(system::variable);
    let no_proxy = variable(["NO_PROXY", "no_proxy"]);
    let of_environment = variable(["HTTPS_PROXY", "https_proxy"]);
    let of_environment = of_environment.filter(|_| !is_excluded(no_proxy.as_deref().unwrap_or_default(), host));
    // A policy that cannot be read costs its proxy here; whether the device may enroll is asked apart, and fails.
    list(settings(policy).unwrap_or_default().proxy, of_environment, of_system())
}

fn list(policy: Option<String>, environment: Option<String>, system: Option<String>) -> Vec<Route> {
    let named = [("policy", policy), ("environment", environment), ("system", system)];
    let mut routes: Vec<Route> = Vec::new();
    for (from, proxy) in named {
        if proxy.is_some() && !routes.iter().any(|route| route.proxy == proxy) {
            routes.push(Route { from, proxy });
        }
    }
    routes.push(Route { from: "direct", proxy: None });
    routes
}

/// Does `NO_PROXY` name the host: `*`, the name, a domain above it.
fn is_excluded(no_proxy: &str, host: &str) -> bool {
    let names = no_proxy.split(',').map(|name| name.trim().trim_start_matches("*.").trim_start_matches('.'));
    names.filter(|name| !name.is_empty()).any(|name| {
        let name = name.to_ascii_lowercase();
        name == "*" || host == name || host.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.'))
    })
}

/// The machine's proxy, where the machine has one for all users.
#[cfg(windows)]
fn of_system() -> Option<String> {
    use windows_registry::LOCAL_MACHINE;
    let policies = LOCAL_MACHINE.open(r"SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\Internet Settings").ok()?;
    if policies.get_u32("ProxySettingsPerUser").ok()? != 0 {
        return None;
    }
    let settings = LOCAL_MACHINE.open(r"SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings").ok()?;
    let server =
        settings.get_string("ProxyServer").ok().filter(|_| settings.get_u32("ProxyEnable").is_ok_and(|on| on == 1))?;
    // `host:port`, or `http=host:port;https=host:port`.
    let of_https = server.split(';').find_map(|part| part.trim().strip_prefix("https="));
    Some(of_https.map_or(server.clone(), str::to_owned)).filter(|server| !server.contains('='))
}

#[cfg(not(windows))]
const fn of_system() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_comes_first_and_the_direct_way_last() {
        let routes = list(Some("http://a:1".into()), Some("http://a:1".into()), Some("b:2".into()));
        let names: Vec<_> = routes.iter().map(|route| (route.from, route.proxy.as_deref())).collect();
        assert_eq!(names, [("policy", Some("http://a:1")), ("system", Some("b:2")), ("direct", None)]);
    }

    #[test]
    fn a_password_is_not_shown() {
        let route = Route { from: "policy", proxy: Some("http://user:secret@proxy:3128".into()) };
        assert_eq!(route.shown(), "http://proxy:3128 (policy)");
    }

    #[test]
    fn exceptions_are_names_and_domains() {
        assert!(is_excluded("localhost, .example.com", "api.example.com"));
        assert!(is_excluded("*", "any") && is_excluded("example.com", "example.com"));
        assert!(!is_excluded("example.com", "badexample.com") && !is_excluded("", "any"));
    }

    #[test]
    fn a_policy_is_a_json_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.json");
        std::fs::write(&path, r#"{"Proxy": "http://p:1", "ExpectedTenant": "acme"}"#).unwrap();
        let found = settings(&Policy::File(path.clone())).unwrap();
        assert_eq!((found.proxy.as_deref(), found.expected_tenant.as_deref()), (Some("http://p:1"), Some("acme")));
        for wrong in ["not json", "[]", r#"{"ExpectedTenant": 7}"#, ""] {
            std::fs::write(&path, wrong).unwrap();
            assert!(settings(&Policy::File(path.clone())).is_err(), "{wrong}");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(settings(&Policy::File(path)).unwrap(), Settings::default());
    }
}
