//! What stands between a device and its server, by programs of others: squid, nginx, and certificates that openssl has made. The agent goes on or
//! names the cause, and doctor names the same.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use installer::format::Kind;
use serde_json::json;

use super::Vendor;
use super::clocks::library;
use super::device::Device;
use crate::support::{both, judge, missing, output, run};

/// The server's name, which no resolver of this system knows.
pub(super) const NAME: &str = "enroll.invalid";

/// A vendor whose service speaks TLS, under a certificate for [`NAME`] and 127.0.0.1 of a root of its own.
pub(super) fn vendor_with_tls() -> Option<Vendor> {
    let openssl = judge("openssl")?;
    Vendor::with_files(Kind::Deb, "\n[tls]\ncertificates = \"tls.pem\"\nkey = \"tls.key\"\n", |folder| {
        certificate(&openssl, folder, "tls", &format!("DNS:{NAME},IP:127.0.0.1"));
    })
}

/// Makes `NAME.pem`, a certificate with its issuer behind it, `NAME.key`, and the issuer alone as `NAME-root.pem`.
fn certificate(openssl: &Path, folder: &Path, name: &str, names: &str) {
    let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30";
    for arguments in [
        format!("-subj /CN=root -keyout {name}-root.key -out {name}-root.pem -addext keyUsage=critical,keyCertSign"),
        format!(
            "-subj /CN=service -keyout {name}.key -out leaf.pem -CA {name}-root.pem -CAkey {name}-root.key \
             -addext basicConstraints=critical,CA:FALSE -addext subjectAltName={names}"
        ),
    ] {
        let mut command = Command::new(openssl);
        command.args(key.split_whitespace()).args(arguments.split_whitespace()).current_dir(folder);
        let made = output(&mut command);
        assert!(made.status.success(), "{}", both(&made));
    }
    let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    fs::write(folder.join(format!("{name}.pem")), text("leaf.pem") + &text(&format!("{name}-root.pem"))).unwrap();
}

/// A device of the vendor that asks `host` and believes this root alone.
pub(super) fn device(vendor: &Vendor, name: &str, host: &str, root: &Path) -> Device {
    let device = Device::new(vendor, name, &vendor.mint(1).secret);
    let port = vendor.server.url.rsplit(':').next().unwrap();
    device.set("server", &format!("https://{host}:{port}"));
    device.set("roots", &fs::read_to_string(root).unwrap());
    device
}

/// Another program's server; it ends with this.
pub(super) struct Judge {
    child: Child,
    pub(super) port: u16,
    pub(super) folder: tempfile::TempDir,
}

impl Judge {
    /// Starts it with a configuration in which `PORT` and `FOLDER` are filled in.
    pub(super) fn start(program: &Path, arguments: &[&str], config: &str, passwords: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // It gives its rights away and still writes here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let fill = |text: &str| {
            text.replace("PORT", &port.to_string()).replace("FOLDER", &folder.path().display().to_string())
        };
        fs::write(folder.path().join("conf"), fill(config)).unwrap();
        fs::write(folder.path().join("hosts"), format!("127.0.0.1 {NAME}\n")).unwrap();
        fs::write(folder.path().join("passwords"), passwords).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|argument| fill(argument))).stdout(log.try_clone().unwrap()).stderr(log);
        let judge = Self { child: command.spawn().unwrap(), port, folder };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "{program:?}: {}", judge.text("log"));
            std::thread::sleep(Duration::from_millis(50));
        }
        judge
    }

    pub(super) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        // Its children end when it is asked to, and not when it is killed.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

const SQUID: &str = "http_port 127.0.0.1:PORT
hosts_file FOLDER/hosts
pinger_enable off
pid_filename none
cache deny all
netdb_filename none
access_log stdio:FOLDER/access.log
cache_log FOLDER/cache.log
coredump_dir FOLDER
shutdown_lifetime 0 seconds
auth_param basic program /usr/lib/squid/basic_ncsa_auth FOLDER/passwords
auth_param basic realm devices
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
";

