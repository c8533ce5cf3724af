//! How the report was made: version, seed, device, times, options.

use crate::kan::Scale;
use crate::laplace::Detrend;
use crate::pinn::Noise;
use crate::pipeline::Report;
use crate::pipeline::render::number::short;
use crate::pipeline::render::page::escape;

pub(super) fn footer(report: &Report) -> String {
    let run = &report.run;
    let o = &run.options;
    let times: Vec<String> = run
        .timings
        .iter()
        .map(|t| format!("{} {} ms", t.stage, short(t.ms)))
        .collect();
    let auto = |v: Option<String>| v.unwrap_or_else(|| "automatic".into());
    let start: Vec<String> = o
        .fit
        .start
        .iter()
        .map(|(name, v, fixed)| {
            format!(
                "{name} = {}{}",
                short(*v),
                if *fixed { " (fixed)" } else { "" }
            )
        })
        .collect();
    let rows = [
        (
            "version",
            format!("NIS {}, report schema {}", report.version, report.schema),
        ),
        ("source", report.source.clone()),
        ("seed", run.seed.to_string()),
        (
            "device",
            format!(
                "{}, {} thread{}, {}",
                run.device.name,
                run.device.threads,
                if run.device.threads == 1 { "" } else { "s" },
                run.device.simd
            ),
        ),
        (
            "time taken",
            if times.is_empty() {
                "not measured".into()
            } else {
                times.join(", ")
            },
        ),
        (
            "data options",
            format!(
                "time column {}; law {}; target {}; equation {}",
                auto(o.time.clone()),
                if o.law { "yes" } else { "no" },
                auto(o.target.clone()),
                o.equation.clone().unwrap_or_else(|| "none given".into())
            ),
        ),
        (
            "modes options",
            format!(
                "order {}, at most {}; detrend {}",
                auto(o.modes.order.map(|v| v.to_string())),
                o.modes.max_order,
                match o.modes.detrend {
                    Detrend::None => "none",
                    Detrend::Mean => "mean",
                    Detrend::Linear => "linear",
                }
            ),
        ),
        (
            "law options",
            format!(
                "hidden {}; grid {}; held out {}; scale {}; threshold {}; seed {}; at most {} iterations",
                auto(o.kan.hidden.as_ref().map(|h| format!("{h:?}"))),
                auto(o.kan.grid.map(|v| v.to_string())),
                short(o.kan.holdout),
                match o.kan.scale {
                    Scale::Auto => "automatic",
                    Scale::Linear => "linear",
                    Scale::Log => "logarithmic",
                },
                short(o.kan.threshold),
                o.kan.seed,
                o.kan.max_iterations
            ),
        ),
        (
            "fit options",
            format!(
                "noise {}; start {}; at most {} iterations",
                match o.fit.noise {
                    Noise::Auto => "automatic",
                    Noise::Additive => "additive",
                    Noise::Multiplicative => "multiplicative",
                },
                if start.is_empty() {
                    "automatic".into()
                } else {
                    start.join(", ")
                },
                o.fit.max_iterations
            ),
        ),
    ];
    let list: String = rows
        .iter()
        .map(|(k, v)| format!("<dt>{k}</dt><dd>{}</dd>", escape(v)))
        .collect();
    format!("<footer><strong>How this report was made</strong><dl>{list}</dl></footer>")
}
