//! fib without a cut-off: nothing but forks and joins.

use crate::measure::{Call, Job};
use std::hint::black_box;

pub fn serial(n: usize) -> Box<dyn Job> {
    Box::new(Call(move || fib(black_box(n as u64))))
}

pub fn rayon(n: usize) -> Box<dyn Job> {
    Box::new(Call(move || fib_rayon(n as u64)))
}

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    fib(n - 1) + fib(n - 2)
}

fn fib_rayon(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (x, y) = rayon::join(|| fib_rayon(n - 1), || fib_rayon(n - 2));
    x + y
}
