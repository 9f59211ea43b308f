package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// start gives the base address of a service that accepts both protocols.
func start(t *testing.T, name string) string {
	t.Helper()
	shop, ok := shopHandler(name)
	if !ok {
		t.Fatalf("no service %q", name)
	}
	server := httptest.NewUnstartedServer(newAdmin(shop))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func client(t *testing.T, h2 bool) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!h2)
	transport.Protocols.SetUnencryptedHTTP2(h2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func do(t *testing.T, c *http.Client, method, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		service, method, path, body string
		status                      int
		want                        string
	}{
		{"catalog", "GET", "/v1/products/7", "", 200, `{"id":"7","sku":9007199254741007,"name":"Linen apron","price":28.75,"tags":["kitchen","textile"]}` + "\n"},
		{"catalog", "GET", "/v1/products/4", "", 200, `{"id":"4","sku":9007199254741001,"name":"Notebook “Grid & Dot” <A5>","price":12.00,"tags":["paper"]}` + "\n"},
		{"catalog", "GET", "/v1/products/none", "", 404, `{"error":"no such product"}` + "\n"},
		{"reviews", "GET", "/v1/reviews?product=3", "", 200, `{"product":"3","items":[{"id":"3-1","stars":5,"author":"Ada","text":"Does what it says."}]}` + "\n"},
		{"reviews", "GET", "/v1/reviews", "", 400, `{"error":"the query parameter product is missing"}` + "\n"},
		{"inventory", "GET", "/v1/stock/7", "", 200, `{"product":"7","count":12}` + "\n"},
		{"inventory", "GET", "/v1/stock/0", "", 200, `{"product":"0","count":0}` + "\n"},
		{"inventory", "POST", "/v1/reservations", `{"product":"7","count":2}`, 201, `{"reservation":"r-7-2","product":"7","count":2}` + "\n"},
		{"storefront", "POST", "/cart", `{"product":"7","count":2}`, 201, `{"items":[{"product":"7","count":2}]}` + "\n"},
		{"storefront", "GET", "/products/7", "", 200, "<!doctype html>\n<title>Shop</title>\n<h1>Product 7</h1>\n"},
		{"storefront", "GET", "/healthz", "", 200, `{"service":"storefront","status":"ok"}` + "\n"},
	} {
		for _, h2 := range []bool{false, true} {
			resp, got := do(t, client(t, h2), test.method, start(t, test.service)+test.path, test.body)
			if resp.StatusCode != test.status || got != test.want {
				t.Errorf("%s %s %s: %d %q, want %d %q", test.service, test.method, test.path, resp.StatusCode, got, test.status, test.want)
			}
			if want := map[bool]int{false: 1, true: 2}[h2]; resp.ProtoMajor != want {
				t.Errorf("answered in HTTP/%d, want HTTP/%d", resp.ProtoMajor, want)
			}
		}
	}
}

func TestFaultsOnBothProtocols(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		base, c := start(t, "inventory"), client(t, h2)
		put := func(fault string) {
			t.Helper()
			if resp, got := do(t, c, "PUT", base+"/_fault", fault); resp.StatusCode != 204 {
				t.Fatalf("PUT /_fault %s: %d %s", fault, resp.StatusCode, got)
			}
		}
		put(`{"prefix":"/v1","status":503,"headers":{"Retry-After":"9"},"times":1}`)
		if resp, _ := do(t, c, "GET", base+"/v1/stock/7", ""); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "9" {
			t.Errorf("status: %d %v", resp.StatusCode, resp.Header)
		}
		if resp, _ := do(t, c, "GET", base+"/v1/stock/7", ""); resp.StatusCode != 200 {
			t.Errorf("after one time: %d", resp.StatusCode)
		}
		put(`{"prefix":"/v1","body":"broken-json"}`)
		if _, got := do(t, c, "GET", base+"/v1/stock/7", ""); json.Valid([]byte(got)) {
			t.Errorf("broken-json is valid: %q", got)
		}
		put(`{"prefix":"/v1","body":"big","bytes":70000}`)
		if _, got := do(t, c, "GET", base+"/v1/stock/7", ""); len(got) != 70000 || !json.Valid([]byte(got)) {
			t.Errorf("big: %d bytes", len(got))
		}
		put(`{"prefix":"/v1","body":"text","text":"[1]","trailers":{"Checksum":"abc"}}`)
		if resp, got := do(t, c, "GET", base+"/v1/stock/7", ""); got != "[1]" || resp.Trailer.Get("Checksum") != "abc" {
			t.Errorf("trailers: %q %v", got, resp.Trailer)
		}
		for _, kind := range []string{"reset", "close"} {
			put(`{"prefix":"/v1","body":"` + kind + `"}`)
			resp, err := c.Get(base + "/v1/stock/7")
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if err == nil {
				t.Errorf("%s (HTTP/2 %v): no error", kind, h2)
			}
		}
	}
}

func TestHoldLastsUntilTheFaultIsTakenAway(t *testing.T) {
	base, c := start(t, "inventory"), client(t, false)
	do(t, c, "PUT", base+"/_fault", `{"prefix":"/v1","body":"hold"}`)
	answered := make(chan int)
	go func() {
		resp, err := c.Get(base + "/v1/stock/7")
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	for seen := (Seen{}); seen.Active != 1; {
		_, body := do(t, c, "GET", base+"/_seen", "")
		if err := json.Unmarshal([]byte(body), &seen); err != nil {
			t.Fatal(err)
		}
	}
	do(t, c, "DELETE", base+"/_fault", "")
	if got := <-answered; got != 200 {
		t.Errorf("released: %d", got)
	}
}

func TestSeenTellsWhatCame(t *testing.T) {
	base, c := start(t, "inventory"), client(t, false)
	do(t, c, "POST", base+"/v1/reservations?a=1", `{"product":"7","count":2}`)
	do(t, c, "GET", base+"/healthz", "")
	_, body := do(t, c, "GET", base+"/_seen?prefix=/v1/res", "")
	var seen Seen
	if err := json.Unmarshal([]byte(body), &seen); err != nil {
		t.Fatal(err)
	}
	if seen.Total != 1 || seen.Active != 0 || len(seen.Requests) != 1 {
		t.Fatalf("seen %+v", seen)
	}
	if r := seen.Requests[0]; r.Path != "/v1/reservations?a=1" || r.Body != `{"product":"7","count":2}` || r.Headers["user-agent"] == nil {
		t.Errorf("seen %+v", r)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"--name", "cellar", "--listen", "127.0.0.1:0"}, {"--name", "catalog"}, {"--nam", "x"}} {
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), args, &stdout, &stderr); code != 2 || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%v: exit code %d, %q", args, code, stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"--help"}, &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), "Usage:") {
		t.Errorf("--help: exit code %d, %q", code, stdout.String())
	}
}
