package tenant_test

import (
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/testkit"
)

func TestT32_ASecretCountsToItsLastCharacter(t *testing.T) {
	long := strings.Repeat("a", 200) // far beyond the 72 bytes at which bcrypt stops reading
	if tenant.HashSecret(long+"x") == tenant.HashSecret(long+"y") {
		t.Error("two secrets that differ at their end have one hash")
	}
	k := testkit.New(t)
	if _, err := k.Tenants.Authenticate(t.Context(), string(k.Secret)); err != nil {
		t.Fatalf("the right key is refused: %v", err)
	}
	right := string(k.Secret)
	for name, wrong := range map[string]string{
		"another last character": right[:len(right)-2] + swap(right[len(right)-2]) + right[len(right)-1:],
		"one character more":     right + "A",
		"one character less":     right[:len(right)-1],
		"something behind it":    right + strings.Repeat("A", 100),
	} {
		if _, err := k.Tenants.Authenticate(t.Context(), wrong); fault.CodeOf(err) != fault.Unauthorized {
			t.Errorf("%s: got %v, want %s", name, err, fault.Unauthorized)
		}
	}
}

// swap returns another character of the alphabet.
func swap(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}
