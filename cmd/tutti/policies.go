package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/controlplane/watch"
)

// readPolicies reads files, folders as the control plane does, and stdin for
// "-".
func readPolicies(ctx context.Context, paths []string, stdin io.Reader) ([]policy.File, error) {
	var files []policy.File
	for _, path := range paths {
		if path == "-" {
			data, err := readAll(ctx, func() (io.Reader, error) { return stdin, nil })
			if err != nil {
				return nil, fmt.Errorf("stdin: %w", err)
			}
			files = append(files, policy.File{Name: "stdin", Data: data})
			continue
		}
		found, err := readPath(ctx, path)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

func readPath(ctx context.Context, path string) ([]policy.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		data, err := readAll(ctx, func() (io.Reader, error) { return os.Open(path) })
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

// readAll reads one byte more than a policy file may have, so that what is
// endless is found too large, and ends with ctx: opening or reading a pipe that
// nobody writes to would never end.
func readAll(ctx context.Context, open func() (io.Reader, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		r, err := open()
		if err != nil {
			done <- result{nil, err}
			return
		}
		if c, ok := r.(io.Closer); ok {
			defer c.Close()
		}
		data, err := io.ReadAll(io.LimitReader(r, policy.MaxFileBytes+1))
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
