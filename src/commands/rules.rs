//! `stampwright rules`: what management systems ask of an installer.

use clap::Args;
use kit::rules;
use serde::Serialize;
use stampwright::{Profile, Result};

use crate::args::{ProfileName, profile_names};
use crate::print;

#[derive(Debug, Args)]
pub struct Rules {
    /// Only the rules of this management system
    #[arg(value_parser = profile_names())]
    pub profile: Option<ProfileName>,
    /// Print them as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Rules) -> Result<()> {
    let profiles = args.profile.map_or_else(|| Profile::ALL.to_vec(), ProfileName::all);
    if args.json {
        let documents: Vec<Listed> =
            profiles.iter().flat_map(|profile| rules::rules_of(*profile).map(listed)).collect();
        return print::json(&documents);
    }
    print::bytes(rules::page(&profiles).as_bytes())
}

#[derive(Debug, Serialize)]
struct Listed {
    id: &'static str,
    severity: stampwright::Severity,
    profiles: &'static [rules::Profile],
    what: &'static str,
    why: &'static str,
    remedy: &'static str,
    source: &'static str,
}

fn listed(rule: &rules::Rule) -> Listed {
    let rules::Rule { id, severity, profiles, what, why, remedy, source, .. } = *rule;
    Listed { id, severity, profiles, what, why, remedy, source }
}
