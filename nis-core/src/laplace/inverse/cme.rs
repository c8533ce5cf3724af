//! Inversion by concentrated matrix-exponential distributions: `f` averaged over a narrow density around `t`.
//!
//! Horvath, Horvath, Almousa and Telek, Performance Evaluation 137 (2020) 102067: the density is
//! proportional to `e^-x prod_i cos^2((omega x - phi_i)/2)` with `omega` and the phases of least variance. It is never
//! negative, so there is no overshoot at jumps; the error of smooth `f` is about `variation t^2 f''(t)/2`.

use num_complex::Complex64;

use super::transform::Source;
use super::{Estimate, growth};
use crate::error::Result;

/// A density with mean 1, `sum_k Re(eta_k e^{-beta_k x})` with `beta_k = mean (1 - i k omega)`.
struct Density {
    mean: f64,
    omega: f64,
    eta: &'static [(f64, f64)],
}

impl Density {
    fn terms(&self) -> impl Iterator<Item = (Complex64, Complex64)> + '_ {
        self.eta.iter().enumerate().map(|(k, (re, im))| {
            let beta = Complex64::new(1.0, -self.omega * k as f64) * self.mean;
            (Complex64::new(*re, *im), beta)
        })
    }

    fn apply(
        &self,
        source: &mut Source<'_>,
        times: &[f64],
        abscissa: f64,
    ) -> Result<Vec<Estimate>> {
        let mut out = Vec::with_capacity(times.len());
        for t in times {
            let s: Vec<Complex64> = self.terms().map(|(_, b)| abscissa + b / t).collect();
            let f = source.values(&s)?;
            let (mut sum, mut size) = (0.0, 0.0);
            for ((eta, _), f) in self.terms().zip(&f) {
                let term = eta * f;
                sum += term.re;
                size += term.norm();
            }
            let scale = growth(abscissa, *t) / t;
            out.push(Estimate {
                value: sum * scale,
                error: f64::EPSILON * size * scale,
            });
        }
        Ok(out)
    }
}

/// What the change from the smaller density is of the error of the larger: about the ratio of their widths,
/// as it is near jumps.
const SHARE: f64 = 0.5;

/// The method with 51 (and 26 to tell the error) values of `F` per time; `nodes` below 40 takes 26 and 11.
pub(super) fn cme(
    source: &mut Source<'_>,
    times: &[f64],
    abscissa: f64,
    nodes: Option<usize>,
) -> Result<Vec<Estimate>> {
    let (fine, coarse) = match nodes {
        Some(n) if n < 40 => (&MIDDLE, &SMALL),
        _ => (&LARGE, &MIDDLE),
    };
    let fine = fine.apply(source, times, abscissa)?;
    let coarse = coarse.apply(source, times, abscissa)?;
    Ok(fine
        .iter()
        .zip(&coarse)
        .map(|(a, b)| {
            let change = a.against(b);
            Estimate {
                value: change.value,
                error: (SHARE * change.error).max(a.error),
            }
        })
        .collect())
}

// Computed by scripts/laplace_cme.py; n factors, squared coefficient of variation v.

/// n = 10, v = 4.6708e-03.
static SMALL: Density = Density {
    mean: 6.943852127226098,
    omega: 0.6912794306556131,
    eta: &[
        (877.7846273867148, 2.298218790871379e-58),
        (380.7552833201716, 1626.7583018210003),
        (-1290.86037240486, 636.0548795873403),
        (-703.7164661742707, -869.4221617502326),
        (488.48429320432325, -607.1772854909847),
        (426.509533335844, 222.09258398801802),
        (-77.43917817542639, 245.77940968636494),
        (-114.57866002389984, -18.72041352762904),
        (2.5793239137246897, -41.481149230568874),
        (10.579410246759156, 0.2277094509681377),
        (-0.08849649923653448, 1.4398983713159368),
    ],
};

/// n = 25, v = 7.1149e-04.
static MIDDLE: Density = Density {
    mean: 9.106780857050015,
    omega: 0.5495752942661394,
    eta: &[
        (7385.767765930882, -6.601455149912437e-53),
        (4651.446712276492, 13884.795636811714),
        (-11399.52232484013, 8585.709276492587),
        (-11262.41816916163, -7779.796313387011),
        (3637.5800010744697, -12413.736328569203),
        (12044.559990680855, -408.4880608519678),
        (3828.659481008956, 10382.528311928416),
        (-7819.172853473293, 6242.227913279874),
        (-7463.617181105913, -4842.325797265617),
        (1945.8370862622724, -7524.88963076917),
        (6648.636763017917, -468.79547263530833),
        (2159.0295279646944, 5171.674104541986),
        (-3455.5547053374985, 3052.738428905387),
        (-3219.5812555793837, -1819.9598926908284),
        (504.021032963412, -2831.610881939616),
        (2122.8775698135437, -359.19749441424284),
        (757.8007548656917, 1338.7981581791248),
        (-675.5991753338824, 789.4633152289116),
        (-613.1140387399477, -233.61968004292035),
        (11.508525729764141, -381.98245276133804),
        (193.54071482386718, -57.13108590252786),
        (51.607817416165666, 78.93301735855856),
        (-25.22749108953344, 27.901318135899622),
        (-10.42296387357444, -6.0607105623909465),
        (1.0338963099576088, -2.5687677924865424),
        (0.32394036127045467, 0.10846929248552811),
    ],
};

