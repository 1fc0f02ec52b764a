//! A loop over a million bodies of some nanoseconds each, and the sort that the
//! libraries offer.

use crate::data::{digest, mix, numbers};
use crate::measure::Job;
use rayon::prelude::*;

struct For {
    out: Vec<u64>,
    fill: fn(&mut [u64]),
}

pub fn for_serial(n: usize) -> Box<dyn Job> {
    let fill = |out: &mut [u64]| out.iter_mut().enumerate().for_each(|(i, x)| *x = mix(i as u64));
    Box::new(For { out: vec![0; n], fill })
}

pub fn for_rayon(n: usize) -> Box<dyn Job> {
    let fill = |out: &mut [u64]| out.par_iter_mut().enumerate().for_each(|(i, x)| *x = mix(i as u64));
    Box::new(For { out: vec![0; n], fill })
}

impl Job for For {
    fn op(&mut self) -> u64 {
        (self.fill)(&mut self.out);
        0
    }
    fn check(&self, _: u64) -> u64 {
        self.out.iter().fold(0, |sum, &x| sum.wrapping_add(x))
    }
}

struct Sort {
    input: Vec<i64>,
    s: Vec<i64>,
    sort: fn(&mut [i64]),
}

pub fn sort_serial(n: usize) -> Box<dyn Job> {
    Box::new(Sort { input: numbers(n), s: vec![0; n], sort: |s| s.sort_unstable() })
}

pub fn sort_rayon(n: usize) -> Box<dyn Job> {
    Box::new(Sort { input: numbers(n), s: vec![0; n], sort: |s| s.par_sort_unstable() })
}

impl Job for Sort {
    fn resets(&self) -> bool {
        true
    }
    fn reset(&mut self) {
        self.s.copy_from_slice(&self.input);
    }
    fn op(&mut self) -> u64 {
        (self.sort)(&mut self.s);
        0
    }
    fn check(&self, _: u64) -> u64 {
        digest(&self.s)
    }
}
