package api

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// webUI is where GNS3's web client expects to be, as its links are absolute.
const webUI = "/static/web-ui/"

// webUIRows serve a web client for GNS3's API from a folder on this machine;
// an empty one is none. The client finds its own way: an address below its own
// that is no file is answered with its page.
func webUIRows(folder string) []route.Row {
	page := route.Get(webUI+"*file", route.SignedIn, nil, func(c *gin.Context) error {
		return serveClient(c, folder)
	}).Says("a file of the web client that the settings name; its page for all that is no file")
	page.Download, page.Means = true, []string{webUI + "{file}"}
	home := route.Get("/", route.SignedIn, nil, func(c *gin.Context) error {
		to := "/docs"
		if folder != "" {
			to = webUI + "bundled"
		}
		c.Redirect(http.StatusFound, to)
		return nil
	}).Says("leads to the web client, or to /docs when there is none")
	home.Status = http.StatusFound
	return []route.Row{page, home}
}

func serveClient(c *gin.Context, folder string) error {
	if folder == "" {
		return controller.Errorf(controller.NotFound, "cannot show a web client: this server has none; the setting web_ui names the folder of one")
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return controller.Errorf(controller.Unavailable, "cannot open the folder of the web client: %w", err)
	}
	defer root.Close()
	name := strings.TrimPrefix(path.Clean(c.Param("file")), "/")
	file, info, err := openFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		name = "index.html"
		file, info, err = openFile(root, name)
	}
	if err != nil {
		return controller.Errorf(controller.NotFound, "cannot read %s of the web client: %w", shorten(name), err)
	}
	defer file.Close()
	c.Writer.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(c.Writer, c.Request, info.Name(), info.ModTime(), file)
	return nil
}

// openFile opens a regular file; all else does not exist.
func openFile(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, nil, fs.ErrNotExist
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}
