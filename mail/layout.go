package mail

// letterLayout is one table in one column: what all mail programs show
// alike. Colours for the dark are given where a program asks for them.
const letterLayout = `<!DOCTYPE html>
<html lang="{{.Language}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{.Subject}}</title>
<style>
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #121614 !important; }
  .card { background: #1a1f1d !important; border-color: #2e3733 !important; }
  .text, .text td, .text h1, .text h2, .text th { color: #e6ece9 !important; }
  .soft, .soft td, .soft a { color: #9fb0a8 !important; }
  .button { background: #5cc3a7 !important; }
  .button a { color: #08201a !important; }
  .link { color: #5cc3a7 !important; }
}
@media (max-width: 560px) { .card { border-radius: 0 !important; } .inner { padding: 24px 20px !important; } }
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f6f7f6;">
{{with .Preview}}<div style="display:none;max-height:0;overflow:hidden;">{{.}}</div>{{end}}
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f6f7f6;">
<tr><td align="center" style="padding:32px 8px;">
<table role="presentation" width="560" cellpadding="0" cellspacing="0" style="max-width:560px;width:100%;font-family:Inter,system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;font-size:16px;line-height:1.55;">
<tr><td class="text" style="padding:0 8px 16px;color:#17211d;font-weight:700;font-size:17px;letter-spacing:-.01em;">{{.House.Name}}</td></tr>
<tr><td class="card" style="background:#ffffff;border:1px solid #dfe4e1;border-radius:10px;">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td class="inner text" style="padding:32px 36px;color:#17211d;">
<h1 style="margin:0 0 18px;font-size:21px;line-height:1.3;letter-spacing:-.015em;font-weight:650;">{{.Subject}}</h1>
{{with .Greet}}<p style="margin:0 0 14px;">{{.}}{{$.Words.Greeted}}</p>{{end}}
{{range .Blocks}}
{{- if eq .Kind "para"}}<p style="margin:0 0 14px;white-space:pre-line;">{{.Text}}</p>
{{- else if eq .Kind "button"}}<table role="presentation" cellpadding="0" cellspacing="0" style="margin:8px 0 12px;"><tr><td class="button" style="background:#1f6f5c;border-radius:8px;"><a href="{{.URL}}" style="display:inline-block;padding:12px 22px;color:#ffffff;font-weight:600;text-decoration:none;">{{.Text}}</a></td></tr></table>
<p class="soft" style="margin:0 0 18px;font-size:13px;color:#56635d;word-break:break-all;"{{with $.Other}} lang="{{.}}"{{end}}>{{$.Words.Copy}} <a class="link" href="{{.URL}}" style="color:#1f6f5c;">{{.URL}}</a></p>
{{- else if eq .Kind "table"}}<h2 class="text" style="margin:22px 0 6px;font-size:16px;line-height:1.3;font-weight:650;">{{.Text}}</h2>
<table width="100%" cellpadding="0" cellspacing="0" style="margin:0 0 14px;font-size:15px;">
{{- $noted := .Noted}}{{range .Rows}}{{if not $noted}}<tr><th scope="row" width="38%" align="left" valign="top" class="text" style="padding:4px 12px 4px 0;font-weight:400;overflow-wrap:break-word;">{{.Term}}</th><td align="left" valign="top" class="text" style="padding:4px 0;font-weight:600;white-space:pre-line;word-break:break-word;">{{.Value}}</td></tr>
{{- else}}<tr><th scope="row" align="left" class="text" style="padding:4px 12px 4px 0;font-weight:400;word-break:break-word;">{{.Term}}</th><td width="90" align="right" class="text" style="padding:4px 0;font-weight:600;white-space:nowrap;">{{.Value}}</td><td width="90" align="right" class="soft" style="padding:4px 0 4px 12px;font-size:13px;color:#56635d;white-space:nowrap;">{{.Note}}</td></tr>{{end}}{{end}}</table>
{{- else}}<p class="soft" style="margin:0 0 14px;font-size:14px;color:#56635d;">{{.Text}}</p>{{end}}
{{end}}
</td></tr></table>
</td></tr>
<tr><td class="soft" style="padding:18px 8px;color:#56635d;font-size:13px;line-height:1.5;">
{{with .Why}}<p style="margin:0 0 6px;">{{.}}</p>{{end}}{{with .Leave}}<p style="margin:0 0 6px;"><a class="soft" href="{{.}}" style="color:#56635d;"{{with $.Other}} lang="{{.}}"{{end}}>{{$.Words.Leave}}</a></p>{{end}}
<p style="margin:0;white-space:pre-line;">{{.House.Company}}{{with .House.Privacy}}{{if $.House.Company}} · {{end}}<a class="soft" href="{{.}}" style="color:#56635d;"{{with $.Other}} lang="{{.}}"{{end}}>{{$.Words.Privacy}}</a>{{end}}</p>
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`
