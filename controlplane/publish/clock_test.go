package publish

import "time"

// fakeClock stands still until it is moved.
type fakeClock struct {
	now    time.Time
	timers []*fakeTimer
}

type fakeTimer struct {
	at      time.Time
	f       func()
	stopped bool
}

func newClock() *fakeClock { return &fakeClock{now: time.Unix(1_800_000_000, 0)} }

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) AfterFunc(d time.Duration, f func()) func() bool {
	t := &fakeTimer{at: c.now.Add(d), f: f}
	c.timers = append(c.timers, t)
	return func() bool { was := t.stopped; t.stopped = true; return !was }
}

func (c *fakeClock) advance(d time.Duration) {
	c.now = c.now.Add(d)
	due := c.timers
	c.timers = nil
	for _, t := range due {
		switch {
		case t.stopped:
		case t.at.After(c.now):
			c.timers = append(c.timers, t)
		default:
			t.f()
		}
	}
}
