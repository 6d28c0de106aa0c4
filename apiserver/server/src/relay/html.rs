//! The links of an HTML page: found where tags and attributes say that there is one, and replaced. Everything else is
//! copied byte by byte, whatever it is.

/// Which attributes of which tags are URLs, as HTML says.
const LINKS: [(&str, &[&str]); 25] = [
    ("a", &["href"]),
    ("applet", &["codebase"]),
    ("area", &["href"]),
    ("audio", &["src"]),
    ("base", &["href"]),
    ("blockquote", &["cite"]),
    ("body", &["background"]),
    ("button", &["formaction"]),
    ("command", &["icon"]),
    ("del", &["cite"]),
    ("embed", &["src"]),
    ("form", &["action"]),
    ("frame", &["longdesc", "src"]),
    ("head", &["profile"]),
    ("html", &["manifest"]),
    ("iframe", &["longdesc", "src"]),
    ("img", &["longdesc", "src", "usemap"]),
    ("input", &["src", "usemap", "formaction"]),
    ("ins", &["cite"]),
    ("link", &["href"]),
    ("object", &["classid", "codebase", "data", "usemap"]),
    ("q", &["cite"]),
    ("script", &["src"]),
    ("source", &["src"]),
    ("video", &["poster", "src"]),
];
/// Tags whose content is text up to their end, whatever it looks like.
const RAW: [&str; 8] = ["iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"];

/// The page with each of its links as `link` wants it.
pub(super) fn rewrite(page: &[u8], link: &dyn Fn(&str) -> String) -> Vec<u8> {
    let mut out = Vec::with_capacity(page.len() + page.len() / 8);
    let mut rest = page;
    while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let after = match rest.get(1) {
            Some(c) if c.is_ascii_alphabetic() => tag(rest, link, &mut out),
            Some(b'!') if rest.starts_with(b"<!--") => copy_past(rest, 4, b"-->", &mut out),
            Some(b'!' | b'/' | b'?') => copy_past(rest, 2, b">", &mut out),
            _ => copy_past(rest, 0, b"<", &mut out),
        };
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

/// Copies up to and with `end`, which is looked for from `from` on; everything, where there is none.
fn copy_past<'a>(text: &'a [u8], from: usize, end: &[u8], out: &mut Vec<u8>) -> &'a [u8] {
    let found = text[from..].windows(end.len()).position(|window| window == end);
    let (copied, rest) = text.split_at(found.map_or(text.len(), |at| from + at + end.len()));
    out.extend_from_slice(copied);
    rest
}

/// Copies a start tag with its links replaced, and the text that is its content where it is of that kind.
fn tag<'a>(text: &'a [u8], link: &dyn Fn(&str) -> String, out: &mut Vec<u8>) -> &'a [u8] {
    let is_name_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
    let name_end = text.iter().position(is_name_end).unwrap_or(text.len());
    let name = String::from_utf8_lossy(&text[1..name_end]).to_ascii_lowercase();
    let wanted = LINKS.iter().find(|(tag, _)| *tag == name).map_or(&[][..], |(_, attributes)| attributes);
    out.extend_from_slice(&text[..name_end]);
    let mut rest = &text[name_end..];
    loop {
        let blanks = rest.iter().position(|byte| !(byte.is_ascii_whitespace() || *byte == b'/')).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..blanks]);
        rest = &rest[blanks..];
        if let Some((b'>', after)) = rest.split_first() {
            out.push(b'>');
            rest = after;
            break;
        }
        if rest.is_empty() {
            return rest;
        }
        rest = attribute(rest, wanted, link, out);
    }
    if RAW.contains(&name.as_str()) {
        let end = raw_end(rest, &name);
        out.extend_from_slice(&rest[..end]);
        rest = &rest[end..];
    }
    rest
}

