//! A sum over a binary tree: next to no work for each node. A thousand nodes show
//! what starting costs, ten million what forking does.

use crate::measure::{Call, Job};

struct Node {
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
    value: u64,
}

/// A balanced tree with the numbers from `first` to `last`.
fn make(first: u64, last: u64) -> Option<Box<Node>> {
    if first > last {
        return None;
    }
    let middle = first + (last - first) / 2;
    let left = make(first, middle - 1);
    Some(Box::new(Node { left, right: make(middle + 1, last), value: middle }))
}

fn sum(node: &Option<Box<Node>>) -> u64 {
    match node {
        None => 0,
        Some(n) => sum(&n.left) + n.value + sum(&n.right),
    }
}

/// Forks where there are two children.
fn sum_rayon(node: &Option<Box<Node>>) -> u64 {
    let Some(n) = node else { return 0 };
    if n.left.is_none() || n.right.is_none() {
        return n.value + sum_rayon(&n.left) + sum_rayon(&n.right);
    }
    let (left, right) = rayon::join(|| sum_rayon(&n.left), || sum_rayon(&n.right));
    left + n.value + right
}

pub fn serial(n: usize) -> Box<dyn Job> {
    let root = make(1, n as u64);
    Box::new(Call(move || sum(&root)))
}

pub fn rayon(n: usize) -> Box<dyn Job> {
    let root = make(1, n as u64);
    Box::new(Call(move || sum_rayon(&root)))
}
