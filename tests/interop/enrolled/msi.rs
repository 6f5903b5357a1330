//! Windows Installer as Wine 10 has it: a service that enrolls. The product's own code of the package runs here as well: it verifies tokens.

use std::fs;
use std::time::{Duration, Instant};

use installer::format::Kind;
use serde_json::json;

use super::super::msi_wine::Wine;
use super::super::upgrades_wine::ANY;
use super::{Token, Vendor};
use crate::support::{output, program};

/// Where a deb would have the agent: the manifest is that of all formats.
const LINUX: &str = "/usr/lib/enrolled-agent";
const KEY: &str = r"HKLM\SOFTWARE\Example Ltd\Enrolled Agent";
const SERVICE: &str = "enrolled-agent";
const INSTALLED: &str = r"C:\Program Files\Example Ltd\Enrolled Agent\enrolled-agent.exe";
const STATE: &str = "ProgramData/Example Ltd/Enrolled Agent";
/// From the installation to the list.
const SOON: Duration = Duration::from_secs(120);

/// A Windows, and the vendor.
struct Device<'a> {
    wine: &'a Wine,
    vendor: &'a Vendor,
}

impl Device<'_> {
    /// Puts an installer of the service where msiexec finds it.
    fn download(&self, name: &str) -> Token {
        let token = self.vendor.stamp(name);
        fs::copy(self.vendor.path(name), self.wine.folder.path().join(name)).unwrap();
        token
    }

    fn value(&self, name: &str) -> Option<String> {
        self.wine.value_of(KEY, name)
    }

    fn agent(&self, arguments: &[&str]) -> (i32, String) {
        self.wine.run(&[&[INSTALLED], arguments].concat())
    }

    /// What the agent has last come to.
    fn outcome(&self) -> String {
        fs::read_to_string(self.wine.drive(STATE).join("outcome.json")).unwrap_or_default()
    }

    #[track_caller]
    fn until(&self, word: &str) {
        let begin = Instant::now();
        while !self.outcome().contains(word) {
            assert!(begin.elapsed() < SOON, "not {word}: {}\n{}", self.outcome(), self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn logs(&self) -> String {
        let log = fs::read_to_string(self.wine.drive("windows/temp/enrolled-agent.log")).unwrap_or_default();
        format!("{log}\n{}", self.agent(&["doctor"]).1)
    }

    /// The device is in the list, its service runs, and its token is gone. Gives the device's id.
    #[track_caller]
    fn is_enrolled(&self) -> String {
        self.until("checked-in");
        assert_eq!(self.value("EnrollmentState").as_deref(), Some("enrolled"));
        assert_eq!(self.value("EnrollmentToken"), None);
        assert!(self.wine.is_running(SERVICE), "{}", self.logs());
        let (status, said) = self.agent(&["status"]);
        let end = said.rfind('}').unwrap_or_default();
        let status_of: serde_json::Value =
            serde_json::from_str(&said[said.find('{').unwrap_or_default()..=end]).unwrap();
        assert_eq!((status, &status_of["standing"]), (0, &json!("enrolled")), "{said}");
        let (status, doctor) = self.agent(&["doctor"]);
        assert!(status == 0 && doctor.contains("healthy:"), "{doctor}");
        let id = status_of["device_id"].as_str().unwrap().to_owned();
        let devices = self.vendor.devices();
        let listed = devices.iter().find(|device| device["id"] == id);
        let listed = listed.unwrap_or_else(|| panic!("{id} is not in the list: {devices:?}"));
        assert!(listed["last_seen"].is_number() && listed["tenant"] == "acme", "{listed}");
        assert!(listed["os"].as_str().is_some_and(|os| os.starts_with("windows")), "{listed}");
        id
    }

    /// Neither side has one of the tokens in what it wrote down.
    fn keeps_secrets(&self, tokens: &[&Token]) {
        let places = [self.wine.drive("windows/temp"), self.wine.drive(STATE), self.vendor.server.path("data")];
        let mut files: Vec<_> = places.iter().flat_map(|place| fs::read_dir(place).into_iter().flatten()).collect();
        files.retain(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_file()));
        assert!(files.len() > 3, "{files:?}");
        let mut texts: Vec<_> = files.into_iter().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
        texts.push(self.vendor.server.log().into_bytes());
        // Programs under Wine are processes like others, with their Windows command lines.
        let processes =
            fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
        let processes: Vec<_> = processes.collect();
        let agent = format!("{SERVICE}.exe");
        assert!(
            processes.iter().any(|line| String::from_utf8_lossy(line).contains(&agent)),
            "the agent's process is not seen"
        );
        texts.extend(processes);
        for token in tokens {
            let secret = token.secret.as_bytes();
            assert!(!texts.iter().any(|text| text.windows(secret.len()).any(|part| part == secret)));
        }
    }

    /// Takes away what a run before this one may have left.
    fn clean(&self) {
        self.wine.remove_products("Enrolled Agent");
        self.wine.run(&["reg", "delete", r"HKLM\SOFTWARE\Example Ltd", "/f"]);
        let _ = fs::remove_dir_all(self.wine.drive("ProgramData/Example Ltd"));
        let _ = fs::remove_file(self.wine.drive("windows/temp/enrolled-agent.log"));
    }
}

#[test]
fn a_stamped_msi_becomes_a_device_that_an_upgrade_keeps() {
    let (Some(wine), Some(vendor)) = (Wine::ten(), Vendor::new(Kind::Msi)) else { return };
    let device = Device { wine: &wine, vendor: &vendor };
    device.clean();
    vendor.publish([1, 4, 2], LINUX);
    let first = device.download("first.msi");
    let begin = Instant::now();
    wine.install("first.msi", &[]);
    let id = device.is_enrolled();
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());

    // The newer version brings a token of its own, which an enrolled device does not use. Wine does not tell the old product that it is
    // removed by an upgrade.
    vendor.publish([1, 4, 3], LINUX);
    let newer = device.download("newer.msi");
    fs::remove_file(wine.drive(STATE).join("outcome.json")).unwrap();
    wine.remove("first.msi", &[ANY]);
    assert_eq!(device.value("EnrollmentState").as_deref(), Some("enrolled"));
    wine.install("newer.msi", &[]);
    assert_eq!(device.is_enrolled(), id);
    let listed = vendor.devices();
    assert!(listed.len() == 1 && listed[0]["agent"].to_string().contains("1.4.3"), "{listed:?}");

    // A removal leaves nothing; what comes then has never been here.
    wine.remove("newer.msi", &[]);
    assert!(!wine.drive(STATE).exists() && device.value("EnrollmentState").is_none());
    assert!(!wine.is_running(SERVICE));
    let again = device.download("again.msi");
    wine.install("again.msi", &[]);
    assert_ne!(device.is_enrolled(), id);
    let uses = [&first, &newer, &again].map(|token| vendor.uses(token));
    assert_eq!(uses, [json!(1), json!(0), json!(1)]);
    device.keeps_secrets(&[&first, &newer, &again]);
    wine.remove("again.msi", &[]);
}

