package topo

import (
	"slices"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	for _, c := range []struct {
		text string
		want []int
	}{
		{"", nil},
		{" \n", nil},
		{"0\n", []int{0}},
		{"0-3,8", []int{0, 1, 2, 3, 8}},
		{"8,0-1,1,1-2", []int{0, 1, 2, 8}},
		{"5-5", []int{5}},
		{"8190-8191", []int{8190, 8191}},
	} {
		if got, err := ParseList(c.text); !slices.Equal(got, c.want) || err != nil {
			t.Errorf("ParseList(%q) = %v, %v; want %v", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{",", "1,", "-", "-1", "1-", "3-1", "1-2-3", "a", "1 2", "0x1", "+1", "8192", "0-8192", "0-99999999999999999999"} {
		if got, err := ParseList(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("ParseList(%q) = %v, %v; want an error that names it", text, got, err)
		}
	}
}

func TestFormatList(t *testing.T) {
	for _, c := range []struct {
		list []int
		want string
	}{
		{nil, ""},
		{[]int{7}, "7"},
		{[]int{8, 3, 1, 2, 0, 3}, "0-3,8"},
		{[]int{0, 1, 3, 4, 6}, "0-1,3-4,6"},
	} {
		before := slices.Clone(c.list)
		if got := FormatList(c.list); got != c.want || !slices.Equal(c.list, before) {
			t.Errorf("FormatList(%v) = %q; want %q, and the list unchanged", before, got, c.want)
		}
	}
}

// FuzzParseList: a list that is understood is in order, in range, and the same after
// it has been written and read again.
func FuzzParseList(f *testing.F) {
	for _, text := range []string{"", "0", "0-3,8", "8,0-1", "3-1", "8191", "8192", "0-18446744073709551615", "1,,2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseList(text)
		if err != nil {
			if list != nil {
				t.Errorf("ParseList(%q) = %v with %v", text, list, err)
			}
			return
		}
		if !slices.IsSorted(list) || len(list) > 0 && (list[0] < 0 || list[len(list)-1] >= MaxCPUs) {
			t.Errorf("ParseList(%q) = %v", text, list)
		}
		again, err := ParseList(FormatList(list))
		if !slices.Equal(again, list) || err != nil {
			t.Errorf("%v is written as %q, which is read as %v, %v", list, FormatList(list), again, err)
		}
	})
}
