package httpapi

import "github.com/mileusna/useragent"

// knownNames are the only words of a User-Agent header that reach the prompt: the header is written by whoever holds the
// browser, and could otherwise say "your bank".
var knownNames = map[string]bool{
	useragent.Chrome: true, useragent.Firefox: true, useragent.Safari: true, useragent.Edge: true, useragent.Opera: true,
	useragent.OperaMini: true, useragent.Vivaldi: true, useragent.InternetExplorer: true, useragent.HeadlessChrome: true,
	useragent.Windows: true, useragent.MacOS: true, useragent.IOS: true, useragent.Android: true, useragent.Linux: true,
	useragent.ChromeOS: true, useragent.FreeBSD: true,
}

// describeAgent is a User-Agent header in words, such as "Firefox on Windows"; empty when it is none that we know.
func describeAgent(header string) string {
	if header == "" {
		return ""
	}
	ua := useragent.Parse(header)
	name, os := ua.Name, ua.OS
	if !knownNames[name] {
		return ""
	}
	if !knownNames[os] {
		return name
	}
	return name + " on " + os
}
