package match

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"time"
)

// MaxExpression is the length in bytes of the longest expression.
const MaxExpression = 4096

const (
	// compileLimit is how long the compiler may take. It looks host names up.
	compileLimit = 5 * time.Second
	// maxOutput is far more than a program of maxInstructions needs.
	maxOutput = 256 << 10
	// maxComplaint is as much of an error message as is read.
	maxComplaint = 4 << 10
)

// ErrNoCompiler is what Compile's error wraps if tcpdump cannot be run here. Any
// other error is an *ExpressionError.
var ErrNoCompiler = errors.New("tcpdump, which compiles BPF expressions, cannot be run")

// ExpressionError is what is wrong with an expression.
type ExpressionError struct {
	expression string
	cause      error
}

// Error begins with what cannot be compiled.
func (e *ExpressionError) Error() string {
	return fmt.Sprintf("cannot compile BPF expression %q: %v", cut(e.expression), e.cause)
}

// Unwrap is the cause.
func (e *ExpressionError) Unwrap() error { return e.cause }

// Compile makes a program of one expression. An error has tcpdump's own words.
//
// It starts tcpdump by spawn, which must do what cmd.Start does and is that if
// nil, and waits for it until ctx ends, 5 seconds at most.
func Compile(ctx context.Context, expression string, spawn func(*exec.Cmd) error) (*Program, error) {
	if err := check(expression); err != nil {
		return nil, &ExpressionError{expression, err}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, compileLimit,
		fmt.Errorf("tcpdump took more than %v: does it contain a host name that cannot be looked up?", compileLimit))
	defer cancel()
	text, err := run(ctx, expression, spawn)
	if errors.Is(err, ErrNoCompiler) {
		return nil, err
	}
	var program *Program
	if err == nil {
		program, err = parse(text)
	}
	if err != nil {
		return nil, &ExpressionError{expression, err}
	}
	return program, nil
}

func check(expression string) error {
	switch {
	case strings.TrimSpace(expression) == "":
		return errors.New("it is empty")
	case len(expression) > MaxExpression:
		return fmt.Errorf("it has %d bytes, allowed are %d", len(expression), MaxExpression)
	case strings.ContainsAny(expression, "\x00\r\n"):
		return errors.New("it has a line break or a zero byte in it")
	}
	return nil
}

// run has tcpdump print the program. No handle to an interface is opened for
// that, so it needs no rights.
func run(ctx context.Context, expression string, spawn func(*exec.Cmd) error) (string, error) {
	// After "--" nothing is an option, whatever it begins with.
	cmd := exec.CommandContext(ctx, "tcpdump", "-ddd", "-y", "EN10MB", "--", expression)
	stdout, stderr := &bounded{left: maxOutput}, &bounded{left: maxComplaint}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = time.Second
	if spawn == nil {
		spawn = (*exec.Cmd).Start
	}
	err := cmd.Err
	if err == nil {
		err = spawn(cmd)
	}
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: it is not installed", ErrNoCompiler)
	case err != nil && ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", fmt.Errorf("%w: %v", ErrNoCompiler, err)
	}
	err = cmd.Wait()
	switch {
	case err == nil && stdout.left == 0:
		return "", errors.New("the program is too long")
	case err == nil:
		return string(stdout.kept), nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	if words := complaint(string(stderr.kept)); words != "" {
		return "", errors.New(words)
	}
	return "", fmt.Errorf("tcpdump failed: %w", err)
}

// complaint is what tcpdump wrote as an error, in one line.
func complaint(stderr string) string {
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(stderr, "?")) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "tcpdump: "))
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// bounded keeps the first bytes that are written and takes the rest in silence.
type bounded struct {
	kept []byte
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.left)
	b.left -= keep
	b.kept = append(b.kept, p[:keep]...)
	return len(p), nil
}
