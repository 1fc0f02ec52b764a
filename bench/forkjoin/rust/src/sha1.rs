//! The SHA-1 of a message that fits one block: up to 55 bytes.

pub type Hash = [u8; 20];

const START: [u32; 5] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

pub fn sum(message: &[u8]) -> Hash {
    let mut block = [0; 64];
    block[..message.len()].copy_from_slice(message);
    block[message.len()] = 0x80;
    block[56..].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    let mut hash = [0; 20];
    for (out, word) in hash.chunks_exact_mut(4).zip(compress(&block)) {
        out.copy_from_slice(&word.to_be_bytes());
    }
    hash
}

fn compress(block: &[u8; 64]) -> [u32; 5] {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1") && is_x86_feature_detected!("ssse3") {
        return unsafe { hardware::compress(block) };
    }
    portable(block)
}

fn portable(block: &[u8; 64]) -> [u32; 5] {
    let mut w = [0u32; 80];
    for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes(bytes.try_into().unwrap());
    }
    for i in 16..80 {
        w[i] = (w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = START;
    for (i, &word) in w.iter().enumerate() {
        let (f, k) = match i {
            0..=19 => ((b & c) | (!b & d), 0x5a827999),
            20..=39 => (b ^ c ^ d, 0x6ed9eba1),
            40..=59 => ((b & c) | (b & d) | (c & d), 0x8f1bbcdc),
            _ => (b ^ c ^ d, 0xca62c1d6u32),
        };
        let t = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, t);
    }
    let out = [a, b, c, d, e];
    std::array::from_fn(|i| START[i].wrapping_add(out[i]))
}

/// The same with the processor's own instructions.
#[cfg(target_arch = "x86_64")]
mod hardware {
    use super::START;
    use std::arch::x86_64::*;

    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub unsafe fn compress(block: &[u8; 64]) -> [u32; 5] {
        let swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
        let at = block.as_ptr() as *const __m128i;
        let load = |i| _mm_shuffle_epi8(_mm_loadu_si128(at.add(i)), swap);
        let mut w = [load(0), load(1), load(2), load(3)];
        let [a, b, c, d, e] = START.map(|x| x as i32);
        let start = _mm_set_epi32(a, b, c, d);
        let start_e = _mm_set_epi32(e, 0, 0, 0);
        let mut state = (start, start_e);
        quarter::<0>(&mut state, &mut w);
        quarter::<1>(&mut state, &mut w);
        quarter::<2>(&mut state, &mut w);
        quarter::<3>(&mut state, &mut w);
        let (abcd, before) = state;
        let e = _mm_sha1nexte_epu32(before, start_e);
        let mut out = [0u32; 4];
        let abcd = _mm_shuffle_epi32(_mm_add_epi32(abcd, start), 0x1b);
        _mm_storeu_si128(out.as_mut_ptr() as *mut __m128i, abcd);
        [out[0], out[1], out[2], out[3], _mm_extract_epi32(e, 3) as u32]
    }

    /// Twenty of the eighty rounds, four at a time.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    unsafe fn quarter<const Q: i32>((abcd, before): &mut (__m128i, __m128i), w: &mut [__m128i; 4]) {
        for i in 5 * Q as usize..5 * Q as usize + 5 {
            if i >= 4 {
                let x = _mm_xor_si128(_mm_sha1msg1_epu32(w[i & 3], w[(i + 1) & 3]), w[(i + 2) & 3]);
                w[i & 3] = _mm_sha1msg2_epu32(x, w[(i + 3) & 3]);
            }
            let now = w[i & 3];
            let e = if i == 0 { _mm_add_epi32(*before, now) } else { _mm_sha1nexte_epu32(*before, now) };
            *before = *abcd;
            *abcd = _mm_sha1rnds4_epu32(*abcd, e, Q);
        }
    }
}
