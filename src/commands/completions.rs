//! `stampwright completions`: what a shell needs to complete commands and options.

use clap::{Arg, Command};
use clap_complete::Shell;
use stampwright::Result;

use crate::print;

pub fn run(shell: Shell, program: &mut Command) -> Result<()> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, program, "stampwright", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let script = match shell {
        Shell::Zsh => with_lists(&script, program),
        Shell::Bash => with_variables(&script, program),
        _ => script,
    };
    print::bytes(script.as_bytes())
}

/// Every argument of every command.
fn arguments(program: &Command) -> Vec<&Arg> {
    let mut found: Vec<&Arg> = program.get_arguments().collect();
    found.extend(program.get_subcommands().flat_map(arguments));
    found
}

/// zsh completes after a comma where the action is one of `_values -s ,`, which the generator does not write.
fn with_lists(script: &str, program: &Command) -> String {
    let mut script = script.to_owned();
    for argument in arguments(program).into_iter().filter(|argument| argument.get_value_delimiter() == Some(',')) {
        let (Some(long), Some([name])) = (argument.get_long(), argument.get_value_names()) else { continue };
        let values = argument.get_possible_values();
        let words: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
        let action = format!(":{name}:_values -s , {name} {}'", words.join(" "));
        script = replaced(&script, &format!("--{long}=["), &format!(":{name}:("), &action);
    }
    script
}

/// In each argument that starts so, what follows the mark up to the closing `)'` or `))'`.
fn replaced(script: &str, start: &str, mark: &str, by: &str) -> String {
    let (mut out, mut rest) = (String::new(), script);
    while let Some(at) = rest.find(start) {
        let tail = rest.get(at..).unwrap_or_default();
        let end = tail.find(mark).and_then(|from| Some((from, from + tail.get(from..)?.find(")' ")? + 2)));
        let Some((from, to)) = end else { break };
        out.push_str(rest.get(..at + from).unwrap_or_default());
        out.push_str(by);
        rest = rest.get(at + to..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// bash completes names of variables where an argument is one.
fn with_variables(script: &str, program: &Command) -> String {
    let mut names: Vec<&str> = arguments(program).iter().filter_map(|argument| argument.get_long()).collect();
    names.retain(|name| name.ends_with("-env"));
    names.sort_unstable();
    names.dedup();
    let mut script = script.to_owned();
    for name in names {
        let files = format!("                --{name})\n                    COMPREPLY=($(compgen -f \"${{cur}}\"))");
        script = script.replace(&files, &files.replace("compgen -f", "compgen -e"));
    }
    script
}
