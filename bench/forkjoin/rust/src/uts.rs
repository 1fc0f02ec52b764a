//! The trees of the Unbalanced Tree Search benchmark. Nobody can know the size of
//! a subtree before it is there: a node's number of children comes from its random
//! state, which is the SHA-1 of its parent's and of its place among its siblings.

use crate::measure::{Call, Job};
use crate::sha1::{self, Hash};
use rayon::prelude::*;

trait Tree: Sync {
    const SEED: u32;
    fn children(&self, random: f64, depth: usize) -> u32;
}

/// T1: geometric, ten levels deep, four children in the mean and 100 at most.
struct T1 {
    depth: usize,
    log_stop: f64,
}

impl Tree for T1 {
    const SEED: u32 = 19;
    fn children(&self, random: f64, depth: usize) -> u32 {
        if depth >= self.depth {
            return 0;
        }
        (((1.0 - random).ln() / self.log_stop).floor() as u32).min(100)
    }
}

/// T3: binomial, 2,000 children of the root, eight or none of the others.
struct T3 {
    root: u32,
}

impl Tree for T3 {
    const SEED: u32 = 42;
    fn children(&self, random: f64, depth: usize) -> u32 {
        match depth {
            0 => self.root,
            _ if random < 0.124875 => 8,
            _ => 0,
        }
    }
}

pub fn t1_serial(depth: usize) -> Box<dyn Job> {
    serial(t1(depth))
}

pub fn t1_rayon(depth: usize) -> Box<dyn Job> {
    rayon(t1(depth))
}

pub fn t3_serial(root: usize) -> Box<dyn Job> {
    serial(T3 { root: root as u32 })
}

pub fn t3_rayon(root: usize) -> Box<dyn Job> {
    rayon(T3 { root: root as u32 })
}

fn t1(depth: usize) -> T1 {
    T1 { depth, log_stop: (1.0 - 1.0 / (1.0 + 4.0f64)).ln() }
}

fn serial<T: Tree + 'static>(tree: T) -> Box<dyn Job> {
    Box::new(Call(move || count(&tree, root::<T>(), 0)))
}

fn rayon<T: Tree + 'static>(tree: T) -> Box<dyn Job> {
    Box::new(Call(move || count_rayon(&tree, root::<T>(), 0)))
}

fn root<T: Tree>() -> Hash {
    let mut message = [0; 20];
    message[16..].copy_from_slice(&T::SEED.to_be_bytes());
    sha1::sum(&message)
}

fn child(state: &Hash, number: u32) -> Hash {
    let mut message = [0; 24];
    message[..20].copy_from_slice(state);
    message[20..].copy_from_slice(&number.to_be_bytes());
    sha1::sum(&message)
}

/// The state's random number in [0, 1), of 31 bits.
fn uniform(state: &Hash) -> f64 {
    let x = u32::from_be_bytes(state[16..].try_into().unwrap());
    f64::from(x & 0x7fffffff) / f64::from(1u32 << 31)
}

fn count<T: Tree>(tree: &T, state: Hash, depth: usize) -> u64 {
    let n = tree.children(uniform(&state), depth);
    1 + (0..n).map(|i| count(tree, child(&state, i), depth + 1)).sum::<u64>()
}

fn count_rayon<T: Tree>(tree: &T, state: Hash, depth: usize) -> u64 {
    let n = tree.children(uniform(&state), depth);
    if n == 0 {
        return 1;
    }
    1 + (0..n).into_par_iter().map(|i| count_rayon(tree, child(&state, i), depth + 1)).sum::<u64>()
}
