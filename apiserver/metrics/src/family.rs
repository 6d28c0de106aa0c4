//! Series of one metric by the values of their labels.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::{Counter, Gauge, Histogram, Kind, Page};

/// How many series a family has at most. What comes beyond is counted in one series whose labels all say `other`.
pub const SERIES_MAX: usize = 20_000;
/// Separates the values of labels in a key; it is in none of them.
const SEPARATOR: char = '\u{1f}';
const OTHER: &str = "other";

/// What a metric is.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// What it says, after upstream's word for how stable it is.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

/// All series of a metric. `M` is an instrument, or several that share their labels.
pub struct Family<M> {
    about: About,
    make: fn() -> M,
    series: RwLock<HashMap<Box<str>, Arc<M>>>,
}

impl<M> Family<M> {
    /// No series yet; `make` makes the first state of one.
    pub fn new(about: About, make: fn() -> M) -> Self {
        Self { about, make, series: RwLock::default() }
    }

    /// What it is.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The series of these values, in the order of the labels.
    pub fn with(&self, values: &[&str]) -> Arc<M> {
        let key = key_of(values);
        if let Some(found) = self.series.read().get(&*key) {
            return found.clone();
        }
        let mut series = self.series.write();
        let key = if series.len() < SERIES_MAX { key } else { key_of(&vec![OTHER; self.about.labels.len()]) };
        series.entry(key.into()).or_insert_with(|| Arc::new((self.make)())).clone()
    }

    /// Calls back with every series, in the order of their values.
    pub fn each(&self, mut look: impl FnMut(&[&str], &M)) {
        let series = self.series.read();
        let mut all: Vec<(&Box<str>, &Arc<M>)> = series.iter().collect();
        all.sort_by_key(|(key, _)| *key);
        for (key, one) in all {
            let values: Vec<&str> = key.split(SEPARATOR).collect();
            look(&values, one);
        }
    }

    /// Writes the series under their labels with `sample`.
    fn write_as(&self, page: &mut Page, kind: Kind, sample: impl Fn(&mut Page, &[(&str, &str)], &M)) {
        page.metric(&self.about, kind);
        self.each(|values, one| {
            let labels: Vec<(&str, &str)> = self.about.labels.iter().copied().zip(values.iter().copied()).collect();
            sample(page, &labels, one);
        });
    }
}

impl Family<Counter> {
    /// A family of counters.
    pub fn counters(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self::new(About { name, help, labels }, Counter::default)
    }

    /// Writes all series.
    pub fn write(&self, page: &mut Page) {
        self.write_as(page, Kind::Counter, |page, labels, one| page.sample(labels, one.get()));
    }
}

impl Family<Gauge> {
    /// A family of gauges.
    pub fn gauges(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self::new(About { name, help, labels }, Gauge::default)
    }

    /// Writes all series.
    pub fn write(&self, page: &mut Page) {
        self.write_as(page, Kind::Gauge, |page, labels, one| page.sample(labels, one.get()));
    }
}

impl Family<Histogram> {
    /// Writes all series.
    pub fn write(&self, page: &mut Page) {
        self.write_as(page, Kind::Histogram, |page, labels, one| page.histogram(labels, one));
    }
}

fn key_of(values: &[&str]) -> String {
    let mut key = String::with_capacity(values.iter().map(|value| value.len() + 1).sum());
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            key.push(SEPARATOR);
        }
        if value.contains(SEPARATOR) {
            key.extend(value.chars().filter(|c| *c != SEPARATOR))
        } else {
            key.push_str(value)
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

    #[test]
    fn one_series_for_the_same_values() {
        let family = Family::counters("x_total", "X.", &["a", "b"]);
        family.with(&["1", "2"]).inc();
        family.with(&["1", "2"]).add(2);
        family.with(&["1\u{1f}", "2"]).inc();
        family.with(&["12", ""]).inc();
        let mut page = Page::new(Format::Text);
        family.write(&mut page);
        assert_eq!(
            page.finish(),
            "# HELP x_total X.\n# TYPE x_total counter\nx_total{a=\"1\",b=\"2\"} 4\nx_total{a=\"12\",b=\"\"} 1\n"
        );
    }

    #[test]
    fn too_many_series_become_one() {
        let family = Family::gauges("x", "X.", &["a"]);
        for n in 0..SERIES_MAX + 10 {
            family.with(&[&n.to_string()]).inc();
        }
        let mut seen = 0;
        family.each(|_, _| seen += 1);
        assert_eq!((seen, family.with(&[OTHER]).get()), (SERIES_MAX + 1, 10));
    }
}
