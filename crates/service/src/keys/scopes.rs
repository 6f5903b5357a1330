//! What a key may do.

use std::fmt;

/// One thing that a key may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Stamp and download installers.
    Stamp,
    /// Make and revoke links.
    Links,
    /// Mint and revoke tokens, and report their uses.
    Tokens,
    /// Add and withdraw bases.
    Bases,
    /// See bases, tokens and the ledger.
    Read,
    /// Everything, and keys.
    Admin,
}

impl Scope {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [Self::Stamp, Self::Links, Self::Tokens, Self::Bases, Self::Read, Self::Admin];

    /// Its name.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stamp => "stamp",
            Self::Links => "links",
            Self::Tokens => "tokens",
            Self::Bases => "bases",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// What a key may do, all of it. Prints as the names, with commas between them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

/// A name that no scope has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the scope \"{0}\" is not known, must be stamp, links, tokens, bases, read or admin")]
pub(crate) struct UnknownScope(String);

impl Scopes {
    /// These.
    #[must_use]
    pub(crate) fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |all, scope| all | scope.bit()))
    }

    /// Reads names with commas between them.
    pub(crate) fn parse(names: &str) -> Result<Self, UnknownScope> {
        let mut found = Self(0);
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let scope = Scope::ALL.into_iter().find(|scope| scope.name() == name);
            found.0 |= scope.ok_or_else(|| UnknownScope(name.to_owned()))?.bit();
        }
        Ok(found)
    }

    /// Whether this is among them. `admin` allows everything.
    #[must_use]
    pub(crate) const fn allow(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for scope in Scope::ALL.into_iter().filter(|scope| self.0 & scope.bit() != 0) {
            write!(f, "{comma}{}", scope.name())?;
            comma = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_in_and_out() {
        let scopes = Scopes::parse("links, stamp").unwrap();
        assert_eq!(scopes.to_string(), "stamp,links");
        assert!(scopes.allow(Scope::Stamp) && scopes.allow(Scope::Links) && !scopes.allow(Scope::Tokens));
        assert_eq!(Scopes::parse("stamp,root").unwrap_err(), UnknownScope("root".to_owned()));
        assert_eq!(Scopes::parse(&Scopes::of(&Scope::ALL).to_string()), Ok(Scopes::of(&Scope::ALL)));
    }

    #[test]
    fn an_administrator_may_do_everything_and_no_scope_nothing() {
        assert!(Scope::ALL.into_iter().all(|scope| Scopes::of(&[Scope::Admin]).allow(scope)));
        assert!(!Scope::ALL.into_iter().any(|scope| Scopes::of(&[]).allow(scope)));
    }
}
