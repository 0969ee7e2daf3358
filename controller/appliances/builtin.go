package appliances

import (
	"embed"
	"io/fs"
)

//go:embed builtin/*.gns3a
var files embed.FS

// Builtin are the appliances that come with the server. They need no images:
// their containers come from where the Docker engine gets them.
func Builtin() []Appliance {
	folder, err := fs.Sub(files, "builtin")
	if err != nil {
		panic("internal error: " + err.Error())
	}
	all, damaged := Read(folder, true)
	for file, err := range damaged {
		panic("internal error: " + file + ": " + err.Error())
	}
	return all
}
