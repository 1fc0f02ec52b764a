package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// An order is the document that the JSON handler gets: some KB of what shops send each other.
type order struct {
	ID       string      `json:"id"`
	Customer string      `json:"customer"`
	Items    []orderItem `json:"items"`
}

type orderItem struct {
	SKU      string   `json:"sku"`
	Name     string   `json:"name"`
	Category string   `json:"category"`
	Quantity int      `json:"quantity"`
	Cents    int      `json:"cents"`
	Tags     []string `json:"tags"`
}

// A receipt is the answer.
type receipt struct {
	ID         string         `json:"id"`
	Cents      int            `json:"cents"`
	Categories map[string]int `json:"categories"` // cents
	Dearest    []orderItem    `json:"dearest"`
}

const (
	// sampleItems make a document of some 9 KB, whose garbage lets the collector run a few times a second at
	// the demo's default rate.
	sampleItems = 64
	// dearestShown items make an answer that is short beside the question, as answers are.
	dearestShown = 5
)

// sampleOrder is what the load sends.
func sampleOrder() order {
	categories := []string{"tools", "garden", "kitchen", "office", "toys"}
	o := order{ID: "order-2026-000042", Customer: "customer-1701"}
	for i := range sampleItems {
		o.Items = append(o.Items, orderItem{
			SKU:      fmt.Sprintf("SKU-%05d", i*7919%100_000), // in no order
			Name:     fmt.Sprintf("Article number %d of the catalogue", i),
			Category: categories[i%len(categories)],
			Quantity: 1 + i%4,
			Cents:    99 + i*7919%10_000,
			Tags:     []string{"stock", "taxed", "fragile"}[:1+i%3],
		})
	}
	return o
}

// bill does the little work that the handler is there for.
func bill(o order) receipt {
	r := receipt{ID: o.ID, Categories: make(map[string]int)}
	for _, it := range o.Items {
		cents := it.Quantity * it.Cents
		r.Cents += cents
		r.Categories[it.Category] += cents
	}
	slices.SortFunc(o.Items, func(a, b orderItem) int {
		return cmp.Or(b.Quantity*b.Cents-a.Quantity*a.Cents, cmp.Compare(a.SKU, b.SKU))
	})
	r.Dearest = o.Items[:min(dearestShown, len(o.Items))]
	return r
}

// serveBill is the JSON handler: decode, work, encode.
func serveBill(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var o order
	if err == nil {
		err = json.Unmarshal(body, &o)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := json.Marshal(bill(o))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(answer) //nolint:errcheck // the load notices
}
