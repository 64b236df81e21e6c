//! Many cases, each from its own seed, on every core.

use anyhow::{Result, anyhow};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// Works every job and gives what came of them, in the order of the jobs.
///
/// # Errors
/// The first error of a job, or a thread that died.
pub fn on_every_core<J: Sync, T: Send>(jobs: &[J], work: impl Fn(&J) -> Result<T> + Sync) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| -> Result<()> {
        let worker = || -> Result<()> {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(place) else { return Ok(()) };
                let outcome = work(job)?;
                done.lock().unwrap_or_else(PoisonError::into_inner).push((place, outcome));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow!("a thread of the campaign died"))??;
        }
        Ok(())
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_the_jobs_stands_in_their_order_and_an_error_ends_it() {
        let jobs: Vec<u32> = (0..200).collect();
        let squares = on_every_core(&jobs, |job| Ok(job * job)).unwrap();
        assert_eq!(squares, jobs.iter().map(|job| job * job).collect::<Vec<_>>());
        let refused =
            on_every_core(&jobs, |job| if *job == 77 { Err(anyhow!("seventy-seven")) } else { Ok(()) });
        assert_eq!(refused.unwrap_err().to_string(), "seventy-seven");
    }
}
