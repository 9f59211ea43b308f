// The probe is a module for the tests of hostabi: each path makes it use one
// part of the package.
package main

import (
	"strconv"
	"strings"

	"github.com/tutti-mesh/tutti/filter/internal/hostabi"
)

func main() {}

func init() { hostabi.Start(func() hostabi.Plugin { return &plugin{} }) }

type plugin struct {
	config []byte
	panics hostabi.Metric
}

func (p *plugin) Configure(config []byte) bool {
	switch p.config = config; string(config) {
	case "refuse":
		hostabi.Log(hostabi.Error, "refused")
		return false
	case "panic":
		panic("configure")
	}
	p.panics, _ = hostabi.DefineMetric(hostabi.Counter, "panics")
	return true
}

func (p *plugin) Flush() {}

func (p *plugin) NewStream() hostabi.Stream {
	if string(p.config) == "no streams" {
		panic("new stream")
	}
	return &stream{plugin: p}
}

func (p *plugin) Panicked(s hostabi.Stream, value, stack string) {
	p.panics.Add(1)
	hostabi.Log(hostabi.Critical, value+"\n"+stack)
	if s == nil || value == "twice" {
		panic("again")
	}
	hostabi.Reply(500, nil, [][]byte{[]byte(value)})
}

type stream struct {
	plugin  *plugin
	headers hostabi.HeaderMap
	path    string
	answers [][]byte
	want    int
}

func (s *stream) Tick() {}

func (s *stream) header(name string) string {
	for i := range s.headers.Len() {
		if k, v := s.headers.At(i); k == name {
			return v
		}
	}
	return ""
}

func (s *stream) RequestHeaders(endOfStream bool) hostabi.Action {
	hostabi.RequestHeaders(&s.headers)
	s.path = s.header(":path")
	switch path := s.path; {
	case path == "/on":
		return hostabi.Continue
	case path == "/body", path == "/drop":
	case path == "/config":
		s.reply(string(s.plugin.config))
	case path == "/property":
		value, ok := hostabi.Property("xds\x00route_name")
		hostabi.SetProperty("probe", value)
		s.reply(value + " " + strconv.FormatBool(ok))
	case path == "/clock":
		histogram, _ := hostabi.DefineMetric(hostabi.Histogram, "clock")
		histogram.Record(uint64(hostabi.Now()))
		s.reply(strconv.FormatUint(hostabi.Random(), 10))
	case path == "/panic":
		var none map[string]int
		none["x"] = 1
	case path == "/panic-nil":
		var none *stream
		s.want = none.want
	case path == "/panic-index":
		s.want = int(s.answers[len(s.path)][0])
	case path == "/panic-twice":
		panic("twice")
	case path == "/panic-after-reply":
		s.reply("first")
		panic("late")
	case path == "/reply-twice":
		s.reply("first")
		s.reply("second")
	case strings.HasPrefix(path, "/calls/"):
		s.want, _ = strconv.Atoi(path[len("/calls/"):])
		for i := range s.want {
			s.dispatch(i)
		}
	case path == "/panic-answer":
		s.want = 1
		s.dispatch(0)
	}
	return hostabi.Pause
}

func (s *stream) dispatch(id int) {
	headers := [][2]string{{":method", "POST"}, {":path", "/" + strconv.Itoa(id)}, {":authority", "up"}}
	if hostabi.Dispatch(id, "up", headers, []byte("ask "+strconv.Itoa(id)), 100) != hostabi.Dispatched {
		s.reply("not dispatched")
	}
}

func (s *stream) RequestBody(size int, endOfStream bool) hostabi.Action {
	if !endOfStream && s.path == "/drop" {
		return hostabi.Drop
	}
	if !endOfStream {
		return hostabi.Pause
	}
	return s.whole(size)
}

func (s *stream) RequestTrailers() hostabi.Action { return s.whole(1 << 20) }

func (s *stream) whole(size int) hostabi.Action {
	body := hostabi.RequestBody(size)
	s.reply(string(body))
	hostabi.Free(body)
	return hostabi.Pause
}

func (s *stream) Answer(id, numHeaders, bodySize int) {
	if s.path == "/panic-answer" {
		panic("answer")
	}
	var headers hostabi.HeaderMap
	hostabi.CallResponseHeaders(&headers)
	status := "reset"
	if headers.Len() > 0 {
		_, status = headers.At(0)
	}
	body := hostabi.CallResponseBody(bodySize)
	s.answers = append(s.answers, append([]byte(strconv.Itoa(id)+":"+status+":"), body...))
	headers.Free()
	hostabi.Free(body)
	if len(s.answers) == s.want {
		hostabi.Reply(200, [][2]string{{"content-type", "text/plain"}}, s.answers)
	}
}

func (s *stream) Done() {
	hostabi.Log(hostabi.Info, "done "+s.path)
	s.headers.Free()
}

func (s *stream) reply(body string) { hostabi.Reply(200, nil, [][]byte{[]byte(body)}) }
