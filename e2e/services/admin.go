package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// newAdmin puts /_fault and /_seen before a service, records what it is asked
// and applies the faults in force.
func newAdmin(shop http.Handler) http.Handler {
	log := &seenLog{}
	inForce := &faults{by: map[string]*armed{}}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /_fault", func(w http.ResponseWriter, r *http.Request) {
		fault, err := decodeFault(r.Body)
		if err != nil {
			writeError(w, http.StatusBadRequest, err.Error())
			return
		}
		inForce.put(fault)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /_fault", func(w http.ResponseWriter, _ *http.Request) {
		inForce.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_seen", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, log.matching(r.URL.Query().Get("prefix")))
	})
	mux.HandleFunc("DELETE /_seen", func(w http.ResponseWriter, _ *http.Request) {
		log.reset()
		w.WriteHeader(http.StatusNoContent)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/_"):
			mux.ServeHTTP(w, r)
		case r.URL.Path == "/healthz":
			shop.ServeHTTP(w, r)
		default:
			recordAndServe(w, r, shop, log, inForce)
		}
	})
}

func recordAndServe(w http.ResponseWriter, r *http.Request, shop http.Handler, log *seenLog, inForce *faults) {
	body, err := io.ReadAll(r.Body)
	end := log.begin(sighting(r, body))
	// A cut connection leaves by panic: the end is recorded all the same.
	defer func() { end(err != nil || r.Context().Err() != nil) }()
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if fault := inForce.take(r.URL.Path); fault != nil {
		fault.apply(w, r, shop)
		return
	}
	shop.ServeHTTP(w, r)
}
