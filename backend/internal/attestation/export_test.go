package attestation

// The parsers, for their fuzz targets.
var (
	ParseKeyDescription = parseKeyDescription
	ParseCBOR           = parseCBOR
	ParseAppAttest      = parseAppAttest
	ParseCertify        = parseCertify
	ParsePublicArea     = parsePublicArea
	CheckTPMSignature   = checkTPMSignature
)

// ReadCertificate parses a certificate and reads everything of it.
func ReadCertificate(der []byte) error {
	c, err := parseCertificate(der)
	if err != nil {
		return err
	}
	c.subject(oidTitle, oidOrganization, oidSerialNumber)
	if _, _, err := c.extension(oidKeyDescription); err != nil {
		return err
	}
	key, err := c.publicKey()
	if err != nil {
		return err
	}
	return c.signedBy(key)
}
