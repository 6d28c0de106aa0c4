//! `resource.Quantity`: exact decimal amounts with SI and binary suffixes.
//!
//! Held as a whole number of nanos, the smallest unit upstream keeps. Amounts beyond 10^29 units are capped in
//! arithmetic and comparison; their text is kept.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// An exact amount. Equality and order go by value: `1` equals `1000m`.
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    nanos: i128,
    format: Format,
    /// The text it was read from, where upstream would give that back unchanged.
    text: Option<Box<str>>,
}

/// How a quantity is written; remembered from the text it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// `12M`, `500m`.
    #[default]
    DecimalSi,
    /// `12Mi`.
    BinarySi,
    /// `12e6`.
    DecimalExponent,
}

/// A quantity that cannot be read, in upstream's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum QuantityError {
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

const NANOS_PER_UNIT: i128 = 1_000_000_000;
const NANOS_PER_MILLI: i128 = 1_000_000;
/// Digits that fit an i64 whatever they are; up to here upstream keeps the text of canonical amounts.
const FAST_DIGITS_MAX: usize = 18;
const DECIMAL_SUFFIXES: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY_SUFFIXES: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl Quantity {
    /// A number of whole units.
    pub fn from_value(value: i64, format: Format) -> Self {
        Self { nanos: i128::from(value) * NANOS_PER_UNIT, format, text: None }
    }

    /// A number of thousandths.
    pub fn from_milli_value(milli: i64, format: Format) -> Self {
        Self { nanos: i128::from(milli) * NANOS_PER_MILLI, format, text: None }
    }

    /// Reads a quantity; see [`FromStr`].
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        text.parse()
    }

    /// Whole units, fractions rounded away from zero; capped at the bounds of i64.
    pub fn value(&self) -> i64 {
        rounded(self.nanos, NANOS_PER_UNIT)
    }

    /// Thousandths, smaller fractions rounded away from zero; capped at the bounds of i64.
    pub fn milli_value(&self) -> i64 {
        rounded(self.nanos, NANOS_PER_MILLI)
    }

    /// Whether it is a whole number of units.
    pub fn is_integer(&self) -> bool {
        self.nanos % NANOS_PER_UNIT == 0
    }

    /// Whether it is a whole number of thousandths.
    pub fn is_milli_integer(&self) -> bool {
        self.nanos % NANOS_PER_MILLI == 0
    }

    /// The amount as a floating point number (AsApproximateFloat64).
    pub fn approximate(&self) -> f64 {
        self.nanos as f64 / NANOS_PER_UNIT as f64
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i32 {
        match self.nanos.cmp(&0) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }
    }

    /// How it is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The sum; a zero takes the other's format.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        self.combine(other, self.nanos.saturating_add(other.nanos))
    }

    /// The difference; a zero takes the other's format.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        self.combine(other, self.nanos.saturating_sub(other.nanos))
    }

    /// The amount with fractions below a thousandth rounded away from zero, as resource lists keep it.
    #[must_use]
    pub fn rounded_up_to_milli(self) -> Self {
        if self.is_milli_integer() {
            return self;
        }
        let milli = self.nanos / NANOS_PER_MILLI + self.nanos.signum();
        Self { nanos: milli.saturating_mul(NANOS_PER_MILLI), format: self.format, text: None }
    }

    fn combine(&self, other: &Self, nanos: i128) -> Self {
        let format = if self.nanos == 0 { other.format } else { self.format };
        Self { nanos, format, text: None }
    }
}

/// The parts of a quantity's text.
struct Parts<'a> {
    negative: bool,
    /// The digits before the point, without leading zeros; `0` where none are left.
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    let negative = text.starts_with('-');
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text).trim_start_matches('0');
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, mut rest) = rest.split_at(digits(rest));
    let mut fraction = "";
    if let Some(after) = rest.strip_prefix('.') {
        (fraction, rest) = after.split_at(digits(after));
    }
    let suffix = rest;
    let tail = rest.trim_start_matches(|c: char| "eEinumkKMGTP".contains(c));
    let tail = tail.strip_prefix(['-', '+']).unwrap_or(tail);
    if digits(tail) < tail.len() {
        return Err(QuantityError::Format);
    }
    Ok(Parts { negative, whole: if whole.is_empty() { "0" } else { whole }, fraction, suffix })
}

