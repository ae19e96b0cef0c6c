package column_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"loot"
	"loot/column"
	"loot/column/columntest"
)

// TestALostAnswerDoublesNothing: an insert of which nobody knows whether it
// happened is sent again.
func TestALostAnswerDoublesNothing(t *testing.T) {
	s := columntest.Open(t, columntest.ClickHouse(t), views, column.Options{})
	column.LoseAnswers(s, 2)
	for i := range uint64(3) {
		add(t, s, first, column.Batch{"test_view": {view(i, "a", i, "/")}, "test_stay": {stay(i, "a", 1)}})
	}
	if got := ask(t, s, first, first, "SELECT (SELECT count(*) FROM test_view), (SELECT count(*) FROM test_stay)"); got != "3 3" {
		t.Errorf("%s rows", got)
	}
}

func TestAServerThatIsGoneIsSaid(t *testing.T) {
	server := columntest.NewServer(t)
	s, err := column.Open(t.Context(), server.Database(t), views, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if err := s.Append(t.Context(), first, column.Batch{"test_view": {view(1, "a", 1, "/")}}); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("append: %v", err)
	}
	if _, err := answer(t.Context(), s, first, first, "SELECT 1"); loot.KindOf(err) != loot.Unavailable {
		t.Errorf("query: %v", err)
	}
	s.Close()
}

// TestAServerThatIsKilledKeepsWhatItAcknowledged kills ClickHouse itself.
func TestAServerThatIsKilledKeepsWhatItAcknowledged(t *testing.T) {
	server := columntest.NewServer(t)
	server.Exec(t, "CREATE DATABASE kept")
	s, err := column.Open(t.Context(), server.Address("kept"), views, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var acknowledged atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for s.Append(t.Context(), first, column.Batch{"test_view": {view(1, "a", 1, "/")}}) == nil {
				if acknowledged.Add(1) == 300 {
					server.Kill()
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	server.Start(t)
	s = columntest.Open(t, server.Address("kept"), views, column.Options{})
	var there int64
	fmt.Sscan(ask(t, s, first, first, "SELECT count(*) FROM test_view"), &there)
	if there < acknowledged.Load() {
		t.Errorf("%d acknowledged, %d there", acknowledged.Load(), there)
	}
}

// TestOneSealsWhileOthersAppend: of two processes on one database one seals
// the day to which the other appends. What is acknowledged is sealed.
func TestOneSealsWhileOthersAppend(t *testing.T) {
	address := columntest.ClickHouse(t)
	one := columntest.Open(t, address, views, column.Options{})
	other := columntest.Open(t, address, views, column.Options{})
	var acknowledged atomic.Int64
	begun := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				err := other.Append(context.Background(), first, column.Batch{"test_view": {view(1, "a", 1, "/")}})
				if err != nil {
					if !errors.Is(err, column.ErrSealed) {
						t.Error(err)
					}
					return
				}
				if acknowledged.Add(1) == 100 {
					close(begun)
				}
			}
		})
	}
	<-begun
	if err := one.Seal(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	var there int64
	fmt.Sscan(ask(t, other, first, first, "SELECT sum(views) FROM test_path"), &there)
	if n := acknowledged.Load(); there < n || there > n+8 {
		t.Errorf("%d acknowledged, %d sealed", n, there)
	}
	if got := ask(t, one, first, first, "SELECT count(*) FROM test_view"); got != "0" {
		t.Errorf("%s rows are open", got)
	}
}

// TestAnInsertThatComesTooLateIsNotAcknowledged: it begins while the day is
// open and ends when another process has sealed it.
func TestAnInsertThatComesTooLateIsNotAcknowledged(t *testing.T) {
	address := columntest.ClickHouse(t)
	one := columntest.Open(t, address, views, column.Options{})
	other := columntest.Open(t, address, views, column.Options{})
	entered, release := column.HoldInsert(other)
	late := make(chan error, 1)
	go func() {
		late <- other.Append(context.Background(), first, column.Batch{"test_view": {view(1, "a", 1, "/")}})
	}()
	<-entered
	if err := one.Seal(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	release()
	if err := <-late; !errors.Is(err, column.ErrSealed) {
		t.Errorf("got %v", err)
	}
	if got := ask(t, one, first, first, both); got != "" {
		t.Errorf("it is there: %s", got)
	}
}

// TestAQueryThatASealOvertookBeginsAnew: the day is sealed, and its open rows
// dropped, when the query knows already where to look.
func TestAQueryThatASealOvertookBeginsAnew(t *testing.T) {
	s := columntest.Open(t, columntest.ClickHouse(t), views, column.Options{})
	add(t, s, first, column.Batch{"test_view": {view(1, "a", 1, "/")}})
	overtaken := false
	column.Step(func(name string) {
		if name == "looked" && !overtaken {
			overtaken = true
			if err := s.Seal(t.Context(), first); err != nil {
				t.Error(err)
			}
		}
	})
	defer column.Step(func(string) {})
	if got := ask(t, s, first, first, both); got != "20757 a / 1" {
		t.Errorf("got %q", got)
	}
}
