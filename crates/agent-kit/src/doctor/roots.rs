//! Roots in stores that a service does not see. A person who installs the root of an inspecting proxy often puts it into his own store: his
//! browser works then, and the agent does not.

/// The certificates of a store, by their thumbprints (SHA-1 in hex: the names of their keys in the registry).
pub(super) type Store = Vec<String>;

/// For each user the roots that the machine's stores do not have: the evidence, a line a user.
pub(super) fn only_of_users(machine: &Store, users: &[(String, Store)]) -> Vec<String> {
    let is_new = |root: &&String| !machine.iter().any(|known| known.eq_ignore_ascii_case(root));
    let own = users.iter().map(|(user, store)| (user, store.iter().filter(is_new).collect::<Vec<_>>()));
    let line = |(user, roots): (&String, Vec<&String>)| {
        let first = roots.first()?;
        Some(format!(
            "the store of user {user} has {} roots that the machine's does not have, the first is {first}",
            roots.len()
        ))
    };
    own.filter_map(line).take(8).collect()
}

/// What Windows keeps of both kinds: LocalMachine's own and by policy, and those of the users whose registry is loaded.
#[cfg(windows)]
pub(super) fn of_this_system() -> Vec<String> {
    use windows_registry::{Key, LOCAL_MACHINE, USERS};
    let store = |key: &Key, path: &str| -> Store {
        let names = key.open(path).and_then(|key| Ok(key.keys()?.take(4096).collect()));
        names.unwrap_or_default()
    };
    let machine = [
        r"SOFTWARE\Microsoft\SystemCertificates\ROOT\Certificates",
        r"SOFTWARE\Microsoft\SystemCertificates\AuthRoot\Certificates",
        r"SOFTWARE\Policies\Microsoft\SystemCertificates\Root\Certificates",
        r"SOFTWARE\Microsoft\EnterpriseCertificates\Root\Certificates",
    ];
    let machine: Store = machine.iter().flat_map(|path| store(LOCAL_MACHINE, path)).collect();
    let users: Vec<String> = USERS.keys().map(|keys| keys.take(64).collect()).unwrap_or_default();
    let users = users.into_iter().map(|user| {
        let path = format!(r"{user}\SOFTWARE\Microsoft\SystemCertificates\Root\Certificates");
        let roots = store(USERS, &path);
        (user, roots)
    });
    only_of_users(&machine, &users.collect::<Vec<_>>())
}

/// A root is trusted for all users or for none on Linux; what a browser keeps is its own. A keychain of macOS opens for its user alone.
#[cfg(not(windows))]
pub(super) fn of_this_system() -> Vec<String> {
    only_of_users(&Store::new(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_of_a_user_alone_is_named() {
        let store = |roots: &[&str]| roots.iter().map(|root| (*root).to_owned()).collect::<Store>();
        let users = [
            ("S-1-5-21-1".to_owned(), store(&["AA01", "bb02"])),
            ("S-1-5-21-2".to_owned(), store(&["bb02"])),
            ("S-1-5-18".to_owned(), store(&[])),
        ];
        assert_eq!(
            only_of_users(&store(&["BB02"]), &users),
            ["the store of user S-1-5-21-1 has 1 roots that the machine's does not have, the first is AA01"]
        );
        assert!(only_of_users(&store(&["AA01", "BB02"]), &users).is_empty());
    }
}
