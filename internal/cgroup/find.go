package cgroup

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// ErrNone says that this process is in no cgroup that could limit its CPU time, or
// in none that it can see. There is no limit then that anyone could follow.
var ErrNone = errors.New("cgroup: this process is in no cgroup that controls CPU time and that it can see")

const (
	membersFile = "proc/self/cgroup"
	mountsFile  = "proc/self/mountinfo"
)

// maxPath is the longest path that the kernel opens (PATH_MAX).
const maxPath = 4096

// level is a group that the process is in: its own, or one above it.
type level struct {
	path string // in the hierarchy, as /proc/self/cgroup gives it
	dir  string // where it is mounted, as an fs.FS wants it
}

// Find finds the group that this process is in now. fsys is the root of the file
// system: os.DirFS("/"). Without a group it returns [ErrNone]; other errors say which
// file couldn't be read or understood. A process that is moved to another group
// later must look again.
func Find(fsys fs.FS) (*Group, error) {
	members, err := readMembers(fsys)
	if err != nil {
		return nil, err
	}
	g := &Group{fsys: fsys}
	if cpu, ok := members["cpu"]; ok {
		if g.levels, err = findLevels(fsys, "cpu", cpu); err != nil {
			return nil, err
		}
		acct, ok := members["cpuacct"]
		if ok {
			if g.accounts, err = findLevels(fsys, "cpuacct", acct); err != nil {
				return nil, err
			}
		}
	} else if unified, ok := members[""]; ok {
		g.unified = true
		if g.levels, err = findLevels(fsys, "", unified); err != nil {
			return nil, err
		}
	}
	if len(g.levels) == 0 {
		return nil, ErrNone
	}
	if _, _, err := g.Limit(); err != nil {
		return nil, err
	}
	return g, nil
}

// moved says so if the process isn't where it was when g was found. It knows nothing where that
// can't be read.
func (g *Group) moved() error {
	controller := "cpu"
	if g.unified {
		controller = ""
	}
	members, err := readMembers(g.fsys)
	now, ok := members[controller]
	if before := cmp.Or(g.levels[0].path, "/"); err == nil && ok && now != before {
		return fmt.Errorf("cgroup: this process has been moved from the group %s to %s", before, now)
	}
	return nil
}

// readMembers returns the path of the process's group for each controller of
// version 1, and that of version 2 as the one of the controller "".
func readMembers(fsys fs.FS) (map[string]string, error) {
	members := make(map[string]string)
	err := eachLine(fsys, membersFile, func(line string) error {
		f := strings.SplitN(line, ":", 3) // hierarchy, controllers, path; the last may have colons
		if len(f) != 3 || !strings.HasPrefix(f[2], "/") {
			return fmt.Errorf("%q is not hierarchy:controllers:/path", line)
		}
		if f[0] == "0" {
			members[""] = f[2]
			return nil
		}
		for c := range strings.SplitSeq(f[1], ",") {
			if c == "cpu" || c == "cpuacct" {
				members[c] = f[2]
			}
		}
		return nil
	})
	return members, err
}

// findLevels finds where the group with this path is mounted, and those above it,
// the group itself first. Without a mount that shows it there are none. controller
// is "" for version 2.
func findLevels(fsys fs.FS, controller, group string) (levels []level, err error) {
	err = eachLine(fsys, mountsFile, func(line string) error {
		m, err := parseMount(line)
		if err != nil || !m.of(controller) {
			return err
		}
		// A mount that shows more of what is above has more limits to tell.
		if found := m.levels(group); len(found) > len(levels) && isDir(fsys, found[0].dir) {
			levels = found
		}
		return nil
	})
	return levels, err
}

func isDir(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

// mount is a line of mountinfo, as far as it matters here.
type mount struct {
	root    string // the path in the hierarchy that it shows at its top
	point   string // where that is
	kind    string // the type of file system
	options string // of the file system: of version 1, the controllers are among them
}

// of tells whether the mount is of the controller's hierarchy: of version 2 if
// controller is "".
func (m *mount) of(controller string) bool {
	if controller == "" {
		return m.kind == "cgroup2"
	}
	return m.kind == "cgroup" && slices.Contains(strings.Split(m.options, ","), controller)
}

// parseMount takes a line of mountinfo apart:
//
//	ID PARENT DEVICE ROOT POINT OPTIONS [FIELD…] - KIND SOURCE OPTIONS
func parseMount(line string) (mount, error) {
	front, back, ok := strings.Cut(line, " - ")
	f, b := strings.Split(front, " "), strings.Split(back, " ")
	if !ok || len(f) < 6 || len(b) < 2 {
		return mount{}, fmt.Errorf("%q is not a mount", line)
	}
	m := mount{root: unescape(f[3]), point: unescape(f[4]), kind: b[0], options: b[len(b)-1]}
	if !strings.HasPrefix(m.point, "/") {
		return mount{}, fmt.Errorf("%q is mounted nowhere", line)
	}
	return m, nil
}

// levels returns where the mount shows the group with this path, and those above it.
// It returns none if it doesn't show it.
func (m *mount) levels(group string) (levels []level) {
	root := strings.TrimSuffix(m.root, "/") // that of the hierarchy is "/", and nothing before other paths
	below, ok := strings.CutPrefix(strings.TrimSuffix(group, "/"), root)
	if !ok || below != "" && below[0] != '/' || strings.Contains(below+"/", "/../") {
		return nil // elsewhere, or above the namespace's root by names that can't be known
	}
	if len(m.point)+len(below) > maxPath {
		return nil
	}
	for {
		dir := strings.TrimPrefix(path.Join(m.point, below), "/")
		if !fs.ValidPath(dir) {
			return nil
		}
		levels = append(levels, level{path: root + below, dir: dir})
		if below == "" {
			return levels
		}
		below = below[:strings.LastIndexByte(below, '/')]
	}
}

// unescape undoes what the kernel does to the white space and the backslashes of
// paths in mountinfo: a backslash and three octal digits for each.
func unescape(s string) string {
	var out strings.Builder
	for {
		plain, rest, found := strings.Cut(s, `\`)
		out.WriteString(plain)
		if !found {
			return out.String()
		}
		c, ok := octal(rest)
		if ok {
			rest = rest[3:]
		} else {
			c = '\\' // the kernel writes none alone; whoever did means itself
		}
		out.WriteByte(c)
		s = rest
	}
}

// octal reads a byte written in three digits.
func octal(s string) (c byte, ok bool) {
	if len(s) < 3 || s[0] > '3' {
		return 0, false
	}
	for _, digit := range []byte(s[:3]) {
		if digit < '0' || digit > '7' {
			return 0, false
		}
		c = c<<3 | (digit - '0')
	}
	return c, true
}
