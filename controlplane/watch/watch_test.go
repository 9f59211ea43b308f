package watch

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// quick has a short debounce and, unless a test is about it, no poll: what is
// tested is what the notifications find.
var quick = Options{Debounce: time.Millisecond, Poll: time.Hour}

func start(t *testing.T, dir string, opt Options) <-chan Snapshot {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out := Watch(ctx, dir, opt)
	t.Cleanup(func() {
		cancel()
		for range out {
		}
	})
	return out
}

// until waits for a snapshot that reads as want, like "a.yaml=1 b.yaml=2". What
// comes before may be a state in between.
func until(t *testing.T, out <-chan Snapshot, dir, want string) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	last := ""
	for {
		select {
		case s, ok := <-out:
			if !ok {
				t.Fatalf("closed after %q, want %q", last, want)
			}
			if last = describe(s, dir); last == want {
				return
			}
		case <-timeout:
			t.Fatalf("last %q, want %q", last, want)
		}
	}
}

func describe(s Snapshot, dir string) string {
	if s.Err != nil {
		return "unreadable"
	}
	var parts []string
	for _, f := range s.Files {
		name := strings.TrimPrefix(f.Name, dir+string(filepath.Separator))
		if f.Err != nil {
			parts = append(parts, name+" unreadable")
		} else {
			parts = append(parts, name+"="+string(f.Data))
		}
	}
	return strings.Join(parts, " ")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesComeGoAndChange(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.yml"), "2")
	write(t, filepath.Join(dir, "a.yaml"), "1")
	write(t, filepath.Join(dir, "README.md"), "no")
	write(t, filepath.Join(dir, ".hidden.yaml"), "no")
	must(t, os.Mkdir(filepath.Join(dir, "sub.yaml"), 0o755))
	out := start(t, dir, quick)
	until(t, out, dir, "a.yaml=1 b.yml=2")
	write(t, filepath.Join(dir, "c.yaml"), "3")
	until(t, out, dir, "a.yaml=1 b.yml=2 c.yaml=3")
	must(t, os.Remove(filepath.Join(dir, "b.yml")))
	until(t, out, dir, "a.yaml=1 c.yaml=3")
	write(t, filepath.Join(dir, "a.yaml"), "one")
	until(t, out, dir, "a.yaml=one c.yaml=3")
}

func TestAtomicRename(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.yaml")
	write(t, path, "1")
	out := start(t, dir, quick)
	until(t, out, dir, "a.yaml=1")
	for _, text := range []string{"2", "3", "4"} {
		write(t, path+".tmp", text)
		must(t, os.Rename(path+".tmp", path))
		until(t, out, dir, "a.yaml="+text)
	}
}

// A ConfigMap's volume: the files are links to ..data/NAME, ..data is a link to a
// directory with the time in its name, and an update swaps that link.
func TestKubernetesSwap(t *testing.T) {
	dir := t.TempDir()
	publish := func(version, text string) {
		must(t, os.Mkdir(filepath.Join(dir, "..v"+version), 0o755))
		write(t, filepath.Join(dir, "..v"+version, "a.yaml"), text)
		must(t, os.Symlink("..v"+version, filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	publish("1", "1")
	must(t, os.Symlink(filepath.Join("..data", "a.yaml"), filepath.Join(dir, "a.yaml")))
	out := start(t, dir, quick)
	until(t, out, dir, "a.yaml=1")
	publish("2", "2")
	must(t, os.RemoveAll(filepath.Join(dir, "..v1")))
	until(t, out, dir, "a.yaml=2")
	publish("3", "3")
	until(t, out, dir, "a.yaml=3")
}

func TestLinkTargetElsewhere(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	write(t, filepath.Join(elsewhere, "real"), "1")
	must(t, os.Symlink(filepath.Join(elsewhere, "real"), filepath.Join(dir, "a.yaml")))
	out := start(t, dir, quick)
	until(t, out, dir, "a.yaml=1")
	write(t, filepath.Join(elsewhere, "real"), "2")
	until(t, out, dir, "a.yaml=2")
}

func TestDirectoryIsSwapped(t *testing.T) {
	base := t.TempDir()
	for _, v := range []string{"1", "2"} {
		must(t, os.Mkdir(filepath.Join(base, v), 0o755))
		write(t, filepath.Join(base, v, "a.yaml"), v)
	}
	dir := filepath.Join(base, "policies")
	must(t, os.Symlink("1", dir))
	out := start(t, dir, quick)
	until(t, out, dir, "a.yaml=1")
	must(t, os.Symlink("2", dir+".new"))
	must(t, os.Rename(dir+".new", dir))
	until(t, out, dir, "a.yaml=2")
	write(t, filepath.Join(base, "2", "a.yaml"), "3")
	until(t, out, dir, "a.yaml=3")
}

func TestDirectoryGoesAndComes(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "policies")
	out := start(t, dir, quick)
	until(t, out, dir, "unreadable")
	must(t, os.Mkdir(dir, 0o755))
	until(t, out, dir, "")
	write(t, filepath.Join(dir, "a.yaml"), "1")
	until(t, out, dir, "a.yaml=1")
	must(t, os.RemoveAll(dir))
	until(t, out, dir, "unreadable")
}

func TestUnreadableFileIsCarried(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "1")
	must(t, os.Symlink("nowhere", filepath.Join(dir, "b.yaml")))
	out := start(t, dir, quick)
	until(t, out, dir, "a.yaml=1 b.yaml unreadable")
	write(t, filepath.Join(dir, "nowhere"), "2")
	until(t, out, dir, "a.yaml=1 b.yaml=2")
}

// The poll finds what no notification said: here, because there are none.
func TestPollAlone(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "1")
	w := &watcher{dir: dir, out: make(chan Snapshot, 1), watched: map[string]bool{}}
	w.read()
	until(t, w.out, dir, "a.yaml=1")
	w.read()
	select {
	case s := <-w.out:
		t.Fatalf("sent again: %q", describe(s, dir))
	default:
	}
	write(t, filepath.Join(dir, "a.yaml"), "2")
	w.read()
	until(t, w.out, dir, "a.yaml=2")
}

// A slow reader gets the newest snapshot and does not stop the watch.
func TestNewestWins(t *testing.T) {
	dir := t.TempDir()
	w := &watcher{dir: dir, out: make(chan Snapshot, 1), watched: map[string]bool{}}
	for _, text := range []string{"1", "2", "3"} {
		write(t, filepath.Join(dir, "a.yaml"), text)
		w.read()
	}
	if got := describe(<-w.out, dir); got != "a.yaml=3" {
		t.Errorf("got %q", got)
	}
}
