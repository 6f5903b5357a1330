//! What can be typed, and what it does.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use agent_kit::{Event, Kit};

use crate::config::Config;
use crate::log;
#[cfg(unix)]
use crate::unix as system;
#[cfg(windows)]
use crate::windows as system;

/// The most steps that `once` takes: enroll, confirm and check in.
const STEPS: u32 = 3;
/// The most bytes of an answer file.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// A command.
pub(crate) enum Command {
    Run,
    Once,
    Status,
    Doctor { json: bool, bundle: Option<String> },
    Request { out: String },
    Import { file: String },
    Reset,
}

impl Command {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["run"] => Ok(Self::Run),
            ["once"] => Ok(Self::Once),
            ["status"] | ["status", "--json"] => Ok(Self::Status),
            ["doctor"] => Ok(Self::Doctor { json: false, bundle: None }),
            ["doctor", "--json"] => Ok(Self::Doctor { json: true, bundle: None }),
            ["doctor", "--bundle", file] => Ok(Self::Doctor { json: false, bundle: Some((*file).to_owned()) }),
            ["request", "-o", out] => Ok(Self::Request { out: (*out).to_owned() }),
            ["import", file] => Ok(Self::Import { file: (*file).to_owned() }),
            ["reset", "--for-imaging"] => Ok(Self::Reset),
            _ => Err("run | once | status | doctor [--json | --bundle FILE] | request -o FILE | import FILE | reset --for-imaging"
                .to_owned()),
        }
    }

    /// Does it; gives the exit status.
    pub(crate) fn run(self) -> Result<u8, String> {
        let config = Config::beside_the_program()?;
        let kit = config.kit()?;
        match self {
            Self::Run => system::serve(kit, config.log()).map(|()| 0),
            Self::Once => once(&kit),
            Self::Status => {
                let status = kit.status().map_err(text)?;
                println!("{:#}", serde_json::to_value(&status).map_err(text)?);
                Ok(0)
            }
            Self::Doctor { json, bundle } => doctor(&kit, json, bundle.as_deref()),
            Self::Request { out } => {
                let request = kit.request().map_err(text)?;
                write_new(Path::new(&out), &request)?;
                Ok(0)
            }
            Self::Import { file } => {
                let device_id = kit.import(&read(Path::new(&file))?).map_err(text)?;
                println!("enrolled as {device_id}");
                Ok(0)
            }
            Self::Reset => kit.reset_for_imaging().map(|()| 0).map_err(text),
        }
    }
}

fn once(kit: &Kit) -> Result<u8, String> {
    let mut agent = kit.start().map_err(text)?;
    let mut last = None;
    for _ in 0..STEPS {
        let event = agent.step().event;
        log::line(None, &event.to_string());
        let goes_on = matches!(event, Event::Enrolled(_) | Event::Anew | Event::Copied);
        last = Some(event);
        if !goes_on {
            break;
        }
    }
    Ok(u8::from(!matches!(last, Some(Event::CheckedIn(_)))))
}

fn doctor(kit: &Kit, json: bool, bundle: Option<&str>) -> Result<u8, String> {
    let report = kit.doctor();
    match bundle {
        Some(file) => write_new(Path::new(file), &report.json())?,
        None if json => println!("{}", report.json()),
        None => print!("{}", report.text()),
    }
    Ok(report.exit_status())
}

/// A file that is not there yet. What these files hold is no secret, but no other account needs it.
fn write_new(path: &Path, text: &str) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path);
    let written = file.and_then(|mut file| writeln!(file, "{text}"));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn read(path: &Path) -> Result<String, String> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(MAX_ANSWER_BYTES).read_to_string(&mut text));
    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
