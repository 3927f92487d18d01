package mirror

import (
	"context"
	"errors"
	"io"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
	"mirrord/internal/upstream"
)

// headOf answers a HEAD for a file that is not stored: its index says all.
func headOf(ref repo.Ref) *Answer {
	return &Answer{Strong: true, Content: &cache.Content{
		ReadSeeker: noBytes(ref.Size), Size: ref.Size, Digest: ref.Digest, How: cache.Miss,
	}}
}

// askHead answers a HEAD for a file that is not stored and that nobody vouches
// for: upstream is asked the same.
func (r *repository) askHead(ctx context.Context, plan repo.Plan) (*Answer, error) {
	if err := r.gone(plan.Path); err != nil {
		return nil, err
	}
	info, err := r.Upstream.Head(ctx, upstream.Request{Path: plan.Path, Size: -1})
	if err != nil {
		return nil, r.absent(plan.Path, err)
	}
	meta := cache.Meta{ETag: info.Validator.ETag, LastModified: info.Validator.LastModified, ContentType: info.ContentType}
	return &Answer{Content: &cache.Content{
		ReadSeeker: noBytes(info.Size), Size: info.Size, Meta: meta, How: cache.Miss,
	}}, nil
}

// noBytes seeks within a size, and has nothing to read.
func noBytes(size int64) io.ReadSeeker { return io.NewSectionReader(nothing{}, 0, max(size, 0)) }

type nothing struct{}

var errNoBytes = errors.New("the answer to a HEAD has no bytes")

func (nothing) ReadAt([]byte, int64) (int, error) { return 0, errNoBytes }
