//! `stampwright serve`: the download service.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use service::{Config, Start, run as serve};
use stampwright::Result;

use crate::print;

/// Hand out installers over HTTP: one token in, one installer out.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The first line on standard output is `listening on http://ADDRESS:PORT`; logs go to standard error.\n\
                        A first start makes DIR/admin.key, which is used as `Authorization: Bearer KEY`.\n\
                        SIGHUP reads the configuration again; SIGTERM lets downloads end, then stops."
)]
pub struct Serve {
    /// The configuration; templates/serve.toml shows every key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A folder of bases to follow: what comes in is served, what goes is withdrawn
    #[arg(long, value_name = "DIR")]
    bases: Option<PathBuf>,
    /// What the service owns: its copies of the bases, its ledger, its keys [default: stampwright-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where it listens [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Serve {
    /// The configuration's file, and over it what was typed.
    fn config(&self) -> Result<Config> {
        let mut config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        config.bases = self.bases.clone().or(config.bases);
        config.data = self.data.clone().unwrap_or(config.data);
        config.listen = self.listen.unwrap_or(config.listen);
        Ok(config)
    }
}

/// Runs the command.
pub fn run(args: &Serve) -> Result<()> {
    let again = args.clone();
    let start = Start { config: args.config()?, read_again: Box::new(move || again.config()) };
    serve(start, |address| print::bytes(format!("listening on {address}\n").as_bytes()))
}
