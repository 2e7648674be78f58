package protocol

// Checkpoint states where a tenant's audit chain stood: whoever keeps it can tell later whether a row up to Sequence was changed or
// removed. It names no server address, since it outlives the one that the server has today; the tenant's id is unique.
type Checkpoint struct {
	Tenant   TenantID `json:"tenant"`
	IssuedAt Time     `json:"iat"`
	Sequence uint64   `json:"seq"`  // places in the chain are 1, 2, 3 ...
	Hash     string   `json:"hash"` // the chain's hash up to and with this place
}

func (*Checkpoint) typ() Type { return TypeCheckpoint }

func (c *Checkpoint) validate() error {
	if c.Sequence == 0 || c.Sequence > 1<<53 {
		return invalid("seq", "not 1 to 2^53")
	}
	return firstError(checkID("tenant", c.Tenant), c.IssuedAt.check("iat"), Thumbprint(c.Hash).Validate("hash"))
}

func (c *Checkpoint) origin() (issuer string, tenant TenantID, issuedAt Time) {
	return "", c.Tenant, c.IssuedAt
}

// VerifyCheckpoint checks a checkpoint under the tenant's keys. A key that was retired later still verifies it.
func VerifyCheckpoint(raw string, keys *Keys) (*Checkpoint, error) {
	c := &Checkpoint{}
	if err := keys.verify(raw, keys.Any, c, ignoreUnknown); err != nil {
		return nil, err
	}
	return c, nil
}
