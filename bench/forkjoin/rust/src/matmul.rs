//! Multiplies square matrices by quadrants. The elements are small whole numbers,
//! so that the sums are exact and the answer is the same in every order.

use crate::measure::Job;

/// Where the recursion ends: three blocks of 32 × 32 f64 take 24 KiB and stay in
/// a first-level cache of 32 KiB.
const BLOCK: usize = 32;

/// A square part of a matrix, whose rows are `stride` apart. Quadrants of the
/// product share no element, which the borrow checker can't see.
#[derive(Clone, Copy)]
struct View {
    data: *mut f64,
    stride: usize,
}

unsafe impl Send for View {}
unsafe impl Sync for View {}

impl View {
    fn quadrant(self, i: usize, j: usize, half: usize) -> View {
        View { data: unsafe { self.data.add(i * half * self.stride + j * half) }, stride: self.stride }
    }

    /// # Safety
    /// Nobody writes to the row, or else nobody has another reference to it.
    unsafe fn row<'a>(self, i: usize, n: usize) -> &'a mut [f64] {
        std::slice::from_raw_parts_mut(self.data.add(i * self.stride), n)
    }
}

fn add_block(c: View, a: View, b: View, n: usize) {
    for i in 0..n {
        let row = unsafe { c.row(i, n) };
        for k in 0..n {
            let (x, other) = unsafe { (*a.data.add(i * a.stride + k), &*b.row(k, n)) };
            for (sum, y) in row.iter_mut().zip(other) {
                *sum += x * y;
            }
        }
    }
}

fn by_quadrants(c: View, a: View, b: View, n: usize) {
    if n <= BLOCK {
        return add_block(c, a, b, n);
    }
    let h = n / 2;
    for k in 0..2 {
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            by_quadrants(c.quadrant(i, j, h), a.quadrant(i, k, h), b.quadrant(k, j, h), h);
        }
    }
}

fn by_rayon(c: View, a: View, b: View, n: usize) {
    if n <= BLOCK {
        return add_block(c, a, b, n);
    }
    let h = n / 2;
    for k in 0..2 {
        let part = |i, j| by_rayon(c.quadrant(i, j, h), a.quadrant(i, k, h), b.quadrant(k, j, h), h);
        rayon::join(
            || rayon::join(|| part(0, 0), || part(0, 1)),
            || rayon::join(|| part(1, 0), || part(1, 1)),
        );
    }
}

struct Matmul {
    n: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
    multiply: fn(View, View, View, usize),
}

fn job(n: usize, multiply: fn(View, View, View, usize)) -> Box<dyn Job> {
    let fill = |x, y| (0..n * n).map(|at| ((at / n * x + at % n * y) % 10) as f64).collect();
    Box::new(Matmul { n, a: fill(7, 3), b: fill(5, 11), c: vec![0.0; n * n], multiply })
}

pub fn serial(n: usize) -> Box<dyn Job> {
    job(n, by_quadrants)
}

pub fn rayon(n: usize) -> Box<dyn Job> {
    job(n, by_rayon)
}

impl Job for Matmul {
    fn resets(&self) -> bool {
        true
    }
    fn reset(&mut self) {
        self.c.fill(0.0);
    }
    fn op(&mut self) -> u64 {
        let view = |m: &mut Vec<f64>| View { data: m.as_mut_ptr(), stride: self.n };
        (self.multiply)(view(&mut self.c), view(&mut self.a), view(&mut self.b), self.n);
        0
    }
    fn check(&self, _: u64) -> u64 {
        let weight = |at: usize| (at / self.n * 31 + at % self.n * 17 + 1) as u64;
        self.c.iter().enumerate().map(|(at, &x)| x as u64 * weight(at)).sum()
    }
}
