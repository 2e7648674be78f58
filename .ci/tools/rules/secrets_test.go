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
var secretName = regexp.MustCompile(`(?i)(secret|token|api_?key|hmac|^mac|passphrase|password|nonce|bearer)s?$`)

// constantName matches the names of constants about secrets within their own package: KindToken.
var constantName = regexp.MustCompile(`^(Kind|Reason|Code|Type|Err|Status|Header)[A-Z]`)

// On a phone nobody measures, so the rule is for what a server runs.
func TestT30_NoSecretIsComparedByByte(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.generated || !under(s.pkg, "backend") && !under(s.pkg, "shared") {
			continue
		}
		imported := map[string]bool{}
		for _, i := range s.imports {
			imported[path.Base(i)] = true
		}
		report := func(pos token.Pos, how string) {
			t.Errorf("%s: a secret is compared with %s: use crypto/subtle", s.fset.Position(pos), how)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					if secret(n.X, imported) && !constant(n.Y) || secret(n.Y, imported) && !constant(n.X) {
						report(n.Pos(), n.Op.String())
					}
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 2 {
					pkg, _ := f.X.(*ast.Ident)
					equal := pkg != nil && (pkg.Name == "bytes" || pkg.Name == "slices") && (f.Sel.Name == "Equal" || f.Sel.Name == "Compare")
					if equal && (secret(n.Args[0], imported) || secret(n.Args[1], imported)) {
						report(n.Pos(), pkg.Name+"."+f.Sel.Name)
					}
				}
			}
			return true
		})
	}
}

// secret tells whether an expression is a variable or a field named for a secret.
func secret(e ast.Expr, imported map[string]bool) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return secretName.MatchString(e.Name) && !constantName.MatchString(e.Name)
	case *ast.SelectorExpr:
		// Of another package comes a constant: problem.UseDPoPNonce, apns2.ReasonExpiredToken.
		pkg, ok := e.X.(*ast.Ident)
		return secretName.MatchString(e.Sel.Name) && (!ok || !imported[pkg.Name])
	case *ast.SliceExpr:
		return secret(e.X, imported)
	case *ast.ParenExpr:
		return secret(e.X, imported)
	}
	return false
}

// constant tells whether comparing with an expression can tell nothing of a secret: a literal or nil,
// which only ask whether there is one.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil"
	}
	return false
}
