//! Physical constants: CODATA 2022 (Mohr, Newell, Taylor, Tiesinga, 2024), with the conventional values of
//! standard gravity and the standard atmosphere.

/// A physical constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    /// Name.
    pub name: &'static str,
    /// Usual symbol.
    pub symbol: &'static str,
    /// Other names, in lower case.
    pub aliases: &'static [&'static str],
    /// Value in `unit`.
    pub value: f64,
    /// Standard uncertainty; 0 where the value is exact by definition (or the rounding of an exact one).
    pub uncertainty: f64,
    /// Unit, as [`Unit::parse`](super::units::Unit::parse) reads it.
    pub unit: &'static str,
}

impl Constant {
    /// Whether the value is exact: by definition of the SI, by convention, or derived from such values.
    pub fn is_exact(&self) -> bool {
        self.uncertainty == 0.0
    }
}

/// The constant of that name, alias (in any case) or symbol (in its own case).
///
/// ```
/// use nis_core::expr::constants::find;
/// assert_eq!(find("speed of light").map(|c| c.value), Some(299_792_458.0));
/// assert_eq!(find("G").map(|c| c.uncertainty), Some(1.5e-15));
/// assert!(find("g").is_none());
/// ```
pub fn find(name: &str) -> Option<&'static Constant> {
    let lower = name.trim().to_lowercase();
    ALL.iter().find(|c| c.symbol == name.trim()).or_else(|| {
        ALL.iter()
            .find(|c| c.name.to_lowercase() == lower || c.aliases.contains(&lower.as_str()))
    })
}

const fn constant(
    name: &'static str,
    symbol: &'static str,
    aliases: &'static [&'static str],
    value: f64,
    uncertainty: f64,
    unit: &'static str,
) -> Constant {
    Constant {
        name,
        symbol,
        aliases,
        value,
        uncertainty,
        unit,
    }
}

/// All constants.
pub const ALL: &[Constant] = &[
    constant(
        "speed of light in vacuum",
        "c",
        &["speed of light", "light speed", "velocity of light"],
        299792458.0,
        0.0,
        "m/s",
    ),
    constant(
        "Planck constant",
        "h",
        &["planck's constant", "planck"],
        6.62607015e-34,
        0.0,
        "J s",
    ),
    constant(
        "reduced Planck constant",
        "hbar",
        &["h bar", "dirac constant"],
        1.0545718176461565e-34,
        0.0,
        "J s",
    ),
    constant(
        "elementary charge",
        "q_e",
        &["electron charge", "charge of the electron", "proton charge"],
        1.602176634e-19,
        0.0,
        "C",
    ),
    constant(
        "Boltzmann constant",
        "k_B",
        &["boltzmann's constant", "boltzmann", "kb"],
        1.380649e-23,
        0.0,
        "J/K",
    ),
    constant(
        "Avogadro constant",
        "N_A",
        &[
            "avogadro's number",
            "avogadro number",
            "avogadro",
            "avogadro's constant",
        ],
        6.02214076e+23,
        0.0,
        "1/mol",
    ),
    constant(
        "Newtonian constant of gravitation",
        "G",
        &[
            "gravitational constant",
            "newton's constant",
            "constant of gravitation",
            "big g",
        ],
        6.6743e-11,
        1.5e-15,
        "m^3 kg^-1 s^-2",
    ),
    constant(
        "electron mass",
        "m_e",
        &["mass of the electron", "mass of an electron"],
        9.1093837139e-31,
        2.8e-40,
        "kg",
    ),
    constant(
        "proton mass",
        "m_p",
        &["mass of the proton", "mass of a proton"],
        1.67262192595e-27,
        5.2e-37,
        "kg",
    ),
    constant(
        "neutron mass",
        "m_n",
        &["mass of the neutron", "mass of a neutron"],
        1.67492750056e-27,
        8.5e-37,
        "kg",
    ),
    constant(
        "muon mass",
        "m_mu",
        &["mass of the muon"],
        1.883531627e-28,
        4.2e-36,
        "kg",
    ),
    constant(
        "fine-structure constant",
        "alpha",
        &["fine structure constant"],
        0.0072973525643,
        1.1e-12,
        "1",
    ),
    constant(
        "vacuum electric permittivity",
        "epsilon_0",
        &[
            "vacuum permittivity",
            "permittivity of free space",
            "electric constant",
            "eps0",
            "epsilon0",
        ],
        8.8541878188e-12,
        1.4e-21,
        "F/m",
    ),
    constant(
        "vacuum magnetic permeability",
        "mu_0",
        &[
            "vacuum permeability",
            "permeability of free space",
            "magnetic constant",
            "mu0",
        ],
        1.25663706127e-06,
        2e-16,
        "N/A^2",
    ),
    constant(
        "molar gas constant",
        "R",
        &[
            "gas constant",
            "ideal gas constant",
            "universal gas constant",
        ],
        8.31446261815324,
        0.0,
        "J mol^-1 K^-1",
    ),
    constant(
        "Stefan-Boltzmann constant",
        "sigma",
        &["stefan boltzmann constant"],
        5.6703744191844314e-08,
        0.0,
        "W m^-2 K^-4",
    ),
    constant(
        "Faraday constant",
        "F",
        &["faraday's constant", "faraday"],
        96485.33212331001,
        0.0,
        "C/mol",
    ),
    constant(
        "Bohr radius",
        "a_0",
        &["radius of the hydrogen atom", "a0"],
        5.29177210544e-11,
        8.2e-21,
        "m",
    ),
    constant(
        "Rydberg constant",
        "R_inf",
        &["rydberg's constant", "rydberg"],
        10973731.568157,
        1.2e-05,
        "1/m",
    ),
    constant(
        "Bohr magneton",
        "mu_B",
        &[],
        9.2740100657e-24,
        2.9e-33,
        "J/T",
    ),
    constant(
        "nuclear magneton",
        "mu_N",
        &[],
        5.0507837393e-27,
        1.6e-36,
        "J/T",
    ),
    constant(
        "atomic mass constant",
        "m_u",
        &["atomic mass unit", "unified atomic mass unit", "dalton"],
        1.66053906892e-27,
        5.2e-37,
        "kg",
    ),
    constant(
        "Wien wavelength displacement law constant",
        "b",
        &[
            "wien constant",
            "wien's constant",
            "wien displacement constant",
        ],
        0.0028977719551851727,
        0.0,
        "m K",
    ),
    constant(
        "standard acceleration of gravity",
        "g_n",
        &[
            "standard gravity",
            "gravity",
            "acceleration of gravity",
            "gravitational acceleration",
            "acceleration due to gravity",
            "little g",
        ],
        9.80665,
        0.0,
        "m/s^2",
    ),
    constant(
        "standard atmosphere",
        "atm",
        &["atmospheric pressure"],
        101325.0,
        0.0,
        "Pa",
    ),
    constant(
        "Hartree energy",
        "E_h",
        &["hartree"],
        4.359744722206e-18,
        4.8e-30,
        "J",
    ),
    constant(
        "classical electron radius",
        "r_e",
        &[],
        2.8179403205e-15,
        1.3e-24,
        "m",
    ),
    constant(
        "Compton wavelength",
        "lambda_C",
        &["compton wavelength of the electron"],
        2.42631023538e-12,
        7.6e-22,
        "m",
    ),
    constant(
        "magnetic flux quantum",
        "Phi_0",
        &["flux quantum", "magnetic flux quantum"],
        2.0678338484619295e-15,
        0.0,
        "Wb",
    ),
    constant(
        "conductance quantum",
        "G_0",
        &[],
        7.748091729863649e-05,
        0.0,
        "S",
    ),
    constant(
        "Josephson constant",
        "K_J",
        &[],
        483597848416983.6,
        0.0,
        "Hz/V",
    ),
    constant(
        "von Klitzing constant",
        "R_K",
        &[],
        25812.807459304513,
        0.0,
        "ohm",
    ),
    constant(
        "Thomson cross section",
        "sigma_e",
        &[],
        6.6524587051e-29,
        6.2e-38,
        "m^2",
    ),
    constant(
        "characteristic impedance of vacuum",
        "Z_0",
        &["impedance of free space", "vacuum impedance"],
        376.730313412,
        5.9e-08,
        "ohm",
    ),
    constant("Planck length", "l_P", &[], 1.616255e-35, 1.8e-40, "m"),
    constant("Planck mass", "m_P", &[], 2.176434e-08, 2.4e-13, "kg"),
    constant("Planck time", "t_P", &[], 5.391247e-44, 6e-49, "s"),
];

