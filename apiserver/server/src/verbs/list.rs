//! LIST: copies of the store's bytes, chosen by its index.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use kubernel_kinds::Source;
use kubernel_meta::{ApiError, ListOptions, ResourceVersionMatch};
use kubernel_store::{At, Entry, Snapshot, StoreError};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::resources::Resource;
use crate::respond::{Answer, Item, List};
use crate::{ApiServer, crds, request};

use super::select::Select;
use super::{live, parse_version, store_error};

/// How many custom objects are brought into another version at once.
const SEEN_AT_ONCE: usize = 500;
const TOKEN_VERSION: &str = "meta.k8s.io/v1";
const INCONSISTENT: &str = "The provided continue parameter is too old to display a consistent list result. You can \
    start a new list without the continue parameter, or use the continue token in this response to retrieve the \
    remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were \
    created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// Reads what Go reads: trailing bits that mean nothing are ignored.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// What a continue token says.
#[derive(Serialize, Deserialize)]
struct Token {
    #[serde(default)]
    v: String,
    /// The snapshot's revision; -1 goes on in whatever is the latest.
    #[serde(default)]
    rv: i64,
    /// The last key that was listed, relative to the collection, with a NUL behind it.
    #[serde(default)]
    start: String,
}

/// What a page holds.
pub(crate) struct Page {
    /// The entries.
    pub(crate) entries: Vec<Arc<Entry>>,
    /// The snapshot's revision.
    pub(crate) revision: u64,
    /// How to go on; empty where this is all.
    pub(crate) continue_token: String,
    /// How many more there are, where that is known.
    pub(crate) remaining: Option<u64>,
}

/// Answers a LIST.
pub(crate) async fn list(context: &Context, resource: &Arc<Resource>) -> Result<Answer, ApiError> {
    let options = request::list_options(&context.query, false)?;
    if resource.kind.source != Source::Store {
        return live::list(context, resource, &options);
    }
    let page = page(context, resource, &options).await?;
    let items = page.entries.into_iter().map(Item::Stored).collect();
    let (revision, continue_token, remaining) = (page.revision, page.continue_token, page.remaining);
    Ok(Answer::List(resource.clone(), List { items, revision, continue_token, remaining }))
}

/// The entries that options ask for, in the collection that the request's path names.
pub(crate) async fn page(context: &Context, resource: &Resource, options: &ListOptions) -> Result<Page, ApiError> {
    let select = Select::new(resource, options)?;
    let namespace = match context.info.namespace.as_str() {
        "" => select.namespace().unwrap_or_default(),
        named => named,
    };
    let prefix = resource.collection_prefix(namespace);
    // The token counts from the collection of the path, whatever the selector narrows it to.
    let token_prefix = resource.collection_prefix(&context.info.namespace);
    let mut after = String::new();
    let at = if options.continue_token.is_empty() {
        at(options)?
    } else {
        if options.resource_version.as_deref().is_some_and(|version| version != "0") {
            return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
        }
        let token = read_token(&options.continue_token)
            .map_err(|e| ApiError::bad_request(format!("invalid continue token: {e}")))?;
        after = format!("{token_prefix}{}", token.start.trim_end_matches('\0'));
        u64::try_from(token.rv).map_or(At::Latest, At::Exact)
    };
    let snapshot = context.server.store().snapshot(&prefix, at).await.map_err(|error| match error {
        StoreError::Compacted { .. } if !options.continue_token.is_empty() => {
            let start = format!("{}\0", after.strip_prefix(token_prefix.as_str()).unwrap_or_default());
            ApiError::expired(INCONSISTENT).with_continue(write_token(-1, &start))
        }
        other => store_error(other),
    })?;
    let range = Range { resource, select: &select, options, prefix: &prefix, token_prefix: &token_prefix, namespace };
    if resource.custom.is_some() {
        return range.collect_custom(&context.server, &*snapshot, &after).await;
    }
    Ok(range.collect(&*snapshot, &after))
}

/// What a page is cut out of.
struct Range<'a> {
    resource: &'a Resource,
    select: &'a Select,
    options: &'a ListOptions,
    prefix: &'a str,
    token_prefix: &'a str,
    namespace: &'a str,
}

