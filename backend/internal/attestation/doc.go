// Package attestation checks a platform's statement about where a registered key lives, and says which level it proves.
//
// It owns the parsing and the checks, and nothing else: it fetches nothing, stores nothing and knows no HTTP. Whoever calls it
// gives the roots, the status list and the time. A level is proven by [Policy.Verify] or not at all; every doubt is an [Error] with a
// stable code, and a key without a proof stays a claim (T14). A failed check never makes a device worse off than one that
// sent no attestation, unless [Policy.Required] says that devices without a proof are refused.
//
// # What the operator gives
//
// Nothing is built in: no root, no application. An operator takes the roots from their makers and puts them into PEM files.
//
//   - Android: Google's hardware attestation roots, given by public key, since Google issues new certificates for the same key.
//     In 2026 there are two: RSA-4096 (subject serialNumber f92009e853b6b045) and ECDSA P-384 ("Key Attestation CA1", remotely provisioned
//     devices only). [ParseRootKeys] reads them from certificates or public keys. The status list is the JSON document
//     that Google publishes beside the roots; [ParseStatusList] reads it.
//   - Apple: the App Attestation Root CA certificate.
//   - TPM: the roots of whoever issues certificates for attestation keys in the operator's fleet.
//
// # android-key
//
// The parts are the DER certificates of KeyStore.getCertificateChain, leaf first, with or without the root. x509.Verify refuses chains of real
// phones (leaf dates in 1970, expired factory certificates, odd extensions), so this package walks the path itself:
// each signature under the next key, the last one under a given root key; names chain; RSA PKCS #1 v1.5 with SHA-256 and ECDSA on
// P-256 and P-384 only. Extension 1.3.6.1.4.1.11129.2.1.17 must be on the leaf and nowhere else, so that an attested key
// cannot act as a CA. Validity: the leaf's dates come from the device's clock and are not looked at; a root is trusted by its key. A
// remotely provisioned chain (extension ...1.30 beside the leaf) must be valid now. A factory chain (no ...1.30, and
// a serialNumber in the subject of the certificate under the root) may have expired: its keys stay in the device for life, and the status
// list is what ends them. Every other chain must be valid now. StrongBox counts only if a certificate above the leaf says
// StrongBox too; else the level is tee.
//
// The phone's word about itself: hardware-enforced origin "generated", purposes sign and verify only, boot state verified, boot loader
// locked; one package, of this brand, signed by this brand's certificates. The approval key must ask for user authentication at each use.
//
// # apple-appattest
//
// The parts, joined, are one attestation object. App Attest attests a key of its own and not the keys being registered, so the
// registered keys are bound by the client data:
//
//	client data      = challenge (32 bytes) || thumbprint of the device key (32) || thumbprint of the approval key (32)
//	client data hash = SHA-256(client data), given to DCAppAttestService.attestKey
//
// The challenge is SHA-256 of the invitation token's text; a thumbprint is the 32 bytes behind RFC 7638's base64url. One statement, sent as
// the device key's, speaks for both keys. It proves that an unmodified app of this team and bundle, on Apple's hardware,
// named these two keys. That they live in the Secure Enclave is that app's word, which is why a level is proven only if the
// enrollment claims secure_enclave. The receipt and Apple's fraud metric are not used.
//
// # tpm
//
// The parts are: the TPMS_ATTEST of TPM2_Certify, the TPMT_SIGNATURE over it, the TPMT_PUBLIC of the certified key, then the
// attestation key's certificates, leaf first, without the root (TPM 2.0 Library part 2, 10.12 and 12.2; part 3, 18.2). The
// certificate must carry tcg-kp-AIKCertificate (2.23.133.8.3): its issuer vouches that the key is a restricted key of a
// chip, which Certify alone cannot show. Qualifying data is the challenge. The key is fixedTPM, fixedParent and
// sensitiveDataOrigin, signs and nothing else. An approval key has no policy that could stand in for its authorization value
// (userWithAuth set, no adminWithPolicy, empty authPolicy) and is under the chip's guessing protection (noDA clear). That the value is a
// PIN and not empty is the device's word: no public area tells.
//
// # What is missing
//
// [Policy.Enrollment] is what enrollment.Params.Attest takes; package trust reads the operator's file (attestation_file). Missing:
// a requirement per tenant (Required is for the whole server); fetching the status list, which a timer of the operator
// does; attestation at a key's replacement, so a key that was proven cannot be replaced by an update: device.Service refuses it;
// and a protocol round for TPM2_ActivateCredential, so that TPM certificates come from the operator's own CA. No phone was at
// hand: the chains in the tests are made by the tests, and one TPM statement by an emulated TPM.
package attestation
