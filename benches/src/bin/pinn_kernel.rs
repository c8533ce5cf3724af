//! Times training steps for `peers/pinn.py`: one line of JSON per network, number type and number of threads, with the
//! median over runs of a quarter of a second.

use std::time::Instant;

use nis_benches::pinn::{Case, POINTS, Step};
use nis_core::Result;
use nis_core::pinn::network::kernel::Real;

fn time<T: Real>(case: Case, threads: usize, name: &str) -> Result<()> {
    let mut step = Step::<T>::new(case, threads)?;
    let mut loss = step.run()?;
    let mut times = Vec::new();
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < 0.25 || times.len() < 5 {
        let start = Instant::now();
        loss = step.run()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
    println!(
        r#"{{"case": "{}", "dtype": "{name}", "threads": {threads}, "us_per_point": {:.5}, "loss": {loss:e}}}"#,
        case.name(),
        median * 1e6 / POINTS as f64,
    );
    Ok(())
}

fn main() -> Result<()> {
    for case in Case::ALL {
        for threads in [1, 2] {
            time::<f32>(case, threads, "float32")?;
            time::<f64>(case, threads, "float64")?;
        }
    }
    Ok(())
}
