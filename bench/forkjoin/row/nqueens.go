package main

// nqueens counts the ways to place n queens, a task for each place that isn't
// attacked.
var nqueensWorkload = &workload{
	name: "nqueens", size: 13, quick: 7,
	serial: func(n int) job {
		return job{op: func() uint64 { return new(board).solutions(0, n) }}
	},
	groups: func(n int, p *pool) job {
		return job{op: func() uint64 { return p.queens(board{}, 0, n) }}
	},
}

// A board has the column of the queen of each row. Sixteen rows are more than
// anybody counts in a second.
type board [16]int8

// free tells whether a queen in column col of the row would be attacked by none
// of the rows before.
func (b *board) free(row int, col int8) bool {
	for r, c := range b[:row] {
		if d := int8(row - r); c == col || c == col-d || c == col+d {
			return false
		}
	}
	return true
}

// solutions goes on from a board that has its first rows. It uses one board for
// all, as whoever needs no copies would.
func (b *board) solutions(row, n int) (count uint64) {
	if row == n {
		return 1
	}
	for col := range int8(n) {
		if b.free(row, col) {
			b[row] = col
			count += b.solutions(row+1, n)
		}
	}
	return count
}

func (p *pool) queens(b board, row, n int) (count uint64) {
	if row == n {
		return 1
	}
	var counts [len(b)]uint64
	g := p.group()
	for col := range int8(n) {
		if b.free(row, col) {
			next := b
			next[row] = col
			g.Go(func() { counts[col] = p.queens(next, row+1, n) })
		}
	}
	g.Wait()
	for _, c := range counts {
		count += c
	}
	return count
}
