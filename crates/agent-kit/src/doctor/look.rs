//! Looking, from the inside out: rights, files, service, network, server, token.

use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use serde_json::{Map, Value, json};

use super::causes::{finding, rank};
use super::finding::Finding;
use super::{macos, roots};
use crate::error::Error;
use crate::identity::{Identity, KEY, Outcome, Standing};
use crate::key::DeviceKey;
use crate::kit::Kit;
use crate::net::{Cause, Route, probe, routes, settings};
use crate::product::Product;
use crate::queue::Importance;
use crate::sorted::insert_by;
use crate::token::Token;
use crate::{durable, fingerprint, system};

/// A clock that is so far off breaks certificates and confuses people.
const CLOCK_SECS: i64 = 300;

/// What was seen.
#[derive(Default)]
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    pub(super) facts: Map<String, Value>,
    pub(super) is_blind: bool,
}

impl Found {
    fn say(&mut self, id: &str, evidence: Vec<String>) {
        // Each cause once, the deepest first.
        if self.findings.iter().all(|known| known.id != id) {
            insert_by(&mut self.findings, finding(id, evidence), |one, other| rank(one.id).cmp(&rank(other.id)));
        }
    }

    fn fact(&mut self, name: &str, value: Value) {
        self.facts.insert(name.to_owned(), value);
    }
}

/// Looks at everything.
pub(super) fn look(kit: &Kit, found: &mut Found) {
    if !may_look(kit, found) {
        return;
    }
    folder(kit, found);
    // The service manager of this system knows nothing of an agent below another root.
    if kit.places.is_this_system {
        service(kit, found);
        if cfg!(target_os = "macos") {
            gatekeeper(kit, found);
        }
    }
    let is_reached = network(kit, found);
    enrollment(kit, found, is_reached);
    let print = fingerprint::of_this_machine(&kit.vendor_key);
    found.fact("hardware_fingerprint", json!(print));
}

fn may_look(kit: &Kit, found: &mut Found) -> bool {
    let denied = match kit.places.token.read() {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => true,
        Err(Error::Registry { .. }) => cfg!(windows),
        _ => fs::read_dir(&kit.places.folder).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied),
    };
    if denied {
        found.is_blind = true;
        found.say("not-administrator", vec![format!("{} cannot be read", kit.places.folder.display())]);
    }
    !denied
}

/// Can the agent write where it has to? A small file is written and removed again.
fn folder(kit: &Kit, found: &mut Found) {
    let folder = &kit.places.folder;
    let probe = folder.join(format!("{}{}", durable::DOCTOR, std::process::id()));
    if folder.is_dir() {
        let tried = durable::write(&probe, &[b'x'; 4096]).and_then(|()| durable::remove(&probe));
        match tried {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::StorageFull => {
                found.say("disk-full", vec![format!("{}: {source}", folder.display())]);
            }
            Err(error) => found.say("folder-unwritable", vec![error.to_string()]),
            Ok(()) => {}
        }
    }
    let places = &kit.places;
    for result in [
        places.identity().map(drop),
        places.previous().map(drop),
        DeviceKey::load(&places.file(KEY)).map(drop),
        DeviceKey::load(&places.previous_key()).map(drop),
    ] {
        if let Err(error) = result {
            let state = format!("the enrollment state is at {}", places.state.place());
            found.say("state-damaged", vec![error.to_string(), state]);
        }
    }
    if let Err(error) = settings(&places.policy) {
        found.say("policy-damaged", vec![error.to_string()]);
    }
    let mut bytes = 0;
    for importance in [Importance::Telemetry, Importance::Alert, Importance::Required] {
        let lane = kit.places.file("queue").join(importance.name());
        let entries = fs::read_dir(lane).into_iter().flatten().flatten();
        bytes += entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum::<u64>();
    }
    found.fact("queue_bytes", json!(bytes));
    if bytes > kit.queue_bytes / 10 * 9 {
        found.say("queue-full", vec![format!("{bytes} of {} bytes are used", kit.queue_bytes)]);
    }
}

/// What a program of the system says, on both outputs.
fn say(program: &str, arguments: &[&str]) -> Option<String> {
    let out = Command::new(program).args(arguments).output().ok()?;
    let text = [out.stdout, out.stderr].concat();
    Some(String::from_utf8_lossy(&text).trim().to_owned())
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(12).map(str::to_owned).collect()
}

