package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tutti-mesh/tutti/controlplane/compile"
	"github.com/tutti-mesh/tutti/controlplane/policy"
)

// goodFiles are the policy files as they were when they last had no error, by
// name. Kept in a file, they tell a control plane that was restarted beside a
// broken policy what its sidecars still run: the last good version is compiled
// from them and not lost.
type goodFiles struct {
	path  string // empty: not kept
	files map[string]string
}

const stateFile = "last-good.json"

// loadGood reads what was kept in dir, nothing if there is none yet.
func loadGood(dir string) (*goodFiles, error) {
	g := &goodFiles{files: map[string]string{}}
	if dir == "" {
		return g, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	g.path = filepath.Join(dir, stateFile)
	raw, err := os.ReadFile(g.path)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &g.files)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to begin without last good versions", g.path, err)
	}
	return g, nil
}

// last is the result of compiling what was kept, nil if there is nothing.
func (g *goodFiles) last() *compile.Result {
	if len(g.files) == 0 {
		return nil
	}
	var files []policy.File
	for name, data := range g.files {
		files = append(files, policy.File{Name: name, Data: []byte(data)})
	}
	set, _ := policy.Parse(files)
	result := compile.Compile(compile.Input{Policies: set})
	return &result
}

// update takes the files that have no error now, forgets those that are gone,
// and writes what changed.
func (g *goodFiles) update(files []policy.File, problems []policy.Problem) error {
	bad := map[string]bool{}
	for _, p := range problems {
		if p.Severity == policy.Error {
			bad[p.File] = true
		}
	}
	next := map[string]string{}
	changed := false
	for _, f := range files {
		old, had := g.files[f.Name]
		switch {
		case f.Err == nil && !bad[f.Name]:
			next[f.Name] = string(f.Data)
			changed = changed || !had || old != string(f.Data)
		case had:
			next[f.Name] = old
		}
	}
	changed = changed || len(next) != len(g.files)
	g.files = next
	if !changed || g.path == "" {
		return nil
	}
	raw, err := json.Marshal(next)
	if err != nil {
		return err
	}
	// Renamed into place, so that a crash leaves the old or the new.
	temp := g.path + ".new"
	if err := os.WriteFile(temp, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, g.path)
}
