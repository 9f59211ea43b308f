//go:build !wasip1

package hostabi

import "unsafe"

// Natively there is no Envoy behind the calls: they compile and panic.

const native = "hostabi: this call works only inside an Envoy"

func proxyLog(uint32, string) uint32                                  { panic(native) }
func proxySetProperty(_, _ string) uint32                             { panic(native) }
func proxyGetProperty(string, *uint32, *uint32) uint32                { panic(native) }
func proxySendLocalResponse(_ uint32, _, _, _ string, _ int32) uint32 { panic(native) }
func proxyGetHeaderMapPairs(uint32, *uint32, *uint32) uint32          { panic(native) }
func proxyGetHeaderMapValue(uint32, string, *uint32, *uint32) uint32  { panic(native) }
func proxyGetBufferBytes(_, _, _ uint32, _, _ *uint32) uint32         { panic(native) }
func proxyHTTPCall(_, _, _, _ string, _ uint32, _ *uint32) uint32     { panic(native) }
func proxyDefineMetric(uint32, string, *uint32) uint32                { panic(native) }
func proxyIncrementMetric(uint32, int64) uint32                       { panic(native) }
func proxyRecordMetric(uint32, uint64) uint32                         { panic(native) }
func clockTimeGet(uint32, uint64, *uint64) uint32                     { panic(native) }
func randomGet(unsafe.Pointer, uint32) uint32                         { panic(native) }
func proxySetTickPeriodMilliseconds(uint32) uint32                    { panic(native) }
func proxySetEffectiveContext(uint32) uint32                          { panic(native) }
