package mail_test

import (
	"strings"
	"testing"

	"loot/mail"
)

var house = mail.House{Name: "Loot", Company: "Nordwind Hosting GmbH", From: "Loot <noreply@loot.example>", URL: "https://loot.example", Privacy: "https://loot.example/statement"}

func TestLetterSaysTheSameInBothWritings(t *testing.T) {
	l := mail.Letter{
		Subject: "Please confirm <now>", Preview: "One click", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("So that nobody orders in your name, please confirm that this address is yours, which takes one click & no more."),
			mail.Button("Confirm", "https://loot.example/c/5?a=1&b=2"),
			mail.Note("Nothing is kept."),
		},
		Why: "You ordered.",
	}
	m, err := l.Message(house, "m1", "a@b.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Please confirm &lt;now&gt;", "one click &amp; no more", `href="https://loot.example/c/5?a=1&amp;b=2"`, "Nothing is kept.", "You ordered.", "Nordwind", `href="https://loot.example/statement"`} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("the HTML does not say %q", want)
		}
	}
	for _, want := range []string{"Good day,", "takes one click & no more.", "Confirm:\nhttps://loot.example/c/5?a=1&b=2\n", "Nothing is kept.", "\n-- \nLoot\n", "You ordered.", "Privacy statement: https://loot.example/statement"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the text does not say %q:\n%s", want, m.Text)
		}
	}
	for i, line := range strings.Split(m.Text, "\n") {
		if len([]rune(line)) > 78 {
			t.Errorf("line %d is too long: %q", i+1, line)
		}
	}
	for _, bad := range []string{"<script", "http://", "ZgotmplZ", "<img"} {
		if strings.Contains(m.HTML, bad) {
			t.Errorf("the HTML holds %q", bad)
		}
	}
	if m.From != house.From || m.To != "a@b.example" || m.ID != "m1" || m.Subject != l.Subject {
		t.Errorf("%+v", m)
	}
}

func TestLetterWithABadLinkDoesNotRun(t *testing.T) {
	m, err := mail.Letter{Subject: "s", Blocks: []mail.Block{mail.Button("x", "javascript:alert(1)")}}.Message(house, "m1", "a@b.example")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(m.HTML, `href="javascript`) {
		t.Error("the link runs")
	}
}

// TestLetterWithFiguresAndAWayOut: the rows stand in both writings, and a mail
// program is told how to end such letters at one click.
func TestLetterWithFiguresAndAWayOut(t *testing.T) {
	l := mail.Letter{
		Subject: "Last week", Leave: "https://loot.example/leave?a=1&b=2",
		Blocks: []mail.Block{mail.Table("Most read", mail.Row{Term: "/a <b>", Value: "1 204", Note: "up 5 %"}, mail.Row{Term: strings.Repeat("x", 60), Value: "7"})},
	}
	m, err := l.Message(house, "m1", "a@b.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/a &lt;b&gt;</th>", ">1 204</td>", ">up 5 %</td>", `href="https://loot.example/leave?a=1&amp;b=2"`} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("the HTML does not say %q:\n%s", want, m.HTML)
		}
	}
	for _, want := range []string{"Most read\n  /a <b>" + strings.Repeat(" ", 38) + "1 204  up 5 %\n", strings.Repeat("x", 60) + " 7\n", "No longer get this letter: https://loot.example/leave?a=1&b=2\n"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the text does not say %q:\n%s", want, m.Text)
		}
	}
	if m.Headers["List-Unsubscribe"] != "<https://loot.example/leave?a=1&b=2>" || m.Headers["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click" {
		t.Errorf("%v", m.Headers)
	}
	l.Leave = ""
	if m, err = l.Message(house, "m1", "a@b.example"); err != nil || len(m.Headers) > 0 {
		t.Errorf("%v, %v", m.Headers, err)
	}
}

// TestValuesWithoutNotesMayBeLong: a reason of many words goes on in lines, and no room
// is kept beside it for what nobody says.
func TestValuesWithoutNotesMayBeLong(t *testing.T) {
	for note, want := range map[string]struct {
		cells   int
		unbroke bool
	}{"": {2, false}, "up 5 %": {3, true}} {
		m, err := mail.Letter{Subject: "s", Blocks: []mail.Block{mail.Table("In short", mail.Row{Term: "Reasons", Value: strings.Repeat("word ", 100), Note: note})}}.Message(house, "m1", "a@b.example")
		if err != nil {
			t.Fatal(err)
		}
		_, row, _ := strings.Cut(m.HTML, "In short</h2>")
		row, _, _ = strings.Cut(row, "</tr>")
		cells := strings.Count(row, "<th ") + strings.Count(row, "<td ")
		if unbroken := strings.Contains(row, "nowrap"); cells != want.cells || unbroken != want.unbroke {
			t.Errorf("with the note %q: %d cells, in one line: %v", note, cells, unbroken)
		}
	}
}

// What the layout says is in the letter's language, or marked as English.
func TestLayoutSpeaksTheLanguageOfTheLetter(t *testing.T) {
	const leave, link = "https://loot.example/leave", "https://loot.example/c"
	for tag, want := range map[string]struct{ html, text []string }{
		"": {
			[]string{`<html lang="en">`, ">Good day,</p>", ">Or copy this address: <a", ">No longer get this letter</a>", ">Privacy statement</a>"},
			[]string{"Good day,\n", "See:\n" + link, "No longer get this letter: " + leave, "Privacy statement: https"},
		},
		"de": {
			[]string{`<html lang="de">`, ">Good day,</p>", ">Oder kopieren Sie diese Adresse: <a", ">Diese E-Mails nicht mehr erhalten</a>", ">Datenschutzerklärung</a>"},
			[]string{"See:\n" + link, "Diese E-Mails nicht mehr erhalten: " + leave, "Datenschutzerklärung: https"},
		},
		"de-AT": {[]string{`<html lang="de-AT">`, ">Datenschutzerklärung</a>"}, []string{"Datenschutzerklärung: https"}},
		"es":    {[]string{`<html lang="es">`, ">Good day:</p>", ">O copie esta dirección: <a"}, []string{"Good day:\n", "Declaración de privacidad: https"}},
		"fr":    {[]string{`<html lang="fr">`, ">Ou copiez cette adresse\u00a0: <a"}, []string{"See\u00a0:\n" + link, "Déclaration de confidentialité\u00a0: https"}},
		"nl":    {[]string{`<html lang="nl">`, ">Of kopieer dit adres: <a"}, []string{"Deze e-mails niet meer ontvangen: " + leave}},
		"it":    {[]string{`<html lang="it">`, ` lang="en">Or copy this address: <a`, ` lang="en">No longer get this letter</a>`, ` lang="en">Privacy statement</a>`}, []string{"Privacy statement: https"}},
	} {
		m, err := mail.Letter{Language: tag, Subject: "s", Greet: "Good day", Blocks: []mail.Block{mail.Button("See", link)}, Leave: leave}.Message(house, "m1", "a@b.example")
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range want.html {
			if !strings.Contains(m.HTML, part) {
				t.Errorf("%s: the HTML does not say %q", tag, part)
			}
		}
		for _, part := range want.text {
			if !strings.Contains(m.Text, part) {
				t.Errorf("%s: the text does not say %q:\n%s", tag, part, m.Text)
			}
		}
		if marked := strings.Count(m.HTML, `lang="`) > 1; marked != (tag == "it") {
			t.Errorf("%s: a part is marked as of another language: %v", tag, marked)
		}
	}
}
