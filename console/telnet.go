package console

import "bytes"

// Telnet commands and options: RFC 854, 856 (BINARY), 857 (ECHO), 858 (SGA)
// and 1073 (NAWS).
const (
	cmdSE   = 240
	cmdIP   = 244
	cmdAYT  = 246
	cmdEC   = 247
	cmdEL   = 248
	cmdSB   = 250
	cmdWILL = 251
	cmdWONT = 252
	cmdDO   = 253
	cmdDONT = 254
	cmdIAC  = 255

	optBinary = 0
	optEcho   = 1
	optSGA    = 3
	optNAWS   = 31
)

const (
	// maxAnswers is the number of answers to option requests in the life of a
	// connection. A client that behaves needs about twenty; after that its
	// requests are heard but not answered, so a storm costs nothing.
	maxAnswers = 256
	// maxSubnegotiation is the length after which a subnegotiation is taken
	// to be a broken one, and typing is heard again.
	maxSubnegotiation = 4096
	// nawsLength is that of a window size: option, columns, rows.
	nawsLength = 5
)

// greeting begins every telnet session: the server echoes, nobody waits for a
// go-ahead, eight bits both ways, and window sizes are welcome. ECHO and SGA
// together put telnet clients into character mode.
var greeting = [...]byte{
	cmdIAC, cmdWILL, optEcho, cmdIAC, cmdWILL, optSGA, cmdIAC, cmdWILL, optBinary,
	cmdIAC, cmdDO, optBinary, cmdIAC, cmdDO, optNAWS,
}

// optionState is one side of one option, as in RFC 1143 without the queue: we
// never change our mind, so a request never waits behind another.
type optionState uint8

const (
	optionNo   optionState = iota
	optionWant             // asked for in the greeting, not answered
	optionYes
)

// option is both sides of one option.
type option struct{ us, them optionState }

type telnetState uint8

const (
	stateData telnetState = iota
	stateIAC
	stateOption // after WILL, WONT, DO or DONT
	stateSB
	stateSBIAC
)

// telnet is the server's end of the protocol: it takes what a client sends
// apart, wherever the stream is cut. It knows no time and does no I/O.
type telnet struct {
	// answers are to be sent to the client; the caller takes them.
	answers []byte
	// columns and rows are the last window size, 0 when none was told.
	columns, rows int
	// areYouThere is set by AYT; the caller resets it.
	areYouThere bool

	state   telnetState
	command byte // the one that stateOption completes
	afterCR bool // outside of binary mode
	sb      [nawsLength]byte
	sbLen   int // may be more than was kept
	answerN int

	binary, echo, sga, naws option
}

func newTelnet() *telnet {
	return &telnet{
		binary: option{us: optionWant, them: optionWant},
		echo:   option{us: optionWant},
		sga:    option{us: optionWant},
		naws:   option{them: optionWant},
	}
}

// decode appends what the client typed in p to data.
//
// Outside of binary mode a line end is CR NUL or CR LF (RFC 854): only its CR
// is passed on, which is what the Return key of a terminal sends.
func (t *telnet) decode(data, p []byte) []byte {
	for _, c := range p {
		switch t.state {
		case stateData:
			data = t.text(data, c)
		case stateIAC:
			data = t.commandByte(data, c)
		case stateOption:
			t.state = stateData
			t.negotiate(t.command, c)
		case stateSB:
			t.subnegotiation(c)
		case stateSBIAC:
			switch c {
			case cmdIAC:
				t.state = stateSB
				t.keep(c)
			case cmdSE:
				t.state = stateData
				t.endSubnegotiation()
			default: // not closed: what comes is a command again
				data = t.commandByte(data, c)
			}
		}
	}
	return data
}

func (t *telnet) text(data []byte, c byte) []byte {
	if c == cmdIAC {
		t.state = stateIAC
		return data
	}
	if t.afterCR {
		t.afterCR = false
		if c == 0 || c == '\n' {
			return data
		}
	}
	t.afterCR = c == '\r' && t.binary.them != optionYes
	return append(data, c)
}

