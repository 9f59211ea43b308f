// Package watch reads the policy files of a directory, and again whenever they
// change. It parses nothing.
//
// The files are *.yaml and *.yml of the directory itself, in the order of their
// names; those that begin with a dot are left out, and directories below are
// not entered: a mounted Kubernetes ConfigMap has its data twice, in a hidden
// directory and as symbolic links to it. Links are followed.
package watch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// File is one file as it was read.
type File struct {
	// Name is the path, beginning with the directory as it was given.
	Name string
	Data []byte
	// Err says why Data is missing.
	Err error
}

// Snapshot is all files at one moment.
type Snapshot struct {
	Files []File
	// Err says why the directory itself could not be read; Files is empty then.
	Err error
}

// Options are the times of a watch. Zero values are the defaults that are named.
type Options struct {
	// Debounce is how long nothing may change before the files are read: an
	// editor or a checkout writes many. Default: 50ms.
	Debounce time.Duration
	// Most bounds Debounce when changes do not end. Default: 1s.
	Most time.Duration
	// Poll is how often the files are read in any case, because some file systems
	// report nothing. Default: 5s.
	Poll time.Duration
}

// maxFileBytes bounds a file, so that a link to something endless does no harm.
const maxFileBytes = 16 << 20

// Watch sends a snapshot at once, and another whenever something is different.
// A reader that is slow gets the newest one. The channel is closed when ctx is
// done.
func Watch(ctx context.Context, dir string, opt Options) <-chan Snapshot {
	if opt.Debounce == 0 {
		opt.Debounce = 50 * time.Millisecond
	}
	if opt.Most == 0 {
		opt.Most = time.Second
	}
	if opt.Poll == 0 {
		opt.Poll = 5 * time.Second
	}
	out := make(chan Snapshot, 1)
	w := &watcher{dir: filepath.Clean(dir), opt: opt, out: out, watched: map[string]bool{}}
	go w.run(ctx)
	return out
}

type watcher struct {
	dir string
	opt Options
	out chan Snapshot
	// notify is nil where the system has no notifications left to give; polling
	// does then.
	notify  *fsnotify.Watcher
	watched map[string]bool
	// targets are the directories that links lead to.
	targets map[string]bool
	last    *Snapshot
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.out)
	var events chan fsnotify.Event
	var errs chan error
	if n, err := fsnotify.NewWatcher(); err == nil {
		defer n.Close()
		w.notify, events, errs = n, n.Events, n.Errors
	}
	poll := time.NewTicker(w.opt.Poll)
	defer poll.Stop()
	var settle <-chan time.Time
	var first time.Time
	above := filepath.Dir(w.dir)
	w.read()
	for {
		select {
		case <-ctx.Done():
			return
		case <-errs:
			// Lost notifications: the poll finds what they were about.
		case ev := <-events:
			if filepath.Dir(ev.Name) == above && ev.Name != w.dir && !w.targets[above] {
				continue // Somebody else's file beside the directory.
			}
			now := time.Now()
			if settle == nil {
				first = now
			}
			settle = time.After(min(w.opt.Debounce, max(0, w.opt.Most-now.Sub(first))))
		case <-settle:
			settle = nil
			w.read()
		case <-poll.C:
			if settle == nil {
				w.read()
			}
		}
	}
}

// read sends what there is if it differs from the last time. The directories are
// watched before they are read, so that nothing falls in between.
func (w *watcher) read() {
	w.follow()
	s := Read(w.dir)
	if w.last != nil && equal(*w.last, s) {
		return
	}
	w.last = &s
	select {
	case <-w.out:
	default:
	}
	w.out <- s
}

// follow watches the directory and those where its links lead, so that a change
// of a link's target is seen.
func (w *watcher) follow() {
	if w.notify == nil {
		return
	}
	// The directory above, because the directory may be a link that is swapped,
	// or be made anew.
	wanted := map[string]bool{w.dir: true, filepath.Dir(w.dir): true}
	if resolved, err := filepath.EvalSymlinks(w.dir); err == nil {
		wanted[resolved] = true
	}
	names, _ := list(w.dir)
	w.targets = map[string]bool{}
	for _, name := range names {
		if target, err := filepath.EvalSymlinks(name); err == nil {
			wanted[filepath.Dir(target)] = true
			w.targets[filepath.Dir(target)] = true
		}
	}
	for dir := range w.watched {
		if !wanted[dir] {
			_ = w.notify.Remove(dir)
			delete(w.watched, dir)
		}
	}
	for dir := range wanted {
		// Added again each time: a directory that was made anew has the old
		// one's name and not its watch.
		w.watched[dir] = w.notify.Add(dir) == nil
	}
}

// Read reads the files once.
func Read(dir string) Snapshot {
	names, err := list(dir)
	if err != nil {
		return Snapshot{Err: fmt.Errorf("policies: %w", err)}
	}
	var s Snapshot
	for _, name := range names {
		f := File{Name: name}
		if f.Data, f.Err = readFile(name); f.Err != nil && os.IsNotExist(f.Err) && !isLink(name) {
			continue // Removed since list.
		}
		s.Files = append(s.Files, f)
	}
	return s
}

func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || e.IsDir() {
			continue
		}
		if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
			names = append(names, filepath.Join(dir, name))
		}
	}
	return names, nil
}

func isLink(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		return nil, fmt.Errorf("%s: larger than %d MiB", name, maxFileBytes>>20)
	}
	return data, err
}

func equal(a, b Snapshot) bool {
	if text(a.Err) != text(b.Err) || len(a.Files) != len(b.Files) {
		return false
	}
	for i := range a.Files {
		f, g := &a.Files[i], &b.Files[i]
		if f.Name != g.Name || text(f.Err) != text(g.Err) || !bytes.Equal(f.Data, g.Data) {
			return false
		}
	}
	return true
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
