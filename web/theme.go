package web

import "net/http"

const (
	themePattern = "POST /theme"
	themeCookie  = "theme" // declared in the statement's register of stored items
	themeLife    = 365 * 24 * 60 * 60
)

// theme sets the colours, without a script. As the system has it is the same
// as no choice, and so nothing is kept for it.
func (s *Shell) theme(w http.ResponseWriter, r *http.Request) error {
	in, err := Form(r, 4<<10)
	if err != nil {
		return err
	}
	switch choice := in.Get("theme"); choice {
	case "light", "dark":
		s.setCookie(w, themeCookie, choice, themeLife)
	default:
		s.setCookie(w, themeCookie, "", -1)
	}
	return Redirect(w, r, Local(in.Get("back"), "/"))
}

func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return "auto"
}
