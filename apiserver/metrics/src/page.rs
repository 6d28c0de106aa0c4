//! The text of a scrape: Prometheus' own format (0.0.4), or OpenMetrics 1.0.

use std::fmt::{Display, Write as _};

use crate::{About, Histogram};

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Text,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

/// What a metric's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by bounds.
    Histogram,
}

/// A page being written: metric by metric, each followed by its samples.
#[derive(Debug)]
pub struct Page {
    format: Format,
    text: String,
    /// What samples of the metric begin with.
    name: String,
}

impl Format {
    /// What a client that sends this `Accept` header gets. Whoever takes plain text gets it: there every metric has
    /// upstream's name, while OpenMetrics forces `_total` onto counters.
    pub fn accepted(accept: &str) -> Self {
        let mut media = accept.split(',').map(|clause| clause.split(';').next().unwrap_or_default().trim());
        let takes_text = media.clone().any(|media| matches!(media, "" | "*/*" | "text/*" | "text/plain"));
        if !takes_text && media.any(|media| media == "application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// Its `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Page {
    /// An empty page.
    pub fn new(format: Format) -> Self {
        Self { format, text: String::new(), name: String::new() }
    }

    /// Begins a metric.
    pub fn metric(&mut self, about: &About, kind: Kind) {
        let &About { name, help, .. } = about;
        let counts = self.format == Format::OpenMetrics && kind == Kind::Counter;
        let family = if counts { name.strip_suffix("_total").unwrap_or(name) } else { name };
        self.name = if counts { format!("{family}_total") } else { name.to_owned() };
        self.text.push_str(&format!("# HELP {family} {help}\n# TYPE {family} {}\n", kind.word()));
    }

    /// Begins a counter that is read off the state.
    pub fn counter(&mut self, name: &'static str, help: &'static str) {
        self.metric(&About { name, help, labels: &[] }, Kind::Counter);
    }

    /// Begins a gauge that is read off the state.
    pub fn gauge(&mut self, name: &'static str, help: &'static str) {
        self.metric(&About { name, help, labels: &[] }, Kind::Gauge);
    }

    /// A sample of the metric.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// The samples of a histogram.
    pub fn histogram(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        let mut count = 0;
        for (bound, cumulated) in histogram.cumulated() {
            self.line("_bucket", labels, Some(bound), cumulated);
            count = cumulated;
        }
        self.line("_sum", labels, None, number(histogram.sum()));
        self.line("_count", labels, None, count);
    }

    /// The text.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], bound: Option<f64>, value: impl Display) {
        self.text.push_str(&self.name);
        self.text.push_str(suffix);
        let mut next = '{';
        for (name, value) in labels {
            self.text.push(next);
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(value, &mut self.text);
            self.text.push('"');
            next = ',';
        }
        if let Some(bound) = bound {
            let text = number(bound);
            // OpenMetrics wants every bound to look like a float.
            let whole = self.format == Format::OpenMetrics && bound.is_finite() && !text.contains(['.', 'e']);
            let _ = write!(self.text, "{next}le=\"{text}{}\"", if whole { ".0" } else { "" });
            next = ',';
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{} {value}", if next == ',' { "}" } else { "" });
    }
}

fn escape(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

/// A number as Go's shortest `%g` writes it: bounds are labels, and labels are compared as text.
fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if value == 0.0 || (-4..6).contains(&exponent) {
        return value.to_string();
    }
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buckets;

    #[test]
    fn bounds_are_written_as_go_writes_them() {
        for (value, expect) in [
            (0.0, "0"),
            (0.005, "0.005"),
            (1.0, "1"),
            (1.25, "1.25"),
            (1e-8, "1e-08"),
            (0.0001, "0.0001"),
            (131_072.0, "131072"),
            (1e6, "1e+06"),
            (1e9, "1e+09"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(number(value), expect);
        }
        let texts = |bounds: &[f64]| bounds.iter().map(|bound| number(*bound)).collect::<Vec<_>>();
        assert_eq!(texts(&buckets::RESPONSE_BYTES), ["1000", "10000", "100000", "1e+06", "1e+07", "1e+08", "1e+09"]);
        assert_eq!(texts(&buckets::DOUBLING_SECS)[..4], ["0.001", "0.002", "0.004", "0.008"]);
    }

    #[test]
    fn both_formats_say_the_same() {
        let seconds = Histogram::new(&[0.5, 1.0]);
        [0.5, 0.75, 7.0].into_iter().for_each(|value| seconds.observe(value));
        let write = |format| {
            let mut page = Page::new(format);
            page.counter("tries", "Tries.");
            page.sample(&[("who", "a \"b\"\\\n")], 3);
            page.metric(&About { name: "x_seconds", help: "X.", labels: &[] }, Kind::Histogram);
            page.histogram(&[], &seconds);
            page.finish()
        };
        assert_eq!(
            write(Format::Text),
            "# HELP tries Tries.\n# TYPE tries counter\ntries{who=\"a \\\"b\\\"\\\\\\n\"} 3\n\
             # HELP x_seconds X.\n# TYPE x_seconds histogram\nx_seconds_bucket{le=\"0.5\"} 1\n\
             x_seconds_bucket{le=\"1\"} 2\nx_seconds_bucket{le=\"+Inf\"} 3\nx_seconds_sum 8.25\nx_seconds_count 3\n"
        );
        assert_eq!(
            write(Format::OpenMetrics),
            "# HELP tries Tries.\n# TYPE tries counter\ntries_total{who=\"a \\\"b\\\"\\\\\\n\"} 3\n\
             # HELP x_seconds X.\n# TYPE x_seconds histogram\nx_seconds_bucket{le=\"0.5\"} 1\n\
             x_seconds_bucket{le=\"1.0\"} 2\nx_seconds_bucket{le=\"+Inf\"} 3\nx_seconds_sum 8.25\nx_seconds_count 3\n\
             # EOF\n"
        );
    }

    #[test]
    fn plain_text_unless_only_openmetrics_will_do() {
        for (accept, expect) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("application/openmetrics-text;version=1.0.0", Format::OpenMetrics),
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1", Format::Text),
        ] {
            assert_eq!(Format::accepted(accept), expect, "{accept}");
        }
    }
}
