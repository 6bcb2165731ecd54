package gridtest

import (
	"math"
	"math/rand/v2"
	"sort"
)

// stream gives the random numbers of one thing of the world, which do not depend
// on what else there is.
func stream(seed uint64, what string, n uint64) *rand.Rand {
	h := uint64(14695981039346656037)
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(mix(seed^h), mix(n+h)))
}

// mix spreads neighbouring numbers (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// seconds rounds a length of time, at least one second.
func seconds(x float64) int64 { return max(1, int64(x)) }

func exponential(r *rand.Rand, mean float64) float64 { return r.ExpFloat64() * mean }

func logNormal(r *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*r.NormFloat64())
}

// pick gives the index of a weight, given their running totals.
func pick(r *rand.Rand, totals []float64) int {
	x := r.Float64() * totals[len(totals)-1]
	return min(sort.SearchFloat64s(totals, x), len(totals)-1)
}

// between gives a whole number from a up to b, both included.
func between(r *rand.Rand, a, b int64) int64 {
	if b <= a {
		return a
	}
	return a + r.Int64N(b-a+1)
}
