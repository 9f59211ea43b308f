package publish

import (
	"encoding/json"
	"fmt"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
)

// readNode reads how a sidecar describes itself. Members that are not known are
// let be: a newer binary may have started it. The errors are gRPC's, because
// Envoy logs them.
func readNode(n *core.Node) (mesh.Sidecar, error) {
	refuse := func(format string, args ...any) (mesh.Sidecar, error) {
		return mesh.Sidecar{}, status.Errorf(codes.InvalidArgument,
			"node %q: %s", n.GetId(), fmt.Sprintf(format, args...))
	}
	if n.GetId() == "" {
		return refuse("no node id: start the Envoy with --service-node or node.id")
	}
	meta := n.GetMetadata().GetFields()[mesh.MetadataKey]
	if meta.GetStructValue() == nil {
		return refuse("no %q in the node metadata: start the Envoy by `tutti sidecar`, or put in what `tutti attach` prints", mesh.MetadataKey)
	}
	text, err := meta.MarshalJSON()
	if err != nil {
		return refuse("node metadata %q: %v", mesh.MetadataKey, err)
	}
	sc := mesh.Sidecar{ID: n.GetId()}
	if err := json.Unmarshal(text, &sc); err != nil {
		return refuse("node metadata %q: %v", mesh.MetadataKey, err)
	}
	switch {
	case sc.Service == "":
		return refuse("node metadata %q: service is missing", mesh.MetadataKey)
	case !sc.Attached && (sc.Listen == "" || sc.App == ""):
		return refuse("node metadata %q: listen and app are missing; an Envoy that is not Tutti's says attached: true", mesh.MetadataKey)
	}
	return sc, nil
}

// envoyVersion is like 1.40.0; empty if the node does not say.
func envoyVersion(n *core.Node) string {
	v := n.GetUserAgentBuildVersion().GetVersion()
	if v == nil {
		return n.GetUserAgentVersion()
	}
	return fmt.Sprintf("%d.%d.%d", v.GetMajorNumber(), v.GetMinorNumber(), v.GetPatch())
}
