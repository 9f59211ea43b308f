package hostabi

import "runtime"

// stackBytes bounds the stack trace in the log.
const stackBytes = 4 << 10

// recovered ends a callback that panicked; it is deferred by every export. The
// stream answers for it if there is one. Otherwise the log line is all that can
// be done, and the callback's result has to be the safe one.
func recovered() {
	value := recover()
	if value == nil {
		return
	}
	// What Envoy asked for in the call that panicked.
	clear(pending)
	pending = pending[:0]
	stack := make([]byte, stackBytes)
	stack = stack[:runtime.Stack(stack, false)]
	if current == nil {
		Log(Critical, "tutti: panic outside of a stream: "+describe(value)+"\n"+string(stack))
		return
	}
	s := current
	if s.panicked {
		Log(Critical, "tutti: panic while handling a panic: "+describe(value)+"\n"+string(stack))
		return
	}
	s.panicked = true
	s.failed(describe(value), string(stack))
}

// failed lets the plugin answer a stream that panicked, and sees to it that it
// is answered.
func (s *stream) failed(value, stack string) {
	defer Reply(500, nil, nil) // does nothing after another reply
	defer recovered()
	s.plugin.Panicked(s.Stream, value, stack)
}

// describe is the text of a value that was passed to panic.
func describe(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case error:
		return v.Error()
	case interface{ String() string }:
		return v.String()
	}
	return "a value without text"
}
