package logfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Follower reads a log that a server is writing. The log may be renamed and
// begun anew, or emptied, as logrotate does; what was written into it before is
// read to its end. Two things are lost to any follower: what is written between
// copying and emptying, and a log that came and went between two looks at it.
type Follower struct {
	path    string
	options Options
	file    *os.File
	reader  *Reader
	marks   []Mark // to begin at
	counts  Counts
	rested  bool // there was no more when it was looked at last
	leaving bool // the path is another file; the old one gets a last look
}

// Follow opens a log to follow it. It goes on at one of the marks, also where
// the log was renamed after it was made: then the rest of that one comes first.
// A log that is not there yet is waited for.
func Follow(path string, o Options, marks ...Mark) (*Follower, error) {
	f := &Follower{path: path, options: o, marks: marks, counts: Counts{Refused: map[Reason]int64{}}}
	err := f.open()
	if err == nil && len(marks) > 0 && f.Mark() == (Mark{}) {
		err = f.findRenamed()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close ends it.
func (f *Follower) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Each calls line for each line and rest where there is no more for now, with
// the mark to go on from, the first time and whenever something was read; then
// it waits for the next tick. It ends with an error of theirs, of the log, or of
// the context.
func (f *Follower) Each(ctx context.Context, tick <-chan time.Time, line func(Line) error, rest func(Mark) error) error {
	for news := true; ; {
		l, err := f.Next()
		switch {
		case err == nil:
			news = true
			if err := line(l); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		case !errors.Is(err, io.EOF):
			return err
		}
		if news {
			if err := rest(f.Mark()); err != nil {
				return err
			}
			news = false
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
		}
	}
}

// Next returns the next line, or io.EOF where there is none for now. Call it
// again then, after a while.
func (f *Follower) Next() (Line, error) {
	if f.rested && f.file != nil && f.begunAnew() {
		if _, err := f.reopen(); err != nil {
			return Line{}, err
		}
	}
	f.rested = false
	for {
		if f.reader != nil {
			l, err := f.reader.Next()
			if err == nil {
				f.leaving = false
				return l, nil
			}
			if !errors.Is(err, io.EOF) {
				return Line{}, fmt.Errorf("%s: %w", f.path, err)
			}
		}
		more, err := f.turn()
		if err != nil {
			return Line{}, err
		}
		if !more {
			f.rested = true
			return Line{}, io.EOF
		}
	}
}

// Mark says where to go on after the line that was read last.
func (f *Follower) Mark() Mark {
	if f.reader == nil {
		return Mark{}
	}
	return f.reader.Mark()
}

// Counts says what became of the lines, of all the files together.
func (f *Follower) Counts() Counts {
	all := Counts{Read: f.counts.Read, Refused: map[Reason]int64{}}
	for why, n := range f.counts.Refused {
		all.Refused[why] = n
	}
	if f.reader != nil {
		c := f.reader.Counts()
		all.Read += c.Read
		all.Unfinished = c.Unfinished
		for why, n := range c.Refused {
			all.Refused[why] += n
		}
	}
	return all
}

// turn looks, at the end of a file, whether there is another one to read.
func (f *Follower) turn() (more bool, err error) {
	if f.file == nil {
		return f.reopen()
	}
	here, err := f.file.Stat()
	if err != nil {
		return false, fmt.Errorf("logfile: %w", err)
	}
	there, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) { // renamed, and not yet begun anew
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("logfile: %w", err)
	}
	if os.SameFile(here, there) {
		return false, nil
	}
	// A server goes on writing into the renamed file until it is told.
	if !f.leaving {
		f.leaving = true
		return false, nil
	}
	f.leaving = false
	return f.reopen()
}

// begunAnew tells whether the file was emptied since, even if it has grown
// again past where it was read: then it begins otherwise.
func (f *Follower) begunAnew() bool {
	if f.reader.whole {
		return false
	}
	mark := f.Mark()
	head := make([]byte, min(mark.Offset, printed))
	if _, err := f.file.ReadAt(head, 0); err != nil || len(head) > 0 && f.reader.print.of(head) != mark.Fingerprint {
		return true
	}
	here, err := f.file.Stat()
	return err == nil && here.Size() < f.reader.offset+int64(f.reader.to-f.reader.from)
}

// reopen goes on with the file that is at the path now.
func (f *Follower) reopen() (more bool, err error) {
	f.counts, f.marks = f.Counts(), nil
	err = f.Close()
	f.file, f.reader = nil, nil
	err = errors.Join(err, f.open())
	return f.file != nil, err
}

func (f *Follower) open() error {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("logfile: %w", err)
	}
	r, err := New(file, f.options)
	if err == nil {
		_, err = r.Resume(f.marks...)
	}
	if err != nil {
		file.Close()
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.file, f.reader = file, r
	return nil
}

// findRenamed looks beside the log for the one that a mark is of, as
// access.log.1 is, to read its rest first.
func (f *Follower) findRenamed() error {
	names, err := filepath.Glob(f.path + "?*")
	if err != nil {
		return fmt.Errorf("logfile: %w", err)
	}
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			continue // not ours to read
		}
		r, err := New(file, f.options)
		if err == nil {
			_, err = r.Resume(f.marks...)
		}
		if err != nil || r.Mark() == (Mark{}) {
			file.Close()
			continue
		}
		err = f.Close()
		f.file, f.reader = file, r
		return err
	}
	return nil
}
