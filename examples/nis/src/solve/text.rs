//! A solution as text for a terminal.

use std::fmt::Write;

use nis_core::pinn::Solution;

/// Widest column of texts of equations and conditions.
const WIDE: usize = 48;

pub(super) fn of(solution: &Solution) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut out, solution);
    out
}

fn write(out: &mut String, solution: &Solution) -> std::fmt::Result {
    let verdict = match (solution.valid(), solution.converged) {
        (true, _) => "valid: converged, and every figure below is within its limit",
        (false, true) => "NOT VALID: see the faults below",
        (false, false) => "NOT CONVERGED",
    };
    writeln!(out, "{}", solution.problem.equations.join("; "))?;
    writeln!(out, "verdict     {verdict}")?;
    writeln!(out, "method      {}", solution.method)?;
    writeln!(
        out,
        "iterations  {}, {:.3} s, seed {}",
        solution.iterations, solution.seconds, solution.seed
    )?;
    let certificate = &solution.certificate;
    match certificate.error_estimate {
        Some(error) => writeln!(
            out,
            "error       {error:.2e} estimated ({})",
            certificate.error_method
        )?,
        None => writeln!(out, "error       {}", certificate.error_method)?,
    }
    if !solution.parameters.is_empty() {
        writeln!(out, "\nparameters found")?;
        for p in &solution.parameters {
            let error = p
                .std_error
                .map_or_else(|| "?".to_owned(), |e| format!("{e:.2e}"));
            writeln!(out, "  {:<WIDE$} {:>16.9} +- {error}", p.name, p.value)?;
        }
    }
    writeln!(
        out,
        "\nrelative to the largest term, on {} points that the solver did not use (limit {})",
        certificate.points, certificate.limit
    )?;
    for e in &certificate.equations {
        line(out, &e.text, e.rms, "residual, root mean square")?;
    }
    for c in &certificate.conditions {
        line(out, &c.text, c.relative, "largest error")?;
    }
    for c in &certificate.conservation {
        line(
            out,
            &c.text,
            c.drift,
            &format!("drift of the balance of {}", c.field),
        )?;
    }
    for fault in &certificate.faults {
        writeln!(out, "fault: {fault}")?;
    }
    for note in &solution.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

fn line(out: &mut String, text: &str, figure: f64, what: &str) -> std::fmt::Result {
    let mut shown: String = text.chars().take(WIDE).collect();
    if text.chars().count() > WIDE {
        shown = shown.chars().take(WIDE - 3).collect();
        shown.push_str("...");
    }
    writeln!(out, "  {shown:<WIDE$} {figure:>10.2e}  {what}")
}
