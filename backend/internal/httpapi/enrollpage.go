package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// The page behind an invitation's https link. With the app installed the phone opens the app and this page is never
// seen. Without, it says so, and hands the link to an app that only knows the scheme. The token stands in the fragment,
// which a browser does not send: the server learns nothing here, changes nothing, and the page fetches nothing (T10).
const (
	enrollStyle  = `body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:12vh auto;padding:0 1.5rem;color:#1c1c1e;background:#fff}a{display:inline-block;padding:.7rem 1.4rem;border-radius:.6rem;background:#1f4fd8;color:#fff;text-decoration:none}@media(prefers-color-scheme:dark){body{color:#eee;background:#1c1c1e}}`
	enrollScript = `var a=document.getElementById("open");if(location.hash.indexOf("#t=")>=0||location.hash.indexOf("&t=")>=0){a.href="nod://enroll"+location.search+location.hash;a.hidden=false}else{document.getElementById("gone").hidden=false}`
	enrollHTML   = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>Add your account</title>
<style>` + enrollStyle + `</style>
<h1>Add your account</h1>
<p>Open this link on the phone or computer that has your authenticator app.</p>
<p><a id="open" href="#" hidden>Open the app</a></p>
<p id="gone" hidden>This link is not complete. Ask for a new one where you got it.</p>
<p>Nobody from support ever asks for this link. It works once, for a few minutes.</p>
<noscript><p>Copy the whole address and choose “Add account” in the app.</p></noscript>
<script>` + enrollScript + `</script>
</html>
`
)

var enrollPolicy = "default-src 'none'; style-src '" + integrity(enrollStyle) + "'; script-src '" + integrity(enrollScript) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func integrity(text string) string {
	h := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(h[:])
}

func enrollPage(w http.ResponseWriter, r *http.Request) {
	from(r.Context()).operation = "enrollPage"
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", enrollPolicy)
	_, _ = w.Write([]byte(enrollHTML))
}