/// Copies an attribute, its value replaced where it is one of the wanted.
fn attribute<'a>(text: &'a [u8], wanted: &[&str], link: &dyn Fn(&str) -> String, out: &mut Vec<u8>) -> &'a [u8] {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=');
    // An equals sign at the very beginning is part of the name.
    let end = 1 + text[1..].iter().position(is_end).unwrap_or(text.len() - 1);
    let name = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
    let blanks = |text: &[u8]| text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(text.len());
    let equals = end + blanks(&text[end..]);
    if text.get(equals) != Some(&b'=') {
        out.extend_from_slice(&text[..end]);
        return &text[end..];
    }
    let start = equals + 1 + blanks(&text[equals + 1..]);
    let (value, stop) = match text.get(start) {
        Some(quote @ (b'"' | b'\'')) => {
            let length = text[start + 1..].iter().position(|byte| byte == quote);
            let close = length.map_or(text.len(), |length| start + 1 + length);
            (&text[start + 1..close], (close + 1).min(text.len()))
        }
        _ => {
            let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
            let stop = start + text[start..].iter().position(is_end).unwrap_or(text.len() - start);
            (&text[start..stop], stop)
        }
    };
    let replaced = wanted.contains(&name.as_str()).then(|| std::str::from_utf8(value).ok()).flatten().and_then(|old| {
        let old = unescape(old);
        let new = link(&old);
        (new != old).then_some(new)
    });
    match replaced {
        Some(new) => {
            out.extend_from_slice(&text[..start]);
            out.push(b'"');
            out.extend_from_slice(escape(&new).as_bytes());
            out.push(b'"');
        }
        None => out.extend_from_slice(&text[..stop]),
    }
    &text[stop..]
}

/// Where the content of a tag ends that is text: at its end tag, or nowhere.
fn raw_end(text: &[u8], name: &str) -> usize {
    let is_end = |at: &usize| {
        let Some(word) = text[*at..].strip_prefix(b"</") else { return false };
        word.len() >= name.len()
            && word[..name.len()].eq_ignore_ascii_case(name.as_bytes())
            && word.get(name.len()).is_none_or(|c| c.is_ascii_whitespace() || matches!(c, b'/' | b'>'))
    };
    let brackets = text.iter().enumerate().filter(|(_, byte)| **byte == b'<').map(|(at, _)| at);
    brackets.into_iter().find(is_end).unwrap_or(text.len())
}

const ENTITIES: [(&str, &str); 5] = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#34;", "\"")];

fn unescape(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, plain) in ENTITIES {
        text = text.replace(entity, plain);
    }
    text.replace("&amp;", "&")
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('\'', "&#39;").replace('"', "&#34;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let link = |url: &str| if url.starts_with('/') { format!("/p{url}") } else { url.to_owned() };
        for (page, wanted) in [
            ("plain & simple", "plain & simple"),
            ("<a href=\"/x\">x</a>", "<a href=\"/p/x\">x</a>"),
            ("<A\n HREF = '/x' id=a>", "<A\n HREF = \"/p/x\" id=a>"),
            ("<a href=/x>", "<a href=\"/p/x\">"),
            ("<a href=/x/>", "<a href=\"/p/x/\">"),
            ("<img src=/x />", "<img src=\"/p/x\" />"),
            ("<a href='x'>", "<a href='x'>"),
            ("<a title=\"/x\" href=\"/?a&amp;b\">", "<a title=\"/x\" href=\"/p/?a&amp;b\">"),
            ("<p href=\"/x\">", "<p href=\"/x\">"),
            ("<input disabled src=/x>", "<input disabled src=\"/p/x\">"),
            ("<!-- <a href=\"/x\"> --><a href=\"/x\">", "<!-- <a href=\"/x\"> --><a href=\"/p/x\">"),
            ("<!DOCTYPE html><html manifest='/m'>", "<!DOCTYPE html><html manifest=\"/p/m\">"),
            (
                "<script src=/s>if (a<b) '<a href=/x>'</script><a href=/x>",
                "<script src=\"/p/s\">if (a<b) '<a href=/x>'</script><a href=\"/p/x\">",
            ),
            ("a < b <", "a < b <"),
            ("<a href=\"/x", "<a href=\"/p/x\""),
            ("<a href", "<a href"),
            ("<a =", "<a ="),
            ("<", "<"),
        ] {
            assert_eq!(String::from_utf8_lossy(&rewrite(page.as_bytes(), &link)), wanted, "{page}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_no_link_stays(page in "[<>a-c='\"/! -]{0,60}") {
            proptest::prop_assert_eq!(rewrite(page.as_bytes(), &str::to_owned), page.into_bytes());
        }
    }
}
