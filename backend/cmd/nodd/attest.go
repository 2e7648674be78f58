package main

import (
	"github.com/nod-auth/nod/backend/internal/attestation/trust"
	"github.com/nod-auth/nod/backend/internal/config"
)

// prepareAttestation lets the serving process prove key levels, where the operator says whose word counts.
func (s *server) prepareAttestation(c *config.Config) error {
	if c.AttestationFile == "" {
		return nil
	}
	t, err := trust.Load(c.AttestationFile)
	if err != nil {
		return withRemedy(err, "docs/attestation.md shows the file")
	}
	s.enrollments.Attest = t.Enrollment
	return nil
}
