package engine

import (
	"strconv"
	"strings"

	"github.com/tutti-mesh/tutti/filter/jsontext"
)

// fail replies that required step i failed: 504 for a timeout, else 502. Calls
// that were about to go out with this event are not made.
func (r *Run) fail(i int, now Time) {
	status := 502
	if r.steps[i].reason == Timeout {
		status = 504
	}
	step, reason := r.policy.Steps[i].Name, r.steps[i].reason
	r.effects = r.effects[:0]
	r.problem(problem{status, reason, step, "step " + step + " failed: " + reason.String()}, Failed, now)
}

// failCompose replies that the response could not be made of the answers. The
// cause may cite them, so it goes to the log and the client learns the place.
func (r *Run) failCompose(detail string, now Time) {
	r.cause, r.detail = Eval, detail
	place, _, _ := strings.Cut(detail, ": ")
	r.problem(problem{502, Eval, "", place + " could not be evaluated"}, Failed, now)
}

// reject replies before any call was made.
func (r *Run) reject(status int, reason Reason, detail string, now Time) []Effect {
	r.cause, r.detail = reason, detail
	r.awaitingBody = false
	r.problem(problem{status, reason, "", detail}, Rejected, now)
	return r.effects
}

// Panic is the event that the filter itself failed while it handled this
// request. incident is in the log too. No effect comes if a reply went out.
func (r *Run) Panic(incident string, now Time) []Effect {
	if r.over() {
		return nil
	}
	r.effects = r.effects[:0]
	r.awaitingBody = false
	r.problem(problem{500, Pending, "", "internal error, incident " + incident}, Panicked, now)
	return r.effects
}

// problem is the one error answer: an RFC 9457 problem that names step and
// reason and shows no body, header or address of an upstream.
type problem struct {
	status int
	reason Reason
	step   string
	detail string
}

func (r *Run) problem(p problem, o Outcome, now Time) {
	b := make([]byte, 0, 192)
	b = append(b, `{"type":"about:blank","title":`...)
	b = jsontext.AppendString(b, titles[p.status])
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(p.status), 10)
	b = append(b, `,"detail":`...)
	b = jsontext.AppendString(b, p.detail)
	if r.policy != nil {
		b = append(b, `,"policy":`...)
		b = jsontext.AppendString(b, r.policy.Name)
	}
	if p.step != "" {
		b = append(b, `,"step":`...)
		b = jsontext.AppendString(b, p.step)
	}
	if p.reason != Pending {
		b = append(b, `,"reason":`...)
		b = jsontext.AppendString(b, p.reason.String())
	}
	b = append(b, '}')
	r.reply(Reply{Status: p.status, Headers: [][2]string{{"content-type", "application/problem+json"}}, Body: [][]byte{b}}, o, now)
}

// titles are the reason phrases of RFC 9110 and RFC 5842 for what a problem can
// have as its status; about:blank asks for them.
var titles = map[int]string{
	400: "Bad Request", 408: "Request Timeout", 413: "Content Too Large", 500: "Internal Server Error",
	502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 508: "Loop Detected",
}
