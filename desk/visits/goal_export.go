package visits

import "strconv"

// A sheetGoal is what came to a goal, or to all visits, in a file.
type sheetGoal struct {
	Goal      string `parquet:"goal"`
	Condition string `parquet:"condition"`
	Sum
}

func (g sheetGoal) cells() []string {
	return append([]string{plain(g.Goal), plain(g.Condition)}, g.Sum.cells()...)
}

func goalSheet(all []reachedGoal, now Sum) sheet {
	var rows []sheetGoal
	for _, g := range all {
		rows = append(rows, sheetGoal{g.Name, g.Steps[0].String(), g.now.Sum})
	}
	rows = append(rows, sheetGoal{Goal: "(all visits)", Sum: now})
	return newSheet("goals", append([]string{"goal", "condition"}, sumHeads...), rows, tellGoals(all))
}

// A sheetStep is a step of a funnel in a file.
type sheetStep struct {
	Funnel    string `parquet:"funnel"`
	Step      int    `parquet:"step"` // from 1
	Condition string `parquet:"condition"`
	Visits    int64  `parquet:"visits"`
	Visitors  int64  `parquet:"visitors"`
}

func (s sheetStep) cells() []string {
	return []string{plain(s.Funnel), strconv.Itoa(s.Step), plain(s.Condition), decimal(s.Visits), decimal(s.Visitors)}
}

func funnelSheet(all []toldFunnel) sheet {
	var rows []sheetStep
	for _, f := range all {
		for i, s := range f.now.Steps {
			rows = append(rows, sheetStep{f.Name, i + 1, f.Steps[i].String(), s.Visits, s.Visitors})
		}
	}
	return newSheet("funnels", []string{"funnel", "step", "condition", "visits", "visitors"}, rows, tellFunnels(all))
}

// A sheetWay is a page before or after that of a journey in a file.
type sheetWay struct {
	Side     string `parquet:"side"`
	Page     string `parquet:"page"`
	Name     string `parquet:"name"` // of what is no page
	Visitors int64  `parquet:"visitors"`
	Views    int64  `parquet:"views"`
}

func (w sheetWay) cells() []string {
	return []string{w.Side, plain(w.Page), w.Name, decimal(w.Visitors), decimal(w.Views)}
}

func journeySheet(j *Journey) sheet {
	var rows []sheetWay
	for _, side := range []struct {
		name, edge string
		Way
	}{{"before", "(began here)", j.Before}, {"after", "(ended here)", j.After}} {
		add := func(page, name string, s Step) {
			if s.Views > 0 {
				rows = append(rows, sheetWay{side.name, page, name, s.Visitors, s.Views})
			}
		}
		add("", side.edge, side.Edge)
		for _, p := range side.Pages {
			add(p.Page, "", p)
		}
		add("", "(others, folded)", side.Others)
	}
	return newSheet("journey", []string{"side", "page", "name", "visitors", "views"}, rows, j)
}

// An sheetHour is an hour of a weekday.
type sheetHour struct {
	Weekday string `json:"weekday" parquet:"weekday"`
	Hour    int    `json:"hour" parquet:"hour"`
	Days    int    `json:"days" parquet:"days" doc:"Of this weekday that the answer is about"`
	Sum
}

func (h sheetHour) cells() []string {
	return append([]string{h.Weekday, strconv.Itoa(h.Hour), strconv.Itoa(h.Days)}, h.Sum.cells()...)
}

func sheetHours(of [7][24]Sum, days [7]int) (rows []sheetHour) {
	for day, hours := range of {
		for hour, s := range hours {
			rows = append(rows, sheetHour{weekdays[day], hour, days[day], s})
		}
	}
	return rows
}

func hourSheet(of [7][24]Sum, days [7]int) sheet {
	rows := sheetHours(of, days)
	return newSheet("hours", append([]string{"weekday", "hour", "days"}, sumHeads...), rows, rows)
}
