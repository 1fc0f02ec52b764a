package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// source is where the rows' sources are, seen from the folder of go.mod.
const source = "forkjoin"

// rustPackages is where Debian's packages put the sources of Rust libraries.
const rustPackages = "/usr/share/cargo/registry"

// A program measures the rows of one language.
type program struct {
	path string
	rows [][2]string // workload and implementation
}

// build builds the programs into a folder. Those whose tools are missing are
// skipped, and it says why.
func build(bin, tags string) (programs []program, skipped []string, err error) {
	if _, err := os.Stat(filepath.Join(source, "row")); err != nil {
		return nil, nil, fmt.Errorf("the rows' sources aren't here: run it in the folder of bench/go.mod: %w", err)
	}
	for _, lang := range []struct {
		impls   string
		missing func() error
		build   func(bin string) (path string, err error)
	}{
		{"Go", func() error { return nil }, func(bin string) (string, error) { return buildGo(bin, tags) }},
		{"rust-serial, rayon", missingRust, buildRust},
		{"cpp-serial, onetbb, openmp", missingCpp, buildCpp},
	} {
		if why := lang.missing(); why != nil {
			skipped = append(skipped, fmt.Sprintf("%s (%v)", lang.impls, why))
			continue
		}
		path, err := lang.build(bin)
		if err != nil {
			return nil, nil, err
		}
		rows, err := list(path)
		if err != nil {
			return nil, nil, err
		}
		programs = append(programs, program{path, rows})
	}
	return programs, skipped, nil
}

// list asks a program for its rows.
func list(path string) (rows [][2]string, err error) {
	out, err := exec.Command(path, "list").Output()
	if err != nil {
		return nil, fmt.Errorf("%s list: %w", path, err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) != 2 {
			return nil, fmt.Errorf("%s list: line %q isn't a workload and an implementation", path, line)
		}
		rows = append(rows, [2]string(words))
	}
	return rows, nil
}

func buildGo(bin, tags string) (string, error) {
	path := filepath.Join(bin, "row-go")
	return path, tool("", "go", "build", "-tags", tags, "-o", path, "./"+source+"/row")
}

func missingRust() error {
	_, err := exec.LookPath("cargo")
	found, _ := filepath.Glob(rustPackages + "/rayon-[0-9]*")
	if err == nil && len(found) == 0 {
		err = errors.New("no Rayon in " + rustPackages)
	}
	return orInstall(err, "cargo librust-rayon-dev")
}

// buildRust builds a copy, because cargo writes beside the sources.
func buildRust(bin string) (string, error) {
	folder := filepath.Join(bin, "rust")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(source, "rust"))); err != nil {
		return "", err
	}
	err := tool(folder, "cargo", "build", "--release", "--offline", "--quiet", "--target-dir", "target",
		"--config", `source.crates-io.replace-with="debian"`,
		"--config", fmt.Sprintf("source.debian.directory=%q", rustPackages))
	return filepath.Join(folder, "target", "release", "row"), err
}

func missingCpp() error {
	_, err := exec.LookPath("g++")
	if err == nil {
		_, err = os.Stat("/usr/include/oneapi/tbb.h")
	}
	return orInstall(err, "g++ libtbb-dev")
}

func buildCpp(bin string) (string, error) {
	path := filepath.Join(bin, "row-cpp")
	files, err := filepath.Glob(filepath.Join(source, "cpp", "*.cpp"))
	if err != nil {
		return "", err
	}
	args := append([]string{"-std=c++17", "-O3", "-fopenmp", "-Wall", "-Wextra", "-o", path}, files...)
	return path, tool("", "g++", append(args, "-ltbb", "-lpthread")...)
}

// orInstall adds to an error what would help.
func orInstall(err error, packages string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w; in Debian: apt-get install %s", err, packages)
}

// tool runs a program that builds something, in a folder.
func tool(folder, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return nil
}
