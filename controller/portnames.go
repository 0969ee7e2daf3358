package controller

import (
	"encoding/binary"
	"encoding/json"
	"net"
	"strconv"
	"strings"
)

// usualPortFormat names the ports of a node that says nothing about that.
const usualPortFormat = "Ethernet{0}"

// How the ports of IOU nodes are named and grouped.
const (
	iouPortFormat     = "Ethernet{segment0}/{port0}"
	iouPortsOnAdapter = 4
)

// onePort is the only port of a PC, which nothing renames.
func onePort(*nodeRecord) ([]PortView, error) {
	return []PortView{{Name: "Ethernet0", ShortName: "e0"}}, nil
}

// adapterPorts names one port on each of n adapters, by the node's format.
func (r *nodeRecord) adapterPorts(n int) ([]PortView, error) {
	if n < 0 || n > maxAdapters {
		return nil, Errorf(Invalid, "cannot give a node %d adapters: at most %d are possible", n, maxAdapters)
	}
	look := r.Look
	format := look.PortNameFormat
	if format == "" {
		format = usualPortFormat
	}
	ports := make([]PortView, n)
	inSegment, segment := 0, 0
	for adapter := range ports {
		p := PortView{Adapter: adapter}
		if adapter == 0 && look.FirstPortName != "" {
			p.Name = look.FirstPortName
			p.ShortName = p.Name
		} else {
			p.Name = portName(format, inSegment, segment, adapter)
			p.ShortName = shortAdapterName(p.Name, inSegment)
			inSegment++
			if look.PortSegmentSize <= 0 {
				segment = inSegment
			} else if inSegment%look.PortSegmentSize == 0 {
				segment, inSegment = segment+1, 0
			}
		}
		ports[adapter] = p
	}
	return ports, customAdapters(look.CustomAdapters, ports)
}

// portName fills a format of GNS3's: {0} or {port0} is the number in its
// segment, {1} or {segment0} that of the segment, {adapter} that of the
// adapter. {port3} counts from 3, as do the others. {} is {0}, and {1} the
// second time.
func portName(format string, port, segment, adapter int) string {
	var out strings.Builder
	for empty := 0; format != ""; {
		before, rest, found := strings.Cut(format, "{")
		out.WriteString(before)
		if !found {
			break
		}
		field, after, closed := strings.Cut(rest, "}")
		if closed && field == "" {
			field = strconv.Itoa(empty)
			empty++
		}
		value, known := portField(field, port, segment, adapter)
		if !closed || !known {
			out.WriteByte('{')
			format = rest
			continue
		}
		out.WriteString(strconv.Itoa(value))
		format = after
	}
	return out.String()
}

func portField(field string, port, segment, adapter int) (value int, known bool) {
	switch field {
	case "0":
		return port, true
	case "1":
		return segment, true
	case "adapter":
		return adapter, true
	}
	for prefix, base := range map[string]int{"port": port, "segment": segment} {
		if digits, ok := strings.CutPrefix(field, prefix); ok && len(digits) == 1 && digits[0] >= '0' && digits[0] <= '9' {
			return base + int(digits[0]-'0'), true
		}
	}
	return 0, false
}

// shortAdapterName shortens a name of the usual kind, "Ethernet0" to "e0/0".
func shortAdapterName(name string, number int) string {
	if name == "Ethernet"+strconv.Itoa(number) {
		return "e" + strconv.Itoa(number) + "/0"
	}
	return name
}

// customAdapters puts in what a node says of single adapters.
func customAdapters(custom []map[string]any, ports []PortView) error {
	for i, c := range custom {
		number, ok := c["adapter_number"].(float64)
		if !ok || number != float64(int(number)) || number < 0 {
			return Errorf(Invalid, `cannot use "custom_adapters": entry %d needs an "adapter_number" from 0 on`, i)
		}
		if int(number) >= len(ports) {
			continue // GNS3 keeps what is said of adapters that are gone
		}
		p := &ports[int(number)]
		for _, field := range []struct {
			key  string
			into *string
		}{{"port_name", &p.Name}, {"adapter_type", &p.AdapterType}, {"mac_address", &p.MAC}} {
			value, given := c[field.key]
			if !given || value == nil || value == "" {
				continue
			}
			text, ok := value.(string)
			if !ok || len(text) > maxName {
				return Errorf(Invalid, `cannot use "custom_adapters": %s of entry %d must be a text`, field.key, i)
			}
			*field.into = text
			if field.key == "port_name" {
				p.ShortName = text
			}
		}
		if p.MAC != "" {
			if err := checkMAC(p.MAC); err != nil {
				return err
			}
		}
	}
	return nil
}

// addressPorts gives the ports the MAC addresses that follow from the node's, if
// it has one: that of adapter 3 is 3 higher.
func (r *nodeRecord) addressPorts(ports []PortView) {
	base, err := net.ParseMAC(r.text("mac_address"))
	if err != nil || len(base) != 6 {
		return
	}
	number := binary.BigEndian.Uint64(append([]byte{0, 0}, base...))
	for i := range ports {
		if p := &ports[i]; p.MAC == "" {
			address := binary.BigEndian.AppendUint64(nil, number+uint64(p.Adapter))
			p.MAC = net.HardwareAddr(address[2:]).String()
		}
	}
}

// number reads a property that is a number, or a text with one in it.
func (r *nodeRecord) number(key string, usual int) (int, error) {
	raw, ok := r.Properties[key]
	if !ok {
		return usual, nil
	}
	var n int
	if err := json.Unmarshal(raw, &n); err != nil {
		return 0, Errorf(Invalid, "cannot use %s as property %q: give an integer", cutText(string(raw)), key)
	}
	return n, nil
}

// text reads a property that is a text; "" when it is none.
func (r *nodeRecord) text(key string) string {
	var s string
	_ = json.Unmarshal(r.Properties[key], &s) // what is no text counts as none
	return s
}

// cutText shortens what is quoted in a message.
func cutText(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