/// n = 50, v = 1.6425e-04.
static LARGE: Density = Density {
    mean: 10.958363461054649,
    omega: 0.47288929454076256,
    eta: &[
        (47821.65611951956, 8.622386971375264e-39),
        (43962.62542001929, 84705.72226092564),
        (-54588.228856441856, 77526.94930491199),
        (-92957.93033188954, -12642.536920234303),
        (-31080.98383421196, -87073.12490759909),
        (61880.45104000274, -66405.76304980344),
        (85508.01485379438, 23892.148142005044),
        (17626.247045149317, 84706.34668614062),
        (-65171.33724807359, 53001.800980082626),
        (-74506.37518868715, -32417.37322797779),
        (-5261.001413036685, -78121.312220176),
        (64280.96900547905, -38960.95868358258),
        (61352.50103278031, 37462.96697849363),
        (-4815.74176279929, 68314.06811497574),
        (-59661.19993330175, 25758.851052781098),
        (-47555.774432041224, -38859.70341923133),
        (11868.075180930462, -56564.87908107126),
        (52172.373524918294, -14533.362250533239),
        (34454.94692905745, 36954.37918848011),
        (-15705.990300443109, 44210.43639930098),
        (-42944.0408563173, 5966.09063662397),
        (-23090.210974377598, -32492.684233816555),
        (16598.880233021377, -32452.38892315044),
        (33143.11674083364, -258.856775951655),
        (14069.893911472038, 26448.454552563824),
        (-15197.645418321692, 22204.586749874186),
        (-23837.60772449585, -2820.034164766381),
        (-7598.798720009963, -19850.90834393128),
        (12323.435073489543, -14024.89565036227),
        (15804.606329175698, 3794.961083368075),
        (3474.77578330572, 13577.111124194727),
        (-8848.758144394831, 8044.184068225181),
        (-9496.5098117215, -3406.1714700423536),
        (-1223.5979024309888, -8314.856813034903),
        (5538.116495008735, -4116.077132653731),
        (5049.220551258398, 2349.194950354109),
        (281.8930915003264, 4394.141806080103),
        (-2865.7698861623767, 1823.2008598148482),
        (-2233.0289285840845, -1218.989911049599),
        (-9.139429398353364, -1840.4401984557455),
        (1117.4159779109243, -620.9935394846498),
        (714.4154786754957, 454.75445105193717),
        (-42.20908032701313, 529.1842922875057),
        (-288.0119946504732, 119.61470568742259),
        (-127.1011601072063, -112.24633419854973),
        (24.451404945635588, -80.26631173462393),
        (36.70575280100065, -3.6087431074702634),
        (6.009403121463468, 12.510945345744382),
        (-3.1016887501254677, 2.8396384894940416),
        (-0.7496945994021859, -0.5212127592079664),
        (0.04866585189587763, -0.09451162505081843),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Mass, mean and variance in closed form, `k! Re sum eta/beta^(k+1)`, and no negative values but rounding:
    /// of all these the coefficients know nothing one by one.
    #[test]
    fn densities_are_narrow_and_positive() {
        for (density, stated) in [
            (&SMALL, 4.6708e-03),
            (&MIDDLE, 7.1149e-04),
            (&LARGE, 1.6425e-04),
        ] {
            let size: f64 = density.terms().map(|(e, _)| e.norm()).sum();
            let moment =
                |k: i32| -> f64 { density.terms().map(|(e, b)| (e / b.powi(k + 1)).re).sum() };
            let rounding = 1e-15 * size;
            assert!((moment(0) - 1.0).abs() <= rounding, "{}", moment(0));
            assert!((moment(1) - 1.0).abs() <= rounding);
            let variation = 2.0 * moment(2) - 1.0;
            assert!(
                (variation - stated).abs() <= 1e-4 * stated + rounding,
                "{variation}"
            );
            for k in 0..4000 {
                let x = 0.5e-3 * f64::from(k);
                let value: f64 = density.terms().map(|(e, b)| (e * (-b * x).exp()).re).sum();
                assert!(value >= -rounding, "{x} {value}");
                if (x - 1.0).abs() > 0.4 {
                    assert!(value <= 0.02, "{x} {value}");
                }
            }
        }
    }
}
