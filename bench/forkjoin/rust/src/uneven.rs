//! A thousand branches of one unit of work and one of a thousand units, which
//! splits like the others: the ideal at two workers is half of the serial time.

use crate::data::mix;
use crate::measure::{Call, Job};
use std::hint::black_box;

const BRANCHES: u64 = 1001;
/// The heavy branch: somewhere that is neither first, nor last, nor in the middle.
const HEAVY: u64 = 333;
/// The units of the heavy branch are numbered apart from the others.
const FIRST: u64 = 10_000;
const LAST: u64 = FIRST + 1000;

/// One unit: `size` dependent steps.
fn work(seed: u64, size: usize) -> u64 {
    (0..size).fold(seed, |x, _| mix(x))
}

fn in_order(lo: u64, hi: u64, unit: usize) -> u64 {
    (lo..hi).fold(0, |sum, i| {
        let x = if i == HEAVY { in_order(FIRST, LAST, unit) } else { work(i, unit) };
        sum.wrapping_add(x)
    })
}

fn by_rayon(lo: u64, hi: u64, unit: usize) -> u64 {
    if hi - lo == 1 {
        return if lo == HEAVY { by_rayon(FIRST, LAST, unit) } else { work(lo, unit) };
    }
    let middle = lo + (hi - lo) / 2;
    let (left, right) = rayon::join(|| by_rayon(lo, middle, unit), || by_rayon(middle, hi, unit));
    left.wrapping_add(right)
}

pub fn serial(unit: usize) -> Box<dyn Job> {
    Box::new(Call(move || in_order(0, BRANCHES, black_box(unit))))
}

pub fn rayon(unit: usize) -> Box<dyn Job> {
    Box::new(Call(move || by_rayon(0, BRANCHES, unit)))
}
