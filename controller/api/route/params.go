package route

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
)

// Project finds the project that the path names; NotFound.
func Project(c *gin.Context, ctl *controller.Controller) (*controller.Project, error) {
	return ctl.Project(c.Param("project_id"))
}

// Node finds the node that the path parameter key names, in the path's
// project; NotFound.
func Node(c *gin.Context, ctl *controller.Controller, key string) (*controller.Node, error) {
	project, err := Project(c, ctl)
	if err != nil {
		return nil, err
	}
	return project.Node(c.Param(key))
}

// Link finds the link that the path names, in the path's project; NotFound.
func Link(c *gin.Context, ctl *controller.Controller) (*controller.Link, error) {
	project, err := Project(c, ctl)
	if err != nil {
		return nil, err
	}
	return project.Link(c.Param("link_id"))
}

// Index reads a number of an adapter or port from the path. What is not a
// number names nothing: NotFound.
func Index(c *gin.Context, key, what string) (int, error) {
	text := c.Param(key)
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		if len(text) > 40 {
			text = text[:40] + "..."
		}
		return 0, controller.Errorf(controller.NotFound, "cannot find %s %q: %ss are numbered from 0", what, text, what)
	}
	return int(n), nil
}

// PortNumbers reads the parameters "adapter" and "port" from the path; NotFound.
func PortNumbers(c *gin.Context) (adapter, port int, err error) {
	if adapter, err = Index(c, "adapter", "adapter"); err != nil {
		return 0, 0, err
	}
	port, err = Index(c, "port", "port")
	return adapter, port, err
}
