package jsontext

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// benchTexts are five kinds of JSON, some 64 KB each.
func benchTexts() map[string][]byte {
	r := rand.New(rand.NewSource(5))
	var small, numbers, foreign []string
	for i := range 900 {
		small = append(small, fmt.Sprintf(`{"id":%d,"sku":"SKU-%05d","name":"Item %d","price":%d.%02d,"stock":%d,"ok":%t}`,
			i, r.Intn(99999), i, r.Intn(500), r.Intn(100), r.Intn(50), i%2 == 0))
		foreign = append(foreign, fmt.Sprintf(`{"имя":"Товар номер %d","說明":"這是一個商品的說明","note":"café crème"}`, i))
	}
	for range 6000 {
		numbers = append(numbers, fmt.Sprintf("%.*f", r.Intn(7), r.NormFloat64()*1000))
	}
	list := func(items []string) []byte { return []byte("[" + strings.Join(items, ",") + "]") }
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, list(small[:450]), "", "  "); err != nil {
		panic(err)
	}
	return map[string][]byte{
		"small":    list(small),
		"string":   []byte(`{"text":"` + strings.Repeat("The quick brown fox jumps over the lazy dog. ", 1400) + `"}`),
		"numbers":  list(numbers),
		"pretty":   pretty.Bytes(),
		"nonascii": list(foreign),
	}
}

var benchOrder = []string{"small", "string", "numbers", "pretty", "nonascii"}

func benchEach(b *testing.B, f func(v []byte) bool) {
	texts := benchTexts()
	for _, name := range benchOrder {
		b.Run(name, func(b *testing.B) {
			v := Padded(texts[name])
			b.SetBytes(int64(len(v)))
			for b.Loop() {
				if !f(v) {
					b.Fatal(name)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(v)), "ns/byte")
		})
	}
}

func BenchmarkValid(b *testing.B) { benchEach(b, Valid) }

func BenchmarkValidEncodingJSON(b *testing.B) { benchEach(b, json.Valid) }

func BenchmarkSkip(b *testing.B) {
	benchEach(b, func(v []byte) bool { return skipValue(v, 0) == len(v) })
}

// BenchmarkElements goes through the elements; each is skipped.
func BenchmarkElements(b *testing.B) {
	benchEach(b, func(v []byte) bool { return Len(v) > 0 })
}

// BenchmarkField looks up one field of every element.
func BenchmarkField(b *testing.B) {
	v := benchTexts()["small"]
	b.SetBytes(int64(len(v)))
	for b.Loop() {
		n := 0
		for it := Elements(v); it.Next(); n++ {
			if _, ok := Field(it.Value(), "price"); !ok {
				b.Fatal("no price")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(v)), "ns/byte")
}

func BenchmarkAppendString(b *testing.B) {
	s := strings.Repeat("The quick \"brown\" fox jumps over the lazy dög.\n", 1400)
	var dst []byte
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		dst = AppendString(dst[:0], s)
	}
}
