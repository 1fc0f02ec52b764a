//! The data that every language makes in the same way.

/// The output function of SplitMix64.
#[inline]
pub fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e3779b97f4a7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d049bb133111eb);
    x ^ x >> 31
}

/// `n` random numbers, always the same.
pub fn numbers(n: usize) -> Vec<i64> {
    (0..n as u64).map(|i| mix(i) as i64).collect()
}

/// Depends on the order; 0 if it isn't ascending.
pub fn digest(s: &[i64]) -> u64 {
    if !s.is_sorted() {
        return 0;
    }
    s.iter().zip(1u64..).fold(0, |sum, (&x, i)| sum.wrapping_add((x as u64).wrapping_mul(i)))
}
