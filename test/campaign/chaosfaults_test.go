package campaign

import (
	"math/rand/v2"
	"time"

	"mirrord/internal/faulty"
)

// honest are faults after which every byte that comes is one of upstream's, under a
// status or framing that tells.
var honest = []func(rnd *rand.Rand, size int64) faulty.Fault{
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Cut(rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Reset(rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Stall(rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault {
		return faulty.Chunked().And(faulty.Cut(rnd.Int64N(size)))
	},
	func(rnd *rand.Rand, _ int64) faulty.Fault {
		return faulty.Delay(time.Duration(rnd.IntN(300)) * time.Millisecond)
	},
	func(rnd *rand.Rand, _ int64) faulty.Fault {
		return faulty.Status([]int{403, 404, 429, 500, 502, 503}[rnd.IntN(6)])
	},
	func(*rand.Rand, int64) faulty.Fault { return faulty.Hang() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Drop() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.IgnoreRange() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.IgnoreIfRange() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.ContentRange("bytes 5-104/9999").Ranged() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.ContentRange("").Ranged() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Partial() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Unavailable(1) },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Redirect("http://127.0.0.1:9/elsewhere") },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Gzip() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Chunked() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.CloseDelimited() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Header("Etag", "") },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Pass() },
}

// lies are faults that nobody can tell who has no digest to go by.
var lies = []func(rnd *rand.Rand, size int64) faulty.Fault{
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Corrupt(rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Shift(1 + rnd.Int64N(size-1)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Length(1 - rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Length(1 + rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault {
		return faulty.CloseDelimited().And(faulty.Cut(rnd.Int64N(size)))
	},
	func(*rand.Rand, int64) faulty.Fault {
		return faulty.CloseDelimited().And(faulty.Append([]byte("more")))
	},
	func(*rand.Rand, int64) faulty.Fault { return faulty.Append([]byte("more")) },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Label("gzip") },
	func(*rand.Rand, int64) faulty.Fault {
		return faulty.Page("text/html", []byte("<html>log in first</html>"))
	},
}
