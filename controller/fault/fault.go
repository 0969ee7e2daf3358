// Package fault is what the packages of the server say when a request cannot be
// done: an error with a class and a message for the user.
package fault

import "fmt"

// Code classes an Error by what the caller can do about it.
type Code int

// The codes. The zero Code is Internal: a bug.
const (
	Internal       Code = iota
	Invalid             // the request makes no sense as it stands
	Unauthorized        // credentials are missing or wrong
	Forbidden           // never allowed, or not in this state of the project
	NotFound            // the named thing does not exist
	Conflict            // it collides with what exists or runs
	TooLarge            // the request is over a size limit
	NotImplemented      // not possible on this server
	Unavailable         // not now: a device or a runner does not answer
	Timeout             // it took longer than its limit
	NoSpace             // the disk is full
)

// Error is an error for the user: Message says what could not be done, to
// what, why, and what to do about it.
type Error struct {
	Code    Code
	Message string
	Err     error // the cause, for the log; may be nil
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error. A %w argument becomes its cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	e := &Error{Code: code, Message: err.Error()}
	if u, ok := err.(interface{ Unwrap() error }); ok {
		e.Err = u.Unwrap()
	}
	return e
}