impl Range<'_> {
    fn collect(&self, snapshot: &dyn Snapshot, after: &str) -> Page {
        let Self { resource, select, prefix, namespace, .. } = *self;
        let mut page = empty_page(snapshot);
        if let (Some(name), true) = (select.name(), !resource.kind.namespaced || !namespace.is_empty()) {
            page.entries.extend(snapshot.get(&resource.key(namespace, name)).filter(|entry| select.entry(entry)));
            return page;
        }
        let limit = self.limit();
        let mut matching = snapshot.range(prefix, after).filter(|entry| select.entry(entry));
        if limit == 0 {
            page.entries.extend(matching);
            return page;
        }
        page.entries.extend(matching.by_ref().take(limit));
        if matching.next().is_some() {
            self.cut(&mut page);
            if select.is_everything() {
                page.remaining = Some(1 + matching.count() as u64);
            }
        }
        page
    }

    /// The same of custom resources, whose stored objects may first have to be brought into the version that is asked for.
    async fn collect_custom(&self, server: &ApiServer, snapshot: &dyn Snapshot, after: &str) -> Result<Page, ApiError> {
        let Self { resource, select, prefix, namespace, .. } = *self;
        let mut page = empty_page(snapshot);
        if let (Some(name), true) = (select.name(), !resource.kind.namespaced || !namespace.is_empty()) {
            let found = snapshot.get(&resource.key(namespace, name)).into_iter().collect();
            page.entries = crds::seen(server, resource, found).await?;
            page.entries.retain(|entry| select.entry(entry));
            return Ok(page);
        }
        let limit = self.limit();
        let mut after = after.to_owned();
        loop {
            let part: Vec<Arc<Entry>> = snapshot.range(prefix, &after).take(SEEN_AT_ONCE).collect();
            let Some(last) = part.last() else { return Ok(page) };
            after = last.key.to_string();
            for entry in crds::seen(server, resource, part).await? {
                if !select.entry(&entry) {
                    continue;
                }
                if limit > 0 && page.entries.len() == limit {
                    self.cut(&mut page);
                    if select.is_everything() {
                        page.remaining = Some(snapshot.range(prefix, &entry.key).count() as u64 + 1);
                    }
                    return Ok(page);
                }
                page.entries.push(entry);
            }
        }
    }

    /// How many entries a page has at most; 0 is any number.
    fn limit(&self) -> usize {
        // A list of whatever is at hand is not cut into pages, as upstream's watch cache does not.
        let whole = self.options.resource_version.as_deref() == Some("0") && self.options.continue_token.is_empty();
        if whole { 0 } else { usize::try_from(self.options.limit).unwrap_or(usize::MAX) }
    }

    /// Says how to go on behind the page's last entry.
    fn cut(&self, page: &mut Page) {
        let last = page.entries.last().map_or("", |entry| &entry.key);
        let start = format!("{}\0", last.strip_prefix(self.token_prefix).unwrap_or_default());
        page.continue_token = write_token(i64::try_from(page.revision).unwrap_or(-1), &start);
    }
}

fn empty_page(snapshot: &dyn Snapshot) -> Page {
    Page { entries: Vec::new(), revision: snapshot.revision(), continue_token: String::new(), remaining: None }
}

/// Which state a list without a token shows.
fn at(options: &ListOptions) -> Result<At, ApiError> {
    let Some(text) = &options.resource_version else { return Ok(At::Latest) };
    let version = parse_version(text).map_err(|e| ApiError::bad_request(format!("invalid resource version: {e}")))?;
    Ok(match options.resource_version_match {
        Some(ResourceVersionMatch::Exact) => At::Exact(version),
        None if options.limit > 0 && version > 0 => At::Exact(version),
        _ => At::NotOlderThan(version),
    })
}

fn write_token(rv: i64, start: &str) -> String {
    let token = Token { v: TOKEN_VERSION.to_owned(), rv, start: start.to_owned() };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
}

fn read_token(text: &str) -> Result<Token, String> {
    let invalid = |why: String| format!("continue key is not valid: {why}");
    let bytes = LENIENT.decode(text).map_err(|e| invalid(e.to_string()))?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|e| match bytes.first() {
        Some(first) if !matches!(first, b'{' | b' ') => {
            let first = char::from(*first);
            let shown = if first.is_control() { format!("\\u{:04x}", u32::from(first)) } else { first.to_string() };
            invalid(format!("invalid character '{shown}' looking for beginning of value"))
        }
        _ => invalid(e.to_string()),
    })?;
    if token.v != TOKEN_VERSION {
        return Err(invalid(format!("server does not recognize this encoded version {:?}", token.v)));
    }
    if token.rv == 0 {
        return Err(invalid(format!("incorrect encoded start resourceVersion (version {TOKEN_VERSION})")));
    }
    if token.start.is_empty() {
        return Err(invalid(format!("encoded start key empty (version {TOKEN_VERSION})")));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_trip() {
        let token = read_token(&write_token(42, "ns/name\0")).unwrap();
        assert_eq!((token.rv, token.start.as_str()), (42, "ns/name\0"));
    }

    #[test]
    fn bad_tokens_are_refused_in_upstreams_words() {
        let check = |text: &str, expect: &str| assert_eq!(read_token(text).err().unwrap_or_default(), expect, "{text}");
        check("abc", "continue key is not valid: invalid character 'i' looking for beginning of value");
        check("zz", "continue key is not valid: invalid character 'Ï' looking for beginning of value");
        check(
            &URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v2","rv":1,"start":"a"}"#),
            "continue key is not valid: server does not recognize this encoded version \"meta.k8s.io/v2\"",
        );
        check(
            &URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#),
            "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
        );
    }
}
