//! What a person reads in the terminal. Everything goes to standard error but what a script may want; this is the only
//! place that prints.

use std::time::Instant;

/// One line for the person who waits.
#[expect(clippy::print_stderr, reason = "a command line tool talks to its terminal")]
pub fn line(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// One line of the result, on standard output.
#[expect(clippy::print_stdout, reason = "a command line tool's result")]
pub fn result(text: impl AsRef<str>) {
    println!("{}", text.as_ref());
}

/// A fault with its causes in one sentence: thing, place, what to do.
pub fn fault(fault: &anyhow::Error) {
    line(format!("error: {fault:#}"));
}

/// Says what begins, does it, and says how long it took when that was worth a line.
///
/// # Errors
/// Those of `work`.
pub fn stage<T>(what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    line(format!("== {what}"));
    let begun = Instant::now();
    let outcome = work();
    let taken = begun.elapsed().as_secs_f64();
    match &outcome {
        Ok(_) if taken >= 1.0 => line(format!("   {what}: {taken:.1} s")),
        Ok(_) => {}
        Err(_) => line(format!("   {what}: failed after {taken:.1} s")),
    }
    outcome
}
