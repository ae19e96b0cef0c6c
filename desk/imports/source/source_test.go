package source

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

func everything(string) bool { return true }

// read sniffs a file and returns all of its rows.
func read(t testing.TB, file []byte, wanted func(string) bool) (Format, []*Row, error) {
	t.Helper()
	var s Sniffer
	for piece := range slices.Chunk(file, 7) { // characters are cut
		_, _ = s.Write(piece) // it never fails
	}
	f := s.Format()
	r, err := Open(bytes.NewReader(file), f, wanted)
	if err != nil {
		return f, nil, err
	}
	var rows []*Row
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return f, rows, nil
		}
		if err != nil {
			return f, rows, err
		}
		rows = append(rows, row)
	}
}

const sample = "id;name;note\n1;Jörg;\"a;b\"\n2;Zoë;\"says \"\"hi\"\"\"\n"

func TestEncodings(t *testing.T) {
	utf16 := func(e unicode.Endianness, b unicode.BOMPolicy) []byte {
		out, err := unicode.UTF16(e, b).NewEncoder().Bytes([]byte(sample))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	western, err := charmap.Windows1252.NewEncoder().Bytes([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"UTF-8":                  {[]byte(sample), UTF8},
		"UTF-8 with a mark":      {[]byte("\ufeff" + sample), UTF8},
		"UTF-16LE with a mark":   {utf16(unicode.LittleEndian, unicode.UseBOM), UTF16LE},
		"UTF-16BE with a mark":   {utf16(unicode.BigEndian, unicode.UseBOM), UTF16BE},
		"UTF-16LE without a one": {utf16(unicode.LittleEndian, unicode.IgnoreBOM), UTF16LE},
		"UTF-16BE without a one": {utf16(unicode.BigEndian, unicode.IgnoreBOM), UTF16BE},
		"Windows-1252":           {western, Windows1252},
	} {
		f, rows, err := read(t, c.file, everything)
		if err != nil || f.Encoding != c.want || f.Form != CSV || f.Delimiter != ";" || len(rows) != 2 {
			t.Errorf("%s: %+v, %d rows, %v", name, f, len(rows), err)
			continue
		}
		if got := rows[0].Cell("id") + rows[0].Cell("name") + rows[1].Cell("name") + rows[1].Cell("note"); got != "1JörgZoësays \"hi\"" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestCSV(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"line ends of Windows":      {"a,b\r\n1,2\r\n3,4\r\n", "2:1|2 3:3|4"},
		"line ends of old":          {"a,b\r1,2\r3,4", "2:1|2 3:3|4"},
		"a line end in a cell":      {"a,b\n\"x\r\ny\",2\n3,4\n", "2:x\ny|2 4:3|4"},
		"blank lines":               {"a,b\n\n \n1,2\n\n", "4:1|2"},
		"tabulators":                {"a\tb\n1,5\t2\n", "2:1,5|2"},
		"a mark within a cell":      {"a,b\n5\" disk,2\n", "2:5\" disk|2"},
		"an end without a line end": {"a,b\n1,\"2\"", "2:1|2"},
		"cells too many that are empty": {
			"a,b\n1,2,,\n", "2:1|2",
		},
		"too few":  {"a,b\n1\n", "2:! The row has 1 cells and the first line 2."},
		"too many": {"a,b\n1,2,3\n", "2:! The row has 3 cells and the first line 2."},
	} {
		_, rows, err := read(t, []byte(c.file), everything)
		var got []string
		for _, r := range rows {
			text := strings.Join(r.Cells, "|")
			if r.Wrong != "" {
				text = "! " + r.Wrong
			}
			got = append(got, string(rune('0'+r.Line))+":"+text)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q (%v)", name, strings.Join(got, " "), c.want, err)
		}
	}
	_, rows, err := read(t, []byte("a,a,,b\n1,2,3,4\n"), everything)
	if err != nil || !slices.Equal(rows[0].Columns, []string{"a", "a (2)", "Column 3", "b"}) {
		t.Errorf("columns without a name of their own: %v, %v", rows, err)
	}
}

// Hostile files end in an error that says where, and never in memory.
func TestHostile(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want string
	}{
		"nothing":                    {"", "The file is empty."},
		"a mark that is not closed":  {"a,b\n1,2\n\"3,4\n5,6\n", "Line 3: A quotation mark is opened here and never closed."},
		"the same, and a large file": {"a,b\n\"" + strings.Repeat("x\n", MaxRow), "Line 2: This row is larger"},
		"a million cells":            {"a,b\n" + strings.Repeat(",", MaxRow), "Line 2: This row is larger"},
		"columns without end":        {strings.Repeat("a,", MaxColumns+1) + "\n", "can be read"},
		"an address at the top":      {"1,jo@meadow.example\n", "Line 1: The first line does not name the columns"},
		"a number at the top":        {"name;+49 30 5550142\n", "Line 1: The first line does not name the columns"},
		"half a dump":                {"INSERT INTO `tblclients` (`id`) VALUES (1),('x", "did not arrive whole"},
		"a dump without structure":   {"INSERT INTO `tblclients` VALUES (1);", "not named"},
		"half a document":            {`{"tblclients": [{"id": 1}`, "did not arrive whole"},
		"a long text":                {`{"tblclients": [{"id": "` + strings.Repeat("x", 3*MaxRow) + `"}]}`, "longer than 1 MiB"},
		"a deep document":            {strings.Repeat("[", 100_000), "deeper"},
	} {
		_, _, err := read(t, []byte(c.file), everything)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A dump and the same tables as JSON give the same rows.
func TestDumps(t *testing.T) {
	const dump = "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\n" +
		"CREATE TABLE IF NOT EXISTS `tblclients` (\n  `id` int(10) NOT NULL AUTO_INCREMENT,\n  `firstname` text DEFAULT 'it''s; (a) \\'text',\n  `notes` text,\n  PRIMARY KEY (`id`),\n  KEY `firstname_lastname` (`firstname`(32))\n) ENGINE=InnoDB COMMENT='a;b';\n" +
		"CREATE TABLE `tblconfiguration` (`setting` text, `value` text);\nINSERT INTO `tblconfiguration` VALUES ('a','b;('),('c','d');\n" +
		"LOCK TABLES `tblclients` WRITE;\nINSERT INTO `tblclients` VALUES (1,'O\\'Neil','line\\nend; -- no comment'),(2,NULL,_binary 'x''y');\n" +
		"INSERT IGNORE INTO shop.tblclients (id, notes) VALUES (3, 0x4a6f);\nUNLOCK TABLES;\n"
	const document = `[{"type":"header","version":"5.2"},{"type":"database","name":"whmcs"},
		{"type":"table","name":"tblconfiguration","database":"whmcs","data":[{"setting":"a"}]},
		{"type":"table","name":"tblclients","database":"whmcs","data":[
			{"id":"1","firstname":"O'Neil","notes":"line\nend; -- no comment"},{"id":2,"firstname":null,"notes":"x'y"},{"id":"3","notes":"Jo","more":{"a":[1]}}]}]`
	_, rows, err := read(t, []byte(`{"tblclients": [{"`+strings.Repeat("x", maxName+1)+`": "1"}]}`), everything)
	if err != nil || len(rows) != 1 || rows[0].Wrong == "" || len(rows[0].Columns) > 0 {
		t.Errorf("a name without end: %v, %v", rows, err)
	}
	want := "tblclients 1: 1|O'Neil|line\nend; -- no comment\ntblclients 2: 2||x'y\ntblclients 3: 3||Jo\n"
	for _, file := range []string{dump, document} {
		_, rows, err := read(t, []byte(file), func(table string) bool { return table == "tblclients" })
		got := ""
		for _, r := range rows {
			got += r.Table + " " + string(rune('0'+r.Line)) + ": " + r.Cell("id") + "|" + r.Cell("firstname") + "|" + r.Cell("notes") + r.Wrong + "\n"
		}
		if err != nil || got != want {
			t.Errorf("%q, want %q (%v)", got, want, err)
		}
	}
}

// Whatever the file, reading it ends, each row is within bounds and is text.
func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("a,b\n\"1\"x,\"\"\"\r\n"))
	f.Add([]byte("\xff\xfea\x00,\x00b\x00\n\x00"))
	f.Add([]byte("CREATE TABLE `t` (`a` int, b text, KEY (a));INSERT INTO t VALUES (1,'\\''),(0x4a,NULL);"))
	f.Add([]byte("INSERT INTO a.`t` (`x`,y) VALUES (1.5,-2) ON DUPLICATE KEY UPDATE x=1;"))
	f.Add([]byte(`[{"type":"table","name":"t","data":[{"a":1,"b":null},[2],{"c":{"d":[]}}]}]`))
	f.Fuzz(func(t *testing.T, file []byte) {
		_, rows, _ := read(t, file, everything)
		for _, r := range rows {
			size := 0
			for _, c := range r.Cells {
				size += len(c)
				if !utf8.ValidString(c) {
					t.Fatalf("not text: %q", c)
				}
			}
			if size > 3*MaxRow || len(r.Columns) > MaxColumns || r.Wrong == "" && len(r.Cells) != len(r.Columns) {
				t.Fatalf("a row of %d bytes, %d cells and %d columns that is said to be right", size, len(r.Cells), len(r.Columns))
			}
		}
	})
}
