//! Devices with hardware of their own: the agent runs in a root that shows it another vendor's machine, in a mount namespace of its own. What
//! the server makes of equal, changed and copied hardware, with the real agent and the real service.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use installer::format::Kind;
use serde_json::{Value, json};

use super::super::boot::is_root;
use super::Vendor;
use crate::support::{both, judge, missing, output, run};

/// What a system shows of its board.
#[derive(Clone, Copy)]
pub(super) struct Board {
    maker: &'static str,
    serial: &'static str,
    board: &'static str,
    uuid: &'static str,
    mac: &'static str,
}

pub(super) const LAPTOP: Board = Board {
    maker: "LENOVO",
    serial: "PF2ABCDE",
    board: "L1HF65E00X9",
    uuid: "4c4c4544-0044-5610-8052-b4c04f4e4332",
    mac: "54:e1:ad:10:20:30",
};
const OTHER: Board = Board {
    maker: "Dell Inc.",
    serial: "7XQ9Z53",
    board: "/7XQ9Z53/CNCMC0012345AB/",
    uuid: "4c4c4544-0058-5110-8039-b7c04f5a3533",
    mac: "f0:d4:e2:01:02:03",
};
/// A board whose maker has filled nothing in.
const NAMELESS: Board = Board {
    maker: "To Be Filled By O.E.M.",
    serial: "To Be Filled By O.E.M.",
    board: "Default string",
    uuid: "03000200-0400-0500-0006-000700080009",
    mac: "00:00:00:00:00:00",
};

/// The root is entered in a namespace of the process's own. The processor is one without a hypervisor.
const ENTER: &str = r#"
root=$1; shift
mount --bind /usr "$root/usr"
mount -t proc proc "$root/proc"
mount --bind "$root/cpuinfo" "$root/proc/cpuinfo"
mount --rbind /dev "$root/dev"
exec chroot "$root" /agent/reference-agent "$@"
"#;

pub(super) struct Machine<'a> {
    vendor: &'a Vendor,
    pub(super) root: PathBuf,
}

