//! What frameworks' things are called in the API. Pure.
//!
//! Identifiers of Mesos are any text without slashes, as long as 255 bytes. Labels and names hold as much of them as the
//! rules allow; the exact text is in an annotation ([`kubernel_meta::mesos`]).

use sha2::{Digest, Sha256};

/// The runtime class of what runs without an image.
pub(crate) const PROCESS: &str = kubernel_meta::processes::RUNTIME_CLASS;

/// The longest label, and part of a name.
const LABEL_BYTES_MAX: usize = 63;
/// How much of an identifier a name keeps before the digest.
const READABLE_BYTES_MAX: usize = 40;

/// The name of a Framework object: its identifier where that is a name, otherwise a digest of it.
pub(crate) fn framework(id: &str) -> String {
    if is_label(id) { id.to_owned() } else { format!("framework-{}", digest(&[id])) }
}

/// The name of a Pod for a task or executor of a framework: readable, and no other's.
pub(crate) fn pod(framework: &str, what: &str, id: &str) -> String {
    let readable = slug(id, READABLE_BYTES_MAX);
    let digest = digest(&[framework, what, id]);
    if readable.is_empty() { format!("{what}-{digest}") } else { format!("{readable}-{digest}") }
}

/// The name of a container for a task in a group.
pub(crate) fn container(task: &str) -> String {
    if is_label(task) { task.to_owned() } else { pod("", "task", task) }
}

/// As much of a text as a label's value may hold.
pub(crate) fn label(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let value: String = text.chars().map(|c| if fits(c) { c } else { '_' }).take(LABEL_BYTES_MAX).collect();
    value.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// Ten digits that differ where the texts differ.
pub(crate) fn digest(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.len().to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text is a DNS label.
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.len() <= LABEL_BYTES_MAX && slug(text, LABEL_BYTES_MAX) == text
}

/// What of a text a DNS label may hold.
fn slug(text: &str, bytes_max: usize) -> String {
    let lower = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let cut: String = lower.take(bytes_max).collect();
    cut.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_become_names_and_labels() {
        let id = "6f1c2c9e-0c1e-4b7f-9a43-0d9d1f6f2d11-0001";
        assert_eq!(framework(id), id);
        assert_eq!(framework("Marathon_1").len(), "framework-".len() + 10);
        assert_ne!(framework("a/b"), framework("a_b"));
        for (task, expected) in [("web.1", "web-1-"), ("7", "7-"), ("__", "task-"), ("Ä ö", "task-")] {
            let name = pod(id, "task", task);
            assert!(name.starts_with(expected) && is_label(&name), "{task}: {name}");
        }
        assert_ne!(pod("f", "task", "1"), pod("g", "task", "1"));
        assert_ne!(pod("f", "task", "1"), pod("f", "executor", "1"));
        assert!(is_label(&pod(id, "task", &"x".repeat(255))));
        for (text, expected) in [("a:b", "a_b"), (".x.", "x"), ("", ""), ("ok-1_2.3", "ok-1_2.3")] {
            assert_eq!(label(text), expected);
        }
        assert_eq!((container("web"), container("Web").starts_with("web-")), ("web".to_owned(), true));
    }
}
