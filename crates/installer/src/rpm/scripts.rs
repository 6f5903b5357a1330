//! The scriptlets. Four of its own, for rpm's arguments and order: a failing `%pre` stops an installation, a failing `%post` does
//! not; the old package's scriptlets run after the new one's, so the new one does what an upgrade needs.

use container::rpm::{Value, Writer, tag};
use serde::Serialize;

use super::depends::{POST, POSTUN, PRE, PREUN};
use super::mark::Mark;
use super::tree::unit_name;
use crate::format::BuildError;
use crate::product::Product;
use crate::template::{Escape, render};

/// What runs them.
const SHELL: &str = "/bin/sh";

/// A product's scriptlets.
pub(super) struct Scripts {
    /// Without their first line, the mark.
    pub(super) pre: String,
    pub(super) post: String,
    preun: Option<String>,
    postun: String,
}

impl Scripts {
    pub(super) fn new(product: &Product) -> Result<Self, BuildError> {
        #[derive(Serialize)]
        struct Data<'a> {
            package: &'a str,
            name: &'a str,
            unit: Option<String>,
            token_required: bool,
            /// What two of them do when the service itself runs them.
            later: &'static str,
        }
        let data = Data {
            package: product.package(),
            name: product.name(),
            unit: product.service().map(unit_name),
            token_required: product.token_required(),
            later: include_str!("../../../../templates/rpm/later.sh"),
        };
        let fill = |name, text| render(name, text, Escape::Shell, &data);
        let preun = || fill("rpm/preun.hbs", include_str!("../../../../templates/rpm/preun.hbs"));
        Ok(Self {
            pre: fill("rpm/pre.hbs", include_str!("../../../../templates/rpm/pre.hbs"))?,
            post: fill("rpm/post.hbs", include_str!("../../../../templates/rpm/post.hbs"))?,
            preun: data.unit.is_some().then(preun).transpose()?,
            postun: fill("rpm/postun.hbs", include_str!("../../../../templates/rpm/postun.hbs"))?,
        })
    }

    /// The scriptlets that there are, by the flags of what they require.
    pub(super) fn flags(&self) -> Vec<u32> {
        let preun = self.preun.as_ref().map(|_| PREUN);
        [PRE, POST].into_iter().chain(preun).chain([POSTUN]).collect()
    }

    /// Puts them into a base's header.
    pub(super) fn put(&self, header: &mut Writer) {
        put_marked(header, &Mark::base(), &self.pre, &self.post);
        header
            .put(tag::PREINPROG, Value::text(SHELL))
            .put(tag::POSTINPROG, Value::text(SHELL))
            .put(tag::POSTUN, Value::text(&*self.postun))
            .put(tag::POSTUNPROG, Value::text(SHELL));
        if let Some(preun) = &self.preun {
            header.put(tag::PREUN, Value::text(&**preun)).put(tag::PREUNPROG, Value::text(SHELL));
        }
    }
}

/// Puts in the two scriptlets that have a mark.
pub(super) fn put_marked(header: &mut Writer, mark: &Mark, pre: &str, post: &str) {
    header.put(tag::PREIN, Value::text(mark.script(pre))).put(tag::POSTIN, Value::text(mark.script(post)));
}
