// Package controlplane is Tutti's control plane: it watches policies, compiles
// them and brings each sidecar its configuration.
//
//	watch -> policy.Parse -> compile.Compile -> publish (-> xds) -> sidecars
//
// What cannot be read or compiled never takes away what serves: the last good
// version of a policy stays until it is mended or removed.
package controlplane

import (
	"context"
	"errors"
)

// Run serves until ctx is done. It returns nil then, or the error that kept it
// from starting.
func Run(ctx context.Context, cfg Config) error {
	return errors.New("not yet")
}
