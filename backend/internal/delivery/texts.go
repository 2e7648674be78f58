package delivery

import (
	"slices"
	"strings"
)

// text is all that a lock screen may show. It is the same for every user, action and tenant.
type text struct{ title, body, test string }

// texts holds the built-in languages. A text names no brand: the phone shows the app's name beside it anyway.
var texts = map[string]text{
	"cs": {"Žádost o schválení", "Otevřete aplikaci a odpovězte.", "Zkušební upozornění"},
	"da": {"Anmodning om godkendelse", "Åbn appen for at svare.", "Testmeddelelse"},
	"de": {"Anfrage zur Freigabe", "Öffnen Sie die App, um zu antworten.", "Testbenachrichtigung"},
	"en": {"Approval request", "Open the app to answer.", "Test notification"},
	"es": {"Solicitud de aprobación", "Abra la aplicación para responder.", "Notificación de prueba"},
	"fi": {"Hyväksyntäpyyntö", "Vastaa avaamalla sovellus.", "Testi-ilmoitus"},
	"fr": {"Demande d’approbation", "Ouvrez l’application pour répondre.", "Notification de test"},
	"it": {"Richiesta di approvazione", "Apri l’app per rispondere.", "Notifica di prova"},
	"ja": {"承認リクエスト", "アプリを開いて回答してください。", "テスト通知"},
	"nl": {"Verzoek om goedkeuring", "Open de app om te antwoorden.", "Testmelding"},
	"pl": {"Prośba o zatwierdzenie", "Otwórz aplikację, aby odpowiedzieć.", "Powiadomienie testowe"},
	"pt": {"Pedido de aprovação", "Abra a aplicação para responder.", "Notificação de teste"},
	"sv": {"Begäran om godkännande", "Öppna appen för att svara.", "Testavisering"},
}

const fallbackLanguage = "en"

// Languages lists the built-in languages in order.
func Languages() []string {
	list := make([]string, 0, len(texts))
	for tag := range texts {
		list = append(list, tag)
	}
	slices.Sort(list)
	return list
}

// language reduces a BCP 47 tag to a built-in language: "de-AT" gives "de", anything unknown English.
func language(tag string) string {
	primary, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(tag), "_", "-"), "-")
	if _, ok := texts[primary]; ok {
		return primary
	}
	return fallbackLanguage
}

func (w Wakeup) text() (title, body string) {
	t := texts[language(w.Language)]
	if w.Test {
		return t.test, ""
	}
	return t.title, t.body
}

// Texts returns the generic title and text of a wake-up in the language nearest to a BCP 47 tag, for nod-relay, which
// knows nothing else.
func Texts(tag string) (title, body string) { return Wakeup{Language: tag}.text() }
