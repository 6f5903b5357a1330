//! A prefix of Wine's: a Windows of its own. What is known here of Wine's services was found where they ended or did not start.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const CONTROL: &str = r"HKLM\System\CurrentControlSet\Control";

/// A prefix, and a folder in which its programs run. It is the owner's alone, so nothing else ends with its server.
pub(crate) struct Prefix {
    /// Gives `wine` and `wineserver`.
    program: Box<dyn Fn(&str) -> Command>,
    prefix: PathBuf,
    folder: PathBuf,
    /// Wine ends its services soon after the last program that is none, and starts them with the next one; Windows does not. So there is always
    /// such a program.
    session: RefCell<Option<Session>>,
}

/// A command interpreter that waits for its input.
struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Prefix {
    /// Opens the prefix, which is made if it is not there, and begins a session.
    pub(crate) fn open(program: impl Fn(&str) -> Command + 'static, prefix: PathBuf, folder: &Path) -> Result<Self> {
        let made = Self { program: Box::new(program), prefix, folder: folder.to_owned(), session: RefCell::default() };
        if !made.prefix.join("system.reg").is_file() {
            fs::create_dir_all(&made.prefix)?;
            made.run(&["wineboot", "-i"])?;
            // The server of the first start must have ended: as long as it lives, no service starts.
            made.server("-w")?;
        }
        made.have_patience_with_services()?;
        made.begin_session()?;
        Ok(made)
    }

    /// Wine's service manager gives a program ten seconds until it speaks, which on a busy machine is not enough. It reads the limit when it
    /// starts, so its server starts again.
    fn have_patience_with_services(&self) -> Result<()> {
        if self.run(&["reg", "query", CONTROL, "/v", "ServicesPipeTimeout"])?.0 != 0 {
            let value = ["/v", "ServicesPipeTimeout", "/t", "REG_DWORD", "/d", "100000", "/f"];
            let (status, said) = self.run(&[&["reg", "add", CONTROL][..], &value].concat())?;
            if status != 0 {
                return Err(Error::other(format!("reg add {CONTROL}: {said}")));
            }
            self.kill_server();
        }
        Ok(())
    }

    /// Lets a program run that is no service.
    pub(crate) fn begin_session(&self) -> Result<()> {
        let mut command = self.command("wine");
        command.arg("cmd").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        *self.session.borrow_mut() = Some(Session(command.spawn()?));
        Ok(())
    }

    /// Ends all that runs in the prefix.
    pub(crate) fn kill_server(&self) {
        self.session.take();
        for option in ["-k", "-w"] {
            let _ = self.server(option);
        }
    }

    fn server(&self, option: &str) -> Result<()> {
        let status = self.command("wineserver").arg(option).stderr(Stdio::null()).status()?;
        if status.success() || option == "-k" { Ok(()) } else { Err(Error::other(format!("wineserver {option}"))) }
    }

    /// A program of Wine's, on this prefix.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = (self.program)(name);
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all").env_remove("DISPLAY");
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Runs a Windows program; gives its exit code and what it wrote. Its output goes to a file: services that it starts would keep a pipe open.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<(i32, String)> {
        let path = self.folder.join("output");
        let output = File::create(&path)?;
        let status = wait(self.command("wine").args(arguments).stderr(output.try_clone()?).stdout(output))?;
        Ok((status, String::from_utf8_lossy(&fs::read(path)?).into_owned()))
    }

    /// A file of its drive C.
    pub(crate) fn drive(&self, path: &str) -> PathBuf {
        self.prefix.join("drive_c").join(path)
    }
}

impl Drop for Prefix {
    /// Who opens it next must not meet a server that is ending.
    fn drop(&mut self) {
        self.kill_server();
    }
}

/// Waits two minutes at most.
pub(crate) fn wait(command: &mut Command) -> Result<i32> {
    let mut child = command.spawn()?;
    let begin = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(status.code().unwrap_or(-1)),
            None if begin.elapsed() > Duration::from_secs(120) => drop(child.kill()),
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}
