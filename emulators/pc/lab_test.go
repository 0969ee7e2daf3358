package pc

import "testing"

func newLab(t *testing.T) map[string]*session {
	return map[string]*session{
		"PC1":            startPC(t, "", testMAC, nil, map[string]string{"startup.vpc": "set pcname PC1\n"}),
		"PC2":            startPC(t, "", "00:50:79:66:68:02", nil, map[string]string{"startup.vpc": "set pcname PC2\n"}),
		"PC3":            startPC(t, "", "00:50:79:66:68:03", nil, map[string]string{"startup.vpc": "set pcname PC3\n"}),
		"PC3(no server)": startPC(t, "", "00:50:79:66:68:03", nil, map[string]string{"startup.vpc": "set pcname PC3\n"}),
	}
}
