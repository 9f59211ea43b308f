package envoy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Admin speaks to Envoy's admin interface.
type Admin struct {
	// URL is its root: http://127.0.0.1:9901.
	URL string
	// Client bounds each request; nil means adminTimeout.
	Client *http.Client
}

const (
	// adminTimeout bounds one request. A config_dump of a large mesh takes
	// seconds; Envoy writes it from its main thread.
	adminTimeout = 20 * time.Second
	// adminLimit bounds one answer of the admin interface.
	adminLimit = 256 << 20
)

// NewAdmin takes host:port or a URL.
func NewAdmin(where string) (Admin, error) {
	if !strings.Contains(where, "://") {
		where = "http://" + where
	}
	u, err := url.Parse(where)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return Admin{}, fmt.Errorf("%q is not the address of an admin interface: it looks like http://127.0.0.1:9901", where)
	}
	return Admin{URL: strings.TrimSuffix(u.String(), "/")}, nil
}

func (a Admin) do(ctx context.Context, method, path string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.URL+path, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("admin %s: %w", path, err)
	}
	client := a.Client
	if client == nil {
		client = &http.Client{Timeout: adminTimeout}
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("Envoy's admin interface does not answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, adminLimit))
	if err != nil {
		return 0, nil, fmt.Errorf("admin %s%s: %w", a.URL, path, err)
	}
	return resp.StatusCode, body, nil
}

// get decodes the JSON at path into v.
func (a Admin) get(ctx context.Context, path string, v any) error {
	code, body, err := a.do(ctx, http.MethodGet, path)
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		return fmt.Errorf("admin %s%s: status %d%s", a.URL, path, code, lastLines(body, 1))
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("admin %s%s: %w", a.URL, path, err)
	}
	return nil
}

func (a Admin) post(ctx context.Context, path string) error {
	code, body, err := a.do(ctx, http.MethodPost, path)
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		return fmt.Errorf("admin POST %s%s: status %d%s", a.URL, path, code, lastLines(body, 1))
	}
	return nil
}

// Ready says whether Envoy has its first configuration and serves; if not,
// state is Envoy's word for what it does: PRE_INITIALIZING, INITIALIZING
// (it waits for the control plane) or DRAINING.
func (a Admin) Ready(ctx context.Context) (ready bool, state string, err error) {
	code, body, err := a.do(ctx, http.MethodGet, "/ready")
	if err != nil {
		return false, "", err
	}
	return code == http.StatusOK, strings.TrimSpace(string(body)), nil
}

// Load is what clients have open at an Envoy.
type Load struct{ Requests, Connections int }

// Load sums the gauges of all connection managers but the admin's own.
func (a Admin) Load(ctx context.Context) (Load, error) {
	const filter = `^http\..*\.downstream_(rq|cx)_active$`
	var answer struct {
		Stats []struct {
			Name  string `json:"name"`
			Value int    `json:"value"`
		} `json:"stats"`
	}
	if err := a.get(ctx, "/stats?format=json&filter="+url.QueryEscape(filter), &answer); err != nil {
		return Load{}, err
	}
	var l Load
	for _, s := range answer.Stats {
		switch {
		case strings.HasPrefix(s.Name, "http.admin."), strings.HasPrefix(s.Name, "http.async-client."):
		case strings.HasSuffix(s.Name, "_rq_active"):
			l.Requests += s.Value
		default:
			l.Connections += s.Value
		}
	}
	return l, nil
}
