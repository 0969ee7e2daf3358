package route

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"
)

// listChunk is how many items of a list one goroutine encodes at least.
const listChunk = 64

// List answers 200 with the array of what each makes of the items. Encoding is
// most of what a long list takes, so that the CPUs share it.
func List[V, W any](c *gin.Context, items []V, each func(V) W) error {
	list := make([]W, len(items))
	for i, item := range items {
		list[i] = each(item)
	}
	if len(list) < 2*listChunk {
		return JSON(c, http.StatusOK, list)
	}
	size := max(listChunk, (len(list)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	chunks := slices.Collect(slices.Chunk(list, size))
	texts := make([]bytes.Buffer, len(chunks))
	var group errgroup.Group
	for i, chunk := range chunks {
		group.Go(func() error {
			enc := json.NewEncoder(&texts[i])
			enc.SetEscapeHTML(false)
			return enc.Encode(chunk)
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("cannot encode answer of %s: %w", c.FullPath(), err)
	}
	Raw(c, http.StatusOK, joined(texts))
	return nil
}

// joined makes one JSON array of several, none of which is empty.
func joined(arrays []bytes.Buffer) []byte {
	length := 0
	for i := range arrays {
		length += arrays[i].Len()
	}
	one := make([]byte, 0, length)
	for i := range arrays {
		text := bytes.TrimSpace(arrays[i].Bytes())
		one = append(append(one, ','), text[1:len(text)-1]...)
	}
	one[0] = '['
	return append(one, "]\n"...)
}
