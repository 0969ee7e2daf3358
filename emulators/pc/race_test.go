//go:build race

package pc

const raceEnabled = true
