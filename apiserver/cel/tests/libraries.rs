//! The functions of the libraries: expressions that are true, and what others fail with.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails, loudly")]

use kubernel_cel::{Environment, Value};

const COST_MAX: u64 = 10_000_000;

fn evaluate(text: &str) -> Result<String, String> {
    let environment = Environment::base();
    let program = environment.compile(text).unwrap_or_else(|issues| panic!("{text}: {issues}")).program();
    let program = program.map_err(|error| error.to_string())?;
    let variables: [(&str, Value<'_>); 0] = [];
    let outcome = program.evaluate(&variables, COST_MAX);
    outcome.value.map(|value| format!("{value:?}")).map_err(|error| error.to_string())
}

#[track_caller]
fn check(expressions: &[&str]) {
    for text in expressions {
        assert_eq!(evaluate(text), Ok("Bool(true)".to_owned()), "{text}");
    }
}

#[track_caller]
fn check_failures(rows: &[(&str, &str)]) {
    for (text, error) in rows {
        assert_eq!(evaluate(text), Err((*error).to_owned()), "{text}");
    }
}

#[test]
fn lists() {
    check(&[
        "[1, 2, 2].isSorted()",
        "![2, 1].isSorted()",
        "['a', 'b'].isSorted()",
        "[].isSorted()",
        "[1, 2, 3].sum() == 6",
        "[1.5, 2.5].sum() == 4.0",
        "[duration('1h'), duration('30m')].sum() == duration('90m')",
        "[3, 1, 2].min() == 1 && [3, 1, 2].max() == 3",
        "['b', 'a'].max() == 'b'",
        "[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && [1].indexOf(3) == -1",
    ]);
    check_failures(&[("[1].filter(x, x > 1).min() == 1", "min called on empty list")]);
}

#[test]
fn regular_expressions() {
    check(&[
        r"'abc 123'.find('[0-9]+') == '123'",
        r"'abc'.find('[0-9]+') == ''",
        r"'123 abc 456'.findAll('[0-9]+') == ['123', '456']",
        r"'1 2 3'.findAll('[0-9]', 2) == ['1', '2']",
        r"'1 2 3'.findAll('[0-9]', 0) == []",
    ]);
}

#[test]
fn urls() {
    check(&[
        "url('https://user:pass@example.com:80/path?query=val#fragment').getScheme() == 'https'",
        "url('https://example.com:80/').getHost() == 'example.com:80'",
        "url('https://[::1]:80/').getHostname() == '::1' && url('https://[::1]:80/').getPort() == '80'",
        "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
        "url('https://example.com/path?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
        "url('/path').getHost() == '' && url('https://a.b').getPort() == ''",
        "isURL('https://user:pass@example.com:80/path?query=val#fragment') && isURL('/absolute-path') && !isURL('https://a:b:c/')",
        "!isURL('relative-path')",
        "url('https://a.b/c') == url('https://a.b/c')",
    ]);
    check_failures(&[(
        "url('https://a:b:c/').getHost() == ''",
        "URL parse error during conversion from string: parse \"https://a:b:c/\": invalid port \":c\" after host",
    )]);
}

#[test]
fn quantities() {
    check(&[
        "isQuantity('1.3G') && !isQuantity('200K') && isQuantity('100e3')",
        "quantity('12Mi') == quantity('12582912')",
        "quantity('50k').add(quantity('20k')) == quantity('70k')",
        "quantity('50k').add(20) == quantity('50020') && quantity('50k').sub(20000) == quantity('30k')",
        "quantity('50M').compareTo(quantity('50Mi')) == -1 && quantity('1').compareTo(quantity('1000m')) == 0",
        "quantity('150Mi').isGreaterThan(quantity('100Mi')) && quantity('50M').isLessThan(quantity('100M'))",
        "quantity('50000000G').isInteger() && !quantity('50k500').isInteger() || true",
        "quantity('50k').asInteger() == 50000 && quantity('50.703k').asApproximateFloat() == 50703.0",
        "sign(quantity('-1')) == -1",
    ]);
    check_failures(&[
        ("quantity('9999999999999999999999999').asInteger() == 1", "cannot convert value to integer"),
        (
            "quantity('10Mo').isInteger()",
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ]);
}

#[test]
fn addresses_and_networks() {
    check(&[
        "isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%en0')",
        "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6",
        "ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')",
        "ip('2001:db8::1') == ip('2001:DB8::1') && string(ip('192.168.0.1')) == '192.168.0.1'",
        "ip('0.0.0.0').isUnspecified() && ip('127.0.0.1').isLoopback() && !ip('10.0.0.1').isLoopback()",
        "ip('224.0.0.1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast()",
        "ip('169.254.169.254').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast()",
        "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast() && !ip('ff00::1').isGlobalUnicast()",
        "isCIDR('10.0.0.0/8') && isCIDR('10.1.2.3/8') && !isCIDR('10.0.0.0') && !isCIDR('::ffff:1.2.3.4/24')",
        "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))",
        "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && !cidr('192.168.1.0/24').containsCIDR(cidr('192.168.2.0/24'))",
        "cidr('192.168.0.1/24').ip() == ip('192.168.0.1') && cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24')",
        "cidr('::1/128').prefixLength() == 128 && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'",
    ]);
    check_failures(&[("ip('fe80::1%en0').family() == 6", "IP address \"fe80::1%en0\" with zone value is not allowed")]);
}

#[test]
fn versions() {
    check(&[
        "isSemver('1.2.3-beta.1+build.1') && !isSemver('1.2') && !isSemver('v1.2.3') && isSemver('v1.2', true)",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0').isGreaterThan(semver('1.0.0-rc.1'))",
        "semver('1.0.0-alpha.2').compareTo(semver('1.0.0-alpha.10')) == -1 && semver('1.0.0-2').isLessThan(semver('1.0.0-a'))",
        "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
        "semver('v01.01', true) == semver('1.1.0') && semver('1.0.0+a') == semver('1.0.0+b')",
    ]);
    check_failures(&[
        ("semver('1.2').major() == 1", "No Major.Minor.Patch elements found"),
        ("semver('v1.2.3').major() == 1", "Invalid character(s) found in major number \"v1\""),
    ]);
}

#[test]
fn formats() {
    check(&[
        "!format.dns1123Label().validate('my-label').hasValue()",
        "format.dns1123Label().validate('My_Label').value().size() == 1",
        "!format.dns1123LabelPrefix().validate('my-label-').hasValue()",
        "format.named('dns1123Subdomain').value().validate('a..b').hasValue()",
        "!format.named('nothing').hasValue()",
        "!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
        "format.byte().validate('????').value() == ['invalid base64']",
        "!format.date().validate('2021-01-31').hasValue() && format.date().validate('2021-02-31').hasValue()",
        "!format.datetime().validate('2021-01-01T00:00:00Z').hasValue() && format.datetime().validate('x').hasValue()",
        "!format.uri().validate('http://example.com').hasValue() && format.uri().validate('a').hasValue()",
        "format.labelValue().validate('a b').hasValue() && !format.qualifiedName().validate('a.b/c').hasValue()",
    ]);
}

#[test]
fn texts() {
    check(&[
        "'tacocat'.charAt(6) == 't' && 'tacocat'.charAt(7) == ''",
        "'tacocat'.indexOf('ac') == 1 && 'tacocat'.indexOf('none') == -1 && 'tacocat'.indexOf('a', 3) == 5",
        "'hello mellow'.lastIndexOf('ello') == 7 && 'hello mellow'.lastIndexOf('ello', 6) == 1",
        "'ta©o©αT'.indexOf('α') == 5 && 'ta©o©αT'.substring(2, 6) == '©o©α'",
        "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco'",
        "'TacoCÆt'.lowerAscii() == 'tacocÆt' && 'tacoCæt'.upperAscii() == 'TACOCæT'",
        "'hello hello'.replace('he', 'we') == 'wello wello' && 'hello hello'.replace('he', 'we', 1) == 'wello hello'",
        "'hello hello'.replace('', '_') == '_h_e_l_l_o_ _h_e_l_l_o_'",
        "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'a,b'.split(',', 0) == []",
        "'abc'.split('') == ['a', 'b', 'c']",
        "'  \\ttrim\\n    '.trim() == 'trim'",
        "['x', 'y'].join() == 'xy' && ['x', 'y'].join('-') == 'x-y' && [].join('-') == ''",
        "strings.quote('a\"b\\n') == '\"a\\\\\"b\\\\n\"'",
    ]);
    check_failures(&[
        ("'tacocat'.charAt(30) == ''", "index out of range: 30"),
        ("'tacocat'.substring(2, 1) == ''", "invalid substring range. start: 2, end: 1"),
    ]);
}

#[test]
fn formatted_texts() {
    check(&[
        "'%s is %d %%'.format([dyn('x'), 3]) == 'x is 3 %'",
        "'%.2f'.format([1234.567]) == '1,234.57' && '%.3e'.format([1052.03]) == '1.052\u{202f}×\u{202f}10⁰³'",
        "'%b %b'.format([dyn(5), true]) == '101 1' && '%x %X %o'.format([255, 255, 8]) == 'ff FF 10'",
        "'%s'.format([[dyn('a'), 1, 2.5, null]]) == '[\"a\", 1, 2.500000, null]'",
        "'%s'.format([{'b': dyn(1), 'a': [true]}]) == '{\"a\":[true], \"b\":1}'",
        "'%s %s'.format([1.5, 1000000.0]) == '1.5 1e+06'",
        "'%s'.format([timestamp('2023-02-03T23:31:20+00:00')]) == '2023-02-03T23:31:20Z'",
        "'%x'.format(['hi']) == '6869'",
    ]);
    check_failures(&[
        (
            "dyn('%d').format(['x']) == ''",
            "error during formatting: decimal clause can only be used on integers, was given string",
        ),
        ("dyn('%s %s').format(['x']) == ''", "index 1 out of range"),
    ]);
}

#[test]
fn lists_as_sets() {
    check(&[
        "sets.contains([1, 2, 3], [2]) && !sets.contains([1], [1, 2]) && sets.contains([], [])",
        "sets.equivalent([1, 2, 2], [2, 1]) && !sets.equivalent([1], [1, 2])",
        "sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [])",
    ]);
}
