package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// product is what is asked for.
const product = "42"

// answer is one answer of the storefront's sidecar.
type answer struct {
	body []byte
	took time.Duration
}

func (m *mesh) pageURL() string { return "http://" + m.addr["storefront"] + "/products/" + product }

// ask sends the request and checks that the answer is what the services say,
// byte by byte, with the added field if there is one.
func (m *mesh) ask(ctx context.Context, added string) (answer, error) {
	want, err := m.expected(ctx, added)
	if err != nil {
		return answer{}, err
	}
	began := time.Now()
	body, err := get(ctx, m.pageURL())
	if err != nil {
		return answer{}, err
	}
	a := answer{body: body, took: time.Since(began)}
	if got := compact(body); !bytes.Equal(got, want) {
		return answer{}, fmt.Errorf("the answer is not what the services say\n got: %s\nwant: %s", got, want)
	}
	return a, nil
}

// expected composes by hand what the policy says, from what the services
// themselves answer.
func (m *mesh) expected(ctx context.Context, added string) ([]byte, error) {
	id := url.PathEscape(product)
	var catalog struct {
		ID json.RawMessage `json:"id"`
	}
	var reviews struct {
		Items json.RawMessage `json:"items"`
	}
	var stock struct {
		Count json.Number `json:"count"`
	}
	raw, err := m.service(ctx, "catalog", "/v1/products/"+id, &catalog)
	if err != nil {
		return nil, err
	}
	if _, err := m.service(ctx, "reviews", "/v1/reviews?product="+id, &reviews); err != nil {
		return nil, err
	}
	if _, err := m.service(ctx, "inventory", "/v1/stock/"+id, &stock); err != nil {
		return nil, err
	}
	count, err := stock.Count.Int64()
	if err != nil {
		return nil, fmt.Errorf("inventory: %w", err)
	}
	text := fmt.Sprintf(`{"id":%s,"product":%s,"reviews":%s,"available":%v`, catalog.ID, raw, reviews.Items, count > 0)
	if added != "" {
		text += fmt.Sprintf(`,%q:%s`, added, stock.Count)
	}
	return compact([]byte(text + "}")), nil
}

// service asks a service past its sidecar.
func (m *mesh) service(ctx context.Context, name, path string, v any) ([]byte, error) {
	body, err := get(ctx, "http://"+m.addr[name+".app"]+path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return nil, fmt.Errorf("the service %s: %w", name, err)
	}
	return body, nil
}

// compact takes the spaces out and keeps the rest: numbers, escapes, order. What
// is no JSON comes back as it is.
func compact(body []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, body) != nil {
		return body
	}
	return b.Bytes()
}

// show prints an answer.
func (m *mesh) show(a answer) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(a.body), "", "  "); err != nil {
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	m.say("$ curl http://%s/products/%s\n%s\n\nThe storefront's sidecar put this together from catalog, reviews and inventory in %.1f ms.\n",
		m.addr["storefront"], product, b.String(), float64(a.took.Microseconds())/1000)
	return nil
}