impl<'a> Machine<'a> {
    pub(super) fn new(vendor: &'a Vendor, name: &str, board: Board) -> Self {
        let machine = Self { vendor, root: vendor.path(name) };
        for folder in ["agent", "usr", "proc", "dev", "etc", "var/lib", "tmp"] {
            fs::create_dir_all(machine.root.join(folder)).unwrap();
        }
        for link in ["bin", "lib", "lib64"] {
            symlink(format!("usr/{link}"), machine.root.join(link)).unwrap();
        }
        fs::copy(vendor.path("reference-agent"), machine.root.join("agent/reference-agent")).unwrap();
        let mut config: Value = serde_json::from_slice(&fs::read(vendor.path("agent.json")).unwrap()).unwrap();
        config["root"] = json!("..");
        machine.put("agent/agent.json", &config.to_string());
        machine.put(
            "cpuinfo",
            "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 186\nstepping\t: 2\nflags\t\t: fpu sse2\n",
        );
        machine.put("etc/machine-id", &format!("{:032x}\n", name.len()));
        machine.shows(board);
        machine
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The machine has this board from now on.
    fn shows(&self, board: Board) {
        for (name, value) in [
            ("sys_vendor", board.maker),
            ("product_serial", board.serial),
            ("board_serial", board.board),
            ("product_uuid", board.uuid),
        ] {
            self.put(&format!("sys/class/dmi/id/{name}"), value);
        }
        let device = "sys/devices/pci0000:00/0000:00:1f.6";
        fs::create_dir_all(self.root.join(device)).unwrap();
        self.put("sys/class/net/eth0/address", board.mac);
        self.put("sys/class/net/eth0/addr_assign_type", "0");
        let link = self.root.join("sys/class/net/eth0/device");
        if !link.exists() {
            symlink("../../../devices/pci0000:00/0000:00:1f.6", link).unwrap();
        }
    }

    /// An installer leaves its token.
    fn installs(&self, token: &str) {
        self.put("etc/enrolled-agent/enrollment-token", token);
    }

    /// Everything that an agent keeps goes, as when a disk is formatted.
    fn is_reinstalled(&self, token: &str) {
        fs::remove_dir_all(self.root.join("var/lib/enrolled-agent")).unwrap();
        self.put("etc/machine-id", "fedcba98765432100123456789abcdef\n");
        self.installs(token);
    }

    /// The state of another machine is on this one's disk.
    fn has_the_disk_of(&self, other: &Self) {
        let from = other.root.join("var/lib/enrolled-agent");
        run("cp", ["-a".as_ref(), from.as_os_str(), self.root.join("var/lib").as_os_str()]);
    }

    pub(super) fn agent(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-e", "-c", ENTER, "enter"]).arg(&self.root);
        both(&output(command.args(arguments).env("NO_PROXY", "127.0.0.1")))
    }

    /// Enrolls and checks in; gives the device's id.
    #[track_caller]
    fn enrolls(&self) -> String {
        let said = self.agent(&["once"]);
        assert!(said.contains("checked in"), "{said}");
        let status = self.agent(&["status"]);
        let status: Value = serde_json::from_str(&status).unwrap_or_else(|error| panic!("{error}: {status}"));
        assert_eq!(status["standing"], "enrolled", "{status}");
        status["device_id"].as_str().unwrap().to_owned()
    }

    /// The next step ends with this, and doctor names the cause.
    #[track_caller]
    fn says(&self, what: &str, cause: &str) {
        let said = self.agent(&["once"]);
        assert!(said.contains(what), "{what} is not in: {said}");
        let doctor = self.agent(&["doctor"]);
        let first = doctor.lines().find(|line| line.starts_with("cause:")).unwrap_or_default();
        assert!(first.ends_with(&format!("[{cause}]")), "{cause}: {doctor}");
    }

    /// The server asks whether this is `id`, with these parts equal and these differing; the admin says that it is.
    #[track_caller]
    fn is_asked_about(&self, id: &str, equal: &str, differing: &str) {
        self.says("waiting for an admin: re-association", "re-association-waiting");
        let waiting = self.vendor.server.get("admin", "/v1/enrollments").json();
        let prompt = &waiting[0];
        assert_eq!(
            (&prompt["device_id"], &prompt["equal"], &prompt["differing"]),
            (&json!(id), &json!(equal), &json!(differing)),
            "{waiting}"
        );
        let path = format!("/v1/enrollments/{}/answer", prompt["request_id"].as_str().unwrap());
        let answer = json!({ "answer": "re-associate", "device_id": id });
        let answered = self.vendor.server.post("admin", &path, &answer, &[]);
        assert_eq!(answered.status, 204, "{}", answered.text());
        assert_eq!(self.enrolls(), id);
    }
}

pub(super) fn vendor(rules: &str) -> Option<Vendor> {
    if !is_root() {
        missing("root, to show an agent another machine");
        return None;
    }
    judge("unshare")?;
    let vendor = Vendor::with(Kind::Deb, rules)?;
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    Some(vendor)
}

/// A record counts as silent after a second here.
const SILENT: Duration = Duration::from_millis(2100);

#[test]
fn a_device_comes_back_after_a_reinstallation_a_new_board_and_a_retirement() {
    let Some(vendor) = vendor("offline-secs = 1\n") else { return };
    let token = vendor.mint(10).secret;
    let laptop = Machine::new(&vendor, "laptop", LAPTOP);
    laptop.installs(&token);
    let id = laptop.enrolls();
    sleep(SILENT);
    laptop.is_reinstalled(&token);
    laptop.is_asked_about(&id, "system_uuid,board_serial,system_serial,mac,cpu", "os_instance");

    // The service tag was kept, and the network card.
    laptop.shows(Board { board: "L1HF88E00Q1", uuid: "4c4c4544-0099-5610-8052-b4c04f4e4332", ..LAPTOP });
    sleep(SILENT);
    laptop.is_reinstalled(&token);
    laptop.is_asked_about(&id, "system_serial,mac,cpu,os_instance", "system_uuid,board_serial");

    // Retired, it sends nothing; a new token brings it back to its record, if an admin wants that.
    let retired = vendor.server.post("admin", &format!("/v1/devices/{id}/retire"), &json!({}), &[]);
    assert_eq!(retired.status, 204, "{}", retired.text());
    laptop.says("retired by the server", "device-retired");
    laptop.installs(&token);
    laptop.is_asked_about(&id, "system_uuid,board_serial,system_serial,mac,cpu,os_instance", "");
    let devices = vendor.devices();
    assert!(devices.len() == 1 && devices[0]["status"] == "enrolled", "{devices:?}");
}

#[test]
fn other_machines_are_other_devices_and_a_cloned_disk_is_found_out() {
    let Some(vendor) = vendor("offline-secs = 1\n") else { return };
    let token = vendor.mint(10).secret;
    let machine = |name: &str, board| {
        let machine = Machine::new(&vendor, name, board);
        machine.installs(&token);
        (machine.enrolls(), machine)
    };
    let (laptop, original) = machine("laptop", LAPTOP);
    let (other, _) = machine("other", OTHER);
    // Boards that say nothing do not say that they are one.
    let (one, _) = machine("one", NAMELESS);
    sleep(SILENT);
    let (two, _) = machine("two-of-them", NAMELESS);
    let ids = std::collections::BTreeSet::from([&laptop, &other, &one, &two]);
    assert_eq!((ids.len(), vendor.devices().len()), (4, 4));

    // A disk that was cloned into another machine knows by itself that it is a copy; it has a key of its own before it says a word.
    let copy = Machine::new(&vendor, "copy", Board { serial: "7XQ9Z54", ..OTHER });
    copy.shows(Board {
        board: "/7XQ9Z54/X/",
        uuid: "4c4c4544-0058-5110-8039-b7c04f5a3534",
        mac: "f0:d4:e2:0a:0b:0c",
        ..OTHER
    });
    copy.has_the_disk_of(&original);
    copy.installs(&token);
    let copied = copy.enrolls();
    assert_ne!(copied, laptop);
    assert_eq!(original.enrolls(), laptop, "the original goes on");
    assert_eq!(vendor.devices().len(), 5);
}

#[test]
fn a_list_lets_in_whom_it_names_and_a_bound_token_one_machine() {
    if !is_root() {
        return missing("root, to show an agent another machine");
    }
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), "07".repeat(32)).unwrap();
    let rules = format!("pre-enrolled-only = true\nfingerprint-key-file = {:?}\n", key.path());
    let Some(vendor) = vendor(&rules) else { return };
    let laptop = Machine::new(&vendor, "laptop", LAPTOP);
    laptop.installs(&vendor.mint(10).secret);
    laptop.says("not-pre-enrolled", "not-pre-enrolled");

    let list = vendor.path("list.csv");
    let upload = |text: &str| {
        fs::write(&list, text).unwrap();
        let data = format!("@{}", list.display());
        let more = ["-X", "POST", "-H", "content-type: text/csv", "--data-binary", &data];
        vendor.server.curl("admin", "/v1/serials?tenant=acme", &more)
    };
    let head = "name,email,mobile,ownership,devicename,SerialNumber,platform\n";
    let wrong = upload(&format!("{head}Anna,,,corporate,LAP,PF2ABCDE,linux\nBob,,,stolen,LAP,PF2ABCDF,linux\n"));
    assert_eq!((wrong.status, wrong.problem().as_str()), (422, "list-wrong"));
    assert!(wrong.json()["detail"].as_str().unwrap().starts_with("line 3: ownership must be"), "{}", wrong.text());
    laptop.says("not-pre-enrolled", "not-pre-enrolled");
    let listed = upload(&format!("{head}Anna,,,corporate,LAP, pf2abcde ,linux\n"));
    assert_eq!((listed.status, listed.json()), (200, json!({ "listed": 1, "new": 1 })));
    // The token was refused: another one is tried at once.
    laptop.installs(&vendor.mint(10).secret);
    laptop.enrolls();
    let allocation = vendor.server.get("admin", "/v1/allocation?tenant=acme").json();
    assert_eq!((&allocation["enrolled"], &allocation["pre_enrolled"]), (&json!(1), &json!(1)), "{allocation}");

    let wish = json!({ "tenant": "acme", "product": "Enrolled Agent", "serial": LAPTOP.serial });
    let bound = vendor.server.post("admin", "/v1/tokens", &wish, &[]).json();
    let other = Machine::new(&vendor, "other", OTHER);
    other.installs(bound["token"].as_str().unwrap());
    other.says("serial-mismatch", "serial-mismatch");
}
