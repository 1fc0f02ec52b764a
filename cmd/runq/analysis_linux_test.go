package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// onTerminal runs the command on a terminal, and returns all that was seen on it. react is called when text is seen.
func onTerminal(t *testing.T, cmd *exec.Cmd, text string, react func(user *os.File) error) (screen string, status int) {
	t.Helper()
	user, program := openTerminal(t)
	if cmd.Stdin == nil {
		cmd.Stdin = program
	}
	if cmd.Stdout == nil {
		cmd.Stdout = program
	}
	cmd.Stderr = program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close() // now user reads an error when the last process is gone
	screen = watch(t, user, text, func() error { return react(user) })
	cmd.Wait() //nolint:errcheck // the status is looked at instead
	return strings.ReplaceAll(screen, "^C", ""), cmd.ProcessState.ExitCode()
}

func ctrlC(user *os.File) error {
	_, err := user.WriteString("\x03")
	return err
}

// TestInterruptReading interrupts a report that waits for standard input, before and after the first bytes.
func TestInterruptReading(t *testing.T) {
	for _, begun := range []bool{false, true} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		seen := size(0)
		if begun {
			seen = "]" // the bar is there from the beginning
			if _, err := w.Write(canned()[:sniffed]); err != nil {
				t.Fatal(err)
			}
		}
		cmd := command(t, ".", "report", "-")
		cmd.Stdin = r
		screen, status := onTerminal(t, cmd, seen, ctrlC)
		if status != exitInterrupted || !strings.HasSuffix(screen, eraseLine+"runq: interrupted\r\n") {
			t.Errorf("status %d, and the screen is %q", status, screen)
		}
		if err := errors.Join(r.Close(), w.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestInterruptExport: an output that isn't whole isn't there.
func TestInterruptExport(t *testing.T) {
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	cmd := command(t, dir, "export", "--json", "-o", "out", "-")
	cmd.Stdin = r
	screen, status := onTerminal(t, cmd, "]", ctrlC)
	left, err := os.ReadDir(dir)
	if status != exitInterrupted || err != nil || len(left) != 0 {
		t.Errorf("status %d, the screen is %q, and there is %v, %v", status, screen, left, err)
	}
}

// TestInterruptProgram: Ctrl-C ends the recording, which is whole, and then the program.
func TestInterruptProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, seconds := range []string{"0", "1000"} {
		name, address := filepath.Join(t.TempDir(), "trace"), freeAddress(t)
		cmd := command(t, ".", "record", "-o", name, "--seconds", seconds, "--addr", address, "--", self, beServer, address)
		screen, status := onTerminal(t, cmd, "asked", ctrlC)
		want, end := exitOK, " recorded\r\n"
		if seconds != "0" { // then it comes too early
			want, end = exitInterrupted, " are whole\r\n"
		}
		if status != want || !strings.Contains(screen, end) || !strings.Contains(screen, "bye\r\n") {
			t.Errorf("--seconds %s: status %d, and the screen is %q", seconds, status, screen)
		}
		if stdout, stderr, status := runHere("validate", name); status != exitOK {
			t.Errorf("--seconds %s: status %d: %s%s", seconds, status, stdout, stderr)
		}
	}
}

// TestColours: there are some on a terminal, and none where they aren't wanted.
func TestColours(t *testing.T) {
	hog := "../../analyze/testdata/hog.trace"
	nothing := func(*os.File) error { return nil }
	plain, _, _ := runHere("report", hog)
	cmd := command(t, ".", "report", hog)
	screen, status := onTerminal(t, cmd, "\n", nothing)
	if status != exitOK || !strings.Contains(screen, styleTitle+"What stands out:"+styleReset) || !strings.Contains(screen, styleBad+"1. long-holder"+styleReset) {
		t.Errorf("status %d, and the screen is %.3000q", status, screen)
	}
	bare := strings.NewReplacer(styleTitle, "", styleBad, "", styleReset, "", "\r\n", "\n").Replace(screen)
	if !strings.HasSuffix(bare, plain) {
		t.Error("without its colours the text isn't what it is without colours")
	}
	for _, setting := range []string{"NO_COLOR=1", "TERM=dumb"} {
		cmd := exec.CommandContext(t.Context(), "env", append([]string{setting}, command(t, ".", "report", hog).Args...)...)
		cmd.Env = command(t, ".").Env
		if screen, status := onTerminal(t, cmd, "\n", nothing); status != exitOK || strings.Contains(screen, styleTitle) {
			t.Errorf("%s: status %d, and there are colours", setting, status)
		}
	}
	cmd = command(t, ".", "export", "--perfetto", "-o", "-", hog)
	if screen, status := onTerminal(t, cmd, "\n", nothing); status != exitFailed || !strings.Contains(screen, "this is no text for a terminal") {
		t.Errorf("status %d, and the screen is %.300q", status, screen)
	}
	cmd = command(t, ".", "record", "-o", "-", "localhost:1")
	if screen, status := onTerminal(t, cmd, "\n", nothing); status != exitFailed || !strings.Contains(screen, "a recording is no text for a terminal") {
		t.Errorf("status %d, and the screen is %.300q", status, screen)
	}
}
