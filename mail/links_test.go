package mail_test

import (
	"strings"
	"testing"

	"loot/mail"
)

// A letter's links are found in both its writings, and its foot names the
// company once.
func TestLinksOfALetter(t *testing.T) {
	house := mail.House{Name: "Loot Ltd", Company: "Loot Ltd, 1 Example Quay", From: "Loot <no-reply@loot.example>", Privacy: "https://loot.example/statement"}
	letter := mail.Letter{Subject: "Confirm", Blocks: []mail.Block{
		mail.Para("It is explained at https://loot.example/help."), mail.Button("Confirm & go", "https://loot.example/l/abc?x=1&y=2"),
	}}
	m, err := letter.Message(house, "m1", "kauz@example.net")
	if err != nil {
		t.Fatal(err)
	}
	want := []mail.Link{{Text: "Confirm & go", URL: "https://loot.example/l/abc?x=1&y=2"}, {Text: "Privacy statement", URL: "https://loot.example/statement"}}
	got := m.Links()
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
	var text strings.Builder
	var urls []string
	for _, part := range m.Linked() {
		text.WriteString(part.Text)
		if part.URL != "" {
			urls = append(urls, part.URL)
		}
	}
	if text.String() != m.Text {
		t.Errorf("the pieces are not the text:\n%s", text.String())
	}
	if got, want := strings.Join(urls, " "), "https://loot.example/help https://loot.example/l/abc?x=1&y=2 https://loot.example/statement"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := strings.Count(m.Text, "Loot Ltd"); n != 1 {
		t.Errorf("the company is named %d times:\n%s", n, m.Text)
	}
	if (mail.Message{HTML: `<a href="javascript:alert(1)">x</a>`}).Links() != nil {
		t.Error("a script is a link")
	}
}
