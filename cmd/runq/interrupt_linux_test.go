package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a new pseudo-terminal.
func openTerminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("needs pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { user.Close() })
	n, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { program.Close() })
	// Else Ctrl-C throws away what wasn't read yet, the program's answer to it included if that comes fast.
	mode, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	mode.Lflag |= unix.NOFLSH
	if err := unix.IoctlSetTermios(int(program.Fd()), unix.TCSETS, mode); err != nil {
		t.Fatal(err)
	}
	return user, program
}

// TestInterrupt interrupts the command once the bar of the job is seen, or that of the measurement, which
// would take a thousand rounds: by Ctrl-C on its terminal, or by the signal of a service manager. Either has
// to be passed on to the measured process.
func TestInterrupt(t *testing.T) {
	ctrlC := func(terminal *os.File, _ *os.Process) error {
		_, err := terminal.WriteString("\x03")
		return err
	}
	terminate := func(_ *os.File, p *os.Process) error { return p.Signal(syscall.SIGTERM) }
	for _, c := range []struct {
		name, seen string
		interrupt  func(terminal *os.File, p *os.Process) error
	}{
		{"job", "files", ctrlC},
		{"measurement", " of 1000: ", ctrlC},
		{"terminate", " of 1000: ", terminate},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := oddTree(t)
			user, program := openTerminal(t)
			cmd := command(t, dir, "demo", "checksum", "--rounds", "1000", "-o", "SUMS", ".")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			program.Close() // now user reads an error when the last process is gone
			screen := watch(t, user, c.seen, func() error { return c.interrupt(user, cmd.Process) })
			cmd.Wait() //nolint:errcheck // the status is looked at instead
			if got := cmd.ProcessState.ExitCode(); got != exitInterrupted {
				t.Errorf("got status %v, want %d", cmd.ProcessState, exitInterrupted)
			}
			screen = strings.ReplaceAll(screen, "^C", "") // the terminal's echo, wherever it came
			if !strings.HasSuffix(screen, eraseLine+"runq: interrupted\r\n") {
				t.Errorf("the screen ends with %q", screen[max(0, len(screen)-1000):])
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// watch reads a terminal until no process has it open, and calls react once when the text is seen.
func watch(t *testing.T, terminal *os.File, text string, react func() error) string {
	t.Helper()
	var screen strings.Builder
	reacted := false
	for buf := make([]byte, 1024); ; {
		n, err := terminal.Read(buf)
		screen.Write(buf[:n])
		if !reacted && strings.Contains(screen.String(), text) {
			reacted = true
			if err := react(); err != nil {
				t.Error(err)
			}
		}
		if err != nil {
			if !errors.Is(err, syscall.EIO) { // what Linux says at the end
				t.Error(err)
			}
			return screen.String()
		}
	}
}
