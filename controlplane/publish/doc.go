// Package publish brings to every sidecar what it should have, in an order in
// which no request meets a route without its plan or a plan without its
// cluster, and knows what each one has acknowledged.
//
// Two facts are kept apart for each stream: what the sidecar holds (what it said
// it has when it connected, and what it acknowledged since) and what is wanted.
// From the two, next says the one thing to do now; an acknowledgement changes
// what is held and next is asked again. So there is no list of steps to keep in
// step, and a change of mind in the middle needs no case of its own:
//
//	clusters      add and change CDS and EDS. Envoy acknowledges CDS when the
//	              new clusters are warm.
//	plan          ECDS: the wanted policies, and those that routes still name
//	routes        LDS and RDS as wanted: here new policies begin and old ones end
//	plan          ECDS: the wanted policies alone
//	removal       CDS without what no plan calls any more, once the longest
//	              budget of the plans that did has passed: removing a cluster
//	              resets its calls in flight
//
// A policy whose path changes keeps its name, and one name can stand for only
// one path in a plan. The old one is then first given another name, in plan and
// routes, and goes the way of a removed one.
//
// Versions of resources are made from their content, so they mean the same to
// a control plane that was restarted: it sends nothing that is there already.
// It cannot know the content of an older plan, though, only which policies the
// routes name (that stands in the version). It then ends what is no longer
// wanted at the routes first, instead of keeping it in the plan for a while.
//
// What a sidecar refuses stops there; what it has stays. It is tried again when
// something changes, and once a minute, because the cause may have been the
// sidecar's. What it does not acknowledge is waited for and shown, never forced.
package publish
