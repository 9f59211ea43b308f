package main

import (
	"fmt"
	"io"
	"os"

	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/controlplane/watch"
)

// readPolicies reads files, folders as the control plane does, and stdin for
// "-".
func readPolicies(paths []string, stdin io.Reader) ([]policy.File, error) {
	var files []policy.File
	for _, path := range paths {
		if path == "-" {
			data, err := io.ReadAll(stdin)
			if err != nil {
				return nil, fmt.Errorf("stdin: %w", err)
			}
			files = append(files, policy.File{Name: "stdin", Data: data})
			continue
		}
		found, err := readPath(path)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

func readPath(path string) ([]policy.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		data, err := os.ReadFile(path)
		return []policy.File{{Name: path, Data: data}}, err
	}
	s := watch.Read(path)
	if s.Err != nil {
		return nil, s.Err
	}
	if len(s.Files) == 0 {
		return nil, fmt.Errorf("%s has no *.yaml or *.yml", path)
	}
	var files []policy.File
	for _, f := range s.Files {
		files = append(files, policy.File{Name: f.Name, Data: f.Data, Err: f.Err})
	}
	return files, nil
}
