//! A tree of tasks, ten wide, whose leaves answer with their numbers and whose
//! other nodes with the sum of their children.

use crate::measure::{Call, Job};
use rayon::prelude::*;
use std::hint::black_box;

const WIDTH: u64 = 10;

pub fn serial(leaves: usize) -> Box<dyn Job> {
    Box::new(Call(move || skynet(0, black_box(leaves as u64))))
}

pub fn rayon(leaves: usize) -> Box<dyn Job> {
    Box::new(Call(move || skynet_rayon(0, leaves as u64)))
}

fn skynet(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let below = leaves / WIDTH;
    (0..WIDTH).map(|i| skynet(first + i * below, below)).sum()
}

fn skynet_rayon(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let below = leaves / WIDTH;
    (0..WIDTH).into_par_iter().map(|i| skynet_rayon(first + i * below, below)).sum()
}
