//! Completions, as each shell loads them, and manual pages, as `man` renders them.

use super::Desk;
use crate::support::judge;

#[test]
fn bash_completes_commands_values_and_names_of_variables() {
    if judge("bash").is_none() {
        return;
    }
    let desk = Desk::new();
    let complete = |words: &str| {
        let line = format!(
            "source <(stampwright completions bash) || exit 9; export ENROLL_ME=1; COMP_WORDS=({words}); \
             COMP_CWORD=$(({count} - 1)); _stampwright stampwright \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\"",
            count = words.split_whitespace().count()
        );
        desk.ends(0, &line)
    };
    assert!(complete("stampwright ver").contains("verify"));
    assert!(complete("stampwright verify --profile gp").contains("gpo"));
    let variables = complete("stampwright stamp --token-env ENROLL_");
    assert!(variables.contains("ENROLL_ME"), "{variables}");
}

#[test]
fn zsh_loads_them_and_completes_after_a_comma() {
    if judge("zsh").is_none() {
        return;
    }
    let desk = Desk::new();
    desk.ends(0, "mkdir -p site home && stampwright completions zsh > site/_stampwright");
    desk.ends(0, "zsh -n site/_stampwright");
    // zsh completes on a terminal only: its own module for one types a line and a tab.
    desk.write(
        "complete.zsh",
        "zmodload zsh/zpty\n\
         zpty z zsh -f -i\n\
         zpty -w z 'PS1=; fpath=($PWD/site $fpath); autoload -Uz compinit; compinit -u -d $PWD/home/dump; print ready-$((40+2))'\n\
         zpty -r z out '*ready-42*'\n\
         zpty -w -n z \"$1\"$'\\t'\n\
         sleep 2\n\
         zpty -w -n z $'\\t'\n\
         sleep 1\n\
         while zpty -r -t z out; do print -r -- \"$out\"; done\n\
         zpty -d z\n",
    );
    let complete = |line: &str| desk.ends(0, &format!("TERM=dumb HOME=$PWD/home zsh -f complete.zsh '{line}'"));
    let first = complete("stampwright build --format ms");
    assert!(first.contains("--format msi"), "{first}");
    let second = complete("stampwright build --format msi,pk");
    assert!(second.contains("msi,pkg"), "{second}");
}

#[test]
fn fish_loads_them_and_completes() {
    if judge("fish").is_none() {
        return;
    }
    let desk = Desk::new();
    desk.ends(0, "mkdir home; stampwright completions fish > s.fish && HOME=$PWD/home fish --no-execute s.fish");
    let said = desk.ends(0, "HOME=$PWD/home fish -c 'source s.fish; complete -C \"stampwright ver\"'");
    assert!(said.contains("verify"), "{said}");
    let said = desk.ends(0, "HOME=$PWD/home fish -c 'source s.fish; complete -C \"stampwright verify --profile gp\"'");
    assert!(said.contains("gpo"), "{said}");
}

#[test]
fn manual_pages_render_without_a_warning() {
    if judge("man").is_none() || judge("groff").is_none() {
        return;
    }
    let desk = Desk::new();
    let said = desk.ends(0, "stampwright man -o man");
    assert!(said.contains("pages to man"), "{said}");
    let mut pages = 0;
    for entry in std::fs::read_dir(desk.file("man")).unwrap() {
        let path = entry.unwrap().path();
        let line = format!(
            "MANWIDTH=80 man --warnings -E UTF-8 -l -P cat {} > page 2> warnings; cat warnings",
            path.display()
        );
        assert_eq!(desk.ends(0, &line), "", "{}", path.display());
        let page = String::from_utf8_lossy(&desk.read("page")).into_owned();
        assert!(page.contains("SYNOPSIS") && page.contains("stampwright"), "{page}");
        pages += 1;
    }
    assert!(pages > 18, "{pages} pages");
    desk.ends(0, "stampwright man | head -c 20 | grep -q ie");
}
