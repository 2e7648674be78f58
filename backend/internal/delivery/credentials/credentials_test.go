package credentials_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/delivery/credentials"
)

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFileIsReadWithItsKeys(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "key.p8", "apple-key")
	write(t, dir, "account.json", "google-key")
	f, err := credentials.Load(write(t, dir, "push.json", `{
		"apns": [{"bundle_id":"com.a","environment":"production","key_file":"key.p8","key_id":"K","team_id":"T"},
		         {"bundle_id":"com.a","environment":"sandbox","key_file":"key.p8","key_id":"K","team_id":"T"}],
		"fcm": [{"package":"com.a","service_account_file":"account.json"}],
		"webpush": {"contact":"mailto:ops@example.com","allowed_networks":["10.1.0.0/16"],"allowed_ports":[443,8443]}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.APNs) != 2 || string(f.APNs[1].Key) != "apple-key" || string(f.FCM[0].ServiceAccount) != "google-key" ||
		f.WebPush.AllowedNetworks[0].String() != "10.1.0.0/16" || len(f.WebPush.AllowedPorts) != 2 {
		t.Fatalf("read %+v", f)
	}
}

func TestAMistakeIsNamed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "key.p8", "canary")
	for content, want := range map[string]string{
		`{"apn":[]}`: `"apn"`, `{`: "push file", `{"webpush":{"contact":"ops"}}`: "contact",
		`{"webpush":{"allowed_networks":["10.1.0.0"]}}`:                                   "10.1.0.0",
		`{"apns":[{"environment":"production"}]}`:                                         "apns[0]: bundle_id",
		`{"apns":[{"bundle_id":"a","environment":"dev"}]}`:                                "environment",
		`{"apns":[{"bundle_id":"a","environment":"sandbox","key_id":"K"}]}`:               "team_id",
		`{"apns":[{"bundle_id":"a","environment":"sandbox","key_id":"K","team_id":"T"}]}`: "key_file",
		`{"fcm":[{"package":"a","service_account_file":"none.json"}]}`:                    "fcm[0]",
		`{"fcm":[{"service_account_file":"key.p8"},{"service_account_file":"key.p8"}]}`:   "twice",
	} {
		_, err := credentials.Load(write(t, dir, "push.json", content))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want %q", content, err, want)
		}
	}
}
