// The same crawl by colly: `colly URL` follows the links of the generated site, 64 open, and writes what it used to
// the file that CRAWLFLEET_BENCH_METER names (the counterpart of benchmarks/worker/meter.py).
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gocolly/colly/v2"
	"github.com/gocolly/colly/v2/storage"
)

const (
	open        = 64
	meterFile   = "CRAWLFLEET_BENCH_METER"
	patience    = 60 * time.Second
	description = "meta[name=description]"
)

// seen asks and notes in one step. Colly 2.3 does one after the other: two goroutines may both find a page new.
type seen struct {
	storage.InMemoryStorage
	pages sync.Map
}

// IsVisited tells whether the page was asked for before, and notes it.
func (s *seen) IsVisited(id uint64) (bool, error) {
	_, known := s.pages.LoadOrStore(id, struct{}{})
	return known, nil
}

// Visited has nothing left to note.
func (s *seen) Visited(uint64) error { return nil }

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: colly URL")
	}
	before := cpuSeconds()
	items, err := crawl(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := writeMeter(before, items); err != nil {
		log.Fatal(err)
	}
}

// crawl returns how many pages had a title, as the bare loop counts its items.
func crawl(start string) (int64, error) {
	var items atomic.Int64
	var failed atomic.Value
	collector := colly.NewCollector(colly.Async(true))
	collector.WithTransport(&http.Transport{MaxIdleConns: open, MaxIdleConnsPerHost: open, MaxConnsPerHost: open})
	if err := collector.SetStorage(&seen{}); err != nil {
		return 0, err
	}
	collector.SetRequestTimeout(patience)
	if err := collector.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: open}); err != nil {
		return 0, err
	}
	collector.OnHTML("html", func(page *colly.HTMLElement) {
		item := map[string]string{
			"url":         page.Request.URL.String(),
			"title":       page.ChildText("h1"),
			"description": page.ChildAttr(description, "content"),
			"price":       page.ChildText("p.price"),
		}
		if item["title"] != "" {
			items.Add(1)
		}
		for _, link := range page.ChildAttrs("ul.links a", "href") {
			_ = page.Request.Visit(link) // an error is a page that was seen before
		}
	})
	collector.OnError(func(response *colly.Response, err error) {
		failed.Store(fmt.Errorf("%s: %w", response.Request.URL, err))
	})
	if err := collector.Visit(start); err != nil {
		return 0, err
	}
	collector.Wait()
	if err, isSet := failed.Load().(error); isSet {
		return 0, err
	}
	return items.Load(), nil
}

func writeMeter(before float64, items int64) error {
	peak, err := peakMiB()
	if err != nil {
		return err
	}
	found, err := json.Marshal(map[string]float64{
		"cpu_seconds":       cpuSeconds() - before,
		"start_cpu_seconds": before,
		"peak_rss_mib":      peak,
		"items":             float64(items),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(os.Getenv(meterFile), found, 0o644)
}

// cpuSeconds is of user and system, all threads.
func cpuSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// peakMiB is of this program alone, which ru_maxrss is not.
func peakMiB() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kib); err == nil {
			return kib / 1024, nil
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no VmHWM")
}
