package engine

// Summary is what became of a request, for metrics, the access log and the
// log. It is complete once the Run is over.
type Summary struct {
	// Policy is empty if the route had none.
	Policy  string
	Outcome Outcome
	// Took is the time from Start to the end, in milliseconds.
	TookMS int
	// AnswerBytes are the bytes of all answers.
	AnswerBytes int
	// FirstStep and FirstReason name the first step that did not end in OK, or
	// the step that ended the request; FirstStep is empty and FirstReason says
	// why if it was not a step.
	FirstStep   string
	FirstReason Reason
	// Detail says more, for the log only: it may name expressions.
	Detail string
}

// Summary tells what became of the request.
func (r *Run) Summary() Summary {
	s := Summary{Outcome: r.outcome, TookMS: int((r.ended - r.started) / millisecond), FirstReason: r.cause, Detail: r.detail}
	if r.policy == nil {
		return s
	}
	s.Policy = r.policy.Name
	for i := range r.steps {
		s.AnswerBytes += r.steps[i].bytes
	}
	if r.first >= 0 && r.cause == Pending {
		s.FirstStep, s.FirstReason = r.policy.Steps[r.first].Name, r.steps[r.first].reason
	}
	return s
}

// Steps is how many steps the policy has, StepResult how one of them ended;
// Pending is one whose answer nobody waits for any more.
func (r *Run) Steps() int { return len(r.steps) }

// StepResult names step i and tells its reason.
func (r *Run) StepResult(i int) (name string, reason Reason) {
	return r.policy.Steps[i].Name, r.steps[i].reason
}
