package controller

import "github.com/lanyard-lab/lanyard/controller/fault"

// Code classes an Error by what the caller can do about it.
type Code = fault.Code

// The codes; see package fault.
const (
	Internal       = fault.Internal
	Invalid        = fault.Invalid
	Unauthorized   = fault.Unauthorized
	Forbidden      = fault.Forbidden
	NotFound       = fault.NotFound
	Conflict       = fault.Conflict
	TooLarge       = fault.TooLarge
	NotImplemented = fault.NotImplemented
	Unavailable    = fault.Unavailable
	Timeout        = fault.Timeout
	NoSpace        = fault.NoSpace
)

// Error is an error for the user; see package fault.
type Error = fault.Error

// Errorf makes an Error. A %w argument becomes its cause.
func Errorf(code Code, format string, args ...any) *Error {
	return fault.Errorf(code, format, args...)
}
