package appliances

import (
	"encoding/json"
	"maps"
	"strings"
)

// builtinSymbols begin the ids of the symbols that come with the server.
const builtinSymbols = ":/symbols/"

// Dressed is the appliance with the symbol that a theme has for what it is, by
// kind of node. A symbol that came with the appliance stays. So does any other,
// unless all says that those of the server are replaced.
func (a Appliance) Dressed(theme map[string]string, all bool) Appliance {
	var symbol string
	_ = json.Unmarshal(a.Fields["symbol"], &symbol) // left out: ""
	if symbol != "" && !(all && strings.HasPrefix(symbol, builtinSymbols)) {
		return a
	}
	kind := a.category
	if kind == "guest" {
		emulator, _, _ := a.emulator("") // Parse has seen to it that there is one
		kind = emulator + "_guest"
	}
	if kind == "switch" {
		kind = "ethernet_switch"
	}
	if symbol, ok := theme[kind]; ok {
		a.Fields = maps.Clone(a.Fields)
		a.Fields["symbol"] = encode(symbol)
	}
	return a
}

// MarshalJSON gives the file's fields, its id, and whether it is built in.
func (a Appliance) MarshalJSON() ([]byte, error) {
	out := map[string]json.RawMessage{}
	maps.Copy(out, a.Fields)
	out["appliance_id"], out["builtin"] = encode(a.ID), encode(a.Builtin)
	return json.Marshal(out)
}
