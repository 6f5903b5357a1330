//! What macOS says of the agent: launchd, code signing, Gatekeeper, and the list of background items. The words are those of Apple's programs.

/// `launchctl print`: a state, or that there is no such service.
pub(super) fn judge_launchd(text: &str) -> Option<&'static str> {
    match () {
        () if text.contains("Could not find service") => Some("service-missing"),
        () if text.contains("state = running") => None,
        () if text.contains("last exit code = 0") || text.contains("never exited") => Some("service-stopped"),
        () => Some("service-crashing"),
    }
}

/// `launchctl print-disabled system`: `"LABEL" => disabled`, before macOS 13 `=> true`. A person turns a background item off in the settings.
pub(super) fn judge_disabled(text: &str, label: &str) -> Option<&'static str> {
    let name = format!("\"{label}\"");
    let state = text.lines().find_map(|line| line.trim().strip_prefix(&name)?.trim().strip_prefix("=>"))?;
    ["disabled", "true"].contains(&state.trim()).then_some("background-item-off")
}

/// `codesign --verify --strict`: nothing when all is well, else a sentence.
pub(super) fn judge_signature(text: &str) -> Option<&'static str> {
    let broken = ["invalid signature", "sealed resource", "code or signature have been modified"];
    match () {
        () if text.contains("not signed at all") => Some("agent-unsigned"),
        () if broken.iter().any(|words| text.contains(words)) => Some("agent-changed"),
        () => None,
    }
}

/// `spctl --assess --type execute -v`: `accepted`, or `rejected` and the source.
pub(super) fn judge_assessment(text: &str) -> Option<&'static str> {
    match () {
        () if !text.contains("rejected") => None,
        () if text.contains("Unnotarized") => Some("agent-not-notarized"),
        () => Some("agent-rejected"),
    }
}

/// `profiles status -type enrollment`: whether the Mac is enrolled in device management, by which profiles and managed preferences come.
pub(super) fn judge_management(text: &str) -> Option<&'static str> {
    let state = text.lines().find_map(|line| line.trim().strip_prefix("MDM enrollment:"))?;
    state.trim().starts_with("No").then_some("mdm-not-enrolled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchd_is_understood() {
        assert_eq!(judge_launchd("Could not find service \"x\" in domain for system"), Some("service-missing"));
        assert_eq!(judge_launchd("\tstate = running\n"), None);
        assert_eq!(judge_launchd("\tstate = spawn scheduled\n\tlast exit code = 78\n"), Some("service-crashing"));
        let list = |state: &str| {
            format!(
                "\tdisabled services = {{\n\t\t\"com.example.other\" => enabled\n\t\t\"com.example.probe\" => {state}\n\t}}\n"
            )
        };
        for (state, expected) in [
            ("disabled", Some("background-item-off")),
            ("true", Some("background-item-off")),
            ("enabled", None),
            ("false", None),
        ] {
            assert_eq!(judge_disabled(&list(state), "com.example.probe"), expected, "{state}");
        }
        assert_eq!(judge_disabled(&list("disabled"), "com.example"), None, "another label");
        assert_eq!(judge_disabled("", "com.example.probe"), None);
    }

    #[test]
    fn device_management_is_understood() {
        let said = |state: &str| judge_management(&format!("Enrolled via DEP: No\nMDM enrollment: {state}\n"));
        assert_eq!(said("No"), Some("mdm-not-enrolled"));
        assert_eq!((said("Yes"), said("Yes (User Approved)")), (None, None));
        assert_eq!(judge_management("profiles: the command needs root"), None, "it may not look");
    }

    #[test]
    fn signatures_and_gatekeeper_are_understood() {
        assert_eq!(judge_signature(""), None);
        assert_eq!(judge_signature("/x/agent: code object is not signed at all\n"), Some("agent-unsigned"));
        let changed = "/x/agent: invalid signature (code or signature have been modified)\nIn architecture: arm64\n";
        assert_eq!(judge_signature(changed), Some("agent-changed"));
        assert_eq!(judge_signature("/x/App.app: a sealed resource is missing or invalid\n"), Some("agent-changed"));
        assert_eq!(judge_assessment("/x/agent: accepted\nsource=Notarized Developer ID\n"), None);
        let rejected = |source: &str| judge_assessment(&format!("/x/agent: rejected\nsource={source}\n"));
        assert_eq!(rejected("Unnotarized Developer ID"), Some("agent-not-notarized"));
        assert_eq!(rejected("no usable signature"), Some("agent-rejected"));
    }
}
