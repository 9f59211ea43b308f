package envoy

import (
	"context"
	"time"
)

// DrainOptions bound a drain.
type DrainOptions struct {
	// Wait is the drain time that Envoy was started with. The drain takes at
	// least that long, however idle Envoy is: who sends requests learns late
	// that it should not, and must not find the door closed.
	Wait time.Duration
	// Limit ends the drain whatever is still going on.
	Limit time.Duration
}

// Drained says how a drain ended.
type Drained struct {
	// Idle says that no request was left; otherwise Left were cut off.
	Idle bool
	Left int
	Took time.Duration
}

// lingerTime is what connections without a request get once the listeners are
// closed: their clients may have sent one just now.
const lingerTime = 500 * time.Millisecond

// Drain empties Envoy before it is stopped:
//
//	POST /healthcheck/fail          health checks fail: no new clients
//	POST /drain_listeners?graceful  every answer says "connection: close" or
//	                                GOAWAY; new connections are still accepted
//	wait for Wait
//	POST /drain_listeners           nothing is accepted any more
//	wait until no connection is open, or for lingerTime no request was, or Limit
//
// A connection that the kernel has and Envoy has not yet taken when the
// listeners close is reset by the kernel: Wait is there so that nobody connects
// any more by then.
//
// It does not end Envoy: Stop does. An error means that Envoy could not be
// asked, so that nothing is known about its requests.
func (p *Process) Drain(ctx context.Context, o DrainOptions) (Drained, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	a, err := p.Admin(ctx)
	if err != nil {
		return Drained{}, err
	}
	if err := a.post(ctx, "/healthcheck/fail"); err != nil {
		return Drained{}, err
	}
	if err := a.post(ctx, "/drain_listeners?graceful"); err != nil {
		return Drained{}, err
	}
	var closed, idle time.Time // since when; zero for not yet
	left := 0
	err = p.poll(ctx, func() (bool, error) {
		now := time.Now()
		if closed.IsZero() && now.Sub(start) >= o.Wait {
			if err := a.post(ctx, "/drain_listeners"); err != nil {
				return false, err
			}
			closed = now
		}
		load, err := a.Load(ctx)
		if err != nil {
			return false, err
		}
		left = load.Requests
		if left > 0 || closed.IsZero() {
			idle = time.Time{}
			return false, nil
		}
		if idle.IsZero() {
			idle = now
		}
		return load.Connections == 0 || now.Sub(idle) >= lingerTime, nil
	})
	took := time.Since(start)
	switch {
	case err == nil:
		return Drained{Idle: true, Took: took}, nil
	case ctx.Err() != nil:
		return Drained{Left: left, Took: took}, nil
	}
	return Drained{}, err
}
