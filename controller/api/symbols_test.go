package api

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// get asks for a path with a header, and returns the answer and its body.
func (l *lab) get(t *testing.T, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	answer, err := l.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// TestSymbolIDs asks in all ways that clients write the id of a symbol.
func TestSymbolIDs(t *testing.T) {
	l := newLab(t)
	_, want := l.get(t, "/v2/symbols/:/symbols/classic/vpcs_guest.svg/raw", nil)
	if !strings.HasPrefix(want, "<svg ") || strings.Split(strings.Split(want, `width="`)[1], `"`)[0] != "65" {
		t.Fatalf("the symbol is %.100s", want)
	}
	for _, id := range []string{
		"%3A%2Fsymbols%2Fvpcs_guest.svg", "%3a%2fsymbols%2fclassic%2fvpcs_guest.svg", ":/symbols/vpcs_guest.svg", ":%2Fsymbols/vpcs_guest.svg",
		"/symbols/vpcs_guest.svg", "symbols/vpcs_guest.svg", "//symbols//vpcs_guest.svg", "vpcs_guest.svg",
	} {
		answer, got := l.get(t, "/v2/symbols/"+id+"/raw", nil)
		if answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/v2/symbols/"+strings.NewReplacer("%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/").Replace(id)+"/raw" || got != want {
			t.Errorf("GET %s = %d from %s, %.100s", id, answer.StatusCode, answer.Request.URL, got)
		}
	}
}

func TestRawSymbolsAreSafeAndKept(t *testing.T) {
	l := newLab(t)
	const path = "/v2/symbols/evil.svg/raw"
	evil := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	// A file that came into the folder by another way than the API.
	if err := os.WriteFile(filepath.Join(l.dir, "symbols", "evil.svg"), []byte(evil), 0o644); err != nil {
		t.Fatal(err)
	}
	answer, got := l.get(t, path, nil)
	if policy := answer.Header.Get("Content-Security-Policy"); got != evil || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") ||
		answer.Header.Get("X-Content-Type-Options") != "nosniff" || answer.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("GET = %q with %v, want the file and a policy", got, answer.Header)
	}
	answer, got = l.get(t, path, http.Header{"If-None-Match": {answer.Header.Get("ETag")}})
	if answer.StatusCode != http.StatusNotModified || got != "" {
		t.Errorf("GET again = %d %q, want 304", answer.StatusCode, got)
	}
}

func TestSymbolsAreListed(t *testing.T) {
	l := newLab(t)
	if status, answer := l.call(t, http.MethodPost, "/v2/symbols/mine.svg/raw", `<svg width="1" height="2"/>`); status != http.StatusNoContent {
		t.Fatalf("POST = %d %s", status, answer)
	}
	if status, answer := l.call(t, http.MethodPost, "/v2/symbols/big.svg/raw", "<svg>"+strings.Repeat(" ", 6<<20)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("POST of 6 MiB = %d %s, want 413", status, answer)
	}
	_, answer := l.call(t, http.MethodGet, "/v2/symbols", "")
	var all []map[string]any
	if err := json.Unmarshal(answer, &all); err != nil {
		t.Fatal(err)
	}
	if first := all[0]; first["theme"] != "Classic" || first["builtin"] != true || first["symbol_id"] != ":/symbols/classic/"+first["filename"].(string) {
		t.Errorf("the first symbol is %v, want a classic one", first)
	}
	if last := all[len(all)-1]; len(last) != 4 || last["symbol_id"] != "mine.svg" || last["filename"] != "mine.svg" || last["theme"] != "Custom symbols" || last["builtin"] != false {
		t.Errorf("the last symbol is %v, want mine.svg", last)
	}
}
