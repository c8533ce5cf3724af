//! The units, prefixes and temperature scales that are known.

pub(super) struct Entry {
    pub(super) names: &'static [&'static str],
    pub(super) factor: f64,
    pub(super) exponents: [i32; 7],
    /// Whether SI prefixes may stand before the first name.
    pub(super) prefix: bool,
}

const fn entry(
    names: &'static [&'static str],
    factor: f64,
    exponents: [i32; 7],
    prefix: bool,
) -> Entry {
    Entry {
        names,
        factor,
        exponents,
        prefix,
    }
}

const YEAR: f64 = 365.25 * 86400.0;
const C: f64 = 299_792_458.0;
const INCH: f64 = 0.0254;
const POUND: f64 = 0.453_592_37;
/// CODATA 2022.
const DALTON: f64 = 1.660_539_068_92e-27;

/// Name(s), factor, exponents of m kg s A K mol cd, prefixes allowed. The first name is the symbol.
pub(super) const UNITS: &[Entry] = &[
    entry(
        &["m", "meter", "meters", "metre", "metres"],
        1.0,
        [1, 0, 0, 0, 0, 0, 0],
        true,
    ),
    entry(&["g", "gram", "grams"], 1e-3, [0, 1, 0, 0, 0, 0, 0], true),
    entry(
        &["s", "sec", "second", "seconds"],
        1.0,
        [0, 0, 1, 0, 0, 0, 0],
        true,
    ),
    entry(
        &["A", "ampere", "amperes", "amp", "amps"],
        1.0,
        [0, 0, 0, 1, 0, 0, 0],
        true,
    ),
    entry(
        &["K", "kelvin", "kelvins"],
        1.0,
        [0, 0, 0, 0, 1, 0, 0],
        true,
    ),
    entry(&["mol", "mole", "moles"], 1.0, [0, 0, 0, 0, 0, 1, 0], true),
    entry(&["cd", "candela"], 1.0, [0, 0, 0, 0, 0, 0, 1], true),
    entry(&["Hz", "hertz"], 1.0, [0, 0, -1, 0, 0, 0, 0], true),
    entry(
        &["N", "newton", "newtons"],
        1.0,
        [1, 1, -2, 0, 0, 0, 0],
        true,
    ),
    entry(
        &["Pa", "pascal", "pascals"],
        1.0,
        [-1, 1, -2, 0, 0, 0, 0],
        true,
    ),
    entry(&["J", "joule", "joules"], 1.0, [2, 1, -2, 0, 0, 0, 0], true),
    entry(&["W", "watt", "watts"], 1.0, [2, 1, -3, 0, 0, 0, 0], true),
    entry(
        &["C", "coulomb", "coulombs"],
        1.0,
        [0, 0, 1, 1, 0, 0, 0],
        true,
    ),
    entry(&["V", "volt", "volts"], 1.0, [2, 1, -3, -1, 0, 0, 0], true),
    entry(
        &["F", "farad", "farads"],
        1.0,
        [-2, -1, 4, 2, 0, 0, 0],
        true,
    ),
    entry(&["ohm", "ohms", "Ω"], 1.0, [2, 1, -3, -2, 0, 0, 0], true),
    entry(&["S", "siemens"], 1.0, [-2, -1, 3, 2, 0, 0, 0], true),
    entry(&["Wb", "weber"], 1.0, [2, 1, -2, -1, 0, 0, 0], true),
    entry(
        &["T", "tesla", "teslas"],
        1.0,
        [0, 1, -2, -1, 0, 0, 0],
        true,
    ),
    entry(
        &["H", "henry", "henries"],
        1.0,
        [2, 1, -2, -2, 0, 0, 0],
        true,
    ),
    entry(
        &["eV", "electronvolt", "electronvolts"],
        1.602_176_634e-19,
        [2, 1, -2, 0, 0, 0, 0],
        true,
    ),
    entry(
        &["L", "l", "liter", "liters", "litre", "litres"],
        1e-3,
        [3, 0, 0, 0, 0, 0, 0],
        true,
    ),
    entry(&["bar", "bars"], 1e5, [-1, 1, -2, 0, 0, 0, 0], true),
    entry(
        &["cal", "calorie", "calories"],
        4.184,
        [2, 1, -2, 0, 0, 0, 0],
        true,
    ),
    entry(&["Wh"], 3600.0, [2, 1, -2, 0, 0, 0, 0], true),
    entry(&["t", "tonne", "tonnes"], 1e3, [0, 1, 0, 0, 0, 0, 0], false),
    entry(
        &["min", "minute", "minutes"],
        60.0,
        [0, 0, 1, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["h", "hr", "hour", "hours"],
        3600.0,
        [0, 0, 1, 0, 0, 0, 0],
        false,
    ),
    entry(&["d", "day", "days"], 86400.0, [0, 0, 1, 0, 0, 0, 0], false),
    entry(&["week", "weeks"], 604_800.0, [0, 0, 1, 0, 0, 0, 0], false),
    entry(
        &["yr", "year", "years", "a"],
        YEAR,
        [0, 0, 1, 0, 0, 0, 0],
        true,
    ),
    entry(&["rad", "radian", "radians"], 1.0, [0; 7], true),
    entry(
        &["deg", "degree", "degrees", "°"],
        std::f64::consts::PI / 180.0,
        [0; 7],
        false,
    ),
    entry(&["%", "percent"], 0.01, [0; 7], false),
    entry(
        &["au", "AU"],
        149_597_870_700.0,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["ly", "lightyear", "lightyears"],
        C * YEAR,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["pc", "parsec", "parsecs"],
        149_597_870_700.0 * 648_000.0 / std::f64::consts::PI,
        [1, 0, 0, 0, 0, 0, 0],
        true,
    ),
    entry(
        &["in", "inch", "inches"],
        INCH,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["ft", "foot", "feet"],
        12.0 * INCH,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["yd", "yard", "yards"],
        36.0 * INCH,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["mi", "mile", "miles"],
        63_360.0 * INCH,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["mph"],
        63_360.0 * INCH / 3600.0,
        [1, 0, -1, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["lb", "lbs", "pound", "pounds"],
        POUND,
        [0, 1, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["oz", "ounce", "ounces"],
        POUND / 16.0,
        [0, 1, 0, 0, 0, 0, 0],
        false,
    ),
    entry(&["lbf"], POUND * 9.806_65, [1, 1, -2, 0, 0, 0, 0], false),
    entry(
        &["psi"],
        POUND * 9.806_65 / (INCH * INCH),
        [-1, 1, -2, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["atm", "atmosphere", "atmospheres"],
        101_325.0,
        [-1, 1, -2, 0, 0, 0, 0],
        false,
    ),
    entry(&["mmHg"], 133.322_387_415, [-1, 1, -2, 0, 0, 0, 0], false),
    entry(&["u"], DALTON, [0, 1, 0, 0, 0, 0, 0], false),
    entry(
        &["Da", "dalton", "daltons"],
        DALTON,
        [0, 1, 0, 0, 0, 0, 0],
        true,
    ),
];

pub(super) const PREFIXES: &[(&str, &str, f64)] = &[
    ("da", "deca", 1e1),
    ("Q", "quetta", 1e30),
    ("R", "ronna", 1e27),
    ("Y", "yotta", 1e24),
    ("Z", "zetta", 1e21),
    ("E", "exa", 1e18),
    ("P", "peta", 1e15),
    ("T", "tera", 1e12),
    ("G", "giga", 1e9),
    ("M", "mega", 1e6),
    ("k", "kilo", 1e3),
    ("h", "hecto", 1e2),
    ("d", "deci", 1e-1),
    ("c", "centi", 1e-2),
    ("m", "milli", 1e-3),
    ("µ", "micro", 1e-6),
    ("μ", "micro", 1e-6),
    ("u", "micro", 1e-6),
    ("n", "nano", 1e-9),
    ("p", "pico", 1e-12),
    ("f", "femto", 1e-15),
    ("a", "atto", 1e-18),
    ("z", "zepto", 1e-21),
    ("y", "yocto", 1e-24),
    ("r", "ronto", 1e-27),
    ("q", "quecto", 1e-30),
];

/// Temperature scales with another zero: name, factor, offset.
pub(super) const SCALES: &[(&[&str], f64, f64)] = &[
    (&["degC", "°C", "celsius", "Celsius"], 1.0, 273.15),
    (
        &["degF", "°F", "fahrenheit", "Fahrenheit"],
        5.0 / 9.0,
        459.67 * 5.0 / 9.0,
    ),
];
