package route

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestList(t *testing.T) {
	type object struct {
		Name string `json:"name"`
	}
	for _, length := range []int{0, 1, listChunk, 2*listChunk - 1, 2 * listChunk, 2*listChunk + 1, 1000} {
		items := make([]int, length)
		for i := range items {
			items[i] = i
		}
		recorder := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(recorder)
		if err := List(c, items, func(i int) object { return object{fmt.Sprint("<", i, ">")} }); err != nil {
			t.Fatalf("List of %d: %v", length, err)
		}
		var got []object
		if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil || got == nil {
			t.Fatalf("List of %d answers %.100s: %v", length, recorder.Body, err)
		}
		wrong := slices.IndexFunc(items, func(i int) bool { return i >= len(got) || got[i].Name != fmt.Sprint("<", i, ">") })
		if len(got) != length || wrong >= 0 {
			t.Errorf("List of %d answers %d, the first wrong one is %d", length, len(got), wrong)
		}
		if want := fmt.Sprint(recorder.Body.Len()); recorder.Header().Get("Content-Length") != want {
			t.Errorf("List of %d has Content-Length %s, want %s", length, recorder.Header().Get("Content-Length"), want)
		}
	}
}

func TestListTellsErrors(t *testing.T) {
	for _, length := range []int{1, 1000} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		if err := List(c, make([]int, length), func(int) any { return func() {} }); err == nil {
			t.Errorf("List of %d that cannot be encoded tells nothing", length)
		}
	}
}
