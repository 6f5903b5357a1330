//! The unit that systemd runs the agent by: the same in a deb and in an rpm.

use serde::Serialize;

use crate::product::{Platform, Product, Restart, Service};
use crate::template::{Escape, TemplateError, render, systemd_word};

/// The unit's file name.
pub(crate) fn unit_name(service: &Service) -> String {
    format!("{}.service", service.name)
}

/// The unit's text; `agent` is the program's path below the root.
pub(crate) fn unit(product: &Product, service: &Service, agent: &str) -> Result<String, TemplateError> {
    #[derive(Serialize)]
    struct Data<'a> {
        description: String,
        homepage: Option<&'a str>,
        command: String,
        restart: &'static str,
        restart_delay_secs: u32,
    }
    let mut command = format!("/{agent}");
    for argument in service.arguments(Platform::Linux) {
        command.push(' ');
        command.push_str(&systemd_word(argument));
    }
    // A backslash at the end of a line would continue it (systemd.syntax(7)); one before a space does not.
    let description = &service.description;
    let end = if description.ends_with('\\') { " " } else { "" };
    let data = Data {
        description: format!("{description}{end}"),
        homepage: product.homepage(),
        command,
        restart: match service.restart {
            Restart::Always => "always",
            Restart::OnFailure => "on-failure",
            Restart::Never => "no",
        },
        restart_delay_secs: service.restart_delay_secs,
    };
    let template = include_str!("../../../templates/linux/unit.service.hbs");
    render("linux/unit.service.hbs", template, Escape::Systemd, &data)
}