func (t *telnet) commandByte(data []byte, c byte) []byte {
	t.state = stateData
	switch c {
	case cmdIAC:
		t.afterCR = false
		return append(data, c)
	case cmdWILL, cmdWONT, cmdDO, cmdDONT:
		t.state, t.command = stateOption, c
	case cmdSB:
		t.state, t.sbLen = stateSB, 0
	case cmdAYT:
		t.areYouThere = true
	case cmdIP:
		return append(data, 3) // Ctrl-C
	case cmdEC:
		return append(data, 8) // backspace
	case cmdEL:
		return append(data, 21) // Ctrl-U
	}
	return data // NOP, DM, BRK, AO, GA and nonsense: nothing to do
}

// subnegotiation takes one byte between SB and SE.
func (t *telnet) subnegotiation(c byte) {
	if c == cmdIAC {
		t.state = stateSBIAC
		return
	}
	t.keep(c)
}

func (t *telnet) keep(c byte) {
	if t.sbLen < len(t.sb) {
		t.sb[t.sbLen] = c
	}
	t.sbLen++
	if t.sbLen > maxSubnegotiation {
		t.state = stateData
	}
}

func (t *telnet) endSubnegotiation() {
	if t.sbLen != nawsLength || t.sb[0] != optNAWS {
		return
	}
	columns := int(t.sb[1])<<8 | int(t.sb[2])
	rows := int(t.sb[3])<<8 | int(t.sb[4])
	if columns > 0 && rows > 0 { // 0 means "not known"
		t.columns, t.rows = columns, rows
	}
}

// negotiate answers one request or takes one answer. A request for the state
// that we are in is never answered, so two ends cannot loop.
func (t *telnet) negotiate(command, opt byte) {
	o := t.option(opt)
	switch command {
	case cmdDO:
		t.request(&o.us, opt == optEcho || opt == optSGA || opt == optBinary, cmdWILL, cmdWONT, opt)
	case cmdDONT:
		t.refuse(&o.us, cmdWONT, opt)
	case cmdWILL:
		t.request(&o.them, opt == optSGA || opt == optBinary || opt == optNAWS, cmdDO, cmdDONT, opt)
	case cmdWONT:
		t.refuse(&o.them, cmdDONT, opt)
	}
}

// option finds the state of opt; that of one we do not know is always "no".
func (t *telnet) option(opt byte) *option {
	switch opt {
	case optBinary:
		return &t.binary
	case optEcho:
		return &t.echo
	case optSGA:
		return &t.sga
	case optNAWS:
		return &t.naws
	}
	return &option{}
}

func (t *telnet) request(s *optionState, agree bool, yes, no, opt byte) {
	switch {
	case *s != optionNo:
		*s = optionYes
	case agree:
		*s = optionYes
		t.answer(yes, opt)
	default:
		t.answer(no, opt)
	}
}

func (t *telnet) refuse(s *optionState, no, opt byte) {
	if *s == optionYes {
		t.answer(no, opt)
	}
	*s = optionNo
}

func (t *telnet) answer(command, opt byte) {
	if t.answerN++; t.answerN <= maxAnswers {
		t.answers = append(t.answers, cmdIAC, command, opt)
	}
}

// takeAnswers returns what is to be sent to the client, and forgets it.
func (t *telnet) takeAnswers() []byte {
	a := t.answers
	t.answers = nil
	return a
}

// escape appends output to out with each 0xFF doubled, as telnet needs it.
func escape(out, output []byte) []byte {
	for {
		i := bytes.IndexByte(output, cmdIAC)
		if i < 0 {
			return append(out, output...)
		}
		out = append(out, output[:i+1]...)
		out = append(out, cmdIAC)
		output = output[i+1:]
	}
}
