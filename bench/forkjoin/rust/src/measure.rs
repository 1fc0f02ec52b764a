//! The clock and the counters.

use crate::allocs;
use std::time::{Duration, Instant};

/// One operation, and what is done before and after it, off the clock.
pub trait Job {
    fn reset(&mut self) {}
    fn op(&mut self) -> u64;
    /// The answer, given what `op` returned.
    fn check(&self, returned: u64) -> u64 {
        returned
    }
    /// Whether `reset` must come before every operation.
    fn resets(&self) -> bool {
        false
    }
}

/// An operation that needs nothing but itself.
pub struct Call<F>(pub F);

impl<F: FnMut() -> u64> Job for Call<F> {
    fn op(&mut self) -> u64 {
        (self.0)()
    }
}

/// What one operation took, in nanoseconds.
#[derive(Default)]
pub struct Figures {
    pub wall: u64,
    pub cpu: u64,
    pub allocs: u64,
    pub check: u64,
}

/// Operations are repeated until this much time has passed: the shortest take a
/// microsecond, less than the first wake-up of a worker. A quick run has only one.
const ENOUGH: Duration = Duration::from_millis(200);

pub fn measure(job: &mut dyn Job, quick: bool) -> Result<Figures, String> {
    let (mut sum, mut wall, mut ops, mut batch) = (Figures::default(), Duration::ZERO, 0, 1);
    while ops == 0 || wall < ENOUGH && !quick {
        if job.resets() {
            batch = 1;
            job.reset();
        }
        let (allocs, cpu, start) = (allocs::count(), cpu_ns(), Instant::now());
        let returned = job.op();
        for _ in 1..batch {
            std::hint::black_box(job.op());
        }
        wall += start.elapsed();
        sum.cpu += cpu_ns() - cpu;
        sum.allocs += allocs::count() - allocs;
        let answer = job.check(returned);
        if ops > 0 && answer != sum.check {
            return Err(format!("one operation answers {}, another {answer}", sum.check));
        }
        sum.check = answer;
        ops += batch;
        batch *= 2;
    }
    sum.wall = wall.as_nanos() as u64 / ops;
    sum.cpu /= ops;
    sum.allocs /= ops;
    Ok(sum)
}

fn cpu_ns() -> u64 {
    let ru = unsafe {
        let mut ru = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut ru);
        ru
    };
    let ns = |t: libc::timeval| t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1000;
    ns(ru.ru_utime) + ns(ru.ru_stime)
}

pub fn peak_rss_kb() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|e| e.to_string())?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).ok_or("/proc/self/status has no VmHWM line")?;
    line.trim().trim_end_matches("kB").trim().parse().map_err(|e| format!("VmHWM {line:?}: {e}"))
}
