//! The named formats of Kubernetes' texts: `format.dns1123Label().validate(name)` lists what is wrong, if anything.

use std::any::Any;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubernel_meta::validation;
use regex::Regex;

use super::arguments::{own, text};
use super::url;
use crate::cost::{CallEstimate, EstimateCall, REGEX_LENGTH, STRING_TRAVERSAL, size_of, traversal};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Opaque, Value};

/// No format's pattern is estimated to be longer.
const PATTERN_LENGTH_MAX: f64 = 128.0;
const UUID: &str = "(?i)(^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$)|(^[0-9A-F]{32}$)";
const TIME: &str = "^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$";
const DAY: &str = "%Y-%m-%d";

/// A format.
#[derive(Debug)]
struct Format {
    /// Its name in expressions.
    name: &'static str,
    /// The function that gives it.
    function: &'static str,
    /// What is wrong with a text.
    validate: fn(&str) -> Vec<String>,
    /// The length of its pattern, for what a validation costs.
    pattern_length: u64,
}

/// The value of a format in an expression.
#[derive(Debug)]
struct Named(&'static Format);

/// One row for each format.
macro_rules! formats {
    ($(($name:literal, $length:expr, $validate:expr)),* $(,)?) => {
        static FORMATS: &[Format] = &[$(
            Format { name: $name, function: concat!("format.", $name), validate: $validate, pattern_length: $length },
        )*];
    };
}

formats![
    ("dns1123Label", 30, |text| validation::dns1123_label(text)),
    ("dns1123Subdomain", 60, |text| validation::dns1123_subdomain(text)),
    ("dns1035Label", 30, |text| validation::dns1035_label(text)),
    ("qualifiedName", 60, |text| validation::label_key(text)),
    ("dns1123LabelPrefix", 30, |text| validation::dns1123_label(&masked(text))),
    ("dns1123SubdomainPrefix", 60, |text| validation::dns1123_subdomain(&masked(text))),
    ("dns1035LabelPrefix", 30, |text| validation::dns1035_label(&masked(text))),
    ("labelValue", 40, |text| validation::label_value(text)),
    ("uri", 128, |text| url::Url::parse(text).err().into_iter().collect()),
    ("uuid", 86, |text| complain(UUID_PATTERN.is_match(text), "does not match the UUID format")),
    ("byte", 87, |text| complain(!text.is_empty() && STANDARD.decode(text).is_ok(), "invalid base64")),
    ("date", 71, |text| complain(is_day(text), "invalid date")),
    ("datetime", 71, |text| complain(is_time(text), "invalid datetime")),
];

static UUID_PATTERN: LazyLock<Regex> = LazyLock::new(|| pattern(UUID));
static TIME_PATTERN: LazyLock<Regex> = LazyLock::new(|| pattern(TIME));

impl Opaque for Named {
    fn ty(&self) -> Type {
        ty()
    }

    fn equal(&self, other: &dyn Opaque) -> bool {
        other.as_any().downcast_ref::<Named>().is_some_and(|other| other.0.name == self.0.name)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn ty() -> Type {
    Type::object("kubernetes.NamedFormat")
}

pub(super) fn register(functions: &mut Functions) {
    const CALLS: [Call; 13] = [
        constant::<0>,
        constant::<1>,
        constant::<2>,
        constant::<3>,
        constant::<4>,
        constant::<5>,
        constant::<6>,
        constant::<7>,
        constant::<8>,
        constant::<9>,
        constant::<10>,
        constant::<11>,
        constant::<12>,
    ];
    for (format, call) in FORMATS.iter().zip(CALLS) {
        functions.add(format.function, [Overload::global(format.function, [], ty(), call)]);
    }
    let named: Call = |args| {
        let name = text(args, 0)?;
        let found = FORMATS.iter().find(|format| format.name == name);
        Ok(found.map_or(Value::none(), |format| Value::some(Value::opaque(Named(format)))))
    };
    functions.add("format.named", [Overload::global("format-named", [Type::String], Type::optional(ty()), named)]);
    let complaints = Type::optional(Type::list(Type::String));
    let validate = Overload::member("format-validate", [ty(), Type::String], complaints, validate);
    functions.add("validate", [validate.costing(estimate, cost)]);
}

fn constant<'a, const AT: usize>(_: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    Ok(Value::opaque(Named(&FORMATS[AT])))
}

fn validate<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let wrong = (own::<Named>(args, 0)?.0.validate)(text(args, 1)?);
    if wrong.is_empty() {
        return Ok(Value::none());
    }
    let wrong: Arc<[Value<'a>]> = wrong.into_iter().map(Value::string).collect();
    Ok(Value::some(Value::list(wrong)))
}

fn cost(args: &[Value<'_>], _: Option<&Value<'_>>) -> Option<u64> {
    let format = args.first()?.downcast::<Named>()?.0;
    let text = traversal(size_of(args.get(1)?).saturating_add(1), STRING_TRAVERSAL);
    Some(text.saturating_mul(traversal(format.pattern_length, REGEX_LENGTH)))
}

fn estimate(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let size = call.size(call.args.first()?);
    Some(CallEstimate::cost(size.times(STRING_TRAVERSAL).times(PATTERN_LENGTH_MAX * REGEX_LENGTH)))
}

/// A prefix may end in a dash: its last two characters read as an `a`.
fn masked(text: &str) -> String {
    match text.strip_suffix('-') {
        Some(stem) if !stem.is_empty() => {
            let mut stem = stem.to_owned();
            stem.pop();
            stem + "a"
        }
        _ => text.to_owned(),
    }
}

fn complain(sound: bool, complaint: &str) -> Vec<String> {
    if sound { Vec::new() } else { vec![complaint.to_owned()] }
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && jiff::civil::Date::strptime(DAY, text).is_ok()
}

fn is_time(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let Some((day, time)) = text.split_once('t') else { return false };
    is_day(day) && TIME_PATTERN.is_match(time)
}

/// A pattern of this file.
fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|_| unreachable!("a constant that compiles"))
}
