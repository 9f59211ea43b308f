package cel

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"testing"

	"github.com/tutti-mesh/tutti/filter/jsontext"
)

// data is one request with the answers of its steps, for both evaluators.
type data struct {
	Method  string                     `json:"method"`
	Path    string                     `json:"path"`
	Params  map[string]string          `json:"path_params"`
	Query   map[string]string          `json:"query"`
	Headers map[string]string          `json:"headers"`
	Body    json.RawMessage            `json:"body"`
	Steps   map[string]json.RawMessage `json:"steps"`

	scope Scope
	steps []stepData
}

type stepData struct {
	Status  int               `json:"status"`
	Reason  string            `json:"reason"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// readData reads one data set; its scope names what is in it.
func readData(t testing.TB, raw []byte) *data {
	t.Helper()
	d := &data{}
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(d); err != nil {
		t.Fatalf("data: %v", err)
	}
	d.scope.PathParams = sortedKeys(d.Params)
	d.scope.Steps = sortedKeys(d.Steps)
	for _, name := range d.scope.Steps {
		var s stepData
		if err := json.Unmarshal(d.Steps[name], &s); err != nil {
			t.Fatalf("data: steps.%s: %v", name, err)
		}
		d.steps = append(d.steps, s)
	}
	for _, body := range d.bodies() {
		if !jsontext.Valid(body) {
			t.Fatalf("data: not accepted by jsontext: %s", body)
		}
	}
	return d
}

func (d *data) bodies() [][]byte {
	var all [][]byte
	if d.Body != nil {
		all = append(all, d.Body)
	}
	for _, s := range d.steps {
		if s.Body != nil {
			all = append(all, s.Body)
		}
	}
	return all
}

// The data as expr.Env.

func (d *data) request() *requestEnv { return &requestEnv{d} }

type requestEnv struct{ d *data }

func (e *requestEnv) Method() string { return e.d.Method }
func (e *requestEnv) Path() string   { return e.d.Path }
func (e *requestEnv) PathParam(i int) string {
	return e.d.Params[e.d.scope.PathParams[i]]
}
func (e *requestEnv) Query(name string) (string, bool)  { v, ok := e.d.Query[name]; return v, ok }
func (e *requestEnv) Header(name string) (string, bool) { v, ok := e.d.Headers[name]; return v, ok }
func (e *requestEnv) Body() ([]byte, bool)              { return e.d.Body, e.d.Body != nil }
func (e *requestEnv) StepStatus(i int) int              { return e.d.steps[i].Status }
func (e *requestEnv) StepReason(i int) string           { return e.d.steps[i].Reason }
func (e *requestEnv) StepHeader(i int, name string) (string, bool) {
	v, ok := e.d.steps[i].Headers[name]
	return v, ok
}
func (e *requestEnv) StepBody(i int) ([]byte, bool) {
	return e.d.steps[i].Body, e.d.steps[i].Body != nil
}

// activation is the data as cel-go's variables.
func (d *data) activation(t testing.TB) map[string]any {
	request := map[string]any{"method": d.Method, "path": d.Path,
		"path_params": orEmpty(d.Params), "query": orEmpty(d.Query), "headers": orEmpty(d.Headers)}
	if d.Body != nil {
		request["body"] = decodeJSON(t, d.Body)
	}
	steps := map[string]any{}
	for i, s := range d.steps {
		step := map[string]any{"status": int64(s.Status), "reason": s.Reason, "headers": orEmpty(s.Headers)}
		if s.Body != nil {
			step["body"] = decodeJSON(t, s.Body)
		}
		steps[d.scope.Steps[i]] = step
	}
	return map[string]any{"request": request, "steps": steps}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// decodeJSON is encoding/json with the number rule of policy-language.
func decodeJSON(t testing.TB, raw []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("decode %s: %v", raw, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		t.Fatalf("more than one JSON text: %s", raw)
	}
	return withNumbers(v)
}

func withNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return numberOf(string(v))
	case []any:
		for i := range v {
			v[i] = withNumbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = withNumbers(v[name])
		}
	}
	return v
}

func numberOf(s string) any {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return u
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		panic(err)
	}
	return f
}
