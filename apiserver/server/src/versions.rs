//! The versions of a kind for whoever works out who owns which fields: their shapes, and objects as they show them.
//!
//! That work is pure, a conversion may be a webhook's. So a webhook is asked in between: what it is to convert is noted,
//! the pure part fails, [`Conversions::settle`] asks, and the pure part begins again with the answer at hand. Everything
//! else is converted on the spot, and where all owners wrote in the version of the request nothing is.

use kubernel_kinds::custom::Conversion;
use kubernel_kinds::registry;
use kubernel_meta::{GroupVersion, Gvk, Object};
use kubernel_schema::apply::{Version, Versions};
use parking_lot::Mutex;

use crate::crds::Custom;
use crate::resources::Resource;
use crate::{ApiServer, codec, crds};

/// How many conversions one request may need: a few for each version of a kind.
const CONVERSIONS_MAX: usize = 100;

/// What webhooks were asked for the sake of one request.
#[derive(Debug, Default)]
pub(crate) struct Conversions(Mutex<Vec<Question>>);

#[derive(Debug)]
struct Question {
    object: Object,
    to: Gvk,
    answer: Option<Result<Object, String>>,
}

/// What is written, with its versions: a resource, maybe through a subresource.
#[derive(Clone, Copy)]
pub(crate) struct Kin<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) subresource: &'a str,
    pub(crate) conversions: &'a Conversions,
}

impl Conversions {
    /// Asks what was noted; `false` where nothing was.
    pub(crate) async fn settle(&self, server: &ApiServer, resource: &Resource) -> bool {
        let Some(custom) = &resource.custom else { return false };
        let open: Vec<(usize, Object, Gvk)> = {
            let questions = self.0.lock();
            let open = questions.iter().enumerate().filter(|(_, question)| question.answer.is_none());
            open.map(|(at, question)| (at, question.object.clone(), question.to.clone())).collect()
        };
        let settled = !open.is_empty();
        for (at, object, to) in open {
            let answer = match crds::convert(server, custom, vec![object], &to).await {
                Ok(mut objects) => objects.pop().ok_or_else(|| "an object got lost in conversion".to_owned()),
                Err(error) => Err(error.message().to_owned()),
            };
            if let Some(question) = self.0.lock().get_mut(at) {
                question.answer = Some(answer);
            }
        }
        settled
    }

    fn ask(&self, object: &Object, to: &Gvk) -> Result<Object, String> {
        let mut questions = self.0.lock();
        let known = questions.iter().find(|question| question.to == *to && question.object == *object);
        match known.map(|question| question.answer.clone()) {
            Some(Some(answer)) => answer,
            Some(None) => Err("the conversion has been asked for".to_owned()),
            None if questions.len() < CONVERSIONS_MAX => {
                questions.push(Question { object: object.clone(), to: to.clone(), answer: None });
                Err("the conversion will be asked for".to_owned())
            }
            None => Err("too many conversions".to_owned()),
        }
    }
}

impl Kin<'_> {
    fn gvk(&self, api_version: &str) -> Option<Gvk> {
        GroupVersion::parse(api_version).map(|version| version.with_kind(&self.resource.gvk.kind))
    }

    fn custom_version(&self, custom: &Custom, api_version: &str) -> Result<Version, String> {
        let gvk = self.gvk(api_version).filter(|gvk| gvk.group == self.resource.gvk.group);
        let shape = gvk.and_then(|gvk| Some((custom.shapes.get(&gvk.version)?, gvk.version)));
        let (shape, version) =
            shape.ok_or_else(|| format!("request to convert CR to an invalid group/version: {api_version}"))?;
        let declared = custom.definition.versions.iter().find(|declared| declared.name == version);
        let reset = match self.subresource {
            "" if declared.is_some_and(|declared| declared.status) => vec![vec!["status"]],
            "status" => vec![vec!["spec"]],
            _ => Vec::new(),
        };
        Ok(Version { schema: shape.schema(&custom.definition.definition_of(&version), api_version), reset })
    }
}

impl Versions for Kin<'_> {
    fn find(&self, api_version: &str) -> Result<Option<Version>, String> {
        if let Some(custom) = &self.resource.custom {
            return self.custom_version(custom, api_version).map(Some);
        }
        let kind = self.gvk(api_version).and_then(|gvk| registry::find_kind(&gvk));
        Ok(kind.map(|kind| Version {
            schema: codec::built_in_schema(kind),
            reset: kind.strategy.reset_fields(kind, self.subresource),
        }))
    }

    fn convert(&self, object: &Object, api_version: &str) -> Result<Object, String> {
        let no_kind = || format!("no conversion to {api_version}");
        let to = self.gvk(api_version).ok_or_else(no_kind)?;
        if let Some(custom) = &self.resource.custom {
            if matches!(custom.definition.conversion, Conversion::Webhook { .. }) {
                return self.conversions.ask(object, &to);
            }
            let mut converted = object.clone();
            converted.set(&["apiVersion"], api_version);
            return Ok(converted);
        }
        let from = self.gvk(object.api_version()).and_then(|gvk| registry::find_kind(&gvk)).ok_or_else(no_kind)?;
        let to = registry::find_kind(&to).ok_or_else(no_kind)?;
        let mut converted = object.clone();
        if let Some(stored) = from.stored_as {
            (stored.to_stored)(&mut converted);
        }
        if let Some(stored) = to.stored_as {
            (stored.from_stored)(&mut converted);
        }
        converted.set(&["apiVersion"], api_version);
        Ok(converted)
    }
}
