// Package publish brings to every sidecar what it should have, in an order in
// which no request meets a route without its plan or a plan without its
// cluster, and knows what each one has acknowledged.
package publish
