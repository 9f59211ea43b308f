package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tutti-mesh/tutti/filter/jsontext"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// TestEveryOrder plays every order of every kind of answer, dispatch failure
// and departure of the client on two small plans, one that is all parallel and
// one that is a chain, and checks after every event what must always hold. Each
// is played on a run that was used before and on a new one, which must do the
// same.
func TestEveryOrder(t *testing.T) {
	for _, file := range []string{"happy", "chain"} {
		t.Run(file, func(t *testing.T) {
			table, fresh := NewTable(load(t, file)), NewTable(load(t, file))
			runs := 0
			for choices := []int{}; choices != nil; runs++ {
				e := explorer{t: t, choices: choices}
				e.play(table)
				table.Recycle(e.run)
				again := explorer{t: t, choices: e.choices}
				if again.play(fresh); again.did.String() != e.did.String() {
					e.fail("a used run does something else than a new one:\n" + e.did.String() + "\n" + again.did.String())
				}
				choices = e.next()
			}
			t.Logf("%d runs", runs)
			if runs < 50 {
				t.Errorf("only %d runs: the explorer is broken", runs)
			}
		})
	}
}

// explorer replays a list of choices and, where it ends, takes the first of
// what is there to choose. next is the list of the next run in order.
type explorer struct {
	t       *testing.T
	choices []int
	widths  []int
	at      int

	run     *Run
	waiting []int
	replies int
	log     []string
	did     strings.Builder
}

func (e *explorer) choose(n int) int {
	if e.at == len(e.choices) {
		e.choices = append(e.choices, 0)
	}
	e.widths = append(e.widths, n)
	c := e.choices[e.at]
	e.at++
	return c
}

func (e *explorer) next() []int {
	for i := len(e.choices) - 1; i >= 0; i-- {
		if e.choices[i]+1 < e.widths[i] {
			return append(e.choices[:i:i], e.choices[i]+1)
		}
	}
	return nil
}

var exploredAnswers = []struct {
	name   string
	status string
	body   string
}{
	{"good", "200", `{"id":1,"name":"n","cart":"c","items":[],"count":1}`},
	{"broken", "200", `{"id":`},
	{"wrong type", "200", `[]`},
	{"error", "500", ``},
	{"reset", "", ``},
}

func (e *explorer) play(table *Table) {
	path := "/products/1"
	if table.byName["chain"] != nil {
		path = "/chain"
	}
	h := list{{":method", "GET"}, {":path", path}}
	e.run = table.Match(h)
	e.apply("start", e.run.Start(h, true, 0))
	left := false
	for now := Time(1); len(e.waiting) > 0; now++ {
		if !left && e.choose(2) == 1 {
			left = true
			e.run.Gone(now)
			if e.run.Over() && e.replies == 0 && e.run.Summary().Outcome != Gone {
				e.fail("left, but the outcome is " + e.run.Summary().Outcome.String())
			}
		}
		i := e.choose(len(e.waiting))
		id := e.waiting[i]
		e.waiting = append(e.waiting[:i:i], e.waiting[i+1:]...)
		k := e.choose(len(exploredAnswers) + 1)
		if k == len(exploredAnswers) {
			e.apply(fmt.Sprint("dispatch failed ", id), e.run.DispatchFailed(id, id == 0, now))
			continue
		}
		a := exploredAnswers[k]
		got := reply{body: a.body}
		if a.status != "" {
			got.list = list{{":status", a.status}, {plan.MarkHeader, a.status}}
		}
		e.apply(fmt.Sprint(a.name, " ", id), e.run.Answer(id, got, now))
		if again := e.run.Answer(id, got, now); len(again) > 0 {
			e.fail("an answer that came twice had an effect")
		}
	}
	if !e.run.Over() || !left && e.replies != 1 {
		e.fail(fmt.Sprintf("nothing is awaited, but over=%v with %d replies", e.run.Over(), e.replies))
	}
	if e.run.Panic("x", 99) != nil {
		e.fail("a panic after the end replied again")
	}
}

func (e *explorer) apply(event string, effects []Effect) {
	e.log = append(e.log, event)
	if e.replies > 0 && len(effects) > 0 {
		e.fail("an effect after the reply")
	}
	for i, f := range effects {
		fmt.Fprintf(&e.did, "%d %v %s %d %v %s\n", f.Kind, f.Call.Headers, f.Call.Body, f.Reply.Status, f.Reply.Headers, bytes.Join(f.Reply.Body, nil))
		switch f.Kind {
		case DoCall:
			if f.Call.TimeoutMS == 0 || f.Call.TimeoutMS > 800 {
				e.fail(fmt.Sprint("timeout outside the budget: ", f.Call.TimeoutMS))
			}
			e.waiting = append(e.waiting, f.Call.ID)
		case DoReply:
			e.replies++
			if i != len(effects)-1 {
				e.fail("the reply is not the last effect")
			}
			if body := bytes.Join(f.Reply.Body, nil); !json.Valid(body) {
				e.fail("not JSON: " + string(body))
			}
		}
	}
	if e.replies > 1 {
		e.fail("replied twice")
	}
}

func (e *explorer) fail(what string) {
	e.t.Helper()
	e.t.Fatalf("%s\nafter %q", what, e.log)
}

// load takes the plan of a scenario.
func load(t testing.TB, name string) *plan.Plan {
	t.Helper()
	raw, err := os.ReadFile("../sim/testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := bytes.Cut(raw, []byte("\n-----\n"))
	p, err := plan.Decode(head)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type list [][2]string

func (l list) Len() int                      { return len(l) }
func (l list) At(i int) (name, value string) { return l[i][0], l[i][1] }

func (l list) Reset() bool { return len(l) == 0 }
func (l list) Header(name string) (string, bool) {
	for _, h := range l {
		if h[0] == name {
			return h[1], true
		}
	}
	return "", false
}

type reply struct {
	list
	body string
}

func (r reply) BodySize() int { return len(r.body) }
func (r reply) Body() []byte  { return jsontext.Padded([]byte(r.body)) }
