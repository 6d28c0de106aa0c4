//! As much of DER as certificates and keys need to be looked into: lengths, tags, and the fields of an X.509 certificate
//! (RFC 5280) and of a PKCS#10 request (RFC 2986). Signatures are none of its business: whoever needs them checks them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BOOLEAN: u8 = 0x01;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];
const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];
const ED25519: [u8; 3] = [0x2b, 0x65, 0x70];
const EC: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const P256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: [u8; 5] = [0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: [u8; 5] = [0x2b, 0x81, 0x04, 0x00, 0x23];

/// What is asked of a certificate.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    /// Whether it is an authority's.
    pub(super) is_authority: bool,
    /// The subject's key (SubjectPublicKeyInfo).
    pub(super) key: &'a [u8],
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// The DNS names among the subject's alternative names.
    pub(super) dns_names: Vec<String>,
}

/// A public key, by what may be asked of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    Ed25519,
    /// Whether it is on P-256, P-384 or P-521.
    Elliptic(bool),
    /// Bits of the modulus, by the bytes that it takes.
    Rsa(usize),
    Unknown,
}

/// A private key, by what may be compared with a public one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PrivateKey<'a> {
    Ed25519,
    Elliptic,
    /// The modulus.
    Rsa(&'a [u8]),
    Unknown,
}

#[derive(Clone, Copy, Debug)]
struct Element<'a> {
    tag: u8,
    body: &'a [u8],
    whole: &'a [u8],
}

/// Reads a certificate; nothing may come after it.
pub(super) fn certificate(der: &[u8]) -> Option<Certificate<'_>> {
    // Version, where there is one, serial number, algorithm, issuer, validity, subject, key, and what may follow.
    let mut fields = signed(der)?.into_iter().peekable();
    fields.next_if(|version| version.tag == VERSION);
    let (validity, key) = (fields.nth(3)?, fields.nth(1)?);
    let times = children(validity.sequence()?)?;
    let [not_before, not_after] = times[..] else { return None };
    let mut certificate = Certificate {
        is_authority: false,
        key: key.sequence().map(|_| key.whole)?,
        not_before: not_before.time()?,
        not_after: not_after.time()?,
        dns_names: Vec::new(),
    };
    for wrapped in fields.filter(|field| field.tag == EXTENSIONS) {
        for extension in children(one(wrapped.body)?.sequence()?)? {
            certificate.read_extension(&children(extension.sequence()?)?)?;
        }
    }
    Some(certificate)
}

/// The key in a request for a certificate.
pub(super) fn requested_key(der: &[u8]) -> Option<&[u8]> {
    let fields = signed(der)?;
    let key = fields.get(2)?;
    key.sequence().map(|_| key.whole)
}

/// What kind of key this is; `None` where it is no SubjectPublicKeyInfo.
pub(super) fn key(der: &[u8]) -> Option<Key> {
    let parts = children(one(der)?.sequence()?)?;
    let [algorithm, bits] = parts[..] else { return None };
    let bits = bits.of(BIT_STRING)?.strip_prefix(&[0])?;
    let algorithm = children(algorithm.sequence()?)?;
    let name = algorithm.first()?.of(OBJECT)?;
    if name == ED25519 {
        return (bits.len() == 32).then_some(Key::Ed25519);
    }
    if name == EC {
        let curve = algorithm.get(1)?.of(OBJECT)?;
        return Some(Key::Elliptic(curve == P256 || curve == P384 || curve == P521));
    }
    if name == RSA {
        let numbers = children(one(bits)?.sequence()?)?;
        let modulus = numbers.first()?.body;
        let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
        return Some(Key::Rsa(modulus.len() * 8));
    }
    Some(Key::Unknown)
}

/// The modulus of a public key of RSA.
pub(super) fn modulus(der: &[u8]) -> Option<&[u8]> {
    let parts = children(one(der)?.sequence()?)?;
    let numbers = children(one(parts.get(1)?.of(BIT_STRING)?.strip_prefix(&[0])?)?.sequence()?)?;
    numbers.first()?.of(INTEGER)
}

/// A private key in the form of PKCS#1, PKCS#8 or SEC 1.
pub(super) fn private_key(der: &[u8]) -> Option<PrivateKey<'_>> {
    let parts = children(one(der)?.sequence()?)?;
    match parts[..] {
        [version, second, ..] if version.tag == INTEGER && second.tag == OCTET_STRING => Some(PrivateKey::Elliptic),
        [version, modulus, exponent, ..] if [version, modulus, exponent].iter().all(|part| part.tag == INTEGER) => {
            Some(PrivateKey::Rsa(modulus.body))
        }
        [version, algorithm, wrapped, ..] if version.tag == INTEGER => {
            let name = children(algorithm.sequence()?)?.first()?.of(OBJECT)?;
            let wrapped = wrapped.of(OCTET_STRING)?;
            Some(match name {
                name if name == ED25519 => PrivateKey::Ed25519,
                name if name == EC => PrivateKey::Elliptic,
                name if name == RSA => return private_key(wrapped),
                _ => PrivateKey::Unknown,
            })
        }
        _ => None,
    }
}

impl Certificate<'_> {
    fn read_extension(&mut self, parts: &[Element<'_>]) -> Option<()> {
        let (name, value) = (parts.first()?.of(OBJECT)?, parts.last()?.of(OCTET_STRING)?);
        if name == BASIC_CONSTRAINTS {
            let constraints = children(one(value)?.sequence()?)?;
            self.is_authority = constraints.first().is_some_and(|first| first.of(BOOLEAN).is_some_and(|is| is != [0]));
        }
        if name == ALTERNATIVE_NAMES {
            let names = children(one(value)?.sequence()?)?;
            let dns = names.iter().filter(|name| name.tag == DNS_NAME);
            self.dns_names = dns.map(|name| String::from_utf8_lossy(name.body).into_owned()).collect();
        }
        Some(())
    }
}

impl<'a> Element<'a> {
    fn of(self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.body)
    }

    fn sequence(self) -> Option<&'a [u8]> {
        self.of(SEQUENCE)
    }

    /// `YYMMDDhhmmssZ`, where 50 and more are of the last century, or `YYYYMMDDhhmmssZ`.
    fn time(self) -> Option<Timestamp> {
        let text = str::from_utf8(self.body).ok()?.strip_suffix('Z')?;
        let (year, rest) = text.split_at_checked(if self.tag == UTC_TIME { 2 } else { 4 })?;
        let year: i16 = year.parse().ok()?;
        let year = match self.tag {
            UTC_TIME if year >= 50 => 1900 + year,
            UTC_TIME => 2000 + year,
            _ => year,
        };
        let part = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
        let time = DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0).ok()?;
        time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
    }
}

/// What is signed in a certificate or a request: a sequence of it, an algorithm and a signature.
fn signed(der: &[u8]) -> Option<Vec<Element<'_>>> {
    let parts = children(one(der)?.sequence()?)?;
    let [content, algorithm, signature] = parts[..] else { return None };
    algorithm.sequence()?;
    signature.of(BIT_STRING)?;
    children(content.sequence()?)
}

/// The one element that the bytes are.
fn one(der: &[u8]) -> Option<Element<'_>> {
    let (element, rest) = read(der)?;
    rest.is_empty().then_some(element)
}

fn children(mut der: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut out = Vec::new();
    while !der.is_empty() {
        let (element, rest) = read(der)?;
        out.push(element);
        der = rest;
    }
    Some(out)
}

fn read(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        // Four bytes of length are more than any body that is let in.
        let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = after;
    }
    let (body, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, body, whole: &der[..der.len() - rest.len()] }, rest))
}