#[cfg(test)]
mod tests {
    use super::super::units::{Dimension, Unit};
    use super::*;

    fn value(symbol: &str) -> f64 {
        find(symbol).unwrap().value
    }

    /// Relations that the exact definitions and the measured values must obey.
    #[test]
    fn relations_hold() {
        let near =
            |a: f64, b: f64, tolerance: f64| assert!((a / b - 1.0).abs() <= tolerance, "{a} {b}");
        let tau = std::f64::consts::TAU;
        near(value("hbar"), value("h") / tau, 1e-15);
        near(value("R"), value("N_A") * value("k_B"), 1e-15);
        near(value("F"), value("N_A") * value("q_e"), 1e-15);
        near(value("Phi_0"), value("h") / (2.0 * value("q_e")), 1e-15);
        near(value("R_K"), value("h") / value("q_e").powi(2), 1e-15);
        near(value("Z_0"), value("mu_0") * value("c"), 1e-11);
        near(
            value("epsilon_0") * value("mu_0") * value("c").powi(2),
            1.0,
            1e-11,
        );
        let alpha =
            value("q_e").powi(2) / (2.0 * tau * value("epsilon_0") * value("hbar") * value("c"));
        near(value("alpha"), alpha, 1e-10);
        near(
            value("mu_B"),
            value("q_e") * value("hbar") / (2.0 * value("m_e")),
            1e-9,
        );
        near(
            value("l_P"),
            (value("hbar") * value("G") / value("c").powi(3)).sqrt(),
            1e-5,
        );
    }

    #[test]
    fn units_are_readable_and_names_are_unique() {
        for c in ALL {
            assert!(Unit::parse(c.unit).is_ok(), "{c:?}");
            assert_eq!(find(c.name).unwrap().symbol, c.symbol);
            assert_eq!(find(c.symbol).unwrap().name, c.name);
            for alias in c.aliases {
                assert_eq!(find(alias).unwrap().name, c.name, "{alias}");
            }
        }
        let speed = Unit::parse(find("c").unwrap().unit).unwrap().dimension;
        assert_eq!(speed, Dimension::new([1, 0, -1, 0, 0, 0, 0]));
    }
}
