package pc
import ("testing";"runtime";"fmt";"runtime/pprof";"os";"time")
func TestZZ(t *testing.T) {
	var a,b runtime.MemStats
	runtime.GC();runtime.GC();runtime.ReadMemStats(&a)
	pcs := startPairs(t, 1000)
	runtime.GC();runtime.GC();runtime.ReadMemStats(&b)
	fmt.Println("start", (b.HeapAlloc-a.HeapAlloc)/1000, (int64(b.StackInuse)-int64(a.StackInuse))/1000)
	pingAll(t, pcs)
	for range 4 {
	runtime.GC();runtime.GC();runtime.ReadMemStats(&b)
	fmt.Println("ping", (b.HeapAlloc-a.HeapAlloc)/1000, (int64(b.StackInuse)-int64(a.StackInuse))/1000, runtime.NumGoroutine())
	time.Sleep(300*time.Millisecond)
	}
	f,_ := os.Create("/tmp/pcfake/heap.prof"); pprof.Lookup("heap").WriteTo(f,0); f.Close()
	for _, p := range pcs { p.Stop(t.Context()) }
}
