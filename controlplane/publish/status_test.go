package publish

import (
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
)

func playing(t *testing.T) (*fakeEnvoy, *fakeClock) {
	clock := newClock()
	e := newEnvoy(t, New(Config{Clock: clock, Logger: quietLog}), clock, shop)
	e.p.Update(world(policy("a", "a", 1000, "e1")))
	e.connect(nil)
	return e, clock
}

func (e *fakeEnvoy) mustBe(state State, phase string) SidecarStatus {
	e.t.Helper()
	all := e.p.Status()
	if len(all) != 1 || all[0].State != state || all[0].Phase != phase {
		e.fail("status %+v, want %s in phase %q", all, state, phase)
	}
	return all[0]
}

func TestStatusUntilSynced(t *testing.T) {
	e, clock := playing(t)
	st := e.mustBe(Syncing, "clusters")
	if st.WantedPlan == "" || st.AckedPlan != "" {
		t.Errorf("plans %q and %q before anything is acknowledged", st.WantedPlan, st.AckedPlan)
	}
	clock.advance(31 * time.Second)
	e.mustBe(Stale, "clusters")
	e.settle()
	st = e.mustBe(Synced, "")
	if st.AckedPlan != st.WantedPlan || st.ConnectedSince == nil {
		t.Errorf("status %+v", st)
	}
	// A cluster that waits for its removal is nothing to wait for.
	e.p.Update(world())
	e.settle()
	if st := e.mustBe(Synced, ""); st.AckedPlan != "" || st.WantedPlan != "" {
		t.Errorf("plans of nothing: %+v", st)
	}
	e.p.leave(e.session)
	if st := e.mustBe(NotConnected, ""); st.DisconnectedAt == nil || st.Service != "shop" {
		t.Errorf("status %+v", st)
	}
	e.session = nil
	clock.advance(16 * time.Minute)
	if all := e.p.Status(); len(all) != 0 {
		t.Errorf("%+v is not forgotten", all)
	}
}

func TestRefusedStopsTheSequence(t *testing.T) {
	e, clock := playing(t)
	e.settle()
	good := e.mustBe(Synced, "").AckedPlan
	e.p.Update(world(policy("a", "a", 2000, "e1"), policy("b", "b", 1000)))
	e.receive()
	e.process(true) // the plan
	e.settle()
	st := e.mustBe(Errored, "plan")
	if st.AckedPlan != good || st.WantedPlan == good || !strings.Contains(st.Error, "ECDS refused: no") || st.ErrorAt == nil {
		t.Errorf("status %+v", st)
	}
	if names := e.routes(); len(names) != 2 {
		t.Errorf("routes %v, want those of before", names)
	}
	if got := e.p.Counts().Nacks["ECDS"]; got != 1 {
		t.Errorf("%d refusals counted", got)
	}
	// Back to what it has: nothing to do, nothing wrong.
	pushes := e.p.Counts().Pushes["ECDS"]
	e.p.Update(world(policy("a", "a", 1000, "e1")))
	e.receive()
	if st := e.mustBe(Synced, ""); st.Error != "" || e.p.Counts().Pushes["ECDS"] != pushes {
		t.Errorf("status %+v, %d pushes", st, e.p.Counts().Pushes["ECDS"])
	}
	// The same again is refused again, and tried again after a while.
	again := world(policy("a", "a", 2500, "e1"))
	e.p.Update(again)
	e.receive()
	e.process(true)
	e.settle()
	e.mustBe(Errored, "plan")
	clock.advance(retryAfter)
	e.settle()
	e.mustHave(again[shop.Workload()])
	// Another change is tried.
	w := world(policy("a", "a", 3000, "e1"))
	e.p.Update(w)
	e.settle()
	e.mustHave(w[shop.Workload()])
}

// TestRefusedClusterHoldsNothingUp: what calls it is left out, or stays as it
// was; the rest goes on, and all of it once the cluster is taken.
func TestRefusedClusterHoldsNothingUp(t *testing.T) {
	e, clock := playing(t)
	e.settle()
	e.spoiled = map[string]bool{"bad": true}
	a, b, c := policy("a", "a", 1000, "e1"), policy("b", "b", 1000, "bad"), policy("c", "c", 1000, "e2")
	e.p.Update(world(a, b, c))
	e.settle()
	st := e.mustBe(Errored, "")
	if !strings.Contains(st.Error, "CDS refused") || !strings.Contains(st.Error, "bad: Invalid path") || st.AckedPlan == st.WantedPlan {
		t.Errorf("status %+v", st)
	}
	e.mustHold(world(a, c)[shop.Workload()])

	e.p.Update(world(policy("a", "a", 2000, "bad"), c))
	e.settle()
	e.mustBe(Errored, "")
	e.mustHold(world(a, c)[shop.Workload()])

	e.spoiled = nil
	clock.advance(retryAfter)
	e.settle()
	clock.advance(time.Hour)
	e.settle()
	e.mustHave(world(policy("a", "a", 2000, "bad"), c)[shop.Workload()])
	e.mustBe(Synced, "")
}