#[test]
fn an_msi_with_a_revoked_token_says_so() {
    let (Some(wine), Some(vendor)) = (Wine::ten(), Vendor::new(Kind::Msi)) else { return };
    let device = Device { wine: &wine, vendor: &vendor };
    device.clean();
    vendor.publish([1, 4, 2], LINUX);
    let revoked = device.download("revoked.msi");
    vendor.revoke(&revoked);
    wine.install("revoked.msi", &[]);
    device.until("blocked");
    // It goes on, and keeps what an administrator may put right.
    assert!(wine.is_running(SERVICE));
    assert_eq!(device.value("EnrollmentToken").as_deref(), Some(revoked.secret.as_str()));
    let (status, said) = device.agent(&["doctor", "--bundle", "bundle.json"]);
    assert_eq!(status, 1, "{said}");
    let desk = output(program().arg("doctor").arg(wine.folder.path().join("bundle.json")));
    let desk = String::from_utf8_lossy(&desk.stdout).into_owned();
    assert!(desk.contains("cause: the token was revoked [token-revoked]"), "{desk}");
    assert_eq!((vendor.devices().len(), vendor.uses(&revoked)), (0, json!(0)));
    device.keeps_secrets(&[&revoked]);
    wine.remove("revoked.msi", &[]);
}
