package flow

import (
	"testing"
	"time"
)

// Against times steps and bare statements of an engine in turn, and reports how many times as long a
// step takes (x-raw). What prepare does is not timed.
func Against(b *testing.B, raw func(), prepare func() (step func())) {
	b.Helper()
	var ours, bare time.Duration
	for b.Loop() {
		step := prepare()
		began := time.Now()
		step()
		ours += time.Since(began)
		began = time.Now()
		raw()
		bare += time.Since(began)
	}
	b.ReportMetric(0, "ns/op") // it would be both together
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "µs/step")
	b.ReportMetric(float64(bare.Microseconds())/float64(b.N), "µs/raw")
	b.ReportMetric(float64(ours)/float64(bare), "x-raw")
}
