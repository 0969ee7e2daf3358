package topology

import (
	"maps"
	"math"
)

// readLabel is the label of a node or of an end of a link; nil for none.
func readLabel(o object) map[string]any {
	label := o.dict("label")
	plain(label)
	return wholeLabel(label)
}

// wholeLabel is a label at whole pixels and degrees: GNS3 takes no file with
// others, and the clients of 1.x wrote them. The label itself stays as it is.
func wholeLabel(label map[string]any) map[string]any {
	whole := map[string]any{}
	for _, key := range []string{"x", "y", "rotation"} {
		v, ok := label[key].(float64)
		n := math.Round(v) + 0 // never -0
		if key == "rotation" && math.Abs(n) < math.MaxInt32 {
			n = float64(turn(int(n)))
		}
		if ok && n != v {
			whole[key] = n
		}
	}
	if len(whole) == 0 {
		return label
	}
	all := maps.Clone(label)
	maps.Copy(all, whole)
	return all
}

// turn is an angle in degrees as GNS3 takes it, from -359 to 360.
func turn(degrees int) int {
	if degrees < -359 || degrees > 360 {
		return degrees % 360
	}
	return degrees
}
