//! Sorts by halves and merges by halves too, so that both have tasks.

use crate::data::{digest, numbers};
use crate::measure::Job;

/// The most elements that one task sorts or merges: some ten microseconds, which
/// is hundreds of times what the dearest fork costs.
const GRAIN: usize = 1024;
/// Up to where insertion sort is the fastest.
const INSERTION: usize = 32;

fn insertion_sort(s: &mut [i64]) {
    for i in 1..s.len() {
        let x = s[i];
        let mut j = i;
        while j > 0 && s[j - 1] > x {
            s[j] = s[j - 1];
            j -= 1;
        }
        s[j] = x;
    }
}

fn merge(a: &[i64], b: &[i64], out: &mut [i64]) {
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] <= b[j] {
            out[i + j] = a[i];
            i += 1;
        } else {
            out[i + j] = b[j];
            j += 1;
        }
    }
    out[i + j..j + a.len()].copy_from_slice(&a[i..]);
    out[a.len() + j..].copy_from_slice(&b[j..]);
}

/// Sorts `s`; the result is in `scratch` if that is asked for, else in `s`.
fn sort(s: &mut [i64], scratch: &mut [i64], to_scratch: bool) {
    if s.len() <= INSERTION {
        insertion_sort(s);
        if to_scratch {
            scratch.copy_from_slice(s);
        }
        return;
    }
    let h = s.len() / 2;
    let ((s1, s2), (t1, t2)) = (s.split_at_mut(h), scratch.split_at_mut(h));
    sort(s1, t1, !to_scratch);
    sort(s2, t2, !to_scratch);
    if to_scratch {
        merge(s1, s2, scratch);
    } else {
        merge(t1, t2, s);
    }
}

/// Where to cut two sorted parts, so that nothing after the cuts is smaller than
/// what is before. The longer is cut in half.
fn split(a: &[i64], b: &[i64]) -> (usize, usize) {
    if a.len() < b.len() {
        let (j, i) = split(b, a);
        return (i, j);
    }
    let i = a.len() / 2;
    (i, b.partition_point(|&x| x < a[i]))
}

fn merge_rayon(a: &[i64], b: &[i64], out: &mut [i64]) {
    if out.len() <= GRAIN {
        return merge(a, b, out);
    }
    let (i, j) = split(a, b);
    let ((a1, a2), (b1, b2), (out1, out2)) = (a.split_at(i), b.split_at(j), out.split_at_mut(i + j));
    rayon::join(|| merge_rayon(a1, b1, out1), || merge_rayon(a2, b2, out2));
}

fn sort_rayon(s: &mut [i64], scratch: &mut [i64], to_scratch: bool) {
    if s.len() <= GRAIN {
        return sort(s, scratch, to_scratch);
    }
    let h = s.len() / 2;
    let ((s1, s2), (t1, t2)) = (s.split_at_mut(h), scratch.split_at_mut(h));
    rayon::join(|| sort_rayon(s1, t1, !to_scratch), || sort_rayon(s2, t2, !to_scratch));
    if to_scratch {
        merge_rayon(s1, s2, scratch);
    } else {
        merge_rayon(t1, t2, s);
    }
}

struct Sort {
    input: Vec<i64>,
    s: Vec<i64>,
    scratch: Vec<i64>,
    sort: fn(&mut [i64], &mut [i64], bool),
}

fn job(n: usize, sort: fn(&mut [i64], &mut [i64], bool)) -> Box<dyn Job> {
    Box::new(Sort { input: numbers(n), s: vec![0; n], scratch: vec![0; n], sort })
}

pub fn serial(n: usize) -> Box<dyn Job> {
    job(n, sort)
}

pub fn rayon(n: usize) -> Box<dyn Job> {
    job(n, sort_rayon)
}

impl Job for Sort {
    fn resets(&self) -> bool {
        true
    }
    fn reset(&mut self) {
        self.s.copy_from_slice(&self.input);
        self.scratch.copy_from_slice(&self.input);
    }
    fn op(&mut self) -> u64 {
        (self.sort)(&mut self.s, &mut self.scratch, false);
        0
    }
    fn check(&self, _: u64) -> u64 {
        digest(&self.s)
    }
}
