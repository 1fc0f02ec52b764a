package main

// matmul multiplies square matrices by quadrants. The elements are small whole
// numbers, so that the sums are exact and the answer is the same in every order.
var matmulWorkload = &workload{
	name: "matmul", size: 1024, quick: 64,
	serial: func(n int) job {
		a, b, c := matrixPair(n)
		return inPlace(c.clear, func() { c.addProduct(a, b, n) }, func() uint64 { return c.digest(n) })
	},
	groups: func(n int, p *pool) job {
		a, b, c := matrixPair(n)
		return inPlace(c.clear, func() { p.addProduct(c, a, b, n) }, func() uint64 { return c.digest(n) })
	},
}

// matmulBlock is where the recursion ends: three blocks of 32 × 32 float64 take
// 24 KiB and stay in a first-level cache of 32 KiB.
const matmulBlock = 32

// A matrix is a square part of a larger one, whose rows are stride apart.
type matrix struct {
	data   []float64
	stride int
}

func newMatrix(n int, at func(i, j int) int) matrix {
	m := matrix{make([]float64, n*n), n}
	for i := range n {
		for j := range n {
			m.data[i*n+j] = float64(at(i, j))
		}
	}
	return m
}

// matrixPair returns two factors and a place for the product.
func matrixPair(n int) (a, b, c matrix) {
	a = newMatrix(n, func(i, j int) int { return (i*7 + j*3) % 10 })
	b = newMatrix(n, func(i, j int) int { return (i*5 + j*11) % 10 })
	return a, b, newMatrix(n, func(i, j int) int { return 0 })
}

func (m matrix) clear() { clear(m.data) }

// digest is a weighted sum of all elements.
func (m matrix) digest(n int) (sum uint64) {
	for i := range n {
		for j := range n {
			sum += uint64(m.data[i*n+j]) * uint64(i*31+j*17+1)
		}
	}
	return sum
}

// quadrant returns one of the four of half the size.
func (m matrix) quadrant(i, j, half int) matrix {
	return matrix{m.data[i*half*m.stride+j*half:], m.stride}
}

// addProduct adds a·b to c.
func (c matrix) addProduct(a, b matrix, n int) {
	if n <= matmulBlock {
		c.addBlock(a, b, n)
		return
	}
	h := n / 2
	for k := range 2 {
		for i := range 2 {
			for j := range 2 {
				c.quadrant(i, j, h).addProduct(a.quadrant(i, k, h), b.quadrant(k, j, h), h)
			}
		}
	}
}

// addBlock isn't inlined, so that every row has the same inner loop.
//
//go:noinline
func (c matrix) addBlock(a, b matrix, n int) {
	for i := range n {
		row := c.data[i*c.stride:][:n]
		for k, x := range a.data[i*a.stride:][:n] {
			other := b.data[k*b.stride:][:len(row)]
			for j := range row {
				row[j] += x * other[j]
			}
		}
	}
}

// addProduct does the four quadrants of c at once, first with one half of the
// sums, then with the other.
func (p *pool) addProduct(c, a, b matrix, n int) {
	if n <= matmulBlock {
		c.addBlock(a, b, n)
		return
	}
	h := n / 2
	for k := range 2 {
		part := func(i, j int) { p.addProduct(c.quadrant(i, j, h), a.quadrant(i, k, h), b.quadrant(k, j, h), h) }
		g := p.group()
		g.Go(func() { part(0, 0) })
		g.Go(func() { part(0, 1) })
		g.Go(func() { part(1, 0) })
		part(1, 1)
		g.Wait()
	}
}
