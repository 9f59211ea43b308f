package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestReadme runs the README's console blocks in one shell, in the order in
// which they stand, and compares what they print. In an expected line, "..."
// stands for any text; a line that is only "..." for any number of lines.
func TestReadme(t *testing.T) {
	if *envFlag != "process" {
		t.Skip("runs with the specs of plain processes")
	}
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sh := newShell(t)
	commands := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		for _, c := range parseConsole(block[1]) {
			commands++
			got := sh.run(t, c.command)
			if !c.want.MatchString(got) {
				t.Fatalf("$ %s\nprinted:\n%s\nthe README says:\n%s", c.command, got, c.shown)
			}
		}
	}
	if commands < 10 {
		t.Errorf("only %d commands found in the README", commands)
	}
}

type consoleCommand struct {
	command, shown string
	want           *regexp.Regexp
}

// parseConsole reads lines "$ command", the lines of its here-document if it
// has one, and what it prints.
func parseConsole(block string) []consoleCommand {
	var out []consoleCommand
	var until string
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		command, ok := strings.CutPrefix(line, "$ ")
		switch last := len(out) - 1; {
		case until != "":
			out[last].command += "\n" + line
			if line == until {
				until = ""
			}
		case ok:
			out = append(out, consoleCommand{command: command})
			if _, mark, ok := strings.Cut(command, "<<'"); ok {
				until, _, _ = strings.Cut(mark, "'")
			}
		case last >= 0:
			out[last].shown += line + "\n"
		}
	}
	for i := range out {
		var pattern strings.Builder
		for line := range strings.Lines(out[i].shown) {
			if line == "...\n" {
				pattern.WriteString(`(?:.*\n)*?`)
				continue
			}
			pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `(?s:.*?)`))
		}
		out[i].want = regexp.MustCompile(`^` + pattern.String() + `\n*$`)
	}
	return out
}

// shell is an interactive bash without a terminal: one for all blocks, so that
// its jobs and variables go on.
type shell struct {
	in    io.Writer
	lines chan string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	cmd := exec.Command("bash", "--noprofile", "--norc")
	cmd.Dir = ".."
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	s := &shell{in: in, lines: make(chan string)}
	done := make(chan struct{})
	go func() {
		defer close(s.lines)
		for scanner := bufio.NewScanner(read); scanner.Scan(); {
			select {
			case s.lines <- scanner.Text():
			case <-done:
				return
			}
		}
	}()
	t.Cleanup(func() {
		// Whatever still runs in the background ends with the shell.
		fmt.Fprintln(in, "kill $(jobs -p) 2>/dev/null; wait; exit")
		in.Close()
		close(done)
		read.Close()
		cmd.Wait()
	})
	return s
}

const commandLimit = 5 * time.Minute

func (s *shell) run(t *testing.T, command string) string {
	t.Helper()
	const mark = "=== end of a README command ==="
	fmt.Fprintf(s.in, "%s\necho; echo '%s'\n", command, mark)
	var out strings.Builder
	limit := time.After(commandLimit)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				t.Fatalf("$ %s\nthe shell ended; printed:\n%s", command, out.String())
			}
			if line == mark {
				return strings.TrimRight(out.String(), "\n") + "\n"
			}
			out.WriteString(line + "\n")
		case <-limit:
			t.Fatalf("$ %s\nnot done after %s; printed:\n%s", command, commandLimit, out.String())
		}
	}
}
