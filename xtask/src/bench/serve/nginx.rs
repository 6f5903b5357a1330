//! nginx with Debian's settings for files, over HTTP and over HTTPS.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};

/// A running nginx; it ends with this.
pub(super) struct Nginx {
    child: Child,
    pub(super) address: String,
    pub(super) https: String,
}

const CONFIG: &str = "\
daemon off;
USER
worker_processes auto;
pid nginx.pid;
error_log error.log;
events { worker_connections 768; }
http {
    sendfile on;
    tcp_nopush on;
    access_log access.log;
    client_body_temp_path tmp;
    proxy_temp_path tmp;
    fastcgi_temp_path tmp;
    uwsgi_temp_path tmp;
    scgi_temp_path tmp;
    ssl_certificate CERTIFICATE;
    ssl_certificate_key KEY;
    server { listen HTTPS ssl; root files; }
    server { listen HTTP; root files; }
}
";

impl Nginx {
    /// Serves `FOLDER/files`, and the same with this certificate and key.
    pub(super) fn start(sh: &Shell, folder: &str, certificate: &Path, key: &Path) -> Result<Self> {
        let full = sh.current_dir().join(folder);
        let (http, https) = (free_address()?, free_address()?);
        let is_root = cmd!(sh, "id -u").quiet().read()? == "0";
        let text = CONFIG
            .replace("USER", if is_root { "user root;" } else { "" })
            .replace("CERTIFICATE", &certificate.display().to_string())
            .replace("KEY", &key.display().to_string())
            .replace("HTTPS", &https)
            .replace("HTTP", &http);
        let (config, log) = (full.join("nginx.conf"), full.join("nginx.log"));
        fs::write(&config, text).at("write", &config)?;
        let log = fs::File::create(&log).at("create", &log)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&full).args(["-c", "nginx.conf", "-e", "error.log"]).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().at("start", "nginx")?;
        let nginx = Self { child, address: format!("http://{http}"), https: format!("https://{https}") };
        for _ in 0..100 {
            if TcpStream::connect(&http).is_ok() && TcpStream::connect(&https).is_ok() {
                return Ok(nginx);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(Failure::answer("nginx", format!("it does not listen; see {folder}/nginx.log")))
    }

    /// All of its processes.
    pub(super) fn processes(&self, sh: &Shell) -> Result<Vec<u32>> {
        let workers = self.workers(sh)?;
        Ok(workers.into_iter().chain([self.child.id()]).collect())
    }

    /// The processes that send.
    pub(super) fn workers(&self, sh: &Shell) -> Result<Vec<u32>> {
        let master = self.child.id().to_string();
        let listed = cmd!(sh, "pgrep -P {master}").quiet().read()?;
        Ok(listed.lines().filter_map(|line| line.trim().parse().ok()).collect())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers go with a master that is asked, not with one that is killed.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ = self.child.wait();
        }
    }
}

/// An address that was free a moment ago.
fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").at("listen for", "nginx")?;
    Ok(listener.local_addr().at("listen for", "nginx")?.to_string())
}
