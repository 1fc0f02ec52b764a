package queue

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func nodes(l *List) (all []*Node) {
	l.Each(func(n *Node) { all = append(all, n) })
	return all
}

func checkList(t *testing.T, l *List, want []*Node) {
	t.Helper()
	if got := nodes(l); !slices.Equal(got, want) || l.Len() != len(want) || l.PeekLen() != len(want) {
		t.Fatalf("the list has %d nodes and says %d, %d to observers; want %d, in their order", len(got), l.Len(), l.PeekLen(), len(want))
	}
	if len(want) == 0 && (l.head != nil || l.tail != nil) {
		t.Fatal("an empty list holds on to a node")
	}
	if len(want) != 0 && (l.tail != want[len(want)-1] || l.tail.next != nil) {
		t.Fatal("the list doesn't end with its last node")
	}
}

// TestListAgainstModel does everything with a list at random, and with a slice.
func TestListAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var l List
	var model []*Node
	for range 20_000 {
		switch n := new(Node); r.IntN(7) {
		case 0, 1:
			l.Push(n)
			model = append(model, n)
		case 2:
			l.PushFront(n)
			model = slices.Insert(model, 0, n)
		case 3, 4:
			var want *Node
			if len(model) != 0 {
				want, model = model[0], model[1:]
			}
			if got := l.Pop(); got != want || got != nil && got.next != nil {
				t.Fatalf("popped %p, want %p, out of its list", got, want)
			}
		case 5:
			var more List
			for range r.IntN(4) {
				n := new(Node)
				more.Push(n)
				model = append(model, n)
			}
			l.Append(&more)
			checkList(t, &more, nil)
		case 6:
			n := r.IntN(len(model)+6) - 3
			k := min(max(n, 0), len(model))
			cut := l.Take(n)
			checkList(t, &cut, model[:k])
			model = model[k:]
		}
		checkList(t, &l, model)
	}
}
