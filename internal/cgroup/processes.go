package cgroup

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// endPatience is how long it is tried to remove a group of processes: the kernel lets go of the last one some
// milliseconds after it has ended.
const endPatience = 5 * time.Second

// NewForProcesses makes a group for other processes, with a limit: below the one that the process was in
// when g was found or, where that can't be, below one above it. root is as in [Group.NewChild].
// Processes go there by [Enter]. The error has what failed at each level; nothing is left then.
func (g *Group) NewForProcesses(root string, l Limit) (*Child, error) {
	return g.newForProcesses(root, osControl{root}, l)
}

func (g *Group) newForProcesses(root string, files control, l Limit) (*Child, error) {
	var failures []error
	for _, at := range g.levels {
		c, err := g.newLimited(at.dir, root, files, l)
		if err == nil {
			return c, nil
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("cgroup: no group with a limit can be made here; it takes root, and a cpu controller that may be written to: %w",
		errors.Join(failures...))
}

func (g *Group) newLimited(parent, root string, files control, l Limit) (*Child, error) {
	defer files.lock(parent)()
	g.sweep(parent, files)
	c, err := g.makeChild(parent, root, files, forProcesses)
	if err != nil {
		return nil, err
	}
	c.patience = endPatience
	if err = c.forProcesses(); err == nil {
		err = c.setLimit(l)
	}
	if err != nil {
		return nil, errors.Join(err, files.remove(c.dir))
	}
	return c, nil
}

// forProcesses tells why a new group can't have processes: in version 2, for one, because there
// are groups for threads beside it.
func (c *Child) forProcesses() error {
	if !c.g.unified {
		return nil
	}
	name := c.dir + "/cgroup.type"
	text, err := readFile(c.g.fsys, name)
	if err != nil {
		return err
	}
	if text = strings.TrimSpace(text); text != "domain" {
		return fmt.Errorf("cgroup: a group in /%s can't have processes: it is of the type %q", c.parent, text)
	}
	return nil
}

// Enter puts this process into a group, by its folder ([Child.Dir]).
func Enter(dir string) error {
	const self = "0" // means: who writes it
	return osControl{dir}.write("cgroup.procs", self)
}
