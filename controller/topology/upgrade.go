package topology

// lastOfOne is the last revision of GNS3 1.x, whose layout is another.
const lastOfOne = 4

// upgrade brings the tree of a file to Revision.
func (f *File) upgrade(root map[string]any) (map[string]any, error) {
	return root, nil
}
