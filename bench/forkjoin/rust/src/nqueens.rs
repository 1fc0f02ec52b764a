//! Counts the ways to place n queens, a task for each place that isn't attacked.

use crate::measure::{Call, Job};
use rayon::prelude::*;
use std::hint::black_box;

/// The column of the queen of each row.
type Board = [i8; 16];

pub fn serial(n: usize) -> Box<dyn Job> {
    Box::new(Call(move || solutions(&mut Board::default(), 0, black_box(n))))
}

pub fn rayon(n: usize) -> Box<dyn Job> {
    Box::new(Call(move || queens(&Board::default(), 0, n)))
}

/// Whether a queen there would be attacked by none of the rows before.
fn free(board: &Board, row: usize, col: i8) -> bool {
    board[..row].iter().enumerate().all(|(r, &c)| {
        let d = (row - r) as i8;
        c != col && c != col - d && c != col + d
    })
}

/// Uses one board for all, as whoever needs no copies would.
fn solutions(board: &mut Board, row: usize, n: usize) -> u64 {
    if row == n {
        return 1;
    }
    let mut count = 0;
    for col in 0..n as i8 {
        if free(board, row, col) {
            board[row] = col;
            count += solutions(board, row + 1, n);
        }
    }
    count
}

fn queens(board: &Board, row: usize, n: usize) -> u64 {
    if row == n {
        return 1;
    }
    let below = |col| {
        let mut next = *board;
        next[row] = col;
        queens(&next, row + 1, n)
    };
    (0..n as i8).into_par_iter().filter(|&col| free(board, row, col)).map(below).sum()
}
