package pc

import (
	"testing"

	"github.com/lanyard-lab/lanyard/emulators/pc/pctest"
)

// newLab is the lab that the transcripts were recorded in.
func newLab(t *testing.T) map[string]*session {
	lab := pctest.New()
	return map[string]*session{
		"PC1":            startPC(t, "", testMAC, lab.PlugA(), map[string]string{"startup.vpc": "set pcname PC1\n"}),
		"PC2":            startPC(t, "", "00:50:79:66:68:02", lab.PlugA(), map[string]string{"startup.vpc": "set pcname PC2\n"}),
		"PC3":            startPC(t, "", "00:50:79:66:68:03", lab.PlugB(), map[string]string{"startup.vpc": "set pcname PC3\n"}),
		"PC3(no server)": startPC(t, "", "00:50:79:66:68:03", nil, map[string]string{"startup.vpc": "set pcname PC3\n"}),
	}
}
