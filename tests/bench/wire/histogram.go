package main

import (
	"math/bits"
	"time"
)

// histogram counts times from 1 ns up, in steps of at most 1/32 of the time.
type histogram struct {
	counts [64 * 32]uint64
	total  uint64
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.total++
}

// quantile returns the time that a share of p of all is not over.
func (h *histogram) quantile(p float64) time.Duration {
	rank, sum := uint64(p*float64(h.total)), uint64(0)
	for i, n := range h.counts {
		if sum += n; sum > rank {
			return floor(i)
		}
	}
	return 0
}

func bucket(v uint64) int {
	if v < 32 {
		return int(v)
	}
	e := bits.Len64(v) - 6
	return (e+1)*32 + int(v>>e) - 32
}

// floor is the least value in a bucket.
func floor(i int) time.Duration {
	if i < 32 {
		return time.Duration(i)
	}
	e := i/32 - 1
	return time.Duration(i%32+32) << e
}
