package delivery_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	subscriberKey  = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4" // RFC 8291 appendix A
	subscriberAuth = "BTBZMqHH6r4Tts7J_aSIgg"
)

func TestAddressesAreReadByTheirChannel(t *testing.T) {
	token := strings.Repeat("a1", 32)
	for name, c := range map[string]struct {
		in   protocol.PushAddress
		kind string
		ok   bool
	}{
		"an apns token means production":           {protocol.PushAddress{Channel: "apns", Address: token, App: "com.example.app"}, "production", true},
		"an apns token may be of the sandbox":      {protocol.PushAddress{Channel: "apns", Kind: "sandbox", Address: token, App: "com.example.app"}, "sandbox", true},
		"an apns token is hexadecimal":             {protocol.PushAddress{Channel: "apns", Address: "../../1", App: "com.example.app"}, "", false},
		"an apns token needs its app":              {protocol.PushAddress{Channel: "apns", Address: token}, "", false},
		"an fcm address without a kind is a token": {protocol.PushAddress{Channel: "fcm", Address: "abc:def"}, "token", true},
		"an fcm address may be an installation":    {protocol.PushAddress{Channel: "fcm", Kind: "fid", Address: "abc"}, "fid", true},
		"an fcm address has no space":              {protocol.PushAddress{Channel: "fcm", Address: "a b"}, "", false},
		"a subscription has its keys":              {protocol.PushAddress{Channel: "webpush", Address: "https://push.example/x", P256DH: subscriberKey, Auth: subscriberAuth}, "", true},
		"padded keys are read":                     {protocol.PushAddress{Channel: "webpush", Address: "https://push.example/x", P256DH: subscriberKey + "=", Auth: subscriberAuth + "=="}, "", true},
		"a subscription without keys is refused":   {protocol.PushAddress{Channel: "webpush", Address: "https://push.example/x"}, "", false},
		"a subscription is https":                  {protocol.PushAddress{Channel: "webpush", Address: "http://push.example/x", P256DH: subscriberKey, Auth: subscriberAuth}, "", false},
		"a device can't name a webhook":            {protocol.PushAddress{Channel: "webhook", Address: "x"}, "", false},
		"an unknown channel is refused":            {protocol.PushAddress{Channel: "sms", Address: "1"}, "", false},
		"an unknown kind is refused":               {protocol.PushAddress{Channel: "fcm", Kind: "topic", Address: "news"}, "", false},
	} {
		got, err := delivery.FromProtocol(c.in)
		if (err == nil) != c.ok || got.Kind != c.kind {
			t.Errorf("%s: %v, %v", name, got.Kind, err)
		}
		if err != nil && (!errors.Is(err, delivery.ErrAddress) || len(c.in.Address) > 8 && strings.Contains(err.Error(), c.in.Address)) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAddressesAreNeverPrinted(t *testing.T) {
	a := delivery.Address{Channel: delivery.FCM, Kind: delivery.KindFID, Value: "canary-value", App: "app", Auth: []byte("canary")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if strings.Contains(fmt.Sprintf(format, a), "canary") {
			t.Errorf("%s prints the address", format)
		}
	}
}

type named struct {
	delivery.Sender
	name string
}

func TestSendersAreFoundByBrandAndEnvironment(t *testing.T) {
	var senders delivery.Senders
	senders.Add(delivery.APNs, delivery.APNsApp("com.a", "production"), named{name: "a"})
	senders.Add(delivery.APNs, delivery.APNsApp("com.a", "sandbox"), named{name: "a sandbox"})
	senders.Add(delivery.FCM, "com.b", named{name: "b"})
	senders.Add(delivery.FCM, "", named{name: "any"})
	senders.Add(delivery.WebPush, "", named{name: "vapid"})
	for _, c := range []struct {
		to   delivery.Address
		want string
	}{
		{delivery.Address{Channel: delivery.APNs, Kind: "production", App: "com.a"}, "a"},
		{delivery.Address{Channel: delivery.APNs, Kind: "sandbox", App: "com.a"}, "a sandbox"},
		{delivery.Address{Channel: delivery.APNs, Kind: "production", App: "com.other"}, ""},
		{delivery.Address{Channel: delivery.FCM, Kind: "fid", App: "com.b"}, "b"},
		{delivery.Address{Channel: delivery.FCM, Kind: "fid", App: "com.other"}, ""},
		{delivery.Address{Channel: delivery.FCM, Kind: "fid"}, "any"},
		{delivery.Address{Channel: delivery.WebPush, App: "com.other"}, "vapid"},
		{delivery.Address{Channel: delivery.Webhook, App: "x"}, ""},
	} {
		got := ""
		if sender, ok := senders.Find(c.to); ok {
			got = sender.(named).name
		}
		if got != c.want {
			t.Errorf("%s %s %s found %q, want %q", c.to.Channel, c.to.Kind, c.to.App, got, c.want)
		}
	}
	if _, ok := new(delivery.Senders).Find(delivery.Address{Channel: delivery.FCM}); ok {
		t.Error("an empty set found something")
	}
}
