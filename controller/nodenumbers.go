package controller

// numbering is a property with a number that a node of a type has alone.
type numbering struct {
	property   string
	last       int
	everywhere bool // among the nodes of all projects, and not of its own
}

// numberings are those that GNS3 gives out, by type of node.
func numberings() map[string]numbering {
	return map[string]numbering{
		"iou":      {property: "application_id", last: 512, everywhere: true},
		"dynamips": {property: "dynamips_id", last: 4096},
	}
}

// nodeNumber is the number of a node that is being made in a project.
type nodeNumber struct {
	project *Project
	number  int
}

// number gives a node that is being made its number, if its type has one and
// nobody said which. It is kept for it until done is called; then the node is
// there, or will not be.
func (p *Project) number(rec *nodeRecord) (done func(), err error) {
	done = func() {}
	what, ok := numberings()[rec.Type]
	if given := rec.Properties[what.property]; !ok || given != nil && string(given) != "null" {
		return done, nil
	}
	c := p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := map[int]bool{}
	for made, by := range c.numbered {
		if made.Type == rec.Type && (what.everywhere || by.project == p) {
			taken[by.number] = true
		}
	}
	if what.everywhere {
		for _, other := range c.projects {
			other.numbersOf(rec.Type, what.property, taken)
		}
	} else {
		p.numbersOf(rec.Type, what.property, taken)
	}
	for number := 1; number <= what.last; number++ {
		if taken[number] {
			continue
		}
		rec.Properties[what.property] = encode(number)
		c.numbered[rec] = nodeNumber{p, number}
		return func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.numbered, rec)
		}, nil
	}
	return done, Errorf(Conflict, "cannot make %s: all %d numbers for its %s are taken by other nodes", rec.Name, what.last, what.property)
}

// numbersOf adds the numbers that nodes of a type have.
func (p *Project) numbersOf(nodeType, property string, taken map[int]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.order {
		if n.rec.Type != nodeType {
			continue
		}
		if number, err := n.rec.number(property, 0); err == nil {
			taken[number] = true
		}
	}
}
