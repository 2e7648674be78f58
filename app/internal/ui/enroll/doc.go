// Package enroll owns the pages that add an account: the ways an invitation can
// come in, the question before anything is contacted, and the code to type in
// the browser.
//
// It parses no invitation and makes no key; it is told what to show. The confirm
// page says in words that a stranger's invitation cannot be told from a good one
// (docs/threat-model.md), and its button is never focused by itself.
package enroll

import "github.com/nod-auth/nod/app/internal/resource"

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }
