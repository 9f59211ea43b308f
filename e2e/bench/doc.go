// Command bench measures what an aggregation costs in the proxy, beside what it
// stands against: plain Envoy, Envoy's own mirroring, a hand-written Go service.
// `make bench` builds what it needs and runs it. It imports nothing of ours.
//
//	fortio --> subject --> upstream
//
// One subject at a time is under load; all of them run all the time. Load,
// upstream and each subject are processes of their own, everything on
// loopback, every Envoy with one worker. A round measures every cell (subject x
// answer size x connections) once, so that a machine that grows slower does so
// for all; a ratio is taken within a round, and the table shows the median of
// the rounds with their smallest and largest value. Figures of two runs are not
// compared.
//
// # Subjects
//
//	bare        an Envoy with nothing but a router before one upstream
//	plain       an Envoy whose listener is that of `tutti sidecar` without the filter
//	plain-2     the same again in another process: what two equal things differ by
//	no-policy   `tutti sidecar` on a route that no policy matches
//	bare-floor  bare, mirroring to as many upstreams as the aggregation calls, less one
//	floor       plain, mirroring the same way: the same fan-out in C++, only one answer is sent on
//	tutti       `tutti sidecar` answering with all of them, policies from `tutti serve`
//	go          aggregator.go in a process of its own, with as many threads as there are CPUs
//	envoy+go    the same behind plain; CPU of both
//
// The upstreams are one process, apart from all that is measured (upstream.go).
// Answers: three of 1 KB, three of 64 KB of small objects, ten of 4 KB.
//
// # What is measured
//
// CPU is utime+stime of /proc/PID/stat over the requests of one cell; its
// resolution is 10 ms, half a percent of a busy cell. p50 and p99 are those of
// fortio's closed loop: as many requests in flight as connections, so at 32 they
// are those of a proxy with no CPU left. Resident memory is VmRSS. Every answer
// is checked: status and size by fortio, the whole of it by bench before the first and
// after the last round, byte for byte with what each upstream sent.
//
// The load is fortio, pinned in the Makefile and kept in .cache/bin: a binary of
// its own, because as a library it would bring its dependencies into go.mod.
//
// The memory part starts Envoys anew; see memory.go.
//
// Timings decide no exit code; a failed request does.
package main
