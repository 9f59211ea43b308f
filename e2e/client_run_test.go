package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestClientsNoticeWhatFails: a runner that saw no failure would pass everything.
func TestClientsNoticeWhatFails(t *testing.T) {
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := served.Add(1); {
		case strings.HasPrefix(r.URL.Path, "/cut"):
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "{")
		case n%10 == 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			io.WriteString(w, `{"n":"`+strings.TrimPrefix(r.URL.Path, "/")+`"}`)
		}
	}))
	t.Cleanup(server.Close)
	clients := newClients()
	t.Cleanup(clients.close)

	numbered := Expect{Subset: map[string]any{"n": "{{n}}"}}
	if err := clients.sendAll(t.Context(), server.URL, &Request{Path: "/{{n}}", Repeat: 9, Concurrency: 3, Expect: numbered}); err != nil {
		t.Errorf("nine good answers: %v", err)
	}
	err := clients.sendAll(t.Context(), server.URL, &Request{Path: "/{{n}}", Repeat: 9, Concurrency: 3, Expect: Expect{Status: 200}})
	if err == nil || !strings.Contains(err.Error(), "1 of 9 not as expected") {
		t.Errorf("one of nine fails: %v", err)
	}
	if err := clients.sendAll(t.Context(), server.URL, &Request{Path: "/cut"}); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("an answer that breaks off: %v", err)
	}
	if err := clients.sendAll(t.Context(), server.URL, &Request{Path: "/1", Expect: Expect{Refused: true}}); err == nil {
		t.Error("an answer where none should be")
	}

	l := clients.startLoad(t.Context(), server.URL, &Request{Path: "/1", Concurrency: 4, Expect: Expect{Status: 200}})
	reached := eventually(t.Context(), func(context.Context) error {
		if n := l.count(); n < 40 {
			return fmt.Errorf("%d answers", n)
		}
		return nil
	})
	if reached != nil {
		t.Error(reached)
	}
	if n, err := l.end(); err == nil || n < 40 {
		t.Errorf("%d answers under load, error %v", n, err)
	}
}

func TestSpecsAreReadStrictly(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"about: x\nsteps: [{request: {path: /}}]\n", ""},
		{"about: x\nsteps: [{request: {pth: /}}]\n", "pth"},
		{"about: x\nsteps: [{request: {path: /}, heal: [catalog]}]\n", "one action"},
		{"about: x\nsteps: [{}]\n", "one action"},
		{"about: x\nstep: []\n", "step"},
		{"steps: [{heal: [catalog]}]\n", "about"},
		{"about: x\nenv: moon\nsteps: [{heal: [catalog]}]\n", "moon"},
		{"about: x\nsteps:\n- request: {path: /, expect: &e {status: 200}}\n- request: {path: /, expect: *e}\n", ""},
	} {
		_, err := readSpec([]byte(test.text))
		if (test.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want an error with %q", test.text, err, test.want)
		}
	}
}