/// What macOS thinks of this program, and whether a person has turned it off. Doctor is the agent's own program.
fn gatekeeper(kit: &Kit, found: &mut Found) {
    let Some(program) = std::env::current_exe().ok().and_then(|path| path.to_str().map(str::to_owned)) else { return };
    type Judge<'a> = &'a dyn Fn(&str) -> Option<&'static str>;
    let label = &kit.product.bundle_id;
    let disabled = |text: &str| macos::judge_disabled(text, label);
    let looks: [(&str, &[&str], Judge<'_>); 3] = [
        ("/usr/bin/codesign", &["--verify", "--strict", &program], &macos::judge_signature),
        ("/usr/sbin/spctl", &["--assess", "--type", "execute", "-v", &program], &macos::judge_assessment),
        ("/bin/launchctl", &["print-disabled", "system"], &disabled),
    ];
    for (tool, arguments, judge) in looks {
        let Some(text) = say(tool, arguments) else { continue };
        if let Some(id) = judge(&text) {
            found.say(id, lines(&text));
        }
    }
}

/// Asks the system's service manager.
fn service(kit: &Kit, found: &mut Found) {
    let (name, label) = service_names(&kit.product);
    let (text, id) = match () {
        () if cfg!(windows) => {
            let text = say("sc.exe", &["query", name]);
            let id = text.as_deref().and_then(judge_windows);
            (text, id)
        }
        () if cfg!(target_os = "macos") => {
            let text = say("/bin/launchctl", &["print", &label]);
            let id = text.as_deref().and_then(macos::judge_launchd);
            (text, id)
        }
        () => {
            let properties = "LoadState,UnitFileState,ActiveState,SubState,NRestarts";
            let text = say("systemctl", &["show", "--property", properties, name]);
            let id = text.as_deref().and_then(judge_systemd);
            (text, id)
        }
    };
    let Some(text) = text else { return };
    let lines = lines(&text);
    found.fact("service", json!(lines));
    if let Some(id) = id {
        found.say(id, lines);
    }
}

/// What Windows and systemd call the service, and what launchd does.
pub(super) fn service_names(product: &Product) -> (&str, String) {
    (&product.service, format!("system/{}", product.bundle_id))
}

/// `systemctl show`: one property a line.
pub(super) fn judge_systemd(text: &str) -> Option<&'static str> {
    let property = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    // Without systemd there is nothing to judge.
    let load = property("LoadState")?;
    let restarts = property("NRestarts").and_then(|text| text.parse::<u32>().ok()).unwrap_or_default();
    match (load, property("ActiveState").unwrap_or_default(), property("UnitFileState").unwrap_or_default()) {
        ("not-found", ..) => Some("service-missing"),
        (_, "failed", _) => Some("service-crashing"),
        (_, "activating", _) if property("SubState") == Some("auto-restart") || restarts > 3 => {
            Some("service-crashing")
        }
        (_, "active" | "activating" | "reloading", _) => None,
        (_, _, "disabled" | "masked") => Some("service-disabled"),
        _ => Some("service-stopped"),
    }
}

/// The states of `SERVICE_STATUS.dwCurrentState`, from 1 on.
const STATES: [&str; 7] =
    ["STOPPED", "START_PENDING", "STOP_PENDING", "RUNNING", "CONTINUE_PENDING", "PAUSE_PENDING", "PAUSED"];

/// `sc query`: a line with a state's number and name, or an error. The words before them are in the system's language, and the service's
/// name may be any; so only `: 4  RUNNING` is a state, and only `1060:` after `[SC]` an error. What is neither is not judged.
pub(super) fn judge_windows(text: &str) -> Option<&'static str> {
    let is_missing =
        |line: &str| line.trim_start().starts_with("[SC]") && line.split_whitespace().any(|word| word == "1060:");
    if text.lines().any(is_missing) {
        return Some("service-missing");
    }
    let state = text.lines().find_map(|line| {
        let (_, value) = line.split_once(':')?;
        let mut words = value.split_whitespace();
        let (number, name) = (words.next()?.parse::<usize>().ok()?, words.next()?);
        STATES.get(number.checked_sub(1)?).copied().filter(|state| *state == name)
    })?;
    match state {
        "RUNNING" | "START_PENDING" | "CONTINUE_PENDING" => None,
        _ => Some("service-stopped"),
    }
}

/// Asks the server for its time by each way, and looks closer where that fails.
fn network(kit: &Kit, found: &mut Found) -> bool {
    let ways = routes(&kit.places.policy, kit.server.host());
    found.fact("server", json!(kit.server.authority()));
    found.fact("routes", json!(ways.iter().map(Route::shown).collect::<Vec<_>>()));
    let answer = kit.client().get("/v1/enroll/hello");
    let hello = answer.as_ref().map_err(|cause| *cause).and_then(|answer| answer.hello());
    if let Err(cause) = hello {
        let steps = probe::directly(&kit.server);
        // With a proxy it is the proxy that looks the name up.
        let is_unknown = ways.len() == 1 && steps.iter().any(|step| step.found == Err(Cause::Dns));
        let cause = if is_unknown { Cause::Dns } else { cause };
        let line = |step: &probe::Step| match &step.found {
            Ok(how) => format!("{}: {how}", step.what),
            Err(cause) => format!("{}: {}", step.what, cause.name()),
        };
        let mut evidence: Vec<String> = ways.iter().map(|way| format!("tried {}", way.shown())).collect();
        evidence.extend(steps.iter().map(line));
        untrusted(cause, &roots::of_this_system(), found);
        found.say(cause.name(), evidence);
        return false;
    }
    if let Some(time) = hello.ok().and_then(|(time, _)| i64::try_from(time).ok()) {
        let offset = time.saturating_sub(i64::try_from(system::now()).unwrap_or(time));
        found.fact("clock_offset", json!(offset));
        if offset.abs() > CLOCK_SECS {
            found.say("clock-wrong", vec![format!("the server's clock is {offset} seconds ahead of the device's")]);
        }
    }
    true
}

