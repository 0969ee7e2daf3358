package filter

import "slices"

// Type describes a filter for whoever draws a form for it, in the shape in
// which GNS3 lists the filters of a link.
type Type struct {
	Type        string      `json:"type"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Parameters  []Parameter `json:"parameters"`

	required int // how many parameters cannot be left out
}

// Parameter describes one value of a filter. Parse takes fractions where the
// Unit is a percentage or a time, although Type says "int": clients know no
// other type of number.
type Parameter struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"` // "int" or "text"
	Minimum *float64 `json:"minimum,omitempty"`
	Maximum *float64 `json:"maximum,omitempty"`
	Unit    string   `json:"unit,omitempty"`
}

const (
	maxDelayMilliseconds = 32767
	maxFrequency         = 32767
	minRate              = 1000
	maxRate              = 2_000_000_000 // what a form's 32-bit number can take
)

// Names of filters, as clients know them.
const (
	frequencyDrop  = "frequency_drop"
	packetLoss     = "packet_loss"
	delay          = "delay"
	corrupt        = "corrupt"
	bpf            = "bpf"
	rate           = "rate"
	duplicate      = "duplicate"
	reorder        = "reorder"
	gilbertElliott = "gilbert_elliott"
)

// Types describes all filters: those that GNS3 has, in its order, then others.
// The first parameter turns a filter off when it is 0 or empty. A text can only
// be described alone: the form of GNS3's desktop client shows the first value
// in it, whichever parameter it is.
func Types() []Type {
	return []Type{
		{frequencyDrop, "Frequency drop", "Drops every nth frame, where -1 is all.", []Parameter{
			number("Frequency", -1, maxFrequency, "th packet"),
		}, 1},
		{packetLoss, "Packet loss", "Drops each frame with this chance.", []Parameter{
			percent("Chance"),
		}, 1},
		{delay, "Delay", "Holds each frame back, in order, for a time that varies by the jitter: evenly, " +
			"or with the distribution normal or pareto.", []Parameter{
			number("Latency", 0, maxDelayMilliseconds, "ms"),
			number("Jitter (-/+)", 0, maxDelayMilliseconds, "ms"),
		}, 1},
		{corrupt, "Corrupt", "Flips a bit of a frame with this chance.", []Parameter{
			percent("Chance"),
		}, 1},
		{bpf, "Berkeley Packet Filter (BPF)", "Drops the frames that match one of the expressions, one in a line.", []Parameter{
			text("Filters"),
		}, 1},
		{rate, "Rate", "Makes the wire this slow. A burst may pass at once after a pause. What exceeds the queue " +
			"is dropped; 0 is a queue of 100 ms.", []Parameter{
			number("Rate", 0, maxRate, "bit/s"),
			number("Burst", 0, holdLimit, "bytes"),
			number("Queue", 0, holdLimit, "bytes"),
		}, 1},
		{duplicate, "Duplicate", "Sends a frame twice with this chance.", []Parameter{
			percent("Chance"),
		}, 1},
		{reorder, "Reorder", "Holds a frame back with this chance, so that later ones overtake it; 0 ms is 10 ms.", []Parameter{
			percent("Chance"),
			number("Extra delay", 0, maxDelayMilliseconds, "ms"),
		}, 1},
		{gilbertElliott, "Burst loss (Gilbert-Elliott)", "Drops frames in bursts: the line becomes bad and good again with " +
			"these chances before each frame. Loss while bad is 100 % when 0.", []Parameter{
			percent("Good to bad"),
			percent("Bad to good"),
			percent("Loss while bad"),
			percent("Loss while good"),
		}, 2},
	}
}

// all are the parameters that Parse takes, in their order.
func (t Type) all() []Parameter {
	if t.Type == delay {
		return append(slices.Clone(t.Parameters), text("Distribution"))
	}
	return t.Parameters
}

func number(name string, minimum, maximum float64, unit string) Parameter {
	return Parameter{Name: name, Type: "int", Minimum: &minimum, Maximum: &maximum, Unit: unit}
}

func percent(name string) Parameter { return number(name, 0, 100, "%") }

func text(name string) Parameter { return Parameter{Name: name, Type: "text"} }

// fractions reports whether a value need not be a whole number.
func (p Parameter) fractions() bool { return p.Unit == "%" || p.Unit == "ms" }
