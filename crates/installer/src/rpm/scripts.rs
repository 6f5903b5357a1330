//! The scriptlets. Four of its own, for rpm's arguments and order: a failing `%pre` stops an installation, a failing `%post` does
//! not; the old package's scriptlets run after the new one's, so the new one does what an upgrade needs.

use container::rpm::{Value, Writer, tag};
use serde::Serialize;

use super::depends::{POST, POSTUN, PRE, PREUN};
use super::mark::Mark;
use crate::format::BuildError;
use crate::product::Product;
use crate::systemd::unit_name;
use crate::template::{Escape, render};

/// What runs them.
const SHELL: &str = "/bin/sh";

/// A product's scriptlets.
pub(super) struct Scripts {
    /// Without their first line, the mark. `None`: the package has no place for a token.
    marked: Option<(String, String)>,
    /// What there is without a mark.
    plain: Vec<Plain>,
}

/// A scriptlet: its tag, that of what runs it, the flag of what it requires, its text.
type Plain = (u32, u32, u32, String);

impl Scripts {
    pub(super) fn new(product: &Product) -> Result<Self, BuildError> {
        #[derive(Serialize)]
        struct Data<'a> {
            package: &'a str,
            name: &'a str,
            unit: Option<String>,
            token_slot: bool,
            token_required: bool,
        }
        let data = Data {
            package: product.package(),
            name: product.name(),
            unit: product.service().map(unit_name),
            token_slot: product.token_slot(),
            token_required: product.token_required(),
        };
        let fill = |name, text| render(name, text, Escape::Shell, &data);
        let post = || fill("rpm/post.hbs", include_str!("../../../../templates/rpm/post.hbs"));
        let marked = match product.token_slot() {
            true => Some((fill("rpm/pre.hbs", include_str!("../../../../templates/rpm/pre.hbs"))?, post()?)),
            false => None,
        };
        let mut plain = Vec::new();
        if data.unit.is_some() {
            if marked.is_none() {
                plain.push((tag::POSTIN, tag::POSTINPROG, POST, post()?));
            }
            let preun = fill("rpm/preun.hbs", include_str!("../../../../templates/rpm/preun.hbs"))?;
            plain.push((tag::PREUN, tag::PREUNPROG, PREUN, preun));
        }
        if data.unit.is_some() || marked.is_some() {
            let postun = fill("rpm/postun.hbs", include_str!("../../../../templates/rpm/postun.hbs"))?;
            plain.push((tag::POSTUN, tag::POSTUNPROG, POSTUN, postun));
        }
        Ok(Self { marked, plain })
    }

    /// The scriptlets that there are, by the flags of what they require.
    pub(super) fn flags(&self) -> Vec<u32> {
        let marked = self.marked.as_ref().map(|_| [PRE, POST]);
        marked.into_iter().flatten().chain(self.plain.iter().map(|(_, _, flag, _)| *flag)).collect()
    }

    /// Puts them into a base's header.
    pub(super) fn put(&self, header: &mut Writer) {
        if let Some((pre, post)) = &self.marked {
            put_marked(header, &Mark::base(), pre, post);
            header.put(tag::PREINPROG, Value::text(SHELL)).put(tag::POSTINPROG, Value::text(SHELL));
        }
        for (tag, program, _, text) in &self.plain {
            header.put(*tag, Value::text(&**text)).put(*program, Value::text(SHELL));
        }
    }
}

/// Puts in the two scriptlets that have a mark.
pub(super) fn put_marked(header: &mut Writer, mark: &Mark, pre: &str, post: &str) {
    header.put(tag::PREIN, Value::text(mark.script(pre))).put(tag::POSTIN, Value::text(mark.script(post)));
}
