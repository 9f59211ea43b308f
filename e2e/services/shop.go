package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html"
	"io"
	"net/http"
	"strconv"
)

var names = []string{"storefront", "catalog", "reviews", "inventory"}

// shopHandler gives the service of that name.
func shopHandler(name string) (http.Handler, bool) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, struct {
			Service string `json:"service"`
			Status  string `json:"status"`
		}{name, "ok"})
	})
	switch name {
	case "storefront":
		mux.HandleFunc("GET /{$}", home)
		mux.HandleFunc("GET /products/{id}", productPage)
		mux.HandleFunc("POST /cart", addToCart)
		// Tells what came in, and so what a sidecar passes on.
		mux.HandleFunc("/echo/", echo)
	case "catalog":
		mux.HandleFunc("GET /v1/products/{id}", getProduct)
	case "reviews":
		mux.HandleFunc("GET /v1/reviews", getReviews)
	case "inventory":
		mux.HandleFunc("GET /v1/stock/{id}", getStock)
		mux.HandleFunc("POST /v1/reservations", reserve)
	default:
		return nil, false
	}
	return mux, true
}

// product is what the catalog knows. The price keeps the digits it is written
// with (24.90), and the SKU is past 2^53: a proxy that decodes numbers into
// floats is found out.
type product struct {
	ID    string      `json:"id"`
	SKU   uint64      `json:"sku"`
	Name  string      `json:"name"`
	Price json.Number `json:"price"`
	Tags  []string    `json:"tags"`
}

// skuBase is 2^53+1, the first integer that a float64 cannot hold.
const skuBase = 1<<53 + 1

var wares = []struct {
	name  string
	price json.Number
	tags  []string
}{
	{"Moka pot, 6 cups", "34.50", []string{"kitchen", "coffee"}},
	{"Çaydanlık (double teapot)", "59.00", []string{"kitchen", "tea"}},
	{"Yunomi 湯のみ cup", "18.20", []string{"tea", "ceramics"}},
	{"Blåbær jam, 340 g", "7.90", []string{"food"}},
	{"Notebook “Grid & Dot” <A5>", "12.00", []string{"paper"}},
	{"Enamel mug 🏕", "14.95", []string{"kitchen", "outdoor"}},
	{"Pocket knife, 3 blades", "41.00", []string{"outdoor"}},
	{"Linen apron", "28.75", []string{"kitchen", "textile"}},
}

// number turns an id into the number that its data derives from: decimal ids
// are themselves, others are hashed, so that every id has data of its own.
func number(id string) uint64 {
	if n, err := strconv.ParseUint(id, 10, 32); err == nil {
		return n
	}
	h := fnv.New32a()
	io.WriteString(h, id)
	return uint64(h.Sum32())
}

func getProduct(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if id == "none" {
		writeError(w, http.StatusNotFound, "no such product")
		return
	}
	n := number(id)
	ware := wares[n%uint64(len(wares))]
	writeJSON(w, http.StatusOK, product{ID: id, SKU: skuBase + 2*n, Name: ware.name, Price: ware.price, Tags: ware.tags})
}

type review struct {
	ID     string `json:"id"`
	Stars  int    `json:"stars"`
	Author string `json:"author"`
	Text   string `json:"text"`
}

var opinions = []review{
	{Stars: 5, Author: "Ada", Text: "Does what it says."},
	{Stars: 4, Author: "Zoë", Text: "Lovely, but the box was dented.\nSeller was kind about it."},
	{Stars: 3, Author: "小林", Text: "普通です。"},
}

func getReviews(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("product")
	if id == "" {
		writeError(w, http.StatusBadRequest, "the query parameter product is missing")
		return
	}
	items := []review{}
	for i := range int(number(id)%uint64(len(opinions))) + 1 {
		item := opinions[i]
		item.ID = fmt.Sprintf("%s-%d", id, i+1)
		items = append(items, item)
	}
	writeJSON(w, http.StatusOK, struct {
		Product string   `json:"product"`
		Items   []review `json:"items"`
	}{id, items})
}

func getStock(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	writeJSON(w, http.StatusOK, struct {
		Product string `json:"product"`
		Count   uint64 `json:"count"`
	}{id, number(id) * 5 % 23})
}

// order is what the cart and the reservations take.
type order struct {
	Product string `json:"product"`
	Count   int    `json:"count"`
}

func readOrder(w http.ResponseWriter, r *http.Request) (order, bool) {
	var o order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || o.Product == "" || o.Count < 1 {
		writeError(w, http.StatusBadRequest, `the body must be {"product": ID, "count": 1 or more}`)
		return order{}, false
	}
	return o, true
}

func reserve(w http.ResponseWriter, r *http.Request) {
	o, ok := readOrder(w, r)
	if !ok {
		return
	}
	writeJSON(w, http.StatusCreated, struct {
		Reservation string `json:"reservation"`
		order
	}{fmt.Sprintf("r-%s-%d", o.Product, o.Count), o})
}

func addToCart(w http.ResponseWriter, r *http.Request) {
	o, ok := readOrder(w, r)
	if !ok {
		return
	}
	writeJSON(w, http.StatusCreated, struct {
		Items []order `json:"items"`
	}{[]order{o}})
}

func home(w http.ResponseWriter, _ *http.Request) {
	writeHTML(w, "<h1>The shop</h1><p><a href=\"/products/7\">Product 7</a></p>")
}

// productPage is what the storefront itself answers where no policy does.
func productPage(w http.ResponseWriter, r *http.Request) {
	writeHTML(w, "<h1>Product "+html.EscapeString(r.PathValue("id"))+"</h1>")
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	writeJSON(w, http.StatusOK, sighting(r, body))
}

func writeHTML(w http.ResponseWriter, fragment string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, "<!doctype html>\n<title>Shop</title>\n"+fragment+"\n")
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, struct {
		Error string `json:"error"`
	}{message})
}

// writeJSON leaves <, > and & as they are: a proxy that writes JSON anew and
// escapes them is found out.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body.Bytes())
}
