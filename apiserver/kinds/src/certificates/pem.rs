//! The blocks of a text in PEM (RFC 7468); what is between them, and what is no block, does not count.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN ";

/// A block.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// `CERTIFICATE`.
    pub(super) label: &'a str,
    /// Whether there are headers before the body (RFC 1421).
    pub(super) has_headers: bool,
    /// What the text between the lines says.
    pub(super) body: Vec<u8>,
}

/// All blocks of a text, in order.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        rest = after;
        let Some((label, after)) = after.split_once("-----") else { break };
        let Some((inside, after)) = after.split_once(&format!("-----END {label}-----")) else { continue };
        let has_headers = inside.contains(':');
        let body = inside.rsplit_once("\n\n").filter(|_| has_headers).map_or(inside, |(_, body)| body);
        let body: String = body.split_whitespace().collect();
        if let Ok(body) = STANDARD.decode(body) {
            out.push(Block { label, has_headers, body });
            rest = after;
        }
    }
    out
}
