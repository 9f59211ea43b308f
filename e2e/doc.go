// Package e2e tests Tutti from outside: the tutti binary, real Envoys and HTTP,
// and nothing of the module's own packages. One runner reads specs/*.yaml and
// plays each against the sample shop (services/), in one of two environments:
//
//	client --> storefront's sidecar --> storefront
//	              |--> catalog's sidecar   --> catalog      control plane --xDS--> all sidecars
//	              |--> reviews's sidecar   --> reviews                     --ECDS-> attached
//	              '--> inventory's sidecar --> inventory
//	client --> attached: a plain Envoy with the stanza of `tutti attach`, before the same services
//
//	go test ./e2e                       as plain processes, for each supported Envoy
//	go test ./e2e -envoy 1.36.4         one of them only
//	go test ./e2e -run '/reason-'       only the specs of that name
//	go test ./e2e -env compose          in Docker, by docker-compose.yaml (see `make e2e`)
//
// # Specs
//
// A spec is a YAML file; unknown fields are errors. It is not a language:
// policies to begin with, then steps, one after the other, each with one key.
// What a spec changed is undone after it, so that one environment serves all.
//
//	about:    why the spec is there
//	env:      process or compose; both if left out
//	policies: files to begin with, name: text; "@policies/shop.yaml" takes the text of that file
//	steps:
//	- apply:   {FILE: TEXT}         write policy files; wait until every sidecar acknowledged what follows from them
//	- edit:    {FILE: {OLD: NEW}}   the same for a change of text
//	- remove:  [FILE]
//	- fault:   {SERVICE: FAULT}     misbehave: see services/fault.go
//	- heal:    [SERVICE]            take the faults away, let held requests go
//	- request: REQUEST              send and compare
//	- begin:   {NAME: REQUEST}      send and go on
//	- finish:  {NAME: EXPECT}       await what was begun and compare
//	- leave:   NAME                 be a client that leaves
//	- load:    REQUEST              send all the time, on `concurrency` connections, until endload; every answer must be as expected
//	- loaded:  N                    wait until the load had N more answers
//	- endload: true                 end it: not one may have failed
//	- seen:    {SERVICE: SUBSET}    what GET /_seen says; polled
//	- metrics: {SIDECAR: {STAT: N}} how much a counter of the filter rose in this spec; polled
//	- status:  SUBSET               what GET /v1/status of the control plane says; polled
//	- stop:    COMPONENT            SIGTERM, in the background, until start or stopped
//	- stopped: COMPONENT            it ended by itself, with exit code 0
//	- kill:    COMPONENT            SIGKILL
//	- start:   COMPONENT
//	- tutti:   {args: [..], exit: N, contains: [..]}
//
// COMPONENT is control-plane or storefront-sidecar, catalog-sidecar and so on.
// {{n}} in a REQUEST and its EXPECT is the number of the request, from 1;
// {{SERVICE}}, {{SERVICE.admin}} and {{control-plane}} in `tutti` are addresses.
//
//	REQUEST: to (storefront), method (GET), path, headers, body (text) or json, trailers, h2, repeat (1), concurrency (1),
//	         eventually (poll until as expected), expect
//	EXPECT:  status, headers, absent (header names), body (exact), json (equal), subset, contains, excludes (of the body),
//	         size (of the body, bytes), trailers, refused (no connection)
//
// Numbers compare by value and exactly. In a SUBSET, objects may have more
// members, and arrays more elements, than written; null asks for absence.
package e2e