/// A certificate that is not trusted may be trusted by a user of the device.
pub(super) fn untrusted(cause: Cause, of_users: &[String], found: &mut Found) {
    if matches!(cause, Cause::TlsUntrusted | Cause::TlsInspected) && !of_users.is_empty() {
        found.say("root-in-user-store", of_users.to_vec());
    }
}

/// Where the device stands, and what the server said last.
fn enrollment(kit: &Kit, found: &mut Found, is_reached: bool) {
    let pinned = settings(&kit.places.policy).unwrap_or_default().expected_tenant;
    found.fact("expected_tenant", json!(pinned));
    let key = DeviceKey::load(&kit.places.file(KEY)).ok().flatten();
    // As the agent does: a state whose key is gone is none.
    let is_own = |identity: &Identity| key.as_ref().is_some_and(|key| key.thumbprint() == identity.jkt);
    let identity = kit.places.identity().ok().flatten().filter(is_own);
    let outcome = kit.places.outcome();
    found.fact("last", json!(outcome));
    found.fact("standing", json!(identity.as_ref().map(|identity| identity.standing)));
    let is_enrolled = identity.as_ref().is_some_and(|identity| identity.standing == Standing::Enrolled);
    if let Some(identity) = identity {
        found.fact("device_id", json!(identity.device_id));
        if pinned.is_some_and(|pinned| pinned != identity.tenant) {
            found.say("wrong-tenant", vec![format!("record {} is of another tenant", identity.device_id)]);
        }
        let silent = system::now().saturating_sub(identity.checked_in.unwrap_or_default());
        match identity.standing {
            Standing::Retired => found.say("device-retired", vec![format!("record {}", identity.device_id)]),
            Standing::Enrolled if !identity.confirmed => {
                found.say("partially-enrolled", vec![format!("record {}", identity.device_id)]);
            }
            Standing::Enrolled
                if identity.checked_in.is_some() && silent > identity.checkin_interval.saturating_mul(3) =>
            {
                found.say("no-check-in", vec![format!("the last one was {silent} seconds ago")]);
            }
            _ => {}
        }
    } else if outcome.as_ref().is_none_or(|outcome| outcome.kind != "pending") {
        // A request that waits for an admin needs no token: a copied device, or one whose record is gone.
        token(kit, found);
    }
    if let Some(outcome) = &outcome {
        let previous = kit.places.previous().ok().flatten().filter(|previous| previous.copied);
        let copied = previous.map(|previous| format!("this disk is a copy of the device {}", previous.device_id));
        refusal(outcome, copied, found, is_reached);
    }
    if !is_enrolled && found.findings.is_empty() {
        let last = outcome.map(|outcome| format!("the last try: {} ({})", outcome.kind, outcome.name));
        found.say("not-enrolled", vec![last.unwrap_or_else(|| "the agent has not tried yet".to_owned())]);
    }
}

/// What the server has said, as far as it keeps the device out.
fn refusal(outcome: &Outcome, copied: Option<String>, found: &mut Found, is_reached: bool) {
    if !["blocked", "pending", "bad-token"].contains(&outcome.kind.as_str()) {
        return;
    }
    let id = match (outcome.kind.as_str(), outcome.name.as_str()) {
        ("pending", "re-association") => "re-association-waiting",
        ("pending", "allocation") => "allocation-exhausted",
        ("pending", _) => "approval-waiting",
        ("bad-token", "unverifiable") => "token-unverifiable",
        (_, name) => name,
    };
    let token = outcome.token.as_ref().map(|token| format!("token {token}…"));
    let when = match (outcome.kind.as_str(), is_reached) {
        ("pending", _) => "the request's number",
        (_, true) => "the last answer",
        (_, false) => "an earlier answer",
    };
    let answer = (!outcome.detail.is_empty()).then(|| format!("{when}: {}", outcome.detail));
    found.say(id, copied.into_iter().chain(token).chain(answer).collect());
}

fn token(kit: &Kit, found: &mut Found) {
    let places = &kit.places;
    match Token::find(&places.token, &places.issuer_keys, &kit.product.name) {
        Ok(None) => {
            found.say("token-missing", vec![format!("nothing at {}", places.token.place())]);
            if cfg!(target_os = "macos") && places.is_this_system {
                let text = say("/usr/bin/profiles", &["status", "-type", "enrollment"]);
                management(text.as_deref().unwrap_or_default(), found);
            }
        }
        Ok(Some(token)) => found.fact("token", json!(token.fingerprint())),
        Err(error) => found.say("token-unverifiable", vec![error.to_string()]),
    }
}

/// A token may come by a profile, if there is a management system.
pub(super) fn management(text: &str, found: &mut Found) {
    if let Some(id) = macos::judge_management(text) {
        found.say(id, lines(text));
    }
}
