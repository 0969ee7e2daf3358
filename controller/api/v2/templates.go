package v2

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// templateUse says where a node made from a template goes.
type templateUse struct {
	ComputeID *string `json:"compute_id"`
	Name      *string `json:"name"`
	X         *int    `json:"x"`
	Y         *int    `json:"y"`
}

// Check checks the values.
func (u *templateUse) Check() error {
	for _, at := range []struct {
		field string
		value *int
	}{{"x", u.X}, {"y", u.Y}} {
		if at.value == nil {
			return route.Wrong(at.field, "a number of pixels", "it is missing")
		}
	}
	return route.OptionalName("name", u.Name)
}

func (h *handler) templateRows() []route.Row {
	const all, one = "/v2/templates", "/v2/templates/:template_id"
	return []route.Row{
		route.Get(all, route.TemplateAudit, []controller.Template{}, h.templates).Says("lists templates, the built-in ones last"),
		{Method: http.MethodPost, Path: all, Privilege: route.TemplateAllocate, Request: controller.Template{},
			Response: controller.Template{}, Status: http.StatusCreated,
			Doc: "makes a template; what is left out gets the default of its type", Handler: h.createTemplate},
		route.Get(one, route.TemplateAudit, controller.Template{}, h.template).Says("tells about a template; `If-None-Match` is heard"),
		{Method: http.MethodPut, Path: one, Privilege: route.TemplateModify, Request: controller.Template{},
			Response: controller.Template{}, Status: http.StatusOK, Doc: "changes a template", Handler: h.updateTemplate},
		route.Delete(one, route.TemplateAllocate, h.deleteTemplate).Says("deletes a template; 409 for a built-in one"),
		{Method: http.MethodPost, Path: one + "/duplicate", Privilege: route.TemplateAllocate,
			Response: controller.Template{}, Status: http.StatusCreated, Doc: "copies a template", Handler: h.duplicateTemplate},
		{Method: http.MethodPost, Path: "/v2/projects/:project_id/templates/:template_id", Privilege: route.NodeAllocate,
			Request: templateUse{}, Response: node{}, Status: http.StatusCreated, Doc: "makes a node of a template at `x`, `y`", Handler: h.useTemplate},
	}
}

func (h *handler) templates(c *gin.Context) error {
	return route.JSON(c, http.StatusOK, h.ctl.Templates())
}

func (h *handler) createTemplate(c *gin.Context) error {
	given, err := route.Decode[controller.Template](c)
	if err != nil {
		return err
	}
	var id string
	if raw, ok := given["template_id"]; ok && json.Unmarshal(raw, &id) == nil {
		if _, err := route.ID("template_id", &id); err != nil {
			return err
		}
	}
	if err := templateName(given); err != nil {
		return err
	}
	t, err := h.ctl.CreateTemplate(c.Request.Context(), given)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, t)
}

// templateName checks the name, if there is one that is a text.
func templateName(t controller.Template) error {
	if name := t.Text("name"); name != "" {
		return route.Name("name", name)
	}
	return nil
}

// template answers with an ETag, as the desktop client keeps templates.
func (h *handler) template(c *gin.Context) error {
	t, err := h.ctl.Template(c.Param("template_id"))
	if err != nil {
		return err
	}
	body, err := route.Marshal(t)
	if err != nil {
		return err
	}
	sum := md5.Sum(body)
	tag := `"` + hex.EncodeToString(sum[:]) + `"`
	c.Writer.Header().Set("ETag", tag)
	for _, known := range strings.Split(c.GetHeader("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == tag || known == "*" {
			c.Writer.WriteHeader(http.StatusNotModified)
			c.Writer.WriteHeaderNow()
			return nil
		}
	}
	route.Raw(c, http.StatusOK, body)
	return nil
}

func (h *handler) updateTemplate(c *gin.Context) error {
	given, err := route.Decode[controller.Template](c)
	if err != nil {
		return err
	}
	if err := templateName(given); err != nil {
		return err
	}
	t, err := h.ctl.UpdateTemplate(c.Request.Context(), c.Param("template_id"), given)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusOK, t)
}

func (h *handler) deleteTemplate(c *gin.Context) error {
	if err := h.ctl.DeleteTemplate(c.Request.Context(), c.Param("template_id")); err != nil {
		return err
	}
	return route.NoContent(c)
}

func (h *handler) duplicateTemplate(c *gin.Context) error {
	t, err := h.ctl.DuplicateTemplate(c.Request.Context(), c.Param("template_id"))
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, t)
}

func (h *handler) useTemplate(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[templateUse](c)
	if err != nil {
		return err
	}
	use := controller.TemplateUse{X: *request.X, Y: *request.Y}
	if request.Name != nil {
		use.Name = *request.Name
	}
	if request.ComputeID != nil {
		use.Compute = *request.ComputeID
	}
	n, err := p.CreateFromTemplate(c.Request.Context(), c.Param("template_id"), use)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, nodeOf(n.View()))
}