/// Format, base (10 or 2) and exponent of a suffix.
fn suffix_value(suffix: &str) -> Option<(Format, u8, i32)> {
    if let Some((_, exponent)) = DECIMAL_SUFFIXES.iter().find(|(text, _)| *text == suffix) {
        return Some((Format::DecimalSi, 10, *exponent));
    }
    if let Some((_, exponent)) = BINARY_SUFFIXES.iter().find(|(text, _)| *text == suffix) {
        return Some((Format::BinarySi, 2, i32::try_from(*exponent).ok()?));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i64>().ok()?;
    let exponent = exponent.clamp(i64::from(i16::MIN), i64::from(i16::MAX));
    Some((Format::DecimalExponent, 10, i32::try_from(exponent).ok()?))
}

/// `digits * 10^shift`, fractions rounded up, capped at the bounds of i128.
fn scaled(digits: i128, shift: i32) -> i128 {
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    match (shift >= 0, power) {
        (true, Some(power)) => digits.saturating_mul(power),
        (true, None) if digits == 0 => 0,
        (true, None) => i128::MAX,
        (false, Some(power)) => digits / power + i128::from(digits % power != 0),
        (false, None) => i128::from(digits != 0),
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Format);
        }
        let parts = split(text)?;
        let (mut format, base, exponent) = suffix_value(parts.suffix).ok_or(QuantityError::Suffix)?;
        let number = parts
            .whole
            .bytes()
            .chain(parts.fraction.bytes())
            .fold(0_i128, |number, digit| number.saturating_mul(10).saturating_add(i128::from(digit - b'0')));
        let fraction_length = i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX);
        let nanos = if base == 2 {
            let units = number.saturating_mul(1_i128 << exponent);
            let cap = i128::from(i64::MAX) * NANOS_PER_UNIT;
            let nanos = scaled(units, 9_i32.saturating_sub(fraction_length)).min(cap);
            if (1..NANOS_PER_UNIT).contains(&nanos) {
                format = Format::DecimalSi;
            }
            nanos
        } else {
            scaled(number, (9 + exponent).saturating_sub(fraction_length))
        };
        let keeps = keeps_text(&parts, format, base, exponent, number);
        let nanos = if parts.negative { -nanos } else { nanos };
        Ok(Self { nanos, format, text: keeps.then(|| text.into()) })
    }
}

/// Whether upstream gives the text back as it was read, canonical or not (`1.500` is, `1.5` is not).
fn keeps_text(parts: &Parts<'_>, format: Format, base: u8, exponent: i32, number: i128) -> bool {
    let length = parts.whole.len() + parts.fraction.len();
    let exponent_digits = usize::try_from(exponent).unwrap_or(0) * 3 / 10;
    if base == 2 {
        let precise = parts.fraction.is_empty() && parts.whole.len() + exponent_digits < 15;
        return format == Format::BinarySi && precise && number & 7 != 0;
    }
    let scale = exponent.saturating_sub(i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX));
    let last_three_zero = match parts.fraction.len() {
        0 => parts.whole.ends_with("000"),
        1..3 => number % 1000 == 0 && length >= 3,
        _ => parts.fraction.ends_with("000"),
    };
    length <= FAST_DIGITS_MAX && scale >= -9 && scale % 3 == 0 && !last_three_zero && !parts.whole.starts_with('0')
}

