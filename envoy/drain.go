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

// Drain empties Envoy before it is stopped:
//
//	POST /healthcheck/fail          health checks fail: no new clients
//	POST /drain_listeners?graceful  every answer says "connection: close" or
//	                                GOAWAY; listeners close after the drain time
//	wait until the drain time is over and no request is open, or Limit
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
	left := 0
	err = p.poll(ctx, func() (bool, error) {
		n, err := a.ActiveRequests(ctx)
		if err != nil {
			return false, err
		}
		left = n
		return left == 0 && time.Since(start) >= o.Wait, nil
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
