package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/tutti-mesh/tutti/controlplane/policy"
)

// readPolicies reads files, the *.yaml and *.yml of folders (as the control
// plane does, without their subfolders), and stdin for "-".
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
		names, err := policyFiles(path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			files = append(files, policy.File{Name: name, Data: data})
		}
	}
	return files, nil
}

func policyFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var names []string
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		found, err := filepath.Glob(filepath.Join(path, pattern))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		names = append(names, found...)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no *.yaml or *.yml", path)
	}
	slices.Sort(names)
	return names, nil
}