#[test]
fn squid_lets_in_who_has_a_password_and_the_others_say_why_they_are_out() {
    let (Some(squid), Some(openssl)) = (squid(), judge("openssl")) else { return };
    let Some(vendor) = vendor_with_tls() else { return };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let hash = run(openssl, ["passwd", "-apr1", "of-the-fleet"]);
    let proxy = Judge::start(&squid, &["-N", "-f", "FOLDER/conf"], SQUID, &format!("fleet:{hash}"));
    let root = vendor.server.path("tls-root.pem");
    let behind = |name: &str, proxy: String| {
        let device = device(&vendor, name, NAME, &root);
        device.write("policy.json", &json!({ "Proxy": proxy }).to_string());
        device
    };
    // The name is not found without the proxy, so nothing goes past it.
    let port = proxy.port;
    behind("without", format!("http://127.0.0.1:{port}")).is_out("proxy-auth", "proxy-auth");
    behind("wrong", format!("http://fleet:wrong@127.0.0.1:{port}")).is_out("proxy-auth", "proxy-auth");
    let known = behind("known", format!("http://fleet:of-the-fleet@127.0.0.1:{port}"));
    known.enrolls();
    let log = proxy.text("access.log");
    assert!(log.lines().any(|line| line.contains("CONNECT") && line.contains("/200")), "{log}");
    assert!(log.lines().any(|line| line.contains("/407")), "{log}");
    for said in [known.agent(&["doctor", "--json"]), known.agent(&["status"])] {
        assert!(!said.contains("of-the-fleet"), "the proxy's password is shown: {said}");
    }
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    behind("dead", format!("http://fleet:of-the-fleet@127.0.0.1:{dead}")).is_out("was not reached", "port-refused");
    assert_eq!(vendor.devices().len(), 1);
}

/// Debian has it outside of the path of who is no administrator.
fn squid() -> Option<PathBuf> {
    let found = ["/usr/sbin/squid", "/usr/bin/squid"].map(PathBuf::from).into_iter().find(|path| path.is_file());
    if found.is_none() {
        missing("squid");
    }
    found
}

const PORTAL: &str = "daemon off;
pid FOLDER/pid;
error_log FOLDER/error.log;
events {}
http {
  access_log off;
  client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/f; uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s;
  server { listen 127.0.0.1:PORT; location / { ANSWER } }
}
";

#[test]
fn nginx_as_a_portal_is_named_and_never_sees_a_token() {
    let found = ["/usr/sbin/nginx", "/usr/bin/nginx"].map(PathBuf::from).into_iter().find(|path| path.is_file());
    let Some(nginx) = found else { return missing("nginx") };
    let Some(vendor) = Vendor::new(Kind::Deb) else { return };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let page = "default_type text/html; return 200 '<h1>Welcome</h1>';";
    let pass = format!("proxy_set_header Host $http_host; proxy_pass {};", vendor.server.url);
    for (name, answer, cause) in [
        ("redirects", "return 302 http://portal.example/login;", "captive-portal"),
        ("shows-a-page", page, "captive-portal"),
        ("wants-a-login", "return 511;", "captive-portal"),
        ("is-broken", "return 502;", "server-unavailable"),
        ("passes", pass.as_str(), ""),
    ] {
        let config = PORTAL.replace("ANSWER", answer);
        let portal = Judge::start(&nginx, &["-c", "FOLDER/conf", "-e", "FOLDER/error.log"], &config, "");
        let device = Device::new(&vendor, name, &vendor.mint(1).secret);
        device.set("server", &format!("http://127.0.0.1:{}", portal.port));
        if cause.is_empty() { device.enrolls() } else { device.is_out(cause, cause) }
    }
    assert_eq!(vendor.devices().len(), 1);
}

#[test]
fn each_fault_of_a_certificate_has_its_name() {
    let (Some(openssl), Some(library)) = (judge("openssl"), library()) else { return };
    let Some(vendor) = vendor_with_tls() else { return };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let own = vendor.server.path("tls-root.pem");
    // Whoever inspects TLS answers with a root of his own, which is as unknown as this one.
    certificate(&openssl, vendor.folder.path(), "other", "IP:127.0.0.1");
    device(&vendor, "good", "127.0.0.1", &own).enrolls();
    let other = device(&vendor, "inspected", "127.0.0.1", &vendor.path("other-root.pem"));
    other.is_out("tls-untrusted", "tls-untrusted");
    device(&vendor, "other-name", "localhost", &own).is_out("tls-other-name", "tls-other-name");
    for (name, clock, cause) in
        [("expired", "+400d", "tls-expired"), ("too-early", "-9000d", "clock-or-tls-not-yet-valid")]
    {
        let device = device(&vendor, name, "127.0.0.1", &own);
        let at = || {
            let mut command = Command::new(device.program());
            command.env("LD_PRELOAD", &library).env("FAKETIME", clock).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            command
        };
        let once = device.agent_with(at(), &["once"]);
        assert!(once.contains(cause), "{name}: {once}");
        let doctor = device.agent_with(at(), &["doctor"]);
        assert!(doctor.contains(&format!("[{cause}]")), "{name}: {doctor}");
        // With the right time the same device enrolls.
        device.enrolls();
    }
    assert_eq!(vendor.devices().len(), 3);
}
