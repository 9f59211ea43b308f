package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// Expect is what an answer must be; what is left out is not looked at.
type Expect struct {
	Status   int               `yaml:"status"`
	Headers  map[string]string `yaml:"headers"`
	Absent   []string          `yaml:"absent"`
	Body     *string           `yaml:"body"`
	JSON     any               `yaml:"json"`
	Subset   any               `yaml:"subset"`
	Contains []string          `yaml:"contains"`
	Excludes []string          `yaml:"excludes"`
	Size     int               `yaml:"size"`
	Trailers map[string]string `yaml:"trailers"`
	Refused  bool              `yaml:"refused"`
}

// check compares; n stands for {{n}}. The error shows the answer.
func (e *Expect) check(got answer, n int) error {
	if e.Refused {
		if got.err == nil {
			return fmt.Errorf("want no connection\n%s", got)
		}
		return nil
	}
	if got.err != nil {
		return got.err
	}
	if err := e.compare(got, n); err != nil {
		return fmt.Errorf("%w\n%s", err, got)
	}
	return nil
}

func (e *Expect) compare(got answer, n int) error {
	if e.Status != 0 && got.status != e.Status {
		return fmt.Errorf("status %d, want %d", got.status, e.Status)
	}
	for name, want := range e.Headers {
		if have := strings.Join(got.headers.Values(name), ", "); have != numbered(want, n) {
			return fmt.Errorf("header %s: %q, want %q", name, have, numbered(want, n))
		}
	}
	for _, name := range e.Absent {
		if have, ok := got.headers[textName(name)]; ok {
			return fmt.Errorf("header %s: %q, want none", name, have)
		}
	}
	for name, want := range e.Trailers {
		if have := got.trailers.Get(name); have != want {
			return fmt.Errorf("trailer %s: %q, want %q", name, have, want)
		}
	}
	return e.compareBody(got.body, n)
}

func (e *Expect) compareBody(body []byte, n int) error {
	if e.Body != nil && string(body) != numbered(*e.Body, n) {
		return fmt.Errorf("body is not exactly %q", numbered(*e.Body, n))
	}
	if e.Size != 0 && len(body) != e.Size {
		return fmt.Errorf("body of %d bytes, want %d", len(body), e.Size)
	}
	for _, part := range e.Contains {
		if !bytes.Contains(body, []byte(numbered(part, n))) {
			return fmt.Errorf("body lacks %q", numbered(part, n))
		}
	}
	for _, part := range e.Excludes {
		if bytes.Contains(body, []byte(numbered(part, n))) {
			return fmt.Errorf("body has %q", numbered(part, n))
		}
	}
	if e.JSON == nil && e.Subset == nil {
		return nil
	}
	have, err := decode(body)
	if err != nil {
		return fmt.Errorf("body is no JSON: %w", err)
	}
	if e.JSON != nil {
		if err := match("$", have, normal(e.JSON, n), false); err != nil {
			return err
		}
	}
	if e.Subset != nil {
		return match("$", have, normal(e.Subset, n), true)
	}
	return nil
}

// match compares JSON values; with subset, have may hold more than want.
func match(path string, have, want any, subset bool) error {
	switch want := want.(type) {
	case map[string]any:
		have, ok := have.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: %v is no object", path, have)
		}
		for name, w := range want {
			h, ok := have[name]
			switch {
			case subset && w == nil && !ok:
			case !ok:
				return fmt.Errorf("%s.%s: absent, want %v", path, name, w)
			default:
				if err := match(path+"."+name, h, w, subset); err != nil {
					return err
				}
			}
		}
		for name := range have {
			if _, ok := want[name]; !ok && !subset {
				return fmt.Errorf("%s.%s: %v, want it absent", path, name, have[name])
			}
		}
		return nil
	case []any:
		have, ok := have.([]any)
		if !ok || len(have) < len(want) || !subset && len(have) != len(want) {
			return fmt.Errorf("%s: %v, want the array %v", path, have, want)
		}
		for i, w := range want {
			if err := match(path+"["+strconv.Itoa(i)+"]", have[i], w, subset); err != nil {
				return err
			}
		}
		return nil
	case json.Number:
		have, ok := have.(json.Number)
		if ok && rational(have).Cmp(rational(want)) == 0 {
			return nil
		}
	}
	if !reflect.DeepEqual(have, want) {
		return fmt.Errorf("%s: %v, want %v", path, have, want)
	}
	return nil
}

func rational(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		return new(big.Rat)
	}
	return r
}

// decode keeps numbers as they are written.
func decode(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one value")
	}
	return v, nil
}

// normal brings what YAML gave into the form that decode gives, with {{n}} set.
func normal(v any, n int) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a spec holds what JSON cannot: %v", err))
	}
	out, err := decode([]byte(numbered(string(text), n)))
	if err != nil {
		panic(err)
	}
	return out
}

func numbered(text string, n int) string {
	return strings.ReplaceAll(text, "{{n}}", strconv.Itoa(n))
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		have   string
		want   any
		subset bool
		ok     bool
	}{
		{`{"a":1,"b":2}`, map[string]any{"a": 1}, true, true},
		{`{"a":1,"b":2}`, map[string]any{"a": 1}, false, false},
		{`{"a":1}`, map[string]any{"a": 1, "b": nil}, true, true},
		{`{"a":1,"b":0}`, map[string]any{"a": 1, "b": nil}, true, false},
		{`{"a":null}`, map[string]any{"a": nil}, false, true},
		{`{"a":1.50}`, map[string]any{"a": 1.5}, false, true},
		{`{"a":9007199254740993}`, map[string]any{"a": 9007199254740992}, false, false},
		{`{"a":9007199254740993}`, map[string]any{"a": uint64(9007199254740993)}, false, true},
		{`{"a":"{{n}}"}`, map[string]any{"a": "7"}, false, false},
		{`{"a":"7"}`, map[string]any{"a": "{{n}}"}, false, true},
		{`[1,2]`, []any{1}, true, true},
		{`[1,2]`, []any{1}, false, false},
		{`[1]`, []any{1, 2}, true, false},
		{`"x"`, []any{1}, true, false},
		{`true`, false, false, false},
	} {
		have, err := decode([]byte(test.have))
		if err != nil {
			t.Fatal(err)
		}
		if err := match("$", have, normal(test.want, 7), test.subset); (err == nil) != test.ok {
			t.Errorf("%s against %v, subset %v: %v", test.have, test.want, test.subset, err)
		}
	}
}
