package rules

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"testing"
)

// secretName matches what is named for a secret that someone outside could guess byte by byte. Hashes of
// secrets are left out: who cannot choose their bits learns nothing from where two differ.
var secretName = regexp.MustCompile(`(?i)(secret|token|api_?key|hmac|^mac|passphrase|password|bearer)s?$`)

// On a phone nobody measures, so the rule is for what a server runs.
func TestT30_NoSecretIsComparedByByte(t *testing.T) {
	all := sources(t)
	constants := constantsOf(all)
	for _, s := range all {
		if s.test || s.generated || !under(s.pkg, "backend") && !under(s.pkg, "shared") {
			continue
		}
		// Of another package comes a constant: problem.UseDPoPNonce, apns2.ReasonExpiredToken.
		imported := map[string]bool{}
		for _, i := range s.imports {
			imported[path.Base(i)] = true
		}
		secret := func(e ast.Expr) bool {
			owner, name := named(e)
			return secretName.MatchString(name) && !imported[owner] && !constants[s.pkg+"."+name]
		}
		report := func(pos token.Pos, how string) {
			t.Errorf("%s: a secret is compared with %s: use crypto/subtle", s.fset.Position(pos), how)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				compares := n.Op == token.EQL || n.Op == token.NEQ
				open := func(e ast.Expr) bool { _, name := named(e); return literal(e) || constants[s.pkg+"."+name] }
				if compares && (secret(n.X) && !open(n.Y) || secret(n.Y) && !open(n.X)) {
					report(n.Pos(), n.Op.String())
				}
			case *ast.CallExpr:
				pkg, name := named(n.Fun)
				equal := (pkg == "bytes" || pkg == "slices") && (name == "Equal" || name == "Compare") && len(n.Args) == 2
				if equal && (secret(n.Args[0]) || secret(n.Args[1])) {
					report(n.Pos(), pkg+"."+name)
				}
			}
			return true
		})
	}
}

// named gives the last name of a variable, a field or a slice of one, and the name before it.
func named(e ast.Expr) (owner, name string) {
	switch e := e.(type) {
	case *ast.Ident:
		return "", e.Name
	case *ast.SelectorExpr:
		_, owner = named(e.X)
		return owner, e.Sel.Name
	case *ast.SliceExpr:
		return named(e.X)
	case *ast.ParenExpr:
		return named(e.X)
	}
	return "", ""
}

// literal tells whether comparing with an expression only asks whether there is a value at all.
func literal(e ast.Expr) bool {
	if i, ok := e.(*ast.Ident); ok {
		return i.Name == "nil"
	}
	_, ok := e.(*ast.BasicLit)
	return ok
}

// constantsOf lists the constants at the top of each package, as folder.Name.
func constantsOf(all []source) map[string]bool {
	found := map[string]bool{}
	for _, s := range all {
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					found[s.pkg+"."+name.Name] = true
				}
			}
		}
	}
	return found
}