// TestRefusedClusterOfANewSidecar: it gets its listener all the same.
func TestRefusedClusterOfANewSidecar(t *testing.T) {
	e, _ := playing(t)
	e.spoiled = map[string]bool{"bad": true}
	a := policy("a", "a", 1000, "e1")
	e.p.Update(world(a, policy("b", "b", 1000, "bad")))
	e.settle()
	e.mustBe(Errored, "")
	e.mustHold(world(a)[shop.Workload()])
}

func TestEqualPlanIsNotPushed(t *testing.T) {
	e, _ := playing(t)
	e.settle()
	before := e.p.Counts().Pushes
	e.p.Update(world(policy("a", "a", 1000, "e1")))
	e.receive()
	if len(e.inbox) != 0 {
		t.Errorf("sent %v", describe(e.inbox[0]))
	}
	for typ, n := range e.p.Counts().Pushes {
		if before[typ] != n {
			t.Errorf("%s pushed again", typ)
		}
	}
}

func TestWithheldWhereTheModuleIsTooOld(t *testing.T) {
	e, _ := playing(t)
	e.node.Metadata.Fields[mesh.MetadataKey].GetStructValue().Fields["plan_versions"] = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(7)}})
	e.connect(nil)
	e.settle()
	st := e.mustBe(Errored, "")
	if !strings.Contains(st.Error, "runs plan versions [7] and this control plane writes 1") || len(e.applied) != 0 {
		t.Errorf("status %+v, has %v", st, e.applied)
	}
	// Without policies there is no plan that it could not run.
	e.p.Update(world())
	e.settle()
	e.mustBe(Synced, "")
}

func TestJoinedAsksForAWorkload(t *testing.T) {
	var asked []mesh.Workload
	clock := newClock()
	p := New(Config{Clock: clock, Logger: quietLog, Joined: func(w mesh.Workload) { asked = append(asked, w) }})
	e := newEnvoy(t, p, clock, shop)
	e.connect(nil)
	e.settle()
	e.mustBe(Syncing, "")
	if len(asked) != 1 || asked[0] != shop.Workload() || len(p.Workloads()) != 1 {
		t.Fatalf("asked for %v, workloads %v", asked, p.Workloads())
	}
	p.Update(world())
	e.settle()
	e.mustBe(Synced, "")
}

// What many sidecars get is made once.
func TestAlikeSidecarsShare(t *testing.T) {
	clock := newClock()
	p := New(Config{Clock: clock, Logger: quietLog})
	p.Update(world(policy("a", "a", 1000, "e1")))
	one := newEnvoy(t, p, clock, shop)
	other := shop
	other.ID = "shop-2"
	two := newEnvoy(t, p, clock, other)
	for _, e := range []*fakeEnvoy{one, two} {
		e.connect(nil)
		e.settle()
	}
	for _, typeURL := range types {
		for name, r := range one.applied[typeURL] {
			if two.applied[typeURL][name] != r {
				t.Errorf("%s %s is there twice", shortType(typeURL), name)
			}
		}
	}
	if one.session.wanted != two.session.wanted {
		t.Error("wanted is there twice")
	}
}

func TestReadNode(t *testing.T) {
	meta := func(v any) *structpb.Struct {
		s, err := structpb.NewStruct(map[string]any{mesh.MetadataKey: v})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tests := []struct {
		name string
		node *core.Node
		want string
	}{
		{"id", &core.Node{}, "no node id"},
		{"metadata", &core.Node{Id: "n"}, "tutti attach"},
		{"shape", &core.Node{Id: "n", Metadata: meta("shop")}, "tutti attach"},
		{"service", &core.Node{Id: "n", Metadata: meta(map[string]any{})}, "service is missing"},
		{"type", &core.Node{Id: "n", Metadata: meta(map[string]any{"service": 1})}, "service"},
		{"app", &core.Node{Id: "n", Metadata: meta(map[string]any{"service": "s", "listen": "a:1"})}, "listen and app"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readNode(tt.node)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want InvalidArgument with %q", err, tt.want)
			}
		})
	}
	sc, err := readNode(&core.Node{Id: "n", Metadata: meta(map[string]any{"service": "s", "attached": true, "plan_versions": []any{1, 2}, "from_the_future": true})})
	if err != nil || sc.Service != "s" || !sc.Attached || len(sc.PlanVersions) != 2 {
		t.Errorf("%+v, %v", sc, err)
	}
	version := &core.Node{UserAgentVersionType: &core.Node_UserAgentBuildVersion{UserAgentBuildVersion: &core.BuildVersion{
		Version: &typev3.SemanticVersion{MajorNumber: 1, MinorNumber: 40},
	}}}
	if got := envoyVersion(version); got != "1.40.0" {
		t.Errorf("version %q", got)
	}
}
