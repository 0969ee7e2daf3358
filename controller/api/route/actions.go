package route

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
)

// ForProject makes a handler of what is done to the project of the path. It
// answers without content.
func ForProject(ctl *controller.Controller, do func(*controller.Project, context.Context) error) Handler {
	return func(c *gin.Context) error {
		p, err := Project(c, ctl)
		if err != nil {
			return err
		}
		if err := do(p, c.Request.Context()); err != nil {
			return err
		}
		return NoContent(c)
	}
}

// ForNode makes a handler of what is done to the node that the path's
// parameter key names. It answers without content.
func ForNode(ctl *controller.Controller, key string, do func(*controller.Node, context.Context) error) Handler {
	return func(c *gin.Context) error {
		node, err := Node(c, ctl, key)
		if err != nil {
			return err
		}
		if err := do(node, c.Request.Context()); err != nil {
			return err
		}
		return NoContent(c)
	}
}
