// Command services is the sample shop that the demo and the end-to-end tests
// stand sidecars before: four small HTTP servers in one binary, chosen by name.
//
//	storefront  its own pages: GET /, GET /products/{id}, POST /cart
//	catalog     GET /v1/products/{id}
//	reviews     GET /v1/reviews?product=ID
//	inventory   GET /v1/stock/{id}, POST /v1/reservations
//
// Each speaks HTTP/1.1 and, with --h2c, HTTP/2 without TLS on the same port, and
// has GET /healthz. Paths that begin with /_ are for tests: /_fault makes the
// server misbehave (see fault.go), /_seen tells what it was asked (see seen.go).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `A service of the sample shop.

Usage:
  services --name storefront|catalog|reviews|inventory --listen HOST:PORT [--h2c]

Flags:
  --name NAME         which service to be
  --listen HOST:PORT  where to listen; port 0 takes a free one and prints it
  --h2c               accept HTTP/2 without TLS besides HTTP/1.1

Try:
  services --name catalog --listen 127.0.0.1:9080 &
  curl http://127.0.0.1:9080/v1/products/7
  curl -X PUT http://127.0.0.1:9080/_fault -d '{"prefix":"/v1","status":503,"times":1}'
  curl http://127.0.0.1:9080/_seen
`

// stopLimit bounds how long requests in flight may take after SIGTERM.
const stopLimit = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings passed in; it returns the exit code: 0 for
// an ordinary end, 1 if the service failed, 2 for wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("services", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {}
	name := flags.String("name", "", "")
	listen := flags.String("listen", "", "")
	h2c := flags.Bool("h2c", false, "")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	} else if err != nil {
		fmt.Fprintf(stderr, "\n%s", usage)
		return 2
	}
	shop, ok := shopHandler(*name)
	if !ok || *listen == "" || flags.NArg() > 0 {
		fmt.Fprintf(stderr, "services: --name must be one of %s, and --listen HOST:PORT is needed\n\n%s",
			strings.Join(names, ", "), usage)
		return 2
	}
	if err := serve(ctx, *name, *listen, *h2c, shop, stdout); err != nil {
		fmt.Fprintf(stderr, "services: %s: %v\n", *name, err)
		return 1
	}
	return 0
}

// serve runs until ctx ends and then lets the requests in flight finish.
func serve(ctx context.Context, name, listen string, h2c bool, shop http.Handler, stdout io.Writer) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("listen on --listen %s: %w", listen, err)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(h2c)
	server := &http.Server{
		Handler:           newAdmin(shop),
		Protocols:         &protocols,
		ReadHeaderTimeout: 10 * time.Second,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Fprintf(stdout, "%s listens on %s\n", name, listener.Addr())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	return server.Shutdown(limit)
}