fn rounded(nanos: i128, unit: i128) -> i64 {
    let whole = nanos / unit + if nanos % unit == 0 { 0 } else { nanos.signum() };
    i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            return f.write_str(text);
        }
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let small = (-1023..=1023).contains(&(self.nanos / NANOS_PER_UNIT));
        if self.format == Format::BinarySi && self.is_integer() && !small {
            let mut amount = self.nanos / NANOS_PER_UNIT;
            let mut suffix = "";
            for (text, _) in BINARY_SUFFIXES {
                if amount % 1024 != 0 {
                    break;
                }
                amount /= 1024;
                suffix = text;
            }
            return write!(f, "{amount}{suffix}");
        }
        let (mut amount, mut exponent) = (self.nanos, -9);
        let exponent_max = if self.format == Format::DecimalExponent { i32::MAX } else { 18 };
        while amount % 1000 == 0 && exponent < exponent_max {
            amount /= 1000;
            exponent += 3;
        }
        match (self.format, exponent) {
            (Format::DecimalExponent, 0) => write!(f, "{amount}"),
            (Format::DecimalExponent, _) => write!(f, "{amount}e{exponent}"),
            _ => {
                let suffix = DECIMAL_SUFFIXES.iter().find(|(_, e)| *e == exponent).map_or("", |(text, _)| text);
                write!(f, "{amount}{suffix}")
            }
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_form() {
        let cases = [
            ("0", "0"),
            ("0Mi", "0"),
            ("00", "0"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.5", "1500m"),
            ("100m", "100m"),
            ("1000m", "1"),
            ("1024Ki", "1Mi"),
            ("1025Ki", "1025Ki"),
            ("1.5Gi", "1536Mi"),
            ("512Ki", "512Ki"),
            ("1500", "1500"),
            ("1000", "1k"),
            ("1000000", "1M"),
            ("12e6", "12e6"),
            ("12000e3", "12e6"),
            ("1E3", "1E3"),
            ("0.1n", "1n"),
            ("0.0000000001", "1n"),
            ("1.500", "1.500"),
            ("0.100", "100m"),
            ("100Mi", "100Mi"),
            ("8Mi", "8Mi"),
            ("0.5Ki", "512"),
            ("0.1Ki", "102400m"),
            ("-1.5", "-1500m"),
            ("+1", "+1"),
            ("1Ki", "1Ki"),
            ("1023", "1023"),
            ("20Ei", "9223372036854775807"),
            ("1E", "1E"),
            ("1000E", "1000E"),
            ("4u", "4u"),
            ("1e30", "1e30"),
            ("0.001Ki", "1024m"),
            ("0.0001Ki", "102400u"),
            ("1024", "1024"),
            ("2048Mi", "2Gi"),
        ];
        for (text, canonical) in cases {
            let quantity: Quantity = text.parse().unwrap();
            assert_eq!(quantity.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn refused() {
        for text in ["", "abc", "5x", "1.2.3", "5 ", " 5", "1m "] {
            assert_eq!(text.parse::<Quantity>().unwrap_err(), QuantityError::Format, "{text:?}");
        }
        for text in ["--1", "+-1", "5K", "5mm", "1e", "1i", "1m5", "1Mii"] {
            assert_eq!(text.parse::<Quantity>().unwrap_err(), QuantityError::Suffix, "{text:?}");
        }
    }

    #[test]
    fn values_and_order() {
        let check = |text: &str, value: i64, milli: i64| {
            let quantity: Quantity = text.parse().unwrap();
            assert_eq!((quantity.value(), quantity.milli_value()), (value, milli), "{text}");
        };
        check("1500m", 2, 1500);
        check("-1500m", -2, -1500);
        check("1u", 1, 1);
        check("1Gi", 1 << 30, (1 << 30) * 1000);
        check("1e400", i64::MAX, i64::MAX);
        check("1e-400", 1, 1);
        check(&"9".repeat(100), i64::MAX, i64::MAX);
        assert_eq!("1".parse::<Quantity>(), "1000m".parse());
        assert!("1Ki".parse::<Quantity>().unwrap() > "1k".parse().unwrap());
        let sum = Quantity::default().add(&"1Mi".parse().unwrap()).add(&"1Mi".parse().unwrap());
        assert_eq!(sum.to_string(), "2Mi");
        assert_eq!(sum.sub(&"2Mi".parse().unwrap()).to_string(), "0");
        assert_eq!("1.0001".parse::<Quantity>().unwrap().rounded_up_to_milli().to_string(), "1001m");
    }
}
