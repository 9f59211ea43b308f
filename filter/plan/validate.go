package plan

import (
	"errors"
	"strconv"

	"github.com/tutti-mesh/tutti/filter/expr"
)

// MaxSteps bounds the steps of a policy.
const MaxSteps = 32

// validate checks what the engine relies on without looking again: names that
// are there and unique, numbers that are set, indices in range and no cycle.
func validate(p *Plan) error {
	names := map[string]bool{}
	for i := range p.Policies {
		policy := &p.Policies[i]
		at := "policies[" + strconv.Itoa(i) + "]"
		if policy.Name == "" || names[policy.Name] {
			return errors.New(at + ".name: empty or not unique")
		}
		names[policy.Name] = true
		if err := validatePolicy(policy); err != nil {
			return errors.New(at + err.Error())
		}
	}
	return nil
}

func validatePolicy(p *Policy) error {
	l := p.Limits
	switch {
	case p.TimeoutMS == 0:
		return errors.New(".timeout_ms: missing")
	case l.AnswerBytes == 0 || l.TotalBytes == 0 || l.RequestBytes == 0 || l.Hops == 0:
		return errors.New(".limits: every limit has to be set")
	case p.Response.Status < 200 || p.Response.Status > 599:
		return errors.New(".response.status: want 200 to 599")
	case len(p.Steps) > MaxSteps:
		return errors.New(".steps: more than " + strconv.Itoa(MaxSteps))
	}
	names := map[string]bool{}
	for i := range p.Steps {
		s := &p.Steps[i]
		at := ".steps[" + strconv.Itoa(i) + "]"
		if s.Name == "" || names[s.Name] {
			return errors.New(at + ".name: empty or not unique")
		}
		names[s.Name] = true
		switch {
		case s.Cluster == "" || s.Authority == "" || s.Method == "" || len(s.Path) == 0:
			return errors.New(at + ": cluster, authority, method and path are required")
		case s.TimeoutMS == 0:
			return errors.New(at + ".timeout_ms: missing")
		case len(s.Success) == 0:
			return errors.New(at + ".success: missing")
		case (s.OnError == Fallback) != (s.Fallback != nil):
			return errors.New(at + ".fallback: goes with on_error fallback, and only with it")
		}
	}
	if err := validateRefs(p); err != nil {
		return err
	}
	return validateOrder(p.Steps)
}

// validateOrder removes steps whose predecessors are all gone, until none is
// left; steps that stay wait for each other.
func validateOrder(steps []Step) error {
	gone := make([]bool, len(steps))
	for left, progress := len(steps), true; left > 0; {
		if !progress {
			return errors.New(".steps: some wait for each other (see after)")
		}
		progress = false
		for i := range steps {
			if gone[i] {
				continue
			}
			ready := true
			for _, a := range steps[i].After {
				if a >= len(steps) {
					return errors.New(".steps[" + strconv.Itoa(i) + "].after: no step " + strconv.Itoa(a))
				}
				ready = ready && gone[a]
			}
			if ready {
				gone[i], progress = true, true
				left--
			}
		}
	}
	return nil
}

// validateRefs refuses expressions that name a step or a parameter by an index
// that is not there: the engine uses them unchecked.
func validateRefs(p *Policy) error {
	steps, params := len(p.Steps), 0
	for _, s := range p.Match.Path {
		if s.Param != "" {
			params++
		}
	}
	var bad *expr.Expr
	check := func(e *expr.Expr) {
		if s, p := e.Reach(); s > steps || p > params {
			bad = e
		}
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Path.each(check)
		eachParam(s.Query, check)
		eachParam(s.Headers, check)
		s.Body.each(check)
		s.Fallback.each(check)
	}
	eachParam(p.Response.Headers, check)
	p.Response.Body.each(check)
	if bad != nil {
		return errors.New(": expression " + strconv.Quote(bad.Source()) + " names a step or parameter that is not there")
	}
	return nil
}

func (t Text) each(visit func(*expr.Expr)) {
	for i := range t {
		if t[i].Expr != nil {
			visit(t[i].Expr)
		}
	}
}

func eachParam(params []Param, visit func(*expr.Expr)) {
	for i := range params {
		params[i].Value.each(visit)
	}
}

func (d *Doc) each(visit func(*expr.Expr)) {
	if d == nil {
		return
	}
	if d.Expr != nil {
		visit(d.Expr)
	}
	d.Text.each(visit)
	for i := range d.Members {
		d.Members[i].Value.each(visit)
	}
	for i := range d.Elems {
		d.Elems[i].each(visit)
	}
}
