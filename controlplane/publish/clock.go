package publish

import "time"

// Clock is the time that the publisher goes by.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once in a goroutine of its own, unless stop is called
	// before.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}
