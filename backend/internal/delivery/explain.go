package delivery

// Explain says in plain words what a service's code means and what to do. It is what `nodd push test` prints and what
// docs/push.md lists. An unknown code gives a sentence that says so; the code itself should stand beside it.
func Explain(channel Channel, code string) string {
	if text, ok := explanations[channel][code]; ok {
		return text
	}
	if text, ok := ownExplanations[code]; ok {
		return text
	}
	if code == "" {
		return "The service accepted the wake-up. If the phone stays silent, look at its notification settings and battery saver."
	}
	return "The service gave a code that Nod does not know. Look it up in the service's documentation."
}

var ownExplanations = map[string]string{
	CodeTimeout:       "The service did not answer in time. Check that the server may open connections to it; the wake-up is tried again.",
	CodeUnreachable:   "The service could not be reached. Check DNS, the firewall and TLS inspection on the way out.",
	CodeRefused:       "The address leads to a private network, a port that is not allowed, or a redirect. If it is your own push server, add its network to the allowed list.",
	CodeNoCredentials: "No credentials are configured for this app. Add the push credentials of the brand that the device's app belongs to.",
	CodeBadAddress:    "The stored push address is not usable. The app registers a new one when it is opened.",
	CodeBadWakeup:     "The wake-up held something that may not leave the server, so it was not sent. This is a defect; please report it.",
	CodeBreakerOpen:   "The service failed several times in a row, so Nod waits before it asks again.",
	CodeExpired:       "The challenge ended before the wake-up could be delivered.",
	CodePanic:         "The sender failed inside. This is a defect; please report it.",
}

var explanations = map[Channel]map[string]string{
	APNs: {
		"BadDeviceToken":              "The token does not belong to this APNs environment. A build from Xcode needs the sandbox, a build from TestFlight or the store needs production.",
		"DeviceTokenNotForTopic":      "The token belongs to another app. The bundle id of the credentials must be that of the installed app.",
		"Unregistered":                "The app was removed from the phone, or its notifications were reset. The address was dropped; opening the app registers a new one.",
		"ExpiredToken":                "The device token expired. The address was dropped; opening the app registers a new one.",
		"ExpiredProviderToken":        "Apple found the signing time too old. Check the server's clock.",
		"InvalidProviderToken":        "Apple refuses the signature. Key id, team id and the .p8 file do not belong together, or the key was revoked.",
		"MissingProviderToken":        "No signature arrived at Apple. A proxy on the way removes the authorization header.",
		"BadEnvironmentKeyIdInToken":  "The key is limited to the other environment (sandbox or production). Make a key for this one.",
		"TopicDisallowed":             "This key may not push to this bundle id. It belongs to another team, or is limited to other topics.",
		"BadTopic":                    "The bundle id is not valid. Compare it with the app's.",
		"MissingTopic":                "The bundle id is missing from the configuration.",
		"TooManyProviderTokenUpdates": "The signature was renewed too often. Run one process per key, and do not restart in a loop.",
		"TooManyRequests":             "Too many wake-ups for this one device. Apple asks to slow down; the wake-up is tried again.",
		"PayloadTooLarge":             "The payload is over 4 KiB. This is a defect; please report it.",
		"InternalServerError":         "Apple had an internal error. The wake-up is tried again.",
		"ServiceUnavailable":          "Apple's service is unavailable. The wake-up is tried again.",
		"Shutdown":                    "Apple's server is closing the connection. The wake-up is tried again.",
	},
	FCM: {
		"UNREGISTERED":           "The app was removed or its data was cleared. The address was dropped; opening the app registers a new one.",
		"SENDER_ID_MISMATCH":     "The address belongs to another Firebase project. The service account must be of the project in the app's google-services file.",
		"INVALID_ARGUMENT":       "Firebase can't read the address or the message. The app was most likely built with another Firebase project.",
		"QUOTA_EXCEEDED":         "The project's quota is used up. The wake-up is tried again after the time that Firebase gave.",
		"UNAVAILABLE":            "Firebase is overloaded. The wake-up is tried again.",
		"INTERNAL":               "Firebase had an internal error. The wake-up is tried again.",
		"THIRD_PARTY_AUTH_ERROR": "Firebase can't sign in to Apple for this address. Nod sends to iPhones directly; register the app for the apns channel.",
		"PERMISSION_DENIED":      "The service account may not send. Enable the Firebase Cloud Messaging API and give it the role that holds cloudmessaging.messages.create.",
		"UNAUTHENTICATED":        "The sign-in to Google failed. The service account key was deleted, or the server's clock is wrong.",
		"NOT_FOUND":              "The Firebase project or the address does not exist. Check the project id of the service account.",
		"oauth_invalid_grant":    "Google refuses the service account. Its key was deleted, or the server's clock is wrong.",
		"oauth_failed":           "The sign-in to Google did not work. Check that the server reaches Google's token address.",
	},
	WebPush: {
		"status_400": "The push service can't read the request. Check that the subscription was made for this server's VAPID key.",
		"status_401": "The push service refuses the signature. The subscription was made for another VAPID key, or the server's clock is wrong.",
		"status_403": "The push service refuses the signature. The subscription was made for another VAPID key, or the server's clock is wrong.",
		"status_404": "The subscription is gone. The address was dropped; opening the app makes a new one.",
		"status_410": "The subscription is gone. The address was dropped; opening the app makes a new one.",
		"status_413": "The push service finds the message too large. It must accept 4096 bytes (RFC 8030 section 7.2).",
		"status_429": "The push service asks to slow down. The wake-up is tried again.",
	},
	Webhook: {
		"status_410": "The endpoint answered 410 Gone, so it was disabled. Enable it again when it is back.",
		"status_401": "The endpoint refuses the request. Check that it verifies with the current webhook key.",
		"status_429": "The endpoint asks to slow down. The event is tried again.",
	},
}
